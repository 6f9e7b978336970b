"""What keeps a till selling in a real Chromium: a new program, a device without room, and two windows at once."""

import asyncio
import json
import shutil
import subprocess
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from tests.browser.chromium import chromium
from tests.doors.till.test_at_the_counter import StandIn, on, server
from weft.doors import till

pytestmark = pytest.mark.browser
__all__ = ["server"]  # the fixture
CONTROLLED = "navigator.serviceWorker.controller !== null"
STORED = "import('/till/static/store.js').then((store) => store.%s)"
QUICK = "setInterval = ((usual) => (work, ms) => usual(work, Math.min(ms, 300)))(setInterval)"


class WithProgram(StandIn):
    """The stand-in with the till's worker; ``program`` names the version, ``broken`` a file that cannot be had."""

    def end_headers(self) -> None:
        self.send_header("Service-Worker-Allowed", "/till")
        super().end_headers()

    def do_GET(self) -> None:  # noqa: N802 - http.server calls it so
        path, program = self.path.partition("?")[0], self.server.program
        if path == "/till/worker.js":
            files = [one for one in till.files() if not one.endswith(".html")]
            kept = [till.PAGE, *files, "/till/words/zh.json", "/till/words/en.json"]
            head = f"const VERSION = {json.dumps(program.version)};\nconst KEPT = {json.dumps(kept)};\n"
            self._say((head + (till.STATIC / "worker.js").read_text(encoding="utf-8")).encode(), "text/javascript")
        elif path == program.broken:
            self._told({"code": "web.not-found"}, 500)
        elif path.startswith("/till/words/"):
            self._told({**till.words(path[-7:-5]), "pay": f"Pay ({program.version})"})
        else:
            super().do_GET()


@pytest.fixture
def programs(server):
    server.RequestHandlerClass = WithProgram
    server.program = SimpleNamespace(version="one", broken="")
    return server


