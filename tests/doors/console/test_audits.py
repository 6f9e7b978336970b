"""Price records and audits on the owner's screen: who has seen what, and an audit from plan to signed result."""

import html
import re

import msgspec
import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN
from tests.doors.console.test_coming_in import FORM
from tests.doors.console.test_pages import INLINE, OUR_JARGON, words
from tests.engine.pricelog.firms_of_the_log import append, batch, book, branch, firms, stop
from tests.engine.pricelog.test_audit import OTHERS, audit_world, followed
from weft.doors import console
from weft.engine.devices import Devices
from weft.engine.pricelog import auditing, batches, monitor, results
from weft.locale import text

LANGUAGES = ("zh", "en")
JARGON = re.compile(r"checkpoint|Merkle|witness|beacon|leaf|leaves|cosign|检查点|默克尔|叶", re.IGNORECASE)
BOUNDARY = "file-of-an-audit"


def client(node):
    if node.devices is None:
        node.devices = Devices(node.store, node.clock, node.random, TOKEN)
    return Client(console.routes(node), TOKEN)


async def shown(node, address, lang="en", status=200):
    answer = await client(node).ask(address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"})
    assert answer.status == status, (address, answer.status)
    page = html.unescape(answer.body.decode())
    assert "⟦" not in page, (address, re.findall("⟦[^⟧]*⟧", page))
    assert not INLINE.findall(page)
    assert not JARGON.findall(words(page)), (address, JARGON.findall(words(page)))
    if lang == "en":
        assert not OUR_JARGON.findall(words(page)), (address, OUR_JARGON.findall(words(page)))
    return page


async def posted(node, address, body, kind=FORM):
    return await client(node).ask(address, "POST", {
        "content-type": kind, "content-length": str(len(body)), "cookie": "weft_lang=en"}, body)


async def dropped(node, data):
    """``data`` as a person drops it on the page."""
    body = (f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="content@file"; filename="a.json"\r\n'
            f"Content-Type: application/json\r\n\r\n").encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
    return await posted(node, "/audit/in", body, f"multipart/form-data; boundary={BOUNDARY}")


async def file(node, address):
    return (await client(node).ask(address, headers={"cookie": f"weft_device={TOKEN}"})).body


async def begun(auditor):
    """The auditor fills in the form; the page of the audit."""
    ids = [one.organisation for one in (await _firms(auditor)) if one.name in {*OTHERS, "Seller"}]
    seller = next(one.organisation for one in (await _firms(auditor)) if one.name == "Seller")
    fields = "&".join(f"witnesses.{n}={one}" for n, one in enumerate(ids))  # the seller among them does no harm
    body = f"seller={seller}&openings=30&days=0&then=/prices/audits/{{audit}}&{fields}".encode()
    answer = await posted(auditor, "/do/price-audit-begin", body)
    assert answer.status == 303, answer.body.decode()
    return answer.headers["location"]


async def _firms(node):
    from weft.engine.views import VIEWS

    return (await VIEWS["price-audits"](node)).firms


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_an_audit_goes_from_the_plan_to_the_result_by_the_screens_alone(lang):
    async with audit_world(1) as (seller, buyer, auditor, others):
        page = await shown(auditor, "/prices/audits", lang)
        assert text(lang, "empty.audits.title") in page
        assert "86.1" in page and "5.0" in page
        here = await begun(auditor)
        page = await shown(auditor, here, lang)
        assert text(lang, "audits.draw.waits.one") in page
        assert (await dropped(seller, await file(auditor, f"{here}/plan.json"))).headers["location"] == here
        assert text(lang, "audits.next.asked.waits", auditor="Auditor") in await shown(seller, here, lang)
        early = await posted(seller, "/audit/open", f"audit={here.rpartition('/')[2]}".encode())
        assert early.status == 503
        assert "has to come to" in early.body.decode(), "who asks too early is told how long"
        for one in others:
            await batches.make(one)
        await followed(seller, auditor, *others)
        assert text(lang, "audits.open.do") in await shown(seller, here, lang)
        answer = await posted(seller, "/audit/open", f"audit={here.rpartition('/')[2]}".encode())
        assert auditing.is_sealed(answer.body)
        assert answer.headers["content-disposition"].startswith("attachment")
        assert text(lang, "audits.state.asked.opened") in await shown(seller, "/prices/audits", lang)
        assert (await dropped(auditor, answer.body)).headers["location"] == here
        page = await shown(auditor, here, lang)
        assert text(lang, "audits.found.right") in page and text(lang, "audits.said.right") in page
        signing = await posted(auditor, "/do/price-audit-sign", f"audit={here.rpartition('/')[2]}&then={here}".encode())
        assert signing.status == 303
        signed = await file(auditor, f"{here}/result.json")
        assert results.parse_result(signed).is_clean
        assert (await dropped(buyer, signed)).headers["location"] == "/prices/audits"
        assert text(lang, "audits.verdict.right") in await shown(buyer, "/prices/audits", lang)
        thread = buyer.threads("order")[0]
        assert text(lang, "price.level.4") in await shown(buyer, f"/orders/{thread}/price", lang)


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_what_was_not_shown_stands_on_the_page_and_is_no_good_result(lang):
    async with audit_world(1) as (seller, _, auditor, others):
        here = await begun(auditor)
        await dropped(seller, await file(auditor, f"{here}/plan.json"))
        for one in others:
            await batches.make(one)
        await followed(seller, *others)
        answer = await posted(seller, "/audit/open", f"audit={here.rpartition('/')[2]}".encode())
        opened = auditing.parse(auditing.unsealed(answer.body, auditor.identity.signer))
        hidden = msgspec.structs.replace(opened, documents={}, shown=opened.shown[:-1])
        await dropped(auditor, results.encode(results.sealed(hidden, seller.identity.signer)))
        page = await shown(auditor, here, lang)
        assert text(lang, "audits.found.wrong") in page
        assert text(lang, "price.finding.not-shown") in page
        assert text(lang, "audits.faults") in page
        assert text(lang, "audits.verdict.wrong") in await shown(auditor, "/prices/audits", lang)


async def test_a_file_that_is_none_is_refused_beside_the_form_and_nobody_else_s_audit_is_there():
    async with audit_world(1) as (seller, buyer, auditor, _):
        for data in (b"", b"{}", b'{"weft":"x"}', b"\x00\x01"):
            answer = await dropped(seller, data)
            assert answer.status == 422, data
            assert 'class="notice alert"' in answer.body.decode()
        here = await begun(auditor)
        for node, address in ((buyer, here), (buyer, f"{here}/plan.json"), (auditor, f"{here}/result.json")):
            assert (await client(node).ask(address)).status == 404
        answer = await posted(buyer, "/audit/open", f"audit={here.rpartition('/')[2]}".encode())
        assert answer.status == 404


# ---- the price record --------------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_the_record_says_who_has_seen_it_and_whose_we_have_seen(lang):
    async with audit_world(1) as (seller, buyer, _, _):
        page = await shown(seller, "/prices/record", lang)
        assert text(lang, "record.seen", n=2) in page
        assert page.count(text(lang, "record.newest")) == 2
        assert page.count(text(lang, "record.not-asked")) == len(OTHERS)
        page = await shown(buyer, "/prices/record", lang)
        assert text(lang, "empty.record.title") in page
        assert "Seller" in page and text(lang, "record.need", n=1) in page
        assert text(lang, "record.chip.silent") not in page


async def test_while_the_newest_entries_are_on_their_way_nobody_is_alarmed_and_after_a_day_the_owner_is():
    async with audit_world(1) as (seller, _, _, _):
        await batches.make(seller)
        page = await shown(seller, "/prices/record")
        assert text("en", "record.behind", n=2) in page and text("en", "record.do.call") not in page
        seller.clock.ms += 86_400_000
        page = await shown(seller, "/prices/record")
        assert text("en", "record.alone") in page and text("en", "record.do.call") in page


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_record_that_fell_silent_or_tells_two_stories_stands_first_with_what_to_do(lang):
    async with audit_world(1) as (seller, buyer, auditor, _):
        buyer.clock.ms += 2 * 86_400_000
        assert text(lang, "record.chip.silent") not in await shown(buyer, "/prices/record", lang)
        buyer.clock.ms += 2 * 86_400_000
        assert text(lang, "record.chip.silent") in await shown(buyer, "/prices/record", lang)
        entries = await monitor.entries(auditor, seller.organisation, 0)
        lie = branch(seller, [*entries[:-1], book(9)])
        assert "/alarms/" not in await shown(auditor, "/prices/record", lang)
        await monitor.met(auditor, seller.organisation, lie.note())
        page = await shown(auditor, "/prices/record", lang)
        assert text(lang, "record.forked") in page
        assert f"/alarms/price-log:{seller.organisation}" in page
        assert page.index("Seller") < page.index("Ash")


async def test_who_wants_more_firms_than_can_confirm_is_told():
    async with audit_world(1) as (_, buyer, _, _):
        assert "and you want" not in await shown(buyer, "/prices/record")
        buyer.config = msgspec.structs.replace(
            buyer.config, prices=msgspec.structs.replace(buyer.config.prices, seen_by=3))
        assert "Only 1 of the firms that you know can confirm it, and you want 3." in await shown(
            buyer, "/prices/record")


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_who_has_been_seen_by_nobody_is_told_what_to_do(lang):
    _, (lone, partner) = await firms("Lone Shop", "Partner")
    try:
        await append(lone, batch(1), book(1))
        page = await shown(lone, "/prices/record", lang)
        assert text(lang, "record.do.call") in page
        lone.partners.clear()
        assert text(lang, "record.do.invite") in await shown(lone, "/prices/record", lang)
    finally:
        await stop(lone, partner)
