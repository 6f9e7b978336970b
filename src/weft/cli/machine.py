"""``weft machine``: machines of the firm; adding one is giving it a description of how it is reached."""

from pathlib import Path
from typing import Any

import click

from weft.cli import machine_access, machine_connect, machine_links
from weft.cli.client import Node
from weft.cli.machine_files import described, noticed
from weft.cli.options import connected, pairs
from weft.cli.printing import Paper, cell
from weft.cli.words import say, word

_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("machine", help=say("cli.machine"))
def command() -> None:
    """Machines."""


@command.command("add", help=say("cli.machine.add"))
@click.argument("name")
@click.argument("description", metavar="ADDRESS|FILE")
@click.argument("values", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--limits", multiple=True, metavar="NAME=LOW..HIGH", help=say("cli.machine.add.limits"))
@click.option("--role", "roles", multiple=True, metavar="NAME=ROLE", help=say("cli.machine.add.role"))
@click.option("--under", default="", help=say("cli.machine.add.under"))
@click.option("--way", default="", metavar="'MODE POLICY'", help=say("cli.machine.add.way"))
@click.option("--login", "log_in", is_flag=True, help=say("cli.machine.add.login"))
@click.option("--yes", is_flag=True, help=say("cli.machine.add.yes"))
@click.option("--interface", default="", help=say("cli.machine.add.interface"))
@click.option("--as-described", is_flag=True, help=say("cli.machine.add.as-described"))
@connected
def add(node: Node, paper: Paper, name: str, description: str, values: tuple[str, ...], interface: str, *,
        as_described: bool, limits: tuple[str, ...], roles: tuple[str, ...], under: str, way: str, log_in: bool,
        yes: bool) -> None:
    """Add a machine by its address, or by a file that describes it."""
    if machine_connect.is_address(description):
        given = {"limits": pairs(limits), "roles": pairs(roles), "under": under, "way": way, "login": log_in,
                 "yes": yes}
        machine_connect.connect(node, paper, name, description, given)
        return
    path = Path(_file.convert(description, None, click.get_current_context()))
    told = described(node, name, path, interface=interface, as_described=as_described)
    done = node.do("machine-add", name=name, description=told["description"], values=pairs(values))
    paper.done({**done, "noticed": told["noticed"]} if paper.as_json else done)
    if told["noticed"] and not paper.as_json:
        paper.table(noticed(told), "grade where text")


@command.command("list", help=say("cli.machine.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All machines and what they do."""
    view = node.view("machines")
    rows = [{**one, "called": cell(one, "title"), "state": _state(one)} for one in view["machines"]]
    paper.table(rows, "name called state job item good scrap quantity alarm", view)


def _state(row: dict[str, Any]) -> str:
    """What a machine does; of one that nothing can be read of, why."""
    state = word("machine.state", row["state"])
    return say("cli.machine.state.why", state=state, why=say(f"bad.{row['why']}")) if row["why"] else state


@command.command("show", help=say("cli.machine.show"))
@click.argument("name")
@connected
def one(node: Node, paper: Paper, name: str) -> None:
    """One machine with its live values."""
    view = node.view("machine", name=name)
    rows = [{**row, "value": _value(row), "unit": word("unit", row["unit"]),
             "quality": say(f"bad.{row['why']}") if row["why"] else word("cli.quality", row["quality"])}
            for row in view["readings"]]
    paper.table(rows, "property value unit quality", view)


def _value(row: dict[str, Any]) -> str:
    """A live value in words."""
    if row["state"]:
        return word("machine.state" if row["state"] == "idle" else "job.state", row["state"])
    if row["type"] == "boolean" and row["value"]:
        return say("value.yes" if row["value"] == "True" else "value.no")
    return str(row["value"])


@command.command("health", help=say("cli.machine.health"))
@connected
def health(node: Node, paper: Paper) -> int:
    """How the link to each machine does, and what to do; 1 when one needs somebody."""
    return 0 if machine_links.health(node, paper) else 1


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


command.add_command(machine_access.login)
command.add_command(machine_access.trust)
