"""Which of a machine's changes are facts: a pure reducer from raw values to what happened.

Rule 1: only good values count; BAD and MISSING never make a fact and never undo one.
Rule 2: counts are coalesced: a fact every ``count_every`` pieces, at the target and at the end.
Rule 3: facts follow from the difference between what the machine says and what was already said, so that
        a reconnect or a restart (``resume``) repeats nothing and forgets nothing.
Rule 4: when the job id changes, older readings of state and counters are not taken for the new job's; nor is an end,
        or a counter, that is heard in the same moment: it was the old job's.
Rule 5: where the machine holds no job id, the job is the one that its operator was given (``given``).
Not here: raw history (``twin``, time series), what facts mean for the plan (``engine/reactions.py``).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from weft.basis.instant import from_ms
from weft.shopfloor.connection import Change, Value
from weft.shopfloor.description import Description, Property, Role
from weft.shopfloor.facts import (
    ConnectionLost,
    ConnectionRestored,
    Fact,
    JobAborted,
    JobCounted,
    JobEnded,
    JobPaused,
    JobResumed,
    JobStarted,
    MachineAlarmed,
    MachineCleared,
)
from weft.shopfloor.given import Given, made, runs
from weft.shopfloor.jobcontrol import BUSY, JobState, state_of

_ORDER: Final = (Role.JOB_ID, Role.PROGRAM, Role.TARGET, Role.COUNT, Role.SCRAP, Role.ALARM, Role.STATE)
_SLACK_MS: Final = 1000


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What has been said of a machine so far; kept by ``floor/1`` and enough to go on after a restart.

    ``phase`` is empty, running, paused or over.
    """

    job: str = ""
    phase: str = ""
    good: int = 0
    scrap: int = 0
    alarm: str = ""
    lost: bool = False


class Tracking(msgspec.Struct, frozen=True, kw_only=True):
    """The reducer's state: what was said (``seen``), the newest good readings, and what is not known."""

    machine: str
    description: Description
    seen: Seen = Seen()
    job: str | None = None
    state: JobState | None = None
    good: int | None = None
    scrap: int | None = None
    target: int | None = None
    alarm: str | None = None
    state_ms: int = 0
    good_ms: int = 0
    scrap_ms: int = 0
    job_ms: int = 0
    unknown: frozenset[str] = frozenset()
    program: str | None = None
    given: Given | None = None


def resume(
    machine: str, description: Description, seen: Seen | None = None, given: Given | None = None
) -> Tracking:
    """The state to begin with: nothing read yet, ``seen`` already said."""
    return Tracking(machine=machine, description=description, seen=seen or Seen(), given=given,
                    job=given.job if given else None, target=given.target if given else None)


def give(now: Tracking, given: Given) -> Tracking:
    """The operator has another job; what the machine showed before is not about it."""
    return msgspec.structs.replace(now, given=given, job=given.job, target=given.target, state=None, good=None,
                                   scrap=None)


def observe(now: Tracking, name: str, value: Value) -> tuple[Tracking, tuple[Fact, ...]]:
    """Take in one device value of property ``name``; the new state and the facts that follow."""
    prop = now.description.properties.get(name)
    if prop is None or prop.role not in _ORDER:
        return now, ()
    if not value.good:
        return msgspec.structs.replace(now, unknown=now.unknown | {name}), ()
    if name in now.unknown:
        now = msgspec.structs.replace(now, unknown=now.unknown - {name})
    taken = _take(now, prop, value)
    return _say(taken, from_ms(value.source_ms or value.server_ms))


def observe_all(now: Tracking, changes: Sequence[Change]) -> tuple[Tracking, tuple[Fact, ...]]:
    """Take in a batch, oldest first; of equally old values the job id comes first and the state last.

    Where the job changes in it, what ends a job and what counts comes before that: a machine that is asked now and then
    shows the end of one job and the id of the next at once, and some show the id before they have taken it in.
    """
    properties = now.description.properties
    concerned = [one for one in changes if one[0] in properties and properties[one[0]].role in _ORDER]
    ids = [value for name, value in concerned if properties[name].role is Role.JOB_ID and value.good]
    changes_job = now.job is not None and any(str(value.value) != now.job for value in ids)

    def place(one: Change) -> tuple[int, int]:
        prop, value = properties[one[0]], one[1]
        if changes_job and prop.role in (Role.COUNT, Role.SCRAP):
            return value.source_ms, -2
        return value.source_ms, -1 if changes_job and _ends(prop, value) else _ORDER.index(prop.role)

    said: list[Fact] = []
    for name, value in sorted(concerned, key=place):
        now, facts = observe(now, name, value)
        said.extend(facts)
    return now, tuple(said)


