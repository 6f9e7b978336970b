"""``weft order``: see orders, and talk about one: ask, quote, counter, place, answer.

Not here: what happens to an order afterwards (``order_later.py``), which words are allowed when (``trade/order.py``).
"""

from typing import Any

import click

from weft.cli import order_later
from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.ordering import amounts, inputs_of, line_of, thread_of
from weft.cli.printing import Paper
from weft.cli.words import say, word


@click.group("order", help=say("cli.order"))
def command() -> None:
    """Orders."""


@command.command("list", help=say("cli.order.list"))
@click.option("--side", type=click.Choice(["all", "buyer", "seller"]), default="all", help=say("cli.order.list.side"))
@connected
def show_all(node: Node, paper: Paper, side: str) -> None:
    """The board as a table."""
    board = node.view("orders", side=side)
    cards = [{**card, "stage": say(f"cli.stage.{column['code']}")} for column in board["columns"]
             for card in column["cards"]]
    paper.table(cards, "thread number partner_name stage item quantity unit promise gross currency", board)


@command.command("show", help=say("cli.order.show"))
@click.argument("order")
@connected
def show(node: Node, paper: Paper, order: str) -> None:
    """One order: its lines, its documents, what may be said next."""
    view = node.view("order", thread=thread_of(node, order))
    paper.table(view["lines"], "line item quantity unit unit_price gross promise sent received open", view)
    if not paper.as_json:
        click.echo()
        said = [{**one, "said": word("doc", one["kind"]), "event": one["id"]} for one in view["documents"]]
        paper.table(said, "said ours void event")
        click.echo(say("cli.order.may", words=", ".join(word("doc", one) for one in view["may"]) or "-"))


@command.command("request", help=say("cli.order.request"))
@click.argument("supplier")
@click.argument("lines", nargs=-1, required=True, metavar="ITEM=QUANTITY[UNIT]...")
@click.option("--by", "wanted_by", default="", metavar="INSTANT", help=say("cli.order.request.by"))
@click.option("--note", default="", help=say("cli.option.note"))
@connected
def request(node: Node, paper: Paper, supplier: str, lines: tuple[str, ...], wanted_by: str, note: str) -> None:
    """Ask a supplier for price and date."""
    asked = [line_of(one) for one in lines]
    paper.done(node.do("request-quotation", supplier=supplier, lines=asked, wanted_by=wanted_by, note=note))


@command.command("counter", help=say("cli.order.counter"))
@click.argument("order")
@click.argument("lines", nargs=-1, required=True, metavar="LINE=QUANTITY[@PRICE]...")
@click.option("--note", default="", help=say("cli.option.note"))
@connected
def counter(node: Node, paper: Paper, order: str, lines: tuple[str, ...], note: str) -> None:
    """Answer a quotation with other quantities or prices."""
    wished = []
    for line, amount in amounts(lines).items():
        quantity, _, price = amount.partition("@")
        wished.append({"line": line, "quantity": quantity, "unit_price": price})
    paper.done(node.do("counter-offer", thread=thread_of(node, order), lines=wished, note=note))


@command.command("accept", help=say("cli.order.accept"))
@click.argument("order")
@connected
def accept(node: Node, paper: Paper, order: str) -> None:
    """Accept an order that came in."""
    paper.done(node.do("respond", thread=thread_of(node, order), code="AP"))


@command.command("reject", help=say("cli.order.reject"))
@click.argument("order")
@click.option("--reason", default="", help=say("cli.option.reason"))
@connected
def reject(node: Node, paper: Paper, order: str, reason: str) -> None:
    """Reject an order that came in."""
    paper.done(node.do("respond", thread=thread_of(node, order), code="RE", reason=reason))


def _plain(word: str, name: str, **more: Any) -> None:
    """A word that needs nothing but the order."""

    @command.command(word, help=say(f"cli.order.{word}"))
    @click.argument("order")
    @connected
    def said(node: Node, paper: Paper, order: str) -> None:
        paper.done(node.do(name, thread=thread_of(node, order), **more))


@command.command("quote", help=say("cli.order.quote"))
@click.argument("order")
@click.option("--inputs", multiple=True, metavar="[LINE:]NAME=VALUE,...", help=say("cli.order.quote.inputs"))
@connected
def quote(node: Node, paper: Paper, order: str, inputs: tuple[str, ...]) -> None:
    """Offer what was asked for; with inputs, a part that is made to a drawing."""
    given = inputs_of(inputs)
    more: dict[str, Any] = {"terms": {"inputs": given}} if given else {}
    paper.done(node.do("quote", thread=thread_of(node, order), **more))


_plain("place", "order")
_plain("children", "order-children")
order_later.add_to(command)
