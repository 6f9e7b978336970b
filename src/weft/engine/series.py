"""Machine values that last: what machines say is gathered, written by a thread, read by another, and let go in time.

Rule 1: the loop never waits for the disk: values gather for a moment (``history.batch_s``), then a thread writes them.
Rule 2: while they cannot be written they wait, ``WAITING_MAX`` at most; beyond, the oldest go and leave a gap.
Rule 3: nothing here stops anything else: a full disk, a damaged file and a failing one end in ``trouble``, a word to
        the owner; of the disk ``history.free_megabytes`` are left to the books, whatever the values would need.
Rule 4: a point is made of each change beyond the deadband (of the description, else ``shopfloor/deadband.py``) and of
        each change of quality; of "unchanged" none is made, but that what holds is said again every ``AGAIN_MS``: else
        it would be let go with the day on which it began.
Rule 5: a point stands at the moment in which it came, less the age that the device tells, if that is short.
Rule 6: what is older than ``history.hot_hours`` is sealed, a file or two at a time, and signed for (``Keeping``).
Not here: the newest values (``live.py``), how points rest (``stores/series.py``), what is drawn (``doors/console``).
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, Protocol, TypeVar

from weft.basis.errors import Invalid, Refused, Unavailable, WeftError
from weft.config import Config
from weft.engine.live import HISTORY_MS, SAMPLE_MS, Live
from weft.engine.ports import Clock
from weft.engine.series_ports import Followed, Moments, Row, Segment, SeriesStore, Span
from weft.shopfloor import deadband
from weft.shopfloor.book import Floor
from weft.shopfloor.connection import Value
from weft.shopfloor.reading import parse_text
from weft.shopfloor.series import BAD, MISSING, NUMBERS, Interval, Point
from weft.shopfloor.timeline import Doing

WAITING_MAX: Final = 200_000
BACK_MS: Final = 5_000  # so far a device's own stamp is believed, and so far our clock may go back unnoticed
HEART_MS: Final = 30_000  # so often it is told that nothing has changed
TIDY_MS: Final = 60_000
AGAIN_MS: Final = 6 * 3_600_000
PRIMED_S: Final = 5  # between two values of an earlier life that memory is given
PRIMED_MAX: Final = 50  # numbers of one machine
RETRY_S: Final = 5.0
DAY_MS: Final = 86_400_000
SHARE: Final = 0.05  # of what there is goes when room is needed
HOUR_MS: Final = 3_600_000
SEALED_BYTES: Final = 64 * 1024 * 1024  # so much more than what is left to the books, before a file is made
SIGNED: Final = 20  # segments at a time
_MEGABYTE: Final = 1024 * 1024
_LOG: Final = logging.getLogger("weft.values")
P = ParamSpec("P")
T = TypeVar("T")


class Books(Protocol):
    """What is asked of the node's books."""

    async def floor(self) -> Floor:
        """The machines as they are described now."""

    async def tell(self, segment: Segment, properties: Sequence[str]) -> str:
        """Sign for a segment; the event."""

    async def follow(self, history: "History") -> None:
        """Give ``history`` what machines did since."""


