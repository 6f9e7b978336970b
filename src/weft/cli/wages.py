"""``weft wages``: piece-work wages of a period; save them as a file, set piece rates, decide, close."""

from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from weft.basis.errors import Refused
from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say, word

_from = click.option("--from", "begin", default="", metavar="YYYY-MM-DD", help=say("cli.wages.from"))
_to = click.option("--to", "end", default="", metavar="YYYY-MM-DD", help=say("cli.wages.to"))
_entry = click.argument("entry")


@click.group("wages", help=say("cli.wages"))
def command() -> None:
    """Wages."""


def _asked(**given: str) -> dict[str, str]:
    return {name: value for name, value in given.items() if value}


@command.command("show", help=say("cli.wages.show"))
@click.option("--worker", default="", help=say("cli.wages.worker"))
@_from
@_to
@connected
def show(node: Node, paper: Paper, worker: str, begin: str, end: str) -> None:
    """Each worker's sum, or one worker's lines."""
    view = node.view("wages", **_asked(begin=begin, end=end, worker=worker))
    columns = "pieces good scrap_material scrap_work hours"
    rows = [{**one, "scrap_material": one["material"], "scrap_work": one["work"]}
            for one in (view["lines"] if worker else view["sums"])]
    paper.table(rows, f"item operation price {columns} amount" if worker else f"worker {columns} pay currency", view)


@command.command("reasons", help=say("cli.wages.reasons"))
@_from
@_to
@connected
def reasons(node: Node, paper: Paper, begin: str, end: str) -> None:
    """Why pieces were lost and why work rested, the weightiest first."""
    found = node.view("wages", **_asked(begin=begin, end=end))["reasons"]
    rows: list[dict[str, Any]] = [
        {**one, "kind": word("wages.kind", one["kind"]),
         "reason": word("work.pause" if one["kind"] == "rest" else "work.reason", one["reason"])} for one in found]
    paper.table(rows, "kind reason times pieces hours", found)


@command.command("export", help=say("cli.wages.export"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_from
@_to
@connected
def export(node: Node, paper: Paper, file: Path, begin: str, end: str) -> None:
    """Save the wages of a period: .xlsx or .csv."""
    kind = file.suffix.lower().removeprefix(".")
    if kind not in ("xlsx", "csv"):
        raise click.BadParameter(say("cli.wages.kind", file=file.name))
    if file.exists():
        raise Refused("export.exists", path=str(file))
    data = node.raw(f"/wages/wages.{kind}?" + urlencode(_asked(begin=begin, end=end)))
    file.write_bytes(data)
    paper.line("cli.wages.saved", {"file": str(file), "bytes": len(data)}, file=file)


@command.command("rate", help=say("cli.wages.rate"))
@click.argument("item")
@click.argument("operation", type=int)
@click.argument("price")
@click.option("--material", default="", help=say("cli.wages.material"))
@click.option("--since", default="", metavar="YYYY-MM-DD", help=say("cli.wages.since"))
@connected
def rate(node: Node, paper: Paper, item: str, operation: int, **given: str) -> None:
    """What a good piece of an operation is paid."""
    paper.done(node.do("piece-rate", item=item, operation=operation, **given))


@command.command("waiting", help=say("cli.wages.waiting"))
@connected
def waiting(node: Node, paper: Paper) -> None:
    """Entries that came after their job was done."""
    found = node.view("wages")["waiting"]
    paper.table(found, "entry worker job good scrap at", found)


@command.command("pay", help=say("cli.wages.pay"))
@_entry
@click.option("--not", "refused", is_flag=True, help=say("cli.wages.not"))
@connected
def pay(node: Node, paper: Paper, entry: str, *, refused: bool) -> None:
    """Say whether an entry that came too late is paid."""
    paper.done(node.do("work-settle", entry=entry, counts=not refused))


@command.command("close", help=say("cli.wages.close"))
@click.argument("until", metavar="YYYY-MM-DD")
@connected
def close(node: Node, paper: Paper, until: str) -> None:
    """Close wages up to a day: nothing before changes any more."""
    paper.done(node.do("wages-close", until=until))
