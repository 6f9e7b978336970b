"""The plan in a real browser: a job is dragged by mouse, finger and keys; what comes of it is shown, then done."""

import pytest

from tests.browser.conftest import SIZES
from weft.basis import instant
from weft.engine.commands import run
from weft.locale import text
from weft.production import messages as m

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
BOTH = pytest.mark.parametrize("lang", ["zh", "en"])
EACH = pytest.mark.parametrize("size", ["phone", "desk"])
HOUR = 3_600_000


async def at_the_plan(look, lang, size):
    """The plan's page of a day; besides what is there, a job of two hours that two work centres can do."""
    at = await look(lang, size)
    await at.page.set_viewport_size(SIZES[size])
    now = at.node.clock.now_ms()
    sheet = m.JobSheet(number=10, zh="精车", en="Finish", work_centres=("BENCH", "CELL"), setup_s="600", run_s="60")
    demand = m.DemandRef(thread="", line="9")
    await at.node.record(
        "production", m.ProductionOrderCreated(demand=demand, order=m.Draft(
            id="X1", item="BV-15", quantity="110", operations=(sheet,))),
        m.PromiseMade(demand=demand, at=instant.from_ms(now + 24 * HOUR)))
    await at.pair()
    await at.to("/plan?days=1")
    await at.page.locator("#bar-X1-10").wait_for()
    await at.fits()
    return at


async def lock_of(at):
    return (await at.node.book_state("production")).locks.get("X1-10")


async def place(at, what):
    box = await at.page.locator(what).first.bounding_box()
    return box["x"] + min(12, box["width"] / 2), box["y"] + box["height"] / 2


async def is_asked_and_done(at, centre):
    """What would become of it is shown, nothing is written yet; then it is done by the button."""
    await at.page.locator("#what-if").wait_for()
    await at.fits()
    assert await lock_of(at) is None
    assert await at.page.locator(".gantt .ghost").count() == 0
    await at.page.locator("#what-if form[action='/do/job-lock'] button").click()
    await at.page.locator("#locks").wait_for()
    assert (await lock_of(at)).work_centre == centre
    assert await at.page.locator("#bar-X1-10 .lock").count() == 1


@BOTH
@EACH
async def test_a_job_is_dragged_to_another_work_centre_and_time_then_fixed_there(look, lang, size):
    at = await at_the_plan(look, lang, size)
    x, y = await place(at, "#bar-X1-10 rect.bar")
    _, there = await place(at, "rect.lane[data-centre='CELL']")
    await at.page.mouse.move(x, y)
    await at.page.mouse.down()
    await at.page.mouse.move(x + 60, y + (there - y) / 2, steps=4)
    await at.page.mouse.move(x + 120, there, steps=4)
    said = await at.page.locator(".gantt .ghost .said").text_content()
    await at.page.mouse.up()
    await is_asked_and_done(at, "CELL")
    start = instant.to_ms((await lock_of(at)).start)
    clock = at.node.config.firm.zone
    assert said == instant.from_ms(clock.wall(start))[5:16].replace("T", " "), "by the clock where the firm is"
    assert start % (15 * 60_000) == 0 and start > at.node.clock.now_ms() + HOUR


async def test_a_finger_drags_too(look):
    at = await at_the_plan(look, "zh", "phone")
    await at.page.locator("#bar-X1-10").scroll_into_view_if_needed()
    x, y = await place(at, "#bar-X1-10 rect.bar")
    touch = await at.page.context.new_cdp_session(at.page)

    async def finger(kind, *points):
        await touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [
            {"x": across, "y": down} for across, down in points]})

    await finger("touchStart", (x, y))
    for step in range(1, 7):
        await finger("touchMove", (x + 15 * step, y))
    await finger("touchEnd")
    await is_asked_and_done(at, "BENCH")


@BOTH
async def test_keys_move_a_job_and_escape_leaves_it(look, lang):
    at = await at_the_plan(look, lang, "desk")
    await at.page.locator("#bar-X1-10").focus()
    await at.page.keyboard.press("Shift+ArrowRight")
    assert await at.page.locator(".gantt .ghost").count() == 1
    await at.page.keyboard.press("Escape")
    assert await at.page.locator(".gantt .ghost").count() == 0
    for key in ("Shift+ArrowRight", "Shift+ArrowRight", "ArrowUp", "Enter"):
        await at.page.keyboard.press(key)
    await is_asked_and_done(at, "CELL")


async def test_what_is_not_wanted_is_left_as_it_is_and_a_lock_is_let_go(look):
    at = await at_the_plan(look, "en", "desk")
    await run(at.node, "job-lock", {"job": "X1-10", "start": instant.from_ms(at.node.clock.now_ms() + 8 * HOUR)})
    await at.page.locator("#locks").wait_for()
    await at.page.locator("#bar-X1-10").click()
    await at.page.locator("#job").wait_for()
    await at.page.get_by_text(text("en", "plan.job.unlock")).click()
    await at.page.locator("#what-if").wait_for()
    await at.page.get_by_text(text("en", "plan.if.discard")).click()
    await at.page.locator("#what-if").wait_for(state="detached")
    assert await lock_of(at) is not None
    await at.page.get_by_text(text("en", "plan.job.unlock")).click()
    await at.page.locator("#what-if form[action='/do/job-unlock'] button").click()
    await at.page.locator("#locks").wait_for(state="detached")
    assert await lock_of(at) is None


async def test_without_scripts_a_form_asks_the_same(look):
    at = await look("en", "phone", scripts=False)
    await at.pair()
    job = next(name for name in at.sample.jobs if name.endswith("-20"))
    await at.to(f"/plan?job={job}")
    await at.page.locator("#fix button").click()
    await at.page.locator("#what-if").wait_for()
    await at.page.locator("#what-if form[action='/do/job-lock'] button").click()
    await at.page.locator("#locks").wait_for()
    await at.fits()


async def test_on_a_tablet_everything_is_in_its_place(look):
    at = await at_the_plan(look, "en", "desk")
    await at.page.set_viewport_size({"width": 1024, "height": 768})
    await at.to("/plan?job=X1-10&days=1")
    await at.fits()
    chart = await at.page.locator("#chart").bounding_box()
    assert chart["y"] + chart["height"] < 768
    await at.page.emulate_media(media="print")
    assert not await at.page.locator("nav.tabs").is_visible()
    assert await at.page.locator(".gantt").is_visible()
