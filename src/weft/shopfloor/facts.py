"""Facts that a machine's changes make: the messages of what happened, in totals and never in raw values.

Rule 1: counts are totals since the job began, so that saying one twice changes nothing.
Rule 2: ``at`` is the machine's own stamp where it has one; it is for display and history, never a right.
Not here: how facts follow from values (``binding``), what they do to a plan (``engine/reactions.py``).
"""

from weft.basis.decider import Message


class JobStarted(Message, frozen=True, kw_only=True):
    """``machine`` began to run ``job``."""

    machine: str
    job: str
    at: str


class JobCounted(Message, frozen=True, kw_only=True):
    """``good`` and ``scrap`` pieces so far; said every few pieces, and after the end if a late count comes."""

    machine: str
    job: str
    good: int
    scrap: int = 0
    at: str


class JobPaused(Message, frozen=True, kw_only=True):
    """The machine stands still in the middle of ``job``; ``alarm`` is its code when that is why."""

    machine: str
    job: str
    alarm: str = ""
    at: str


class JobResumed(Message, frozen=True, kw_only=True):
    """The machine goes on with ``job``."""

    machine: str
    job: str
    at: str


class JobEnded(Message, frozen=True, kw_only=True):
    """The machine says that ``job`` is done; the totals are final unless a later ``JobCounted`` says more."""

    machine: str
    job: str
    good: int
    scrap: int = 0
    at: str


class JobAborted(Message, frozen=True, kw_only=True):
    """``job`` stopped without its end: ``reason`` is aborted, stopped, lost (power) or replaced."""

    machine: str
    job: str
    good: int
    scrap: int = 0
    reason: str
    at: str


class MachineAlarmed(Message, frozen=True, kw_only=True):
    """The machine raised alarm ``code``; ``job`` is what it was doing, or empty."""

    machine: str
    code: str
    text: str = ""
    job: str = ""
    at: str


class MachineCleared(Message, frozen=True, kw_only=True):
    """Alarm ``code`` is gone."""

    machine: str
    code: str
    job: str = ""
    at: str


class ConnectionLost(Message, frozen=True, kw_only=True):
    """Nothing has been heard from the machine since ``at`` (short interruptions are not said)."""

    machine: str
    at: str


class ConnectionRestored(Message, frozen=True, kw_only=True):
    """The machine is heard again; what it did in the ``gap_ms`` before is known only by its totals."""

    machine: str
    at: str
    gap_ms: int


Fact = (
    JobStarted | JobCounted | JobPaused | JobResumed | JobEnded | JobAborted
    | MachineAlarmed | MachineCleared | ConnectionLost | ConnectionRestored
)
