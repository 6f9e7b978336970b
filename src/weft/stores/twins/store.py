"""The store of written twins on disk: SQLite in a file of its own, durable when ``commit`` returns.

Rule 1: a page costs the same whatever else there is: it goes on behind an id, by an index, and reads what it gives.
Rule 2: a file comes in piece by piece, each durable by itself; it is there once its last piece is, and goes when
        nobody has named it for ``GRACE_MS``. What had not come in whole is taken away when the store is opened.
Rule 3: a commit of many twins, or of a large one, does not stop the node: it goes on in turns with everything else
        (a large twin: in a thread), is made durable in a thread, and until then others read what stood before, and
        write when it has ended.
Not here: groups, checkpoints and care for the disk (``stores/writer.py``), how a change is applied (``applying.py``).
"""

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, starmap
from typing import Any, Final, TypeVar

import apsw
from msgspec.structs import replace

from weft.basis.errors import Invalid, NotFound, Refused
from weft.basis.instant import from_ms
from weft.engine.ports import Clock
from weft.engine.twins.calm import uncollected
from weft.engine.twins.ports import ALL, KINDS, LARGE_BYTES, Change, File, Gone, Kind, Row, Told, Where, media_type
from weft.stores.sqlite_file import fault
from weft.stores.twins import paging, searching
from weft.stores.twins.applying import NUMBER, Applying, Kept, LargeError
from weft.stores.twins.held import Held
from weft.stores.twins.indexing import INDEX, derive
from weft.stores.twins.looking import Looking, Run
from weft.stores.twins.revisions import Piece, whole
from weft.stores.writer import Writer

DIALECT: Final = "twins"
PIECE: Final = 256 * 1024
PIECES_MAX: Final = 1 << 20  # of one file: what its pieces are numbered by
PIECES_SWEPT: Final = 64  # in one transaction
SHORT_MAX: Final = 64  # changes; a commit of more takes turns
TURN_S: Final = 0.01
GRACE_MS: Final = 3_600_000  # a file that came in may still be named
SKIPPED: Final = 1_000_000_000  # numbers of the feed that a life which is lost may have used
HISTORY_READ: Final = 32  # revisions at a time
FILE_MAX: Final = 512 * 1024 * 1024
Work = Callable[[], None]
T = TypeVar("T")


async def _surely(work: Callable[[], T]) -> T:
    """Do ``work`` in a thread, and wait for its end whatever happens."""
    done = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        await asyncio.wait([done])
        raise


@dataclass(frozen=True, slots=True)
class _Erasing:
    """Work after which what it took away is not left in the log of the file either."""

    work: Work

    def __call__(self) -> None:
        self.work()