class History:
    """The numbers of all machines over time; belongs to one event loop. ``free`` gives free bytes of its disk."""

    def __init__(self, opening: Callable[[int], SeriesStore], config: Config, clock: Clock,
                 free: Callable[[], int]) -> None:
        self._opening, self._settings, self._clock, self._free = opening, config.history, clock, free
        self._store: SeriesStore | None = None
        self._waiting: list[Row] = []
        self._newest: dict[tuple[str, str], Point] = {}
        self._spans: dict[str, Span] = {}
        self._trouble: WeftError | None = None
        self._lost = 0
        self._heard_ms = self._tidied_ms = self._again_ms = 0
        self._writer = ThreadPoolExecutor(1, "values-write")
        self._reader = ThreadPoolExecutor(1, "values-read")
        self._ended = False
        self.books: Books | None = None
        self.folder: Path | None = None  # where what was sealed lies
        self._described: dict[str, str] = {}
        self._bands: dict[str, deadband.Bands] = {}
        self._refused = 0  # segments up to this one are signed for, or the book refused it in this life

    # ---- what machines say ---------------------------------------------------------------------------

    @property
    def kept(self) -> bool:
        """Whether the owner wants values to be kept."""
        return self._settings.keep_days > 0

    def take(self, machine: str, name: str, value: Value, now: int) -> None:
        """A change of a property; called in the loop, does nothing but remember."""
        number, quality = _number(value)
        usable = number is not None
        newest = self._newest.get((machine, name))
        if not self.kept or self._ended or (not usable and (quality < BAD or newest is None)):
            return  # texts and switches are no numbers; and where no number was, its end is none either
        age = value.age_ms if usable and value.server_ms else 0
        at = now - age if 0 < age <= BACK_MS else now
        if newest is not None and newest[0] - BACK_MS < at <= newest[0]:
            at = newest[0] + 1
        point: Point = (at, None if quality >= BAD else number, quality)
        if newest is not None and (newest[1:] == point[1:] or self._trembles(machine, name, newest, point)):
            return
        self._newest[machine, name] = point
        self._waiting.append((machine, name, point))
        if len(self._waiting) > WAITING_MAX:
            self._drop()

    def _trembles(self, machine: str, name: str, kept: Point, told: Point) -> bool:
        """Whether ``told`` lies within the deadband by default around what was kept."""
        bands = self._bands.get(machine)
        if not bands or name not in bands or kept[2] != told[2] or kept[1] is None or told[1] is None:
            return False
        return deadband.within(bands[name], self._settings.deadband_share, kept[1], told[1])

    def _drop(self) -> None:
        """Rule 2: the older half goes; each series that loses something says from when on."""
        cut = len(self._waiting) // 2
        gone: dict[tuple[str, str], int] = {}
        for machine, name, (at, _, _) in self._waiting[:cut]:
            gone.setdefault((machine, name), at)
        self._waiting = [*((*of, (at, None, MISSING)) for of, at in gone.items()), *self._waiting[cut:]]
        self._lost += cut

    # ---- writing -------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Open the store; what keeps it from being opened is told as ``trouble``, and tried again."""
        if self.kept and self._store is None:
            try:
                self._store = await self._in(self._writer, self._opening, self._clock.now_ms())
                self._spans = await self._in(self._writer, self._store.spans)
                self._trouble = None
            except WeftError as error:
                self._fail(error)

    async def prime(self, live: Live, floor: Floor) -> None:
        """Give ``live`` the last minutes of an earlier life: the short history does not begin anew with the node."""
        now = self._clock.now_ms()
        bounds = list(range(now - HISTORY_MS, now + 1, SAMPLE_MS * PRIMED_S))
        for machine, known in floor.machines.items():
            span = self._spans.get(machine)
            if known.removed or span is None or span.last_ms < bounds[0]:
                continue
            with contextlib.suppress(WeftError):  # no description that can be read, or a disk that fails
                numbers = [one.name for one in parse_text(known.description).properties.values() if one.numeric]
                for name, told in (await self.intervals(machine, numbers[:PRIMED_MAX], bounds)).items():
                    heard = [(one.at, one.last) for one in told]
                    live.prime(machine, name, heard if any(one is not None for _, one in heard) else ())

    async def run(self) -> None:
        """Write what comes until it is cancelled."""
        pause = self._settings.batch_s
        while self.kept:
            await asyncio.sleep(pause)
            pause = self._settings.batch_s
            if not await self._turn():
                pause = max(RETRY_S, pause)

    async def _turn(self) -> bool:
        """Write what waits, or now and then that nothing has changed; False where it could not be done."""
        if self._store is None:
            await self.begin()
        if self._store is None:
            return False
        if self.books is not None:
            with contextlib.suppress(WeftError):
                self._learn(await self.books.floor())
                await self.books.follow(self)
        now = self._clock.now_ms()
        if not 0 <= now - self._again_ms < AGAIN_MS:
            self._again_ms = now
            self._say_again(now)
        if (self._waiting or not 0 <= now - self._heard_ms < HEART_MS) and not await self._written(self._store):
            return False
        if not 0 <= now - self._tidied_ms < TIDY_MS:
            self._tidied_ms = now
            with contextlib.suppress(WeftError):  # the disk is full or fails: writing tells of it
                await self.tidy()
                if await self.seal():
                    self._tidied_ms = 0  # there is more
        return True

    def _learn(self, floor: Floor) -> None:
        """What is no change of each machine's numbers, as they are described now."""
        for name, known in floor.machines.items():
            if self._described.get(name) != known.description:
                self._described[name] = known.description
                self._bands[name] = deadband.bands(known.description, self._settings.deadband_share)

    def _say_again(self, now: int) -> None:
        for (machine, name), (at, value, quality) in self._newest.items():
            if value is not None and at < now - AGAIN_MS // 2:
                self._newest[machine, name] = (now, value, quality)
                self._waiting.append((machine, name, (now, value, quality)))

    async def _written(self, store: SeriesStore) -> bool:
        rows, self._waiting = self._waiting, []
        heard = self._clock.now_ms()
        try:
            await self._in(self._writer, self._append, store, rows, heard)
        except WeftError as error:
            self._waiting = rows + self._waiting
            while len(self._waiting) > WAITING_MAX:
                self._drop()
            self._fail(error)
            return False
        self._heard_ms = heard
        for machine, _, (at, _, _) in rows:
            known = self._spans.get(machine)
            self._spans[machine] = Span(min(known.first_ms, at), max(known.last_ms, at), known.count + 1) \
                if known else Span(at, at, 1)
        if self._trouble is not None:
            _LOG.warning("machine values are kept again; %d were lost meanwhile", self._lost)
            self._trouble, self._lost = None, 0
        return True

    def _append(self, store: SeriesStore, rows: Sequence[Row], heard: int) -> None:
        """In the writing thread: room first."""
        store.mend()
        if rows:
            self._room(store)
        store.append(rows, heard)

    def _room(self, store: SeriesStore) -> None:
        """Leave the books their room: the oldest values make place for the newest, or nothing is written."""
        if self._free() >= self._settings.free_megabytes * _MEGABYTE:
            return
        if store.size()[1] < _MEGABYTE:
            before = store.oldest(SHARE)
            gone = before and store.forget(before)
            if not gone or (store.size()[1] < _MEGABYTE // 4
                            and self._free() < self._settings.free_megabytes * _MEGABYTE):
                raise Unavailable("history.no-room", megabytes=self._settings.free_megabytes)

    def _fail(self, error: WeftError) -> None:
        told = _told(error)
        if self._trouble is None or self._trouble.code != told.code:
            _LOG.error("machine values are not kept now: %s", error)
        self._trouble = told

    async def tidy(self) -> None:
        """Let go of what is too old, or too much."""
        if self._store is not None:
            self._spans = await self._in(self._writer, self._tidied, self._store, self._clock.now_ms())

    def _tidied(self, store: SeriesStore, now: int) -> dict[str, Span]:
        store.forget(now - self._settings.keep_days * DAY_MS)
        while store.size()[0] > self._settings.all_megabytes * _MEGABYTE and (before := store.oldest(SHARE)):
            if not store.forget(before):
                break
        return store.spans()

    async def seal(self) -> bool:
        """Seal some of what is old, and have it signed for; whether there is more to seal."""
        store, hours = self._store, self._settings.hot_hours
        if store is None or not hours:
            return False
        more = False
        if self._free() > self._settings.free_megabytes * _MEGABYTE + SEALED_BYTES:
            try:
                more = await self._in(self._writer, store.seal, self._clock.now_ms() - hours * HOUR_MS)
            except WeftError as error:
                _LOG.warning("old machine values are not sealed now: %s", error)
        if self.books is not None:
            for segment, names in await self._in(self._writer, store.unsaid, self._refused, SIGNED):
                try:
                    event = await self.books.tell(segment, names)
                except (Invalid, Refused) as error:
                    _LOG.warning("nobody can sign for %s now: %s", segment.file, error)
                    self._refused = segment.number
                    continue
                await self._in(self._writer, store.signed, segment.number, event)
        return more

    async def stop(self) -> None:
        """Write what waits and let go of the file."""
        self._ended = True
        if self._store is not None:
            await self._written(self._store)
            await self._in(self._reader, int)  # whoever reads has ended
            await self._in(self._writer, self._store.close)
            self._store = None
        self._writer.shutdown(wait=False)
        self._reader.shutdown(wait=False)

    def trouble(self) -> WeftError | None:
        """Why values are not kept now; None: they are."""
        return self._trouble

    # ---- reading -------------------------------------------------------------------------------------

    def span(self, machine: str) -> Span | None:
        """What there is of ``machine``, as of the last batch; None when there is nothing."""
        return self._spans.get(machine)

    async def points(self, machine: str, names: Sequence[str], begin: int, end: int, most: int) -> Moments:
        """About ``most`` points of [begin, end): as the port says. Raises ``Unavailable``."""
        return await self._in(self._reader, self._readable().points, machine, tuple(names), begin, end, most)

    async def intervals(self, machine: str, names: Sequence[str], bounds: Sequence[int],
                        ) -> dict[str, list[Interval]]:
        """What held between ``bounds``, by name; what is not written yet counts. Raises ``Unavailable``."""
        until = self._clock.now_ms() + 1
        return await self._in(self._reader, self._readable().intervals, machine, tuple(names), tuple(bounds), until)

    async def followed(self) -> Followed:
        """How far the floor book was read, and what each machine does. Raises ``Unavailable``."""
        return await self._in(self._writer, self._readable().followed)

    async def follow(self, doings: Sequence[tuple[str, Doing]], event: str, position: int) -> None:
        """Keep what machines did, as the book says until ``event``; "": all is read anew. Raises ``Unavailable``."""
        await self._in(self._writer, self._readable().follow, doings, event, position)

    async def done(self, machine: str, span: tuple[int, int]) -> tuple[list[Doing], list[tuple[int, int]]]:
        """What ``machine`` did in a span (ms), with what held at its begin; and when somebody listened."""
        now = self._clock.now_ms()
        doings = await self._in(self._reader, self._readable().doings, machine, span)
        lives = await self._in(self._reader, self._readable().lives, span)
        return doings, [(begun, max(now, begun) if heard is None else heard) for begun, heard in lives]

    async def segments(self, machine: str, begin: int, end: int) -> list[Segment]:
        """What was sealed of ``machine`` and touches a span, oldest first. Raises ``Unavailable``."""
        return await self._in(self._reader, self._readable().segments, machine, begin, end)

    async def proven(self, segment: Segment) -> str:
        """What the file of a segment comes to now: its digest. Raises ``WeftError`` when it cannot be read."""
        return await self._in(self._reader, self._readable().proven, segment)

    async def parquet(self, target: str, machine: str, names: Sequence[str], span: tuple[int, int]) -> int:
        """Write all points of a span (ms) into the Parquet file ``target``; how many. Raises ``WeftError``."""
        store = self._readable()
        await self.written()
        await self._in(self._writer, store.pack)
        return await self._in(self._reader, store.parquet, target, machine, tuple(names), span)

    async def written(self) -> None:
        """Wait until all that was heard so far is written; raises what keeps it from that."""
        if self._store is not None and self._waiting and not await self._written(self._store) and self._trouble:
            raise self._trouble

    def _readable(self) -> SeriesStore:
        if self._store is None:
            raise self._trouble or Unavailable("history.off")
        return self._store

    async def _in(self, threads: ThreadPoolExecutor, work: Callable[P, T], *values: P.args, **_: P.kwargs) -> T:
        """Do ``work`` in one of the two threads, and wait for its end even where the caller does not."""
        done = asyncio.get_running_loop().run_in_executor(threads, partial(work, *values))
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if threads is self._writer:
                await asyncio.wait([done])
            raise


def _number(value: Value) -> tuple[float | None, int]:
    """The number of a value, if it has one, and its quality; what no float can hold is bad."""
    told, quality = value.value, NUMBERS[value.quality]
    if isinstance(told, bool) or not isinstance(told, int | float):
        return None, quality
    try:
        number = float(told)
    except OverflowError:
        return None, max(quality, BAD)
    return (number, quality) if math.isfinite(number) else (None, max(quality, BAD))


def _told(error: WeftError) -> WeftError:
    """``error`` in words that speak of values, not of the books."""
    if error.code == "store.full":
        return Unavailable("history.full")
    if isinstance(error, Invalid) or error.code == "store.locked":
        return Unavailable("history.unreadable", reason=error.code)
    return error if error.code.startswith("history.") else Unavailable("history.failed", reason=error.code)

