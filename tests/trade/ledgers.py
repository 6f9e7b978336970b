"""Relationships for the tests beside this file: bills, payments, statements, and all that could be said of them."""

from dataclasses import dataclass, field
from decimal import Decimal

from weft.basis.decider import Said
from weft.thread.fold import Node
from weft.trade import relationship
from weft.trade.messages import (
    CreditNote,
    Invoice,
    InvoiceLine,
    Keeper,
    MailboxesNamed,
    Party,
    PartyUpdated,
    RelationshipAccepted,
    RelationshipEnded,
    RelationshipProposed,
    RemittanceAdvice,
    RemittanceConfirmed,
    Statement,
    StatementAnswer,
    StatementLine,
    StatementResponse,
)
from weft.trade.relationship_state import RelationshipState, account
from weft.trade.settlement import documents_of
from weft.trade.shown import PriceBookShown, PriceOpening, PricesCommitted, SlipShown

A, B = "A" * 43, "B" * 43
ROLE = {A: "inviter", B: "invitee"}
DEAL = "o" * 43
NOBODY = "n" * 43


def said(by, message, name="event"):
    return Said(name, by, ROLE.get(by, "guest"), message)


def cents(value) -> str:
    return f"{Decimal(value):.2f}"


def line(gross="113.00", order=DEAL):
    net = (Decimal(gross) / Decimal("1.13")).quantize(Decimal("0.01"))
    return InvoiceLine(order=order, order_line="1", item="body", quantity="10", net=cents(net),
                       tax=cents(Decimal(gross) - net), gross=cents(gross), tax_percent="13")


def bill(number, gross="113.00", used="0.00", retained="0.00", **more):
    one = line(gross, more.pop("order", DEAL))
    return Invoice(number=number, lines=(one,), currency="CNY", net=one.net, tax=one.tax, gross=one.gross,
                   deposit_used=used, retained=retained,
                   payable=cents(Decimal(gross) - Decimal(used) - Decimal(retained)), **more)


def credit(number, invoice, gross="11.30"):
    one = line(gross)
    return CreditNote(number=number, invoice=invoice, lines=(one,), currency="CNY", net=one.net, tax=one.tax,
                      gross=one.gross, reason="damage")


def pay(number, **allocations):
    amounts = {name.removeprefix("_"): amount for name, amount in allocations.items()}
    return RemittanceAdvice(number=number, currency="CNY", amount=cents(sum(map(Decimal, amounts.values()))),
                            allocations=amounts)


def statement(state: RelationshipState, by, number, *, drop=0):
    """All that ``by`` could state, less the first ``drop``."""
    lines = []
    for name, one in state.statements.items():
        if one.by == by and one.status == "confirmed" and not one.opened_by:
            lines.append(("opening", name, Decimal(one.balance)))
    for name, one in state.documents.items():
        if one.by == by and not one.statement:
            lines.append((one.kind, name, Decimal(one.amount)))
    for name, one in state.remittances.items():
        if one.by != by and one.status == "received" and not one.statement:
            lines.append(("remittance", name, -Decimal(one.amount)))
    lines = lines[drop:]
    return Statement(
        number=number, period="2026-11", currency="CNY", balance=cents(sum(amount for *_, amount in lines)),
        lines=tuple(StatementLine(line=str(place), kind=kind, document=name, amount=cents(amount))
                    for place, (kind, name, amount) in enumerate(lines)))


def answers(state, name, dispute=()):
    return StatementResponse(statement=name, answers=tuple(
        StatementAnswer(line=one, confirmed=one not in dispute, reason="wrong price" if one in dispute else "")
        for one in state.statements[name].entries))


def possible(state: RelationshipState, by: str) -> list:
    """All that ``by`` might say in ``state``, sensible or not; at least one of each type."""
    return [*_people(by), *_bills(state, by), *_statements(state, by), *_payments(state, by)]


def _people(by):
    yield RelationshipProposed(party=Party(name=f"firm {by[0]}"), key_log=())
    yield RelationshipAccepted(party=Party(name=f"firm {by[0]}"), key_log=())
    yield RelationshipEnded()
    yield PartyUpdated(party=Party(name=f"new {by[0]}"))
    yield MailboxesNamed(number=1, secret="s" * 43, keepers=(Keeper(key="k" * 43, url="https://keeper.example"),))
    yield PriceBookShown(hash="h" * 43, deflated="ZGVmbGF0ZWQ")
    yield SlipShown(slip="{}")
    yield PricesCommitted(leaf="{}", proof="proof", openings=(
        PriceOpening(document="d" * 43, salt="s" * 43, index=3, n=16, path=("p" * 43,) * 4),))


def _number(state, by):
    return f"{len(state.documents) + len(state.statements) + len(state.remittances)}-{by[0]}"


