"""``weft pickup`` at a desk: places that we offer to buyers, and where an order of ours is fetched.

Not here: the counter (``pickup.py``).
"""

from typing import Any

import click

from weft.basis.errors import NotFound
from weft.cli.client import Node
from weft.cli.options import connected
from weft.cli.ordering import thread_of
from weft.cli.printing import Paper
from weft.cli.words import say, word


@click.command("places", help=say("cli.pickup.places"))
@connected
def places(node: Node, paper: Paper) -> None:
    """Where our buyers may fetch."""
    shops = node.view("pick-ups")["shops"]
    rows = [{**one, "place": one["place"]["name"], "address": one["place"]["address"],
             "days": one["place"]["return_days"]} for one in shops]
    paper.table(rows, "place address partner_name item days", shops)


@click.command("offer", help=say("cli.pickup.offer"))
@click.argument("partner")
@click.argument("item")
@click.argument("place")
@click.option("--address", default="", help=say("cli.pickup.address"))
@click.option("--return-days", default=0, type=click.IntRange(0, 3650), help=say("cli.pickup.return-days"))
@connected
def offer(node: Node, paper: Paper, partner: str, item: str, place: str, address: str, return_days: int) -> None:
    """Offer a partner's shop to our buyers."""
    paper.done(node.do("pickup-shop", partner=partner, item=item, name=place, address=address,
                       return_days=return_days))


@click.command("drop", help=say("cli.pickup.drop"))
@click.argument("place")
@connected
def drop(node: Node, paper: Paper, place: str) -> None:
    """Offer a place no more."""
    known = [one["place"] for one in node.view("pick-ups")["shops"]]
    paper.done(node.do("pickup-shop-drop", place=_place(known, place)))


@click.command("order", help=say("cli.pickup.order"))
@click.argument("order")
@click.option("--at", default="", metavar="PLACE", help=say("cli.pickup.at"))
@connected
def order(node: Node, paper: Paper, order: str, at: str) -> None:
    """Where an order of ours may be fetched, and the code; with a place, choose it (and make a new code)."""
    thread = thread_of(node, order)
    if at:
        known = node.view("order-pick-up", thread=thread)["places"]
        node.do("pick-up", thread=thread, place=_place(known, at))
    view = node.view("order-pick-up", thread=thread)
    if view["place"]:
        state = word("pickup.fetch", view["state"]) if view["role"] == "buyer" else word("pickup.state", view["state"])
        rows = [{"place": view["place"]["name"], "parcel": view["label"], "code": view["code"], "state": state}]
        paper.table(rows, "place parcel code state", view)
    else:
        paper.table([{"place": one["name"], "address": one["address"], "days": one["return_days"]}
                     for one in view["places"]], "place address days", view)


def _place(known: list[dict[str, Any]], named: str) -> str:
    found = [one["id"] for one in known if named in (one["id"], one["name"])]
    if len(found) != 1:
        raise NotFound("pickup.no-place")
    return str(found[0])
