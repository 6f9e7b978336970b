"""The connection to a machine that must be asked: its properties are read again and again, and changes told.

Rule 1: a round that was answered is what shows that the link is up; "unchanged" is so heard afresh with each round.
Rule 2: rounds never overlap and never pile up; a slow machine is asked less often, and a property with a pace of its
        own (``weft:pollingMs`` in its form) when it is due.
Rule 3: the first round of a link tells all values; later ones what differs in value, quality or the reason.
Rule 4: a part of a machine that does not answer (one unit behind a gateway, one address) is BAD, asked again later,
        and stops no other; only when nothing answers the link is down.
Rule 5: these machines give no clock. How old a ready signal is shows their heartbeat (``weft:heartbeat``): a property
        that changes by itself as long as the program in the machine runs. Without one nothing is fresh.
Not here: how a machine is asked (the protocols), deadbands (``machines/runner.py``).
"""

import asyncio
import contextlib
import time
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from weft.machines.keeping import KeptConnection, Pace
from weft.shopfloor.connection import Change, Quality, Scalar, Value
from weft.shopfloor.description import Description, Role

POLLING_MS_MIN: Final = 20
LOOK_AGAIN_S: Final = 30.0
LOOK_SOON_S: Final = 0.5  # after one answer that did not come
LATE: Final = 1.5  # of the time that one part has
SILENT_PARTS: Final = 2  # so many parts one after the other without an answer: nobody is there

_T = TypeVar("_T")
Part = tuple[tuple[str, ...], Callable[[], Awaitable[Mapping[str, Value]]]]


