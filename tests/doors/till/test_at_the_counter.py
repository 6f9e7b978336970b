"""The whole page of the till in a real Chromium: what the seller and the customer see on a phone.

The firm's own currency is CNY and its price book is in EUR: the drawer counts in the money that was taken.
"""

import asyncio
import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import pytest_asyncio

from tests.browser.chromium import chromium
from tests.till.counter import FIRM
from weft.basis import canonical
from weft.doors import till
from weft.pricing import book as books

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
NAME = "Jinggong Machining"
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}


def book(name: str, prices: dict[str, str], **more: Any) -> books.PriceBook:
    return books.load({
        "id": name, "name": name, "currency": "EUR", "basis": "gross", "valid_from": "2020-01-01T00:00:00Z",
        "tax": {"category": "S", "percent": "13"}, **more,
        "lines": [{"item": item, "unit": "C62", "tiers": [{"from": "1", "price": price}]}
                  for item, price in prices.items()]})


def told(number: int, one: books.PriceBook) -> dict[str, Any]:
    """A version as a till is told of it."""
    return {"hash": one.hash, "number": number, "valid_from": one.valid_from, "book": json.loads(books.encode(one))}


BOOK = book("counter", {"SEAL-15": "3.2", "VALVE-DN15": "18"})
HOSES = book("hoses", {"HOSE-1M": "7.45"}, basis="net", attributes={"zone": ["town", "country"]})
FOREIGN = book("foreign", {"HOSE-1M": "7.45"}, currency="USD")
ITEMS = [{"id": "SEAL-15", "unit": "C62", "free": "100", "on_hand": "100", "zh": "密封件 15", "en": "Seal kit 15"},
         {"id": "VALVE-DN15", "unit": "C62", "free": "40", "on_hand": "40", "zh": "球阀 DN15", "en": "Ball valve DN15"}]
SNAPSHOT = {
    "state": "open", "at": "2026-11-25T02:00:00.000Z", "currency": "CNY", "items": ITEMS, "partners": [], "tills": [],
    "firm": {"id": FIRM, "name": NAME, "address": "", "contact": "", "tax_number": "", "lang": "en",
             "utc_offset_minutes": 480},
    "till": {"key": "", "name": "Front counter", "lives": {}},
    "books": [told(1, BOOK)]}
HOSE = {"id": "HOSE-1M", "unit": "C62", "free": "9", "on_hand": "9", "zh": "软管 1 米", "en": "Hose 1 m"}


def with_second(other: books.PriceBook) -> dict[str, Any]:
    return SNAPSHOT | {"items": [*ITEMS, HOSE], "books": [told(1, BOOK), told(2, other)]}


WIDE = """() => {
  const seen = document.documentElement.clientWidth;
  const cut = (one) => one.closest(".cut, h1, .tile") !== null;
  return [...document.querySelectorAll("body *")].filter((one) => one.getClientRects().length && !cut(one)
    && one.getBoundingClientRect().right > seen + 0.5).map((one) => `${one.tagName}.${one.className}`);
}"""


class StandIn(BaseHTTPRequestHandler):
    """The till's files, and a node that lets everybody in and takes every slip."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/till/":
            self._say((till.STATIC / "till.html").read_bytes(), "text/html; charset=utf-8")
        elif path.startswith("/till/words/"):
            self._told(till.words(path[-7:-5]))
        elif path == "/till/api/snapshot":
            self._told(self.server.snapshot, 304 if self.headers["If-None-Match"] else 200)
        elif path == "/till/api/slip":
            self._told(self.server.asked, 200 if self.server.asked else 404)
        elif path.startswith("/till/static/") and (file := till.STATIC / path[len("/till/static/"):]).is_file():
            self._say(file.read_bytes(), KINDS[file.suffix])
        else:
            self._told({"code": "web.not-found"}, 404)

    def do_POST(self) -> None:
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/till/api/slips":
            slips = [json.loads(canonical.unb64(one["bytes"])) for one in given["slips"]]
            self.server.slips += slips
            self._told({"life": slips[-1]["life"], "n": slips[-1]["n"]})
        else:
            challenge = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
            self._told({"state": "open", "firm": {"id": FIRM, "name": NAME}, "challenge": challenge})

    def _told(self, value: Any, status: int = 200) -> None:
        self._say(json.dumps(value).encode(), "application/json", status)

    def _say(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("ETag", '"1"')
        if status != 304:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status != 304:
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server():
    if not chromium():
        pytest.skip("no Chromium")
    served = ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    served.slips, served.snapshot, served.asked = [], SNAPSHOT, {}
    serving = threading.Thread(target=served.serve_forever, args=(0.05,))
    serving.start()
    yield served
    served.shutdown()
    serving.join()
    served.server_close()


@pytest_asyncio.fixture
async def opened(server):
    """``await opened("en-GB")``: the page of a phone in that language, let in and ready to sell."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])

        async def new(locale):
            context = await browser.new_context(locale=locale, viewport=PHONE)
            page = await context.new_page()
            page.set_default_timeout(10_000)
            await page.goto(f"http://127.0.0.1:{server.server_port}/till/")
            await page.locator(".door .button.main").click()
            await page.locator(".tile").first.wait_for()
            return page

        yield new
        await browser.close()


