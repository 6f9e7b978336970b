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
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine import reconcile
from weft.engine.memory import Memory

if TYPE_CHECKING:
    from weft.engine.outbox import Outbox

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
        for question in whole(memory, peer):
            await _ask(outbox, peer, question)  # so that it knows, too
    return all(done)


def whole(memory: Memory, peer: str) -> list[reconcile.Question]:
    """Questions of one who is level with us: all that we share is the same; or all but what was forked (Rule 3)."""
    holding = memory.holdings.with_(peer)
    questions = [reconcile.everything(holding)]
    if FORK in memory.alarms.values():
        held = {thread: heads for thread, heads in holding.heads.items() if memory.alarms.get(thread) != FORK}
        questions.append(reconcile.everything(reconcile.Holding(held)))
    return questions


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
                await asyncio.wait_for(back.wait(), CHECK_S)
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
