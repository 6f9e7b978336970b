"""A leaf of the price record reads back as it was written, has one spelling, and names nobody."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pricing.books import valves
from weft.basis import canonical
from weft.basis.errors import Invalid
from weft.pricing import leaf
from weft.pricing.leaf import BatchLeaf, BookLeaf, ExceptionsLeaf

HASH = canonical.b64(bytes(range(32)))
AT = "2026-11-02T08:00:00.000Z"
BOOK = leaf.book_leaf(valves(), 3, AT)
BATCH = BatchLeaf(root=HASH, n=16, at=AT)
EXCEPTIONS = ExceptionsLeaf(period="2026-11", count=2, band="10")

hashes = st.binary(min_size=32, max_size=32).map(canonical.b64)
leaves = st.one_of(
    st.builds(BookLeaf, hash=hashes, id=st.text(min_size=1, max_size=120).filter(str.strip),
              number=st.integers(1, 10**6), valid_from=st.just(AT), notice_days=st.integers(0, 365), at=st.just(AT)),
    st.builds(BatchLeaf, root=hashes, n=st.sampled_from([16, 32, 1 << 20]), at=st.just(AT)),
    st.builds(ExceptionsLeaf, period=st.just("2026-12"), count=st.integers(1, 10**6),
              band=st.sampled_from(["5", "10", "20", "50", "more"])))


@given(leaves.filter(lambda one: not isinstance(one, BookLeaf) or one.id.isprintable()))
def test_every_leaf_reads_back_as_it_was_written(one):
    assert leaf.parse(leaf.encode(one)) == one


def test_a_leaf_holds_what_the_specification_says_and_nothing_else():
    assert json.loads(leaf.encode(BOOK)) == {
        "kind": "book", "hash": valves().hash, "id": "valves", "number": 3,
        "valid_from": "2026-11-01T00:00:00Z", "notice_days": 0, "at": AT}
    assert json.loads(leaf.encode(BATCH)) == {"kind": "batch", "root": HASH, "n": 16, "at": AT}
    assert json.loads(leaf.encode(EXCEPTIONS)) == {
        "kind": "exceptions", "period": "2026-11", "count": 2, "band": "10"}


@pytest.mark.parametrize("one", [BOOK, BATCH, EXCEPTIONS])
@pytest.mark.parametrize("change", [
    lambda value: {**value, "buyer": "x"},
    lambda value: {**value, "kind": "other"},
    lambda value: {name: value[name] for name in list(value)[1:]},
    lambda value: {**value, list(value)[-1]: None},
], ids=["more", "other-kind", "less", "null"])
def test_a_leaf_with_a_field_more_less_or_of_another_kind_is_refused(one, change):
    value = json.loads(leaf.encode(one))
    with pytest.raises(Invalid) as caught:
        leaf.parse(canonical.encode(change(value)))
    assert caught.value.code == "pricing.leaf-malformed"


@pytest.mark.parametrize("data", [
    b"", b"[]", b"{}", b'"book"', b'{"kind":"book"}', b"\xff", b"x" * 2000,
    leaf.encode(BATCH) + b" ", leaf.encode(BATCH).replace(b'"n":16', b'"n":16.0'),
    leaf.encode(BATCH).replace(b'"n":16', b'"n":17'), leaf.encode(BATCH).replace(b'"n":16', b'"n":8'),
    leaf.encode(BATCH).replace(b"Z", b""),
    leaf.encode(EXCEPTIONS).replace(b"2026-11", b"2026-13"), leaf.encode(EXCEPTIONS).replace(b":2,", b":0,"),
    leaf.encode(BOOK).replace(b":3,", b":0,"), leaf.encode(BOOK).replace(b"valves", b"      "),
])
def test_what_is_no_leaf_is_refused(data):
    with pytest.raises(Invalid) as caught:
        leaf.parse(data)
    assert caught.value.code == "pricing.leaf-malformed"


def test_the_origin_names_the_firm_and_only_that_form_does():
    assert leaf.origin_of(HASH) == f"weft/pricelog/{HASH}"
    assert leaf.organisation_of(leaf.origin_of(HASH)) == HASH
    for other in ("weft/pricelog/", f"weft/pricelog/{HASH}x", f"other/{HASH}", HASH, f"weft/pricelog/{HASH[:-1]}="):
        assert leaf.organisation_of(other) is None
