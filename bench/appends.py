"""Durable appends in groups of 128: thread events (each signed) and book events (tip-signed).

Ours is the engine's own path: decide, compose, fold, one transaction with state, effects and deliveries.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec

from bench.bare import BareLoop
from bench.firm import found, machine_named, measured, propose
from bench.rounds import Result, interleaved, rate, show, stopwatch
from weft.basis.canonical import b64, digest
from weft.engine import handle
from weft.engine.receive import key_log_of
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.facts import JobCounted, JobStarted
from weft.trade.messages import Party, PartyUpdated
from weft.trade.say import Say

GROUP = 128
GROUPS = 12
ROUNDS = 7
SHARE = 0.8
DESCRIPTION = json.dumps({
    "@context": "https://www.w3.org/2022/wot/td/v1.1", "title": "Lathe", "id": "urn:dev:lathe-1",
    "base": "opc.tcp://127.0.0.1:4840",
    "security": "none", "securityDefinitions": {"none": {"scheme": "nosec"}}, "properties": {},
})  # fmt: skip


def _update(turn: int) -> PartyUpdated:
    return PartyUpdated(party=Party(name="Jinggong Machining", url="http://127.0.0.1:8440", address=f"Hall {turn}"))


async def _ours(folder: Path) -> tuple[Any, Any]:
    memory = await found(folder, "ours")
    keys = await key_log_of(memory, memory.organisation)
    others = [b64(digest("bench/1", b"%d" % k)) for k in range(GROUP)]
    threads = [await propose(memory, other, keys) for other in others]
    book = await handle.open_thread(memory, machine_named("floor"), {memory.organisation: "owner"}, None)
    begun = JobStarted(machine="L1", job="J1", at="2026-11-25T08:00:00.000Z")
    await handle.say(memory, book, [MachineAdded(machine="L1", description=DESCRIPTION), begun])
    turn = 0

    async def thread_events() -> float:
        nonlocal turn
        watch = stopwatch()
        for _ in range(GROUPS):
            turn += 1
            said = Say(role="invitee", by=memory.organisation, message=_update(turn))
            await asyncio.gather(*(handle.say(memory, thread, [said]) for thread in threads))
        return GROUP * GROUPS / watch()

    async def book_events() -> float:
        nonlocal turn
        watch = stopwatch()
        for _ in range(GROUPS):
            turn += 1
            facts = [
                JobCounted(machine="L1", job="J1", good=turn * GROUP + k, at="2026-11-25T08:00:00.000Z")
                for k in range(GROUP)
            ]
            told = await handle.say(memory, book, facts)
            if len(told) != GROUP:
                raise RuntimeError("the book did not take every fact")
        return GROUP * GROUPS / watch()

    return thread_events, book_events


def _bare(folder: Path) -> tuple[Any, Any]:
    content = msgspec.json.encode(_update(1))
    spread = BareLoop(str(folder / "bare-threads.db"), GROUP, content, state=b"s" * 600)
    single = BareLoop(str(folder / "bare-book.db"), 1, content, state=b"")

    async def thread_events() -> float:
        watch = stopwatch()
        for _ in range(GROUPS):
            spread.append(range(GROUP), sign_each=True)
        return GROUP * GROUPS / watch()

    async def book_events() -> float:
        watch = stopwatch()
        for _ in range(GROUPS):
            single.append([0] * GROUP, sign_each=False)
        return GROUP * GROUPS / watch()

    return thread_events, book_events


async def work(folder: Path) -> list[Result]:
    """The two lines of DESIGN §13."""
    threads, book = await _ours(folder)
    bare_threads, bare_book = _bare(folder)
    told = await interleaved(
        {"threads": threads, "bare threads": bare_threads, "book": book, "bare book": bare_book}, ROUNDS
    )
    return [
        rate("durable appends, thread, each signed", told["threads"], told["bare threads"], SHARE),
        rate("durable appends, book, tip-signed", told["book"], told["bare book"], SHARE),
    ]


def results() -> list[Result]:
    """All lines of this file."""
    return measured(work)


if __name__ == "__main__":
    show(results())
