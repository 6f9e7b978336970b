"""What a firm's till book records: tills, the slips they have brought, and what the owner says about them.

Rule 1: a slip is kept as the till's key has signed it, text and signature; nothing of it is ever written anew.
Rule 2: what the engine found out beside the slip (its day, what is odd about it, who bills it) stands beside it.
Not here: the slip (``slip.py``), what may follow what (``book.py``).
"""

from collections.abc import Mapping
from typing import Final, Literal

from weft.basis.decider import Message

DoubtReason = Literal["double", "broken", "let-go", "since"]


class TillPaired(Message, frozen=True, kw_only=True):
    """The till whose device key is ``key`` sells for the firm from ``at`` on, under ``name``."""

    key: str
    name: str
    at: str


class TillLetGo(Message, frozen=True, kw_only=True):
    """The till sells no more: of each life its slips count up to ``counts``; what comes later is kept and shown.

    ``since``: when it was lost, "" if the owner did not say; what came from then on is doubted, too.
    """

    key: str
    counts: dict[str, int]
    at: str
    reason: str = ""
    since: str = ""


class CustomerAdded(Message, frozen=True, kw_only=True):
    """A firm without a node that may buy on account; ``id`` is 32 bytes of chance, base64url."""

    id: str
    name: str
    at: str


class Kept(Message, frozen=True, kw_only=True):
    """A slip as it came: ``slip`` is its canonical text, ``hash`` its name.

    ``day`` is the firm's day at the till's clock, ``odd`` are codes of what is strange about it, ``billed`` the
    relationship that bills it; "" leaves a purchase on account in the list of open customers.
    """

    slip: str
    signature: str
    hash: str
    day: str
    at: str
    odd: tuple[str, ...] = ()
    billed: str = ""


class SlipTaken(Kept, frozen=True, kw_only=True):
    """A slip counts: goods and money follow it. ``settled``: it was doubted, and the owner says that it counts."""

    settled: bool = False


class SlipDoubted(Kept, frozen=True, kw_only=True):
    """A slip is kept and does not count: another stands at its place, its chain is broken, or its till was let go.

    ``since``: it counted, and came after its till was lost, as the owner said later: what it did is taken back.
    """

    why: DoubtReason


class SlipDismissed(Message, frozen=True, kw_only=True):
    """The owner says that a doubted slip does not count, for ``reason``."""

    hash: str
    reason: str
    at: str


class SlipsMissing(Message, frozen=True, kw_only=True):
    """Slips ``first`` to ``last`` of a life were lost: the till no longer holds them, nor do we."""

    key: str
    life: str
    first: int
    last: int
    at: str


class OddSeen(Message, frozen=True, kw_only=True):
    """The owner has seen what is odd about slip ``hash``; or, without it, that slips of till ``key`` are missing."""

    hash: str = ""
    key: str = ""
    at: str


class SoldOver(Message, frozen=True, kw_only=True):
    """Of line ``line`` (from 1) of a slip, ``missing`` of ``item`` (in its own unit) was not in stock when it came."""

    hash: str
    line: int
    item: str
    unit: str
    missing: str
    at: str


class ShortageMet(Message, frozen=True, kw_only=True):
    """``quantity`` of what a line had sold over is booked now, or ``why`` written off: it was there after all."""

    hash: str
    line: int
    quantity: str
    why: Literal["booked", "written-off"] = "booked"
    at: str


class AccountPaid(Message, frozen=True, kw_only=True):
    """A customer without a node has paid ``amount`` of what was on account."""

    customer: str
    currency: str
    amount: str
    at: str
    note: str = ""


MESSAGES: Final[Mapping[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (TillPaired, TillLetGo, CustomerAdded, SlipTaken, SlipDoubted, SlipDismissed, SlipsMissing, OddSeen,
                 SoldOver, ShortageMet, AccountPaid)
}
