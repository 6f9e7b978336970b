"""What a firm writes into its public price record: books, batches of commitments, counted exceptions.

Leaves of a transparency log as ``tlog`` keeps it; each is canonical JSON.

    {"kind":"book","hash","id","number","valid_from","notice_days","at"}
    {"kind":"batch","root","n","at"}
    {"kind":"exceptions","period":"2026-11","count","band"}

Rule 1: a leaf has one way to be written; what is not its own re-encoding is refused.
Rule 2: no leaf names a partner, an item or an amount, and its size and time tell nothing of the volume of trade.
Rule 3: ``at`` is what the firm says; when others saw it, their cosignatures say.
Not here: what a batch commits to (``commitment.py``), when leaves are written (the engine), the tree (``tlog/``).
"""

import re
from typing import Any, Final, Literal

import msgspec

from weft.basis import canonical, instant
from weft.basis.errors import Invalid
from weft.pricing.form import NOTICE_DAYS_MAX, TEXT_MAX
from weft.pricing.schema import PriceBook

ORIGIN_PREFIX: Final = "weft/pricelog/"
LEAF_BYTES_MAX: Final = 1024
BATCH_MIN: Final = 16
BATCH_MAX: Final = 1 << 20
EXCEPTIONS_MAX: Final = 1_000_000
BANDS: Final = ("none", "5", "10", "20", "50", "more")  # the largest distance from the book, up to so many percent
_PERIOD: Final = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])", re.ASCII)
_CODE: Final = "pricing.leaf-malformed"


class _Leaf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind"):
    """What all leaves have in common: a kind, and no field that is not declared."""


class BookLeaf(_Leaf, frozen=True, kw_only=True, tag="book"):
    """From instant ``at`` on the version ``hash`` of the book ``id`` is public; ``number`` counts publications."""

    hash: str
    id: str
    number: int
    valid_from: str
    notice_days: int
    at: str


class BatchLeaf(_Leaf, frozen=True, kw_only=True, tag="batch"):
    """The firm binds itself to the ``n`` commitments, true ones and padding, under ``root``, at instant ``at``."""

    root: str
    n: int
    at: str


class ExceptionsLeaf(_Leaf, frozen=True, kw_only=True, tag="exceptions"):
    """In the month ``period`` the firm agreed ``count`` prices off its books, at most ``band`` percent from them."""

    period: str
    count: int
    band: Literal["none", "5", "10", "20", "50", "more"]


Leaf = BookLeaf | BatchLeaf | ExceptionsLeaf


def book_leaf(book: PriceBook, number: int, at: str) -> BookLeaf:
    """The leaf that makes ``book``, publication ``number`` of its firm, public at instant ``at``."""
    return BookLeaf(hash=book.hash, id=book.id, number=number, valid_from=book.valid_from,
                    notice_days=book.notice_days, at=at)


def encode(leaf: Leaf) -> bytes:
    """The entry of ``leaf``; raises ``Invalid('pricing.leaf-malformed')`` for what ``parse`` would not give back."""
    data = canonical.encode(msgspec.to_builtins(leaf))
    if parse(data) != leaf:
        raise Invalid(_CODE)
    return data


def parse(data: bytes) -> Leaf:
    """The leaf in an entry; raises ``Invalid('pricing.leaf-malformed')``."""
    if len(data) > LEAF_BYTES_MAX:
        raise Invalid(_CODE)
    try:
        leaf: Leaf = msgspec.convert(canonical.decode(data), type=_ANY)
        sound = _is_sound(leaf) and canonical.encode(msgspec.to_builtins(leaf)) == data
    except (Invalid, msgspec.ValidationError) as error:
        raise Invalid(_CODE) from error
    if not sound:
        raise Invalid(_CODE)
    return leaf


def origin_of(organisation: str) -> str:
    """The name of the price record of ``organisation``, which is the name of its key, too."""
    return ORIGIN_PREFIX + organisation


def organisation_of(origin: str) -> str | None:
    """Whose price record ``origin`` is, or None when it is no price record."""
    if not origin.startswith(ORIGIN_PREFIX):
        return None
    organisation = origin.removeprefix(ORIGIN_PREFIX)
    try:
        canonical.named(organisation, 32)
    except Invalid:
        return None
    return organisation


_ANY: Final[Any] = Leaf


def _is_sound(leaf: Leaf) -> bool:
    match leaf:
        case BookLeaf():
            canonical.named(leaf.hash, 32)
            instant.to_ms(leaf.valid_from)
            instant.to_ms(leaf.at)
            return (0 < len(leaf.id) <= TEXT_MAX and bool(leaf.id.strip()) and leaf.number >= 1
                    and 0 <= leaf.notice_days <= NOTICE_DAYS_MAX)
        case BatchLeaf():
            canonical.named(leaf.root, 32)
            instant.to_ms(leaf.at)
            return BATCH_MIN <= leaf.n <= BATCH_MAX and leaf.n & (leaf.n - 1) == 0
        case ExceptionsLeaf():
            return (bool(_PERIOD.fullmatch(leaf.period)) and 0 <= leaf.count <= EXCEPTIONS_MAX
                    and (leaf.band == "none") == (leaf.count == 0))
