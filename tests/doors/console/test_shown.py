"""What others see: the page says it as a partner's program would be told, and takes rules that are right."""

import json

import pytest

from tests.doors.asking import Client
from tests.engine.dealing import dealt
from tests.engine.home import TOKEN
from weft.basis.errors import Refused
from weft.doors import aas, admin, api, console, epcis
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.ports import Batch
from weft.engine.twins.access import BUCKET, DOCUMENT, HOUSE, PROGRAMS, Access
from weft.engine.views import VIEWS


@pytest.fixture
async def firm():
    async with dealt() as (shop, factory, thread):
        factory.devices = Devices(factory.store, factory.clock, factory.random, TOKEN)
        yield shop, factory, thread


async def page(factory, address, lang="en"):
    told = await Client(console.routes(factory), TOKEN).ask(address, headers={"cookie": f"weft_lang={lang}"})
    assert told.status == 200
    return told.body.decode()


async def brought(factory, content: bytes):
    body = (b'--b\r\nContent-Disposition: form-data; name="content@file"; filename="rules.json"\r\n\r\n' + content
            + b"\r\n--b--\r\n")
    told = await Client(console.routes(factory), TOKEN).ask("/shown/rules", "POST", {
        "content-type": "multipart/form-data; boundary=b", "content-length": str(len(body)),
        "cookie": "weft_lang=en"}, body)
    return told.status, told.body.decode()


async def test_what_a_partner_would_be_given_is_listed_and_is_what_its_program_gets(firm):
    shop, factory, thread = firm
    told = await page(factory, f"/shown?partner={shop.organisation}")
    assert "Lot number" in told and "Item number" in told and "Whereabouts" not in told
    assert "批号" in await page(factory, f"/shown?partner={shop.organisation}", "zh")
    code = (await run(factory, "new-code", {"partner": "Shop"})).facts["code"]
    body = f"code={code}&name=ERP of the shop".encode()
    paired = await Client(console.routes(factory)).ask("/pair", "POST", {     # as a program does it, without a browser
        "content-type": "application/x-www-form-urlencoded", "content-length": str(len(body))}, body)
    token = paired.headers["set-cookie"].partition("weft_device=")[2].partition(";")[0]
    given = (await Client(aas.routes(factory), token).ask("/api/v3/shells")).json()["result"]
    assert given and all(one["idShort"] in told for one in given)
    assert "ERP of the shop" in await page(factory, "/shown")
    await run(factory, "window-shut", {"thread": thread})
    assert "Lot number" not in await page(factory, f"/shown?partner={shop.organisation}")
    assert (await Client(aas.routes(factory), token).ask("/api/v3/shells")).json()["result"] == []


async def test_the_program_of_a_partner_comes_in_nowhere_else(firm):
    shop, factory, _ = firm
    token = await factory.devices.pair(await factory.devices.new_code("partner", shop.organisation))
    own = await factory.devices.pair(await factory.devices.new_code("client"))
    for door, address in ((epcis, "/epcis/v2/events"), (admin, "/metrics"), (api, "/api/weft/v1/openapi.json"),
                          (console, "/shown"), (api, "/api/weft/v1/twin-access")):
        client = Client(door.routes(factory), token)
        assert (await client.ask(address)).status == 403, address
    assert (await Client(api.routes(factory), own).ask("/api/weft/v1/openapi.json")).status == 200     # the control


async def test_rules_are_taken_and_a_mistake_is_told_by_its_place(firm):
    _, factory, _ = firm
    wrong = {"rules": [HOUSE, {**PROGRAMS, "OBJECTS": [{"IDENTIFIABLE": "everything"}]}]}
    for content, word in ((json.dumps(wrong).encode(), "/rules/1/OBJECTS/0"), (b"{", "JSON"), (b"", "file")):
        status, told = await brought(factory, content)
        assert status in (400, 422) and word in told
        assert not await Access(factory).own()
    right = {"rules": [HOUSE]}
    assert (await brought(factory, json.dumps(right).encode()))[0] == 303
    assert await Access(factory).document() == right
    told = await page(factory, "/shown")
    assert "Owner and workshop are never shut out" in told
    own = await factory.devices.pair(await factory.devices.new_code("client"))
    assert (await Client(aas.routes(factory), own).ask("/api/v3/shells")).json()["result"] == []


