"""Operations of a machine's twin on a real machine: asked over HTTP, guarded, read back, and never done twice."""

import asyncio
import os
import re
import shlex
import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from aas_test_engines import file as engine
from control import Panel

from tests.machines.conftest import Process, until
from tests.machines.workshop import JOB, released, workshop
from weft.basis.errors import Invalid
from weft.engine.dispatch import Dispatcher
from weft.engine.twins.access import Access
from weft.engine.twins.handles import Handles
from weft.twin.names import encode_id, submodel_id


def rule(rights, *objects):
    """What lets every program of the house do ``rights`` with ``objects``."""
    return {"ACL": {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": list(rights), "ACCESS": "ALLOW"},
            "OBJECTS": list(objects),
            "FORMULA": {"$eq": [{"$attribute": {"CLAIM": "role"}}, {"$strVal": "client"}]}}


ALL = {"ROUTE": "*"}


async def value(at, name="Feed"):
    async with Panel(at.process.endpoint, "M1") as panel:
        return await panel.read(name)


async def patch(at, path, given, who=None, submodel="OperationalData"):
    more = {} if who is None else {"who": who}
    return await at.ask(f"{at.submodel(submodel)}/submodel-elements/{path}/$value", "PATCH", given, **more)


def forgetful(state):
    """The floor book after so much else that it has let the commands go."""
    async def forgot():
        return msgspec.structs.replace(await state(), commands={})

    return forgot


def code(answer):
    return answer.json()["messages"][0]["correlationId"]


async def test_there_is_an_operation_for_what_the_description_lets_us_write_and_for_nothing_else(tmp_path):
    async with workshop(tmp_path, "cell") as at:
        told = (await at.ask(at.submodel("Operations"))).json()
        groups = {one["idShort"]: {inner["idShort"]: inner for inner in one["value"]}
                  for one in told["submodelElements"]}
        assert set(groups) == {"Write", "Read", "Job"} and set(groups["Job"]) == {"Load", "Start"}
        description = at.process.description()
        writable = {name for name, one in description.properties.items() if one.write}
        assert {"StartCommand", "JobId"} <= writable, "the control: the description lets these be written, with a job"
        assert set(groups["Write"]) == writable - {"StartCommand", "JobId"}
        assert set(groups["Read"]) == set(description.properties)
        torque = groups["Write"]["Torque"]["inputVariables"][0]["value"]
        qualifiers = {one["type"]: one["value"] for one in torque["qualifiers"]}
        prop = description.properties["Torque"]
        assert (torque["valueType"], qualifiers) == (
            "xs:double", {"unit": prop.unit, "minimum": prop.minimum, "maximum": prop.maximum})
        for refused in ("Write.StartCommand", "Write.EmergencyStop", "Write.State", "Write.JobId"):
            assert (await at.invoke(refused, Value="J-1")).status == 404
        for name in ("StartCommand", "JobId"):
            answer = await patch(at, name, "J-1")
            assert (answer.status, code(answer)) == (409, "machine.by-job"), name
        assert (await value(at, "JobId"), await value(at, "StartCommand")) == ("", "")
        shell = (await at.ask(f"/api/v3/shells/{encode_id(at.shell)}")).json()
        found = engine.check_json_data({"assetAdministrationShells": [shell], "submodels": [told]})
        assert found.ok(), list(found.to_lines())


async def test_a_value_is_written_within_its_guard_and_told_as_read_back(tmp_path):
    async with workshop(tmp_path) as at:
        state, told = await at.outcome("Write.Feed", Value=180, CommandId="c-1")
        assert (state, told) == ("Completed", {"Outcome": "confirmed", "ReadBack": 180.0,
                                               "Command": "write/M1/Feed/as:c-1"})
        assert await value(at) == 180
        for wanted, reason in ((601, "guard.out-of-limits"), (9.9, "guard.out-of-limits"), ("fast", "guard.type"),
                               ("NaN", "guard.type"), ("1e30", "guard.type")):
            state, told = await at.outcome("Write.Feed", Value=wanted)
            assert (state, told["Outcome"], told["Reason"], told["ReadBack"]) == ("Failed", "refused", reason, 180.0)
        for wrong in ({"Value": [180]}, {"Value": {"a": 1}}, {"Value": None}, {"Value": True}, {}, {"Feed": 180}):
            assert (await at.invoke("Write.Feed", **wrong)).status == 400
        assert await value(at) == 180
        state, told = await at.outcome("Read.Feed")
        assert (state, told["Outcome"], told["Value"]) == ("Completed", "confirmed", 180.0)
        state, told = await at.outcome("Read.LocalReady")
        assert told["Value"] is True and told["Time"].endswith("Z")
        commands = await at.commands()
        assert [(one.status, one.reason) for one in commands.values()] == [
            ("confirmed", ""), *[("refused", "guard.out-of-limits")] * 2, *[("refused", "guard.type")] * 3]


async def test_what_has_a_name_is_done_once_and_told_again(tmp_path):
    async with workshop(tmp_path) as at:
        first = await at.outcome("Write.Feed", Value=180, CommandId="c-1")
        async with Panel(at.process.endpoint, "M1") as panel:
            await panel.write("Feed", 77.0)
        again = await at.outcome("Write.Feed", Value=180, CommandId="c-1")
        assert again[1]["Outcome"] == first[1]["Outcome"] == "confirmed"
        assert await value(at) == 77, "it is told, not done again"
        assert again[1]["ReadBack"] == 77.0, "what the machine says now"
        state, told = await at.outcome("Write.Feed", Value=181, CommandId="c-1")
        assert (state, told["Reason"]) == ("Failed", "floor.command-other")
        refused = [await at.outcome("Write.Feed", Value=9999, CommandId="c-2") for _ in range(2)]
        assert [one[1]["Outcome"] for one in refused] == ["refused"] * 2
        runner = at.node.floor.machines.runner("M1")
        runner._book = replace(runner._book, state=forgetful(runner._book.state))
        state, told = await at.outcome("Write.Feed", Value=180, CommandId="c-1")
        assert (told["Outcome"], told["Reason"]) == ("refused", "floor.command-used"), "also when it is long ago"
        assert await value(at) == 77
        assert (await at.outcome("Write.Feed", Value=180, CommandId="c-3"))[1]["Outcome"] == "confirmed"
        assert await value(at) == 180, "the control: another name is another command"


async def test_a_value_of_the_twin_itself_goes_the_same_way(tmp_path):
    async with workshop(tmp_path) as at:
        assert (await patch(at, "Feed", 180)).status == 204
        assert await value(at) == 180
        null = msgspec.Raw(b"null")
        for given, status, reason in ((9999, 409, "guard.out-of-limits"), ("fast", 409, "guard.type"),
                                      (null, 400, "twin.value-misfit"), ([1], 400, "twin.value-misfit")):
            answer = await patch(at, "Feed", given)
            assert (answer.status, code(answer)) == (status, reason)
        assert (code(await patch(at, "PieceCount", 5)), await value(at)) == ("guard.not-writable", 180)
        whole = f"{at.submodel('OperationalData')}/submodel-elements/Feed"
        element = (await at.ask(whole)).json()
        for method, address, given in (
                ("PUT", whole, element), ("PATCH", whole, element), ("DELETE", whole, None),
                ("PATCH", f"{at.submodel('OperationalData')}/$value", {"Feed": 181}),
                ("PATCH", f"{at.submodel('Operations')}/submodel-elements/Write/$value", {})):
            answer = await at.ask(address, method, given)
            assert (answer.status, code(answer)) == (403, "twin.kept-by-machine"), (method, address)
        assert "Operations" in answer.json()["messages"][0]["text"]
        assert await value(at) == 180


async def test_the_job_that_is_due_is_loaded_and_started_only_where_the_machine_lets_it(tmp_path):
    async with workshop(tmp_path) as at, Panel(at.process.endpoint, "M1") as panel:
        assert (await at.outcome("Job.Load"))[1]["Reason"] == "machine.no-job-due"
        await released(at)
        assert (await at.outcome("Job.Load", Job="J-9"))[1]["Reason"] == "machine.other-job-due"
        assert (await at.outcome("Job.Start", Job=JOB))[1]["Reason"] == "machine.other-job", "nothing lies there yet"
        state, told = await at.outcome("Job.Load")
        assert (state, told["Outcome"], told["JobId"]) == ("Completed", "confirmed", JOB)
        assert (await value(at, "Program"), await value(at, "SpindleSpeed")) == ("BODY", 1800)
        assert (await at.node.book_state("production")).jobs[JOB].loaded
        lies = await at.outcome("Write.Program", Value="OTHER")
        assert (lies[1]["Reason"], lies[1]["ReadBack"]) == ("machine.job-lies", "BODY")
        await panel.set_local_ready(False)
        assert (await at.outcome("Job.Start", Job=JOB))[1]["Reason"] == "machine.not-ready"
        assert (await at.invoke("Job.Start")).status == 400, "who starts says what"
        assert await panel.starts_seen() == {}
        await panel.set_local_ready(True)
        started = [await at.outcome("Job.Start", Job=JOB) for _ in range(3)]
        assert [one[1]["Outcome"] for one in started] == ["confirmed"] * 3
        assert await panel.starts_seen() == {JOB: 1}, "however often it is asked"
        assert (await at.node.book_state("production")).jobs[JOB].started


async def test_where_the_operator_starts_nobody_else_does(tmp_path):
    async with workshop(tmp_path, **{"weft:startMode": "operator"}) as at:
        await released(at)
        assert (await at.outcome("Job.Load"))[1]["Outcome"] == "confirmed"
        state, told = await at.outcome("Job.Start", Job=JOB)
        assert (state, told["Reason"]) == ("Failed", "machine.operator-starts")
        async with Panel(at.process.endpoint, "M1") as panel:
            assert await panel.starts_seen() == {}


async def test_the_emergency_stop_of_writing_refuses_all_and_outlives_the_node(tmp_path):
    async with workshop(tmp_path) as at:
        before = await value(at)
        await released(at)
        await at.node.floor.stop_writing(stopped=True)
        asked = (("Write.Feed", {"Value": 180}), ("Job.Load", {}), ("Job.Start", {"Job": JOB}))
        for path, given in asked:
            state, told = await at.outcome(path, **given)
            assert (state, told["Outcome"], told["Reason"]) == ("Failed", "refused", "machine.writing-stopped"), path
        answer = await patch(at, "Feed", 180)
        assert (answer.status, code(answer)) == (409, "machine.writing-stopped")
        assert (await at.outcome("Read.Feed"))[0] == "Completed", "reading goes on"
        assert await value(at) == before
        again = Dispatcher(at.node, at.node.floor.machines)
        at.node.floor.machines.stop_writing = False
        await again.begin()
        assert at.node.floor.machines.stop_writing, "a node that begins anew is as stopped as before"
        await again.stop_writing(stopped=False)
        for task in again._tasks:
            task.cancel()
        assert (await at.outcome("Write.Feed", Value=180))[1]["Outcome"] == "confirmed", "the control"


def falls_silent(at):
    """The machine stops at the moment when it is written to, as if somebody pulled the plug of its network."""
    connection = at.node.floor.machines.runner("M1").connection
    write = connection.write

    async def written(values):
        os.kill(at.process.child.pid, signal.SIGSTOP)
        return await write(values)

    connection.write = written


async def test_what_a_silent_machine_did_is_unknown_and_never_tried_again(tmp_path):
    async with workshop(tmp_path, **{"weft:readBackMs": 200, "weft:linkGraceMs": 200}) as at:
        assert (await at.outcome("Write.Feed", Value=180))[0] == "Completed"
        falls_silent(at)
        state, told = await at.outcome("Write.Feed", Value=190, CommandId="c-1")
        assert (state, told) == ("Timeout", {"Outcome": "unknown", "Reason": "machine.write-unknown",
                                             "Command": "write/M1/Feed/as:c-1"})
        state, told = await at.outcome("Write.Feed", Value=190, CommandId="c-1")
        assert (state, told["Outcome"]) == ("Timeout", "unknown"), "asked again it is as unknown as before"
        answer = await patch(at, "Feed", 200)
        assert answer.status == 409, "nothing was sent, and it is no fault of the server's"
        assert code(answer) in ("machine.silent", "machine.unreachable")
        await at.process.kill()
        await until(lambda: not at.node.live.status("M1").up)
        state, told = await at.outcome("Write.Feed", Value=200)
        assert (state, told["Outcome"], told["Reason"]) == ("Failed", "refused", "machine.unreachable")
        assert (await at.outcome("Read.Feed"))[1] == {"Outcome": "refused", "Reason": "machine.unreachable"}
        stand = {name: one.status for name, one in (await at.commands()).items()}
        assert stand == {"write/M1/Feed/1": "confirmed", "write/M1/Feed/as:c-1": "unknown"}


async def test_a_value_of_the_twin_whose_fate_is_unknown_is_never_told_as_done(tmp_path):
    async with workshop(tmp_path, **{"weft:readBackMs": 200, "weft:linkGraceMs": 200}) as at:
        assert (await patch(at, "Feed", 180)).status == 204
        falls_silent(at)
        answer = await patch(at, "Feed", 190)
        assert (answer.status, code(answer)) == (409, "machine.write-unknown")
        assert "not known" in answer.json()["messages"][0]["text"]


async def test_what_is_begun_is_asked_for_later_and_goes_on_when_nobody_waits(tmp_path):
    async with workshop(tmp_path) as at:
        status = f"{at.submodel('Operations')}/submodel-elements/Write.Feed"

        async def ends(handle):
            for _ in range(200):
                told = await at.ask(f"{status}/operation-status/{handle}")
                if told.status == 302:
                    return (await at.ask(f"{status}/operation-results/{handle}/$value")).json()
                assert told.json()["executionState"] == "Running"
                await asyncio.sleep(0.05)
            raise AssertionError("it never ended")

        begun = await at.invoke("Write.Feed", how="invoke-async/$value", Value=180, CommandId="c-1")
        assert begun.status == 202
        handle = begun.headers["location"].rpartition("/")[2]
        told = await ends(handle)
        assert (told["executionState"], told["outputArguments"]["Outcome"]) == ("Completed", "confirmed")
        assert (await at.ask(f"{at.submodel('Operations')}/submodel-elements/Write.SpindleSpeed"
                             f"/operation-status/{handle}")).status == 404, "a handle is of one operation"
        begun = await at.invoke("Write.Feed", how="invoke-async/$value", Value=9999)
        told = await ends(begun.headers["location"].rpartition("/")[2])
        assert (told["executionState"], told["outputArguments"]["Reason"]) == ("Failed", "guard.out-of-limits")
        assert told["messages"][0]["correlationId"] == "guard.out-of-limits"

        late = await at.invoke("Write.Feed", seconds=0, Value=190, CommandId="c-2")
        told = late.json()
        assert (told["executionState"], told["outputArguments"]["Outcome"]) == ("Timeout", "unknown")
        assert told["messages"][0]["correlationId"] == "twin.operation-late"
        await asyncio.gather(*at.node.floor.asked)
        assert await value(at) == 190, "who waits no longer ends nothing"
        assert (await at.outcome("Write.Feed", Value=190, CommandId="c-2"))[1]["Outcome"] == "confirmed"

        at.node.operations.runs = Handles()     # what a node that was stopped knows of handles
        gone = await at.ask(f"{status}/operation-status/{handle}")
        assert (gone.status, code(gone)) == (404, "twin.handle") and "CommandId" in gone.json()["messages"][0]["text"]


async def test_no_program_moves_a_machine_unless_a_rule_says_so(tmp_path):
    async with workshop(tmp_path) as at:
        who, before = await at.token(), await value(at)
        feed = submodel_id(at.shell, "OperationalData")
        invoked = {"REFERABLE": f"(Submodel){submodel_id(at.shell, 'Operations')}, "
                                "(SubmodelElementCollection)Write, (Operation)Feed"}
        shown = {"REFERABLE": f"(Submodel){feed}, (Property)Feed"}

        async def tries():
            """What becomes of the operation, of another, of the value, and of the job."""
            return [(await at.invoke("Write.Feed", who=who, Value=180)).status,
                    (await at.invoke("Write.SpindleSpeed", who=who, Value=1500)).status,
                    (await patch(at, "Feed", 180, who)).status,
                    (await at.invoke("Job.Load", who=who)).status]

        assert await tries() == [403] * 4, "by default"
        for rights in (("READ", "CREATE", "UPDATE", "DELETE"), ("READ", "EXECUTE")):
            await Access(at.node).keep({"rules": [rule(rights, ALL)]})
            allowed = await tries()
            assert allowed == ([403] * 4 if "UPDATE" in rights else [200, 200, 403, 200]), rights
            assert await value(at) == (before if "UPDATE" in rights else 180)
        async with Panel(at.process.endpoint, "M1") as panel:
            await panel.write("Feed", 50.0)
        await Access(at.node).keep({"rules": [rule(("READ",), ALL), rule(("EXECUTE",), invoked)]})
        assert await tries() == [200, 403, 403, 403], "the one that it may invoke"
        await Access(at.node).keep({"rules": [rule(("READ",), ALL), rule(("UPDATE", "EXECUTE"), shown)]})
        assert await tries() == [403, 403, 204, 403], "the one that it may write"
        partner = await at.token("partner", "AnotherFirm")
        assert (await at.invoke("Write.Feed", who=partner, Value=180)).status in (403, 404)
        assert (await at.invoke("Write.Feed", who="nobody", Value=180)).status == 401
        everybody = {"ACL": {"ATTRIBUTES": [{"GLOBAL": "ANONYMOUS"}], "RIGHTS": ["ALL"], "ACCESS": "ALLOW"},
                     "OBJECTS": [ALL], "FORMULA": {"$boolean": True}}
        await Access(at.node).keep({"rules": [everybody]})
        assert (await at.ask(at.submodel("Operations"), who="")).status == 200, "control: it is seen by everybody"
        assert (await at.invoke("Write.Feed", who="", Value=160)).status == 401
        assert (await patch(at, "Feed", 160, "")).status == 401 and await value(at) != 160
        assert (await at.invoke("Write.Feed", Value=170)).status == 200 and await value(at) == 170, "the owner may"


CLEAR = {"title": "Clear the alarm", "weft:call": True, "weft:readBack": {"AlarmCode": 0}, "forms": [{
    "href": "?id=nsu=urn:weft:demo:machine;s=M1.ClearAlarm", "op": "invokeaction",
    "weft:object": "?id=nsu=urn:weft:demo:machine;s=M1"}]}


async def test_an_action_is_called_where_the_description_says_so_and_what_the_machine_shows_afterwards(tmp_path):
    never = {**CLEAR, "weft:readBack": {"AlarmCode": 7}}
    plain = {name: one for name, one in CLEAR.items() if not name.startswith("weft:")}
    actions = {"ClearAlarm": CLEAR, "Never": never, "Plain": plain}
    async with workshop(tmp_path, actions=actions, **{"weft:startMode": "operator", "weft:startMs": 500}) as at:
        told = (await at.ask(at.submodel("Operations"))).json()
        [calls] = [one["value"] for one in told["submodelElements"] if one["idShort"] == "Call"]
        assert [one["idShort"] for one in calls] == ["ClearAlarm", "Never"], "what does not say so cannot be called"
        assert (await at.invoke("Call.Plain")).status == 404
        assert (await at.outcome("Call.ClearAlarm"))[1]["Reason"] == "machine.already-so"
        async with Panel(at.process.endpoint, "M1") as panel:
            await panel.raise_alarm(101)
            for _ in range(2):     # told again, not done again
                state, said = await at.outcome("Call.ClearAlarm", CommandId="c-1")
                assert (state, said) == ("Completed", {"Outcome": "confirmed", "Command": "call/M1/ClearAlarm/as:c-1"})
            assert await panel.read("AlarmCode") == 0
            await panel.raise_alarm(102)
            await at.outcome("Call.ClearAlarm", CommandId="c-1")
            assert await panel.read("AlarmCode") == 102, "under one name it is called once"
            state, said = await at.outcome("Call.Never")
            assert (state, said["Outcome"], said["Reason"]) == ("Timeout", "unknown", "machine.call-unknown")
            await panel.raise_alarm(103)
            await at.node.floor.stop_writing(stopped=True)
            assert (await at.outcome("Call.ClearAlarm"))[1]["Reason"] == "machine.writing-stopped"
            assert await panel.read("AlarmCode") == 103
        who = await at.token()
        assert (await at.invoke("Call.ClearAlarm", who=who)).status == 403
        stand = {name: one.status for name, one in (await at.commands()).items()}
        assert stand == {"call/M1/ClearAlarm/1": "refused", "call/M1/ClearAlarm/as:c-1": "confirmed",
                         "call/M1/Never/1": "unknown", "call/M1/ClearAlarm/2": "refused"}


@pytest.mark.parametrize(("changed", "refused"), [
    ({"weft:role": "safety"}, "description.safety-write"), ({"weft:readBack": {}}, "description.call"),
    ({"weft:role": "start"}, "description.call"), ({"weft:arguments": ["jobId"]}, "description.call"),
    ({"weft:readBack": {"Nothing": 0}}, "description.read-back"),
    ({"weft:readBack": {"AlarmCode": "none"}}, "description.read-back"),
    ({"weft:readBack": {"AlarmCode": [0]}}, "description.field-type"), ({"weft:call": "yes"}, "description.field-type"),
    ({}, "")])
def test_what_makes_no_sense_in_an_action_is_refused_and_a_safety_function_is_never_callable(changed, refused):
    process = Process("M1", "lathe", [], "opc.tcp://127.0.0.1:4840")
    try:
        described = process.description(actions={"ClearAlarm": {**CLEAR, **changed}}, **{"weft:startMode": "operator"})
    except Invalid as error:
        assert error.code == refused
    else:
        assert refused == "" and described.actions["ClearAlarm"].read_back == {"AlarmCode": "0"}     # the control


# ---- the pages that say how ---------------------------------------------------------------------------

HOWTO = Path(__file__).parents[2] / "docs" / "howto"
BLOCKS = re.compile(r"```(sh|json)\n(.*?)```", re.DOTALL)


def holds(wanted, told):
    """Whether ``told`` says all that ``wanted`` says."""
    if isinstance(wanted, dict):
        return isinstance(told, dict) and all(name in told and holds(one, told[name]) for name, one in wanted.items())
    if isinstance(wanted, list):
        return len(wanted) == len(told) and all(map(holds, wanted, told))
    return wanted == told


async def asked(at, line, handle):
    """What a line of the page asks, and the answer."""
    words = shlex.split(re.sub(r"\$\(at (\w+)\)", lambda found: f"{at.submodel(found[1])}/submodel-elements",
                               line.replace("\\$value", "$value").replace("HANDLE", handle)))
    given = dict(pairwise(words))
    method = given.get("-X", "POST" if "-d" in given else "GET")
    body = msgspec.Raw(given["-d"].encode()) if "-d" in given else None
    return await at.ask(words[-1], method, body)


@pytest.mark.parametrize("page", ["twin-operations.md", "twin-operations.zh-CN.md"])
async def test_the_page_asks_what_the_node_answers(page, tmp_path):
    text = (HOWTO / page).read_text(encoding="utf-8")
    blocks = BLOCKS.findall(text)
    lines = [line for kind, block in blocks if kind == "sh" for line in block.splitlines() if line.startswith("ask ")]
    assert len(lines) == 8, "the control: the page has lines to ask"
    async with workshop(tmp_path) as at:
        await released(at)
        handle, answers = "", []
        for kind, block in blocks:
            if kind == "json" and '"rules"' not in block:
                wanted = msgspec.json.decode(block)
                assert holds(wanted, answers[-1].json()), answers[-1].body
                assert not holds({**wanted, "success": not wanted["success"]}, answers[-1].json())     # the control
            for line in block.splitlines() if kind == "sh" else ():
                if not line.startswith("ask "):
                    continue
                if "operation-results" in line:
                    await asyncio.gather(*at.node.floor.asked)
                    await asyncio.sleep(0.05)
                answers.append(await asked(at, line, handle))
                assert answers[-1].status in (200, 202, 204, 302), (line, answers[-1].body)
                handle = answers[-1].headers.get("location", handle).rpartition("/")[2] or handle
        assert answers[-1].status == 204 and answers[-2].json()["outputArguments"]["Outcome"] == "confirmed"
        assert await value(at) == 185 and (await value(at, "JobId")) == JOB
        [rules] = [block for kind, block in blocks if kind == "json" and '"rules"' in block]
        await Access(at.node).keep(msgspec.json.decode(rules.replace("ORGANISATION", at.node.organisation)))
        who = await at.token()
        assert (await at.invoke("Write.Feed", who=who, Value=100)).status == 200
        assert (await at.invoke("Write.SpindleSpeed", who=who, Value=500)).status == 404
