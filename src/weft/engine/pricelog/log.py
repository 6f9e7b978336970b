"""The firm's own price log: leaves appended, tiles and signed checkpoints kept, proofs made of them.

C2SP tlog-tiles, tlog-checkpoint, tlog-proof. All of it rests among the values of the store, a tile a value.

    head      how far the log has come: its size, root, and the checkpoint that we signed for it
    seen      the newest checkpoint that as many others have cosigned as any before it: what proofs rest on
    next      a newer one that not so many have cosigned yet; after ``PATIENCE_MS`` it takes over all the same

Rule 1: one append is one transaction: leaves, tiles, checkpoint, and whatever the leaves were made of (``beside``).
Rule 2: the key of the log is the node's device key under the name of the log's origin; nobody else signs.
Rule 3: after a backup was restored nothing is signed, until the newest checkpoint that others hold was taken back
        (``take_back``): a log never tells two histories.
Rule 4: of a tile only its widest state is kept; narrower ones are its beginning.
Not here: what leaves say (``batches.py``, ``showing.py``), witnesses (``witnesses.py``), the door (``doors/pricelog``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from weft.basis.canonical import unb64
from weft.basis.errors import Invalid, NotFound, Unavailable
from weft.engine.memory import PRICE_STATE, PRICE_WAITS, Change, Memory
from weft.engine.ports import Batch, Store
from weft.identity.keylog import SCOPE_NODE, KeyState
from weft.pricing import leaf as leaves
from weft.tlog import checkpoint, merkle, note, proof, tile
from weft.tlog.checkpoint import Checkpoint
from weft.tlog.note import Note, VerifierKey
from weft.tlog.tile import ENTRIES, WIDTH, Tile

STATE: Final = PRICE_STATE  # bucket: the head, the newest checkpoint that others saw, and whether we wait
TILES: Final = "price-tile"  # bucket: tiles and bundles of entries, by the path of the full tile
HEAD: Final = "head"
SEEN: Final = "seen"
NEXT: Final = "next"
WAITS: Final = PRICE_WAITS
LOCK: Final = "price-log"
PATIENCE_MS: Final = 45 * 60_000
APPENDED: Final = "price-log"  # what a live page or a worker hears when the log has grown or was cosigned

T = TypeVar("T")
Value = tuple[str, str, bytes | None]  # bucket, key, what to keep (None: nothing)


class Head(msgspec.Struct, frozen=True):
    """How far the log has come; ``note``: the signed checkpoint, ``root``: 32 bytes, ``at_ms``: first cosigned."""

    size: int
    root: bytes
    note: str
    at_ms: int = 0

    @property
    def read(self) -> Note:
        """The checkpoint as a note."""
        return note.parse(self.note.encode())

    def lean(self, most: int, first: str = "") -> Note:
        """The checkpoint with our own signature and ``most`` of others, that of the key named ``first`` before all."""
        own, *others = self.read.signatures
        others.sort(key=lambda one: one.name != first)
        return Note(self.read.text, (own, *others[:most]))

    @property
    def public(self) -> bytes:
        """What strangers see: our own signature alone, for the others' number would tell that of our partners."""
        return note.encode(self.lean(0))


def origin(memory: Memory) -> str:
    """The name of our log."""
    return leaves.origin_of(memory.organisation)


async def keys(memory: Memory) -> list[VerifierKey]:
    """The keys that sign or signed our log's checkpoints: those of all devices that were ever our node."""
    return keys_of(memory.organisation, await memory.keys(memory.organisation))


def keys_of(organisation: str, known: KeyState | None) -> list[VerifierKey]:
    """The keys under which ``organisation``, whose key log is ``known``, may have signed its price log."""
    if known is None:
        return []
    name = leaves.origin_of(organisation)
    return [VerifierKey(name, note.ED25519, unb64(public, 32)) for public, one in known.devices.items()
            if one.scope == SCOPE_NODE]


# ---- reading -------------------------------------------------------------------------------------


