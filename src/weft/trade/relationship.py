"""The conversation ``relationship/1``: two firms with equal rights say who they are, bill, settle and pay.

Names follow UBL 2.4. The words' effects are in ``billing.py`` and ``settlement.py``, the state in
``relationship_state.py``. The sides are ``proposer`` and ``acceptor``, by who spoke first; after that they are equal.
Rule 1: ``judge`` is total: whatever a peer signs, it gives a code or None and never raises.
Rule 2: a message of a type that is not of this conversation (an acknowledgement) changes nothing.
Rule 3: ending a relationship ends no debt: bills and payments go on.
Rule 4: we announce no payment above what is open; one of the other firm that turns out to be above it, because a credit
        note crossed it, is money all the same: what is too much is owed back.
Not here: one deal (``order.py``), keys (``identity/keylog.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Invalid, Refused, WeftError
from weft.trade import billing, form, settlement
from weft.trade.messages import (
    RELATIONSHIP_MESSAGES,
    CreditNote,
    Invoice,
    MailboxesNamed,
    Party,
    PartyUpdated,
    RelationshipAccepted,
    RelationshipEnded,
    RelationshipProposed,
    RemittanceAdvice,
    RemittanceConfirmed,
    Statement,
    StatementResponse,
)
from weft.trade.numbers import ZERO, money
from weft.trade.relationship_state import (
    KEPT,
    Document,
    Entry,
    OrderAccount,
    Phase,
    RelationshipState,
    Remittance,
    StatementOfAccount,
    other,
)
from weft.trade.say import Say
from weft.trade.shown import PriceBookShown, PricesCommitted, SlipShown

__all__ = ["CROSSINGS", "CROSSINGS_BY_ROLE", "INITIAL", "MESSAGES", "NAME", "RULES", "VERSION", "Document", "Entry",
           "OrderAccount", "Phase", "RelationshipState", "Remittance", "Say", "StatementOfAccount", "balance",
           "decide", "evolve", "is_open", "judge", "may_say", "open_items", "other", "side"]

NAME: Final = "relationship"
VERSION: Final = 1
MESSAGES: Final[Mapping[str, type[Message]]] = RELATIONSHIP_MESSAGES
INITIAL: Final = RelationshipState()
PROPOSER: Final = "proposer"
ACCEPTOR: Final = "acceptor"
KEY_EVENTS_MAX: Final = 200
KEEPERS_MAX: Final = 4
OPENINGS_MAX: Final = 200
DEFLATED_MAX: Final = 240_000  # characters: a content holds 256 kB
PROOF_MAX: Final = 20_000
SLIP_MAX: Final = 80_000
LEAF_MAX: Final = 2_000
PATH_MAX: Final = 20

Turn = tuple[str, type[Message]]
Check = Callable[[RelationshipState, Said, Any], None]
Effect = Callable[[RelationshipState, Said, Any], RelationshipState]

_BUSINESS: Final[tuple[type[Message], ...]] = (
    PartyUpdated, Invoice, CreditNote, Statement, StatementResponse, RemittanceAdvice, RemittanceConfirmed,
    MailboxesNamed, PriceBookShown, PricesCommitted, SlipShown,
)


def _both(phase: Phase) -> dict[Turn, Phase]:
    return {(who, kind): phase for who in (PROPOSER, ACCEPTOR) for kind in _BUSINESS}


RULES: Final[Mapping[Phase, Mapping[Turn, Phase]]] = {
    Phase.NEW: {(PROPOSER, RelationshipProposed): Phase.PROPOSED},
    Phase.PROPOSED: {
        (ACCEPTOR, RelationshipAccepted): Phase.ACTIVE,
        (PROPOSER, PartyUpdated): Phase.PROPOSED,
        (PROPOSER, MailboxesNamed): Phase.PROPOSED,
        (PROPOSER, RelationshipEnded): Phase.DECLINED,
        (ACCEPTOR, RelationshipEnded): Phase.DECLINED,
    },
    Phase.ACTIVE: {
        **_both(Phase.ACTIVE),
        (PROPOSER, RelationshipEnded): Phase.ENDED,
        (ACCEPTOR, RelationshipEnded): Phase.ENDED,
    },
    Phase.ENDED: _both(Phase.ENDED),
    Phase.DECLINED: {},
}

_SILENT: Final = frozenset({  # they cross as what nobody knows does
    MailboxesNamed, PriceBookShown, PricesCommitted, SlipShown})

READ_FIRST: Final[tuple[tuple[type[Message], tuple[type[Message], ...], str], ...]] = (
    (RelationshipAccepted, tuple(kind for kind in MESSAGES.values() if kind not in {RelationshipAccepted, *_SILENT}),
     "who accepted had been asked: what the other says meanwhile, be it goodbye, is said to a partner"),
    (PartyUpdated, (RelationshipEnded,), "who goes still says where it can be found"),
    (RemittanceAdvice, (CreditNote, RemittanceConfirmed),
     "the money has left: it pays the bill as its author saw it, and a credit that crosses it is owed back"),
    (StatementResponse, (Statement,),
     "what was confirmed stands: a new statement that crosses it must not bill the same documents again"),
)


def _crossing(left: type[Message], right: type[Message]) -> Crossing:
    for first, later, _ in READ_FIRST:
        if left is first and right in later:
            return Crossing.LEFT_FIRST
        if right is first and left in later:
            return Crossing.RIGHT_FIRST
    return Crossing.EITHER


CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {
    (left, right): _crossing(left, right) for left in MESSAGES.values() for right in MESSAGES.values()
}

# Who proposes is the invitee of the thread: its acceptance is void, and carries no branch of its own ahead of others.
CROSSINGS_BY_ROLE: Final[Mapping[tuple[Turn, Turn], Crossing]] = {
    (("invitee", RelationshipAccepted), ("inviter", kind)): Crossing.EITHER for kind in MESSAGES.values()
}


# ---- who the two are -------------------------------------------------------------------------------


def _check_party(_state: RelationshipState, _said: Said, message: RelationshipProposed | PartyUpdated) -> None:
    party = message.party
    form.name(party.name, "name", 200)
    form.words(party.url, "url", 500)
    form.words(party.address, "address", 500)
    form.words(party.tax_number, "tax_number", form.NAME_MAX)
    form.words(party.contact, "contact", 500)
    if len(message.key_log) > KEY_EVENTS_MAX:
        raise Invalid("trade.lines-too-many", where="key_log", limit=KEY_EVENTS_MAX)


def _check_proposed(state: RelationshipState, said: Said, message: RelationshipProposed) -> None:
    _check_party(state, said, message)
    form.words(message.token, "token", form.NAME_MAX)


def _check_ended(_state: RelationshipState, _said: Said, message: RelationshipEnded) -> None:
    form.words(message.reason, "reason", 500)


def _check_mailboxes(_state: RelationshipState, _said: Said, message: MailboxesNamed) -> None:
    if message.number < 0:
        raise Invalid("quantity.negative", value=str(message.number), where="number")
    form.name(form.commitment(message.secret, "secret"), "secret")
    if len(message.keepers) > KEEPERS_MAX:
        raise Invalid("trade.lines-too-many", where="keepers", limit=KEEPERS_MAX)
    for keeper in message.keepers:
        form.name(form.commitment(keeper.key, "key"), "key")
        form.name(keeper.url, "url", 500)
        form.words(keeper.name, "name", 200)


def _check_book_shown(_state: RelationshipState, _said: Said, message: PriceBookShown) -> None:
    form.name(form.commitment(message.hash, "hash"), "hash")
    form.name(message.deflated, "deflated", DEFLATED_MAX)
    form.words(message.leaf, "leaf", LEAF_MAX)
    form.words(message.proof, "proof", PROOF_MAX)


def _check_slip_shown(_state: RelationshipState, _said: Said, message: SlipShown) -> None:
    form.name(message.slip, "slip", SLIP_MAX)


def _check_committed(_state: RelationshipState, _said: Said, message: PricesCommitted) -> None:
    form.name(message.leaf, "leaf", LEAF_MAX)
    form.name(message.proof, "proof", PROOF_MAX)
    form.counted(message.openings, "openings", OPENINGS_MAX)
    for one in message.openings:
        for text, where in ((one.document, "document"), (one.salt, "salt"), *((step, "path") for step in one.path)):
            form.name(form.commitment(text, where), where)
        if not 0 <= one.index < one.n or len(one.path) > PATH_MAX:
            raise Invalid("trade.commitment", where="openings")


def _proposed(state: RelationshipState, said: Said, message: RelationshipProposed) -> RelationshipState:
    return replace(state, proposer=said.by, parties={said.by: message.party})


def _accepted(state: RelationshipState, said: Said, message: RelationshipAccepted) -> RelationshipState:
    return replace(state, acceptor=said.by, parties={**state.parties, said.by: message.party})


def _updated(state: RelationshipState, said: Said, message: PartyUpdated) -> RelationshipState:
    return replace(state, parties={**state.parties, said.by: message.party})


def _nothing(state: RelationshipState, _said: Said, _message: Message) -> RelationshipState:
    return state


# ---- the decider -----------------------------------------------------------------------------------

WORDS: Final[Mapping[type[Message], tuple[Check, Effect]]] = {
    RelationshipProposed: (_check_proposed, _proposed),
    RelationshipAccepted: (_check_party, _accepted),
    RelationshipEnded: (_check_ended, _nothing),
    PartyUpdated: (_check_party, _updated),
    Invoice: (billing.check_invoice, billing.invoice),
    CreditNote: (billing.check_credit, billing.credit),
    Statement: (settlement.check_statement, settlement.statement),
    StatementResponse: (settlement.check_answers, settlement.answers),
    RemittanceAdvice: (settlement.check_remittance, settlement.remittance),
    RemittanceConfirmed: (settlement.check_confirmed, settlement.confirmed),
    MailboxesNamed: (_check_mailboxes, _nothing),
    PriceBookShown: (_check_book_shown, _nothing),
    PricesCommitted: (_check_committed, _nothing),
    SlipShown: (_check_slip_shown, _nothing),
}


def judge(state: RelationshipState, said: Said) -> str | None:
    """The code of the rule that denies ``said`` in ``state``, or None."""
    if type(said.message) not in WORDS:
        return None
    try:
        _check(state, said)
    except WeftError as error:
        return error.code
    return None


def decide(state: RelationshipState, command: Say) -> Sequence[Message]:
    """The message to say; raises ``Refused`` or ``Invalid`` with the facts for its sentence."""
    if type(command.message) not in WORDS:
        raise Refused("relationship.unknown-word", message=type(command.message).__name__)
    _check(state, Said(id="", by=command.by, role=command.role, message=command.message))
    if isinstance(command.message, RemittanceAdvice):
        settlement.check_open(state, command.by, command.message)
    return (command.message,)


def evolve(state: RelationshipState, said: Said) -> RelationshipState:
    """``state`` after ``said``, which ``judge`` allows."""
    kind = type(said.message)
    if kind not in WORDS:
        return state
    following = RULES[state.phase][side(state, said.by), kind]
    return _forget(WORDS[kind][1](replace(state, phase=following), said, said.message))


def _check(state: RelationshipState, said: Said) -> None:
    kind = type(said.message)
    who = side(state, said.by)
    if not who:
        raise Refused("relationship.stranger")
    if (who, kind) not in RULES[state.phase]:
        raise Refused("relationship.not-now", phase=state.phase.value, message=kind.__name__)
    WORDS[kind][0](state, said, said.message)


def side(state: RelationshipState, by: str) -> str:
    """``proposer`` or ``acceptor``; "" for one who is neither."""
    if state.proposer in {"", by}:
        return PROPOSER
    return ACCEPTOR if state.acceptor in {"", by} else ""


def may_say(state: RelationshipState, by: str) -> tuple[str, ...]:
    """Names of the messages that organisation ``by`` may say now, in the table's order."""
    who = side(state, by)
    return tuple(kind.__name__ for speaker, kind in RULES[state.phase] if speaker == who)