async def sell(page, *items):
    """From the tiles to the slip, in cash."""
    for item in items:
        await page.locator(".tile", has_text=item).click()
    await page.locator(".basket-bar").click()
    await page.locator(".basket .pay").click()
    await page.locator(".paying .button.main").last.click()
    await page.locator(".receipt .qr").first.wait_for()


async def on(page):
    await page.locator(".slip-acts .button.main").click()
    await page.locator(".tile").first.wait_for()


async def close(page, counted, removed=""):
    """Count the drawer and close; what the page said about it before."""
    await page.locator(".way").nth(2).click()
    await page.locator("input[name=counted]").fill(counted)
    if removed:
        await page.locator("input[name=removed]").fill(removed)
    said = await page.locator("main").inner_text()
    await page.locator("main .button.main.huge").click()
    await page.locator(".receipt .qr").wait_for()
    return said


async def test_the_drawer_goes_on_from_the_last_close_in_the_money_that_was_taken(server, opened):
    page = await opened("en-GB")
    await sell(page, "VALVE-DN15", "SEAL-15")
    await on(page)
    await close(page, "21.20")
    await on(page)
    await sell(page, "SEAL-15")
    await on(page)
    said = await close(page, "24.00")
    assert "€21.20" in said and "€24.40" in said
    assert "Difference −€0.40" in said
    shown = await page.locator(".receipt").inner_text()
    assert "−€0.40" in shown and "-" not in shown.partition("Sales")[2]
    await on(page)
    closes = [slip["close"]["cash"] for slip in server.slips if slip["kind"] == "close"]
    assert [(one["opening"], one["expected"], one["left"]) for one in closes] == [
        ("0.00", "21.20", "21.20"), ("21.20", "24.40", "24.00")]


async def test_a_basket_over_two_price_books_is_two_slips_that_are_paid_and_shown_at_once(server, opened):
    server.snapshot = with_second(HOSES)
    page = await opened("en-GB")
    for item in ("VALVE-DN15", "HOSE-1M", "SEAL-15", "HOSE-1M"):
        await page.locator(".tile", has_text=item).click()
    await page.locator(".basket-bar").click()
    await page.locator(".chip", has_text="country").click()
    await page.locator(".basket .pay").click()
    assert "From 2 price books: 2 slips, paid at once" in await page.locator(".paying").inner_text()
    for digit in "50":
        await page.keyboard.press(digit)
    await page.keyboard.press("Enter")
    await page.locator(".receipt .qr").nth(1).wait_for()
    said = await page.locator(".said").inner_text()
    assert "€11.96" in said and "€38.04 of €50.00" in said  # 18 + 3.20 gross, and 14.90 net with 13 %
    shown = await page.locator(".receipt").all_inner_texts()
    assert [("slip 1 of 2" in one, "slip 2 of 2" in one, "€50.00" in one) for one in shown] == [
        (True, False, False), (False, True, True)]
    await page.reload()  # both are shown again
    await page.locator(".receipt .qr").nth(1).wait_for()
    await on(page)
    assert await page.locator(".basket .line").count() == 0
    await page.wait_for_function("document.querySelector('.lamp-words')?.innerText === 'Connected'")
    first, second = {one["n"]: one for one in server.slips}.values()  # sent again: this node says it holds none
    assert [(one["book"], one["gross"], one.get("attributes", {})) for one in (first, second)] == [
        (BOOK.hash, "21.20", {}), (HOSES.hash, "16.84", {"zone": "country"})]
    assert [[line["item"] for line in one["lines"]] for one in (first, second)] == [
        ["VALVE-DN15", "SEAL-15"], ["HOSE-1M"]]
    said = await close(page, "38.04")
    assert "€38.04" in said and "fits exactly" in said


SHIFTED = "Date.now = ((now) => () => now() + %d)(Date.now)"
DAY_MS = 86_400_000


@pytest.mark.parametrize(("locale", "off", "words"), [
    ("en-GB", 2 * DAY_MS + 60_000, "clock is ahead by 2 days"), ("zh-CN", -3_700_000, "本机时钟慢了 1小时"),
    ("en-GB", 60_000, "")])
