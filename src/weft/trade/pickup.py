"""What is said about picking up at a shop: words in an order thread that change nothing of the order itself.

Between buyer and seller: the seller offers places, the buyer names one and the digest of a code that it keeps, the
seller says what lies there and what came back. Between seller and shop (the order of the shop's service): the digest,
what was brought back to the shop, what the shop sends back. That goods were handed out is a ``DespatchAdvice``.
Rule 1: these words fold to nothing, so that a node which does not know them comes to the same state.
Rule 2: a code is told by its digest alone, and that costs a guess 30 ms: eight letters hold for years.
Rule 3: nothing here names the buyer to the shop, nor the shop's thread to the buyer: the place is told in words.
Not here: the order's own words (``messages.py``), what follows from these (``engine/reactions/pickup_*.py``).
"""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

from msgspec.structs import replace

from weft.basis.canonical import b64, unb64
from weft.basis.decider import Message, Said
from weft.basis.errors import Invalid, Refused, WeftError
from weft.trade import form
from weft.trade.messages import DespatchAdvice, Part, ReceiptAdvice
from weft.trade.numbers import ZERO
from weft.trade.order_state import OrderState, Phase

PLACES_MAX: Final = 20
DAYS_MAX: Final = 3650
LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # no I and no O: they look like other signs
CODE_LETTERS: Final = 8
LABEL_LETTERS: Final = 4
QR: Final = "WEFT-PICKUP:"
_COST: Final = {"n": 2**13, "r": 8, "p": 1, "dklen": 32}


class PickUpPlace(Part, frozen=True, kw_only=True):
    """A shop in plain words; ``return_days``: how long after the hand-out it takes goods back (0: not at all)."""

    id: str
    name: str
    address: str = ""
    return_days: int = 0


class PickUpOffered(Message, frozen=True, kw_only=True):
    """The seller says where the goods may be fetched instead of being sent; a later word replaces an earlier one."""

    places: tuple[PickUpPlace, ...] = ()


class PickUpNamed(Message, frozen=True, kw_only=True):
    """The buyer will fetch the goods at ``place``; who brings the code behind ``digest`` gets them.

    A later word of its author replaces an earlier one. ``names``: what the goods are called, by item (to a shop).
    """

    place: PickUpPlace
    salt: str
    digest: str
    names: dict[str, str] = {}


class PickUpReady(Message, frozen=True, kw_only=True):
    """The seller says how much of each line lies at the place, inspected; ``off``: it cannot be fetched there."""

    lines: dict[str, str] = {}
    off: bool = False


class BackLine(Part, frozen=True, kw_only=True):
    """What comes back: ``line`` of the order between buyer and seller, or the item that the shop held."""

    line: str
    quantity: str
    unit: str = "C62"
    reason: str = ""


class BroughtBack(Message, frozen=True, kw_only=True):
    """The buyer has brought goods back to the shop, which holds them for the seller. ``code``: who brought them."""

    lines: tuple[BackLine, ...]
    code: str = ""
    at: str = ""


class SentBack(Message, frozen=True, kw_only=True):
    """The shop sends what it held back to its owner."""

    lines: tuple[BackLine, ...]
    at: str = ""


# ---- the code ------------------------------------------------------------------------------------


def code_of(random: Callable[[int], bytes]) -> str:
    """A new code: eight letters, each as likely as any other."""
    found = ""
    while len(found) < CODE_LETTERS:
        found += "".join(LETTERS[byte % len(LETTERS)] for byte in random(CODE_LETTERS) if byte < 240)
    return found[:CODE_LETTERS]


def digest_of(code: str, salt: str) -> str:
    """What may be told of ``code``: 32 bytes in base64url, slow to make on purpose."""
    return b64(hashlib.scrypt(code.encode(), salt=b"weft pick-up/1" + unb64(salt, 32), **_COST))


def opens(code: str, named: PickUpNamed) -> bool:
    """Whether ``code`` is the one behind ``named``."""
    try:
        return len(code) == CODE_LETTERS and digest_of(code, named.salt) == named.digest
    except WeftError:
        return False  # a salt that is none


def label_of(digest: str) -> str:
    """Four letters by which people find a parcel; they open nothing."""
    return "".join(LETTERS[byte % len(LETTERS)] for byte in hashlib.sha256(digest.encode()).digest()[:LABEL_LETTERS])


def typed(words: str) -> tuple[str, str]:
    """(label, code) of what was typed or scanned: letters alone count; the label may be missing."""
    plain = unicodedata.normalize("NFKC", words).strip().upper().removeprefix(QR)
    letters = "".join(one for one in plain if "A" <= one <= "Z")
    return letters[:-CODE_LETTERS], letters[-CODE_LETTERS:]


# ---- who may say them, and what they must hold ----------------------------------------------------

_TALK: Final = frozenset({Phase.REQUESTED, Phase.QUOTED, Phase.COUNTERED, Phase.ORDERED, Phase.CONFIRMED})
_AFTER: Final = frozenset({Phase.CONFIRMED, Phase.CLOSED, Phase.CANCELLED})


def _place(place: PickUpPlace) -> None:
    form.name(place.id, "place")
    form.name(place.name, "place", 200)
    form.words(place.address, "address", 500)
    if not 0 <= place.return_days <= DAYS_MAX:
        raise Invalid("pickup.days", limit=DAYS_MAX)


def _offered(_state: OrderState, message: PickUpOffered) -> None:
    if len(message.places) > PLACES_MAX:
        raise Invalid("trade.lines-too-many", where="places", limit=PLACES_MAX)
    for place in message.places:
        _place(place)


