"""A small valve workshop for the tests of production: master data, a book to write in, random problems."""

import msgspec
from hypothesis import strategies as st

from weft.basis.decider import Said
from weft.basis.errors import WeftError
from weft.production import book
from weft.production import messages as m
from weft.production.master import (
    Bill,
    BillLine,
    Calendar,
    Operation,
    Routing,
    Shift,
    SpecialDay,
    SupplyRule,
    WorkCentre,
)
from weft.production.plan import Arrival, Outage, PlanCentre, PlanJob, Problem
from weft.production.planning import sheets

MONDAY = 1_795_392_000_000  # 2026-11-23T00:00:00Z
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
AT = "2026-11-23T08:00:00.000Z"
ALWAYS = Calendar(id="always", shifts=tuple(Shift(day=day, start=0, end=1440) for day in range(7)))
DAYTIME = Calendar(id="day", utc_offset=480, shifts=tuple(Shift(day=day, start=480, end=1020) for day in range(5)),
                   special=(SpecialDay(date="2026-11-25"), SpecialDay(date="2026-11-28")))


class Book:
    """A production book in memory: every message is decided, judged and folded as the engine does it."""

    def __init__(self):
        self.state = book.INITIAL
        self.said = []

    def say(self, command):
        told = book.decide(self.state, command)
        for message in told:
            said = Said(id=f"e{len(self.said)}", by="us", role="owner", message=message)
            assert book.judge(self.state, said) is None
            self.state = book.evolve(self.state, said)
            self.said.append(message)
        assert msgspec.json.decode(msgspec.json.encode(self.state), type=type(book.INITIAL)) == self.state
        return told

    def refused(self, command):
        """The code of the refusal; the same from ``decide`` and ``judge``, and nothing is changed."""
        before = self.state
        try:
            book.decide(self.state, command)
        except WeftError as error:
            code = error.code
        else:
            raise AssertionError("not refused")
        assert book.judge(self.state, Said(id="x", by="us", role="owner", message=command)) == code
        assert self.state == before
        return code


def workshop() -> Book:
    """Valve of body, stem (made here) and seal kit (bought); a saw, two lathes, a bench for assembly."""
    one = Book()
    one.say(m.CalendarDefined(calendar=ALWAYS))
    one.say(m.CalendarDefined(calendar=DAYTIME))
    for centre in (
        WorkCentre(id="LATHE-1", capabilities=("turning",), machine="lathe-1", calendar="always", start="auto"),
        WorkCentre(id="LATHE-2", capabilities=("turning",), machine="lathe-2", calendar="always"),
        WorkCentre(id="BENCH", capabilities=("assembly",), calendar="always", parallel=2),
    ):
        one.say(m.WorkCentreDefined(work_centre=centre))
    parts = tuple(BillLine(item=part, quantity="1") for part in ("BODY", "STEM", "SEAL"))
    one.say(m.BillDefined(bill=Bill(item="VALVE", lines=parts)))
    one.say(m.BillDefined(bill=Bill(item="BODY", lines=(BillLine(item="CASTING", quantity="1", scrap_percent="2"),))))
    one.say(m.RoutingDefined(routing=Routing(item="VALVE", operations=(
        Operation(number=10, capability="assembly", setup_s="600", run_s="60"),
        Operation(number=20, work_centre="BENCH", run_s="30")))))
    for part in ("BODY", "STEM"):
        one.say(m.RoutingDefined(routing=Routing(item=part, operations=(
            Operation(number=10, capability="turning", setup_s="1200", run_s="90", program=f"{part}.nc",
                      set_points={"speed": "1200"}),))))
    one.say(m.SupplyRuleDefined(rule=SupplyRule(item="SEAL", source="buy", supplier="HAICHUAN", lead_days=3)))
    one.say(m.SupplyRuleDefined(rule=SupplyRule(item="CASTING", source="buy", supplier="FOUNDRY")))
    return one


def draft(one: Book, name: str, item: str = "STEM", quantity: str = "10", **fields) -> m.Draft:
    """An order for ``item`` by its routing."""
    master = one.state.master
    return m.Draft(id=name, item=item, quantity=quantity, operations=sheets(master.routings[item], master.work_centres),
                   **fields)


