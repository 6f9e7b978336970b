"""The monitor: we follow our sellers' price logs leaf by leaf, and compare every checkpoint that we meet anywhere.

C2SP tlog-tiles (entries, partial tiles), RFC 9162 §2.1.
Rule 1: entries count only when the tree grown by them, from the one that we had verified before, leads to the signed
        checkpoint: then it contains all that we had seen, and nothing was changed.
Rule 2: two checkpoints that cannot both be true become a proof (``forks.py``) at once; the log is red from then on.
Rule 3: what is fetched is bounded: ``CHUNK`` entries a step, the last ``KEPT_MAX`` of a long log.
Rule 4: a checkpoint that cannot be compared yet is kept as a mark, and compared as soon as the log was followed so far.
Rule 5: what we have followed to its end ourselves we cosign unasked, by the rules of a request (``witness.py``):
        a node that nobody can reach is a witness for itself as well.
Not here: when to follow (``witnessing.py``), what is told to others (``gossip.py``), checks of prices (``pricing``).
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid, Refused, WeftError
from weft.engine.memory import ALARMS, PRICE_LOG, Change, Memory
from weft.engine.ports import Batch, PriceLogs
from weft.engine.pricelog import absent, forks, known, witness
from weft.engine.pricelog.known import KEPT_MAX, MARKS_MAX, BookSeen, Followed
from weft.engine.receive import key_log_of
from weft.pricing.leaf import LEAF_BYTES_MAX, BookLeaf, parse
from weft.tlog import merkle, note, tile
from weft.tlog import witness as protocol
from weft.tlog.checkpoint import Checkpoint, parse_text
from weft.tlog.merkle import Read
from weft.tlog.tile import ENTRIES, WIDTH, Tile

LOCK: Final = "price-follow"
CHUNK: Final = 4 * WIDTH
STEPS_MAX: Final = 32
CHECKPOINT_BYTES_MAX: Final = 64 * 1024
BUNDLE_MAX: Final = WIDTH * (2 + LEAF_BYTES_MAX)
FOLLOWED: Final = "price-followed"  # what a live page hears when a log was followed further
ALARM: Final = "price-fork"

DAY_MS: Final = 86_400_000
BOOKS_MAX: Final = 2_000  # book leaves that are kept of one firm

Values = list[tuple[str, str, bytes | None]]


# ---- checkpoints that we meet --------------------------------------------------------------------


async def met(memory: Memory, organisation: str, data: bytes) -> Checkpoint:
    """Take note of a checkpoint of the log of ``organisation``, wherever it comes from.

    Raises what ``known.read`` raises. A contradiction to what we know makes the log red; it raises nothing.
    """
    own, said = await known.read(memory, organisation, data)
    async with memory.lock(f"{LOCK}/{organisation}"):
        await _note(memory, organisation, note.encode(own), said)
    return said


async def _note(memory: Memory, organisation: str, own: bytes, said: Checkpoint) -> None:
    store = memory.store
    shelf, name = known.shelf(known.MARKS, organisation), known.place(said.size)
    held = await store.value(shelf, name)
    if held is not None:
        if _said(held).root != said.root:
            await _accuse(memory, organisation, held, own)
        return
    now = await known.followed(store, organisation)
    marks = await store.values(shelf)
    values: Values = [(shelf, name, own), *((shelf, old, None) for old in _to_drop(marks, now.size))]
    await store.commit(Batch(values=values))
    await _compare(memory, organisation, now, [(said, own)])


async def _marks(memory: Memory, organisation: str) -> Sequence[tuple[str, bytes]]:
    return await memory.store.values(known.shelf(known.MARKS, organisation))


def _to_drop(marks: Sequence[tuple[str, bytes]], size: int) -> list[str]:
    """Marks that make room for one more: those that were compared first, the oldest before the others."""
    too_many = len(marks) + 1 - MARKS_MAX
    ranked = sorted((name for name, _ in marks), key=lambda name: (int(name) > size, name))
    return ranked[:max(0, too_many)]


async def _compare(memory: Memory, organisation: str, now: Followed, marks: Iterable[tuple[Checkpoint, bytes]]) -> None:
    """Whether all ``marks`` that lie within what we followed are beginnings of it."""
    within = [(said, own) for said, own in marks if now.first <= said.size <= now.size and said.size > 0]
    if not within or not _is_whole(now) or await known.red(memory.store, organisation):
        return
    tree = await _tree(memory, organisation, now)
    for said, own in within:
        if merkle.root_of(said.size, tree) != said.root:
            await _accuse(memory, organisation, own, now.note.encode(), tree)
            return


async def _accuse(memory: Memory, organisation: str, one: bytes, other: bytes, tree: Read | None = None) -> bool:
    """Make the proof that both cannot be true, keep it, and raise the alarm; whether it is a proof."""
    key_log = await key_log_of(memory, organisation)
    data = forks.make(organisation, key_log, (one, other), tree)
    return data is not None and await accused(memory, data)


async def accused(memory: Memory, data: bytes) -> bool:
    """Take in a proof of a fork, ours or another firm's; whether it is news. Raises what ``forks.verify`` raises.

    One that a thief of a withdrawn device may have made is kept by nobody: it proves nothing of the firm.
    """
    firm = forks.verify(data).firm
    held = await memory.keys(firm)
    if held is None or forks.verify(data, held).withdrawn or await known.red(memory.store, firm) is not None:
        return False
    name = f"{PRICE_LOG}{firm}"
    await memory.store.commit(Batch(values=[(known.RED, firm, data), (ALARMS, name, ALARM.encode())]))
    memory.alarm(name, ALARM)
    return True


def _said(data: bytes) -> Checkpoint:
    """The checkpoint of a note that we have verified before."""
    return parse_text(note.parse(data).text) if data else Checkpoint("", 0, merkle.EMPTY_ROOT)


# ---- following leaf by leaf ----------------------------------------------------------------------


def begin(size: int) -> int:
    """The leaf from which on a log of ``size`` leaves is followed by who has not seen it yet."""
    return max(0, size - KEPT_MAX) // WIDTH * WIDTH


class Part(msgspec.Struct, frozen=True):
    """Entries from leaf ``start`` on, and how they lead to a checkpoint.

    ``path`` is the consistency proof from the last of them to the checkpoint; ``base`` the tiles at the edge of the
    tree of ``start`` leaves, by path, for who does not hold it.
    """

    start: int
    entries: Sequence[bytes]
    path: Sequence[bytes] = ()
    base: Mapping[str, bytes] = {}


async def take(memory: Memory, organisation: str, data: bytes, part: Part) -> Followed:
    """Follow the log of ``organisation`` by ``part``, up to the checkpoint in ``data`` at most; how far we are now.

    Raises ``Invalid``: what ``known.read`` raises, ``tlog.consistency`` when it does not lead there from what we had.
    """
    own, said = await known.read(memory, organisation, data)
    async with memory.lock(f"{LOCK}/{organisation}"):
        await _note(memory, organisation, note.encode(own), said)
        now = await known.followed(memory.store, organisation)
        fresh = now.size == 0 and part.start == begin(said.size)
        end = part.start + len(part.entries)
        if (not fresh and part.start != now.size) or not now.size < end <= said.size:
            return now
        if any(len(one) > LEAF_BYTES_MAX for one in part.entries):
            raise Invalid("tlog.entry-too-large", limit=LEAF_BYTES_MAX)
        before = _based(part) if fresh else now
        after = await _grown(memory, organisation, before, part, (note.encode(own), said))
        if end == said.size:
            late = before.size if _is_whole(before) else 0  # while it was not whole, marks could not be compared
            marks = [(_said(one), one) for name, one in await _marks(memory, organisation) if int(name) > late]
            await _compare(memory, organisation, after, [one for one in marks if one[0].size < end])
    memory.tell(Change("", FOLLOWED, (organisation,)))
    return after


def _is_whole(now: Followed) -> bool:
    """Whether we followed the log up to the checkpoint that we hold; else only a part of what it says."""
    return _said(now.note.encode()).size == now.size


def _based(part: Part) -> Followed:
    """Where we begin with a log: at ``part.start``, by the edge that was given; whether it is true shows at the end."""
    base = {tile.path(one): part.base.get(tile.path(one), b"")[:one.width * merkle.HASH_BYTES]
            for one in tile.edge(part.start)}
    return Followed(size=part.start, first=part.start, base=base, edge=base)


async def _grown(
    memory: Memory, organisation: str, before: Followed, part: Part, up_to: tuple[bytes, Checkpoint]
) -> Followed:
    """What we hold after ``part``: kept, when it leads to the checkpoint ``up_to``."""
    own, said = up_to
    end, now_ms = part.start + len(part.entries), memory.clock.now_ms()
    edge = {tile.parse_path(path): data for path, data in before.edge.items()}
    edge |= tile.grown(part.start, [merkle.leaf_hash(one) for one in part.entries], tile.given(edge))
    root = merkle.root_of(end, tile.hashes(end, tile.given(edge)))
    merkle.verify_consistency(end, root, said.size, said.root, part.path)
    after = Followed(end, root, own.decode(), before.first, before.base, now_ms,
                     {tile.path(one): edge[one] for one in tile.edge(end)})
    values: Values = await _bundled(memory, organisation, part)
    if end - before.first > KEPT_MAX + 2 * CHUNK:
        after, dropped = await _without_oldest(memory, organisation, after)
        values += dropped
    books_in = known.shelf(known.BOOKS, organisation)
    leaves = list(_book_leaves(part))
    values += await absent.kept(memory, organisation, leaves)
    values += [(known.FOLLOWED, organisation, msgspec.msgpack.encode(after)),
               await known.sighting(memory.store, organisation, said.size, now_ms),
               *_books(organisation, leaves, now_ms),
               *((books_in, name, None) for name, _ in (await memory.store.values(books_in))[:-BOOKS_MAX])]
    await memory.store.commit(Batch(values=values))
    return after


async def _bundled(memory: Memory, organisation: str, part: Part) -> Values:
    """The bundles that the entries of ``part`` fill; the first one goes on from what it held."""
    held_in, first = known.shelf(known.ENTRIES, organisation), part.start // WIDTH
    row = list(part.entries)
    if part.start % WIDTH:
        row = split(await memory.store.value(held_in, known.place(first)) or b"") + row
    return [(held_in, known.place(first + k // WIDTH), tile.bundle(row[k:k + WIDTH]))
            for k in range(0, len(row), WIDTH)]


async def _without_oldest(memory: Memory, organisation: str, now: Followed) -> tuple[Followed, Values]:
    """``now`` without its oldest entries, which the edge of the tree that they made stands for."""
    first = begin(now.size)
    older = await _entries(memory, organisation, msgspec.structs.replace(now, size=first))
    tiles = _tiles(now, older)
    base = {tile.path(one): tiles[one] for one in tile.edge(first)}
    held_in = known.shelf(known.ENTRIES, organisation)
    dropped: Values = [(held_in, known.place(place), None) for place in range(now.first // WIDTH, first // WIDTH)]
    return msgspec.structs.replace(now, first=first, base=base), dropped


def _books(organisation: str, leaves: Iterable[tuple[int, BookLeaf]], now_ms: int) -> Values:
    """What to keep of new book leaves."""
    found: Values = []
    for index, leaf in leaves:
        seen = BookSeen(index, leaf.hash, leaf.id, leaf.number, leaf.valid_from, leaf.notice_days, leaf.at, now_ms)
        found.append((known.shelf(known.BOOKS, organisation), known.place(index), msgspec.msgpack.encode(seen)))
    return found


def _book_leaves(part: Part) -> Iterator[tuple[int, BookLeaf]]:
    """The book leaves among new entries; an entry of a kind that we do not know is as good as a batch."""
    for index, entry in enumerate(part.entries, part.start):
        with contextlib.suppress(Invalid):
            leaf = parse(entry)
            if isinstance(leaf, BookLeaf):
                yield index, leaf


async def _entries(memory: Memory, organisation: str, now: Followed) -> list[bytes]:
    """All entries that we hold, from leaf ``now.first`` on."""
    found = list[bytes]()
    for place in range(now.first // WIDTH, -(-now.size // WIDTH)):
        data = await memory.store.value(known.shelf(known.ENTRIES, organisation), known.place(place))
        found += split(data or b"")
    return found[:now.size - now.first]


async def entries(memory: Memory, organisation: str, start: int, most: int = CHUNK) -> list[bytes]:
    """Up to ``most`` entries of the log of ``organisation`` from leaf ``start`` on, as far as we hold them."""
    now = await known.followed(memory.store, organisation)
    if not now.first <= start < now.size:
        return []
    begun = start // WIDTH * WIDTH
    part = msgspec.structs.replace(now, first=begun, size=min(now.size, start + most))
    return (await _entries(memory, organisation, part))[start - begun:]


def split(data: bytes) -> list[bytes]:
    """The entries in a bundle; raises ``Invalid('tlog.bundle-malformed')``. That they are the log's, the tree shows."""
    found, at = list[bytes](), 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        if end > len(data) or at + 2 > len(data):
            raise Invalid("tlog.bundle-malformed", path="")
        found.append(data[at + 2:end])
        at = end
    return found