class PolledConnection(KeptConnection):
    """What all machines that are asked have alike. One request is under way at a time."""

    def __init__(self, description: Description, pace: Pace | None = None) -> None:
        super().__init__(description, pace or Pace())
        self._asking = asyncio.Lock()
        self._linked = False
        self._anew = asyncio.Event()
        self._told: dict[str, Value] = {}
        self._quiet: dict[tuple[str, ...], float] = {}
        self._silences: dict[tuple[str, ...], int] = {}
        self._run, self._since = 0, 0.0  # how many were silent since the last answer, and since when
        self._by_itself: frozenset[str] = frozenset()  # what the machine tells, too: it need not be asked as often
        self._heart = str(description.terms.get("weft:heartbeat", ""))
        self._beat: Scalar | None = None
        self._beat_ms = 0

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

        A property that cannot be read is BAD with its reason, and never stops the others. No request may take longer
        than ``timeout_s`` of the pace. Without ``names`` there is nothing to ask.
        """

    @abstractmethod
    async def _send(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Write device values; per name an empty string or the machine's reason for refusing; raises as ``_fetch``.

        Once, whatever comes of it; what does not fit is refused before anything is sent.
        """

    # ---- the link --------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        self._anew.set()

    async def _live(self) -> None:
        why = ""
        try:
            async with self._asking:
                async with asyncio.timeout(self._pace.timeout_s):
                    await self._connect()
            self._anew.clear()
            self._told.clear()
            self._run = 0
            self._beat, self._beat_ms = None, 0
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
        paces = {name: self._pace_of(name) for name in self._names}
        now = time.monotonic()
        due = {name: now + each for name, each in paces.items()}
        idle_s = self.description.polling_ms / 1000
        while not self._anew.is_set():
            after = min(due.values(), default=now + idle_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.001, after - time.monotonic())):
                    await self._anew.wait()
                continue
            now = time.monotonic()
            names = [name for name in self._names if due[name] <= now]
            for name in names:
                due[name] = max(now, due[name] + paces[name])
            await self._round(names)

    def _pace_of(self, name: str) -> float:
        prop = self.description.properties.get(name)
        form = prop.form if prop else {}
        given = form.get("weft:pollingMs", form.get("modv:pollingTime"))
        own = given if isinstance(given, int) and not isinstance(given, bool) else self.description.polling_ms
        if name in self._by_itself:
            own = round(self._pace.silence_s * 500)
        return max(POLLING_MS_MIN, own) / 1000

    async def _round(self, names: Sequence[str], *, first: bool = False) -> None:
        known = [name for name in names if name in self.description.properties]
        async with self._asking:
            # where nobody listens, one property shows that the machine is there
            asked = await self._ask(known or list(self.description.properties)[:1])
        if first:
            self._linked = True
            self._came_up()
            self._up.set()
            self._tell_bad({name: "unknown-property" for name in names if name not in self.description.properties})
        self._heard()
        self._tell(self._differing({name: asked[name] for name in known if name in asked}))

    def _differing(self, values: Mapping[str, Value]) -> list[Change]:
        told: list[Change] = []
        for name, value in values.items():
            before = self._told.get(name)
            if before is None or (before.value, before.quality, before.detail) != (
                    value.value, value.quality, value.detail) or type(before.value) is not type(value.value):
                self._told[name] = value
                told.append((name, value))
        return told

    # ---- asking ----------------------------------------------------------------------------------------

    async def _ask(self, names: Sequence[str]) -> dict[str, Value]:
        """Values of ``names``, with the heartbeat asked along, and the ready signal as old as its last beat."""
        heart = self._heart if self._heart in self.description.properties else ""
        found = dict(await self._fetch([*names, heart] if heart and heart not in names else names))
        if heart:
            self._listen(found[heart])
            ready = self.description.by_role(Role.LOCAL_READY)
            if ready is not None and ready.name in found and self._beat_ms:
                now = time.time_ns() // 1_000_000
                found[ready.name] = msgspec.structs.replace(
                    found[ready.name], source_ms=self._beat_ms, server_ms=max(now, self._beat_ms))
        return {name: found[name] for name in names}

    def _listen(self, beat: Value) -> None:
        if not beat.good:
            return
        if self._beat is not None and beat.value != self._beat:
            self._beat_ms = time.time_ns() // 1_000_000
        self._beat = beat.value

    async def _gathered(self, parts: Iterable[Part]) -> dict[str, Value]:
        """Values of all ``parts``, each with the names that it answers for and the question (Rule 4).

        Those that were silent lately are asked last, and only when no other answered. One after the other without an
        answer, or an answer long after one part's time was over: all was silent, and that link has ended.
        """
        found: dict[str, Value] = {}
        answered = False
        now = time.monotonic()
        for names, ask in sorted(parts, key=lambda part: self._quiet.get(part[0], 0.0) > now):
            if answered and self._quiet.get(names, 0.0) > now:
                found.update(bad(names, "timeout"))
                continue
            asked = time.monotonic()
            try:
                found.update(await ask())
            except TimeoutError:
                self._was_silent(names, asked, alone=answered and names in self._silences)
                found.update(bad(names, "timeout"))
            else:
                self._has_answered(names)
                answered = True
        if self._run and not answered:
            raise TimeoutError
        return found

    def _was_silent(self, names: tuple[str, ...], asked: float, *, alone: bool) -> None:
        """Part ``names`` did not answer; ``alone``: it is known as dead, and says nothing of the others."""
        if not alone:
            self._run, self._since = self._run + 1, self._since if self._run else asked
        self._quiet[names] = time.monotonic() + self._patience(names)
        if self._run >= SILENT_PARTS:
            raise TimeoutError

    def _has_answered(self, names: tuple[str, ...]) -> None:
        if self._run and time.monotonic() > self._since + self._pace.timeout_s * LATE:
            raise TimeoutError
        self._run = 0
        self._quiet.pop(names, None)
        self._silences.pop(names, None)

    def _patience(self, names: tuple[str, ...]) -> float:
        """How long a part is not asked that was silent again: one lost answer costs a moment, a dead part little."""
        count = self._silences[names] = self._silences.get(names, 0) + 1
        return min(LOOK_AGAIN_S, LOOK_SOON_S * (1 << min(count - 1, 10)))

    # ---- reading and writing ---------------------------------------------------------------------------

    async def read(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Fresh values from the machine."""
        known = [name for name in names if name in self.description.properties]
        found = bad([name for name in names if name not in known], "unknown-property")
        if not self._linked:
            raise self._unreachable()
        try:
            async with self._asking:
                found.update(await self._ask(known))
        except (OSError, TimeoutError) as error:
            raise self._no_answer(self._reason(error)) from error
        return found

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Write; gives per name an empty string, or the machine's reason for refusing."""
        unknown = [name for name in values if name not in self.description.properties]
        if unknown:
            return {name: "unknown-property" if name in unknown else "not-sent" for name in values}
        return await self._told_machine(lambda: self._send(values), ", ".join(values))

    async def _told_machine(self, send: Callable[[], Awaitable[_T]], about: str) -> _T:
        """The answer to what is sent once; raises as ``write``."""
        if not self._linked:
            raise self._unreachable()
        try:
            async with self._asking:
                if not self._linked:
                    raise self._unreachable()
                return await send()
        except (OSError, TimeoutError) as error:
            raise self._no_answer(f"{self._reason(error)}: {about}") from error


def bad(names: Iterable[str], why: str) -> dict[str, Value]:
    """``names``, all BAD for one reason."""
    return {name: Value(None, Quality.BAD, detail=why) for name in names}


def unfit(values: Mapping[str, Scalar], wrong: Mapping[str, str]) -> dict[str, str]:
    """What a write is told of which ``wrong`` does not fit: nothing of it was sent."""
    return {name: wrong.get(name, "not-sent") for name in values}
