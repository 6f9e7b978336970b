"""What the window of an order costs a partner's program, with ten thousand orders of our own.

Told is processor time of the first request after a start and of each one after it, for a partner with few orders, for
one with nearly all of them, and after one order has changed; beside it, how many orders were read. The orders are
copies of one, held in memory: what reading them from disk costs comes on top of a first request, and of nothing else.
Not here: HTTP (``twin_http.py``), one whole deal (``tests/engine/twins/test_windows.py``).
"""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec

from bench.rounds import Result, show
from weft.basis.errors import NotFound
from weft.config import Config
from weft.engine.clock import SystemClock
from weft.engine.holdings import Holdings
from weft.engine.twins.access import Access, program
from weft.engine.twins.ports import ALL, Row
from weft.engine.twins.window import Windows
from weft.trade.order_state import Despatch, OrderState, Phase, SentLine
from weft.twin.elements import Json

ORDERS, FEW, PAGE, ROUNDS = 10_000, 100, 100, 20
US, LARGE, SMALL = "did:us", "did:large", "did:small"
FLAT = 1.3  # a steady page for who has nearly all orders against one for who has few


@dataclass
class Shelf:
    """The twins of the orders and lots, each as small as it can be."""

    async def get(self, kind: Any, name: str) -> Row:
        """One twin."""
        body: Json = {"modelType": "AssetAdministrationShell", "id": name, "submodels": [
            {"type": "ModelReference", "keys": [{"type": "Submodel", "value": f"{name}:{one}"}]}
            for one in ("ProductionOrder", "Jobs", "LotData", "Stock")]}
        if kind != "shell":
            raise NotFound("twin.submodel", id=name)
        return Row(kind, name, 0, "", msgspec.json.encode(body))

    async def document(self, kind: Any, name: str) -> tuple[Row, Json]:
        """One twin, decoded."""
        row = await self.get(kind, name)
        return row, msgspec.json.decode(row.body)


@dataclass
class Firm:
    """A firm with many orders: the first ``FEW`` with one partner, the others with another."""

    organisation: str = US
    clock: SystemClock = field(default_factory=SystemClock)
    holdings: Holdings = field(default_factory=Holdings)
    keyring: dict[str, Any] = field(default_factory=dict)
    twins: Shelf = field(default_factory=Shelf)
    config: Config = field(default_factory=Config)
    windows: Windows = field(init=False)
    orders: dict[str, OrderState] = field(default_factory=dict)
    stock: Any = None
    production: Any = None

    def __post_init__(self) -> None:
        self.windows, self.store = Windows(self), SimpleNamespace(value=_nothing, values=_none)
        for number in range(ORDERS):
            thread = f"order-{number:05}"
            line = SentLine(line="1", item="V15", quantity="1", unit="C62", lots=(f"L{number}",))
            sent = Despatch(kind="goods", number="D", at="2026-11-01T00:00:00.000Z", lines=(line,))
            self.orders[thread] = OrderState(phase=Phase.CLOSED, despatches={"x": sent})
            self.said(thread)
        self.stock = SimpleNamespace(lots=dict.fromkeys(f"L{number}" for number in range(ORDERS)))
        self.production = SimpleNamespace(orders={
            f"MO{number}": SimpleNamespace(id=f"MO{number}", parent="", demand=SimpleNamespace(
                thread=f"order-{number:05}")) for number in range(ORDERS)})

    def buyer(self, thread: str) -> str:
        """Whose order it is."""
        return SMALL if thread < f"order-{FEW:05}" else LARGE

    def said(self, thread: str) -> None:
        """Somebody has said something in an order."""
        self.holdings.note(US, (US, self.buyer(thread)), thread, (f"{time.perf_counter_ns()}",))

    def threads(self, _name: str) -> list[str]:
        """All orders."""
        return sorted(self.orders)

    def book(self, name: str) -> str:
        """A book is called by its name."""
        return name

    async def members(self, thread: str) -> dict[str, str]:
        """Who is in an order."""
        return {US: "seller", self.buyer(thread): "buyer"}

    async def state(self, thread: str) -> Any:
        """An order, or a book."""
        return {"stock": self.stock, "production": self.production}.get(thread) or self.orders[thread]


async def _nothing(_bucket: str, _key: str) -> None:
    return None


async def _none(_bucket: str) -> list[Any]:
    return []


async def _page(firm: Firm, partner: str) -> float:
    """Milliseconds of processor time for a page of shells, the rules made as for each request."""
    begun = time.process_time()
    page = await Access(firm).page(program("ERP", partner), "shell", "", PAGE, ALL)
    assert len(page.rows) == PAGE
    return (time.process_time() - begun) * 1000


async def measure() -> list[tuple[str, float, float, float, int, int, int]]:
    """(partner's orders, ms of the first page, of a steady one, of one after a change; orders read for each)."""
    found = []
    for name, partner, some in (("few", SMALL, "order-00000"), ("nearly all", LARGE, "order-09999")):
        firm = Firm()
        first, read = await _page(firm, partner), firm.windows.reads
        steady = sorted([await _page(firm, partner) for _ in range(ROUNDS)])[ROUNDS // 2]
        again = firm.windows.reads - read
        firm.said(some)
        after = await _page(firm, partner)
        found.append((name, first, steady, after, read, again, firm.windows.reads - read - again))
    return found


def results() -> list[Result]:
    """Rows for the table."""
    rows: list[Result] = []
    few = 0.0
    for name, first, steady, after, *reads in asyncio.run(measure()):
        print(f"twin_access: {name}: {reads[0]}, {reads[1]} and {reads[2]} orders read", file=sys.stderr)
        what = f"page of {PAGE} windows, {name} of {ORDERS:,} orders"
        rows += [Result(f"{what}: first", f"{first:.1f} ms"),
                 Result(f"{what}: steady", f"{steady:.1f} ms", target=f"<= {FLAT} of few, 0 read",
                        met=steady <= FLAT * (few or steady) and reads[1] == 0),
                 Result(f"{what}: after one word", f"{after:.1f} ms", target="1 read", met=reads[2] == 1)]
        few = few or steady
    return rows


def main() -> int:
    """Print what it costs; 1 when a steady request costs more for many orders than for few, or reads one."""
    found = results()
    show(found)
    return 0 if all(one.met is not False for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