def _tiles(begun: Followed, held: Sequence[bytes]) -> dict[Tile, bytes]:
    """The hash tiles of a tree that goes on from ``begun.first`` by the entries ``held``."""
    base = {tile.parse_path(path): data for path, data in begun.base.items()}
    return base | tile.grown(begun.first, [merkle.leaf_hash(one) for one in held], tile.given(base))


async def tree_of(memory: Memory, organisation: str) -> tuple[int, Read] | None:
    """The log of ``organisation`` as far as we followed it: its size, and its tree from our first leaf on."""
    now = await known.followed(memory.store, organisation)
    return (now.size, await _tree(memory, organisation, now)) if now.size else None


async def _tree(memory: Memory, organisation: str, now: Followed) -> Read:
    tiles = _tiles(now, await _entries(memory, organisation, now))
    return tile.hashes(now.size, tile.given(tiles))


# ---- over HTTP -----------------------------------------------------------------------------------


async def follow(memory: Memory, logs: PriceLogs, organisation: str) -> Followed:
    """Fetch what is new in the log of ``organisation`` and follow it; raises ``WeftError``.

    What does not lead from what we knew to what it says now is looked at by its own tiles: if they hold, it has forked.
    """
    data = await logs.fetch(organisation, tile.CHECKPOINT_PATH, CHECKPOINT_BYTES_MAX)
    own, said = await known.read(memory, organisation, data)
    await met(memory, organisation, data)
    now = await known.followed(memory.store, organisation)
    for _ in range(STEPS_MAX):
        if now.size >= said.size:
            break
        part = await _fetched(logs, organisation, now, said.size)
        try:
            now = await take(memory, organisation, note.encode(own), part)
        except Invalid:
            await _suspect(memory, logs, organisation, note.encode(own))
            raise
    await _cosigned(memory, logs, organisation, now)
    return now


