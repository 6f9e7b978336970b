"""What changed in the twins: told in order, page by page or as it happens.

Rule 1: a change of a written twin has a number for good: whoever knows the number of the last one that he has seen goes
        on from there, after any break. Changes of the books' twins are told as they happen and have none.
Rule 2: only what is other than before is a change: the same bytes, or the same value, again are none.
Rule 3: a value of a machine is told as such, with its place; the value itself is read where it stands.
Rule 4: at most ``FOLLOWERS_MAX`` follow at once, ``OWN_MAX`` of them for one program; one that does not keep up is told
        the newest of each place.
Not here: the form in which changes are told (``doors/aas/events.py``), who may hear of which (``access.py``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakSet

from weft.basis.errors import Refused
from weft.basis.instant import from_ms
from weft.engine.live import Live
from weft.engine.ports import Clock
from weft.engine.twins.ports import Told
from weft.engine.twins.repository import Repository

FOLLOWERS_MAX: Final = 64
OWN_MAX: Final = 8
POLL_S: Final = 0.25
PAGE: Final = 100


@dataclass(slots=True, eq=False, weakref_slot=True)
class Seat:
    """A place among those who follow: free again once nobody holds it."""

    who: str


@dataclass(slots=True)
class Changes:
    """The changes of the twins of one firm."""

    twins: Repository
    live: Live
    clock: Clock
    _seats: WeakSet[Seat] = field(default_factory=WeakSet)

    async def after(self, number: int, limit: int) -> Sequence[Told]:
        """Changes behind ``number``; raises ``Refused('twin.feed-gone')`` when that is no longer known."""
        return await self.twins.feed(number, limit)

    async def newest(self) -> int:
        """The number of the last change; 0 when there was none."""
        return (await self.twins.feed_ends())[1]

    def seat(self, who: str = "") -> Seat:
        """A place for ``who`` ("": us); raises ``Refused('twin.followers-own')``, ``('twin.followers')``."""
        if who and sum(one.who == who for one in self._seats) >= OWN_MAX:
            raise Refused("twin.followers-own", limit=OWN_MAX)
        if len(self._seats) >= FOLLOWERS_MAX:
            raise Refused("twin.followers", limit=FOLLOWERS_MAX)
        seat = Seat(who)
        self._seats.add(seat)
        return seat

    async def follow(self, number: int, seat: Seat | None = None) -> AsyncIterator[Sequence[Told]]:
        """Changes behind ``number`` and whatever follows; an empty one from time to time says that all is well.

        Raises as ``after``, and without a ``seat`` as that.
        """
        seat = seat or self.seat()
        moved: dict[tuple[str, str], None] = {}
        end = self.live.subscribe(lambda machine, values: moved.update(dict.fromkeys((machine, one) for one in values)))
        try:
            while True:
                told = await self.after(number, PAGE)
                if told:
                    number = told[-1].number
                values = await self.values(tuple(moved))
                moved.clear()
                yield [*told, *values]
                if not told:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self.twins.store.news(number), POLL_S)
        finally:
            end()
            self._seats.discard(seat)

    async def values(self, moved: Sequence[tuple[str, str]]) -> list[Told]:
        """That these (machine, property) have other values now, each with its place in the twin."""
        at, told = from_ms(self.clock.now_ms()), list[Told]()
        known: dict[str, dict[str, tuple[str, str]]] = {}
        for machine, name in moved:
            if machine not in known:
                known[machine] = await self.twins.derived.places(machine)
            place = known[machine].get(name)
            if place is not None:
                told.append(Told(0, "submodel", place[0], place[1], "valueChanged", at, 0))
        return told
