"""A machine is connected step by step: looked at, picked, bounded, tried, added, copied; a real one."""

import base64

import pytest
import pytest_asyncio

from tests.machines.conftest import Process, certificate, until
from tests.machines.connecting import connecting
from tests.machines.connecting import lathe as running_lathe
from weft.basis.errors import Denied, Invalid, NotFound, Refused
from weft.doors.api import OPERATOR_VIEWS
from weft.engine.commands import COMMANDS, run
from weft.engine.views import VIEWS
from weft.shopfloor.book import CommandIntended
from weft.shopfloor.reading import parse_text
from weft.shopfloor.remedies import Remedy, remedy

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lathe(tmp_path_factory):
    """One machine for all who leave it as it is."""
    async with running_lathe(tmp_path_factory.mktemp("lathe"), "M1") as process:
        yield process


@pytest_asyncio.fixture(loop_scope="module")
async def own(tmp_path):
    """A machine for one test alone."""
    async with running_lathe(tmp_path, "M2") as process:
        yield process


async def begun(owner, process, name="L1"):
    """A draft for the machine of ``process``, at the folder in which its values lie."""
    facts = await owner.do("machine-draft", name=name, address=process.endpoint)
    look = await owner.view("machine-look", draft=facts["draft"])
    place = next(one for one in look.nodes if one.kind == "object" and one.name not in ("Server", "Aliases"))
    return facts["draft"], place


