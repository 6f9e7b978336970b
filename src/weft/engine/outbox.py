"""Delivery to peers, at least once: every thread that a peer has not acknowledged is synced until it has.

Rule 1: a row stays until the peer's heads cover ours; a crash repeats a delivery and never forgets one.
Rule 2: peers do not wait for each other; each has its own backoff, and one that speaks to us is tried at once. Nor do
        threads wait for one that the peer refuses.
Rule 3: who cannot be reached is not pushed to: it polls, and its rows wait for it.
Rule 4: mail left for a peer at a third node (``mail/post.py``) strikes no row here, and stops no try.
Not here: the protocol (``sync.py``), connections (``peers/http.py``).
"""

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from weft.basis.errors import Invalid, NotFound, Unavailable, WeftError
from weft.engine import exchange, levelling, sync
from weft.engine.budgets import Busy
from weft.engine.memory import Change, Memory
from weft.engine.ports import Batch, Peers

Held = tuple[tuple[str, ...], tuple[str, ...]]  # the other's heads and ours
ROUNDS_MAX: Final = 64
CHECK_S: Final = 5.0
_LOG: Final = logging.getLogger("weft.outbox")


@dataclass(slots=True)
class Outbox:
    """Workers that deliver. ``retry_ms`` is the first and the longest pause after a failure."""

    memory: Memory
    peers: Peers
    retry_ms: tuple[int, int] = (200, 30_000)
    theirs: dict[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    why: dict[str, WeftError] = field(default_factory=dict)  # what the last try with a peer that failed came to
    due_ms: dict[str, int] = field(default_factory=dict)
    refused: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # (how often, until when it waits)
    seen_ms: dict[str, int] = field(default_factory=dict)
    polling: Counter[str] = field(default_factory=Counter)  # who is asking us just now
    due: asyncio.Event = field(default_factory=asyncio.Event)  # set whenever there is something to deliver
    closing: bool = False
    back: dict[str, None] = field(default_factory=dict)  # peers that are back after an absence, to be compared with
    back_wake: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _asked: dict[str, asyncio.Event] = field(default_factory=dict)

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            while True:
                self.memory.outbox_wake.clear()
                pause = await self._start_workers()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self.memory.outbox_wake.wait()
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _start_workers(self) -> float:
        """Give each peer with something to deliver its worker; seconds until the next one is due."""
        now, pause = self.memory.clock.now_ms(), CHECK_S
        due: dict[str, int] = {}
        for row in await self.memory.store.outbox():
            refused_ms = self.refused.get((row.peer, row.thread), (0, 0))[1]
            at = max(self._still(self.due_ms.get(row.peer, 0)), self._still(refused_ms))
            due[row.peer] = min(at, due.get(row.peer, at))
        if due:
            self.due.set()
        for peer, at in due.items():
            if (asked := self._asked.get(peer)) is not None:
                asked.set()
            if peer in self._busy or not self.peers.reachable(peer):
                continue
            wait_ms = at - now
            if wait_ms > 0:
                pause = min(pause, wait_ms / 1000)
                continue
            task = asyncio.create_task(self._deliver(peer))
            self._busy[peer] = task
            task.add_done_callback(partial(self._free, peer))
        return pause

    def _free(self, peer: str, task: "asyncio.Task[None]") -> None:
        self._busy.pop(peer, None)
        if not task.cancelled() and (error := task.exception()) is not None:  # a fault of ours: not at once again
            _LOG.error("a delivery failed", exc_info=error)
            self._failed(peer, "", Unavailable("peer.not-done", limit=ROUNDS_MAX))
        self.memory.outbox_wake.set()

    async def _deliver(self, peer: str) -> None:
        for row in await self.memory.store.outbox():
            refused, due_ms = self.refused.get((peer, row.thread), (0, 0))
            if row.peer != peer or self._still(due_ms):
                continue
            try:
                await self.sync(peer, row.thread)
            except (NotFound, Invalid):  # this thread is the trouble, not the peer
                self.theirs[peer, row.thread] = ()  # it may have lost what it held
                self.refused[peer, row.thread] = (refused + 1, self._later(refused + 1))
            except WeftError as error:
                self._failed(peer, row.thread, error)
                return
            else:
                self.refused.pop((peer, row.thread), None)
                self.heard(peer)

    def _failed(self, peer: str, thread: str, error: WeftError) -> None:
        """Note a failure: the peer itself is the trouble, so that all its threads wait; a busy one says how long."""
        if isinstance(error, Busy):
            self.due_ms[peer] = self.memory.clock.now_ms() + min(error.wait_ms, self.retry_ms[1])
            return
        count = self.failures.get(peer, 0) + 1
        self.failures[peer] = count
        self.why[peer] = error
        self.due_ms[peer] = self._later(count)
        if count == 1:
            self.memory.tell(Change(thread, "peer", (error.code,)))

    def _still(self, due_ms: int) -> int:
        """``due_ms`` if it is still to be waited for, else 0: also when it is so far off that the clock went back."""
        return due_ms if due_ms and 0 < due_ms - self.memory.clock.now_ms() <= self.retry_ms[1] else 0

    def _later(self, count: int) -> int:
        """When to try again after ``count`` failures."""
        first, longest = self.retry_ms
        wait_ms: int = first * 2 ** min(count - 1, 12)
        return self.memory.clock.now_ms() + min(longest, wait_ms)

    def heard(self, peer: str) -> None:
        """``peer`` has answered or asked: it can be reached now; after an absence, what it refused is tried again."""
        now, last = self.memory.clock.now_ms(), self.seen_ms.get(peer, 0)
        self.seen_ms[peer] = now
        self.why.pop(peer, None)
        if peer in self.failures or now - last >= self.retry_ms[1]:
            self.back[peer] = None
            self.back_wake.set()
        for known, (count, due_ms) in self.refused.items():
            if known[0] == peer and due_ms and now - last >= self.retry_ms[1]:
                self.refused[known] = (count, 0)
                self.memory.outbox_wake.set()
        if self.failures.pop(peer, 0):
            self.due_ms.pop(peer, None)
            self.memory.outbox_wake.set()
            self.memory.tell(Change("", "peer", ("heard",)))

    async def sync(self, peer: str, thread: str) -> None:
        """Rounds with ``peer`` until it holds all that we hold of ``thread``; raises ``WeftError``."""
        before: Held | None = None
        shown = False
        for _ in range(ROUNDS_MAX):
            loaded = await self.memory.loaded(thread)
            request = await sync.opening(self.memory, peer, loaded, self.theirs.get((peer, thread)))
            body = await self.peers.request(peer, sync.SYNC_PATH, msgspec.json.encode(request))
            reply = sync.read_reply(body)
            self.theirs[peer, thread] = tuple(reply.heads)
            found = await sync.conclude(self.memory, peer, thread, reply)
            if found.level:
                await self.settle(peer, thread, reply.heads)
                return
            if found.apart and not shown:
                shown = await self._show_keys(peer)
                continue
            before = await self._moved_on(thread, reply.heads, before)
        raise Unavailable("peer.not-done", limit=ROUNDS_MAX)

    async def _show_keys(self, peer: str) -> bool:
        """Show ``peer`` our key log and take in its own: one holds words by keys that the other has not heard of."""
        asked = msgspec.json.encode(await exchange.own(self.memory))
        await exchange.take_answer(
            self.memory, peer, await self.peers.request(peer, exchange.EXCHANGE_PATH, asked))
        return True

    async def _moved_on(self, thread: str, theirs: list[str], before: "Held | None") -> "Held":
        """What both hold after a round; raises ``Invalid`` when the round has changed nothing, nor will another."""
        now = (tuple(theirs), (await self.memory.loaded(thread)).heads)
        if now == before:
            raise Invalid("peer.takes-no-more")
        return now

    async def settle(self, peer: str, thread: str, theirs: list[str]) -> None:
        """Strike the row if ``peer`` holds all that we hold; under the thread's lock, so that nothing slips between."""
        async with self.memory.lock(thread):
            loaded = await self.memory.loaded(thread)
            self.theirs[peer, thread] = tuple(theirs)
            if not loaded.lacked_by(theirs):
                await self.memory.store.commit(Batch(outbox_settled=[(peer, thread)]))

    def close(self) -> None:
        """Let go whoever waits for news: there will be none here."""
        self.closing = True
        for asked in self._asked.values():
            asked.set()

    async def waiting_for(self, peer: str, wait_ms: int) -> list[str]:
        """Threads with something for ``peer``, waiting up to ``wait_ms`` until there is one (long-poll)."""
        self.polling[peer] += 1
        try:
            return await self._waited_for(peer, wait_ms)
        finally:
            self.polling[peer] -= 1
            self.seen_ms[peer] = self.memory.clock.now_ms()

    async def _waited_for(self, peer: str, wait_ms: int) -> list[str]:
        deadline = self.memory.clock.now_ms() + wait_ms
        asked = self._asked.setdefault(peer, asyncio.Event())
        while True:
            asked.clear()
            rows = [row.thread for row in await self.memory.store.outbox() if row.peer == peer]
            left = (deadline - self.memory.clock.now_ms()) / 1000
            if rows or left <= 0 or self.closing or peer in self.memory.unheard:
                return rows
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await asked.wait()

    async def poll(self, peer: str, wait_ms: int) -> None:
        """Ask ``peer`` over and over for what it has for us, until cancelled: for a node that nobody can reach."""
        pause_ms = self.retry_ms[0]
        while True:
            try:
                body = await self.peers.request(
                    peer, sync.POLL_PATH, msgspec.json.encode(sync.PollRequest(wait_ms=wait_ms)))
                told = sync.read_polled(body)
                refused = [thread for thread in told.threads if not await self._pulled(peer, thread)]
                self.heard(peer)
                if told.restored:
                    self.memory.tell(Change("", "partner-restored", (peer,)))
                    await levelling.level(self, peer)
                elif not refused:
                    pause_ms = self.retry_ms[0]
                    continue
                else:  # what cannot be taken in must not hold back for long what can
                    pause_ms = min(pause_ms, max(self.retry_ms[0], wait_ms))
            except WeftError as error:
                self.why[peer] = error
            await asyncio.sleep(pause_ms / 1000)
            pause_ms = min(self.retry_ms[1], pause_ms * 2)

    async def _pulled(self, peer: str, thread: str) -> bool:
        """Whether ``thread`` could be brought up to date; that one cannot keeps no other from it."""
        try:
            await self.pull(peer, thread)
        except (NotFound, Invalid):
            return False
        return True

    async def pull(self, peer: str, thread: str) -> None:
        """Bring ``thread`` up to what ``peer`` holds, also when it is new here."""
        before: Held | None = None
        shown = False
        for _ in range(ROUNDS_MAX):
            loaded = await self.memory.find(thread)
            if loaded is None or peer not in loaded.members:  # nor does it learn which of both
                request = sync.SyncRequest(thread=thread, heads=[])
            else:
                request = await sync.opening(self.memory, peer, loaded, self.theirs.get((peer, thread), loaded.heads))
            reply = sync.read_reply(
                await self.peers.request(peer, sync.SYNC_PATH, msgspec.json.encode(request)))
            found = await sync.conclude(self.memory, peer, thread, reply)
            self.theirs[peer, thread] = tuple(reply.heads)  # only now: there is such a thread
            if found.level:
                await self.settle(peer, thread, reply.heads)
                return
            if found.apart and not shown:
                shown = await self._show_keys(peer)
                continue
            before = await self._moved_on(thread, reply.heads, before)
        raise Unavailable("peer.not-done", limit=ROUNDS_MAX)
