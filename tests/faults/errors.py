"""A disk that refuses: full, or failing to write, to cut off or to sync; ``python -m tests.faults.errors --n 1000``.

``--on memory`` is the disk of ``disk.py``, where a failed sync has lost what it was to write and the power may go right
after; ``--on files`` is a real file system that is too small (tmpfs, where it may be mounted) or whose files may not
grow (RLIMIT_FSIZE). A fault is one period in which the disk refuses; meanwhile the firm goes on working.
In each: what was refused has the code for it and is not there; all that was confirmed is there and can be read
meanwhile; afterwards the store goes on by itself, without being started again.
Controls hold a fault that must be found: ``again`` takes a sync that failed for done when the second try succeeds,
``hasty`` tells of a batch before it is stored. Exit code 1 when anything was found, or (control) when nothing was.
Not here: cuts without errors (``power.py``), damage on the disk (``flips.py``).
"""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from tests.faults.disk import Disk
from tests.faults.firm import Stage, Work, staged
from tests.faults.ledger import Found, Ledger, contents
from tests.faults.power import Theatre, theatre
from weft.basis.errors import Unavailable, WeftError
from weft.engine.ports import Batch, StoreConflict
from weft.launch import DATABASE
from weft.stores import writer
from weft.stores.sqlite import SqliteStore

FAULTS_OF_A_WORLD = 12
SMALL = "6m"  # of the small file system
PATIENCE_S = 10.0
CONTROLS = ("again", "hasty")
CODES = {"full": {"store.full"}, "limit": {"store.unavailable", "store.full"}}


class HastyStore(SqliteStore):
    """Control that must fail: says that it is stored, and then tries."""

    async def commit(self, batch: Batch) -> None:
        """Whatever happens, all is well."""
        with contextlib.suppress(Unavailable):
            await super().commit(batch)


# ---- what may go wrong, in memory and in files -------------------------------------------------------


def full(luck: random.Random) -> Callable[[str, str], Exception | None]:
    """No room from some change on: writing and making files is refused, other changes are not."""
    left = luck.randrange(0, 60)

    def wrong(action: str, _name: str) -> Exception | None:
        nonlocal left
        left -= 1
        return apsw.FullError("no room") if left < 0 and action in ("write", "create") else None

    return wrong


def failing(luck: random.Random, actions: tuple[str, ...]) -> Callable[[str, str], Exception | None]:
    """One of ``actions`` fails, once or some times in a row."""
    skip, times = luck.randrange(0, 25), luck.choice((1, 1, 1, 2, 5))

    def wrong(action: str, _name: str) -> Exception | None:
        nonlocal skip, times
        if action not in actions:
            return None
        skip -= 1
        if skip >= 0 or times <= 0:
            return None
        times -= 1
        return apsw.IOError(f"{action} failed")

    return wrong


IN_MEMORY: dict[str, Callable[[random.Random], Callable[[str, str], Exception | None]]] = {
    "full": full,
    "sync": lambda luck: failing(luck, ("sync",)),
    "write": lambda luck: failing(luck, ("write",)),
    "any": lambda luck: failing(luck, ("write", "sync", "truncate", "delete")),
}


