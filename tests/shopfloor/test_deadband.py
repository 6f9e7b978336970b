"""What is no change by default: small against the range of a measured number, and never of anything else."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.shopfloor.deadband import bands, within

SHARE = 0.0001


def described(**more):
    each = {"type": "number", "title": "T", "observable": True,
            "forms": [{"href": "?id=ns=1;s=a", "op": ["readproperty"]}], **more}
    return json.dumps({"@context": "https://www.w3.org/2022/wot/td/v1.1", "title": "M", "id": "urn:m",
                       "base": "opc.tcp://127.0.0.1:1", "securityDefinitions": {"n": {"scheme": "nosec"}},
                       "security": "n", "properties": {"Temperature": each}})


def test_a_measured_number_has_a_share_of_its_range_or_of_itself():
    assert bands(described(minimum=0, maximum=250), SHARE) == {"Temperature": 0.025}
    assert bands(described(), SHARE) == {"Temperature": None}


@pytest.mark.parametrize("other", [
    {"type": "integer"}, {"type": "string"}, {"type": "boolean"}, {"weft:deadband": 0.5}, {"weft:deadband": 0},
    {"type": "number", "weft:role": "setpoint"}])
def test_nothing_else_has_one_and_what_the_description_says_holds(other):
    assert bands(described(**other), SHARE) == {}


def test_it_can_be_switched_off_and_what_cannot_be_read_has_none():
    assert bands(described(), 0) == {}
    assert bands("nonsense", SHARE) == {}


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.sampled_from([None, 0.5]))
def test_what_is_kept_is_never_further_from_what_was_told_than_the_share(told, band):
    kept = told[0]
    for value in told:
        if not within(band, SHARE, kept, value):
            kept = value
        assert abs(value - kept) <= (band if band is not None else SHARE * abs(kept))
