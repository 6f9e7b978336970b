"""The rate cards in force as a quote form shows them, and what the routing knows of a part's minutes and set-ups.

Rule 1: what is filled in before is a proposal: the owner sends it, or changes it.
Not here: the price (``pricing/rates.py``), the offer (``engine/reactions/offering.py``).
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from weft.basis import instant
from weft.basis import quantity as q
from weft.engine.reactions import custom, terms
from weft.engine.views.shape import View
from weft.pricing import publish
from weft.pricing.rates import MINUTES
from weft.production.master import Master, Operation


class CardView(View, frozen=True, kw_only=True):
    """A rate card: names of its rates; ``areas``: finishes that need an area in dm²."""

    item: str
    name: str
    unit: str
    materials: tuple[str, ...] = ()
    minutes: tuple[str, ...] = ()
    finishes: tuple[str, ...] = ()
    areas: tuple[str, ...] = ()


class CustomView(View, frozen=True, kw_only=True):
    """What can be quoted from rate cards. ``lines`` have no price of their own in any book in force.

    ``choices``: (name, words) of all cards' rates, by kind: cards, materials, minutes, finishes, areas.
    ``inputs``: what stands in the form already, by line and name (``1/kg``).
    """

    cards: tuple[CardView, ...] = ()
    choices: dict[str, tuple[tuple[str, str], ...]] = {}
    lines: tuple[str, ...] = ()
    inputs: dict[str, str] = {}


async def quoting(node: Any, thread: str, lines: Iterable[Any]) -> CustomView:
    """For the order in ``thread`` with ``lines`` (line, item, unit)."""
    at = instant.from_ms(node.clock.now_ms())
    books = await node.book_state("pricing")
    cards = tuple(
        CardView(item=card.item, name=card.name or card.item, unit=card.unit,
                 materials=tuple(one.name for one in card.materials), minutes=tuple(one.name for one in card.minutes),
                 finishes=tuple(one.name for one in card.finishes),
                 areas=tuple(one.name for one in card.finishes if one.per == "dm2"))
        for _, card in custom.cards(books, at))
    if not cards:
        return CustomView()
    sold = {key for book in publish.current(books, at) for key in book.sold}
    master: Master = (await node.book_state("production")).master
    classes = {name for card in cards for name in card.minutes}
    kept = await terms.kept(node, thread)
    known = dict(kept.inputs) if kept is not None else {}
    for line in lines:
        if not any(name.startswith(f"{line.line}/") for name in known):
            known |= {f"{line.line}/{name}": value for name, value in _planned(master, line.item, classes).items()}
    choices = {kind: tuple(dict.fromkeys((name, name) for card in cards for name in getattr(card, kind)))
               for kind in ("materials", "minutes", "finishes", "areas")}
    choices["cards"] = tuple((one.item, one.name) for one in cards)
    return CustomView(cards=cards, inputs=known, choices=choices,
                      lines=tuple(line.line for line in lines if (line.item, line.unit) not in sold))


def _planned(master: Master, item: str, classes: set[str]) -> dict[str, str]:
    """Minutes per piece and set-ups of ``item`` by its routing, as far as the card's classes are its capabilities."""
    routing = master.routings.get(item)
    minutes: dict[str, Decimal] = {}
    setups = 0
    for operation in routing.operations if routing else ():
        name = next((one for one in _classes_of(master, operation) if one in classes), "")
        if name:
            minutes[name] = minutes.get(name, Decimal(0)) + Decimal(operation.run_s) / 60
            setups += Decimal(operation.setup_s) > 0
    found = {MINUTES + name: q.text(round(value, 2)) for name, value in minutes.items()}
    return {**found, **({"setups": str(setups)} if setups else {})}


def _classes_of(master: Master, operation: Operation) -> tuple[str, ...]:
    """What an operation may be called on a rate card: its capability, or those of its work centre, or that itself."""
    centre = master.work_centres.get(operation.work_centre)
    own = centre.capabilities if centre is not None else ()
    return tuple(one for one in (operation.capability, *own, operation.work_centre) if one)
