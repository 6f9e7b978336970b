"""``weft pickup``: hand out at our counter what belongs to others; offer places to buyers; fetch what we ordered.

A parcel is named by its four letters; the code that opens it is typed or scanned.
Not here: places and fetching (``pickup_places.py``), sending goods there (``order send``), the fee (``billing``), what
is checked (``engine/commands/pickup.py``).
"""

from typing import Any

import click

from weft.basis.errors import NotFound
from weft.cli import pickup_places
from weft.cli.client import Node
from weft.cli.options import connected, pairs
from weft.cli.ordering import amounts
from weft.cli.printing import Paper
from weft.cli.words import say, word

_parcel = click.argument("parcel")
_code = click.argument("code")
_reason = click.option("--reason", default="", help=say("cli.option.reason"))


@click.group("pickup", help=say("cli.pickup"))
def command() -> None:
    """Picking up at a shop."""


@command.command("list", help=say("cli.pickup.list"))
@connected
def show(node: Node, paper: Paper) -> None:
    """Parcels at our counter."""
    view = node.view("pick-ups")
    rows = [{**one, "parcel": one["label"], "partner_name": one["sender"], "goods": _goods(one["goods"]),
             "state": word("pickup.state", one["state"])} for one in view["parcels"]]
    paper.table(rows, "parcel partner_name number state goods until", view)


def _goods(goods: list[dict[str, Any]]) -> str:
    """How much of each item lies here, or else is agreed."""
    return ", ".join(f"{one['here'] if float(one['here']) else one['agreed']} {one['name'] or one['item']}"
                     for one in goods)


@command.command("inspect", help=say("cli.pickup.inspect"))
@_parcel
@click.argument("lines", nargs=-1, metavar="[LINE=GOOD]...")
@click.option("--damaged", multiple=True, metavar="LINE=QUANTITY", help=say("cli.pickup.damaged"))
@click.option("--refused", multiple=True, metavar="LINE=QUANTITY", help=say("cli.pickup.refused"))
@_reason
@connected
def inspect(node: Node, paper: Paper, parcel: str, lines: tuple[str, ...], damaged: tuple[str, ...],
            refused: tuple[str, ...], reason: str) -> None:
    """Say what came; without lines all of it is good."""
    bad, back = pairs(damaged), pairs(refused)
    told = [{"line": line, "received": good, "damaged": bad.get(line, "0"), "rejected": back.get(line, "0"),
             "reason": reason} for line, good in ({**dict.fromkeys((*bad, *back), "0"), **amounts(lines)}).items()]
    paper.done(node.do("inspect", thread=parcel_of(node, parcel), lines=told))


@command.command("hand-out", help=say("cli.pickup.hand-out"))
@_code
@click.option("--parcel", default="", help=say("cli.pickup.parcel"))
@connected
def hand_out(node: Node, paper: Paper, code: str, parcel: str) -> None:
    """Give the goods to who has brought the code."""
    paper.done(node.do("hand-out", code=code, thread=parcel_of(node, parcel) if parcel else ""))


@command.command("take-back", help=say("cli.pickup.take-back"))
@_code
@click.argument("items", nargs=-1, metavar="[ITEM=QUANTITY]...")
@click.option("--parcel", default="", help=say("cli.pickup.parcel"))
@_reason
@connected
def take_back(node: Node, paper: Paper, code: str, items: tuple[str, ...], parcel: str, reason: str) -> None:
    """Take goods back for their sender; without items all of them."""
    lines = [{"item": item, "quantity": quantity, "reason": reason} for item, quantity in pairs(items).items()]
    paper.done(node.do("take-back", code=code, thread=parcel_of(node, parcel) if parcel else "", lines=lines))


@command.command("send-back", help=say("cli.pickup.send-back"))
@_parcel
@connected
def send_back(node: Node, paper: Paper, parcel: str) -> None:
    """All that lies here of a parcel goes back to its owner."""
    paper.done(node.do("send-back", thread=parcel_of(node, parcel)))


def parcel_of(node: Node, named: str) -> str:
    """The thread of the parcel with these letters, or this thread; raises ``NotFound('pickup.no-parcel')``."""
    found = [one["thread"] for one in node.view("pick-ups")["parcels"]
             if named.upper() == one["label"] or named == one["thread"]]
    if len(found) != 1:
        raise NotFound("pickup.no-parcel", label=named[:20])
    return str(found[0])


for one in (pickup_places.places, pickup_places.offer, pickup_places.drop, pickup_places.order):
    command.add_command(one)
