"""From a request to a quotation: explode the bill, ask suppliers, price by the book, promise by the plan.

Rule 1: an offer holds capacity and stock until it expires, so that nothing is promised twice.
Rule 2: a supplier is asked in a thread of its own, linked to the customer's order by a salted commitment only.
Rule 3: a price follows the book in force; without one the owner is asked, nothing is invented.
Rule 4: begun again after a crash, a round goes on with what it has asked, held and said already.
Not here: what an accepted offer sets going (``ordering.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft import locale
from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.canonical import b64
from weft.basis.errors import NotFound, Refused
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.planner import present
from weft.engine.pricelog import documents, showing
from weft.engine.reactions import custom, terms
from weft.engine.reactions.releasing import one_at_a_time, release
from weft.pricing import evaluate
from weft.production import promise as promises
from weft.production.messages import (
    CapacityReserved,
    ChildNeed,
    DemandRef,
    SourcingAnswered,
    SourcingClosed,
    SourcingOpened,
)
from weft.production.state import Sourcing
from weft.stock import levels
from weft.stock.messages import Reserved
from weft.trade import parent
from weft.trade.messages import (
    CounterLine,
    CounterOffer,
    FreeIssueMaterial,
    PriceEvidence,
    Quotation,
    QuotationLine,
    RequestDeclined,
    RequestForQuotation,
    RequestLine,
)
from weft.trade.order_state import OrderState, Phase

LINKS: Final = "link"  # child thread -> salt and parent, known only here
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line as it is to be offered: the last request or counter-offer, in our own item number."""

    line: str
    item: str
    quantity: str
    unit: str
    wanted_by: str
    buyer_item: str = ""
    asked: str = ""


class Link(msgspec.Struct, frozen=True):
    """How a child thread hangs on its parent; never told to anybody."""

    salt: str
    thread: str
    line: str


# ---- what is wanted ------------------------------------------------------------------------------


async def wanted_lines(node: Node, thread: str, state: OrderState) -> list[Wanted]:
    """The lines to offer now, quantities and dates as last asked for."""
    assert state.request is not None
    partner = await other_member(node, thread)
    stock = await node.book_state("stock")
    counters = {line.line: line for line in state.counter.lines} if state.counter else {}
    found = []
    for line in state.request.lines:
        counter = counters.get(line.line)
        found.append(Wanted(
            line=line.line, item=own_item(stock, partner, line.item, line.buyer_item),
            quantity=counter.quantity if counter else line.quantity, unit=line.unit, asked=line.item,
            wanted_by=(counter.wanted_by if counter else "") or state.request.wanted_by, buyer_item=line.buyer_item))
    return found


async def other_member(node: Node, thread: str) -> str:
    """The other firm in a thread of two."""
    return next(one for one in await node.members(thread) if one != node.organisation)


def own_item(stock: Any, partner: str, item: str, partner_item: str = "") -> str:
    """Our number for what ``partner`` calls ``item``; raises ``NotFound('stock.item-unknown')``."""
    if item in stock.items:
        return item
    known = levels.item_called(stock, partner, item) or levels.item_called(stock, partner, partner_item)
    if not known:
        known = levels.item_named(stock, item)
    if not known:
        raise NotFound("stock.item-unknown", item=item[:60])
    return known


# ---- answering -----------------------------------------------------------------------------------


async def answer_request(node: Node, cause: Cause) -> None:
    """A request or counter-offer has come: offer at once, or ask our suppliers first."""
    state: OrderState = await node.state(cause.thread)
    if state.phase is Phase.QUOTED and state.quotation is not None \
            and state.quotation.in_reply_to == (state.counter_id or state.request_id):
        return  # given back after a restore, together with our answer
    if node.config.rules.quote == "auto":
        await prepare_offer(node, cause.thread, cause.key)


async def prepare_offer(node: Node, thread: str, key: str) -> None:
    """Ask suppliers for what must be bought; make the offer when there is nothing to ask."""
    state: OrderState = await node.state(thread)
    if state.phase not in (Phase.REQUESTED, Phase.COUNTERED, Phase.QUOTED) or await is_offered(node, thread, key):
        return
    begun = (await node.book_state("production")).sourcings.get(key)
    if begun is not None:
        await take_answers(node, begun)
        return
    needs = []
    for wanted, explosion in await _explosions(node, thread, state):
        needs.extend(await _ask_suppliers(node, thread, wanted, explosion, key))
    if not needs:
        await make_offer(node, thread, key)
        return
    sourcing = SourcingOpened(id=key, demand=DemandRef(thread=thread, line=""), needs=tuple(needs))
    await node.record("production", sourcing, key=f"{key}:sourcing")
    await take_answers(node, sourcing)