async def head(store: Store) -> Head | None:
    """How far the log has come; None: it has not begun."""
    return await _at(store, HEAD)


async def seen(store: Store) -> Head | None:
    """The newest checkpoint that others have cosigned, with what they signed."""
    return await _at(store, SEEN)


async def shown(store: Store) -> Head | None:
    """The checkpoint that a proof of today rests on: the newest that others saw, or else our own."""
    return await seen(store) or await head(store)


async def holding(store: Store, index: int) -> Head | None:
    """The checkpoint that a proof of leaf ``index`` rests on: seen by many, else by some, else only ours."""
    return next((one for one in await heads(store) if one.size > index), None)


async def heads(store: Store) -> list[Head]:
    """The checkpoints that we hold: seen by many, by some, by nobody yet."""
    return [found for name in (SEEN, NEXT, HEAD) if (found := await _at(store, name)) is not None]


async def _at(store: Store, name: str) -> Head | None:
    data = await store.value(STATE, name)
    return None if data is None else msgspec.msgpack.decode(data, type=Head)


async def waits(store: Store) -> bool:
    """Whether a backup was restored, and the newest checkpoint that others hold is not back yet."""
    return await store.value(STATE, WAITS) is not None


async def tile_bytes(store: Store, wanted: Tile) -> bytes:
    """The bytes of ``wanted`` as anybody may read them; raises ``NotFound('tlog.tile-missing')``."""
    data = await store.value(TILES, _name(wanted))
    length = None if data is None else _length(wanted, data)
    if data is None or length is None:
        raise NotFound("tlog.tile-missing", path=tile.path(wanted))
    return data[:length]


def _name(wanted: Tile) -> str:
    return tile.path(Tile(wanted.level, wanted.place))


def _length(wanted: Tile, data: bytes) -> int | None:
    """How many bytes of the widest state ``data`` are its beginning of ``wanted.width``; None: it is not so wide."""
    if wanted.level != ENTRIES:
        length = wanted.width * merkle.HASH_BYTES
        return length if length <= len(data) else None
    at = 0
    for _ in range(wanted.width):
        if at >= len(data):
            return None
        at += 2 + int.from_bytes(data[at:at + 2], "big")
    return at


async def entry(store: Store, index: int) -> bytes:
    """The entry of leaf ``index``; raises ``NotFound('tlog.tile-missing')``."""
    place, inner = divmod(index, WIDTH)
    bundle = await tile_bytes(store, Tile(ENTRIES, place, inner + 1))
    before = 0 if inner == 0 else _length(Tile(ENTRIES, place, inner), bundle)
    assert before is not None
    return bundle[before + 2:]


# ---- proofs --------------------------------------------------------------------------------------


async def inclusion(store: Store, index: int, size: int) -> list[bytes]:
    """The proof that leaf ``index`` is in our tree of ``size`` leaves."""
    return await _built(store, size, lambda read: merkle.inclusion(index, size, read))


async def consistency(store: Store, old: int, size: int) -> list[bytes]:
    """The proof that our tree of ``size`` leaves begins with that of ``old``."""
    return await _built(store, size, lambda read: merkle.consistency(old, size, read))


async def root(store: Store, size: int) -> bytes:
    """The root of our first ``size`` leaves."""
    return await _built(store, size, lambda read: merkle.root_of(size, read))


async def before(store: Store, first: int, size: int) -> list[bytes]:
    """The hashes above our first ``first`` leaves, one for each whole subtree, the largest first."""
    return await _built(store, size, lambda read: merkle.compact(first, read))


async def _built(store: Store, size: int, build: Callable[[merkle.Read], T]) -> T:
    now = await head(store)
    if size > (0 if now is None else now.size):
        raise Invalid("tlog.index", index=size, size=0 if now is None else now.size)
    data = {one: await tile_bytes(store, one) for one in tile.needed(size, build)}
    return build(tile.hashes(size, tile.given(data)))


