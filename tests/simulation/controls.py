"""Faults put into a world on purpose, each of which must be found, or the simulation proves nothing.

``hasty``: a disk that says "stored" before it has; ``keyless``: a consequence without its key; ``same-incarnation``: a
restored backup that goes on in its old chains; ``sequence-vectors``: sync by numbers instead of heads;
``late-fork-check``: forks are looked for only when a chain is complete; ``gossip``: whoever asks what is shared is told
of everything.
Rule 1: they stand in the place of parts of the engine, which has no switches for them.
Not here: the lying disk (``stores.py``), the restored backup (``faults.py``), the keyless consequence (``tables.py``).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tests.simulation.plan import Plan
from weft.basis.errors import NotFound
from weft.engine import receive, sync
from weft.engine.holdings import Holdings
from weft.engine.memory import Memory
from weft.engine.outbox import Outbox
from weft.engine.ports import Batch
from weft.engine.reconcile import Holding
from weft.engine.threads import Loaded
from weft.thread.event import Event, to_envelope

FINDS = {  # as what each may be found
    "hasty": ("acked_lost", "diverged"), "keyless": ("invariants_broken",), "same-incarnation": ("diverged",),
    "sequence-vectors": ("forks_undetected",), "late-fork-check": ("forks_undetected",), "gossip": ("leaked",),
}


def plan_for(control: str, plan: Plan) -> Plan:
    """``plan``, changed so that the fault can show itself and no other is taken for it."""
    if control == "sequence-vectors":  # each half goes to another firm, and to the third by the line alone
        return replace(plan, liar="shop", lies=("equivocated",), lies_count=6, restores=0, blind="", bundles=0,
                       hidden=frozenset())
    if control == "late-fork-check":
        return replace(plan, liar="shop", lies=("equivocated above what it holds back",), lies_count=6, restores=0,
                       blind="")
    if control == "same-incarnation":
        return replace(plan, restores=2, liar="", blind="")
    return replace(plan, restores=0, liar="", blind="") if control else plan


def install(control: str) -> None:
    """Put the fault where it belongs, in this process, for good."""
    if control == "sequence-vectors":
        sync.opening, sync.answer, sync.conclude = _opening, _answer, _conclude
        sync._check, Outbox.settle = lambda _events, _heads: None, _settle  # numbers have another length than heads
    elif control == "late-fork-check":
        receive._forked, receive._append = _forked_late, _append
    elif control == "gossip":
        Holdings.with_ = _everything


# ---- sync by sequence numbers --------------------------------------------------------------------


def _vector(loaded: Loaded) -> list[str]:
    return [f"{'.'.join(chain)}:{n}" for chain, (n, _) in sorted(loaded.tips.items())][:sync.HEADS_MAX]


async def _beyond(memory: Memory, loaded: Loaded, theirs: Sequence[str] | None) -> list[Any]:
    """What stands above the numbers that the other end has of each chain."""
    known = {chain: int(n) for chain, _, n in (one.rpartition(":") for one in theirs or ()) if n.isdecimal()}
    held = loaded.entries
    names = [name for name in loaded.order if held[name].n > known.get(".".join(held[name].chain), -1)]
    events = [await memory.event(loaded.thread, name) for name in names[:sync.EVENTS_MAX]]
    return [to_envelope(event) for event in events if event is not None]


async def _opening(memory: Memory, peer: str, loaded: Loaded, theirs: Sequence[str] | None) -> sync.SyncRequest:
    if peer not in loaded.members:
        raise NotFound("thread.unknown")
    meets = loaded.machine_name.startswith("relationship/")  # elsewhere the other's numbers are asked for first
    pushed = await _beyond(memory, loaded, theirs) if meets or theirs is not None else []
    return sync.SyncRequest(thread=loaded.thread, heads=_vector(loaded), events=pushed)


async def _answer(memory: Memory, peer: str, request: sync.SyncRequest, _folded: Any = None) -> sync.SyncReply:
    events, _ = sync._events(request.events)
    if events:
        await receive.receive(memory, peer, request.thread, events)
    loaded = await memory.find(request.thread)
    if loaded is None or peer not in loaded.members:
        raise NotFound("thread.unknown")
    log = await receive.key_log_of(memory, memory.organisation)
    return sync.SyncReply(heads=_vector(loaded), events=await _beyond(memory, loaded, request.heads), key_log=list(log))


async def _conclude(memory: Memory, peer: str, thread: str, reply: sync.SyncReply) -> sync.Concluded:
    for envelope in reply.key_log:
        await sync.take_key_event(memory, peer, sync.unwire(envelope.encode()))
    events, _ = sync._events(reply.events)
    if events:
        await receive.receive(memory, peer, thread, events)
    return sync.Concluded(not await _beyond(memory, await memory.loaded(thread), reply.heads), apart=False)


async def _settle(self: Outbox, peer: str, thread: str, theirs: list[str]) -> None:
    async with self.memory.lock(thread):
        loaded = await self.memory.loaded(thread)
        self.theirs[peer, thread] = tuple(theirs)
        if not await _beyond(self.memory, loaded, theirs):
            await self.memory.store.commit(Batch(outbox_settled=[(peer, thread)]))


# ---- forks looked for too late -------------------------------------------------------------------

_forked_at_once, _append_all = receive._forked, receive._append


async def _forked_late(memory: Memory, loaded: Loaded, event: Event, *_beside: Any) -> bool:
    """On receipt: nobody looks."""
    return False


async def _append(memory: Memory, loaded: Loaded, fresh: Sequence[Event], waiting: Any, result: Any) -> None:
    """When the chain is complete: somebody looks."""
    kept, known = list[Event](), set(loaded.entries)
    for event in fresh:
        whole = all(parent in known for parent in event.parents)
        if whole and await _forked_at_once(memory, loaded, event):
            continue
        known |= {event.id} if whole else set()
        kept.append(event)
    await _append_all(memory, loaded, kept, waiting, result)


# ---- what is shared with others ------------------------------------------------------------------


def _everything(self: Holdings, peer: str) -> Holding:
    """All threads that we share with anybody."""
    return Holding({thread: heads for held in self._of.values() for thread, heads in held.items()})
