"""Pages without navigation in a real Chromium: what a stranger, a newcomer or an error sees has the whole screen."""

import pytest

from weft.locale import text

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
BOTH = pytest.mark.parametrize("lang", ["zh", "en"])
EACH = pytest.mark.parametrize("size", ["phone", "desk"])
NARROWEST = 320
OUTSIDE = ("/pair", "/pair?code=7KQ4-M2XP", "/join?firm=x", "/trust")
WRONG = ("/orders/nothing", "/twins/nothing", "/machines/nothing")
INSIDE = ("/", "/orders", "/orders/new", "/machines", "/machines/Lathe1", "/jobs", "/stock", "/stock/BV-15", "/pick-up",
          "/import", "/partners", "/prices", "/prices/audits", "/prices/record", "/prices/proofs", "/tills", "/twins",
          "/twins/import", "/twins/events", "/twins/deleted", "/shown", "/devices", "/sheet", "/mailbox", "/settings",
          "/data", "/more")


async def width(at) -> float:
    """How wide the page's main block is."""
    return (await at.page.locator("main").bounding_box())["width"]


def least(size: str) -> int:
    return NARROWEST if size == "desk" else 300


@BOTH
@EACH
async def test_pages_for_strangers_and_errors_have_the_whole_screen(look, lang, size):
    at = await look(lang, size)
    for address in OUTSIDE:
        await at.to(address)
        assert await width(at) >= least(size), address
        sheet = await at.page.locator("main > section").bounding_box()
        assert sheet["width"] >= least(size), address
        middle = sheet["x"] + sheet["width"] / 2
        assert abs(middle - at.page.viewport_size["width"] / 2) < 12, address  # a scrollbar may be there
        await at.fits()
    await at.pair("owner")
    for address in WRONG:
        await at.to(address)
        assert await width(at) >= least(size), address
        await at.fits()
    at.faults[:] = [one for one in at.faults if "404" not in one and "422" not in one]  # as the browser notes them


async def test_no_page_s_main_block_is_narrower_than_a_small_phone(look):
    at = await look("en", "desk")
    await at.pair()
    for address in INSIDE:
        await at.to(address)
        assert await at.page.get_by_text(text("en", "wrong.title")).count() == 0, address
        assert await width(at) >= NARROWEST, address


async def test_control_a_door_within_the_column_of_the_navigation_is_found_too_narrow(look):
    at = await look("en", "desk")
    await at.to("/pair")
    await at.page.evaluate("document.querySelector('.door').style.gridColumn = 'auto'")
    assert await width(at) < NARROWEST
