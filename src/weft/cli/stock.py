"""``weft stock``: what lies where; receive, issue, count, move."""

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say

_item = click.argument("item")
_quantity = click.argument("quantity")


@click.group("stock", help=say("cli.stock"))
def command() -> None:
    """Stock."""


@command.command("list", help=say("cli.stock.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All items, and what is to be ordered again."""
    view = node.view("stock")
    rows = [{**row, "item": row["id"]} for row in view["items"]]
    paper.table(rows, "item title unit on_hand reserved available at_partners low", view)


@command.command("receive", help=say("cli.stock.receive"))
@_item
@_quantity
@click.option("--lot", default="", help=say("cli.stock.lot"))
@click.option("--heat", default="", help=say("cli.stock.heat"))
@click.option("--place", default="", help=say("cli.stock.place"))
@connected
def receive(node: Node, paper: Paper, item: str, quantity: str, lot: str, heat: str, place: str) -> None:
    """Put goods into stock that came without an order."""
    paper.done(node.do("stock-receive", item=item, quantity=quantity, lot=lot, heat=heat, place=place))


@command.command("issue", help=say("cli.stock.issue"))
@_item
@_quantity
@click.option("--why", default="own-use", help=say("cli.option.reason"))
@connected
def issue(node: Node, paper: Paper, item: str, quantity: str, why: str) -> None:
    """Take goods out of stock."""
    paper.done(node.do("stock-issue", item=item, quantity=quantity, why=why))


@command.command("count", help=say("cli.stock.count"))
@_item
@_quantity
@click.option("--reason", default="", help=say("cli.option.reason"))
@connected
def count(node: Node, paper: Paper, item: str, quantity: str, reason: str) -> None:
    """Say what was really counted."""
    paper.done(node.do("stock-count", item=item, quantity=quantity, reason=reason))


@command.command("move", help=say("cli.stock.move"))
@_item
@_quantity
@click.argument("partner")
@click.option("--back", is_flag=True, help=say("cli.stock.back"))
@connected
def move(node: Node, paper: Paper, item: str, quantity: str, partner: str, *, back: bool) -> None:
    """Our material to a partner, or back."""
    paper.done(node.do("stock-move", item=item, quantity=quantity, partner=partner, back=back))
