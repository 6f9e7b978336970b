"""A valve factory in the middle of its day: real nodes over memory, with customers, suppliers, machines and bills.

    python -m tests.doors.console.sample [port] [empty]      serves its console on loopback, to be looked at
"""

import asyncio
import base64
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

from starlette.applications import Starlette

from tests.engine.world import Wires, befriend, found, quiet, until
from weft.config import Rules
from weft.doors import console
from weft.engine.clock import SystemClock
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.live import Live
from weft.shopfloor.book import CommandIntended, CommandUnknown, MachineAdded
from weft.shopfloor.connection import Link, Quality, Value
from weft.shopfloor.facts import JobCounted, JobStarted, MachineAlarmed
from weft.shopfloor.reading import fill
from weft.trade.order_state import Phase

LATHE = Path(__file__).parents[3] / "examples" / "demo" / "machines" / "lathe.td.json"
TOKEN = "owner-token-of-the-home"
ASK = Rules(quote="ask", order="ask", change="ask", despatch="ask", subcontract="auto", receive="ask")
AUTO = Rules(quote="auto", order="auto", change="auto", despatch="ask", subcontract="auto", receive="ask")
TABLES = (
    ("items", """item,zh,en,unit,kind,reorder_point,reorder_quantity
BV-15,球阀 DN15,Ball valve DN15,C62,product,20,100
BODY-15,阀体 DN15,Valve body DN15,C62,part,,
STEM-15,阀杆 DN15,Valve stem DN15,C62,part,,
SEAL-15,密封组件 DN15,Seal kit DN15,SET,part,,
BAR-20,黄铜棒 20 mm,Brass bar 20 mm,KGM,material,40,200
"""),
    ("stock", """item,quantity,lot,heat,place
BV-15,12,BV-2611-01,,A-01-2
BODY-15,480,BO-2610-07,7731,A-02-1
STEM-15,540,ST-2610-02,7698,A-02-3
SEAL-15,450,SK-2611-04,,B-01-1
BAR-20,36.5,BR-88,A5512,C-01
"""),
    ("calendars", "calendar,utc_offset,day,start,end\nday,+08:00,1-7,00:00,24:00\n"),
    ("work-centres", """id,zh,en,calendar,machine
CELL,装配单元,Assembly cell,day,Cell1
LATHE,数控车床,CNC lathe,day,Lathe1
BENCH,去毛刺台,Deburring bench,day,
"""),
    ("bills", "parent,component,quantity,unit\nBV-15,BODY-15,1,C62\nBV-15,STEM-15,1,C62\nBV-15,SEAL-15,1,SET\n"),
    ("routings", """item,number,zh,en,work_centre,setup_s,run_s,program
BV-15,10,去毛刺,Deburr,BENCH,120,20,
BV-15,20,装配与试压,Assemble and test,CELL,600,90,BV15-A
"""),
)
PRICES = {
    "id": "valves", "name": "阀门 2026 / Valves 2026", "currency": "CNY", "basis": "net",
    "tax": {"category": "S", "percent": "13"}, "valid_from": "2026-01-01T00:00:00Z", "notice_days": 14,
    "attributes": {"payment_term": ["30d", "prepaid"]},
    "lines": [{"item": "BV-15", "unit": "C62", "tiers": [
        {"from": "1", "price": "46"}, {"from": "50", "price": "41.5"}, {"from": "200", "price": "38.25"}]}],
    "rules": [{"id": "prepaid", "name": "预付款 / prepaid", "multiply": "49/50",
               "when": [{"attribute": "payment_term", "one_of": ["prepaid"]}]}],
}


SHOP_ITEMS = "item,zh,en,unit\nBV-15,球阀 DN15,Ball valve DN15,C62\n"
CHOICES = [
    {"id": "later", "kind": "later", "lines": [{"line": "1", "promise": "2027-01-20T08:00:00.000Z"}]},
    {"id": "partial", "kind": "partial", "note": "12", "lines": [{"line": "1", "promise": "2027-01-20T08:00:00.000Z"}]},
    {"id": "cancel", "kind": "cancel", "lines": [{"line": "1", "quantity": "0"}]},
]


@dataclass
class Sample:
    """The factory, its neighbours, and what the pages are about."""

    node: object
    shop: object
    others: list = field(default_factory=list)
    orders: dict[str, str] = field(default_factory=dict)
    jobs: list[str] = field(default_factory=list)

    @property
    def routes(self):
        return console.routes(self.node)

    async def stop(self) -> None:
        for node in (self.node, self.shop, *self.others):
            node.closing()
            await node.stop()


@dataclass
class Stepping:
    """A clock for live values of the past minutes."""

    ms: int

    def now_ms(self) -> int:
        return self.ms


