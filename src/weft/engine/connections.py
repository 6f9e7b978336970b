"""How the links to all machines do: once a second a look, so that changes can be told by the second.

Pure memory. Rule 1: a rate is told over the last ``SPAN_S`` seconds, whoever looks and however often.
Not here: the links themselves (``machines/``), words (``views/connections.py``).
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

from weft.engine.live import LinkStatus, Live
from weft.shopfloor.connection import Health

SPAN_S: Final = 10
AWAY_MS: Final = 30_000  # a line that is down so long may be down for ever
GAPS_KEPT: Final = 5


def away(live: Live, machine: str, now_ms: int) -> bool:
    """Whether ``machine`` is out of reach, and not only for a moment."""
    link = live.status(machine)
    return not link.up and not 0 <= now_ms - link.since_ms <= AWAY_MS


class Pulses:
    """Changes a second, and the last gaps of each link."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[int, int]]] = {}
        self._gaps: dict[str, deque[tuple[int, int]]] = {}

    def take(self, now_ms: int, health: Mapping[str, Health], links: Mapping[str, LinkStatus]) -> None:
        """Look at all links at ``now_ms``."""
        for name in [one for one in self._seen if one not in health]:
            del self._seen[name]
            self._gaps.pop(name, None)
        for name, one in health.items():
            self._seen.setdefault(name, deque(maxlen=SPAN_S + 1)).append((now_ms, one.changes))
            self._gap(name, links.get(name), one.links)

    def _gap(self, name: str, link: LinkStatus | None, links: int) -> None:
        if link is None or not link.up or not link.gap_ms or links < 2:  # before the first there was no link to lose
            return
        gaps = self._gaps.setdefault(name, deque(maxlen=GAPS_KEPT))
        if not gaps or gaps[-1][0] != link.since_ms:
            gaps.append((link.since_ms, link.gap_ms))

    def rate(self, name: str) -> float | None:
        """Changes a second of late; None before there was time to count."""
        seen = self._seen.get(name)
        if not seen or seen[-1][0] - seen[0][0] < 1000:
            return None
        (first_ms, first), (last_ms, last) = seen[0], seen[-1]
        return max(0, last - first) * 1000 / (last_ms - first_ms)

    def gaps(self, name: str) -> tuple[tuple[int, int], ...]:
        """The last gaps as (ended at, how long), both ms, the newest first."""
        return tuple(reversed(self._gaps.get(name, ())))
