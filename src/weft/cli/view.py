"""``weft view``: any view of the node by its name, as JSON."""

import click

from weft.cli.client import Node
from weft.cli.options import connected, pairs
from weft.cli.printing import Paper
from weft.cli.words import say


@click.command("view", help=say("cli.view"))
@click.argument("name")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@connected
def command(node: Node, paper: Paper, name: str, parameters: tuple[str, ...]) -> None:
    """Show one view of the table."""
    paper.value(node.view(name, **pairs(parameters)))