def lost(now: Tracking, at_ms: int) -> tuple[Tracking, tuple[Fact, ...]]:
    """The link has been down longer than the grace time: nothing is known any more, said once."""
    blank = resume(now.machine, now.description, now.seen, now.given)
    if now.seen.lost:
        return blank, ()
    seen = msgspec.structs.replace(now.seen, lost=True)
    fact = ConnectionLost(machine=now.machine, at=from_ms(at_ms))
    return resume(now.machine, now.description, seen, now.given), (fact,)


def interrupted(now: Tracking) -> Tracking:
    """The link went down: the readings are void, what was said stands."""
    return resume(now.machine, now.description, now.seen, now.given)


def restored(now: Tracking, at_ms: int, gap_ms: int) -> tuple[Tracking, tuple[Fact, ...]]:
    """The link is up again; said only if its loss was."""
    if not now.seen.lost:
        return now, ()
    fresh = msgspec.structs.replace(now, seen=msgspec.structs.replace(now.seen, lost=False))
    return fresh, (ConnectionRestored(machine=now.machine, at=from_ms(at_ms), gap_ms=gap_ms),)


def _take(now: Tracking, prop: Property, value: Value) -> Tracking:
    raw = value.value
    assert raw is not None
    if _is_of_an_earlier_job(now, prop, value):
        return now
    match prop.role:
        case Role.JOB_ID:
            return _take_job(now, str(raw), value.source_ms)
        case Role.STATE:
            return msgspec.structs.replace(now, state=state_of(prop, raw), state_ms=value.source_ms)
        case Role.COUNT:
            good = _pieces(now, _whole(raw, now.good), scrap=False)
            return msgspec.structs.replace(now, good=good, good_ms=value.source_ms)
        case Role.SCRAP:
            scrap = _pieces(now, _whole(raw, now.scrap), scrap=True)
            return msgspec.structs.replace(now, scrap=scrap, scrap_ms=value.source_ms)
        case Role.PROGRAM:
            return msgspec.structs.replace(now, program=str(raw))
        case Role.TARGET:
            return msgspec.structs.replace(now, target=_whole(raw, now.target))
        case _:
            return msgspec.structs.replace(now, alarm=_alarm(raw))


def _is_of_an_earlier_job(now: Tracking, prop: Property, value: Value) -> bool:
    """An end or a counter whose stamp lies before the present job came, as in a repeated reading (Rule 4)."""
    if not value.source_ms or value.source_ms >= now.job_ms - _SLACK_MS:
        return False
    return _ends(prop, value) if prop.role is Role.STATE else prop.role in (Role.COUNT, Role.SCRAP)


def _ends(prop: Property, value: Value) -> bool:
    return prop.role is Role.STATE and value.value is not None and state_of(prop, value.value) in (
        JobState.ENDED, JobState.ABORTED)


def _take_job(now: Tracking, job: str, at_ms: int) -> Tracking:
    if job == now.job or (now.job is None and job == now.seen.job):
        return msgspec.structs.replace(now, job=job)
    if now.job is not None:  # only a state that cannot be the old job's is taken for the new one's
        state = now.state if now.state is JobState.RUNNING and now.seen.phase == "over" else None
        return msgspec.structs.replace(now, job=job, job_ms=at_ms, state=state, good=None, scrap=None)
    oldest = at_ms - _SLACK_MS  # first readings after a reconnect: what is clearly older is another job's
    over = now.state in (JobState.ENDED, JobState.ABORTED) and now.state_ms < oldest
    return msgspec.structs.replace(
        now, job=job, job_ms=at_ms, state=None if over else now.state,
        good=now.good if now.good_ms >= oldest else None,
        scrap=now.scrap if now.scrap_ms >= oldest else None,
    )


def _whole(raw: object, before: int | None) -> int | None:
    return int(raw) if isinstance(raw, int | float) and raw >= 0 else before


def _pieces(now: Tracking, shown: int | None, *, scrap: bool) -> int | None:
    """The pieces of the job, where the counter shows ``shown``."""
    if now.given is None or shown is None:
        return shown
    said = 0 if now.seen.job != now.given.job else now.seen.scrap if scrap else now.seen.good
    return made(shown, now.given.scrap if scrap else now.given.good, said)


def _alarm(raw: object) -> str:
    return "" if raw in (0, "", False) else str(int(raw) if isinstance(raw, float) else raw)


