"""Documents become commitments: what waits is bound into the price log, all of one moment in one padded batch.

Rule 1: a batch is made every ``prices.batch_minutes`` at a minute of the firm's own, also when nothing waits, and it
        always has ``prices.batch_entries`` leaves: neither its time nor its size tells how much is traded.
Rule 2: what finds no room waits for the next batch; only what has waited for ``LATE_MS`` makes a batch larger.
Rule 3: a document is committed once: it waits or it is opened, and moves from the one to the other in the transaction
        that appends the leaf.
Rule 4: a month's exceptions go before the first batch of the next month.
Not here: telling partners (``showing.py``), what a batch is (``pricing/commitment.py``), the log (``log.py``).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64, digest, unb64
from weft.engine.node import Node
from weft.engine.ports import Batch, Store
from weft.engine.pricelog import exceptions, log
from weft.pricing import commitment, leaf

PENDING: Final = "price-pending"  # bucket: documents that wait for the next batch, by id
OPENED: Final = "price-opened"  # bucket: documents that are committed, by id, with all that shows it
UNTOLD: Final = "price-untold"  # bucket: by leaf and partner, documents whose openings the partner does not have yet
SEEDS: Final = "price-batch"  # bucket: by leaf, what all of a batch but its commitments follows from
BATCHED: Final = "batched"  # in log.STATE: in which interval the last batch was made
LATE_MS: Final = 12 * 3_600_000
MINUTE_MS: Final = 60_000


class Waiting(msgspec.Struct, frozen=True):
    """A document that waits: who is to see its opening ("": nobody yet), since when."""

    partner: str
    at_ms: int


class Kept(msgspec.Struct, frozen=True):
    """A committed document: its opening in the batch which is leaf ``batch`` of the log, and its partner."""

    partner: str
    batch: int
    opening: commitment.Opening


class Untold(msgspec.Struct, frozen=True):
    """Documents of one batch and one partner; since when they are committed."""

    documents: list[str]
    at_ms: int


async def pending(node: Node, document: bytes, partner: str | None) -> None:
    """Have ``document`` (32 bytes: an event id, or a slip's hash) committed with the next batch; once, however often.

    ``partner``: the firm that is shown the opening; None: nobody (a slip: who holds it asks).
    """
    name = b64(document)
    async with node.lock(log.LOCK):
        if await opened(node.store, document) is not None or await node.store.value(PENDING, name) is not None:
            return
        waiting = msgspec.msgpack.encode(Waiting(partner or "", node.clock.now_ms()))
        await node.store.commit(Batch(values=[(PENDING, name, waiting)]))


async def opened(store: Store, document: bytes) -> Kept | None:
    """What shows that ``document`` is committed; None: it is not (yet)."""
    data = await store.value(OPENED, b64(document))
    return None if data is None else msgspec.msgpack.decode(data, type=Kept)


# ---- when --------------------------------------------------------------------------------------------


async def tick(node: Node) -> None:
    """Make a batch if it is time for one."""
    if await _is_due(node):
        await make(node)


async def _is_due(node: Node) -> bool:
    if await log.waits(node.store):
        return False
    if await node.store.value(log.STATE, BATCHED) == str(_interval(node)).encode():
        return False
    return await log.head(node.store) is not None or bool(await node.store.values(PENDING))


def _interval(node: Node) -> int:
    """Which interval it is; all firms' begin at minutes of their own, so that witnesses are not asked all at once."""
    return (node.clock.now_ms() - _offset_ms(node)) // _length_ms(node)


def _length_ms(node: Node) -> int:
    return max(1, int(node.config.prices.batch_minutes * MINUTE_MS))


def _offset_ms(node: Node) -> int:
    return int.from_bytes(digest("price-interval/1", node.organisation.encode())[:8], "big") % _length_ms(node)


# ---- a batch -----------------------------------------------------------------------------------------


async def make(node: Node) -> int:
    """Append a batch of what waits now; the index of its leaf. Raises ``Unavailable('pricelog.waits')``."""
    async with node.lock(log.LOCK):
        interval, now_ms = _interval(node), node.clock.now_ms()
        rows = [(name, msgspec.msgpack.decode(data, type=Waiting)) for name, data in await node.store.values(PENDING)]
        rows.sort(key=lambda row: (row[1].at_ms, row[0]))
        size = _size(node, rows, now_ms)
        taken = [(name, one, node.random(commitment.SALT_BYTES)) for name, one in rows[:size]]
        commitments = [commitment.commit(salt, unb64(name, 32)) for name, _, salt in taken]
        seed = node.random(commitment.SALT_BYTES)
        made = commitment.filled(commitments, seed, size)
        shown = commitment.openings(made, [(salt, unb64(name, 32)) for name, _, salt in taken])
        begun = instant.from_ms(interval * _length_ms(node) + _offset_ms(node))
        counted = await exceptions.finished(node, now_ms)
        leaves: list[leaf.Leaf] = [*counted.leaves, leaf.BatchLeaf(root=made.root, n=made.n, at=begun)]
        entries = [leaf.encode(one) for one in leaves]

        def beside(first: int) -> list[log.Value]:
            index = first + len(entries) - 1
            kept = [Kept(one.partner, index, opening) for (_, one, _), opening in zip(taken, shown, strict=True)]
            return [*_moved(kept), *_untold(kept, now_ms), *counted.values, (SEEDS, str(index), seed),
                    (log.STATE, BATCHED, str(interval).encode())]

        return await log.append(node, entries, beside) + len(entries) - 1


def _size(node: Node, rows: Sequence[tuple[str, Waiting]], now_ms: int) -> int:
    """How many leaves this batch has."""
    size = 1 << (node.config.prices.batch_entries - 1).bit_length()
    late = sum(now_ms - one.at_ms > LATE_MS for _, one in rows)
    return size if late <= size else min(leaf.BATCH_MAX, 1 << (late - 1).bit_length())


def _moved(kept: Sequence[Kept]) -> list[log.Value]:
    values: list[log.Value] = []
    for one in kept:
        values += [(PENDING, one.opening.document, None), (OPENED, one.opening.document, msgspec.msgpack.encode(one))]
    return values


def _untold(kept: Sequence[Kept], now_ms: int) -> list[log.Value]:
    partners: dict[str, list[str]] = {}
    for one in kept:
        if one.partner:
            partners.setdefault(one.partner, []).append(one.opening.document)
    return [(UNTOLD, f"{kept[0].batch}:{partner}", msgspec.msgpack.encode(Untold(sorted(documents), now_ms)))
            for partner, documents in partners.items()]
