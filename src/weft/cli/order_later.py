"""``weft order`` after it was placed: change, cancel, send, receive, close.

Not here: the talk before (``order.py``), billing (``billing.py``).
"""

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.ordering import amounts, thread_of
from weft.cli.printing import Paper
from weft.cli.words import say

_order = click.argument("order")
_lines = click.argument("lines", nargs=-1, metavar="[LINE=QUANTITY]...")
_reason = click.option("--reason", default="", help=say("cli.option.reason"))


@click.command("change", help=say("cli.order.change"))
@_order
@click.argument("lines", nargs=-1, required=True, metavar="LINE=QUANTITY...")
@click.option("--note", default="", help=say("cli.option.note"))
@connected
def change(node: Node, paper: Paper, order: str, lines: tuple[str, ...], note: str) -> None:
    """Propose other quantities."""
    wished = [{"line": line, "quantity": quantity} for line, quantity in amounts(lines).items()]
    paper.done(node.do("propose-change", thread=thread_of(node, order), lines=wished, cause="quantity", note=note))


@click.command("answer", help=say("cli.order.answer"))
@_order
@click.option("--option", default="", help=say("cli.order.answer.option"))
@click.option("--note", default="", help=say("cli.option.note"))
@connected
def answer(node: Node, paper: Paper, order: str, option: str, note: str) -> None:
    """Take one of the offered changes, or refuse them all."""
    paper.done(node.do("answer-change", thread=thread_of(node, order), option=option, note=note))


@click.command("send", help=say("cli.order.send"))
@_order
@_lines
@connected
def send(node: Node, paper: Paper, order: str, lines: tuple[str, ...]) -> None:
    """Say that goods leave."""
    paper.done(node.do("despatch", thread=thread_of(node, order), quantities=amounts(lines)))


@click.command("receive", help=say("cli.order.receive"))
@_order
@_lines
@_reason
@connected
def receive(node: Node, paper: Paper, order: str, lines: tuple[str, ...], reason: str) -> None:
    """Say what arrived."""
    arrived = [{"line": line, "received": quantity, "reason": reason} for line, quantity in amounts(lines).items()]
    paper.done(node.do("receive", thread=thread_of(node, order), lines=arrived))


@click.command("close", help=say("cli.order.close"))
@_order
@click.argument("lines", nargs=-1, metavar="[LINE]...")
@_reason
@connected
def close(node: Node, paper: Paper, order: str, lines: tuple[str, ...], reason: str) -> None:
    """The open rest will not come."""
    paper.done(node.do("short-close", thread=thread_of(node, order), lines=list(lines), reason=reason))


@click.command("promise", help=say("cli.order.promise"))
@_order
@click.argument("line")
@connected
def promise(node: Node, paper: Paper, order: str, line: str) -> None:
    """Propose the moved date to the buyer now."""
    paper.done(node.do("propose-promise", thread=thread_of(node, order), line=line))


def _reasoned(word: str, name: str) -> click.Command:
    """A word that needs the order and a reason."""

    @click.command(word, help=say(f"cli.order.{word}"))
    @_order
    @_reason
    @connected
    def said(node: Node, paper: Paper, order: str, reason: str) -> None:
        paper.done(node.do(name, thread=thread_of(node, order), reason=reason))

    command: click.Command = said
    return command


def add_to(group: click.Group) -> None:
    """All of these below ``group``."""
    for one in (change, answer, send, receive, close, promise, _reasoned("decline", "decline"),
                _reasoned("cancel", "cancel"), _reasoned("withdraw", "withdraw-change")):
        group.add_command(one)
