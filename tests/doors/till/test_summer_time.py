"""A tablet in a shop in Berlin, offline in the night in which clocks are put back, in a real Chromium.

The tablet itself is set to New York: whose clock counts is the firm's.
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.browser.chromium import chromium
from tests.doors.till.test_at_the_counter import PHONE, SNAPSHOT, StandIn, on, sell, server

pytestmark = pytest.mark.browser
__all__ = ["server"]  # the fixture
MIDNIGHT = datetime(2026, 10, 24, 22, tzinfo=UTC)  # at which Sunday begins in Berlin
HOUR = 3_600_000
SHOWN = "[...document.querySelectorAll('.list-line strong')].map((one) => one.textContent).reverse()"


class ThatNight(StandIn):
    """A node whose clock says when the night began: a till believes no earlier moment than it was told."""

    def date_time_string(self, _timestamp=None):
        return format_datetime(MIDNIGHT, usegmt=True)


def snapshot(**firm):
    return SNAPSHOT | {"at": "2026-10-24T21:00:00.000Z", "firm": SNAPSHOT["firm"] | {"utc_offset_minutes": 120} | firm}


async def night(server, hours, **firm):
    """Sold at each of ``hours`` since midnight: what the list of slips showed after each, and the slips."""
    from playwright.async_api import async_playwright

    server.snapshot = snapshot(**firm)
    server.RequestHandlerClass = ThatNight
    listed, papers, passed = [], [], 0
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = await browser.new_context(locale="en-GB", timezone_id="America/New_York", viewport=PHONE)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        await page.clock.install(time=MIDNIGHT)
        await page.goto(f"http://127.0.0.1:{server.server_port}/till/")
        await page.locator(".door .button.main").click()
        await page.locator(".tile").first.wait_for()
        await context.set_offline(True)
        for hour in hours:
            await page.clock.fast_forward(int((hour - passed) * HOUR))
            passed = hour
            await sell(page, "SEAL-15")
            papers.append(await page.locator(".receipt").inner_text())
            await on(page)
            await page.locator(".way").first.click()
            await page.locator(".list-line").first.wait_for()
            listed.append(await page.evaluate(SHOWN))
            await page.locator(".bar .round").click()
            await page.locator(".tile").first.wait_for()
        await browser.close()
    return listed, papers


async def test_a_tablet_that_is_offline_in_that_night_shows_the_clock_on_the_wall(server):
    listed, papers = await night(server, (0.5, 2.5, 3.5, 24.5, 25.5), time_zone="Europe/Berlin")
    assert listed[3] == ["00:30", "02:30", "02:30", "23:30"], "the whole of a day of 25 hours"
    assert listed[4] == ["00:30"], "and then a new one"
    assert ["25/10/2026" in one for one in papers] == [True, True, True, True, False]
    assert "26/10/2026" in papers[4] and "00:30" in papers[4]


async def test_control_a_tablet_that_knows_an_offset_alone_is_an_hour_wrong_from_then_on(server):
    listed, papers = await night(server, (0.5, 2.5, 3.5, 24.5))
    assert listed[2] == ["00:30", "02:30", "03:30"]
    assert listed[3] == ["00:30"], "for it the day was over"
    assert "26/10/2026" in papers[3]


async def test_a_place_that_the_browser_does_not_know_is_told_by_the_offset(server):
    listed, _ = await night(server, (0.5, 2.5), time_zone="Mars/Olympus")
    assert listed[1] == ["00:30", "02:30"]


def test_the_night_is_that_night():
    assert [(MIDNIGHT + timedelta(hours=one)).isoformat()[:16] for one in (0, 25)] == [
        "2026-10-24T22:00", "2026-10-25T23:00"]
