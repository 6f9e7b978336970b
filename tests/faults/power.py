"""Cuts the power of a working store: ``make power N=100000``, ``make power SEED=7``, ``make power CONTROL=normal``.

A world is one disk through eight cuts and more: while the store is opened, migrated, written to, checkpointed, closed,
copied. After each cut it is opened as a node opens it; its integrity is checked, every table compared with the ledger,
and the firm goes on from there. Prints one line of figures; a failing seed is printed with the command that replays it.
Controls hold a fault that must be found: ``normal`` and ``off`` are SQLite's weaker settings, ``half`` stores what
follows from an event in a transaction of its own. Exit code 1 when anything was found, or (control) when nothing was.
Not here: a killed process (``kills.py``), disks that refuse (``errors.py``).
"""

import argparse
import asyncio
import contextlib
import json
import logging
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from tests.faults.disk import Disk, inserted
from tests.faults.firm import Stage, Work, staged
from tests.faults.ledger import Found, Ledger, Table, contents
from weft.basis.errors import Unavailable, WeftError
from weft.engine.ports import Batch
from weft.launch import DATABASE
from weft.stores import sqlite_copy, sqlite_file, writer
from weft.stores.sqlite import SqliteStore
from weft.stores.statements import Migration, migrations

CUTS = 8  # of one world
MOMENTS = 8  # of one life, unless the power goes before
CHANGES = 45  # of the disk, in the mean, until the power goes
CONTROLS = ("normal", "off", "half")
FOUND_SHOWN_MAX = 20


class HalfStore(SqliteStore):
    """Control that must fail: what follows from an event is stored after it, in a transaction of its own."""

    async def commit(self, batch: Batch) -> None:
        """In two steps."""
        later = Batch(effects=batch.effects, outbox=batch.outbox, done=batch.done)
        batch.effects, batch.outbox, batch.done = [], [], []
        try:
            await super().commit(batch)
            await super().commit(later)
        finally:
            batch.effects, batch.outbox, batch.done = later.effects, later.outbox, later.done


@dataclass(slots=True)
class Theatre:
    """Where all worlds of a process play: the founded firm, its files and their rows, and a real folder."""

    stage: Stage
    image: dict[str, bytes]
    begun: dict[str, Table]
    folder: str


