"""What a host application knows of one edge node and its devices: births, deaths, the order of what they say; pure.

Eclipse Sparkplug 3.0.0 §5 and §6: bdSeq, seq 0 to 255, aliases, reordering within a time, rebirth.
Rule 1: values hold from a birth to a death, and no longer; who was not born here is asked to be born.
Rule 2: what comes out of order waits for what is missing, at most ``reorder_s``; then a rebirth is asked for, and until
        it comes nothing is known any more.
Rule 3: a death counts for the birth with the same bdSeq: one that comes late, of an earlier session, kills nobody.
Rule 4: historical values are no present ones.
Rule 5: everything has a bound: devices, metrics of all of them, what waits; who was not born is not kept, and a number
        that no sequence has makes no message.
Not here: bytes (``payload``), topics and brokers (``hosts``), properties of a machine (``connection``).
"""

from collections.abc import Iterator
from typing import Final

import msgspec

from weft.basis.instant import LAST_MS
from weft.machines.sparkplug import payload as sp
from weft.machines.sparkplug.payload import Metric, Payload
from weft.shopfloor.connection import Quality, Value

REBIRTH: Final = "Node Control/Rebirth"
BDSEQ: Final = "bdSeq"
REORDER_S: Final = 2.0
ASK_S: Final = 5.0  # the shortest time between two requests for one birth
DEVICES_MAX: Final = 1000
METRICS_MAX: Final = 100_000  # of an edge node and all its devices
EARLY_MAX: Final = 100_000  # metrics in messages that wait for one before them
OFFLINE, UNBORN, GAP = "machine.offline", "machine.not-announced", "machine.messages-lost"
_STALE_QUALITY: Final = 500


class Heard(msgspec.Struct, frozen=True):
    """What one message came to for a ``device`` ("": the node): ``born``, ``died`` (why), or news of ``metrics``."""

    device: str
    metrics: tuple[tuple[str, Value], ...] = ()
    born: bool = False
    died: str = ""
    at_ms: int = 0


class Kind(msgspec.Struct, frozen=True):
    """What a birth said of a metric."""

    name: str
    datatype: int
    alias: int = -1


