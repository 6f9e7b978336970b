"""A worker with his phone or a tablet, in a real Chromium: with a network, without one, and when another was first."""

import asyncio
import base64
import json
import struct
import zlib
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.browser.conftest import LOCALES, answers, free_port
from tests.doors.console.sample import served
from tests.engine.shop_floor import Floor, floor
from tests.engine.world import until
from weft.engine.commands import run
from weft.engine.views import VIEWS
from weft.locale import text

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
SIZES = {"phone": {"width": 390, "height": 844}, "tablet": {"width": 1024, "height": 768}}
BOTH = pytest.mark.parametrize(("lang", "size"), [("zh", "phone"), ("en", "tablet")])
JOB, SECOND = "PO1-10", "PO1-20"
# what the browser says of a lost line and of a refusal
EXPECTED = ("ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "ERR_CONTENT_LENGTH", "404", "409")
PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 297]>>endobj
trailer<</Root 1 0 R>>
%%EOF"""


def picture(width: int = 60, height: int = 40) -> bytes:
    """A grey picture (PNG)."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = (b"\0" + b"\xc0" * width) * height
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@dataclass
class Hands:
    """A worker's browser at one workshop."""

    page: object
    floor: Floor
    base: str
    lang: str
    faults: list[str] = field(default_factory=list)

    async def to(self, address: str = f"/jobs/{JOB}") -> None:
        await self.page.goto(self.base + address)

    def key(self, name: str):
        return self.page.get_by_role("button", name=text(self.lang, name), exact=True)

    async def add(self, pieces: int) -> None:
        await self.page.locator("#work-add-good").fill(str(pieces))
        await self.page.locator("#work-add-good + button").click()

    async def offline(self, *, yes: bool) -> None:
        await self.page.context.set_offline(yes)

    async def kept(self, count: int) -> None:
        """So many entries wait in the page's own store, and are seen to."""
        await self.page.locator("#waiting [data-state='waiting']").nth(count - 1).wait_for()
        assert await self.page.locator("#waiting [data-state='waiting']").count() == count
        assert await self.page.locator("#unsent").is_visible()

    async def holds(self, script: str) -> None:
        """Wait until ``script`` is true in the page (whose policy forbids Playwright's own way of waiting)."""
        await until(lambda: self.page.evaluate(script), timeout_s=30)

    async def sent(self) -> None:
        await self.holds(
            "!Object.entries(localStorage).some(([name, one]) => name.startsWith('weft-work:') && "
            "JSON.parse(one).state == 'waiting')")

    async def fits(self) -> None:
        assert await self.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0

    async def job(self):
        return (await self.floor.node.book_state("production")).jobs[JOB]

    async def said(self, worker: str) -> list[tuple[str, str]]:
        log = await self.floor.node.work_log.since(self.floor.node, 0)
        return [(one.what, one.good) for one in log.entries.values() if one.worker == worker]


@pytest_asyncio.fixture(loop_scope="module")
async def hands(browser):
    """``await hands("zh", "phone")``: one worker's browser; a workshop of its own for each test."""
    work, port, ended = await floor(), free_port(), asyncio.Event()
    serving = asyncio.create_task(served(work.node, port, ended))
    await answers(port)
    opened: list[Hands] = []

    async def open_page(lang: str = "zh", size: str = "phone", scope: str = "worker", person: str = "李明") -> Hands:
        context = await browser.new_context(locale=LOCALES[lang], viewport=SIZES[size], is_mobile=size == "phone",
                                            has_touch=True)
        token = await work.node.devices.pair(await work.node.devices.new_code(scope, person=person))
        base = f"http://127.0.0.1:{port}"
        await context.add_cookies([{"name": "weft_device", "value": token, "url": base}])
        one = Hands(await context.new_page(), work, base, lang)
        one.page.on("pageerror", lambda error: one.faults.append(str(error)))
        one.page.on("console", lambda said: one.faults.append(said.text) if said.type == "error" and not any(
            expected in said.text for expected in EXPECTED) else None)
        opened.append(one)
        return one

    yield open_page
    for one in opened:
        await one.page.context.close()
    ended.set()
    await serving
    await work.stop()
    assert not [fault for one in opened for fault in one.faults]


