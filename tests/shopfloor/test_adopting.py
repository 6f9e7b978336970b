"""Thing Descriptions of other people are used as far as they go; nothing becomes writable, and all is told."""

import copy
import re
from pathlib import Path

import pytest

from tests.twin.interfaces.things import ALL, MQTT, NOSEC, OPC_UA
from weft import locale
from weft.basis.errors import Invalid
from weft.basis.noticed import CODES
from weft.shopfloor.adopting import NOTICED_MAX, adopt
from weft.shopfloor.reading import parse

SOURCES = [Path(__file__).parents[2] / "src" / "weft" / one for one in ("shopfloor/adopting.py", "twin/interfaces",
                                                                        "engine/describing.py")]
LAMP = {  # in the manner of the first example of the specification
    "@context": ["https://www.w3.org/2022/wot/td/v1.1", {"@language": "en"}], "title": "MyLampThing",
    "securityDefinitions": {"basic_sc": {"scheme": "basic", "in": "header"}}, "security": "basic_sc",
    "links": [{"href": "https://weft.example/lamp"}],
    "properties": {
        "status": {"type": "string", "readOnly": True, "forms": [{"href": "https://mylamp.example.com/status"}]},
        "secret": {"type": "string", "writeOnly": True, "forms": [{"href": "https://mylamp.example.com/secret"}]}},
    "actions": {"toggle": {"forms": [{"href": "https://mylamp.example.com/toggle", "op": "invokeaction"}]}},
    "events": {"overheating": {"data": {"type": "string"}, "forms": [{"href": "https://mylamp.example.com/oh"}]}}}


def codes(adopted):
    return sorted((one.grade, one.code, one.where) for one in adopted.noticed)


def with_property(thing, name="X", **each):
    made = copy.deepcopy(thing)
    made["properties"][name] = {"title": "X", "type": "number", "forms": [{"href": "/?id=ns=2;i=1"}], **each}
    return made


@pytest.mark.parametrize("protocol", ALL)
def test_a_description_of_ours_is_taken_word_for_word(protocol):
    adopted = adopt(ALL[protocol], "L1")
    assert adopted.noticed == () and adopted.thing == {**ALL[protocol], "actions": {}}


def test_a_description_in_the_manner_of_the_specification_is_used():
    adopted = adopt(LAMP, "lamp")
    described = parse(adopted.thing)
    assert (described.base, described.id, described.security.user) == (
        "https://mylamp.example.com", "urn:weft:machine:lamp", True)
    assert list(described.properties) == ["status"] and list(described.actions) == ["toggle"]
    assert codes(adopted) == [
        ("fixed", "no-base", "properties/status"), ("fixed", "no-id", "id"), ("lost", "event", "events/overheating"),
        ("lost", "write-only", "properties/secret")]
    assert adopted.thing["links"] == LAMP["links"]  # what we have no use for stays for those who have


def test_nothing_becomes_writable_or_callable():
    thing = with_property(OPC_UA, **{"weft:role": "setpoint", "weft:write": True, "minimum": 0, "maximum": 9})
    thing |= {"weft:startMode": "auto", "actions": {"Reset": {
        "weft:call": True, "weft:readBack": {"State": 0}, "forms": [{"href": "/?id=ns=2;i=3"}]}}}
    adopted = adopt(thing, "L1")
    described = parse(adopted.thing)
    assert not any(one.write for one in described.properties.values())
    assert not described.actions["Reset"].call and described.start_mode == "operator"
    assert codes(adopted) == [("kept", "call-off", "actions/Reset"), ("kept", "start-off", "weft:startMode"),
                              ("kept", "write-off", "properties/X")]
    assert thing["properties"]["X"]["weft:write"] is True  # what was given is not changed


def test_the_control_without_this_it_would_be_writable():
    thing = with_property(OPC_UA, **{"weft:role": "setpoint", "weft:write": True, "minimum": 0, "maximum": 9})
    assert parse(thing).properties["X"].write


