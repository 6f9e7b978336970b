"""``weft twin events``: changes of the twins told to others without their asking: webhooks and MQTT brokers.

Not here: pages and streams for who asks (``docs/reference/aas-api.md``), delivery (``engine/twins/delivering.py``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from weft.basis.errors import NotFound
from weft.basis.instant import from_ms
from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.printing import Paper
from weft.cli.words import at, say

TYPES: Final = ("created", "updated", "deleted", "valueChanged")
_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group("events", help=say("cli.twin.events"))
def events() -> None:
    """Events."""


@events.command("add", help=say("cli.twin.events.add"))
@click.argument("name")
@click.argument("address")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help=say("cli.twin.events.type"))
@click.option("--id", "ids", multiple=True, help=say("cli.twin.events.id"))
@click.option("--sees", default="firm", help=say("cli.twin.events.sees"))
@click.option("--without-handshake", is_flag=True, help=say("cli.twin.events.without-handshake"))
@click.option("--batch", is_flag=True, help=say("cli.twin.events.batch"))
@click.option("--secret-file", type=_file, help=say("cli.twin.events.secret-file"))
@click.option("--prefix", default="", help=say("cli.twin.events.prefix"))
@click.option("--channel", default="", help=say("cli.twin.events.channel"))
@click.option("--user", default="", help=say("cli.twin.events.user"))
@click.option("--password-file", type=_file, help=say("cli.twin.events.password-file"))
@click.option("--ca-file", type=_file, help=say("cli.twin.events.ca-file"))
@click.option("--from-oldest", is_flag=True, help=say("cli.twin.events.from-oldest"))
@connected
def add(node: Node, paper: Paper, name: str, address: str, types: Sequence[str], ids: Sequence[str], sees: str,
        without_handshake: bool, batch: bool, secret_file: Path | None, prefix: str, channel: str, user: str,
        password_file: Path | None, ca_file: Path | None, from_oldest: bool) -> None:
    """Tell an address of changes."""
    kind = "mqtt" if address.startswith("mqtt") else "webhook"
    done = node.do("twin-events-add", name=name, kind=kind, address=address, types=list(types), ids=list(ids),
                   sees=sees, handshake=not without_handshake, batch=batch, secret=_line(secret_file), prefix=prefix,
                   channel=channel, user=user, password=_line(password_file), ca=_text(ca_file), oldest=from_oldest)
    secret = done["facts"].get("secret", "")
    paper.line("cli.twin.events.added-secret" if secret else "cli.twin.events.added", done, name=name, secret=secret)


@events.command("list", help=say("cli.twin.events.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """All that are told."""
    view = node.view("twin-events")
    rows = [{"name": one["name"], "at": " ".join(part for part in (one["host"], one["topic"]) if part),
             "state": state(one), "waiting": one["behind"], "code": _why(one)} for one in view["subscriptions"]]
    paper.table(rows, "name at state waiting code", view)


@events.command("pause", help=say("cli.twin.events.pause"))
@click.argument("name")
@connected
def pause(node: Node, paper: Paper, name: str) -> None:
    """Tell it nothing for now."""
    paper.done(node.do("twin-events-pause", subscription=name))


@events.command("resume", help=say("cli.twin.events.resume"))
@click.argument("name")
@click.option("--from-now", "now", is_flag=True, help=say("cli.twin.events.from-now"))
@connected
def resume(node: Node, paper: Paper, name: str, now: bool) -> None:
    """Go on telling it."""
    paper.done(node.do("twin-events-resume", subscription=name, now=now))


@events.command("remove", help=say("cli.twin.events.remove"))
@click.argument("name")
@connected
def remove(node: Node, paper: Paper, name: str) -> None:
    """Tell it nothing any more."""
    paper.done(node.do("twin-events-remove", subscription=name))


@events.command("test", help=say("cli.twin.events.test"))
@click.argument("name")
@connected
def test(node: Node, paper: Paper, name: str) -> None:
    """Send an event that says nothing."""
    paper.line("cli.twin.events.tested", node.do("twin-events-test", subscription=name), name=name)


def state(one: Mapping[str, Any]) -> str:
    """How it stands, in words."""
    told, at_ms = say(f"twin-events.state.{one['state']}", n=one["behind"]), one["delivered_ms"]
    return f"{told} ({at(from_ms(at_ms))})" if at_ms and one["state"] in ("fine", "behind") else told


def _why(one: Mapping[str, Any]) -> str:
    if one["code"]:
        return say(f"error.{one['code']}", **one["facts"])
    return say("twin-events.lost.short") if one["lost_ms"] else ""


def _text(path: Path | None) -> str:
    try:
        return "" if path is None else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound("twin-event.credentials-unreadable", path=str(path)) from error


def _line(path: Path | None) -> str:
    return _text(path).partition("\n")[0].rstrip("\r")
