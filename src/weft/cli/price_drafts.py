"""``weft price draft`` and ``weft price diff``: begin a draft from a file; what changes between two books, offline.

Not here: writing the draft on (the console), publishing (``price.py``).
"""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from weft.basis.errors import Invalid
from weft.cli.client import Node
from weft.cli.item import told
from weft.cli.options import connected, json_option
from weft.cli.printing import Paper
from weft.cli.words import say

a_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def draft(file: Path) -> Mapping[str, Any]:
    """The JSON object in ``file``."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise Invalid("cli.not-json", file=str(file), detail=str(error)[:120]) from error
    if not isinstance(value, dict):
        raise Invalid("cli.not-json", file=str(file), detail="{}")
    return value


@click.command("draft", help=say("cli.price.draft"))
@click.argument("file", type=a_file)
@connected
def write(node: Node, paper: Paper, file: Path) -> int:
    """Begin a draft, to be looked over and published in the console."""
    done = node.do("price-draft", content=base64.b64encode(file.read_bytes()).decode(), file=file.name)
    problems = done.get("facts", {}).get("problems", [])
    if problems:
        paper.table([told(one) for one in problems], "row column problem", done)
        return 1
    address = f"/prices/drafts/{done['facts']['draft']}"
    paper.line("cli.price.drafted", {**done["facts"], "address": address}, address=address)
    return 0


@click.command("diff", help=say("cli.price.diff"))
@click.argument("old", type=a_file)
@click.argument("new", type=a_file)
@json_option
def diff(old: Path, new: Path, *, as_json: bool) -> None:
    """What becomes dearer, what cheaper, and what else changes."""
    from weft.pricing.book import load
    from weft.pricing.diff import differences

    paper = Paper(as_json=as_json)
    found = differences(load(draft(old)), load(draft(new)))
    if found.nothing and not as_json:
        click.echo(say("prices.diff.nothing"))
        return
    paper.table(rows(found), "item attributes from before after percent", msgspec.to_builtins(found))


def rows(found: Any) -> list[dict[str, str]]:
    """``Differences`` as rows: items first, then rules and the head."""
    told_rows = []
    for one in found.items:
        moves = [(choice, move) for choice in one.choices for move in choice.moves]
        told_rows += [{
            "item": one.item, "attributes": " ".join(f"{name}={value}" for name, value in choice.attributes.items()),
            "from": move.start, "before": f"{move.before} / {one.base}" if move.of == "unit" else move.before,
            "after": move.after, "percent": move.percent} for choice, move in moves]
        if not moves:
            told_rows.append({"item": one.item, "percent": say(f"prices.diff.{one.kind}")})
    for one in found.rules:
        kind = "new" if one.before is None else "gone" if one.after is None else "changed"
        told_rows.append({"item": one.id, "percent": say(f"prices.diff.{kind}")})
    told_rows += [{"item": one.field, "before": one.before, "after": one.after} for one in found.fields]
    return told_rows
