"""Money between two firms: invoices, credit notes, statements (对账单) and payments, in the relationship.

Rule 1: amounts come from the orders and from earlier documents; only payments and credits are typed in.
Not here: what may be said when and whether sums add up (``trade/relationship.py``, ``trade/billing.py``).
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

from weft.basis import instant
from weft.basis import quantity as q
from weft.basis.errors import NotFound, Refused
from weft.engine import billed
from weft.engine.commands.params import Done, Params
from weft.engine.commands.partners import relationship_with
from weft.engine.node import Node
from weft.engine.reactions import invoicing
from weft.engine.reactions.offering import next_number, other_member
from weft.trade import relationship
from weft.trade.messages import (
    CreditNote,
    InvoiceLine,
    RemittanceAdvice,
    RemittanceConfirmed,
    Statement,
    StatementAnswer,
    StatementLine,
    StatementResponse,
)
from weft.trade.order_state import OrderState
from weft.trade.relationship_state import RelationshipState


class InvoiceOrder(Params, frozen=True, kw_only=True):
    """Bill one order. ``kind``: goods, deposit or retention.

    ``quantities`` by line; nothing named means all that was received and not billed yet.
    """

    thread: str
    kind: Literal["goods", "deposit", "retention"] = "goods"
    quantities: dict[str, str] = {}


async def invoice(node: Node, params: InvoiceOrder, key: str) -> Done:
    """Bill an order in the relationship."""
    state: OrderState = await node.state(params.thread)
    if not isinstance(state, OrderState):
        raise NotFound("order.unknown")
    async with node.lock(f"{invoicing.BILLS}/{params.thread}"):
        return Done(thread=params.thread, events=await _billed(node, params, state, key))


async def _billed(node: Node, params: InvoiceOrder, state: OrderState, key: str) -> list[str]:
    if params.kind != "goods":
        share = invoicing.deposit if params.kind == "deposit" else invoicing.retention
        return await share(node, params.thread, key)
    first = await node.answered(node.partner(await other_member(node, params.thread)) or "", key)
    quantities = params.quantities or await invoicing.unbilled(node, params.thread, state)
    events = first or await invoicing.invoice(node, params.thread, quantities, key)
    if not events:
        raise Refused("billing.nothing")
    return events


class Credit(Params, frozen=True, kw_only=True):
    """Give money back on ``invoice`` (its event id)."""

    partner: str
    invoice: str
    lines: tuple[InvoiceLine, ...]
    currency: str = ""
    reason: str = ""


async def credit(node: Node, params: Credit, key: str) -> Done:
    """A credit note on an invoice of ours."""
    thread = relationship_with(node, params.partner)
    currency = q.currency(params.currency or node.config.firm.currency, "currency")

    def total(name: str) -> str:
        return q.money(sum((q.decimal(getattr(line, name)) for line in params.lines), Decimal(0)), currency)

    message = CreditNote(number=await next_number(node, "K"), invoice=params.invoice, lines=params.lines,
                         currency=currency, net=total("net"), tax=total("tax"), gross=total("gross"),
                         reason=params.reason)
    return Done(thread=thread, events=await node.speak(thread, message, key))


class StatementFor(Params, frozen=True, kw_only=True):
    """All open documents of ``partner`` that we are owed for; ``period`` such as 2026-11 is a name."""

    partner: str
    period: str = ""
    currency: str = ""


async def statement(node: Node, params: StatementFor, key: str) -> Done:
    """Make the month's statement over all orders."""
    thread = relationship_with(node, params.partner)
    state = await node.state(thread)
    currency = q.currency(params.currency or node.config.firm.currency, "currency")
    lines = _unstated(state, node.organisation, currency)
    if not lines:
        raise NotFound("statement.nothing")
    balance = q.money(sum((q.decimal(line.amount) for line in lines), Decimal(0)), currency)
    period = params.period or node.config.firm.zone.day(node.clock.now_ms())[:7]
    message = Statement(number=await next_number(node, "S"), period=period, currency=currency, lines=lines,
                        balance=balance)
    return Done(thread=thread, events=await node.speak(thread, message, key))