@pytest.mark.parametrize(("each", "expected"), [
    ({"type": "array"}, ("lost", "type", "properties/X")),
    ({"type": "object", "properties": {"a": {"type": "number"}}}, ("lost", "type", "properties/X")),
    ({"forms": []}, ("lost", "no-reading", "properties/X")),
    ({"forms": [{"href": "opc.tcp://other:4840/?id=ns=2;i=1"}]}, ("lost", "elsewhere", "properties/X")),
    ({"forms": [{"href": "http://[/"}]}, None),
    ({"forms": [{"href": "/?id=ns=2;i=1", "op": "writeproperty"}]}, ("lost", "no-reading", "properties/X")),
    ({"forms": [{"href": "/?id=ns=2;i=1", "op": "observeproperty"}]}, ("fixed", "observed-only", "properties/X")),
    ({"unit": 7}, ("lost", "field", "properties/X/unit")),
    ({"minimum": "low"}, ("lost", "field", "properties/X/minimum")),
    ({"minimum": 9, "maximum": 1}, ("lost", "bounds", "properties/X")),
    ({"enum": [[1]]}, ("lost", "field", "properties/X/enum")),
    ({"weft:scale": 0}, ("lost", "property", "properties/X")),
    ({"type": "float"}, ("lost", "type", "properties/X")),
    ({"type": None}, ("lost", "property", "properties/X")),
])
def test_one_value_that_cannot_be_read_keeps_out_no_other(each, expected):
    adopted = adopt(with_property(OPC_UA, **each), "L1")
    assert {"SpindleSpeed", "State"} <= set(parse(adopted.thing).properties)
    if expected is not None:
        assert expected in codes(adopted)


def test_a_value_without_a_type_is_taken_for_what_it_looks_like():
    thing = with_property(OPC_UA)
    for name, told in (("A", {"enum": [True]}), ("B", {"maximum": 3}), ("C", {"const": 1.5}), ("D", {})):
        thing["properties"][name] = {**told, "forms": [{"href": "/?id=ns=2;i=1"}]}
    made = adopt(thing, "L1").thing["properties"]
    assert [made[name]["type"] for name in "ABCD"] == ["boolean", "number", "number", "string"]


def test_a_document_is_taken_apart_into_its_values():
    thing = copy.deepcopy(MQTT)
    thing["properties"]["Phase"] = {"type": "object", "observable": False, "forms": [{"href": "shop/phase"}],
                                    "properties": {"u": {"type": "number", "unit": "VLT"}, "i/x": {"properties": {
                                        "max": {"type": "number"}}, "type": "object"}, "list": {"type": "array"}}}
    adopted = adopt(thing, "L1")
    found = parse(adopted.thing).properties
    assert {name: one.form["weft:pointer"] for name, one in found.items() if "weft:pointer" in one.form} == {
        "Phase.u": "/u", "Phase.i/x.max": "/i~1x/max"}
    assert (found["Phase.u"].unit, found["Phase.u"].observe, found["Phase.u"].href) == ("VLT", False, "shop/phase")
    assert codes(adopted) == [("fixed", "taken-apart", "properties/Phase"), ("lost", "type", "properties/Phase/list")]


def test_words_that_were_written_as_texts_are_flags_and_numbers_again():
    thing = with_property(ALL["modbus"], forms=[{
        "href": "/1/7", "modv:mostSignificantByte": "true", "modv:zeroBasedAddressing": "0", "modv:timeout": "250",
        "modv:pollingTime": "1000", "modv:type": "xs:float"}])
    assert parse(adopt(thing, "L1").thing).properties["X"].form == {
        "modv:mostSignificantByte": True, "modv:zeroBasedAddressing": False, "modv:timeout": 250,
        "modv:pollingTime": 1000, "weft:pollingMs": 1000, "modv:type": "xsd:float"}


# ---- security ----------------------------------------------------------------------------------------


CHANNEL = {"scheme": "uav:channel-security", "uav:securityMode": "SignAndEncrypt",
           "uav:securityPolicy": "Basic256Sha256"}


def secured(definitions, *wanted):
    return {**OPC_UA, "securityDefinitions": definitions, "security": list(wanted)}


