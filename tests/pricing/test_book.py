"""Loading and naming price books: one spelling, one hash, sound or refused."""

import msgspec
import pytest
from hypothesis import given

from tests.pricing.books import DRAFT, books, valves
from weft.basis.canonical import encode
from weft.basis.errors import Invalid
from weft.pricing import book, form


@given(books())
def test_a_book_travels_as_canonical_bytes_and_keeps_its_hash(prices):
    data = book.encode(prices)
    assert data == encode(msgspec.to_builtins(prices))
    assert book.load(data) == prices and book.hash(book.load(data)) == book.hash(prices)
    assert len(book.hash(prices)) == 43 and not list(form.findings(prices))


def test_another_spelling_of_a_number_is_the_same_book_from_its_owner_and_refused_on_the_wire():
    owner = valves(lines=[{"item": "V15", "unit": "C62", "tiers": [{"from": "1.0", "price": "40.00"}]}], rules=[])
    assert owner.lines[0].tiers[0].price == "40"
    wire = encode({**msgspec.to_builtins(owner), "lines": [
        {"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "40.00"}]}]})
    with pytest.raises(Invalid) as found:
        book.load(wire)
    assert found.value.code == "pricing.spelling"


def test_any_change_is_another_hash():
    hashes = {book.hash(one) for one in (valves(), valves(name="x"), valves(notice_days=1), valves(rules=[]),
                                         valves(basis="gross"), valves(currency="EUR"))}
    assert len(hashes) == 6


@pytest.mark.parametrize(("draft", "where"), [
    ({**DRAFT, "buyer": "x"}, "book"), ({**DRAFT, "lines": "none"}, "lines"), ({**DRAFT, "basis": "both"}, "basis"),
    ({**DRAFT, "tax": {"category": "S", "percent": 13}}, "tax.percent"),
    ({"id": "x"}, "book"),
])
def test_what_has_not_the_shape_of_a_book_is_told_with_its_place(draft, where):
    with pytest.raises(Invalid) as found:
        book.load(draft)
    assert (found.value.code, found.value.facts["where"]) == ("pricing.shape", where)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"id":1.5}', b"\xff"])
def test_bytes_that_are_no_book_are_refused(data):
    with pytest.raises(Invalid):
        book.load(data)
