"""The folded till book: tills and how far each life has come, sums by day, what is open, and what is odd.

Rule 1: all of it round-trips through ``msgspec.json`` with type ``State``, because folds are cached.
Rule 2: what is closed and old is forgotten by the state beyond a limit; slips themselves stay in the book for ever.
Rule 3: money is in whole minor units, so that sums are exact.
Not here: how it changes (``book.py``), slips in full (the engine reads them from the book).
"""

import msgspec
from msgspec import field


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Frozen data that travels inside the folded state."""


class Place(Data, frozen=True, kw_only=True):
    """The last slip of a life that counts in its chain: number and hash."""

    n: int = 0
    hash: str = ""


class Till(Data, frozen=True, kw_only=True):
    """One till. ``cash``: by currency what came into the drawer since the last closing, in minor units.

    ``counts``: of a till that was let go, the last number that counts of each life; ``since``: when it was lost, if
    that was said. ``kept`` counts all that it brought after it was let go.
    ``missing`` are ranges (life, first, last) that nobody holds.
    """

    key: str
    name: str
    paired_at: str
    ended_at: str = ""
    reason: str = ""
    since: str = ""
    lives: dict[str, Place] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    kept: int = 0
    cash: dict[str, int] = field(default_factory=dict)
    missing: tuple[tuple[str, int, int], ...] = ()
    last_at: str = ""


class Sums(Data, frozen=True, kw_only=True):
    """What one till did in one day in one currency, in minor units; returns are taken off the sums."""

    sales: int = 0
    returns: int = 0
    off_book: int = 0
    cash: int = 0
    transfer: int = 0
    account: int = 0
    net: int = 0
    tax: int = 0
    gross: int = 0


class Closing(Data, frozen=True, kw_only=True):
    """One closing: what the till counted and expected, and ``booked``, what the slips here say was in the drawer."""

    hash: str
    key: str
    day: str
    at: str
    currency: str
    counted: int
    expected: int
    booked: int


class Doubt(Data, frozen=True, kw_only=True):
    """A slip that is kept and does not count yet: everything needed to let it count."""

    hash: str
    why: str
    slip: str
    signature: str
    day: str
    at: str
    odd: tuple[str, ...] = ()
    billed: str = ""


class Odd(Data, frozen=True, kw_only=True):
    """What is odd about a slip that counts, until the owner has seen it."""

    hash: str
    key: str
    n: int
    number: str
    codes: tuple[str, ...]
    at: str


class Short(Data, frozen=True, kw_only=True):
    """What a slip's line sold and stock has not yet given."""

    hash: str
    line: int
    item: str
    unit: str
    missing: str
    at: str


class Customer(Data, frozen=True, kw_only=True):
    """A firm without a node that may buy on account, and what is open by currency, in minor units."""

    id: str
    name: str
    open: dict[str, int] = field(default_factory=dict)


class State(Data, frozen=True, kw_only=True):
    """Tills by key, open doubts by hash, sums by ``day|key|currency``, shortages by ``hash/line``, customers by id.

    ``returned`` names by hash of a sale the returns of it; ``exceptions`` counts by month what was sold at a price made
    at the counter.
    """

    tills: dict[str, Till] = field(default_factory=dict)
    doubts: dict[str, Doubt] = field(default_factory=dict)
    odd: dict[str, Odd] = field(default_factory=dict)
    days: dict[str, Sums] = field(default_factory=dict)
    closings: tuple[Closing, ...] = ()
    short: dict[str, Short] = field(default_factory=dict)
    customers: dict[str, Customer] = field(default_factory=dict)
    returned: dict[str, tuple[str, ...]] = field(default_factory=dict)
    exceptions: dict[str, int] = field(default_factory=dict)


def day_key(day: str, key: str, currency: str) -> str:
    """The key of a day's sums in ``State.days``."""
    return f"{day}|{key}|{currency}"
