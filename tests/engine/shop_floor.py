"""A workshop in which no machine is connected: two benches, one routing of two operations, workers with phones."""

import base64
from dataclasses import dataclass, field

from tests.engine.world import Wires, found, quiet
from weft.basis import instant
from weft.engine.clock import SystemClock
from weft.engine.commands import Caller, run
from weft.engine.devices import Devices
from weft.production import messages as m
from weft.production.planning import sheets

TOKEN = "owner-token-of-the-home"
TABLES = (
    ("items", "item,zh,en,unit,kind\nFLG-50,法兰 DN50,Flange DN50,C62,product\n"),
    ("calendars", "calendar,utc_offset,day,start,end\nday,+08:00,1-7,00:00,24:00\n"),
    ("work-centres", """id,zh,en,calendar,machine,parallel
BENCH,钻孔台,Drill bench,day,,4
DEBURR,去毛刺台,Deburring,day,,4
"""),
    ("routings", """item,number,zh,en,work_centre,setup_s,run_s
FLG-50,10,钻孔,Drill,BENCH,300,60
FLG-50,20,去毛刺,Deburr,DEBURR,0,20
"""),
)


@dataclass
class Hand:
    """A clock that a test sets; it begins at the real time, and stands."""

    ms: int = field(default_factory=lambda: SystemClock().now_ms())

    def now_ms(self) -> int:
        return self.ms


@dataclass
class Floor:
    """The workshop with its jobs, and what people there say."""

    node: object
    jobs: list[str] = field(default_factory=list)
    key: int = 0

    async def say(self, worker, job, what, key="", scope="worker", **more):
        self.key += 1
        given = {"job": job, "what": what, **{name: str(value) for name, value in more.items()}}
        return await run(self.node, "work-report", given, key or f"k{self.key}", Caller(scope, worker))

    async def order(self, name: str, quantity: str = "100", due: str = "") -> list[str]:
        """Ids of the jobs of a new order, the first of them released."""
        state = await self.node.book_state("production")
        master = state.master
        draft = m.Draft(id=name, item="FLG-50", quantity=quantity,
                        operations=sheets(master.routings["FLG-50"], master.work_centres))
        await self.node.record("production", m.ProductionOrderCreated(
            order=draft, demand=m.DemandRef(), due=due, tolerance_percent="10"))
        jobs = list((await self.node.book_state("production")).orders[name].jobs)
        await self.node.record("production", m.JobReleased(job=jobs[0]))
        self.jobs += jobs
        return jobs

    async def stop(self):
        await quiet(self.node)
        self.node.closing()
        await self.node.stop()


async def floor(clock=None) -> Floor:
    """A new workshop with one order of 100 flanges."""
    node = await found(Wires(), "永盛法兰", clock=clock or SystemClock())
    node.devices = Devices(node.store, node.clock, node.random, TOKEN)
    for kind, text in TABLES:
        done = await run(node, "import", {"kind": kind, "content": base64.b64encode(text.encode()).decode()})
        assert not done.facts["problems"], (kind, done.facts["problems"])
    one = Floor(node)
    await one.order("PO1", due=instant.from_ms(node.clock.now_ms() + 5 * 86_400_000))
    return one
