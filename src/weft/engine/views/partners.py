"""Partners: who they are, how far the relationship is, and what each side owes the other.

Rule 1: sums are those of the relationship's own state, which both firms fold alike.
Not here: inviting and paying (``engine/commands``), the orders themselves (``orders.py``).
"""

from decimal import Decimal
from typing import Any

import msgspec

from weft.basis.errors import NotFound
from weft.engine import billed
from weft.engine.views.health import Told, barred
from weft.engine.views.shape import View
from weft.trade.relationship_state import Phase, RelationshipState, StatementOfAccount, account_key

_ZERO = Decimal(0)
OWED = ("open", "overdue")


class PartnerRow(View, frozen=True, kw_only=True):
    """One partner. ``state``: open, asks-us, asked, ended or declined. Sums are in ``currency``."""

    thread: str
    organisation: str
    name: str
    state: str
    orders: int = 0
    owed_to_us: str = ""
    owed_by_us: str = ""
    currency: str = ""


class PartnersView(View, frozen=True, kw_only=True):
    """All partners, those who wait for us first."""

    partners: tuple[PartnerRow, ...]


class Balance(View, frozen=True, kw_only=True):
    """What is open in one currency."""

    currency: str
    owed_to_us: str
    owed_by_us: str


class BillView(View, frozen=True, kw_only=True):
    """An invoice or credit note. ``state``: open, announced, paid or overdue."""

    id: str
    ours: bool
    kind: str
    number: str
    currency: str
    payable: str
    open: str
    state: str
    due: str = ""
    at: str = ""
    tax_invoice: str = ""


class StatementLineView(View, frozen=True, kw_only=True):
    """One line of a statement and the answer to it: "", confirmed or disputed."""

    line: str
    kind: str
    number: str
    amount: str
    at: str = ""
    answer: str = ""
    reason: str = ""
    our_amount: str = ""


class StatementView(View, frozen=True, kw_only=True):
    """A statement. ``state``: open, disputed or confirmed; ``to_answer``: it is for us to say."""

    id: str
    ours: bool
    number: str
    period: str
    currency: str
    balance: str
    state: str
    to_answer: bool
    lines: tuple[StatementLineView, ...]


class RemittanceView(View, frozen=True, kw_only=True):
    """A payment. ``state``: announced, received or not-received; ``to_confirm``: it is for us to say."""

    id: str
    ours: bool
    number: str
    currency: str
    amount: str
    state: str
    to_confirm: bool
    method: str = ""
    at: str = ""


class BillableOrder(View, frozen=True, kw_only=True):
    """An order of which something can be billed now: ``kind`` goods, deposit or retention."""

    thread: str
    number: str
    kind: str = "goods"


class OverView(View, frozen=True, kw_only=True):
    """With a bill, ``billed`` in all is more than ``limit``, what there is of ``line`` of the order or slip."""

    number: str
    line: str
    billed: str
    limit: str


class PartnerView(View, frozen=True, kw_only=True):
    """One partner in full."""

    thread: str
    organisation: str
    name: str
    state: str
    url: str = ""
    address: str = ""
    contact: str = ""
    tax_number: str = ""
    balances: tuple[Balance, ...] = ()
    invoices: tuple[BillView, ...] = ()
    statements: tuple[StatementView, ...] = ()
    remittances: tuple[RemittanceView, ...] = ()
    payable: tuple[BillView, ...] = ()
    orders: tuple[Any, ...] = ()
    billable: tuple[BillableOrder, ...] = ()
    barred: Told | None = None
    over: dict[str, OverView] = {}
    prices: dict[str, Any] = {}


def state_of(node: Any, state: RelationshipState) -> str:
    """How far the relationship is, as we see it."""
    if state.phase is Phase.PROPOSED:
        return "asked" if state.proposer == node.organisation else "asks-us"
    return {Phase.ACTIVE: "open", Phase.ENDED: "ended", Phase.DECLINED: "declined"}.get(state.phase, "asked")


async def _other(node: Any, thread: str) -> str:
    return next((one for one in await node.members(thread) if one != node.organisation), "")


async def thread_with(node: Any, organisation: str) -> str:
    """The relationship with ``organisation``, or ""."""
    for thread in node.threads("relationship"):
        if organisation in await node.members(thread):
            return str(thread)
    return ""


async def partners(node: Any) -> PartnersView:
    """Every partner."""
    rows, orders = [], set(node.threads("order"))
    for thread in node.threads("relationship"):
        state, who = await node.state(thread), await _other(node, thread)
        balance = next(iter(balances(node.organisation, state)), None)
        party = state.parties.get(who)
        rows.append(PartnerRow(
            thread=thread, organisation=who, name=party.name if party else "", state=state_of(node, state),
            orders=len(orders & node.holdings.of(who).keys()), currency=balance.currency if balance else "",
            owed_to_us=balance.owed_to_us if balance and Decimal(balance.owed_to_us) else "",
            owed_by_us=balance.owed_by_us if balance and Decimal(balance.owed_by_us) else ""))
    rows.sort(key=lambda row: (row.state != "asks-us", row.state != "open", row.name))
    return PartnersView(partners=tuple(rows))


def balances(us: str, state: RelationshipState) -> tuple[Balance, ...]:
    """What is open both ways, by currency."""
    sums: dict[str, list[Decimal]] = {}
    for one in state.documents.values():
        pair = sums.setdefault(one.currency, [_ZERO, _ZERO])
        pair[0 if one.by == us else 1] += one.open
    return tuple(Balance(currency=currency, owed_to_us=str(to_us), owed_by_us=str(by_us))
                 for currency, (to_us, by_us) in sorted(sums.items()))


