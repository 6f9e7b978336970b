"""Slips: one spelling, one hash, a signature that any change breaks, and a chain without gaps."""

import ast
import json
from pathlib import Path

import msgspec
import pytest

from tests.till.sample import FIRM, LIFE, PARTNER, SIGNER, line, say
from tests.vectors.test_till_vectors import codes
from weft import till
from weft.basis import canonical
from weft.basis.errors import Invalid
from weft.identity.keys import Signer
from weft.locale import sentences
from weft.till import qr, slip, verify

SALE = say(None, line(), line("1.5", "0.35", item="螺栓 M8", unit="KGM", lot="L7"))


def test_a_slip_comes_back_from_its_bytes():
    assert slip.parse(SALE.canonical) == SALE
    assert slip.parse(SALE.canonical).hash == SALE.hash
    pair = slip.sign(SALE, SIGNER)
    assert slip.signed(pair.canonical) == pair
    assert not verify.verify(pair)


def test_what_is_at_its_default_is_not_written():
    told = json.loads(SALE.canonical)
    assert not {"prev", "of", "off_book", "close", "attributes", "partner"} & set(told)
    assert "base" not in told["lines"][0]


def test_a_slip_in_another_spelling_is_refused():
    told = json.loads(SALE.canonical) | {"of": ""}
    with pytest.raises(Invalid) as raised:
        slip.parse(canonical.encode(told))
    assert raised.value.code == "slip.spelling"
    with pytest.raises(Invalid) as raised:
        slip.signed(canonical.encode({"slip": told, "signature": ""}))
    assert raised.value.code == "slip.spelling"


def test_bytes_beyond_the_limit_are_not_looked_at():
    for read in (slip.parse, slip.signed):
        with pytest.raises(Invalid) as raised:
            read(b" " * (slip.SLIP_BYTES_MAX + 1))
        assert raised.value.code == "slip.too-large"


def test_every_byte_is_signed():
    """Whatever byte is changed, the slip is refused or told wrong; unchanged (the control) it holds."""
    pair, data = slip.sign(SALE, SIGNER), SALE.canonical
    for at in range(len(data)):
        bent = bytearray(data)
        bent[at] ^= 1
        try:
            one = slip.parse(bytes(bent))
        except Invalid:
            continue
        assert verify.verify(msgspec.structs.replace(pair, slip=one)), at
    assert not verify.verify(pair)


def test_a_till_signs_only_its_own_slips():
    with pytest.raises(AssertionError):
        slip.sign(SALE, Signer(b"x" * 32))


def test_the_number_is_short_and_tells_memories_apart():
    assert SALE.number.partition("-")[2] == "1"
    assert len(SALE.number.partition("-")[0]) == 4
    assert SALE.number != msgspec.structs.replace(SALE, life=canonical.b64(bytes(8))).number


def test_a_slip_that_cannot_be_written_is_told_so():
    odd = msgspec.structs.replace(SALE, attributes={"区": "east"})
    assert codes(verify.findings(odd)) == ["not-canonical"]
    assert codes(verify.verify(slip.Signed(slip=odd, signature=""))) == ["not-canonical"]
    long = say(None, *[line(item="长" * 120, lot="长" * 120)] * 90)
    assert codes(verify.findings(long)) == ["too-large"]


# ---- the chain


def test_slips_follow_each_other():
    second = say(SALE, line())
    assert not verify.follows(SALE, None)
    assert not verify.follows(second, SALE)
    assert codes(verify.follows(second, None)) == ["chain-gap"]
    assert codes(verify.follows(say(second, line()), SALE)) == ["chain-gap"]


def test_a_slip_before_that_was_changed_breaks_the_chain():
    second = say(SALE, line())
    for changed in (say(None, line("3")), msgspec.structs.replace(SALE, at="2025-01-01T00:00:00.000Z")):
        assert codes(verify.follows(second, changed)) == ["chain-broken"]


def test_a_new_memory_begins_anew():
    other = canonical.b64(b"12345678")
    assert codes(verify.follows(say(SALE, line(), life=other), SALE)) == ["chain-other"]
    assert not verify.follows(say(None, line(), life=other), None)


def test_two_slips_at_one_place_contradict_each_other():
    twin = say(None, line("7"))
    assert verify.contradicts(SALE, twin)
    assert not verify.contradicts(SALE, SALE)
    assert not verify.contradicts(SALE, say(SALE, line()))
    assert not verify.contradicts(SALE, say(None, line("7"), life=canonical.b64(b"12345678")))


# ---- what stands on it


@pytest.mark.parametrize(("fields", "expected"), [
    ({"partner": PARTNER}, []), ({"pay": "account", "partner": PARTNER}, []), ({"pay": "account"}, ["field"]),
    ({"firm": "me"}, ["name"]), ({"life": LIFE[:-1]}, ["name"]), ({"off_book": True, "book": ""}, []),
    ({"attributes": {"zone": "east"}}, []), ({"attributes": {"": "east"}}, ["text"]), ({"n": 2}, ["chain-start"]),
    ({"n": 2, "prev": FIRM}, []), ({"currency": "XAU"}, ["currency"]), ({"kind": "return"}, ["field", "field"]),
])
def test_fields(fields, expected):
    changed = msgspec.structs.replace(say(None, line()), **fields)
    assert codes(verify.findings(changed)) == expected


def test_all_that_is_wrong_is_told_at_once():
    bad = msgspec.structs.replace(SALE, firm="me", gross="1.00", lines=(line(unit="ELL", quantity="1"),), at="today")
    assert codes(verify.findings(bad)) == ["name", "instant", "unit", "total"]


def test_every_finding_has_a_sentence():
    """``found`` makes its codes; the general test of refusals does not see them."""
    named = set()
    for path in Path(till.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "found":
                assert isinstance(node.args[0], ast.Constant)
                named.add(f"error.slip.{node.args[0].value}")
    assert len(named) > 25
    for lang in ("zh", "en"):
        assert not named - set(sentences(lang))


# ---- the text of a code


def test_the_text_of_a_code_holds_the_whole_slip():
    pair = slip.sign(SALE, SIGNER)
    text = qr.encode(pair)
    assert qr.decode(f" {text}\n") == pair
    assert text.isascii()


def test_eight_lines_fit_in_1300_characters():
    eight = say(None, *(line(str(at), f"{at * 7}.35", item=f"V15-DN{at}", lot=f"L2611-0{at}") for at in range(1, 9)),
                attributes={"lead_time": "standard", "zone": "east"}, pay="account", partner=PARTNER)
    assert len(qr.encode(slip.sign(eight, SIGNER))) < 1_300


def test_a_slip_too_long_for_a_code_is_told_so():
    long = say(None, *(line(str(at), item=f"{at * 7919:x}{SIGNER.public[:at % 40]}") for at in range(1, 150)))
    with pytest.raises(Invalid) as raised:
        qr.encode(slip.sign(long, SIGNER))
    assert raised.value.code == "slip.qr-too-long"