async def test_who_sells_is_told_that_the_clock_is_far_off_and_sells_on(server, opened, locale, off, words):
    page = await opened(locale)
    await page.context.add_init_script(SHIFTED % off)
    await page.reload()
    await page.locator(".tile").first.wait_for()
    if words:
        await page.locator(".clock .notice").wait_for()
        assert words in await page.locator(".clock").inner_text()
    else:
        await page.wait_for_function("document.querySelector('.lamps .lamp.on')")
        assert await page.locator(".clock .notice").count() == 0
    await sell(page, "SEAL-15")
    await on(page)
    said = await close(page, "3.20")
    assert not words or words in said
    for _ in range(300):
        if server.slips and server.slips[-1]["kind"] == "close":
            break
        await asyncio.sleep(0.1)
    assert [one["kind"] for one in {one["n"]: one for one in server.slips}.values()] == ["sale", "close"]


async def test_a_clock_that_fell_back_to_its_first_day_leaves_prices_and_is_told_without_the_node(server, opened):
    page = await opened("en-GB")
    await sell(page, "SEAL-15")
    await on(page)
    before = server.slips[-1]["at"]
    await page.context.add_init_script(SHIFTED % (-20 * 365 * DAY_MS))  # the book began in 2020
    await page.route("**/till/api/**", lambda route: route.abort())
    await page.reload()
    await page.locator(".clock .notice").wait_for()
    assert "behind by" in await page.locator(".clock").inner_text()
    await sell(page, "SEAL-15")
    await on(page)
    await page.unroute("**/till/api/**")
    await page.wait_for_function("document.querySelector('.lamp-words')?.innerText === 'Connected'", timeout=20_000)
    sold = {one["n"]: one["at"] for one in server.slips}
    assert sold[2] >= before, "no slip of 2006"


async def test_control_a_clock_that_is_believed_has_no_prices_on_its_first_day(opened):
    page = await opened("en-GB")
    counted = """async ([off]) => {
      const [{ shopOf }, store] = await Promise.all(["shop", "store"].map((one) => import(`/till/static/${one}.js`)));
      const shop = await shopOf(await store.get("snapshot"));
      return [shop.inForce().length, shop.inForce(Date.now() + off).length];
    }"""
    assert await page.evaluate(counted, [-20 * 365 * DAY_MS]) == [1, 0]


async def test_a_basket_of_two_currencies_says_why_it_cannot_be_paid(server, opened):
    server.snapshot = with_second(FOREIGN)
    page = await opened("en-GB")
    for item in ("VALVE-DN15", "HOSE-1M"):
        await page.locator(".tile", has_text=item).click()
    await page.locator(".basket-bar").click()
    assert "Two currencies" in await page.locator(".basket .notice").inner_text()
    assert await page.locator(".basket .pay").is_disabled()
    await page.locator(".line", has_text="Hose").get_by_label("One less").click()
    await page.locator(".basket .notice").wait_for(state="detached")
    await page.locator(".basket .pay").click()
    assert "price books" not in await page.locator(".paying").inner_text()


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_on_a_phone_nothing_is_wider_than_the_screen(opened, locale):
    page = await opened(locale)

    async def fits(where):
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], where
        assert await page.evaluate(WIDE) == [], where

    await fits("home")
    for item in ("VALVE-DN15", "VALVE-DN15", "SEAL-15"):
        await page.locator(".tile", has_text=item).click()
    assert await page.locator(".bubble").inner_text() == "3", "pieces, not lines"
    await page.locator(".basket-bar").click()
    await page.wait_for_timeout(300)
    await fits("basket")
    await page.locator(".basket .pay").click()
    for way in ("cash", "transfer", "account"):
        await page.locator(f".tab[data-way={way}]").click()
        await fits(way)
    await page.locator(".tab[data-way=cash]").click()
    await page.locator(".paying .button.main").last.click()
    await page.locator(".receipt .qr").wait_for()
    await fits("slip")
    await page.locator(".way").nth(1).click()
    names = await page.locator(".list-line small").first.inner_text()
    assert names == ("Ball valve DN15, Seal kit 15" if locale == "en-GB" else "球阀 DN15、密封件 15")
    await fits("returns")


async def test_a_tap_on_the_code_shows_it_over_the_whole_screen_and_another_takes_it_away(opened):
    page = await opened("en-GB")
    await sell(page, "SEAL-15")
    for away in ("tap", "Escape"):
        await page.locator(".receipt .qr").click()
        large = page.locator("dialog.whole .qr")
        assert (await large.bounding_box())["width"] == PHONE["width"]
        box = await page.locator("dialog.whole").bounding_box()
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, PHONE["width"], PHONE["height"])
        assert await page.locator("dialog.whole").evaluate("(it) => getComputedStyle(it).backgroundColor") == (
            "rgb(255, 255, 255)")
        await (large.click() if away == "tap" else page.keyboard.press(away))
        await large.wait_for(state="detached")
        assert await page.locator(".receipt .qr").is_visible(), "the slip is still there"


