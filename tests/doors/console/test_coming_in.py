"""Who comes in: nobody without a paired device, a worker's phone to the shop floor only."""

import re
from urllib.parse import urlencode

import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, at_work
from weft.doors.console.pages import OPERATOR_PAGES, PAGES
from weft.engine.devices import CODE_MS, TRIES_MAX

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def work():
    sample = await at_work()
    yield sample
    await sample.stop()


async def paired(sample, scope: str) -> str:
    """The cookie of a newly paired device."""
    client = Client(sample.routes)
    code = await sample.node.devices.new_code(scope)
    looked = await client.ask(f"/pair?code={code}", token="")
    assert looked.status == 200
    assert code in looked.body.decode()  # looking does not use the code up
    body = urlencode({"code": code, "name": "phone"}).encode()
    answer = await client.ask("/pair", "POST", {
        "content-type": FORM, "content-length": str(len(body))}, body, token="")
    assert answer.status == 303, answer.body.decode()[-800:]
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    return re.search(r"weft_device=[^;]+", cookie)[0]


async def test_a_stranger_is_asked_to_pair(work):
    client = Client(work.routes)
    for address in ("/", "/orders", f"/orders/{work.orders['making']}", "/settings"):
        answer = await client.ask(address, token="")
        assert (answer.status, answer.headers.get("location")) == (303, "/pair"), address
    assert (await client.ask("/live", token="")).status == 303
    assert (await client.ask("/pair", token="")).status == 200


async def test_a_paired_phone_comes_in_and_its_code_only_once(work):
    cookie = await paired(work, "owner")
    client = Client(work.routes)
    assert (await client.ask("/", headers={"cookie": cookie}, token="")).status == 200
    code = await work.node.devices.new_code()
    body = urlencode({"code": code}).encode()
    headers = {"content-type": FORM, "content-length": str(len(body))}
    assert (await client.ask("/pair", "POST", headers, body, token="")).status == 303
    again = await client.ask("/pair", "POST", {**headers, "cookie": "weft_lang=en"}, body, token="")
    assert again.status == 403
    assert 'role="alert"' in again.body.decode()


async def test_after_too_many_wrong_codes_the_door_says_wait_whatever_is_typed_and_then_opens(work, monkeypatch):
    client, devices = Client(work.routes), work.node.devices

    async def typed(code):
        body = urlencode({"code": code}).encode()
        return await client.ask("/pair", "POST", {
            "content-type": FORM, "content-length": str(len(body)), "cookie": "weft_lang=en"}, body, token="")

    told = [(await typed("WRNG-CDES")).body.decode() for _ in range(TRIES_MAX)]
    assert all("A new one is shown" in one for one in told[:-1])
    assert "Wait ten minutes" in told[-1] and "A new one is shown" not in told[-1]
    code = await devices.new_code()
    right, wrong = [(await typed(one)).body.decode().replace(one, "") for one in (code, "WRNG-CDES")]
    assert right == wrong and "Wait ten minutes" in right  # nobody learns by it whether a code is right
    later = work.node.clock.now_ms() + CODE_MS + 1
    monkeypatch.setattr(devices.clock, "now_ms", lambda: later)
    assert (await typed(await devices.new_code())).status == 303


async def test_a_worker_s_phone_sees_the_shop_floor_only(work):
    cookie = await paired(work, "operator")
    client = Client(work.routes)
    job = work.jobs[0]
    filled = {"{name}": "Cell1", "{job}": job, "{thread}": work.orders["making"], "{item:path}": "BV-15",
              "{kind}": "csv"}
    for path in PAGES:
        address = path
        for part, value in filled.items():
            address = address.replace(part, value)
        answer = await client.ask(address, headers={"cookie": cookie}, token="")
        if path in OPERATOR_PAGES:
            kept = not path.endswith(".{kind}") and "timeline" not in path  # values over time: not kept by this node
            assert answer.status == (404 if "{file}" in path else 200 if kept else 503), (address, answer.status)
            assert "/orders" not in re.findall(r'href="(/[a-z]*)"', answer.body.decode())
        else:
            assert answer.status in (303, 403), address


async def test_a_worker_s_phone_may_not_order(work):
    cookie = await paired(work, "operator")
    thread = work.orders["ordered"]
    body = urlencode({"thread": thread, "code": "AP", "back": f"/orders/{thread}"}).encode()
    headers = {"content-type": FORM, "content-length": str(len(body)), "cookie": cookie}
    answer = await Client(work.routes).ask("/do/respond", "POST", headers, body, token="")
    assert answer.status == 403


async def test_the_open_door_of_a_developer_says_so_on_every_page(work):
    work.node.dev_open = True
    client = Client(work.routes, host="127.0.0.1")
    answer = await client.ask("/", headers={"host": "127.0.0.1", "accept-language": "en"}, token="")
    assert answer.status == 200
    assert 'class="banner"' in answer.body.decode()
    work.node.dev_open = False
    answer = await client.ask("/", headers={"cookie": f"weft_device={TOKEN}"}, token="")
    assert 'class="banner"' not in answer.body.decode()
