"""The linter: what keeps a draft from being published today, increases without notice above all."""

import msgspec
import pytest
from hypothesis import given

from tests.pricing.books import DRAFT, asks, books, valves
from weft.pricing.compare import rises
from weft.pricing.evaluate import price
from weft.pricing.lint import lint

NOW = "2026-11-10T00:00:00.000Z"
LINE = {"item": "V15", "unit": "C62"}


def dearer(cost="41", **fields):
    return valves(lines=[{**LINE, "tiers": [{"from": "1", "price": cost}, {"from": "100", "price": "36.5"}]}], **fields)


def codes(*args, **kwargs):
    return [finding.code for finding in lint(*args, **kwargs)]


def test_a_sound_draft_passes_in_every_form_and_a_bad_one_is_told_everything():
    assert codes(valves()) == codes(DRAFT) == codes(msgspec.json.encode(DRAFT)) == []
    assert set(codes({**DRAFT, "currency": "ZZZ", "lines": []})) >= {"pricing.currency", "pricing.no-lines"}
    assert codes(b"{") == ["pricing.shape"] and codes({"id": 1}) == ["pricing.shape"]


def test_an_increase_needs_the_notice_that_the_version_in_force_promises():
    before = valves(notice_days=14)
    assert codes(dearer(), previous=before, at=NOW) == ["pricing.notice-shortened", "pricing.increase-without-notice"]
    kept = dearer(notice_days=14)
    finding, = lint(kept, previous=before, at=NOW)
    assert finding.facts == {"item": "V15", "start": "1", "before": "40", "after": "41",
                             "earliest": "2026-11-24T00:00:00.000Z"}
    assert codes(dearer(notice_days=14, valid_from="2026-11-24T00:00:00Z"), previous=before, at=NOW) == []
    assert codes(dearer("39", notice_days=14), previous=before, at=NOW) == []      # cheaper: at once
    assert codes(dearer(), previous=valves(), at=NOW) == []                        # no notice promised
    assert codes(kept, at=NOW) == []                                               # nothing before


def test_an_increase_hidden_in_a_rule_is_found():
    rule = {"id": "express", "when": [{"attribute": "lead_time", "one_of": ["express"]}], "multiply": "12/10"}
    changed = valves(rules=[rule, *DRAFT["rules"][1:]], notice_days=14)
    assert codes(changed, previous=valves(notice_days=14), at=NOW) == ["pricing.increase-without-notice"] * 2


def test_too_many_versions_in_a_day_are_refused():
    today = ["2026-11-09T01:00:00Z"] * 4
    assert codes(valves(), at=NOW, published=today) == ["pricing.too-many-versions"]
    assert codes(valves(), at=NOW, published=today[:3]) == []
    assert codes(valves(), at=NOW, published=["2026-11-08T01:00:00Z"] * 4) == []


@pytest.mark.parametrize("currency", ["EUR", "USD"])
def test_a_change_of_currency_is_perhaps_an_increase(currency):
    changed = valves(currency=currency, notice_days=14)
    assert codes(changed, previous=valves(notice_days=14), at=NOW) == ["pricing.increase-unclear"]


@given(books(), books(), asks)
def test_where_no_rise_is_told_no_price_has_risen(old, new, attributes):
    """By the exact net price per piece; both books sell the item."""
    new = msgspec.structs.replace(new, currency=old.currency)
    risen = {rise.item for rise in rises(old, new)}
    if attributes.item in risen or "*" in risen:
        return
    before, after = price(old, attributes), price(new, attributes)
    slack = 1 if old.currency == "JPY" else 0.01
    assert float(after.net) <= float(before.net) + slack


@given(books())
def test_a_book_is_no_dearer_than_itself(prices):
    assert list(rises(prices, prices)) == []
