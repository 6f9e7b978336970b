"""The folded state of two firms' relationship: who they are, and what each owes the other.

Rule 1: a document adds its signed ``amount`` to what is owed; ``paid`` is what payments and offsets took off again, so
        ``open`` sums to all bills less all credits less all money that came.
Rule 2: an announced payment reserves what it pays until the payee says whether it came.
Rule 3: deposit and retention are counted by order and creditor.
Rule 4: settled documents beyond the last ``KEPT`` are forgotten; they add nothing to any balance.
Not here: how it changes (``billing.py``, ``settlement.py``).
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

import msgspec

from weft.thread.closing import Closing
from weft.trade.messages import Party

KEPT: Final = 1000


class Phase(StrEnum):
    """How far the relationship is."""

    NEW = "new"
    PROPOSED = "proposed"
    ACTIVE = "active"
    ENDED = "ended"
    DECLINED = "declined"


class Piece(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A piece of the state."""


class Document(Piece, frozen=True, kw_only=True):
    """An invoice or a credit note of ``by``, who is owed. ``amount``: what is payable, or minus what is credited.

    ``invoice``: what a credit note is about. ``credited``: gross of the credit notes on an invoice.
    ``statement``: the confirmed statement that holds it. ``order``: the one order that a deposit or retention is for.
    """

    kind: Literal["invoice", "credit-note"]
    purpose: Literal["goods", "deposit", "retention"] = "goods"
    by: str
    number: str
    currency: str
    net: str
    tax: str
    gross: str
    amount: str
    retained: str = "0"
    deposit_used: str = "0"
    paid: str = "0"
    announced: str = "0"
    credited: str = "0"
    invoice: str = ""
    order: str = ""
    orders: tuple[str, ...] = ()
    statement: str = ""
    due: str = ""
    tax_invoice: str = ""
    at: str = ""

    @property
    def open(self) -> Decimal:
        """What it still adds to what is owed."""
        return Decimal(self.amount) - Decimal(self.paid)

    @property
    def free(self) -> Decimal:
        """What is open and not yet announced as paid."""
        return self.open - Decimal(self.announced)


class Remittance(Piece, frozen=True, kw_only=True):
    """A payment of ``by``; ``parts``: what it takes off each document; ``statement``: the confirmed one with it."""

    by: str
    number: str
    currency: str
    amount: str
    parts: dict[str, str]
    status: Literal["announced", "received", "refused"] = "announced"
    statement: str = ""
    method: str = ""
    at: str = ""


class Entry(Piece, frozen=True, kw_only=True):
    """One line of a statement with its answer; ``claimed``: the amount that who owes holds right."""

    kind: Literal["invoice", "credit-note", "remittance", "opening"]
    document: str
    number: str
    amount: str
    at: str = ""
    answer: Literal["", "confirmed", "disputed"] = ""
    reason: str = ""
    claimed: str = ""


class StatementOfAccount(Piece, frozen=True, kw_only=True):
    """A statement of ``by``, who is owed; confirmed when every line is. ``opened_by``: the one that carries it on."""

    by: str
    number: str
    period: str
    currency: str
    balance: str
    entries: dict[str, Entry]
    status: Literal["open", "confirmed"] = "open"
    opened_by: str = ""
    at: str = ""


class OrderAccount(Piece, frozen=True, kw_only=True):
    """Deposit and retention of one order: what came, was used, was held back, was billed after all."""

    by: str
    order: str
    currency: str
    deposit_paid: str = "0"
    deposit_used: str = "0"
    retained: str = "0"
    retention_billed: str = "0"

    @property
    def deposit(self) -> Decimal:
        """The deposit that is still to be used."""
        return Decimal(self.deposit_paid) - Decimal(self.deposit_used)

    @property
    def held(self) -> Decimal:
        """The retention that is still held back."""
        return Decimal(self.retained) - Decimal(self.retention_billed)


class RelationshipState(Piece, frozen=True, kw_only=True):
    """The relationship as both see it; parties by organisation, accounts by creditor/order, the rest by event id."""

    phase: Phase = Phase.NEW
    proposer: str = ""
    acceptor: str = ""
    parties: dict[str, Party] = {}
    documents: dict[str, Document] = {}
    remittances: dict[str, Remittance] = {}
    statements: dict[str, StatementOfAccount] = {}
    accounts: dict[str, OrderAccount] = {}
    closing: Closing | None = None


def other(state: RelationshipState, by: str) -> str:
    """The partner of ``by``."""
    return state.acceptor if by == state.proposer else state.proposer


def account_key(by: str, order: str) -> str:
    return f"{by}/{order}"


def account(state: RelationshipState, by: str, order: str, currency: str) -> OrderAccount:
    """The account of ``order`` with creditor ``by``; an empty one if there is none."""
    return state.accounts.get(account_key(by, order)) or OrderAccount(by=by, order=order, currency=currency)
