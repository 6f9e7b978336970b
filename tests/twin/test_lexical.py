"""Values between the text of XML Schema and the value of JSON, digit by digit."""

import json

import pytest

from weft.basis.errors import Invalid
from weft.twin import elements as e
from weft.twin import values

LONG, WHOLE = "126789672374892739424.543233", "126789675432332938792837429837429837429"
DIGITS = [("xs:decimal", "0.10", "0.10"), ("xs:decimal", LONG, LONG), ("xs:integer", WHOLE, WHOLE),
          ("xs:int", "+7", "7"), ("xs:int", "007", "7"), ("xs:int", "-0", "-0"), ("xs:decimal", ".5", "0.5"),
          ("xs:double", "1.50E+03", "1.50e+03"), ("xs:double", "INF", '"INF"'), ("xs:double", "NaN", '"NaN"'),
          ("xs:boolean", "1", "true"), ("xs:string", "1", '"1"'), ("xs:int", "many", '"many"'),
          ("xs:double", ".", '"."')]


@pytest.mark.parametrize(("kind", "stored", "told"), DIGITS)
def test_every_digit_is_told(kind, stored, told):
    assert values.value_json(e.prop("P", stored, type_=kind)) == told.encode()


def test_numbers_of_the_language_would_lose_digits():
    for text in (LONG, "0.10"):
        told = json.dumps(values.value_of(e.prop("P", text, type_="xs:decimal")))
        assert told != text == values.value_json(e.prop("P", text, type_="xs:decimal")).decode()


@pytest.mark.parametrize(("kind", "sent", "stored"), [
    ("xs:decimal", b"0.10", "0.10"), ("xs:decimal", b"1e3", "1000"), ("xs:decimal", b"1.5E-3", "0.0015"),
    ("xs:int", b"7", "7"), ("xs:int", b"7.0", "7"), ("xs:integer", b"1e3", "1000"),
    ("xs:integer", WHOLE.encode(), WHOLE), ("xs:decimal", LONG.encode(), LONG),
    ("xs:double", b"0.000", "0.000"), ("xs:double", b"-1e5", "-1e5"), ("xs:double", b'"INF"', "INF"),
    ("xs:boolean", b"true", "true"), ("xs:string", b'"1"', "1"), ("xs:decimal", b'"0.10"', "0.10"),
    ("xs:dateTime", b'"2026-11-25T08:00:00+08:00"', "2026-11-25T08:00:00+08:00"),
])
def test_digits_are_kept_as_they_were_sent(kind, sent, stored):
    before = e.prop("P", "9", type_=kind)
    assert values.with_value(before, values.parse_value(sent))["value"] == stored
    assert before["value"] == "9"


@pytest.mark.parametrize(("kind", "sent"), [
    ("xs:int", "7.5"), ("xs:int", "true"), ("xs:string", "7"), ("xs:boolean", "1"), ("xs:decimal", "1e999"),
    ("xs:int", "1e999999999999"), ("xs:dateTime", "2026"), ("xs:int", "{}"), ("xs:string", "[]"),
])
def test_a_value_of_another_type_is_refused_with_its_path(kind, sent):
    root = e.submodel("urn:x", "S", [e.collection("C", [e.listing("L", [e.prop("", "9", type_=kind)], of="Property")])])
    with pytest.raises(Invalid) as caught:
        values.with_value(root, values.parse_value(f'{{"C": {{"L": [{sent}]}}}}'.encode()))
    assert (caught.value.code, caught.value.facts["path"]) == ("twin.value-misfit", "C.L[0]")


@pytest.mark.parametrize("body", [b"", b"NaN", b"{", b"[Infinity]", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(body):
    with pytest.raises(Invalid) as caught:
        values.parse_value(body)
    assert caught.value.code == "twin.value-json"
