"""The event's form: what is canonical is read, everything else is refused with its code and nothing half-done."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.thread.firms import LIFE, Firm, salt
from weft.basis import canonical
from weft.basis.canonical import b64
from weft.basis.errors import Invalid
from weft.thread import event
from weft.thread.event import Payload

FIRM, OTHER = Firm(1), Firm(2)
GENESIS = FIRM.begin({FIRM.id: "buyer", OTHER.id: "seller"})
ID = b64(b"x" * 32)


def header(**changes):
    """A good header of a second event, with ``changes``; a value of None stays, ``...`` takes the field away."""
    good = json.loads(FIRM.say(GENESIS.thread, n=1, p=GENESIS.id).raw)
    return {name: value for name, value in (good | changes).items() if value is not ...}


def refused(raw: bytes, payloads=None) -> str:
    with pytest.raises(Invalid) as refusal:
        event.parse(raw, b"", payloads)
    return refusal.value.code


def test_an_event_is_what_its_header_says():
    one = FIRM.say(GENESIS.thread, n=1, p=GENESIS.id)
    assert event.parse(one.raw, one.signature, one.payloads) == one
    assert one.thread == GENESIS.thread
    assert one.author == FIRM.id
    assert one.parents == [GENESIS.id]
    assert one.id == b64(canonical.digest("evt/1", one.raw))


def test_a_genesis_names_its_thread_by_its_own_bytes():
    assert GENESIS.thread == b64(canonical.digest("thr/1", GENESIS.raw))
    assert GENESIS.thread != GENESIS.id
    assert FIRM.begin({FIRM.id: "buyer"}).thread != GENESIS.thread


def test_an_inception_founds_the_organisation_that_its_thread_names():
    inception = FIRM.log[0]
    assert inception.header.a is None
    assert inception.author == inception.thread == FIRM.id


def test_the_id_covers_the_header_and_the_signature_only_the_id():
    one = FIRM.say(GENESIS.thread, n=1, p=GENESIS.id)
    again = event.parse(one.raw, bytes(64), one.payloads)
    assert again.id == one.id
    assert event.signed_bytes(one.id).startswith(b"evt-sig/1\0")


@pytest.mark.parametrize(("changes", "code"), [
    ({"v": 2}, "event.version"),
    ({"t": None}, "event.genesis-form"),
    ({"g": b64(bytes(16)), "mem": {FIRM.id: "buyer"}}, "event.genesis-form"),
    ({"g": b64(bytes(16))}, "event.genesis-form"),
    ({"mem": {}}, "event.genesis-form"),
    ({"a": None}, "event.author-form"),
    ({"ks": None}, "event.author-form"),
    ({"a": None, "ks": None}, "event.author-form"),
    ({"n": 0}, "event.chain-form"),
    ({"n": -1}, "event.chain-form"),
    ({"p": None}, "event.chain-form"),
    ({"x": [ID, ID]}, "event.parents-form"),
    ({"x": [GENESIS.id]}, "event.parents-form"),
    ({"x": [b64(bytes([2]) * 32), b64(bytes([1]) * 32)]}, "event.parents-form"),
    ({"x": sorted(b64(bytes([number]) * 32) for number in range(17))}, "event.parents-form"),
    ({"h": "0" * 15}, "event.clock-form"),
    ({"h": "0" * 17}, "event.clock-form"),
    ({"h": "A" * 16}, "event.clock-form"),
    ({"h": "-" + "0" * 15}, "event.clock-form"),
    ({"h": "٠" * 16}, "event.clock-form"),
    ({"y": ""}, "event.header-malformed"),
    ({"y": "x" * 65}, "event.header-malformed"),
    ({"y": "订单"}, "event.header-malformed"),
    ({"m": "test"}, "event.header-malformed"),
    ({"m": "test/0"}, "event.header-malformed"),
    ({"m": "../1"}, "event.header-malformed"),
    ({"s": 0}, "event.header-malformed"),
    ({"s": "1"}, "event.header-malformed"),
    ({"n": True}, "event.header-malformed"),
    ({"z": 1}, "event.header-malformed"),
    ({"d": ...}, "event.header-malformed"),
    ({"x": None}, "event.header-malformed"),
    ({"b": [{}]}, "event.header-malformed"),
    ({"t": "short"}, "canonical.base64"),
    ({"t": ""}, "canonical.base64"),
    ({"a": ""}, "canonical.base64"),
    ({"p": ""}, "canonical.base64"),
    ({"ks": ""}, "canonical.base64"),
    ({"a": ID + "="}, "canonical.base64"),
    ({"d": "é" * 43}, "canonical.base64"),
    ({"i": ID}, "canonical.base64"),
    ({"p": ID[:-1] + "_"}, "canonical.base64"),
    ({"pre": "x"}, "canonical.base64"),
    ({"b": [{"r": "*", "c": "x", "l": 1, "ct": "a"}]}, "canonical.base64"),
    ({"b": [{"r": "*", "c": ID, "l": -1, "ct": "a"}]}, "event.payload-too-large"),
    ({"b": [{"r": "*", "c": ID, "l": event.PAYLOAD_BYTES_MAX + 1, "ct": "a"}]}, "event.payload-too-large"),
    ({"b": [{"r": "*", "c": ID, "l": 1, "ct": "a"}] * 9}, "event.header-malformed"),
    ({"y": "x", "m": "m/1", "b": [{"r": "r" * 9_000, "c": ID, "l": 1, "ct": "a"}]}, "event.header-too-large"),
])
def test_a_header_of_another_form_is_refused(changes, code):
    assert refused(canonical.encode(header(**changes))) == code


def test_the_control_a_good_header_is_read():
    assert event.parse(canonical.encode(header()), b"").header.n == 1
    assert event.parse(canonical.encode(header(pre=ID)), b"").header.pre == ID


def begun(**changes):
    good = json.loads(GENESIS.raw)
    return canonical.encode({name: value for name, value in (good | changes).items() if value is not ...})


@pytest.mark.parametrize(("changes", "code"), [
    ({"g": ...}, "event.genesis-form"),
    ({"mem": ...}, "event.genesis-form"),
    ({"n": 1, "p": ID}, "event.genesis-form"),
    ({"p": ID}, "event.genesis-form"),
    ({"x": [ID]}, "event.genesis-form"),
    ({"g": ID}, "canonical.base64"),
    ({"mem": {}}, "event.members-form"),
    ({"mem": {OTHER.id: "seller"}}, "event.members-form"),
    ({"mem": {FIRM.id: ""}}, "event.members-form"),
    ({"mem": {FIRM.id: "Buyer of things"}}, "event.members-form"),
    ({"mem": {FIRM.id: "buyer", "x": "seller"}}, "canonical.base64"),
    ({"mem": {FIRM.id: "buyer"} | {b64(bytes([n]) * 32): "seller" for n in range(16)}}, "event.members-form"),
    ({"a": None, "ks": None}, "event.members-form"),
])
def test_a_genesis_of_another_form_is_refused(changes, code):
    assert refused(begun(**changes)) == code


def test_the_control_a_good_genesis_is_read():
    assert event.parse(begun(), b"").header.mem == {FIRM.id: "buyer", OTHER.id: "seller"}


def spellings(raw: bytes):
    value = json.loads(raw)
    yield raw + b"\n"
    yield b" " + raw
    yield json.dumps(value).encode()
    yield json.dumps(value, separators=(",", ":")).encode().replace(b'"v":1', b'"v":1,"v":1')
    yield canonical.encode(value).replace(b'"v":1', b'"v":1.0')
    yield canonical.encode(value).replace(b'"y":"Note"', b'"y":"\\u004eote"')
    yield canonical.encode(value).replace(b'"n":1', b'"n":01')


def test_no_second_spelling_of_a_header_is_read():
    raw = FIRM.say(GENESIS.thread, n=1, p=GENESIS.id).raw
    for other in spellings(raw):
        assert other != raw
        assert refused(other).startswith("canonical.")


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_with_a_code(data):
    with pytest.raises(Invalid):
        event.parse(data, b"")


KEYS = st.text(st.characters(max_codepoint=127))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(header())), JSON)
def test_any_value_in_any_field_is_read_as_itself_or_refused(name, value):
    raw = canonical.encode(header(**{name: value}))
    try:
        assert event.parse(raw, b"").raw == raw
    except Invalid as refusal:
        assert refusal.code.startswith(("event.", "canonical."))


# ---- payloads


def test_a_payload_must_be_what_its_slot_commits_to():
    one = FIRM.say(GENESIS.thread, n=1, p=GENESIS.id, content=b'{"price":"12"}')
    good = one.payloads[0]
    for other in (
        Payload(good.salt, b'{"price":"13"}'), Payload(salt("other"), good.content), Payload(good.salt, b""),
        Payload(b"", good.content), Payload(good.salt + b"\0", good.content),
    ):
        assert refused(one.raw, {0: other}) == "event.payload-mismatch"
    for slot in (1, -1, 7):
        assert refused(one.raw, {slot: good}) == "event.payload-unknown"
    assert event.parse(one.raw, b"", {0: good}).payloads == {0: good}


def test_an_erased_payload_leaves_a_good_event():
    one = FIRM.say(GENESIS.thread, n=1, p=GENESIS.id)
    assert event.parse(one.raw, one.signature).id == one.id


def test_the_same_content_under_two_salts_looks_different():
    assert Payload(salt(1), b"{}").commitment() != Payload(salt(2), b"{}").commitment()


def test_each_slot_is_committed_to_for_its_role():
    contents = [("*", b"{}"), ("buyer", b'{"price":"1"}')]
    fields = {name: value for name, value in header().items() if name != "b"}
    one = event.compose(fields, contents, [salt(1), salt(2)])
    assert [(slot.r, slot.l) for slot in one.header.b] == [("*", 2), ("buyer", 13)]
    assert event.parse(one.raw, b"", {1: one.payloads[1]}).payloads == {1: one.payloads[1]}


# ---- on the wire


def test_the_wire_form_is_read_back():
    for one in (GENESIS, FIRM.say(GENESIS.thread, n=1, p=GENESIS.id, content='{"note":"你好"}'.encode()), *FIRM.log):
        assert event.unwire(event.wire(one)) == one


def envelope(**changes):
    one = FIRM.say(GENESIS.thread, n=1, p=GENESIS.id)
    return json.dumps(json.loads(event.wire(one)) | changes).encode()


@pytest.mark.parametrize("changes", [
    {"e": ""}, {"e": 1}, {"e": None}, {"e": "\ud800"}, {"g": "x"}, {"g": None}, {"g": "A+/A"}, {"b": []},
    {"b": {"0": []}}, {"b": {"0": ["x", "y"]}}, {"b": {"01": [b64(salt(FIRM.id, 1)), "{}"]}},
    {"b": {"٠": [b64(salt(FIRM.id, 1)), "{}"]}}, {"b": {"-1": [b64(salt(FIRM.id, 1)), "{}"]}},
    {"b": {"8": [b64(salt(FIRM.id, 1)), "{}"]}},
    {"b": {"9" * 4_000: [b64(salt(FIRM.id, 1)), "{}"]}}, {"more": 1},
])
def test_an_envelope_of_another_form_is_refused(changes):
    with pytest.raises(Invalid):
        event.unwire(envelope(**changes))


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"e":' * 50_000])
def test_bytes_that_are_no_envelope_are_refused(data):
    with pytest.raises(Invalid, match=r"event\.envelope-malformed"):
        event.unwire(data)


def test_an_unsigned_event_of_a_book_travels_without_a_signature():
    one = msgspec.structs.replace(FIRM.say(GENESIS.thread, n=1, p=GENESIS.id), signature=b"")
    assert event.unwire(event.wire(one)).signature == b""


def test_composing_refuses_what_could_not_be_read():
    with pytest.raises(Invalid):
        event.compose({**{k: v for k, v in header().items() if k != "b"}, "i": LIFE + "x"}, [], [])
