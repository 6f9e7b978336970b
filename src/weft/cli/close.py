"""``weft close``: close an order or partnership for good, together with the partner."""

from typing import Any

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.ordering import conversation_of
from weft.cli.printing import Paper
from weft.cli.words import say


@click.command("close", help=say("cli.close"))
@click.argument("thread")
@connected
def command(node: Node, paper: Paper, thread: str) -> None:
    """Propose to close, or agree."""
    done: Any = node.do("close", thread=conversation_of(node, thread))
    paper.line("cli.close.done", done, thread=thread)
