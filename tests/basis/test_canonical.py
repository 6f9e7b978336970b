"""Canonical bytes against the reference implementation, the published vectors, and everything outside the profile."""

import json

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from weft.basis import canonical
from weft.basis.errors import Invalid

KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.integers(-canonical.INTEGER_MAX, canonical.INTEGER_MAX)
LEAVES = st.none() | st.booleans() | INTEGERS | TEXTS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))


@given(VALUES)
def test_inside_the_profile_the_bytes_are_those_of_rfc_8785(value):
    assert canonical.encode(value) == rfc8785.dumps(value)


@given(VALUES)
def test_what_was_encoded_is_read_back(value):
    assert canonical.decode(canonical.encode(value)) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_as_themselves_or_refused(data):
    try:
        value = canonical.decode(data)
    except Invalid:
        return
    assert canonical.encode(value) == data


@given(VALUES, st.data())
def test_another_spelling_of_the_same_value_is_refused(value, data):
    ours = canonical.encode(value)
    other = json.dumps(value, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 1])))
    if other.encode() != ours:
        with pytest.raises(Invalid):
            canonical.decode(other.encode())


PUBLISHED = {
    "arrays": None,
    "unicode": None,
    "structures": "canonical.type",  # it has floats
    "values": "canonical.type",
    "french": "canonical.key",
    "weird": "canonical.key",  # it has keys that are not ASCII
}


@pytest.mark.parametrize(("name", "outside"), PUBLISHED.items())
def test_each_published_vector_agrees_or_is_outside_the_profile(published, name, outside):
    folder = published / "vectors" / "jcs-rfc8785" / "testdata"
    value = json.loads((folder / "input" / f"{name}.json").read_text(encoding="utf-8"))
    expected = (folder / "output" / f"{name}.json").read_bytes()
    if outside is None:
        assert canonical.encode(value) == expected
        assert canonical.decode(expected) == value
        return
    with pytest.raises(Invalid) as refusal:
        canonical.encode(value)
    assert refusal.value.code == outside


@pytest.mark.parametrize(("value", "code"), [
    (1.0, "canonical.type"),
    (float("nan"), "canonical.type"),
    (2**53, "canonical.integer-range"),
    (-(2**53), "canonical.integer-range"),
    ({"é": 1}, "canonical.key"),
    ({1: 1}, "canonical.key"),
    ("\ud800", "canonical.not-encodable"),
    ({"a": ["\udfff"]}, "canonical.not-encodable"),
    (b"bytes", "canonical.type"),
    ({"a": {1, 2}}, "canonical.type"),
])
def test_outside_the_profile_nothing_is_encoded(value, code):
    with pytest.raises(Invalid) as refusal:
        canonical.encode(value)
    assert refusal.value.code == code


@pytest.mark.parametrize("data", [
    b"", b" ", b"{", b'{"a":1 }', b' {"a":1}', b'{"a":1}\n', b'{"b":1,"a":2}', b'{"a":1,"a":1}', b'{"a":1,"a":2}',
    b"1.0", b"1e3", b"-0", b"01", b"9007199254740992", b"123456789012345678901234567890", b"1" * 5_000,
    b'"\\u0041"', b'"\\/"', b'"\\ud800"', b'"\xff"', b"\xef\xbb\xbf{}", b"NaN", b"nul", b"[1,]", b"'a'",
])
def test_bytes_that_are_not_canonical_are_refused(data):
    with pytest.raises(Invalid):
        canonical.decode(data)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def test_depth_is_limited_at_32():
    assert canonical.decode(nested(canonical.DEPTH_MAX))
    for depth in (canonical.DEPTH_MAX + 1, 1_000, 100_000):
        with pytest.raises(Invalid):
            canonical.decode(nested(depth))


def test_depth_is_limited_when_encoding_too():
    value: list = []
    for _ in range(canonical.DEPTH_MAX):
        value = [value]
    with pytest.raises(Invalid, match="too-deep"):
        canonical.encode(value)