async def _explosions(node: Node, thread: str, state: OrderState) -> list[tuple[Wanted, promises.Explosion]]:
    """What each line takes, one after the other on the same stock."""
    production, stock = await node.book_state("production"), await node.book_state("stock")
    free = {name: Decimal(amount) for name, amount in
            levels.availability(stock, await other_member(node, thread)).items()}
    for held in levels.reservations_of(stock, thread):  # what an earlier offer of this order holds
        free[held.item] = free.get(held.item, _ZERO) + Decimal(held.quantity)
    result = []
    for wanted in await wanted_lines(node, thread, state):
        due = instant.to_ms(wanted.wanted_by) if wanted.wanted_by else None
        ask = promises.Ask(id=order_id(thread, wanted.line), item=wanted.item, quantity=wanted.quantity,
                           unit=wanted.unit, due_ms=due)
        if levels.is_service(stock, wanted.item):  # it takes nothing: it is promised as soon as it is wanted
            result.append((wanted, promises.Explosion(ask=ask)))
            continue
        explosion = promises.explode(production.master, ask, {name: q.text(left) for name, left in free.items()})
        for take in explosion.takes:
            free[take.item] = free.get(take.item, _ZERO) - Decimal(take.quantity)
        result.append((wanted, explosion))
    return result


def order_id(thread: str, line: str) -> str:
    """The production order for a line: short enough for a label, ASCII, unlikely to meet another."""
    return f"{short(thread)}-{line}"


def short(thread: str) -> str:
    """The first letters of a thread's id as part of a name; never a dash first, which would look like an option."""
    return ("0" if thread[0] in "-_" else thread[0]) + thread[1:6]


async def _ask_suppliers(
    node: Node, thread: str, wanted: Wanted, explosion: promises.Explosion, key: str
) -> list[ChildNeed]:
    """The needs of one line, each with the child thread in which its supplier is asked."""
    if not explosion.purchases:
        return []
    _, problem, plan = await present(node, DemandRef(thread=thread))
    needs = []
    for purchase in promises.purchase_needs(problem, plan, explosion):
        wanted_by = instant.from_ms(purchase.wanted_by_ms) if purchase.wanted_by_ms else ""
        child = await _earlier_child(node, thread, purchase) or await _open_child(
            node, (thread, wanted.line), purchase, wanted_by, f"{key}:{wanted.line}:{purchase.item}")
        needs.append(ChildNeed(item=purchase.item, quantity=purchase.quantity, unit=purchase.unit,
                               supplier=purchase.supplier, wanted_by=wanted_by, thread=child, line="1",
                               material=purchase.material))
        await _ask_anew(node, child, purchase.quantity, f"{key}:{purchase.item}:counter")
    return needs


async def _earlier_child(node: Node, thread: str, purchase: promises.Purchase) -> str:
    """The thread in which this supplier was asked for this item in an earlier round, if it still talks."""
    production = await node.book_state("production")
    for sourcing in reversed(list(production.sourcings.values())):
        for need in sourcing.needs:
            if (sourcing.demand.thread, need.item, need.supplier) == (thread, purchase.item, purchase.supplier):
                child: OrderState = await node.state(need.thread)
                if child.phase in (Phase.REQUESTED, Phase.QUOTED, Phase.COUNTERED):
                    return str(need.thread)
    return ""


async def _open_child(node: Node, above: tuple[str, str], purchase: promises.Purchase, wanted_by: str, key: str) -> str:
    supplier = partner_id(node, purchase.supplier)
    stock = await node.book_state("stock")
    known = stock.items.get(purchase.item)
    number = known.partner_numbers.get(supplier, purchase.item) if known else purchase.item
    salt = node.random(32)
    message = RequestForQuotation(
        number=await next_number(node, "R"), currency=node.config.firm.currency, wanted_by=wanted_by,
        lines=(RequestLine(line="1", item=number, quantity=purchase.quantity, unit=purchase.unit,
                           buyer_item=purchase.item),),
        materials=tuple(FreeIssueMaterial(item=sent.item, quantity=sent.quantity, unit=sent.unit)
                        for sent in purchase.material),
        parent=parent.commit(salt, *above))
    link = msgspec.json.encode(Link(salt=b64(salt), thread=above[0], line=above[1]))
    return await node.open("order", {node.organisation: "buyer", supplier: "seller"}, message, key,
                           lambda child: [(LINKS, child, link)])


