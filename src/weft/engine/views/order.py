"""One order in full: its documents in order, its lines, what may be said next, and what the partner sees.

Rule 1: what may be said comes from ``order.may_say``; the page draws a form for each and invents none.
Rule 2: child orders are our own affair: nothing of them is in what the partner sees.
Not here: the board (``orders.py``), words and looks (``doors/console``).
"""

from decimal import Decimal
from typing import Any, Final

from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.engine.reactions.offering import own_item
from weft.engine.reactions.ordering import children
from weft.engine.views import proofs
from weft.engine.views.alarms import AlarmView, over
from weft.engine.views.custom import CustomView, quoting
from weft.engine.views.deals import COLUMNS, Deal, buys_by_itself, deal
from weft.engine.views.jobs import JobRow, job_row
from weft.engine.views.orders import OrderCard, card_of
from weft.engine.views.partners import thread_with
from weft.engine.views.plan import places
from weft.engine.views.shape import View
from weft.production.messages import Why
from weft.trade import order as rules
from weft.trade.messages import ChangeOption
from weft.trade.order_state import Phase

FIRST: Final = (
    "OrderChangeResponse", "ReceiptAdvice", "Order", "OrderResponse", "Quotation", "DespatchAdvice", "CounterOffer",
    "OrderChange", "ShortClosed", "OrderChangeWithdrawn", "QuotationWithdrawn", "RequestDeclined", "OrderCancellation",
)
SEES: Final = {"seller": ("documents", "progress", "lots"), "buyer": ("documents", "receipts")}


class Document(View, frozen=True, kw_only=True):
    """One message of the conversation; ``message`` is None where its contents were erased.

    ``void``: the code for which it does not count, or "".
    """

    id: str
    kind: str
    ours: bool
    at_ms: int
    message: Any
    void: str = ""
    final: bool = True


class OrderLineView(View, frozen=True, kw_only=True):
    """One line: what was ordered, sent, received, and is still open. ``trace`` explains its price.

    ``returning``: was on its way when the buyer cancelled, and is asked to be taken back.
    """

    line: str
    item: str
    zh: str = ""
    en: str = ""
    buyer_item: str = ""
    quantity: str
    unit: str = "C62"
    unit_price: str = ""
    base: str = "1"
    net: str = ""
    tax: str = ""
    gross: str = ""
    promise: str = ""
    first_promise: str = ""
    sent: str = "0"
    received: str = "0"
    open: str = "0"
    on_the_way: str = "0"
    returning: str = "0"
    stage: str = ""
    done: str = "0"
    trace: tuple[tuple[str, str, str, str], ...] = ()


class ChangeView(View, frozen=True, kw_only=True):
    """A proposed change that nobody has answered yet."""

    id: str
    ours: bool
    number: str
    cause: str
    options: tuple[ChangeOption, ...]


class SentView(View, frozen=True, kw_only=True):
    """A despatch to us that we have not yet said anything about."""

    id: str
    number: str
    kind: str
    lines: tuple[Any, ...]


class MaterialView(View, frozen=True, kw_only=True):
    """Free-issue material of this order."""

    item: str
    zh: str = ""
    en: str = ""
    unit: str = "C62"
    agreed: str = "0"
    sent: str = "0"
    open: str = "0"