async def partner(node: Any, thread: str) -> PartnerView:
    """The partner of the relationship ``thread``, with its orders; raises ``NotFound``."""
    from weft.engine.views import proofs
    from weft.engine.views.deals import deals, ended
    from weft.engine.views.orders import DONE_SHOWN, card_of

    found = await account(node, thread)
    who = found.organisation
    held = [one for one in await deals(node) if one.partner == who]
    done = await ended(node, DONE_SHOWN, lambda one: one.partner == who)
    return msgspec.structs.replace(
        found, orders=tuple(card_of(node, one) for one in (*held, *done)), billable=await billable(node, thread, held),
        prices=await proofs.kept(node, [one.id for one in found.invoices]))


async def billable(node: Any, thread: str, held: list[Any]) -> tuple[BillableOrder, ...]:
    """Which orders of the relationship ``thread`` can be billed now: of ``held``, which are open, and of those over."""
    who, state = await _other(node, thread), await node.state(thread)
    us = node.organisation
    bills = [one for one in state.documents.values() if one.by == us and one.kind == "invoice"]
    done = {(order, one.purpose) for one in bills for order in (one.order, *one.orders)}
    found = []
    for one in held:
        if one.role == "seller" and one.partner == who:
            found += [BillableOrder(thread=one.thread, number=one.number, kind=kind)
                      for kind in _may(us, state, one) if (one.thread, kind) not in done]
    over = {name: one for name, one in (await node.ended.known(node)).items() if one.partner == who}
    for name, one in over.items():
        owed = state.accounts.get(account_key(us, name))
        may = {"goods": one.came, "retention": owed is not None and owed.held > 0}
        found += [BillableOrder(thread=name, number=one.number, kind=kind) for kind, can in may.items()
                  if can and one.role == "seller" and (name, kind) not in done]
    return tuple([one for one in found
                  if one.kind != "goods" or not await billed.forgotten(node, thread, one.thread, state)])


async def account(node: Any, thread: str) -> PartnerView:
    """The partner of the relationship ``thread`` with its money, without its orders; raises ``NotFound``."""
    if thread not in node.threads("relationship"):
        raise NotFound("thread.unknown")
    state: RelationshipState = await node.state(thread)
    us, who = node.organisation, await _other(node, thread)
    party = state.parties.get(who)
    invoices = _bills(node, state)
    beyond = await billed.over(node, thread, state)
    return PartnerView(
        thread=thread, organisation=who, name=party.name if party else "", state=state_of(node, state),
        url=party.url if party else "", address=party.address if party else "", contact=party.contact if party else "",
        tax_number=party.tax_number if party else "", balances=balances(us, state), invoices=invoices,
        statements=tuple(_statement(us, name, one) for name, one in reversed(state.statements.items())),
        remittances=_remittances(us, state),
        barred=barred(node, who), over={name: OverView(**one._asdict()) for name, one in beyond.items()},
        payable=tuple(one for one in invoices if not one.ours and one.kind != "credit-note" and one.state in OWED))


def _bills(node: Any, state: RelationshipState) -> tuple[BillView, ...]:
    from weft.basis import instant

    now = instant.from_ms(int(node.clock.now_ms()))
    found = []
    for name, one in reversed(state.documents.items()):
        told = "paid" if one.open == 0 else "announced" if one.free <= 0 < one.open else "open"
        if told == "open" and one.due and one.due < now:
            told = "overdue"
        found.append(BillView(
            id=name, ours=one.by == node.organisation, number=one.number, currency=one.currency, payable=one.amount,
            kind="credit-note" if one.kind == "credit-note" else one.purpose, open=str(one.open), state=told,
            due=one.due, at=one.at, tax_invoice=one.tax_invoice))
    return tuple(found)


def _statement(us: str, name: str, one: StatementOfAccount) -> StatementView:
    lines = tuple(StatementLineView(line=line, kind=entry.kind, number=entry.number, amount=entry.amount, at=entry.at,
                                    answer=entry.answer, reason=entry.reason, our_amount=entry.claimed)
                  for line, entry in one.entries.items())
    disputed = any(line.answer == "disputed" for line in lines)
    told = "confirmed" if one.status == "confirmed" else "disputed" if disputed else "open"
    waits = one.by != us and one.status == "open" and not one.opened_by and any(not line.answer for line in lines)
    return StatementView(id=name, ours=one.by == us, number=one.number, period=one.period, currency=one.currency,
                         balance=one.balance, state=told, to_answer=waits, lines=lines)


def _remittances(us: str, state: RelationshipState) -> tuple[RemittanceView, ...]:
    words = {"announced": "announced", "received": "received", "refused": "not-received"}
    return tuple(
        RemittanceView(id=name, ours=one.by == us, number=one.number, currency=one.currency, amount=one.amount,
                       state=words[one.status], to_confirm=one.by != us and one.status == "announced",
                       method=one.method, at=one.at)
        for name, one in reversed(state.remittances.items()))


def _may(us: str, state: RelationshipState, held: Any) -> list[str]:
    """What of the open order ``held``, of which we are the seller, can be billed, if it is not yet."""
    offer, owed = held.state.quotation, state.accounts.get(account_key(us, held.thread))
    may = {"goods": any(Decimal(line.received) > 0 for line in held.state.lines.values()),
           "deposit": held.state.phase.value == "confirmed" and bool(offer) and Decimal(offer.deposit_percent) > 0,
           "retention": owed is not None and owed.held > 0}
    return [kind for kind, can in may.items() if can]
