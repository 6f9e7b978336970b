"""From trouble at a machine to the customer's choice, through two firms, in virtual time: later, part now, elsewhere.

The world of ``crash_world`` (the real engine, doors and stores): a shop orders valves, the factory has bodies turned.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

import msgspec
import pytest

from tests.engine.crash_world import AUTO, World
from tests.simulation.loop import run
from weft.basis.errors import Refused
from weft.engine.reactions import making, remaking
from weft.production import messages as pm
from weft.production import views
from weft.shopfloor import facts
from weft.stock import levels
from weft.stock.book import Several
from weft.stock.messages import Counted, LotIn, Received, Reserved

SEED = 5


@dataclass(slots=True)
class Chain(World):
    """The same firms, with troubles of this module's own."""

    hold_minutes: int = AUTO.promise_hold_minutes

    def __post_init__(self) -> None:
        World.__post_init__(self)
        for firm in (self.factory, self.turner):
            firm.rules = msgspec.structs.replace(AUTO, promise_hold_minutes=self.hold_minutes)

    async def bodies(self) -> str:
        """Valves are ordered, and their bodies lie at the factory."""
        await self._begin()
        valves = await self._order_valves()
        for operation in (10, 20):
            job = await self._job(self.turner, operation, "BODY")
            await self.do(self.turner, "job-start", job=job.id, operator="Li")
            await self.do(self.turner, "job-end", job=job.id, good="12")
        return valves

    async def stuck(self, good: str) -> tuple[str, str]:
        """``good`` valves are assembled when the cell breaks down: (the order, the job)."""
        valves = await self.bodies()
        job = await self._job(self.factory, 10, "V15")
        await self.do(self.factory, "job-start", job=job.id, operator="Li")
        await self.do(self.factory, "job-count", job=job.id, good=good)
        await self.down(self.factory, "ASM")
        return valves, job.id

    async def handles(self) -> tuple[str, str]:
        """Five handles are ordered, and their job has begun: (the order, the job)."""
        await self._begin()
        thread = (await self.do(self.shop, "request-quotation", supplier=self.factory.organisation,
                                lines=[{"item": "HND", "quantity": "5"}])).thread
        await self.until(self.shop, lambda node: self._quoted(node, thread, "5"), "a quotation")
        await self.do(self.shop, "order", thread=thread)
        job = await self._job(self.factory, 10, "HND")
        await self.do(self.factory, "job-start", job=job.id, operator="Li")
        return thread, job.id

    async def down(self, firm, centre: str) -> None:
        """A work centre without a machine is reported out of order."""
        said = pm.WorkCentreDown(work_centre=centre, alarm="belt", at=self._now(), expected_minutes=180)
        await self.insist(firm, lambda node: node.record("production", said))

    async def up(self, firm, centre: str) -> None:
        said = pm.WorkCentreUp(work_centre=centre, at=self._now())
        await self.insist(firm, lambda node: node.record("production", said))

    async def offered(self, thread: str):
        """The change on the shop's table: (its id, its options by id)."""
        async def there(node):
            return next(((name, {option.id: option for option in one.options})
                         for name, one in (await node.state(thread)).changes.items() if one.status == "open"), None)

        return await self.until(self.shop, there, "a change offered")

    async def take(self, thread: str, option: str) -> None:
        change, _ = await self.offered(thread)
        await self.do(self.shop, "answer-change", thread=thread, option=option, change=change)

    async def line(self, firm, thread: str):
        return (await self.insist(firm, lambda node: node.state(thread))).lines["1"]

    async def stock(self, firm):
        return await self.insist(firm, lambda node: node.book_state("stock"))

    async def said(self, firm, thread: str) -> Counter:
        """How often what was said in ``thread``."""
        return Counter(type(one.message).__name__ for one in await self.insist(firm, lambda node: node.log(thread)))

    async def traced(self, firm, step: str):
        """The quantities in the trace events of ``firm`` with ``step``: (in, out)."""
        went, came = 0.0, 0.0
        log = await self.insist(firm, lambda node: node.log(node.book("trace")))
        for one in log:
            event = getattr(one.message, "event", None)
            if event is None:
                continue
            told = msgspec.json.decode(event) if isinstance(event, str | bytes) else event
            if told.get("bizStep", "").endswith(step):
                went += sum(part.get("quantity", 0) for part in told.get("inputQuantityList", ()))
                came += sum(part.get("quantity", 0) for part in told.get("outputQuantityList", ()))
        return went, came