async def test_a_device_is_looked_at_level_by_level_with_its_values(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        draft, place = await begun(owner, lathe)
        level = await owner.view("machine-look", draft=draft, under=place.href)
        speed = next(one for one in level.nodes if one.name == "SpindleSpeed")
        assert (speed.type, speed.unit, speed.writable, speed.quality) == ("number", "RPM", True, "good")
        found = await owner.view("machine-look", draft=draft, find="spindle")
        assert {one.name for one in found.nodes} >= {"SpindleSpeed"}
        assert all("spindle" in one.path.lower() for one in found.nodes)


async def test_what_is_picked_bounded_and_tried_becomes_a_machine(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        draft, place = await begun(owner, lathe)
        facts = await owner.do("machine-draft-pick", draft=draft, under=place.href, within=place.name, all=True)
        assert facts["added"] > 8
        view = await owner.view("machine-draft", draft=draft)
        assert "SpindleSpeed" in view.open
        assert all(one.property != "SpindleSpeed" for one in view.may_write)
        with pytest.raises(Invalid, match="write-without-limits"):
            await owner.do("machine-draft-row", draft=draft, at="SpindleSpeed", name="SpindleSpeed", write=True)
        await owner.do("machine-draft-row", draft=draft, at="SpindleSpeed", name="Speed", write=True, minimum="100",
                       maximum="4000", unit="RPM")
        view = await owner.view("machine-draft", draft=draft)
        assert ("Speed", "100", "4000", "RPM") in {(o.property, o.minimum, o.maximum, o.unit) for o in view.may_write}
        tried = await owner.view("machine-tried", draft=draft)
        assert tried.fault is None
        assert {one.property: one.why for one in tried.values if one.quality != "good"} == {"BrokenSensor": "sensor"}
        with pytest.raises(Refused, match="not-sure"):
            await owner.do("machine-draft-try", draft=draft, property="Speed", value="1500")
        with pytest.raises(Refused, match="out-of-limits"):
            await owner.do("machine-draft-try", draft=draft, property="Speed", value="9000", sure=True)
        assert (await owner.do("machine-draft-try", "k1", draft=draft, property="Speed", value="1500",
                               sure=True))["outcome"] == "confirmed"
        assert (await owner.do("machine-draft-add", draft=draft))["machine"] == "L1"
        floor = await owner.node.book_state("floor")
        assert parse_text(floor.machines["L1"].description).properties["Speed"].maximum == "4000"
        trials = {one.writes[0].value if one.writes else "": one.status for one in floor.commands.values()}
        assert trials == {"9000": "refused", "1500": "confirmed"}
        with pytest.raises(NotFound):
            await owner.view("machine-draft", draft=draft)


async def test_a_trial_is_refused_while_all_writing_is_stopped(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        draft, place = await begun(owner, lathe)
        await owner.do("machine-draft-pick", draft=draft, under=place.href, all=True)
        await owner.do("machine-draft-row", draft=draft, at="Feed", name="Feed", write=True, minimum="1", maximum="600")
        await owner.do("stop-writing", stopped=True)
        with pytest.raises(Refused, match="writing-stopped"):
            await owner.do("machine-draft-try", draft=draft, property="Feed", value="90", sure=True)
        assert not (await owner.node.book_state("floor")).commands
        await owner.do("stop-writing", stopped=False)  # the control: the same is done as soon as it may be
        told = await owner.do("machine-draft-try", draft=draft, property="Feed", value="90", sure=True)
        assert told["outcome"] == "confirmed"


async def test_a_trial_of_which_a_crash_left_no_outcome_is_unknown_and_bars_no_other(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        draft, place = await begun(owner, lathe)
        await owner.do("machine-draft-pick", draft=draft, under=place.href, all=True)
        await owner.do("machine-draft-row", draft=draft, at="Feed", name="Feed", write=True, minimum="1", maximum="600")
        left = CommandIntended(command="trial/L1/Feed/1", machine="L1", job="", kind="write")
        await owner.node.record("floor", left)
        await owner.do("machine-draft-try", draft=draft, property="Feed", value="90", sure=True)
        commands = (await owner.node.book_state("floor")).commands
        assert commands["trial/L1/Feed/1"].status == "unknown"
        assert sorted(one.status for one in commands.values()) == ["confirmed", "unknown"]


async def test_what_is_well_known_is_taken_by_itself_with_the_owners_limits(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        facts = await owner.do("machine-draft", name="L1", address=lathe.endpoint)
        told = await owner.do("machine-draft-propose", draft=facts["draft"], limits={"SpindleSpeed": "100..4000"})
        view = await owner.view("machine-draft", draft=facts["draft"])
        assert {one.role for one in view.rows} >= {"jobId", "state", "count", "program", "target", "localReady"}
        assert "SpindleSpeed" in {one.property for one in view.may_write}
        assert "needs-limits" in {one["code"] for one in told["findings"]}
        with pytest.raises(Invalid, match=r"connect\.limits"):
            await owner.do("machine-draft-propose", draft=facts["draft"], limits={"SpindleSpeed": "4000"})


async def test_a_machine_set_up_alike_is_looked_at_first(lathe, own, tmp_path):
    first, second = lathe, own
    async with connecting(tmp_path) as owner:
        facts = await owner.do("machine-draft", name="L1", address=first.endpoint)
        await owner.do("machine-draft-propose", draft=facts["draft"])
        await owner.do("machine-draft-add", draft=facts["draft"])
        to = [{"name": "L2", "address": second.endpoint}, {"name": "L3", "address": "opc.tcp://127.0.0.1:1"}]
        old, new = "M1", "M2"
        problems = (await owner.do("machine-copy", machine="L1", to=to, old=old, new=new))["problems"]
        assert [(one["row"], one["column"]) for one in problems] == [(2, "L3")]
        assert "L2" not in (await owner.node.book_state("floor")).machines
        assert (await owner.do("machine-copy", machine="L1", to=to[:1], old=old, new=new))["added"] == 1
        added = parse_text((await owner.node.book_state("floor")).machines["L2"].description)
        assert added.base == second.endpoint
        taken = await owner.do("machine-copy", machine="L1", to=to[:1])
        assert [one["code"] for one in taken["problems"]] == ["connect.name-taken"]


async def test_a_device_that_does_not_answer_is_told_with_what_to_do(tmp_path):
    async with connecting(tmp_path) as owner:
        facts = await owner.do("machine-draft", name="L1", address="opc.tcp://127.0.0.1:1")
        look = await owner.view("machine-look", draft=facts["draft"])
        assert (look.fault.code, look.fault.remedy) == ("machine.unreachable", "refused")
        assert not owner.node.discovery._open, "it is not tried again before somebody asks"
        offered = await owner.view("machine-offered", draft=facts["draft"])
        assert offered.fault.remedy == "refused"
        with pytest.raises(Invalid, match=r"machine\.scheme"):
            await owner.do("machine-draft", name="L1", address="ftp://127.0.0.1")
        with pytest.raises(Invalid, match="base-credentials"):
            await owner.do("machine-draft", name="L1", address="opc.tcp://me:secret@127.0.0.1:1")


async def test_a_mapping_goes_out_and_comes_in_as_a_table(tmp_path):
    async with connecting(tmp_path) as owner:
        facts = await owner.do("machine-draft", name="P1", address="modbus+tcp://127.0.0.1:1502")
        table = ("名称,地址,类型,单位,倍率,下限,上限,用途,可写\n主轴转速,40101,整数,rpm,,100,4000,设定值,是\n"
                 "温度,input 7 float,数,℃,0.1,,,,\n件数,保持寄存器 3,,件,,,,件数,\n")
        told = await owner.do("machine-draft-import", draft=facts["draft"],
                              content=base64.b64encode(table.encode()).decode())
        assert told["problems"] == []
        view = await owner.view("machine-draft", draft=facts["draft"])
        rows = {one.name: one for one in view.rows}
        speed = rows["主轴转速"]
        assert (speed.address, speed.unit, speed.write) == ("/1/100?quantity=1", "RPM", True)
        assert (rows["温度"].address, rows["温度"].form["modv:type"]) == ("/1/7?quantity=2", "xsd:float")
        assert rows["件数"].role == "count"
        out = (await owner.view("machine-mapping", draft=facts["draft"], lang="en")).csv
        await owner.do("machine-draft-unpick", draft=facts["draft"], names=list(rows))
        await owner.do("machine-draft-import", draft=facts["draft"], content=base64.b64encode(out.encode()).decode())
        again = {one.name: one for one in (await owner.view("machine-draft", draft=facts["draft"])).rows}
        assert again == rows
        wrong = "name,address,min,role\nA,1,x,signal\nA,2,,nothing\n"
        problems = (await owner.do("machine-draft-import", draft=facts["draft"],
                                   content=base64.b64encode(wrong.encode()).decode()))["problems"]
        assert {(one["row"], one["code"]) for one in problems} == {
            (2, "table.number"), (3, "table.choice"), (3, "connect.row-twice")}


async def test_every_connection_is_told_with_what_is_wrong(own, tmp_path):
    process = own
    async with connecting(tmp_path) as owner:
        facts = await owner.do("machine-draft", name="L1", address=process.endpoint)
        await owner.do("machine-draft-propose", draft=facts["draft"])
        await owner.do("machine-draft-row", draft=facts["draft"], name="Gone", address="?id=ns=2;s=nowhere")
        await owner.do("machine-draft-add", draft=facts["draft"])
        machines = owner.node.floor.machines
        await owner.node.floor.begin()
        assert await machines.runner("L1").connection.wait_up(30)
        await until(lambda: len(machines.health()["L1"].bad) == 2 and owner.node.floor.pulses.rate("L1") is not None)
        row = (await owner.view("connections")).connections[0]
        assert row.state == "up"
        assert {one.property: one.why for one in row.bad} == {"Gone": "gone", "BrokenSensor": "sensor"}
        assert row.rate >= 0
        await process.kill()
        await until(lambda: not machines.health()["L1"].up)
        await until(lambda: remedy(machines.health()["L1"].error) is Remedy.REFUSED)
        view = await owner.view("connections")
        assert (view.connections[0].state, view.connections[0].remedy, view.wrong) == ("down", "refused", 1)
        await process.begin()
        assert await machines.runner("L1").connection.wait_up(30)
        await until(lambda: owner.node.floor.pulses.gaps("L1"))
        assert (await owner.view("connections")).connections[0].gaps


async def test_a_machine_whose_certificate_changed_waits_for_the_owners_word(tmp_path):
    pairs = [certificate(tmp_path, name, "urn:freeopcua:python:server") for name in ("one", "two")]
    arguments = ["--seed", "7", "--speed", "60", "--scrap-rate", "0", "--state", str(tmp_path / "M3.starts")]
    process = Process("M3", "lathe", [*arguments, "--certificate", *pairs[0]])
    await process.begin()
    try:
        async with connecting(tmp_path / "keys") as owner:
            facts = await owner.do("machine-draft", name="L1", address=process.endpoint)
            offered = await owner.view("machine-offered", draft=facts["draft"])
            assert [(one.mode, one.policy) for one in offered.ways] == [("signAndEncrypt", "Basic256Sha256")]
            fault = (await owner.view("machine-look", draft=facts["draft"])).fault
            assert fault is not None, "without the security that it asks for it cannot be looked at"
            await owner.do("machine-draft-secure", draft=facts["draft"], way="signAndEncrypt Basic256Sha256")
            await owner.do("machine-draft-propose", draft=facts["draft"])
            await owner.do("machine-draft-add", draft=facts["draft"])
            await owner.node.floor.begin()
            connection = owner.node.floor.machines.runner("L1").connection
            assert await connection.wait_up(30)
            await process.kill()
            process.arguments = [*arguments, "--certificate", *pairs[1]]
            await process.begin()
            await until(lambda: connection.health.error == "machine.certificate-changed", 30)
            row = (await owner.view("connections")).connections[0]
            assert (row.remedy, row.offered.reason) == ("certificate", "changed")
            assert not await connection.wait_up(1), "the control: it is not trusted by itself"
            await owner.do("machine-trust", name="L1", fingerprint=row.offered.fingerprint)
            assert await connection.wait_up(30)
            row = (await owner.view("connections")).connections[0]
            assert (row.state, row.offered) == ("up", None)
    finally:
        await process.kill()


async def test_nobody_but_the_owner_looks_at_devices(tmp_path):
    async with connecting(tmp_path) as owner:
        names = [name for name in COMMANDS if name.startswith("machine-draft") or name == "machine-copy"]
        assert len(names) > 9
        for scope in ("operator", "worker", "client", "partner"):
            for name in names:
                with pytest.raises(Denied, match=r"command\.scope"):
                    await run(owner.node, name, {}, scope=scope)
    assert not OPERATOR_VIEWS & {name for name in VIEWS if name.startswith("machine-") and name.rpartition("-")[2] in {
        "draft", "drafts", "look", "offered", "tried", "mapping"}}


async def test_a_machine_that_is_there_is_changed_and_all_else_of_it_stays(lathe, tmp_path):
    async with connecting(tmp_path) as owner:
        await owner.do("machine-add", name="L1", description=lathe.text())
        before = parse_text((await owner.node.book_state("floor")).machines["L1"].description)
        facts = await owner.do("machine-draft-of", machine="L1")
        draft = facts["draft"]
        find = await owner.view("machine-look", draft=draft, find="broken")
        await owner.do("machine-draft-pick", draft=draft, find="broken", nodes=[find.nodes[0].href])
        await owner.do("machine-draft-unpick", draft=draft, names=["Temperature"])
        assert parse_text((await owner.node.book_state("floor")).machines["L1"].description) == before
        await owner.do("machine-draft-add", draft=draft)
        after = parse_text((await owner.node.book_state("floor")).machines["L1"].description)
        fresh = set(after.properties) - set(before.properties)
        assert len(fresh) == 1
        assert set(before.properties) - set(after.properties) == {"Temperature"}
        assert (after.start_mode, after.actions) == (before.start_mode, before.actions)
        with pytest.raises(NotFound):
            await owner.do("machine-draft-of", machine="L9")
