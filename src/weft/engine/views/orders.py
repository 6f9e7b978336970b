"""The board: every order as a card in the column where it stands.

Not here: one order in full (``order.py``), what is to be done today (``today.py``).
"""

from typing import Any

from weft.engine.views.deals import COLUMNS, Deal, buys_by_itself, deals, ended
from weft.engine.views.shape import View

DONE_SHOWN = 50


class OrderCard(View, frozen=True, kw_only=True):
    """One order at a glance. ``next``: what we are to do, a code; ``waits``: us, them or ""."""

    thread: str
    role: str
    partner: str
    partner_name: str
    number: str
    column: str
    phase: str
    item: str = ""
    zh: str = ""
    en: str = ""
    quantity: str = "0"
    unit: str = "C62"
    more: int = 0
    wanted_by: str = ""
    promise: str = ""
    first_promise: str = ""
    late: bool = False
    gross: str = ""
    currency: str = ""
    done: str = "0"
    of: int = 0
    next: str = ""
    waits: str = ""
    serves: str = ""


class Column(View, frozen=True, kw_only=True):
    """One column of the board."""

    code: str
    cards: tuple[OrderCard, ...]


class OrdersView(View, frozen=True, kw_only=True):
    """The board; ``total`` counts all orders, shown or not."""

    columns: tuple[Column, ...]
    total: int


async def orders(node: Any, side: str = "all") -> OrdersView:
    """All orders; ``side`` is all, buyer or seller."""
    found = [held for held in await deals(node) if side in ("all", held.role)]
    done = await ended(node, DONE_SHOWN, lambda one: side in ("all", one.role))
    cards = [card_of(node, held) for held in (*found, *done)]
    cards.sort(key=lambda card: (card.waits != "us", not card.late, card.promise or card.wanted_by or "~", card.number))
    columns = [Column(code=code, cards=tuple(card for card in cards if card.column == code)) for code in COLUMNS]
    columns[-1] = Column(code="done", cards=tuple(sorted(
        columns[-1].cards, key=lambda card: card.promise, reverse=True)[:DONE_SHOWN]))
    return OrdersView(columns=tuple(columns), total=len(node.threads("order")))


def card_of(node: Any, held: Deal) -> OrderCard:
    """``held`` as a card."""
    lines = held.lines
    wish = held.countered
    first: Any = next((line for line in lines if line.line in wish), lines[0]) if lines else None
    zh, en = held.named(first.item, first.buyer_item) if first else ("", "")
    done, of = held.progress
    step = held.next(by_itself=buys_by_itself(node, held))
    return OrderCard(
        thread=held.thread, role=held.role, partner=held.partner, partner_name=held.partner_name, number=held.number,
        column=held.column, phase=held.state.phase.value, item=first.item if first else "", zh=zh, en=en,
        quantity=(wish.get(first.line, "") or getattr(first, "ordered", "") or getattr(first, "quantity", "0"))
        if first else "0",
        unit=first.unit if first else "C62", more=max(0, len(lines) - 1),
        wanted_by=held.state.request.wanted_by if held.state.request else "", promise=held.promise,
        first_promise=held.first_promise, late=held.late, gross="" if wish else held.gross,
        currency=held.state.currency, done=done, of=int(float(of)), next=step,
        waits="us" if step else "them" if held.open else "", serves=held.parent)
