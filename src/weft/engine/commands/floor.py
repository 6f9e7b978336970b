"""Work at a work centre by traveller and phone (报工), and the machines that are connected.

Rule 1: a work centre needs no connection: start, pause, count, scrap, done are said by people.
Rule 2: nothing here writes to a machine; loading and starting are the dispatcher's, under the machine's guard.
Not here: what a machine reports (``reactions/making.py``).
"""

import contextlib

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid, NotFound, Refused
from weft.engine.commands.params import Done, Params
from weft.engine.connections import away
from weft.engine.effects import TROUBLES
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.production import messages as pm
from weft.production.reported import SCRAP_REASONS
from weft.shopfloor.book import CommandSettled, CommandUnknown, MachineAdded, MachineRemoved
from weft.shopfloor.reading import fill


class JobAt(Params, frozen=True, kw_only=True):
    """One job; ``operator`` is an alias that stays in this house."""

    job: str
    operator: str = ""
    work_centre: str = ""


async def job_start(node: Node, params: JobAt, key: str) -> Done:
    """The operator starts a job."""
    production = await node.book_state("production")
    job = production.jobs.get(params.job)
    if job is None:
        raise NotFound("production.job-unknown", job=params.job[:60])
    centre = params.work_centre or job.work_centre or job.work_centres[0]
    return await _said(node, pm.JobStarted(job=params.job, by="operator", work_centre=centre,
                                           operator=params.operator, at=_now(node)), key)


class JobReason(Params, frozen=True, kw_only=True):
    """One job, and why."""

    job: str
    reason: str = ""


async def job_pause(node: Node, params: JobReason, key: str) -> Done:
    """The job rests."""
    return await _said(node, pm.JobPaused(job=params.job, reason=params.reason, at=_now(node)), key)


async def job_resume(node: Node, params: JobReason, key: str) -> Done:
    """The job goes on."""
    return await _said(node, pm.JobResumed(job=params.job, at=_now(node)), key)


async def job_abort(node: Node, params: JobReason, key: str) -> Done:
    """The job is given up."""
    return await _said(node, pm.JobAborted(job=params.job, reason=params.reason, at=_now(node)), key)


class JobCount(Params, frozen=True, kw_only=True):
    """Totals so far: good and scrap."""

    job: str
    good: str
    scrap: str = "0"


async def job_count(node: Node, params: JobCount, key: str) -> Done:
    """Count."""
    return await _said(node, pm.JobCounted(job=params.job, good=params.good, scrap=params.scrap, at=_now(node)), key)


class JobScrap(Params, frozen=True, kw_only=True):
    """Some pieces were lost: ``reason`` is material (料废), work (工废) or other."""

    job: str
    quantity: str
    reason: str
    note: str = ""


async def job_scrap(node: Node, params: JobScrap, key: str) -> Done:
    """Say why pieces were lost."""
    if params.reason not in SCRAP_REASONS:
        raise Invalid("production.scrap-reason", value=params.reason[:20])
    return await _said(node, pm.JobScrapped(job=params.job, quantity=params.quantity, reason=params.reason,  # type: ignore[arg-type] # checked above
                                            note=params.note, at=_now(node)), key)


class JobEnd(Params, frozen=True, kw_only=True):
    """The job is done; totals if they were not counted before."""

    job: str
    good: str = ""
    scrap: str = ""


async def job_end(node: Node, params: JobEnd, key: str) -> Done:
    """Done."""
    return await _said(node, pm.JobEnded(job=params.job, good=params.good, scrap=params.scrap, at=_now(node)), key)


class MachineAdd(Params, frozen=True, kw_only=True):
    """Reach machine ``name`` by a Thing Description; ``values`` fill the places in a template (``{{ENDPOINT}}``)."""

    name: str
    description: str
    values: dict[str, str] = {}


async def machine_add(node: Node, params: MachineAdd, key: str) -> Done:
    """Connect a machine, or change how it is reached."""
    text = fill(params.description, params.values)
    return await _floor(node, MachineAdded(machine=params.name, description=text), key)


class MachineName(Params, frozen=True, kw_only=True):
    """One machine."""

    name: str


async def machine_remove(node: Node, params: MachineName, key: str) -> Done:
    """Let a machine go."""
    return await _floor(node, MachineRemoved(machine=params.name), key)


class MachineSettle(Params, frozen=True, kw_only=True):
    """Somebody looked at the machine and says whether the unknown ``command`` was done."""

    command: str
    done: bool


async def machine_settle(node: Node, params: MachineSettle, key: str) -> Done:
    """Settle a command whose outcome is unknown; one that is open at a machine out of reach is unknown then."""
    known = (await node.book_state("floor")).commands.get(params.command)
    if known is not None and known.status == "open" and away(node.live, known.machine, node.clock.now_ms()):
        with contextlib.suppress(Refused):  # it was read back in this very moment
            await node.record("floor", CommandUnknown(command=known.id, machine=known.machine, job=known.job,
                                                      reason="no-answer", at=_now(node)))
    return await _floor(node, CommandSettled(command=params.command, done=params.done, at=_now(node)), key)


class StopWriting(Params, frozen=True, kw_only=True):
    """The emergency switch: nothing is written to any machine while ``stopped``."""

    stopped: bool = True


async def stop_writing(node: Node, params: StopWriting, _key: str) -> Done:
    """Stop or allow all writing to machines."""
    if node.floor is not None:
        await node.floor.stop_writing(stopped=params.stopped)
    return Done(facts={"stopped": params.stopped})


class Dismiss(Params, frozen=True, kw_only=True):
    """``trouble`` is the name of a task that the node could not do by itself."""

    trouble: str


async def dismiss(node: Node, params: Dismiss, _key: str) -> Done:
    """The owner has seen it."""
    await node.store.commit(Batch(values=[(TROUBLES, params.trouble, None)]))
    return Done()


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())


async def _said(node: Node, message: msgspec.Struct, key: str) -> Done:
    return Done(thread=node.book("production"), events=await node.record("production", message, key=key))


async def _floor(node: Node, message: msgspec.Struct, key: str) -> Done:
    return Done(thread=node.book("floor"), events=await node.record("floor", message, key=key))
