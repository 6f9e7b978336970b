"""``weft till``: tills and what they sold; a slip as a file that anybody can check.

Letting a till in or go needs the recovery sheet and is done on the console, or with ``weft do``.
Not here: checking a slip (``price.py verify``), the till itself (``doors/till``).
"""

from pathlib import Path

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say, word


@click.group("till", help=say("cli.till"))
def command() -> None:
    """Tills."""


@command.command("list", help=say("cli.till.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All tills, and what each sold today."""
    view = node.view("tills")
    if paper.as_json:
        paper.value(view)
        return
    rows = [{"name": till["name"], "state": word("cli.till.state", till["state"]), "slips": till["slips"],
             "sales": sums.get("sales", 0), "gross": sums.get("gross", ""), "currency": sums.get("currency", ""),
             "at": till["last_at"]} for till in view["tills"] for sums in till["today"] or [{}]]
    paper.table(rows, "name state slips sales gross currency at")
    for what in ("waiting", "doubts", "short", "odd"):
        if view[what]:
            click.echo(say(f"cli.till.{what}", n=len(view[what])))


@command.command("slips", help=say("cli.till.slips"))
@click.option("--till", default="", help=say("cli.till.slips.till"))
@click.option("--day", default="", metavar="YYYY-MM-DD", help=say("cli.till.slips.day"))
@click.option("--limit", default=50, type=click.IntRange(1, 500), show_default=True, help=say("cli.till.slips.limit"))
@connected
def slips(node: Node, paper: Paper, till: str, day: str, limit: int) -> None:
    """Slips, the newest first."""
    view = node.view("slips", till=till, day=day, limit=str(limit))
    rows = [{**one, "what": word("cli.till.kind", one["kind"]), "state": word("cli.till.slip-state", one["state"]),
             "name": one["till_name"]} for one in view["slips"]]
    paper.table(rows, "number name what gross currency state at hash", view)


@command.command("export", help=say("cli.till.export"))
@click.argument("slip")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@connected
def export(node: Node, paper: Paper, slip: str, file: Path) -> None:
    """Write a slip and all that speaks for its price into a file."""
    name = slip
    if len(slip) < 43:  # its number as it is printed
        found = [one["hash"] for one in node.view("slips", limit="500")["slips"] if one["number"] == slip.upper()]
        name = found[0] if found else slip
    told = node.view("slip-file", hash=name)
    file.write_text(told["file"], encoding="utf-8")
    paper.line("cli.till.exported", {"file": str(file), "slip": name}, file=file)