def test_digests_of_different_domains_differ():
    assert canonical.digest("a", b"b") != canonical.digest("b", b"b")
    assert canonical.digest("a", b"b", b"c") == canonical.digest("a", b"bc")
    assert len(canonical.digest("a")) == 32


@given(st.binary(max_size=70))
def test_base64url_has_one_spelling(data):
    text = canonical.b64(data)
    assert canonical.unb64(text, len(data)) == data
    assert "=" not in text


@pytest.mark.parametrize("text", ["A", "AB=", "AB==", "A+/A", "AAB", "Aé", "A A", "AAAA\n", "AAA*"])
def test_other_spellings_of_base64url_are_refused(text):
    with pytest.raises(Invalid, match=r"canonical\.base64"):
        canonical.unb64(text)


def test_a_wrong_length_is_refused():
    with pytest.raises(Invalid):
        canonical.unb64(canonical.b64(bytes(31)), 32)


ANY_LEAVES = LEAVES | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**60), 2**60)
ANY_JSON = st.recursive(
    ANY_LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)


@given(ANY_JSON)
def test_the_quick_look_at_received_bytes_accepts_exactly_what_the_slow_one_does(value):
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    try:
        exact = canonical.encode(json.loads(data)) == data
    except Invalid:
        exact = False
    try:
        canonical.decode(data)
    except Invalid:
        assert not exact
    else:
        assert exact


@given(st.binary(max_size=70), st.integers(0, 80))
def test_a_name_is_checked_without_being_decoded(data, length):
    text = canonical.b64(data)
    if len(data) == length:
        canonical.named(text, length)
    else:
        with pytest.raises(Invalid, match=r"canonical\.base64"):
            canonical.named(text, length)


class Sample(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    count: int = 0
    parts: tuple[str, ...] = ()
    table: dict[str, str] = {}


@given(st.builds(Sample, name=st.text(), count=st.integers(), parts=st.lists(st.text(), max_size=3).map(tuple),
                 table=st.dictionaries(st.text(), st.text(), max_size=3)))
def test_a_struct_encodes_as_its_builtins_or_is_refused_alike(sample):
    try:
        slow = canonical.encode(msgspec.to_builtins(sample))
    except Invalid as refused:
        with pytest.raises(Invalid) as fast:
            canonical.encode_struct(sample)
        assert fast.value.code == refused.code
    else:
        assert canonical.encode_struct(sample) == slow
        assert not canonical.is_surely_of(sample, slow + b" ")


SAMPLES = msgspec.json.Decoder(Sample)
SPELLINGS = st.dictionaries(
    st.sampled_from(["name", "count", "parts", "table", "more"]),
    st.integers(-(2**60), 2**60) | st.text(max_size=5) | st.lists(st.text(max_size=3), max_size=2) | st.floats(width=16)
    | st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=2),
)


@given(SPELLINGS, st.booleans(), st.booleans())
def test_what_a_struct_says_of_received_bytes_is_never_more_than_the_profile_allows(value, escaped, in_order):
    data = json.dumps(value, ensure_ascii=escaped, separators=(",", ":"), sort_keys=in_order).encode()
    try:
        sample = SAMPLES.decode(data)
    except msgspec.DecodeError:
        return
    if canonical.is_surely_of(sample, data):
        canonical.decode(data)


@pytest.mark.parametrize("data", [
    b'{"name":"a","name":"a"}', b'{"name":"a","count":1}',
    b'{"count":9007199254740992,"name":"a"}', b'{"name":"\\u0061"}', b'{"name":"a"} ', b'{"more":1,"name":"a"}',
    b'{"count":0,"name":"a"}', '{"name":"a","table":{"\u00e9":""}}'.encode(),
])
def test_a_struct_vouches_for_no_other_spelling(data):
    assert not canonical.is_surely_of(SAMPLES.decode(data), data)


class Word(msgspec.Struct, frozen=True):
    name: str