@dataclass(slots=True)
class Firm:
    """A firm at work over a store that is put under faults."""

    stage: Stage
    store: SqliteStore
    luck: random.Random
    ledger: Ledger
    figures: Counter[str]
    turn: list[int] = field(default_factory=lambda: [0])

    async def work(self, moments: int, codes: set[str]) -> None:
        """Some moments of work; whatever is refused must have one of ``codes``."""
        work = Work(self.stage, self.ledger.recording(self.store), self.luck, self.turn)
        await work.begin()
        for _ in range(moments):
            outcomes = await asyncio.gather(*work.moment(self.luck.randint(1, 4)), return_exceptions=True)
            for error in outcomes:
                if error is None:
                    self.figures["done"] += 1
                elif isinstance(error, Unavailable) and error.code in codes:
                    self.figures["refused"] += 1
                    self.figures[error.code] += 1
                elif isinstance(error, BaseException):
                    raise error

    async def reads(self) -> None:
        """While the disk refuses, everything confirmed can be read."""
        for (thread, name), row in self.ledger.certain["events"].items():
            held = await self.store.event(thread, name)
            if held is None or held.header != row[7]:
                raise Found("lost", "a confirmed event cannot be read while the disk refuses")
            self.figures["read meanwhile"] += 1

    async def heals(self) -> None:
        """The disk takes again what it is given: the store goes on by itself, and has only what was confirmed."""
        deadline = time.monotonic() + PATIENCE_S
        while self.store._checkpoint is not None or (
                (trouble := await self.store.trouble()) is not None and trouble.code != "store.full"):
            if time.monotonic() > deadline:
                raise Found("stuck", str(await self.store.trouble()))
            await asyncio.sleep(0.001)
        self.compare()
        await self.work(1, set())

    def compare(self) -> None:
        """What is there is what was confirmed."""
        held = contents(self.store._connection)
        if held != self.ledger.certain:
            kind = "lost" if any(held["events"].get(key) != row for key, row in self.ledger.certain["events"].items(
                )) else "half"
            raise Found(kind, "what is there is not what was confirmed")
        self.ledger.open.clear()
        self.ledger.acked.clear()


# ---- in memory --------------------------------------------------------------------------------------


async def in_memory(at: Theatre, luck: random.Random, control: str, figures: Counter[str]) -> None:
    """One disk through its faults; after some of them the power goes too."""
    disk = Disk(dict(at.image), luck)
    writer.WAL_PAGES_CHECKPOINT = luck.choice((12, 40, 2_000))
    firm = Firm(at.stage, _opened(disk.path(at.folder, DATABASE), control), luck, Ledger(at.begun), figures)
    for _ in range(FAULTS_OF_A_WORLD):
        kind = luck.choice(tuple(IN_MEMORY))
        figures["faults"] += 1
        figures[kind] += 1
        disk.life.again = control == "again"
        disk.life.wrong = IN_MEMORY[kind](luck)
        await firm.work(luck.randint(1, 5), CODES.get(kind, {"store.unavailable"}))
        await firm.reads()
        if luck.random() < 0.5:
            firm.store = _after_cut(disk, at, control, firm)
        else:
            disk.life.wrong = None
            await firm.heals()
    disk.life.dead = disk.life.buried = True
    firm.store.crash()


def _opened(path: str, control: str, *, background: bool = False) -> SqliteStore:
    return (HastyStore if control == "hasty" else SqliteStore)(path, background=background)


def _after_cut(disk: Disk, at: Theatre, control: str, firm: Firm) -> SqliteStore:
    disk.life.dead = disk.life.buried = True
    firm.store.crash()
    disk.cut()
    firm.figures["cuts"] += 1
    store = _opened(disk.path(at.folder, DATABASE), control)
    if store._connection.pragma("integrity_check") != "ok":
        raise Found("corrupt", "after the cut")
    firm.ledger.judge(contents(store._connection), Counter())
    return store


