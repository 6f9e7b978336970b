"""An alarm on the owner's screen: what happened, what it means, whom to call, the evidence, and how to go on."""

import html
import re
from urllib.parse import unquote, urlencode

import msgspec
import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN
from tests.doors.console.test_pages import OUR_JARGON, words
from tests.engine.test_alarms import asked, hand, lie
from tests.engine.world import Wires, befriend, found, quiet
from weft.doors import console
from weft.engine.acks import Ack
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.memory import ALARMS
from weft.engine.ports import Batch
from weft.engine.views import VIEWS
from weft.engine.views.alarms import alarm
from weft.thread import audit

FORM = "application/x-www-form-urlencoded"
TELEPHONE = "老王 138 0013 8000"


@pytest.fixture
async def two():
    wires = Wires()
    seller, buyer = await found(wires, "Seller"), await found(wires, "Corner Shop")
    buyer.config = msgspec.structs.replace(
        buyer.config, firm=msgspec.structs.replace(buyer.config.firm, contact=TELEPHONE))
    seller.devices = Devices(seller.store, seller.clock, seller.random, TOKEN)
    await befriend(seller, buyer)
    await quiet(seller, buyer)
    yield seller, buyer
    for node in (seller, buyer):
        await node.stop()


async def shown(node, address, lang="en", status=200):
    answer = await Client(console.routes(node)).ask(
        address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")
    assert answer.status == status, address
    page = html.unescape(answer.body.decode())
    assert "⟦" not in page, re.findall("⟦[^⟧]*⟧", page)
    return page


async def posted(node, address, **fields):
    body = urlencode(fields).encode()
    return await Client(console.routes(node)).ask(address, "POST", {
        "content-type": FORM, "content-length": str(len(body)), "cookie": f"weft_device={TOKEN}; weft_lang=en",
        "origin": "http://weft.test"}, body, token="")


async def forked(seller, buyer):
    thread = await asked(buyer)
    await quiet(seller, buyer)
    one, other = await lie(buyer, thread, Ack(state="A" * 43)), await lie(buyer, thread, Ack(state="B" * 43))
    await hand(seller, buyer, thread, one)
    seller.alarms.clear()  # of the wrong state: this is about the fork
    await hand(seller, buyer, thread, other)
    assert seller.alarms == {thread: "fork"}
    return thread


async def test_today_and_the_order_lead_to_what_happened_and_whom_to_call(two):
    seller, buyer = two
    assert "/alarms/" not in await shown(seller, "/"), "the control: nobody lied"
    thread = await forked(seller, buyer)
    other = await asked(buyer, "2")
    await quiet(buyer)
    for address in ("/", f"/orders/{thread}"):
        assert f'href="/alarms/{thread}"' in await shown(seller, address)
        assert "stands still" in await shown(seller, address)
        assert "已暂停" in await shown(seller, address, "zh")
    assert "/alarms/" not in await shown(seller, f"/orders/{other}"), "other orders go on"
    page = await shown(seller, f"/alarms/{thread}")
    assert "signed two different statements" in page
    assert "All other orders go on." in page
    assert f"Corner Shop: {TELEPHONE}" in page
    assert not OUR_JARGON.findall(words(page)), OUR_JARGON.findall(words(page))
    chinese = await shown(seller, f"/alarms/{thread}", "zh")
    assert "签成了同一步" in chinese
    assert TELEPHONE in chinese


async def test_the_evidence_is_a_file_that_anybody_can_check_and_shows_the_fork(two):
    seller, buyer = two
    thread = await forked(seller, buyer)
    assert (await posted(seller, "/evidence", alarm=(await asked(buyer, "2")))).status == 404, "the control"
    answer = await posted(seller, "/evidence", alarm=thread)
    assert answer.status == 200
    assert re.fullmatch(r"weft-Corner Shop-\d{4}-\d\d-\d\d\.weft-pack",
                        unquote(answer.headers["content-disposition"].partition("''")[2]))
    result = audit.audit(answer.body)
    assert result.sound, result.faults
    assert len(result.forks) == 1


async def test_going_on_takes_two_steps_and_ends_the_alarm(two):
    seller, buyer = two
    thread = await forked(seller, buyer)
    page = await shown(seller, f"/alarms/{thread}")
    act = re.search(r'<details class="act[^>]*id="go-on".*?</details>', page, re.DOTALL)[0]
    assert " open" not in act.partition(">")[0], "the first step opens it"
    assert re.search(r'<input type="checkbox" required>', act), "the second answers a question"
    answer = await posted(seller, "/do/go-on", thread=thread, form="go-on", back=f"/alarms/{thread}", then="/", key="k")
    assert answer.status == 303
    assert not seller.alarms
    assert "/alarms/" not in await shown(seller, "/")
    await shown(seller, f"/alarms/{thread}", status=404)
    assert len(await seller.store.forks(thread)) == 1, "the proof is kept"


@pytest.mark.parametrize(("why", "said"), [
    ("state-mismatch", "signed another result"), ("stolen", "Somebody else signs with the key"),
    ("fork", "signed two different")])
async def test_every_kind_of_alarm_has_its_words_in_both_languages(two, why, said):
    seller, buyer = two
    thread = await asked(buyer)
    await quiet(seller, buyer)
    relationship = seller.partners[buyer.organisation]
    for name in (thread, relationship, buyer.organisation, seller.organisation):
        await seller.store.commit(Batch(values=[(ALARMS, name, why.encode())]))
        seller.alarm(name, why)
    for lang in ("en", "zh"):
        for name in (thread, relationship, buyer.organisation, seller.organisation):
            page = await shown(seller, f"/alarms/{name}", lang)
            if lang == "en" and name == thread:
                assert said in page
        assert (await shown(seller, "/", lang)).count("/alarms/") == 4
        assert (await shown(seller, f"/partners/{relationship}", lang)).count("/alarms/") == 3
    keys = await alarm(seller, buyer.organisation)
    assert (keys.about, keys.proof, keys.contact) == ("keys", relationship, TELEPHONE)
    own = await alarm(seller, seller.organisation)
    assert (own.about, own.proof) == ("own", "")
    await run(seller, "go-on", {"thread": buyer.organisation})
    assert {one.id for one in (await VIEWS["alarms"](seller)).alarms} == {thread, relationship, seller.organisation}