async def prove(store: Store, index: int, at: Head) -> str:
    """The text of a tlog-proof of leaf ``index`` under the checkpoint ``at``."""
    path = await inclusion(store, index, at.size)
    return proof.encode(proof.Proof(index, tuple(path), at.read)).decode()


# ---- writing -------------------------------------------------------------------------------------


async def append(
    memory: Memory, entries: Sequence[bytes], beside: Callable[[int], Sequence[Value]] = lambda _first: ()
) -> int:
    """Append ``entries`` and sign; the index of the first. ``beside(index)``: what to keep in the same transaction.

    The caller holds ``memory.lock(LOCK)``, and asks first whether it has appended this already. Raises
    ``Unavailable('pricelog.waits')`` after a restore.
    """
    store = memory.store
    if await waits(store):
        raise Unavailable("pricelog.waits")
    now = await head(store)
    size = 0 if now is None else now.size
    fresh = {_name(one): data for one, data in (await _grown(store, size, entries)).items()}
    after = await _signed(memory, size + len(entries), fresh)
    values: list[Value] = [(TILES, name, data) for name, data in fresh.items()]
    await store.commit(Batch(values=[*values, (STATE, HEAD, msgspec.msgpack.encode(after)), *beside(size)]))
    memory.tell(Change("", APPENDED, ()))
    return size


async def _grown(store: Store, size: int, entries: Sequence[bytes]) -> dict[Tile, bytes]:
    edge = {one: await tile_bytes(store, one) for one in tile.edge(size)}
    found = tile.grown(size, [merkle.leaf_hash(one) for one in entries], tile.given(edge))
    place, width = divmod(size, WIDTH)
    before = await tile_bytes(store, Tile(ENTRIES, place, width)) if width else b""
    rest = list(entries)
    while rest:
        part, rest = rest[:WIDTH - width], rest[WIDTH - width:]
        width += len(part)
        found[Tile(ENTRIES, place, width)] = before + tile.bundle(part)
        before, place, width = b"", place + 1, 0
    return found


async def _signed(memory: Memory, size: int, fresh: Mapping[str, bytes]) -> Head:
    """The checkpoint of ``size`` leaves, of which the tiles ``fresh`` are not stored yet."""
    data = dict[Tile, bytes]()
    for one in tile.needed(size, lambda read: merkle.root_of(size, read)):
        held = fresh.get(_name(one))
        data[one] = await tile_bytes(memory.store, one) if held is None else held[:one.width * merkle.HASH_BYTES]
    top = merkle.root_of(size, tile.hashes(size, tile.given(data)))
    signed = checkpoint.signed(Checkpoint(origin(memory), size, top), memory.identity.signer)
    return Head(size, top, note.encode(signed).decode())


async def keep_cosigned(memory: Memory, cosigned: Note) -> bool:
    """Keep ``cosigned``, a checkpoint of ours with the signatures that witnesses added; False: a newer one is kept.

    The caller has verified the cosignatures. What was kept of the same size is joined with it. Raises what
    ``checkpoint.verify`` raises, and ``Invalid('tlog.checkpoint-malformed')`` when it is not of our history.
    """
    said, store = checkpoint.verify(cosigned, await keys(memory)), memory.store
    async with memory.lock(LOCK):
        if await root(store, said.size) != said.root:
            raise Invalid("tlog.checkpoint-malformed")
        held, coming, now_ms = await seen(store), await _at(store, NEXT), memory.clock.now_ms()
        if any(one is not None and one.size > said.size for one in (held, coming)):
            return False
        before = next((one for one in (held, coming) if one is not None and one.read.text == cosigned.text), None)
        lines = {(one.name, one.id): one  # of each signer the newest
                 for one in (*(before.read.signatures if before else ()), *cosigned.signatures)}
        joined = note.encode(Note(cosigned.text, tuple(lines.values()))).decode()
        after = Head(said.size, said.root, joined, now_ms if before is None else before.at_ms)
        values: list[Value] = [(STATE, NEXT, msgspec.msgpack.encode(after))]
        if held is None or held.size == said.size or _takes_over(after, held, now_ms):
            values = [(STATE, SEEN, msgspec.msgpack.encode(after)), (STATE, NEXT, None)]
        head_now = await head(store)
        if head_now is not None and head_now.size == said.size:
            values.append((STATE, HEAD, msgspec.msgpack.encode(after)))
        await store.commit(Batch(values=values))
    memory.tell(Change("", APPENDED, ()))
    return True


