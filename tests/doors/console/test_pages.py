"""Every page in both languages, over a factory at work and over one on its first day."""

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, alone, at_work
from weft.doors import console
from weft.engine.commands import COMMANDS
from weft.engine.imports import KINDS, Known, imported
from weft.trade import order

TEMPLATES = Path(console.__file__).parent / "templates"
STYLE = Path(console.__file__).parent / "static" / "weft.css"
LANGUAGES = ("zh", "en")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=", re.IGNORECASE)
OUR_JARGON = re.compile(r"\b(threads?|nodes?|events?|folds?|folded|peers?|heads)\b", re.IGNORECASE)


@pytest.fixture
async def work():
    sample = await at_work()
    yield sample
    await sample.stop()


@pytest.fixture
async def first_day():
    sample = await alone()
    yield sample
    await sample.stop()


def addresses(sample) -> list[str]:
    orders = list(sample.orders.values())
    relationships = sample.node.threads("relationship")
    return [
        "/", "/more", "/orders", "/orders?side=buyer&column=making", "/orders/new", "/orders/new?rows=12",
        "/machines", "/connections", "/connect",
        "/jobs", "/stock", "/stock?q=valve", "/import", "/import?kind=bills", "/partners", "/prices",
        "/settings", "/scan", "/my-work", "/wages", "/shown", f"/shown?partner={next(iter(sample.node.partners), '')}",
        *(f"/orders/{one}" for one in orders), *(f"/orders/{one}/paper" for one in orders),
        *(f"/partners/{one}" for one in relationships),
        *(f"/jobs/{one}" for one in sample.jobs), *(f"/jobs/{one}/traveller" for one in sample.jobs),
        *(("/routings/BV-15", "/wages/of/李") if orders else ()),
        *(("/machines/Cell1", "/machines/Lathe1", "/stock/BV-15", "/stock/BAR-20") if orders else ()),
    ]


def words(page: str) -> str:
    """What a person reads of ``page``."""
    return re.sub(r"<[^>]+>", " ", re.sub(r"<title>.*?</title>", " ", page))


async def shown(client: Client, address: str, lang: str) -> str:
    answer = await client.ask(address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")
    assert answer.status == 200, (address, answer.status)
    return answer.body.decode()


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_page_of_a_factory_at_work_speaks_the_reader_s_language(work, lang):
    client = Client(work.routes)
    for address in addresses(work):
        page = await shown(client, address, lang)
        assert "⟦" not in page, (address, re.findall("⟦[^⟧]*⟧", page))
        assert f'<html lang="{"zh-Hans" if lang == "zh" else "en"}">' in page
        if lang == "en":
            assert not OUR_JARGON.findall(words(page)), (address, OUR_JARGON.findall(words(page)))


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_every_empty_page_says_what_to_do_next(first_day, lang):
    client = Client(first_day.routes)
    for address in addresses(first_day):
        page = await shown(client, address, lang)
        assert "⟦" not in page, (address, re.findall("⟦[^⟧]*⟧", page))
    for address in ("/orders", "/orders/new", "/machines", "/jobs", "/stock", "/partners", "/prices"):
        assert 'class="sheet empty"' in await shown(client, address, lang), address
    assert await shown(client, "/", lang)


async def test_no_page_needs_inline_scripts_or_styles_and_the_policy_forbids_them(work):
    client = Client(work.routes)
    for address in addresses(work):
        assert not INLINE.findall(await shown(client, address, "en")), address
    answer = await client.ask("/", headers={"cookie": f"weft_device={TOKEN}"}, token="")
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]


async def test_the_language_follows_the_cookie_then_the_browser_then_the_firm(work):
    client = Client(work.routes)
    owner = f"weft_device={TOKEN}"
    for headers, lang in (
        ({"cookie": f"{owner}; weft_lang=zh", "accept-language": "en"}, "zh-Hans"),
        ({"cookie": owner, "accept-language": "fr, zh-CN;q=0.8, en;q=0.5"}, "zh-Hans"),
        ({"cookie": owner, "accept-language": "fr"}, "en"),  # the sample's firms write English
        ({"cookie": owner}, "en"),
    ):
        page = (await client.ask("/", headers=headers, token="")).body.decode()
        assert f'<html lang="{lang}">' in page, headers


