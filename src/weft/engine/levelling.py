"""Two nodes become level: they compare which threads they share and at which heads, and sync those that differ.

Done once an hour, whenever a partner is back after an absence, and after a backup was restored (``restored.py``): so a
delivery that got lost, by whatever fault, is made good.
Rule 1: only threads that both are members of are compared (``holdings.py``).
Rule 2: a thread that cannot be brought level keeps no other from it.
Rule 3: a thread that a member forked is never level again, and nothing runs by itself there: it keeps nobody unheard,
        else one lie would silence two others for good when one of them has restored a backup.
Not here: the comparison (``reconcile.py``), rounds of one thread (``sync.py``), delivery (``outbox.py``).
"""

import asyncio
import contextlib
import itertools
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine import reconcile
from weft.engine.memory import ANEW, Memory
from weft.engine.ports import Batch

if TYPE_CHECKING:
    from weft.engine.outbox import Outbox

FORKED_MAX: Final = 6  # forked threads of one peer: every choice of them is tried
FORK: Final = "fork"  # the alarm of a thread in which somebody said two things at one place
RECONCILE_PATH: Final = "/peer/v1/reconcile"
AT_ONCE: Final = 8  # partners compared side by side
CHECK_S: Final = 5.0


async def differing(outbox: "Outbox", peer: str) -> dict[str, tuple[str, str]]:
    """Threads that ``peer`` and we share at different heads: (our digest, theirs) ("": none); raises ``WeftError``."""
    comparison = reconcile.Comparison(outbox.memory.holdings.with_(peer))
    while not comparison.done:
        comparison.take(await _ask(outbox, peer, comparison.question()))
    return comparison.differ


async def _ask(outbox: "Outbox", peer: str, question: reconcile.Question) -> reconcile.Answer:
    return reconcile.read_answer(await outbox.peers.request(peer, RECONCILE_PATH, msgspec.json.encode(question)))


async def level(outbox: "Outbox", peer: str) -> bool:
    """Bring every thread shared with ``peer`` to the same heads at both ends; whether all could be; raises."""
    memory = outbox.memory
    differ = await differing(outbox, peer)
    ordered = sorted(differ, key=lambda thread: (thread != memory.partner(peer), thread))  # keys and addresses first
    done = [await _one_level(outbox, peer, thread, known=bool(differ[thread][1])) for thread in ordered]
    if done and all(done):
        still = [thread for thread in ordered if memory.alarms.get(thread) == FORK]
        await _ask(outbox, peer, all_but(memory, peer, still))  # so that it knows, too
    if all(done):
        await asks_no_more(memory, peer)
    return all(done)


async def asks_no_more(memory: Memory, peer: str) -> None:
    """``peer``, which may have asked by a bundle for what a restored backup lacks, has it."""
    if await memory.store.value(ANEW, peer) is not None:
        await memory.store.commit(Batch(values=[(ANEW, peer, None)]))


def all_but(memory: Memory, peer: str, forked: Collection[str]) -> reconcile.Question:
    """Whether ``peer`` holds all that we share with it, but for the threads in ``forked`` (Rule 3)."""
    return reconcile.everything(memory.holdings.with_(peer), forked)


def is_level(memory: Memory, peer: str, question: reconcile.Question) -> bool:
    """Whether ``peer``, asking this, holds all that we share with it, but for threads that we know to be forked."""
    shared = memory.holdings.with_(peer).heads
    forked = sorted(thread for thread, why in memory.alarms.items() if why == FORK and thread in shared)[:FORKED_MAX]
    return any(question == all_but(memory, peer, some)
               for count in range(len(forked) + 1) for some in itertools.combinations(forked, count))


async def _one_level(outbox: "Outbox", peer: str, thread: str, *, known: bool) -> bool:
    """Whether both ends hold the same of ``thread`` now; ``known``: the peer has at least its beginning."""
    memory = outbox.memory
    if not known:
        outbox.theirs[peer, thread] = ()
    try:
        await (outbox.pull(peer, thread) if known else outbox.sync(peer, thread))
    except (NotFound, Invalid):
        return memory.alarms.get(thread) == FORK
    loaded = await memory.loaded(thread)
    theirs = outbox.theirs[peer, thread]
    return memory.alarms.get(thread) == FORK or all([await memory.holds(loaded, head) for head in theirs])


@dataclass(slots=True)
class Leveller:
    """The worker: each partner every ``every_ms``, and as soon as it is back."""

    outbox: "Outbox"
    every_ms: int
    due_ms: dict[str, int] = field(default_factory=dict)
    compared: int = 0
    _at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def run(self) -> None:
        """Compare until cancelled."""
        back = self.outbox.back_wake
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_S):
                    await back.wait()
            back.clear()
            await asyncio.gather(*(self._level(peer) for peer in self._due()))

    def _due(self) -> list[str]:
        """Partners to be compared now; who is back goes before his time."""
        memory, outbox = self.outbox.memory, self.outbox
        now = memory.clock.now_ms()
        due = []
        for peer in sorted(memory.partners):
            at = self.due_ms.setdefault(peer, now + self.every_ms)
            if (peer in outbox.back or at <= now) and peer not in memory.unheard and outbox.peers.reachable(peer):
                due.append(peer)
                self.due_ms[peer] = now + self.every_ms
        outbox.back.clear()
        return due

    async def _level(self, peer: str) -> None:
        async with self._at_once:
            with contextlib.suppress(WeftError):
                await level(self.outbox, peer)
                self.compared += 1
