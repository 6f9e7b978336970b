"""``weft twin deleted`` and ``weft twin erase``: what is kept of deleted twins, and erasing it for good.

Not here: the erasure (``engine/twins/erasing.py``).
"""

import json
from pathlib import Path

import click

from weft.basis.errors import Unavailable
from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say


@click.command("deleted", help=say("cli.twin.deleted"))
@connected
def deleted(node: Node, paper: Paper) -> None:
    """Deleted twins of which something is kept."""
    rows, after = [], ""
    while True:
        told = node.view("twin-deleted", **({"after": after} if after else {}))
        rows += told["twins"]
        after = told["after"]
        if not after:
            break
    shown = [{"name": one["name"], "identifier": one["id"], "at": one["at"], "states": one["states"]} for one in rows]
    paper.table(shown, "name identifier at states", {"twins": rows, "receipts": told["receipts"]})


@click.command("erase", help=say("cli.twin.erase"))
@click.argument("identifier", metavar="ID")
@click.option("--sure", is_flag=True, help=say("cli.twin.erase.sure"))
@click.option("-o", "--output", "file", type=click.Path(dir_okay=False, path_type=Path), help=say("cli.twin.receipt"))
@connected
def erase(node: Node, paper: Paper, identifier: str, file: Path | None, *, sure: bool) -> None:
    """Erase former states of a twin for good."""
    if not sure and not paper.as_json:
        sure = click.confirm(say("cli.twin.erase.ask", identifier=identifier), abort=True)
    done = node.do("twin-erase", id=identifier, sure=sure)
    receipt = done["facts"]["receipt"]
    if file is not None:
        try:
            file.write_text(json.dumps(receipt, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise Unavailable("cli.file-unwritten", path=str(file), reason=str(error)[:120]) from error
    paper.line("cli.twin.erased", done, identifier=identifier, n=receipt["states"])
