"""``weft prune``: let go of closed orders that are old enough; a proof that they were stays."""

from typing import Any

import click

from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.ordering import conversation_of
from weft.cli.printing import Paper
from weft.cli.words import say


@click.command("prune", help=say("cli.prune"))
@click.argument("thread", required=False, default="")
@connected
def command(node: Node, paper: Paper, thread: str) -> None:
    """Prune one thread, or all that may be."""
    done: Any = node.do("prune", thread=thread and conversation_of(node, thread))
    facts = done.get("facts", {})
    paper.line("cli.prune.done", done, n=facts.get("threads", 0), size=facts.get("bytes", 0) // 1024)
