"""Events to a real HTTP server: with its permission, signed, as far as the guard lets them, and nothing else counts."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from weft.basis.errors import Refused, Unavailable, WeftError
from weft.engine.clock import SystemClock
from weft.engine.twins.subscriptions import Credentials, Gone, Later, Message, Subscription, Target
from weft.peers import webhook
from weft.peers.guard import Guard, Reach
from weft.peers.webhook import HttpWebhooks

KEY = b"k" * 32
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
ORIGIN = "maker.example"
MESSAGES = [Message(f"evt_{n}", json.dumps({"specversion": "1.0", "id": str(n)}).encode()) for n in range(3)]


class Receiver:
    """What comes to one address, and what it answers."""

    def __init__(self, *, allowed: str = "*", rate: str = "*", status: int = 204, headers: dict | None = None) -> None:
        self.allowed, self.rate, self.status, self.headers = allowed, rate, status, headers or {}
        self.asked: list[web.Request] = []
        self.got: list[tuple[dict, bytes]] = []
        self.wait_s = 0.0

    async def answer(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            self.asked.append(request)
            told = {"WebHook-Allowed-Origin": self.allowed, "WebHook-Allowed-Rate": self.rate}
            return web.Response(status=200, headers={name: value for name, value in told.items() if value})
        body = await request.read()
        await asyncio.sleep(self.wait_s)
        self.got.append((dict(request.headers), body))
        return web.Response(status=self.status, headers=self.headers, body=b"x" * 100_000)


@asynccontextmanager
async def serving(receiver: Receiver):
    """The address of ``receiver``."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/hook?token=t"
    finally:
        await runner.cleanup()


def target(address: str, **more) -> Target:
    about = Subscription(id="s1", name="ERP", kind="webhook", address=address, since="", **more)
    return Target(about, Credentials(secret=SECRET), ORIGIN, "", "")


async def sent(address: str, *, reach: Reach = Reach.HERE, total_s: float = 5.0, times: int = 1, **more) -> list[int]:
    hooks = HttpWebhooks(Guard(reach), SystemClock(), total_s)
    try:
        return [await hooks.send(target(address, **more), MESSAGES) for _ in range(times)]
    finally:
        await hooks.close()


async def test_the_receiver_is_asked_once_and_then_gets_each_event_signed():
    receiver = Receiver(allowed=ORIGIN)
    async with serving(receiver) as address:
        assert await sent(address, times=2) == [1, 1]
    [asked] = receiver.asked
    assert asked.headers["WebHook-Request-Origin"] == ORIGIN and asked.path_qs == "/hook?token=t"
    headers, body = receiver.got[0]
    assert headers["Content-Type"].startswith("application/cloudevents+json") and body == MESSAGES[0].body
    assert headers["WebHook-Request-Origin"] == ORIGIN and headers["webhook-id"] == "evt_0"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    told = base64.b64encode(hmac.new(KEY, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{told}"
    bent = base64.b64encode(hmac.new(KEY, content + b" ", hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] != f"v1,{bent}"  # the control: of another body it is another


@pytest.mark.parametrize("allowed", ["", "somebody-else.example"])
async def test_nothing_is_sent_to_who_did_not_allow_it(allowed):
    receiver = Receiver(allowed=allowed)
    async with serving(receiver) as address:
        with pytest.raises(Refused) as caught:
            await sent(address)
        assert caught.value.code == "twin-event.no-permission" and receiver.got == []
        assert await sent(address, handshake=False) == [1]  # the owner knows that it does not know the question
    assert "WebHook-Request-Origin" not in receiver.got[0][0]


async def test_a_rate_that_the_receiver_allows_is_kept():
    receiver = Receiver(rate="120")
    async with serving(receiver) as address:
        began = time.monotonic()
        await sent(address, times=3)
    assert time.monotonic() - began >= 1.0  # two pauses of half a second


async def test_many_go_together_where_the_owner_said_so():
    receiver = Receiver()
    async with serving(receiver) as address:
        assert await sent(address, batch=True) == [3]
    headers, body = receiver.got[0]
    assert headers["Content-Type"].startswith("application/cloudevents-batch+json")
    assert [one["id"] for one in json.loads(body)] == ["0", "1", "2"]
    large = [Message("a", b"x" * webhook.BATCH_BYTES), Message("b", b"x"), Message("c", b"x")]
    assert [len(webhook.batch(one)) for one in (large, large[1:], MESSAGES * 100)] == [1, 2, webhook.BATCH_EVENTS]


@pytest.mark.parametrize(("status", "headers", "kind", "code"), [
    (410, {}, Gone, "twin-event.gone"), (429, {"Retry-After": "7"}, Later, "twin-event.later"),
    (503, {"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT"}, Later, "twin-event.later"),
    (503, {}, Unavailable, "twin-event.answered"), (400, {}, Unavailable, "twin-event.answered"),
    (302, {"Location": "/other"}, Refused, "twin-event.redirected")])
async def test_whatever_else_is_answered_takes_nothing(status, headers, kind, code):
    receiver = Receiver(status=status, headers=headers)
    async with serving(receiver) as address:
        with pytest.raises(kind) as caught:
            await sent(address)
    assert caught.value.code == code and len(receiver.got) == 1
    if status == 429:
        assert caught.value.wait_ms == 7_000
    if status == 503 and headers:
        assert caught.value.wait_ms == webhook.LATER_S_MAX * 1000  # however long it wants, within a day


async def test_who_does_not_answer_in_time_or_is_not_there_takes_nothing():
    receiver = Receiver()
    receiver.wait_s = 1.5
    async with serving(receiver) as address:
        with pytest.raises(Unavailable) as caught:
            await sent(address, total_s=0.3)
    assert caught.value.code == "twin-event.no-answer"
    with pytest.raises(Unavailable) as caught:
        await sent(address)
    assert caught.value.code == "twin-event.unreachable"


@pytest.mark.parametrize(("address", "reach", "code"), [
    ("https://127.0.0.1/hook", Reach.LAN, "twin-event.private-address"),
    ("https://10.0.0.7/hook", Reach.PUBLIC, "twin-event.private-address"),
    ("https://2130706433/hook", Reach.PUBLIC, "twin-event.private-address"),
    ("https://169.254.169.254/latest", Reach.HERE, "twin-event.forbidden-address"),
    ("http://192.0.43.8/hook", Reach.HERE, "twin-event.not-encrypted")])
async def test_nothing_goes_where_the_guard_does_not_let_it(address, reach, code):
    with pytest.raises(WeftError) as caught:
        await sent(address, reach=reach)
    assert caught.value.code == code


async def test_a_name_that_leads_inside_is_barred_when_it_resolves():
    async def inside(host, port, family):
        return [(2, 1, 6, "", ("10.0.0.7", port))]

    hooks = HttpWebhooks(Guard(Reach.PUBLIC, inside), SystemClock())
    with pytest.raises(Unavailable) as caught:
        await hooks.send(target("https://erp.example/hook"), MESSAGES)
    await hooks.close()
    assert caught.value.code == "twin-event.private-address"


async def test_without_a_secret_nothing_is_sent():
    receiver = Receiver()
    async with serving(receiver) as address:
        hooks = HttpWebhooks(Guard(Reach.HERE), SystemClock())
        for secret in ("", "whsec_", "whsec_###", base64.b64encode(KEY).decode()):
            with pytest.raises(Refused) as caught:
                await hooks.send(target(address)._replace(credentials=Credentials(secret=secret)), MESSAGES)
            assert caught.value.code == "twin-event.no-credentials"
        await hooks.close()
    assert receiver.got == []