@pytest.mark.parametrize("locale", ["en-GB", "zh-CN"])
async def test_without_its_node_a_till_says_so_in_words_of_its_own(opened, locale):
    page, words = await opened(locale), till.words(locale[:2])
    await page.context.set_offline(True)
    await page.locator(".way").nth(3).click()
    await page.get_by_role("button", name=words["standing.try"]).click()
    await page.locator(".facts").get_by_text(words["standing.away"]).wait_for()
    shown = await page.locator(".facts").inner_text()
    assert words["standing.why"] not in shown, "nobody has answered"
    assert "fetch" not in shown.lower()


async def test_a_device_that_wants_to_be_a_till_says_in_words_that_nobody_answers(opened):
    page = await opened("zh-CN")
    other = await (await page.context.browser.new_context(locale="zh-CN")).new_page()
    await other.goto(page.url)
    await other.locator(".door .button.main").wait_for()
    await other.context.set_offline(True)
    await other.locator(".door .button.main").click()
    said = await other.locator(".notice.alert").inner_text()
    assert said.strip() == till.words("zh")["error.till.node-away"]


@pytest.mark.parametrize("lost", [1, 99])
async def test_a_part_of_the_till_that_was_lost_on_the_way_is_asked_for_again_but_not_for_ever(server, lost):
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = await (await browser.new_context(service_workers="block")).new_page()
        asked = []

        async def part(route):
            asked.append(route.request.url)
            await (route.abort("internetdisconnected") if len(asked) <= lost else route.continue_())

        await page.route("**/views/selling.js", part)
        await page.goto(f"http://127.0.0.1:{server.server_port}/till/")
        if lost == 1:
            await page.locator(".door .button.main").wait_for(timeout=8_000)
        else:
            await page.wait_for_timeout(6_000)
            assert len(asked) == 4
        await browser.close()


PAGE = re.compile(rb"/Type */Page\b")


@pytest.mark.parametrize(("paper", "wide"), [("58 mm", 48), ("80 mm", 72), ("A4", 110)])
async def test_on_paper_each_slip_is_whole_and_on_a_page_of_its_own(server, opened, paper, wide):
    server.snapshot = with_second(HOSES)
    page = await opened("en-GB")
    await page.locator(".way").nth(3).click()
    await page.locator(".chip", has_text=paper).click()
    await page.locator(".bar .round").first.click()
    await page.locator(".tile").first.wait_for()
    await sell(page, "VALVE-DN15", "HOSE-1M")
    await page.locator(".receipt .qr").nth(1).wait_for()
    await page.evaluate("void (document.body.classList.remove = () => {}), void (window.print = () => {})")
    await page.get_by_role("button", name="Print").click()
    await page.locator("#paper .receipt").nth(1).wait_for(state="attached")
    assert len(PAGE.findall(await page.pdf(format="A4"))) == 2
    await page.emulate_media(media="print")
    for one in await page.locator("#paper .receipt").all():
        box, code = await one.bounding_box(), await one.locator(".qr").bounding_box()
        assert round(box["width"] * 25.4 / 96) == wide
        assert box["x"] <= code["x"] and code["x"] + code["width"] <= box["x"] + box["width"]
        assert code["width"] * 25.4 / 96 >= 40, "a phone can read it"
    assert not await page.locator("#till").is_visible()


async def printed(page):
    """The words on paper when somebody prints with the browser's own keys (Ctrl+P)."""
    pages = len(PAGE.findall(await page.pdf(format="A4")))
    await page.emulate_media(media="print")
    words = await page.locator("body").inner_text()
    await page.emulate_media(media="screen")
    return pages, words


@pytest.mark.parametrize(("locale", "none"), [("en-GB", "No slip is shown here"), ("zh-CN", "这里没有显示小票")])
async def test_the_browser_s_own_printing_gives_what_is_shown(opened, locale, none):
    page = await opened(locale)
    pages, words = await printed(page)
    assert pages == 1 and none in words and "VALVE" not in words
    await sell(page, "VALVE-DN15")
    number = await page.locator(".receipt .number").inner_text()
    pages, words = await printed(page)
    assert pages == 1 and number in words and "VALVE-DN15" in words and none not in words
    await page.locator(".slip-acts .button.main").click()
    await sell(page, "SEAL-15")
    pages, words = await printed(page)
    assert pages == 1 and "SEAL-15" in words and "VALVE-DN15" not in words, "the slip before is not printed again"
    await page.locator(".slip-acts .button.main").click()
    await page.locator(".tile").first.wait_for()
    assert none in (await printed(page))[1]


async def test_control_paper_that_nobody_filled_is_blank(opened):
    page = await opened("en-GB")
    await page.emulate_media(media="print")
    assert not (await page.locator("body").inner_text()).strip()
