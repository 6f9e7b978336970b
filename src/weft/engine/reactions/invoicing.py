"""Bills of one order: what was received, the deposit before it, the retention after it.

Rule 1: amounts come from the order; a goods bill uses up the deposit that has come and holds back what was agreed.
Rule 2: what is not billed yet is looked up and billed under one lock of the order: the owner and the node itself may
        want the same bill in the same moment.
Rule 3: the money of a line is shared by quantity, exactly, and rounded once: so does the check of who is billed.
Not here: whether sums add up (``trade/billing.py``), statements and payments (``commands/billing.py``).
"""

from decimal import Decimal
from typing import Any, Final

from weft.basis import quantity as q
from weft.basis.errors import NotFound
from weft.engine import billed
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions.offering import next_number, other_member
from weft.trade.messages import Invoice, InvoiceLine
from weft.trade.numbers import share
from weft.trade.order_state import OrderLine, OrderState
from weft.trade.relationship_state import account

BILLS: Final = "bills"  # what is locked while an order is billed
_ZERO: Final = Decimal(0)


async def bill_receipt(node: Node, cause: Cause) -> None:
    """The buyer has received goods: bill what was good, in the relationship."""
    if node.config.rules.invoice != "auto":
        return
    state: OrderState = await node.state(cause.thread)
    sent = state.despatches.get(cause.message.despatch)
    if sent is None or sent.kind != "goods":
        return
    async with node.lock(f"{BILLS}/{cause.thread}"):
        left = await unbilled(node, cause.thread, state)
        good = {one.line: min(q.decimal(one.received), q.decimal(left.get(one.line, "0")))
                for one in cause.message.lines}
        await invoice(node, cause.thread, {name: q.text(amount) for name, amount in good.items()}, cause.key)


async def unbilled(node: Node, thread: str, state: OrderState) -> dict[str, str]:
    """What was received in good order and is on no invoice yet, by line."""
    return await billed.unbilled(node, await _relationship(node, thread), thread, state)


async def invoice(node: Node, thread: str, quantities: dict[str, str], key: str) -> list[str]:
    """A bill for ``quantities`` by line of one order, at its prices; the deposit is used, retention held."""
    state: OrderState = await node.state(thread)
    lines = tuple(_line(thread, state, state.lines[name], amount) for name, amount in quantities.items()
                  if name in state.lines and q.decimal(amount) > 0)
    if not lines:
        return []
    relationship = await _relationship(node, thread)
    gross = sum((Decimal(line.gross) for line in lines), _ZERO)
    held = account(await node.state(relationship), node.organisation, thread, state.currency)
    used = min(gross, held.deposit)
    retained = _percent(state, "retention_percent", gross) if state.quotation else _ZERO
    retained = min(gross - used, retained)
    message = await _bill(node, state, lines, deposit_used=used, retained=retained)
    return await node.speak(relationship, message, key)


async def deposit(node: Node, thread: str, key: str) -> list[str]:
    """The bill for the deposit that the offer names; raises ``NotFound('billing.no-deposit')``."""
    return await _share(node, thread, "deposit", key)


async def retention(node: Node, thread: str, key: str) -> list[str]:
    """The bill for what was held back; raises ``NotFound('billing.no-retention')``."""
    return await _share(node, thread, "retention", key)


async def _share(node: Node, thread: str, kind: Any, key: str) -> list[str]:
    state: OrderState = await node.state(thread)
    relationship = await _relationship(node, thread)
    held = account(await node.state(relationship), node.organisation, thread, state.currency)
    total = sum((Decimal(line.gross) for line in state.lines.values()), _ZERO)
    amount = held.held if kind == "retention" else _percent(state, "deposit_percent", total)
    if amount <= 0:
        raise NotFound(f"billing.no-{kind}")
    money = q.money(amount, state.currency)
    line = InvoiceLine(order=thread, order_line=next(iter(state.lines)), quantity="1", net=money, tax="0.00",
                       gross=money, tax_category="E")
    return await node.speak(relationship, await _bill(node, state, (line,), kind=kind), key)


def _percent(state: OrderState, name: str, of: Decimal) -> Decimal:
    percent = q.decimal(getattr(state.quotation, name)) if state.quotation else _ZERO
    return q.round_money(of * percent / 100, state.currency)


async def _bill(
    node: Node, state: OrderState, lines: tuple[InvoiceLine, ...], *, kind: Any = "goods",
    deposit_used: Decimal = _ZERO, retained: Decimal = _ZERO,
) -> Invoice:
    currency = state.currency

    def total(name: str) -> Decimal:
        return sum((Decimal(getattr(line, name)) for line in lines), _ZERO)

    return Invoice(
        number=await next_number(node, "I"), lines=lines, currency=currency, kind=kind,
        net=q.money(total("net"), currency), tax=q.money(total("tax"), currency),
        gross=q.money(total("gross"), currency), deposit_used=q.money(deposit_used, currency),
        retained=q.money(retained, currency),
        payable=q.money(total("gross") - deposit_used - retained, currency))


async def _relationship(node: Node, thread: str) -> str:
    found = node.partner(await other_member(node, thread))
    if found is None:
        raise NotFound("partner.unknown", name="")
    return found


def _line(thread: str, state: OrderState, line: OrderLine, amount: str) -> InvoiceLine:
    """The share of the line's money; the whole line's money when it is the whole line."""
    currency = state.currency
    part, whole = q.decimal(amount), q.decimal(line.ordered)
    net, gross = (share(money, part, whole, currency) for money in (line.net, line.gross))
    return InvoiceLine(
        order=thread, order_line=line.line, item=line.item, quantity=amount, unit=line.unit,
        net=net, tax=q.money(Decimal(gross) - Decimal(net), currency), gross=gross,
        tax_category=line.tax_category, tax_percent=line.tax_percent)
