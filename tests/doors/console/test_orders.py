"""What an order's page offers: cancelling while something is open, asking again; and what Today shows of an offer."""

import html
import re
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, at_work, table
from tests.engine.world import quiet, until
from weft.doors import console
from weft.engine.commands import run
from weft.trade.messages import ProgressNotice
from weft.trade.order_state import Phase

pytestmark = pytest.mark.asyncio(loop_scope="module")
FORM = "application/x-www-form-urlencoded"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def work():
    sample = await at_work()
    yield sample
    await sample.stop()


async def shown(node, address, lang="en"):
    answer = await Client(console.routes(node)).ask(
        address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")
    assert answer.status == 200, address
    page = html.unescape(answer.body.decode())
    assert "⟦" not in page
    return page


async def posted(node, address, fields):
    body = urlencode(fields).encode()
    return await Client(console.routes(node)).ask(address, "POST", {
        "content-type": FORM, "content-length": str(len(body)), "cookie": f"weft_device={TOKEN}; weft_lang=en",
        "origin": "http://weft.test"}, body, token="")


async def reached(node, thread, phase):
    async def there():
        return (await node.state(thread)).phase is phase

    await until(there)


async def test_nothing_is_offered_to_be_cancelled_when_all_of_it_is_on_the_way(work):
    control = await shown(work.shop, f"/orders/{work.orders['making']}")
    assert "/do/cancel" in control
    assert "/do/short-close" in control
    page = await shown(work.shop, f"/orders/{work.orders['arriving']}")
    assert "/do/cancel" not in page
    assert "/do/short-close" not in page
    assert "/do/receive" in page


async def test_cancelling_the_rest_says_what_becomes_of_goods_on_the_way_and_both_see_the_return(work):
    thread = work.orders["changed"]
    assert "on the way cannot be stopped" not in await shown(work.shop, f"/orders/{thread}")
    stock = table("item,quantity,lot,heat,place\nBV-15,12,BV-2611-02,,A-01-2\n")
    await run(work.node, "import", {"kind": "stock", "content": stock})
    await run(work.node, "despatch", {"thread": thread, "quantities": {"1": "12"}})
    await quiet(work.node, work.shop)
    page = await shown(work.shop, f"/orders/{thread}")
    assert "12 pcs Ball valve DN15 already on the way cannot be stopped" in page
    assert "已在途的 球阀 DN15 12 件 无法召回" in await shown(work.shop, f"/orders/{thread}", "zh")
    assert "Return asked for" not in page
    await run(work.shop, "cancel", {"thread": thread})
    await quiet(work.node, work.shop)
    for node in (work.shop, work.node):
        assert "Return asked for: 12 pcs" in await shown(node, f"/orders/{thread}")
    assert "/do/receive" in await shown(work.shop, f"/orders/{thread}"), "what comes is booked in all the same"


async def test_today_shows_the_quantity_that_was_counter_offered_and_no_price_of_another(work):
    thread = work.orders["quoted"]

    def entry(page):
        return re.search(rf'<li><a href="/orders/{thread}#act".*?</li>', page, re.DOTALL)[0]

    before = entry(await shown(work.shop, "/"))
    assert "60 pcs" in before
    assert "¥" in before
    await run(work.shop, "counter-offer", {"thread": thread, "lines": [{"line": "1", "quantity": "55"}]})
    await reached(work.node, thread, Phase.COUNTERED)
    for lang, told in (("en", "55 pcs"), ("zh", "55 件")):
        after = entry(await shown(work.node, "/", lang))
        assert told in after
        assert "60 pcs" not in after
        assert "60 件" not in after
        assert "¥" not in after
    await run(work.node, "quote", {"thread": thread})
    await reached(work.shop, thread, Phase.QUOTED)
    assert "55 pcs" in entry(await shown(work.shop, "/"))


async def test_a_declined_request_can_be_asked_again_with_the_same_lines(work):
    thread = work.orders["asked"]
    assert "/orders/new?again=" not in await shown(work.shop, f"/orders/{thread}"), "the control: nobody declined"
    await run(work.node, "decline", {"thread": thread, "reason": "no-capacity"})
    await reached(work.shop, thread, Phase.DECLINED)
    assert "Ask again" in await shown(work.shop, f"/orders/{thread}")
    assert "再次询价" in await shown(work.shop, f"/orders/{thread}", "zh")
    assert "/orders/new?again=" not in await shown(work.node, f"/orders/{thread}"), "the seller asks for nothing"
    page = await shown(work.shop, f"/orders/new?again={thread}")
    assert f'<option value="{work.node.organisation}" selected>' in page
    fields = dict(re.findall(r'<input name="(lines[^"]+)"[^>]* value="([^"]*)"', page))
    assert fields["lines.0.item"] == "BV-15"
    assert fields["lines.0.quantity@number"] == "35"
    assert re.search(r'name="lines\.0\.unit"[^>]*><option value="C62" selected>', page)
    assert "as soon as you can" in page
    hidden = dict(re.findall(r'<input type="hidden" name="(currency|attributes[^"]*)" value="([^"]*)"', page))
    assert hidden["currency"] == "CNY"
    answer = await posted(work.shop, "/do/request-quotation", {
        "supplier": work.node.organisation, **fields, **hidden, "lines.0.unit": "C62", "then": "/orders/{thread}"})
    assert answer.status == 303, answer.body
    new = answer.headers["location"].removeprefix("/orders/")
    assert new != thread
    lines = (await work.shop.state(new)).request.lines
    assert [(line.item, line.quantity) for line in lines] == [("BV-15", "35")]


async def test_what_was_never_asked_cannot_be_asked_again(work):
    answer = await Client(console.routes(work.shop)).ask(
        "/orders/new?again=nothing", headers={"cookie": f"weft_device={TOKEN}; weft_lang=en"}, token="")
    assert answer.status == 404


async def test_progress_that_is_the_same_is_told_once(work):
    thread = work.orders["making"]
    for done in ("0", "0", "0", "7"):
        await work.node.speak(thread, ProgressNotice(line="1", stage="making", done=done, of="50"))
    page = await shown(work.node, f"/orders/{thread}")
    told = re.findall(r'<p class="whisper">([^<·]*)', page)
    assert len([one for one in told if re.search(r"\b0\b.*50", one)]) == 1
    assert len([one for one in told if re.search(r"\b7\b.*50", one)]) == 1
