"""``weft billing``: invoice, statement and payment between two firms."""

import click

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
    paper.value(node.view("partner", thread=relationship_of(node, partner)))


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
@click.argument("statement")
@connected
def confirm(node: Node, paper: Paper, partner: str, statement: str) -> None:
    """Confirm every line of a statement."""
    paper.done(node.do("answer-statement", partner=partner, statement=statement))


@command.command("remit", help=say("cli.billing.remit"))
@_partner
@click.argument("allocations", nargs=-1, metavar="[INVOICE=AMOUNT]...")
@click.option("--method", default="", help=say("cli.billing.method"))
@connected
def remit(node: Node, paper: Paper, partner: str, allocations: tuple[str, ...], method: str) -> None:
    """Say that money was sent."""
    paper.done(node.do("remit", partner=partner, allocations=amounts(allocations), method=method))


@command.command("paid", help=say("cli.billing.paid"))
@_partner
@click.argument("remittance")
@click.option("--not-received", is_flag=True, help=say("cli.billing.not-received"))
@connected
def paid(node: Node, paper: Paper, partner: str, remittance: str, *, not_received: bool) -> None:
    """Say that the money is here."""
    paper.done(node.do("confirm-remittance", partner=partner, remittance=remittance, received=not not_received))
