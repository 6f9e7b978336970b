"""What a machine did in a real Chromium: strips that fit a phone, words before figures, and all of it in print."""

import pytest

from weft.config import Config
from weft.engine.series import History
from weft.engine.value_evidence import Books
from weft.locale import text
from weft.stores.series import SqliteSeries

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def lived(node, path):
    """The history of a node whose machines have told something."""
    history = node.history = History(lambda at: SqliteSeries(str(path), at), Config(), node.clock, lambda: 1 << 40)
    history.books = Books(node)
    await history.begin()
    await history.books.follow(history)
    return history


@pytest.mark.parametrize(("lang", "size"), [("zh", "phone"), ("en", "phone"), ("zh", "desk")])
async def test_what_a_machine_did_fits_and_is_told_in_words(look, lang, size, tmp_path):
    at = await look(lang, size)
    history = await lived(at.node, tmp_path / "values.db")
    try:
        await at.pair()
        await at.to("/machines/Cell1")
        await at.page.get_by_role("link", name=text(lang, "timeline.title")).click()
        await at.page.locator("svg.strip .frame").first.wait_for()
        await at.fits()
        await at.page.get_by_role("link", name=text(lang, "timeline.span.week"), exact=True).click()
        await at.page.wait_for_url("**span=week**")
        assert await at.page.locator("svg.strip .frame").count() == 7
        await at.fits()
        legend = await at.page.locator("ul.legend").inner_text()
        assert all(text(lang, f"timeline.state.{state}") in legend
                   for state in ("running", "standing", "idle", "blind"))
        title = await at.page.locator("svg.strip > title").first.text_content()
        assert text(lang, "timeline.state.blind").lower()[:4] in title.lower()
        await at.page.emulate_media(media="print")
        assert await at.page.locator("nav.chips").first.is_hidden()
        assert await at.page.locator("svg.strip .frame").first.is_visible()
        await at.page.emulate_media(media="screen")
    finally:
        at.node.history = None
        await history.stop()


async def test_spans_and_steps_need_no_scripts(look, tmp_path):
    at = await look("en", "phone", scripts=False)
    history = await lived(at.node, tmp_path / "values.db")
    try:
        await at.pair()
        await at.to("/machines/Cell1/timeline?span=month")
        await at.page.get_by_role("link", name=text("en", "timeline.by.day"), exact=True).click()
        await at.page.locator("table.values-table tbody tr").nth(20).wait_for(state="attached")
        await at.fits()
    finally:
        at.node.history = None
        await history.stop()
