"""Bills between two firms: invoices (结算单) of goods, deposits and retention, and credit notes.

Rule 1: what an order delivered is not visible here, so a bill is checked for its sums, not against deliveries; the
        debtor's node compares them, and the statement settles what they disagree on.
Rule 2: a bill that touches a deposit or a retention is for one order, so that both can be counted by order.
Rule 3: a deposit can be used once its money has come; a credit note on a paid bill is owed to the debtor.
Not here: payments and statements (``settlement.py``).
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from weft.basis import quantity
from weft.basis.decider import Said
from weft.basis.errors import Invalid, Refused
from weft.trade import form
from weft.trade.messages import CreditNote, Invoice, InvoiceLine
from weft.trade.numbers import ZERO, money, text, total
from weft.trade.relationship_state import Document, OrderAccount, RelationshipState, account, account_key

# ---- what each word must hold --------------------------------------------------------------------


def check_invoice(state: RelationshipState, said: Said, invoice: Invoice) -> None:
    check_number(state.documents.values(), said.by, invoice.number, "invoice")
    _check_lines(invoice)
    currency = invoice.currency
    gross, used, retained, payable = (
        form.money(given, currency, where) for given, where in (
            (invoice.gross, "gross"), (invoice.deposit_used, "deposit_used"), (invoice.retained, "retained"),
            (invoice.payable, "payable")))
    if gross <= 0 or used < 0 or retained < 0 or payable < 0:
        raise Invalid("billing.negative", gross=invoice.gross, payable=invoice.payable)
    if payable != gross - used - retained:
        raise Invalid("billing.payable", payable=invoice.payable, expected=money(gross - used - retained, currency))
    form.moment(invoice.due, "due")
    form.words(invoice.tax_invoice, "tax_invoice", form.NAME_MAX)
    form.words(invoice.note, "note")
    if invoice.kind != "goods" or used or retained:
        _check_account(state, said.by, invoice)


def _check_account(state: RelationshipState, by: str, invoice: Invoice) -> None:
    orders = orders_of(invoice.lines)
    if len(orders) != 1:
        raise Invalid("billing.one-order", kind=invoice.kind)
    if invoice.kind != "goods" and (Decimal(invoice.deposit_used) or Decimal(invoice.retained)):
        raise Invalid("billing.deductions", kind=invoice.kind)
    held = account(state, by, orders[0], invoice.currency)
    if held.currency != invoice.currency:
        raise Invalid("billing.currency", given=invoice.currency, expected=held.currency)
    if Decimal(invoice.deposit_used) > held.deposit:
        raise Refused("billing.over-deposit", used=invoice.deposit_used, available=text(held.deposit))
    if invoice.kind == "retention" and Decimal(invoice.gross) > held.held:
        raise Refused("billing.over-retention", billed=invoice.gross, held=text(held.held))


def check_credit(state: RelationshipState, said: Said, note: CreditNote) -> None:
    check_number(state.documents.values(), said.by, note.number, "credit-note")
    bill = state.documents.get(note.invoice)
    if bill is None or bill.kind != "invoice":
        raise Invalid("billing.unknown-invoice")
    if bill.by != said.by:
        raise Refused("billing.not-your-invoice", number=bill.number)
    if note.currency != bill.currency:
        raise Invalid("billing.currency", given=note.currency[:10], expected=bill.currency)
    _check_lines(note)
    for line in note.lines:
        form.not_negative(line.gross, line.order_line)
    form.words(note.reason, "reason", 500)
    left = total((bill.gross, f"-{bill.retained}", f"-{bill.credited}"))
    if not 0 < Decimal(note.gross) <= left:
        raise Refused("billing.over-credit", number=bill.number, left=text(left), credited=note.gross)
    returned = Decimal(note.gross) - _applied(bill, note)
    if bill.purpose == "deposit" and returned > account(state, bill.by, bill.order, bill.currency).deposit:
        raise Refused("billing.deposit-used", number=bill.number)


def check_number(known: Iterable[Any], by: str, number: str, kind: str = "") -> None:
    """Refuse a missing number, and one that ``by`` used before for the same ``kind``."""
    form.name(number, "number")
    if any(one.by == by and one.number == number and getattr(one, "kind", "") == kind for one in known):
        raise Refused("billing.number-used", number=number)


def _check_lines(document: Invoice | CreditNote) -> None:
    quantity.currency(document.currency, "currency")
    form.counted(document.lines, "lines")
    for line in document.lines:
        form.commitment(line.order, "order")
        form.words(line.order_line, "order_line", 20)
        form.words(line.item, "item", form.NAME_MAX)
        form.words(line.tax_category, "tax_category", 10)
        form.not_negative(line.quantity, line.order_line)
        quantity.unit(line.unit, line.order_line)
        form.percent(line.tax_percent, line.order_line)
        form.taxed(line, document.currency, line.order_line)
    form.summed(document, document.currency)


def orders_of(lines: Iterable[InvoiceLine]) -> tuple[str, ...]:
    """The order threads that ``lines`` are about, in their order."""
    return tuple(dict.fromkeys(line.order for line in lines if line.order))


# ---- what it makes of the state ------------------------------------------------------------------


def invoice(state: RelationshipState, said: Said, message: Invoice) -> RelationshipState:
    orders = orders_of(message.lines)
    counted = message.kind != "goods" or Decimal(message.deposit_used) or Decimal(message.retained)
    bill = Document(
        kind="invoice", purpose=message.kind, by=said.by, number=message.number, currency=message.currency,
        net=message.net, tax=message.tax, gross=message.gross, amount=message.payable, retained=message.retained,
        deposit_used=message.deposit_used, order=orders[0] if counted else "", orders=orders, due=message.due,
        tax_invoice=message.tax_invoice, at=said.at,
    )
    state = replace(state, documents={**state.documents, said.id: bill})
    if not counted:
        return state
    billed = message.gross if message.kind == "retention" else "0"
    return booked(state, bill, deposit_used=message.deposit_used, retained=message.retained, retention_billed=billed)


def booked(state: RelationshipState, bill: Document, **amounts: str) -> RelationshipState:
    """``state`` with ``amounts`` added to the account of the order that ``bill`` is for."""
    held: OrderAccount = account(state, bill.by, bill.order, bill.currency)
    sums = {name: money(total((getattr(held, name), amount)), bill.currency) for name, amount in amounts.items()}
    return replace(state, accounts={**state.accounts, account_key(bill.by, bill.order): replace(held, **sums)})


def credit(state: RelationshipState, said: Said, message: CreditNote) -> RelationshipState:
    bill = state.documents[message.invoice]
    applied = _applied(bill, message)
    note = Document(
        kind="credit-note", purpose=bill.purpose, by=said.by, number=message.number, currency=message.currency,
        net=message.net, tax=message.tax, gross=message.gross, amount=money(-Decimal(message.gross), bill.currency),
        paid=money(-applied, bill.currency), invoice=message.invoice, order=bill.order, orders=bill.orders, at=said.at,
    )
    bill = replace(bill, paid=money(total((bill.paid, str(applied))), bill.currency),
                   credited=money(total((bill.credited, message.gross)), bill.currency))
    state = replace(state, documents={**state.documents, message.invoice: bill, said.id: note})
    if bill.purpose == "deposit":
        return booked(state, bill, deposit_paid=str(applied - Decimal(message.gross)))
    return state


def _applied(bill: Document, note: CreditNote) -> Decimal:
    """How much of a credit note goes against the bill itself; the rest is owed to the debtor."""
    return min(max(bill.free, ZERO), Decimal(note.gross))