def test_a_struct_vouches_for_its_own_spelling():
    for data in (b'{"count":7,"name":"a","parts":["b"]}', '{"name":"\u6cb3","table":{}}'.encode()):
        sample = SAMPLES.decode(data)
        assert canonical.is_surely_of(sample, data) == (b"table" not in data)
    assert canonical.is_surely_of(Word("\u6cb3"), '{"name":"\u6cb3"}'.encode())


class Loose(msgspec.Struct, frozen=True):
    share: float
    rest: dict[str, float] = {}


def test_a_struct_with_fractions_is_refused_as_its_builtins_are():
    with pytest.raises(Invalid, match=r"canonical\.type"):
        canonical.encode_struct(Loose(1.0))
    assert not canonical.is_surely_of(Loose(1.0), msgspec.json.encode(Loose(1.0), order="sorted"))


@given(st.lists(st.binary(max_size=34), min_size=1, max_size=4), st.sampled_from([8, 16, 32]))
def test_many_names_are_checked_as_each_is(datas, length):
    texts = [canonical.b64(data) for data in datas]
    good = all(len(data) == length for data in datas)
    if good:
        canonical.named_all(texts, length)
    else:
        with pytest.raises(Invalid, match=r"canonical\.base64"):
            canonical.named_all(texts, length)


def test_a_comma_never_makes_one_name_of_two():
    one = canonical.b64(bytes(32))
    for texts in ([f"{one},{one}"], [f"{one},{one}", ""], ["", f"{one},{one}"], [f"{one},", one], []):
        with pytest.raises(Invalid, match=r"canonical\.base64"):
            canonical.named_all(texts, 32)


class Leaf(msgspec.Struct, frozen=True, omit_defaults=True):
    number: int = 0
    text: str = ""


class Table(msgspec.Struct, frozen=True):
    leaves: dict[str, Leaf]


class Tree(msgspec.Struct, frozen=True, omit_defaults=True):
    leaves: dict[str, Leaf] = {}
    pairs: tuple[tuple[str, Leaf], ...] = ()
    inner: "Tree | None" = None


LONG = st.integers(-(10**17), 10**17)
LEAVES = st.builds(Leaf, number=LONG, text=st.text(max_size=4) | LONG.map("a:{}".format))
TREES = st.recursive(st.builds(Tree), lambda inner: st.builds(
    Tree, leaves=st.dictionaries(st.text(max_size=3), LEAVES, max_size=40),
    pairs=st.lists(st.tuples(st.text(max_size=2), LEAVES), max_size=3).map(tuple), inner=inner), max_leaves=4)


def slowly(state):
    """A state's bytes by their definition."""
    try:
        return canonical.encode(msgspec.to_builtins(state))
    except Invalid as error:
        if error.code != "canonical.key":
            return error.code
        return msgspec.json.encode(state, order="sorted")


def quickly(state):
    try:
        return canonical.encode_state(state)
    except Invalid as error:
        return error.code


@given(TREES)
def test_the_quick_look_at_a_state_tells_what_its_builtins_tell(state):
    assert quickly(state) == slowly(state)


@pytest.mark.parametrize("depth", [canonical.DEPTH_MAX, canonical.DEPTH_MAX + 1])
def test_a_state_in_a_state_is_as_deep_as_it_may_be(depth):
    state = Tree()
    for _ in range(depth - 1):
        state = Tree(inner=state)
    assert quickly(state) == slowly(state) == (
        msgspec.json.encode(state) if depth <= canonical.DEPTH_MAX else "canonical.too-deep")


def test_a_large_state_is_looked_at_once(monkeypatch):
    state = Table({str(n): Leaf(text="\u6cb3 1234567890123456") for n in range(1_000)})
    monkeypatch.setattr(canonical, "encode", None)
    assert canonical.encode_state(state) == msgspec.json.encode(state, order="sorted")
    with pytest.raises(TypeError):  # the control: a number that is too large is looked for one by one
        canonical.encode_state(Table({"a": Leaf(number=10**16)}))
