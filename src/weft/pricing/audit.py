"""A sample of all that a firm has bound itself to, drawn by nobody: which leaves, how many, and what it may miss.

    1. A plan names the firm, how far its price record has come, how many documents are to be opened, and three other
       firms with a size that the price record of each has not reached yet.
    2. The roots at these sizes, which nobody knows beforehand, and the plan give the seed of the draw.
    3. The seed puts all places of all batches into one order. The firm opens them in that order: a document with its
       salt, or the seed of padding, until as many documents are open as the plan says, or all are.
Rule 1: who is audited chooses nothing: not the places, not their number, not where to stop.
Rule 2: padding is shown to be padding; what cannot be opened counts as found wrong.
Rule 3: a share ``m`` of false documents is missed by ``k`` openings with probability (1 - m)^k at most.
Not here: reading what was opened and checking its prices (``engine/pricelog/auditing.py``).
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil, log
from typing import Final, NamedTuple

import msgspec

from weft.basis import canonical, instant
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid
from weft.pricing import commitment
from weft.pricing.commitment import Opening
from weft.pricing.leaf import BATCH_MAX, BATCH_MIN

PLAN: Final = "price-audit-plan/1"
BEACONS_MIN: Final = 3
BEACONS_MAX: Final = 9
OPENINGS_MAX: Final = 2_000
PLACES_MAX: Final = 5_000_000
SHARES: Final = ("0.5", "1", "2", "5", "10")  # per cent of documents that do not follow their book
COUNTS: Final = (30, 60, 100, 300, 500)


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A piece of a file."""


class Beacon(_Part, frozen=True, kw_only=True):
    """The price record of ``firm`` when it has ``size`` leaves, which it did not have yet when the plan was made."""

    firm: str
    size: int


class Plan(_Part, frozen=True, kw_only=True):
    """What is to be audited. ``checkpoint``: the seller's signed record at ``size``; ``first``: the first leaf of it
    that counts; ``by``: the auditor, whose ``device`` sealed it (``seal``).
    """

    weft: str
    seller: str
    first: int
    size: int
    root: str
    checkpoint: str
    openings: int
    beacons: tuple[Beacon, ...]
    by: str
    at: str
    device: str = ""
    seal: str = ""

    @property
    def hash(self) -> str:
        """The name of the plan, seal included."""
        return b64(canonical.digest(PLAN, encode(self)))


class Padding(_Part, frozen=True, kw_only=True):
    """That leaf ``index`` of a batch of ``n`` is padding: ``made`` (32 bytes, base64url) is what it was made of."""

    made: str
    index: int
    n: int
    path: tuple[str, ...]


class Shown(_Part, frozen=True, kw_only=True):
    """What was opened at a place of the batch that is leaf ``batch`` of the record: a document, or padding."""

    batch: int
    opening: Opening | None = None
    padding: Padding | None = None

    @property
    def place(self) -> tuple[int, int]:
        """(leaf of the record, place in the batch); the latter is -1 when nothing was opened."""
        held = self.opening or self.padding
        return self.batch, -1 if held is None else held.index


class Fault(NamedTuple):
    """Something wrong with what was opened: ``price.audit.<code>`` is its sentence."""

    code: str
    place: tuple[int, int]


# ---- plans ---------------------------------------------------------------------------------------


def encode(plan: Plan) -> bytes:
    """The bytes of ``plan``."""
    return canonical.encode(msgspec.to_builtins(plan))


def parse(data: bytes) -> Plan:
    """The plan in ``data``; raises ``Invalid('pricing.audit-plan')``."""
    try:
        plan = msgspec.convert(canonical.decode(data), Plan)
        instant.to_ms(plan.at)
        unb64(plan.root, 32)
        sound = encode(plan) == data and _is_sound(plan)
    except (Invalid, msgspec.ValidationError) as error:
        raise Invalid("pricing.audit-plan") from error
    if not sound:
        raise Invalid("pricing.audit-plan")
    return plan


