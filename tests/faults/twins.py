"""Cuts the power of a working store of written twins: ``python -m tests.faults.twins --n 5000``.

A world is one disk through its cuts: commits of several twins at once, imports (which take turns with everything
else), files that come in, erasures, sweeps, checkpoints. After each cut the store is opened as a node opens it: what it
acknowledged is there, of what was on its way each commit is there whole or not at all, and the index says what the
bodies say.
Controls: ``normal`` and ``off`` are SQLite's weaker settings, ``half`` commits each twin for itself, ``made`` does not
wait until the journal with which the file was made is really gone.
Prints a line of figures; exit code 1 when anything was found, or (control) when nothing was.
Not here: the disk (``disk.py``), disks that refuse (``twin_errors.py``), killed processes
(``tests/stores/twins/test_twin_kill.py``).
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import logging
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import apsw

from tests.faults.disk import Disk, inserted
from tests.faults.ledger import Found
from tests.stores.twins.making import Hands, chunks, encoded, prop, submodel
from weft.basis.errors import Unavailable, WeftError
from weft.engine.twins.ports import Change
from weft.stores import sqlite_file, writer
from weft.stores.sqlite_file import DatabaseFile, migrate
from weft.stores.twins import store as twin_store
from weft.stores.twins.applying import Kept
from weft.stores.twins.indexing import derive
from weft.stores.twins.store import SqliteTwins

CUTS = 6  # of one world
FOUND_MAX = 20  # then it is enough
MOMENTS = 6  # of one life
CHANGES = 60  # of the disk, in the mean, until the power goes
NAMES = tuple(f"urn:{n}" for n in range(6))
IMPORTED = 5  # twins; a commit of so many or more is an import here
CONTROLS = ("normal", "off", "half", "made")
HELD_FILE = b"a file that came in whole" * 3_000
Bodies = dict[str, bytes]


class HalfStore(SqliteTwins):
    """Control that must fail: each twin of a commit in a transaction of its own."""

    async def commit(self, changes: Sequence[Change]) -> Sequence[Any]:
        """One after the other."""
        return [row for one in changes for row in await super(HalfStore, self).commit([one])]


@dataclass(slots=True)
class World:
    """One disk through its cuts."""

    folder: str
    luck: random.Random
    control: str = ""
    figures: Counter[str] = field(default_factory=Counter)
    certain: Bodies = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)  # of ``certain``
    open: list[Bodies] = field(default_factory=list)  # commits that were given and not acknowledged
    kept: set[str] = field(default_factory=set)  # digests of files that were acknowledged
    turn: int = 0
    disk: Disk = field(init=False)

    async def begun(self) -> None:
        """A new file takes a few commits, and the power goes; raises ``Found``."""
        self.disk = Disk({}, self.luck)
        writer.WAL_PAGES_CHECKPOINT = 1
        store = self._opened()
        for _ in range(3):
            await self._commit(store)
        await self._ended(store)

    async def run(self) -> None:
        """All cuts; raises ``Found``."""
        self.disk = Disk({}, self.luck)
        writer.WAL_PAGES_CHECKPOINT = self.luck.choice((12, 40, 2_000))
        store = self._opened()
        for _ in range(CUTS):
            self.disk.life.left = min(1 + int(self.luck.expovariate(1 / CHANGES)), 300)
            self.disk.life.late = self.luck.random() < 0.5
            await self._life(store)
            store = await self._ended(store)
        self._bury(store)

    async def _ended(self, store: SqliteTwins) -> SqliteTwins:
        """The power goes; the store as it is found then."""
        self._bury(store)
        self.disk.cut()
        self.figures["cuts"] += 1
        store = self._opened()
        try:
            self._look(store)
        except apsw.Error as error:
            raise Found("corrupt", str(error)) from error
        return store

    def _kind(self) -> type[SqliteTwins]:
        return HalfStore if self.control == "half" else SqliteTwins

    def _opened(self) -> SqliteTwins:
        try:
            path = self.disk.path(self.folder, "twins.db")
            store = self._kind()(path, Hands(), kept=Kept(revisions=3), background=False)
        except (WeftError, apsw.Error) as error:
            raise Found("corrupt", str(error)) from error
        if self.control in ("normal", "off"):
            store._connection.pragma("synchronous", self.control)
        return store

    def _bury(self, store: SqliteTwins) -> None:
        self.disk.life.dead = self.disk.life.buried = True
        store.crash()

    async def _life(self, store: SqliteTwins) -> None:
        try:
            for _ in range(self.luck.randint(1, MOMENTS)):
                done = await asyncio.gather(*self._moment(store), return_exceptions=True)
                for error in done:
                    if isinstance(error, BaseException):
                        raise error
        except (Unavailable, apsw.Error) as error:
            if not self.disk.life.dead:
                raise Found("corrupt", f"a sound disk was refused: {error}") from error

    def _moment(self, store: SqliteTwins) -> Iterator[Any]:
        for _ in range(self.luck.randint(1, 3)):
            yield self._commit(store)
        if self.luck.random() < 0.3:
            yield self._file(store)
        if self.luck.random() < 0.2:
            yield store.sweep()
        if self.luck.random() < 0.1:
            yield store.erase("submodel", self.luck.choice(NAMES))

    async def _commit(self, store: SqliteTwins) -> None:
        self.turn += 1
        names = self.luck.sample(NAMES, self.luck.choice((2, 3, 4, 6)))
        many = self.luck.choice((1, 3, 60))
        elements = [prop(f"P{n}", str(self.turn)) for n in range(many)]
        bodies = {name: encoded(submodel(name, *elements)) for name in names}
        self.open.append(bodies)
        rows = await store.commit([Change("submodel", name, body) for name, body in bodies.items()])
        self.open.remove(bodies)
        for place, (name, body) in enumerate(bodies.items()):
            revision = rows[place].revision if rows else sys.maxsize
            if revision > self.revisions.get(name, 0):  # an import may be told before what came before it
                self.certain[name], self.revisions[name] = body, revision
        self.figures["acked"] += 1
        self.figures["imports"] += len(names) >= IMPORTED

    async def _file(self, store: SqliteTwins) -> None:
        self.kept.add(await store.keep_file(chunks(HELD_FILE + str(self.turn).encode()), "a/b", "f"))
        self.figures["files"] += 1

    # ---- after the cut

    def _look(self, store: SqliteTwins) -> None:
        found = str(store._connection.pragma("integrity_check"))
        if found != "ok":
            raise Found("corrupt", found[:200])
        held: Bodies = dict(store._read("SELECT id, body FROM twins", ()))
        self._judge(held)
        self._index(store)
        self._kept(store)
        self.certain, self.open = held, []
        self.revisions = dict(store._read("SELECT id, revision FROM twins", ()))

    def _kept(self, store: SqliteTwins) -> None:
        """Files that were acknowledged are whole."""
        for digest in self.kept:
            [(size, pieces)] = store._read(
                "SELECT f.size, (SELECT sum(length(p.content)) FROM pieces p WHERE p.number / 1048576 = f.number)"
                " FROM files f WHERE f.digest = ?", (digest,)) or [(0, -1)]
            if size != pieces:
                raise Found("lost", f"a file that was kept: {digest[:8]}")

    def _judge(self, held: Bodies) -> None:
        """What was acknowledged is there, with each of the open commits whole or not at all."""
        for many in range(len(self.open) + 1):
            for some in itertools.combinations(self.open, many):
                if held == self.certain | {name: body for one in some for name, body in one.items()}:
                    return
        newest = {name: [body, *(one[name] for one in self.open if name in one)] for name, body in self.certain.items()}
        lost = [name for name, bodies in newest.items() if held.get(name) not in bodies]
        raise Found("lost" if lost else "half", ", ".join(lost) or "a commit")

    def _index(self, store: SqliteTwins) -> None:
        """Names, elements, feed and history belong to the twins that stand."""
        bodies = dict(store._read("SELECT id, body FROM twins", ()))
        wanted = {(name, path) for name, body in bodies.items() for path, _, _ in derive("submodel", body).elements}
        rows = store._read("SELECT w.id, e.path FROM twin_element e JOIN twins w ON w.number = e.twin", ())
        told = store._read("SELECT id, max(revision) FROM changes GROUP BY id", ())
        if set(rows) != wanted or store._read("SELECT id, revision FROM twins ORDER BY id", ()) != sorted(told):
            raise Found("half", "what is found, or told, is not what stands")


def worlds(seeds: Iterable[int], control: str = "", *, new: bool = False) -> Iterator[tuple[Counter[str], str]]:
    """(figures, what was found or "") of each world; ``new``: of files that have just been made."""
    with tempfile.TemporaryDirectory(prefix="weft-twins-") as folder, inserted(), quiet(control):
        for seed in seeds:
            world, told = World(folder, random.Random(seed), control), ""
            try:
                asyncio.run(world.begun() if new else world.run())
            except Found as found:
                world.figures[found.kind] += 1
                told = f"{seed}: {found}"
            yield world.figures, told


def _hasty(connection: apsw.Connection, path: str, steps: Any) -> None:
    """The control ``made``."""
    connection.pragma("synchronous", "FULL")
    migrate(connection, path, steps)


@contextlib.contextmanager
def quiet(control: str) -> Iterator[None]:
    """What the store says of its disk is no news here."""
    before = writer.WAL_PAGES_CHECKPOINT, twin_store.SHORT_MAX, twin_store._surely, DatabaseFile.aside
    twin_store.SHORT_MAX, twin_store._surely = IMPORTED - 1, _at_once
    DatabaseFile.aside = _beside
    sqlite_file.migrate = _hasty if control == "made" else migrate
    logging.getLogger("weft.store").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        writer.WAL_PAGES_CHECKPOINT, twin_store.SHORT_MAX, twin_store._surely, DatabaseFile.aside = before
        sqlite_file.migrate = migrate
        logging.getLogger("weft.store").setLevel(logging.NOTSET)


class _Beside:
    """Who reads during an import: on this disk only one connection can be open, so it is the writer's own."""

    def __init__(self, file: DatabaseFile) -> None:
        self._connection = file.connection

    def cursor(self) -> apsw.Cursor:
        """Another one."""
        return self._connection.cursor()

    def close(self, _force: bool) -> None:
        """It stays."""


