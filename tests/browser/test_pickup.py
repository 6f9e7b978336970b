"""Picking up at a shop through the real screens: the buyer's ticket, the counter, the maker's order."""

import asyncio
import os

import pytest
import pytest_asyncio

from tests.browser.conftest import LOCALES, SIZES, answers, free_port
from tests.doors.console.sample import TOKEN, served
from tests.engine.picking import three
from tests.engine.world import until
from weft.config import Rules
from weft.engine import pickup
from weft.engine.commands import run
from weft.engine.devices import Devices

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
SHOTS = os.environ.get("PICKUP_SHOTS", "")  # a folder for pictures, to be looked at
ASKS = Rules(quote="auto", order="auto", change="auto", despatch="auto", subcontract="auto", receive="ask",
             invoice="auto")


class Counter:
    """One browser for each firm."""

    def __init__(self, world, places, page, picture) -> None:
        self.world, self.places, self.page, self.picture = world, places, page, picture

    async def at(self, firm: str, address: str, name: str = "") -> None:
        await self.page.goto(self.places[firm] + address)
        assert await self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
        if SHOTS and name:
            await self.page.screenshot(path=f"{SHOTS}/{self.picture}-{name}.png", full_page=True)

    async def shot(self, name: str) -> None:
        assert await self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
        if SHOTS:
            await self.page.screenshot(path=f"{SHOTS}/{self.picture}-{name}.png", full_page=True)


@pytest_asyncio.fixture(loop_scope="module")
async def counter(browser, request):
    lang, size = request.param
    async with three(rules=ASKS) as world:
        ended, places, serving = asyncio.Event(), {}, []
        for name, node in zip(("buyer", "maker", "shop"), world.all, strict=True):
            node.devices, node.dev_open = Devices(node.store, node.clock, node.random, TOKEN), True
            port = free_port()
            places[name] = f"http://127.0.0.1:{port}"
            serving.append(asyncio.create_task(served(node, port, ended)))
            await answers(port)
        context = await browser.new_context(locale=LOCALES[lang], viewport=SIZES[size], is_mobile=size == "phone",
                                            has_touch=size == "phone")
        faults: list[str] = []
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda answer: faults.append(f"{answer.status} {answer.url}")
                if answer.status >= 500 else None)
        yield Counter(world, places, page, f"{lang}-{size}")
        await context.close()
        ended.set()
        await asyncio.gather(*serving)
        assert not faults, faults


@pytest.mark.parametrize("counter", [
    ("zh", "phone"), *(pytest.param(one, marks=pytest.mark.release)
                       for one in (("en", "desk"), ("en", "phone"), ("zh", "desk")))], indirect=True)
async def test_a_parcel_goes_over_the_counter_by_the_screens_alone(counter):
    world, page = counter.world, counter.page
    world.order = (await run(world.buyer, "request-quotation", {
        "supplier": "Maker", "lines": [{"item": "V15", "quantity": "4"}]})).thread
    await world.offered()
    await counter.at("shop", "/pick-up", "0-empty")
    await counter.at("buyer", f"/orders/{world.order}", "1-choose")
    await page.locator("#pick-up form button").click()
    await page.locator(".voucher").wait_for()
    await run(world.buyer, "order", {"thread": world.order})
    await until(world.coming)
    await counter.at("shop", "/pick-up", "2-arriving")
    form = page.locator("#arriving form")
    await form.locator("[name='lines.0.received@number']").fill("3")
    await form.locator("[name='lines.0.damaged@number']").fill("1")
    await form.locator("[name='lines.0.reason']").fill("dented")
    await form.locator("button").click()
    await page.locator("#here").wait_for()
    await world.quiet()

    async def ready():
        return (await pickup.row(world.buyer, pickup.FETCHES, world.order, pickup.Fetch)).ready

    await until(ready)
    await counter.at("buyer", f"/orders/{world.order}", "3-ticket")
    label = await page.locator(".voucher dd").nth(0).inner_text()
    code = await page.locator(".voucher dd").nth(1).inner_text()
    await counter.at("maker", f"/orders/{world.order}", "4-maker")
    await counter.at("maker", "/pick-up", "5-places")
    await counter.at("shop", "/pick-up")
    await page.locator("#counter-code").fill(f"{label} ABCD EFGH")
    await page.locator("#counter form button").click()
    await page.locator("#counter .notice.alert").wait_for()
    await counter.shot("6-wrong")
    await page.locator("#counter-code").fill(f"weft-pickup:{label}-{code}")
    await page.locator("#counter form button").click()
    await page.locator("#out").wait_for()
    await page.locator("#out summary").click()
    await counter.shot("7-out")
    await page.locator("#out [name=code]").fill(code)
    await page.locator("#out [name='lines.0.quantity@number']").fill("1")
    await page.locator("#out form button").click()
    await page.locator("#back").wait_for()
    await world.quiet()
    await counter.at("shop", "/pick-up", "8-back")
    await counter.at("buyer", f"/orders/{world.order}", "9-fetched")
    await counter.at("maker", f"/orders/{world.order}", "a-maker-after")
    await counter.at("maker", "/", "b-today")
    await counter.at("shop", f"/orders/{world.service}", "c-service")
    assert await world.troubles() == []
