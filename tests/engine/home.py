"""A firm at work: a real node over memory, its books filled by what they decide, and live machine values."""


from pathlib import Path

from weft.config import Config, Firm
from weft.engine import handle
from weft.engine.clock import SystemClock, system_random
from weft.engine.devices import Devices
from weft.engine.machines import MACHINES
from weft.engine.memory import BOOKS, Identity, Memory, new_incarnation
from weft.engine.node import Node
from weft.identity.keylog import SCOPE_NODE, DeviceDelegation, KeyInception, commitment
from weft.identity.keys import SEED_BYTES, Signer
from weft.production import messages as p
from weft.production.book import Several as ProductionSeveral
from weft.production.master import Bill, BillLine, Calendar, Operation, Routing, Shift, WorkCentre
from weft.production.planning import job_id
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import Link, Quality, Value
from weft.shopfloor.facts import JobCounted, JobStarted
from weft.shopfloor.reading import fill
from weft.stock import messages as s
from weft.stock.book import Several as StockSeveral
from weft.stores.memory import MemoryStore
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins.store import SqliteTwins
from weft.trace.book import recorded
from weft.trace.events import Despatched, Goods, JobDone, despatched, job_done

LATHE = Path(__file__).parents[2] / "examples" / "demo" / "machines" / "lathe.td.json"
TOKEN = "owner-token-of-the-home"
PARTNER = "B7-jinggong_2"
JOB = job_id("MO1", 10)
AT = "2026-11-25T08:15:30.250Z"


class NoPeers:
    """A node whose partners are all out of reach."""

    def reachable(self, organisation: str) -> bool:
        return False

    async def request(self, organisation: str, path: str, body: bytes) -> bytes:
        raise AssertionError("nobody is asked here")


async def founded(store: MemoryStore) -> Identity:
    root, following, device = (Signer(system_random(SEED_BYTES)) for _ in range(3))
    memory = Memory(Identity("", device, new_incarnation(system_random)), store, SystemClock(), system_random)
    organisation = await handle.append_key_events(memory, root, [
        KeyInception(keys=[root.public], next=commitment([following.public])),
        DeviceDelegation(device=device.public, scope=SCOPE_NODE)])
    memory.identity.organisation = organisation
    memory.identity.key_event = (await memory.state(organisation)).event
    for book in BOOKS:
        machine = next(one for one in MACHINES.values() if book == one.conversation.NAME)
        await handle.open_thread(memory, machine, {organisation: "owner"}, None, f"book:{book}")
    return memory.identity


async def empty_node(*, dev_open: bool = False) -> Node:
    """A node that has just been made."""
    store = MemoryStore()
    identity = await founded(store)
    node = Node(identity=identity, store=store, clock=SystemClock(), random=system_random,
                config=Config(firm=Firm(name="恒泰阀门")), peers=NoPeers(), dev_open=dev_open)
    await node.start()
    node.devices = Devices(store, node.clock, system_random, TOKEN)
    node.twins.opening = lambda: SqliteTwins(MEMORY, node.clock)
    return node


async def busy_node(*, dev_open: bool = False) -> Node:
    """A node with items, lots, a production order, a machine at work, and events of what happened."""
    node = await empty_node(dev_open=dev_open)
    await node.say(node.book("stock"), StockSeveral(messages=_stock()))
    await node.say(node.book("production"), ProductionSeveral(messages=_production()))
    thing = fill(LATHE.read_text(), {"NAME": "L1", "ENDPOINT": "opc.tcp://127.0.0.1:4840"})
    await node.say_many(node.book("floor"), [
        MachineAdded(machine="L1", description=thing), JobStarted(machine="L1", job=JOB, at=AT),
        JobCounted(machine="L1", job=JOB, good=17, at=AT)])
    node.live.link("L1", Link(up=True))
    node.live.take("L1", [("SpindleSpeed", Value(1250.5, source_ms=1_764_058_530_250)),
                          ("Feed", Value(None, Quality.BAD, detail="BadSensorFailure"))])
    for event in happened(node.organisation):
        await node.say(node.book("trace"), recorded(event, "test"))
    return node


def happened(us):
    casting = Goods(item="CAST-15", quantity="40", lot="C1", named_by=PARTNER)
    valve = Goods(item="BV-15", quantity="40", lot="L1")
    done = JobDone(order="MO1", job=JOB, at=AT, inputs=(casting,), outputs=(valve,), machine="L1")
    sent = Despatched(goods=(valve,), at="2026-11-25T10:00:00.000Z", partner=PARTNER, thread="T1", despatch="D1")
    wire = Goods(item="WIRE", quantity="2.5", unit="KGM")
    also = Despatched(goods=(wire,), at="2026-11-25T11:00:00.000Z", partner=PARTNER, thread="T1", despatch="D2")
    return [*job_done(us, done), *despatched(us, sent), *despatched(us, also)]


def _stock():
    return (
        s.ItemDefined(item=s.Item(id="BV-15", zh="球阀 DN15", en="Ball valve DN15", kind="product", reorder_point="5")),
        s.ItemDefined(item=s.Item(id="CAST-15", en="Casting", kind="material")),
        s.ItemDefined(item=s.Item(id="WIRE", en="Wire", unit="KGM", kind="material")),
        s.PartnerNumberGiven(item="BV-15", partner=PARTNER, number="明-001"),
        s.Received(ref="r1", why="opening", at=AT, lots=(
            s.LotIn(id="L1", item="BV-15", quantity="12", heat="7/31", certificates=("EN10204-3.1",)),
            s.LotIn(id="C-7", item="CAST-15", quantity="40"))),
        s.Moved(ref="m1", item="CAST-15", quantity="30", to=PARTNER, at=AT),
    )


def _production():
    shifts = tuple(Shift(day=day, start=0, end=1440) for day in range(7))
    draft = p.Draft(id="MO1", item="BV-15", quantity="40", materials=(p.Material(item="CAST-15", quantity="40"),),
                    operations=(p.JobSheet(number=10, zh="车", en="Turn", work_centres=("LATHE",), run_s="60"),))
    return (
        p.CalendarDefined(calendar=Calendar(id="day", shifts=shifts)),
        p.WorkCentreDefined(work_centre=WorkCentre(id="LATHE", calendar="day", machine="L1")),
        p.BillDefined(bill=Bill(item="BV-15", lines=(BillLine(item="CAST-15", quantity="1"),
                                                     BillLine(item="WIRE", quantity="0.25", unit="KGM")))),
        p.RoutingDefined(routing=Routing(item="BV-15", operations=(
            Operation(number=10, work_centre="LATHE", run_s="60"),))),
        p.PromiseMade(demand=p.DemandRef(thread="T1", line="1"), at="2026-12-01T00:00:00.000Z"),
        p.ProductionOrderCreated(order=draft, demand=p.DemandRef(thread="T1", line="1")),
    )
