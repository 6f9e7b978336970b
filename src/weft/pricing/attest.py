"""How far billed machine minutes are from what the machines recorded, told as a band.

Rule 1: a job counts the minutes that it ran: from its start to its end, without the stops between.
Rule 2: classes are compared each by itself, and the widest difference is told: one hides no excess of another.
Rule 3: only the band is told; the record stays in the firm, and contradicts a false word when it is shown.
Not here: where a record comes from (``engine/pricelog/minutes.py``), who is told (``trade/attested.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final, Literal, NamedTuple, cast

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.pricing.rates import MINUTES

Band = Literal["5", "10", "20", "50", "more"]
BANDS: Final[tuple[Band, ...]] = ("5", "10", "20", "50", "more")
_GOES: Final = frozenset({"started", "resumed"})
_STOPS: Final = frozenset({"paused", "ended", "aborted"})


class Mark(NamedTuple):
    """What happened to a job at the instant ``at``: started, paused, resumed, ended or aborted."""

    what: str
    at: str


class Run(NamedTuple):
    """A job on a work centre of the class ``name``, with its marks in order."""

    job: str
    name: str
    marks: Sequence[Mark]


def ran(marks: Iterable[Mark]) -> Fraction:
    """The minutes that a job ran; raises ``Invalid('pricing.minutes-record')`` when the marks are no such record."""
    since: int | None = None
    total = 0
    last = 0
    for mark in marks:
        at_ms = instant.to_ms(mark.at)
        if at_ms < last or mark.what not in _GOES | _STOPS:
            raise Invalid("pricing.minutes-record")
        last = at_ms
        if mark.what in _GOES and since is None:
            since = at_ms
        elif mark.what in _STOPS and since is not None:
            total, since = total + at_ms - since, None
    if since is not None:
        raise Invalid("pricing.minutes-record")
    return Fraction(total, 60_000)


def recorded(runs: Iterable[Run]) -> dict[str, Fraction]:
    """The minutes that ran, by class."""
    found: dict[str, Fraction] = {}
    for run in runs:
        found[run.name] = found.get(run.name, Fraction(0)) + ran(run.marks)
    return found


def billed(inputs: Mapping[str, str], quantity: str) -> dict[str, Fraction]:
    """The minutes that a line of ``quantity`` pieces bills by its ``inputs``, by class."""
    return {name.removeprefix(MINUTES): Fraction(value) * Fraction(quantity)
            for name, value in inputs.items() if name.startswith(MINUTES)}


def band(said: Mapping[str, Fraction], record: Mapping[str, Fraction]) -> Band:
    """The narrowest band in which all of ``said`` lie around ``record``; a class that did not run is in the last."""
    return max((_band(said.get(name, Fraction(0)), record.get(name, Fraction(0))) for name in {*said, *record}),
               key=BANDS.index, default="more")


def _band(said: Fraction, record: Fraction) -> Band:
    if record == 0:
        return "5" if said == 0 else "more"
    away = abs(said - record) / record * 100
    return cast("Band", next((name for name in BANDS[:-1] if away <= int(name)), "more"))
