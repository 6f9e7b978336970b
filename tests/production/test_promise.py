"""Promises: what a demand takes, when it can be ready, and that no capacity is promised twice."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.production.test_greedy import overlaps
from tests.production.workshop import DAY, HOUR, MONDAY, Book, workshop
from weft.basis import instant
from weft.basis.errors import Invalid
from weft.production import greedy
from weft.production import messages as m
from weft.production.master import Bill, BillLine, Master, SupplyRule
from weft.production.planning import in_force, problem_of
from weft.production.promise import Ask, Quote, explode, propose, purchase_needs

WORKSHOP = workshop()
QUOTES = {"SEAL": Quote(at_ms=MONDAY + 2 * DAY, ref="C#1"), "CASTING": Quote(at_ms=MONDAY + DAY, ref="D#1")}


def offered(one: Book, ask: Ask, stock=(), quotes=QUOTES):
    problem = problem_of(one.state, MONDAY)
    explosion = explode(one.state.master, ask, dict(stock))
    return propose(problem, greedy.schedule(problem), explosion, quotes), explosion


def codes(why):
    return [line.code for line in why]


def test_a_demand_is_exploded_children_first_with_scrap_on_top():
    _, explosion = offered(WORKSHOP, Ask(id="Q", item="VALVE", quantity="100"))
    assert [draft.item for draft in explosion.drafts] == ["STEM", "BODY", "VALVE"] or \
        [draft.item for draft in explosion.drafts] == ["BODY", "STEM", "VALVE"]
    assert {p.item: p.quantity for p in explosion.purchases} == {"SEAL": "100", "CASTING": "102"}
    top = explosion.drafts[-1]
    assert top.id == "Q" and {mat.item: mat.source for mat in top.materials} == {
        "BODY": "make", "STEM": "make", "SEAL": "buy"}
    assert all(draft.parent == "Q" for draft in explosion.drafts[:-1])


def test_stock_is_netted_once_and_taken():
    _, explosion = offered(WORKSHOP, Ask(id="Q", item="VALVE", quantity="100"), {"VALVE": "30", "BODY": "500"})
    assert {take.item: take.quantity for take in explosion.takes} == {"VALVE": "30", "BODY": "70"}
    assert {draft.item: draft.quantity for draft in explosion.drafts} == {"STEM": "70", "VALVE": "70"}
    assert {p.item for p in explosion.purchases} == {"SEAL"}


def test_enough_in_stock_is_promised_for_now():
    offer, explosion = offered(WORKSHOP, Ask(id="Q", item="VALVE", quantity="100"), {"VALVE": "100"})
    assert offer.at_ms == MONDAY and not explosion.drafts and not explosion.purchases


def test_a_promise_waits_for_the_suppliers_own_promises():
    offer, _ = offered(WORKSHOP, Ask(id="Q", item="VALVE", quantity="10"))
    work = (600 + 60 * 10 + 30 * 10) * 1000
    assert offer.at_ms == MONDAY + 2 * DAY + work
    assert "supplier-promised" in codes(offer.why) and "bound-material" in codes(offer.why)
    sooner = {**QUOTES, "SEAL": Quote(at_ms=MONDAY + DAY)}
    assert offered(WORKSHOP, Ask(id="Q", item="VALVE", quantity="10"), quotes=sooner)[0].at_ms < offer.at_ms


def test_without_an_answer_the_lead_time_counts_and_without_that_there_is_no_promise():
    assumed, _ = offered(WORKSHOP, Ask(id="Q", item="VALVE", quantity="10"), {"BODY": "10"}, quotes={})
    assert assumed.at_ms is not None and "lead-time-assumed" in codes(assumed.why)
    silent, _ = offered(WORKSHOP, Ask(id="Q", item="VALVE", quantity="10"), quotes={})
    assert silent.at_ms is None and "supplier-silent" in codes(silent.why)
    refused = {**QUOTES, "CASTING": Quote(refusal="no-capacity")}
    offer, _ = offered(WORKSHOP, Ask(id="Q", item="VALVE", quantity="10"), quotes=refused)
    assert offer.at_ms is None and "supplier-refused" in codes(offer.why)


def test_nothing_that_says_where_an_item_comes_from_is_a_gap():
    offer, explosion = offered(WORKSHOP, Ask(id="Q", item="GLASS", quantity="1"))
    assert codes(explosion.gaps) == ["no-source"] and offer.at_ms is None


def test_the_customers_own_material_is_awaited_not_bought():
    one = workshop()
    one.say(m.BillDefined(bill=Bill(item="BODY", lines=(
        BillLine(item="CASTING", quantity="1", source="free-issue"),))))
    offer, explosion = offered(one, Ask(id="Q", item="BODY", quantity="8"), quotes={})
    assert [(need.item, need.quantity, need.order) for need in explosion.free_issue] == [("CASTING", "8", "Q")]
    assert not explosion.purchases and "free-issue-assumed" in codes(offer.why)
    here, nothing = offered(one, Ask(id="Q", item="BODY", quantity="8"), {"CASTING": "8"}, quotes={})
    assert not nothing.free_issue and here.at_ms == offer.at_ms


def test_material_that_we_send_along_is_netted_and_dates_the_purchase():
    one = workshop()
    one.say(m.SupplyRuleDefined(rule=SupplyRule(item="BODY", source="buy", supplier="JINGGONG",
                                                supplies_material=("CASTING",))))
    quotes = {"BODY": Quote(at_ms=MONDAY + DAY), "CASTING": Quote(at_ms=MONDAY + 3 * DAY)}
    offer, explosion = offered(one, Ask(id="Q", item="BODY", quantity="10"), quotes=quotes)
    body = next(p for p in explosion.purchases if p.item == "BODY")
    assert [(sent.item, sent.quantity) for sent in body.material] == [("CASTING", "11")]
    assert offer.at_ms == MONDAY + 4 * DAY  # a day's work there, begun when our castings are there


def test_a_bill_that_contains_itself_is_refused_not_followed():
    looped = Master(bills={"A": Bill(item="A", lines=(BillLine(item="B", quantity="1"),)),
                           "B": Bill(item="B", lines=(BillLine(item="A", quantity="1"),))})
    with pytest.raises(Invalid) as found:
        explode(looped, Ask(id="Q", item="A", quantity="1"), {})
    assert found.value.code == "production.bill-cycle" and found.value.facts["cycle"] == "A > B > A"


@pytest.mark.parametrize("quantity", ["0", "-3", "many", ""])
def test_a_demand_for_nothing_is_refused(quantity):
    with pytest.raises(Invalid):
        explode(WORKSHOP.state.master, Ask(id="Q", item="VALVE", quantity=quantity), {})


def test_suppliers_are_asked_for_when_the_plan_could_begin():
    problem = problem_of(WORKSHOP.state, MONDAY)
    explosion = explode(WORKSHOP.state.master, Ask(id="Q", item="VALVE", quantity="10"), {})
    needs = {need.item: need.wanted_by_ms for need in purchase_needs(problem, greedy.schedule(problem), explosion)}
    assert needs["CASTING"] == MONDAY and MONDAY < needs["SEAL"] < MONDAY + HOUR
    relaxed = msgspec.structs.replace(explosion, ask=Ask(id="Q", item="VALVE", quantity="10", due_ms=MONDAY + 5 * DAY))
    later = {need.item: need.wanted_by_ms for need in purchase_needs(problem, greedy.schedule(problem), relaxed)}
    assert later["SEAL"] - needs["SEAL"] == later["CASTING"] - needs["CASTING"] > 4 * DAY


asks = st.lists(st.tuples(st.sampled_from(["VALVE", "BODY", "STEM"]), st.integers(1, 60)), min_size=1, max_size=5)


@settings(max_examples=40)
@given(asks, st.lists(st.booleans(), min_size=5, max_size=5))
def test_what_is_reserved_keeps_its_promise_and_is_never_promised_twice(wanted, becomes_order):
    one = workshop()
    promised = {}
    for n, (item, quantity) in enumerate(wanted):
        ask = Ask(id=f"Q{n}", item=item, quantity=str(quantity))
        offer, _ = offered(one, ask)
        assert not list(overlaps(offer.plan))
        promised[ask.id] = offer.at_ms
        demand = m.DemandRef(thread=f"T{n}", line="1")
        at = instant.from_ms(offer.at_ms)
        one.say(m.CapacityReserved(id=f"R{n}", demand=demand, promise=at, expires=at, drafts=offer.drafts))
        if becomes_order[n]:
            for draft in offer.drafts:
                one.say(m.ProductionOrderCreated(order=draft, demand=demand, due=at))
            one.say(m.CapacityReleased(id=f"R{n}", why="ordered"))
        plan = greedy.schedule(problem_of(one.state, MONDAY))
        assert not list(overlaps(plan))
        assert {name: plan.order_ends[name] for name in promised} == promised


def test_a_released_reservation_gives_its_capacity_back():
    one = workshop()
    first, _ = offered(one, Ask(id="Q1", item="STEM", quantity="500"))
    held = m.CapacityReserved(id="R1", demand=m.DemandRef(thread="T"), promise="2026-11-24T00:00:00Z",
                              expires="2026-11-24T00:00:00Z", drafts=first.drafts)
    for n in ("1", "2"):  # both lathes
        one.say(msgspec.structs.replace(held, id=f"R{n}", drafts=tuple(
            msgspec.structs.replace(draft, id=f"{draft.id}{n}") for draft in held.drafts)))
    waits, _ = offered(one, Ask(id="Q3", item="STEM", quantity="500"))
    assert waits.at_ms > first.at_ms
    one.say(m.CapacityReleased(id="R1", why="expired"))
    assert offered(one, Ask(id="Q3", item="STEM", quantity="500"))[0].at_ms == first.at_ms


def test_of_several_rounds_of_one_offer_the_last_holds_capacity_and_none_once_its_orders_exist():
    one = workshop()
    first, _ = offered(one, Ask(id="Q1", item="STEM", quantity="500"))
    held = m.CapacityReserved(id="R1", demand=m.DemandRef(thread="T"), promise="2026-11-24T00:00:00Z",
                              expires="2026-11-24T00:00:00Z", drafts=first.drafts)
    for name in ("R1", "R2"):  # a crash left the first beside the second
        one.say(msgspec.structs.replace(held, id=name))
    assert [counted.id for counted in in_force(one.state)] == ["R2"]
    assert len({job.id for job in problem_of(one.state, 0).jobs}) == len(problem_of(one.state, 0).jobs)
    for draft in first.drafts:
        one.say(m.ProductionOrderCreated(order=draft, demand=held.demand, due="2026-11-24T00:00:00Z"))
    assert in_force(one.state) == ()
    assert len({job.id for job in problem_of(one.state, 0).jobs}) == len(problem_of(one.state, 0).jobs)
