"""The price log by its size: ``python -m bench price_log``, up to ten million leaves that nobody had to write.

All leaves are alike, so tiles are made when they are read (``tests/engine/pricelog/vast.py``): tree, root and proofs
are true ones, only disk is not measured. The baseline is one plain Ed25519 verification. An append is that of the real
store, SQLite with its sync, beside a commit of one value.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench.rounds import Result, limit
from tests.engine.home import empty_node
from tests.engine.pricelog.vast import ENTRY, Vast
from weft.engine.ports import Batch
from weft.engine.pricelog import batches, log
from weft.identity.keys import Signer, verify
from weft.stores.sqlite import SqliteStore
from weft.tlog import merkle, policy, proof

SIZES = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
TIMES = 60


def _median(times: list[float]) -> float:
    return statistics.median(times) * 1000


async def _timed(act: Callable[[], Awaitable[object]], times: int = TIMES) -> float:
    """Milliseconds, the median."""
    told = []
    for _ in range(times):
        begun = time.perf_counter()
        await act()
        told.append(time.perf_counter() - begun)
    return _median(told)


def _signature_ms() -> float:
    signer, message = Signer(bytes(32)), bytes(200)
    signature = signer.sign(message)
    told = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        verify(signer.public, message, signature)
        told.append(time.perf_counter() - begun)
    return _median(told)


async def _at(size: int, plain: float) -> list[Result]:
    store = Vast(size)
    index = size // 3
    trusted = policy.Policy(policy.NONE, (store.key,))
    text = await log.prove(store, index, store.head)  # type: ignore[arg-type]  # as much of a store as is read

    async def check() -> None:
        proof.verify(proof.parse(text.encode()), merkle.leaf_hash(ENTRY), trusted)

    make = await _timed(lambda: log.prove(store, index, store.head))  # type: ignore[arg-type]  # the same
    grew = await _timed(lambda: log.consistency(store, index, size))  # type: ignore[arg-type]  # the same
    return [
        Result(f"proof of a leaf, {size:,} leaves: bytes", f"{len(text.encode()):,}"),
        Result(f"proof of a leaf, {size:,} leaves: made in", f"{make:.2f} ms", f"{plain:.3f} ms", make / plain),
        limit(f"proof of a leaf, {size:,} leaves: checked in", await _timed(check), "ms", 1.0, plain),
        Result(f"that it only grew, {size:,} leaves: made in", f"{grew:.2f} ms", f"{plain:.3f} ms", grew / plain)]


async def _written() -> list[Result]:
    node = await empty_node()
    with tempfile.TemporaryDirectory(prefix="weft-bench-") as folder:
        store = SqliteStore(str(Path(folder) / "weft.db"))
        node.store = store
        try:
            bare = await _timed(lambda: store.commit(Batch(values=[("bench", "one", bytes(40))])))
            made = await _timed(lambda: batches.make(node))
        finally:
            await store.close()
    return [limit("a batch of 64 made, signed and durable", made, "ms", 20.0, bare)]


async def _all() -> list[Result]:
    plain = _signature_ms()
    found = await _written()
    for size in SIZES:
        found += await _at(size, plain)
    return found


def results() -> list[Result]:
    """Lines for the table."""
    return asyncio.run(_all())
