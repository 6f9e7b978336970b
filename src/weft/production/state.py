"""The folded production book: master data, orders, jobs, reservations, sourcing, promises, outages.

Rule 1: all of it round-trips through ``msgspec.json`` with type ``State``, because folds are cached.
Rule 2: counts never go back; ``Job.scrap`` is the larger of counted and explained scrap.
Not here: how it changes (``book.py``), how it is shown (``views.py``).
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import field

from weft.basis import quantity as q
from weft.production.master import Data, Master
from weft.production.messages import ChildNeed, DemandRef, Draft, Hold, Material, Why
from weft.production.reported import Instruction, Rate


class JobState(StrEnum):
    """ISA-95 job order states (OPC 10031-4)."""

    NOT_ALLOWED = "NotAllowedToStart"
    ALLOWED = "AllowedToStart"
    RUNNING = "Running"
    INTERRUPTED = "Interrupted"
    ENDED = "Ended"
    ABORTED = "Aborted"


FINISHED = frozenset({JobState.ENDED, JobState.ABORTED})
STARTED = frozenset({JobState.RUNNING, JobState.INTERRUPTED})


class Job(Data, frozen=True, kw_only=True):
    """One operation of one production order. Instants are ISO strings, "" while not known."""

    id: str
    order: str
    item: str
    operation: int
    zh: str = ""
    en: str = ""
    state: JobState = JobState.NOT_ALLOWED
    quantity: str
    unit: str = "C62"
    tolerance_percent: str = "0"
    work_centres: tuple[str, ...]
    setup_s: str = "0"
    run_s: str
    set_points: dict[str, str] = field(default_factory=dict)
    program: str = ""
    family: str = ""
    after: tuple[str, ...] = ()
    previous: str = ""
    work_centre: str = ""
    machine: str = ""
    operator: str = ""
    loaded: bool = False
    started: str = ""
    started_by: str = ""
    ended: str = ""
    good: str = "0"
    counted_scrap: str = "0"
    scrapped: dict[str, str] = field(default_factory=dict)
    counted_at: str = ""
    present: tuple[str, ...] = ()  # workers who are at it now, by name
    cycle_s: str = ""
    reason: str = ""

    @property
    def scrap(self) -> Decimal:
        """Pieces lost: what was counted, or what was explained, whichever is more."""
        explained = sum((Decimal(part) for part in self.scrapped.values()), Decimal(0))
        return max(q.decimal(self.counted_scrap), explained)

    @property
    def remaining(self) -> Decimal:
        """Good pieces still to make, not below zero."""
        return max(Decimal(0), q.decimal(self.quantity) - q.decimal(self.good))


class Order(Data, frozen=True, kw_only=True):
    """A production order; ``closed`` is "", "done" or "cancelled"; ``made`` good pieces came out, of which ``taken``
    went into stock before it was done.
    """

    id: str
    item: str
    quantity: str
    unit: str = "C62"
    parent: str = ""
    demand: DemandRef
    due: str = ""
    priority: int = 0
    rank: int = 0
    materials: tuple[Material, ...] = ()
    jobs: tuple[str, ...] = ()
    closed: str = ""
    made: str = "0"
    taken: str = "0"


class Reservation(Data, frozen=True, kw_only=True):
    """Capacity held for an offer, placed in the plan by ``rank`` like an order."""

    id: str
    demand: DemandRef
    promise: str
    expires: str
    drafts: tuple[Draft, ...]
    priority: int = 0
    rank: int = 0


class Answer(Data, frozen=True, kw_only=True):
    """What a supplier said to one need: an instant, or a refusal code."""

    promise: str = ""
    refusal: str = ""


class Sourcing(Data, frozen=True, kw_only=True):
    """What was asked for a demand; ``answers`` by ``thread#line``; ``closed`` "" while open."""

    id: str
    demand: DemandRef
    needs: tuple[ChildNeed, ...]
    answers: dict[str, Answer] = field(default_factory=dict)
    closed: str = ""


class Promise(Data, frozen=True, kw_only=True):
    """The instant promised for a demand ("" when none can be kept), how often it moved, and when it did so last."""

    demand: DemandRef
    at: str
    first: str
    moves: int = 0
    why: tuple[Why, ...] = ()
    moved: str = ""


class Place(Data, frozen=True, kw_only=True):
    """Where a job stands in the sequence that was adopted, and the work centre that goes with it ("": any)."""

    number: int
    centre: str = ""


class Lock(Data, frozen=True, kw_only=True):
    """Where and when a person wants a job: from ``start`` on the dot, or ``not-before`` it; "": any work centre."""

    start: str
    work_centre: str = ""
    hold: Hold = "at"


class Down(Data, frozen=True, kw_only=True):
    """A work centre without capacity since ``since``; 0 minutes: nobody knows how long."""

    alarm: str = ""
    since: str
    expected_minutes: int = 0


class State(Data, frozen=True, kw_only=True):
    """Everything, each by its id; promises by ``DemandRef.key``, places and locks by job.

    ``fitted``: the set-up family that each work centre was last set up for. ``sequence`` counts what was folded.
    """

    sequence: int = 0
    master: Master = field(default_factory=Master)
    orders: dict[str, Order] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    reservations: dict[str, Reservation] = field(default_factory=dict)
    sourcings: dict[str, Sourcing] = field(default_factory=dict)
    promises: dict[str, Promise] = field(default_factory=dict)
    downs: dict[str, Down] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    instructions: dict[str, Instruction] = field(default_factory=dict)  # by ``operation_key``
    rates: dict[str, tuple[Rate, ...]] = field(default_factory=dict)  # by ``operation_key``, oldest first
    wages_closed: str = ""
    wages_until: str = ""
    locks: dict[str, Lock] = field(default_factory=dict)
    fitted: dict[str, str] = field(default_factory=dict)
