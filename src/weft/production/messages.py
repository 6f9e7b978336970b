"""What a firm's production book records: master data, sourcing, capacity, orders, jobs, promises.

Job words and states are those of ISA-95 job orders (IEC 62264-4, OPC 10031-4).
Rule 1: instants are ISO strings, quantities decimal strings; totals are totals, never increments.
Rule 2: a production order carries its own copy of the operations, so a later routing leaves it alone.
Not here: what may follow what (``rules.py``), folding (``book.py``).
"""

from typing import Literal

from msgspec import field

from weft.basis.decider import Message
from weft.production.master import Bill, Calendar, Data, Routing, SupplyRule, WorkCentre
from weft.production.plan import Placing
from weft.production.reported import MESSAGES as REPORTED

By = Literal["operator", "auto"]
Hold = Literal["at", "not-before"]
ScrapReason = Literal["material", "work", "other"]  # 料废 (the material was bad), 工废 (the work was bad), 其他


class DemandRef(Data, frozen=True, kw_only=True):
    """What asks for it: the order thread and its line; both may be empty for making to stock."""

    thread: str = ""
    line: str = ""

    @property
    def key(self) -> str:
        """The reference as one string, the key of promises and progress."""
        return f"{self.thread}#{self.line}"


class Material(Data, frozen=True, kw_only=True):
    """What an order consumes. ``at``: when it is promised to be here; "" means nobody has promised it.

    ``ref`` names where it comes from: a production order id (make), ``thread#line`` of a child order (buy).
    """

    item: str
    quantity: str
    unit: str = "C62"
    source: Literal["stock", "make", "buy", "free-issue"] = "stock"
    at: str = ""
    arrived: bool = False
    ref: str = ""
    lots: tuple[str, ...] = ()


class JobSheet(Data, frozen=True, kw_only=True):
    """One operation of one order as it is to be run; times in seconds, ``work_centres`` are candidates."""

    number: int
    zh: str = ""
    en: str = ""
    work_centres: tuple[str, ...]
    setup_s: str = "0"
    run_s: str
    set_points: dict[str, str] = field(default_factory=dict)
    program: str = ""
    family: str = ""


class Draft(Data, frozen=True, kw_only=True):
    """A production order not yet created. ``parent`` is the order that consumes what this one makes."""

    id: str
    item: str
    quantity: str
    unit: str = "C62"
    parent: str = ""
    materials: tuple[Material, ...] = ()
    operations: tuple[JobSheet, ...] = ()


class Why(Data, frozen=True, kw_only=True):
    """One line of an explanation: its sentence is ``production.why.<code>`` in ``locale/``."""

    code: str
    facts: dict[str, str] = field(default_factory=dict)


class SentMaterial(Data, frozen=True, kw_only=True):
    """Our own material that we send along with a purchase (free-issue, 委外带料)."""

    item: str
    quantity: str
    unit: str = "C62"


class ChildNeed(Data, frozen=True, kw_only=True):
    """Something to ask a supplier for, in the child ``thread`` on its ``line``."""

    item: str
    quantity: str
    unit: str = "C62"
    supplier: str
    wanted_by: str = ""
    thread: str
    line: str = "1"
    material: tuple[SentMaterial, ...] = ()

    @property
    def key(self) -> str:
        """``thread#line`` of the child order."""
        return f"{self.thread}#{self.line}"


# ---- master data ----------------------------------------------------------------------------------


class WorkCentreDefined(Message, frozen=True, kw_only=True):
    """A work centre is new or has changed."""

    work_centre: WorkCentre


class CalendarDefined(Message, frozen=True, kw_only=True):
    """A calendar is new or has changed."""

    calendar: Calendar


class BillDefined(Message, frozen=True, kw_only=True):
    """A bill of material is new or has changed."""

    bill: Bill


class RoutingDefined(Message, frozen=True, kw_only=True):
    """A routing is new or has changed; existing orders keep the operations they were created with."""

    routing: Routing


class SupplyRuleDefined(Message, frozen=True, kw_only=True):
    """Make or buy is decided anew for an item."""

    rule: SupplyRule


# ---- sourcing -------------------------------------------------------------------------------------


class SourcingOpened(Message, frozen=True, kw_only=True):
    """To answer ``demand`` we ask suppliers for ``needs``; ``id`` is chosen by the caller."""

    id: str
    demand: DemandRef
    needs: tuple[ChildNeed, ...]


class SourcingAnswered(Message, frozen=True, kw_only=True):
    """A supplier answers the need ``thread#line``: ``promise`` (instant), or ``refusal`` (a code)."""

    id: str
    thread: str
    line: str = "1"
    promise: str = ""
    refusal: str = ""


class SourcingClosed(Message, frozen=True, kw_only=True):
    """Nothing more is awaited: ``complete``, ``expired`` or ``cancelled``."""

    id: str
    why: Literal["complete", "expired", "cancelled"]


# ---- capacity and promises ------------------------------------------------------------------------


class CapacityReserved(Message, frozen=True, kw_only=True):
    """Capacity is held for a quotation until it is ordered or released. ``expires`` is data, not a timer."""

    id: str
    demand: DemandRef
    promise: str
    expires: str
    drafts: tuple[Draft, ...]
    priority: int = 0


class CapacityReleased(Message, frozen=True, kw_only=True):
    """A reservation ends: its offer was ordered, expired, was refused or replaced."""

    id: str
    why: Literal["ordered", "expired", "refused", "replaced"]


