"""What people at the work places say of their own work, what they are paid for it, and what they work by.

Rule 1: an entry is a fact about one person: increments, never totals; a wrong one is met by a counter-entry (``good``
        or ``scrap`` below zero, ``corrects`` names it) and is never overwritten.
Rule 2: ``at`` is when it was done, ``booked`` the instant in whose period it is paid: ``at``, unless wages up to then
        were closed before it arrived.
Rule 3: what arrived too late for its job is kept aside (``aside`` says why) and counts when the owner says so.
Not here: what follows for the job (``reporting.py``), sums (``wages.py``).
"""

from typing import Final, Literal

from weft.basis.decider import Message
from weft.production.master import Data

What = Literal["start", "pause", "resume", "count", "scrap", "correct", "done"]
SCRAP_REASONS: Final = ("material", "work", "other")  # 料废, 工废, 其他
PAUSE_REASONS: Final = ("material", "machine", "tool", "drawing", "inspection", "break", "shift", "other")
PIECES: Final = frozenset({"count", "scrap", "correct", "done"})  # what may carry pieces


class WorkReported(Message, frozen=True, kw_only=True):
    """One entry of ``worker``. ``good`` and ``scrap`` are pieces more (or fewer) than before; instants are ISO strings.

    ``reason``: of a pause one of ``PAUSE_REASONS``, of scrap one of ``SCRAP_REASONS``. ``entry`` is unique.
    """

    entry: str
    worker: str
    job: str
    item: str
    operation: int
    what: What
    good: str = "0"
    scrap: str = "0"
    reason: str = ""
    note: str = ""
    corrects: str = ""
    corrects_at: str = ""
    at: str
    told: str
    booked: str
    aside: str = ""


class WorkSettled(Message, frozen=True, kw_only=True):
    """The owner says whether an entry that was kept aside is paid (``counts``); it is paid in the period of ``at``."""

    entry: str
    counts: bool
    note: str = ""
    at: str


class JobCorrected(Message, frozen=True, kw_only=True):
    """A count of a job was wrong: the right totals, which may be lower; ``scrapped`` by reason, those that changed."""

    job: str
    good: str
    scrapped: dict[str, str] = {}
    at: str = ""


class InstructionSet(Message, frozen=True, kw_only=True):
    """What an operation is worked by: a note and a drawing (``file``: its SHA-256 in hex, "" none).

    ``operation`` 0 is the whole item. An empty instruction takes the one before away.
    """

    item: str
    operation: int = 0
    note: str = ""
    file: str = ""
    media: str = ""
    name: str = ""
    size: int = 0


class PieceRateSet(Message, frozen=True, kw_only=True):
    """What one good piece of an operation is paid from the local date ``since`` (YYYY-MM-DD) on.

    ``material``: what a piece is paid that was lost by a fault of the material ("" nothing).
    """

    item: str
    operation: int
    price: str
    material: str = ""
    currency: str
    since: str


class WagesClosed(Message, frozen=True, kw_only=True):
    """Wages up to the end of the local date ``until`` (the instant ``at``) are closed: later entries are paid later."""

    until: str
    at: str


class Instruction(Data, frozen=True, kw_only=True):
    """What stands for an item's operation; as in ``InstructionSet``."""

    note: str = ""
    file: str = ""
    media: str = ""
    name: str = ""
    size: int = 0


class Rate(Data, frozen=True, kw_only=True):
    """One price from a day on; as in ``PieceRateSet``."""

    since: str
    price: str
    material: str = ""
    currency: str


def operation_key(item: str, operation: int) -> str:
    """The key of rates and instructions."""
    return f"{item}#{operation}"


MESSAGES: Final[dict[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (WorkReported, WorkSettled, JobCorrected, InstructionSet, PieceRateSet, WagesClosed)
}
