"""A machine's numbers over time in a real Chromium: charts that fit a phone, zoom by a tap, a table by the keyboard."""

import pytest

from weft.config import Config
from weft.engine.series import History
from weft.locale import text
from weft.shopfloor.connection import Quality, Value
from weft.stores.series import SqliteSeries

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
MINUTE = 60_000


async def told(node, path):
    """Two hours of the cell's load, with a silence of ten minutes, kept in a real file."""
    history = node.history = History(lambda at: SqliteSeries(str(path), at), Config(), node.clock, lambda: 1 << 40)
    await history.begin()
    begin = node.clock.now_ms() - 120 * MINUTE
    for minute in range(120):
        silent = 70 <= minute < 80
        value = Value(None, Quality.MISSING) if silent else Value(50.0 + minute % 17)
        history.take("Cell1", "SpindleLoad", value, begin + minute * MINUTE)
    await history.written()
    return history


@pytest.mark.parametrize(("lang", "size"), [("zh", "phone"), ("en", "phone"), ("zh", "desk")])
async def test_charts_fit_lead_closer_and_are_there_as_a_table(look, lang, size, tmp_path):
    at = await look(lang, size)
    history = await told(at.node, tmp_path / "values.db")
    try:
        await at.pair()
        await at.to("/machines/Cell1")
        await at.page.get_by_role("link", name=text(lang, "values.title")).click()
        await at.page.locator("svg.curve").first.wait_for()
        await at.fits()
        assert await at.page.locator("svg.curve .trace").count() >= 2  # a gap lies between
        whole = at.page.url
        await at.page.locator("svg.curve a").nth(2).click()  # closer, by a tap into the picture
        await at.page.wait_for_url("**from=*")
        await at.page.get_by_role("link", name=text(lang, "values.wider"), exact=True).click()
        await at.page.locator("svg.curve").first.wait_for()
        await at.fits()
        await at.to(whole.removeprefix(at.base))
        table = at.page.get_by_role("link", name=text(lang, "values.as-table"))
        await table.focus()
        await at.page.keyboard.press("Enter")
        await at.page.locator("table.values-table").first.wait_for()
        await at.sees(text(lang, "value.missing"))
        await at.fits()
    finally:
        at.node.history = None
        await history.stop()


async def test_which_numbers_are_shown_is_chosen_without_scripts(look, tmp_path):
    at = await look("en", "phone", scripts=False)
    history = await told(at.node, tmp_path / "values.db")
    try:
        await at.pair()
        await at.to("/machines/Cell1/values?span=day")
        await at.page.locator("#which summary").click()
        for box in await at.page.locator("#which input[type=checkbox]").all():
            await box.set_checked(await box.get_attribute("value") == "SpindleLoad")
        await at.page.get_by_role("button", name=text("en", "values.show")).click()
        assert await at.page.locator("svg.curve").count() == 1
        async with at.page.expect_download() as download:
            await at.page.get_by_role("link", name="CSV").click()
        assert (await (await download.value).path()).read_text("utf-8-sig").count("\n") > 100
    finally:
        at.node.history = None
        await history.stop()