async def _ask_anew(node: Node, child: str, quantity: str, key: str) -> None:
    """In an earlier round's thread: another quantity is a counter-offer."""
    state: OrderState = await node.state(child)
    if state.phase is not Phase.QUOTED or state.quotation is None:
        return
    if q.decimal(state.quotation.lines[0].quantity) == q.decimal(quantity):
        return
    line = CounterLine(line=state.quotation.lines[0].line, quantity=quantity)
    await node.speak(child, CounterOffer(quotation=state.quotation_id, lines=(line,)), key)


def partner_id(node: Node, name: str) -> str:
    """The organisation that ``name`` means: an id, or a name that exactly one partner has."""
    if name in node.partners:
        return name
    found = [org for org in node.partners if name and name in node.names.get(org, ())]
    if len(found) != 1:
        raise NotFound("partner.unknown" if not found else "partner.ambiguous", name=name[:60])
    return found[0]


async def next_number(node: Node, prefix: str) -> str:
    """A document number such as ``R-20261125-7KQ4``: readable, and without telling how many there are."""
    day = node.config.firm.zone.day(node.clock.now_ms()).replace("-", "")
    return f"{prefix}-{day}-{node.random(3).hex().upper()}"


# ---- suppliers' answers --------------------------------------------------------------------------


async def take_supplier_offer(node: Node, cause: Cause) -> None:
    """A supplier has quoted in a child thread: its date counts for what waits for it."""
    state: OrderState = await node.state(cause.thread)
    if state.quotation is None or state.phase is not Phase.QUOTED:
        return
    for sourcing in await _sourcings_with(node, cause.thread):
        last = max(line.promise for line in state.quotation.lines)
        await _answered(node, sourcing, SourcingAnswered(id=sourcing.id, thread=cause.thread, promise=last),
                        f"{cause.key}:{sourcing.id}")


async def take_supplier_refusal(node: Node, cause: Cause) -> None:
    """A supplier has declined in a child thread; its own words stay there, where they can be erased."""
    code = cause.message.reason.partition(":")[0]
    refusal = code if locale.known("en", f"reason.{code}") else "declined"
    for sourcing in await _sourcings_with(node, cause.thread):
        answer = SourcingAnswered(id=sourcing.id, thread=cause.thread, refusal=refusal)
        await _answered(node, sourcing, answer, f"{cause.key}:{sourcing.id}")


async def _sourcings_with(node: Node, child: str) -> list[Any]:
    production = await node.book_state("production")
    return [one for one in production.sourcings.values()
            if not one.closed and any(need.thread == child for need in one.needs)]


async def take_answers(node: Node, sourcing: SourcingOpened | Sourcing) -> None:
    """Answers that were there before the sourcing was opened (an earlier round, a fast supplier)."""
    for need in sourcing.needs:
        state: OrderState = await node.state(need.thread)
        if state.phase is Phase.DECLINED:
            refusal = SourcingAnswered(id=sourcing.id, thread=need.thread, refusal="declined")
            await _answered(node, sourcing, refusal, f"{sourcing.id}:{need.thread}:declined")
        if state.phase is Phase.QUOTED and state.quotation is not None and \
                q.decimal(state.quotation.lines[0].quantity) == q.decimal(need.quantity):
            answer = SourcingAnswered(id=sourcing.id, thread=need.thread, promise=state.quotation.lines[0].promise)
            await _answered(node, sourcing, answer, f"{sourcing.id}:{need.thread}")


async def _answered(node: Node, sourcing: Any, answer: SourcingAnswered, key: str) -> None:
    production = await node.book_state("production")
    now = production.sourcings.get(sourcing.id)
    if now is not None and not now.closed:
        await node.record("production", answer, key=key)


async def close_when_answered(node: Node, cause: Cause) -> None:
    """All suppliers have answered: close the sourcing and offer (also when a crash came between the two)."""
    production = await node.book_state("production")
    sourcing = production.sourcings.get(cause.message.id)
    if sourcing is None or len(sourcing.answers) < len(sourcing.needs):
        return
    if not sourcing.closed:
        await node.record("production", SourcingClosed(id=sourcing.id, why="complete"), key=f"{sourcing.id}:closed")
    await make_offer(node, sourcing.demand.thread, f"{sourcing.id}:offer")