def _say(now: Tracking, at: str) -> tuple[Tracking, tuple[Fact, ...]]:
    said: list[Fact] = []
    seen = now.seen
    if now.alarm is not None and now.alarm != seen.alarm:
        seen = _alarms(now, seen, at, said)
    watched = now.given is not None and seen.job == now.given.job and seen.phase == "over"
    if now.job is not None and not watched:  # what a watched machine makes after its job is not the job's
        if seen.job and seen.job != now.job and seen.phase in ("running", "paused"):
            reason = "replaced" if now.job else "lost"
            said.append(JobAborted(machine=now.machine, job=seen.job, good=seen.good, scrap=seen.scrap,
                                   reason=reason, at=at))
            seen = msgspec.structs.replace(seen, phase="over")
        if now.job and seen.job != now.job:
            seen = msgspec.structs.replace(seen, job=now.job, phase="", good=0, scrap=0)
        if now.job:
            seen = _counts(now, _phases(now, seen, at, said), at, said)
    return msgspec.structs.replace(now, seen=seen), tuple(said)


def _alarms(now: Tracking, seen: Seen, at: str, said: list[Fact]) -> Seen:
    job = seen.job if seen.phase in ("running", "paused") else ""
    if seen.alarm:
        said.append(MachineCleared(machine=now.machine, code=seen.alarm, job=job, at=at))
    if now.alarm:
        prop = now.description.by_role(Role.ALARM)
        text = prop.alarms.get(now.alarm, "") if prop else ""
        said.append(MachineAlarmed(machine=now.machine, code=now.alarm, text=text, job=job, at=at))
    return msgspec.structs.replace(seen, alarm=now.alarm or "")


def _phases(now: Tracking, seen: Seen, at: str, said: list[Fact]) -> Seen:
    state = now.state if now.given is None else _watched(now, now.given, seen)
    if state is None or seen.phase == "over":
        return seen
    begun = state in (JobState.RUNNING, JobState.INTERRUPTED, JobState.ENDED, JobState.ABORTED)
    if begun and seen.phase == "":
        said.append(JobStarted(machine=now.machine, job=seen.job, at=at))
        seen = msgspec.structs.replace(seen, phase="running")
    if state is JobState.RUNNING and seen.phase == "paused":
        said.append(JobResumed(machine=now.machine, job=seen.job, at=at))
        return msgspec.structs.replace(seen, phase="running")
    if state is JobState.INTERRUPTED and seen.phase == "running":
        said.append(JobPaused(machine=now.machine, job=seen.job, alarm=seen.alarm, at=at))
        return msgspec.structs.replace(seen, phase="paused")
    if state is not JobState.RUNNING and state is not JobState.INTERRUPTED and seen.phase:
        return _over(now, seen, at, said)
    return seen


def _watched(now: Tracking, given: Given, seen: Seen) -> JobState | None:
    """The state of a watched machine as far as it is about the job that was given (``given``, Rules 1 and 3)."""
    state = now.state
    if state in BUSY:
        shows = now.description.by_role(Role.PROGRAM) is not None  # a stack light shows no program
        about = (not shows or runs(given.program, now.program)) and (seen.phase or state is JobState.RUNNING)
        return state if about else None
    return state if 0 < given.target <= max(seen.good, now.good or 0) and seen.phase else None


def _over(now: Tracking, seen: Seen, at: str, said: list[Fact]) -> Seen:
    good, scrap = max(seen.good, now.good or 0), max(seen.scrap, now.scrap or 0)
    whole = now.target is not None and 0 < now.target <= good  # some controllers go straight back to idle
    if now.state is JobState.ENDED or (whole and now.state is not JobState.ABORTED):
        said.append(JobEnded(machine=now.machine, job=seen.job, good=good, scrap=scrap, at=at))
    else:
        reason = "aborted" if now.state is JobState.ABORTED else "stopped"
        said.append(JobAborted(machine=now.machine, job=seen.job, good=good, scrap=scrap, reason=reason, at=at))
    return msgspec.structs.replace(seen, phase="over", good=good, scrap=scrap)


def _counts(now: Tracking, seen: Seen, at: str, said: list[Fact]) -> Seen:
    if not seen.phase:
        return seen
    good, scrap = max(seen.good, now.good or 0), max(seen.scrap, now.scrap or 0)
    more = good + scrap - seen.good - seen.scrap
    full = now.target is not None and good >= now.target > 0
    if more <= 0 or (more < now.description.count_every and not full and seen.phase != "over"):
        return seen
    said.append(JobCounted(machine=now.machine, job=seen.job, good=good, scrap=scrap, at=at))
    return msgspec.structs.replace(seen, good=good, scrap=scrap)
