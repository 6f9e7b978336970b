"""What can go wrong with a file, told by a code; each fault has a control without it."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.stores.engines import event, said
from weft.basis.errors import Invalid, Unavailable, WeftError
from weft.engine.ports import Batch, PayloadRow
from weft.stores import sqlite_file
from weft.stores.sqlite import SqliteStore
from weft.stores.statements import Migration, migrations, queries
from weft.stores.writer import WAL_PAGES_CHECKPOINT


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "weft.db")


def files(folder: Path, pattern: str) -> list[Path]:
    return list(folder.glob(pattern))


def permissions(path: str) -> int:
    return Path(path).stat().st_mode & 0o777


def content(path: str) -> bytes:
    return Path(path).read_bytes()


def overwrite(path: str, start: int) -> None:
    kept = content(path)
    Path(path).write_bytes(kept[:start] + b"\x5a" * (len(kept) - start))


def refused(path: str) -> WeftError:
    with pytest.raises(WeftError) as caught:
        SqliteStore(path)
    return caught.value


async def test_a_new_file_is_private_durable_and_ours(path: str) -> None:
    store = SqliteStore(path)
    await store.commit(said(0))
    assert permissions(path) == 0o600
    connection = store._connection
    assert (connection.pragma("journal_mode"), connection.pragma("synchronous")) == ("wal", 2)
    assert connection.pragma("application_id") == sqlite_file.APPLICATION_ID
    await store.close()


async def test_a_database_from_a_newer_version_is_left_untouched(path: str) -> None:
    await SqliteStore(path).close()
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("INSERT INTO migrations VALUES (9001, '9001_future.sql', 'x')")
    before = content(path)
    error = refused(path)
    newest = migrations("sqlite")[-1].number
    assert (type(error), error.code, error.facts["database"], error.facts["known"]) == (
        Invalid,
        "store.newer",
        9001,
        newest,
    )
    assert content(path) == before
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("DELETE FROM migrations WHERE number = 9001")
    await SqliteStore(path).close()


async def test_a_changed_migration_is_noticed(path: str) -> None:
    await SqliteStore(path).close()
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE migrations SET checksum = 'x'")
    assert refused(path).code == "store.migration-changed"


async def test_a_later_migration_runs_once_and_keeps_what_is_there(path: str) -> None:
    store = SqliteStore(path)
    await store.commit(said(0))
    await store.close()
    later = Migration(2, "0002_more.sql", "CREATE TABLE more (thread TEXT); INSERT INTO more VALUES ('t')", "sum")
    steps = [*migrations("sqlite")[:1], later]
    for _ in range(2):
        connection = apsw.Connection(path)
        sqlite_file.migrate(connection, path, steps)
        assert connection.execute("SELECT count(*) FROM more").fetchall() == [(1,)]
        assert connection.execute("SELECT count(*) FROM events").fetchall() == [(1,)]
        connection.close()


async def test_a_migration_that_fails_changes_nothing(path: str) -> None:
    await SqliteStore(path).close()
    broken = Migration(2, "0002_broken.sql", "CREATE TABLE half (x); SELECT nonsense FROM nowhere", "sum")
    connection = apsw.Connection(path)
    with pytest.raises(apsw.SQLError):
        sqlite_file.migrate(connection, path, [*migrations("sqlite")[:1], broken])
    connection.close()
    await SqliteStore(path).close()


def test_a_file_that_is_no_database_is_corrupt(path: str) -> None:
    Path(path).write_bytes(b"not a database at all " * 500)
    before = content(path)
    error = refused(path)
    assert (type(error), error.code) == (Invalid, "store.corrupt")
    assert content(path) == before


def test_a_database_of_another_program_is_left_untouched(path: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE events (x)")
    before = content(path)
    assert refused(path).code == "store.corrupt"
    assert content(path) == before


async def test_a_page_overwritten_with_noise_is_told_when_it_is_read(path: str) -> None:
    store = SqliteStore(path)
    await store.commit(Batch(events=[event(n) for n in range(2_000)]))
    assert store._file.check() == "ok"
    await store.close()
    overwrite(path, 8 * 4096)
    store = SqliteStore(path)
    with pytest.raises(Invalid) as caught:
        await store.events("t")
    assert caught.value.code == "store.corrupt"
    assert store._file.check() != "ok"
    store.crash()


async def test_a_second_node_on_the_same_file_is_refused_until_the_first_ends(path: str) -> None:
    first = SqliteStore(path)
    error = refused(path)
    assert (type(error), error.code) == (Unavailable, "store.locked")
    script = (
        f"from weft.stores.sqlite import SqliteStore\ntry: SqliteStore({path!r})\nexcept Exception as e: print(e.code)"
    )
    told = await asyncio.to_thread(subprocess.check_output, [sys.executable, "-c", script], text=True)
    assert told.strip() == "store.locked"
    await first.commit(said(0))
    await first.close()
    again = SqliteStore(path)
    assert len(await again.events("t")) == 1
    await again.close()


async def test_a_reader_sees_what_a_running_node_commits_and_writes_nothing(path: str) -> None:
    node = SqliteStore(path)
    await node.commit(said(0))
    reader = SqliteStore(path, reading=True)
    await node.commit(said(1))
    assert [row.n for row in await reader.events("t")] == [0, 1]
    assert await reader.check() == "ok"
    with pytest.raises(Unavailable, match=r"store\.reading"):
        await reader.commit(said(2))
    await reader.close()
    await node.commit(said(2))
    await node.close()


async def test_a_reader_works_without_a_node_and_makes_no_file(path: str, tmp_path: Path) -> None:
    node = SqliteStore(path)
    await node.commit(said(0))
    await node.close()
    reader = SqliteStore(path, reading=True)
    assert len(await reader.events("t")) == 1
    await reader.close()
    with pytest.raises(WeftError):
        SqliteStore(str(tmp_path / "none.db"), reading=True)
    assert not files(tmp_path, "none.db*")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    assert refused(str(tmp_path / "none" / "weft.db")).code == "store.locked"


async def test_a_writer_from_outside_delays_but_breaks_nothing(path: str) -> None:
    store = SqliteStore(path)
    with contextlib.closing(apsw.Connection(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable) as caught:
            await store.commit(said(0))
        assert caught.value.code == "store.locked"
        other.execute("ROLLBACK")
    await store.commit(said(0))
    await store.close()


async def test_a_full_disk_refuses_whole_groups_and_heals_with_space(path: str) -> None:
    store = SqliteStore(path)
    await store.commit(said(0))
    store._connection.pragma("max_page_count", store._connection.pragma("page_count") + 4)
    large = Batch(payloads=[PayloadRow("t", "t-d-0", 0, b"s" * 32, b"x" * 200_000)])
    outcomes = await asyncio.gather(store.commit(large), store.commit(said(1)), return_exceptions=True)
    assert [getattr(outcome, "code", None) for outcome in outcomes] == ["store.full"] * 2
    assert len(await store.events("t")) == 1
    assert (await store.trouble()).code == "store.full"
    store._connection.pragma("max_page_count", 1_000_000)
    await asyncio.gather(store.commit(large), store.commit(said(1)))
    assert len(await store.events("t")) == 2
    assert await store.trouble() is None
    await store.close()


class FailingFile(apsw.VFSFile):
    """A disk whose flush fails when ``FailingDisk.fails`` says so."""

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's name
        if FailingDisk.fails:
            raise apsw.IOError("fsync")
        super().xSync(flags)


class FailingDisk(apsw.VFS):
    """The system's files with a switch for faults."""

    fails = False

    def __init__(self) -> None:
        super().__init__("failing", "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        return FailingFile("", name, flags)


async def test_after_a_failed_flush_nothing_more_is_written(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FailingDisk()
    plain = apsw.Connection
    monkeypatch.setattr(sqlite_file.apsw, "Connection", lambda name, **more: plain(name, vfs="failing", **more))
    store = SqliteStore(path)
    await store.commit(said(0))
    FailingDisk.fails = True
    with pytest.raises(Unavailable) as caught:
        await store.commit(said(1))
    assert caught.value.code == "store.unavailable"
    FailingDisk.fails = False
    with pytest.raises(Unavailable):
        await store.commit(said(1))
    store.crash()
    again = SqliteStore(path)
    assert len(await again.events("t")) in {1, 2}
    await again.commit(said(len(await again.events("t"))))
    await again.close()
    disk.unregister()


async def test_the_log_is_copied_in_the_background_and_starts_anew(path: str) -> None:
    store = SqliteStore(path)
    for k in range(40):
        large = [PayloadRow("t", f"{k}-{n}", 0, b"s" * 32, b"x" * 50_000) for n in range(20)]
        await store.commit(Batch(payloads=large))
        if store._checkpoint is not None:
            await asyncio.wait([store._checkpoint])
        await asyncio.sleep(0)
    written = 40 * 20 * 50_000
    assert len(content(path)) > written / 2, "nothing was copied"
    assert len(content(path + "-wal")) < written / 2, "the log never started anew"
    assert written > WAL_PAGES_CHECKPOINT * 4096
    await store.close()


def bindings(sql: str) -> int:
    return 1 if "?1" in sql else sql.count("?")


def test_every_statement_compiles_and_is_used(path: str) -> None:
    connection = sqlite_file.DatabaseFile(path).connection
    source = Path(sys.modules[SqliteStore.__module__].__file__).read_text(encoding="utf-8")
    for name, sql in queries("sqlite").items():
        connection.execute("EXPLAIN " + sql, (None,) * bindings(sql))
        assert f'"{name}"' in source, name


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("length", "PRIMARY KEY"),
        ("events", "events_by_position"),
        ("event", "events_by_id"),
        ("chain", "events_by_chain"),
        ("payloads", "payloads_by_slot"),
        ("pending", "thread=?"),
        ("done", "thread=? AND key=?"),
        ("value", "PRIMARY KEY"),
    ],
)
def test_hot_reads_use_an_index(path: str, name: str, index: str) -> None:
    connection = sqlite_file.DatabaseFile(path).connection
    sql = queries("sqlite")[name]
    plan = [row[-1] for row in connection.execute("EXPLAIN QUERY PLAN " + sql, (None,) * bindings(sql))]
    assert any(index in str(step) for step in plan), plan
    assert not any(str(step).startswith(("SCAN events", "SCAN payloads", "SCAN done")) for step in plan), plan
