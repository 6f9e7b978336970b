"""``weft machine add`` with files: of a maker, of somebody else, of our own; what is noticed is told."""

import asyncio
import base64
import json

import click
import pytest

from tests.cli.desk import Desk
from tests.engine.home import empty_node
from tests.engine.test_describing import aid, both
from tests.twin.interfaces.things import HTTP, OPC_UA
from weft.basis.errors import Invalid
from weft.cli import machine, machine_files
from weft.cli.printing import Paper
from weft.engine.commands import run
from weft.engine.describing import FILE_MAX
from weft.shopfloor.reading import parse_text

WRITES = {**OPC_UA, "properties": {**OPC_UA["properties"], "SpindleSpeed": {
    **OPC_UA["properties"]["SpindleSpeed"], "weft:role": "setpoint", "weft:write": True}}}


@pytest.fixture
async def desk(monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "en")
    return Desk(await empty_node())


@pytest.fixture
def file(tmp_path):
    def written(value, name="machine.json"):
        path = tmp_path / name
        path.write_bytes(value if isinstance(value, bytes) else json.dumps(value).encode())
        return path
    return written


async def add(desk, path, as_json=False, **given):
    told = {one.name: False if one.is_flag else () if one.multiple else "" for one in machine.add.params
            if isinstance(one, click.Option) and one.name not in ("home", "as_json")}

    def called():
        with click.Context(machine.add):
            machine.add.callback.__wrapped__(desk, Paper(as_json=as_json), **{
                **told, "name": "M1", "description": str(path), "values": (), **given})

    await asyncio.to_thread(called)
    floor = await desk.node.state(desk.node.book("floor"))
    return parse_text(floor.machines["M1"].description)


async def test_our_own_description_goes_as_it_is(desk, file, capsys):
    described = await add(desk, file(WRITES))
    assert described.properties["SpindleSpeed"].write
    assert "Not taken over" not in capsys.readouterr().out


async def test_blanks_are_filled(desk, file):
    text = json.dumps(OPC_UA).replace(OPC_UA["base"], "{{ENDPOINT}}").encode()
    described = await add(desk, file(text), values=("ENDPOINT=opc.tcp://10.0.0.7:4840",))
    assert described.base == "opc.tcp://10.0.0.7:4840"


async def test_of_several_interfaces_one_is_named(desk, file):
    with pytest.raises(Invalid, match=r"describing\.choose"):
        await add(desk, file(both()))
    described = await add(desk, file(both()), interface="InterfaceMODBUS")
    assert list(described.properties) == ["Force", "Closed"]


async def test_what_was_noticed_is_told_in_the_reader_s_language(desk, file, capsys, monkeypatch):
    thing = {**HTTP, "properties": {**HTTP["properties"], "Log": {"type": "array", "forms": [{"href": "/log"}]}}}
    await add(desk, file(thing))
    assert "Values of type array are not read" in capsys.readouterr().out
    monkeypatch.setenv("WEFT_LANG", "zh")
    await add(desk, file(thing))
    assert "不读取类型为 array 的数据" in capsys.readouterr().out
    await add(desk, file(thing), as_json=True)
    assert [one["code"] for one in json.loads(capsys.readouterr().out)["noticed"]] == ["type"]


async def test_why_one_value_is_left_out_is_a_sentence_within_the_sentence(desk, file, capsys):
    thing = {**HTTP, "properties": {**HTTP["properties"], "X": {
        "type": "number", "weft:scale": 0, "forms": [{"href": "/x"}]}}}
    await add(desk, file([thing]))
    told = capsys.readouterr().out
    assert "This value cannot be read and is left out: properties/X" in told.replace("\n", " ")


async def test_a_submodel_makes_nothing_writable_unless_it_is_said(desk, file):
    environment = {"submodels": [aid(WRITES), {
        "modelType": "Submodel", "id": "urn:x:connection", "idShort": "Connection", "submodelElements": [
            {"modelType": "Blob", "idShort": "ThingDescription", "contentType": "application/td+json",
             "value": base64.b64encode(json.dumps(WRITES).encode()).decode()}]}]}
    described = await add(desk, file(environment))
    assert not described.properties["SpindleSpeed"].write
    described = await add(desk, file(environment), as_described=True)
    assert described.properties["SpindleSpeed"].write


@pytest.mark.parametrize(("content", "code"), [
    (b"{", "describing.not-readable"), (b"\xff", "describing.not-readable"), (b"{}", "describing.nothing"),
    (b" " * (FILE_MAX + 1), "describing.too-large")])
async def test_what_is_no_description_is_refused(desk, file, content, code):
    with pytest.raises(Invalid) as caught:
        await add(desk, file(content))
    assert caught.value.code == code


async def test_the_command_takes_base64_as_programs_send_it():
    node = await empty_node()
    content = base64.b64encode(json.dumps(HTTP).encode()).decode()
    done = await run(node, "machine-read", {"name": "M1", "content": content})
    assert done.facts["offers"][0]["properties"] == ("Mode",)
    with pytest.raises(Invalid, match=r"command\.params"):
        await run(node, "machine-read", {"name": "M1", "content": "?"})


def test_a_shell_is_not_taken_for_a_description_of_our_own():
    assert machine_files._own(json.dumps(WRITES).encode())
    assert not machine_files._own(json.dumps({"submodels": [], "x": '"weft:'}).encode())
    assert not machine_files._own(json.dumps(aid(WRITES)).encode())
