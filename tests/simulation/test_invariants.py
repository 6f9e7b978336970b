"""Every law of ``invariants.py`` holds of a quiet world, and finds what is broken on purpose in the same world."""

import contextlib
import random
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from tests.simulation import invariants, money_laws, order_laws, scene, tables, work_laws
from tests.simulation.loop import run
from tests.simulation.plan import Plan
from tests.simulation.world import World
from weft.engine.effects import TROUBLES, Trouble
from weft.engine.node import Node
from weft.engine.ports import Batch, EffectRow
from weft.engine.reactions import invoicing
from weft.engine.reactions.offering import short
from weft.production.messages import ProductionOrderCreated
from weft.production.plan import Plan as Schedule
from weft.production.plan import PlanCentre, PlanJob, PlannedJob, Problem
from weft.production.state import Reservation, State
from weft.stock import messages as sm
from weft.trade.order_state import OrderLine, OrderState, Phase
from weft.trade.relationship_state import Document, Entry, RelationshipState, StatementOfAccount

SEEDS = range(1, 30)
CALM: dict[str, Any] = {"crashes": 0, "crashes_in_effects": 0, "cuts": 0, "loss": 0.0, "doubling": 0.0, "jumps": 0,
                        "restores": 0, "bundles": 0, "liar": ""}
Break = Callable[[World], Awaitable[Any]]


class Unfit(Exception):
    """In this world there is nothing of the kind that is to be broken."""


def told(breaking: Break, *, factories: bool = False) -> list[str]:
    """What the laws tell of the first world that ``breaking`` fits after it is broken; of the whole world, nothing."""
    for seed in SEEDS:
        with contextlib.suppress(Unfit):
            return _told(breaking, seed, factories=factories)
    raise AssertionError("no world is fit to be broken")


def _told(breaking: Break, seed: int, *, factories: bool) -> list[str]:
    async def story(loop: Any, luck: random.Random) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            plan = replace(Plan.drawn(luck, "memory", ""), factories=factories, **CALM)
            world = World(loop, luck, plan, Path(folder))
            await world.run()
            assert await invariants.check(world) == []
            await breaking(world)
            return await invariants.check(world)

    found: list[str] = run(seed, story)
    return found


def laws(found: list[str]) -> set[str]:
    return {one.partition(":")[0] for one in found}


def nodes(world: World) -> list[Node]:
    return [firm.node for firm in world.firms if firm.node is not None]


async def orders(world: World, role: str, phase: Any = None) -> list[tuple[Node, str, Any]]:
    """(node, thread, state) of the orders in which a node has ``role``."""
    return [(node, thread, await node.state(thread)) for node in nodes(world) for thread in node.threads("order")
            if (await node.members(thread))[node.organisation] == role
            and phase in (None, (await node.state(thread)).phase)]


async def tamper(node: Node, thread: str, **changes: Any) -> None:
    """Another state in memory than the words make."""
    loaded = await node.loaded(thread)
    loaded.state = msgspec.structs.replace(loaded.state, **changes)


# ---- stock -------------------------------------------------------------------------------------------


async def _oversell(world: World) -> None:
    node = nodes(world)[0]
    there = next(one for one in (await node.book_state("stock")).lots.values() if one.at and not one.owner)
    await node.record("stock", sm.Received(ref="more", lots=(sm.LotIn(item=there.item, quantity="9"),)))
    await node.record("stock", sm.Reserved(id="kept", item=there.item, quantity="9"))
    state = await node.book_state("stock")
    for lot in [one for one in state.lots.values() if one.item == there.item and "" in one.at]:
        await node.record("stock", sm.Counted(ref=f"gone {lot.id}", lot=lot.id, quantity="0", reason="fire"))


def test_what_is_kept_and_is_not_there_breaks_nothing_while_the_owner_sees_it():
    assert told(_oversell) == []


def test_what_is_kept_and_is_not_there_is_found_when_no_owner_sees_it(monkeypatch):
    async def nobody(_node):
        return []

    monkeypatch.setattr("weft.engine.views.today._shortages", nobody)
    assert laws(told(_oversell)) == {"stock is never short unseen"}


