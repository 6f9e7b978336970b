"""The vectors of prices and slips, as the node sees them; ``tests/doors/till`` has a real browser look at the same."""

import json
from pathlib import Path

import msgspec
import pytest

from tests.vectors import prices
from weft.basis import canonical
from weft.basis.errors import WeftError
from weft.pricing import book
from weft.pricing.evaluate import Attributes, follows, price
from weft.till import closing, qr, returns, verify
from weft.till.slip import Slip, parse, signed

HERE = Path(__file__).parent


def load(name: str) -> dict[str, list]:
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def codes(findings) -> list[str]:
    return [one.code.removeprefix("slip.") for one in findings]


def refused(check, *given) -> str:
    try:
        check(*given)
    except WeftError as error:
        return error.code
    return ""


def as_told(code: str, expected: str) -> bool:
    """Whether ``code`` is what was expected: the same, or begun so where that ends with a point."""
    return code.startswith(expected) if expected.endswith(".") else code == expected


def test_there_are_enough_of_them():
    assert len(load("price.json")["cases"]) >= 1_300
    assert len(load("slip.json")["slips"]) >= 200
    assert len(load("slip.json")["wrong"]) >= 50


def test_prices():
    vectors = load("price.json")
    books = [book.load(one["canonical"].encode()) for one in vectors["books"]]
    assert [one.hash for one in books] == [one["hash"] for one in vectors["books"]]
    for case in vectors["cases"]:
        of, given = books[case["book"]], msgspec.convert(case["ask"], Attributes)
        if "error" in case:
            with pytest.raises(WeftError) as raised:
                price(of, given)
            assert (raised.value.code, raised.value.facts) == (case["error"], case["facts"]), case
            continue
        priced = price(of, given)
        told = msgspec.to_builtins(priced)
        assert prices.named(told) == (prices.named(case["priced"]) if "priced" in case else case["named"]), case
        assert follows(of, priced)


def test_slips_hold_and_follow_each_other():
    before: Slip | None = None
    for case in load("slip.json")["slips"]:
        pair = signed(case["text"].encode())
        assert (pair.slip.hash, pair.slip.number) == (case["hash"], case["number"])
        assert not verify.verify(pair), case["number"]
        before = None if pair.slip.n == 1 else before
        assert not verify.follows(pair.slip, before)
        before = pair.slip


def test_returns_and_closings_agree_with_what_was_sold():
    known: dict[str, Slip] = {}
    day: list[Slip] = []
    last: Slip | None = None
    for case in load("slip.json")["slips"]:
        one = signed(case["text"].encode()).slip
        if one.n == 1:
            day, last = [], None
        if one.kind == "return":
            assert not returns.check(one, known[one.of], known.values())
        if one.kind == "close":
            assert not closing.check(one, day, last)
            day, last = [], one
        else:
            day.append(one)
        known[one.hash] = one


def test_wrong_slips_are_told_so():
    for case in load("slip.json")["wrong"]:
        assert codes(verify.verify(signed(case["text"].encode()))) == case["codes"], case["name"]


def test_spellings():
    for case in load("slip.json")["spellings"]:
        assert as_told(refused(parse, case["text"].encode()), case["code"]), case


def test_texts_of_codes():
    for case in load("slip.json")["texts"]:
        assert as_told(refused(qr.decode, case["text"]), case["code"]), case
        if not case["code"]:
            assert qr.decode(case["text"]).slip.hash == case["hash"]


def test_neighbours():
    for case in load("slip.json")["following"]:
        before = parse(case["before"].encode()) if case["before"] else None
        assert codes(verify.follows(parse(case["slip"].encode()), before)) == case["codes"], case


def test_what_is_taken_back():
    for case in load("slip.json")["taking"]:
        given = parse(case["sale"].encode()), [parse(one.encode()) for one in case["earlier"]], case["wanted"]
        if "error" in case:
            assert refused(returns.lines, *given) == case["error"], case
        else:
            assert canonical.encode(msgspec.to_builtins(returns.lines(*given))).decode() == case["lines"], case
