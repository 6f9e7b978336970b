"""Price books for the tests of pricing: one by hand, and any sound one at random."""

from decimal import Decimal
from fractions import Fraction

from hypothesis import strategies as st

from weft.basis import quantity as q
from weft.pricing import book
from weft.pricing.evaluate import Attributes
from weft.pricing.schema import PriceBook

DRAFT = {
    "id": "valves", "name": "Ball valves", "currency": "CNY", "basis": "net", "valid_from": "2026-11-01T00:00:00Z",
    "tax": {"category": "S", "percent": "13"},
    "attributes": {"zone": ["east", "west"], "lead_time": ["standard", "express"]},
    "lines": [
        {"item": "V15", "unit": "C62", "tiers": [{"from": "1", "price": "40"}, {"from": "100", "price": "36.5"}]},
        {"item": "SCREW", "unit": "C62", "base": "1000", "tiers": [{"from": "0", "price": "12.345678"}]},
    ],
    "rules": [
        {"id": "express", "when": [{"attribute": "lead_time", "one_of": ["express"]}], "multiply": "11/10"},
        {"id": "west", "when": [{"attribute": "zone", "one_of": ["west"]}], "add": "0.5"},
        {"id": "small", "when": [{"attribute": "quantity", "below": "10"}], "add": "25", "per": "line"},
    ],
}


def valves(**fields) -> PriceBook:
    """The book by hand, with other ``fields``."""
    return book.load({**DRAFT, **fields})


def ask(item: str = "V15", quantity: str = "10", unit: str = "C62", **fields) -> Attributes:
    return Attributes(item=item, quantity=quantity, unit=unit, **fields)


def decimals(low: int, high: int, places: int):
    """Decimal text between two whole numbers with up to ``places`` places."""
    return st.integers(low * 10**places, high * 10**places).map(lambda n: q.text(Decimal(n).scaleb(-places)))


@st.composite
def lines(draw, item: str):
    starts = sorted(draw(st.sets(st.integers(0, 500), min_size=1, max_size=4)))
    prices = sorted(draw(st.lists(decimals(0, 200, 6), min_size=len(starts), max_size=len(starts))),
                    key=Fraction, reverse=True)
    return {"item": item, "unit": "C62", "base": draw(st.sampled_from(["1", "100", "1000"])),
            "tiers": [{"from": str(start), "price": price} for start, price in zip(starts, prices, strict=True)]}


@st.composite
def rules(draw, name: str):
    conditions = draw(st.lists(st.sampled_from([
        {"attribute": "zone", "one_of": ["west"]}, {"attribute": "lead_time", "one_of": ["express"]},
        {"attribute": "item", "one_of": ["A"]}, {"attribute": "quantity", "at_least": "50"},
        {"attribute": "quantity", "below": "900"}]), max_size=2, unique_by=str))
    effect = draw(st.one_of(
        st.tuples(st.integers(1, 30), st.integers(1, 30)).map(lambda pair: {"multiply": f"{pair[0]}/{pair[1]}"}),
        decimals(0, 9, 6).filter(lambda text: text != "0").map(lambda text: {"add": text}),
        decimals(1, 99, 2).map(lambda text: {"add": text, "per": "line"})))
    return {"id": name, "when": conditions, **effect}


@st.composite
def books(draw) -> PriceBook:
    """Any sound book with items A and B."""
    names = [f"r{n}" for n in range(draw(st.integers(0, 4)))]
    return book.load({
        **DRAFT, "currency": draw(st.sampled_from(["CNY", "EUR", "JPY"])),
        "basis": draw(st.sampled_from(["net", "gross"])),
        "tax": {"category": "S", "percent": draw(st.sampled_from(["13", "6", "0", "19", "7.7"]))},
        "lines": [draw(lines("A")), draw(lines("B"))], "rules": [draw(rules(name)) for name in names],
    })


asks = st.builds(
    Attributes, item=st.sampled_from(["A", "B"]), unit=st.just("C62"), quantity=decimals(500, 2000, 3),
    zone=st.sampled_from(["", "east", "west"]), lead_time=st.sampled_from(["", "standard", "express"]))