@asynccontextmanager
async def tablet(server):
    """A context in which the till was let in and keeps its program, and its page."""
    from playwright.async_api import async_playwright

    if not chromium():
        pytest.skip("no Chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = await browser.new_context(locale="en-GB", viewport={"width": 1024, "height": 768})
        await context.add_init_script(QUICK)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        await page.goto(f"http://127.0.0.1:{server.server_port}/till/")
        await page.locator(".door .button.main").click()
        await page.locator(".tile").first.wait_for()
        yield context, page
        await browser.close()


async def connected(page):
    await page.wait_for_function("document.querySelector('.lamp-words')?.innerText === 'Connected'", timeout=20_000)


async def lie(page, *items):
    for item in items:
        await page.locator(".tile", has_text=item).click()


async def sell_wide(page, *items):
    """As on a wide screen: the basket stands beside the goods."""
    await lie(page, *items)
    await page.locator(".basket .pay").click()
    await page.locator(".paying .button.main").last.click()
    await page.locator(".receipt .qr").wait_for()


def chained(server):
    return [(n, slip["kind"]) for n, slip in sorted({one["n"]: one for one in server.slips}.items())]


async def test_a_till_that_was_offline_takes_a_new_program_only_when_nothing_is_in_the_middle(programs):
    async with tablet(programs) as (context, page):
        await page.wait_for_function(CONTROLLED)
        await context.set_offline(True)
        await sell_wide(page, "SEAL-15")
        await on(page)
        await lie(page, "VALVE-DN15")
        await page.reload()  # no node, no network: the program that is kept, the basket, the slip
        await page.locator(".basket .line").wait_for()
        assert await page.locator(".basket .pay").inner_text() == "Pay (one)"
        assert await page.evaluate(STORED % "waitingCount()") == 1
        programs.program.version = "two"
        await context.set_offline(False)
        await connected(page)
        await page.wait_for_function(
            "navigator.serviceWorker.getRegistration('/till').then((one) => Boolean(one.waiting))")
        await page.wait_for_timeout(1_500)  # it is offered again and again
        assert await page.locator(".basket .line").count() == 1, "the basket in progress"
        assert await page.locator(".basket .pay").inner_text() == "Pay (one)"
        await page.evaluate("void (window.isOld = true)")
        await page.locator(".basket .pay").click()
        await page.locator(".paying .button.main").last.click()
        await page.locator(".receipt .qr").wait_for()
        await on(page)
        await page.wait_for_function("caches.keys().then((names) => names.join() === 'till-two')")
        await page.wait_for_function("window.isOld === undefined")  # it has loaded again
        await page.locator(".tile").first.wait_for()
        await lie(page, "SEAL-15")
        assert await page.locator(".basket .pay").inner_text() == "Pay (two)"
        await connected(page)
        assert chained(programs) == [(1, "sale"), (2, "sale")]
        assert await page.evaluate(STORED % "waitingCount()") == 0


@pytest.mark.release
async def test_of_a_new_program_that_cannot_be_had_whole_nothing_is_taken(programs):
    async with tablet(programs) as (context, page):
        await page.wait_for_function(CONTROLLED)
        programs.program.version, programs.program.broken = "two", "/till/static/views/paying.js"
        failed = await page.evaluate("""async () => {
          const registered = await navigator.serviceWorker.getRegistration("/till");
          await registered.update();
          const one = registered.installing;
          const isOver = (done) => one.addEventListener("statechange", () => one.state === "redundant" && done());
          if (one) await new Promise(isOver);
          return [registered.waiting === null, registered.active !== null];
        }""")
        assert failed == [True, True]
        await context.set_offline(True)
        await page.reload()
        await sell_wide(page, "SEAL-15")
        assert await page.evaluate("caches.match('/till/static/views/paying.js').then((one) => one.status)") == 200


FILL = """async () => {
  const made = (done) => {
    const asked = indexedDB.open("filler", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore("f", { autoIncrement: true });
    asked.onsuccess = () => done(asked.result);
  };
  const database = await new Promise(made);
  const put = (bytes) => new Promise((done) => {
    const transaction = database.transaction("f", "readwrite");
    transaction.oncomplete = () => done("");
    transaction.onabort = () => done(transaction.error?.name ?? "other");
    transaction.objectStore("f").put(bytes);
  });
  let reason = "";
  for (const size of [1_000_000, 50_000, 2_000]) {
    const bytes = new Uint8Array(size);
    do {
      for (let at = 0; at < size; at += 65_536) crypto.getRandomValues(bytes.subarray(at, Math.min(size, at + 65_536)));
      reason = await put(bytes);
    } while (!reason);
  }
  database.close();
  return reason;
}"""
EMPTY = "new Promise((done) => { indexedDB.deleteDatabase('filler').onsuccess = () => done(true); })"
ON_A_SMALL_DISK = """#!/bin/sh
exec unshare --mount sh -c 'mount -t tmpfs -o size=120m small {folder} && exec "$@"' small {chromium} "$@"
"""


@asynccontextmanager
async def small(server, tmp_path):
    """The page of a till whose browser has a disk of its own, which is soon full."""
    from playwright.async_api import async_playwright

    if not possible:
        pytest.skip("this machine gives us no small disk: NO FULL DEVICE WAS TRIED")
    folder, program = tmp_path / "small", tmp_path / "browser.sh"
    folder.mkdir()
    program.write_text(ON_A_SMALL_DISK.format(folder=folder, chromium=chromium()), encoding="utf-8")
    program.chmod(0o755)
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            str(folder / "profile"), executable_path=str(program), args=["--no-sandbox"], locale="en-GB",
            viewport={"width": 1024, "height": 768}, service_workers="block")
        page = context.pages[0]
        page.set_default_timeout(10_000)
        await page.goto(f"http://127.0.0.1:{server.server_port}/till/")
        await page.locator(".door .button.main").click()
        await page.locator(".tile").first.wait_for()
        yield page
        await context.close()


possible = bool(chromium()) and shutil.which("unshare") is not None and subprocess.run(
    ["unshare", "--mount", "true"], check=False, capture_output=True).returncode == 0


async def test_a_full_device_says_so_before_money_is_taken_and_sells_on_when_there_is_room(server, tmp_path):
    async with small(server, tmp_path) as page:
        await lie(page, "SEAL-15")
        assert await page.evaluate(FILL) == "QuotaExceededError"
        await page.locator(".basket .pay").click()
        await page.locator("#toast .alert", has_text="no room left").wait_for()
        await page.locator(".paying").wait_for(state="detached")
        for key in ("F9", "Enter", "Enter"):  # nor by the keys, however quickly
            await page.keyboard.press(key)
        await page.wait_for_timeout(500)
        assert await page.locator(".receipt").count() == 0
        assert server.slips == []
        assert await page.locator(".basket .line").count() == 1
        assert await page.evaluate(EMPTY)
        await page.locator(".basket .pay").click()
        await page.locator(".paying .button.main").last.click()
        await page.locator(".receipt .qr").wait_for()
        await connected(page)
        assert chained(server) == [(1, "sale")]


