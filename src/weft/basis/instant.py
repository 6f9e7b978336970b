"""Instants: UTC, ISO 8601 with milliseconds and ``Z``; a pure codec, no clock.

Rule 1: an instant is for people and plans; it never decides a right (an expiry binds only by an event).
Not here: the present time (``engine/clock.py``), shifts and holidays (``production/calendar.py``).
"""

import functools
import re
from datetime import datetime, timedelta

from weft.basis.errors import Invalid

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", re.ASCII)
FIRST_MS = -62_135_596_800_000  # 0001-01-01T00:00Z
LAST_MS = 253_402_300_799_999  # the last millisecond of 9999


def from_ms(milliseconds: int) -> str:
    """The instant ``milliseconds`` after 1970-01-01T00:00Z; outside the calendar, its first or last instant."""
    seconds, rest = divmod(min(max(milliseconds, FIRST_MS), LAST_MS), 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@functools.lru_cache(4096)
def _second(seconds: int) -> str:
    """The second without its fraction; many events share one."""
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 - UTC by construction
    return moment.isoformat(timespec="seconds")


def to_ms(text: str, where: str = "") -> int:
    """Milliseconds since 1970 of ``text``; raises ``Invalid('instant.malformed')``."""
    if not isinstance(text, str) or not _FORM.fullmatch(text):
        raise Invalid("instant.malformed", value=str(text)[:40], where=where)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        raise Invalid("instant.malformed", value=text[:40], where=where) from error
    return round(moment.timestamp() * 1000)
