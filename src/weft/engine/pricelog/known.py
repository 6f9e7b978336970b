"""What we hold of other firms' price logs: how far we followed them, checkpoints met, forks, who witnesses them.

All of it rests among the values of the store, by firm.

    Followed    the newest checkpoint that we have verified leaf by leaf, and from which leaf on we hold entries
    marks       checkpoints that we met anywhere: under a quotation, from another firm, in a request to cosign
    red         a fork that is proved (``forks.py``); from then on the log counts for nothing

Rule 1: a log's keys are the devices of its firm with scope ``node``, as the firm's key log has them now.
Rule 2: a checkpoint counts only when one of them signed it; by whatever way it came.
Rule 3: bounded: ``MARKS_MAX`` checkpoints and ``KEPT_MAX`` entries a firm.
Not here: comparing and following (``monitor.py``), what we sign (``witness.py``), our own log (``log.py``).
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from weft.basis.canonical import unb64
from weft.basis.errors import WeftError
from weft.engine.memory import Memory
from weft.engine.ports import Store
from weft.identity.keylog import SCOPE_NODE, KeyState
from weft.pricing.leaf import origin_of
from weft.tlog import checkpoint, cosignature, note
from weft.tlog.checkpoint import Checkpoint
from weft.tlog.merkle import EMPTY_ROOT
from weft.tlog.note import ED25519, Note, VerifierKey

FOLLOWED: Final = "price-followed"  # bucket: by firm, a ``Followed``
MARKS: Final = "price-mark"  # bucket of each firm: by size, the checkpoint as the log signed it
ENTRIES: Final = "price-entries"  # bucket of each firm: by place, 256 entries (the last one fewer) as a bundle
BOOKS: Final = "price-book-seen"  # bucket of each firm: by index, a ``BookSeen``
RED: Final = "price-fork"  # bucket: by firm, the proof that its log has forked
STATEMENTS: Final = "price-statement"  # bucket of each firm: by witness, its signed word on its key for that log
SIGHTINGS: Final = "price-sighting"  # bucket: by firm, when we last saw its log how large
MARKS_MAX: Final = 64
SIGHTINGS_MAX: Final = 512
KEPT_MAX: Final = 16_384


class Followed(msgspec.Struct, frozen=True):
    """``note``: the verified checkpoint of ``size`` leaves under ``root``; entries are held from leaf ``first`` on.

    ``edge`` and ``base``: the hash tiles at the edge of the trees of ``size`` and of ``first`` leaves, by path;
    ``at_ms``: when we got so far.
    """

    size: int = 0
    root: bytes = EMPTY_ROOT
    note: str = ""
    first: int = 0
    base: dict[str, bytes] = {}
    at_ms: int = 0
    edge: dict[str, bytes] = {}


class BookSeen(msgspec.Struct, frozen=True):
    """A book leaf that we met in a log ourselves: at place ``index``, at ``seen_ms`` by our own clock at the latest."""

    index: int
    hash: str
    id: str
    number: int
    valid_from: str
    notice_days: int
    at: str
    seen_ms: int


def keys_of(keys: KeyState, organisation: str, *, withdrawn: bool = False) -> list[VerifierKey]:
    """The keys that may sign the price log of ``organisation``; with ``withdrawn`` those that might once, besides."""
    name = origin_of(organisation)
    return [VerifierKey(name, ED25519, unb64(device, 32)) for device, held in keys.devices.items()
            if held.scope == SCOPE_NODE and (withdrawn or not held.revoked)]


async def read(memory: Memory, organisation: str, data: bytes) -> tuple[Note, Checkpoint]:
    """The checkpoint of the log of ``organisation`` in ``data``, with the log's own signature alone.

    Raises what ``note.parse`` and ``checkpoint.verify`` raise.
    """
    keys = await memory.keys(organisation)
    known = [] if keys is None else keys_of(keys, organisation)
    found = note.parse(data)
    said = checkpoint.verify(found, known, cosignature.is_signed)
    return own(found, known), said


def own(found: Note, keys: Sequence[VerifierKey]) -> Note:
    """``found`` with no signatures but those of ``keys``: what others added is theirs to hand on."""
    names = {(one.name, one.id) for one in keys}
    return Note(found.text, tuple(one for one in found.signatures if (one.name, one.id) in names))


async def ours(memory: Memory, text: str) -> tuple[Checkpoint, Note] | None:
    """The checkpoint of our own log in ``text``, if a device of ours ever signed it."""
    keys = await memory.keys(memory.organisation)
    trusted = [] if keys is None else keys_of(keys, memory.organisation, withdrawn=True)
    try:
        found = note.parse(text.encode())
        return checkpoint.verify(found, trusted), own(found, trusted)
    except (WeftError, UnicodeEncodeError):
        return None


async def followed(store: Store, organisation: str) -> Followed:
    """How far we followed the log of ``organisation``."""
    data = await store.value(FOLLOWED, organisation)
    return Followed() if data is None else msgspec.msgpack.decode(data, type=Followed)


async def red(store: Store, organisation: str) -> bytes | None:
    """The proof that the log of ``organisation`` has forked (``price-fork/1``), or None."""
    return await store.value(RED, organisation)


async def under(store: Store, bucket: str, organisation: str) -> list[tuple[str, bytes]]:
    """What ``bucket`` holds of ``organisation``, by the rest of its keys."""
    prefix = f"{organisation}/"
    return [(name.removeprefix(prefix), data) for name, data in await store.values(bucket) if name.startswith(prefix)]


def shelf(bucket: str, organisation: str) -> str:
    """The bucket of one firm: what is read whole is read of no other firm besides."""
    return f"{bucket}/{organisation}"


async def books(store: Store, organisation: str) -> list[BookSeen]:
    """The book leaves of the log of ``organisation`` that we met, by their place."""
    return [msgspec.msgpack.decode(data, type=BookSeen) for _, data in await store.values(shelf(BOOKS, organisation))]


async def sightings(store: Store, organisation: str) -> list[tuple[int, int]]:
    """(leaves, ms): when we saw the log of ``organisation`` so large for the last time, by size."""
    data = await store.value(SIGHTINGS, organisation)
    return [] if data is None else msgspec.msgpack.decode(data, type=list[tuple[int, int]])


async def sighting(store: Store, organisation: str, size: int, at_ms: int) -> tuple[str, str, bytes | None]:
    """What to keep of having seen the log with ``size`` leaves; of very many every other old one goes."""
    rows = sorted([*(one for one in await sightings(store, organisation) if one[0] != size), (size, at_ms)])
    if len(rows) > SIGHTINGS_MAX:
        half = SIGHTINGS_MAX // 2
        rows = [*rows[:-half:2], *rows[-half:]]
    return SIGHTINGS, organisation, msgspec.msgpack.encode(rows)


def place(number: int) -> str:
    """``number`` as part of a key, so that keys sort as numbers do."""
    return f"{number:019d}"