@BOTH
async def test_a_day_at_the_bench_from_the_traveller_to_the_wage(hands, lang, size):
    at = await hands(lang, size)
    node = at.floor.node
    await run(node, "piece-rate", {"item": "FLG-50", "operation": 10, "price": "0.35", "since": "2026-01-01"})
    number = (await VIEWS["job-work"](node, job=JOB)).number
    await at.to("/")
    await at.page.wait_for_url("**/scan")
    await at.page.locator("#number").fill("999 999 9")
    await at.key("scan.open").click()
    await at.page.get_by_role("alert").wait_for()
    await at.page.locator("#number").fill(number)
    await at.key("scan.open").click()
    await at.page.wait_for_url(f"**/jobs/{JOB}")
    await at.fits()
    await at.key("act.job-start").click()
    await at.page.locator("button[value='10']").click()
    await at.page.locator("button[value='1']").click()
    await at.add(21)
    await at.page.locator("#made", has_text="32").wait_for()
    await at.page.locator("#work-scrap > summary").click()
    await at.page.locator("#work-scrap input[value='material']").check()
    await at.page.locator("#work-scrap-scrap\\@number").fill("2")
    await at.page.locator("#work-scrap button.wide").click()
    await at.page.locator("#work-pause > summary").click()
    await at.page.locator("#work-pause button[value='tool']").click()
    await at.key("act.job-resume").click()
    entry = at.page.locator("#entries li", has_text=text(lang, "work.good", n="21"))
    await entry.locator("summary").click()
    await entry.locator("input[name='right@number']").fill("12")
    await entry.get_by_role("button").click()
    await at.page.locator("#made", has_text="23").wait_for()
    await at.fits()
    await at.page.locator("#work-done > summary").click()
    await at.page.locator("#work-done button.wide").click()
    await at.page.get_by_text(text(lang, "work.over")).first.wait_for()
    await at.sent()
    job = await at.job()
    assert (job.state.value, job.good, job.scrapped) == ("Ended", "23", {"material": "2"})
    assert await at.said("李明") == [("start", "0"), ("count", "10"), ("count", "1"), ("count", "21"), ("scrap", "0"),
                                   ("pause", "0"), ("resume", "0"), ("correct", "-9"), ("done", "0")]
    await at.to("/my-work")
    await at.page.get_by_text("8.05").first.wait_for()
    await at.fits()


async def offline_day(at) -> None:
    """Three entries without a network, a reload in between, and the network back."""
    await at.to()
    await at.key("act.job-start").click()
    await at.page.locator("#entries li").first.wait_for()
    await at.holds("caches.match(location.href).then(Boolean)")
    await at.holds("navigator.serviceWorker.controller !== null")
    await at.offline(yes=True)
    for pieces in (3, 4):
        await at.add(pieces)
    await at.page.locator("#work-scrap > summary").click()
    await at.page.locator("#work-scrap input[value='work']").check()
    await at.page.locator("#work-scrap-scrap\\@number").fill("1")
    await at.page.locator("#work-scrap button.wide").click()
    await at.kept(3)


@BOTH
async def test_what_is_entered_without_a_network_waits_and_goes_once_in_order_also_after_a_reload(hands, lang, size):
    at = await hands(lang, size)
    await offline_day(at)
    assert await at.page.locator("#own").text_content() == "7"
    await at.page.reload()
    await at.kept(3)
    await at.fits()
    assert (await at.job()).good == "0"
    await at.offline(yes=False)
    await at.sent()
    await at.page.locator("#made:not(.unsent)", has_text="7").wait_for()
    assert await at.said("李明") == [("start", "0"), ("count", "3"), ("count", "4"), ("scrap", "0")]
    job = await at.job()
    assert (job.good, job.scrapped) == ("7", {"work": "1"})


async def test_control_a_page_without_a_store_loses_what_was_entered(hands):
    at = await hands()
    await offline_day(at)
    await at.page.evaluate("localStorage.clear()")
    await at.page.reload()
    await at.offline(yes=False)
    await at.page.evaluate("fetch('/report/now')")
    assert await at.said("李明") == [("start", "0")]


async def lost_answers(at, spoil) -> str:
    """The node hears the entry, its answer is lost twice; ``spoil`` may change what the phone sends again."""
    heard = 0

    async def lose(route):
        nonlocal heard
        heard += 1
        await route.fetch(post_data=spoil(route.request.post_data, heard))
        await route.abort()

    await at.to()
    await at.key("act.job-start").click()
    await at.sent()
    await at.page.route("**/report/say", lose)
    await at.add(5)
    await until(lambda: heard >= 2, timeout_s=30)
    await at.page.unroute_all(behavior="wait")
    await at.sent()
    return (await at.job()).good


async def test_an_answer_that_is_lost_makes_no_second_entry(hands):
    assert await lost_answers(await hands(), lambda body, _: body) == "5"


