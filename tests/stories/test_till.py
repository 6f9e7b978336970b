"""A day at the counter with the node killed: what a tablet sells stands, and arrives once when the node comes back.

A real Chromium on an address that is not loopback, in network namespaces that the test makes itself.
"""

import asyncio
import shutil
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.stories import closed_doors
from tests.stories.counter import ITEMS, Shop, Tablet, possible
from weft.till import closing, returns, verify
from weft.till.slip import Signed, parse

pytestmark = [pytest.mark.story, pytest.mark.browser]
PRICES = {number: price for number, *_, price, _ in ITEMS}
CODES = {number: gtin or number for number, _, _, gtin, *_ in ITEMS}
SALES = 50
KEPT = "navigator.serviceWorker.controller !== null"
AGAIN = """async () => {
  const database = await new Promise((done) => {
    const asked = indexedDB.open("weft-till");
    asked.onsuccess = () => done(asked.result);
  });
  const all = database.transaction("slips", "readwrite").objectStore("slips");
  const rows = await new Promise((done) => { const asked = all.getAll(); asked.onsuccess = () => done(asked.result); });
  for (const row of rows) all.put({ ...row, waiting: 1 });
  return rows.length;
}"""
QR = """async () => {
  const { qrText } = await import("/till/static/core/slip.js");
  const store = await import("/till/static/store.js");
  return qrText((await store.latest("", 1))[0].signed);
}"""


@pytest_asyncio.fixture
async def town(tmp_path):
    """(shop, new): a shop with goods and prices, and ``await new("name")`` for another tablet on its LAN."""
    if why := possible():
        pytest.skip(f"{why}: NO TILL WAS TRIED")
    from playwright.async_api import async_playwright

    async with AsyncExitStack() as stack:
        streets = stack.enter_context(closed_doors.Town())
        house = streets.firm(1)
        shop = await asyncio.to_thread(Shop, tmp_path / "shop", streets.square)
        stack.callback(shop.kill)
        shop.up().stocked()
        playwright = await stack.enter_async_context(async_playwright())

        def new(name, *, trusting=True, **options):
            folder = tmp_path / name
            folder.mkdir()
            tablet = Tablet(playwright, folder, house, shop.authority() if trusting else "", options)
            stack.push_async_callback(tablet.close)
            return tablet

        yield shop, new


async def counter(shop, tablet):
    """The page of a tablet that was let in, ready to sell with no network."""
    page = await tablet.open()
    await page.goto(f"{shop.secure}/till")
    await page.get_by_role("button", name="继续").click()
    await asyncio.to_thread(shop.let_in, await page.locator(".code").inner_text())
    await page.locator(".tile").first.wait_for()
    await until(page, KEPT)
    return page


async def scan(page, code):
    """What a scanner does: it types quickly, and ends with Enter."""
    await page.keyboard.type(code)
    await page.keyboard.press("Enter")


IMPATIENT = """for (let time = 0; time < 3; time += 1) {
  document.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
}"""


async def sell(page, *items, way="cash"):
    """One customer, from the first scan to the slip that is shown; who pays presses three times."""
    for item in items:
        await scan(page, CODES[item])
    await page.locator(".basket .line").nth(len(set(items)) - 1).wait_for(state="attached")
    await page.keyboard.press("F9")
    if way != "cash":
        await page.locator(f".tab[data-way={way}]").click()
    await page.evaluate(IMPATIENT)
    await page.locator(".receipt .qr").wait_for()


async def next_customer(page):
    await page.keyboard.press("Enter")
    await page.locator(".tile").first.wait_for()


async def several(page, count):
    names = list(PRICES)[:3]
    for at in range(count):
        await sell(page, names[at % 3], names[(at + 1) % 3], way="transfer" if at % 5 == 4 else "cash")
        await next_customer(page)


async def stored(page, asked):
    return await page.evaluate(f"import('/till/static/store.js').then((store) => store.{asked})")


async def until(page, asked):
    for _ in range(300):
        if await page.evaluate(asked):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"it never came to be: {asked}")


async def all_sent(page):
    await until(page, "import('/till/static/store.js').then((store) => store.waitingCount()).then((n) => n === 0)")


async def again(page):
    """The page loaded anew, and its store open."""
    await page.reload()
    await page.locator(".tile, .receipt .qr").first.wait_for()


