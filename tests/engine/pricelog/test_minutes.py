"""Billed machine minutes are compared with the machine's record after production; an auditor sees a false word."""

import msgspec
import pytest
from msgspec.structs import replace

from tests.engine.dealing import table
from tests.engine.pricelog.test_custom import CARD, asked, offered
from tests.engine.world import quiet, until
from weft.basis.errors import Invalid, NotFound, Refused
from weft.cli import price
from weft.engine.commands import run
from weft.engine.pricelog import minutes
from weft.engine.views import VIEWS
from weft.production.state import JobState
from weft.trade.attested import MinutesAttested
from weft.trade.order_state import Phase

MINUTE_MS = 60_000
MASTER = (("items", "item,name,unit,kind\nS-77,Bush,C62,part\n"),
          ("calendars", "calendar,utc_offset,day,start,end\nday,+08:00,1-7,00:00,24:00\n"),
          ("work-centres", "id,zh,en,calendar,machine,capabilities\nL1,车床,Lathe,day,,turning\n"),
          ("routings", "item,number,zh,en,work_centre,setup_s,run_s,program\nS-77,10,车削,Turn,L1,0,120,\n"))


async def made(maker, buyer, ran: int, *, stops: int = 0):
    """Ten bushes are ordered at two minutes each; the lathe runs ``ran`` minutes and stands ``stops`` between."""
    for kind, text in MASTER:
        await run(maker, "import", {"kind": kind, "content": table(text)})
    thread = (await run(buyer, "request-quotation", {
        "supplier": "Maker", "lines": [{"item": "S-77", "quantity": "10"}]})).thread

    async def there():
        return await maker.find(thread)

    await until(there)
    await run(maker, "quote", {"thread": thread, "terms": {"inputs": {"1/minutes.turning": "2", "1/setups": "1"}}})
    await offered(buyer, thread)
    await run(buyer, "order", {"thread": thread})

    async def waiting():
        production = await maker.book_state("production")
        return next((name for name, job in production.jobs.items() if job.state is JobState.ALLOWED), None)

    await until(waiting)
    job = await waiting()
    await run(maker, "job-start", {"job": job})
    later(maker, ran // 2)
    await run(maker, "job-pause", {"job": job})
    later(maker, stops)
    await run(maker, "job-resume", {"job": job})
    later(maker, ran - ran // 2)
    await run(maker, "job-end", {"job": job, "good": "10"})
    await quiet(maker, buyer)
    return thread


def later(node, count: int) -> None:
    node.clock.ms += count * MINUTE_MS


async def said(node, thread):
    return [one.message for one in await node.log(thread) if isinstance(one.message, MinutesAttested) and not one.void]


@pytest.mark.parametrize(("ran", "band"), [(20, "5"), (19, "10"), (17, "20"), (30, "50"), (60, "more")])
async def test_the_buyer_hears_how_far_the_bill_is_from_the_record_and_nothing_else(ran, band):
    async with asked(attested=True) as (maker, buyer, _):
        thread = await made(maker, buyer, ran, stops=500)
        (word,) = await said(buyer, thread)
        assert (word.line, word.billed, word.within_percent) == ("1", {"turning": "20"}, band)
        assert "started" not in msgspec.json.encode([one.message for one in await buyer.log(thread)]).decode()
        assert (await buyer.state(thread)) == (await maker.state(thread))


async def test_a_book_that_does_not_promise_it_says_nothing():
    async with asked() as (maker, buyer, _):
        thread = await made(maker, buyer, 20)
        assert await said(buyer, thread) == []
        with pytest.raises(NotFound, match=r"pricing\.minutes-unsaid"):
            await minutes.record(maker, thread, "1")


async def test_a_false_word_is_contradicted_by_the_record_that_an_auditor_is_shown(tmp_path, capsys):
    async with asked(attested=True) as (maker, buyer, _):
        thread = await made(maker, buyer, 30)
        file = tmp_path / "minutes.json"
        file.write_text((await VIEWS["price-minutes"](maker, thread)).file, encoding="utf-8")
        assert price.command.main(["audit", "verify", str(file)], standalone_mode=False) == 0  # the control: a true one
        (true,) = await said(maker, thread)
        await maker.speak(thread, replace(true, within_percent="5"))
        data = await minutes.record(maker, thread, "1")
        told = minutes.verify(data)
        assert (told.holds, told.said.within_percent, told.found) == (False, "5", "50")
        file.write_bytes(data)
        assert price.command.main(["audit", "verify", str(file)], standalone_mode=False) == 1
        assert "False" in capsys.readouterr().out


async def test_nobody_but_the_seller_makes_a_record_and_none_fits_another_bill():
    async with asked(attested=True) as (maker, buyer, _):
        thread = await made(maker, buyer, 20)
        file = msgspec.json.decode(await minutes.record(maker, thread, "1"), type=minutes.File)
        own = maker.identity.signer
        for bent, signer in (({}, buyer.identity.signer), ({"quantity": "11"}, own), ({"line": "2"}, own),
                             ({"events": file.events[:2]}, own)):
            with pytest.raises(Invalid, match=r"pricing\.minutes-record"):
                minutes.verify(minutes.results.encode(minutes.results.sealed(replace(file, **bent), signer)))
        (word,) = await said(maker, thread)
        with pytest.raises(Refused, match=r"order\.wrong-role"):
            await buyer.speak(thread, word)
        assert (await maker.state(thread)).phase is not Phase.NEW


def test_the_card_bills_what_the_test_says():
    assert {one["name"] for one in CARD["minutes"]} == {"turning", "milling"}
