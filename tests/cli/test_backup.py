"""Backup and restore from the command line, offline: refusals, secrets, and a new life for what was restored."""

import json
import re
import sqlite3
import stat

import pytest

from tests.stores.twins.making import chunks, prop, submodel
from weft import backup, cli, launch
from weft.cli import words
from weft.config import load
from weft.engine import beside


@pytest.fixture
def home(tmp_path):
    path = tmp_path / "home"
    assert cli.run(["init", str(path), "--name", "恒泰", "--lang", "zh", "--json"]) == 0
    return path


def kept(home, key):
    with sqlite3.connect(f"file:{home / 'weft.db'}?mode=ro", uri=True) as database:
        found = database.execute("SELECT content FROM kept WHERE bucket = 'self' AND key = ?", (key,)).fetchone()
    database.close()
    return None if found is None else found[0].decode()


def test_a_home_comes_back_under_a_new_incarnation(home, tmp_path, capsys):
    file, again = tmp_path / "b.zip", tmp_path / "again"
    capsys.readouterr()
    assert cli.run(["backup", str(home), str(file), "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["sealed"] is False
    assert str(file) in told.err, "loudly: it holds secrets"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not list(home.glob(".backup*"))
    assert cli.run(["restore", str(file), str(again), "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert done["organisation"] == kept(home, "organisation") == kept(again, "organisation")
    assert kept(again, "incarnation") != kept(home, "incarnation")
    assert kept(again, "restored").endswith(done["at"])
    assert kept(home, "restored") is None
    assert (again / "keys" / "device.seed").read_text() == (home / "keys" / "device.seed").read_text()
    secrets = (again, again / "keys", *(again / "keys").iterdir())
    assert all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in secrets)
    assert not (again / "recovery-sheet.txt").exists()
    assert cli.run(["log", "verify", str(again), "--json"]) == 0


def written(home):
    """The twins that were written, and the numbers of their feed."""
    async def read():
        async with launch.at_rest(launch.Home(home)) as node:
            rows = (await node.twins.page("submodel", "", 9)).rows
            file = await node.twins.attachment("urn:a", "F")
            return rows, [piece async for piece in file.chunks()], await node.twins.feed_ends()

    return launch.run(read())


def test_twins_and_their_files_come_back_and_their_feed_begins_behind_whatever_was_told(home, tmp_path):
    async def write():
        async with launch.at_rest(launch.Home(home)) as node:
            file = {"modelType": "File", "idShort": "F", "contentType": "application/pdf"}
            await node.twins.create("submodel", submodel("urn:a", prop("P", "1"), file))
            await node.twins.attach("urn:a", "F", chunks(b"manual"), "application/pdf", "manual.pdf")

    launch.run(write())
    assert (home / "twins.db").exists()
    assert cli.run(["backup", str(home), str(tmp_path / "b.zip")]) == 0
    assert cli.run(["restore", str(tmp_path / "b.zip"), str(tmp_path / "again")]) == 0
    assert written(tmp_path / "again") == written(home)

    async def change():
        async with launch.at_rest(launch.Home(tmp_path / "again")) as node:
            await node.twins.set_value("urn:a", "P", 2)
            return [one.number for one in await node.twins.feed(2, 9)]

    assert launch.run(change())[0] > 1_000_000
    assert cli.run(["doctor", str(home)]) in (0, 1)


def test_a_backup_with_damaged_twins_is_refused(home, tmp_path, capsys):
    (home / "twins.db").write_bytes(b"SQLite format 3\0" + bytes(5_000))
    assert cli.run(["doctor", str(home)]) == 1
    assert "twins.db" in capsys.readouterr().out
    assert cli.run(["backup", str(home), str(tmp_path / "b.zip")]) == 2
    assert not (tmp_path / "b.zip").exists()


def test_two_homes_from_one_backup_are_two_incarnations(home, tmp_path):
    file = tmp_path / "b.zip"
    assert cli.run(["backup", str(home), str(file)]) == 0
    for name in ("one", "two"):
        assert cli.run(["restore", str(file), str(tmp_path / name)]) == 0
    assert kept(tmp_path / "one", "incarnation") != kept(tmp_path / "two", "incarnation")


def test_a_passphrase_seals_it(home, tmp_path, capsys):
    file, secret = tmp_path / "b", tmp_path / "secret"
    secret.write_text("correct horse\nsecond line\n", encoding="utf-8")
    assert cli.run(["backup", str(home), str(file), "--passphrase-file", str(secret)]) == 0
    assert capsys.readouterr().err == ""
    assert cli.run(["restore", str(file), str(tmp_path / "x")]) == 2
    assert "[backup.sealed]" in capsys.readouterr().err
    wrong = tmp_path / "wrong"
    wrong.write_text("battery staple", encoding="utf-8")
    assert cli.run(["restore", str(file), str(tmp_path / "x"), "--passphrase-file", str(wrong)]) == 2
    assert "[backup.passphrase]" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
    assert not (tmp_path / "x.restoring").exists()
    secret.write_text("correct horse", encoding="utf-8-sig")  # as an editor of another system saves it
    assert cli.run(["restore", str(file), str(tmp_path / "x"), "--passphrase-file", str(secret)]) == 0


def test_a_backup_clears_up_what_a_killed_one_has_left_in_the_home(home, tmp_path):
    (home / f"{beside.SNAPSHOT}left").mkdir()
    (home / f"{beside.SNAPSHOT}left" / "weft.db").write_text("what may have been erased since")
    assert cli.run(["backup", str(home), str(tmp_path / "b.zip")]) == 0
    assert not [one.name for one in home.iterdir() if one.is_dir() and one.name.startswith(".")]


def test_of_two_that_make_the_same_one_is_told(home, tmp_path, capsys):
    file = tmp_path / "b.zip"
    with beside.alone(tmp_path / "b.zip.partial", file):
        assert cli.run(["backup", str(home), str(file)]) == 2
    assert cli.run(["backup", str(home), str(file)]) == 0
    with beside.alone(tmp_path / "x.restoring", tmp_path / "x", folder=True):
        assert cli.run(["restore", str(file), str(tmp_path / "x")]) == 2
        assert cli.run(["init", str(tmp_path / "x"), "--name", "A"]) == 0, "another thing"
    with beside.alone(tmp_path / "e.partial", tmp_path / "e", folder=True):
        assert cli.run(["export", str(home), "--to", str(tmp_path / "e")]) == 2
    assert capsys.readouterr().err.count("[place.busy]") == 3


def test_what_the_system_refuses_is_told_in_a_sentence(home, tmp_path, capsys):
    long = str(tmp_path / ("x" * 300))
    for told in (["backup", str(home), long], ["export", str(home), "--to", long], ["restore", long, str(home)],
                 ["log", "verify", long], ["export", str(home), "--to", "/dev/null"]):
        assert cli.run(told) == 2
        assert re.search(r" \[[a-z.-]+\]\n$", capsys.readouterr().err), told


def test_a_sheet_that_is_no_text_and_a_damaged_salt_are_told_as_such(home, tmp_path, capsys):
    sheet = tmp_path / "sheet.txt"
    sheet.write_text("A key", encoding="utf-16")
    assert cli.run(["key", "recover", str(home), "--sheet", str(sheet)]) == 2
    assert "[cli.sheet-unreadable]" in capsys.readouterr().err
    file, secret = tmp_path / "b", tmp_path / "secret"
    secret.write_text("correct horse", encoding="utf-8")
    assert cli.run(["backup", str(home), str(file), "--passphrase-file", str(secret)]) == 0
    file.write_bytes(file.read_bytes().replace(b'"salt":"', b'"salt":"!', 1))
    assert cli.run(["restore", str(file), str(tmp_path / "x"), "--passphrase-file", str(secret)]) == 2
    assert "[backup.damaged]" in capsys.readouterr().err


def test_what_is_there_is_never_overwritten(home, tmp_path, capsys):
    file = tmp_path / "b.zip"
    file.write_text("mine", encoding="utf-8")
    assert cli.run(["backup", str(home), str(file)]) == 2
    assert "[backup.exists]" in capsys.readouterr().err
    assert file.read_text(encoding="utf-8") == "mine"
    other = tmp_path / "b2.zip"
    assert cli.run(["backup", str(home), str(other)]) == 0
    seed = (home / "keys" / "device.seed").read_bytes()
    assert cli.run(["restore", str(other), str(home)]) == 2
    assert "[home.exists]" in capsys.readouterr().err
    assert (home / "keys" / "device.seed").read_bytes() == seed
    (tmp_path / "empty").mkdir()
    assert cli.run(["restore", str(other), str(tmp_path / "empty")]) == 0


@pytest.mark.parametrize(("arguments", "code"), [
    (["backup", "nowhere", "b.zip"], "home.missing"), (["restore", "nothing.zip", "x"], "backup.missing"),
    (["restore", ".", "x"], "backup.missing"), (["backup", "home", "no/such/folder/b.zip"], "backup.not-writable"),
    (["restore", "home/weft.toml", "x"], "backup.not-one"),
    (["backup", "home", "b.zip", "--passphrase-file", "none"], "backup.passphrase-file"),
    (["restore", "--go-on", "Somebody", "home"], "cli.node-not-running"),
])
def test_what_cannot_be_done_is_told_in_a_sentence(home, arguments, code, monkeypatch, capsys):
    monkeypatch.chdir(home.parent)
    assert cli.run(arguments) == 2
    told = capsys.readouterr().err
    assert f"[{code}]" in told
    assert "⟦" not in told


def test_a_restore_needs_both_paths(home, capsys):
    assert cli.run(["restore", str(home)]) == 2
    assert words.say("cli.restore.usage") in capsys.readouterr().err


def test_a_backup_of_another_firm_s_database_is_refused(home, tmp_path, capsys):
    other, file = tmp_path / "other", tmp_path / "b.zip"
    assert cli.run(["init", str(other), "--name", "Other"]) == 0
    (home / "keys" / "device.seed").write_bytes((other / "keys" / "device.seed").read_bytes())
    assert cli.run(["backup", str(home), str(file)]) == 0
    capsys.readouterr()
    assert cli.run(["restore", str(file), str(tmp_path / "x")]) == 2
    assert "keys/device.seed" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("key", ["database", '"database"', "storage = {database"])
def test_a_database_elsewhere_comes_home(home, tmp_path, key):
    settings = (home / "weft.toml").read_text(encoding="utf-8")
    (tmp_path / "data").mkdir()
    (home / "weft.db").rename(tmp_path / "data" / "here.db")
    named = f'{key} = "sqlite:{tmp_path}/data/here.db"'
    assert '# database = ""' in settings
    settings = settings.replace('# database = ""', named)
    if "{" in key:
        settings = named + "}\n" + settings.replace("[storage]", "").replace(named, "")
    (home / "weft.toml").write_text(settings, encoding="utf-8")
    file, again = tmp_path / "b.zip", tmp_path / "again"
    assert cli.run(["backup", str(home), str(file)]) == 0
    assert cli.run(["restore", str(file), str(again)]) == 0
    assert load((again / "weft.toml").read_text(encoding="utf-8"), {}).storage.database == ""
    assert launch.Home(again).config().firm.name == "恒泰"
    assert kept(again, "organisation")


async def test_keys_that_change_while_a_backup_is_made_are_those_that_its_database_knows(home, tmp_path):
    changed = []

    def told(permille):
        if permille <= 400 and not changed:  # the database is being copied
            changed.append(permille)
            (home / "weft.toml").write_text((home / "weft.toml").read_text() + "# changed\n")

    await backup.make(home, tmp_path / "b.zip", told=told)
    assert changed, "the control: it happened in the midst"
    await backup.restore(tmp_path / "b.zip", tmp_path / "again")
    assert "# changed" in (tmp_path / "again" / "weft.toml").read_text(), "and all was copied once more"


def test_a_clock_that_has_not_been_set_yet_keeps_nobody_from_a_backup(home, tmp_path, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 86_400.0)
    assert cli.run(["backup", str(home), str(tmp_path / "b.zip")]) == 0
    monkeypatch.undo()
    assert cli.run(["restore", str(tmp_path / "b.zip"), str(tmp_path / "again")]) == 0
