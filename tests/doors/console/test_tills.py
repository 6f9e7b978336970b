"""The page of the tills: let one in and go, see what it sold, decide about slips, and print one."""

import copy
import re
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest

from tests.doors.asking import Client
from tests.doors.console.test_coming_in import FORM
from tests.doors.console.test_pages import INLINE, OUR_JARGON, words
from tests.engine.till.selling import shop
from tests.till.counter import Counter
from weft.doors import console
from weft.doors.console.visit import templates
from weft.doors.till import words as till_words
from weft.engine.commands import run
from weft.engine.till import pairing

TOKEN = "owner-token"


@pytest.fixture
async def firm():
    async with shop() as made:
        made.node.paper = SimpleNamespace(read=lambda: "")
        yield made


async def shown(firm, address, lang="en"):
    answer = await Client(console.routes(firm.node), TOKEN).ask(address, headers={"cookie": f"weft_lang={lang}"})
    page = answer.body.decode()
    assert answer.status == 200, (address, answer.status)
    assert "⟦" not in page, (address, re.findall("⟦[^⟧]*⟧", page))
    assert not INLINE.findall(page)
    if lang == "en":
        assert not OUR_JARGON.findall(words(page)), OUR_JARGON.findall(words(page))
    return page


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_settings_say_by_which_clock_slips_are_dated(firm, lang):
    page = await shown(firm, "/settings", lang)
    assert "(Asia/Shanghai, UTC+08:00)" in page and "time_zone" in page


async def posted(firm, address, **fields):
    body = urlencode(fields).encode()
    return await Client(console.routes(firm.node), TOKEN).ask(address, "POST", {
        "content-type": FORM, "content-length": str(len(body)), "cookie": "weft_lang=en"}, body)


async def busy(firm):
    """A till with a copy of itself, a shortage, a strange price, a return, a customer on account and a day close."""
    till = await firm.till(name="前台")
    sale = till.sale(("V15", "20"))
    till.take_back(sale.slip, (1, "1"), pay="transfer")
    copied = copy.deepcopy(till)
    till.sale(("V15", "1"), book=till.key)
    customer = (await run(firm.node, "till-customer", {"name": "老王五金"})).facts["customer"]
    till.sale(("TAPE", "2"), pay="account", partner=customer)
    till.sale(("TAPE", "3"), unit_price="1")
    till.close(opening="100.00", counted="900.00")
    await firm.send(till)
    await firm.send(copied, copied.sale(("TAPE", "9")))
    return till


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_every_page_shows_what_there_is_in_both_languages(firm, lang):
    assert 'class="sheet empty"' in await shown(firm, "/tills", lang)
    till = await busy(firm)
    page = await shown(firm, "/tills", lang)
    for part in ("doubts", "short", "odd", "account"):
        assert f'id="{part}"' in page, part
    assert "老王五金" in page
    for one in till.slips:
        told = await shown(firm, f"/tills/slips/{one.slip.hash}", lang)
        assert one.slip.number in told
        assert '<svg role="img" class="qr' in told
        if one.slip.kind != "close":
            assert b"price-evidence/1" in (await Client(console.routes(firm.node), TOKEN).ask(
                f"/tills/slips/{one.slip.hash}/file")).body
    listed = await shown(firm, f"/tills/slips?till={till.key}", lang)
    assert listed.count({"zh": "实点", "en": "Counted"}[lang]) == 1, "the one day close says that its money was counted"
    closed = await shown(firm, f"/tills/slips/{till.slips[-1].slip.hash}", lang)
    counter = till_words(lang)
    for name in ("opening", "difference", "removed"):
        assert f"<dt>{counter[f'drawer.{name}']}</dt>" in closed, "the till's own word for it"
    assert 'class="sheet empty"' in await shown(firm, "/tills/slips?day=2020-01-01", lang)
    assert "/tills#short" in await shown(firm, "/", lang)


async def test_a_till_is_let_in_by_its_code_and_let_go_and_the_sheet_is_not_shown_again(firm):
    asked = await pairing.ask(firm.node, (await firm.till(7)).key, "", "")
    assert asked.state == "open"
    other = Counter(seed=8)
    code = (await pairing.ask(firm.node, other.key, "Tablet", "")).code
    page = await shown(firm, "/tills")
    assert "Tablet asks to be let in" in page
    assert code not in page, "the owner reads it from the till"
    wrong = await posted(firm, "/tills/use", code="2222-2222", sheet=firm.sheet, name="Back")
    assert wrong.status == 404
    told = wrong.body.decode()
    assert "No till is showing the code" in told
    assert 'value="Back"' in told
    assert firm.sheet.splitlines()[0] not in told
    assert (await posted(firm, "/tills/use", code=code, sheet=firm.sheet, name="Back")).status == 303
    assert await pairing.standing(firm.node, other.key) == "open"
    assert "Yes, let it go now" in await shown(firm, f"/tills?go={other.key}")
    assert (await posted(firm, "/tills/use", till=other.key, sheet="wrong")).status == 422
    assert (await posted(firm, "/tills/use", till=other.key, sheet=firm.sheet, reason="lost")).status == 303
    assert await pairing.standing(firm.node, other.key) == "gone"


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_owner_says_since_when_a_till_is_lost_and_decides_about_all_that_came_since(firm, lang):
    till = await firm.till(name="前台")
    sold = [till.sale(("V15", "1")), till.sale(("TAPE", "2"))]
    await firm.send(till)
    assert 'name="since"' in await shown(firm, f"/tills?go={till.key}", lang)
    ahead = await posted(firm, "/tills/use", till=till.key, sheet=firm.sheet, since="2999-01-01T08:00")
    assert ahead.status == 422
    told = ahead.body.decode()
    assert "2999-01-01T08:00 is yet to come" in told
    assert 'value="2999-01-01T08:00"' in told, "what was typed is still there"
    assert firm.sheet.splitlines()[0] not in told
    assert await pairing.standing(firm.node, till.key) == "open"
    assert (await posted(firm, "/tills/use", till=till.key, sheet=firm.sheet, since="2020-01-01T08:00")).status == 303
    page = await shown(firm, "/tills", lang)
    for one in sold:
        assert one.slip.number in page
    assert ("来的" if lang == "zh" else "It came since this till was lost.") in page
    back = {"till": till.key, "counts": "false", "back": "/tills"}
    assert (await posted(firm, "/do/till-settle", **back)).status == 422, "a reason is needed"
    assert (await posted(firm, "/do/till-settle", **back, reason="stolen")).status == 303
    assert 'id="doubts"' not in await shown(firm, "/tills", lang)


async def test_what_waits_is_decided_with_one_button(firm):
    await busy(firm)
    page = await shown(firm, "/tills")
    doubt = re.search(r'name="slip" value="([^"]+)"><input type="hidden" name="counts" value="true"', page)[1]
    assert (await posted(firm, "/do/till-settle", slip=doubt, counts="true", back="/tills")).status == 303
    short = re.search(r'name="slip" value="([^"]+)"><input type="hidden" name="line" value="1"', page)[1]
    assert (await posted(firm, "/do/till-not-short", slip=short, line="1", back="/tills")).status == 303
    again = await shown(firm, "/tills")
    assert 'id="doubts"' not in again
    assert 'id="short"' not in again


def test_the_templates_are_all_used():
    assert {"tills.html", "till_slips.html", "till_slip.html"} <= set(templates().list_templates())
