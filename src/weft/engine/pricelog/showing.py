"""What partners are shown of the price log: the book before the first quotation by it, openings once they are seen.

Rule 1: a partner is shown a version of a book once, and the openings of a batch once, whatever crashes: the words carry
        keys, and what is still to be told is in the store.
Rule 2: a proof rests on the newest checkpoint that others have seen, if it holds the leaf; else on our own.
Rule 3: openings wait until others have seen the batch, but no longer than ``prices.show_after_minutes``.
Rule 4: what cannot be shown keeps no quotation back: the buyer sees that it is missing.
Not here: checking what partners show us (``checking.py``), who witnesses (``witnesses.py``).
"""

import contextlib
import zlib
from collections.abc import Sequence
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64
from weft.basis.errors import Invalid, NotFound, Refused, Unavailable, WeftError
from weft.engine.memory import BY_ITSELF, Memory
from weft.engine.node import Node
from weft.engine.ports import Batch, Store
from weft.engine.pricelog import documents, log
from weft.engine.pricelog.batches import MINUTE_MS, OPENED, UNTOLD, Kept, Untold
from weft.engine.pricelog.witnesses import ASKED, Asked
from weft.pricing import leaf
from weft.tlog import proof as proofs
from weft.tlog.note import parse_vkey
from weft.tlog.tile import WIDTH
from weft.trade.messages import Quotation
from weft.trade.relationship import DEFLATED_MAX, OPENINGS_MAX
from weft.trade.shown import PriceBookShown, PriceOpening, PricesCommitted

BOOKS: Final = "price-book"  # bucket: by a book's hash, the index of its leaf
SEEN_SHOWN: Final = 5
SEEN_LEAST: Final = 3
PROOF_BYTES: Final = 1_500  # what a quotation's proof stays below, as long as ``SEEN_LEAST`` fit
BOOK_BYTES_MAX: Final = 2 * 1024 * 1024

# ---- books ---------------------------------------------------------------------------------------


async def log_book(node: Node, name: str) -> int:
    """The index of the leaf of our book version ``name``, which is appended if it is not there yet.

    Raises ``NotFound('pricing.unknown-book')``, ``Unavailable('pricelog.waits')``.
    """
    found = await book_index(node.store, name)
    if found is not None:
        return found
    version = (await node.book_state("pricing")).books.get(name)
    if version is None:
        raise NotFound("pricing.unknown-book", hash=name[:43])
    async with node.lock(log.LOCK):
        found = await book_index(node.store, name)
        if found is None and (found := await _searched(node.store, name)) is not None:
            await node.store.commit(Batch(values=[(BOOKS, name, str(found).encode())]))
        if found is not None:
            return found
        entry = leaf.encode(leaf.book_leaf(version.book, version.number, instant.from_ms(node.clock.now_ms())))
        return await log.append(node, [entry], lambda first: [(BOOKS, name, str(first).encode())])


async def book_index(store: Store, name: str) -> int | None:
    """The index of the leaf of our book version ``name``, if it is logged."""
    data = await store.value(BOOKS, name)
    return None if data is None else int(data)


async def _searched(store: Store, name: str) -> int | None:
    """The first leaf of book version ``name``: a log that came back after a restore may hold what we had forgotten."""
    head, mark = await log.head(store), f'"hash":"{name}"'.encode()
    for one in log.bundles_of(0 if head is None else head.size):
        if mark in await log.tile_bytes(store, one):
            for index in range(one.place * WIDTH, one.place * WIDTH + one.width):
                if mark in await log.entry(store, index):
                    return index
    return None


async def proof_of(store: Store, index: int) -> str:
    """The text of a proof of leaf ``index``: as others have seen it, or else as we sign it."""
    return await log.prove(store, index, await _newest(store, index))


async def _newest(store: Store, index: int) -> log.Head:
    at = await log.holding(store, index)
    if at is None:
        raise NotFound("tlog.tile-missing", path="checkpoint")
    return at


async def book_proof(node: Node, name: str, partner: str = "") -> str:
    """The text of a proof that our book version ``name`` is logged; "" while it cannot be given.

    It travels with every quotation and stays small: as many of those who have seen it as fit, ``partner`` before all.
    """
    try:
        index = await log_book(node, name)
        at, witness = await _newest(node.store, index), await _witness(node.store, partner)
        return fitting(index, await log.inclusion(node.store, index, at.size), at, witness)
    except WeftError:
        return ""


def fitting(index: int, path: Sequence[bytes], at: log.Head, first: str = "") -> str:
    """The proof by ``path`` with as many cosignatures, from ``SEEN_SHOWN`` down to ``SEEN_LEAST``, as fit.

    What is too large with ``SEEN_LEAST`` has so many all the same: a buyer may want so many, and one hash more each
    time the log doubles is all that it grows by. ``first``: the name of the key that comes before all.
    """
    text = ""
    for most in range(SEEN_SHOWN, SEEN_LEAST - 1, -1):
        text = proofs.encode(proofs.Proof(index, tuple(path), at.lean(most, first))).decode()
        if len(text.encode()) < PROOF_BYTES:
            break
    return text


