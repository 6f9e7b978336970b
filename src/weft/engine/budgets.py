"""Budgets: what one firm may cost us a second, and what all strangers together may.

A bucket fills at a steady rate up to its depth; whoever finds it empty is told how long to wait (``peer.busy``), and an
honest node waits. What a request costs beyond its arrival is known only afterwards, so a bucket may fall below nothing.
Rule 1: each firm that proved itself pays from buckets of its own; nobody else's become emptier by what it does.
Rule 2: whoever did not prove himself is a stranger, whatever name he gave; strangers share one small budget.
Rule 3: what is held of a firm is a few numbers; of firms that we have no key log of, nothing.
Not here: HTTP (``doors/peer``), what waits for its parents (``receive.py``), mail kept for others (``mail/keeper.py``).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from weft.basis.errors import Unavailable
from weft.config import Limits

EVENTS_A_REQUEST: Final = 8  # so many events, brought or taken, count as one more request
FOLDED_A_REQUEST: Final = 32  # and so many that had to be read once more, as what came stands beside them
DAY_S: Final = 86_400
MEGABYTE: Final = 1024 * 1024
WAIT_MS_MAX: Final = 60_000  # longer waits are not told: by then, a new question is as good


class Busy(Unavailable):
    """Come again after ``wait_ms``."""

    def __init__(self, wait_ms: int) -> None:
        self.wait_ms = min(max(wait_ms, 1), WAIT_MS_MAX)
        super().__init__("peer.busy", seconds=-(-self.wait_ms // 1000))


@dataclass(slots=True)
class Bucket:
    """``level`` of at most ``depth``, filled by ``rate`` a second, as of ``at_ms``."""

    rate: float
    depth: float
    at_ms: int
    level: float = field(init=False)

    def __post_init__(self) -> None:
        self.level = self.depth

    def fill(self, now_ms: int) -> None:
        """Let time pass; a clock that went back lets none pass."""
        self.level = min(self.depth, self.level + max(0, now_ms - self.at_ms) * self.rate / 1000)
        self.at_ms = now_ms

    def wait_ms(self) -> int:
        """How long until there is something in it again; 0: there is now."""
        return 0 if self.level > 0 else int(-self.level * 1000 / self.rate) + 1


@dataclass(slots=True)
class Account:
    """What one firm (or all strangers) may still cost; ``inside``: how many of its requests are being answered."""

    work: Bucket
    size: Bucket
    kept: Bucket
    at_once: int
    inside: int = 0
    turned_away: int = 0

    def check(self, now_ms: int) -> None:
        """Raises ``Busy`` when it has nothing left, or too much under way."""
        buckets = self.work, self.size, self.kept
        for bucket in buckets:
            bucket.fill(now_ms)
        wait_ms = max(bucket.wait_ms() for bucket in buckets)
        if wait_ms or self.inside >= self.at_once:
            self.turned_away += 1
            raise Busy(wait_ms or 1000)

    def charge(self, *, requests: float = 0, size: int = 0, kept: int = 0) -> None:
        """Take off what a request has cost: ``size`` and ``kept`` in bytes."""
        self.work.level -= requests
        self.size.level -= size
        self.kept.level -= kept


@dataclass(slots=True)
class Budgets:
    """All accounts. ``limits`` is the section ``config.limits``, ``now_ms`` the node's clock."""

    limits: Limits
    now_ms: Callable[[], int]
    strangers: Account = field(init=False)
    _of: dict[str, Account] = field(default_factory=dict)
    _showing: dict[str, Account] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.strangers = self._small()

    def _small(self) -> Account:
        limits, now = self.limits, self.now_ms()
        few, little = limits.strangers_requests_per_s, limits.strangers_kilobytes_per_s * 1024
        size, kept = (Bucket(little, little * 10 + MEGABYTE, now) for _ in range(2))
        return Account(Bucket(few, few * 10, now), size, kept, limits.strangers_at_once_requests)

    def showing(self, organisation: str) -> Account:
        """The account of whoever shows a key log as that of ``organisation``, which we know, by a device unknown to us.

        Neither what the firm itself has nor what strangers have: so strangers keep no firm from showing its new keys.
        """
        held = self._showing.get(organisation)
        if held is None:
            held = self._showing[organisation] = self._small()
        return held

    def of(self, organisation: str) -> Account:
        """The account of a firm that has proved itself, and whose key log we hold."""
        held = self._of.get(organisation)
        if held is None:
            limits, now = self.limits, self.now_ms()
            work = Bucket(limits.requests_per_s, limits.burst_requests, now)
            size = Bucket(limits.kilobytes_per_s * 1024, limits.burst_kilobytes * 1024, now)
            day = limits.day_megabytes * MEGABYTE
            held = self._of[organisation] = Account(work, size, Bucket(day / DAY_S, day, now), limits.at_once_requests)
        return held

    @contextmanager
    def entered(self, account: Account, size: int) -> Iterator[Account]:
        """While a request of ``size`` bytes is being answered; raises ``Busy``."""
        account.check(self.now_ms())
        account.charge(requests=1, size=size)
        account.inside += 1
        try:
            yield account
        finally:
            account.inside -= 1
