"""What all views of orders share: whose turn it is, in which column an order stands, and what its items are called.

Rule 1: whose turn it is follows from the same table that refuses words (``order.may_say``), never from a guess.
Not here: the board (``orders.py``), one order in full (``order.py``).
"""

import heapq
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import instant
from weft.engine import pickup
from weft.engine.ended import Ended, keys_with
from weft.engine.reactions.offering import LINKS, Link
from weft.engine.reactions.pickup_shipping import OVER, may_leave
from weft.engine.views.naming import partner_names
from weft.production.state import Promise
from weft.stock import levels
from weft.thread.clock import milliseconds
from weft.trade import order
from weft.trade import views as trade
from weft.trade.order_state import OrderState, Phase

COLUMNS: Final = ("asked", "quoted", "ordered", "making", "on-the-way", "done")
TO_DO: Final = frozenset({"OrderChangeResponse", "ReceiptAdvice", "DespatchAdvice"})
BEGINNING: Final = frozenset({"begin-work", "apply-accepted-change", "apply-agreed-change"})  # reactions to our word
ENDED: Final = frozenset({Phase.CLOSED, Phase.CANCELLED, Phase.DECLINED, Phase.REJECTED})


@dataclass(frozen=True, slots=True)
class Deal:
    """One order thread with what is needed to show it."""

    thread: str
    state: OrderState
    role: str
    partner: str
    partner_name: str
    parent: str
    stock: Any
    now: str
    in_work: bool = False
    elsewhere: bool = False  # at the shop at which the buyer fetches it, or not to leave before that has agreed

    @property
    def open(self) -> bool:
        """Whether anything may still happen to it."""
        return self.state.phase not in ENDED

    @property
    def over(self) -> bool:
        """Whether nothing is left here for anybody to do or to answer, so that lists need not look at it again."""
        return not self.open and self.column == "done" and not TO_DO & set(order.may_say(self.state, self.role)) \
            and not self.open_change(ours=True) and not self.open_change(ours=False)

    @property
    def lines(self) -> tuple[Any, ...]:
        """The lines as they stand: ordered, else offered, else asked for."""
        state = self.state
        if state.lines:
            return tuple(state.lines.values())
        if state.quotation is not None:
            return state.quotation.lines
        return state.request.lines if state.request else ()

    @property
    def countered(self) -> dict[str, str]:
        """Quantities by line of the counter-offer on the table, for which nobody has said a price yet."""
        counter = self.state.counter if self.state.phase is Phase.COUNTERED else None
        return {line.line: line.quantity for line in counter.lines} if counter else {}

    @property
    def promise(self) -> str:
        """When the last open piece leaves; "" while nobody has promised it."""
        return trade.promise(self.state)

    @property
    def first_promise(self) -> str:
        """What was promised when it was ordered."""
        return trade.first_promise(self.state)

    @property
    def late(self) -> bool:
        """Promised later than at first, or past its promise."""
        if self.state.phase not in (Phase.ORDERED, Phase.CONFIRMED) or not self.promise:
            return False
        owed = any(line.open > 0 for line in self.state.lines.values())
        return owed and (self.promise > self.first_promise or self.promise < self.now)

    @property
    def progress(self) -> tuple[str, str]:
        """(done, of) of all lines, what was sent counting as done; ("0", "0") before work began."""
        if self.state.phase not in (Phase.CONFIRMED, Phase.CLOSED) or not self.state.lines:
            return "0", "0"
        lines = self.state.lines.values()
        done = sum((min(Decimal(line.ordered), max(Decimal(line.done), Decimal(line.despatched))) for line in lines),
                   Decimal(0))
        return str(done), str(sum((Decimal(line.ordered) for line in lines), Decimal(0)))

    @property
    def gross(self) -> str:
        """What it costs, tax included; "" while nobody has said."""
        return trade.amounts(self.state)[1] if self.state.lines or self.state.quotation else ""

    @property
    def number(self) -> str:
        """The number that people call it by."""
        known = self.state.order or self.state.quotation or self.state.request
        return known.number if known else ""

    @property
    def column(self) -> str:
        """Where it stands on the board."""
        column = trade.column(self.state)
        return column if column in COLUMNS else "done"

    def open_change(self, *, ours: bool) -> list[tuple[str, Any]]:
        """Open proposals, ours or the other side's, by event id."""
        return [(name, one) for name, one in self.state.changes.items()
                if one.status == "open" and (one.by == self.role) is ours]

    def next(self, *, by_itself: bool) -> str:
        """What we are to do now, as a code; "" when it is not our turn. ``by_itself``: the node buys for this order."""
        may = order.may_say(self.state, self.role)
        if "OrderChangeResponse" in may and self.open_change(ours=False):
            return "answer-change"
        if "ReceiptAdvice" in may:
            return "receive"
        if self.role == "buyer":
            return "decide" if self.state.phase is Phase.QUOTED and not by_itself else ""
        if self.state.phase in (Phase.REQUESTED, Phase.COUNTERED):
            return "quote"
        if self.state.phase is Phase.ORDERED:
            return "answer-order"
        return "despatch" if "DespatchAdvice" in may and self._ready() else ""

    def _ready(self) -> bool:
        """Everything open is made, or lay in stock."""
        owed = [line for line in self.state.lines.values() if line.open > 0
                and not levels.is_service(self.stock, line.item) and not self.elsewhere]
        return bool(owed) and not self.in_work

    def moved_lines(self, promises: Mapping[str, Promise]) -> list[tuple[str, str]]:
        """(line, new date) of the lines whose promise our plan has moved; the order still says the old one."""
        moved = []
        for name, line in self.state.lines.items():
            promise = promises.get(f"{self.thread}#{name}")
            if promise and promise.moves and promise.at and line.open > 0 and promise.at != line.promise:
                moved.append((name, promise.at))
        return moved

    def named(self, item: str, buyer_item: str = "") -> tuple[str, str]:
        """What we call ``item`` in Chinese and English."""
        known = next((self.stock.items[one] for one in (
            item, buyer_item, levels.item_called(self.stock, self.partner, item)) if one in self.stock.items), None)
        return (known.zh, known.en) if known else ("", "")


