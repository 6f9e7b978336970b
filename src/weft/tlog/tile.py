"""Tiles: the Merkle tree of a log, and its entries, as files that any web server or USB stick can hold.

C2SP tlog-tiles.

    checkpoint                             the signed head, the only file that changes
    tile/<level>/<place>[.p/<width>]       up to 256 hashes; each stands for 256^level leaves
    tile/entries/<place>[.p/<width>]       up to 256 entries, each: length (2 bytes, big-endian) entry

Rule 1: a tile at a tree's right edge is partial: it ends in ``.p/<width>`` and is not hashed into the level above.
Rule 2: a full tile never changes, a partial one only grows.
Rule 3: tiles are believed as far as a proof made of them leads to a signed root, and no further (``whole`` checks all).
Not here: reading and writing files, compression, pruning (our logs are not pruned).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from weft.basis.errors import Invalid, NotFound
from weft.tlog.checkpoint import SIZE_MAX
from weft.tlog.merkle import HASH_BYTES, Read, leaf_hash, node_hash, root_of

CHECKPOINT_PATH: Final = "checkpoint"
HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
LEVEL_MAX: Final = 7  # 256^8 leaves are more than a size may say
ENTRIES: Final = -1  # the level of entry bundles
ENTRY_BYTES_MAX: Final = 65_535
BUNDLE_BYTES_MAX: Final = WIDTH * (2 + ENTRY_BYTES_MAX)
PATH_CHARACTERS_MAX: Final = 64
_PATH: Final = re.compile(r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class Tile(NamedTuple):
    """Number ``place`` of ``level`` (``ENTRIES``: a bundle of entries), with ``width`` hashes or entries of 256."""

    level: int
    place: int
    width: int = WIDTH


Tiles = Callable[[Tile], bytes]  # its bytes; raises NotFound


# ---- names ---------------------------------------------------------------------------------------


def path(tile: Tile) -> str:
    """Where ``tile`` lies below the log's prefix."""
    digits = str(tile.place)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[k:k + 3] for k in range(0, len(digits), 3)]
    name = "/".join([*(f"x{one}" for one in groups[:-1]), groups[-1]])
    level = "entries" if tile.level == ENTRIES else str(tile.level)
    return f"tile/{level}/{name}" + ("" if tile.width == WIDTH else f".p/{tile.width}")


def parse_path(text: str) -> Tile:
    """The tile at ``text``; raises ``Invalid('tlog.tile-path')``: each tile has one path."""
    match = _PATH.fullmatch(text) if len(text) <= PATH_CHARACTERS_MAX else None
    if match is None:
        raise Invalid("tlog.tile-path")
    level, name, width = match.groups()
    place = int(name.replace("x", "").replace("/", ""))
    tile = Tile(ENTRIES if level == "entries" else int(level), place, int(width) if width else WIDTH)
    if tile.level > LEVEL_MAX or place > SIZE_MAX or tile.width > WIDTH or path(tile) != text:
        raise Invalid("tlog.tile-path")
    return tile


def of_size(size: int) -> Iterator[Tile]:
    """All hash tiles of a tree of ``size`` leaves, level by level."""
    level, count = 0, size
    while count:
        full, rest = divmod(count, WIDTH)
        yield from (Tile(level, place) for place in range(full))
        if rest:
            yield Tile(level, full, rest)
        level, count = level + 1, full


