"""What the floor book says of earlier commands: whether a job may still be told to a machine, and what bars it.

Rule 1: a start that is open, unknown or confirmed bars every other of the same job, also one at another machine: the
        machine may have got another name, or the job another work centre.
Not here: the book (``book.py``), who writes (``machines/runner.py``).
"""

from typing import Final

from weft.shopfloor.book import Command, Floor
from weft.shopfloor.jobcontrol import Outcome

KEYED: Final = "as:"  # before the name that somebody gave a single write or call
UNSETTLED: Final = "machine.start-unsettled"
STARTED: Final = frozenset({"confirmed", "done"})
_IN_DOUBT: Final = frozenset({"open", "unknown"})


def next_id(floor: Floor, kind: str, machine: str, job: str) -> str:
    """The id of a further attempt."""
    attempt = 1
    while (command := f"{kind}/{machine}/{job}/{attempt}") in floor.commands:
        attempt += 1
    return command


def stands(floor: Floor, machine: str, job: str) -> Outcome | None:
    """The outcome of an earlier start at ``machine`` that bars another; None when there is none."""
    known = floor.machines.get(machine)
    if known is None:
        return None
    status = known.starts.get(job, "")
    command = next((one.id for one in floor.commands.values()
                    if (one.machine, one.job, one.kind) == (machine, job, "start") and one.status != "refused"), "")
    begun = known.seen.job == job and known.seen.phase != ""  # by whomever: the operator may have been first
    if begun or status in STARTED:
        return Outcome(command=command, status="confirmed")
    if status in _IN_DOUBT:
        return Outcome(command=command, status="unknown", reason=UNSETTLED)
    return None


def bars(floor: Floor, machine: str, job: str) -> Outcome | None:
    """As ``stands``, wherever it was (Rule 1): what must be looked at before ``machine`` is told of ``job``."""
    here = stands(floor, machine, job)
    if here is not None:
        return here
    told = [one.starts[job] for one in floor.machines.values() if job in one.starts]
    if STARTED & set(told):
        return Outcome(command="", status="confirmed")
    return Outcome(command="", status="unknown", reason=UNSETTLED) if _IN_DOUBT & set(told) else None


def confirmed_load(floor: Floor, machine: str, job: str) -> str:
    """The command by which ``job`` was loaded; "" where none was read back."""
    return next((one.id for one in floor.commands.values()
                 if (one.machine, one.job, one.kind, one.status) == (machine, job, "load", "confirmed")), "")


def asks(floor: Floor, command: Command, *, away: bool) -> bool:
    """Whether a person must look what became of ``command``: not of a load after which the job was loaded or begun.

    ``away``: its machine is out of reach, and nobody knows for how long: nothing open can be read back there.
    """
    if command.status not in ("unknown", "open") or (command.status == "open" and not away):
        return False
    if command.kind != "load":
        return True
    known = floor.machines.get(command.machine)
    begun = known is not None and (known.starts.get(command.job) in STARTED
                                   or (known.seen.job == command.job and known.seen.phase != ""))
    return not begun and not confirmed_load(floor, command.machine, command.job)


def unheard(floor: Floor, machine: str, job: str) -> bool:
    """Whether ``machine`` was started for ``job`` by us, and has never been heard to run it: we died in between."""
    known = floor.machines.get(machine)
    return (known is not None and not known.removed and known.starts.get(job) in STARTED
            and known.seen.job != job)
