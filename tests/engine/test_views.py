"""Read models: whose turn it is, where an order stands, what is late, and that all of it is plain JSON."""

import msgspec
import pytest

from tests.doors.console.sample import alone, at_work
from tests.engine.world import quiet
from weft.basis.errors import NotFound
from weft.engine.commands import run
from weft.engine.views import VIEWS
from weft.engine.views.deals import COLUMNS
from weft.engine.views.today import waiting


@pytest.fixture
async def work():
    sample = await at_work()
    yield sample
    await sample.stop()


# what needs more than these samples have is tested beside its subject
ELSEWHERE = {"plan-if", "slip", "slip-file", "twin", "twin-part", "twin-history", "twin-operation"} | {
    one for one in VIEWS if one.startswith(("price-", "machine-"))}


def wanted(sample) -> dict:
    """Parameters of every view that needs some."""
    return {"order": {"thread": sample.orders["making"]}, "machine": {"name": "Cell1"}, "job": {"job": sample.jobs[0]},
            "job-work": {"job": sample.jobs[0]}, "job-find": {"number": sample.jobs[0]}, "my-work": {"worker": "李"},
            "routing": {"item": "BV-15"}, "item": {"item": "BV-15"},
            "order-pick-up": {"thread": sample.orders["making"]},
            "partner": {"thread": sample.node.threads("relationship")[0]}}


async def test_every_view_is_plain_json_and_holds_no_floats_of_money(work):
    for name, view in VIEWS.items():
        if name in ELSEWHERE:
            continue
        shown = msgspec.json.decode(msgspec.json.encode(await view(work.node, **wanted(work).get(name, {}))))
        assert isinstance(shown, dict), name
        for key in ("gross", "net", "tax", "quantity", "good"):
            assert not isinstance(shown.get(key), float), (name, key)


async def test_every_view_of_an_empty_firm_can_be_shown():
    sample = await alone()
    for name in set(VIEWS) - ELSEWHERE - {"order", "machine", "job", "item", "partner", "order-pick-up", "job-work",
                                          "job-find", "my-work", "routing"}:
        assert await VIEWS[name](sample.node) is not None
    today = await VIEWS["today"](sample.node)
    assert [step.code for step in today.start] == ["items", "prices", "making", "partner", "order"]
    assert not any(step.done for step in today.start)
    await sample.stop()


async def test_what_does_not_exist_is_not_found(work):
    for name, params in (("order", {"thread": "x"}), ("machine", {"name": "x"}), ("job", {"job": "x"}),
                         ("item", {"item": "x"}), ("partner", {"thread": "x"})):
        with pytest.raises(NotFound):
            await VIEWS[name](work.node, **params)


async def test_both_sides_see_an_order_in_the_same_column_and_one_of_them_is_to_act(work):
    ours = {card.thread: card for column in (await VIEWS["orders"](work.node)).columns for card in column.cards}
    theirs = {card.thread: card for column in (await VIEWS["orders"](work.shop)).columns for card in column.cards}
    assert set(ours) == set(theirs) == set(work.orders.values())
    for thread, card in ours.items():
        assert (card.column, card.gross, card.promise) == (
            theirs[thread].column, theirs[thread].gross, theirs[thread].promise)
        assert {card.role, theirs[thread].role} == {"buyer", "seller"}
        assert not (card.next and theirs[thread].next)
    where = {name: ours[thread].column for name, thread in work.orders.items()}
    assert where == {"asked": "asked", "quoted": "quoted", "ordered": "ordered", "making": "making", "sent": "done",
                     "arriving": "on-the-way", "changed": "ordered"}
    assert [column.code for column in (await VIEWS["orders"](work.node)).columns] == list(COLUMNS)


async def test_a_side_shows_only_its_own_orders(work):
    sold = await VIEWS["orders"](work.node, side="seller")
    bought = await VIEWS["orders"](work.node, side="buyer")
    assert sum(len(column.cards) for column in sold.columns) == len(work.orders)
    assert not any(column.cards for column in bought.columns)
    assert bought.total == len(work.orders)


