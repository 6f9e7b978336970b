"""An owner at the price book: the next version is written, tried, and published; a second window overwrites nothing."""

import pytest

from tests.browser.test_console import BOTH
from weft.engine import drafts
from weft.engine.commands import run
from weft.engine.views import VIEWS
from weft.locale import text

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@BOTH
async def test_the_next_version_is_written_tried_and_published_with_a_phone(look, lang):
    at = await look(lang, "phone")
    await at.pair()
    await at.to("/prices")
    await at.page.get_by_role("button", name=text(lang, "prices.next"), exact=True).click()
    await at.sees(text(lang, "prices.findings.none"))
    await at.page.locator("a[href$='at=lines.0']").click()
    await at.page.locator("[name='tiers.0.price@number']").fill("47")
    rows = at.page.locator("#tiers [data-row]")
    before = await rows.count()
    await at.page.get_by_text(text(lang, "prices.tier.add")).click()
    assert await rows.count() == before + 1
    await at.page.get_by_role("button", name=text(lang, "prices.save"), exact=True).click()
    await at.sees(text(lang, "done.price-draft-line"))
    await at.page.locator("#rules a.button").click()
    await at.page.locator("#price-draft-rule-name").fill("Large")
    await at.page.locator("[id='price-draft-rule-at_least@number']").fill("100")
    await at.page.locator("[name='amount@number']").fill("5")
    await at.page.get_by_role("button", name=text(lang, "prices.save"), exact=True).click()
    await at.page.locator("#rules strong", has_text="−5 %").wait_for()
    await at.fits()
    await at.page.locator("#test-item").fill("BV-15")
    await at.page.locator("#test-quantity").fill("10")
    await at.page.locator("#test-quantity").press("Enter")
    await at.page.locator("#answer .big", has_text="531.10").wait_for()  # 47 × 10 and 13 %
    await at.page.locator("#answer .big", has_text="519.80").wait_for()  # 46 × 10, in force
    await at.fits()
    await at.page.locator("a.back").click()
    await at.page.get_by_role("link", name=text(lang, "prices.publish.look")).click()
    await at.sees("+2.17")
    await at.fits()
    await at.page.get_by_role("button", name=text(lang, "prices.publish.do"), exact=True).click()
    await at.sees(text(lang, "done.price-draft-publish"))
    states = [one.state for one in (await VIEWS["prices"](at.node)).books]
    assert sorted(states) == ["coming", "in-force"], "dearer prices wait for the promised day"
    assert await drafts.every(at.node) == []


async def test_a_second_window_without_scripts_overwrites_nothing_unseen(look):
    at, other = await look("en", "desk", scripts=False), await look("en", "phone", scripts=False)
    (of,) = (await at.node.book_state("pricing")).books
    draft = (await run(at.node, "price-draft", {"of": of})).facts["draft"]
    for window, price in ((at, "45"), (other, "44")):
        await window.pair()
        await window.to(f"/prices/drafts/{draft}/line?at=lines.0")
        await window.page.locator("[name='tiers.0.price@number']").fill(price)
    save = text("en", "prices.save")
    await at.page.get_by_role("button", name=save, exact=True).click()
    await at.sees(text("en", "done.price-draft-line"))
    await other.page.get_by_role("button", name=save, exact=True).click()
    await other.page.locator("[role=alert]").wait_for()
    await other.sees("¥45.00")
    assert [fault for fault in other.faults if "409" not in fault] == []
    other.faults.clear()  # a browser tells of every refusal
    await other.fits()
    assert await other.page.locator("[name='tiers.0.price@number']").input_value() == "44"
    assert (await drafts.get(at.node, draft)).book.lines[0].tiers[0].price == "45"
    await other.page.get_by_role("button", name=save, exact=True).click()
    await other.sees(text("en", "done.price-draft-line"))
    assert (await drafts.get(at.node, draft)).book.lines[0].tiers[0].price == "44"
