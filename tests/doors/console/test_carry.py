"""Carried by hand, from the console: a file is saved for a partner, and what a partner brought is read and told."""

import re
from urllib.parse import unquote, urlencode

import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, at_work
from tests.engine.world import Wires, found
from weft.doors import api, console
from weft.engine import bundles
from weft.engine.commands import run
from weft.engine.devices import Devices

OWNER = f"weft_device={TOKEN}; weft_lang=en"
FORM = "application/x-www-form-urlencoded"


async def firm(name):
    node = await found(Wires(), name)  # each in a world of its own: there is no network between them
    node.devices = Devices(node.store, node.clock, node.random, TOKEN)
    return node


@pytest.fixture
async def apart():
    shop, mill = await firm("Corner Shop"), await firm("Mill")
    link = (await run(mill, "invite", {})).facts["link"]
    await run(shop, "join", {"link": link})
    yield shop, mill
    await shop.stop()
    await mill.stop()


def client(node):
    return Client(console.routes(node))


async def shown(node, address="/carry", lang="en", cookie=""):
    answer = await client(node).ask(address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}{cookie}"},
                                    token="")
    assert answer.status == 200
    page = answer.body.decode()
    assert "⟦" not in page
    return page


async def posted(node, address, body, kind=FORM, **headers):
    given = {"content-type": kind, "content-length": str(len(body)), "cookie": OWNER, "origin": "http://weft.test"}
    return await client(node).ask(address, "POST", given | headers, body, token="")


async def saved(node, partner):
    answer = await posted(node, "/carry/out", urlencode({"partner": partner}).encode())
    assert answer.status == 200, answer.body.decode()[-500:]
    name = unquote(re.search(r"UTF-8''(\S+)", answer.headers["content-disposition"])[1])
    assert name.endswith(".weft-bundle")
    return answer.body


def dropped(data):
    return (b'--x\r\nContent-Disposition: form-data; name="content@file"; filename="a"\r\n'
            b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--x--\r\n")


async def read(node, data, **headers):
    return await posted(node, "/carry/in", dropped(data), "multipart/form-data; boundary=x", **headers)


async def told(node, answer):
    """What the page says after the redirect."""
    assert (answer.status, answer.headers["location"]) == (303, "/carry"), answer.body.decode()[-500:]
    page = await shown(node, cookie="; " + re.search(r"weft_flash=[^;]+", answer.headers["set-cookie"])[0])
    return re.search(r'class="notice" role="status">.*?<span>(.*?)</span>', page, re.DOTALL)[1]


async def test_two_firms_meet_by_files_from_page_to_page(apart):
    shop, mill = apart
    assert "1 message for them" in await shown(shop)
    data = await saved(shop, mill.organisation)
    assert "1 new message" in await told(mill, await read(mill, data))
    assert "nothing that you did not have" in await told(mill, await read(mill, data))
    from tests.engine.test_bundles import settled

    await settled(shop, mill)
    back = await saved(mill, shop.organisation)
    assert "From Mill" in await told(shop, await read(shop, back))
    assert shop.partner(mill.organisation)
    assert (await shown(mill, f"/partners/{mill.partner(shop.organisation)}")).count("/carry?partner=") == 1
    thread = (await run(shop, "request-quotation", {"supplier": "Mill", "lines": [
        {"item": "BV", "quantity": "3"}]})).thread
    await settled(shop, mill)
    answer = await read(mill, await saved(shop, mill.organisation))
    page = await shown(mill, cookie="; " + re.search(r"weft_flash=[^;]+", answer.headers["set-cookie"])[0])
    assert f'href="/orders/{thread}"' in page


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_page_of_a_factory_at_work_speaks_both_languages(lang):
    work = await at_work()
    try:
        page = await shown(work.node, lang=lang)
        assert 'enctype="multipart/form-data"' in page
        assert 'href="/carry"' in await shown(work.node, "/partners", lang)
        relationship = work.node.threads("relationship")[0]
        assert await shown(work.node, f"/carry?partner={relationship}", lang)
    finally:
        await work.stop()


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x03\x04" + bytes(500), b"weftbdl\x01" + bytes(40)])
async def test_what_is_no_file_for_us_is_told_on_the_page(apart, data):
    shop, _ = apart
    answer = await read(shop, data)
    page = answer.body.decode()
    assert 400 <= answer.status < 500
    assert 'role="alert"' in page
    assert "⟦" not in page
    assert 'name="back" value="/carry"' in page


async def test_a_damaged_file_is_told_and_the_good_one_is_still_read(apart):
    shop, mill = apart
    data = await saved(shop, mill.organisation)
    answer = await read(mill, data[:-9] + b"123456789")
    assert answer.status == 422
    assert "damaged on the way" in answer.body.decode()
    assert (await read(mill, data)).status == 303


async def test_there_is_no_file_where_nothing_is_to_be_carried(apart):
    shop, mill = apart
    for partner in ("", "nobody", shop.organisation):
        answer = await posted(shop, "/carry/out", urlencode({"partner": partner}).encode())
        assert answer.status == 404
        assert 'role="alert"' in answer.body.decode()
    assert (await posted(shop, "/carry/out", urlencode({"partner": mill.organisation}).encode())).status == 200


async def test_no_other_site_and_no_worker_carries_anything(apart):
    shop, mill = apart
    body = urlencode({"partner": mill.organisation}).encode()
    for address in ("/carry/out", "/carry/in"):
        assert (await posted(shop, address, body, origin="http://evil.test")).status == 403
        assert (await posted(shop, address, body, cookie="")).status == 303
        assert (await client(shop).ask(address, headers={"cookie": OWNER}, token="")).status == 405
    code = await shop.devices.new_code("operator")
    token = await shop.devices.pair(code, "phone", "127.0.0.1")
    for address in ("/carry/out", "/carry/in"):
        assert (await posted(shop, address, body, cookie=f"weft_device={token}")).status == 403


async def test_a_file_beyond_all_bounds_is_refused_before_it_is_read(apart):
    shop, _ = apart
    answer = await read(shop, b"x", **{"content-length": str(1 << 40)})
    assert answer.status == 413


# ---- the same by the API


async def test_bundles_stream_through_the_api(apart):
    shop, mill = apart
    there, here = Client(api.routes(shop), TOKEN), Client(api.routes(mill), TOKEN)
    given = await there.ask(f"/api/weft/v1/bundles/{mill.organisation}")
    assert given.status == 200
    report = await here.ask("/api/weft/v1/bundles", "POST", body=given.body)
    assert (report.status, report.json()["new"]) == (200, 1)
    assert (await here.ask("/api/weft/v1/bundles", "POST", body=given.body[:-1])).json()["code"] == "bundle.damaged"
    assert (await there.ask("/api/weft/v1/bundles/nobody")).json()["code"] == "partner.unknown"
    assert (await here.ask("/api/weft/v1/bundles")).status == 405
    assert (await here.ask("/api/weft/v1/bundles", "POST", body=given.body, token="x")).status == 401
    row = (await there.ask("/api/weft/v1/carry")).json()["partners"][0]
    assert (row["organisation"], row["waiting"], row["sealable"]) == (mill.organisation, 1, True)
    again = await there.ask(f"/api/weft/v1/bundles/{mill.organisation}?everything=true")
    assert (await bundles.import_(mill, once(again.body))).known == 1


async def once(data):
    yield data
