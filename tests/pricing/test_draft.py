"""A book while it is being written: nothing is overwritten unseen, per cent is exact, the day is the first allowed."""

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pricing.books import DRAFT, decimals, valves
from weft.basis import instant
from weft.basis.errors import Invalid, Refused
from weft.basis.zone import fixed, of
from weft.pricing import draft as d
from weft.pricing.draft import Draft
from weft.pricing.lint import DAY_MS, lint
from weft.pricing.schema import Line, Tier

NOW = "2026-11-10T09:30:00.000Z"


def test_an_id_is_made_of_the_name_and_is_like_no_other():
    assert d.named("Ball valves 2026 ", []) == "ball-valves-2026"
    assert d.named("球阀　２０２６", []) == "球阀-2026"
    assert d.named("球阀", ["球阀", "球阀-2"]) == "球阀-3"
    assert d.named("!!", ["book"]) == "book-2"


def test_what_changed_meanwhile_is_not_overwritten_and_other_parts_are_free():
    held = Draft(id="d", rev=1, book=valves(), at=NOW)
    seen = {place: d.mark(held.book, place) for place in ("head", "lines.0", "lines.1", "rules.0", "attributes")}
    changed = d.with_part(held.book, "lines.0", Line(item="V15", unit="C62", tiers=(Tier(from_="1", price="41"),)))
    after = Draft(id="d", rev=2, book=changed, at=NOW)
    for place in ("head", "lines.1", "rules.0", "attributes"):
        assert d.located(after, place, seen[place]) == place
    with pytest.raises(Refused) as refused:
        d.located(after, "lines.0", seen["lines.0"])
    assert refused.value.code == "pricing.draft-changed"
    assert d.located(after, "lines.0", d.mark(changed, "lines.0")) == "lines.0"


def test_a_part_is_found_where_it_stands_now_when_others_went():
    book = valves()
    seen = d.mark(book, "lines.1")
    after = Draft(id="d", rev=2, book=d.with_part(book, "lines.0", None))
    assert d.located(after, "lines.1", seen) == "lines.0"
    twice = Draft(id="d", rev=3, book=d.with_part(after.book, "lines.new", after.book.lines[0]))
    assert d.located(twice, "lines.0", seen) == "lines.0"
    with pytest.raises(Refused):
        d.located(twice, "lines.7", seen)  # two are the same: which one is meant?


def test_parts_come_go_and_change_places():
    book = valves()
    added = d.with_part(book, "lines.new", Line(item="NUT", unit="C62", tiers=()))
    assert [line.item for line in added.lines] == ["V15", "SCREW", "NUT"]
    assert [line.item for line in d.with_part(added, "lines.1", None).lines] == ["V15", "NUT"]
    assert [rule.id for rule in d.raised(book, "rules.2").rules] == ["express", "small", "west"]
    assert d.raised(book, "rules.0").rules == book.rules
    for place in ("rules.9", "lines.x", "lines.-1"):
        with pytest.raises(Invalid):
            d.with_part(book, place, None)
    merged = d.merged(book, [Line(item="SCREW", unit="C62", tiers=()), Line(item="NUT", unit="C62", tiers=())])
    assert [(line.item, len(line.tiers)) for line in merged.lines] == [("V15", 2), ("SCREW", 0), ("NUT", 0)]


@given(decimals(-99, 900, 3))
def test_per_cent_becomes_an_exact_factor_and_comes_back(percent):
    factor = d.factor_of(percent)
    assert Fraction(factor) == 1 + Fraction(percent) / 100
    assert d.percent_of(factor) == percent


@pytest.mark.parametrize("percent", ["-100", "-250", "x", "", "0.000000001"])
def test_what_is_no_change_of_price_is_refused(percent):
    with pytest.raises(Invalid) as refused:
        d.factor_of(percent)
    assert refused.value.code == "pricing.rule-percent"


def test_a_factor_that_is_no_per_cent_stays_a_fraction():
    assert d.percent_of("2/3") == "" and d.percent_of("none") == "" and d.percent_of("1/0") == ""


@given(st.sampled_from(["UTC", "+08:00", "-05:00", "Europe/Berlin", "America/Havana", "Asia/Kolkata"]),
       st.sampled_from([1, 14, 365]))
def test_without_a_day_a_dearer_book_begins_at_the_first_midnight_that_the_promise_allows(place, days):
    zone = of(place)
    before = valves(notice_days=days)
    dearer = d.following(valves(notice_days=days, rules=[DRAFT["rules"][0] | {"multiply": "12/10"}]))
    book = d.dated(dearer, [before], NOW, zone)
    assert lint(book, previous=before, at=NOW) == ()
    start = d.first_day(dearer, [before], NOW, zone)
    assert book.valid_from == start
    assert zone.wall(instant.to_ms(start)) % DAY_MS == 0
    sooner = instant.from_ms(instant.to_ms(start) - DAY_MS)
    early = msgspec.structs.replace(book, valid_from=sooner)
    assert lint(early, previous=before, at=NOW), "the day before would have broken the promise"


def test_without_a_day_a_book_that_is_no_dearer_begins_at_once():
    before = valves(notice_days=14)
    assert d.dated(d.following(before), [before], NOW, fixed(480)).valid_from == NOW
    assert d.dated(d.following(valves()), [], NOW, fixed(480)).valid_from == NOW
    chosen = valves(valid_from="2027-01-01T00:00:00Z")
    assert d.dated(chosen, [before], NOW, fixed(480)) is chosen


def test_one_item_can_be_tried_while_another_is_still_wrong():
    book = valves()
    wrong = msgspec.structs.replace(book, lines=(*book.lines, Line(item="X", unit="?", tiers=())))
    assert lint(wrong)
    assert lint(d.only(wrong, "V15")) == ()
    assert d.sold(d.only(wrong, "V15")) == [("V15", "C62")]
