"""Who is told of changes, on the owner's screen: in words, with what to do next, and without secrets."""

from html import unescape

import pytest

from tests.doors.asking import Client
from tests.engine.home import TOKEN
from tests.engine.twins.test_delivering import add, delivering, make, until
from tests.peers.test_webhook import Receiver, serving
from weft.doors import console
from weft.engine.commands import run
from weft.engine.twins import delivering as engine
from weft.locale import text

LANGUAGES = pytest.mark.parametrize("lang", ["zh", "en"])


async def page(node, address="/twins/events", lang="en"):
    told = await Client(console.routes(node), TOKEN).ask(address, headers={"cookie": f"weft_lang={lang}"})
    assert told.status == 200
    return unescape(told.body.decode())


async def posted(node, command, **fields):
    body = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    told = await Client(console.routes(node), TOKEN).ask(f"/do/{command}", "POST", {
        "content-type": "application/x-www-form-urlencoded", "content-length": str(len(body)),
        "cookie": "weft_lang=en"}, body)
    return told.status, unescape(told.body.decode()), told.headers


@LANGUAGES
async def test_where_nobody_is_told_the_page_says_what_to_do_next(lang):
    async with delivering() as node:
        told = await page(node, lang=lang)
        assert text(lang, "twin-events.none.next") in told and text(lang, "twin-events.add-webhook") in told
        assert 'href="/twins/events"' in await page(node, "/twins", lang)
        assert 'href="/twins/events"' in await page(node, "/settings", lang)


async def test_one_is_added_shown_its_secret_once_and_tried_out():
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        status, _, headers = await posted(
            node, "twin-events-add", kind="webhook", name="ERP", address=address.replace("?", "%3F"), sees="firm",
            handshake="true", batch="false", **{"types.0": "created", "types.2": "deleted", "ids.0": "urn:*%0Aurn:b"},
            back="/twins/events")
        assert status == 303
        [one] = node.twin_events.known.values()
        assert one.about.types == ("created", "deleted") and one.about.ids == ("urn:*", "urn:b") and one.about.handshake
        flash = headers["set-cookie"].partition(";")[0]
        told = await Client(console.routes(node), TOKEN).ask("/twins/events", headers={
            "cookie": f"weft_lang=en; {flash}"})
        assert "whsec_" in told.body.decode()
        assert "whsec_" not in await page(node)
        status, _, _ = await posted(node, "twin-events-test", subscription=one.about.id, back="/twins/events")
        assert status == 303 and len(receiver.got) == 1
        receiver.status = 500
        status, told, _ = await posted(node, "twin-events-test", subscription=one.about.id, back="/twins/events",
                                       form=f"test-{one.about.id}")
        assert status == 503 and text("en", "error.twin-event.answered", status=500) in told


@LANGUAGES
async def test_what_is_wrong_is_said_in_words_there_and_on_the_first_page(lang, monkeypatch):
    monkeypatch.setattr(engine, "STUCK_MS", 0)
    gone, down = Receiver(status=410), Receiver(status=500)
    async with delivering() as node, serving(gone) as first, serving(down) as second:
        await add(node, first, "Old", oldest=True)
        await add(node, second, "ERP", oldest=True)
        await make(node, "urn:1")
        await until(lambda: node.twin_events.named("Old").progress.paused and node.twin_events.named("ERP").why)
        told = await page(node, lang=lang)
        for key, facts in (("error.twin-event.gone", {}), ("error.twin-event.answered", {"status": 500}),
                           ("twin-events.state.gone", {"n": 1}), ("twin-events.state.failing", {"n": 1})):
            assert text(lang, key, **facts) in told
        today = await page(node, "/", lang)
        for kind, name in (("gone", "Old"), ("stuck", "ERP")):
            assert text(lang, f"today.events-{kind}", name=name) in today
            assert f"/twins/events#listener-{node.twin_events.named(name).about.id}" in today
        await run(node, "twin-events-remove", {"subscription": "Old"})
        assert text(lang, "today.events-gone", name="Old") not in await page(node, "/", lang)
