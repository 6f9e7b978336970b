"""The connection to a machine that must be asked: its properties are read again and again, and changes told.

Rule 1: a round that was answered is what shows that the link is up; "unchanged" is so heard afresh with each round.
Rule 2: rounds never overlap and never pile up; a slow machine is asked less often, and a property with a pace of its
        own (``weft:pollingMs`` in its form) when it is due.
Rule 3: the first round of a link tells all values; later ones what differs in value, quality or the reason.
Not here: how a machine is asked (the protocols), deadbands (``machines/runner.py``).
"""

import asyncio
import contextlib
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Final

from weft.machines.keeping import KeptConnection, Pace
from weft.shopfloor.connection import Change, Quality, Scalar, Value
from weft.shopfloor.description import Description

POLLING_MS_MIN: Final = 20


class PolledConnection(KeptConnection):
    """What all machines that are asked have alike. One request is under way at a time."""

    def __init__(self, description: Description, pace: Pace | None = None) -> None:
        super().__init__(description, pace or Pace())
        self._asking = asyncio.Lock()
        self._linked = False
        self._anew = asyncio.Event()
        self._told: dict[str, Value] = {}

    # ---- what a protocol gives -------------------------------------------------------------------------

    @abstractmethod
    async def _connect(self) -> None:
        """Reach the machine; raises what made it fail."""

    @abstractmethod
    async def _disconnect(self) -> None:
        """Let the transport go, whatever state it is in; raises nothing that matters."""

    @abstractmethod
    async def _fetch(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Values of ``names`` asked of the machine now; raises ``OSError`` or ``TimeoutError`` when it is not there.

        A property that cannot be read is BAD with its reason, and never stops the others.
        """

    @abstractmethod
    async def _send(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Write device values; per name an empty string or the machine's reason for refusing; raises as ``_fetch``."""

    # ---- the link --------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        self._anew.set()

    async def _live(self) -> None:
        async with self._asking:
            await asyncio.wait_for(self._connect(), self._pace.timeout_s)
        why = ""
        try:
            self._anew.clear()
            self._told.clear()
            await self._round(self._names, first=True)
            await self._rounds()
            why = "subscribe"
        except Exception as error:
            why = self._reason(error)
            raise
        finally:
            if self._linked:
                self._linked = False
                self._went_down(why)
            with contextlib.suppress(Exception):  # a dead machine cannot be told goodbye
                await asyncio.shield(self._disconnect())

    async def _rounds(self) -> None:
        """Ask as often as each property wants, until there is something to begin anew."""
        due = dict.fromkeys(self._names, 0.0)
        paces = {name: self._pace_of(name) for name in self._names}
        idle_s = self.description.polling_ms / 1000
        while not self._anew.is_set():
            now = time.monotonic()
            names = [name for name in self._names if due[name] <= now]
            for name in names:
                due[name] = max(now, due[name] + paces[name]) if due[name] else now + paces[name]
            if names or not self._names:
                await self._round(names)
            after = min(due.values(), default=time.monotonic() + idle_s)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._anew.wait(), max(0.001, after - time.monotonic()))

    def _pace_of(self, name: str) -> float:
        prop = self.description.properties.get(name)
        given = prop.form.get("weft:pollingMs") if prop else None
        own = given if isinstance(given, int) and not isinstance(given, bool) else self.description.polling_ms
        return max(POLLING_MS_MIN, own) / 1000

    async def _round(self, names: Sequence[str], *, first: bool = False) -> None:
        known = [name for name in names if name in self.description.properties]
        async with self._asking:
            values = await asyncio.wait_for(self._fetch(known), self._pace.timeout_s)
        if first:
            self._linked = True
            self._came_up()
            self._up.set()
            self._tell_bad({name: "unknown-property" for name in names if name not in self.description.properties})
        self._heard()
        self._tell(self._differing(values))

    def _differing(self, values: Mapping[str, Value]) -> list[Change]:
        told: list[Change] = []
        for name, value in values.items():
            before = self._told.get(name)
            if before is None or (before.value, before.quality, before.detail) != (
                    value.value, value.quality, value.detail) or type(before.value) is not type(value.value):
                self._told[name] = value
                told.append((name, value))
        return told

    # ---- reading and writing ---------------------------------------------------------------------------

    async def read(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Fresh values from the machine."""
        known = [name for name in names if name in self.description.properties]
        found = {name: Value(None, Quality.BAD, detail="unknown-property") for name in names if name not in known}
        if not self._linked:
            raise self._unreachable()
        try:
            async with self._asking:
                found.update(await asyncio.wait_for(self._fetch(known), self._pace.timeout_s))
        except (OSError, TimeoutError) as error:
            raise self._no_answer(self._reason(error)) from error
        return found

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Write; gives per name an empty string, or the machine's reason for refusing."""
        unknown = [name for name in values if name not in self.description.properties]
        if unknown:
            return {name: "unknown-property" if name in unknown else "not-sent" for name in values}
        if not self._linked:
            raise self._unreachable()
        try:
            async with self._asking:
                if not self._linked:
                    raise self._unreachable()
                return await asyncio.wait_for(self._send(values), self._pace.timeout_s)
        except (OSError, TimeoutError) as error:
            raise self._no_answer(f"{self._reason(error)}: {', '.join(values)}") from error