def _takes_over(after: Head, held: Head, now_ms: int) -> bool:
    """Whether a newer checkpoint has been seen by as many as the one that proofs rest on, or has waited for them.

    One that another device of ours signed takes over at once: the former one may have been revoked.
    """
    new, old = after.read.signatures, held.read.signatures
    return len(new) >= len(old) or new[0].id != old[0].id or now_ms - held.at_ms > PATIENCE_MS


# ---- after a restore -----------------------------------------------------------------------------


async def take_back(
    memory: Memory, newest: Note, tiles: Mapping[str, bytes], others: Sequence[checkpoint.Checkpoint] = ()
) -> None:
    """Go on from ``newest``, our own checkpoint as another firm kept it; ``tiles`` by path are what we lack of it.

    Everything must lead from what we hold to that checkpoint, or ``Invalid('tlog.…')`` is raised and nothing kept.
    ``others``: checkpoints of ours that other firms kept; what does not hold all of them is ``tlog.witness-fork``.
    """
    said = checkpoint.verify(newest, await keys(memory))
    async with memory.lock(LOCK):
        now = await head(memory.store)
        if now is not None and now.size > said.size:
            raise Invalid("tlog.witness-backwards")
        data = await _taken(memory.store, said.size, tiles)
        if now is not None and merkle.root_of(now.size, tile.hashes(said.size, tile.given(data))) != now.root:
            raise Invalid("tlog.consistency")
        tile.whole(said.size, said.root, tile.given(data))
        read = tile.hashes(said.size, tile.given(data))
        for other in others:
            if other.size <= said.size and merkle.root_of(other.size, read) != other.root:
                raise Invalid("tlog.witness-fork", origin=other.origin, size=other.size)
        for one in [one for one in bundles_of(said.size) if tile.path(one) in tiles]:
            row = data[Tile(0, one.place, one.width)]
            tile.parse_bundle(one, data[one], tile.split(Tile(0, one.place, one.width), row))
        kept = msgspec.msgpack.encode(Head(said.size, said.root, note.encode(newest).decode()))
        await memory.store.commit(Batch(values=[
            *((TILES, _name(one), bytes_) for one, bytes_ in data.items() if tile.path(one) in tiles),
            (STATE, HEAD, kept), (STATE, WAITS, None)]))
    memory.tell(Change("", APPENDED, ()))


async def _taken(store: Store, size: int, tiles: Mapping[str, bytes]) -> dict[Tile, bytes]:
    """All tiles and bundles of a tree of ``size`` leaves, from ``tiles`` or else from what we hold."""
    found = dict[Tile, bytes]()
    for one in [*tile.of_size(size), *bundles_of(size)]:
        given = tiles.get(tile.path(one))
        found[one] = await tile_bytes(store, one) if given is None else given
    return found


def bundles_of(size: int) -> list[Tile]:
    """All bundles of entries of a log of ``size`` leaves."""
    full, rest = divmod(size, WIDTH)
    return [*(Tile(ENTRIES, place) for place in range(full)), *([Tile(ENTRIES, full, rest)] if rest else [])]


def restored() -> Value:
    """What a restored store is marked with: nothing is signed before ``take_back`` or ``go_on``."""
    return (STATE, WAITS, b"1")


async def go_on(memory: Memory) -> None:
    """Nobody holds a newer checkpoint than ours (or the owner says so): sign again."""
    await memory.store.commit(Batch(values=[(STATE, WAITS, None)]))
    memory.tell(Change("", APPENDED, ()))
