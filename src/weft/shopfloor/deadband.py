"""What is a change of a measured number, where its description does not say: more than a small share of its range.

A share of 1/10,000 lies below what a converter of 12 bits can tell apart, and what a float trembles by lies far below
that. The number that is kept differs from the one that was told by no more than the share, however slowly it drifts:
each is compared with the last that was kept.
Rule 1: only measured numbers have one by default: signals of type ``number``. Counts, set-points, states, texts and
        whole numbers are kept change by change.
Rule 2: what the description says holds, also that it is zero.
Not here: the deadband of a description (``description.moved``), what becomes a point (``engine/series.py``).
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from weft.basis.errors import Invalid
from weft.shopfloor.description import Property, Role
from weft.shopfloor.reading import parse_text

Bands = Mapping[str, float | None]  # by property: how much is no change; None: the share of the number itself


def bands(text: str, share: float) -> Bands:
    """The deadbands by default of a machine's description ``text``; none where it cannot be read."""
    if share <= 0:
        return {}
    try:
        described = parse_text(text)
    except Invalid:
        return {}
    given: Any = msgspec.json.decode(text)["properties"]
    return {name: _band(one, share) for name, one in described.properties.items()
            if one.type == "number" and one.role is Role.SIGNAL and "weft:deadband" not in given[name]}


def _band(one: Property, share: float) -> float | None:
    if not one.minimum or not one.maximum:
        return None
    return abs(float(one.maximum) - float(one.minimum)) * share


def within(band: float | None, share: float, kept: float, told: float) -> bool:
    """Whether ``told`` is no change after ``kept``; ``band`` as in ``Bands``."""
    return abs(told - kept) <= (abs(kept) * share if band is None else band)