def _bills(state, by):
    number = _number(state, by)
    held = account(state, by, DEAL, "CNY")
    yield bill(number)
    yield bill(number, kind="deposit", gross="30.00")
    yield bill(number, used=cents(min(held.deposit, Decimal(20))), retained="5.00")
    yield bill(number, used="20.00")
    yield bill(number, kind="retention", gross=cents(held.held or 1))
    yield credit(number, NOBODY)
    for name, one in state.documents.items():
        yield credit(number, name)
        yield credit(number, name, gross=one.gross)
        yield bill(one.number)


def _statements(state, by):
    number = _number(state, by)
    yield Statement(number=number, period="2026-11", currency="CNY", balance="1.00",
                    lines=(StatementLine(line="1", kind="invoice", document=NOBODY, amount="1.00"),))
    yield StatementResponse(statement=NOBODY, answers=(StatementAnswer(line="1", confirmed=True),))
    for drop in (0, 1):
        made = statement(state, by, number, drop=drop)
        if made.lines:
            yield made
    for name in state.statements:
        yield answers(state, name)
        yield answers(state, name, dispute=("0",))


def _payments(state, by):
    number = _number(state, by)
    yield pay(number, **{NOBODY: "1.00"})
    yield RemittanceConfirmed(remittance=NOBODY)
    free = {name: one.free for name, one in state.documents.items()}
    for name, amount in free.items():
        if amount > 0:
            yield pay(number, **{f"_{name}": cents(amount)})
            yield pay(number, **{f"_{name}": cents(amount / 2)})
    for name in state.statements:
        amount = sum(free[one] for one in documents_of(state, name))
        if amount > 0:
            yield pay(number, **{f"_{name}": cents(amount)})
            yield pay(number, **{f"_{name}": cents(amount / 3)})
    if len(free) > 1:
        owed = {f"_{name}": cents(amount) for name, amount in free.items() if amount > 0}
        yield pay(number, **owed or {NOBODY: "1.00"})
    for name in state.remittances:
        yield RemittanceConfirmed(remittance=name)
        yield RemittanceConfirmed(remittance=name, received=False)


@dataclass
class Ledger:
    """A relationship in one line, each word allowed."""

    state: RelationshipState = relationship.INITIAL
    nodes: list[Node] = field(default_factory=list)

    def say(self, by, message):
        name = f"{len(self.nodes):03d}"
        word = said(by, message, name)
        assert relationship.judge(self.state, word) is None, relationship.judge(self.state, word)
        self.state = relationship.evolve(self.state, word)
        self.nodes.append(Node(word, tuple(node.said.id for node in self.nodes[-1:])))
        return name


def begun():
    ledger = Ledger()
    ledger.say(B, RelationshipProposed(party=Party(name="firm B", lang="zh"), key_log=("e",), token="t"))
    return ledger


def active():
    ledger = begun()
    ledger.say(A, RelationshipAccepted(party=Party(name="firm A"), key_log=("e",)))
    return ledger


def declined():
    ledger = begun()
    ledger.say(A, RelationshipEnded())
    return ledger


def billed():
    """A is owed a deposit, which came, and two bills, one of them with deposit used and retention; B has billed too."""
    ledger = active()
    deposit = ledger.say(A, bill("D-1", kind="deposit", gross="30.00"))
    paid = ledger.say(B, pay("R-1", **{f"_{deposit}": "30.00"}))
    ledger.say(A, RemittanceConfirmed(remittance=paid))
    ledger.say(A, bill("I-1", used="20.00", retained="5.00"))
    ledger.say(A, bill("I-2", gross="56.50", order="p" * 43))
    ledger.say(B, bill("I-1", gross="11.30", order="q" * 43))
    return ledger


def stated():
    ledger = billed()
    ledger.say(A, statement(ledger.state, A, "S-1"))
    return ledger


def disputed():
    ledger = stated()
    ledger.say(B, answers(ledger.state, "008", dispute=("0", "1")))
    return ledger


def confirmed():
    ledger = stated()
    ledger.say(B, answers(ledger.state, "008"))
    return ledger


def announced():
    ledger = confirmed()
    ledger.say(B, pay("R-2", _008="100.00"))
    return ledger


def paying():
    """The statement is being paid in part, a bill outside it too, and a credit note crosses the months."""
    ledger = announced()
    ledger.say(A, bill("I-3"))
    ledger.say(A, credit("C-1", "006", gross="50.00"))
    ledger.say(B, pay("R-3", _011="13.00"))
    return ledger


def second_month():
    ledger = paying()
    ledger.say(A, RemittanceConfirmed(remittance="010"))
    ledger.say(A, statement(ledger.state, A, "S-2"))
    return ledger


def ended():
    ledger = second_month()
    ledger.say(B, RelationshipEnded(reason="moved away"))
    return ledger


SCENES = {"new": Ledger(), **{make.__name__: make() for make in (
    begun, active, declined, billed, stated, disputed, confirmed, announced, paying, second_month, ended)}}


def read(state: RelationshipState, *words: Said) -> RelationshipState:
    """``state`` after ``words`` in their order; what is denied changes nothing."""
    for word in words:
        if relationship.judge(state, word) is None:
            state = relationship.evolve(state, word)
    return state