async def deal(node: Any, thread: str) -> Deal:
    """The deal in ``thread``; raises ``NotFound``."""
    return await _deal(node, thread, await partner_names(node), await _in_work(node))


async def _deal(node: Any, thread: str, names: Callable[[str], str], in_work: Container[str]) -> Deal:
    members = await node.members(thread)
    partner = next((one for one in members if one != node.organisation), "")
    link = await node.store.value(LINKS, thread)
    return Deal(
        thread=thread, state=await node.state(thread), role=members.get(node.organisation, ""), partner=partner,
        partner_name=names(partner), parent=msgspec.json.decode(link, type=Link).thread if link else "",
        stock=await node.state(node.book("stock")), now=instant.from_ms(int(node.clock.now_ms())),
        in_work=thread in in_work, elsewhere=await _elsewhere(node, thread))


async def _in_work(node: Any) -> set[str]:
    """The orders for which something is made now, or will be as soon as the buyer has our word."""
    making = (await node.state(node.book("production"))).orders.values()
    waiting = {row.thread for row in await node.store.effects() if row.reaction in BEGINNING}
    return waiting | {one.demand.thread for one in making if not one.closed}


async def _elsewhere(node: Any, thread: str) -> bool:
    sold = await pickup.sold(node, thread)
    if sold is None:
        return False
    if not await may_leave(node, thread):
        return True
    ledger = await pickup.goods_of(node, sold.thread)
    there = sum((*ledger.here.values(), *ledger.under_way.values()), Decimal(0))
    owed = sum((one.open for one in (await node.state(thread)).lines.values()), Decimal(0))
    return not ledger.out and (await node.state(sold.thread)).phase not in OVER and there >= owed


async def deals(node: Any) -> list[Deal]:
    """The orders that are not over; those that are found to be are noted, and read no more (``engine/ended.py``)."""
    names, known, in_work = await partner_names(node), await node.ended.known(node), await _in_work(node)
    found = [await _deal(node, thread, names, in_work) for thread in node.threads("order") if thread not in known]
    rows = {one.thread: await _ended(node, one) for one in found if one.over}
    await node.ended.note(node, {thread: row for thread, row in rows.items() if row is not None})
    return [one for one in found if not one.over]


async def _ended(node: Any, held: Deal) -> Ended | None:
    """The note on ``held``; None when something was said there since it was read."""
    keys = await keys_with(node, held.partner)
    loaded = await node.loaded(held.thread)
    return None if loaded.state != held.state else Ended(
        length=loaded.position, keys=keys, role=held.role, partner=held.partner,
        number=held.number, promise=held.promise, at_ms=milliseconds(loaded.hlc),
        came=any(Decimal(line.received) > 0 for line in held.state.lines.values()))


async def ended(node: Any, most: int, wanted: Callable[[Ended], bool], by: str = "promise") -> list[Deal]:
    """Of the orders that are over and ``wanted`` at most so many: the last ones ``by`` a field of ``Ended``."""
    names, in_work = await partner_names(node), await _in_work(node)
    rows = [(getattr(one, by), thread) for thread, one in (await node.ended.known(node)).items() if wanted(one)]
    return [await _deal(node, thread, names, in_work) for _, thread in heapq.nlargest(most, rows)]


def buys_by_itself(node: Any, held: Deal) -> bool:
    """Whether the node itself orders and answers for this order, because it serves another."""
    return bool(held.parent) and node.config.rules.subcontract == "auto"
