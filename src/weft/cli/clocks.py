"""This machine's own time zone, and whether the clock of its firm goes with it.

Not here: the clocks of places (``basis/zone.py``), the commands (``init.py``, ``doctor.py``).
"""

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from weft.basis import zone
from weft.basis.errors import Invalid
from weft.cli.finding import Finding, told

YEAR_MS: Final = 366 * 86_400_000


def own_zone() -> str:
    """This machine's time zone by name, else its time ahead of UTC now."""
    from babel import localtime  # knows TZ, /etc/localtime, /etc/timezone and the registry of Windows

    here = datetime.now().astimezone()
    name = next((str(held) for key in ("key", "zone") if (held := getattr(localtime.LOCALTZ, key, None))), "")
    try:
        return zone.of(name).name
    except Invalid:
        return zone.fixed(round((here.utcoffset() or timedelta()) / timedelta(minutes=1))).name


def clock(place: Any, config: Any) -> Iterator[Finding]:
    """An offset stays the same all year: where the machine's own clock is put on in summer, it will be wrong."""
    now = round(time.time() * 1000)
    if config.firm.zone.is_fixed and any(zone.of(here := own_zone()).changes(now, now + YEAR_MS)):
        yield told("warning", "clock", zone=config.firm.zone.told(now), mend=here, path=place.settings)
