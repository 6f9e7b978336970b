"""``weft machine``: machines of the firm; adding one is giving it a description of how it is reached."""

from pathlib import Path

import click

from weft.cli.client import Node
from weft.cli.options import connected, pairs
from weft.cli.printing import Paper
from weft.cli.words import say, word


@click.group("machine", help=say("cli.machine"))
def command() -> None:
    """Machines."""


@command.command("add", help=say("cli.machine.add"))
@click.argument("name")
@click.argument("description", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@connected
def add(node: Node, paper: Paper, name: str, description: Path, values: tuple[str, ...]) -> None:
    """Add a machine by the W3C WoT Thing Description in a file."""
    told = description.read_text(encoding="utf-8")
    paper.done(node.do("machine-add", name=name, description=told, values=pairs(values)))


@command.command("list", help=say("cli.machine.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All machines and what they do."""
    view = node.view("machines")
    rows = [{**one, "state": word("machine.state", one["state"])} for one in view["machines"]]
    paper.table(rows, "name title state job item good scrap quantity alarm", view)


@command.command("show", help=say("cli.machine.show"))
@click.argument("name")
@connected
def one(node: Node, paper: Paper, name: str) -> None:
    """One machine with its live values."""
    view = node.view("machine", name=name)
    paper.table(view["readings"], "property value unit quality", view)


@command.command("remove", help=say("cli.machine.remove"))
@click.argument("name")
@connected
def remove(node: Node, paper: Paper, name: str) -> None:
    """Take a machine out."""
    paper.done(node.do("machine-remove", name=name))


@command.command("settle", help=say("cli.machine.settle"))
@click.argument("order")
@click.option("--done/--not-done", "was_done", required=True, help=say("cli.machine.settle.done"))
@connected
def settle(node: Node, paper: Paper, order: str, *, was_done: bool) -> None:
    """Say of a command with unknown outcome whether the machine carried it out."""
    paper.done(node.do("machine-settle", command=order, done=was_done))
