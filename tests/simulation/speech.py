"""What somebody of a simulated firm says or does next: drawn once, then done as often as it takes, with one key.

People of a light firm write any word that the rules allow; those of a factory press the buttons of the real commands.
Not here: who speaks when (``people.py``).
"""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from tests.simulation import house, money, words
from tests.simulation.firm import Firm
from tests.simulation.money import Asked
from weft.engine.commands import run
from weft.engine.node import Node
from weft.trade import messages as m
from weft.trade.say import Say

Said = Callable[[Node], Awaitable[tuple[str, list[str]]]]  # (thread, ids) of what is stored now
ABOUT_MONEY = 0.12
AT_HOME = 0.06
AT_THE_BENCH = 0.5


async def choose(firm: Firm, node: Node, threads: tuple[str, str], mark: str, luck: random.Random) -> Said | None:
    """Something to say in ``threads`` (an order, the relationship) or to do at home; None when there is nothing."""
    thread, relationship = threads
    drawn = luck.random()
    if drawn < ABOUT_MONEY:
        return _asked(await money.something(node, relationship, luck), mark, relationship)
    if drawn < ABOUT_MONEY + (AT_THE_BENCH if firm.house is not None and firm.house.makes else AT_HOME):
        return await _at_home(firm, node, mark, luck)
    if firm.house is not None and luck.random() < 0.3:
        thread = luck.choice(await _between(node, relationship) or [thread])
    if await node.find(thread) is None:
        return None
    role = (await node.members(thread))[node.organisation]
    word = words.any_word(await node.state(thread), role, mark, luck)
    if word is None:
        return None
    return _said(thread, role, word, mark) if firm.house is None else _asked(pressed(thread, word), mark, thread)


async def _between(node: Node, relationship: str) -> list[str]:
    """All orders between the two of ``relationship``: those that the nodes began by themselves, too."""
    two = set(await node.members(relationship))
    return [thread for thread in node.threads("order") if set(await node.members(thread)) == two]


async def _at_home(firm: Firm, node: Node, mark: str, luck: random.Random) -> Said | None:
    if firm.house is None and luck.random() < 0.5:
        booking = await house.partner_material(node, luck, mark)
        if booking is not None:
            return _recorded(booking, mark)
    asked = await house.something(node, luck)
    book = "production" if asked is not None and asked[0].startswith("job-") else "stock"
    return _asked(asked, mark, node.book(book))


def _said(thread: str, role: str, word: m.Message, mark: str) -> Said:
    async def said(node: Node) -> tuple[str, list[str]]:
        return thread, await node.say(thread, Say(role=role, by=node.organisation, message=word), key=mark)

    return said


def _recorded(booking: Any, mark: str) -> Said:
    async def recorded(node: Node) -> tuple[str, list[str]]:
        return node.book("stock"), await node.record("stock", booking, key=mark)

    return recorded


def _asked(asked: Asked | None, mark: str, thread: str) -> Said | None:
    """The command ``asked``, which speaks in ``thread``."""
    if asked is None:
        return None
    command, params = asked

    async def done(node: Node) -> tuple[str, list[str]]:
        return thread, list((await run(node, command, params, mark)).events)

    return done


def pressed(thread: str, word: m.Message) -> Asked | None:
    """The command with which people say ``word``; None for what only the node says by itself."""
    found = BUTTONS.get(type(word))
    if found is None or (isinstance(word, m.DespatchAdvice) and word.kind == "materials"):
        return None
    command, params = found
    return command, {"thread": thread, **params(word)}


def _plain(word: Any, *names: str) -> dict[str, Any]:
    return {name: msgspec.to_builtins(getattr(word, name)) for name in names}


BUTTONS: dict[type[m.Message], tuple[str, Callable[[Any], dict[str, Any]]]] = {
    m.Quotation: ("quote", lambda _: {"terms": {"over_delivery_percent": "10"}}),
    m.RequestDeclined: ("decline", lambda word: _plain(word, "reason")),
    m.CounterOffer: ("counter-offer", lambda word: _plain(word, "lines", "note")),
    m.Order: ("order", lambda word: {}),
    m.OrderResponse: ("respond", lambda word: _plain(word, "code", "reason")),
    m.OrderChange: ("propose-change", lambda word: _plain(word, "options")),
    m.OrderChangeResponse: ("answer-change", lambda word: _plain(word, "change", "option", "note")),
    m.OrderChangeWithdrawn: ("withdraw-change", lambda word: _plain(word, "reason")),
    m.OrderCancellation: ("cancel", lambda word: _plain(word, "reason")),
    m.DespatchAdvice: ("despatch", lambda word: {"quantities": {one.line: one.quantity for one in word.lines}}),
    m.ReceiptAdvice: ("receive", lambda word: _plain(word, "despatch", "lines")),
    m.ShortClosed: ("short-close", lambda word: _plain(word, "lines", "reason")),
}