class SqliteTwins(Writer[Work]):
    """Implements ``engine.twins.ports.TwinStore`` over one database file (or ":memory:")."""

    def __init__(
        self, path: str, clock: Clock, *, kept: Kept | None = None, file_max: int = FILE_MAX, background: bool = True,
        reading: bool = False,
    ) -> None:
        super().__init__(path, dialect=DIALECT, background=background, reading=reading)
        self._clock = clock
        self._file_max = min(file_max, PIECE * PIECES_MAX)
        self._applying = Applying(self._sql, kept or Kept(), LARGE_BYTES if self._background else sys.maxsize)
        self._held = Held()
        self._turn = asyncio.Lock()
        self._looking = Looking(path, lambda: self._reader, self._file.aside if self._background else None)
        self._away = False  # the connection is in the hands of a long commit
        self._waiting: set[asyncio.Future[None]] = set()  # for news
        if not reading and self._connection.pragma("user_version") != INDEX:
            self._index_anew()
        self._left = [] if reading else [number for (number,) in self._rows("unfinished")]

    def _index_anew(self) -> None:
        """What twins are found by, derived from their bodies as this version does it."""
        try:
            with self._connection:
                for statement in ("delete_all_names", "delete_all_fields", "delete_all_elements"):
                    self._cursor.execute(self._sql[statement])
                searching.clear(self._cursor)
                bodies = self._connection.cursor()
                for number, kind, name, body in bodies.execute(self._sql["bodies"]):
                    self._applying.index(self._cursor, KINDS[kind - 1], (name, number), derive(KINDS[kind - 1], body))
                self._connection.pragma("user_version", INDEX)
        except (apsw.Error, ValueError, RecursionError) as error:
            self._file.close()
            raise (fault(error, self.path) if isinstance(error, apsw.Error)
                   else Invalid("store.corrupt", path=self.path)) from error

    def _now(self) -> str:
        return from_ms(self._clock.now_ms())

    # ---- writing

    async def commit(self, changes: Sequence[Change]) -> Sequence[Row | None]:
        """All of ``changes``, one after the other, or none: as the port says."""
        rows: list[Row | None] = []

        def work() -> None:
            at = self._now()
            rows[:] = [self._applying.apply(self._cursor, one, at) for one in changes]

        if len(changes) > SHORT_MAX and not self._file.in_memory:
            return await self._commit_long(changes, bodies=False)
        try:
            if changes:
                self._applying.refuse_large(changes)
                await self._commit(work)
        except LargeError:
            return await self._commit_long(changes, bodies=True)
        return rows

    async def _commit_long(self, changes: Sequence[Change], *, bodies: bool) -> Sequence[Row | None]:
        """Rule 3."""
        async with self._turn:
            if self._broken is not None:
                raise self._broken
            self._group.hold()
            aside = self._file.aside()
            self._reader = aside.cursor()
            try:
                rows = await self._long(changes)
                return rows if bodies else [None if one is None else replace(one, body=b"") for one in rows]
            finally:
                self._held.forget()
                self._reader = self._cursor
                aside.close(True)
                self._group.release()

    async def _long(self, changes: Sequence[Change]) -> list[Row | None]:
        loop, rows = asyncio.get_running_loop(), []
        try:
            at, turn = self._now(), loop.time()
            self._cursor.execute("BEGIN IMMEDIATE")
            self._away = True
            for one in changes:
                rows.append(await self._apply_one(one, at))
                if loop.time() - turn > TURN_S:
                    await asyncio.sleep(0)
                    turn = loop.time()
            await _surely(partial(self._cursor.execute, "COMMIT"))
        except BaseException as error:
            self._applying.forget()
            if isinstance(error, apsw.Error) and not isinstance(error, apsw.ConstraintError):
                raise self._give_up(error) from error
            if self._connection.in_transaction:
                await _surely(partial(self._cursor.execute, "ROLLBACK"))
            raise
        finally:
            self._away = False
        self._refused = None
        self._told()
        self._care_for_wal()
        return rows

    async def _apply_one(self, change: Change, at: str) -> Row | None:
        try:
            self._applying.refuse_large([change])
            return self._applying.apply(self._cursor, change, at)
        except LargeError:
            return await _surely(uncollected(partial(self._applying.apply, self._cursor, change, at, large=True)))

    async def close(self) -> None:
        """As every store, once a long commit has ended."""
        async with self._turn:
            await self._looking.close()
            await super().close()

    def crash(self, *, durable: bool = False) -> None:
        """As every store."""
        self._looking.stop()
        super().crash(durable=durable)

    def _reopened(self, error: BaseException | None) -> None:
        self._looking.forget()
        super()._reopened(error)

    def _empty_wal(self) -> None:
        with self._looking.paused():
            super()._empty_wal()

    def _care_for_wal(self) -> None:
        if not self._away:
            super()._care_for_wal()

    def _finish_checkpoint(self) -> None:
        if not self._away:
            super()._finish_checkpoint()

    def _apply_group(self, batches: Sequence[Work]) -> None:
        for batch in batches:
            self._apply(batch)

    def _apply(self, batch: Work) -> None:
        try:
            batch()
        except BaseException:
            self._applying.forget()
            raise

    def _write(self, batches: Sequence[Work]) -> Sequence[Exception | None]:
        self._held.forget()
        try:
            outcomes = super()._write(batches)
        except BaseException:
            self._applying.forget()
            raise
        self._told()
        return outcomes

    # ---- reading

    async def get(self, kind: Kind, id: str) -> Row | None:
        """One twin; what was read lately is not read again, unless something is wrong or a long commit has its turn."""
        holding = self._broken is None and self._reader is self._cursor
        row = self._held.get(kind, id) if holding else None
        if row is not None:
            return row
        found = self._rows("twin", NUMBER[kind], id)
        if not found:
            return None
        row = Row(kind, id, *found[0][1:])
        if holding:
            self._held.put(row)
        return row

    async def page(self, kind: Kind, after: str, limit: int, where: Where = ALL) -> Sequence[Row]:
        """A page as the port says; what the index cannot answer is read and looked at, a page at a time."""
        if where == ALL:
            return list(starmap(partial(Row, kind), self._rows("page", NUMBER[kind], after, limit)))
        return await paging.page(self._looking, kind, after, limit, where)

    async def search(self, kind: Kind, query: str, after: int, limit: int) -> Sequence[tuple[int, Row]]:
        """Twins that have the words of ``query``, as the port says."""
        return searching.page(self._read, kind, query, after, limit)

    async def bearing(self, query: str, after: int, limit: int) -> tuple[Sequence[Row], int]:
        """Shells one of whose submodels has the words, as the port says."""
        return searching.bearing(self._read, query, after, limit)

    async def meaning(self, query: str, limit: int) -> Sequence[Row]:
        """Shells in which something has a name that a concept gives it, as the port says."""
        return searching.meaning(self._read, query, limit)

    def asked(self, sql: str, *values: Any) -> list[Any]:
        """The rows of a statement that only reads; for who examines the file."""
        return self._read(sql, values)

    async def count(self, kind: Kind) -> int:
        """How many there are."""
        return int(self._rows("count", NUMBER[kind])[0][0])

    async def history(self, kind: Kind, id: str, before: int, limit: int) -> Sequence[Row]:
        """Revisions below ``before`` (0: all of them, the one that stands included), the newest first."""

        def look(run: Run) -> list[Row]:
            return list(islice((row for row in self._backwards(run, kind, id)
                                if not before or row.revision < before), limit))

        return await self._in_past(kind, id, look)

    async def authors(self, kind: Kind, id: str, oldest: int) -> Mapping[int, str]:
        return dict(self._rows("authors", NUMBER[kind], id, oldest))

    async def at(self, kind: Kind, id: str, instant: str) -> Row | None:

        def look(run: Run) -> list[Row]:
            return list(islice((row for row in self._backwards(run, kind, id) if row.at <= instant), 1))

        return next((row for row in await self._in_past(kind, id, look) if row.body), None)

    async def _in_past(self, kind: Kind, id: str, look: Callable[[Run], list[Row]]) -> list[Row]:
        """What ``look`` finds among former states; those of a large twin are put together in a thread."""
        if self._rows("past_size", NUMBER[kind], id, NUMBER[kind], id)[0][0] <= LARGE_BYTES:
            return look(self._read)
        return (await self._looking.aside(look, paging.FOREVER_S))[0] or []

    def _backwards(self, run: Run, kind: Kind, id: str) -> Iterator[Row]:
        """All revisions that are known, the newest first."""
        number = NUMBER[kind]
        stands, gone = run(self._sql["twin"], (number, id)), run(self._sql["gone"], (number, id))
        following = b""
        if stands:
            _, revision, at, following = stands[0]
            yield Row(kind, id, revision, at, following)
        elif gone:
            yield Row(kind, id, gone[0][0], gone[0][1], b"")
        behind = 0
        while found := run(self._sql["history"], (number, id, behind or sys.maxsize, HISTORY_READ)):
            for behind, at, head, tail, middle in found:
                following = whole(Piece(head, tail, middle), following)
                yield Row(kind, id, behind, at, following)

    async def feed(self, after: int, limit: int) -> Sequence[Told]:
        return [Told(number, KINDS[kind - 1], *rest) for number, kind, *rest in self._rows("feed", after, limit)]

    async def news(self, after: int) -> None:
        """Wait until the feed has an entry behind ``after``."""
        while (await self.feed_ends())[1] <= after:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.add(waiting)
            try:
                await waiting
            finally:
                self._waiting.discard(waiting)

    def _told(self) -> None:
        for one in self._waiting:
            if not one.done():
                one.set_result(None)

    async def feed_ends(self) -> tuple[int, int]:
        """The first and the last number that are there."""
        first, last = self._rows("feed_ends")[0]
        return first, last

    async def begin_anew(self) -> None:
        """After a backup was restored: numbers of the feed that the lost life may have told never come again."""

        def work() -> None:
            self._cursor.execute(self._sql["add_change"], (1, "", "", "", self._now(), 0))
            number = self._connection.last_insert_rowid()
            self._cursor.execute(self._sql["skip_changes"], (number + SKIPPED,))
            self._cursor.execute(self._sql["delete_change"], (number,))
            self._cursor.execute(self._sql["listeners_anew"])

        await self._commit(work)

    # ---- who is told of changes

    async def listeners(self) -> Sequence[tuple[str, bytes, bytes]]:
        """(id, what the owner said, how far it has come) of all that are told."""
        return self._rows("listeners")

    async def keep_listener(self, id: str, about: bytes, state: bytes) -> None:
        await self._commit(partial(self._many, "put_listener", [(id, about, state)]))

    async def keep_listened(self, id: str, state: bytes) -> None:
        """How far it has come; nothing where it has been taken away."""
        await self._commit(partial(self._many, "put_listened", [(state, id)]))

    async def drop_listener(self, id: str) -> None:
        await self._commit(partial(self._many, "delete_listener", [(id,)]))

    # ---- files

    async def keep_file(self, chunks: AsyncIterator[bytes], content_type: str, name: str) -> str:
        """Keep a file; its digest. Raises ``Refused('twin.file-size')``, and whatever ``chunks`` raises."""
        number = await self._begin_file(content_type, name)
        digest, size, count, waiting = hashlib.sha256(), 0, 0, bytearray()
        try:
            async for chunk in chunks:
                size += len(chunk)
                self._check_size(size)
                digest.update(chunk)
                waiting += chunk
                while len(waiting) >= PIECE:
                    await self._add_piece(number, count, bytes(waiting[:PIECE]))
                    del waiting[:PIECE]
                    count += 1
            if waiting:
                await self._add_piece(number, count, bytes(waiting))
            return await self._finish_file(number, digest.hexdigest(), size)
        except BaseException:
            self._left.append(number)  # the next sweep takes it away
            raise

    def _check_size(self, size: int) -> None:
        if size > self._file_max:
            raise Refused("twin.file-size", max=self._file_max // 1024**2)

    async def _begin_file(self, content_type: str, name: str) -> int:
        numbers: list[int] = []

        def work() -> None:
            self._cursor.execute(self._sql["add_file"], (content_type, name, self._now()))
            numbers[:] = [self._connection.last_insert_rowid()]

        await self._commit(work)
        return numbers[0]

    async def _add_piece(self, number: int, place: int, content: bytes) -> None:
        await self._commit(partial(self._many, "add_piece", [(number * PIECES_MAX + place, content)]))

    async def _finish_file(self, number: int, digest: str, size: int) -> str:
        known: list[bool] = []

        def work() -> None:
            held = self._cursor.execute(self._sql["file"], (digest,)).fetchone()
            known[:] = [held is not None]
            if held is not None:
                self._cursor.execute(self._sql["touch_file"], (self._now(), held[0]))
            else:
                self._cursor.execute(self._sql["finish_file"], (digest, size, number))

        await self._commit(work)
        if known[0]:
            self._left.append(number)
        return digest

    async def file(self, digest: str) -> File | None:
        found = self._rows("file", digest)
        if not found:
            return None
        number, size, content_type, name = found[0]
        return File(digest, size, media_type(content_type), name, lambda: self._chunks(number, digest, size))

    async def _chunks(self, number: int, digest: str, size: int) -> AsyncIterator[bytes]:
        for place in range(-(-size // PIECE)):
            found = self._rows("piece", number * PIECES_MAX + place)
            if not found:
                raise NotFound("twin.file", digest=digest)
            yield found[0][0]
            await asyncio.sleep(0)

    async def file_of(self, kind: Kind, id: str, value: str) -> File | None:
        found = self._rows("link", NUMBER[kind], id, value)
        return await self.file(found[0][0]) if found else None

    async def files_of(self, kind: Kind, id: str) -> Sequence[tuple[str, str]]:
        return self._rows("links", NUMBER[kind], id)

    async def sweep(self) -> int:
        """Take away files that nobody names and twins that were deleted long ago; how many of both went."""
        now = self._clock.now_ms()
        forgotten = self._rows("forgotten", from_ms(now - self._applying.kept.deleted_ms))

        def forget() -> None:
            self._applying.forget_gone(self._cursor, forgotten)

        if forgotten:
            await self._commit(_Erasing(forget))
        left, self._left = self._left, []
        orphans = [number for (number,) in self._rows("orphans", from_ms(now - GRACE_MS))]
        for number in {*left, *orphans}:
            await self._remove(number)
        return len(forgotten) + len({*left, *orphans})

    async def deleted(self, after: tuple[Kind, str] | None, limit: int) -> Sequence[Gone]:
        """Deleted twins of which former states are kept, by kind and id, behind ``after``."""
        kind, name = (NUMBER[after[0]], after[1]) if after else (0, "")
        return [Gone(KINDS[number - 1], *rest) for number, *rest in self._rows("all_gone", kind, name, limit)]

    async def erase(self, kind: Kind, id: str) -> tuple[int, int]:
        """Erase all former states of a twin, from the file and from its log; how many, and their bytes."""
        found: list[Any] = []

        def work() -> None:
            found[:] = self._cursor.execute(self._sql["kept_history"], (NUMBER[kind], id)).fetchall()
            self._cursor.execute(self._sql["forget_history"], (NUMBER[kind], id))
            self._cursor.execute(self._sql["forget_authors"], (NUMBER[kind], id))

        await self._commit(_Erasing(work))
        [(states, size)] = found
        return int(states), int(size)

    def _erases(self, batch: Work) -> bool:
        return isinstance(batch, _Erasing)

    async def _remove(self, number: int) -> None:
        """First nobody can name the file any more, then its pieces go, some at a time, at last its entry."""
        before = from_ms(self._clock.now_ms() - GRACE_MS)
        going: list[bool] = []

        def withdraw() -> None:
            unnamed = [*self._cursor.execute(self._sql["orphans"], (before,)), *self._cursor.execute(
                self._sql["unfinished"])]
            going[:] = [(number,) in unnamed]
            if going[0]:
                self._cursor.execute(self._sql["withdraw_file"], (number,))

        await self._commit(withdraw)
        while going[0]:
            first = number * PIECES_MAX
            found = self._rows("pieces", first, first + PIECES_MAX, PIECES_SWEPT)
            if not found:
                await self._commit(_Erasing(partial(self._many, "delete_file", [(number,)])))
                return
            await self._commit(partial(self._many, "delete_piece", found))

    def _many(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        self._cursor.executemany(self._sql[name], rows)