def _forget(state: RelationshipState) -> RelationshipState:
    """``state`` without the oldest settled things, once there are more than ``KEPT`` of a kind."""
    if len(state.documents) > KEPT:
        old = _oldest(state.documents, lambda one: bool(one.statement) and not one.open and not Decimal(one.announced))
        state = replace(state, documents={name: one for name, one in state.documents.items() if name not in old})
    if len(state.remittances) > KEPT:
        gone = _oldest(state.remittances, lambda one: bool(one.statement) or one.status == "refused")
        state = replace(state, remittances={name: one for name, one in state.remittances.items() if name not in gone})
    if len(state.statements) > KEPT:
        done = _oldest(state.statements, lambda one: bool(one.opened_by))
        state = replace(state, statements={name: one for name, one in state.statements.items() if name not in done})
    return state


def _oldest(things: Mapping[str, Any], settled: Callable[[Any], bool]) -> set[str]:
    """The first settled of ``things``, as many as are above ``KEPT``."""
    return set([name for name, one in things.items() if settled(one)][: len(things) - KEPT])


# ---- reading ---------------------------------------------------------------------------------------


def is_open(state: RelationshipState) -> bool:
    """Whether both firms want new business with each other."""
    return state.phase is Phase.ACTIVE


def was_open(state: RelationshipState) -> bool:
    """Whether the two are or were partners: ending ends no order and no debt."""
    return state.phase in {Phase.ACTIVE, Phase.ENDED}


def party(state: RelationshipState, organisation: str) -> Party | None:
    """How ``organisation`` last described itself."""
    return state.parties.get(organisation)


def open_items(state: RelationshipState, creditor: str) -> list[tuple[str, Document]]:
    """Event ids and documents of ``creditor`` that still add to what it is owed, oldest first."""
    return [(name, one) for name, one in state.documents.items() if one.by == creditor and one.open]


def balance(state: RelationshipState, creditor: str) -> dict[str, str]:
    """What the partner owes ``creditor``, by currency; only currencies that were billed."""
    sums: dict[str, Decimal] = {}
    for document in state.documents.values():
        if document.by == creditor:
            sums[document.currency] = sums.get(document.currency, ZERO) + document.open
    return {currency: money(amount, currency) for currency, amount in sums.items()}
