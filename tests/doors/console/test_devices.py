"""My devices and my recovery sheet: a lost phone is out at once, and the sheet is seen by the owner who asks, alone."""

import asyncio
import re
from urllib.parse import urlencode

import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, at_work
from tests.doors.console.test_coming_in import FORM, paired
from tests.engine.test_keyring import Desk
from tests.engine.world import FOUNDERS, NEXT_SEEDS
from weft.doors.console import live
from weft.engine import keys, papers
from weft.engine.devices import SEEN_MS
from weft.engine.twins.access import HOUSE, Access
from weft.identity import sheet
from weft.identity.keys import Signer

PRESENT, FOLLOWING = b"p" * 32, b"q" * 32


@pytest.fixture
async def work():
    sample = await at_work()
    sample.node.paper = Desk()
    sample.node.paper.write(papers.text("Shop", sample.node.organisation, papers.Written(PRESENT, FOLLOWING)))
    yield sample
    await sample.stop()


async def posted(work, address, fields, **more):
    body = urlencode(fields).encode()
    return await Client(work.routes, TOKEN).ask(address, "POST", {
        "content-type": FORM, "content-length": str(len(body)), **more.pop("headers", {})}, body, **more)


async def test_a_lost_phone_is_let_go_in_two_steps_and_is_out_at_once(work):
    cookie = await paired(work, "owner")
    client = Client(work.routes, TOKEN)
    phone = next(one for one in await work.node.devices.all() if one.name == "phone")
    events = live._events(work.node, frozenset({"order"}), work.node.devices.gone(phone.id))
    await anext(events)
    mine = {"cookie": cookie + "; weft_lang=en"}
    first = (await client.ask("/devices", headers=mine, token="")).body.decode()
    assert "Let go" not in first, "nobody lets go of the phone in the hand"
    told = (await client.ask("/devices", headers={"cookie": "weft_lang=en"})).body.decode()
    step = re.search(r'href="(/devices\?revoke=[^"]+)"', told)[1]
    assert "let it go now" not in told
    sure = (await client.ask(step.replace("&amp;", "&"), headers={"cookie": "weft_lang=en"})).body.decode()
    assert "Yes, let it go now" in sure
    assert (await posted(work, "/do/revoke-device", {"device": phone.id, "back": "/devices"})).status == 303

    async def rest():
        return [said async for said in events]

    said = await asyncio.wait_for(rest(), 2)
    assert [one.split("data: ")[1].strip() for one in said if "data: " in one] == ["end"]
    assert (await client.ask("/", headers={"cookie": cookie}, token="")).headers["location"] == "/pair"


async def test_control_a_phone_that_is_not_let_go_goes_on_hearing(work):
    await paired(work, "owner")
    phone = next(one for one in await work.node.devices.all() if one.name == "phone")
    events = live._events(work.node, frozenset({"order"}), work.node.devices.gone(phone.id))
    await anext(events)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(events), 0.3)
    await events.aclose()


async def test_when_a_device_was_last_here_is_told_and_written_down_now_and_then(work, monkeypatch):
    await paired(work, "owner")
    devices = work.node.devices
    token = await devices.pair(await devices.new_code(), "tablet")
    now = work.node.clock.now_ms()  # behind that: it is what counts from when it was paired
    monkeypatch.setattr(devices.clock, "now_ms", lambda: now + SEEN_MS + 1)
    seen = await devices.authenticate(token)
    assert seen.seen_ms == now + SEEN_MS + 1
    rows = dict(await work.node.store.values("device"))
    assert str(seen.seen_ms).encode() in rows[seen.id]


async def test_the_sheet_is_shown_to_the_owner_who_is_alone_and_then_taken_off_the_machine(work):
    secrets = [row for seed in (PRESENT, FOLLOWING) for row in sheet.rows(seed)]
    client = Client(work.routes, TOKEN)
    for address in ("/sheet", "/devices", "/settings", "/", "/api/weft/v1/devices"):
        body = (await client.ask(address)).body.decode()
        assert not [row for row in secrets if row in body], address
    assert (await posted(work, "/sheet/show", {})).status == 303
    shown = (await posted(work, "/sheet/show", {"alone": "yes"})).body.decode()
    assert [row for row in secrets if row in shown] == secrets
    assert "no-store" in (await posted(work, "/sheet/show", {"alone": "yes"})).headers["cache-control"]
    assert "还在这台机器上" in (await client.ask("/", headers={"cookie": "weft_lang=zh"})).body.decode()
    assert (await posted(work, "/do/sheet-kept", {"back": "/sheet", "then": "/sheet"})).status == 303
    assert work.node.paper.read() == ""
    assert "恢复单" not in (await client.ask("/", headers={"cookie": "weft_lang=zh"})).body.decode()
    assert (await posted(work, "/sheet/show", {"alone": "yes"})).status == 404


