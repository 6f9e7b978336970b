"""The mailbox page and its part on a partner's page, in both languages: what is there, what is wrong, what to do."""

import asyncio
import re
from functools import partial
from html import unescape

import msgspec
import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import AUTO, TOKEN
from tests.engine.mail_world import Doors, keeper, uses, with_mail
from tests.engine.world import Wires, befriend, found, until
from weft.doors import console
from weft.engine.commands import run
from weft.engine.devices import Devices
from weft.engine.views import VIEWS
from weft.locale import text

BOTH = ("zh", "en")


class Firms:
    """We, a partner that will be out of reach, and a keeper."""

    async def begin(self):
        self.wires, self.doors = Wires(), Doors()
        self.node = await with_mail(await found(self.wires, "We", rules=AUTO, url="http://we.example"), self.doors)
        self.node.devices = Devices(self.node.store, self.node.clock, self.node.random, TOKEN)
        self.shop = await with_mail(await found(self.wires, "明记五金", rules=AUTO, url=""), self.doors)
        self.kiln = await keeper(self.wires, self.doors, "Kiln")
        await befriend(self.node, self.shop)
        self.client = Client(console.routes(self.node), TOKEN)
        return self

    async def page(self, lang, address="/mailbox"):
        answer = await self.client.ask(address, headers={"cookie": f"weft_lang={lang}"})
        assert answer.status == 200, answer.body
        told = unescape(re.sub(r"<[^>]+>", " ", answer.body.decode()))
        assert "⟦" not in told
        return re.sub(r"\s+", " ", told)

    @property
    def partner(self) -> str:
        return f"/partners/{self.node.partner(self.shop.organisation)}"

    async def out_of_reach(self):
        """The shop has its mail at Kiln, and is gone."""
        await uses(self.shop, self.kiln)
        await until(lambda: self.shop.organisation in self.node.mail.post.routes)
        self.wires.unreachable.add(self.shop.organisation)
        await self.shop.stop()
        self.node.outbox.seen_ms.clear()
        self.node.mail.post.began_ms = 0
        await run(self.node, "request-quotation", {"supplier": "明记五金", "lines": [{"item": "X", "quantity": "2"}]})

    async def end(self):
        for node in (self.node, self.shop, self.kiln):
            node.closing()
            await node.stop()


@pytest.fixture
async def firms():
    made = await Firms().begin()
    yield made
    await made.end()


async def test_an_empty_page_says_what_to_do_next(firms):
    for lang in BOTH:
        told = await firms.page(lang)
        for key in ("mailbox.none", "mailbox.none.next", "mailbox.use.how", "mailbox.offer", "mailbox.safe"):
            assert text(lang, key) in told
        assert text(lang, "mailbox.left") not in told
        assert text(lang, "mailbox.go") in await firms.page(lang, "/partners")
        assert text(lang, "mailbox.for-them") not in await firms.page(lang, firms.partner)


async def test_who_keeps_our_mail_is_shown_and_when_it_does_not_answer(firms):
    await uses(firms.node, firms.kiln)
    await until(lambda: firms.node.mail.fetch.heard_ms)
    for lang in BOTH:
        told = await firms.page(lang)
        assert "Kiln" in told
        assert text(lang, "mailbox.one-more") in told
    firms.doors.dead.add("http://kiln.example")
    await until(lambda: any(firms.node.mail.fetch.faults.values()))
    for lang in BOTH:
        assert text(lang, "mailbox.fault.unreachable") in await firms.page(lang)


async def test_letters_for_a_partner_are_shown_where_they_lie(firms):
    await firms.out_of_reach()
    await until(lambda: firms.node.mail.post.sent)
    await asyncio.sleep(0.3)
    for lang in BOTH:
        lie = text(lang, "mailbox.state.kept", n=len(firms.node.mail.post.sent), at="Kiln")
        assert lie in await firms.page(lang)
        assert lie in await firms.page(lang, firms.partner)


async def test_what_cannot_be_left_anywhere_says_for_whom_it_waits(firms):
    firms.doors.deaf_after.add("/mailbox/v1/put")
    await firms.out_of_reach()
    firms.doors.dead.add("http://kiln.example")

    async def told(lang):
        waiting = (await VIEWS["mailbox"](firms.node)).partners[0].waiting
        return text(lang, "mailbox.state.stuck", n=waiting, at="Kiln") in await firms.page(lang)

    for lang in BOTH:
        await until(partial(told, lang))


async def test_our_owner_is_asked_where_we_leave_nothing_unasked(firms):
    firms.node.config = msgspec.structs.replace(
        firms.node.config, peers=msgspec.structs.replace(firms.node.config.peers, mailboxes="ask"))
    await firms.out_of_reach()
    for lang in BOTH:
        assert text(lang, "mailbox.asks", at="Kiln") in await firms.page(lang)
        assert text(lang, "mailbox.agree") in await firms.page(lang)
    assert not firms.node.mail.post.sent
    await run(firms.node, "mailbox-agree", {"partner": "明记五金"})
    await until(lambda: firms.node.mail.post.sent)


async def test_a_form_gives_out_a_place_and_shows_its_link_once(firms):
    form = b"key=k1&form=mailbox-offer&back=/mailbox&then=/mailbox&note=foundry"
    done = await firms.client.ask("/do/mailbox-offer", "POST", {
        "content-type": "application/x-www-form-urlencoded", "content-length": str(len(form))}, form)
    assert done.status == 303, done.body
    flash = done.headers["set-cookie"].partition(";")[0]
    shown = await firms.client.ask("/mailbox", headers={"cookie": flash})
    assert b"weft:mailbox?" in shown.body
    again = await firms.page("en")
    assert "weft:mailbox?at" not in again
    assert "foundry" in again
    assert text("en", "mailbox.unused") in again
