"""Price books in the console: write one, try it out, publish it, compare, take along; every page in both languages."""

import re

import msgspec
import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, alone, at_work
from tests.doors.console.test_forms import post
from tests.doors.console.test_pages import INLINE, OUR_JARGON, words
from weft.engine import drafts
from weft.engine.commands import run
from weft.engine.imports import Known, imported
from weft.engine.views import VIEWS

LANGUAGES = ("zh", "en")


@pytest.fixture
async def work():
    sample = await at_work()
    yield sample
    await sample.stop()


async def page(client, address, lang="en", status=200):
    answer = await client.ask(address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")
    assert answer.status == status, (address, answer.status, answer.body.decode()[-600:])
    text = answer.body.decode()
    assert "⟦" not in text, (address, re.findall("⟦[^⟧]*⟧", text))
    assert not INLINE.findall(text), address
    return text


async def hidden(client, address, name):
    return re.search(rf'name="{re.escape(name)}" value="([^"]*)"', await page(client, address))[1]


async def send(client, draft, command, fields, at=""):
    """Post a form of the draft as its page would."""
    address = f"/prices/drafts/{draft}" + (f"/{command}?at={at}" if at else "")
    if command in {"line", "rule", "card"}:
        fields = {**fields, "place": at, "seen": await hidden(client, address, "seen")}
    else:
        text = await page(client, address)
        form = text.partition(f'action="/do/price-draft-{command}"')[2]
        fields = {**fields, "seen": re.search(r'name="seen" value="([^"]*)"', form)[1]}
    return await post(client, f"price-draft-{command}", {
        "draft": draft, "form": f"price-draft-{command}", "back": address, **fields})


async def begun(client, node, **fields):
    answer = await post(client, "price-draft", {"then": "/prices/drafts/{draft}", "back": "/prices", **fields})
    assert answer.status == 303, answer.body.decode()[-800:]
    return answer.headers["location"].rpartition("/")[2]


async def test_a_first_book_is_written_tried_and_published_from_its_pages():
    sample = await alone()
    client, node = Client(sample.routes), sample.node
    draft = await begun(client, node, name="Valves 2027", currency="CNY")
    fresh = await page(client, f"/prices/drafts/{draft}")
    assert "Write the tax rate, such as 13" in fresh and "“”" not in fresh and 'class="fault' not in fresh
    assert (await send(client, draft, "head", {"name": "Valves 2027", "currency": "CNY", "percent@number": "13",
                                               "notice_days@number": "14"})).status == 303
    line = {"item": "BV-15", "unit": "C62", "tiers.0.from@number": "1", "tiers.0.price@number": "46",
            "tiers.1.from@number": "100", "tiers.1.price@number": "４１.5", "tiers.2.from@number": ""}
    assert (await send(client, draft, "line", line, at="lines.new")).status == 303
    assert (await send(client, draft, "attributes", {"values~zone": "east, west"})).status == 303
    rule = {"name": "large", "at_least@number": "100", "values.1": "zone=west", "way": "less", "amount@number": "5",
            "how": "percent"}
    assert (await send(client, draft, "rule", rule, at="rules.new")).status == 303
    shown = await page(client, f"/prices/drafts/{draft}")
    assert "for 100 and more, region west: <strong>−5 %</strong>" in re.sub(r"\s+", " ", shown)
    tried = await page(client, f"/prices/drafts/{draft}/test?item=BV-15&quantity=200&zone=west")
    assert "¥7,885.00" in tried and "41.5 −5 % = 39.425" in words(tried)
    summary = f"/prices/drafts/{draft}/publish"
    for n in range(25):
        part = {"item": f"V-{n}", "unit": "C62", "tiers.0.from@number": "1", "tiers.0.price@number": f"{n + 1}"}
        assert (await send(client, draft, "line", part, at="lines.new")).status == 303
    told = words(await page(client, summary))
    assert "¥46.00" in told and "¥41.50" in told and "V-18" in told and "V-19" not in told and "And 6 more." in told
    rev = await hidden(client, summary, "rev")
    answer = await post(client, "price-draft-publish", {"draft": draft, "rev": rev, "then": "/prices"})
    assert answer.status == 303
    (version,) = (await node.book_state("pricing")).books.values()
    assert version.book.rules[0].multiply == "19/20"
    await sample.stop()


@pytest.mark.parametrize(("basis", "told"), [("net", "each (pcs) net"), ("gross", "each (pcs) with tax")])
async def test_a_unit_price_says_whether_the_tax_is_in_it(basis, told):
    sample = await alone()
    client, node = Client(sample.routes), sample.node
    node.config = msgspec.structs.replace(node.config, firm=msgspec.structs.replace(node.config.firm, currency="EUR"))
    assert '<option value="EUR" selected' in await page(client, "/prices")
    draft = (await run(node, "price-draft", {"name": "Plain"})).facts["draft"]
    view = await VIEWS["price-draft"](node, draft=draft)
    assert view.book.currency == "EUR"
    assert (await send(client, draft, "head", {"name": "Plain", "currency": "EUR", "basis": basis,
                                               "percent@number": "13"})).status == 303
    line = {"item": "BV-15", "unit": "C62", "tiers.0.from@number": "1", "tiers.0.price@number": "17.20"}
    assert (await send(client, draft, "line", line, at="lines.new")).status == 303
    shown = words(await page(client, f"/prices/drafts/{draft}/test?item=BV-15&quantity=60"))
    assert "€17.20 " + told in shown, shown[-900:]
    await sample.stop()


async def test_what_is_wrong_stands_beside_its_field_in_both_languages(work):
    client, node = Client(work.routes), work.node
    draft = (await run(node, "price-draft", {"book": {
        "id": "b", "name": "", "currency": "CNY", "basis": "net", "tax": {"category": "Z", "percent": "13"},
        "valid_from": "", "notice_days": 999,
        "attributes": {"customer": ["a"], "weather": ["dry"], "zone": ["free text", "x"]},
        "lines": [{"item": "", "unit": "C62", "tiers": [{"from": "1", "price": "1"}, {"from": "5", "price": "2"}]}],
        "rules": [{"id": "r", "name": "Odd", "when": [
            {"attribute": "quantity", "at_least": "7", "below": "8"}, {"attribute": "zone", "one_of": ["moon"]},
            {"attribute": "shop", "one_of": ["a"]}]}]}})).facts["draft"]
    found = (await VIEWS["price-draft"](node, draft=draft)).findings
    assert len(found) >= 12
    for lang in LANGUAGES:
        pages = {at: await page(client, f"/prices/drafts/{draft}{at}", lang) for at in (
            "", "/line?at=lines.0", "/rule?at=rules.0", "/publish")}
        beside = {at: re.findall(r'<p class="fault"><svg.*?</svg><span>(.*?)</span>', text, re.DOTALL)
                  for at, text in pages.items()}
        every = {words_ for told in beside.values() for words_ in told}
        listed = re.findall(r'<a class="find"[^>]*>(.*?)</a>', pages[""])
        assert len(listed) == len(found)
        assert set(listed) <= every, set(listed) - every
        assert len(beside["/line?at=lines.0"]) == 2 and len(beside["/rule?at=rules.0"]) >= 4
        assert 'action="/do/price-draft-publish"' not in pages["/publish"]


async def test_a_form_of_a_second_window_is_refused_and_keeps_what_was_typed(work):
    client, node = Client(work.routes), work.node
    (of,) = (await node.book_state("pricing")).books
    draft = await begun(client, node, of=of)
    address = f"/prices/drafts/{draft}/line?at=lines.0"
    seen = await hidden(client, address, "seen")
    line = {"draft": draft, "place": "lines.0", "item": "BV-15", "unit": "C62", "tiers.0.from@number": "1",
            "form": "price-draft-line", "back": address}
    first = await post(client, "price-draft-line", {**line, "seen": seen, "tiers.0.price@number": "45"})
    second = await post(client, "price-draft-line", {**line, "seen": seen, "tiers.0.price@number": "44"})
    assert (first.status, second.status) == (303, 409)
    text = second.body.decode()
    assert 'value="44"' in text and "¥45.00" in text and 'role="alert"' in text and "⟦" not in text
    fresh = re.search(r'name="seen" value="([^"]*)"', text)[1]
    third = await post(client, "price-draft-line", {**line, "seen": fresh, "tiers.0.price@number": "44"})
    assert third.status == 303
    gone = await hidden(client, address, "seen")
    await post(client, "price-draft-line", {**line, "seen": gone, "remove": "true"})
    late = await post(client, "price-draft-line", {**line, "seen": gone, "tiers.0.price@number": "43"})
    assert late.status == 409 and 'name="place" value="lines.new"' in late.body.decode()
    assert (await drafts.get(node, draft)).book.lines == ()


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_page_of_prices_speaks_the_reader_s_language(work, lang):
    client, node = Client(work.routes), work.node
    (of,) = (await node.book_state("pricing")).books
    draft = await begun(client, node, of=of)
    await send(client, draft, "line", {"item": "BV-15", "tiers.0.price@number": "50"}, at="lines.0")
    await send(client, draft, "line", {"item": "BODY-15", "tiers.0.price@number": "9", "base": "100"}, at="lines.new")
    await send(client, draft, "rule", {"name": "x", "items": "BV-15", "way": "more", "amount@number": "1.5",
                                       "how": "line"}, at="rules.new")
    await send(client, draft, "rule", {"name": "third", "how": "factor", "factor": "2/3", "below@number": "3"},
               at="rules.new")
    addresses = ["/prices", f"/prices/versions/{of}", f"/prices/versions/{of}?all=1&q=BV", "/prices/test",
                 "/prices/test?item=BV-15&quantity=60&payment_term=prepaid", f"/prices/drafts/{draft}",
                 *(f"/prices/drafts/{draft}/{one}" for one in (
                     "line", "line?at=lines.0", "line?rows=9", "rule", "rule?at=rules.0", "rule?at=rules.2", "publish",
                     "test", "test?item=BV-15&quantity=2", "test?item=BV-15&quantity=0", "test?item=no&quantity=2")),
                 f"/prices/diff?old={of}&new={draft}"]
    for address in addresses:
        text = await page(client, address, lang)
        if lang == "en":
            assert not OUR_JARGON.findall(words(text)), (address, OUR_JARGON.findall(words(text)))
    diff = words(await page(client, f"/prices/diff?old={of}&new={draft}", lang))
    assert "+8.7" in diff and "+20.48" in diff
    view = await VIEWS["price-draft"](node, draft=draft)
    await run(node, "price-draft-publish", {"draft": draft, "rev": view.rev, "valid_from": view.begins})
    new = next(name for name in (await node.book_state("pricing")).books if name != of)
    await page(client, "/prices", lang)
    await page(client, f"/prices/diff?old={of}&new={new}", lang)
    answer = await post(client, "withdraw-prices", {"hash": new, "reason": "typing error", "then": "/prices"})
    assert answer.status == 303
    assert "typing error" in await page(client, f"/prices/versions/{new}", lang)


@pytest.mark.parametrize(("begins", "told"), [
    ("2020-01-01T06:30:00Z", "1 Jan 2020, 08:00 → 14:30"), ("2020-01-02T06:30:00Z", "1 Jan 2020 → 2 Jan 2020")])
async def test_a_book_that_begins_later_on_the_same_day_shows_the_hours(begins, told):
    work = await alone()
    line = {"item": "BV-15", "unit": "C62", "tiers": [{"from": "1", "price": "5"}]}
    names = []
    for at in ("2020-01-01T00:00:00Z", begins):
        book = {"id": f"b{len(names)}", "name": "b", "currency": "CNY", "basis": "net", "lines": [line],
                "tax": {"category": "S", "percent": "13"}, "valid_from": at}
        had = set((await work.node.book_state("pricing")).books)
        await run(work.node, "publish-prices", {"book": book})
        names += set((await work.node.book_state("pricing")).books) - had
    assert told in words(await page(Client(work.routes), f"/prices/diff?old={names[0]}&new={names[1]}"))
    await work.stop()


async def test_a_book_goes_out_as_a_table_and_comes_back_the_same(work):
    client, node = Client(work.routes), work.node
    (of, version), = (await node.book_state("pricing")).books.items()
    draft = await begun(client, node, of=of)
    for lang in LANGUAGES:
        headers = {"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}
        for kind in ("csv", "xlsx", "json"):
            answer = await client.ask(f"/prices/versions/{of}/prices.{kind}", headers=headers)
            assert answer.status == 200 and "attachment" in answer.headers["content-disposition"]
            read = imported("prices", answer.body, Known(at="2026-11-23T08:00:00.000Z"))
            assert not read.problems
            book = read.command.book
            if kind != "json":
                assert (book.lines, book.name, book.tax, book.valid_from, book.notice_days) == (
                    version.book.lines, version.book.name, version.book.tax, version.book.valid_from, 14)
            answer = await client.ask(f"/prices/drafts/{draft}/prices.{kind}", headers=headers)
            assert answer.status == 200
    for address in (f"/prices/versions/{of}/prices.exe", "/prices/versions/none/prices.csv", "/prices/versions/none",
                    "/prices/drafts/none", f"/prices/drafts/{draft}/line?at=lines.99", "/prices/diff?old=a&new=b"):
        await page(client, address, status=404)


async def test_a_table_with_faults_begins_nothing_and_is_told_by_row(work):
    client = Client(work.routes)
    import base64

    table = base64.b64encode(b"item,price\nA,one\n").decode()
    answer = await post(client, "price-draft", {"content": table, "name": "x.csv", "form": "price-draft-file",
                                                "back": "/prices"})
    assert answer.status == 422 and "⟦" not in answer.body.decode() and '<td class="num">2</td>' in answer.body.decode()
    assert await drafts.every(work.node) == []


async def test_a_worker_s_device_sees_no_prices(work):
    client = Client(work.routes)
    code = await work.node.devices.new_code("operator")
    token = await work.node.devices.pair(code, "bench", "")
    for address in ("/prices", "/prices/test", "/prices/drafts/x", "/prices/diff?old=a&new=b"):
        assert (await client.ask(address, headers={"cookie": f"weft_device={token}"}, token="")).status == 403


CARD = {"item": "TURNED", "name": "Turned parts", "unit": "C62", "setup@number": "80", "minimum@number": "50",
        "materials.0.name": "brass", "materials.0.price@number": "62", "materials.1.name": "",
        "minutes.0.name": "lathe", "minutes.0.price@number": "1.5",
        "finishes.0.name": "nickel", "finishes.0.price@number": "0.8", "finishes.0.per": "dm2",
        "finishes.1.name": "", "finishes.1.per": "dm2"}


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_rates_for_parts_made_to_a_drawing_are_written_tried_and_compared(work, lang):
    client, node = Client(work.routes), work.node
    (of,) = (await node.book_state("pricing")).books
    draft = await begun(client, node, of=of)
    answer = await send(client, draft, "card", CARD, at="cards.new")
    assert answer.status == 303, answer.body.decode()[-1500:]
    (card,) = (await drafts.get(node, draft)).book.cards
    assert [(one.name, one.price) for one in (*card.materials, *card.minutes, *card.finishes)] == [
        ("brass", "62"), ("lathe", "1.5"), ("nickel", "0.8")]
    assert "62.00/kg" in await page(client, f"/prices/drafts/{draft}", lang)
    assert 'value="62"' in await page(client, f"/prices/drafts/{draft}/card?at=cards.0", lang)
    asked = "item=TURNED&quantity=10&in.kg=0.5&in.minutes.lathe=4&in.setups=1&in.finish=nickel&in.dm2=2"
    tried = words(await page(client, f"/prices/drafts/{draft}/test?{asked}", lang))
    assert "0.5 × 62 = 31" in tried and "4 × 1.5 = 6" in tried and "31 + 6 + 1.6 = 38.6" in tried
    assert "466.00" in tried and "526.58" in tried  # 38.6 × 10 + 80, and with 13 %
    lacking = words(await page(client, f"/prices/drafts/{draft}/test?item=TURNED&quantity=10", lang))
    assert "minutes.lathe" not in lacking and "lathe" in lacking
    view = await VIEWS["price-draft"](node, draft=draft)
    assert view.findings == ()
    await run(node, "price-draft-publish", {"draft": draft, "rev": view.rev, "valid_from": view.begins})
    new = next(name for name in (await node.book_state("pricing")).books if name != of)
    assert "1.50/min" in await page(client, f"/prices/versions/{new}", lang)
    later = await begun(client, node, of=new)
    await send(client, later, "card", {**CARD, "minutes.0.price@number": "1.8"}, at="cards.0")
    assert "(+20 %)" in await page(client, f"/prices/diff?old={new}&new={later}", lang)