def slips_at(shop):
    """Every slip that the node holds, with its signature checked, by till and place."""
    found = []
    for row in shop.view("slips?limit=500")["slips"]:
        told = shop.view(f"slip?hash={row['hash']}")
        signed = Signed(slip=parse(told["bytes"].encode()), signature=told["signature"])
        assert verify.verify(signed) == ()
        assert signed.slip.hash == row["hash"]
        assert row["state"] == "counts"
        found.append(signed.slip)
    return sorted(found, key=lambda slip: (slip.till, slip.n))


def chained(slips):
    before = None
    for slip in slips:
        assert verify.follows(slip, before) == ()
        before = slip


def on_hand(shop):
    return {one["id"]: one["on_hand"] for one in shop.view("stock")["items"]}


async def test_a_tablet_sells_fifty_times_with_its_node_dead_and_itself_killed_and_each_slip_arrives_once(town):
    shop, new = town
    tablet = new("tablet")
    page = await counter(shop, tablet)
    shop.kill()
    await several(page, 20)
    await sell(page, "VALVE-DN15", "VALVE-DN15")
    text = await page.evaluate(QR)
    assert text.startswith("WEFT-SLIP:1.")
    await next_customer(page)
    await page.locator(".way[aria-label=退货]").click()
    await scan(page, text)  # the customer is back with the slip
    await page.locator("[data-line='1'] .stepper button").last.click()
    await page.locator(".returning .button.main:enabled").click()
    await page.locator(".receipt .qr").wait_for()
    await next_customer(page)
    await several(page, 3)
    for item in ("SEAL-15", "TAPE-PTFE"):
        await scan(page, CODES[item])
    await page.keyboard.press("F9")
    await page.locator(".paying").wait_for()
    await page.keyboard.press("Enter")
    await tablet.kill()  # in the middle of it
    page = await tablet.open()
    await page.goto(f"{shop.secure}/till")  # the node is still dead
    await page.locator(".tile, .receipt .qr").first.wait_for()
    if await page.locator(".receipt").count():  # it was written before the battery was empty
        await next_customer(page)
    made = len(await stored(page, "latest('', 1000)"))
    lines = await page.locator(".basket .line").count()
    assert (made, lines) in {(26, 0), (25, 2), (25, 1)}  # the slip, or the basket, perhaps without what came last
    if lines:
        await page.keyboard.press("F9")
        await page.keyboard.press("Enter")
        await page.locator(".receipt .qr").wait_for()
        await next_customer(page)
    await several(page, SALES - 25)
    assert await stored(page, "waitingCount()") == SALES + 1
    await page.get_by_text(f"离线 · {SALES + 1} 张待传").wait_for()

    shop.up()
    await all_sent(page)
    await page.get_by_text("已连接").wait_for()
    assert await page.evaluate(AGAIN) == SALES + 1  # as if every answer had been lost: all are sent once more
    await again(page)
    await all_sent(page)

    slips = await asyncio.to_thread(slips_at, shop)
    assert [slip.n for slip in slips] == list(range(1, SALES + 2))
    chained(slips)
    assert [slip.kind for slip in slips].count("sale") == SALES
    back, = (slip for slip in slips if slip.kind == "return")
    sale = next(slip for slip in slips if slip.hash == back.of)
    assert returns.check(back, sale, []) == ()
    assert back.gross == PRICES["VALVE-DN15"] + "0"
    sold = {name: sum((-1 if slip.kind == "return" else 1) * int(line.quantity) for slip in slips for line in slip.lines
                      if line.item == name) for name in PRICES}
    here = on_hand(shop)
    assert {name: int(here[name]) for name in PRICES} == {
        name: max(0, count - sold[name]) for name, *_, count in ITEMS}

    await page.locator(".way[aria-label=日结]").click()
    await page.locator("input[name=counted]").fill("1000")
    await page.locator(".button.main:enabled").click()
    await page.locator(".receipt .qr").wait_for()
    await all_sent(page)
    *day, last = await asyncio.to_thread(slips_at, shop)
    assert closing.check(last, day, None) == ()
    assert tablet.faults == []
    shop.stop()


