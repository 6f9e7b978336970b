"""What a witness's check costs: ``python -m bench witness``, beside a plain Ed25519 verify in the same run.

A partner's log grows by one leaf a request, of a thousand leaves and of a million; each request is read, judged, kept
and cosigned. Once in memory (the check itself), once in SQLite with its sync, beside a commit of one value, which is
what a witness must wait for before it may answer. Besides: following one more entry of a long log.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench.rounds import Result, limit
from tests.engine.home import founded
from tests.engine.pricelog.vast import ENTRY
from weft.engine.clock import SystemClock, system_random
from weft.engine.memory import Identity, Memory, new_incarnation
from weft.engine.ports import Batch, Store
from weft.engine.pricelog import known, monitor, witness
from weft.engine.receive import key_log_of, take_key_event
from weft.identity.keys import Signer, verify
from weft.pricing.leaf import origin_of
from weft.stores.memory import MemoryStore
from weft.stores.sqlite import SqliteStore
from weft.thread.event import unwire
from weft.tlog import checkpoint, merkle, note, tile
from weft.tlog import witness as protocol
from weft.tlog.checkpoint import Checkpoint

SIZES = (1_000, 1_000_000)
TIMES = 200
MOST_MS = 1.0


class Growing:
    """A log of like leaves at any size; a whole subtree is hashed once a height."""

    def __init__(self, origin: str, signer: Signer) -> None:
        self.origin, self.signer = origin, signer
        self._rows = [merkle.leaf_hash(ENTRY)]

    def read(self, height: int, _place: int) -> bytes:
        """All subtrees of a height are alike."""
        while len(self._rows) <= height:
            self._rows.append(merkle.node_hash(self._rows[-1], self._rows[-1]))
        return self._rows[height]

    def request(self, old: int, size: int) -> bytes:
        """The body of an honest request."""
        signed = checkpoint.signed(Checkpoint(self.origin, size, merkle.root_of(size, self.read)), self.signer)
        return protocol.encode(protocol.Request(old, tuple(merkle.consistency(old, size, self.read)), signed))


async def _pair(store: Store) -> tuple[Memory, str, Growing]:
    """A witness over ``store``, its partner, and the partner's log."""
    theirs = MemoryStore()
    seller = await founded(theirs)
    other = Memory(seller, theirs, SystemClock(), system_random)
    own = await founded(store)  # type: ignore[arg-type]  # any store will do
    memory = Memory(Identity(own.organisation, own.signer, new_incarnation(system_random), own.key_event), store,
                    SystemClock(), system_random)
    for one in await key_log_of(other, seller.organisation):
        await take_key_event(memory, seller.organisation, unwire(one.encode()))
    memory.partners[seller.organisation] = "a relationship"
    return memory, seller.organisation, Growing(origin_of(seller.organisation), seller.signer)


async def _timed(act: Callable[[int], Awaitable[Any]]) -> float:
    """Milliseconds, the median."""
    told = []
    for k in range(TIMES):
        begun = time.perf_counter()
        await act(k)
        told.append(time.perf_counter() - begun)
    return statistics.median(told) * 1000


async def _checks(store: Store, size: int) -> float:
    memory, partner, log = await _pair(store)
    await witness.add_checkpoint(memory, partner, log.request(0, size))
    bodies = [log.request(size + k, size + k + 1) for k in range(TIMES)]
    told = await _timed(lambda k: witness.add_checkpoint(memory, partner, bodies[k]))
    signed = await witness.witnessed(store, partner)
    assert signed is not None
    assert signed.size == size + TIMES
    assert len(await known.sightings(store, partner)) == TIMES + 1
    return told


async def _followed(size: int) -> float:
    """Milliseconds to follow one entry more of a log of ``size``, with as many entries kept as there may be."""
    memory, partner, log = await _pair(MemoryStore())
    start = monitor.begin(size)
    base = {tile.path(one): log.read(one.level * tile.HEIGHT, 0) * one.width for one in tile.edge(start)}

    def step(start: int, end: int) -> tuple[bytes, monitor.Part]:
        whole = max(size, end)
        signed = checkpoint.signed(Checkpoint(log.origin, whole, merkle.root_of(whole, log.read)), log.signer)
        path = merkle.consistency(end, whole, log.read)
        return note.encode(signed), monitor.Part(start, [ENTRY] * (end - start), path, base)

    for begun in range(start, size, monitor.CHUNK):
        await monitor.take(memory, partner, *step(begun, min(size, begun + monitor.CHUNK)))
    steps = [step(size + k, size + k + 1) for k in range(TIMES)]
    told = await _timed(lambda k: monitor.take(memory, partner, *steps[k]))
    assert (await known.followed(memory.store, partner)).size == size + TIMES
    return told


async def _plain() -> float:
    signer, message = Signer(bytes(32)), bytes(200)
    signature = signer.sign(message)

    async def once(_: int) -> None:
        verify(signer.public, message, signature)

    return await _timed(once)


async def _all() -> list[Result]:
    plain, found = await _plain(), list[Result]()
    found.append(Result("one Ed25519 verify", f"{plain:.3f} ms"))
    for size in SIZES:
        told = await _checks(MemoryStore(), size)
        found.append(limit(f"witness check, a log of {size:,}", told, "ms", MOST_MS, plain))
        followed = await _followed(size)
        found.append(limit(f"one entry followed, a log of {size:,}", followed, "ms", MOST_MS, plain))
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        store = SqliteStore(str(Path(folder) / "weft.db"))
        try:
            bare = await _timed(lambda k: store.commit(Batch(values=[("bench", "one", k.to_bytes(40, "big"))])))
            durable = await _checks(store, SIZES[0])
        finally:
            await store.close()
    found.append(Result("witness check, durable (baseline: a commit)", f"{durable:.2f} ms", f"{bare:.2f} ms",
                        durable / bare))
    return found


def results() -> list[Result]:
    """Lines for the table."""
    return asyncio.run(_all())