# ---- in files ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk() -> Iterator[Path | None]:
    """A real file system of its own with little room; None where it may not be mounted."""
    with tempfile.TemporaryDirectory(prefix="weft-full-") as folder:
        asked = ["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "tmpfs", folder]
        try:
            mounted = subprocess.run(asked, capture_output=True, check=False).returncode == 0
        except OSError:
            mounted = False
        try:
            yield Path(folder) if mounted else None
        finally:
            if mounted:
                subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def filled(folder: Path, luck: random.Random) -> Iterator[None]:
    """Nearly no room is left for as long as it lasts."""
    filler = folder / "filler"
    room = os.statvfs(folder)
    size = max(0, room.f_bavail * room.f_frsize - luck.randrange(0, 24) * 4096)
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        file.write(bytes(size))
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def limited(path: str, luck: random.Random) -> Iterator[None]:
    """No file of this process may grow much beyond what the log has now."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    log = Path(path + "-wal")
    size = (log.stat().st_size if log.exists() else 0) + luck.randrange(0, 200_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def in_files(folder: Path | None, seed: int, faults: int, control: str, figures: Counter[str]) -> None:
    """One real file through its faults; with a thread in the background, as in a running node."""
    luck = random.Random(seed)
    writer.WAL_PAGES_CHECKPOINT = 40
    with tempfile.TemporaryDirectory(prefix="weft-limit-") as other:
        path = str((folder or Path(other)) / f"{seed}.db")
        store = SqliteStore(path)
        stage = await staged(store)
        await store.close()
        store = _opened(path, control, background=True)
        firm = Firm(stage, store, luck, Ledger(contents(store._connection)), figures)
        for _ in range(faults):
            kind = "full" if folder is not None else "limit"
            figures["faults"] += 1
            figures[f"{kind} (files)"] += 1
            with filled(folder, luck) if folder is not None else limited(path, luck):
                await firm.work(luck.randint(2, 12), CODES["limit"])
                await firm.reads()
            await firm.heals()
        await firm.store.close()
        again = SqliteStore(path)
        firm.store = again
        firm.compare()
        if await again.check() != "ok":
            raise Found("corrupt", "a real file")
        await again.close()
        for left in Path(path).parent.glob(f"{seed}.db*"):
            left.unlink()


# ---- many -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def soon() -> Iterator[None]:
    """No waiting before the file is opened anew."""
    before = writer.MEND_S, writer.WAL_PAGES_CHECKPOINT
    writer.MEND_S = (0.0, 0.01)
    logging.getLogger("weft.store").setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        writer.MEND_S, writer.WAL_PAGES_CHECKPOINT = before
        logging.getLogger("weft.store").setLevel(logging.NOTSET)


def in_memory_worlds(seeds: range, control: str, figures: Counter[str]) -> Iterator[tuple[int, str]]:
    """(seed, what was found or "") of each world."""
    with theatre() as at, soon():
        for seed in seeds:
            yield seed, _found(in_memory(at, random.Random(seed), control, figures), figures)


def in_files_worlds(seeds: range, faults: int, control: str, figures: Counter[str]) -> Iterator[tuple[int, str]]:
    """(seed, what was found or "") of each file: on a small file system, and of limited growth, in turn."""
    with small_disk() as small, soon():
        for seed in seeds:
            folder = small if seed % 2 else None
            yield seed, _found(in_files(folder, seed, faults, control, figures), figures)


def _found(world: Any, figures: Counter[str]) -> str:
    try:
        asyncio.run(world)
    except Found as found:
        figures[found.kind] += found.many
        return str(found)
    except (WeftError, StoreConflict, apsw.Error) as error:
        figures["unexpected"] += 1
        return f"unexpected: {error}"
    return ""


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(prog="tests.faults.errors")
    parser.add_argument("--n", type=int, default=1_000, help="how many faults")
    parser.add_argument("--on", choices=("memory", "files"), default="memory")
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--control", choices=("", *CONTROLS), default="")
    asked = parser.parse_args()
    figures: Counter[str] = Counter(faults=0, refused=0, lost=0, half=0, corrupt=0, stuck=0, unexpected=0)
    begun, found = time.monotonic(), 0
    seeds = range(asked.seed, asked.seed + asked.n)
    worlds = (in_memory_worlds(seeds, asked.control, figures) if asked.on == "memory" else
              in_files_worlds(seeds, 25, asked.control, figures))
    for seed, told in worlds:
        if told:
            found += 1
            print(f"seed {seed}: {told[:200]}")
        print(f"{figures['faults']} of {asked.n} faults", end="\r", file=sys.stderr, flush=True)
        if figures["faults"] >= asked.n or found >= 20:
            break
    worlds.close()
    print(json.dumps({"on": asked.on, "control": asked.control, **figures,
                      "seconds": round(time.monotonic() - begun, 1)}))
    return int(bool(found) != bool(asked.control))


if __name__ == "__main__":
    sys.exit(main())
