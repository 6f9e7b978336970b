"""Flips single bits of a database file and asks who sees it: ``python -m tests.faults.flips --n 2000``.

A bit of an event (its header, its signature, the bytes of a payload or their salt) flips in the file; then
``weft doctor --deep`` must find it. The control is an unchecked reading, which takes what it gets: it reads every row
and notices nothing but what SQLite itself cannot read; SQLite's integrity check is counted beside it.
Prints one line of figures; exit code 1 when a flip in an event was not found, or the control noticed them all.
Not here: damage while it is written (``power.py``).
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw

from tests.faults.firm import Work, staged
from weft.basis.errors import WeftError
from weft.cli.deep import deeply
from weft.stores.sqlite import SqliteStore

MOMENTS = 12
PLACES = ("header", "signature", "content", "salt")
Places = dict[str, list[tuple[int, int]]]  # where in the file: offset, length


async def written(folder: Path) -> Path:
    """The database of a firm that has worked, as one compact file."""
    store = SqliteStore(str(folder / "worked.db"))
    work = Work(await staged(store), store, random.Random(1), [0])
    await work.begin()
    for _ in range(MOMENTS):
        await asyncio.gather(*work.moment(4))
    await store.backup(str(folder / "copy.db"))
    await store.close()
    compact = apsw.Connection(str(folder / "copy.db"))
    compact.pragma("secure_delete", 1)  # else pages that were split keep a dead copy of what moved away
    compact.execute("VACUUM")
    compact.close()
    return folder / "copy.db"


def places(path: Path) -> Places:
    """Where the bytes of all events lie in the file."""
    content = path.read_bytes()
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    blobs = {
        "header": connection.execute("SELECT header FROM events").fetchall(),
        "signature": connection.execute("SELECT signature FROM events WHERE length(signature)").fetchall(),
        "content": connection.execute("SELECT content FROM payloads").fetchall(),
        "salt": connection.execute("SELECT salt FROM payloads").fetchall(),
    }
    connection.close()
    found: Places = {"anywhere": [(0, len(content))]}
    for place, rows in blobs.items():
        found[place] = [(content.find(blob), len(blob)) for (blob,) in rows if content.count(blob) == 1]
        if len(found[place]) < 0.8 * len(rows):  # others are cut in two by a page, or like another ("{}")
            raise RuntimeError(f"{place}: found {len(found[place])} of {len(rows)} in the file")
    return found


async def seen(path: Path) -> dict[str, bool]:
    """Who notices that something is wrong with the file."""
    told = {"deep": True, "integrity check": True, "plain reading": True}
    try:
        store = SqliteStore(str(path), reading=True)
    except WeftError:
        return told
    try:
        told["integrity check"] = await store.check() != "ok"
        told["plain reading"] = await _plain(store)
        told["deep"] = bool((await deeply(store))["faults"])
    except WeftError:
        pass
    finally:
        await store.close()
    return told


async def _plain(store: Any) -> bool:
    """Read everything and check nothing."""
    try:
        for row in await store.threads():
            events = await store.events(row.thread)
            await store.payloads(row.thread, [event.id for event in events])
    except WeftError:
        return True
    return False


def flips(many: int, seed: int, kinds: tuple[str, ...], figures: Counter[str]) -> Iterator[tuple[str, int, int, bool]]:
    """(place, offset, bit, found by the deep check) of each flip."""
    luck = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="weft-flips-") as folder:
        path = asyncio.run(written(Path(folder)))
        if any(asyncio.run(seen(path)).values()):
            raise RuntimeError("the file is not sound to begin with")
        where = places(path)
        for number in range(many):
            kind = kinds[number % len(kinds)]
            begin, size = luck.choice(where[kind])
            offset, bit = begin + luck.randrange(size), luck.randrange(8)
            _flip(path, offset, bit)
            told = asyncio.run(seen(path))
            _flip(path, offset, bit)
            figures["flips"] += 1
            figures[f"in {kind}"] += 1
            for who, noticed in told.items():
                figures[f"{kind} seen by {who}"] += noticed
            yield kind, offset, bit, told["deep"]


def _flip(path: Path, offset: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        before = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([before ^ 1 << bit]))


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(prog="tests.faults.flips")
    parser.add_argument("--n", type=int, default=2_000, help="how many flips")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--anywhere", action="store_true", help="anywhere in the file, not in events only")
    asked = parser.parse_args()
    figures: Counter[str] = Counter(flips=0, unseen=0)
    begun = time.monotonic()
    for kind, offset, bit, found in flips(asked.n, asked.seed, ("anywhere",) if asked.anywhere else PLACES, figures):
        if not found:
            figures["unseen"] += 1
            if not asked.anywhere:
                print(f"not seen: {kind}, byte {offset}, bit {bit}")
        print(f"{figures['flips']} of {asked.n} flips", end="\r", file=sys.stderr, flush=True)
    print(json.dumps({**figures, "seconds": round(time.monotonic() - begun, 1)}))
    noticed = sum(figures[f"{place} seen by plain reading"] for place in PLACES)
    return int(not asked.anywhere and (bool(figures["unseen"]) or noticed >= figures["flips"]))


if __name__ == "__main__":
    sys.exit(main())
