"""A value goes to a machine only inside what its description allows."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.shopfloor.conftest import thing
from weft.basis.errors import Refused
from weft.shopfloor.connection import NO_DATA, Value
from weft.shopfloor.description import Description, engineering, to_device
from weft.shopfloor.guard import check
from weft.shopfloor.reading import parse

LATHE = parse(thing())
SPEED, HEAT = LATHE.properties["Speed"], LATHE.properties["Heat"]
STILL = Value(1000.0)


@pytest.mark.parametrize(("name", "value", "code"), [
    ("State", 2, "guard.not-writable"), ("Stop", False, "guard.not-writable"), ("Load", 1, "guard.not-writable"),
    ("Speed", "99.9", "guard.out-of-limits"), ("Speed", 4000.5, "guard.out-of-limits"),
    ("Speed", True, "guard.type"), ("Speed", "NaN", "guard.type"), ("Speed", "Infinity", "guard.type"),
    ("Speed", "fast", "guard.type"), ("Speed", "１８０", "guard.type"),
    ("Speed", "1e999999999", "guard.type"), ("Speed", "-1e999999999", "guard.type"),
    ("Speed", "1e-999999999", "guard.type"), ("Target", "1e-999999999", "guard.type"),
    pytest.param("Speed", "1" * 1_000_000, "guard.type", id="a million digits"),
    ("Speed", 2**60, "guard.type"), ("Target", "1.5", "guard.type"),
    ("Target", 0, "guard.out-of-limits"), ("Target", -3, "guard.out-of-limits"),
    ("Program", "C", "guard.not-listed"), ("Program", 1, "guard.type"),
    ("JobId", "a\nb", "guard.text"), ("JobId", "x" * 81, "guard.text"),
])
def test_what_the_description_does_not_allow_is_refused(lathe: Description, name: str, value: Any, code: str) -> None:
    with pytest.raises(Refused) as refused:
        check(lathe.properties[name], value, STILL)
    assert refused.value.code == code
    assert refused.value.facts["property"] == name


@given(st.decimals(min_value=-10_000, max_value=10_000, places=3))
def test_a_number_passes_exactly_when_it_lies_within_its_limits(number: Decimal) -> None:
    allowed = 20 <= number <= 200
    try:
        device = check(HEAT, str(number))
    except Refused as error:
        assert not allowed
        assert error.code == "guard.out-of-limits"
    else:
        assert allowed
        assert isinstance(device, float)
        assert abs(device * 0.1 - 10 - float(number)) < 1e-6  # never clipped, only scaled


@given(st.floats(min_value=20, max_value=200))
def test_scaling_to_the_device_and_back_is_the_same_value(number: float) -> None:
    there = to_device(HEAT, number)
    back = engineering(HEAT, Value(there)).value
    assert isinstance(back, float)
    assert abs(back - number) < 1e-9


def test_a_step_too_large_or_from_an_unknown_value_is_refused() -> None:
    assert check(SPEED, 3000, STILL) == 3000.0
    for current, code in ((STILL, "guard.step"), (NO_DATA, "guard.step-unknown"), (None, "guard.step-unknown")):
        with pytest.raises(Refused, match=code):
            check(SPEED, 3001, current)


def test_writes_too_soon_after_each_other_are_refused() -> None:
    with pytest.raises(Refused) as refused:
        check(SPEED, 1200, STILL, elapsed_ms=300)
    assert (refused.value.code, refused.value.facts["wait_ms"]) == ("guard.too-soon", 200)
    assert check(SPEED, 1200, STILL, elapsed_ms=500) == 1200.0
