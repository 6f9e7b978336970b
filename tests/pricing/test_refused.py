"""Whatever the linter refuses, it says so in both languages, beside the field, and tells how to mend it."""

import re

import pytest

from tests.pricing.books import DRAFT, valves
from tests.pricing.test_form import FAULTS
from tests.pricing.test_publish import Shelf
from weft.locale import LANGUAGES, text
from weft.pricing import publish
from weft.pricing.lint import lint
from weft.pricing.publish import Publish, checked
from weft.pricing.schema import PriceBook

NOW = "2026-11-10T00:00:00.000Z"
PROMISED = valves(notice_days=14)
ZONE_EAST, ZONE_WEST = ({"attribute": "zone", "one_of": [value]} for value in ("east", "west"))
ONLY_V15 = {"attribute": "item", "one_of": ["V15"]}
V15 = {"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "41"}]}


def with_rules(*rules, **fields):
    return {**DRAFT, "rules": [{"id": f"r{n}", **one} for n, one in enumerate(rules)], **fields}


def by_quantity(**effect):
    bounds = {name: effect.pop(name) for name in ("at_least", "below") if name in effect}
    return {"when": [{"attribute": "quantity", **bounds}], **effect}


def shelf(*books: tuple[PriceBook, str]):
    made = Shelf()
    for book, at in books:
        made.say(Publish(book=book, at=at))
    return made.state


REFUSED = [  # facts/trade §6.3 first, by name
    ("unknown attribute", {"attributes": {"weather": ["dry"]}, "rules": []}, {}, "pricing.unknown-attribute"),
    ("identity attribute", {"attributes": {"customer": ["a"]}, "rules": []}, {}, "pricing.identity-attribute"),
    ("a partner's name as a value", {"attributes": {**DRAFT["attributes"], "published_class": ["a", "明记五金"]}},
     {"names": ["明记 五金"]}, "pricing.identity-value"),
    ("free-text attribute", {"attributes": {"zone": ["as agreed on the phone"]}, "rules": []}, {},
     "pricing.free-text-attribute"),
    ("exact number", with_rules({"multiply": "1/2", "when": [{"attribute": "quantity", "one_of": ["7"]}]}), {},
     "pricing.exact-number"),
    ("exact number by a narrow range", with_rules(by_quantity(at_least="7", below="8", multiply="1/2")), {},
     "pricing.exact-number"),
    ("exact number by two rules", with_rules(by_quantity(at_least="100", multiply="1/2"),
                                             by_quantity(at_least="101", multiply="2/1")), {},
     "pricing.exact-number-together"),
    ("more than two conditions", with_rules({"multiply": "1/2", "when": [
        {"attribute": "zone", "one_of": ["east"]}, {"attribute": "lead_time", "one_of": ["express"]},
        {"attribute": "quantity", "at_least": "5"}]}), {}, "pricing.too-many-conditions"),
    ("tiers that rise", {"lines": [{**V15, "tiers": [{"from": "1", "price": "4"}, {"from": "9", "price": "5"}]}]}, {},
     "pricing.tiers-not-monotone"),
    ("channel", {"attributes": {"channel": ["counter", "web"]}, "rules": []}, {}, "pricing.channel"),
    ("channel as a condition", with_rules({"multiply": "1/2", "when": [{"attribute": "shop", "one_of": ["a"]}]}), {},
     "pricing.channel"),
    ("increase without notice", {"lines": [V15], "notice_days": 14}, {"previous": PROMISED, "at": NOW},
     "pricing.increase-without-notice"),
    ("increase by another book", {"id": "other", "lines": [V15], "notice_days": 14}, {"others": [PROMISED], "at": NOW},
     "pricing.increase-without-notice"),
    ("notice made shorter", {"notice_days": 3}, {"previous": PROMISED, "at": NOW}, "pricing.notice-shortened"),
    ("increase by currency", {"currency": "EUR", "notice_days": 14}, {"previous": PROMISED, "at": NOW},
     "pricing.increase-unclear"),
    ("too many versions a day", {}, {"at": NOW, "published": ["2026-11-09T20:00:00Z"] * 4},
     "pricing.too-many-versions"),
    ("below zero", with_rules({"add": "-50", "when": [{"attribute": "item", "one_of": ["V15"]}]}), {},
     "pricing.below-zero"),
    ("too large", {"lines": [{**V15, "item": f"V{n}"} for n in range(4000)], "rules": []}, {}, "pricing.too-large"),
    *((f"{code} {n}", {"attributes": DRAFT["attributes"], "rules": [], **fields}, {}, code)
      for n, (fields, code) in enumerate(FAULTS)),
]


@pytest.mark.parametrize(("fields", "around", "code"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_what_is_refused_is_told_in_both_languages_with_its_remedy_and_its_place(fields, around, code):
    told = [one for one in lint({**DRAFT, **fields}, **around) if one.code == code]
    assert told
    for finding in told:
        for lang, end in zip(LANGUAGES, ("。", "."), strict=True):
            sentence = text(lang, f"error.{code}", **finding.facts)
            assert "⟦" not in sentence, sentence
            assert sentence.count(end) >= 2, f"what is wrong, and how to mend it: {sentence}"
            assert sentence.endswith(end)
        assert finding.place or code == "pricing.too-many-versions"
        head = finding.place.partition(".")[0]
        assert head in {"", *PriceBook.__struct_fields__}, finding.place
        assert not re.search(r"\.$|\.\.", finding.place)


def test_the_control_a_sound_book_is_refused_nothing():
    assert lint(DRAFT, at=NOW, others=[valves(id="other")], names=["明记五金"]) == ()
    assert lint({**DRAFT, "notice_days": 14}, previous=PROMISED, at=NOW, names=["east wind"]) == ()


def test_two_ranges_that_leave_room_or_never_meet_are_no_exact_number():
    wide = with_rules(by_quantity(at_least="100", multiply="1/2"), by_quantity(at_least="500", multiply="2/1"))
    both_down = with_rules(by_quantity(at_least="100", multiply="9/10"), by_quantity(at_least="101", multiply="9/10"))
    apart = with_rules(
        {"multiply": "1/2", "when": [{"attribute": "quantity", "at_least": "100"}, ZONE_EAST]},
        {"multiply": "2/1", "when": [{"attribute": "quantity", "at_least": "101"}, ZONE_WEST]})
    for book in (wide, both_down, apart):
        assert lint(book) == ()


def test_a_reduction_below_zero_counts_only_where_an_order_can_meet_it():
    apart = with_rules({"add": "-30", "when": [ZONE_EAST, ONLY_V15]}, {"add": "-30", "when": [ZONE_WEST, ONLY_V15]})
    assert lint(apart) == ()
    line = with_rules({"add": "-5", "per": "line", "when": [{"attribute": "item", "one_of": ["SCREW"]}]})
    finding, = lint(line)
    assert (finding.code, finding.facts, finding.place) == ("pricing.below-zero", {"item": "SCREW"}, "lines.1.tiers")


def test_with_too_many_choices_to_try_a_price_that_may_fall_below_zero_is_refused():
    many = {name: [f"v{n}" for n in range(150)] for name in ("zone", "lead_time", "packaging")}
    rules = [{"add": "-30", "when": [{"attribute": name, "one_of": ["v7"]}, ONLY_V15]} for name in many]
    assert {one.code for one in lint(with_rules(*rules, attributes=many))} == {"pricing.below-zero"}
    assert lint(with_rules(rules[0], attributes=many)) == ()


def test_a_new_name_for_a_book_slips_no_increase_through_not_even_after_a_withdrawal():
    day = "2026-11-02T00:00:00.000Z"
    state = shelf((PROMISED, day))
    other = valves(id="other", lines=[V15], rules=[], notice_days=14)
    assert {one.code for one in checked(state, other, NOW)} == {"pricing.increase-without-notice"}
    withdrawn = publish.evolve(state, publish.Said(id="e", by="us", role="owner", message=publish.BookWithdrawn(
        hash=PROMISED.hash, at=day)))
    assert checked(withdrawn, other, "2026-11-03T00:00:00.000Z")
    assert checked(withdrawn, other, "2026-11-17T00:00:00.000Z") == ()  # its promise is over
    elsewhere = valves(id="other", lines=[{**V15, "item": "NEW"}], rules=[])
    assert checked(state, elsewhere, NOW) == ()


def test_versions_of_a_day_are_counted_over_all_books_that_sell_the_same():
    same = [(valves(id=f"book-{n}"), NOW) for n in range(4)]
    assert {one.code for one in checked(shelf(*same), valves(id="fifth"), NOW)} == {"pricing.too-many-versions"}