# ---- the offer -----------------------------------------------------------------------------------


async def make_offer(node: Node, thread: str, key: str) -> None:
    """Price, promise, hold stock and capacity, and quote; declines what cannot be made or bought at all.

    One round at a time: two at once would each find nothing to take the place of, and both hold.
    """
    async with one_at_a_time(node, thread):
        await _make_offer(node, thread, key)


async def _make_offer(node: Node, thread: str, key: str) -> None:
    state: OrderState = await node.state(thread)
    if state.phase not in (Phase.REQUESTED, Phase.COUNTERED, Phase.QUOTED) or state.request is None \
            or await is_offered(node, thread, key):
        return
    quotes = await _supplier_quotes(node, thread)
    offers, plan = [], None
    for wanted, explosion in await _explosions(node, thread, state):
        _, problem, present_plan = await present(node, DemandRef(thread=thread))
        offer = promises.propose(problem, plan or present_plan, explosion, quotes)
        if offer.at_ms is None:
            reason = next((why.code for why in offer.why), "no-date")
            if node.config.rules.quote != "auto":
                raise Refused("offer.no-date", item=wanted.item, reason=reason)
            await node.speak(thread, RequestDeclined(reason=f"cannot-promise:{reason}"), f"{key}:declined")
            return
        plan = offer.plan
        offers.append((wanted, explosion, offer))
    message = await quotation(node, state, [(wanted, offer.at_ms or 0) for wanted, _, offer in offers],
                              await custom.inputs_of(node, thread))
    message = await showing.prepared(node, await other_member(node, thread), await terms.apply(node, thread, message))
    await _hold(node, thread, offers, message.valid_until, key)
    await node.speak(thread, await _as_held(node, thread, message, key), f"{key}:quotation")


async def is_begun(node: Node, thread: str, key: str) -> bool:
    """Whether the round ``key`` was begun before: said, or suppliers were asked for it."""
    begun = (await node.book_state("production")).sourcings
    return bool(key) and (key in begun or any([await is_offered(node, thread, one) for one in (key, f"{key}:offer")]))


async def is_offered(node: Node, thread: str, key: str) -> bool:
    """Whether the round ``key`` is over: said, or its holds are gone; a later one may hold what it would let go."""
    if any([await node.answered(thread, f"{key}:{end}") is not None for end in ("quotation", "declined")]):
        return True
    if await node.answered(node.book("production"), f"{key}:reserve") is None:
        return False
    held = (await node.book_state("production")).reservations.values()
    return not any(one.demand.thread == thread and one.id.endswith(f":{key[-60:]}") for one in held)


async def _as_held(node: Node, thread: str, message: Quotation, key: str) -> Quotation:
    """``message`` with the promises for which capacity is held: an earlier life may have held it."""
    reservations = (await node.book_state("production")).reservations
    held = {line.line: reservations[_hold_name(thread, line.line, key)] for line in message.lines}
    lines = tuple(msgspec.structs.replace(line, promise=held[line.line].promise) for line in message.lines)
    return msgspec.structs.replace(message, lines=lines, valid_until=min(one.expires for one in held.values()))


def _hold_name(thread: str, line: str, key: str) -> str:
    return f"{thread}#{line}:{key[-60:]}"


async def _supplier_quotes(node: Node, thread: str) -> dict[str, promises.Quote]:
    """Item -> what its supplier said in the last round."""
    production = await node.book_state("production")
    quotes: dict[str, promises.Quote] = {}
    for sourcing in production.sourcings.values():
        for need in sourcing.needs if sourcing.demand.thread == thread else ():
            answer = sourcing.answers.get(need.key)
            if answer is not None:
                at = instant.to_ms(answer.promise) if answer.promise else None
                quotes[need.item] = promises.Quote(at_ms=at, ref=need.key, refusal=answer.refusal)
    return quotes


