"""The till's own history in a real Chromium: what would leave a day that cannot be closed is not sold."""

import functools
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.browser.chromium import chromium
from tests.till.counter import FIRM
from weft.doors import till

pytestmark = pytest.mark.browser
SELL = """async ([firm, currencies]) => {
  const [{ Chain }, store, keys] = await Promise.all(
    ["/chain.js", "/store.js", "/core/signature.js"].map((name) => import(name)));
  await store.open();
  const chain = new Chain(await keys.key(), firm);
  chain.held = true;
  await chain.load();
  const told = [];
  for (const currency of currencies) {
    await store.put("basket", { id: "b" });
    const priced = { attributes: { item: "V15", quantity: "1", unit: "C62" }, currency, basis: "net", book: "",
      base: "1", unit_price: "10", net: currency === "JPY" ? "10" : "10.00", tax: currency === "JPY" ? "0" : "0.00",
      gross: currency === "JPY" ? "10" : "10.00", tax_category: "Z", tax_percent: "0" };
    const zero = currency === "JPY" ? "0" : "0.00";
    const groups = [{ lines: [{ priced }] }];
    const sold = async () => (await chain.sell({ id: "b" }, groups, { pay: "cash", partner: "" }, {}))[0].n;
    try {
      told.push(await sold());
    } catch (error) {
      told.push(error.code);
      await chain.close(error.facts.expected, { opening: "0.00", counted: "20.00", removed: "20.00" }, {});
      told.push(await sold());
      await chain.close(currency, { opening: zero, counted: "10", removed: zero }, {});
    }
  }
  return told;
}"""


class Quiet(SimpleHTTPRequestHandler):
    """The till's files, and an empty page."""

    extensions_map = {".js": "text/javascript", "": "text/html"}

    def do_GET(self) -> None:
        if self.path == "/empty":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address():
    if not chromium():
        pytest.skip("no Chromium")
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(till.STATIC)))
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}/empty"
    server.shutdown()
    serving.join()
    server.server_close()


async def test_between_two_closes_there_is_one_currency(address):
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        page = await browser.new_page()
        await page.goto(address)
        told = await page.evaluate(SELL, [FIRM, ["CNY", "CNY", "JPY"]])
        await browser.close()
    assert told == [1, 2, "slip.close-currency", 4]
