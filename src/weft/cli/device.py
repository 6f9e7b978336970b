"""``weft device``: who is let in and who may sign for the firm; add one, let one go."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from weft.basis.errors import Invalid
from weft.cli.client import Node
from weft.cli.options import connected, sheet_option
from weft.cli.printing import Paper
from weft.cli.words import say, word


@click.group("device", help=say("cli.device"))
def command() -> None:
    """Devices."""


@command.command("list", help=say("cli.device.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All devices, paired ones and those with keys."""
    found = node.view("devices")
    rows = [{"device": one["id"], "name": one["name"], "may": may(one),
             "state": word("cli.device.state", "paired")}
            for one in found["paired"]]
    rows += [{"device": one["key"], "name": one["name"], "may": word("cli.device.signs", one["scope"]), "state":
              word("cli.device.state", "revoked" if one["revoked"] else "here" if one["here"] else "signs")}
             for one in found["keys"]]
    paper.table(rows, "device name may state", found)


@command.command("add", help=say("cli.device.add"))
@click.option("--key", default="", help=say("cli.device.add.key"))
@click.option("--scope", default="owner", show_default=True, help=say("cli.device.add.scope"))
@click.option("--name", default="", help=say("cli.device.add.name"))
@click.option("--for", "partner", default="", help=say("cli.device.add.for"))
@sheet_option
@connected
def add(node: Node, paper: Paper, key: str, **given: Any) -> None:
    """Pair a phone or a program by a code, or (``--key``) let a device sign with a key of its own."""
    scope, name, sheet = given["scope"], given["name"], given["sheet"]
    if key:
        paper.done(node.do("add-key", key=key, scope=scope, name=name, sheet=typed(sheet)))
        return
    done = node.do("new-code", **({"partner": given["partner"]} if given["partner"] else {"scope": scope}),
                   **({"person": name} if name and not given["partner"] else {}))
    paper.line("cli.device.code", done, code=done["facts"]["code"], url=node.url())


@command.command("program", help=say("cli.device.program"))
@click.argument("name")
@click.option("--for", "partner", default="", help=say("cli.device.add.for"))
@connected
def program(node: Node, paper: Paper, name: str, partner: str) -> None:
    """A token for a program, alone on stdout."""
    done = node.do("new-program", name=name, **({"partner": partner} if partner else {}))
    if paper.as_json:
        paper.value({"name": name, "token": done["facts"]["token"]})
        return
    click.echo(done["facts"]["token"])
    click.echo(say("cli.device.token", name=name), err=True)


@command.command("revoke", help=say("cli.device.revoke"))
@click.argument("device")
@click.option("--since", default="", help=say("cli.device.revoke.since"))
@sheet_option
@connected
def revoke(node: Node, paper: Paper, device: str, since: str, sheet: Path | None) -> None:
    """Let one go: a paired one at once, one with a key by the firm's key in force."""
    found = node.view("devices")
    device = meant(found, device)
    if any(one["key"] == device for one in found["keys"]):
        paper.done(node.do("revoke-key", key=device, since=since, sheet=typed(sheet)))
    else:
        paper.done(node.do("revoke-device", device=device))


def may(one: Mapping[str, Any]) -> str:
    """What a paired device may do; of a program, whose it is."""
    if one["scope"] == "worker":
        return say("devices.may.worker", person=one["person"])
    if one["scope"] not in ("client", "partner"):
        return word("settings.scope", one["scope"])
    return say(f"devices.may.{one['may']}", partner=one["partner_name"] or one["partner"])


def meant(found: Mapping[str, Any], told: str) -> str:
    """The device that ``told`` names, by its id or by a name that only it has; raises ``Invalid``."""
    called = {one["id"]: one["name"] for one in found["paired"]}
    called |= {one["key"]: one["name"] for one in found["keys"] if not one["revoked"]}
    if told in called:
        return told
    named = [device for device, name in called.items() if name == told]
    if len(named) > 1:
        raise Invalid("device.several", name=told[:60], n=len(named))
    return named[0] if named else told


def typed(sheet: Path | None) -> str:
    """The sheet in a file, or typed in without being shown."""
    if sheet is not None:
        try:
            return sheet.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Invalid("cli.sheet-unreadable", path=str(sheet)) from error
    return "\n".join(str(click.prompt(say("cli.key.row", row=row), hide_input=True, err=True)) for row in range(1, 5))
