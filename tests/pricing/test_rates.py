"""Rate cards: what a part made to a drawing costs, and what keeps a card from being published."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pricing.books import DRAFT, ask, decimals, valves
from weft.basis.errors import Invalid
from weft.locale import sentences
from weft.pricing import book
from weft.pricing.compare import rises
from weft.pricing.evaluate import Step, follows, price
from weft.pricing.lint import lint

CARD = {
    "item": "turned-part", "model": "machined-part/1", "name": "Turned parts",
    "materials": [{"name": "C45", "price": "9.5"}, {"name": "304L", "price": "32"}],
    "minutes": [{"name": "turning", "price": "2.5"}, {"name": "milling", "price": "3.2"}],
    "setup": "120", "minimum": "200",
    "finishes": [{"name": "blackened", "price": "1.2"}, {"name": "engraved", "price": "4", "per": "piece"}],
}
OLD_HASH = "3OgeAav89sVFv7GX6PHTj5aotMgjovRIM8qBFS0x4ek"


def turned(card=None, **fields):
    return book.load({**DRAFT, "cards": [{**CARD, **(card or {})}], **fields})


def part(quantity="10", **inputs):
    given_ = {name.replace("_", "."): value for name, value in inputs.items()}
    return ask("turned-part", quantity, inputs=given_)


def told(priced):
    return [(step.kind, step.name, step.by, step.result) for step in priced.trace]


def test_every_step_can_be_redone_on_a_pocket_calculator():
    priced = price(turned(), part(kg="1.2", minutes_turning="14", setups="1", finish="blackened", dm2="3.5",
                                  ))
    assert told(priced) == [
        ("material", "C45", "1.2 × 9.5", "11.4"),
        ("minutes", "turning", "14 × 2.5", "35"),
        ("finish", "blackened", "3.5 × 1.2", "4.2"),
        ("piece", "", "11.4 + 35 + 4.2", "50.6"),
        ("setups", "", "1 × 120", "120"),
        ("amount", "", "50.6 × 10 + 120", "626.00"),
        ("tax", "S", "13 %", "81.38"),
    ]
    assert (priced.net, priced.tax, priced.gross, priced.unit_price) == ("626.00", "81.38", "707.38", "50.6")
    assert priced.attributes.inputs == {
        "material": "C45", "kg": "1.2", "minutes.turning": "14", "setups": "1", "finish": "blackened", "dm2": "3.5"}


def test_rules_and_attributes_apply_on_top_as_for_other_lines():
    rules = [{"id": "many", "when": [{"attribute": "quantity", "at_least": "100"}], "multiply": "9/10"},
             {"id": "express", "when": [{"attribute": "lead_time", "one_of": ["express"]}], "multiply": "11/10"},
             {"id": "west", "when": [{"attribute": "zone", "one_of": ["west"]}, {
                 "attribute": "item", "one_of": ["turned-part"]}], "add": "30", "per": "line"}]
    asked = msgspec.structs.replace(part("100", minutes_turning="2"), lead_time="express", zone="west")
    priced = price(turned(rules=rules), asked)
    assert priced.net == "525.00"  # 2 × 2.5 × 0.9 × 1.1 × 100 + 30
    ruled = [step.name for step in priced.trace if step.kind in {"multiply", "line-charge"}]
    assert ruled == ["many", "express", "west"]


def test_a_line_never_costs_less_than_the_minimum():
    priced = price(turned(rules=[]), part("1", minutes_turning="1"))
    assert told(priced)[-3:] == [("amount", "", "2.5 × 1", "2.50"), ("minimum", "", "200", "200.00"),
                                 ("tax", "S", "13 %", "26.00")]
    assert priced.net == "200.00"


@pytest.mark.parametrize(("inputs", "code"), [
    ({}, "pricing.input-missing"), ({"minutes_grinding": "3"}, "pricing.input-unknown"),
    ({"buyer": "x"}, "pricing.input-unknown"), ({"kg": "-1"}, "pricing.input-value"),
    ({"kg": "1e3"}, "pricing.input-value"),
    ({"kg": "1", "material": "gold"}, "pricing.input-unlisted"), ({"finish": "blackened"}, "pricing.input-missing"),
    ({"dm2": "2"}, "pricing.input-missing"), ({"setups": "1.5"}, "pricing.input-value"),
    ({"kg": "0.0000001"}, "pricing.input-value"), ({"finish": "chrome", "dm2": "1"}, "pricing.input-unlisted"),
])
def test_inputs_that_the_card_does_not_know_are_refused(inputs, code):
    with pytest.raises(Invalid) as refused:
        price(turned(), part(**inputs))
    assert refused.value.code == code


def test_an_ordinary_line_takes_no_inputs():
    with pytest.raises(Invalid, match=r"pricing\.no-card"):
        price(turned(), ask("V15", inputs={"kg": "1"}))


INPUTS = st.fixed_dictionaries({}, optional={
    "kg": decimals(0, 50, 3), "material": st.sampled_from(["C45", "304L"]), "minutes.turning": decimals(0, 300, 2),
    "minutes.milling": decimals(0, 300, 2), "setups": st.integers(0, 9).map(str),
    "finish": st.just("engraved")}).filter(lambda one: any(value not in {"0", "C45", "304L"} for value in one.values()))


@given(INPUTS, st.integers(1, 500).map(str), st.sampled_from(["net", "gross"]))
def test_the_price_is_what_the_formula_says(inputs, quantity, basis):
    """Reckoned again in another way: decimals, one sum."""
    rates = {"C45": "9.5", "304L": "32"}
    piece = (Decimal(inputs.get("kg", "0")) * Decimal(rates[inputs.get("material", "C45")])
             + Decimal(inputs.get("minutes.turning", "0")) * Decimal("2.5")
             + Decimal(inputs.get("minutes.milling", "0")) * Decimal("3.2") + (4 if "finish" in inputs else 0))
    whole = max(Decimal(200), piece * int(quantity) + 120 * int(inputs.get("setups", "0")))
    prices = turned(basis=basis, rules=[])
    priced = price(prices, ask("turned-part", quantity, inputs=inputs))
    assert Decimal(priced.amount) == whole.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert follows(prices, priced)
    assert price(prices, priced.attributes) == priced  # what was filled in changes nothing


@given(INPUTS, st.sampled_from(["kg", "minutes.turning", "minutes.milling", "setups"]))
def test_more_input_never_costs_less(inputs, name):
    prices = turned(rules=[])
    more = {**inputs, name: str(Decimal(inputs.get(name, "0")) + 1)}
    assert Fraction(price(prices, ask("turned-part", "3", inputs=more)).net) >= \
        Fraction(price(prices, ask("turned-part", "3", inputs=inputs)).net)


def test_the_hash_of_books_without_cards_stays():
    assert valves().hash == OLD_HASH
    assert b"cards" not in valves().canonical
    assert turned().hash != OLD_HASH
    assert book.load(turned().canonical) == turned()


@pytest.mark.parametrize(("card", "code", "place"), [
    ({"minimum": ""}, "pricing.card-minimum", "cards.0.minimum"),
    ({"minimum": "0"}, "pricing.card-minimum", "cards.0.minimum"),
    ({"minimum": "-5"}, "pricing.card-minimum", "cards.0.minimum"),
    ({"setup": "-1"}, "pricing.rate-price", "cards.0.setup"),
    ({"materials": [{"name": "C45", "price": "-2"}]}, "pricing.rate-price", "cards.0.materials.0.price"),
    ({"materials": [{"name": "C45", "price": "dear"}]}, "pricing.rate-price", "cards.0.materials.0.price"),
    ({"minutes": [{"name": "turning", "price": "1.1234567"}]}, "pricing.rate-price", "cards.0.minutes.0.price"),
    ({"minutes": [{"name": "turning for you", "price": "1"}]}, "pricing.rate-name", "cards.0.minutes.0.name"),
    ({"minutes": [{"name": "", "price": "1"}]}, "pricing.rate-name", "cards.0.minutes.0.name"),
    ({"minutes": [{"name": "customer", "price": "1"}]}, "pricing.rate-identity", "cards.0.minutes.0.name"),
    ({"minutes": [{"name": "91330104", "price": "1"}]}, "pricing.rate-identity", "cards.0.minutes.0.name"),
    ({"finishes": [{"name": "a", "price": "1"}, {"name": "a", "price": "2"}]}, "pricing.rate-twice",
     "cards.0.finishes.1.name"),
    ({"materials": [], "minutes": [], "finishes": []}, "pricing.card-empty", "cards.0."),
    ({"item": "V15"}, "pricing.duplicate-line", "cards.0.item"), ({"item": " "}, "pricing.text", "cards.0.item"),
    ({"unit": "XYZ"}, "pricing.unit", "cards.0.unit"), ({"model": "guess/1"}, "pricing.shape", ""),
    ({"secret": "1"}, "pricing.shape", ""),
])
def test_what_is_wrong_with_a_card_is_told_where_it_stands(card, code, place):
    found = lint({**DRAFT, "cards": [{**CARD, **card}]})
    assert (code, place) in [(one.code, one.place) for one in found]
    for language in ("en", "zh"):
        assert f"error.{code}" in sentences(language)


def test_a_partner_is_no_class_of_machines():
    named = {**CARD, "minutes": [{"name": "Hengtai", "price": "1"}]}
    assert [one.code for one in lint({**DRAFT, "cards": [named]}, names=["Hengtai"])] == ["pricing.rate-identity"]
    assert lint({**DRAFT, "cards": [named]}, names=["Other"]) == ()


def test_a_reduction_that_could_take_a_part_below_zero_is_refused():
    less = [{"id": "less", "add": "-0.01", "when": [{"attribute": "item", "one_of": ["turned-part"]}]}]
    assert [one.code for one in lint({**DRAFT, "cards": [CARD], "rules": less})] == ["pricing.below-zero"]


def test_attested_minutes_need_minutes_to_attest():
    assert "pricing.attested" in [one.code for one in lint({**DRAFT, "attested": True})]
    assert lint({**DRAFT, "attested": True, "cards": [CARD]}) == ()


@pytest.mark.parametrize("dearer", [
    {"minimum": "201"}, {"setup": "120.01"}, {"materials": [{"name": "C45", "price": "9.6"}, CARD["materials"][1]]},
    {"minutes": [CARD["minutes"][0], {"name": "milling", "price": "3.3"}]},
    {"finishes": [{"name": "blackened", "price": "1.3"}, CARD["finishes"][1]]},
])
def test_a_dearer_rate_is_an_increase_that_needs_notice(dearer):
    before = turned(notice_days=14)
    after = {**DRAFT, "cards": [{**CARD, **dearer}], "notice_days": 14}
    at = "2026-11-01T00:00:00.000Z"
    assert [one.code for one in lint(after, previous=before, at=at)] == ["pricing.increase-without-notice"]
    assert [one.item for one in rises(before, turned(dearer, notice_days=14))] == ["turned-part"]
    cheaper = book.load(after)
    assert not list(rises(cheaper, before))


RATE = decimals(0, 9, 2)
CARDS = st.fixed_dictionaries({
    "materials": st.tuples(RATE).map(lambda one: [{"name": "C45", "price": one[0]}]),
    "minutes": st.tuples(RATE).map(lambda one: [{"name": "turning", "price": one[0]}]),
    "setup": RATE, "minimum": decimals(1, 20, 1), "finishes": st.just([])})
FACTORS = st.sampled_from([[], [{"id": "f", "multiply": "9/10"}], [{"id": "f", "multiply": "11/10"}],
                           [{"id": "f", "when": [{"attribute": "quantity", "at_least": "5"}], "multiply": "4/5"}],
                           [{"id": "a", "add": "1"}], [{"id": "a", "add": "2", "per": "line"}]])


@given(CARDS, CARDS, FACTORS, FACTORS, st.builds(
    dict, kg=decimals(0, 9, 1), minutes_turning=decimals(1, 9, 1), setups=st.sampled_from("01")),
       st.sampled_from(["1", "4", "5", "60"]))
def test_no_part_is_dearer_under_a_card_that_is_told_as_no_dearer(was, now, rules, others, inputs, quantity):
    old, new = turned(was, rules=rules), turned(now, rules=others)
    if any(rises(old, new)):
        return
    asked = part(quantity, **inputs)
    assert Fraction(price(new, asked).net) <= Fraction(price(old, asked).net)


def test_every_kind_of_step_has_its_sentence_in_both_languages():
    kinds = Step.__annotations__["kind"].__args__
    for language in ("en", "zh"):
        known = sentences(language)
        assert [kind for kind in kinds if f"pricing.step.{kind}" not in known or f"trace.{kind}" not in known] == []


ANY = st.dictionaries(
    st.one_of(st.sampled_from(["kg", "material", "minutes.turning", "setups", "finish", "dm2"]), st.text(max_size=8)),
    st.one_of(st.sampled_from(["C45", "engraved", "blackened", "", "0", "-1", "1e9", "999999999999999999"]),
              decimals(0, 10**6, 6), st.text(max_size=8)), max_size=6)


@given(ANY, st.one_of(decimals(1, 10**6, 6), st.text(max_size=4)))
def test_every_input_has_a_price_or_a_refusal_with_a_code(inputs, quantity):
    try:
        priced = price(turned(), ask("turned-part", quantity, inputs=inputs))
    except Invalid as refused:
        assert refused.code.startswith(("pricing.", "quantity."))
        return
    assert Fraction(priced.net) >= 200
    assert follows(turned(), priced)
