"""A real machine connected by a person on a phone, step by step, in a real Chromium; and without scripts."""

import asyncio

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.browser.conftest import LOCALES, SIZES, answers, free_port
from tests.doors.console.sample import served
from tests.machines.conftest import Process
from tests.machines.connecting import connecting
from weft.locale import text

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def shop(tmp_path):
    """A node without machines at an address, and a machine that it may connect."""
    process = Process("M1", "lathe", ["--seed", "7", "--speed", "60", "--scrap-rate", "0",
                                      "--state", str(tmp_path / "M1.starts")])
    await process.begin()
    async with connecting(tmp_path) as owner:
        ended, port = asyncio.Event(), free_port()
        serving = asyncio.create_task(served(owner.node, port, ended))
        await answers(port)
        await owner.node.floor.begin()
        yield owner, process, f"http://127.0.0.1:{port}"
        ended.set()
        await serving
    await process.kill()


async def fits(page):
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert "⟦" not in await page.content()


@pytest.mark.parametrize(("lang", "size", "scripts"), [("zh", "phone", True), ("en", "desk", False)])
async def test_a_machine_is_connected_from_its_address_to_its_values(browser, shop, lang, size, scripts):
    owner, process, base = shop
    context = await browser.new_context(locale=LOCALES[lang], viewport=SIZES[size], java_script_enabled=scripts)
    page = await context.new_page()
    await page.goto(f"{base}/pair?code={await owner.node.devices.new_code('owner')}")
    await page.locator("form[action='/pair'] button.main").click()
    await page.goto(f"{base}/connections")
    await page.get_by_text(text(lang, "empty.connections.title")).wait_for()
    await page.locator(".empty a.main").click()
    await page.fill("input[name=address]", process.endpoint)
    await page.fill("input[name=name]", "L1")
    await page.get_by_role("button", name=text(lang, "connect.begin")).click()
    await page.get_by_text(text(lang, "connect.answers")).wait_for()
    await page.locator("form[action='/do/machine-draft-secure'] button.main").click()
    await page.locator("ul.list a").last.click()  # into the machine's own folder
    await page.get_by_label("SpindleSpeed").check()
    await page.get_by_label("PieceCount").check()
    if scripts:  # values are read anew beside the boxes, and what is marked stays
        await page.evaluate("document.querySelector('#v6').textContent = 'old'")
        await expect(page.locator("#v6")).not_to_have_text("old")
        assert await page.locator("input[type=checkbox]:checked").count() == 2
    await fits(page)
    await page.get_by_role("button", name=text(lang, "connect.add"), exact=True).click()
    await page.get_by_text(text(lang, "connect.may.nothing")).wait_for()
    await page.locator("details.act summary", has_text="SpindleSpeed").click()
    row = page.locator("details.act", has_text="SpindleSpeed").first
    await row.locator("input[name='minimum@number']").fill("100")
    await row.locator("input[name='maximum@number']").fill("4000")
    await row.locator("input[name=write]").check()
    await row.get_by_role("button", name=text(lang, "connect.row.keep")).click()
    await page.locator("#may li").first.wait_for()
    await page.locator("a.button.main.wide").click()
    await page.get_by_text(text(lang, "connect.read", n=2, of=2)).wait_for()
    await page.locator("#trial input[name=value]").fill("1500")
    await page.get_by_role("button", name=text(lang, "connect.try.next")).click()
    await fits(page)
    assert not (await owner.node.book_state("floor")).commands, "the first step sends nothing"
    await page.get_by_role("button", name=text(lang, "connect.try.yes")).click()
    await page.get_by_text(text(lang, "connect.tried.confirmed")).wait_for()
    await page.get_by_role("button", name=text(lang, "connect.done", name="L1")).click()
    await page.wait_for_url("**/machines/L1")
    assert await owner.node.floor.machines.runner("L1").connection.wait_up(30)
    await page.goto(f"{base}/connections")
    await page.get_by_text(text(lang, "connection.fine", n=1)).wait_for()
    await fits(page)
    await context.close()
