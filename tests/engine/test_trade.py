"""A shop and a factory trade through the whole engine, in one process."""

import asyncio
import base64

import msgspec
import pytest

from tests.engine.world import AUTO, Wires, befriend, found, quiet, until
from weft.basis.errors import Refused
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.stock import levels
from weft.trade.order_state import Phase


def table(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


BOOK = {"id": "valves", "name": "Valves", "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
        "lines": [{"item": "V15", "unit": "C62",
                   "tiers": [{"from": "1", "price": "40"}, {"from": "100", "price": "36"}]}],
        "valid_from": "2020-01-01T00:00:00Z"}


@pytest.fixture
async def firms():
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    await befriend(factory, shop)
    yield shop, factory
    await shop.stop()
    await factory.stop()


async def fill_factory(factory) -> None:
    for kind, text in (
        ("items", "item,name,unit,kind\nV15,Valve,C62,product\nB,Body,C62,part\n"),
        ("stock", "item,quantity\nV15,50\nB,200\n"),
        ("calendars", "calendar,utc_offset,day,start,end\nday,+00:00,1-7,00:00,24:00\n"),
        ("work-centres", "id,name,calendar\nbench,Bench,day\n"),
        ("bills", "parent,component,quantity\nV15,B,1\n"),
        ("routings", "item,number,work_centre,setup_s,run_s\nV15,10,bench,60,30\n"),
    ):
        done = await run(factory, "import", {"kind": kind, "content": table(text)})
        assert not done.facts["problems"], (kind, done.facts["problems"])
    await run(factory, "publish-prices", {"book": BOOK})


async def test_a_stock_order_goes_from_request_to_payment(firms):
    shop, factory = firms
    await fill_factory(factory)
    await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
    done = await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})
    thread = done.thread

    async def phase():
        return (await shop.state(thread)).phase

    async def quoted():
        return await phase() is Phase.QUOTED

    await until(quoted)
    state = await shop.state(thread)
    assert state.quotation.gross == "904.00"
    await run(shop, "order", {"thread": thread})

    async def closed():
        return await phase() is Phase.CLOSED

    await until(closed)
    await quiet(shop, factory)
    assert state_hash(await shop.state(thread)) == state_hash(await factory.state(thread))
    relationship = shop.partner(factory.organisation)
    documents = (await shop.state(relationship)).documents
    assert [one.amount for one in documents.values()] == ["904.00"]
    stock = await shop.book_state("stock")
    assert levels.on_hand(stock, "V15") == 20
    assert levels.on_hand(await factory.book_state("stock"), "V15") == 30
    await run(shop, "remit", {"partner": "Factory"})
    await quiet(shop, factory)
    state = await factory.state(relationship)
    name = next(iter(state.remittances))
    await run(factory, "confirm-remittance", {"partner": "Shop", "remittance": name})
    await quiet(shop, factory)
    assert not [one for one in (await shop.state(relationship)).documents.values() if one.open]
    assert not await shop.store.values("trouble")
    assert not await factory.store.values("trouble")
    assert not await shop.store.values("alarm")


async def test_what_is_not_in_stock_is_made_by_traveller_and_phone(firms):
    shop, factory = firms
    await fill_factory(factory)
    await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "80"}]})).thread

    async def quoted():
        return (await shop.state(thread)).phase is Phase.QUOTED

    await until(quoted)
    await run(shop, "order", {"thread": thread})

    async def job():
        return [one for one in (await factory.book_state("production")).jobs.values() if one.state == "AllowedToStart"]

    await until(job)
    name = (await job())[0].id
    await run(factory, "job-start", {"job": name, "operator": "Wang"})
    await run(factory, "job-count", {"job": name, "good": "10"})
    await run(factory, "job-end", {"job": name, "good": "30"})

    async def closed():
        return (await shop.state(thread)).phase is Phase.CLOSED

    await until(closed)
    await quiet(shop, factory)
    assert not await factory.store.values("trouble")
    assert state_hash(await shop.state(thread)) == state_hash(await factory.state(thread))


async def test_deposit_tolerance_and_retention_run_through_to_the_last_bill(firms):
    shop, factory = firms
    await fill_factory(factory)
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})).thread

    async def quoted():
        return (await shop.state(thread)).phase is Phase.QUOTED

    await until(quoted)
    await run(factory, "quote", {"thread": thread, "terms": {
        "deposit_percent": "30", "retention_percent": "5", "over_delivery_percent": "10",
        "unit_prices": {"1": "39.5"}}})

    async def requoted():
        return (await shop.state(thread)).quotation.off_book

    await until(requoted)
    assert (await shop.state(thread)).quotation.gross == "892.70"
    await run(shop, "order", {"thread": thread})
    relationship = shop.partner(factory.organisation)

    async def closed():
        return (await shop.state(thread)).phase is Phase.CLOSED

    await until(closed)
    await quiet(shop, factory)
    await run(factory, "invoice", {"thread": thread, "kind": "retention"})
    await quiet(shop, factory)
    documents = list((await shop.state(relationship)).documents.values())
    assert [(one.purpose, one.amount) for one in documents] == [("goods", "848.06"), ("retention", "44.64")]
    assert not await factory.store.values("trouble")


@pytest.mark.parametrize("held", [True, False])
async def test_two_who_bill_an_order_in_one_moment_make_one_bill(held, monkeypatch):
    """``held`` False is the control: without the lock of the order the same goods are billed twice."""
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory", rules=msgspec.structs.replace(
        AUTO, invoice="ask"))
    await befriend(factory, shop)
    await fill_factory(factory)
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "V15", "quantity": "20"}]})).thread

    async def quoted():
        return (await shop.state(thread)).phase is Phase.QUOTED

    async def received():
        return [one for one in (await factory.state(thread)).lines.values() if one.received == "20"]

    await until(quoted)
    await run(shop, "order", {"thread": thread})
    await until(received)
    await quiet(shop, factory)
    if not held:
        lock = type(factory).lock
        monkeypatch.setattr(type(factory), "lock", lambda node, name: asyncio.Lock()
                            if name.startswith("bills/") else lock(node, name))
    told = await asyncio.gather(*(run(factory, "invoice", {"thread": thread}, key) for key in ("owner", "clerk")),
                                return_exceptions=True)
    assert [one.code for one in told if isinstance(one, Refused)] == (["billing.nothing"] if held else [])
    await quiet(shop, factory)
    documents = (await factory.state(factory.partner(shop.organisation))).documents
    assert len(documents) == (1 if held else 2)
    await shop.stop()
    await factory.stop()


async def test_a_buyer_without_items_gets_one_with_the_first_goods(firms):
    shop, factory = firms
    await fill_factory(factory)
    thread = (await run(shop, "request-quotation", {
        "supplier": "Factory", "lines": [{"item": "valve", "quantity": "5"}]})).thread

    async def quoted():
        return (await shop.state(thread)).phase is Phase.QUOTED

    await until(quoted)  # "valve" is the name of exactly one item of the factory
    await run(shop, "order", {"thread": thread})

    async def closed():
        return (await shop.state(thread)).phase is Phase.CLOSED

    await until(closed)
    await quiet(shop, factory)
    assert not await shop.store.values("trouble")
    stock = await shop.book_state("stock")
    (item,) = stock.items.values()
    assert levels.on_hand(stock, item.id) == 5
