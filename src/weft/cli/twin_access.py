"""``weft twin access``: who sees which twins of ours, what one partner is given, and the firm's own rules.

IDTA-01004. Not here: what rules mean (``twin/access``), programs' tokens (``device.py``).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from weft.basis.errors import Invalid
from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say


@click.group("access", help=say("cli.twin.access"))
def access() -> None:
    """Who sees what."""


@access.command("show", help=say("cli.twin.access.show"))
@connected
def show(node: Node, paper: Paper) -> None:
    """The rules in force as a document, which ``set`` takes."""
    paper.value(node.view("twin-access")["document"])


@access.command("set", help=say("cli.twin.access.set"))
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@connected
def set_(node: Node, paper: Paper, file: Path) -> None:
    """Let the rules in a file hold."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Invalid("web.body-not-json", detail=str(error)[:100]) from error
    if not isinstance(document, dict):
        raise Invalid("web.body-shape", detail="{}")
    paper.done(node.do("twin-rules", document=document))


@access.command("as", help=say("cli.twin.access.as"))
@click.argument("partner")
@connected
def as_(node: Node, paper: Paper, partner: str) -> None:
    """What the program of a partner would be given, why, and until when."""
    seen = node.view("twin-access", partner=partner)
    if not paper.as_json:
        for one in seen["windows"]:
            click.echo(say("cli.twin.access.window", number=one["number"] or one["thread"], until=one["until"]))
        for one in seen["rules"]:
            click.echo(say(one["code"], **one["facts"]))
    paper.table([_row(one) for one in seen["twins"]], "name identifier element", seen)


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    inside = "; ".join(f"{part['name']}: {', '.join(part['elements'])}" for part in one["parts"])
    return {"name": one["name"], "identifier": one["id"], "element": inside}
