"""The pages on which a machine is connected: refusals with their reason, faults of tables, addresses put right."""

import asyncio
import re
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio

from tests.browser.conftest import free_port
from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN
from tests.machines.connecting import connecting
from tests.machines.connecting import lathe as running_lathe
from weft.basis.errors import Invalid, Refused, Unavailable
from weft.doors import console
from weft.engine.devices import Devices
from weft.locale import text
from weft.machines.discovering import Discovering
from weft.machines.http import HttpConnection
from weft.shopfloor.reading import parse_text

pytestmark = pytest.mark.asyncio(loop_scope="module")
FORM = "application/x-www-form-urlencoded"


class Person:
    """The owner at the pages, in the language ``lang``."""

    def __init__(self, owner, lang="zh"):
        node = owner.node
        node.devices = Devices(node.store, node.clock, node.random, TOKEN)
        self.client, self.lang, self.keys = Client(console.routes(node), TOKEN), lang, 0

    async def sees(self, address):
        answer = await self.client.ask(address, headers={"cookie": f"weft_lang={self.lang}"})
        return answer.status, answer.body.decode()

    async def does(self, command, back, **fields):
        self.keys += 1
        body = urlencode({"key": f"k{self.keys}", "form": command, "back": back, "then": back, **fields}).encode()
        return await self._posted(command, body, FORM)

    async def brings(self, draft, table):
        body = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value.encode())
            for name, value in (("key", f"t{len(table)}"), ("form", "machine-draft-import"), ("draft", draft),
                                ("back", f"/connect/{draft}/values"), ("then", f"/connect/{draft}/values")))
        body += (b'--b\r\nContent-Disposition: form-data; name="content@file"; filename="t.csv"\r\n'
                 b"Content-Type: text/csv\r\n\r\n" + table.encode() + b"\r\n--b--\r\n")
        return await self._posted("machine-draft-import", body, "multipart/form-data; boundary=b")

    async def _posted(self, command, body, kind):
        answer = await self.client.ask(f"/do/{command}", "POST", {
            "content-type": kind, "content-length": str(len(body)), "cookie": f"weft_lang={self.lang}"}, body)
        return answer.status, answer.body.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lathe(tmp_path_factory):
    async with running_lathe(tmp_path_factory.mktemp("lathe"), "M1") as process:
        yield process


