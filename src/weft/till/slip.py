"""Slips (小票): what a till has sold, taken back or counted, each signed by the till's own key and bound to the last.

The hash of a slip is the digest ``slip/1`` over its canonical bytes; its signature is Ed25519 over those 32 bytes.
Rule 1: one slip has one spelling: canonical bytes, defaults left out, every number as ``basis/quantity.py`` writes it.
Rule 2: a stored field never changes its meaning; amounts of a return are positive, its ``kind`` turns them round.
Rule 3: a slip names no person; ``partner`` is a firm, and only where it is to be billed.
Not here: whether a slip is sound and follows the one before (``verify.py``), how a price comes about (``pricing/``).
"""

from functools import cached_property
from typing import Any, Final, Literal, TypeVar

import msgspec

from weft.basis import canonical
from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid
from weft.identity.keys import Signer

DOMAIN: Final = "slip/1"
LIFE_BYTES: Final = 8
SLIP_BYTES_MAX: Final = 64 * 1024
NUMBER_DIGITS: Final = 4

_Kind = TypeVar("_Kind")
Way = Literal["", "cash", "transfer", "account"]


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False):
    """A piece of a slip; a field that is not declared is refused."""


class Line(Part, frozen=True, kw_only=True):
    """One article: ``unit_price`` per ``base`` units in the slip's basis, ``net``, ``tax``, ``gross`` of the line.

    ``sold``, in a return alone: which line of the sale this was, from 1.
    """

    item: str
    quantity: str
    unit: str
    unit_price: str
    net: str
    tax: str
    gross: str
    tax_category: str
    tax_percent: str
    base: Literal["1", "100", "1000"] = "1"
    lot: str = ""
    sold: int = 0


class ByWay(Part, frozen=True, kw_only=True):
    """All of a day that was paid in one way: how many slips, and their gross sums."""

    pay: Way
    sales: int = 0
    returns: int = 0
    received: str
    given_back: str


class ByRate(Part, frozen=True, kw_only=True):
    """All of a day under one rate of tax, returns taken off; may be below zero."""

    tax_category: str
    tax_percent: str
    net: str
    tax: str
    gross: str


class Drawer(Part, frozen=True, kw_only=True):
    """The cash: ``opening`` + sales - returns = ``expected``; ``counted`` - ``expected`` = ``difference``.

    ``removed`` was taken out after counting; ``left`` stays and is the next day's opening.
    """

    opening: str
    expected: str
    counted: str
    difference: str
    removed: str
    left: str


class Close(Part, frozen=True, kw_only=True):
    """A day's end: the slips ``first`` to the one before this, summed; ``first`` is this slip's own n if none were."""

    first: int
    sales: int
    returns: int
    ways: tuple[ByWay, ...] = ()
    rates: tuple[ByRate, ...] = ()
    cash: Drawer


class Slip(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, dict=True):
    """One slip of the till whose device key is ``till``, for the organisation ``firm``.

    ``life`` names the till's memory: one that was lost or restored begins another, at ``n`` 1 with ``prev`` "".
    ``at``: the till's clock; it decides nothing. ``basis``: whether unit prices are net or gross; ``book``: hash of the
    price book, ``attributes`` as evaluated under it, ``off_book``: the price was made at the counter.
    ``of``: in a return, the hash of the slip of sale. ``close``: in a closing, its sums; it has no lines.
    """

    weft: Literal["slip/1"]
    firm: str
    till: str
    life: str
    n: int
    at: str
    kind: Literal["sale", "return", "close"]
    currency: str
    prev: str = ""
    lines: tuple[Line, ...] = ()
    basis: Literal["net", "gross"] = "net"
    net: str = ""
    tax: str = ""
    gross: str = ""
    pay: Way = ""
    partner: str = ""
    book: str = ""
    attributes: dict[str, str] = {}
    off_book: bool = False
    of: str = ""
    close: Close | None = None

    @cached_property
    def canonical(self) -> bytes:
        """Canonical bytes, as they are hashed and as they travel; raises ``Invalid`` outside the profile."""
        return canonical.encode_struct(self)

    @cached_property
    def digest(self) -> bytes:
        """The 32 bytes that are signed."""
        return digest(DOMAIN, self.canonical)

    @cached_property
    def hash(self) -> str:
        """The name of this slip: 43 characters of base64url."""
        return b64(self.digest)

    @property
    def place(self) -> tuple[str, str, int]:
        """Where it stands: till, life, n. Two different slips at one place prove that the till's memory was copied."""
        return self.till, self.life, self.n

    @property
    def number(self) -> str:
        """What people read to each other: four digits of the till's memory, a dash and n, such as ``3F9A-17``."""
        return number_of(self.till, self.life, self.n)


def number_of(till: str, life: str, n: int) -> str:
    """The number of the slip at this place; two lives of a firm may share their four digits, once in 65,536."""
    memory = digest("till-name/1", f"{till}/{life}".encode())
    return f"{memory.hex()[:NUMBER_DIGITS].upper()}-{n}"


class Signed(Part, frozen=True, kw_only=True):
    """A slip and its signature (base64url), as they travel and are kept."""

    slip: Slip
    signature: str

    @property
    def canonical(self) -> bytes:
        """Canonical bytes of the pair; ``signed`` reads them."""
        return canonical.encode_struct(self)


class Finding(Part, frozen=True, kw_only=True):
    """Something wrong with a slip: a stable code ``slip.…``, whose sentence is ``error.<code>``, and its facts."""

    code: str
    facts: dict[str, str | int] = {}


def parse(data: bytes) -> Slip:
    """The slip in its canonical bytes; raises ``Invalid``: ``slip.…`` (too-large, spelling, shape), ``canonical.…``."""
    if len(data) > SLIP_BYTES_MAX:
        raise Invalid("slip.too-large", limit=SLIP_BYTES_MAX)
    slip = _of(canonical.decode(data), Slip)
    if slip.canonical != data:
        raise Invalid("slip.spelling")
    return slip


def signed(data: bytes) -> Signed:
    """A slip with its signature, as ``Signed.canonical`` wrote it; raises ``Invalid`` as ``parse`` does."""
    if len(data) > SLIP_BYTES_MAX:
        raise Invalid("slip.too-large", limit=SLIP_BYTES_MAX)
    pair = _of(canonical.decode(data), Signed)
    if pair.canonical != data:
        raise Invalid("slip.spelling")
    return pair


def sign(slip: Slip, signer: Signer) -> Signed:
    """``slip`` signed by its till's key."""
    assert signer.public == slip.till
    return Signed(slip=slip, signature=b64(signer.sign(slip.digest)))


def found(code: str, **facts: str | int) -> Finding:
    """A finding of ``slip.<code>``; long texts are cut so that a sentence stays one."""
    short = {name: fact[:60] if isinstance(fact, str) else fact for name, fact in facts.items()}
    return Finding(code=f"slip.{code}", facts=short)


def _of(value: Any, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise Invalid("slip.shape", detail=str(error)[:160]) from error