def test_a_lot_below_nothing_is_found():
    async def negative(world):
        node = nodes(world)[0]
        lots = (await node.book_state("stock")).lots
        name = next(iter(lots))
        await tamper(node, node.book("stock"), lots={**lots, name: msgspec.structs.replace(lots[name], at={"": "-1"})})

    assert "stock is never short unseen" in laws(told(negative))


def test_a_despatch_that_is_booked_twice_or_never_is_found():
    async def twice(world):
        for node, thread, state in await orders(world, "seller"):
            sent = [name for name, one in state.despatches.items() if one.kind == "goods"]
            if sent:
                lot = next(one for one in (await node.book_state("stock")).lots.values() if "" in one.at)
                await node.record("stock", sm.Issued(ref=f"{sent[0]}:1:9", item=lot.item, quantity="1", thread=thread))
                return
        raise Unfit("nothing was sent")

    assert laws(told(twice)) == {"booked once"}


def test_a_receipt_that_was_never_booked_is_found(monkeypatch):
    async def forgotten(world):
        monkeypatch.setattr(scene.Scene, "book", _empty)

    async def _empty(self, node, book):
        return []

    assert "booked once" in laws(told(forgotten))


def test_material_that_moves_in_one_book_alone_is_found():
    async def moved(world):
        for node, thread, state in await orders(world, "buyer"):
            if any(one.kind == "materials" for one in state.despatches.values()):
                partner = next(one for one in await node.members(thread) if one != node.organisation)
                item = state.materials[0].item
                await node.record("stock", sm.Received(ref="more", lots=(sm.LotIn(item=item, quantity="3"),)),
                                  sm.Moved(ref="by night", item=item, quantity="3", to=partner))
                return
        raise Unfit("no material")

    found = told(moved, factories=True)
    assert laws(found) == {"material keeps its owner"}
    assert "by the owner's book" in found[0]


# ---- work --------------------------------------------------------------------------------------------


def test_two_jobs_on_one_lane_and_more_jobs_than_lanes_are_found():
    centre = PlanCentre(id="M", calendar="day")

    def planned(*spans):
        jobs = {f"J{place}": PlannedJob(id=f"J{place}", order="O", operation=10, centre="M", lane=0, start_ms=start,
                                        end_ms=end, bound="now") for place, (start, end) in enumerate(spans)}
        return Problem(now_ms=0, centres=(centre,)), Schedule(now_ms=0, jobs=jobs)

    assert work_laws.overlaps(*planned((0, 5), (5, 9))) == []
    assert len(work_laws.overlaps(*planned((0, 6), (5, 9)))) == 2


def test_a_job_that_no_plan_holds_and_a_demand_that_is_held_twice_are_found():
    job = PlanJob(id="J", order="O", centres=("M",), work_ms=1)
    held = Reservation(id="a", demand={"thread": "T", "line": "1"}, promise="", expires="", drafts=())
    state = State(reservations={"a": held, "b": msgspec.structs.replace(held, id="b")})
    state = msgspec.convert(msgspec.to_builtins(state), State)
    problem = Problem(now_ms=0, jobs=(job, job))
    assert work_laws.unplanned(state, problem, Schedule(now_ms=0)) == [
        "J is in no plan", "J is in no plan", "J is planned 2 times", "T#1 is held 2 times"]


def test_what_is_made_twice_for_one_order_is_found():
    async def again(world):
        for node in nodes(world):
            for order in (await node.book_state("production")).orders.values():
                if not order.parent and order.closed != "cancelled":
                    production = await node.book_state("production")
                    sheet = production.jobs[order.jobs[0]]
                    draft = {"id": "again", "item": order.item, "quantity": order.quantity, "operations": [
                        {"number": 10, "work_centres": sheet.work_centres, "run_s": "1"}]}
                    said = msgspec.convert({"order": draft, "demand": {"thread": order.demand.thread,
                                                                       "line": order.demand.line}},
                                           ProductionOrderCreated)
                    await node.record("production", said)
                    return
        raise Unfit("nothing is made")

    assert laws(told(again, factories=True)) == {"capacity is promised once"}


