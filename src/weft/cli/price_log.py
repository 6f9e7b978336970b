"""``weft price log`` and ``weft price witnesses``: who has seen our price record, and whose we have seen.

Not here: how firms see each other's records (``engine/pricelog``), checks of prices and proofs (``price.py``).
"""

from typing import Any

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say, word


@click.command("log", help=say("cli.price.log"))
@click.option("--proof", default="", metavar="FIRM", help=say("cli.price.log.proof"))
@connected
def log(node: Node, paper: Paper, proof: str) -> None:
    """Our own price record, or the proof that another firm's tells two stories."""
    if proof:
        click.echo(node.view("price-fork", firm=proof)["proof"])
        return
    view = node.view("price-log")
    if paper.as_json:
        paper.value(view)
        return
    click.echo(say(f"cli.price.log.{view['state']}", size=view["size"], seen=view["seen"],
                   waiting=", ".join(view["waiting"])))
    if view["clock_ms"]:
        theirs = _when(view["their_clock_ms"]) or say("record.clock.nobody")
        click.echo(say("record.clock", ours=_when(view["clock_ms"]), theirs=theirs))
    if view["begun"]:
        rows = [{**row, "when": _when(row["at_ms"]), "code": word("error", row["code"])
                 if row["code"].startswith("pricelog.") else row["code"]} for row in view["partners"]]
        paper.table(rows, "name newest size when code")


@click.command("witnesses", help=say("cli.price.witnesses"))
@connected
def witnesses(node: Node, paper: Paper) -> None:
    """Partners' price records that we have seen."""
    view = node.view("price-witnesses")
    if paper.as_json:
        paper.value(view)
        return
    rows: list[dict[str, Any]] = [{**row, "when": _when(row["at_ms"])} for row in view["logs"]]
    paper.table(rows, "name size when confirmed books witnesses forked")
    for row in rows:
        if row["forked"]:
            click.echo(say("cli.price.forked", name=row["name"]))


def _when(at_ms: int) -> str:
    from weft.basis import instant

    return instant.from_ms(at_ms) if at_ms else ""
