"""A till without a mouse: a whole sale by the keys, and a scanner that types wherever the cursor stands."""

import pytest

from tests.doors.till.test_at_the_counter import opened, server
from weft.doors import till

pytestmark = pytest.mark.browser
__all__ = ["opened", "server"]  # fixtures
VALVE, SEAL = "VALVE-DN15", "SEAL-15"


async def scan(page, code, end="Enter"):
    """What a scanner does: it types quickly, and ends with Enter (or Tab)."""
    await page.keyboard.type(code)
    await page.keyboard.press(end)


async def lying(page):
    """Item -> quantity in the basket, as it is kept."""
    await page.wait_for_timeout(150)
    kept = await page.evaluate("import('/till/static/store.js').then((store) => store.get('basket'))")
    return {line["item"]: line["quantity"] for line in (kept or {"lines": []})["lines"]}


async def press(page, *keys):
    for key in keys:
        await page.keyboard.press(key)
        await page.wait_for_timeout(60)


async def test_a_whole_sale_by_the_keys_alone(server, opened):
    page = await opened("en-GB")
    await page.keyboard.type("valve", delay=80)  # as a person types
    await press(page, "Enter")
    await page.keyboard.type("seal", delay=80)
    await press(page, "Enter")
    assert await lying(page) == {VALVE: "1", SEAL: "1"}
    await press(page, "Enter")  # nothing is sought: pay
    await page.locator(".paying").wait_for()
    for digit in "50":
        await page.keyboard.press(digit)
        await page.wait_for_timeout(120)
    assert "€28.80" in await page.locator(".paying .change").inner_text()
    await press(page, "Backspace", "Backspace")
    await press(page, "Enter")
    await page.locator(".receipt .qr").wait_for()
    await press(page, "Enter")
    await page.locator(".tile").first.wait_for()
    await page.keyboard.type("seal", delay=80)
    await press(page, "Enter", "F9")
    await page.locator(".paying").wait_for()
    for _ in range(12):  # to the way of paying, by the keys
        if await page.evaluate("document.activeElement.dataset.way === 'transfer'"):
            break
        await press(page, "Tab")
    await press(page, "Enter")
    assert await page.locator(".tab.chosen").get_attribute("data-way") == "transfer"
    await page.locator(".paying .button.main", has_text="The money has arrived").press("Enter")
    await page.locator(".receipt .qr").wait_for()
    await press(page, "Escape")
    await page.locator(".tile").first.wait_for()
    await page.wait_for_function("document.querySelector('.lamp-words')?.innerText === 'Connected'")
    assert [(one["pay"], one["gross"]) for one in server.slips] == [("cash", "21.20"), ("transfer", "3.20")]


@pytest.mark.parametrize("end", ["Enter", "Tab"])
async def test_a_scanner_is_heard_wherever_the_cursor_stands(opened, end):
    page = await opened("en-GB")
    await scan(page, VALVE, end)
    assert await lying(page) == {VALVE: "1"}
    await page.locator(".search").focus()
    await page.keyboard.type("va", delay=150)
    await page.wait_for_timeout(300)
    await scan(page, SEAL, end)
    assert await lying(page) == {VALVE: "1", SEAL: "1"}
    assert await page.locator(".search").input_value() == ""
    await page.locator(".tile").first.focus()  # Enter would press it
    await scan(page, SEAL, end)
    assert await lying(page) == {VALVE: "1", SEAL: "2"}
    for way in (0, 2, 3):  # slips, day close, settings: it leads back to the goods
        await page.locator(".way").nth(way).click()
        await page.wait_for_timeout(150)
        await scan(page, SEAL, end)
        await page.locator(".tile").first.wait_for()
    assert await lying(page) == {VALVE: "1", SEAL: "5"}
    assert not await page.locator("dialog[open]").count(), "nothing was paid"


async def test_a_scanner_that_ends_with_two_enters_pays_nothing_with_the_second(opened):
    page = await opened("en-GB")
    await page.evaluate("""code => {
        for (const key of [...code, "Enter", "Enter"])
            document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
    }""", SEAL)  # as fast as it gets
    assert await lying(page) == {SEAL: "1"}
    assert not await page.locator("dialog[open]").count()
    await page.wait_for_timeout(200)
    await page.keyboard.press("Enter")  # the control: a person's Enter pays
    await page.locator(".paying").wait_for()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_a_code_that_nobody_knows_is_told_and_leaves_everything_as_it_was(opened, locale):
    page, words = await opened(locale), till.words(locale[:2])
    await scan(page, SEAL)
    await page.locator(".search").focus()
    await scan(page, "4006381333931")
    said = await page.locator("#toast .alert").inner_text()
    assert said == words["unknown-code"].replace("{code}", "4006381333931")
    assert await page.locator(".search").input_value() == ""
    assert await lying(page) == {SEAL: "1"}


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_what_is_scanned_while_the_customer_pays_is_not_added_in_silence(opened, locale):
    page, words = await opened(locale), till.words(locale[:2])
    await scan(page, VALVE)
    await page.wait_for_timeout(200)
    await page.keyboard.press("F9")
    await page.locator(".paying").wait_for()
    await page.wait_for_timeout(200)
    await scan(page, "6901234567908")
    said = page.locator("#toast .alert")
    await said.wait_for()
    assert (await said.inner_text()).endswith(words["scanned-later"].replace("{code}", "908"))  # all of it, if quick
    assert await page.locator("#toast").evaluate("(it) => it.matches(':popover-open')"), "it lies above the sheet"
    assert "18.00" in await page.locator(".paying .typed").inner_text(), "its digits are no money"
    assert await page.locator("dialog[open]").count() == 1
    assert await lying(page) == {VALVE: "1"}


async def test_the_code_of_a_slow_scanner_is_no_money_that_was_handed_over(server, opened):
    page = await opened("en-GB")
    await scan(page, VALVE)
    await page.wait_for_timeout(200)
    await page.keyboard.press("F9")
    await page.locator(".paying").wait_for()
    await page.keyboard.type("690123456790", delay=160)  # as slowly as a person
    await press(page, "Enter")
    await page.locator("#toast .alert", has_text="was not added").wait_for()
    assert "18.00" in await page.locator(".paying .typed").inner_text()
    assert server.slips == []
    await page.keyboard.type("100", delay=160)  # the control: money
    await press(page, "Enter")
    await page.locator(".receipt .qr").wait_for()
