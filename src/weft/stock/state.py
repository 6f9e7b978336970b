"""The folded stock book: items, lots with what of them lies where, reservations, partners' accounts.

Rule 1: all of it round-trips through ``msgspec.json`` with type ``State``, because folds are cached.
Rule 2: no quantity is ever below zero; an empty place is left out of ``Lot.at``.
Rule 3: for material whose holder is not its owner, what came is what went and what is still there:
        sent + made + counted = consumed + returned + scrap + there.
Not here: how it changes (``book.py``), what is read from it (``levels.py``).
"""

from msgspec import field

from weft.stock.messages import Data, Item


class Lot(Data, frozen=True, kw_only=True):
    """One lot. ``at`` maps a holder ("" is here) to the quantity there; ``number`` is its FIFO place."""

    id: str
    item: str
    unit: str
    owner: str = ""
    number: int
    at: dict[str, str] = field(default_factory=dict)
    heat: str = ""
    certificates: tuple[str, ...] = ()
    place: str = ""
    weight: str = ""
    partner: str = ""
    order: str = ""
    why: str = ""
    ref: str = ""
    received: str = ""
    sources: tuple[str, ...] = ()


class Reservation(Data, frozen=True, kw_only=True):
    """``quantity`` still kept of ``first``, made as ``lot`` if named; it is gone once released or used up."""

    id: str
    item: str
    quantity: str
    first: str
    unit: str
    owner: str = ""
    thread: str = ""
    line: str = ""
    expires: str = ""
    lot: str = ""


class Account(Data, frozen=True, kw_only=True):
    """What became of one owner's ``item`` at another ``holder``, in totals; ``counted`` may be negative.

    ``made`` was produced there for the owner; ``returned`` went back to the owner, or on to somebody else.
    """

    owner: str
    holder: str
    item: str
    sent: str = "0"
    made: str = "0"
    consumed: str = "0"
    returned: str = "0"
    scrap: str = "0"
    counted: str = "0"


class State(Data, frozen=True, kw_only=True):
    """Items and lots by id, open reservations by id, accounts by ``owner|holder|item``.

    ``us`` is our own organisation once something was recorded; ``booked`` holds ``Kind:ref`` of late.
    """

    sequence: int = 0
    us: str = ""
    items: dict[str, Item] = field(default_factory=dict)
    lots: dict[str, Lot] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    booked: dict[str, int] = field(default_factory=dict)


def account_key(owner: str, holder: str, item: str) -> str:
    """The key of an account in ``State.accounts``."""
    return f"{owner}|{holder}|{item}"
