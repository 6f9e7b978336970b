"""Live machine values: the newest of each property, a short history of numbers, and whether the link is up.

Pure memory, bounded: what must survive is a fact in the floor book; ``keep`` hears of each change for the long history
(``series.py``).
Rule 1: values are in the property's unit; "no data" (``MISSING``), ``BAD`` and "unchanged" stay three things.
Rule 2: history holds at most one number per property and second, ten minutes long, for ``SERIES_MAX`` properties; it
also holds from when on nothing usable was heard, so that no picture draws a line through that time.
Rule 3: a subscriber hears only what changed; one that fails is let go, and never stops a machine.
Not here: reading machines (``machines/``), what a change means (``shopfloor/binding.py``).
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from weft.engine.clock import SystemClock
from weft.engine.ports import Clock
from weft.shopfloor.connection import Change, Link, Quality, Scalar, Value

HISTORY_MS: Final = 600_000
SAMPLE_MS: Final = 1000
SERIES_MAX: Final = 2000
VALUES_MAX: Final = 50_000

Number = int | float
OnLive = Callable[[str, Mapping[str, Value]], None]
Keep = Callable[[str, str, Value, int], None]  # machine, property, value, when it came (ms)

_log = logging.getLogger(__name__)


class LinkStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The link to one machine. Instants in ms since 1970; ``gap_ms`` is the silence before it last came up."""

    up: bool = False
    since_ms: int = 0
    heard_ms: int = 0
    gap_ms: int = 0
    detail: str = ""


@dataclass(slots=True)
class _Entry:
    value: Value
    arrived_ms: int