async def test_today_asks_for_what_the_rules_allow_us_to_answer(work):
    today = await VIEWS["today"](work.node)
    asked = {(task.kind, task.id) for task in today.answer}
    assert ("quote", work.orders["asked"]) in asked
    assert ("answer-order", work.orders["ordered"]) in asked
    assert ("machine-alarm", "Lathe1") in asked
    assert ("command-unknown", "Lathe1") in asked
    assert ("reorder", "BAR-20") in asked
    assert await waiting(work.node) == len(today.answer)
    assert not {task.id for task in today.arrived} & {task.id for task in today.answer}
    await run(work.node, "respond", {"thread": work.orders["ordered"], "code": "AP"})
    assert ("answer-order", work.orders["ordered"]) not in {
        (task.kind, task.id) for task in (await VIEWS["today"](work.node)).answer}


async def test_nothing_is_ready_to_send_before_the_buyer_has_our_word_and_work_began(work):
    """With the line down an accepted order is not planned yet: nothing is in work, and nothing is made."""
    apart, thread = frozenset((work.node.organisation, work.shop.organisation)), work.orders["ordered"]
    work.node.peers.wires.cut.add(apart)
    await run(work.node, "respond", {"thread": thread, "code": "AP"})
    assert ("despatch", thread) not in {(task.kind, task.id) for task in (await VIEWS["today"](work.node)).answer}
    work.node.peers.wires.cut.discard(apart)
    await quiet(work.node, work.shop)
    assert thread in {one.demand.thread for one in (await work.node.book_state("production")).orders.values()}


async def test_today_names_a_counter_offer_what_can_be_billed_and_what_people_make_next(work):
    async def kinds() -> set[tuple[str, str]]:
        return {(task.kind, task.id) for task in (await VIEWS["today"](work.node)).answer}

    relationship = work.node.threads("relationship")[0]
    assert not {("counter", work.orders["quoted"]), ("to-bill", relationship)} & await kinds()
    await run(work.shop, "counter-offer", {"thread": work.orders["quoted"], "lines": [{"line": "1", "quantity": "7"}]})
    await run(work.shop, "receive", {"thread": work.orders["arriving"]})
    await quiet(work.node, work.shop)
    assert {("counter", work.orders["quoted"]), ("to-bill", relationship)} <= await kinds()
    today = await VIEWS["today"](work.node)
    assert [job.item for job in today.ready] == ["BV-15"]
    assert await waiting(work.node) == len(today.answer)


async def test_the_buyer_sees_nothing_of_the_seller_s_workshop(work):
    seller = await VIEWS["order"](work.node, thread=work.orders["making"])
    buyer = await VIEWS["order"](work.shop, thread=work.orders["making"])
    assert seller.jobs
    assert not buyer.jobs
    assert not buyer.children
    told = msgspec.json.encode(buyer).decode()
    for secret in ("Cell1", "Lathe1", "BENCH", "BO-2610-07"):
        assert secret not in told


async def test_an_order_shows_what_was_sent_received_and_is_open(work):
    sent = await VIEWS["order"](work.node, thread=work.orders["sent"])
    (line,) = sent.lines
    assert (line.quantity, line.sent, line.received, line.open) == ("8", "8", "8", "0")
    assert [document.kind for document in sent.documents][:3] == ["RequestForQuotation", "Quotation", "Order"]
    assert sent.step == 6
    assert line.trace


async def test_a_partner_s_balance_is_the_same_from_both_sides(work):
    (ours,) = (await VIEWS["partners"](work.node)).partners
    (theirs,) = (await VIEWS["partners"](work.shop)).partners
    assert ours.owed_to_us == theirs.owed_by_us != ""
    full = await VIEWS["partner"](work.shop, thread=theirs.thread)
    assert [bill.state for bill in full.payable] == ["open"]


async def test_a_machine_shows_its_job_with_the_newest_count_and_what_is_not_known(work):
    view = await VIEWS["machine"](work.node, name="Cell1")
    assert (view.row.state, view.row.good) == ("running", "19")
    quality = {reading.property: reading.quality for reading in view.readings}
    assert (quality["SpindleSpeed"], quality["Feed"], quality["EmergencyStop"]) == ("good", "bad", "missing")
    alarm = await VIEWS["machine"](work.node, name="Lathe1")
    assert (alarm.row.state, alarm.row.alarm) == ("alarm", "E-207")
    assert [one.status for one in alarm.commands] == ["unknown"]