def story(tell, **params):
    async def begin(loop, luck):
        world = Chain(loop, luck, **params)
        return await tell(world)

    return run(SEED, begin)


def test_a_part_goes_now_and_the_rest_when_the_machine_runs_again():
    async def tell(world):
        valves, job = await world.stuck("5")
        _, options = await world.offered(valves)
        assert list(options) == ["later", "partial", "elsewhere", "cancel"]
        assert options["partial"].note == options["elsewhere"].note == "5"
        await world.take(valves, "partial")

        async def five(node):
            return (await node.state(valves)).lines["1"].received == "5"

        await world.until(world.shop, five, "five valves at the shop")
        assert levels.on_hand(await world.stock(world.shop), "V15") == 5
        await world.up(world.factory, "ASM")
        await world.do(world.factory, "job-end", job=job, good="12")
        await world.until(world.shop, lambda node: world._phase(node, valves, "closed"), "all valves")
        await world._quiet()
        assert await world.told() == ""
        assert levels.on_hand(await world.stock(world.shop), "V15") == 12
        assert levels.on_hand(await world.stock(world.factory), "V15") == 0
        assert (await world.said(world.shop, valves))["DespatchAdvice"] == 2
        assert await world.traced(world.factory, "assembling") == (24.0, 5.0)
        assert await world.traced(world.factory, "creating_class_instance") == (0.0, 7.0)

    story(tell)


def test_what_is_ready_is_taken_and_the_rest_ordered_elsewhere():
    async def tell(world):
        valves, job = await world.stuck("5")
        await world.take(valves, "elsewhere")
        await world.until(world.shop, lambda node: world._phase(node, valves, "closed"), "five valves and no more")
        line = await world.line(world.shop, valves)
        assert (line.ordered, line.received, line.gross) == ("5", "5", "226.00")
        await world.up(world.factory, "ASM")
        await world.do(world.factory, "job-end", job=job, good="12")
        await world._quiet()
        assert await world.told() == ""
        stock = await world.stock(world.factory)
        assert levels.on_hand(stock, "V15") == levels.available(stock, "V15") == 7  # for whoever orders next

    story(tell)


def test_what_was_good_of_a_job_that_is_given_up_is_not_lost():
    async def tell(world):
        valves, job = await world.stuck("5")
        await world.do(world.factory, "job-abort", job=job, reason="belt")
        await world._quiet()
        stock = await world.stock(world.factory)
        assert levels.on_hand(stock, "V15") == 5
        assert [one.quantity for one in levels.reservations_of(stock, valves, "1")] == ["5"]

    story(tell)


def test_what_was_scrapped_is_made_again():
    async def tell(world):
        thread, job = await world.handles()
        await world.do(world.factory, "job-end", job=job, good="3", scrap="2")
        again = await world._job(world.factory, 10, "HND")
        assert (again.quantity, again.id != job) == ("2", True)
        await world.do(world.factory, "job-start", job=again.id, operator="Li")
        await world.do(world.factory, "job-end", job=again.id, good="2")
        await world.until(world.shop, lambda node: world._phase(node, thread, "closed"), "all handles")
        await world._quiet()
        assert await world.told() == ""
        assert levels.on_hand(await world.stock(world.shop), "HND") == 5
        assert levels.on_hand(await world.stock(world.factory), "WIRE") == 36  # two for each of seven

    story(tell)


def test_what_was_made_is_there_for_who_ordered_it_though_a_count_found_less_of_what_others_ordered():
    async def tell(world):
        thread, job = await world.handles()
        others = Several(messages=(
            Received(ref="R", lots=(LotIn(id="OLD", item="HND", quantity="10"),)),
            Reserved(id="others", item="HND", quantity="10"),
            Counted(ref="C", lot="OLD", quantity="2", expected="10", reason="counted")))
        await world.insist(world.factory, lambda node: node.say(node.book("stock"), others))
        await world.do(world.factory, "job-end", job=job, good="5")
        await world.until(world.shop, lambda node: world._phase(node, thread, "closed"), "all handles")
        await world._quiet()
        assert await world.told() == ""
        stock = await world.stock(world.factory)
        assert [one.missing for one in levels.shortages(stock)] == ["8"]  # as before, and shown
        assert levels.on_hand(stock, "HND") == 2

    story(tell)


