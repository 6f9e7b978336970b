"""Statements (对账单) across orders, answered line by line, and payments against bills or statements.

Rule 1: a statement is made by who is owed: last balance, bills, credits and payments that came; each document is in
        one confirmed statement at most.
Rule 2: a payment is announced by who owes, and counts when the payee says that it came; what is above the open amount
        stays with the document as owed back.
Rule 3: paying a statement pays its documents in their order, after what is owed the other way is offset.
Not here: bills (``billing.py``).
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from weft.basis import quantity
from weft.basis.decider import Said
from weft.basis.errors import Invalid, Refused
from weft.trade import form
from weft.trade.billing import booked, check_number
from weft.trade.messages import (
    RemittanceAdvice,
    RemittanceConfirmed,
    Statement,
    StatementAnswer,
    StatementLine,
    StatementResponse,
)
from weft.trade.numbers import ZERO, money, text, total
from weft.trade.relationship_state import Entry, RelationshipState, Remittance, StatementOfAccount, other

STATEMENT_LINES_MAX: Final = 1000
ALLOCATIONS_MAX: Final = 1000

# ---- statements ----------------------------------------------------------------------------------


def check_statement(state: RelationshipState, said: Said, statement: Statement) -> None:
    check_number(state.statements.values(), said.by, statement.number)
    form.name(statement.period, "period")
    quantity.currency(statement.currency, "currency")
    form.counted(statement.lines, "lines", STATEMENT_LINES_MAX)
    form.distinct(line.line for line in statement.lines)
    if len({line.document for line in statement.lines}) < len(statement.lines):
        raise Invalid("billing.document-twice")
    for line in statement.lines:
        form.money(line.amount, statement.currency, line.line)
        form.words(line.number, line.line, form.NAME_MAX)
        form.moment(line.at, line.line)
        expected = _amount(state, said.by, statement.currency, line)
        if Decimal(line.amount) != expected:
            raise Invalid("billing.statement-amount", line=line.line, given=line.amount, expected=text(expected))
    if form.number(statement.balance, "balance") != total(line.amount for line in statement.lines):
        raise Invalid("billing.statement-balance", balance=statement.balance)


def _amount(state: RelationshipState, by: str, currency: str, line: StatementLine) -> Decimal:
    """What ``line`` must say, if its document exists and is in no confirmed statement."""
    if line.kind == "opening":
        earlier = state.statements.get(line.document)
        if earlier is None or earlier.by != by or earlier.currency != currency or earlier.status != "confirmed":
            raise Invalid("billing.unknown-document", line=line.line)
        held, amount = earlier.opened_by, Decimal(earlier.balance)
    elif line.kind == "remittance":
        payment = state.remittances.get(line.document)
        if payment is None or payment.by == by or payment.currency != currency or payment.status != "received":
            raise Invalid("billing.unknown-document", line=line.line)
        held, amount = payment.statement, -Decimal(payment.amount)
    else:
        document = state.documents.get(line.document)
        if document is None or document.by != by or document.currency != currency or document.kind != line.kind:
            raise Invalid("billing.unknown-document", line=line.line)
        held, amount = document.statement, Decimal(document.amount)
    if held:
        raise Refused("billing.in-statement", line=line.line)
    return amount


def statement(state: RelationshipState, said: Said, message: Statement) -> RelationshipState:
    entries = {
        line.line: Entry(kind=line.kind, document=line.document, number=line.number, amount=line.amount, at=line.at)
        for line in message.lines
    }
    made = StatementOfAccount(by=said.by, number=message.number, period=message.period, currency=message.currency,
                              balance=message.balance, entries=entries, at=said.at)
    return replace(state, statements={**state.statements, said.id: made})


def check_answers(state: RelationshipState, said: Said, response: StatementResponse) -> None:
    asked = state.statements.get(response.statement)
    if asked is None:
        raise Invalid("billing.unknown-statement")
    if asked.by == said.by:
        raise Refused("billing.own-statement")
    if asked.status != "open":
        raise Refused("billing.statement-confirmed", number=asked.number)
    if any(_holder(state, entry) for entry in asked.entries.values()):
        raise Refused("billing.statement-stale", number=asked.number)
    form.counted(response.answers, "answers", STATEMENT_LINES_MAX)
    form.distinct(answer.line for answer in response.answers)
    for answer in response.answers:
        _check_answer(asked, answer)


def _check_answer(asked: StatementOfAccount, answer: StatementAnswer) -> None:
    if answer.line not in asked.entries:
        raise Invalid("billing.unknown-line", line=answer.line)
    form.words(answer.reason, answer.line, 500)
    if answer.amount:
        form.money(answer.amount, asked.currency, answer.line)
    if not answer.confirmed and not (answer.reason or answer.amount):
        raise Invalid("billing.no-reason", line=answer.line)


def _holder(state: RelationshipState, entry: Entry) -> str:
    """The confirmed statement that holds the document of ``entry``, or ""."""
    if entry.kind == "opening":
        earlier = state.statements.get(entry.document)
        return earlier.opened_by if earlier else ""
    if entry.kind == "remittance":
        payment = state.remittances.get(entry.document)
        return payment.statement if payment else ""
    document = state.documents.get(entry.document)
    return document.statement if document else ""


def answers(state: RelationshipState, _said: Said, message: StatementResponse) -> RelationshipState:
    asked = state.statements[message.statement]
    entries = dict(asked.entries)
    for answer in message.answers:
        entries[answer.line] = replace(
            entries[answer.line], answer="confirmed" if answer.confirmed else "disputed",
            reason=answer.reason, claimed=answer.amount,
        )
    complete = all(entry.answer == "confirmed" for entry in entries.values())
    asked = replace(asked, entries=entries, status="confirmed" if complete else "open")
    state = replace(state, statements={**state.statements, message.statement: asked})
    return _held(state, message.statement, asked) if complete else state


def _held(state: RelationshipState, name: str, confirmed: StatementOfAccount) -> RelationshipState:
    """``state`` with every document of the statement bound to it."""
    documents, remittances, statements = dict(state.documents), dict(state.remittances), dict(state.statements)
    for entry in confirmed.entries.values():
        key = entry.document
        if entry.kind == "opening" and key in statements:
            statements[key] = replace(statements[key], opened_by=name)
        elif entry.kind == "remittance" and key in remittances:
            remittances[key] = replace(remittances[key], statement=name)
        elif key in documents:
            documents[key] = replace(documents[key], statement=name)
    return replace(state, documents=documents, remittances=remittances, statements=statements)


def documents_of(state: RelationshipState, name: str) -> Iterator[str]:
    """Ids of the bills and credit notes that statement ``name`` covers, with those of the balances it carries on."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        covered = state.statements.get(waiting.pop())
        for entry in covered.entries.values() if covered else ():
            if entry.document in seen:
                continue
            seen.add(entry.document)
            if entry.kind == "opening":
                waiting.append(entry.document)
            elif entry.document in state.documents:
                yield entry.document


