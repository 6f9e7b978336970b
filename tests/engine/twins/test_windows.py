"""Windows are cheap and right: an order is read once for each state of its thread, and nothing stale is shown."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from bench.twin_access import FEW, LARGE, ORDERS, PAGE, SMALL, Firm
from tests.engine.dealing import dealt, ordered
from tests.engine.world import Ticking, until
from weft.basis import instant
from weft.engine.twins.access import Access, program
from weft.engine.twins.ports import ALL, Change, Where
from weft.engine.twins.sight import IDS
from weft.engine.twins.window import Windows
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins.store import SqliteTwins
from weft.twin.query.tree import Alone, And, Compare, Constant, Field, Given, Or


@pytest.fixture
async def deal() -> AsyncIterator[tuple]:
    async with dealt() as (shop, factory, thread):
        yield shop, factory, thread


@pytest.fixture(scope="module")
def crowd() -> Firm:
    return Firm()


async def page(firm: Firm, partner: str, cursor: str = "") -> list[str]:
    found = await Access(firm).page(program("ERP", partner), "shell", cursor, PAGE, ALL)
    return [row.id for row in found.rows]


async def test_of_ten_thousand_orders_each_is_read_once_and_then_only_what_has_changed(crowd):
    windows = crowd.windows
    assert len(await page(crowd, SMALL)) == PAGE
    assert windows.reads == FEW     # and none of anybody else's
    assert len(await page(crowd, LARGE)) == PAGE
    assert windows.reads == ORDERS
    for partner in (SMALL, LARGE) * 3:
        await page(crowd, partner)
    assert windows.reads == ORDERS
    crowd.said("order-09999")
    await page(crowd, SMALL)
    assert windows.reads == ORDERS
    await page(crowd, LARGE)
    assert windows.reads == ORDERS + 1


async def test_a_partner_of_thousands_of_orders_pages_through_them(crowd):
    """It was refused before: rules for thousands of windows were more than a document may hold."""
    access, seen = Access(crowd), await page(crowd, LARGE)
    for cursor in (seen[-1], "urn:weft:did:us:lot:L9999", "urn:weft:did:us:order:MO9990"):
        seen += await page(crowd, LARGE, f"{IDS}{cursor}")
    assert len(seen) == len(set(seen)) == 3 * PAGE + 9
    assert not set(seen) & set(await page(crowd, SMALL))
    shell = msgspec.json.decode((await access.get(program("ERP", LARGE), "shell", seen[0])).body)
    assert [one["keys"][0]["value"].rpartition(":")[2] for one in shell["submodels"]] == ["LotData"]
    assert len((await access.rules(LARGE)).rules) < 20


async def test_a_key_log_that_grew_is_a_reason_to_read_anew(crowd):
    await page(crowd, SMALL)
    before = crowd.windows.reads
    crowd.keyring[SMALL] = object()
    await page(crowd, SMALL)
    assert crowd.windows.reads == before + FEW


async def seen(factory, shop) -> set[str]:
    page = await Access(factory).page(program("ERP", shop.organisation), "shell", "", 100, ALL)
    return {row.id for row in page.rows}


async def test_what_is_kept_follows_orders_the_clock_and_the_firms_word(deal):
    shop, factory, thread = deal
    assert await seen(factory, shop)
    before = factory.windows.reads
    assert await seen(factory, shop)
    assert factory.windows.reads == before
    another = await ordered(shop, factory)
    opened = (await factory.windows.of(shop.organisation)).windows
    assert {one.thread for one in opened} == {thread, another}
    await factory.windows.shut(thread)
    assert [one.thread for one in (await factory.windows.of(shop.organisation)).windows] == [another]
    await factory.windows.keep_open(another, instant.from_ms(factory.clock.now_ms() + 40))
    assert await seen(factory, shop)
    await until(lambda: _nothing(factory, shop))
    await factory.windows.keep_open(thread, "2999-01-01T00:00:00.000Z")
    assert await seen(factory, shop)
    after_a_start = await Windows(factory).of(shop.organisation)
    assert [one.thread for one in after_a_start.windows] == [thread]


async def _nothing(factory, shop) -> bool:
    return not await seen(factory, shop)


async def sent_as(firm: Firm, lot: str) -> bool:
    """Whether ``lot``, sent now for the first order, is among what its buyer sees."""
    await firm.windows.of(SMALL)
    order = firm.orders["order-00000"]
    despatch = order.despatches["x"]
    line = msgspec.structs.replace(despatch.lines[0], lots=(lot,))
    firm.orders["order-00000"] = msgspec.structs.replace(
        order, despatches={"x": msgspec.structs.replace(despatch, lines=(line,))})
    firm.said("order-00000")
    return any(one.lots == (lot,) for one in (await firm.windows.of(SMALL)).windows)


async def test_a_window_that_did_not_hear_of_new_words_would_be_seen_here(crowd, monkeypatch):
    """The control: where the number that tells of news stands still, what was sent meanwhile is not shown."""
    assert await sent_as(crowd, "L500")
    monkeypatch.setattr(type(crowd.holdings), "stamp", lambda *_: 1)
    await crowd.windows.of(SMALL)
    assert not await sent_as(crowd, "L501")


async def test_rules_that_name_thousands_of_twins_stand_beside_one_for_all():
    """They were more branches than the database takes."""
    store = SqliteTwins(MEMORY, Ticking())
    names = Given(tuple(sorted([*(f"urn:many:{number}" for number in range(40_000)), "urn:3"])))
    either = Or((Alone(Compare("$eq", Field("sm", ("id",)), names)),
                 Alone(Compare("$eq", Field("sm", ("idShort",)), Constant("str", "B")))))
    try:
        await store.commit([Change("submodel", f"urn:{number}", msgspec.json.encode({
            "modelType": "Submodel", "id": f"urn:{number}", "idShort": "A" if number % 2 else "B"}))
            for number in range(6)])
        found = await store.page("submodel", "", 100, Where(condition=And((either,))))
        assert [row.id for row in found] == ["urn:0", "urn:2", "urn:3", "urn:4"]
    finally:
        await store.close()