def edge(size: int) -> list[Tile]:
    """The partial tiles of a tree of ``size`` leaves: what ``grown`` needs of it."""
    found, level, count = [], 0, size
    while count:
        if count % WIDTH:
            found.append(Tile(level, count // WIDTH, count % WIDTH))
        level, count = level + 1, count // WIDTH
    return found


def holding(height: int, place: int, size: int) -> Tile:
    """The tile, as wide as a tree of ``size`` leaves has it, that holds the hash at ``height`` and ``place``."""
    level, inner = divmod(height, HEIGHT)
    number = (place << inner) >> HEIGHT
    return Tile(level, number, min(WIDTH, (size >> HEIGHT * level) - (number << HEIGHT)))


# ---- reading -------------------------------------------------------------------------------------


def hashes(size: int, tiles: Tiles) -> Read:
    """The tree of ``size`` leaves as ``merkle`` reads it, by ``tiles``; raises ``Invalid('tlog.tile-malformed')``."""
    def read(height: int, place: int) -> bytes:
        tile = holding(height, place, size)
        first, count = (place << height % HEIGHT) % WIDTH, 1 << height % HEIGHT
        if tile.width < first + count:  # no such subtree in a tree of this size
            raise Invalid("tlog.index", index=place, size=size)
        data = _measured(tile, tiles(tile))
        return _top([data[k * HASH_BYTES:(k + 1) * HASH_BYTES] for k in range(first, first + count)])

    return read


def split(tile: Tile, data: bytes) -> list[bytes]:
    """The hashes in ``data``; raises ``Invalid('tlog.tile-malformed')`` when it is not ``tile.width`` hashes long."""
    return [data[k:k + HASH_BYTES] for k in range(0, len(_measured(tile, data)), HASH_BYTES)]


def _measured(tile: Tile, data: bytes) -> bytes:
    if len(data) != tile.width * HASH_BYTES:
        raise Invalid("tlog.tile-malformed", path=path(tile))
    return data


def _top(row: list[bytes]) -> bytes:
    """The root over 2^k hashes."""
    while len(row) > 1:
        row = [node_hash(row[k], row[k + 1]) for k in range(0, len(row), 2)]
    return row[0]


def given(data: Mapping[Tile, bytes]) -> Tiles:
    """Tiles that were fetched before; raises ``NotFound('tlog.tile-missing')`` for others."""
    def read(tile: Tile) -> bytes:
        found = data.get(tile)
        if found is None:
            raise NotFound("tlog.tile-missing", path=path(tile))
        return found

    return read


def needed(size: int, build: Callable[[Read], Any]) -> list[Tile]:
    """Which tiles ``build`` reads of a tree of ``size`` leaves, so that they can be fetched at once."""
    found: dict[Tile, None] = {}

    def read(height: int, place: int) -> bytes:
        found.setdefault(holding(height, place, size))
        return bytes(HASH_BYTES)

    build(read)
    return list(found)


def whole(size: int, root: bytes, tiles: Tiles) -> None:
    """Raise unless all hash tiles of a tree of ``size`` leaves agree with each other and lead to ``root``.

    ``Invalid('tlog.tile-differs')`` names the first full tile that its parent contradicts, or the head.
    """
    for tile in of_size(size):
        row = split(tile, tiles(tile))
        if tile.width < WIDTH:
            continue
        above = holding(HEIGHT * (tile.level + 1), tile.place, size)
        if split(above, tiles(above))[tile.place % WIDTH] != _top(row):
            raise Invalid("tlog.tile-differs", path=path(tile))
    if root_of(size, hashes(size, tiles)) != root:
        raise Invalid("tlog.tile-differs", path=CHECKPOINT_PATH)


# ---- writing -------------------------------------------------------------------------------------


def grown(size: int, added: Sequence[bytes], tiles: Tiles) -> dict[Tile, bytes]:
    """The tiles to write when a log of ``size`` leaves grows by the leaf hashes ``added``; reads the old ``edge``."""
    if size + len(added) > SIZE_MAX:
        raise Invalid("tlog.index", index=size + len(added), size=SIZE_MAX)
    found: dict[Tile, bytes] = {}
    level, count, fresh = 0, size, list(added)
    while fresh:
        full, width = divmod(count, WIDTH)
        old = Tile(level, full, width)
        row = [*(split(old, tiles(old)) if width else []), *fresh]
        fresh = []
        for k in range(0, len(row), WIDTH):
            part = row[k:k + WIDTH]
            found[Tile(level, full + k // WIDTH, len(part))] = b"".join(part)
            if len(part) == WIDTH:
                fresh.append(_top(part))
        level, count = level + 1, full
    return found


# ---- entries -------------------------------------------------------------------------------------


def bundle(entries: Sequence[bytes]) -> bytes:
    """Up to 256 ``entries`` as a file; raises ``Invalid('tlog.entry-too-large')``."""
    if len(entries) > WIDTH or any(len(one) > ENTRY_BYTES_MAX for one in entries):
        raise Invalid("tlog.entry-too-large", limit=ENTRY_BYTES_MAX)
    return b"".join(len(one).to_bytes(2, "big") + one for one in entries)


def parse_bundle(tile: Tile, data: bytes, leaves: Sequence[bytes]) -> list[bytes]:
    """The entries in ``data``, of which each hashes to its place in ``leaves`` (the level 0 tile of the same place).

    Raises ``Invalid``: ``tlog.bundle-malformed``, or ``tlog.bundle-differs`` from the tree.
    """
    if len(data) > BUNDLE_BYTES_MAX:
        raise Invalid("tlog.bundle-malformed", path=path(tile))
    found, at = [], 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at:at + 2], "big")
        if end > len(data) or at + 2 > len(data):
            raise Invalid("tlog.bundle-malformed", path=path(tile))
        found.append(data[at + 2:end])
        at = end
    if len(found) != tile.width:
        raise Invalid("tlog.bundle-malformed", path=path(tile))
    if [leaf_hash(one) for one in found] != list(leaves):
        raise Invalid("tlog.bundle-differs", path=path(tile))
    return found
