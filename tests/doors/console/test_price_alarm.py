"""A price record that tells two stories, on the owner's screen: what happened, whom to call, the proof as a file."""

import re

import pytest

from tests.doors.console.sample import TOKEN
from tests.doors.console.test_alarms import posted, shown
from tests.doors.console.test_pages import OUR_JARGON, words
from tests.engine.pricelog.firms_of_the_log import append, batch, book, branch, firms, stop
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.memory import PRICE_LOG
from weft.engine.pricelog import forks, known, log, monitor
from weft.engine.receive import key_log_of

JARGON = re.compile(r"checkpoint|Merkle|witness|transparency|检查点|默克尔", re.IGNORECASE)


@pytest.fixture
async def caught():
    """A buyer whose seller has signed two records of one size."""
    _, (buyer, seller) = await firms("Corner Shop", "Seller")
    buyer.devices = Devices(buyer.store, buyer.clock, buyer.random, TOKEN)
    await append(seller, *(batch(k) for k in range(20)), book(1))
    await seller.witnessing.asking.round()
    lie = branch(seller, [*(batch(k) for k in range(20)), book(2)])
    await monitor.met(buyer, seller.organisation, lie.note())
    yield buyer, seller
    await stop(buyer, seller)


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_today_and_the_partner_lead_to_what_happened_without_any_word_of_ours(caught, lang):
    buyer, seller = caught
    address = f"/alarms/{PRICE_LOG}{seller.organisation}"
    for page in ("/", f"/partners/{buyer.partner(seller.organisation)}"):
        assert address in await shown(buyer, page, lang)
    page = await shown(buyer, address, lang)
    assert "Seller" in page
    assert ("two states of its price record" if lang == "en" else "两个不可能同时成立的价格公示簿") in page
    assert "weft price verify" in page
    assert not JARGON.search(words(page))
    assert not OUR_JARGON.search(words(page))


async def test_the_proof_goes_out_as_a_file_that_anybody_can_check(caught):
    buyer, seller = caught
    answer = await posted(buyer, "/evidence", alarm=f"{PRICE_LOG}{seller.organisation}")
    assert answer.status == 200
    assert answer.headers["content-disposition"].endswith(".price-fork.json")
    assert forks.verify(answer.body).firm == seller.organisation


async def test_once_it_is_settled_the_alarm_is_gone_and_the_record_stays_red(caught):
    buyer, seller = caught
    assert buyer.distrusted([seller.organisation]) == "price-fork"
    await run(buyer, "go-on", {"thread": f"{PRICE_LOG}{seller.organisation}"})
    assert buyer.distrusted([seller.organisation]) == ""
    assert await known.red(buyer.store, seller.organisation) is not None


async def test_when_it_is_our_own_record_the_second_machine_is_to_be_stopped(caught):
    buyer, _ = caught
    await append(buyer, batch(1), book(1))
    now = await log.head(buyer.store)
    lie = branch(buyer, [batch(1), book(2)])
    proof = forks.make(buyer.organisation, await key_log_of(buyer, buyer.organisation), (now.note.encode(), lie.note()))
    assert await monitor.accused(buyer, proof)
    page = await shown(buyer, f"/alarms/{PRICE_LOG}{buyer.organisation}")
    assert "The price record of Corner Shop tells two stories." in page
    assert "Stop the second machine first." in page
    assert "weft price verify" in page