async def quotation(
    node: Node, state: OrderState, offers: list[tuple[Wanted, int]], inputs: Mapping[str, custom.Inputs]
) -> Quotation:
    """The quotation by the book in force; raises ``NotFound('pricing.no-book')`` when there is none.

    ``inputs``: of lines that are made to a drawing.
    """
    assert state.request is not None
    now = node.clock.now_ms()
    books = await node.book_state("pricing")
    stock = await node.book_state("stock")
    lines, evidence = [], None
    asked: dict[str, Any] = custom.attributes_of(state.request)
    for wanted, at_ms in offers:
        given = inputs.get(wanted.line, custom.Inputs())
        book, item = custom.selling(books, given, (wanted.item, wanted.unit), instant.from_ms(now))
        priced = evaluate.price(book, evaluate.Attributes(
            item=item, quantity=wanted.quantity, unit=wanted.unit, currency=state.currency, inputs=given.values,
            **asked))
        evidence = evidence or PriceEvidence(book=priced.book, attributes=dict(state.request.attributes))
        lines.append(QuotationLine(
            line=wanted.line, item=wanted.asked or wanted.item, quantity=wanted.quantity, unit=wanted.unit,
            unit_price=priced.unit_price, base=priced.base, net=priced.net, tax=priced.tax, gross=priced.gross,
            tax_category=priced.tax_category, tax_percent=priced.tax_percent, promise=instant.from_ms(at_ms),
            trace=(*_in_book(wanted, priced, evidence),
                   *((step.kind, step.name, step.by, step.result) for step in priced.trace)),
            buyer_item=wanted.buyer_item, description=_named(stock.items.get(wanted.item)),
            inputs=dict(priced.attributes.inputs)))
    currency = state.currency or node.config.firm.currency
    rules = node.config.rules

    def total(name: str) -> str:
        return q.money(sum((Decimal(getattr(line, name)) for line in lines), _ZERO), currency)

    return Quotation(
        number=await next_number(node, "Q"), lines=tuple(lines), currency=currency, net=total("net"),
        tax=total("tax"), gross=total("gross"), price=evidence,
        valid_until=instant.from_ms(now + int(rules.quote_valid_hours * 3_600_000)),
        in_reply_to=state.counter_id or state.request_id)


def _in_book(
    wanted: Wanted, priced: evaluate.Priced, evidence: PriceEvidence
) -> tuple[tuple[str, str, str, str], ...]:
    """What the line is called in the book, and which book it follows, where the offer itself does not say so."""
    sold = priced.attributes.item
    item = ((documents.ITEM, sold, "", ""),) if (wanted.asked or wanted.item) != sold else ()
    return (*item, *(((documents.BOOK, priced.book, "", ""),) if priced.book != evidence.book else ()))


def _named(item: Any) -> str:
    """What we call an item, in both languages where they differ."""
    return " · ".join(dict.fromkeys(name for name in (item.zh, item.en) if name)) if item is not None else ""


async def _hold(
    node: Node, thread: str, offers: list[tuple[Wanted, promises.Explosion, promises.Offer]], until: str, key: str
) -> None:
    """Reserve capacity and stock for the offer; what an earlier offer of this order held is free again."""
    await release(node, thread, "replaced", f"{key}:replace",
                  keep=tuple(_hold_name(thread, wanted.line, key) for wanted, _, _ in offers))
    capacity, stock = [], []
    held_before = await node.answered(node.book("stock"), f"{key}:reserve-stock") is not None
    for wanted, explosion, offer in offers:
        name = _hold_name(thread, wanted.line, key)
        assert offer.at_ms is not None
        capacity.append(CapacityReserved(
            id=name, demand=DemandRef(thread=thread, line=wanted.line), promise=instant.from_ms(offer.at_ms),
            expires=until, drafts=offer.drafts))
        if not held_before:
            stock.extend(await reservations(node, thread, wanted, explosion, (name, until)))
    if stock:
        await node.record("stock", *stock, key=f"{key}:reserve-stock")
    await node.record("production", *capacity, key=f"{key}:reserve")


async def reservations(
    node: Node, thread: str, wanted: Wanted, explosion: promises.Explosion, name_until: tuple[str, str]
) -> list[Reserved]:
    """Reservations of what the offer takes from stock, ours first, then the customer's own material."""
    stock = await node.book_state("stock")
    customer = await other_member(node, thread)
    held: list[Reserved] = []
    for take in explosion.takes:
        left = Decimal(take.quantity)
        for owner in ("", customer):
            part = min(left, max(_ZERO, levels.available(stock, take.item, owner)))
            if part > 0:
                held.append(Reserved(id=f"{name_until[0]}:{take.item}:{len(held)}", item=take.item,
                                     quantity=q.text(part), unit=take.unit, owner=owner, thread=thread,
                                     line=wanted.line, expires=name_until[1]))
                left -= part
        if left > 0:
            raise Refused("stock.insufficient", item=take.item, wanted=take.quantity, available=q.text(left))
    return held