class PromiseMade(Message, frozen=True, kw_only=True):
    """The instant promised for ``demand``, and why it is not earlier."""

    demand: DemandRef
    at: str
    why: tuple[Why, ...] = ()


class PromiseMoved(Message, frozen=True, kw_only=True):
    """A promise moves to ``at``; "" when no instant can be kept at present (an open-ended breakdown).

    ``said``: when this was said; "" in words of before it was kept.
    """

    demand: DemandRef
    at: str = ""
    why: tuple[Why, ...] = ()
    said: str = ""


class SequenceAdopted(Message, frozen=True, kw_only=True):
    """A better order of placing the jobs: in this order, each at its centre ("" leaves it open); it takes the place of
    the one before, and jobs that it does not name are placed behind.
    """

    jobs: tuple[Placing, ...]


# ---- production orders and jobs -------------------------------------------------------------------


class ProductionOrderCreated(Message, frozen=True, kw_only=True):
    """An order to make something. ``rank``: its place in the queue; ``tolerance_percent``: good over plan."""

    order: Draft
    demand: DemandRef
    due: str = ""
    priority: int = 0
    rank: int = 0
    tolerance_percent: str = "0"


class ProductionOrderCancelled(Message, frozen=True, kw_only=True):
    """The order will not be made; jobs not yet started are aborted with it."""

    order: str
    reason: str = ""


class OutputTaken(Message, frozen=True, kw_only=True):
    """Good pieces of an order that is still being made go into stock, because somebody takes a part now."""

    order: str
    quantity: str


class MaterialExpected(Message, frozen=True, kw_only=True):
    """News of a material an order waits for: a new instant ``at``, or it has ``arrived``."""

    order: str
    item: str
    at: str = ""
    arrived: bool = False
    lots: tuple[str, ...] = ()


class JobReleased(Message, frozen=True, kw_only=True):
    """The job may start from now on (NotAllowedToStart to AllowedToStart)."""

    job: str
    at: str = ""


class JobLoaded(Message, frozen=True, kw_only=True):
    """Program and set-points lie ready at ``work_centre``; who presses start is still open."""

    job: str
    work_centre: str
    machine: str = ""
    at: str = ""


class JobLocked(Message, frozen=True, kw_only=True):
    """A person holds a job in the plan: at ``work_centre`` ("": any that can) it begins at ``start``, or not before it.

    It takes the place of what was said before; it ends when the job starts.
    """

    job: str
    start: str
    work_centre: str = ""
    hold: Hold = "at"
    at: str = ""


class JobUnlocked(Message, frozen=True, kw_only=True):
    """The plan places the job again by itself."""

    job: str
    at: str = ""


class JobStarted(Message, frozen=True, kw_only=True):
    """The job runs. ``operator`` is an alias; ``machine`` "" at a bench with a traveller only."""

    job: str
    by: By
    work_centre: str = ""
    machine: str = ""
    operator: str = ""
    at: str


class JobCounted(Message, frozen=True, kw_only=True):
    """Totals so far. ``by`` operator counts are checked against the plan; what a machine did is a fact.

    ``cycle_s`` is the observed time per piece in seconds, if known: the plan then goes by it.
    """

    job: str
    good: str
    scrap: str = "0"
    by: Literal["operator", "machine"] = "operator"
    at: str = ""
    cycle_s: str = ""


class JobScrapped(Message, frozen=True, kw_only=True):
    """Of the scrap, ``quantity`` more pieces are explained by ``reason`` (this one is an increment)."""

    job: str
    quantity: str
    reason: ScrapReason
    note: str = ""
    at: str = ""


class JobPaused(Message, frozen=True, kw_only=True):
    """The job is interrupted; the machine may run another one meanwhile."""

    job: str
    reason: str = ""
    at: str = ""


class JobResumed(Message, frozen=True, kw_only=True):
    """The interrupted job runs again."""

    job: str
    at: str = ""


class JobEnded(Message, frozen=True, kw_only=True):
    """The job is done; final totals if they were not counted before ("" keeps the last count)."""

    job: str
    good: str = ""
    scrap: str = ""
    by: Literal["operator", "machine"] = "operator"
    at: str = ""


class JobAborted(Message, frozen=True, kw_only=True):
    """The job is given up; it is never started again (what is missing needs a new order, 补单)."""

    job: str
    reason: str = ""
    at: str = ""


class WorkCentreDown(Message, frozen=True, kw_only=True):
    """No capacity since ``at``; ``expected_minutes`` 0 means nobody knows how long."""

    work_centre: str
    alarm: str = ""
    expected_minutes: int = 0
    at: str


class WorkCentreUp(Message, frozen=True, kw_only=True):
    """The work centre gives capacity again."""

    work_centre: str
    at: str = ""


MESSAGES: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        WorkCentreDefined, CalendarDefined, BillDefined, RoutingDefined, SupplyRuleDefined,
        SourcingOpened, SourcingAnswered, SourcingClosed,
        CapacityReserved, CapacityReleased, PromiseMade, PromiseMoved, SequenceAdopted,
        ProductionOrderCreated, ProductionOrderCancelled, OutputTaken, MaterialExpected,
        JobReleased, JobLoaded, JobLocked, JobUnlocked, JobStarted, JobCounted, JobScrapped,
        JobPaused, JobResumed, JobEnded, JobAborted, WorkCentreDown, WorkCentreUp,
    )
} | REPORTED