async def test_an_empty_table_of_each_kind_can_be_had_and_is_understood(work):
    client = Client(work.routes)
    for lang in LANGUAGES:
        headers = {"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}
        first = (await client.ask("/import", headers=headers)).body.decode()
        for kind in KINDS:
            assert f'href="/import?kind={kind}"' in first
            page = (await client.ask(f"/import?kind={kind}", headers=headers)).body.decode()
            assert f'href="/import/{kind}.csv"' in page
            answer = await client.ask(f"/import/{kind}.csv", headers=headers)
            assert answer.status == 200
            problems = imported(kind, answer.body, Known(at="2026-11-23T08:00:00.000Z")).problems
            assert not {one.code for one in problems} & {"table.header-missing", "table.column-missing"}
        assert (await client.ask("/import/ghost.csv", headers=headers)).status == 404


async def test_what_is_unknown_is_told_as_a_page(work):
    client = Client(work.routes)
    for address in ("/orders/nothing", "/machines/nothing", "/jobs/nothing", "/stock/nothing", "/partners/nothing"):
        answer = await client.ask(address, headers={"cookie": f"weft_device={TOKEN}; weft_lang=en"}, token="")
        assert answer.status == 404, address
        assert "⟦" not in answer.body.decode()
        assert answer.headers["content-type"].startswith("text/html")


COMMAND_OF = {
    "Quotation": "quote", "CounterOffer": "counter-offer", "RequestDeclined": "decline", "Order": "order",
    "OrderResponse": "respond", "OrderChange": "propose-change", "OrderChangeResponse": "answer-change",
    "OrderChangeWithdrawn": "withdraw-change", "OrderCancellation": "cancel", "DespatchAdvice": "despatch",
    "ReceiptAdvice": "receive", "ShortClosed": "short-close", "QuotationWithdrawn": "withdraw-quotation",
}
BY_THE_NODE = {"ProgressNotice"}  # the workshop says it by itself


async def test_an_order_shows_a_form_for_each_word_that_the_rules_allow_and_no_other(work):
    for node in (work.node, work.shop):
        client = Client(console.routes(node))
        for name, thread in work.orders.items():
            state, members = await node.state(thread), await node.members(thread)
            may = set(order.may_say(state, members[node.organisation])) - BY_THE_NODE
            expected = {COMMAND_OF[kind] for kind in may} & set(COMMANDS)
            page = await shown(client, f"/orders/{thread}", "en")
            assert set(re.findall(r'action="/do/([a-z-]+)"', page)) == expected, name


def test_every_word_of_an_order_has_its_form():
    forms = {path.stem for path in (TEMPLATES / "say").glob("*.html")}
    spoken = {kind.__name__ for turns in order.RULES.values() for _, kind in turns}
    assert spoken - BY_THE_NODE - {"RequestForQuotation"} <= forms


def bases(style):
    """Selectors of one class alone, outside of media and the like, one for each time that it is given a form."""
    found, depth = [], 0
    for token in re.finditer(r"([^{}]+)\{|\}", re.sub(r"/\*.*?\*/", "", style, flags=re.DOTALL)):
        if token.group(0) == "}":
            depth -= 1
            continue
        if depth == 0 and re.fullmatch(r"\.[\w-]+", token.group(1).strip()):
            found.append(token.group(1).strip())
        depth += 1
    return found


def test_a_class_has_one_form_so_that_two_things_never_share_a_name():
    style = STYLE.read_text(encoding="utf-8")
    found = bases(style)
    assert len(found) > 50
    assert [name for name, count in Counter(found).items() if count > 1] == []
    assert bases(".a { b: c } @media print { .a { b: d } } .a { b: e }") == [".a", ".a"], "the control"
