"""The connection to a machine that speaks by way of a broker: the broker may be there and the machine not.

Rule 1: the link is up while the broker answers and nothing says that the machine is away; why it is not is one word.
Rule 2: a value that was not heard for as long as its property says is MISSING ("stale"); unchanged is something else.
Rule 3: each link-up tells what is known of every property, and "not-heard" where nothing is: what was heard before a
        gap is not.
Not here: messages (``mqtt``, ``sparkplug/``), machines that are asked (``polling``).
"""

import asyncio
import contextlib
import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence

import msgspec

from weft.basis.errors import Unavailable
from weft.machines.keeping import KeptConnection, Pace, reason
from weft.shopfloor.connection import Change, Quality, Value
from weft.shopfloor.description import Description

NOT_HEARD = Value(None, Quality.MISSING, detail="not-heard")
STALE = "stale"


class BrokeredConnection(KeptConnection):
    """What all connections by way of a broker do alike."""

    def __init__(self, description: Description, pace: Pace | None = None) -> None:
        super().__init__(description, pace or Pace())
        self._newest: dict[str, Value] = {}
        self._at: dict[str, float] = {}  # when each was heard (monotonic)
        self._wrong: dict[str, str] = {}  # property -> why it cannot be read
        self._stale_s: dict[str, float] = {}
        self._beat = 0.0  # when the machine last showed that its values still hold (monotonic)
        self._news = asyncio.Event()
        self._anew = False
        self._linked = False

    # ---- what a protocol gives -------------------------------------------------------------------------

    @abstractmethod
    def _absence(self) -> str:
        """Why the machine is not there now ("" when it is); raises what ended the way to the broker."""

    def _next_s(self) -> float:
        """In how many seconds ``_absence`` may answer differently without news."""
        return 60.0

    # ---- the link --------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        self._anew = True
        self._news.set()

    async def _stay(self) -> None:
        """Tell how the machine comes and goes until the way to the broker has ended (raised) or to begin anew."""
        self._anew = False
        why = "subscribe"
        try:
            while not self._anew:
                self._news.clear()
                self._expire()
                self._turn(self._absence())
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(max(0.01, self._due_s())):
                        await self._news.wait()
        except Exception as error:
            why = reason(error)
            raise
        finally:
            if self._linked:
                self._linked = False
                self._went_down(why)

    def _turn(self, why: str) -> None:
        """Make the link what ``_absence`` says."""
        if why:
            if self._linked:
                self._linked = False
                self._went_down(why)
            self.last_error, self.last_fault = why, Unavailable(why, machine=self.description.title)
        elif not self._linked:
            self._linked = True
            self._came_up()
            self._up.set()
            self._tell_bad({name: why for name in self._names if (why := self._why_wrong(name))})
            self._tell([(name, self._newest.get(name, NOT_HEARD)) for name in self._names if not self._why_wrong(name)])

    def _why_wrong(self, name: str) -> str:
        return self._wrong.get(name, "" if name in self.description.properties else "unknown-property")

    # ---- values ----------------------------------------------------------------------------------------

    def _took(self, changes: Sequence[Change], now: float) -> None:
        """Keep ``changes`` that were heard at ``now`` (monotonic), and tell them while the link is up."""
        newest, at = self._newest, self._at
        for name, value in changes:
            newest[name] = value
            at[name] = now
        if self._linked:
            self._heard()
            wanted = self._names
            self._tell([one for one in changes if one[0] in wanted])

    def _forget(self) -> None:
        """Nothing is known any more: what comes next may have changed meanwhile."""
        self._newest.clear()
        self._at.clear()

    def _expire(self) -> None:
        now = time.monotonic()
        gone: list[Change] = []
        for name, most in self._stale_s.items():
            at = self._at.get(name)
            if at is not None and now - max(at, self._beat) >= most and self._newest[name].detail != STALE:
                self._newest[name] = Value(None, Quality.MISSING, self._newest[name].source_ms, detail=STALE)
                gone.append((name, self._newest[name]))
        if self._linked:
            self._tell([one for one in gone if one[0] in self._names])

    def _due_s(self) -> float:
        now, soonest = time.monotonic(), min(self._next_s(), *self._stale_s.values(), 60.0)
        for name, most in self._stale_s.items():
            at = self._at.get(name)
            if at is not None and self._newest[name].detail != STALE:
                soonest = min(soonest, max(at, self._beat) + most - now)
        return soonest

    async def read(self, names: Sequence[str]) -> Mapping[str, Value]:
        """The newest that was heard of each, with how old it is."""
        if not self._linked:
            raise self._unreachable()
        found = {}
        for name in names:
            if why := self._why_wrong(name):
                found[name] = Value(None, Quality.BAD, detail=why)
            else:
                found[name] = self._as_of_now(name, self._newest.get(name, NOT_HEARD))
        return found

    def _as_of_now(self, name: str, value: Value) -> Value:
        """``value`` with the clock that its own stamp is measured by, as it stands now."""
        if not value.server_ms:
            return value
        since_ms = round((time.monotonic() - self._at[name]) * 1000)
        return msgspec.structs.replace(value, server_ms=value.server_ms + since_ms)
