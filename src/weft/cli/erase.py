"""``weft erase``: erase what a closed order or partnership holds, here and at the partner, with receipts."""

from typing import Any, Final, get_args

import click

from weft.cli.client import Node, Told
from weft.cli.options import connected
from weft.cli.ordering import conversation_of
from weft.cli.printing import Paper
from weft.cli.words import say
from weft.thread.closing import Reason

SHORTEST: Final = 4  # letters of an id


@click.command("erase", help=say("cli.erase"))
@click.argument("thread")
@click.option("--event", "events", multiple=True, metavar="ID", help=say("cli.erase.event"))
@click.option("--reason", required=True, type=click.Choice(get_args(Reason)), help=say("cli.erase.reason"))
@connected
def command(node: Node, paper: Paper, thread: str, events: tuple[str, ...], reason: str) -> None:
    """Ask for the erasure, and erase here."""
    named, thread = thread, conversation_of(node, thread)
    done: Any = node.do("erase", thread=thread, events=[_paper_of(node, thread, one) for one in events], reason=reason)
    paper.line("cli.erase.done", done, thread=named)


def _paper_of(node: Node, thread: str, named: str) -> str:
    """The paper of an order whose id begins so; ``named`` itself where none or several do."""
    try:
        documents = node.view("order", thread=thread)["documents"]
    except Told:  # a partnership has papers that no order shows
        return named
    found = [one["id"] for one in documents if len(named) >= SHORTEST and one["id"].startswith(named)]
    return str(found[0]) if len(found) == 1 else named
