"""One order billed more than once: its buyer sees it, has it among what is to be answered, is asked before paying.

And nothing is billed twice by its seller.
"""

import contextlib

import msgspec
import pytest

from tests.engine.test_trade import BOOK, table
from tests.engine.world import AUTO, Wires, befriend, found, quiet
from weft.basis.errors import Invalid, Refused
from weft.engine import billed
from weft.engine.by_order import ByOrder, bills
from weft.engine.commands import run
from weft.engine.views import VIEWS
from weft.trade.messages import CreditNote, Invoice, InvoiceLine

BY_HAND = msgspec.structs.replace(AUTO, despatch="ask", order="ask")
MONEY = {"net": "400.00", "tax": "52.00", "gross": "452.00"}


@pytest.fixture
async def firms():
    wires = Wires()
    shop, factory = await found(wires, "Shop", rules=BY_HAND), await found(wires, "Factory", rules=BY_HAND)
    await befriend(factory, shop)
    for kind, text in (("items", "item,name,unit,kind\nV15,Valve,C62,product\n"), ("stock", "item,quantity\nV15,50\n")):
        await run(factory, "import", {"kind": kind, "content": table(text)})
    await run(factory, "publish-prices", {"book": BOOK})
    yield shop, factory
    await shop.stop()
    await factory.stop()


async def ordered(shop, factory):
    """An order of 10 valves, confirmed, and the relationship."""
    done = await run(shop, "request-quotation", {"supplier": "Factory", "lines": [{"item": "V15", "quantity": "10"}]})
    await quiet(shop, factory)
    for node, command in ((shop, "order"), (factory, "respond")):
        with contextlib.suppress(Refused, Invalid):  # the node may have said it itself
            await run(node, command, {"thread": done.thread})
        await quiet(shop, factory)
    assert (await shop.state(done.thread)).phase.value == "confirmed"
    return done.thread, factory.partner(shop.organisation)


def bill(order, number, quantity="10", **money):
    sums = {**MONEY, **money}
    line = InvoiceLine(order=order, order_line="1", item="V15", quantity=quantity, tax_percent="13", **sums)
    return Invoice(number=number, lines=(line,), currency="CNY", payable=sums["gross"], **sums)


async def said(factory, shop, relationship, *messages):
    names = []
    for one in messages:
        names += await factory.speak(relationship, one)
        await quiet(shop, factory)
    return names


async def tasks(node):
    return [(one.kind, one.number) for one in (await VIEWS["today"](node)).answer if one.kind == "bill-over"]


async def test_an_order_billed_three_times_is_seen_and_asked_about(firms):
    shop, factory = firms
    order, relationship = await ordered(shop, factory)
    first, second, third = await said(factory, shop, relationship, *(bill(order, f"I-{n}") for n in (1, 2, 3)))
    view = await VIEWS["partner"](shop, thread=relationship)
    assert set(view.over) == {second, third}
    assert (view.over[third].billed, view.over[third].limit, view.over[third].line) == ("30", "10", "1")
    assert sorted(await tasks(shop)) == [("bill-over", "I-2"), ("bill-over", "I-3")]
    assert not await tasks(factory) and not (await VIEWS["partner"](factory, thread=relationship)).over
    for asked in ({}, {"allocations": {second: "452.00"}}, {"allocations": {first: "452.00", third: "1.00"}}):
        with pytest.raises(Refused, match="over-billed"):
            await run(shop, "remit", {"partner": "Factory", **asked})
    await run(shop, "remit", {"partner": "Factory", "allocations": {first: "452.00"}})  # the control: nothing is asked
    await run(shop, "remit", {"partner": "Factory", "allocations": {second: "452.00"}, "sure": True})
    assert await tasks(shop) == [("bill-over", "I-3")]


