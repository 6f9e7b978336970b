"""``weft billing``: invoice, statement and payment between two firms."""

from typing import Any

import click

from weft.basis.errors import NotFound
from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.ordering import amounts, relationship_of, thread_of
from weft.cli.printing import Paper
from weft.cli.words import say

_partner = click.argument("partner")


@click.group("billing", help=say("cli.billing"))
def command() -> None:
    """Bills."""


@command.command("show", help=say("cli.billing.show"))
@_partner
@connected
def show(node: Node, paper: Paper, partner: str) -> None:
    """What is open with a partner."""
    view = node.view("partner", thread=relationship_of(node, partner))
    paper.table(view["balances"], "currency owed_to_us owed_by_us", view)
    if not paper.as_json:
        papers = [*view["invoices"], *view["statements"], *view["remittances"]]
        click.echo()
        paper.table([{**one, "amount": one.get("payable") or one.get("balance") or one.get("amount", "")}
                     for one in papers], "number ours amount open state due")


@command.command("invoice", help=say("cli.billing.invoice"))
@click.argument("order")
@click.argument("lines", nargs=-1, metavar="[LINE=QUANTITY]...")
@connected
def invoice(node: Node, paper: Paper, order: str, lines: tuple[str, ...]) -> None:
    """Bill what was received and is not billed yet."""
    paper.done(node.do("invoice", thread=thread_of(node, order), quantities=amounts(lines)))


@command.command("statement", help=say("cli.billing.statement"))
@_partner
@click.option("--period", default="", metavar="YYYY-MM", help=say("cli.billing.period"))
@connected
def statement(node: Node, paper: Paper, partner: str, period: str) -> None:
    """Send the partner a statement of all that is open."""
    paper.done(node.do("statement", partner=partner, period=period))


@command.command("confirm", help=say("cli.billing.confirm"))
@_partner
@click.argument("statement", required=False)
@connected
def confirm(node: Node, paper: Paper, partner: str, statement: str | None) -> None:
    """Confirm every line of a statement; not named: of the one that waits for an answer."""
    chosen = _chosen(node, partner, "statements", statement)
    paper.done(node.do("answer-statement", partner=partner, statement=chosen))


@command.command("remit", help=say("cli.billing.remit"))
@_partner
@click.argument("allocations", nargs=-1, metavar="[INVOICE=AMOUNT]...")
@click.option("--method", default="", help=say("cli.billing.method"))
@click.option("--sure", is_flag=True, help=say("cli.billing.sure"))
@connected
def remit(node: Node, paper: Paper, partner: str, allocations: tuple[str, ...], method: str, *, sure: bool) -> None:
    """Say that money was sent."""
    paper.done(node.do("remit", partner=partner, allocations=amounts(allocations), method=method, sure=sure))


@command.command("paid", help=say("cli.billing.paid"))
@_partner
@click.argument("remittance", required=False)
@click.option("--not-received", is_flag=True, help=say("cli.billing.not-received"))
@connected
def paid(node: Node, paper: Paper, partner: str, remittance: str | None, *, not_received: bool) -> None:
    """Say that the money is here; not named: of the one that waits for an answer."""
    chosen = _chosen(node, partner, "remittances", remittance)
    paper.done(node.do("confirm-remittance", partner=partner, remittance=chosen, received=not not_received))


def _chosen(node: Node, partner: str, kind: str, named: str | None) -> str:
    """The id of the paper with this number or id; of the partner's only open one when none is named."""
    rows = node.view("partner", thread=relationship_of(node, partner))[kind]
    found = [one["id"] for one in rows if (named in {one["number"], one["id"]} if named else _waits(one))]
    if len(found) != 1:
        raise NotFound("cli.paper-unknown", named=named or "", count=len(found))
    return str(found[0])


def _waits(one: dict[str, Any]) -> bool:
    return not one["ours"] and bool(one.get("to_answer") or one.get("to_confirm"))