@pytest.mark.parametrize("counts", [True, False])
def test_what_has_ended_and_is_not_in_stock_yet_is_not_made_once_more(monkeypatch, counts):
    async def broken(*_):
        raise Refused("stock.item-unknown", item="HND")

    async def tell(world):
        thread, job = await world.handles()
        monkeypatch.setattr(making, "stock_output", broken)
        await world.do(world.factory, "job-end", job=job, good="5")
        await world._quiet()
        if not counts:  # the control: as if it had long been there
            monkeypatch.setattr(remaking, "_put", lambda *_: True)
        demand = pm.DemandRef(thread=thread, line="1")

        async def make(node):
            await remaking.make_owed(node, demand, await node.state(thread), "more", "test:more")
            return [one.quantity for one in views.top_orders(await node.book_state("production"), demand)]

        assert await world.insist(world.factory, make) == (["5"] if counts else ["5", "5"])

    story(tell)


async def falters(world):
    """The lathe of one firm and the cell of the other stop and go for an hour: (changes said by then, in all)."""
    await world._begin()
    valves = await world._order_valves()
    turning = await world._job(world.turner, 10, "BODY")
    await world._fact(facts.JobStarted(machine="L1", job=turning.id, at=world._now()))
    for _ in range(20):
        await world._fact(facts.MachineAlarmed(machine="L1", code="101", text="Door", job=turning.id, at=world._now()))
        await world.down(world.factory, "ASM")
        await asyncio.sleep(90)
        await world._fact(facts.MachineCleared(machine="L1", code="101", at=world._now()))
        await world.up(world.factory, "ASM")
        await asyncio.sleep(90)
    before = await world.said(world.shop, valves)
    await asyncio.sleep(75 * 60)
    await world._quiet()
    after = await world.said(world.shop, valves)
    return before["OrderChange"], after["OrderChange"]


def test_two_firms_whose_machines_falter_do_not_send_their_customer_to_and_fro():
    during, after = story(falters)
    assert 1 <= during <= 4
    assert after - during <= 1  # earlier again, once it has held


def test_without_holding_they_would():
    during, _ = story(falters, hold_minutes=0)
    assert during > 20


@pytest.mark.parametrize("late_ms", [0, 5, 60, 1_000])
def test_what_is_overdue_moves_in_steps_that_double(late_ms):
    from weft.production.planning import OVERDUE, assumed

    moves = {assumed(0, at, OVERDUE) for at in range(late_ms, late_ms + 24 * 60 * 60_000, 60_000)}
    assert len(moves) <= 9
    assert all(assumed(0, at, OVERDUE) > at for at in range(late_ms, late_ms + 3_600_000, 60_000))


@pytest.mark.parametrize("words", ["Zhang Wei is ill, ring 138 0000 0000", "cannot-promise:turn 2"])
def test_a_supplier_s_own_words_of_refusal_stay_in_its_thread_where_they_can_be_erased(words):
    async def tell(world):
        world.turner.rules = msgspec.structs.replace(AUTO, quote="ask")
        await world._begin()
        await world.do(world.shop, "request-quotation", supplier=world.factory.organisation,
                       lines=[{"item": "V15", "quantity": "12"}])

        async def asked(node):
            found = node.threads("order")
            return found[0] if found else None

        child = await world.until(world.turner, asked, "a request")
        await world.do(world.turner, "decline", thread=child, reason=words)

        async def answered(node):
            sourcings = (await node.book_state("production")).sourcings.values()
            return next((one for each in sourcings for one in each.answers.values() if one.refusal), None)

        told = await world.until(world.factory, answered, "the refusal")
        assert told.refusal == ("cannot-promise" if words.startswith("cannot") else "declined")
        log = await world.insist(world.factory, lambda node: node.log(node.book("production")))
        assert words.encode() not in b"".join(msgspec.json.encode(one.message) for one in log)
        state = await world.insist(world.factory, lambda node: node.log(child))
        assert words.encode() in b"".join(msgspec.json.encode(one.message) for one in state), "the control"

    story(tell)
