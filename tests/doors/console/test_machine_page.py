"""The page and the list of machines: why nothing can be used, what is old, and words instead of a device's own."""

import json
import re

import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import TOKEN, Stepping, alone, table
from weft.doors import console
from weft.engine.commands import run
from weft.engine.live import Live
from weft.engine.views import VIEWS
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import Link, Quality, Value
from weft.shopfloor.facts import ConnectionLost, MachineAlarmed

CENTRES = "id,zh,en,calendar,machine\nMILL,铣床,Mill,day,VMC2\n"
CALENDAR = "calendar,utc_offset,day,start,end\nday,+08:00,1-7,00:00,24:00\n"
VALUES = {
    "Speed": ("number", {}), "DoorClosed": ("boolean", {}), "EmergencyStop": ("boolean", {"weft:role": "safety"}),
    "Door": ("boolean", {"weft:role": "safety"}), "AlarmMessage": ("string", {}), "Axes": ("number", {}),
    "Alarm": ("integer", {"weft:role": "alarm"}), "Note": ("string", {}),
    "State": ("integer", {"weft:role": "state", "weft:states": {"0": "Idle", "2": "Running"}}),
}


def thing(**more):
    """A Thing Description of such a machine."""
    properties = {name: {
        "title": name, "type": kind, "readOnly": True, **extra, **more.get(name, {}),
        "forms": [{"href": f"nsu=x;s={name}", "op": ["readproperty", "observeproperty"]}],
    } for name, (kind, extra) in VALUES.items()}
    return {"@context": "https://www.w3.org/2022/wot/td/v1.1", "id": "urn:weft:machine:VMC2", "title": "二车间铣床",
            "base": "opc.tcp://127.0.0.1:1", "securityDefinitions": {"none": {"scheme": "nosec"}}, "security": ["none"],
            "properties": properties}


@pytest.fixture
async def mill():
    """A firm with one machine that is connected; nothing heard yet."""
    sample = await alone()
    node = sample.node
    for kind, text in (("calendars", CALENDAR), ("work-centres", CENTRES)):
        await run(node, "import", {"kind": kind, "content": table(text)})
    node.live = Live(Stepping(node.clock.now_ms() - 180_000))
    node.live.link("VMC2", Link(up=True))
    await node.record("floor", MachineAdded(machine="VMC2", description=json.dumps(thing())))
    yield node
    await sample.stop()


def hear(node, **values):
    node.live.take("VMC2", [(name, value if isinstance(value, Value) else Value(value))
                            for name, value in values.items()])


async def shown(node, address, lang="zh"):
    answer = await Client(console.routes(node)).ask(
        address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")
    assert answer.status == 200, (address, answer.body[:300])
    page = answer.body.decode()
    assert "⟦" not in page, re.findall("⟦[^⟧]*⟧", page)
    return page


def fact(page, title):
    """What stands beside ``title``."""
    return re.sub(r"<[^>]+>", "", re.search(rf"<dt>{title}.*?</dt><dd>(.*?)</dd>", page, re.DOTALL)[1]).strip()


@pytest.mark.parametrize(("lang", "state", "why"), [
    ("zh", "没有可用数值", "机器里没有这个地址"), ("en", "No usable values", "knows nothing at this address")])
async def test_a_machine_whose_values_are_all_bad_is_not_idle_and_says_why(mill, lang, state, why):
    hear(mill, **{name: Value(None, Quality.BAD, detail="BadNodeIdUnknown") for name in VALUES})
    for address in ("/machines", "/machines/VMC2"):
        page = await shown(mill, address, lang)
        assert state in page
        assert why in page
        assert "空闲" not in page
    hear(mill, Speed=0.0)  # the control: one value that can be used, and it is idle
    assert (await VIEWS["machine"](mill, name="VMC2")).row.state == "idle"


async def test_a_machine_of_which_nothing_was_heard_yet_has_no_bad_values(mill):
    assert (await VIEWS["machines"](mill)).machines[0].why == ""


async def test_values_are_told_in_words_and_a_safety_value_keeps_its_name(mill):
    hear(mill, DoorClosed=True, EmergencyStop=False, State=2, Speed=2800.0, Note="")
    page = await shown(mill, "/machines/VMC2")
    assert (fact(page, "DoorClosed"), fact(page, "EmergencyStop")) == ("是", "否")
    assert fact(page, "状态").startswith("加工中")
    assert not re.search(r"\b(True|False)\b", page)
    assert re.search(r'<dt>Note</dt><dd><span class="soft">–', page)  # an empty text is no fault
    hear(mill, State=0)
    assert fact(await shown(mill, "/machines/VMC2", "en"), "State").startswith("Idle")


async def test_a_bad_value_says_why_and_another_stays_as_it_is(mill):
    hear(mill, Axes=Value(None, Quality.BAD, detail="type"), Note=Value(None, Quality.BAD, detail="BadOddity"),
         DoorClosed=True)
    page = await shown(mill, "/machines/VMC2")
    assert fact(page, "Axes") == "得到的值类型不对"
    assert "BadOddity" in fact(page, "Note")
    assert fact(page, "DoorClosed") == "是"


async def test_values_of_a_machine_that_is_gone_are_told_as_of_then(mill):
    hear(mill, Speed=1500.0, DoorClosed=True)
    assert "听到" not in await shown(mill, "/machines/VMC2")  # the control: while it is connected they are of now
    mill.live.link("VMC2", Link(up=False))
    await mill.record("floor", ConnectionLost(machine="VMC2", at="2026-11-26T00:00:00.000Z"))
    page = await shown(mill, "/machines/VMC2")
    assert fact(page, "DoorClosed") == "是 3 分钟前听到"
    assert re.search(r"1,500.*?3 分钟前听到", await shown(mill, "/machines"), re.DOTALL)


@pytest.mark.parametrize("described", [False, True])
async def test_an_alarm_is_told_in_the_machine_s_own_words_where_it_has_some(mill, described):
    if described:
        await mill.record("floor", MachineAdded(machine="VMC2", description=json.dumps(
            thing(Alarm={"weft:alarms": {"207": "Tool worn"}}))))
    await mill.record("floor", MachineAlarmed(machine="VMC2", code="207", at="2026-11-26T00:00:00.000Z"))
    assert "报警 207" in await shown(mill, "/machines")
    hear(mill, AlarmMessage="刀具磨损\u202e", Note="不是报警")
    for address in ("/machines", "/machines/VMC2"):
        assert f"报警 207：{'Tool worn' if described else '刀具磨损'}。" in await shown(mill, address)


async def test_a_machine_is_removed_in_two_steps_on_its_page(mill):
    page = await shown(mill, "/machines/VMC2")
    before, after = page.split('id="machine-remove"')
    assert "/do/machine-remove" not in before  # the second step lies in the first
    assert "确定移除 VMC2" in after
    await run(mill, "machine-remove", {"name": "VMC2"})
    assert "VMC2" not in await shown(mill, "/machines")
