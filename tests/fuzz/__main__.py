"""Feeds decoders, verifiers and a node with bent bytes: ``make fuzz N=1000000``, ``SEED=7``, ``make fuzz ONLY=4711``.

Prints one line of figures; each finding is printed with the command that replays it. With ``--control lax`` (headers in
any spelling are taken) or ``--control leaky`` (what is refused is stored all the same) it must find something.
"""

import argparse
import asyncio
import json
import multiprocessing
import random
import sys
import time
import traceback
from collections import Counter
from typing import Any

import orjson

from tests.fuzz import mutations
from tests.fuzz.targets import MAKER, TARGETS, Finding, Told, corpora
from tests.memory import peak_kb
from weft.basis.errors import Invalid, WeftError
from weft.engine import sync
from weft.thread import event

BLOCK = 256  # a node that is told things begins anew with each block
CPU_S_MAX = 2.0  # of one execution
GROWTH_KB_MAX = 150_000  # of one process after its first tenth
SHOWN_MAX = 5
NAMES = (*TARGETS, "header", "sync", "sync", "sync-signed", "sync-signed", "envelope", "envelope-signed")


class Runner:
    """One process: executions by number, each a function of seed and number (and of its block before it)."""

    def __init__(self, seed: int) -> None:
        self.seed, self.corpora = seed, corpora()
        self.everything = [one for kind in self.corpora.values() for one in kind]
        self.loop = asyncio.new_event_loop()
        self.told: Told | None = None
        self.block = -1
        self.figures: Counter[str] = Counter()
        self.slowest = 0.0

    def one(self, number: int) -> None:
        """Execution ``number``; raises what it finds."""
        if number // BLOCK != self.block:
            self.block, self.told = number // BLOCK, None
        luck = random.Random(f"{self.seed}:{number}")
        name = luck.choice(NAMES)
        begun = time.process_time()
        try:
            accepted = self._take(name, luck)
        except WeftError:
            accepted = False
        took = time.process_time() - begun
        self.slowest = max(self.slowest, took)
        self.figures["accepted" if accepted else "refused"] += 1
        self.figures[name] += 1
        if took > CPU_S_MAX:
            raise Finding(f"{name} took {took:.1f} s")

    def _take(self, name: str, luck: random.Random) -> bool:
        if name in ("header", "sync", "sync-signed"):
            return self._take_told(name, luck)
        kind = name.partition("-")[0]
        if name == "envelope-signed":
            made = mutations.signed_anew(luck, event.unwire(luck.choice(self.corpora[kind])), MAKER.device)
            data = b"" if made is None else event.wire(made)
        else:
            data = self._bent(luck, luck.choice(self.corpora[kind]))
        return TARGETS[kind](data, luck)

    def _take_told(self, name: str, luck: random.Random) -> bool:
        if self.told is None:
            self.told = Told(self.loop)
        if name == "header":
            return self.told.take_header(mutations.bytewise(luck, self.told.good_header(), self.everything), luck)
        data = self.told.signed_request(luck)
        return self.told.take_sync(self._bent(luck, data) if name == "sync" else data, luck)

    def _bent(self, luck: random.Random, data: bytes) -> bytes:
        kind = luck.randrange(20)
        if kind == 0:
            return data
        return mutations.shaped(luck, data) if kind < 10 else mutations.bytewise(luck, data, self.everything)


def work(job: tuple[int, int, int, str, Any]) -> tuple[Counter[str], float, int, list[tuple[int, str]]]:
    """Executions ``first`` up to ``last`` in a process of their own."""
    seed, first, last, control, told = job
    spoil(control)
    runner, found, early = Runner(seed), list[tuple[int, str]](), 0
    for number in range(first, last):
        try:
            runner.one(number)
        except Exception:  # noqa: BLE001 - whatever is no refusal is a finding
            found.append((number, traceback.format_exc()))
            if control or len(found) >= SHOWN_MAX:
                break
        if number - first == (last - first) // 10:
            early = peak_kb()
        if told is not None and number % 1_000 == 0:
            told.put(1_000)
    grown = peak_kb() - early if early else 0
    if grown > GROWTH_KB_MAX:
        found.append((first, f"memory grew by {grown} KB"))
    return runner.figures, runner.slowest, grown, found


def spoil(control: str) -> None:
    """Put in a fault that must be found."""
    if control == "lax":
        def lax(data: bytes) -> Any:
            try:
                return orjson.loads(data)
            except orjson.JSONDecodeError as error:
                raise Invalid("canonical.malformed") from error

        event.canonical.decode = lax
    elif control == "leaky":
        right = sync.answer

        async def leaky(memory: Any, peer: str, request: Any) -> Any:
            held = memory.store._threads
            held[f"leak {len(held)}"] = held[memory.organisation]
            return await right(memory, peer, request)

        sync.answer = leaky


def main() -> int:
    """Run; 0 when nothing was found (with a control: when something was)."""
    parser = argparse.ArgumentParser(prog="tests.fuzz")
    parser.add_argument("--n", type=int, default=20_000, help="executions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, default=None, help="this one (and its block before it), and show it")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--control", choices=("lax", "leaky"), default="")
    asked = parser.parse_args()
    begun = time.monotonic()
    if asked.only is not None:
        first = asked.only - asked.only % BLOCK
        outcomes = [work((asked.seed, first, asked.only + 1, asked.control, None))]
    else:
        outcomes = spread(asked)
    figures: Counter[str] = Counter()
    found: list[tuple[int, str]] = []
    for counted, _, _, one in outcomes:
        figures.update(counted)
        found += one
    for number, told in found[:SHOWN_MAX]:
        print(f"{told}\nreplay: make fuzz SEED={asked.seed} ONLY={number}", flush=True)
    done = {
        "executions": figures["accepted"] + figures["refused"], "accepted": figures["accepted"],
        "refused": figures["refused"], "findings": len(found), "seed": asked.seed, "control": asked.control,
        "slowest_cpu_ms": round(max(one[1] for one in outcomes) * 1000), "grown_kb": max(one[2] for one in outcomes),
        "seconds": round(time.monotonic() - begun), "by": {name: figures[name] for name in sorted(set(NAMES))},
    }
    print(json.dumps(done), flush=True)
    return int(bool(found) != bool(asked.control))


def spread(asked: Any) -> list[Any]:
    """The executions over processes, with progress on the error output."""
    share = -(-asked.n // asked.processes // BLOCK) * BLOCK
    with multiprocessing.Manager() as manager, multiprocessing.Pool(asked.processes) as pool:
        told = manager.Queue()
        jobs = [(asked.seed, k * share, min((k + 1) * share, asked.n), asked.control, told)
                for k in range(asked.processes) if k * share < asked.n]
        running = pool.map_async(work, jobs, chunksize=1)
        count, shown = 0, 0.0
        while not running.ready():
            running.wait(0.5)
            while not told.empty():
                count += told.get()
            if time.monotonic() - shown > 10:
                shown = time.monotonic()
                print(f"{count:,} of {asked.n:,}", file=sys.stderr, flush=True)
        return list(running.get())


if __name__ == "__main__":
    sys.exit(main())
