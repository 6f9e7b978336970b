"""Others are told of changes, seen in a real Chromium: added, tried out, in trouble, on a phone and on a desk."""

import asyncio

import pytest
import pytest_asyncio

from tests.engine.twins.test_delivering import Pockets, make
from tests.engine.world import until
from tests.peers.test_webhook import Receiver, serving
from weft.engine.clock import SystemClock
from weft.engine.twins.delivering import Deliveries
from weft.locale import text
from weft.peers.guard import Guard, Reach
from weft.peers.webhook import HttpWebhooks

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
BOTH = pytest.mark.parametrize("lang", ["zh", "en"])
EACH = pytest.mark.parametrize("size", ["phone", "desk"])


@pytest_asyncio.fixture(loop_scope="module")
async def told(firms):
    """The factory delivers, and a receiver that takes what comes."""
    node = firms[0].node
    node.twin_events = Deliveries(node, {"webhook": HttpWebhooks(Guard(Reach.HERE), SystemClock(), 2.0)}, Pockets(),
                                  lambda: True, here="http://127.0.0.1")
    working, receiver = asyncio.create_task(node.twin_events.run()), Receiver()
    async with serving(receiver) as address:
        yield receiver, address
        working.cancel()
        await asyncio.gather(working, *(one.task for one in node.twin_events.known.values() if one.task),
                             return_exceptions=True)
        for one in tuple(node.twin_events.known.values()):
            await node.twin_events.remove(one)
        await node.twin_events.end()


@BOTH
@EACH
async def test_one_is_added_tried_out_and_shows_how_it_stands(look, told, lang, size):
    receiver, address = told
    at = await look(lang, size)
    await at.pair()
    await at.to("/twins")
    await at.page.locator("main a[href='/twins/events']").click()
    await at.sees(text(lang, "twin-events.none.next"))
    await at.fits()
    await at.page.locator("#add-webhook summary").click()
    await at.page.locator("#webhook-name").fill("ERP")
    await at.page.locator("#webhook-address").fill(address)
    await at.fits()
    await at.page.locator("#add-webhook button.wide").click()
    await at.sees("whsec_")
    await at.fits()
    await at.page.get_by_role("button", name=text(lang, "twin-events.test"), exact=True).click()
    await at.sees(text(lang, "done.twin-events-test", name="ERP"))
    assert len(receiver.got) == 1
    receiver.status = 410
    await make(at.node, "urn:one")
    await at.sees(text(lang, "error.twin-event.gone"))  # by itself: the page is live
    await at.fits()
    receiver.status = 204
    await at.page.get_by_role("button", name=text(lang, "twin-events.resume"), exact=True).click()
    await at.sees(text(lang, "twin-events.state.fine"))
    await until(lambda: len(receiver.got) == 3)
    await at.page.locator("details.more summary").first.click()
    await at.fits()
    await at.page.get_by_role("button", name=text(lang, "twin-events.remove"), exact=True).click()
    await at.sees(text(lang, "twin-events.none"))