async def test_a_refused_trial_says_why_and_nothing_refused_is_offered_to_be_sent(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        person = Person(owner)
        draft = (await owner.do("machine-draft", name="L1", address=lathe.endpoint))["draft"]
        await owner.do("machine-draft-propose", draft=draft, limits={"SpindleSpeed": "100..4000"})
        page = f"/connect/{quote(draft)}/try"
        _, shown = await person.sees(f"{page}?property=SpindleSpeed&value=1500")
        assert text("zh", "connect.try.yes") in shown, "the control: what may be sent is offered"
        for value, why in (("9000", "超出"), ("abc", "不是有效的")):
            _, shown = await person.sees(f"{page}?property=SpindleSpeed&value={value}")
            assert why in shown
            assert text("zh", "connect.try.yes") not in shown
            status, shown = await person.does("machine-draft-try", f"{page}?property=SpindleSpeed&value={value}",
                                              draft=draft, property="SpindleSpeed", value=value, sure="true")
            assert status >= 400
            assert why in shown
            assert "⟦" not in shown
            assert text("zh", "connect.try.yes") not in shown
        _, shown = await person.sees(page)
        assert "不是有效的" in shown, "why stands beside the name as long as it stands there as refused"
        trials = [one.status for one in (await owner.node.book_state("floor")).commands.values()]
        assert trials == ["refused", "refused"], "it stands in the book nevertheless"


async def test_where_nothing_can_be_marked_no_button_takes_what_is_marked(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        person = Person(owner)
        draft = (await owner.do("machine-draft", name="L1", address=lathe.endpoint))["draft"]
        take, home = text("zh", "connect.add"), f"/connect/{quote(draft)}/look"
        _, shown = await person.sees(home)
        assert 'type="checkbox"' not in shown, "the top of the machine is a folder"
        assert take not in shown
        assert f'<button class="button main wide">{text("zh", "connect.propose")}' in shown
        inside = re.search(r'href="([^"]*look\?as=[^"]*)"', shown)[1].replace("&amp;", "&")
        _, shown = await person.sees(inside)
        assert 'type="checkbox"' in shown
        assert take in shown  # the control


async def test_a_trial_that_was_asked_for_twice_is_sent_once(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        draft = (await owner.do("machine-draft", name="L1", address=lathe.endpoint))["draft"]
        await owner.do("machine-draft-propose", draft=draft, limits={"SpindleSpeed": "100..4000"})
        given = {"draft": draft, "property": "SpindleSpeed", "value": "1200", "sure": True}
        first = await owner.do("machine-draft-try", "again", **given)
        assert await owner.do("machine-draft-try", "again", **given) == first
        assert len((await owner.node.book_state("floor")).commands) == 1
        await owner.do("machine-draft-try", "another", **given)
        assert len((await owner.node.book_state("floor")).commands) == 2, "the control: another key is another trial"


async def test_a_trial_that_was_confirmed_for_one_address_is_not_sent_to_another(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        draft = (await owner.do("machine-draft", name="L1", address=lathe.endpoint))["draft"]
        await owner.do("machine-draft-propose", draft=draft, limits={"SpindleSpeed": "100..4000", "Feed": "1..600"})
        held = await owner.view("machine-draft", draft=draft)
        given = {"draft": draft, "property": "SpindleSpeed", "value": "1200", "sure": True, "seen": held.seen}
        rows = {one.name: one for one in held.rows}
        speed = rows["SpindleSpeed"]
        await owner.do("machine-draft-row", draft=draft, at="SpindleSpeed", name="SpindleSpeed", minimum=speed.minimum,
                       maximum=speed.maximum, type=speed.type, role=speed.role, write=True,
                       address=rows["Feed"].address)
        with pytest.raises(Refused, match=r"twin\.sure-old"):
            await owner.do("machine-draft-try", "k", **given)
        assert not (await owner.node.book_state("floor")).commands
        seen = (await owner.view("machine-draft", draft=draft)).seen
        await owner.do("machine-draft-try", "k2", **{**given, "value": "120", "seen": seen})  # the control
        assert len((await owner.node.book_state("floor")).commands) == 1


async def test_what_is_taken_by_itself_comes_beside_what_was_chosen(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        draft = (await owner.do("machine-draft", name="L1", address=lathe.endpoint))["draft"]
        look = await owner.view("machine-look", draft=draft, find="broken")
        await owner.do("machine-draft-pick", draft=draft, find="broken", nodes=[look.nodes[0].href])
        chosen = (await owner.view("machine-draft", draft=draft)).rows[0].name
        await owner.do("machine-draft-row", draft=draft, at=chosen, name="Mine")
        await owner.do("machine-draft-propose", draft=draft)
        rows = (await owner.view("machine-draft", draft=draft)).rows
        assert "Mine" in {one.name for one in rows}
        assert len({one.address for one in rows}) == len(rows) > 5


async def test_faults_of_a_table_stand_where_they_are_seen(tmp_path):
    async with connecting(tmp_path) as owner:
        person = Person(owner)
        draft = (await owner.do("machine-draft", name="P1", address="modbus+tcp://127.0.0.1:1502"))["draft"]
        head = "名称,地址,类型,下限,上限,用途,可写,状态对照\n"
        table = "A,40001,整数,9,1,,,\nB,abc,,,,怪,,\nC,40003,整数,,,状态,,0=怪\n"
        status, shown = await person.brings(draft, head + table)
        assert status == 422
        assert text("zh", "import.problems", n=4) in shown
        rows = re.findall(r'<tr><td class="num">(\d+)</td><td>(\S*?)</td>', shown)
        assert sorted(rows) == [("2", "下限"), ("3", "地址"), ("3", "用途"), ("4", "状态对照")]
        words = shown[shown.index("<table>"):shown.index("</table>")]
        assert "良品计数" in words
        assert "localReady" not in words
        assert re.search(r'<details class="act[^"]*" id="table" open', shown)
        taken = head + "S,40001,整数,,,工单状态,,0=空闲;2=运行\n"
        status, _ = await person.brings(draft, taken)
        assert status == 303
        assert (await owner.view("machine-draft", draft=draft)).rows[0].states == {"0": "Idle", "2": "Running"}
        status, shown = await person.brings(draft, head + "T,40002,整数,,,工单状态,,\n")
        assert status == 422, "two states, one of them chosen before: no row of the table alone is wrong"
        assert re.search(r'<details class="act[^"]*" id="table" open', shown)
        assert "T" in shown


async def test_states_are_told_in_words_and_their_lack_is_told(tmp_path):
    async with connecting(tmp_path) as owner:
        person = Person(owner)
        draft = (await owner.do("machine-draft", name="P1", address="modbus+tcp://127.0.0.1:1502"))["draft"]
        page = f"/connect/{quote(draft)}/values"
        await owner.do("machine-draft-row", draft=draft, name="State", address="40001", type="integer", role="state")
        lacking = text("zh", "propose.states-missing", property="State")
        _, shown = await person.sees(page)
        assert lacking in shown
        assert text("zh", "jobstate.Running") in shown
        status, _ = await person.does("machine-draft-row", page, draft=draft, at="State", name="State", type="integer",
                                      role="state", **{"meanings~Running": "2, 3", "meanings~Idle": "0"})
        assert status == 303
        row = (await owner.view("machine-draft", draft=draft)).rows[0]
        assert row.states == {"0": "Idle", "2": "Running", "3": "Running"}
        _, shown = await person.sees(page)
        assert lacking not in shown
        assert 'value="2, 3"' in shown
        status, shown = await person.does("machine-draft-row", page, draft=draft, name="X", address="abc",
                                          form="row-new")
        assert status == 422
        assert text("zh", "error.connect.register", value="abc") in shown


async def test_a_wrong_address_is_put_right_where_it_is_told(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        person = Person(owner)
        draft = (await owner.do("machine-draft", name="L1", address="opc.tcp://127.0.0.1:1"))["draft"]
        page = f"/connect/{quote(draft)}"
        _, shown = await person.sees(page)
        assert text("zh", "reason.refused") in shown
        assert "/do/machine-draft-address" in shown
        assert text("zh", "connect.look-again") in shown
        status, _ = await person.does("machine-draft-address", page, draft=draft, address=lathe.endpoint)
        assert status == 303
        _, shown = await person.sees(page)
        assert text("zh", "connect.answers") in shown
        _, shown = await person.sees("/connect")
        assert "/do/machine-draft-drop" in shown


@pytest.mark.parametrize(("address", "told"), [
    ("127.0.0.1:4840", "opc.tcp://127.0.0.1:4840"), ("127.0.0.1:502", "modbus+tcp://127.0.0.1:502"),
    ("vmc1:5840", "opc.tcp://vmc1:5840"), ("modbus://127.0.0.1:502", "modbus+tcp://"),
    ("opcua://127.0.0.1:4840", "opc.tcp://"), ("opc.tpc://127.0.0.1:4840", "opc.tcp://"), ("ftp://127.0.0.1", "ftp")])
async def test_an_address_without_how_to_speak_says_what_is_meant(address, told, tmp_path):
    async with connecting(tmp_path) as owner:
        status, shown = await Person(owner, "en").does("machine-draft", "/connect", name="L1", address=address)
        assert status == 422
        assert told in shown
        assert "not known" in shown or "does not say how" in shown or "ftp" in told


async def test_yes_and_no_are_words_where_a_trial_is_confirmed(tmp_path):
    async with connecting(tmp_path) as owner:
        draft = (await owner.do("machine-draft", name="P1", address="modbus+tcp://127.0.0.1:1"))["draft"]
        await owner.do("machine-draft-row", draft=draft, name="Door", address="coil 5", type="boolean",
                       role="setpoint", write=True)
        for lang, value, word in (("zh", "false", "否"), ("en", "true", "Yes")):
            _, shown = await Person(owner, lang).sees(f"/connect/{quote(draft)}/try?property=Door&value={value}")
            assert text(lang, "connect.try.what", title="Door", value=word, unit="").strip() in shown


async def test_a_machine_that_is_set_up_alike_under_other_names_is_told_what_to_fill_in(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        person = Person(owner)
        await owner.do("machine-add", name="L1", description=lathe.text().replace("s=M1", "s=M9"))
        hint = text("zh", "connect.copy.hint", old=text("zh", "connect.copy.old"), new=text("zh", "connect.copy.new"))
        given = {"machine": "L1", "to.0.name": "L2", "to.0.address": lathe.endpoint, "form": "copy"}
        _, shown = await person.does("machine-copy", "/machines/L1/copy", **given)
        assert hint in shown
        assert "<b>L2</b>" not in shown, "the sentence names it"
        _, shown = await person.does("machine-copy", "/machines/L1/copy", **given, old="M9", new="M8")
        assert hint not in shown, "the control: it is filled in already"


async def test_a_device_that_answers_and_tells_nothing_of_itself_is_no_lack_of_a_name(tmp_path):
    async def plain(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with connecting(tmp_path) as owner:
        owner.node.discovery = Discovering(lambda described, _: HttpConnection(described), ("http",))
        draft = (await owner.do("machine-draft", name="H1", address=f"http://127.0.0.1:{port}"))["draft"]
        with pytest.raises(Invalid, match=r"propose\.silent"):
            await owner.do("machine-draft-propose", draft=draft)
        _, shown = await Person(owner).sees(f"/connect/{quote(draft)}/look")
        assert text("zh", "connect.no-browse.next") in shown
        server.close()
        away = (await owner.do("machine-draft", name="H2", address="http://127.0.0.1:1"))["draft"]
        with pytest.raises(Unavailable, match=r"machine\.unreachable"):
            await owner.do("machine-draft-propose", draft=away)


async def test_a_machine_that_wants_a_login_says_so_and_not_that_one_was_refused(lathe, tmp_path):
    from asyncua import Server, ua

    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{free_port()}/")
    server.set_identity_tokens([ua.UserNameIdentityToken])
    async with server, connecting(tmp_path) as owner:
        person = Person(owner)
        wanted = text("zh", "remedy.login-wanted")
        draft = (await owner.do("machine-draft", name="L1", address=server.endpoint.geturl()))["draft"]
        for page in ("", "/look"):
            _, shown = await person.sees(f"/connect/{quote(draft)}{page}")
            assert wanted in shown
            assert text("zh", "remedy.login") not in shown
        other = (await owner.do("machine-draft", name="L2", address=lathe.endpoint))["draft"]
        for page in ("", "/look"):
            _, shown = await person.sees(f"/connect/{quote(other)}{page}")
            assert wanted not in shown, "the control: this one lets everybody in"


async def test_a_machine_that_moved_gets_another_address_and_all_else_of_it_stays(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        person = Person(owner)
        await owner.do("machine-add", name="L1", description=lathe.text())
        before = parse_text((await owner.node.book_state("floor")).machines["L1"].description)
        draft = (await owner.do("machine-draft-of", machine="L1"))["draft"]
        moved = "opc.tcp://10.0.0.9:1"
        await person.does("machine-draft-address", f"/connect/{quote(draft)}", draft=draft, address=moved)
        present = parse_text((await owner.node.book_state("floor")).machines["L1"].description)
        assert present == before, "not before the last step"
        await owner.do("machine-draft-add", draft=draft)
        after = parse_text((await owner.node.book_state("floor")).machines["L1"].description)
        assert after.base == moved
        assert (after.properties, after.actions) == (before.properties, before.actions)