class Edge:
    """One edge node. Times: ``now`` monotonic seconds, ``now_ms`` our clock in ms; ``at``: when each was heard."""

    def __init__(self, reorder_s: float = REORDER_S) -> None:
        self.online = False
        self.why = UNBORN
        self.historical = 0
        self.asked = 0
        self.devices: dict[str, str] = {}  # device -> "" while it is alive, else why not
        self.kinds: dict[str, dict[str, Kind]] = {}
        self.values: dict[str, dict[str, Value]] = {}
        self.at: dict[str, dict[str, float]] = {}
        self._now = 0.0
        self._reorder_s = reorder_s
        self._aliases: dict[str, dict[int, Kind]] = {}
        self._bdseq = -1
        self._next = 0
        self._early: dict[int, tuple[str, str, Payload]] = {}
        self._missing_since = 0.0
        self._wants_birth = True
        self._ask_at = 0.0

    # ---- messages --------------------------------------------------------------------------------------

    def take(self, verb: str, device: str, told: Payload, now: float, now_ms: int) -> list[Heard]:
        """Take in a message; what it came to."""
        self._now = now
        if verb == "NBIRTH":
            return self._node_born(told, now_ms)
        if verb == "NDEATH":
            return self._node_died(told, now_ms)
        if not self.online:
            self._wants_birth = True
            return []
        if told.seq != self._next:
            self._wait(verb, device, told, now)
            return []
        heard = self._apply(verb, device, told, now_ms)
        self._next = (self._next + 1) % 256
        while self.online and (early := self._early.pop(self._next, None)) is not None:
            heard += self._apply(*early, now_ms)
            self._next = (self._next + 1) % 256
        self._missing_since = 0.0 if not self._early else self._missing_since
        return heard

    def _wait(self, verb: str, device: str, told: Payload, now: float) -> None:
        """Keep what came before its turn (Rule 5): what cannot be kept is missing then, and a birth is asked for."""
        waiting = sum(len(one.metrics) for _, _, one in self._early.values())
        if 0 <= told.seq < 256 and waiting + len(told.metrics) <= EARLY_MAX:
            self._early[told.seq] = (verb, device, told)
        self._missing_since = self._missing_since or now

    def due(self, now: float, now_ms: int) -> tuple[list[Heard], bool]:
        """What time alone came to, and whether a rebirth is to be asked for now."""
        heard: list[Heard] = []
        if self._missing_since and now - self._missing_since >= self._reorder_s:
            heard = self._all_died(GAP, now_ms)
            self._wants_birth, self._ask_at = True, 0.0
        if not self._wants_birth or now < self._ask_at:
            return heard, False
        self._ask_at = now + ASK_S * min(12, 1 + self.asked)
        self.asked += 1
        return heard, True

    def next_s(self, now: float) -> float:
        """In how many seconds ``due`` has something to say."""
        ends = [self._missing_since + self._reorder_s - now] if self._missing_since else []
        return max(0.0, min([*ends, *([self._ask_at - now] if self._wants_birth else []), 60.0]))

    def cut(self, now_ms: int, why: str = UNBORN) -> list[Heard]:
        """We were away from the broker: nothing is known any more, and a birth is wanted."""
        heard = self._all_died(why, now_ms)
        self._wants_birth, self._ask_at, self.asked = True, 0.0, 0
        return heard

    # ---- births and deaths -----------------------------------------------------------------------------

    def _node_born(self, told: Payload, now_ms: int) -> list[Heard]:
        heard = [Heard(one, died=UNBORN, at_ms=now_ms) for one, why in self.devices.items() if not why]
        for one in self.devices:
            self.devices[one] = UNBORN
            self._stale(one, now_ms)
        self._aliases.clear()
        self._early.clear()
        self._missing_since = 0.0
        self._wants_birth, self.asked = False, 0
        found = told.metric(BDSEQ)
        self._bdseq = found.value if found is not None and isinstance(found.value, int) else -1
        self._next = (max(0, told.seq) + 1) % 256
        self.online, self.why = True, ""
        return [*heard, self._born("", told)]

    def _node_died(self, told: Payload, now_ms: int) -> list[Heard]:
        found = told.metric(BDSEQ)
        known = found is not None and isinstance(found.value, int) and self._bdseq >= 0
        if not self.online or (known and found is not None and found.value != self._bdseq):
            return []
        return self._all_died(OFFLINE, now_ms)

    def _all_died(self, why: str, now_ms: int) -> list[Heard]:
        heard = [Heard(one, died=why, at_ms=now_ms) for one, gone in self.devices.items() if not gone]
        if self.online:
            heard.append(Heard("", died=why, at_ms=now_ms))
        self.online, self.why = False, why
        self.devices = dict.fromkeys(self.devices, why)
        self._early.clear()
        self._missing_since = 0.0
        for device in self.values:
            self._stale(device, now_ms)
        return heard

    def _stale(self, device: str, at_ms: int) -> None:
        """All values of ``device`` are known no more, from ``at_ms`` on."""
        self.values[device] = {name: Value(None, Quality.MISSING, one.source_ms, at_ms, "stale")
                               for name, one in self.values.get(device, {}).items()}

    def _born(self, device: str, told: Payload) -> Heard:
        kinds: dict[str, Kind] = {}
        aliases = self._aliases[device] = {}
        for one in told.metrics:
            if one.name:
                kinds[one.name] = kind = Kind(one.name, one.datatype, one.alias)
                if one.alias >= 0:
                    aliases[one.alias] = kind
        self.kinds[device] = kinds
        self.values[device], self.at[device] = {}, {}
        self._keep(device, tuple(self._read(device, told)))
        return Heard(device, tuple(self.values[device].items()), born=True)

    def _apply(self, verb: str, device: str, told: Payload, now_ms: int) -> list[Heard]:
        """A message whose turn it is."""
        if verb == "DBIRTH":
            others = sum(len(kinds) for one, kinds in self.kinds.items() if one != device)
            if others + len(told.metrics) > METRICS_MAX or (
                    device not in self.devices and len(self.devices) >= DEVICES_MAX):
                return []
            self.devices[device] = ""
            return [self._born(device, told)]
        if verb == "DDEATH":
            if device not in self.devices:
                return []
            alive = self.devices[device] == ""
            self.devices[device] = OFFLINE
            self._stale(device, told.timestamp or now_ms)
            return [Heard(device, died=OFFLINE, at_ms=told.timestamp or now_ms)] if alive else []
        if device not in self.kinds or (device and self.devices.get(device) != ""):
            self._wants_birth = True  # data of somebody whose birth was never heard
            return []
        news = tuple(self._read(device, told))
        self._keep(device, news)
        return [Heard(device, news)] if news else []

    # ---- values ----------------------------------------------------------------------------------------

    def _keep(self, device: str, news: tuple[tuple[str, Value], ...]) -> None:
        self.values[device].update(news)
        self.at[device].update(dict.fromkeys((name for name, _ in news), self._now))

    def _read(self, device: str, told: Payload) -> Iterator[tuple[str, Value]]:
        for one in told.metrics:
            kind = self._kind(device, one)
            if kind is None:
                continue
            if one.historical:
                self.historical += 1
                continue
            yield kind.name, _value(one, kind.datatype, told.timestamp)

    def _kind(self, device: str, one: Metric) -> Kind | None:
        """What the birth said of it: by name, by alias, or (members of a template) by the template's alias."""
        if one.name and not one.name.startswith(sp.BY_ALIAS):
            return self.kinds[device].get(one.name)
        alias, _, member = one.name.removeprefix(sp.BY_ALIAS).partition("/")
        number = int(alias) if alias.isdigit() else one.alias
        found = self._aliases.get(device, {}).get(number)
        if found is None:
            self._wants_birth = True  # its birth was missed
            return None
        return self.kinds[device].get(f"{found.name}/{member}") if member else found


def _value(one: Metric, datatype: int, sent_ms: int) -> Value:
    """What a metric says; stamps are the edge node's: when it was taken, and when it was sent."""
    value, why = sp.plain(one.value, datatype)
    source_ms, sent_ms = _stamp(one.timestamp) or _stamp(sent_ms), _stamp(sent_ms)
    if one.quality == _STALE_QUALITY or why == "null":
        return Value(None, Quality.MISSING, source_ms, sent_ms, why or "stale")
    if one.quality == 0:
        return Value(None, Quality.BAD, source_ms, sent_ms, "quality 0")
    return Value(value, Quality.BAD if why else Quality.GOOD, source_ms, sent_ms, why)


def _stamp(told_ms: int) -> int:
    """A stamp as it was told; 0 for one that no clock would give."""
    return told_ms if 0 < told_ms <= LAST_MS else 0
