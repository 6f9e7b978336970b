"""A Thing Description is taken only if it is safe to act on."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.shopfloor.conftest import text, thing
from weft.basis.errors import Invalid
from weft.shopfloor import reading
from weft.shopfloor.connection import NO_DATA, Quality, Value
from weft.shopfloor.description import Role, engineering, moved
from weft.shopfloor.reading import fill, parse, parse_text

CHANNEL = {"scheme": "uav:channel-security", "uav:securityMode": "sign", "uav:securityPolicy": "Basic256Sha256"}


@pytest.mark.parametrize(("change", "code"), [
    ({"properties": {"Speed": {"minimum": None, "maximum": None}}}, "description.write-without-limits"),
    ({"properties": {"Stop": {"weft:write": True}}}, "description.safety-write"),
    ({"properties": {"Stop": {"forms": [{"href": "x", "op": ["readproperty", "writeproperty"]}]}}},
     "description.safety-write"),
    ({"properties": {"State": {"weft:write": True}}}, "description.role-not-writable"),
    ({"properties": {"Load": {"weft:write": True}}}, "description.role-not-writable"),
    ({"properties": {"Speed": {"readOnly": True}}}, "description.read-only"),
    ({"properties": {"Speed": {"minimum": 5000}}}, "description.limits"),
    ({"properties": {"Heat": {"weft:scale": 0}}}, "description.number"),
    ({"properties": {"Load": {"weft:role": "count"}}}, "description.role-twice"),
    ({"properties": {"Load": {"weft:role": "king"}}}, "description.role-unknown"),
    ({"properties": {"Load": {"type": "object"}}}, "description.type"),
    ({"properties": {"Load": {"forms": []}}}, "description.form-missing"),
    ({"properties": {"State": {"weft:states": {"0": "Dancing"}}}}, "description.state-unknown"),
    ({"properties": {"Ready": None}}, "description.auto-needs"),
    ({"actions": {}}, "description.auto-needs"),
    ({"weft:startMode": "remote"}, "description.start-mode"),
    ({"security": []}, "description.security"),
    ({"securityDefinitions": {"n": {"scheme": "auto"}}}, "description.security"),
    ({"securityDefinitions": {"n": CHANNEL | {"uav:securityPolicy": "Basic128Rsa15"}}}, "description.security"),
    ({"securityDefinitions": {"n": CHANNEL | {"uav:securityMode": "best"}}}, "description.security"),
    ({"base": "opc.tcp://user:secret@host"}, "description.base-credentials"),
    ({"base": "nowhere"}, "description.base"),
    ({"weft:readyMaxAgeMs": -1}, "description.field-type"),
])
def test_an_unsafe_or_unclear_description_is_refused_with_its_place(change: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse(thing(**change))
    assert refused.value.code == code


def test_a_secret_in_the_address_is_not_repeated_in_the_refusal() -> None:
    with pytest.raises(Invalid) as refused:
        parse(thing(base="opc.tcp://user:secret@host"))
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("wrong", "code"), [("{", "description.not-json"), ("[]", "description.not-object"),
                                             ("[" * 5000, "description.not-json"),
                                             (" " * 300_000, "description.too-large")])
def test_what_is_not_a_thing_description_at_all_is_refused(wrong: str, code: str) -> None:
    with pytest.raises(Invalid, match=code):
        parse_text(wrong)


def test_security_is_what_is_named() -> None:
    named = parse(thing(securityDefinitions={"n": CHANNEL, "u": {"scheme": "basic"}}, security=["n", "u"])).security
    assert (named.mode, named.policy, named.user) == ("sign", "Basic256Sha256", True)


def test_the_operator_starts_unless_the_owner_says_auto() -> None:
    made = thing()
    del made["weft:startMode"]
    assert parse(made).start_mode == "operator"
    assert parse_text(text()).start_mode == "auto"


def test_placeholders_are_filled_as_json_and_none_is_left() -> None:
    assert fill('{"title": "{{NAME}}"}', {"NAME": 'a "b"'}) == '{"title": "a \\"b\\""}'
    with pytest.raises(Invalid, match=r"description\.placeholder"):
        fill("{{NAME}}", {})


def test_no_data_bad_data_and_unchanged_are_three_things() -> None:
    load = parse(thing()).properties["Load"]
    assert engineering(load, NO_DATA) is NO_DATA
    assert engineering(load, Value("text")).quality is Quality.BAD
    assert moved(load, Value(1.0), NO_DATA)
    assert moved(load, Value(1.0), Value(None, Quality.BAD))
    assert not moved(load, Value(1.0), Value(1.4))  # within the deadband
    assert moved(load, Value(1.0), Value(1.6))


def test_how_old_a_value_is_is_told_only_by_stamps_that_can_be_true() -> None:
    assert Value(True, source_ms=1000, server_ms=1500).age_ms == 500
    assert Value(True, source_ms=1500, server_ms=1000).age_ms == 0
    assert Value(True, source_ms=9000, server_ms=1000).age_ms == -1  # stamped in the future: not fresh
    assert Value(True, source_ms=0, server_ms=1000).age_ms == -1
    assert Value(True, source_ms=1000).age_ms == -1


@pytest.mark.parametrize("page", ["connect-opcua.md", "connect-opcua.zh-CN.md"])
def test_every_word_of_ours_is_explained_in_both_languages(page: str) -> None:
    words = set(re.findall(r"weft:[a-zA-Z]+", Path(reading.__file__).read_text(encoding="utf-8")))
    explained = (Path(__file__).parents[2] / "docs" / "howto" / page).read_text(encoding="utf-8")
    assert len(words) > 15
    assert not {word for word in words if f"`{word}`" not in explained}
    assert not {role.value for role in Role if f"`{role.value}`" not in explained}


@pytest.mark.parametrize(("page", "modules"), [
    ("connect-mqtt", ["mqtt.py", "mqtt_access.py", "mqtt_browse.py", "mqtt_presence.py", "mqtt_values.py"]),
    ("connect-sparkplug", ["sparkplug/connection.py", "sparkplug/hosts.py"]),
    ("connect-modbus", ["modbus.py", "modbus_values.py", "polling.py"]),
    ("connect-http", ["http.py", "polling.py"]),
])
@pytest.mark.parametrize("language", ["", ".zh-CN"])
def test_every_word_of_a_protocol_is_explained_on_its_page(page: str, modules: list[str], language: str) -> None:
    machines = Path(reading.__file__).parents[1] / "machines"
    words = {word for module in modules
             for word in re.findall(r"weft:[a-zA-Z]+", (machines / module).read_text(encoding="utf-8"))}
    explained = (Path(__file__).parents[2] / "docs" / "howto" / f"{page}{language}.md").read_text(encoding="utf-8")
    assert len(words) > 1
    assert not {word for word in words if f"`{word}`" not in explained}


def test_roles_are_found_whatever_a_property_is_called() -> None:
    described = parse(thing())
    assert described.by_role(Role.COUNT) is described.properties["Count"]
    assert described.start_action() is described.actions["StartJob"]
