"""Quoting a part made to a drawing in the console: the form shows the rate card, the buyer's page every step."""

import pytest

from tests.doors.console.sample import TOKEN
from tests.doors.console.test_orders import posted, reached, shown
from tests.engine.dealing import table
from tests.engine.pricelog.test_custom import asked
from tests.engine.pricelog.test_minutes import made
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.live import Live
from weft.trade.order_state import Phase


def opened(*nodes):
    for node in nodes:
        node.devices = Devices(node.store, node.clock, node.random, TOKEN)
        node.live = Live(node.clock)


ROUTING = ("calendars", "calendar,utc_offset,day,start,end\nday,+08:00,1-7,00:00,24:00\n"), (
    "work-centres", "id,zh,en,calendar,machine,capabilities\nL1,车床,Lathe,day,,turning\n"), (
    "routings", "item,number,zh,en,work_centre,setup_s,run_s,program\nP-1034,10,车削,Turn,L1,1200,840,\n")


async def test_the_form_holds_what_the_routing_knows_and_the_buyer_sees_every_step():
    async with asked() as (maker, buyer, thread):
        opened(maker, buyer)
        for kind, text in ROUTING:
            await run(maker, "import", {"kind": kind, "content": table(text)})
        page = await shown(maker, f"/orders/{thread}")
        assert 'name="terms.inputs~1/minutes.turning@number" type="text" value="14"' in page
        assert 'name="terms.inputs~1/setups@number" type="text" value="1"' in page
        assert "Made to a drawing" in page and "来图加工" in await shown(maker, f"/orders/{thread}", "zh")
        fields = {"thread": thread, "terms.inputs~1/material": "C45", "terms.inputs~1/kg@number": "1.2",
                  "terms.inputs~1/minutes.turning@number": "14", "terms.inputs~1/setups@number": "1",
                  "terms.inputs~1/finish": "", "terms.inputs~1/dm2@number": "", "terms.payment_term": ""}
        answer = await posted(maker, "/do/quote", fields)
        assert answer.status == 303, answer.body[:400]
        await reached(buyer, thread, Phase.QUOTED)
        assert (await buyer.state(thread)).quotation.lines[0].net == "2208.00"
        page = await shown(buyer, f"/orders/{thread}")
        for words in ("In the price book: turned-part", "Material C45: 1.2 × 9.5", "Machine minutes, turning: 14 × 2.5",
                      "A piece: 11.4 + 35", "Set-ups: 1 × 120", "Tax 13 %"):
            assert words in page, words
        assert "机时 turning：14 × 2.5" in await shown(buyer, f"/orders/{thread}", "zh")


async def test_a_wrong_input_is_told_in_the_form():
    async with asked() as (maker, buyer, thread):
        opened(maker, buyer)
        answer = await posted(maker, "/do/quote", {"thread": thread, "terms.inputs~1/dm2@number": "3"})
        assert answer.status == 422
        assert b"Something is missing to work out the price" in answer.body


@pytest.mark.parametrize("lang", ["en", "zh"])
async def test_without_a_rate_card_the_form_is_as_it_was(lang):
    async with asked(cards=[]) as (maker, _, thread):
        opened(maker)
        assert "terms.inputs" not in await shown(maker, f"/orders/{thread}", lang)


async def test_the_buyer_reads_one_sentence_on_the_machine_minutes():
    async with asked(attested=True) as (maker, buyer, _):
        opened(maker, buyer)
        thread = await made(maker, buyer, 19)
        assert "within ± 10 % of the machine's own record" in await shown(buyer, f"/orders/{thread}")
        assert "所计机时与机床自身记录相差不超过 ±10 %" in await shown(buyer, f"/orders/{thread}", "zh")
