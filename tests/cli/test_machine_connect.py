"""``weft machine add NAME ADDRESS`` and ``weft machine health``, against a real machine."""

import asyncio
import json

import click
import pytest

from tests.cli.desk import Desk
from tests.machines.conftest import Process
from tests.machines.connecting import connecting
from weft.cli import machine_connect, machine_links
from weft.machines.discovering import Discovering
from weft.machines.http import HttpConnection
from weft.shopfloor.reading import parse_text

GIVEN = {"limits": {"SpindleSpeed": "100..4000"}, "roles": {}, "under": "", "way": "", "login": False, "yes": True}


class Command:
    """A function with the shape of a command."""

    def __init__(self, function):
        self.callback = self
        self.__wrapped__ = function


async def test_a_machine_is_added_by_its_address_and_its_link_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("WEFT_LANG", "en")
    process = Process("M1", "lathe", ["--seed", "7", "--speed", "60", "--scrap-rate", "0",
                                      "--state", str(tmp_path / "M1.starts")])
    await process.begin()
    try:
        async with connecting(tmp_path) as owner:
            desk = Desk(owner.node)
            await desk.call(Command(machine_connect.connect), name="L1", address=process.endpoint, given=GIVEN)
            told = capsys.readouterr()
            assert "This node may set SpindleSpeed, between 100 and 4000 rpm" in told.out
            assert "Feed could be a set-point" in told.out
            assert "Looking at" in told.err
            shown = {row.split()[0]: row.split()[1:] for row in told.out.splitlines()}
            assert {shown["OperatorStart"][-1], shown["LocalReady"][-1]} == {"no", "yes"}
            assert not {"True", "False", "None", "RPM", "H81"} & set(told.out.partition("This node")[0].split())
            floor = await owner.node.book_state("floor")
            assert parse_text(floor.machines["L1"].description).properties["SpindleSpeed"].write
            assert not (await owner.view("machine-drafts")).drafts
            await owner.node.floor.begin()
            assert await owner.node.floor.machines.runner("L1").connection.wait_up(30)
            await desk.call(Command(machine_links.health), as_json=True)
            assert json.loads(capsys.readouterr().out)["connections"][0]["state"] == "up"
    finally:
        await process.kill()


async def test_what_cannot_be_reached_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "en")
    async with connecting(tmp_path) as owner:
        with pytest.raises(click.ClickException, match="nobody answers at this number"):
            await Desk(owner.node).call(Command(machine_connect.connect), name="L1", address="opc.tcp://127.0.0.1:1",
                                        given=GIVEN)
        assert not (await owner.view("machine-drafts")).drafts


async def test_a_machine_that_takes_the_call_and_says_nothing_is_told_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "zh")
    held = []
    server = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
    async with server, connecting(tmp_path) as owner:
        await owner.node.discovery.close()
        owner.node.discovery = Discovering(lambda described, _: HttpConnection(described), ("http",))
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(click.ClickException, match="网线插好了吗"):
            await Desk(owner.node).call(Command(machine_connect.connect), name="L1", address=address, given=GIVEN)
        assert not (await owner.view("machine-drafts")).drafts
        for writer in held:
            writer.close()


def test_an_address_is_no_file():
    assert machine_connect.is_address("opc.tcp://10.0.0.5:4840")
    assert machine_connect.is_address("127.0.0.1:5840")
    assert machine_connect.is_address("vmc1:4840")
    assert not machine_connect.is_address("machines/lathe.td.json")


def test_a_known_reason_is_told_in_words(monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "zh")
    told = machine_connect._fault({"code": "machine.unreachable", "remedy": "refused", "facts": {
        "machine": "L1", "detail": "Connection refused"}})
    assert "这个端口没有应答" in told
    assert "Connection" not in told
