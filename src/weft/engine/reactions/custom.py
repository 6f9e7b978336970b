"""Which rate card prices a part that is made to a drawing, and from which inputs.

Rule 1: inputs are the owner's word, kept with the terms of the offer; nothing is estimated behind its back.
Rule 2: without inputs a line is priced as any other.
Not here: the model (``pricing/rates.py``), the offer (``offering.py``).
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, NotFound
from weft.engine.node import Node
from weft.engine.reactions import terms
from weft.pricing import publish
from weft.pricing.schema import ATTRIBUTES, PriceBook, RateCard
from weft.trade.messages import RequestForQuotation

CARD: Final = "card"


class Inputs(msgspec.Struct, frozen=True):
    """What the model is given for one line; ``card``: the card's item, "" the only one."""

    values: dict[str, str] = {}
    card: str = ""


async def inputs_of(node: Node, thread: str) -> dict[str, Inputs]:
    """The inputs kept for the next offer in ``thread``, by line."""
    kept = await terms.kept(node, thread)
    return split(kept.inputs) if kept is not None else {}


def split(given: dict[str, str]) -> dict[str, Inputs]:
    """``1/kg`` and ``1/card`` by line; what is empty says nothing."""
    lines: dict[str, dict[str, str]] = {}
    for name, value in given.items():
        line, _, key = name.rpartition("/")
        if value.strip():
            lines.setdefault(line, {})[key] = value.strip()
    found = {line: Inputs({key: value for key, value in values.items() if key != CARD}, values.get(CARD, ""))
             for line, values in lines.items()}
    return {line: one for line, one in found.items() if set(one.values) - {"material"}}


def attributes_of(request: RequestForQuotation) -> dict[str, str]:
    """The attributes that were asked for; raises ``Invalid('pricing.unknown-attribute')`` for what no book can list."""
    for name in request.attributes:
        if name not in ATTRIBUTES:
            raise Invalid("pricing.unknown-attribute", attribute=name[:40], known=", ".join(ATTRIBUTES))
    return dict(request.attributes)


def cards(books: Any, at: str) -> Iterator[tuple[PriceBook, RateCard]]:
    """The rate cards in force at instant ``at``, those of the newest book first."""
    return ((book, card) for book in publish.current(books, at) for card in book.cards)


def selling(books: Any, given: Inputs, wanted: tuple[str, str], at: str) -> tuple[PriceBook, str]:
    """The book that prices (item, unit) ``wanted``, and what the book calls it.

    Raises ``NotFound('pricing.no-book')``, ``Invalid('pricing.which-card')``.
    """
    item, unit = wanted
    if not given.values:
        return publish.selling(books, item, unit, at), item
    known = [(book, card) for book, card in cards(books, at) if card.unit == unit and given.card in {"", card.item}]
    if not known:
        raise NotFound("pricing.no-book", item=given.card[:60] or item[:60], at=at)
    names = dict.fromkeys(card.item for _, card in known)
    if len(names) > 1:
        raise Invalid("pricing.which-card", listed=", ".join(names)[:200])
    book, card = known[0]
    return book, card.item