@pytest.mark.release
async def test_control_without_the_trial_a_full_device_asks_for_the_money_first(server, tmp_path):
    async with small(server, tmp_path) as page:
        await page.route("**/views/paying.js", with_trial_left_out)
        await page.reload()
        await lie(page, "SEAL-15")
        assert await page.evaluate(FILL) == "QuotaExceededError"
        await page.locator(".basket .pay").click()
        await page.wait_for_timeout(500)
        assert await page.locator(".paying").is_visible(), "it asks for the money"


async def with_trial_left_out(route):
    text = (till.STATIC / "views" / "paying.js").read_text(encoding="utf-8")
    assert "store.room()" in text
    await route.fulfill(body=text.replace("store.room()", "true"), content_type="text/javascript")


@pytest.mark.release
async def test_a_browser_that_keeps_nothing_is_no_till_and_says_why(server):
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        context = await browser.new_context(locale="zh-CN", service_workers="block")
        await context.add_init_script(
            "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }")
        page = await context.new_page()
        await page.goto(f"http://127.0.0.1:{server.server_port}/till/")
        await page.locator(".alone h1").wait_for()
        assert till.words("zh")["error.till.browser-storage"] in await page.locator(".alone").inner_text()
        assert await page.locator(".door").count() == 0
        await browser.close()


@pytest.mark.release
async def test_a_browser_that_takes_the_memory_away_stops_the_till_with_a_reason(server):
    async with tablet(server) as (context, page):
        wire = await context.new_cdp_session(page)
        await wire.send("Storage.clearDataForOrigin", {
            "origin": f"http://127.0.0.1:{server.server_port}", "storageTypes": "indexeddb"})
        await page.locator(".alone h1", has_text="cannot keep anything").wait_for()
        assert await page.locator(".tile").count() == 0


async def test_of_two_windows_one_sells_and_the_other_goes_on_when_it_is_closed(server):
    async with tablet(server) as (context, page):
        await sell_wide(page, "SEAL-15")
        await on(page)
        second = await context.new_page()
        await second.goto(page.url)
        await second.locator("h1", has_text="open in another window").wait_for()
        assert await second.locator(".tile").count() == 0
        await sell_wide(page, "SEAL-15")
        await page.close()
        await second.locator(".tile, .receipt .qr").first.wait_for()
        if await second.locator(".receipt").count():
            await on(second)
        await sell_wide(second, "VALVE-DN15")
        await connected(second)
        assert chained(server) == [(1, "sale"), (2, "sale"), (3, "sale")]
        lives = {one["life"] for one in server.slips}
        assert len(lives) == 1


RACE = """async (times) => {
  const [{ Chain }, store, keys] = await Promise.all(
    ["chain", "store", "core/signature"].map((one) => import(`/till/static/${one}.js`)));
  const chain = new Chain(await keys.key(), (await store.get("me")).firm);
  chain.held = true; // as in a browser that has no locks
  await chain.load();
  const priced = { attributes: { item: "V15", quantity: "1", unit: "C62" }, currency: "CNY", basis: "net", book: "",
    base: "1", unit_price: "10", net: "10.00", tax: "0.00", gross: "10.00", tax_category: "Z", tax_percent: "0" };
  const told = [];
  await store.put("basket", { id: "b" });
  for (let time = 0; time < times; time += 1) {
    try {
      told.push((await chain.sell({ id: "b" }, [{ lines: [{ priced }] }], { pay: "cash", partner: "" }, {}))[0].n);
    } catch (error) {
      told.push(error.code);
    }
  }
  return told;
}"""

ROWS = """import("/till/static/store.js").then(async (store) => {
  const rows = await store.since((await store.get("chain")).life, 1);
  return rows.map((row) => [row.n, row.hash, row.signed.slip.prev ?? ""]);
})"""


async def test_two_windows_without_a_lock_never_put_two_slips_at_one_place(server):
    async with tablet(server) as (context, page):
        other = await context.new_page()
        await other.goto(page.url)
        await other.locator("h1", has_text="open in another window").wait_for()  # its store is open by then
        told = await asyncio.gather(*(one.evaluate(RACE, 15) for one in (page, other)))
        made = [n for one in told for n in one if isinstance(n, int)]
        assert sorted(made) == list(range(1, len(made) + 1)), "each place once"
        assert {n for one in told for n in one if not isinstance(n, int)} <= {"till.browser-other"}
        rows = await page.evaluate(ROWS)
        assert [row[0] for row in rows] == sorted(made)
        assert [row[2] for row in rows] == ["", *(row[1] for row in rows[:-1])], "one chain"
        assert len({row[1] for row in rows}) == len(rows)