async def test_an_order_that_is_billed_in_parts_is_not(firms):
    """The control: the same number of bills, for no more than was ordered."""
    shop, factory = firms
    order, relationship = await ordered(shop, factory)
    part = {"net": "200.00", "tax": "26.00", "gross": "226.00"}
    await said(factory, shop, relationship, bill(order, "I-1", "5", **part), bill(order, "I-2", "5", **part))
    assert not (await VIEWS["partner"](shop, thread=relationship)).over and not await tasks(shop)
    await said(factory, shop, relationship, bill(order, "I-3", "1", net="40.00", tax="5.20", gross="45.20"))
    assert [one.billed for one in (await VIEWS["partner"](shop, thread=relationship)).over.values()] == ["11"]


async def test_what_was_credited_does_not_count_and_a_small_credit_hides_nothing(firms):
    shop, factory = firms
    order, relationship = await ordered(shop, factory)
    first, second = await said(factory, shop, relationship, bill(order, "I-1"), bill(order, "I-2"))
    small = InvoiceLine(order=order, order_line="1", item="V15", quantity="10", net="1.00", tax="0.13", gross="1.13",
                        tax_percent="13")
    await said(factory, shop, relationship, CreditNote(number="K-1", invoice=first, lines=(small,), currency="CNY",
                                                       net="1.00", tax="0.13", gross="1.13"))
    assert set((await VIEWS["partner"](shop, thread=relationship)).over) == {second}
    rest = InvoiceLine(order=order, order_line="1", item="V15", quantity="10", net="399.00", tax="51.87",
                       gross="450.87", tax_percent="13")
    await said(factory, shop, relationship, CreditNote(number="K-2", invoice=first, lines=(rest,), currency="CNY",
                                                       net="399.00", tax="51.87", gross="450.87"))
    assert not (await VIEWS["partner"](shop, thread=relationship)).over and not await tasks(shop)


async def settled(shop, factory):
    """All bills go into a statement, are confirmed and paid."""
    relationship = factory.partner(shop.organisation)
    await run(factory, "statement", {"partner": "Shop"})
    await quiet(shop, factory)
    (name,) = (await shop.state(relationship)).statements
    await run(shop, "answer-statement", {"partner": "Factory", "statement": name})
    await quiet(shop, factory)
    await run(shop, "remit", {"partner": "Factory"})
    await quiet(shop, factory)
    (name,) = (await factory.state(relationship)).remittances
    await run(factory, "confirm-remittance", {"partner": "Shop", "remittance": name})
    await quiet(shop, factory)


@pytest.mark.parametrize("kept", [1000, 0])
async def test_nothing_is_billed_twice_when_the_bill_is_long_settled_and_forgotten(firms, monkeypatch, kept):
    shop, factory = firms
    monkeypatch.setattr("weft.trade.relationship.KEPT", kept)
    order, relationship = await ordered(shop, factory)
    other, _ = await ordered(shop, factory)
    for thread in (order, other):
        await run(factory, "despatch", {"thread": thread})
        await quiet(shop, factory)
    assert await billed.unbilled(factory, relationship, order, await factory.state(order)) == {}
    await settled(shop, factory)
    assert len((await factory.state(relationship)).documents) == (2 if kept else 0)  # the control: it is forgotten
    for thread in (order, other):
        assert await billed.unbilled(factory, relationship, thread, await factory.state(thread)) == {}
    whole, few = bills(), ByOrder(bills().told, most=1)
    for thread in (order, other):
        assert await few.of(factory, relationship, thread) == await whole.of(factory, relationship, thread)
        assert len(await whole.of(factory, relationship, thread)) == 1
    assert await billed.unbilled(shop, relationship, order, await shop.state(order)) == {}  # its buyer knows it, too


async def test_an_order_whose_bill_was_forgotten_is_not_to_be_billed_again(firms, monkeypatch):
    shop, factory = firms
    order, relationship = await ordered(shop, factory)
    await run(factory, "despatch", {"thread": order})
    await quiet(shop, factory)
    await settled(shop, factory)
    state = msgspec.structs.replace(await factory.state(relationship), documents={})
    monkeypatch.setattr(await factory.loaded(relationship), "state", state)
    view = await VIEWS["partner"](factory, thread=relationship)
    assert [one.thread for one in view.billable] == [order]  # the control: as if it had never been billed
    monkeypatch.setattr(billed, "KEPT", 0)
    assert not (await VIEWS["partner"](factory, thread=relationship)).billable
