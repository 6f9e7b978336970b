"""An order costs the same whatever went before: from the request to the bill, after many orders and after a few.

Two pairs of a shop and a factory that do everything by themselves, their nodes whole but for HTTP, real databases; both
pairs take turns. Processor time of both nodes together, the regular tasks of all four among it; the better half counts.
Then the factory's first page where memory holds no order, as after a start, and what an order leaves in memory.
``ORDERS=2000`` in the environment makes a longer history.
"""

import asyncio
import gc
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from bench.rounds import Result
from tests.engine.dealing import BOOK, ordered, table
from tests.engine.world import Wires, befriend, found
from weft.config import Peers
from weft.engine.commands import run
from weft.engine.node import Node
from weft.engine.views import VIEWS
from weft.stores.sqlite import SqliteStore

MANY, FEW = int(os.environ.get("ORDERS", "300")), 20
ROUNDS, AT_ONCE, PAGES = 10, 5, 5
MOST = 1.5
LATER_MS = 7 * 24 * 3_600_000  # then none of the orders is news


@dataclass(slots=True)
class Pair:
    """A shop that buys valves of a factory."""

    shop: Node
    factory: Node

    async def trade(self, orders: int) -> float:
        """So many orders, each to its end; processor seconds for one."""
        begun = time.process_time()
        for _ in range(orders):
            await ordered(self.shop, self.factory)
        return (time.process_time() - begun) / orders

    async def first_page(self) -> float:
        """Processor seconds for the factory's first page, with nothing of its orders in memory."""
        for thread in self.factory.threads("order"):
            self.factory.forget(thread)
        begun = time.process_time()
        await VIEWS["today"](self.factory)
        return time.process_time() - begun


async def paired(folder: Path, name: str) -> Pair:
    """Two firms that know each other, goods, prices."""
    wires = Wires()
    shop, factory = [await found(wires, who, store=SqliteStore(str(folder / f"{name}-{who}.db")))
                     for who in ("Shop", "Factory")]
    for node in (shop, factory):  # as an owner has it: who is silent for a moment was not away
        node.outbox.retry_ms = int(Peers().retry_s_min * 1000), int(Peers().retry_s_max * 1000)
    await befriend(factory, shop)
    for node, kind, text in ((factory, "items", "item,name,unit\nV15,球阀,C62\n"),
                             (factory, "stock", "item,quantity\nV15,5000000\n"),
                             (shop, "items", "item,name,unit\nV15,Valve,C62\n")):
        await run(node, "import", {"kind": kind, "content": table(text)})
    await run(factory, "publish-prices", {"book": BOOK})
    return Pair(shop, factory)


def anonymous_kb() -> int:
    """What this process holds besides mapped files."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def better_half(times: list[float]) -> float:
    """The mean of the better half, in milliseconds."""
    best = sorted(times)[:max(1, len(times) // 2)]
    return 1000 * sum(best) / len(best)


async def _measured(folder: Path) -> list[Result]:
    old, young = await paired(folder, "old"), await paired(folder, "young")
    await young.trade(FEW)
    await old.trade(MANY // 2)
    gc.collect()
    before = anonymous_kb()
    await old.trade(MANY - MANY // 2)
    gc.collect()
    kept = (anonymous_kb() - before) / (MANY - MANY // 2)
    orders: tuple[list[float], list[float]] = ([], [])
    pages: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place, one in enumerate((old, young)):
            orders[place].append(await one.trade(AT_ONCE))
    for one in (old, young):
        one.factory.clock.ms += LATER_MS  # type: ignore[attr-defined]  # a clock for tests
    for _ in range(PAGES):
        for place, one in enumerate((old, young)):
            pages[place].append(await one.first_page())
    for node in (old.shop, old.factory, young.shop, young.factory):
        await node.stop()
        await node.store.close()
    return [_line(f"order, {MANY} before", orders, MOST), _line(f"first page from cold, {MANY} orders", pages),
            Result("memory that an order leaves, both nodes", f"{kept:.0f} kB")]


def _line(name: str, times: tuple[list[float], list[float]], most: float | None = None) -> Result:
    many, few = (better_half(one) for one in times)
    told = Result(name, f"{many:.1f} ms", f"{few:.1f} ms", many / few)
    return told if most is None else replace(told, target=f"<= {most}", met=many / few <= most)


def results() -> list[Result]:
    """Lines of the table."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measured(Path(folder)))