async def test_a_workers_device_sees_neither_sheet_nor_devices(work):
    cookie = await paired(work, "operator")
    client = Client(work.routes, TOKEN)
    for address in ("/sheet", "/devices"):
        assert (await client.ask(address, headers={"cookie": cookie}, token="")).status == 403
    for address in ("/sheet/show", "/sheet/use", "/do/rotate-keys", "/do/sheet-kept"):
        answer = await posted(work, address, {"alone": "yes", "sheet": "x"}, headers={"cookie": cookie}, token="")
        assert answer.status == 403, address
    assert work.node.paper.read()


async def test_what_is_typed_from_the_sheet_is_named_by_row_when_wrong_and_never_shown_again(work):
    rows = sheet.rows(NEXT_SEEDS[work.node.organisation])
    wrong = [*rows[:2], rows[2][:-1] + ("0" if rows[2][-1] != "0" else "2"), rows[3]]
    refused = await posted(work, "/sheet/use", {"sheet": "\n".join(wrong)}, headers={"cookie": "weft_lang=en"})
    told = refused.body.decode()
    assert refused.status == 422
    assert "Row 3 was copied wrongly" in told
    assert not [row for row in rows if row in told]
    assert (await posted(work, "/sheet/use", {"sheet": "\n".join(rows).lower()})).status == 303
    state = await work.node.keys(work.node.organisation)
    assert Signer(NEXT_SEEDS[work.node.organisation]).public not in state.keys, "the old sheet is worth nothing"
    assert state.keys == [Signer(sheet.seeds_in(work.node.paper.read())[0]).public]
    assert len(sheet.seeds_in(work.node.paper.read())) == 2


async def test_a_till_is_let_go_on_the_page_with_the_key_in_force(work):
    till = Signer(b"u" * 32)
    hands = keys.Hands(FOUNDERS[work.node.organisation], None, {})
    await keys.add_device(work.node, hands, till.public, "till", "Counter")
    told = (await Client(work.routes, TOKEN).ask(f"/devices?revoke={till.public}", headers={"cookie": "weft_lang=en"}))
    assert "The key in force, from your recovery sheet" in told.body.decode()
    refused = await posted(work, "/sheet/use", {"key": till.public, "sheet": "\n".join(sheet.rows(PRESENT))})
    assert refused.status == 403
    assert not (await work.node.keys(work.node.organisation)).devices[till.public].revoked


async def test_today_warns_when_somebody_else_signs_with_the_key_of_this_machine(work):
    work.node.alarm(work.orders["ordered"], "stolen")
    told = (await Client(work.routes, TOKEN).ask("/", headers={"cookie": "weft_lang=en"})).body.decode()
    assert "Somebody signs in your name" in told
    assert 'href="/devices"' in told


async def test_my_devices_tell_whose_program_it_is_and_what_each_program_may(work):
    await work.node.devices.program("ERP")
    await work.node.devices.program("ERP", work.shop.organisation)
    seen = {lang: (await Client(work.routes, TOKEN).ask("/devices", headers={"cookie": f"weft_lang={lang}"})
                   ).body.decode() for lang in ("en", "zh")}
    assert "A program of 明记五金: sees what 明记五金 sees" in seen["en"] and "明记五金的程序" in seen["zh"]
    assert "A program of yours that reads what your rules show it" in seen["en"]
    assert "everything with the digital twins" not in seen["en"]
    document = {"rules": [{**HOUSE, "FORMULA": {"$eq": [{"$attribute": {"CLAIM": "role"}}, {"$strVal": "client"}]}}]}
    await Access(work.node).keep(document)
    told = (await Client(work.routes, TOKEN).ask("/devices", headers={"cookie": "weft_lang=en"})).body.decode()
    assert "A program of yours that may do everything with the digital twins" in told