async def test_control_a_phone_that_forgets_its_key_counts_twice(hands):
    def other(body, heard):
        return json.dumps({**json.loads(body), "key": f"forgotten-{heard}"})

    assert int(await lost_answers(await hands(), other)) > 5


async def test_when_another_has_ended_the_job_meanwhile_the_worker_is_told_and_the_owner_decides(hands):
    at = await hands()
    await at.to()
    await at.key("act.job-start").click()
    await at.page.locator("#entries li").first.wait_for()
    await at.offline(yes=True)
    await at.add(6)
    await at.kept(1)
    await at.floor.say("王强", JOB, "done", good=40)
    await at.offline(yes=False)
    told = at.page.locator("#told [data-state='told']")
    await told.get_by_text("王强").wait_for()
    await told.get_by_text("40").wait_for()
    await at.fits()
    await told.get_by_role("button").click()
    await told.wait_for(state="detached")
    await at.page.locator("#entries .chip", has_text=text("zh", "work.kept.aside")).wait_for()
    owner = await hands("en", "tablet", "owner", "")
    await owner.to("/wages")
    await owner.key("wages.pay").click()
    await owner.page.get_by_text(text("en", "done.work-settle")).wait_for()
    await owner.fits()
    mine = await VIEWS["my-work"](at.floor.node, worker="李明")
    assert (mine.total.good, mine.waiting) == ("6", ())


async def test_what_the_book_refuses_stays_on_the_phone_until_it_is_put_right(hands):
    at = await hands()
    await at.to()
    await at.key("act.job-start").click()
    await at.add(500)
    refused = at.page.locator("#told [data-state='refused']")
    await refused.get_by_text("110").wait_for()
    await at.page.reload()
    await refused.wait_for()
    await at.add(50)  # what comes behind is not held up by it
    await at.page.locator("#made", has_text="50").wait_for()
    await refused.get_by_role("button", name=text("zh", "work.drop")).click()
    await refused.wait_for(state="detached")
    assert (await at.job()).good == "50"


async def test_a_phone_that_is_let_go_keeps_what_waits_and_says_so(hands):
    at = await hands()
    await at.to()
    await at.key("act.job-start").click()
    await at.sent()
    await at.offline(yes=True)
    await at.add(2)
    await at.kept(1)
    (device,) = [one for one in await at.floor.node.devices.all() if one.person == "李明"]
    await at.floor.node.devices.revoke(device.id)
    at.faults.clear()
    await at.offline(yes=False)
    await at.page.get_by_text(text("zh", "work.locked")).wait_for()
    await at.kept(1)
    assert (await at.job()).good == "0"
    at.faults.clear()  # the browser tells of the 401


@BOTH
async def test_the_drawing_stands_beside_the_job(hands, lang, size):
    at = await hands(lang, size)
    for operation, data, name in ((10, picture(), "flange.png"), (20, PDF, "flange.pdf")):
        await run(at.floor.node, "instruction-set", {
            "item": "FLG-50", "operation": operation, "note": "R0.5", "name": name,
            "content": base64.b64encode(data).decode()})
    await at.to()
    await at.holds("document.querySelector('.drawing img').naturalWidth == 60")
    await at.page.get_by_text("R0.5").wait_for()
    await at.fits()
    file = (await VIEWS["job-work"](at.floor.node, job=SECOND)).drawings[0].file
    async with at.page.expect_response(lambda one: file in one.url) as shown:
        await at.to(f"/jobs/{SECOND}")
    answer = await shown.value
    assert (answer.status, answer.headers["content-type"]) == (200, "application/pdf")
    await at.page.locator(".drawing iframe").wait_for()
    await at.fits()


async def test_the_camera_reads_the_traveller_where_the_browser_can(hands):
    """This browser has no reader of codes: one that always reads the same is put in its place; the rest is real."""
    at = await hands()
    await at.to("/scan")
    assert await at.page.locator("#look").is_visible() is await at.page.evaluate("'BarcodeDetector' in window")
    await at.page.add_init_script("""
        window.BarcodeDetector = class { async detect() { return [{ rawValue: "http://paper.of.old/jobs/PO1-10" }]; } };
        const canvas = document.createElement("canvas");
        canvas.getContext("2d").fillRect(0, 0, 9, 9);
        navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(5);
        setInterval(() => canvas.getContext("2d").fillRect(0, 0, 9, 9), 50);""")
    await at.to("/scan")
    await at.page.locator("#look").click()
    await at.page.wait_for_url(f"**/jobs/{JOB}")
