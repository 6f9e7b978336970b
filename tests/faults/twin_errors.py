"""A disk that refuses under the store of written twins: ``python -m tests.faults.twin_errors --n 1000``.

As ``errors.py`` does it for the node's own database: full, or failing to write, sync, cut off or delete, once or
several times in a row, in half of the cases with a power cut right after. Meanwhile twins are written, imported and
erased, and files come in. What was refused has its code and is not there; all that was confirmed is, and is read
meanwhile; afterwards the store goes on by itself.
Controls: ``again`` takes a sync that failed for done when the second try succeeds, ``hasty`` tells of a commit before
it is stored. Exit code 1 when anything was found, or (control) when nothing was.
Not here: cuts without errors (``twins.py``).
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apsw

from tests.faults.disk import Disk, inserted
from tests.faults.errors import CODES, CONTROLS, IN_MEMORY, PATIENCE_S, soon
from tests.faults.ledger import Found
from tests.faults.twins import FOUND_MAX, MOMENTS, NAMES, World, quiet
from weft.basis.errors import Unavailable, WeftError
from weft.engine.twins.ports import Change
from weft.stores import writer
from weft.stores.twins.store import SqliteTwins

FAULTS = 12  # of one world


class HastyTwins(SqliteTwins):
    """Control that must fail: says that it is stored, and then tries."""

    async def commit(self, changes: Sequence[Change]) -> Sequence[Any]:
        """Whatever happens, all is well."""
        with contextlib.suppress(Unavailable):
            return await super().commit(changes)
        return []


@dataclass(slots=True)
class Refusing(World):
    """One disk through its faults."""

    async def run(self) -> None:
        """All faults; raises ``Found``."""
        self.disk = Disk({}, self.luck)
        writer.WAL_PAGES_CHECKPOINT = self.luck.choice((12, 40, 2_000))
        store = self._opened()
        for _ in NAMES:
            await self._commit(store)
        for _ in range(FAULTS):
            kind = self.luck.choice(tuple(IN_MEMORY))
            self.figures["faults"] += 1
            self.figures[kind] += 1
            self.disk.life.again = self.control == "again"
            self.disk.life.wrong = IN_MEMORY[kind](self.luck)
            await self._refused(store, CODES["limit"])
            await self._reads(store)
            if self.luck.random() < 0.5:
                store = await self._ended(store)
            else:
                self.disk.life.wrong = None
                await self._heals(store)
        self._bury(store)

    def _kind(self) -> type[SqliteTwins]:
        return HastyTwins if self.control == "hasty" else SqliteTwins

    async def _refused(self, store: SqliteTwins, codes: set[str]) -> None:
        for _ in range(self.luck.randint(1, MOMENTS)):
            for error in await asyncio.gather(*self._moment(store), return_exceptions=True):
                if isinstance(error, Unavailable) and error.code in codes:
                    self.figures["refused"] += 1
                    self.figures[error.code] += 1
                elif isinstance(error, BaseException):
                    raise error

    async def _reads(self, store: SqliteTwins) -> None:
        """While the disk refuses, all that was confirmed can be read, and nothing else is there."""
        for name, body in self.certain.items():
            row = await store.get("submodel", name)
            if row is None or row.body != body:
                raise Found("lost", f"{name} cannot be read while the disk refuses")
            self.figures["read meanwhile"] += 1

    async def _heals(self, store: SqliteTwins) -> None:
        """The disk takes again what it is given: the store goes on by itself, with what was confirmed and no more."""
        until = time.monotonic() + PATIENCE_S
        while (trouble := await store.trouble()) is not None and trouble.code != "store.full":
            if time.monotonic() > until:
                raise Found("stuck", str(trouble))
            await asyncio.sleep(0.001)
        self.open.clear()
        self._look(store)
        await self._commit(store)
        self.figures["healed"] += 1


def worlds(seeds: Iterable[int], control: str = "") -> Iterator[tuple[Counter[str], str]]:
    """(figures, what was found or "") of each world."""
    with tempfile.TemporaryDirectory(prefix="weft-twins-") as folder, inserted(), soon(), quiet(""):
        for seed in seeds:
            world, told = Refusing(folder, random.Random(seed), control), ""
            try:
                asyncio.run(world.run())
            except Found as found:
                world.figures[found.kind] += 1
                told = f"{seed}: {found}"
            except (WeftError, apsw.Error) as error:
                world.figures["unexpected"] += 1
                told = f"{seed}: unexpected: {error}"
            world.disk.life.dead = world.disk.life.buried = True
            yield world.figures, told


def main() -> int:
    """As the module says."""
    parser = argparse.ArgumentParser(prog="tests.faults.twin_errors")
    parser.add_argument("--n", type=int, default=1_000, help="how many faults")
    parser.add_argument("--start", type=int, default=1, help="the first seed")
    parser.add_argument("--control", choices=("", *CONTROLS), default="")
    asked = parser.parse_args()
    figures: Counter[str] = Counter(faults=0, acked=0, imports=0, refused=0, lost=0, half=0, corrupt=0, stuck=0)
    begun, found = time.monotonic(), 0
    for one, told in worlds(range(asked.start, asked.start + asked.n), asked.control):
        figures.update(one)
        if told:
            found += 1
            print(told[:200])
        if figures["faults"] >= asked.n or found >= FOUND_MAX:
            break
    print(json.dumps({"control": asked.control, **figures, "worlds broken": found,
                      "seconds": round(time.monotonic() - begun, 1)}))
    return int(bool(found) != bool(asked.control))


if __name__ == "__main__":
    sys.exit(main())
