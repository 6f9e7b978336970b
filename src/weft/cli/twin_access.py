"""``weft twin access``: who sees which twins of ours, what one partner is given, and the firm's own rules.

IDTA-01004. Not here: what rules mean (``twin/access``), programs' tokens (``device.py``).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from weft.basis.errors import Invalid
from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say

RIGHTS: Final = ("ALL", "READ", "CREATE", "UPDATE", "DELETE", "EXECUTE")  # as IDTA-01004 writes them
NOTHING: Final = "access.sees.nothing"


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


@access.command("allow", help=say("cli.twin.access.allow"))
@click.argument("program")
@click.option("--right", "rights", multiple=True, type=click.Choice(RIGHTS), help=say("cli.twin.access.allow.right"))
@connected
def allow(node: Node, paper: Paper, program: str, rights: Sequence[str]) -> None:
    """Add a rule to the document: a program of ours may do this with all twins."""
    document = node.view("twin-access")["document"]
    rules = document.get("AllAccessPermissionRules", document)
    rules["rules"] = [*(one for one in rules["rules"] if not _is_for(one, program)), _rule(program, rights)]
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
            if one["code"] != NOTHING or not (seen["windows"] or seen["twins"]):
                click.echo(say(one["code"], **one["facts"]))
    if paper.as_json or seen["twins"]:
        paper.table([_row(one) for one in seen["twins"]], "name identifier element", seen)


def _rule(program: str, rights: Sequence[str]) -> dict[str, Any]:
    held = [{"$eq": [{"$attribute": {"CLAIM": claim}}, {"$strVal": value}]}
            for claim, value in (("role", "client"), ("name", program))]
    return {"ACL": {"ATTRIBUTES": [{"CLAIM": "role"}, {"CLAIM": "name"}], "RIGHTS": list(rights or RIGHTS[:1]),
                    "ACCESS": "ALLOW"},
            "OBJECTS": [{"ROUTE": "*"}], "FORMULA": {"$and": held}}


def _is_for(rule: Any, program: str) -> bool:
    """Whether ``rule`` is what ``allow`` wrote before for this program, whatever rights it gave."""
    made = _rule(program, ())
    return isinstance(rule, dict) and rule.keys() == made.keys() and all(
        rule[field] == made[field] for field in ("OBJECTS", "FORMULA")) and isinstance(rule["ACL"], dict) and {
        **rule["ACL"], "RIGHTS": []} == {**made["ACL"], "RIGHTS": []}


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    inside = "; ".join(f"{part['name']}: {', '.join(part['elements'])}" for part in one["parts"])
    return {"name": one["name"], "identifier": one["id"], "element": inside}
