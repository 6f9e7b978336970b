"""What is new costs the same whatever went before: syncing one new event after a long history and after a short one.

One round: one firm says a word, its outbox syncs the thread with the other, which stores and acknowledges it, and syncs
back; two databases, the engine without HTTP. Both histories take turns; the ratio is that of the better halves.
``SIZES=1000,20000`` in the environment makes other histories; ``WITHOUT=cuts`` holds all of a thread, as a control.
"""

import os
import statistics
import sys
import tracemalloc
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench.firm import found, machine_named, measured
from bench.rounds import Result, show, stopwatch
from weft.engine import handle, sync
from weft.engine.memory import Memory
from weft.engine.outbox import Outbox
from weft.engine.ports import Batch
from weft.engine.receive import INVITATIONS, key_log_of, token_name
from weft.trade.messages import Party, PartyUpdated, RelationshipProposed
from weft.trade.say import Say

SIZES = tuple(int(one) for one in os.environ.get("SIZES", "1000,100000").split(","))
GROUP = 100
ROUNDS = 120
MEMORY_ROUNDS = 64
OF_A_THREAD = 50  # events of each thread where there are many
MOST = 1.5
INVITATION = b'{"note":"","until":""}'


@dataclass(slots=True)
class Wire:
    """The other end, reached by a call; what is said goes through the same bytes as over HTTP."""

    me: str
    other: Memory
    outbox: Outbox | None = None

    def reachable(self, _organisation: str) -> bool:
        return True

    async def request(self, _organisation: str, path: str, body: bytes) -> bytes:
        assert path == sync.SYNC_PATH
        assert self.outbox is not None
        asked = sync.read_request(body)
        reply = await sync.answer(self.other, self.me, asked)
        await self.outbox.settle(self.me, asked.thread, asked.heads)
        return msgspec.json.encode(reply)

    async def close(self) -> None: ...


@dataclass(slots=True)
class Pair:
    """Two firms with ``size`` events between them, in threads of ``each`` events."""

    one: Memory
    two: Memory
    ways: tuple[Outbox, Outbox]
    threads: list[str] = field(default_factory=list)
    turn: int = 0

    async def grow(self, size: int, each: int) -> None:
        """Say ``size`` events in threads of ``each``."""
        keys = await key_log_of(self.one, self.one.organisation)
        members = {self.one.organisation: "invitee", self.two.organisation: "inviter"}
        for number in range(max(1, size // each)):
            token = f"{number}"
            await self.two.store.commit(Batch(values=[(INVITATIONS, token_name(token), INVITATION)]))
            said = RelationshipProposed(party=Party(name="One"), key_log=keys, token=token)
            thread = await handle.open_thread(self.one, machine_named("relationship"), members, said)
            await self._exchange(thread)
            left = each - 2
            while left > 0:
                words = [self._word() for _ in range(min(GROUP, left - 1) or 1)]
                await handle.say(self.one, thread, words)
                await self._exchange(thread)
                left -= len(words) + 1
            self.threads.append(thread)

    def _word(self) -> Say:
        self.turn += 1
        return Say(role="invitee", by=self.one.organisation,
                   message=PartyUpdated(party=Party(name="One", address=f"Hall {self.turn}")))

    async def _exchange(self, thread: str) -> None:
        await self.ways[0].sync(self.two.organisation, thread)
        await handle.acknowledge(self.two, thread)
        await self.ways[1].sync(self.one.organisation, thread)

    async def round(self) -> None:
        """One word more, to the other and acknowledged."""
        thread = self.threads[self.turn * 7919 % len(self.threads)]
        await handle.say(self.one, thread, [self._word()])
        await self._exchange(thread)

    async def checked(self) -> None:
        """Both hold the same, and all of it."""
        for thread in self.threads[:3]:
            mine, theirs = await self.one.loaded(thread), await self.two.loaded(thread)
            if (mine.heads, mine.position) != (theirs.heads, theirs.position):
                raise RuntimeError("the two ends are not level")

    async def restarted(self) -> None:
        """Both forget what is in memory, as after a restart."""
        for memory in (self.one, self.two):
            for thread in self.threads:
                memory.forget(thread)
        for way in self.ways:
            way.theirs.clear()


async def pair(folder: Path, name: str, size: int, each: int) -> Pair:
    """Two firms with such a history."""
    one, two = await found(folder, f"{name}-one"), await found(folder, f"{name}-two")
    if os.environ.get("WITHOUT") == "cuts":
        one.tail_max = two.tail_max = sys.maxsize
    there, back = Wire(one.organisation, two), Wire(two.organisation, one)
    made = Pair(one, two, (Outbox(one, there), Outbox(two, back)))
    there.outbox, back.outbox = made.ways[1], made.ways[0]
    await made.grow(size, each)
    return made


async def compared(name: str, pairs: tuple[Pair, Pair], *, cold: bool = False) -> list[Result]:
    """Time and memory of a round in either history."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place, one in enumerate(pairs):
            if cold:
                await one.restarted()
            watch = stopwatch()
            await one.round()
            times[place].append(watch())
    short, long = (statistics.median(sorted(taken)[:ROUNDS // 2]) * 1000 for taken in times)
    peaks = [await peak(one, cold=cold) for one in pairs]
    return [line(f"{name}: time", long, short, "ms"), line(f"{name}: memory", peaks[1], peaks[0], "kB")]


async def peak(one: Pair, *, cold: bool) -> float:
    """The most that is allocated at a time while a round runs, in kB: the median of as many as lie between two cuts."""
    told = []
    for _ in range(MEMORY_ROUNDS):
        if cold:
            await one.restarted()
        tracemalloc.start()
        await one.round()
        told.append(tracemalloc.get_traced_memory()[1] / 1024)
        tracemalloc.stop()
    return statistics.median(told)


def line(name: str, long: float, short: float, unit: str) -> Result:
    """A ratio that must stay below ``MOST``."""
    ratio = long / short
    return Result(name, f"{long:,.2f} {unit}", f"{short:,.2f} {unit}", ratio, f"<= {MOST:g}x", ratio <= MOST)


async def work(folder: Path) -> list[Result]:
    """Many threads, then one thread, warm and after a restart."""
    told: list[Result] = []
    few, many = SIZES
    for name, each in (("set", (OF_A_THREAD, OF_A_THREAD)), ("one thread", SIZES)):
        small = await pair(folder, f"{name}-{few}", few, each[0])
        large = await pair(folder, f"{name}-{many}", many, each[1])
        pairs: Any = (small, large)
        title = f"one new event, {name} of {many:,} against {few:,}"
        told += await compared(title, pairs)
        told += await compared(f"{title}, after a restart", pairs, cold=True)
        for one in pairs:
            await one.checked()
            await one.one.store.close()
            await one.two.store.close()
    return told


def results() -> list[Result]:
    """All lines of this file."""
    return measured(work)


if __name__ == "__main__":
    show(results())