class OrderView(View, frozen=True, kw_only=True):
    """One order. ``step`` is the place on the way (1 asked … 6 done), 0 for one that ended otherwise."""

    thread: str
    role: str
    partner: str
    partner_name: str
    number: str
    phase: str
    column: str
    step: int
    currency: str
    net: str = ""
    tax: str = ""
    gross: str = ""
    wanted_by: str = ""
    promise: str = ""
    first_promise: str = ""
    late: bool = False
    done: str = "0"
    of: int = 0
    off_book: bool = False
    price_book: str = ""
    quotation: str = ""
    next: str = ""
    waiting_for: str = ""
    lines: tuple[OrderLineView, ...] = ()
    documents: tuple[Document, ...] = ()
    may: tuple[str, ...] = ()
    changes: tuple[ChangeView, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()
    why: tuple[Why, ...] = ()
    to_receive: tuple[SentView, ...] = ()
    materials: tuple[MaterialView, ...] = ()
    children: tuple[OrderCard, ...] = ()
    parent: str = ""
    relationship: str = ""
    jobs: tuple[JobRow, ...] = ()
    partner_sees: tuple[str, ...] = ()
    alarms: tuple[AlarmView, ...] = ()
    proof: Any = None
    custom: CustomView = CustomView()
    item_of: dict[str, str] = {}
    unit_of: dict[str, str] = {}
    not_ours: tuple[str, ...] = ()
    called: tuple[tuple[str, str], ...] = ()


async def order(node: Any, thread: str) -> OrderView:
    """The order in ``thread``; raises ``NotFound``."""
    if thread not in node.threads("order"):
        raise NotFound("thread.unknown")
    held = await deal(node, thread)
    state = held.state
    quotation = state.quotation
    lines = tuple(_line(held, line) for line in held.lines)
    done, of = held.progress
    step = held.next(by_itself=buys_by_itself(node, held))
    may = rules.may_say(state, held.role)
    unknown, called = await _asked_for(node, held) if "Quotation" in may else ((), ())
    return OrderView(
        thread=thread, role=held.role, partner=held.partner, partner_name=held.partner_name, number=held.number,
        phase=state.phase.value, column=held.column, currency=state.currency, **_money(held),
        step=0 if state.phase in (Phase.CANCELLED, Phase.DECLINED, Phase.REJECTED) else COLUMNS.index(held.column) + 1,
        wanted_by=state.request.wanted_by if state.request else "", promise=held.promise,
        first_promise=held.first_promise, late=held.late, done=done, of=int(float(of)),
        off_book=bool(quotation and quotation.off_book),
        price_book=quotation.price.book if quotation and quotation.price else "", quotation=state.quotation_id,
        next=step, waiting_for="" if step or not held.open else _waiting(held), lines=lines,
        documents=await _documents(node, thread), may=tuple(kind for kind in FIRST if kind in may),
        changes=_changes(held), moved=await _moved(node, held), why=await _why(node, held),
        to_receive=_to_receive(held),
        materials=_materials(held),
        children=tuple([card_of(node, await deal(node, child)) for child in await children(node, thread)]),
        parent=held.parent, relationship=await thread_with(node, held.partner),
        jobs=await _jobs(node, thread), partner_sees=SEES.get(held.role, ()),
        alarms=await over(node, thread), proof=await proofs.current(node, thread, state.order_id or state.quotation_id),
        custom=await quoting(node, thread, lines) if "Quotation" in may else CustomView(),
        item_of={line.line: line.item for line in lines}, unit_of={line.line: line.unit for line in lines},
        not_ours=unknown, called=called)


async def _asked_for(node: Any, held: Deal) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """What the buyer asks for by words that we know no item by, and by words of its own that mean one of ours."""
    stock = await node.state(node.book("stock"))
    unknown, called = dict[str, None](), dict[str, str]()
    for line in held.state.request.lines if held.state.request else ():
        try:
            item = own_item(stock, held.partner, line.item, line.buyer_item)
        except NotFound:
            unknown[line.item] = None
        else:
            if item != line.item and stock.items[item].partner_numbers.get(held.partner) == line.item:
                called[line.item] = item
    return tuple(unknown), tuple(called.items())


def _line(held: Deal, line: Any) -> OrderLineView:
    zh, en = held.named(line.item, line.buyer_item)
    quoted = {one.line: one for one in held.state.quotation.lines} if held.state.quotation else {}
    offer = quoted.get(line.line)
    ordered = hasattr(line, "ordered")
    return OrderLineView(
        line=line.line, item=line.item, zh=zh or getattr(line, "description", ""), en=en, buyer_item=line.buyer_item,
        quantity=line.ordered if ordered else line.quantity, unit=line.unit, unit_price=getattr(line, "unit_price", ""),
        base=getattr(line, "base", "1"), net=getattr(line, "net", ""), tax=getattr(line, "tax", ""),
        gross=getattr(line, "gross", ""), promise=getattr(line, "promise", ""),
        first_promise=getattr(line, "first_promise", ""), sent=getattr(line, "despatched", "0"),
        received=getattr(line, "received", "0"), open=q.text(line.open) if ordered else line.quantity,
        on_the_way=q.text(line.in_transit) if ordered else "0", returning=getattr(line, "return_requested", "0"),
        stage=getattr(line, "stage", ""), done=getattr(line, "done", "0"), trace=offer.trace if offer else ())


def _money(held: Deal) -> dict[str, str]:
    """Net, tax and gross of the order as it stands."""
    if held.state.lines:
        lines = held.state.lines.values()
        return {name: str(sum((Decimal(getattr(line, name)) for line in lines), Decimal(0)))
                for name in ("net", "tax", "gross")}
    offer = held.state.quotation
    return {"net": offer.net, "tax": offer.tax, "gross": offer.gross} if offer else {}


def _waiting(held: Deal) -> str:
    if held.open_change(ours=True):
        return "change"
    if held.column == "on-the-way":
        return "receipt" if held.role == "seller" else ""
    return {
        ("buyer", Phase.REQUESTED): "quotation", ("buyer", Phase.COUNTERED): "quotation",
        ("seller", Phase.QUOTED): "order", ("buyer", Phase.ORDERED): "response", ("buyer", Phase.CONFIRMED): "goods",
    }.get((held.role, held.state.phase), "")


async def _documents(node: Any, thread: str) -> tuple[Document, ...]:
    return tuple(
        Document(id=one.id, kind=one.kind, ours=one.author == node.organisation, at_ms=one.at_ms, void=one.void,
                 final=one.final, message=one.message)
        for one in await node.log(thread)
        if one.kind in rules.MESSAGES and (one.message is not None or not one.void))  # void: it never said anything


def _changes(held: Deal) -> tuple[ChangeView, ...]:
    return tuple(
        ChangeView(id=name, ours=one.by == held.role, number=one.number, cause=one.cause, options=one.options)
        for name, one in held.state.changes.items() if one.status == "open")


async def _moved(node: Any, held: Deal) -> tuple[tuple[str, str], ...]:
    """(line, new date) of what our plan has moved and the buyer does not know of yet."""
    if held.role != "seller" or held.open_change(ours=True):
        return ()
    return tuple(held.moved_lines((await node.state(node.book("production"))).promises))


async def _why(node: Any, held: Deal) -> tuple[Why, ...]:
    """Why the goods do not leave earlier, as our plan saw it when it promised last."""
    promises = (await node.state(node.book("production"))).promises
    found = [promises.get(f"{held.thread}#{name}") for name in held.state.lines] if held.role == "seller" else []
    return tuple(why for promise in found if promise for why in promise.why)


def _to_receive(held: Deal) -> tuple[SentView, ...]:
    kind = "goods" if held.role == "buyer" else "materials"
    return tuple(SentView(id=name, number=one.number, kind=one.kind, lines=one.lines)
                 for name, one in held.state.despatches.items() if one.kind == kind and not one.receipt)


def _materials(held: Deal) -> tuple[MaterialView, ...]:
    found = []
    for one in held.state.materials:
        zh, en = held.named(one.item)
        owed = max(Decimal(0), Decimal(one.agreed) - Decimal(one.sent))
        found.append(MaterialView(item=one.item, zh=zh, en=en, unit=one.unit, agreed=one.agreed, sent=one.sent,
                                  open=q.text(owed)))
    return tuple(found)


async def _jobs(node: Any, thread: str) -> tuple[JobRow, ...]:
    state = await node.state(node.book("production"))
    planned = await places(node)
    return tuple(job_row(state.jobs[name], state, planned) for one in state.orders.values()
                 if one.demand.thread == thread for name in one.jobs if name in state.jobs)