def test_a_machine_that_was_started_twice_or_unknown_to_its_book_is_found():
    async def started(world):
        lathe = next(firm.lathe for firm in world.firms if firm.lathe is not None)
        if not lathe.starts:
            raise Unfit("no machine was started")
        lathe.starts[next(iter(lathe.starts))] += 1
        lathe.starts["stranger"] += 1

    found = told(started, factories=True)
    assert laws(found) == {"machines are started once"}
    assert len(found) == 2


def test_a_start_that_no_book_knows_is_told_by_nobody_once_the_order_is_over_and_the_machine_went_on():
    """As after a backup that knows nothing of the order: the machine holds the job that it began last."""
    async def forgotten(world):
        for firm in world.firms:
            over = [thread for node, thread, _ in await orders(world, "seller", Phase.CLOSED) if node is firm.node]
            if firm.lathe is not None and firm.lathe.starts and over:
                job, starts = f"{short(over[0])}-1-77", dict(firm.lathe.starts)
                firm.lathe.starts = Counter({job: 1, **starts})
                assert await invariants.check(world) == []
                firm.lathe.starts = Counter({**starts, job: 1})  # the control: it is the last
                return
        raise Unfit("no order of a firm with a machine is over")

    found = told(forgotten, factories=True)
    assert laws(found) == {"machines are started once"}
    assert len(found) == 1


def test_a_consequence_that_waits_and_an_order_that_nobody_answers_are_found():
    async def waiting(world):
        node, thread, _ = (await orders(world, "seller"))[0]
        await node.store.commit(Batch(effects=[EffectRow(thread, "cause", "book-despatch", True)]))
        for firm in world.firms:
            firm.node.config = msgspec.structs.replace(firm.node.config, rules=msgspec.structs.replace(
                firm.node.config.rules, order="auto", receive="auto"))
        for seller, name, state in await orders(world, "seller", Phase.QUOTED):
            await tamper(seller, name, phase=Phase.ORDERED, order_id=state.quotation_id)
            return
        raise Unfit("no offer is open")

    found = told(waiting)
    assert "nothing is forgotten" in laws(found)
    assert any("waits at" in one for one in found)
    assert any("is not answered by" in one for one in found)


def test_a_consequence_that_failed_by_a_fault_of_ours_is_found():
    async def failed(world):
        node, thread, state = (await orders(world, "seller"))[0]
        trouble = Trouble(thread, state.request_id, "offer", "effect.failed", {"reaction": "offer"}, 0)
        await node.store.commit(Batch(values=[
            (TROUBLES, f"{thread}:{state.request_id}:offer", msgspec.json.encode(trouble))]))

    assert laws(told(failed)) == {"nothing is forgotten"}


def test_an_offer_that_holds_nothing_or_that_is_void_and_holds_is_found():
    async def let_go(world):
        for node in nodes(world):
            for name in (await node.book_state("stock")).reservations:
                if name.startswith(tables.HOLD):
                    await node.record("stock", sm.ReservationReleased(id=name))
                    return
        raise Unfit("nothing is held")

    assert laws(told(let_go)) == {"what ran ahead is compensated"}


def test_a_void_offer_whose_hold_was_never_let_go_is_found(monkeypatch):
    async def again(world):
        for node in nodes(world):
            for thread in node.threads("order"):
                for one in await node.log(thread):
                    if one.void and one.kind == "Quotation" and one.author == node.organisation:
                        name = f"{tables.HOLD}{one.id}"
                        await node.record("stock", sm.Reserved(id=name, item="valve-dn15", quantity="1"))
                        return
        raise Unfit("no offer is void")

    assert laws(told(again)) == {"what ran ahead is compensated"}


# ---- lines and money ---------------------------------------------------------------------------------


def test_a_line_that_says_something_else_than_its_words_is_found():
    async def lie(world):
        for node, thread, state in await orders(world, "seller", Phase.CONFIRMED):
            for name, line in state.lines.items():
                if not line.ended and line.open:
                    for changes in ({"despatched": "77"}, {"ordered": "3.5"}, {"damaged": "1.5"}):
                        changed = {**state.lines, name: msgspec.structs.replace(line, **changes)}
                        await tamper(node, thread, lines=changed)
                        assert laws(await invariants.check(world)) >= {"lines add up", "both sides say the same"}
                    ended = {**state.lines, name: msgspec.structs.replace(line, ended="cancelled")}
                    await tamper(node, thread, lines=ended)
                    return
        raise Unfit("no line is open")

    assert laws(told(lie)) == {"lines add up", "both sides say the same"}


