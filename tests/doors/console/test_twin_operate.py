"""A real machine asked for something by hand: two steps, and an outcome that says no more than is known."""

import asyncio
import html
import re
from urllib.parse import urlencode

import pytest

from tests.doors.asking import Client
from tests.engine.home import TOKEN
from tests.machines import conftest  # noqa: F401 - it says where the machines' own client lies
from tests.machines.test_operations import falls_silent, value
from tests.machines.workshop import JOB, released, workshop
from weft.basis.errors import Refused
from weft.doors import console
from weft.engine import commands
from weft.engine.commands.operating import SURE_MS
from weft.engine.views.twins import twin_part
from weft.locale import text
from weft.shopfloor.book import MachineAdded
from weft.twin.names import encode_id, submodel_id

FORM = "application/x-www-form-urlencoded"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')


class Person:
    """Somebody in front of the console of a workshop."""

    def __init__(self, at):
        self.at, self.client = at, Client(console.routes(at.node))
        self.operations = encode_id(submodel_id(at.shell, "Operations"))

    async def opens(self, path, lang="en", submodel="", **more):
        query = urlencode({"sm": submodel or self.operations, "at": path, **more})
        return await self.sees(f"/twins/{encode_id(self.at.shell)}/operate?{query}", lang)

    async def sees(self, address, lang="en", status=200):
        answer = await self.client.ask(address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")
        page = html.unescape(answer.body.decode())
        assert answer.status == status, (address, answer.status, page[-600:])
        assert "⟦" not in page, re.findall("⟦[^⟧]*⟧", page)
        return page

    async def sends(self, page, lang="en"):
        """Press the button of the form that asks the machine."""
        form = page[page.index('action="/do/machine-operate"'):]
        fields = dict(HIDDEN.findall(form[:form.index("</form>")]))
        body = urlencode(fields).encode()
        return await self.client.ask("/do/machine-operate", "POST", {
            "content-type": FORM, "content-length": str(len(body)), "origin": "http://weft.test",
            "cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, body, token="")


async def test_a_value_is_looked_at_before_it_is_sent_and_its_outcome_stands(tmp_path):
    async with workshop(tmp_path) as at:
        person, before = Person(at), await value(at)
        shown = await person.sees(f"/twins/{encode_id(at.shell)}?open=0+1+2+3+4+5+6+7+8")
        assert "/operate?sm=" in shown and "at=Write" not in shown
        for lang in ("zh", "en"):
            page = await person.opens("Write.Feed", lang)
            assert 'action="/do/machine-operate"' not in page, "nothing can be sent at the first step"
            assert text(lang, "twin.operate.value") in page and text(lang, "unit.H81") in page
            page = await person.opens("Write.Feed", lang, value="9000")
            assert 'action="/do/machine-operate"' not in page and text(lang, "unit.H81") in page
            assert "9000" in page and 'aria-invalid="true"' in page
            page = await person.opens("Write.Feed", lang, value="180")
            assert text(lang, "twin.operate.yes.write") in page
        assert await value(at) == before, "so far it was only looked at"
        answer = await person.sends(page)
        assert answer.status == 303 and await value(at) == 180
        page = await person.sees(answer.headers["location"], "zh")
        assert text("zh", "twin.operate.done.write") in page and text("zh", "twin.operate.again") in page
        assert (await person.sends(await person.opens("Write.Feed", value="200"))).status == 303
        again = await person.opens("Write.Feed", value="210", name="one-name")
        for _ in range(2):     # a button pressed twice
            assert (await person.sends(again)).status == 303
        assert len([one for one in await at.commands() if "Feed" in one]) == 3
        shown = await person.opens("Feed", submodel=encode_id(submodel_id(at.shell, "OperationalData")))
        assert text("en", "twin.operate.value") in shown, "from the value that is shown it goes the same way"
        read = await person.opens("Read.PieceCount", fresh="1")
        assert text("en", "twin.operate.fresh") in read


async def test_what_is_refused_says_why_and_what_is_unknown_is_not_told_as_done(tmp_path):
    async with workshop(tmp_path, **{"weft:readBackMs": 200, "weft:linkGraceMs": 200}) as at:
        person = Person(at)
        assert text("en", "twin.operate.none-due") in await person.opens("Job.Load")
        await released(at)
        page = await person.opens("Job.Load")
        assert JOB in page and (await person.sends(page)).status == 303
        answer = await person.sends(await person.opens("Write.Program", value="OTHER"))
        assert answer.status == 409 and "stays as it is while job" in html.unescape(answer.body.decode())
        page = await person.opens("Write.Feed", value="180")
        await at.node.floor.stop_writing(stopped=True)
        answer = await person.sends(page)
        assert answer.status == 409 and text("en", "machines.writing-stopped") in answer.body.decode()
        assert text("en", "twin.operate.yes.write") not in await person.opens("Write.Feed", value="180")
        await at.node.floor.stop_writing(stopped=False)
        assert (await person.sends(page)).status == 409, "what was refused under its name stays refused"
        assert (await person.sends(await person.opens("Write.Feed", value="180"))).status == 303
        falls_silent(at)
        answer = await person.sends(await person.opens("Write.Feed", value="190"))
        for lang in ("zh", "en"):
            page = await person.sees(answer.headers["location"], lang)
            assert text(lang, "twin.operate.unknown") in page and text(lang, "twin.operate.done.write") not in page
            assert text(lang, "twin.operate.again") not in page
            page = await person.sees("/machines/M1", lang)
            assert text(lang, "machine.unknown.wrote", what="Feed 190") in page


class Later:
    """The node's clock, ``ms`` ahead."""

    def __init__(self, own, ms=0):
        self.own, self.ms = own, ms

    def now_ms(self):
        return self.own.now_ms() + self.ms


async def test_a_page_that_asks_whether_one_is_sure_holds_for_minutes_and_for_the_machine_that_it_showed(tmp_path):
    async with workshop(tmp_path) as at:
        person, before = Person(at), await value(at)
        clock = at.node.clock = Later(at.node.clock)
        page = await person.opens("Write.Feed", value="180")
        for ms in (SURE_MS + 1_000, -60_000):
            clock.ms = ms
            for lang in ("zh", "en"):
                answer = await person.sends(page, lang)
                shown = html.unescape(answer.body.decode())
                assert answer.status == 409 and text(lang, "error.twin.sure-old", minutes=5) in shown
                assert text(lang, "twin.operate.yes.write") in shown, "it is asked anew"
        assert (await value(at), await at.commands()) == (before, {})
        clock.ms = SURE_MS - 1_000
        assert (await person.sends(page)).status == 303 and await value(at) == 180, "the control: a moment earlier"
        clock.ms = SURE_MS + 1_000
        answer = await person.sends(page)
        assert answer.status == 303, "what was sent is told, however old the page"
        assert len(await at.commands()) == 1


async def test_what_was_confirmed_for_one_register_is_not_written_to_another(tmp_path):
    async with workshop(tmp_path) as at:
        person, before = Person(at), await value(at)
        page = await person.opens("Write.Feed", value="180")
        part = await twin_part(at.node, encode_id(submodel_id(at.shell, "OperationalData")), "Feed")
        given = {"submodel": part.submodel, "path": "Feed", "value": "180", "sure": True, "seen": part.seen}
        await at.node.record("floor", MachineAdded(machine="M1", description=at.process.text(title="Set up otherwise")))
        await at.node.floor.machines.follow()
        assert await at.node.floor.machines.runner("M1").connection.wait_up(30)
        assert (await person.sends(page)).status == 409
        with pytest.raises(Refused, match=r"twin\.sure-old"):
            await commands.run(at.node, "twin-value", given)
        assert (await value(at), await at.commands()) == (before, {})
        await commands.run(at.node, "twin-value", {**given, "seen": ""})  # the control: a program, which saw no page
        assert await value(at) == 180
        assert (await person.sends(await person.opens("Write.Feed", value="190"))).status == 303


async def test_two_buttons_of_one_page_pressed_at_once_send_once(tmp_path):
    async with workshop(tmp_path) as at:
        person = Person(at)
        page = await person.opens("Write.Feed", value="180")
        answers = await asyncio.gather(*(person.sends(page) for _ in range(6)))
        assert {one.status for one in answers} == {303}
        assert len(await at.commands()) == 1
        pages = [await person.opens("Write.Feed", value="190") for _ in range(2)]
        await asyncio.gather(*map(person.sends, pages))
        assert len(await at.commands()) == 3, "the control: two pages are two commands"
