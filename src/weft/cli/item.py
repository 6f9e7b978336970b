"""``weft item``: bring in tables (items, bills, routings, prices …) from CSV, Excel or JSON; see items.

Rule 1: a table is taken as a whole or not at all; every fault is told with its row and column.
"""

import base64
from pathlib import Path
from typing import Any, Final

import click

from weft import locale
from weft.cli.client import Node
from weft.cli.options import connected, pairs
from weft.cli.printing import Paper
from weft.cli.words import language, say

KINDS: Final = ("items", "stock", "bills", "calendars", "work-centres", "routings", "supply-rules", "prices")


@click.group("item", help=say("cli.item"))
def command() -> None:
    """Items and tables."""


@command.command("import", help=say("cli.item.import"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--kind", type=click.Choice(KINDS), help=say("cli.item.import.kind"))
@click.option("--head", multiple=True, metavar="NAME=VALUE", help=say("cli.item.import.head"))
@click.option("--check", is_flag=True, help=say("cli.item.import.check"))
@connected
def bring_in(
    node: Node, paper: Paper, file: Path, kind: str | None, head: tuple[str, ...], *, check: bool
) -> int:
    """Import ``file``; the kind is read from the file's name unless given."""
    content = base64.b64encode(file.read_bytes()).decode()
    done = node.do("import", kind=kind or kind_of(file), content=content, name=file.name, head=pairs(head), check=check)
    facts = done.get("facts") or {}
    problems = facts.get("problems") or []
    if problems:
        paper.table([told(one) for one in problems], "row column problem", done)
        click.echo(say("cli.item.refused", n=len(problems)), err=True)
        return 2
    paper.line("cli.item.checked" if check else "cli.item.imported", done, n=facts.get("count", 0), file=file.name)
    return 0


def kind_of(file: Path) -> str:
    """``bills.csv`` holds bills, ``my-items.xlsx`` items; when its name does not say, it is a table of items."""
    name = file.stem.lower().replace("_", "-").replace(" ", "-")
    return next((kind for kind in KINDS if kind in name), "items")


def told(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem as a row: where, and its sentence."""
    key = f"error.{problem['code']}"
    known = locale.known(language(), key)
    return {**problem, "problem": say(key, **problem.get("facts", {})) if known else problem["code"]}


@command.command("list", help=say("cli.item.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All items with their stock."""
    items = node.view("stock")["items"]
    rows = [{**row, "item": row["id"]} for row in items]
    paper.table(rows, "item title unit on_hand reserved available at_partners", items)


@command.command("show", help=say("cli.item.show"))
@click.argument("item")
@connected
def one(node: Node, paper: Paper, item: str) -> None:
    """One item in full."""
    paper.value(node.view("item", item=item))
