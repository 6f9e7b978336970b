"""``weft till``: tills and what they sold; let one go, settle what waits, a slip as a file that anybody can check.

Letting a till in needs the code on its screen and is done on the console, or with ``weft do``.
Not here: checking a slip (``price.py verify``), the till itself (``doors/till``).
"""

from pathlib import Path

import click

from weft.basis.errors import Invalid, NotFound
from weft.cli.client import Node
from weft.cli.device import typed
from weft.cli.options import connected, sheet_option
from weft.cli.printing import Paper
from weft.cli.words import say, word

HASH_LENGTH = 43


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
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help=say("cli.price.evidence.output"))
@connected
def export(node: Node, paper: Paper, slip: str, file: Path | None, output: Path | None) -> None:
    """Write a slip and all that speaks for its price into a file."""
    name = hash_of(node, slip)
    told = node.view("slip-file", hash=name)
    path = output or file or Path(told["name"])
    path.write_text(told["file"], encoding="utf-8")
    paper.line("cli.till.exported", {"file": str(path), "slip": name}, file=path)


@command.command("let-go", help=say("cli.till.let-go"))
@click.argument("till")
@click.option("--since", default="", help=say("cli.till.let-go.since"))
@click.option("--reason", default="", help=say("cli.till.let-go.reason"))
@sheet_option
@connected
def let_go(node: Node, paper: Paper, till: str, since: str, reason: str, sheet: Path | None) -> None:
    """A till that was lost sells no more; what came since then waits for the owner's word."""
    key = key_of(node, till)
    done = node.do("till-let-go", till=key, since=since, reason=reason, sheet=typed(sheet))
    paper.line("cli.till.gone", done, n=done["facts"].get("doubted", 0))


@command.command("settle", help=say("cli.till.settle"))
@click.argument("slip", required=False)
@click.option("--till", default="", help=say("cli.till.settle.till"))
@click.option("--counts/--counts-not", required=True, help=say("cli.till.settle.counts"))
@click.option("--reason", default="", help=say("cli.till.settle.reason"))
@connected
def settle(node: Node, paper: Paper, slip: str | None, till: str, counts: bool, reason: str) -> None:
    """The owner's word about a slip that waits, or about all that came since a till was lost."""
    if bool(slip) == bool(till):
        raise click.UsageError(say("cli.till.settle.which"))
    which = {"slip": hash_of(node, slip)} if slip else {"till": key_of(node, till)}
    paper.done(node.do("till-settle", **which, counts=counts, reason=reason))


def hash_of(node: Node, slip: str) -> str:
    """The hash of the slip that ``slip`` names: itself, or its number as it is printed."""
    if len(slip) >= HASH_LENGTH:
        return slip
    found = [one["hash"] for one in node.view("slips", limit="500")["slips"] if one["number"] == slip.upper()]
    return found[0] if found else slip


def key_of(node: Node, till: str) -> str:
    """The key of the till that ``till`` names: its key, or a name that only it has; raises ``WeftError``."""
    tills = {one["key"]: one["name"] for one in node.view("tills")["tills"]}
    named = [till] if till in tills else [key for key, name in tills.items() if name == till]
    if not named:
        raise NotFound("till.unknown", till=till[:40])
    if len(named) > 1:
        raise Invalid("device.several", name=till[:60], n=len(named))
    return named[0]