def table(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def alone(*, dev_open: bool = False) -> Sample:
    """A factory on its first day: nothing but itself."""
    wires = Wires()
    node = await _firm(wires, "恒泰阀门", ASK)
    node.dev_open = dev_open
    shop = await _firm(wires, "明记五金", AUTO)
    return Sample(node, shop)


async def _firm(wires: Wires, name: str, rules: Rules):
    node = await found(wires, name, rules=rules, clock=SystemClock())
    node.devices = Devices(node.store, node.clock, node.random, TOKEN)
    return node


async def at_work(*, dev_open: bool = False) -> Sample:
    """A factory with orders in every column, a machine at work, one in alarm, and bills to settle."""
    sample = await alone(dev_open=dev_open)
    node, shop = sample.node, sample.shop
    await befriend(node, shop)
    for kind, text in TABLES:
        done = await run(node, "import", {"kind": kind, "content": table(text)})
        assert not done.facts["problems"], (kind, done.facts["problems"])
    await run(node, "publish-prices", {"book": PRICES})
    await run(shop, "import", {"kind": "items", "content": table(SHOP_ITEMS)})
    for name, quantity, reach in (
        ("sent", "8", "sent"), ("arriving", "4", "arriving"), ("asked", "35", "asked"), ("quoted", "60", "quoted"),
        ("ordered", "24", "ordered"), ("making", "50", "confirmed"), ("changed", "30", "changed"),
    ):
        sample.orders[name] = await _order(sample, quantity, reach)
    await _machines(sample)
    await _bill(sample)
    await quiet(node, shop)
    return sample


async def _order(sample: Sample, quantity: str, reach: str) -> str:
    node, shop = sample.node, sample.shop
    done = await run(shop, "request-quotation", {
        "supplier": "恒泰阀门", "note": "请尽快 / as soon as you can" if reach == "asked" else "",
        "lines": [{"item": "BV-15", "quantity": quantity, "description": ""}]})
    thread = done.thread
    await _phase(node, thread, Phase.REQUESTED)
    if reach == "asked":
        return thread
    await run(node, "quote", {"thread": thread})
    await _phase(shop, thread, Phase.QUOTED)
    if reach == "quoted":
        return thread
    await run(shop, "order", {"thread": thread})
    await _phase(node, thread, Phase.ORDERED)
    if reach == "ordered":
        return thread
    await run(node, "respond", {"thread": thread, "code": "AP"})
    await _phase(shop, thread, Phase.CONFIRMED)
    await quiet(node, shop)
    if reach in ("sent", "arriving"):
        await run(node, "despatch", {"thread": thread})
        await quiet(node, shop)
    if reach == "sent":
        await run(shop, "receive", {"thread": thread})
        await quiet(node, shop)
    if reach == "changed":
        await run(node, "propose-change", {"thread": thread, "cause": "machine-late", "options": CHOICES})
        await quiet(node, shop)
    return thread


async def _phase(node, thread: str, phase: Phase) -> None:
    async def reached() -> bool:
        return thread in node.threads("order") and (await node.state(thread)).phase is phase

    await until(reached)


async def _machines(sample: Sample) -> None:
    """Two machines: the lathe in alarm, the cell with values; and a job under way on the bench."""
    node = sample.node
    at = "2026-11-25T08:15:30.250Z"
    said = [MachineAdded(machine=name, description=fill(LATHE.read_text(), {
        "NAME": name, "ENDPOINT": "opc.tcp://127.0.0.1:4840"})) for name in ("Lathe1", "Cell1")]
    await node.say_many(node.book("floor"), said)
    state = await node.book_state("production")
    sample.jobs = [job.id for job in state.jobs.values()]
    bench = next(job for job in state.jobs.values() if job.work_centres == ("BENCH",))
    cell = next(job for job in state.jobs.values() if job.previous == bench.id)
    await run(node, "job-start", {"job": bench.id, "operator": "李"})
    await run(node, "job-count", {"job": bench.id, "good": "31"})
    await node.record("floor", MachineAlarmed(machine="Lathe1", code="E-207", text="Coolant low", at=at),
                      JobStarted(machine="Cell1", job=cell.id, at=at),
                      JobCounted(machine="Cell1", job=cell.id, good=17, at=at),
                      CommandIntended(command="c-1", machine="Lathe1", job="OLD-10", kind="start", at=at),
                      CommandUnknown(command="c-1", machine="Lathe1", job="OLD-10", reason="no-answer", at=at))
    clock = Stepping(node.clock.now_ms() - 240_000)
    node.live = Live(clock)
    node.live.link("Cell1", Link(up=True))
    for step in range(120):
        clock.ms += 2000
        wave = (step * 7) % 11
        node.live.take("Cell1", [
            ("SpindleSpeed", Value(1180.0 + 12 * wave)), ("Temperature", Value(round(38 + step / 30 + wave / 9, 1))),
            ("SpindleLoad", Value(round(52 + 4.5 * wave + (18 if step % 24 > 15 else 0), 1))),
            ("PieceCount", Value(17 + step // 40))])
    node.live.take("Cell1", [("Feed", Value(None, Quality.BAD, detail="BadSensorFailure"))])


async def _bill(sample: Sample) -> None:
    """The shop sees a bill and a statement of ours."""
    node = sample.node
    sent = sample.orders.get("sent", "")
    if sent and any(float(line.received) for line in (await node.state(sent)).lines.values()):
        await run(node, "invoice", {"thread": sent})
        await quiet(node, sample.shop)


async def served(node, port: int, ended: asyncio.Event | None = None) -> None:
    """Serve the console of ``node`` until ``ended``."""
    import uvicorn

    config = uvicorn.Config(Starlette(routes=console.routes(node)), host="127.0.0.1", port=port, log_level="warning",
                            lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext
    serving = asyncio.create_task(server.serve())
    await (ended or asyncio.Event()).wait()
    node.closing()
    server.should_exit = True
    await serving


async def main() -> None:
    make = alone if "empty" in sys.argv else at_work
    sample = await make(dev_open=True)
    await served(sample.node, int(sys.argv[1]) if len(sys.argv) > 1 else 8500)


if __name__ == "__main__":
    asyncio.run(main())
