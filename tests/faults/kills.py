"""Kills a working process with -9, again and again, on real files: ``python -m tests.faults.kills --n 500``.

Each time a process of its own opens the store as a node does, works with the real engine, and reports over a pipe what
it gives to the store and what was acknowledged; the kill comes at any moment, while it opens the file, too. Then the
file is opened, checked and compared, row by row, with what was reported; the next process goes on from there.
The control ``hasty`` reports a batch as acknowledged before it is stored, and must be found out.
Prints one line of figures; exit code 1 when anything was found, or (control) when nothing was.
Not here: the power of the whole machine (``power.py``).
"""

import argparse
import asyncio
import contextlib
import json
import os
import pickle
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.firm import Stage, Work, staged
from tests.faults.ledger import Found, Ledger, applied, contents
from weft.basis.errors import WeftError
from weft.engine.ports import Batch
from weft.stores import writer
from weft.stores.sqlite import SqliteStore

KILLS_OF_A_FILE = 12
LONGEST_S = 0.25


class Reporting:
    """The store of the process that will be killed: ``given`` before, ``acked`` after each commit."""

    def __init__(self, store: Any, pipe: int, *, hasty: bool) -> None:
        self._store, self._pipe, self._hasty = store, pipe, hasty
        self._number = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, batch: Batch) -> None:
        """As the store's own, reported."""
        self._number += 1
        number = self._number
        self._report(("given", number, batch))
        if self._hasty:
            self._report(("acked", number, None))
            await asyncio.sleep(0.003)
        await self._store.commit(batch)
        if not self._hasty:
            self._report(("acked", number, None))

    def _report(self, told: tuple[str, int, Batch | None]) -> None:
        content = pickle.dumps(told)
        content = len(content).to_bytes(4, "big") + content
        while content:
            content = content[os.write(self._pipe, content):]


@dataclass(slots=True)
class Killing:
    """One file through its kills."""

    path: str
    stage: Stage
    luck: random.Random
    control: str
    ledger: Ledger
    figures: Counter[str]
    turn: int = 0

    def once(self) -> None:
        """Start, kill, look."""
        reading, writing = os.pipe()
        seed, self.turn = self.luck.randrange(2**32), self.turn + 100_000
        child = os.fork()
        if child == 0:
            os.close(reading)
            self._be_killed(writing, seed)
        os.close(writing)
        heard = self._killed(child, reading)
        os.close(reading)
        os.waitpid(child, 0)
        self._take(heard)
        asyncio.run(self._look())

    def _be_killed(self, pipe: int, seed: int) -> None:
        """The process; it never returns."""
        luck = random.Random(seed)
        writer.WAL_PAGES_CHECKPOINT = luck.choice((20, 200, 2_000))

        async def work() -> None:
            store = SqliteStore(self.path)
            work = Work(self.stage, Reporting(store, pipe, hasty=self.control == "hasty"), luck, [self.turn])
            await work.begin()
            while True:
                await asyncio.gather(*work.moment(luck.randint(1, 4)))
                await asyncio.sleep(0)

        try:
            asyncio.run(work())
        finally:
            os._exit(3)

    def _killed(self, child: int, pipe: int) -> bytes:
        """Listen for a while, kill, and hear what is left in the pipe."""
        heard = bytearray()
        early = self.luck.random() < 0.15  # perhaps it has not even opened the file
        if not early and select.select([pipe], [], [], 10.0)[0]:
            heard += os.read(pipe, 1 << 16)
        until = time.monotonic() + self.luck.random() * LONGEST_S
        while (left := until - time.monotonic()) > 0:
            if select.select([pipe], [], [], left)[0]:
                piece = os.read(pipe, 1 << 16)
                if not piece:
                    raise Found("ended", "the process ended by itself")
                heard += piece
        os.kill(child, signal.SIGKILL)
        while piece := os.read(pipe, 1 << 16):
            heard += piece
        self.figures["kills"] += 1
        return bytes(heard)

    def _take(self, heard: bytes) -> None:
        """What the process reported; its last report may be cut off."""
        given: dict[int, Batch] = {}
        at = 0
        while at + 4 <= len(heard) and at + 4 + (size := int.from_bytes(heard[at:at + 4], "big")) <= len(heard):
            kind, number, batch = pickle.loads(heard[at + 4:at + 4 + size])
            at += 4 + size
            if kind == "given":
                given[number] = batch
            else:
                acked = given.pop(number)
                self.ledger.acked.append(acked)
                self.ledger.certain = applied(self.ledger.certain, acked)
        self.ledger.open = list(given.values())

    async def _look(self) -> None:
        """The file as the next process finds it."""
        try:
            store = SqliteStore(self.path)
        except WeftError as error:
            raise Found("corrupt", str(error)) from error
        try:
            found = await store.check()
            if found != "ok":
                raise Found("corrupt", found[:200])
            self.ledger.judge(contents(store._connection), self.figures)
        finally:
            store.crash()


def files(seed: int, kills: int, control: str, figures: Counter[str]) -> Iterator[tuple[int, str]]:
    """(number of the file, what was found in it or "") until ``kills`` are done."""
    with tempfile.TemporaryDirectory(prefix="weft-kills-") as folder:
        original = f"{folder}/original.db"

        async def founded() -> tuple[Stage, Any]:
            store = SqliteStore(original)
            stage = await staged(store)
            begun = contents(store._connection)
            await store.close()
            return stage, begun

        stage, begun = asyncio.run(founded())
        number = seed
        while figures["kills"] < kills:
            path = f"{folder}/{number}.db"
            shutil.copyfile(original, path)
            one = Killing(path, stage, random.Random(number), control, Ledger(begun), figures)
            told = ""
            try:
                for _ in range(min(KILLS_OF_A_FILE, kills - figures["kills"])):
                    one.once()
            except Found as found:
                figures[found.kind] += found.many
                told = str(found)
            yield number, told
            for left in Path(folder).glob(f"{number}.db*"):
                left.unlink()
            number += 1


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(prog="tests.faults.kills")
    parser.add_argument("--n", type=int, default=500, help="how many kills")
    parser.add_argument("--seed", type=int, default=1, help="the first file")
    parser.add_argument("--control", choices=("", "hasty"), default="")
    asked = parser.parse_args()
    figures: Counter[str] = Counter(kills=0, acked=0, lost=0, half=0, corrupt=0)
    begun, found = time.monotonic(), 0
    with contextlib.closing(files(asked.seed, asked.n, asked.control, figures)) as each:
        for number, told in each:
            if told:
                found += 1
                print(f"file {number}: {told[:200]}")
            print(f"{figures['kills']} of {asked.n} kills", end="\r" if sys.stderr.isatty() else "\n",
                  file=sys.stderr, flush=True)
    print(json.dumps({"control": asked.control, **figures, "seconds": round(time.monotonic() - begun, 1)}))
    return int(bool(found) != bool(asked.control))


if __name__ == "__main__":
    sys.exit(main())