async def test_two_tills_that_sold_the_last_piece_both_stand_and_the_owner_is_told(town):
    shop, new = town
    tablets = [new("front"), new("back")]
    pages = [await counter(shop, one) for one in tablets]
    shop.kill()
    for page in pages:
        await sell(page, "HOSE-1M")  # there is one
    shop.up()
    for page in pages:
        await all_sent(page)
    slips = await asyncio.to_thread(slips_at, shop)
    assert [(slip.n, [line.item for line in slip.lines]) for slip in slips] == [(1, ["HOSE-1M"])] * 2
    assert len({slip.till for slip in slips}) == 2
    assert [(one["item"], one["missing"]) for one in shop.view("tills")["short"]] == [("HOSE-1M", "1")]
    assert "till-short" in str(shop.view("today"))
    shop.stop()


@pytest.mark.release
async def test_a_tablet_that_was_copied_begins_a_new_life_and_both_go_on(town):
    """Two tablets with one memory: what stands at one place twice waits for the owner, and it stays at one time."""
    shop, new = town
    first = new("first")
    page = await counter(shop, first)
    await sell(page, "SEAL-15")
    await all_sent(page)
    await first.close()
    shop.kill()
    copied = new("copied")
    shutil.copytree(first.folder / "profile", copied.folder / "profile", ignore=shutil.ignore_patterns("Singleton*"))
    pages = []
    for tablet, item in ((first, "VALVE-DN15"), (copied, "TAPE-PTFE")):
        page = await tablet.open()
        await page.goto(f"{shop.secure}/till")
        await page.locator(".tile, .receipt .qr").first.wait_for()
        if await page.locator(".receipt").count():
            await next_customer(page)
        await sell(page, item)
        await next_customer(page)
        pages.append(page)
    shop.up()
    for page in pages:
        await stored(page, "get('chain')")
        await again(page)
        await all_sent(page)
    assert len(shop.view("tills")["doubts"]) == 1
    for page in pages:
        await page.locator(".tile").first.wait_for()
        await sell(page, "SEAL-15")
        await all_sent(page)
    rows = shop.view("slips")["slips"]
    assert sorted((row["n"], row["state"]) for row in rows) == [
        (1, "counts"), (1, "counts"), (2, "counts"), (2, "doubted"), (3, "counts")]
    shop.stop()


@pytest.mark.release
async def test_what_a_node_lost_with_a_backup_is_sent_again(town):
    shop, new = town
    page = await counter(shop, new("tablet"))
    for _ in range(3):
        await sell(page, "SEAL-15")
        await next_customer(page)
    await all_sent(page)
    asked = []

    async def lost(route):
        asked.append(route.request.post_data_json)
        if len(asked) > 1:
            await route.fallback()
        else:
            facts = {"life": (await stored(page, "get('chain')"))["life"], "n": 1}
            await route.fulfill(status=409, json={"code": "till.gap", "facts": facts})

    await page.route("**/till/api/slips", lost)
    await sell(page, "SEAL-15")
    await all_sent(page)
    assert [len(one["slips"]) for one in asked] == [1, 3]  # the fourth alone; then the second, third and fourth
    assert "gap" not in asked[1]
    assert [slip.n for slip in await asyncio.to_thread(slips_at, shop)] == [1, 2, 3, 4]
    shop.stop()


async def test_without_https_or_without_the_certificate_there_is_no_till_and_the_page_says_how_to_mend_it(town):
    """The controls: what the two stories above rest on is not there by itself on an address that is not loopback."""
    shop, new = town
    asks = "[isSecureContext, 'serviceWorker' in navigator, Boolean(globalThis.crypto.subtle)]"
    page = await new("stranger", trusting=False).open()
    await page.goto(f"{shop.plain}/till")
    assert await page.evaluate(asks) == [False, False, False]
    await page.locator("a[href='/trust']").click()
    await page.locator(".fingerprint").wait_for()
    with pytest.raises(Exception, match="ERR_CERT_AUTHORITY_INVALID"):
        await page.goto(f"{shop.secure}/till")
    trusting = await new("customer").open()
    await trusting.goto(f"{shop.secure}/till")
    assert await trusting.evaluate(asks) == [True, True, True]
    await until(trusting, KEPT)
    shop.kill()
    await trusting.reload()  # the whole program is kept here
    await trusting.locator(".sheet h1").wait_for()
    await trusting.evaluate("navigator.serviceWorker.getRegistration('/till').then((one) => one.unregister())")
    with pytest.raises(Exception, match="ERR_CONNECTION_REFUSED"):
        await trusting.goto(f"{shop.secure}/till")