def test_pieces_sent_again_are_counted_apart():
    counted = order_laws.Count(ordered=Decimal(10))
    recount = order_laws.Recount(lines={"1": counted})
    for name, lost in (("a", 4), ("b", 0)):
        sent = msgspec.defstruct("Line", ["line", "quantity"])("1", "8" if name == "a" else "5")
        recount._DespatchAdvice(name, msgspec.defstruct("Sent", ["kind", "lines"])("goods", (sent,)))
        came = msgspec.defstruct("Came", ["line", "received"])("1", str(int(sent.quantity) - lost))
        recount._ReceiptAdvice("", msgspec.defstruct("Receipt", ["despatch", "lines"])(name, (came,)))
    assert (counted.sent, counted.replaced, counted.first, counted.delivered) == (13, 4, 9, 9)


def test_a_balance_that_the_words_do_not_make_is_found_on_the_side_that_says_so():
    async def lie(world):
        node = nodes(world)[0]
        for thread in node.threads("relationship"):
            state = await node.state(thread)
            for name, bill in state.documents.items():
                changed = {**state.documents, name: msgspec.structs.replace(bill, paid="0.77")}
                await tamper(node, thread, documents=changed)
                return
        raise Unfit("no bill")

    found = told(lie)
    assert laws(found) == {"money adds up"}
    assert any("do not say the same" in one for one in found)


def test_a_document_in_two_statements_and_a_statement_that_does_not_add_up_are_found():
    bill = Document(kind="invoice", by="us", number="I", currency="CNY", net="10", tax="0", gross="10", amount="10")
    entry = Entry(kind="invoice", document="I", number="I", amount="10")
    one = StatementOfAccount(by="us", number="S", period="", currency="CNY", balance="10", entries={"1": entry},
                             status="confirmed")
    state = RelationshipState(documents={"I": bill}, statements={"S": one})
    assert money_laws.statement_faults(state, "us", Decimal(10)) == []
    wrong = msgspec.structs.replace(one, balance="11")
    twice = msgspec.structs.replace(state, statements={"S": one, "T": wrong})
    assert len(money_laws.statement_faults(twice, "us", Decimal(10))) == 3


def test_what_is_billed_twice_is_found():
    async def again(world):
        for node, thread, state in await orders(world, "seller"):
            received = {name: line.received for name, line in state.lines.items() if Decimal(line.received)}
            if received and not await invoicing.unbilled(node, thread, state):
                await invoicing.invoice(node, thread, received, "again")
                await world.quiet()
                return
        raise Unfit("nothing was billed")

    assert laws(told(again)) == {"billed once"}


def test_every_law_has_a_test_that_breaks_it():
    text = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in invariants.LAWS if f'"{name}"' not in text] == []


def test_a_started_job_may_be_unknown_only_where_its_line_needs_nothing_more():
    line = OrderLine(line="1", item="BODY", unit="C62", ordered="5", unit_price="9", net="45", tax="0", gross="45",
                     promise="2026-11-18T11:09:13.013Z", first_promise="2026-11-18T11:09:13.013Z")
    sent, other = msgspec.structs.replace(line, despatched="5"), msgspec.structs.replace(line, line="2")

    def served(*lines, phase=Phase.CONFIRMED):
        order = OrderState(phase=phase, lines={one.line: one for one in lines})
        return work_laws.served(order, "WlJ0pL", "WlJ0pL-1-10")

    assert not served(line, other)
    assert not served(msgspec.structs.replace(line, despatched="4"))
    assert not served(msgspec.structs.replace(sent, damaged="1")), "it has to be made again"
    assert not served(line, msgspec.structs.replace(other, despatched="5")), "another line's goods"
    assert served(sent, other)
    assert served(line, phase=Phase.CANCELLED)
