"""A price shows one sentence and a lamp, the steps behind it, the file to take away, and what no proof can show."""

import html

import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN
from tests.engine.dealing import dealt
from tests.engine.pricelog.test_binding import told
from weft.doors import console
from weft.engine.devices import Devices
from weft.engine.pricelog import evidence
from weft.locale import text

LANGUAGES = ("zh", "en")


async def asked(node, address, lang="en"):
    if node.devices is None:
        node.devices = Devices(node.store, node.clock, node.random, TOKEN)
    return await Client(console.routes(node)).ask(
        address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")


async def shown(node, address, lang):
    answer = await asked(node, address, lang)
    assert answer.status == 200, address
    page = html.unescape(answer.body.decode())
    assert "⟦" not in page
    return page


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_an_order_and_a_bill_show_their_lamp_and_lead_to_the_steps_and_the_file(lang):
    async with dealt() as (shop, factory, thread):
        await told(shop, factory)
        for path in (f"/orders/{thread}", f"/partners/{shop.partner(factory.organisation)}"):
            page = await shown(shop, path, lang)
            begun = page.index('class="priced amber"')
            link = page[page.index("href=", begun) + 6:].split('"')[0]
            steps = await shown(shop, link, lang)
            assert text(lang, "price.step.price") in steps and text(lang, "proof.limits") in steps
            file = await asked(shop, link.replace("/price?", "/price.json?"))
            assert evidence.verify_file(file.body).verdict.said == "too-few"


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_the_page_of_limits_says_what_is_not_shown(lang):
    async with dealt() as (shop, _, _):
        page = await shown(shop, "/prices/proofs", lang)
        for code in ("reasonable", "rebates", "service", "attributes", "collusion", "identities"):
            assert text(lang, f"proof.not.{code}") in page


async def test_a_document_that_is_not_there_is_not_found():
    async with dealt() as (shop, _, thread):
        assert (await asked(shop, f"/orders/{thread}/price?document=x")).status == 404
