"""A database that somebody else wrote: restored, examined and verified, it costs a sentence and leaves nothing."""

import hashlib
import json
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from weft import backup, cli, launch
from weft.stores import archive
from weft.stores.sqlite_file import check_version, migrate
from weft.stores.statements import migrations

Change = Callable[[apsw.Connection], None]
NEVER_ENDING = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"


def schema(table: str, before: str, after: str) -> Change:
    """``before`` in the table's declaration becomes ``after``, as only one can write who edits the file itself."""
    def change(connection: apsw.Connection) -> None:
        connection.pragma("writable_schema", 1)
        connection.execute("UPDATE sqlite_schema SET sql = replace(sql, ?, ?) WHERE name = ?", (before, after, table))
        connection.pragma("writable_schema", 0)
    return change


def done(*statements: str) -> Change:
    def change(connection: apsw.Connection) -> None:
        for statement in statements:
            connection.execute(statement)
    return change


DEEP = "[" * 100_000
HOSTILE: dict[str, Change] = {
    "a view that never ends": done("ALTER TABLE threads RENAME TO other", (
        f"CREATE VIEW threads AS {NEVER_ENDING} SELECT x AS thread, x AS machine, x AS members, x AS heads, x AS fold,"
        " x AS length FROM n")),
    "a trigger that never ends": done(
        f"CREATE TRIGGER evil AFTER INSERT ON kept BEGIN INSERT INTO done {NEVER_ENDING} SELECT x, x, x FROM n; END"),
    "a trigger that says something else": done(
        "CREATE TRIGGER evil AFTER INSERT ON kept BEGIN DELETE FROM events; END"),
    "an index over what never ends": done(
        "CREATE TABLE more (x)", "CREATE INDEX evil ON more (x) WHERE x > 0"),
    "a table less": done("DROP TABLE forks"),
    "another constraint": schema("outbox", "attempts INTEGER NOT NULL", "attempts INTEGER NOT NULL CHECK (x)"),
    "text that is none": done("UPDATE threads SET heads = CAST(x'ff41fe' AS TEXT)"),
    "names that are no text": done("UPDATE threads SET machine = CAST(x'c328' AS TEXT)"),
    "bytes for text": done("UPDATE threads SET heads = x'00ff'"),
    "words for a number": done("UPDATE threads SET length = 'a thousand'"),
    "a fraction for a number": done("UPDATE threads SET length = 1.5"),
    "text for bytes": done("UPDATE events SET header = 'x', signature = 'x'", "UPDATE payloads SET salt = 'x'"),
    "a length that no memory holds": done("UPDATE threads SET length = 4611686018427387904"),
    "a negative length": done("UPDATE threads SET length = -5"),
    "members without end": lambda one: one.execute("UPDATE threads SET members = ?", (DEEP.encode(),)),
    "members of another form": done("UPDATE threads SET members = x'5b312c325d'"),
    "headers without end": lambda one: one.execute("UPDATE events SET header = ?", (DEEP.encode(),)),
    "headers of megabytes": done("UPDATE events SET header = zeroblob(3000000)"),
    "payloads of megabytes": done("UPDATE payloads SET content = zeroblob(3000000)"),
    "positions from afar": done("UPDATE events SET position = position + 9000000000000000000"),
    "a state without end": lambda one: one.execute("UPDATE threads SET fold = ?", (DEEP.encode(),)),
    "an organisation that is no text": done("UPDATE kept SET content = x'ff' WHERE key = 'organisation'"),
    "a life that is no text": done("UPDATE kept SET content = x'ff' WHERE key = 'incarnation'"),
    "every value of megabytes": done("UPDATE kept SET content = zeroblob(1000000)"),
    "every event under another's name": done(
        "CREATE TEMP TABLE names AS SELECT thread, id, lead(id, 1, '') OVER (PARTITION BY thread ORDER BY position)"
        " AS next FROM events", "DELETE FROM names WHERE next = ''",
        "UPDATE events SET id = id || 'x'",
        "UPDATE events SET id = coalesce((SELECT next FROM names WHERE names.thread = events.thread"
        " AND names.id || 'x' = events.id), id)"),
}
UNSEEN = {"an organisation that is no text", "a life that is no text"}  # no part of any history: a start refuses them
DAILY = {"a trigger that never ends", "a length that no memory holds", "text that is none"}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a home."""
    folder = tmp_path_factory.mktemp("kept")
    launch.run(launch.init(folder / "home", "Test", "en"))
    launch.run(backup.make(folder / "home", folder / "kept.zip"))
    return folder / "kept.zip"


def forged(kept: Path, folder: Path, change: Change) -> tuple[Path, Path]:
    """(backup, home) with a database that was changed by somebody who knows all of this program."""
    home = folder / "hostile"
    with zipfile.ZipFile(kept) as found:
        found.extractall(home)
    manifest = json.loads((home / archive.MANIFEST).read_bytes())
    (home / archive.MANIFEST).unlink()
    connection = apsw.Connection(str(home / archive.DATABASE))
    change(connection)
    connection.close()
    content = (home / archive.DATABASE).read_bytes()
    manifest["entries"][archive.DATABASE] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    with zipfile.ZipFile(folder / "hostile.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        for name in manifest["entries"]:
            made.write(home / name, name)
        made.writestr(archive.MANIFEST, json.dumps(manifest))
    return folder / "hostile.zip", home


def told(*arguments: str, language: str = "en") -> tuple[int, str]:
    """(exit code, all that was said) of a command in a process with bounded time and memory."""
    ended = subprocess.run(
        [sys.executable, "-m", "weft", *arguments], capture_output=True, text=True, timeout=30, check=False,
        env={"WEFT_LANG": language, "PATH": "", "PYTHONPATH": ":".join(sys.path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 * 1024**3, 2 * 1024**3)))
    return ended.returncode, ended.stdout + ended.stderr


def check_said(code: int, said: str) -> None:
    assert code in {0, 1, 2}, said
    assert "Traceback" not in said
    assert "⟦" not in said


def test_the_controls_an_honest_backup_is_restored_and_found_sound(kept: Path, tmp_path: Path) -> None:
    file, _ = forged(kept, tmp_path, done("ANALYZE"))
    assert told("restore", str(file), str(tmp_path / "new" / "home"))[0] == 0
    for asked in (("log", "verify"), ("doctor", "--deep")):
        code, said = told(*asked, str(tmp_path / "new" / "home"))
        assert code == 0, said


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if name in DAILY else pytest.mark.release) for name in sorted(HOSTILE)])
def test_a_hostile_database_is_a_sentence(kept: Path, tmp_path: Path, name: str) -> None:
    file, home = forged(kept, tmp_path, HOSTILE[name])
    code, said = told("restore", str(file), str(tmp_path / "new" / "deep" / "home"))
    assert "Traceback" not in said
    if code == 0:  # what doctor finds and a start does not need
        assert (tmp_path / "new" / "deep" / "home" / "weft.toml").exists()
    else:
        assert code == 2
        assert "⟦" not in said
        assert "backup." in said or "event." in said, said
        assert not (tmp_path / "new").exists()
    assert sorted(one.name for one in tmp_path.iterdir() if one.name != "new") == ["hostile", "hostile.zip"]
    check_said(*told("log", "verify", str(home), language="zh"))  # events alone: what stands beside them it leaves
    code, said = told("doctor", str(home), "--deep")
    check_said(code, said)
    assert code == 1 or name in UNSEEN, said


def test_views_triggers_and_missing_tables_are_seen_before_anything_is_read() -> None:
    for statement in ("CREATE VIEW v AS SELECT 1", "CREATE TABLE t (x)", "DROP TABLE forks",
                      "CREATE INDEX i ON done (key)",
                      "CREATE TRIGGER t AFTER INSERT ON done BEGIN DELETE FROM kept; END"):
        connection = apsw.Connection(":memory:")
        migrate(connection, "x", migrations("sqlite"))
        check_version(connection, "x", migrations("sqlite"))  # the control
        connection.execute(statement)
        with pytest.raises(Exception, match=r"store\.corrupt"):
            check_version(connection, "x", migrations("sqlite"))


def test_the_folder_where_one_stands_can_be_restored_to(kept: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert cli.run(["restore", str(kept), "."]) == 0
    assert (tmp_path / "here" / "weft.toml").exists()
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    assert cli.run(["init", ".", "--name", "Test"]) == 0
    assert (tmp_path / "there" / "weft.toml").exists()