# ---- payments ------------------------------------------------------------------------------------


def check_remittance(state: RelationshipState, said: Said, advice: RemittanceAdvice) -> None:
    check_number(state.remittances.values(), said.by, advice.number)
    quantity.currency(advice.currency, "currency")
    form.counted(advice.allocations, "allocations", ALLOCATIONS_MAX)
    amount = form.money(advice.amount, advice.currency, "amount")
    for given in advice.allocations.values():
        if form.money(given, advice.currency, "allocations") <= 0:
            raise Invalid("quantity.not-positive", value=given, where="allocations")
    if amount != total(advice.allocations.values()):
        raise Invalid("billing.allocations", amount=advice.amount, sum=text(total(advice.allocations.values())))
    form.words(advice.method, "method", form.NAME_MAX)
    form.moment(advice.at, "at")
    spread(state, other(state, said.by), advice)


def check_open(state: RelationshipState, by: str, advice: RemittanceAdvice) -> None:
    """Refuse a payment of our own (``by``) that is above what is open."""
    creditor = other(state, by)
    parts = spread(state, creditor, advice)
    for target, given in sorted(advice.allocations.items()):
        covered = _covered(state, creditor, advice.currency, target)
        if any(parts.get(name, ZERO) > max(state.documents[name].free, ZERO) for name in covered):
            free = sum((state.documents[name].free for name in covered), ZERO)
            raise Refused("billing.over-payment", amount=given, open=text(free))