def _is_sound(plan: Plan) -> bool:
    """Whether the draw is out of the hands of who is audited: enough others, each once, and neither of the two."""
    firms = {one.firm for one in plan.beacons}
    return (plan.weft == PLAN and BEACONS_MIN <= len(plan.beacons) <= BEACONS_MAX and len(firms) == len(plan.beacons)
            and not firms & {plan.seller, plan.by} and plan.seller != plan.by
            and all(one.size >= 1 for one in plan.beacons)
            and 0 <= plan.first < plan.size and 1 <= plan.openings <= OPENINGS_MAX)


# ---- the draw ------------------------------------------------------------------------------------


def seed(plan: Plan, roots: Sequence[bytes]) -> bytes:
    """The seed of the draw: from ``plan`` and the ``roots`` (32 bytes each) of its beacons, in their order."""
    if len(roots) != len(plan.beacons) or any(len(root) != 32 for root in roots):
        raise Invalid("pricing.audit-plan")
    return canonical.digest("price-audit-seed/1", unb64(plan.hash, 32) + b"".join(roots))


def drawn(seed_: bytes, batches: Mapping[int, int]) -> Iterator[tuple[int, int]]:
    """All places (leaf of the record, place in its batch) of ``batches`` (leaf -> how many), in the order drawn."""
    if sum(batches.values()) > PLACES_MAX or any(not BATCH_MIN <= n <= BATCH_MAX for n in batches.values()):
        raise Invalid("pricing.audit-plan")

    def rank(place: tuple[int, int]) -> bytes:
        return canonical.digest("price-audit-draw/1", seed_ + place[0].to_bytes(8, "big") + place[1].to_bytes(4, "big"))

    yield from sorted(((leaf, place) for leaf, n in batches.items() for place in range(n)), key=rank)


def faults(plan: Plan, seed_: bytes, roots: Mapping[int, tuple[str, int]], shown: Sequence[Shown]) -> list[Fault]:
    """What is wrong with ``shown`` as an answer to the draw; ``roots``: root and size of each batch, by its leaf."""
    found: list[Fault] = []
    documents, done = 0, 0
    for wanted, one in zip(drawn(seed_, {leaf: n for leaf, (_, n) in roots.items()}), shown, strict=False):
        if documents == plan.openings:
            break
        done += 1
        if one.opening is not None:
            documents += 1
        if one.place != wanted:
            found.append(Fault("other-place", wanted))
        elif not _opens(one, roots[one.batch]):
            found.append(Fault("not-opened", wanted))
    everything = sum(n for _, n in roots.values())
    if documents < plan.openings and done < everything:
        found.append(Fault("too-few", (0, done)))
    if len(shown) > done:
        found.append(Fault("too-many", (0, done)))
    return found


def _opens(one: Shown, batch: tuple[str, int]) -> bool:
    root, n = batch
    try:
        if one.opening is not None and one.padding is None:
            commitment.verify(one.opening, root)
            return one.opening.n == n
        if one.padding is not None and one.opening is None:
            commitment.verify_padding(unb64(one.padding.made, 32), one.padding.index, (n, one.padding.path), root)
            return one.padding.n == n
    except Invalid:
        return False
    return False


# ---- what a sample may miss ----------------------------------------------------------------------


def missed(share: Fraction, openings: int) -> Fraction:
    """The probability that ``openings`` documents show none, when ``share`` of all do not follow their book."""
    return (1 - share) ** openings


def needed(share: Fraction, probability: Fraction) -> int:
    """How many openings find ``share`` of false documents with ``probability`` at least."""
    if not 0 < share < 1 or not 0 < probability < 1:
        raise Invalid("pricing.audit-plan")
    count = max(1, ceil(log(float(1 - probability)) / log(float(1 - share))) - 1)
    while missed(share, count) > 1 - probability:
        count += 1
    return count


def table(counts: Sequence[int] = COUNTS) -> list[tuple[str, tuple[str, ...]]]:
    """For each share of false documents (per cent) the chance in per cent that none is found, by number of openings."""
    return [(share, tuple(percent(missed(Fraction(share) / 100, count)) for count in counts)) for share in SHARES]


def percent(chance: Fraction) -> str:
    """``chance`` in per cent, to one decimal, upwards: what is said is never better than it is."""
    tenths = -(-chance.numerator * 1000 // chance.denominator)
    return f"{tenths // 10}.{tenths % 10}"