def test_schemes_that_all_count_are_taken_apart():
    thing = secured({"both": {"scheme": "combo", "allOf": ["c", "u"]}, "c": CHANNEL,
                     "u": {"scheme": "uav:authentication", "uav:userIdentityToken": "UserName"}}, "both")
    adopted = adopt(thing, "L1")
    security = parse(adopted.thing).security
    assert (security.mode, security.policy, security.user) == ("signAndEncrypt", "Basic256Sha256", True)
    assert codes(adopted) == [("fixed", "combined", "security")]


def test_that_nobody_logs_in_needs_no_word():
    thing = secured({"c": CHANNEL, "u": {"scheme": "uav:authentication", "uav:userIdentityToken": "Anonymous"}},
                    "c", "u")
    assert not parse(adopt(thing, "L1").thing).security.user


@pytest.mark.parametrize("thing", [
    secured({"a": {"scheme": "auto"}}, "a"), secured({"a": {"scheme": "digest"}}, "a"),
    secured({"a": {"scheme": "combo", "oneOf": ["n", "c"]}, "n": {"scheme": "nosec"}, "c": CHANNEL}, "a"),
    secured({"a": {"scheme": "combo", "allOf": [7]}}, "a"), secured({"a": {"scheme": "combo", "allOf": ["b"]}}, "a"),
    secured({"u": {"scheme": "uav:authentication", "uav:userIdentityToken": "IssuedToken"}, "c": CHANNEL}, "u", "c"),
    secured({"a": {**CHANNEL, "uav:securityPolicy": "Basic128Rsa15"}}, "a"),
    secured({"a": {**CHANNEL, "uav:securityMode": ""}}, "a"), secured({}), secured({}, "gone"), secured({}, 7),
    {**OPC_UA, "security": 7}, {**OPC_UA, "securityDefinitions": 7}, secured({"a": {"scheme": {"x": 1}}}, "a"),
])
def test_security_that_we_do_not_have_is_a_refusal_and_never_less(thing):
    with pytest.raises(Invalid, match=r"description\.(security|field-type)"):
        adopt(thing, "L1")


# ---- what is no description --------------------------------------------------------------------------


@pytest.mark.parametrize(("thing", "code"), [
    (7, "description.not-object"), ([], "description.not-object"), ({}, "description.base"),
    ({**OPC_UA, "base": "lathe"}, "description.base"), ({**OPC_UA, "base": "http://[/"}, "description.base"),
    ({**OPC_UA, "base": "opc.tcp://me:secret@lathe:4840"}, "description.base-credentials"),
    ({**OPC_UA, "properties": {}}, "description.nothing-read"),
    ({**OPC_UA, "properties": 7}, "description.nothing-read"),
    ({**OPC_UA, "properties": {"X": {"type": "array"}}}, "description.nothing-read"),
])
def test_what_says_nothing_is_refused(thing, code):
    with pytest.raises(Invalid) as caught:
        adopt(thing, "L1")
    assert caught.value.code == code
    for lang in locale.LANGUAGES:
        assert locale.text(lang, f"error.{code}", **caught.value.facts)


def test_many_findings_are_counted_and_not_all_listed():
    thing = {**OPC_UA, **NOSEC, "properties": {**OPC_UA["properties"], **{
        f"x{number}": {"type": "array", "forms": [{"href": "/?id=ns=2;i=1"}]} for number in range(NOTICED_MAX + 50)}}}
    adopted = adopt(thing, "L1")
    assert len(adopted.noticed) == NOTICED_MAX + 1 and adopted.noticed[-1].code == "and-more"


def test_every_code_has_its_grade_and_a_sentence_in_every_language():
    used = set()
    for place in SOURCES:
        for path in [place] if place.suffix else sorted(place.glob("*.py")):
            used |= set(re.findall(r'\(\s*"(fixed|kept|lost)",\s*"([a-z-]+)"', path.read_text(encoding="utf-8")))
    used |= {("lost", "aid-action"), ("lost", "aid-event")}  # these stand in a table
    assert used == {(grade, code) for grade, told in CODES.items() for code in told.split()}
    for lang in locale.LANGUAGES:
        for _, code in used:
            assert f"noticed.{code}" in locale.sentences(lang)
