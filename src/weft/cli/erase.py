"""``weft erase``: erase what a closed order or partnership holds, here and at the partner, with receipts."""

from typing import Any, get_args

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import say
from weft.thread.closing import Reason


@click.command("erase", help=say("cli.erase"))
@click.argument("thread")
@click.option("--event", "events", multiple=True, metavar="ID", help=say("cli.erase.event"))
@click.option("--reason", required=True, type=click.Choice(get_args(Reason)), help=say("cli.erase.reason"))
@connected
def command(node: Node, paper: Paper, thread: str, events: tuple[str, ...], reason: str) -> None:
    """Ask for the erasure, and erase here."""
    done: Any = node.do("erase", thread=thread, events=list(events), reason=reason)
    paper.line("cli.erase.done", done, thread=thread)
