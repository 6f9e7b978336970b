"""``weft do``: any command of the node by its name, with the parameters that its API describes."""

import json

import click

from weft.cli.client import Node
from weft.cli.options import connected, pairs
from weft.cli.printing import Paper
from weft.cli.words import say


@click.command("do", help=say("cli.do"))
@click.argument("name")
@click.argument("parameters", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--body", default="", metavar="JSON", help=say("cli.do.body"))
@connected
def command(node: Node, paper: Paper, name: str, parameters: tuple[str, ...], body: str) -> None:
    """Run one command of the table."""
    try:
        given = json.loads(body) if body else {}
    except ValueError as error:
        raise click.BadParameter(say("cli.wrong.json", detail=str(error))) from error
    if not isinstance(given, dict):
        raise click.BadParameter(say("cli.wrong.json", detail="{…}"))
    truth = {"true": True, "false": False}
    plain = {key: truth.get(value, value) for key, value in pairs(parameters).items()}
    paper.done(node.do(name, **(given | plain)))
