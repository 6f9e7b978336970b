"""A lathe described as an owner would, for the rules of the shop floor."""

import copy
import json
from typing import Any

import pytest

from weft.shopfloor.description import Description
from weft.shopfloor.reading import parse


def _property(kind: str, role: str = "", **more: Any) -> dict[str, Any]:
    told = {"type": kind, "forms": [{"href": "?id=ns=2;s=X"}]} | more
    return told | ({"weft:role": role} if role else {})


LATHE: dict[str, Any] = {
    "id": "urn:lathe", "title": "Lathe", "base": "opc.tcp://127.0.0.1:4840",
    "securityDefinitions": {"n": {"scheme": "nosec"}}, "security": "n",
    "weft:startMode": "auto", "weft:readyMaxAgeMs": 2000,
    "properties": {
        "JobId": _property("string", "jobId", **{"weft:write": True}),
        "Program": _property("string", "program", **{"weft:write": True, "enum": ["A", "B"]}),
        "Target": _property("integer", "target", minimum=1, maximum=1000, **{"weft:write": True}),
        "Speed": _property("number", "setpoint", minimum="100", maximum="4000", unit="RPM",
                           **{"weft:write": True, "weft:maxStep": 2000, "weft:minIntervalMs": 500}),
        "Heat": _property("number", "setpoint", minimum=20, maximum=200, unit="CEL",
                          **{"weft:write": True, "weft:scale": "0.1", "weft:offset": "-10"}),
        "State": _property("integer", "state", **{"weft:states": {
            "0": "Idle", "1": "AllowedToStart", "2": "Running", "3": "Interrupted", "4": "Ended", "5": "Aborted"}}),
        "Count": _property("integer", "count"), "Scrap": _property("integer", "scrap"),
        "Alarm": _property("integer", "alarm", **{"weft:alarms": {"7": "Tool worn"}}),
        "Ready": _property("boolean", "localReady"), "Stop": _property("boolean", "safety"),
        "Load": _property("number", "", **{"weft:deadband": "0.5"}),
    },
    "actions": {"StartJob": {"weft:role": "start", "forms": [{"href": "?id=ns=2;s=StartJob"}]}},
}


def thing(**changes: Any) -> dict[str, Any]:
    """The lathe's Thing Description; ``changes`` to its top level, ``properties`` by name, None removes one."""
    made = copy.deepcopy(LATHE)
    for name, change in changes.pop("properties", {}).items():
        if change is None:
            del made["properties"][name]
        else:
            made["properties"].setdefault(name, {"forms": [{"href": "?id=i=1"}], "type": "number"}).update(change)
    return made | changes


def text(**changes: Any) -> str:
    """The same as JSON."""
    return json.dumps(thing(**changes))


@pytest.fixture
def lathe() -> Description:
    """The lathe, checked."""
    return parse(thing())
