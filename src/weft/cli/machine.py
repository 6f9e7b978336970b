"""``weft machine``: machines of the firm; adding one is giving it a description of how it is reached."""

from pathlib import Path

import click

from weft.cli import machine_connect
from weft.cli.client import Node
from weft.cli.machine_files import described, noticed
from weft.cli.options import connected, pairs
from weft.cli.printing import Paper
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
@click.option("--under", default="", help=say("cli.machine.add.under"))
@click.option("--way", default="", metavar="'MODE POLICY'", help=say("cli.machine.add.way"))
@click.option("--login", "log_in", is_flag=True, help=say("cli.machine.add.login"))
@click.option("--yes", is_flag=True, help=say("cli.machine.add.yes"))
@click.option("--interface", default="", help=say("cli.machine.add.interface"))
@click.option("--as-described", is_flag=True, help=say("cli.machine.add.as-described"))
@connected
def add(node: Node, paper: Paper, name: str, description: str, values: tuple[str, ...], interface: str, *,
        as_described: bool, limits: tuple[str, ...], under: str, way: str, log_in: bool, yes: bool) -> None:
    """Add a machine by its address, or by a file that describes it."""
    if machine_connect.is_address(description):
        given = {"limits": pairs(limits), "under": under, "way": way, "login": log_in, "yes": yes}
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
    rows = [{**one, "state": word("machine.state", one["state"])} for one in view["machines"]]
    paper.table(rows, "name title state job item good scrap quantity alarm", view)


@command.command("show", help=say("cli.machine.show"))
@click.argument("name")
@connected
def one(node: Node, paper: Paper, name: str) -> None:
    """One machine with its live values."""
    view = node.view("machine", name=name)
    paper.table(view["readings"], "property value unit quality", view)


@command.command("health", help=say("cli.machine.health"))
@connected
def health(node: Node, paper: Paper) -> int:
    """How the link to each machine does, and what to do; 1 when one needs somebody."""
    return 0 if machine_connect.health(node, paper) else 1


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


@command.command("login", help=say("cli.machine.login"))
@click.argument("name")
@click.option("--user", default="", help=say("cli.machine.login.user"))
@click.option("--password-file", type=_file, help=say("cli.machine.login.password-file"))
@click.option("--certificate-file", type=_file, help=say("cli.machine.login.certificate-file"))
@click.option("--key-file", type=_file, help=say("cli.machine.login.key-file"))
@click.option("--forget", is_flag=True, help=say("cli.machine.login.forget"))
@connected
def login(node: Node, paper: Paper, name: str, user: str, password_file: Path | None,
          certificate_file: Path | None, key_file: Path | None, forget: bool) -> None:
    """Set how we log in at a machine."""
    given: dict[str, str] = {}
    if certificate_file is not None or key_file is not None:
        given = {"certificate": _text(certificate_file), "key": _text(key_file)}
    elif not forget:
        given["user"] = user or click.prompt(say("cli.machine.login.ask-user"))
        given["password"] = _text(password_file).partition("\n")[0].rstrip("\r") if password_file else click.prompt(
            say("cli.machine.login.ask-password"), hide_input=True)
    done = node.do("machine-login", name=name, **given)
    paper.line("cli.machine.login.forgotten" if forget else "cli.machine.login.done", done, name=name)


@command.command("trust", help=say("cli.machine.trust"))
@click.argument("name")
@click.argument("fingerprint", required=False, default="")
@connected
def trust(node: Node, paper: Paper, name: str, fingerprint: str) -> None:
    """Trust the certificate that a machine shows; without a fingerprint, tell which it shows."""
    if fingerprint:
        paper.line("cli.machine.trust.done", node.do("machine-trust", name=name, fingerprint=fingerprint), name=name)
        return
    view = node.view("machine-access", name=name)
    shown = [one for one in (view["offered"], view["trusted"]) if one]
    rows = [{**one, "state": word("machine.certificate", one["reason"] or "trusted")} for one in shown]
    paper.table(rows, "state fingerprint subject since until", view)


def _text(path: Path | None) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path is not None else ""