def _unstated(state: RelationshipState, creditor: str, currency: str) -> tuple[StatementLine, ...]:
    """Lines for every document and payment that is in no confirmed statement yet, oldest first."""
    found: list[tuple[str, str, str, str, str]] = []
    for name, one in state.statements.items():
        if one.by == creditor and one.currency == currency and one.status == "confirmed" and not one.opened_by:
            found.append(("opening", name, one.number, one.balance, one.at))
    for name, document in state.documents.items():
        if document.by == creditor and document.currency == currency and not document.statement:
            found.append((document.kind, name, document.number, document.amount, document.at))
    for name, paid in state.remittances.items():
        if paid.by != creditor and paid.currency == currency and paid.status == "received" and not paid.statement:
            found.append(("remittance", name, paid.number, q.money(-q.decimal(paid.amount), currency), paid.at))
    return tuple(
        StatementLine(line=str(place), kind=kind, document=name, number=number, amount=amount, at=at)  # type: ignore[arg-type] # kinds of the state are kinds of lines
        for place, (kind, name, number, amount, at) in enumerate(found, 1))


class AnswerStatement(Params, frozen=True, kw_only=True):
    """Confirm or dispute lines of ``statement``; no answers means: all confirmed."""

    partner: str
    statement: str
    answers: tuple[StatementAnswer, ...] = ()


async def answer_statement(node: Node, params: AnswerStatement, key: str) -> Done:
    """Answer a statement line by line."""
    thread = relationship_with(node, params.partner)
    state = await node.state(thread)
    held = state.statements.get(params.statement)
    if held is None:
        raise NotFound("statement.unknown")
    answers = params.answers or tuple(StatementAnswer(line=line, confirmed=True) for line in held.entries)
    message = StatementResponse(statement=params.statement, answers=answers)
    return Done(thread=thread, events=await node.speak(thread, message, key))


class Remit(Params, frozen=True, kw_only=True):
    """We have paid: ``allocations`` maps invoice or statement to money; nothing named pays all that is open.

    ``sure``: also a bill with which more is billed than was ordered.
    """

    partner: str
    allocations: dict[str, str] = {}
    currency: str = ""
    method: str = ""
    sure: bool = False


async def remit(node: Node, params: Remit, key: str) -> Done:
    """Tell a partner that we have paid."""
    partner_thread = relationship_with(node, params.partner)
    state = await node.state(partner_thread)
    currency = q.currency(params.currency or node.config.firm.currency, "currency")
    other = next(one for one in await node.members(partner_thread) if one != node.organisation)
    allocations = params.allocations or {
        name: q.money(one.free, currency) for name, one in relationship.open_items(state, other)
        if one.currency == currency and one.free > 0}
    if not allocations:
        raise NotFound("remittance.nothing")
    if not params.sure:
        await _not_over(node, partner_thread, state, allocations)
    amount = q.money(sum((q.decimal(money) for money in allocations.values()), Decimal(0)), currency)
    message = RemittanceAdvice(number=await next_number(node, "Z"), currency=currency, amount=amount,
                               allocations=allocations, method=params.method,
                               at=instant.from_ms(node.clock.now_ms()))
    return Done(thread=partner_thread, events=await node.speak(partner_thread, message, key))


async def _not_over(node: Node, thread: str, state: RelationshipState, paid: Iterable[str]) -> None:
    """Raises ``Refused('remittance.over-billed')`` when a bill that is paid bills more than there is."""
    statements = [state.statements[name] for name in paid if name in state.statements]
    names = {*paid, *(entry.document for one in statements for entry in one.entries.values())}
    for name, one in (await billed.over(node, thread, state)).items():
        if name in names:
            raise Refused("remittance.over-billed", number=state.documents[name].number, order=one.number,
                          billed=one.billed, limit=one.limit)


class ConfirmRemittance(Params, frozen=True, kw_only=True):
    """The money of ``remittance`` has come, or not."""

    partner: str
    remittance: str
    received: bool = True
    note: str = ""


async def confirm_remittance(node: Node, params: ConfirmRemittance, key: str) -> Done:
    """Say whether a payment has come."""
    thread = relationship_with(node, params.partner)
    message = RemittanceConfirmed(remittance=params.remittance, received=params.received, note=params.note)
    return Done(thread=thread, events=await node.speak(thread, message, key))
