"""The plan port: jobs, work centres and outages in; a start and an end for each job out.

Instants and durations are integer UTC milliseconds. A job runs only in open calendar time and rests
while its work centre is closed. Jobs of one work centre use one of its ``parallel`` lanes at a time.
Rule 1: a plan is deterministic: equal problems give equal plans.
Rule 2: what cannot be placed is named in ``unplaced`` with the reason; it is never guessed.
Not here: the greedy planner (``greedy.py``), the problem made from folded state (``planning.py``).
"""

from collections.abc import Sequence
from typing import Literal, Protocol

from msgspec import field

from weft.production.master import Calendar, Data

Stage = Literal["waiting", "loaded", "running"]
Bound = Literal["now", "earliest", "material", "predecessor", "work-centre", "outage", "running", "lock"]
Conflict = Literal["", "past", "closed", "outage", "overlap", "earliest", "material", "predecessor"]


class Arrival(Data, frozen=True, kw_only=True):
    """``item`` is at hand at ``at_ms``; ``None``: nobody has promised it."""

    item: str
    at_ms: int | None = 0


class PlanJob(Data, frozen=True, kw_only=True):
    """One operation to place. Order of placing: running, loaded, then (-priority, place, rank, due, id).

    ``work_ms`` is what remains, without ``setup_ms``, the set-up that this job names: between jobs of one ``family``
    there is none (``fitting.py``). ``fixed_ms``: a person wants it to begin then.
    ``centres`` are candidates; a running or loaded job has exactly one.
    ``after`` are job ids; one that is not in the problem counts as finished.
    ``rank`` is the place in the queue of promises: what was promised first is placed first. ``place`` is that in a
    sequence which was found to be better, ``prefer`` the centre that goes with it (``sequence.py``).
    """

    id: str
    order: str
    operation: int = 0
    centres: tuple[str, ...]
    work_ms: int
    setup_ms: int = 0
    family: str = ""
    earliest_ms: int = 0
    fixed_ms: int | None = None
    materials: tuple[Arrival, ...] = ()
    after: tuple[str, ...] = ()
    due_ms: int | None = None
    priority: int = 0
    rank: int = 0
    place: int | None = None
    prefer: str = ""
    stage: Stage = "waiting"
    started_ms: int | None = None


class PlanCentre(Data, frozen=True, kw_only=True):
    """A work centre as the plan sees it; ``calendar`` is a key of ``Problem.calendars``.

    ``fitted`` is the family that it stands set up for ("": nobody knows); ``changeovers`` are (before, after, ms).
    """

    id: str
    calendar: str
    parallel: int = 1
    fitted: str = ""
    changeover_ms: int = 0
    changeovers: tuple[tuple[str, str, int], ...] = ()


class Outage(Data, frozen=True, kw_only=True):
    """A work centre gives no capacity from ``from_ms`` until ``until_ms``; ``None``: nobody knows."""

    centre: str
    from_ms: int
    until_ms: int | None = None
    alarm: str = ""


class Promised(Data, frozen=True, kw_only=True):
    """What an order was promised for: ``first_ms`` is the instant once given, ``at_ms`` the one that stands now."""

    first_ms: int
    at_ms: int


class Problem(Data, frozen=True, kw_only=True):
    """All that a planner needs; ``promised`` by order."""

    now_ms: int
    jobs: tuple[PlanJob, ...] = ()
    centres: tuple[PlanCentre, ...] = ()
    calendars: dict[str, Calendar] = field(default_factory=dict)
    outages: tuple[Outage, ...] = ()
    promised: dict[str, Promised] = field(default_factory=dict)


class PlannedJob(Data, frozen=True, kw_only=True):
    """Where and when a job runs. ``bound`` says what kept it from starting earlier, ``bound_by`` who.

    It begins with ``setup_ms`` of setting up, done at ``setup_end_ms`` (0: none). A job that a person has ``fixed``
    keeps its start whatever happens: what really holds it is its ``conflict``, and until ``begin_ms`` it only waits.
    """

    id: str
    order: str
    operation: int
    centre: str
    lane: int
    start_ms: int
    end_ms: int
    bound: Bound
    bound_by: str = ""
    family: str = ""
    setup_ms: int = 0
    setup_end_ms: int = 0
    fixed: bool = False
    begin_ms: int = 0
    conflict: Conflict = ""
    conflict_by: str = ""

    @property
    def work_from_ms(self) -> int:
        """When the first piece is begun: set up, and with nothing more to wait for."""
        return self.setup_end_ms or self.begin_ms or self.start_ms


class Plan(Data, frozen=True, kw_only=True):
    """A schedule. ``order_ends`` is ``None`` for an order with a job in ``unplaced`` (id -> reason)."""

    now_ms: int
    jobs: dict[str, PlannedJob] = field(default_factory=dict)
    order_ends: dict[str, int | None] = field(default_factory=dict)
    unplaced: dict[str, str] = field(default_factory=dict)
    method: str = "greedy"


class Placing(Data, frozen=True, kw_only=True):
    """One job in a sequence: jobs are placed in this order, each at ``centre``."""

    job: str
    centre: str


class Planner(Protocol):
    """What a planner can do; ``greedy`` as a module satisfies it, a solver will too."""

    def schedule(self, problem: Problem, /) -> Plan:
        """A plan for all jobs of ``problem``."""
        ...

    def insert(self, problem: Problem, plan: Plan, extra: Sequence[PlanJob], /) -> Plan:
        """``plan`` with ``extra`` fitted into its gaps; no job of ``plan`` moves."""
        ...