def _named(state: OrderState, message: PickUpNamed) -> None:
    _place(message.place)
    form.name(form.commitment(message.salt, "salt"), "salt")
    form.name(form.commitment(message.digest, "digest"), "digest")
    if len(message.names) > form.LINES_MAX:
        raise Invalid("trade.lines-too-many", where="names", limit=form.LINES_MAX)
    for item, words in message.names.items():
        form.name(item, "names")
        form.words(words, "names", 500)
    if any(one.kind == "goods" for one in state.despatches.values()):
        raise Refused("pickup.sent-already")


def _ready(state: OrderState, message: PickUpReady) -> None:
    for line, quantity in message.lines.items():
        if line not in state.lines:
            raise Invalid("order.unknown-line", line=line[:40])
        form.not_negative(quantity, line)


def _back(_state: OrderState, message: BroughtBack | SentBack) -> None:
    form.counted(message.lines, "lines")
    form.moment(message.at, "at")
    for line in message.lines:
        form.name(line.line, "line")
        form.positive(line.quantity, "line")
        form.words(line.unit, "line", 10)
        form.words(line.reason, "line", 500)


WORDS: Final[Mapping[str, type[Message]]] = {
    kind.__name__: kind for kind in (PickUpOffered, PickUpNamed, PickUpReady, BroughtBack, SentBack)}
_RULES: Final[Mapping[type[Message], tuple[str, frozenset[Phase], Callable[[OrderState, Any], None]]]] = {
    PickUpOffered: ("seller", _TALK, _offered),
    PickUpNamed: ("buyer", _TALK, _named),
    PickUpReady: ("seller", _AFTER, _ready),
    BroughtBack: ("seller", _AFTER, _back),
    SentBack: ("seller", _AFTER, _back),
}


def check(state: OrderState, said: Said) -> None:
    """Raises ``Refused`` or ``Invalid`` when ``said``, one of ``WORDS``, may not be said."""
    role, phases, holds = _RULES[type(said.message)]
    facts = {"role": said.role[:20], "phase": state.phase.value, "message": type(said.message).__name__}
    if said.role != role:
        raise Refused("order.wrong-role", **facts)
    if state.phase not in phases:
        raise Refused("order.not-now", **facts)
    holds(state, said.message)


def judge(state: OrderState, said: Said) -> str | None:
    """The code for which ``said`` is void, or None; of other words None."""
    if type(said.message) not in _RULES:
        return None
    try:
        check(state, said)
    except WeftError as error:
        return error.code
    return None


# ---- what became of the goods ----------------------------------------------------------------------


class Ledger(Part, frozen=True, kw_only=True):
    """What became of the goods that a shop was sent, by item, as the shop itself has said; quantities of good pieces.

    ``out`` is the event id of the hand-out, ``code`` the evidence in it; ``named``: who could fetch, the last counts.
    """

    sent: dict[str, Decimal] = {}
    lost: dict[str, Decimal] = {}
    arrived: dict[str, Decimal] = {}
    handed: dict[str, Decimal] = {}
    brought: dict[str, Decimal] = {}
    gone_back: dict[str, Decimal] = {}
    out: str = ""
    out_at: str = ""
    code: str = ""
    named: tuple[PickUpNamed, ...] = ()

    @property
    def here(self) -> dict[str, Decimal]:
        """What the shop holds."""
        return {item: left for item, came in self.arrived.items()
                if (left := came - self.handed.get(item, ZERO) + self.brought.get(item, ZERO)
                    - self.gone_back.get(item, ZERO)) > ZERO}

    @property
    def with_buyer(self) -> dict[str, Decimal]:
        """What was handed out and not brought back."""
        return {item: left for item, out in self.handed.items() if (left := out - self.brought.get(item, ZERO)) > ZERO}

    @property
    def under_way(self) -> dict[str, Decimal]:
        """What was sent to the shop and nothing was said of yet."""
        return {item: left for item, out in self.sent.items()
                if (left := out - self.lost.get(item, ZERO) - self.arrived.get(item, ZERO)) > ZERO}


def ledger(said: Iterable[tuple[str, Any]]) -> Ledger:
    """What (event id, message) of the order of a shop's service come to, in the order in which they are read."""
    despatches: dict[str, DespatchAdvice] = {}
    found = Ledger()
    for name, message in said:
        match message:
            case PickUpNamed():
                found = replace(found, named=(*found.named, message))
            case DespatchAdvice(kind="materials"):
                despatches[name] = message
                found = replace(found, sent=_sum(found.sent, ((one.item, one.quantity) for one in message.lines)))
            case DespatchAdvice() if not found.out:
                found = replace(found, out=name, out_at=message.at, code=message.code, handed=found.here)
            case ReceiptAdvice() if message.despatch in despatches:
                found = _inspected(found, despatches[message.despatch], message)
            case BroughtBack():
                found = replace(found, brought=_sum(found.brought, ((one.line, one.quantity) for one in message.lines)))
            case SentBack():
                gone = _sum(found.gone_back, ((one.line, one.quantity) for one in message.lines))
                found = replace(found, gone_back=gone)
    return found


def _inspected(found: Ledger, despatch: DespatchAdvice, receipt: ReceiptAdvice) -> Ledger:
    sent = {line.line: line for line in despatch.lines}
    good = [(sent[came.line].item, Decimal(came.received)) for came in receipt.lines]
    lost = [(sent[came.line].item, Decimal(sent[came.line].quantity) - Decimal(came.received))
            for came in receipt.lines]
    return replace(found, arrived=_sum(found.arrived, good), lost=_sum(found.lost, lost))


def _sum(before: Mapping[str, Decimal], more: Iterable[tuple[str, Decimal | str]]) -> dict[str, Decimal]:
    after = dict(before)
    for item, amount in more:
        after[item] = after.get(item, ZERO) + Decimal(amount)
    return after
