"""``weft bundle``: carry by hand what a partner lacks, as a file; with the node running or not.

Not here: how a running node and one at rest are spoken to (``carrying.py``), the file (``thread/bundle.py``).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from weft.cli import carrying
from weft.cli.options import found, json_option
from weft.cli.printing import Paper
from weft.cli.words import say, word

home_option = click.option("--home", type=click.Path(path_type=Path), help=say("cli.option.home"))


@click.group("bundle", help=say("cli.bundle"))
def command() -> None:
    """Files carried by hand."""


@command.command("export", help=say("cli.bundle.export"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, writable=True))
@click.option("--for", "partner", required=True, help=say("cli.bundle.for"))
@click.option("--all", "everything", is_flag=True, help=say("cli.bundle.all"))
@home_option
@json_option
def export(file: Path, partner: str, *, everything: bool, home: Path | None, as_json: bool) -> None:
    """Write a file for one partner."""
    size = carrying.exported(found(home), partner, file, everything=everything)
    Paper(as_json=as_json).line("cli.bundle.exported", {"file": str(file), "bytes": size}, file=file,
                                size=-(-size // 1024), partner=partner)


@command.command("import", help=say("cli.bundle.import"))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@home_option
@json_option
def import_(file: Path, *, home: Path | None, as_json: bool) -> None:
    """Take in the file of a partner."""
    report = carrying.imported(found(home), file)
    paper = Paper(as_json=as_json)
    held = any(report[name] for name in ("new", "known", "waiting", "refused"))
    paper.line("cli.bundle.imported" if held else "done.carried-nothing", report, n=report["new"],
               partner=report["name"] or report["by"][:8], known=report["known"], waiting=report["waiting"])
    rows = [{**one, "machine": _kind(one["machine"]), "problem": _trouble(one)} for one in report["threads"]
            if one["new"] or one["waiting"] or one["refused"] or one["code"]]
    if rows and not as_json:
        paper.table(rows, "thread machine new waiting problem")
    if report["refused"] and not as_json:
        click.echo(say("cli.bundle.refused", n=report["refused"]))


def _kind(machine: str) -> str:
    """What people call the threads of ``machine``."""
    return word("data.held", machine.partition("/")[0])


def _trouble(one: Mapping[str, Any]) -> str:
    """The codes of what was not taken in of a thread."""
    codes = [one["code"], *(code for _, code in one["refused"])]
    return " ".join(dict.fromkeys(code for code in codes if code))
