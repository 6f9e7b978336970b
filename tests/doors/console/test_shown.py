"""What others see: the page says it as a partner's program would be told, and takes rules that are right."""

import json

import pytest

from tests.doors.asking import Client
from tests.engine.dealing import dealt
from tests.engine.home import TOKEN
from weft.doors import aas, admin, api, console, epcis
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.twins.access import HOUSE, PROGRAMS, Access


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
