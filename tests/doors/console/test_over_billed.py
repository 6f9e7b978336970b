"""An order that is billed three times, on its buyer's screens: a task, a note at each bill too many, a question."""

import pytest

from tests.doors.console.sample import TOKEN
from tests.doors.console.test_alarms import posted, shown
from tests.engine import test_billed as trade
from weft.engine.devices import Devices

firms = trade.firms


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_it_is_seen_on_today_and_beside_each_bill_too_many(firms, lang):
    shop, factory = firms
    shop.devices = Devices(shop.store, shop.clock, shop.random, TOKEN)
    order, relationship = await trade.ordered(shop, factory)
    told = "more is billed than" if lang == "en" else "开多了"
    noted = "With this bill more is billed" if lang == "en" else "加上这张结算单"
    await trade.said(factory, shop, relationship, trade.bill(order, "I-1"))
    assert told not in await shown(shop, "/", lang)  # the control: one bill
    assert noted not in await shown(shop, f"/partners/{relationship}", lang)
    (second, _) = await trade.said(factory, shop, relationship, trade.bill(order, "I-2"), trade.bill(order, "I-3"))
    assert (await shown(shop, "/", lang)).count(told) == 2
    page = await shown(shop, f"/partners/{relationship}", lang)
    assert page.count(noted) == 2 and 'name="sure"' in page and "⟦" not in page
    assert noted in await shown(shop, f"/partners/{relationship}/price?document={second}", lang)


async def test_paying_asks_first(firms):
    shop, factory = firms
    shop.devices = Devices(shop.store, shop.clock, shop.random, TOKEN)
    order, relationship = await trade.ordered(shop, factory)
    names = await trade.said(factory, shop, relationship, *(trade.bill(order, f"I-{n}") for n in (1, 2)))
    paid = {f"allocations~{names[1]}@number": "452.00", "partner": factory.organisation,
            "then": f"/partners/{relationship}"}
    answer = await posted(shop, "/do/remit", **paid)
    assert answer.status == 409 and b"I-2" in answer.body
    assert not (await shop.state(relationship)).remittances
    assert (await posted(shop, "/do/remit", **paid, sure="true")).status == 303
    assert (await shop.state(relationship)).remittances
