"""A JSON document read piece by piece says what it says when read whole, in little memory; no other is taken."""

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.twin.aasx.packages import DOCUMENTS, ENVIRONMENT, SHELL, SUBMODEL, opened, packed, plain, xml
from weft.basis.errors import Invalid
from weft.twin.aasx.container import Limits
from weft.twin.aasx.json_stream import JsonStream
from weft.twin.aasx.spec import Spec

LIMITS = Limits()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4), max_leaves=20)


def cut(data, size):
    """``data`` as it comes from a part: the first piece long enough to show its encoding."""
    first = max(size, 256)
    return [data[:first], *(data[at:at + size] for at in range(first, len(data), size))]


def numbered(value):
    """``value`` with numbers as the texts that the reader makes of them."""
    if isinstance(value, dict):
        return {name: numbered(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [numbered(inner) for inner in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@settings(max_examples=80, deadline=None)
@given(st.lists(VALUES, max_size=12), st.integers(1, 400), st.sampled_from([None, 1]), st.booleans())
def test_a_list_read_piece_by_piece_is_the_list(values, size, indent, ascii_only):
    data = json.dumps(values, indent=indent, ensure_ascii=ascii_only).encode()
    stream = JsonStream(cut(data, size), "p", 1 << 20)
    assert stream.opens("[")
    assert [value for _, value in stream.items()] == numbered(values)
    stream.end()


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(st.characters(exclude_categories=("Cs",)), max_size=8), VALUES, max_size=8),
       st.integers(1, 300))
def test_members_come_in_order_with_their_values(made, size):
    stream = JsonStream(cut(json.dumps(made).encode(), size), "p", 1 << 20)
    assert [(name, stream.value(name)) for name in stream.members()] == list(numbered(made).items())
    stream.end()


@pytest.mark.parametrize("bad", [b"", b"{", b"[1,2", b"[1,]", b"[1 2]", b"[1]]", b"[1] x", b'["a', b"[tru]", b"[01]",
                                 b'["\\ud8"]', b"[\xff]", b'["a\nb"]', b"[nul", b"[-]", b'["\\u12', b"['a']"])
def test_what_is_no_json_is_refused_wherever_it_is_cut(bad):
    for size in (1, 3, 300):
        with pytest.raises(Invalid) as told:
            stream = JsonStream(cut(b" " * 255 + bad, size), "p", 1 << 20)
            for _ in stream.items():
                pass
            stream.end()
        assert told.value.code == "json.malformed" and told.value.facts["part"] == "p"


def read(data, limits=LIMITS, size=1 << 16):
    """(documents, findings) of ``data`` as one part."""
    found = []
    spec = Spec("part", lambda: iter(cut(data, size)), lambda *one: found.append(one[:3]), limits)
    return [one.body for one in spec.documents()], found


def test_one_twin_alone_is_seen_whatever_stands_first():
    last = {name: SHELL[name] for name in sorted(SHELL, reverse=True)}  # submodels, modelType, …: as an environment has
    for made in (SHELL, SUBMODEL, last):
        found, told = read(json.dumps(made).encode())
        assert found == [made] and told == [("fixed", "no-environment", "")]
    kept = {"id": "urn:x", "description": "an odd environment", **ENVIRONMENT}
    found, told = read(json.dumps(kept).encode())
    assert found == DOCUMENTS and [one[1] for one in told] == ["unknown-field", "unknown-field"]
    found, _ = read(json.dumps([SHELL, SUBMODEL]).encode())
    assert found == [SHELL, SUBMODEL]


def test_an_odd_environment_larger_than_one_twin_may_be_is_read_too():
    limits = Limits(twin=5_000)
    made = {"id": "urn:x", "submodels": [{**SUBMODEL, "id": f"urn:{n}", "submodelElements": SUBMODEL[
        "submodelElements"][:3]} for n in range(30)]}
    assert len(read(json.dumps(made).encode(), limits, 300)[0]) == 30


@pytest.mark.parametrize("data", [b'{"submodels":[],"submodels":[]}', b'{"submodels":[]}{"submodels":[]}',
                                  b'{"submodels":[]} x'])
def test_a_section_told_twice_and_a_second_document_are_refused(data):
    with pytest.raises(Invalid) as told:
        read(data)
    assert told.value.code == "json.malformed"


def test_half_a_character_is_refused_with_its_place():
    for where in ('{"submodels":[{"modelType":"Submodel","id":"urn:x","idShort":"a\\ud800b"}]}',
                  '{"submodels":[{"modelType":"Submodel","id":"urn:\\udc00"}]}'):
        with pytest.raises(Invalid) as told:
            opened(where.encode())
        assert told.value.code == "json.malformed" and told.value.facts["element"].startswith("submodels[0].id")
    assert opened(b'{"submodels":[{"modelType":"Submodel","id":"urn:\\ud83d\\ude00"}]}')[0][0].document.id == "urn:😀"


def test_one_twin_larger_than_the_limit_is_refused_with_its_place_in_json_and_xml():
    large = {**SUBMODEL, "id": "urn:x:large", "submodelElements": [
        {"modelType": "Blob", "idShort": "B", "contentType": "a/b", "value": "A" * 400_000}]}
    data = json.dumps({"submodels": [SUBMODEL, large]}).encode()
    with pytest.raises(Invalid) as told:
        opened(packed(plain(data, "aasx/data.json")), limits=Limits(twin=300_000))
    assert told.value.code == "aasx.twin-size"
    assert told.value.facts == {"part": "/aasx/data.json", "element": "submodels[1]", "limit": 300_000}
    with pytest.raises(Invalid) as told:
        opened(packed(plain(xml([SUBMODEL, large]))), limits=Limits(twin=300_000))
    assert told.value.code == "aasx.twin-size" and told.value.facts["element"].startswith("submodels[1]")
    for whole in (data, xml([SUBMODEL, large])):
        assert len(opened(whole)[0]) == 2  # the control: with room for it both are read


def test_more_twins_than_a_file_may_hold_are_refused():
    data = json.dumps({"submodels": [{**SUBMODEL, "id": f"urn:{n}"} for n in range(4)]}).encode()
    with pytest.raises(Invalid) as told:
        opened(data, limits=Limits(twins=3))
    assert told.value.code == "aasx.twins"
    assert len(opened(data, limits=Limits(twins=4))[0]) == 4


def peak_of(action):
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def pieces():
    """Two megabytes that are never there at once."""
    one = json.dumps({**SUBMODEL, "submodelElements": SUBMODEL["submodelElements"][:4]}).encode()
    yield b'{"submodels":[' + one
    for _ in range(2_000_000 // len(one)):
        yield b"," + one
    yield b"]}"


def test_memory_holds_one_twin_and_not_the_document():
    spec = Spec("part", pieces, lambda *_: None, LIMITS)
    assert peak_of(lambda: [None for _ in spec.documents()]) < 400_000


def test_control_reading_it_whole_is_seen_by_the_same_measure():
    assert peak_of(lambda: json.loads(b"".join(pieces()))) > 4_000_000


@pytest.mark.parametrize("cut", range(1, 12))
def test_the_place_of_a_byte_that_is_no_character_is_told_wherever_pieces_end(cut):
    data = '{"submodels":["车'.encode() + b"\xed\xa0\x80" + b'"]}'
    pieces = [data[:cut + 8], data[cut + 8:cut + 12], data[cut + 12:]]
    with pytest.raises(Invalid) as told:
        JsonStream(pieces, "x", 1_000).value()
    assert told.value.facts["reason"].startswith(f"byte 0xed at {data.index(0xed)}:")
    with pytest.raises(Invalid) as told:
        JsonStream([b'["a', b"\xe8\xbd"], "x", 1_000).value()
    assert told.value.facts["reason"].startswith("byte 0xe8 at 3:")
