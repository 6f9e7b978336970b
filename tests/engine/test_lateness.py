"""What a customer is told of why its date moves: the heaviest of the reasons in the plan, in one word."""

import msgspec
import pytest

from weft.engine.reactions.lateness import _cause
from weft.locale import known
from weft.production.messages import DemandRef, Why
from weft.production.state import Promise, State


def told(*codes):
    demand = DemandRef(thread="T", line="1")
    promise = Promise(demand=demand, at="2026-11-19T08:00:00.000Z", first="2026-11-18T08:00:00.000Z",
                      why=tuple(Why(code=one) for one in codes))
    return _cause(msgspec.structs.replace(State(), promises={demand.key: promise}), "T", ["1"])


@pytest.mark.parametrize(("codes", "cause"), [
    (("bound-lock",), "plan-late"), (("bound-predecessor", "bound-material"), "material-late"),
    (("unplaced-material",), "material-late"), (("bound-lock", "bound-work-centre", "bound-outage"), "machine-late"),
    (("bound-running",), "machine-late"), ((), "machine-late"),
])
def test_the_customer_hears_the_heaviest_reason(codes, cause):
    assert told(*codes) == cause
    assert known("zh", f"cause.{cause}") and known("en", f"cause.{cause}")
