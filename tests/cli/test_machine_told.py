"""``weft machine list`` and ``show``: what machines do and tell, in the reader's words."""

import json

import pytest

from tests.cli.desk import Desk
from tests.doors.console.test_machine_page import thing
from tests.engine.home import empty_node
from weft.cli import machine
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import Link, Quality, Value


@pytest.fixture
async def desk(monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "zh")
    node = await empty_node()
    await node.record("floor", MachineAdded(machine="VMC2", description=json.dumps(thing())))
    node.live.link("VMC2", Link(up=True))
    return Desk(node)


async def test_a_machine_whose_values_are_all_bad_says_why_in_the_list(desk, capsys):
    desk.node.live.take("VMC2", [("Speed", Value(None, Quality.BAD, detail="timeout"))])
    await desk.call(machine.show)
    told = capsys.readouterr().out
    assert "没有可用数值：没有得到应答" in told
    desk.node.live.take("VMC2", [("DoorClosed", Value(True))])  # the control
    await desk.call(machine.show)
    assert "空闲" in capsys.readouterr().out


async def test_the_two_names_of_a_machine_have_columns_of_their_own(desk, capsys):
    await desk.call(machine.show)
    head, row = capsys.readouterr().out.splitlines()
    assert head.split()[:2] == ["名称", "显示名"]
    assert row.split()[:2] == ["VMC2", "二车间铣床"]


async def test_values_are_told_in_words(desk, capsys):
    desk.node.live.take("VMC2", [("DoorClosed", Value(False)), ("State", Value(2)), ("Axes", Value(
        None, Quality.BAD, detail="type"))])
    await desk.call(machine.one, name="VMC2")
    told = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert told["DoorClosed"] == ["否", "正常"]
    assert told["State"] == ["加工中", "正常"]
    assert told["Axes"] == ["得到的值类型不对"]
    assert told["Speed"] == ["无数据"]