@dataclass(slots=True)
class World:
    """One disk through its cuts."""

    at: Theatre
    luck: random.Random
    control: str = ""
    disk: Disk = field(init=False)
    ledger: Ledger = field(init=False)
    figures: Counter[str] = field(default_factory=Counter)
    turn: list[int] = field(default_factory=lambda: [0])
    later: list[Migration] = field(default_factory=list)

    async def run(self) -> Counter[str]:
        """All cuts; raises ``Found``."""
        self.disk = Disk(dict(self.at.image), self.luck)
        writer.WAL_PAGES_CHECKPOINT = self.luck.choice((12, 40, 120, 2_000))
        self.ledger = Ledger(self.at.begun)
        if self.luck.random() < 0.1:
            self._cut_at_the_beginning()
        store = self._opened()
        for _ in range(CUTS):
            await self._life(store)
            self.disk.cut()
            if self.luck.random() < 0.2:
                self._cut_while_opening()
            store = self._look()
        self._bury(store)
        self.figures["changes"] += sum(self.disk.counts.values()) - self.disk.counts["tries of the dead"]
        self.figures["tries of the dead"] += self.disk.counts["tries of the dead"]
        return self.figures

    # ---- one life of the machine

    async def _life(self, store: SqliteStore) -> None:
        life, closing = self.disk.life, self.luck.random() < 0.2
        life.left = -1 if closing else self._until_cut()
        life.late = self.luck.random() < 0.5
        try:
            await self._work(store)
            if closing:
                self._count("closed")
                await self._close(store)
        except (Unavailable, apsw.Error) as error:
            if not self.disk.life.dead:
                raise Found("corrupt", f"a sound disk was refused: {error}") from error
            self.disk.life.buried = True  # what else was open then is only let go of
        self._bury(store)

    def _cut_while_opening(self) -> None:
        """The power goes again while the store takes in what the last cut left."""
        self.disk.life.left = self.luck.randrange(0, 30)
        try:
            self._bury(self._opened())
        except (WeftError, apsw.Error):
            self.disk.life.buried = True
        self.disk.cut()
        self._count("cuts")
        self._count("cuts while opening")

    def _until_cut(self) -> int:
        return min(1 + int(self.luck.expovariate(1 / CHANGES)), 400)

    def _path(self, name: str) -> str:
        return self.disk.path(self.at.folder, name)

    def _opened(self) -> SqliteStore:
        """The store as a node opens it; a control's weakness is put in afterwards."""
        store = (HalfStore if self.control == "half" else SqliteStore)(self._path(DATABASE), background=False)
        if self.control in ("normal", "off"):
            store._connection.pragma("synchronous", self.control)
        return store

    async def _work(self, store: SqliteStore) -> None:
        work = Work(self.at.stage, self.ledger.recording(store), self.luck, self.turn)
        await work.begin()
        for _ in range(self.luck.randint(1, MOMENTS)):
            outcomes = await asyncio.gather(*work.moment(self.luck.randint(1, 4)), return_exceptions=True)
            for error in outcomes:
                if isinstance(error, BaseException) and not (
                        self.disk.life.dead and isinstance(error, Unavailable | apsw.Error)):
                    raise error
            if self.disk.life.dead:
                return

    async def _close(self, store: SqliteStore) -> None:
        """In good order, or in the middle of that; then what is done to a database at rest."""
        then = self.luck.choice((None, self._copy, self._migrate))
        if then is None:
            self.disk.life.left = self.luck.randrange(1, 40)
        await store.close()
        if then is not None:
            then()

    def _copy(self) -> None:
        """A backup that was called whole is whole after the cut, too; one that was not is no matter."""
        self._count("copies")
        self.disk.life.left = self.luck.randrange(1, 200)
        Path(self._path("")).mkdir()  # the copy's file is made by the operating system, with its owner's rights
        sqlite_copy.copy(self._path(DATABASE), self._path("copy.db"))
        self.figures["copies told"] += 1
        self.disk.cut()
        copied = apsw.Connection(self._path("copy.db"))
        try:
            if copied.pragma("integrity_check") != "ok" or contents(copied) != self.ledger.certain:
                raise Found("lost", "a backup that was called whole")
        finally:
            copied.close()

    def _count(self, what: str) -> int:
        self.figures[what] += 1
        return self.figures[what]

    def _migrate(self) -> None:
        """A later version makes a table from what is there; cut in the middle it has not begun."""
        number = migrations("sqlite")[-1].number + len(self.later) + 1
        self.later.append(Migration(number, f"{number:04}_later.sql", (
            f"CREATE TABLE later_{number} (thread TEXT, id TEXT);"
            f"INSERT INTO later_{number} SELECT thread, id FROM events;"
            f"CREATE UNIQUE INDEX later_{number}_by_id ON later_{number} (thread, id)"), f"sum-{number}"))
        self._count("migrations")
        self.disk.life.left = self.luck.randrange(1, 80)
        self._opened()._file.close()
        self.figures["migrations told"] += 1

    def _cut_at_the_beginning(self) -> None:
        """A new home's database is cut while it is made: opened again it is empty and whole."""
        self.disk, filled = Disk({}, self.luck), self.disk
        self.disk.life.left = self.luck.randrange(1, 60)
        try:
            self._opened()._file.close()
        except (WeftError, apsw.Error):
            self.disk.life.buried = True
        self.disk.cut()
        self._count("cuts")
        self._count("cuts at the beginning")
        store = self._opened()
        if store._connection.pragma("integrity_check") != "ok" or any(contents(store._connection).values()):
            raise Found("corrupt", "a new database")
        self._bury(store)
        self.disk = filled

    # ---- after the cut

    def _look(self) -> SqliteStore:
        """It opens, it is sound, and it holds what it must; the firm goes on with it."""
        self._count("cuts")
        try:
            store = self._opened()
            found = str(store._connection.pragma("integrity_check"))
            if found != "ok":
                raise Found("corrupt", found[:200])
            held = contents(store._connection)
            self._check_migrated(store._connection)
        except (WeftError, apsw.Error) as error:
            raise Found("corrupt", str(error)) from error
        self.ledger.judge(held, self.figures)
        self._check_chains(held)
        return store

    def _check_migrated(self, connection: apsw.Connection) -> None:
        for step in self.later:
            many = connection.execute(f"SELECT count(*) FROM later_{step.number}").fetchall()[0][0]
            if not many:
                raise Found("half", f"migration {step.number}")

    def _check_chains(self, held: dict[str, Any]) -> None:
        """Every chain of a device is without a gap, and every thread is as long as it says."""
        places: dict[tuple[str, ...], list[int]] = {}
        for row in held["events"].values():
            places.setdefault((row[0],), []).append(row[6])
            places.setdefault((row[0], *row[2:5]), []).append(row[5])
        for place, numbers in places.items():
            if sorted(numbers) != list(range(len(numbers))):
                raise Found("half", f"a gap in {place}")
        for row in held["threads"].values():
            if len(places.get((row[0],), ())) != row[5]:
                raise Found("half", f"the length of {row[0]}")

    def _bury(self, store: SqliteStore) -> None:
        """Let go of what a dead machine held; nothing of it reaches the disk (``Disk`` sees to that)."""
        self.disk.life.dead = self.disk.life.buried = True
        store.crash()


