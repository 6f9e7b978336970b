"""What changes from one version of a book to another, as its owner is told before publishing."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from tests.pricing.books import DRAFT, books, valves
from weft.pricing.compare import rises
from weft.pricing.diff import Move, differences, share
from weft.pricing.evaluate import Attributes, price

SCREW = DRAFT["lines"][1]


def v15(*tiers, **fields):
    return {"item": "V15", "unit": "C62", "tiers": [{"from": start, "price": cost} for start, cost in tiers], **fields}


def test_items_become_dearer_cheaper_both_new_or_gone():
    new = valves(lines=[v15(("1", "42"), ("100", "36.5")), {**SCREW, "item": "NUT"}])
    told = differences(valves(), new)
    assert told.counts == {"dearer": 1, "new": 1, "gone": 1}
    first = told.items[0]
    assert (first.item, first.kind) == ("V15", "dearer")
    assert first.choices[0].moves == (Move(start="1", before="40", after="42", percent="+5"),)
    mixed = differences(valves(), valves(lines=[v15(("1", "39"), ("100", "37")), SCREW])).items[0]
    assert (mixed.kind, [move.percent for move in mixed.choices[0].moves]) == ("both", ["-2.5", "+1.37"])


def test_only_prices_per_base_and_net_are_compared():
    gross = valves(basis="gross", lines=[v15(("1", "45.2"), ("100", "41.245")), {**SCREW, "tiers": [
        {"from": "0", "price": "13.950616"}]}], rules=[])
    told = differences(valves(rules=[]), gross)
    assert {one.item for one in told.items} <= {"SCREW"}  # 45.2 with 13 % tax is 40 without
    per_thousand = differences(valves(), valves(lines=[DRAFT["lines"][0], {**SCREW, "tiers": [
        {"from": "0", "price": "13"}]}]))
    assert per_thousand.items[0].choices[0].moves[0] == Move(
        start="0", before="12.345678", after="13", percent="+5.3")


def test_a_rule_that_moves_one_choice_only_is_told_by_that_choice():
    dearer = [{**DRAFT["rules"][0], "multiply": "12/10"}, *DRAFT["rules"][1:]]
    told = differences(valves(), valves(rules=dearer))
    assert [one.attributes for one in told.items[0].choices] == [
        {"lead_time": "express"}, {"zone": "west", "lead_time": "express"}]
    assert [(one.id, one.before is None, one.after is None) for one in told.rules] == [("express", False, False)]
    gone = differences(valves(), valves(rules=DRAFT["rules"][:2]))
    assert gone.rules[0].after is None and gone.items[0].kind == "cheaper"
    assert [move.of for move in gone.items[0].choices[0].moves] == ["line"]


def test_the_head_and_the_lists_of_values_are_told_field_by_field():
    told = differences(valves(), valves(name="Valves", notice_days=14, tax={"category": "S", "percent": "6"},
                                        attributes={**DRAFT["attributes"], "zone": ["east", "west", "north"]}))
    assert {one.field: (one.before, one.after) for one in told.fields} == {
        "name": ("Ball valves", "Valves"), "notice_days": ("", "14"), "tax.percent": ("13", "6"),
        "attributes.zone": ("east, west", "east, west, north")}
    assert differences(valves(), valves()).nothing
    assert not differences(valves(), valves(currency="EUR")).comparable


CARD = {"item": "TURNED", "model": "machined-part/1", "setup": "80", "minimum": "50",
        "materials": [{"name": "brass", "price": "62"}], "minutes": [{"name": "lathe", "price": "1.5"}]}


def test_rate_cards_are_compared_rate_by_rate_net_of_tax():
    told = differences(valves(), valves(cards=[CARD]))
    assert [(one.item, one.kind) for one in told.cards] == [("TURNED", "new")]
    gross = [{**CARD, "setup": "90.4", "minimum": "56.5", "materials": [{"name": "brass", "price": "77.97"}],
              "minutes": []}]
    told = differences(valves(cards=[CARD], rules=[]), valves(cards=gross, basis="gross", rules=[]))
    assert [(one.what, one.name, one.before, one.after, one.percent) for one in told.cards[0].moves] == [
        ("material", "brass", "62", "69", "+11.29"), ("minutes", "lathe", "1.5", "", "")]
    assert differences(valves(cards=[CARD]), valves()).cards[0].kind == "gone"
    assert differences(valves(cards=[CARD]), valves(cards=[CARD])).nothing


def test_with_too_many_choices_only_the_standard_one_is_told():
    many = {name: [f"v{n}" for n in range(80)] for name in ("zone", "lead_time")}
    rules = [{"id": name, "multiply": "1/2", "when": [{"attribute": name, "one_of": ["v7"]}]} for name in many]
    old = valves(attributes=many, rules=rules)
    told = differences(old, valves(attributes=many, rules=rules, lines=[v15(("1", "41"), ("100", "36")), SCREW]))
    assert not told.whole
    assert [one.attributes for one in told.items[0].choices] == [{}]


def test_shares_are_rounded_half_up_and_none_is_lost():
    assert share(Fraction(8), Fraction(8) + Fraction(1, 2500)) == "+0.01"
    assert share(Fraction(1), Fraction(1) - Fraction(1, 10**6)) == "-0.0001"
    assert share(Fraction(0), Fraction(5)) == "" and share(Fraction(4), Fraction(4)) == "0"


@given(books(), books(), st.sampled_from(["A", "B"]))
def test_what_is_told_as_no_dearer_has_not_risen(old, new, item):
    """The summary that an owner reads agrees with the linter that guards the notice."""
    if old.currency != new.currency:
        return
    told = differences(old, new)
    kinds = {one.item: one.kind for one in told.items}
    if told.whole and item not in {one.item for one in rises(old, new)}:
        assert kinds.get(item, "same") in {"same", "cheaper"}


@given(books(), books())
def test_a_move_is_the_move_of_the_exact_price(old, new):
    if old.currency != new.currency or old.basis == "gross" or new.basis == "gross":
        return
    for one in differences(old, new).items:
        for move in one.choices[0].moves if not one.choices[0].attributes else ():
            if move.of == "unit" and Fraction(move.start) > 0:
                asked = Attributes(item=one.item, unit=one.unit, quantity=move.start)
                before, after = price(old, asked), price(new, asked)
                assert after.base == one.base
                assert Fraction(move.after) == Fraction(after.unit_price)
                assert abs(Fraction(move.before) / int(one.base) - Fraction(before.unit_price) / int(before.base)) \
                    <= Fraction(1, 10**6)
