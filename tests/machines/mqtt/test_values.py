"""A payload becomes a value only when it is surely one; what is wrong is told for its property alone."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.errors import Invalid
from weft.machines import mqtt_values
from weft.machines.mqtt_packets import Message
from weft.machines.mqtt_values import Source, matches, payload, value_of
from weft.machines.payloads import NOTHING, decoded, follow, instant, pointer
from weft.shopfloor.connection import Quality, Value
from weft.shopfloor.description import Description
from weft.shopfloor.reading import parse

NOW = 1_800_000_000_000


def described(kind: str, href: str = "m/x", **form: Any) -> Description:
    return parse({"id": "urn:x", "title": "M", "base": "mqtt://127.0.0.1:1", "security": "n",
                  "securityDefinitions": {"n": {"scheme": "nosec"}},
                  "properties": {"X": {"type": kind, "forms": [{"href": href, **form}]}}})


def source(kind: str, href: str = "m/x", **form: Any) -> Source:
    thing = described(kind, href, **form)
    return mqtt_values.source(thing.properties["X"], thing)


def read(of: Source, content: bytes, *, retained: bool = False, before: Any = None) -> Value:
    message = Message("m/x", content, retained=retained)
    return value_of(of, message, decoded(content) if of.json else None, NOW, before)


@pytest.mark.parametrize(("kind", "content", "value"), [
    ("number", b"21.5", 21.5), ("number", b'"21.5"', 21.5), ("integer", b"3.0", 3), ("integer", b"-7", -7),
    ("boolean", b"true", True), ("boolean", b"0", False), ("boolean", b'"ON"', True), ("string", b'"a"', "a"),
    ("string", '"车床"'.encode(), "车床"),
])
def test_json_that_fits_is_the_value(kind: str, content: bytes, value: Any) -> None:
    told = read(source(kind), content)
    assert (told.value, told.quality, told.source_ms) == (value, Quality.GOOD, NOW)
    assert type(told.value) is type(value)


@pytest.mark.parametrize(("kind", "content", "why"), [
    ("number", b"NaN", "not-json"), ("number", b"Infinity", "not-json"), ("number", b"1e999", "out-of-range"),
    ("number", b'"fast"', "not-a-number"), ("number", b'"NaN"', "not-a-number"), ("number", b"true", "type"),
    ("number", b"[1]", "type"), ("number", b"{}", "type"), ("number", b"null", "null"), ("number", b"", "not-json"),
    ("number", b"\xff\xfe", "not-json"), ("number", b"[" * 100_000, "not-json"), ("integer", b"1.5", "type"),
    ("integer", b"9223372036854775808", "out-of-range"), ("integer", '"１２"'.encode(), "not-a-number"),
    ("boolean", b"2", "type"), ("boolean", b'"perhaps"', "type"), ("string", b"7", "type"),
    ("string", json.dumps("x" * 1_000_000).encode(), "too-long"),
])
def test_what_does_not_fit_is_bad_with_its_reason(kind: str, content: bytes, why: str) -> None:
    told = read(source(kind), content)
    assert (told.value, told.quality) == (None, Quality.BAD)
    assert told.detail in (why, "not-json" if why == "out-of-range" else why)


@pytest.mark.parametrize(("kind", "content", "value", "why"), [
    ("number", b" 12.5\n", 12.5, ""), ("integer", b"+4", 4, ""), ("boolean", b"off", False, ""),
    ("string", b"anything {", "anything {", ""), ("number", b"inf", None, "not-a-number"),
    ("number", b"1_000", None, "not-a-number"), ("number", b"0x10", None, "not-a-number"),
    ("string", b"\xff", None, "not-utf-8"), ("number", b"9" * 100, None, "not-a-number"),
])
def test_plain_text_is_read_where_the_form_says_so(kind: str, content: bytes, value: Any, why: str) -> None:
    told = read(source(kind, contentType="text/plain; charset=utf-8"), content)
    assert (told.value, told.detail) == (value, why)


def test_a_pointer_leads_to_one_field_and_nowhere_is_told() -> None:
    content = b'{"a/b": {"~": [10, {"v": 7}]}, "x": null}'
    for href in ("m/x#/a~1b/~0/1/v", "m/x#/a~1b/~0/1/v"):
        assert read(source("number", href), content).value == 7
    assert read(source("number", **{"weft:pointer": "/a~1b/~0/0"}),
                content).value == 10
    for wrong in ("/a", "/a~1b/~0/2", "/a~1b/~0/01", "/a~1b/~0/-", "/a~1b/~0/1/v/w", "/a~1b/~0/999999999999"):
        assert read(source("number", **{"weft:pointer": wrong}), content).detail == "no-such-field"


@pytest.mark.parametrize("wrong", ["a/b", "/" * 40, 7, None])
def test_what_is_no_pointer_is_refused(wrong: Any) -> None:
    with pytest.raises(Invalid, match=r"machine\.pointer"):
        pointer(wrong)


def test_what_lay_at_the_broker_has_no_age_unless_it_tells_its_own_time() -> None:
    assert read(source("number"), b"1", retained=True).age_ms == -1
    assert read(source("number"), b"1").age_ms == 0  # the control: it came just now
    stamped = source("number", "m/x#/v", **{"weft:timePointer": "/t"})
    assert read(stamped, b'{"v": 1, "t": 1799999999000}', retained=True).age_ms == 1000
    assert read(stamped, b'{"v": 1, "t": 1799999999}', retained=True).age_ms == 1000
    assert read(stamped, b'{"v": 1, "t": "2027-01-15T08:00:00Z"}').source_ms == NOW
    for wrong in ('"soon"', "-5", "true", "null", "1e300", "[]", '"2027-01-15T08:00:00"'):
        told = read(stamped, b'{"v": 1, "t": %s}' % wrong.encode())
        assert (told.quality, told.detail, told.age_ms) == (Quality.UNCERTAIN, "time", -1)


@pytest.mark.parametrize(("said", "quality"), [
    ("true", Quality.GOOD), ('"GOOD"', Quality.GOOD), ("192", Quality.GOOD), ('"uncertain"', Quality.UNCERTAIN),
    ("0", Quality.BAD), ("false", Quality.BAD), ('"sensor broken"', Quality.BAD), ("null", Quality.BAD),
    ("{}", Quality.BAD),
])
def test_the_quality_that_the_message_tells_is_taken(said: str, quality: Quality) -> None:
    told = read(source("number", "m/x#/v", **{"weft:qualityPointer": "/q"}), b'{"v": 1, "q": %s}' % said.encode())
    assert told.quality is quality
    assert (told.value is None) == (quality is Quality.BAD)


def test_a_message_too_large_is_bad() -> None:
    told = value_of(source("number"), Message("m/x", b"", passed_over=2_000_000), None, NOW)
    assert (told.quality, told.detail) == (Quality.BAD, "too-large")


def test_a_current_means_working_above_and_resting_only_well_below() -> None:
    clamp = source("boolean", contentType="text/plain", **{"weft:above": 6, "weft:below": 3})
    heard, before = [], None
    for amperes in (b"2", b"5", b"7", b"5", b"3", b"2.9", b"5"):
        before = read(clamp, amperes, before=before).value
        heard.append(before)
    assert heard == [False, False, True, True, True, False, False]
    assert read(clamp, b"much").quality is Quality.BAD


@pytest.mark.parametrize(("content", "value"), [
    (b'{"r": 1, "g": 0}', "red"), (b'{"r": true, "g": "on"}', "red+green"), (b'{"r": 0, "g": false}', "off"),
    (b'{"r": 1}', None), (b'{"r": 5, "g": 0}', None), (b"[]", None),
])
def test_lamps_are_told_by_their_names(content: bytes, value: str | None) -> None:
    assert read(source("string", **{"weft:lamps": "red=/r green=/g"}), content).value == value


@pytest.mark.parametrize(("wanted", "topic", "fits"), [
    ("a/b", "a/b", True), ("a/b", "a/c", False), ("a/+", "a/b", True), ("a/+", "a/b/c", False), ("a/#", "a", True),
    ("a/#", "a/b/c", True), ("#", "a/b", True), ("#", "$SYS/x", False), ("+/x", "$SYS/x", False),
    ("a/+/c", "a//c", True),
])
def test_filters_match_as_the_standard_says(wanted: str, topic: str, fits: bool) -> None:
    assert matches(wanted, topic) is fits


@pytest.mark.parametrize(("href", "form", "code"), [
    ("a/+/b", {}, "machine.topic"), ("a/#", {}, "machine.topic"), ("mqtt://other:1/a", {}, "machine.topic"),
    ("/", {}, "machine.topic"), ("x" * 3000, {}, "machine.topic"), ("a", {"mqv:filter": "a/b#"}, "machine.topic"),
    ("a", {"contentType": "application/xml"}, "machine.content-type"), ("a", {"weft:staleMs": -1}, "machine.number"),
    ("a", {"weft:above": "six"}, "machine.number"),
])
def test_a_form_that_is_unclear_is_refused(href: str, form: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid, match=code.replace(".", r"\.")):
        source("number", href, **form)


def test_the_topic_is_that_of_the_binding_or_of_the_address() -> None:
    assert source("number", "mqtt://127.0.0.1:1/a%20b/c#/v").place == mqtt_values.Place("a b/c", ("v",))
    assert source("number", "/", **{"mqv:filter": "a/+/c"}).place.topic == "a/+/c"


def target(**form: Any) -> mqtt_values.Target:
    thing = described("number", "m/set", **form)
    return mqtt_values.target(thing.properties["X"], thing)


def test_a_value_is_published_where_the_form_says() -> None:
    assert payload([(target(), 12.5)]) == b"12.5"
    assert payload([(target(contentType="text/plain"), True)]) == b"true"
    assert payload([(target(**{"weft:pointer": "/a/b"}), 1)]) == b'{"a":{"b":1}}'
    body = target(**{"weft:body": '{"cmd": "set", "args": [0, 0]}', "weft:pointer": "/args/1"})
    assert json.loads(payload([(body, 5)])) == {"cmd": "set", "args": [0, 5]}
    assert json.loads(payload([(target(**{"weft:body": '{"id": 1}'}), {"jobId": "J"})])) == {"id": 1, "jobId": "J"}


def test_what_goes_to_one_topic_goes_as_one_message() -> None:
    parts = [(target(**{"weft:pointer": "/a"}), 1), (target(**{"weft:pointer": "/b/c"}), "x")]
    assert json.loads(payload(parts)) == {"a": 1, "b": {"c": "x"}}


def test_a_body_that_is_no_json_is_refused() -> None:
    with pytest.raises(Invalid, match=r"machine\.term"):
        target(**{"weft:body": "{"})


@given(st.binary(max_size=200), st.sampled_from(["number", "integer", "boolean", "string"]), st.booleans())
def test_whatever_comes_is_good_only_as_its_own_type(content: bytes, kind: str, plain: bool) -> None:
    told = read(source(kind, **({"contentType": "text/plain"} if plain else {})), content)
    assert (told.quality is Quality.GOOD) == (told.value is not None)
    if told.value is not None:
        wanted = {"number": (int, float), "integer": int, "boolean": bool, "string": str}[kind]
        assert isinstance(told.value, wanted)
        assert not isinstance(told.value, float) or math.isfinite(told.value)


words = st.text(max_size=3)
json_values = st.recursive(st.none() | st.booleans() | st.integers(-5, 5) | words,
                           lambda one: st.lists(one, max_size=3) | st.dictionaries(words, one, max_size=3))


@given(json_values, st.text(st.sampled_from("/~01ab"), max_size=8))
def test_following_any_pointer_never_fails(document: Any, path: str) -> None:
    follow(document, pointer(f"/{path}"))


@given(json_values)
def test_every_field_is_found_by_its_pointer(document: Any) -> None:
    def walk(at: Any, path: tuple[str, ...]) -> None:
        assert follow(document, path) == at
        if isinstance(at, dict):
            for key, one in at.items():
                walk(one, (*path, key))
        elif isinstance(at, list):
            for number, one in enumerate(at):
                walk(one, (*path, str(number)))

    walk(document, ())
    assert follow(document, ("no", "such", "place")) is NOTHING or isinstance(document, dict | list)


@given(st.one_of(st.floats(), st.integers(), st.text(max_size=30), st.none(), st.booleans()))
def test_an_instant_is_a_time_that_a_clock_can_show_or_none(raw: Any) -> None:
    assert 0 <= instant(raw) < 253_402_300_800_000