# ---- many worlds ------------------------------------------------------------------------------------


@contextlib.contextmanager
def theatre() -> Iterator[Theatre]:
    """A founded firm, its files, and a place for them."""
    with tempfile.TemporaryDirectory(prefix="weft-power-") as folder, inserted():
        before = writer.WAL_PAGES_CHECKPOINT, sqlite_file.migrations
        logging.getLogger("weft.store").setLevel(logging.CRITICAL)
        disk = Disk()

        async def founded() -> tuple[Stage, dict[str, Table]]:
            store = SqliteStore(disk.path(folder, DATABASE), background=False)
            stage = await staged(store)
            begun = contents(store._connection)
            await store.close()
            return stage, begun

        stage, begun = asyncio.run(founded())
        try:
            yield Theatre(stage, disk.image(), begun, folder)
        finally:
            writer.WAL_PAGES_CHECKPOINT, sqlite_file.migrations = before
            logging.getLogger("weft.store").setLevel(logging.NOTSET)


def worlds(seeds: Iterable[int], control: str) -> Iterator[tuple[int, Counter[str], str]]:
    """(seed, its figures, what was found) of each world."""
    with theatre() as at:
        for seed in seeds:
            world = World(at, random.Random(seed), control)
            sqlite_file.migrations = lambda dialect, of=world: [*migrations(dialect), *of.later]
            told = ""
            try:
                asyncio.run(world.run())
            except Found as found:
                world.figures[found.kind] += found.many
                told = str(found)
            yield seed, world.figures, told


def _part(asked: tuple[int, int, str]) -> tuple[Counter[str], list[tuple[int, str]]]:
    """A run of seeds in a process of its own."""
    first, many, control = asked
    figures: Counter[str] = Counter()
    found = []
    for seed, one, told in worlds(range(first, first + many), control):
        figures.update(one)
        if told:
            found.append((seed, told))
    return figures, found


def run(first: int, cuts: int, control: str, processes: int, told: Callable[[str], None]) -> dict[str, Any]:
    """Cut ``cuts`` times; the figures."""
    begun, figures, found = time.monotonic(), Counter(cuts=0, acked=0, lost=0, corrupt=0, half=0), []
    many = max(1, min(20, -(-cuts // CUTS // processes)))
    with multiprocessing.Pool(processes) as pool:
        asked = ((seed, many, control) for seed in range(first, first + cuts, many))  # broken worlds are short
        for part, broken in pool.imap_unordered(_part, asked):
            figures.update(part)
            found += broken
            seconds = time.monotonic() - begun
            told(f"{figures['cuts']} of {cuts} cuts, {figures['cuts'] / seconds:.0f}/s, found {len(found)}")
            if figures["cuts"] >= cuts:
                break
        pool.terminate()
        pool.join()
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"control": control, **figures, "worlds broken": len(found), "seconds": round(time.monotonic() - begun, 1),
            "cpu_s": round(spent.ru_utime + spent.ru_stime, 1), "found": sorted(found)[:FOUND_SHOWN_MAX]}


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(prog="tests.faults.power")
    parser.add_argument("--seed", type=int, default=None, help="replay this world")
    parser.add_argument("--n", type=int, default=2_000, help="how many cuts")
    parser.add_argument("--start", type=int, default=1, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--control", choices=("", *CONTROLS), default="")
    asked = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets of words is part of the run
        os.execve(sys.executable, [sys.executable, "-m", "tests.faults.power", *sys.argv[1:]],
                  {**os.environ, "PYTHONHASHSEED": "0"})
    if asked.seed is not None:
        for seed, figures, told in worlds([asked.seed], asked.control):
            print(f"seed {seed}: {told or 'nothing found'}")
            print(json.dumps(figures))
            return int(bool(told))
    shown = sys.stderr.isatty()
    figures = run(asked.start, asked.n, asked.control, asked.processes,
                  lambda line: print(line, end="\r" if shown else "\n", file=sys.stderr, flush=True))
    for seed, told in figures.pop("found"):
        more = f" CONTROL={asked.control}" * bool(asked.control)
        print(f"seed {seed}: {told[:200]}\n  replay: make power SEED={seed}{more}")
    print(json.dumps(figures))
    return int(bool(figures["worlds broken"]) != bool(asked.control))


if __name__ == "__main__":
    sys.exit(main())
