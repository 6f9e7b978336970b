"""A job on a machine that can only be watched: its operator was given it, loads the program and starts; pure.

Rule 1: the job begins when the machine runs the job's program; where the job names none or the machine shows none,
        when it runs at all.
Rule 2: its pieces are those since it was given: such counters go on over jobs, and may be set back by the operator.
Rule 3: one run of the program makes one piece: the job is over when the pieces are made, not when the program ends.
Not here: machines that hold a job themselves (``jobcontrol``), facts (``binding``).
"""

import re
from typing import Final

import msgspec

from weft.basis.decider import Message
from weft.shopfloor.description import WRITABLE_ROLES, Description, Role

_NAME: Final = re.compile(r"[^/\\:]+$")


class JobGiven(Message, frozen=True, kw_only=True):
    """``job`` lies with the operator of ``machine``, whose counters then stood at ``good`` and ``scrap``."""

    machine: str
    job: str
    program: str = ""
    target: int = 0
    good: int = 0
    scrap: int = 0
    at: str = ""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The job that an operator was given last, and where the counters stood."""

    job: str
    program: str = ""
    target: int = 0
    good: int = 0
    scrap: int = 0


def given_of(message: JobGiven) -> Given:
    """What is remembered of ``message``."""
    return Given(job=message.job, program=message.program, target=message.target, good=message.good,
                 scrap=message.scrap)


def watched_only(description: Description) -> bool:
    """Whether nothing of a job can be told to this machine: it holds no job id, and nothing of it may be written."""
    written = any(one.write and one.role in WRITABLE_ROLES for one in description.properties.values())
    told = written or description.start_action() is not None or description.job_control
    return not told and description.by_role(Role.JOB_ID) is None and description.by_role(Role.STATE) is not None


def made(shown: int, before: int, said: int) -> int:
    """Pieces of the job, of which ``said`` are known, when a counter shows ``shown`` that stood at ``before``.

    A counter that was set back counts from zero; what was made is never taken back.
    """
    more = shown - before
    return more if more >= said else max(said, shown if shown < before or shown > said else said)


def runs(wanted: str, shown: str | None) -> bool:
    """Whether the program that the machine shows is the ``wanted`` one, whatever folder and ending it has there."""
    if not wanted:
        return True
    if not shown:
        return False
    found = _NAME.search(shown.strip())
    name = (found[0] if found else shown).casefold()
    return wanted.strip().casefold() in (shown.strip().casefold(), name, name.rpartition(".")[0])