def ordered(one: Book, name: str = "PO1", thread: str = "T", tolerance_percent: str = "0", **fields) -> str:
    """A production order, its id; jobs are named ``<id>-<operation>``."""
    one.say(m.ProductionOrderCreated(order=draft(one, name, **fields), tolerance_percent=tolerance_percent,
                                     demand=m.DemandRef(thread=thread, line="1")))
    return name


# ---- random planning problems ---------------------------------------------------------------------

spans = st.tuples(st.integers(0, 1439), st.integers(30, 1440)).map(lambda pair: (pair[0], pair[0] + pair[1]))
shifts = st.tuples(st.integers(0, 6), spans).map(lambda one: Shift(day=one[0], start=one[1][0], end=one[1][1]))
calendars = st.builds(
    lambda name, week, offset: Calendar(id=name, utc_offset=offset, shifts=tuple(week)),
    st.sampled_from(["a", "b"]), st.lists(shifts, min_size=1, max_size=6), st.sampled_from([0, 480, -300]))


@st.composite
def problems(draw, most: int = 12) -> Problem:
    """Jobs with candidates, predecessors among the earlier ones, materials, outages, some of them running."""
    tables = {name: Calendar(id=name, utc_offset=draw(st.sampled_from([0, 480, -300])),
                             shifts=tuple(draw(st.lists(shifts, min_size=1, max_size=6)))) for name in ("a", "b")}
    centres = tuple(PlanCentre(id=f"W{n}", calendar=draw(st.sampled_from(["a", "b"])), parallel=draw(st.integers(1, 2)))
                    for n in range(draw(st.integers(1, 3))))
    names = [centre.id for centre in centres]
    jobs = []
    for n in range(draw(st.integers(0, most))):
        before = draw(st.lists(st.sampled_from([job.id for job in jobs]), max_size=2, unique=True)) if jobs else []
        jobs.append(PlanJob(
            id=f"J{n:02d}", order=f"O{draw(st.integers(0, 4))}", after=tuple(before),
            centres=tuple(sorted(draw(st.sets(st.sampled_from(names), min_size=1)))),
            work_ms=draw(st.integers(0, 40)) * 15 * MINUTE, rank=draw(st.integers(0, 3)),
            priority=draw(st.integers(0, 1)),
            earliest_ms=MONDAY + draw(st.sampled_from([-1, 0, 5])) * HOUR,
            materials=tuple(Arrival(item="x", at_ms=at) for at in draw(
                st.lists(st.sampled_from([MONDAY - DAY, MONDAY + DAY, None]), max_size=1)))))
    outages = tuple(Outage(centre=draw(st.sampled_from(names)), from_ms=MONDAY + draw(st.integers(-4, 30)) * HOUR,
                           until_ms=MONDAY + draw(st.integers(31, 60)) * HOUR)
                    for _ in range(draw(st.integers(0, 2))))
    return Problem(now_ms=MONDAY, jobs=tuple(jobs), centres=centres, calendars=tables, outages=outages)


@st.composite
def mixed_problems(draw, most: int = 10, *, fixed: bool = False) -> Problem:
    """The same with set-up families, times between them, what stands set up now, and jobs that a person has fixed."""
    problem = draw(problems(most=most))
    families = st.sampled_from(["", "A", "B", "C"])
    times = st.integers(0, 8).map(lambda quarters: quarters * 15 * MINUTE)
    centres = tuple(msgspec.structs.replace(
        centre, fitted=draw(families) if centre.parallel == 1 else "", changeover_ms=draw(times),
        changeovers=tuple({(a, b): (a, b, ms) for a, b, ms in draw(st.lists(
            st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC"), times), max_size=3))}.values()))
        for centre in problem.centres)
    jobs = []
    for job in problem.jobs:
        at = draw(st.integers(-4, 60)) if fixed and draw(st.integers(0, 2)) == 0 else None
        jobs.append(msgspec.structs.replace(
            job, family=draw(families), setup_ms=draw(times), fixed_ms=None if at is None else MONDAY + at * HOUR,
            centres=job.centres[:1] if at is not None else job.centres))
    return msgspec.structs.replace(problem, centres=centres, jobs=tuple(jobs))