GAUGE = {**PROGRAMS, "OBJECTS": [{"IDENTIFIABLE": f"(Submodel)urn:x:{number}"} for number in range(8)], "FORMULA": {
    "$and": [{"$eq": [{"$attribute": {"CLAIM": "role"}}, {"$strVal": "client"}]},
             {"$eq": [{"$attribute": {"CLAIM": "name"}}, {"$strVal": "Gauge"}]},
             {"$lt": [{"$attribute": {"GLOBAL": "UTCNOW"}}, {"$dateTimeVal": "2031-05-06T00:00:00Z"}]}]}}
PUBLIC = {**PROGRAMS, "ACL": {"ATTRIBUTES": [{"GLOBAL": "ANONYMOUS"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
          "FORMULA": {"$eq": [{"$field": "$sm#idShort"}, {"$strVal": "Nameplate"}]}}


@pytest.mark.parametrize(("lang", "words"), [
    ("en", ("Gauge", "Everybody who reaches this computer", "2031", "and 3 more", "Not all of it")),
    ("zh", ("Gauge", "任何能连上这台电脑的人", "2031", "3", "并非全部"))])
async def test_each_rule_says_for_whom_it_is_what_he_may_and_until_when(firm, lang, words):
    _, factory, _ = firm
    await Access(factory).keep({"rules": [HOUSE, GAUGE, PUBLIC]})
    told = await page(factory, "/shown", lang)
    assert all(word in told for word in words)
    assert "rule-2" in told and "rule-3" in told and 'rule-1"' not in told     # of the house it is said anyhow


async def test_one_press_takes_one_rule_away_and_only_the_one_that_was_seen(firm):
    _, factory, _ = firm
    access = Access(factory)
    await access.keep({"AllAccessPermissionRules": {"rules": [GAUGE, PUBLIC]}})
    seen = (await VIEWS["twin-access"](factory)).seen
    body = f"place=0&seen={seen}&key=k1&form=x&back=/shown".encode()
    told = await Client(console.routes(factory), TOKEN).ask("/do/twin-rule-remove", "POST", {
        "content-type": "application/x-www-form-urlencoded", "content-length": str(len(body))}, body)
    assert told.status == 303, told.body
    assert await access.document() == {"AllAccessPermissionRules": {"rules": [PUBLIC]}}
    with pytest.raises(Refused, match=r"twin\.rules-changed"):     # the page was of before
        await run(factory, "twin-rule-remove", {"place": 0, "seen": seen})
    assert await access.document() == {"AllAccessPermissionRules": {"rules": [PUBLIC]}}


async def test_two_hundred_rules_and_rules_that_cannot_be_read_any_more_are_told(firm):
    shop, factory, _ = firm
    access = Access(factory)
    await access.keep({"rules": [GAUGE] * 200})
    told = await page(factory, "/shown")
    assert "190 more rules" in told
    broken = json.dumps({"rules": [PUBLIC, {**PROGRAMS, "OBJECTS": [{"FRAGMENT": "$sme.A#value"}]}]}).encode()
    await factory.store.commit(Batch(values=[(BUCKET, DOCUMENT, broken)]))
    told = await page(factory, "/shown")
    assert "cannot be read any more" in told and "/rules/1/OBJECTS/0/FRAGMENT" in told
    own = await factory.devices.pair(await factory.devices.new_code("client"))
    for token in (own, ""):
        answer = await Client(aas.routes(factory), token).ask("/api/v3/shells")
        assert (answer.status, answer.body.count(b"urn:")) == ((200, 0) if token else (401, 0))     # nothing is open
    partner = await factory.devices.pair(await factory.devices.new_code("partner", shop.organisation))
    assert (await Client(aas.routes(factory), partner).ask("/api/v3/shells")).json()["result"]      # the window is


async def test_what_a_customer_sees_is_one_press_from_its_order(firm):
    shop, factory, thread = firm
    assert f"/shown?partner={shop.organisation}" in await page(factory, f"/orders/{thread}")
