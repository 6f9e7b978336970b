"""A plan gets better while nobody waits for it, and what rests on it outlives the node."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec

from tests.engine.home import empty_node
from weft.engine.improving import Improving
from weft.engine.node import Node
from weft.engine.planner import present
from weft.planners.cpsat import Limits
from weft.planners.search import Task, improve
from weft.production import messages as p
from weft.production.book import Several
from weft.production.master import Calendar, Shift, WorkCentre
from weft.production.plan import Placing
from weft.production.sequence import score

HOUR = 3_600


def at(hours: float) -> str:
    moment = datetime.now(UTC) + timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


async def late_shop() -> Node:
    """One long order that can wait stands before three that cannot."""
    node = await empty_node()
    node.config = msgspec.structs.replace(node.config, rules=msgspec.structs.replace(
        node.config.rules, plan_frozen_minutes=0, plan_search_s=1))
    calendar = Calendar(id="always", shifts=tuple(Shift(day=day, start=0, end=1440) for day in range(7)))
    centre = WorkCentre(id="W", calendar="always")
    said = [p.CalendarDefined(calendar=calendar), p.WorkCentreDefined(work_centre=centre)]
    for name, hours, promised in (("LONG", 30, 100), ("A", 1, 6), ("B", 1, 6), ("C", 1, 6)):
        demand = p.DemandRef(thread=name, line="1")
        sheet = p.JobSheet(number=10, work_centres=("W",), run_s=str(hours * HOUR))
        said += [p.ProductionOrderCreated(order=p.Draft(id=name, item=name, quantity="1", operations=(sheet,)),
                                          demand=demand),
                 p.PromiseMade(demand=demand, at=at(promised))]
    await node.say(node.book("production"), Several(messages=tuple(said)))
    return node


async def searched(problem, plan, seconds, frozen_ms):
    return improve(Task(problem=problem, plan=plan, limits=Limits(seconds=20, effort=1), frozen_ms=frozen_ms)).sequence


def order_of(plan) -> list[str]:
    return [job.order for job in sorted(plan.jobs.values(), key=lambda one: one.start_ms)]


async def test_late_orders_go_first_once_a_better_plan_is_found_and_the_book_keeps_it():
    node = await late_shop()
    _, problem, before = await present(node)
    assert order_of(before)[0] == "LONG" and score(problem, before)[1] > 0
    assert await Improving(node, searched).once()
    _, problem, after = await present(node)
    assert order_of(after)[-1] == "LONG" and score(problem, after)[1] == 0
    again = Node(identity=node.identity, store=node.store, clock=node.clock, random=node.random, config=node.config,
                 peers=node.peers)
    await again.start()
    assert order_of((await present(again))[2]) == order_of(after)


async def test_what_is_no_better_or_harms_somebody_is_not_adopted():
    node = await late_shop()
    worse = tuple(Placing(job=f"{name}-10", centre="W") for name in ("LONG", "C", "B", "A"))

    async def answered(*_):
        return worse

    assert not await Improving(node, answered).once()
    assert not (await node.book_state("production")).places
    worse = ()
    assert not await Improving(node, answered).once()


async def test_an_answer_is_held_against_the_shop_floor_as_it_is_by_then():
    node = await late_shop()

    async def late(problem, plan, seconds, frozen_ms):
        found = await searched(problem, plan, seconds, frozen_ms)
        await node.record("production", p.JobReleased(job="LONG-10"))
        await node.record("production", p.JobStarted(job="LONG-10", by="operator", operator="x", work_centre="W",
                                                     at=at(0)))
        return found

    assert not await Improving(node, late).once()
    _, _, plan = await present(node)
    assert order_of(plan)[0] == "LONG"


async def test_it_looks_by_itself_when_the_book_has_changed_and_not_again_when_nothing_has():
    node = await late_shop()
    asked = 0

    async def counted(problem, plan, seconds, frozen_ms):
        nonlocal asked
        asked += 1
        return await searched(problem, plan, seconds, frozen_ms)

    improving = Improving(node, counted, still_s=0.01, pause_s=0.01)
    await improving.begin()
    async with asyncio.timeout(30):
        async for change in node.changes():
            if "SequenceAdopted" in change.kinds:
                break
    await asyncio.sleep(0.3)
    await improving.stop()
    assert asked == 1