async def _witness(store: Store, partner: str) -> str:
    """The name of the key by which ``partner`` cosigns our log; "" while it does not."""
    data = await store.value(ASKED, partner) if partner else None
    asked = Asked() if data is None else msgspec.msgpack.decode(data, type=Asked)
    return parse_vkey(asked.vkey).name if asked.vkey else ""


async def show_book(node: Node, partner: str, name: str) -> bool:
    """Show ``partner`` our book version ``name``, unless it was shown before; False: it cannot be shown now."""
    thread, key = node.partner(partner), f"price-book:{name}"
    if thread is None:
        return False
    if await node.answered(thread, key) is not None:
        return True
    index = await log_book(node, name)
    version = (await node.book_state("pricing")).books[name]
    deflated = b64(deflate(version.book.canonical))
    if len(deflated) > DEFLATED_MAX:
        return False
    entry = await log.entry(node.store, index)
    await node.speak(thread, PriceBookShown(hash=name, deflated=deflated, leaf=entry.decode(),
                                            proof=await proof_of(node.store, index)), key)
    return True


async def public_book(memory: Memory, name: str) -> bytes | None:
    """The canonical bytes of our book version ``name``, if its owner has made it public and it is logged."""
    version = (await memory.state(memory.book("pricing"))).books.get(name)
    if version is None or version.book.disclosure != "public" or await book_index(memory.store, name) is None:
        return None
    data: bytes = version.book.canonical
    return data


def deflate(data: bytes) -> bytes:
    """``data`` in raw deflate (RFC 1951)."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def inflate(data: bytes) -> bytes:
    """The bytes of a book that was shown; raises ``Invalid('pricing.shape')`` when they are damaged, or too many."""
    unpacker = zlib.decompressobj(-15)
    try:
        found = unpacker.decompress(data, BOOK_BYTES_MAX)
    except zlib.error as error:
        raise Invalid("pricing.shape", where="book", detail="deflate") from error
    if not unpacker.eof or unpacker.unused_data:
        raise Invalid("pricing.shape", where="book", detail="deflate")
    return found


def _other_books(offer: Quotation) -> list[str]:
    """Hashes of the books that single lines of ``offer`` follow."""
    return [step[1] for line in offer.lines for step in line.trace if step[0] == documents.BOOK]


async def prepared(node: Node, partner: str, offer: Quotation) -> Quotation:
    """``offer`` with the proof of its book, after ``partner`` was shown the book."""
    if offer.price is None:
        return offer
    with contextlib.suppress(WeftError):  # Rule 4
        for name in dict.fromkeys([offer.price.book, *_other_books(offer)]):
            await show_book(node, partner, name)
    proof = await book_proof(node, offer.price.book, partner)
    price = msgspec.structs.replace(offer.price, proof=proof)
    return msgspec.structs.replace(offer, price=price)


# ---- openings ------------------------------------------------------------------------------------


async def tell(node: Node) -> None:
    """Show partners the openings of batches that others have seen by now, or that have waited long enough."""
    seen, now_ms = await log.seen(node.store), node.clock.now_ms()
    for name, data in await node.store.values(UNTOLD):
        batch, _, partner = name.partition(":")
        row = msgspec.msgpack.decode(data, type=Untold)
        late = now_ms - row.at_ms >= node.config.prices.show_after_minutes * MINUTE_MS
        if late or (seen is not None and seen.size > int(batch)):
            await _tell(node, name, partner, row)


async def _tell(node: Node, name: str, partner: str, row: Untold) -> None:
    """Show ``partner`` the openings ``row``; what it can never be shown is let go of: it may still ask."""
    batch, thread = int(name.partition(":")[0]), node.partner(partner)
    if thread is None:
        return
    entry, proof = (await log.entry(node.store, batch)).decode(), await proof_of(node.store, batch)
    alone = BY_ITSELF.set(True)
    try:
        for first in range(0, len(row.documents), OPENINGS_MAX):
            openings = [await _opening(node.store, one) for one in row.documents[first:first + OPENINGS_MAX]]
            message = PricesCommitted(leaf=entry, proof=proof, openings=tuple(openings))
            await node.speak(thread, message, f"price-batch:{batch}:{first}")
    except Unavailable:
        return
    except Refused:
        pass  # the relationship is closed for good: who still asks is shown the opening by hand
    finally:
        BY_ITSELF.reset(alone)
    await node.store.commit(Batch(values=[(UNTOLD, name, None)]))


async def _opening(store: Store, document: str) -> PriceOpening:
    data = await store.value(OPENED, document)
    assert data is not None, "an opening is kept before it is to be told"
    return msgspec.convert(msgspec.to_builtins(msgspec.msgpack.decode(data, type=Kept).opening), PriceOpening)