class Live:
    """The newest values of all machines; belongs to one event loop."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.keep: Keep | None = None
        self._clock = clock or SystemClock()
        self._values: dict[str, dict[str, _Entry]] = {}
        self._series: dict[tuple[str, str], deque[tuple[int, Number | None]]] = {}
        self._links: dict[str, LinkStatus] = {}
        self._listeners: list[OnLive] = []
        self._count = 0

    def take(self, machine: str, changes: Sequence[Change]) -> None:
        """Take in values of ``machine``, oldest first."""
        now = self._clock.now_ms()
        known = self._values.setdefault(machine, {})
        fresh: dict[str, Value] = {}
        for name, value in changes:
            before = known.get(name)
            if before is None:
                if self._count >= VALUES_MAX:
                    continue
                self._count += 1
            known[name] = _Entry(value, now)
            self._sample(machine, name, value, now)
            if before is None or _differs(before.value, value):
                fresh[name] = value
                if self.keep is not None:
                    self.keep(machine, name, value, now)
        link = self._links.get(machine)
        if link is not None and link.up:
            self._links[machine] = msgspec.structs.replace(link, heard_ms=now)
        if fresh:
            self._tell(machine, fresh)

    def _sample(self, machine: str, name: str, value: Value, now: int) -> None:
        series = self._series.get((machine, name))
        if not value.good:
            _broken(series, now)
            return
        number = value.value
        if isinstance(number, bool | str) or number is None:
            return
        if series is None:
            if len(self._series) >= SERIES_MAX:
                return
            series = self._series[machine, name] = deque(maxlen=HISTORY_MS // SAMPLE_MS)
        if series and now - series[-1][0] < SAMPLE_MS:
            series[-1] = (series[-1][0], number)  # the newest within its second
        else:
            series.append((now, number))

    def link(self, machine: str, link: Link) -> None:
        """The link of ``machine`` came up or went down; when down, its values are kept but MISSING."""
        now = self._clock.now_ms()
        before = self._links.get(machine, LinkStatus())
        gap_ms = link.gap_ms if link.up else before.gap_ms
        self._links[machine] = LinkStatus(up=link.up, since_ms=now, heard_ms=now if link.up else before.heard_ms,
                                          gap_ms=gap_ms, detail=link.detail)
        lost: dict[str, Value] = {}
        if not link.up:
            lost = self._lose(machine, now)
        self._tell(machine, lost)

    def _lose(self, machine: str, now: int) -> dict[str, Value]:
        """Values of ``machine`` are not heard any more; what they were last."""
        lost: dict[str, Value] = {}
        for name, entry in self._values.get(machine, {}).items():
            entry.value = lost[name] = msgspec.structs.replace(entry.value, quality=Quality.MISSING, detail="link")
            _broken(self._series.get((machine, name)), now)
            if self.keep is not None:
                self.keep(machine, name, entry.value, now)
        return lost

    def get(self, machine: str, name: str) -> Value | None:
        """The newest value of one property; None when none was ever heard."""
        entry = self._values.get(machine, {}).get(name)
        return entry.value if entry is not None else None

    def arrived_ms(self, machine: str, name: str) -> int:
        """When the newest value of one property came in; 0 when none did."""
        entry = self._values.get(machine, {}).get(name)
        return entry.arrived_ms if entry is not None else 0

    def values(self, machine: str) -> dict[str, Value]:
        """The newest values of ``machine`` by property."""
        return {name: entry.value for name, entry in self._values.get(machine, {}).items()}

    def history(self, machine: str, name: str) -> list[tuple[int, Scalar]]:
        """Numbers of about the last ten minutes as (ms, value), oldest first, at most one per second."""
        oldest = self._clock.now_ms() - HISTORY_MS
        return [(at, one) for at, one in self._series.get((machine, name), ()) if at >= oldest and one is not None]

    def course(self, machine: str, name: str) -> list[tuple[int, Number | None]]:
        """The last ten minutes until now as (ms, number): each holds until the next; None where nothing usable did."""
        now = self._clock.now_ms()
        series = self._series.get((machine, name), ())
        found = [one for one in series if one[0] >= now - HISTORY_MS]
        before = next((one for at, one in reversed(series) if at < now - HISTORY_MS), None)
        if before is not None:
            found.insert(0, (now - HISTORY_MS, before))
        return [*found, (now, found[-1][1])] if found else []

    def prime(self, machine: str, name: str, points: Sequence[tuple[int, Number | None]]) -> None:
        """What an earlier life had heard, oldest first: the short history does not begin anew with the node."""
        if (machine, name) not in self._series and points and len(self._series) < SERIES_MAX:
            self._series[machine, name] = deque(points, maxlen=HISTORY_MS // SAMPLE_MS)

    def status(self, machine: str) -> LinkStatus:
        """The link of ``machine``; down since 0 when it was never up."""
        return self._links.get(machine, LinkStatus())

    def forget(self, machine: str) -> None:
        """Let go of everything known about ``machine``; what was kept of it stays."""
        self._lose(machine, self._clock.now_ms())
        self._count -= len(self._values.pop(machine, {}))
        self._links.pop(machine, None)
        for key in [one for one in self._series if one[0] == machine]:
            del self._series[key]

    def subscribe(self, listener: OnLive) -> Callable[[], None]:
        """Call ``listener(machine, changed values)`` on every change, with none when only the link changed.

        Gives the function that ends it.
        """
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def _tell(self, machine: str, fresh: Mapping[str, Value]) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(machine, fresh)
            except Exception:  # noqa: BLE001 - whatever a listener does, machines go on
                _log.exception("a listener of live values failed and is let go")
                self._listeners.remove(listener)


def _broken(series: deque[tuple[int, Number | None]] | None, now: int) -> None:
    """From ``now`` on nothing usable is heard; said once, and at most once a second."""
    if not series or series[-1][1] is None:
        return
    if len(series) > 1 and now - series[-2][0] < SAMPLE_MS:
        series[-1] = (series[-1][0], None)
    else:
        series.append((now, None))


def _differs(before: Value, now: Value) -> bool:
    return before.value != now.value or before.quality is not now.quality or before.detail != now.detail
