"""What a price book must be before anyone may rely on it: each fault has its code."""

import pytest

from tests.pricing.books import DRAFT
from weft.pricing import form
from weft.pricing.book import shape


def codes(**fields):
    return [finding.code for finding in form.findings(shape({**DRAFT, **fields}))]


def line(*tiers, item="V15", unit="C62"):
    return {"item": item, "unit": unit, "tiers": [{"from": start, "price": cost} for start, cost in tiers]}


def rule(**fields):
    return {"id": "r", **fields}


def when(attribute, **fields):
    return rule(multiply="1/2", when=[{"attribute": attribute, **fields}])


FAULTS = [
    ({"id": " "}, "pricing.text"), ({"name": "x" * 121}, "pricing.text"), ({"currency": "ZZZ"}, "pricing.currency"),
    ({"notice_days": -1}, "pricing.notice"), ({"notice_days": 366}, "pricing.notice"),
    ({"attested": True}, "pricing.attested"), ({"valid_from": "soon"}, "pricing.validity"),
    ({"valid_until": "2026-10-01T00:00:00Z"}, "pricing.validity"),
    ({"tax": {"category": "X", "percent": "1"}}, "pricing.tax-category"),
    ({"tax": {"category": "Z", "percent": "13"}}, "pricing.tax-percent"),
    ({"tax": {"category": "S", "percent": "-1"}}, "pricing.tax-percent"),
    ({"lines": []}, "pricing.no-lines"), ({"lines": [line(("1", "1"))] * 2}, "pricing.duplicate-line"),
    ({"lines": [line(("1", "1"), unit="STONE")]}, "pricing.unit"), ({"lines": [line()]}, "pricing.tiers"),
    ({"lines": [line(("-1", "1"))]}, "pricing.tier-from"), ({"lines": [line(("x", "1"))]}, "pricing.tier-from"),
    ({"lines": [line(("1", "2"), ("1", "1"))]}, "pricing.tiers-overlap"),
    ({"lines": [line(("1", "2"), ("5", "3"))]}, "pricing.tiers-not-monotone"),
    ({"lines": [line(("1", "-2"))]}, "pricing.price"), ({"lines": [line(("1", "free"))]}, "pricing.price"),
    ({"lines": [line(("1", "0.0000001"))]}, "pricing.price-decimals"),
    ({"attributes": {"buyer_id": ["a"]}}, "pricing.identity-attribute"),
    ({"attributes": {"客户": ["a"]}}, "pricing.identity-attribute"),
    ({"attributes": {"sales channel": ["a"]}}, "pricing.channel"),
    ({"attributes": {"weather": ["a"]}}, "pricing.unknown-attribute"),
    ({"attributes": {"zone": []}}, "pricing.free-text-attribute"),
    ({"attributes": {"zone": ["anything you like"]}}, "pricing.free-text-attribute"),
    ({"attributes": {"zone": ["13800138000"]}}, "pricing.identity-value"),
    ({"attributes": {"zone": ["a", "a"]}}, "pricing.duplicate-value"),
    ({"rules": [rule(multiply="1/2"), rule(multiply="1/2")]}, "pricing.rule-id"),
    ({"rules": [rule()]}, "pricing.rule-effect"), ({"rules": [rule(multiply="1/2", add="1")]}, "pricing.rule-effect"),
    ({"rules": [rule(multiply="0.5")]}, "pricing.rule-factor"), ({"rules": [rule(add="x")]}, "pricing.rule-amount"),
    ({"rules": [when("moon", one_of=["x"])]}, "pricing.unknown-attribute"),
    ({"rules": [when("zone", one_of=["nowhere"])]}, "pricing.condition-value"),
    ({"rules": [when("zone")]}, "pricing.condition-empty"), ({"rules": [when("quantity")]}, "pricing.condition-empty"),
    ({"rules": [when("quantity", one_of=["7"])]}, "pricing.exact-number"),
    ({"rules": [when("quantity", at_least="100", below="101")]}, "pricing.exact-number"),
    ({"rules": [when("quantity", at_least="1000", below="1050")]}, "pricing.exact-number"),
    ({"rules": [when("quantity", at_least="10", below="5")]}, "pricing.condition-range"),
    ({"rules": [rule(multiply="1/2", when=[{"attribute": "zone", "one_of": ["east"]}] * 3)]},
     "pricing.too-many-conditions"),
    ({"rules": [rule(multiply="1/2") for _ in range(101)]}, "pricing.too-many"),
]


@pytest.mark.parametrize(("fields", "code"), FAULTS, ids=[f"{code}-{n}" for n, (_, code) in enumerate(FAULTS)])
def test_each_fault_has_its_code(fields, code):
    assert code in codes(**{"attributes": DRAFT["attributes"], "rules": [], **fields})


def test_a_sound_book_has_no_findings_and_a_bad_one_has_them_all():
    assert codes() == []
    assert set(codes(currency="ZZZ", notice_days=-1, lines=[])) >= {
        "pricing.currency", "pricing.notice", "pricing.no-lines"}