def spread(state: RelationshipState, creditor: str, advice: RemittanceAdvice) -> dict[str, Decimal]:
    """What ``advice`` takes off each document."""
    parts: dict[str, Decimal] = {}
    for target, given in sorted(advice.allocations.items()):
        covered = _covered(state, creditor, advice.currency, target)
        free = {name: state.documents[name].free - parts.get(name, ZERO) for name in covered}
        for name, taken in _fill(free, Decimal(given)).items():
            parts[name] = parts.get(name, ZERO) + taken
    return parts


def _covered(state: RelationshipState, creditor: str, currency: str, target: str) -> list[str]:
    """The documents that a payment to ``target`` pays: a bill itself, or all that a statement covers."""
    document = state.documents.get(target)
    owner = document or state.statements.get(target)
    if owner is None:
        raise Invalid("billing.unknown-document", line=target[:43])
    if owner.by != creditor:
        raise Refused("billing.not-owed", number=owner.number)
    if owner.currency != currency:
        raise Invalid("billing.currency", given=currency, expected=owner.currency)
    covered = [target] if document else list(documents_of(state, target))
    if not covered:
        raise Refused("billing.settled", number=owner.number)
    return covered


def _fill(free: Mapping[str, Decimal], amount: Decimal) -> dict[str, Decimal]:
    """``amount`` over ``free``: what is owed the other way is added to the money, then bills are paid in order.

    What is too much goes onto the last.
    """
    parts = {name: value for name, value in free.items() if value < 0}
    amount -= sum(parts.values(), ZERO)
    for name, value in free.items():
        if value > 0 and amount > 0:
            parts[name] = min(value, amount)
            amount -= parts[name]
    if amount > 0:
        last = list(free)[-1]
        parts[last] = parts.get(last, ZERO) + amount
    return parts


def remittance(state: RelationshipState, said: Said, message: RemittanceAdvice) -> RelationshipState:
    parts = spread(state, other(state, said.by), message)
    documents = dict(state.documents)
    for name, taken in parts.items():
        document = documents[name]
        documents[name] = replace(document, announced=money(Decimal(document.announced) + taken, message.currency))
    entry = Remittance(
        by=said.by, number=message.number, currency=message.currency, amount=message.amount, method=message.method,
        parts={name: money(taken, message.currency) for name, taken in parts.items()}, at=message.at or said.at,
    )
    return replace(state, documents=documents, remittances={**state.remittances, said.id: entry})


def check_confirmed(state: RelationshipState, said: Said, confirmed: RemittanceConfirmed) -> None:
    payment = state.remittances.get(confirmed.remittance)
    if payment is None:
        raise Invalid("billing.unknown-remittance")
    if payment.by == said.by:
        raise Refused("billing.own-remittance")
    if payment.status != "announced":
        raise Refused("billing.remittance-answered", number=payment.number)
    form.words(confirmed.note, "note")


def confirmed(state: RelationshipState, _said: Said, message: RemittanceConfirmed) -> RelationshipState:
    payment = state.remittances[message.remittance]
    documents = dict(state.documents)
    for name, taken in payment.parts.items():
        document = documents[name]
        came = Decimal(taken) if message.received else ZERO
        documents[name] = replace(
            document, announced=money(Decimal(document.announced) - Decimal(taken), payment.currency),
            paid=money(Decimal(document.paid) + came, payment.currency),
        )
    payment = replace(payment, status="received" if message.received else "refused")
    state = replace(state, documents=documents, remittances={**state.remittances, message.remittance: payment})
    for name, taken in payment.parts.items() if message.received else ():
        if documents[name].purpose == "deposit" and documents[name].kind == "invoice":
            state = booked(state, documents[name], deposit_paid=taken)
    return state