async def _cosigned(memory: Memory, logs: PriceLogs, organisation: str, now: Followed) -> None:
    """Cosign the checkpoint that ``now`` has come to, unless it was; by the rules and under the lock of a request."""
    signed = await witness.witnessed(memory.store, organisation)
    old = 0 if signed is None else signed.size
    if signed is not None and old == now.size and signed.root != now.root:
        await _accuse(memory, organisation, signed.note.encode(), now.note.encode())
    if not _is_whole(now) or old >= now.size or not witness.is_partner(memory, organisation):
        return
    path = list[bytes]()
    if old:
        read = await (_tree(memory, organisation, now) if old >= now.first
                      else _theirs(logs, organisation, now.size, [old]))
        path = merkle.consistency(old, now.size, read)
    body = protocol.encode(protocol.Request(old, tuple(path), note.parse(now.note.encode())))
    try:
        await witness.add_checkpoint(memory, organisation, body)
    except Refused:  # the log is red, or it asked for itself meanwhile
        return
    except Invalid:  # what we signed when it asked is no beginning of what it shows
        await _suspect(memory, logs, organisation, now.note.encode())
        raise
    memory.tell(Change("", FOLLOWED, (organisation,)))


async def _fetched(logs: PriceLogs, organisation: str, now: Followed, size: int) -> Part:
    start = now.size or begin(size)
    end = min(size, (start // WIDTH) * WIDTH + CHUNK)
    found = list[bytes]()
    for place in range(start // WIDTH, -(-end // WIDTH)):
        wanted = Tile(ENTRIES, place, min(WIDTH, size - place * WIDTH))
        found += split(await logs.fetch(organisation, tile.path(wanted), BUNDLE_MAX))
    base = dict[str, bytes]()
    if not now.size:
        for one in tile.edge(start):
            wider = one._replace(width=min(WIDTH, (size >> tile.HEIGHT * one.level) - one.place * WIDTH))
            base[tile.path(one)] = await logs.fetch(organisation, tile.path(wider), WIDTH * merkle.HASH_BYTES)
    read = await _theirs(logs, organisation, size, [end])
    return Part(start, found[start % WIDTH:][:end - start], merkle.consistency(end, size, read), base)


async def _theirs(logs: PriceLogs, organisation: str, size: int, sizes: Sequence[int]) -> Read:
    """The log's own tree of ``size`` leaves, as far as it takes to look at its beginnings of ``sizes``."""
    def build(read: Read) -> None:
        for one in sizes:
            merkle.consistency(one, size, read)
            merkle.root_of(one, read)

    data = {one: await logs.fetch(organisation, tile.path(one), WIDTH * merkle.HASH_BYTES)
            for one in tile.needed(size, build)}
    return tile.hashes(size, tile.given(data))


async def _suspect(memory: Memory, logs: PriceLogs, organisation: str, newest: bytes) -> None:
    """Compare what we knew with ``newest`` by the log's own tiles."""
    size = _said(newest).size
    held = [data for _, data in await _marks(memory, organisation)]
    signed = await witness.witnessed(memory.store, organisation)
    now = await known.followed(memory.store, organisation)
    held += [one.note.encode() for one in (signed, now) if one is not None and one.note]
    older = {said.size: one for one in held if 0 < (said := _said(one)).size < size}
    if not older:
        return
    try:
        tree = await _theirs(logs, organisation, size, list(older))
        for one in older.values():
            if await _accuse(memory, organisation, one, newest, tree):
                return
    except WeftError:
        return  # its own tiles do not hold: there is nothing to prove it by


async def suspect(memory: Memory, logs: PriceLogs, organisation: str, data: bytes) -> None:
    """Look at a checkpoint that did not go on from what we had seen (a refused request to cosign it)."""
    own, _ = await known.read(memory, organisation, data)
    await met(memory, organisation, data)
    if await known.red(memory.store, organisation) is None:
        await _suspect(memory, logs, organisation, note.encode(own))


# ---- books ---------------------------------------------------------------------------------------


async def books(memory: Memory, organisation: str) -> list[BookSeen]:
    """The book leaves of the log of ``organisation`` that we met, by their place."""
    return await known.books(memory.store, organisation)


def newest(seen: Sequence[BookSeen], book: str, at: str) -> BookSeen | None:
    """Of the versions of ``book`` that we met, the one in force at instant ``at``; None when there is none."""
    at_ms = instant.to_ms(at)
    begun = [one for one in seen if one.id == book and instant.to_ms(one.valid_from) <= at_ms]
    return max(begun, key=lambda one: (one.valid_from, one.index), default=None)


def in_time(one: BookSeen) -> bool:
    """Whether we ourselves had met this version as long before its use as it promises; False proves nothing."""
    return one.seen_ms + one.notice_days * DAY_MS <= instant.to_ms(one.valid_from)


__all__ = ["Part", "accused", "begin", "books", "entries", "follow", "in_time", "met", "newest", "split",
           "suspect", "take"]
