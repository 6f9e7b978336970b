"""What follows what in a simulated firm: the real table in a factory, the trading part of it in a light firm.

A light firm quotes from a price in its head and holds a piece of its stock for each offer of its own. That runs ahead
of finality on purpose, and is let go when the offer turns out void: the compensation that the figures name.
Rule 1: ``in_effect`` is told who draws a consequence, before it is drawn: a good moment for a crash.
Not here: the reactions themselves (``weft/engine/reactions``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.simulation import words
from weft.engine.effects import Cause, Reaction, Run
from weft.engine.node import Node
from weft.engine.reactions import TABLE, invoicing, ordering, sending
from weft.stock.messages import LotIn, Received, ReservationReleased, Reserved
from weft.trade.order_state import Phase
from weft.trade.say import Say

InEffect = Callable[[str], None]
Table = Mapping[tuple[str, str], Sequence[Reaction]]
HOLD = "hold:"  # how what is held for an offer of ours is called


def full(in_effect: InEffect) -> Table:
    """The real table, whole."""
    return {row: [_told(reaction, in_effect) for reaction in reactions] for row, reactions in TABLE.items()}


def light(in_effect: InEffect, *, keyless: bool = False) -> Table:
    """Trade without making.

    ``keyless`` is the control that books what has come as often as it is asked to; crashes then strike there alone.
    """
    table = {
        ("order", "RequestForQuotation"): [Reaction("offer", offer, "peer")],
        ("order", "CounterOffer"): [Reaction("offer-anew", offer, "peer")],
        ("order", "Quotation"): [Reaction("hold", hold, "own", undo=let_go)],
        ("order", "Order"): [Reaction("answer-order", ordering.answer_order, "peer", final=True)],
        ("order", "DespatchAdvice"): [
            Reaction("book-despatch", sending.book_despatch, "own", final=True),
            Reaction("receive-sent", sending.receive_sent, "peer", final=True)],
        ("order", "ReceiptAdvice"): [
            Reaction("book-receipt", book_in if keyless else sending.book_receipt, "own", final=True),
            Reaction("bill-receipt", invoicing.bill_receipt, "peer", final=True)],
    }
    return {row: [_told(reaction, in_effect) if not keyless or reaction.run is book_in else reaction
                  for reaction in reactions] for row, reactions in table.items()}


def _told(reaction: Reaction, in_effect: InEffect) -> Reaction:
    def telling(run: Run) -> Run:
        async def told(node: Node, cause: Cause) -> None:
            in_effect(node.organisation)
            await run(node, cause)

        return told

    undo = None if reaction.undo is None else telling(reaction.undo)
    return replace(reaction, run=telling(reaction.run), undo=undo)


async def offer(node: Node, cause: Cause) -> None:
    """Answer a request or a counter-offer with the quantities that it names."""
    state = await node.state(cause.thread)
    if state.phase not in (Phase.REQUESTED, Phase.QUOTED, Phase.COUNTERED):
        return
    mark = f"auto {cause.id}"
    if any(words.mark_of(entry.message) == mark for entry in (await node.loaded(cause.thread)).entries.values()):
        return  # after a restored backup no key tells that it was said; the thread does
    said = words.offer(mark, words.wanted(state, state.counter))
    await node.say(cause.thread, Say(role="seller", by=node.organisation, message=said), key=cause.key)


async def hold(node: Node, cause: Cause) -> None:
    """Hold one piece for an offer of ours."""
    kept = Reserved(id=f"{HOLD}{cause.id}", item=words.ITEMS[0], quantity="1", thread="", line="")
    await node.record("stock", kept, key=cause.key)


async def let_go(node: Node, cause: Cause) -> None:
    """The offer was none: what it held is free again."""
    if f"{HOLD}{cause.id}" in (await node.book_state("stock")).reservations:
        await node.record("stock", ReservationReleased(id=f"{HOLD}{cause.id}"), key=cause.key)


async def book_in(node: Node, cause: Cause) -> None:
    """Control: its own number of chance forbids nothing, so what runs again is booked again."""
    lots: Any = tuple(LotIn(item=words.ITEMS[0], quantity=line.received) for line in cause.message.lines
                      if Decimal(line.received) > 0)
    if lots:
        await node.record("stock", Received(ref=f"{cause.id} {node.random(8).hex()}", lots=lots))