def _beside(file: DatabaseFile) -> _Beside:
    return _Beside(file)


async def _at_once(work: Callable[[], Any]) -> None:
    """Without a thread: a cut must come at the same place each time."""
    work()


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(prog="tests.faults.twins")
    parser.add_argument("--n", type=int, default=2_000, help="how many cuts")
    parser.add_argument("--start", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, default=None, help="replay this world")
    parser.add_argument("--control", choices=("", *CONTROLS), default="")
    asked = parser.parse_args()
    figures: Counter[str] = Counter(cuts=0, acked=0, imports=0, files=0, lost=0, half=0, corrupt=0)
    begun, found = time.monotonic(), 0
    seeds = itertools.count(asked.start) if asked.seed is None else [asked.seed]
    for one, told in worlds(seeds, asked.control, new=asked.control == "made"):
        figures.update(one)
        if told:
            found += 1
            print(told[:200])
        print(f"{figures['cuts']} of {asked.n} cuts", end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr)
        if figures["cuts"] >= asked.n or found >= FOUND_MAX:
            break
    print(json.dumps({"control": asked.control, **figures, "worlds broken": found,
                      "seconds": round(time.monotonic() - begun, 1), "cpu_s": round(time.process_time(), 1)}))
    return int(bool(found) != bool(asked.control))


if __name__ == "__main__":
    sys.exit(main())
