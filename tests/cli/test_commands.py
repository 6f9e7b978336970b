"""The command line: every command is told in both languages, every refusal is one sentence with its code."""

import importlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from weft import cli, locale
from weft.cli import words

ORDINARY = {"LANG": "C.UTF-8", "PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def weft(*arguments: str, lang: str = "en", **environ: str) -> subprocess.CompletedProcess[str]:
    """The command line as a process of its own, as people start it."""
    return subprocess.run(
        [sys.executable, "-m", "weft", *arguments], capture_output=True, text=True, timeout=120, check=False,
        env=ORDINARY | {"WEFT_LANG": lang} | environ,
    )


def every_command() -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = [("weft", cli.weft)]
    for name in cli.COMMANDS:
        command = importlib.import_module(f"weft.cli.{name}").command
        found.append((name, command))
        if isinstance(command, click.Group):
            found += [(f"{name} {inner}", one) for inner, one in command.commands.items()]
    return found


EVERY = every_command()


@pytest.mark.parametrize(("name", "command"), EVERY, ids=[name for name, _ in EVERY])
def test_every_command_and_option_has_a_sentence(name, command):
    texts = [command.help or "", *(one.help or "" for one in command.params if isinstance(one, click.Option))]
    assert all(texts)
    assert not [text for text in texts if "⟦" in text]


@pytest.mark.parametrize("lang", locale.LANGUAGES)
def test_help_is_in_the_readers_language(lang):
    shown = weft("--help", lang=lang).stdout
    assert locale.text(lang, "cli.init") in shown
    assert "⟦" not in shown


def test_every_word_of_the_command_line_is_known_in_both_languages():
    sources = "".join(path.read_text(encoding="utf-8") for path in Path(cli.__file__).parent.glob("*.py"))
    import re

    keys = set(re.findall(r'(?:say|line)\(\s*"(cli\.[a-z._-]+)"', sources))
    keys |= {f"error.{code}" for code in re.findall(r'[A-Z]\w+\("(cli\.[a-z-]+)"', sources)}
    keys |= {f"cli.column.{name}" for columns in re.findall(r'"((?:[a-z_]+ ){2,}[a-z_]+)"', sources)
             for name in columns.split()}
    assert len(keys) > 100
    for lang in locale.LANGUAGES:
        assert sorted(key for key in keys if not locale.known(lang, key)) == []


def test_the_language_is_the_wished_one_then_the_homes_then_the_systems(tmp_path, monkeypatch):
    def spoken(**environ):
        for name in ("WEFT_LANG", "WEFT_HOME", "LC_ALL", "LC_MESSAGES", "LANG"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        return words.language()

    (tmp_path / "weft.toml").write_text('[firm]\nlang = "zh"\n')
    assert spoken(WEFT_LANG="en", WEFT_HOME=str(tmp_path), LANG="zh_CN.UTF-8") == "en"
    assert spoken(WEFT_HOME=str(tmp_path), LANG="en_GB.UTF-8") == "zh"
    assert spoken(LANG="zh_CN.UTF-8") == "zh"
    assert spoken(LANG="de_DE.UTF-8") == "en"
    assert spoken(WEFT_HOME="/nonexistent") == "en"
    with click.Context(click.Command("up")):
        words.about(tmp_path)
        assert spoken(LANG="C.UTF-8") == "zh", "a home that is named on the line counts as one in WEFT_HOME"


def test_a_state_is_told_in_words_and_what_has_none_as_it_is(monkeypatch):
    monkeypatch.setenv("WEFT_LANG", "zh")
    assert words.word("job.state", "free") == "可开工"
    assert words.word("doc", "RequestForQuotation") == "询价单"
    assert words.word("doc", "Later") == "Later"
    assert words.word("doc", "") == ""


# ---- a home


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("homes") / "hengtai"
    made = weft("init", str(place), "--name", "恒泰阀门", "--lang", "zh", "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert len(told["organisation"]) == 43
    return place


def test_a_new_home_keeps_its_secrets_to_its_owner(home):
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    for path in (home / "keys" / "device.seed", home / "keys" / "owner.token", home / "recovery-sheet.txt"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_home_is_not_made_twice(home):
    before = (home / "weft.toml").read_bytes()
    again = weft("init", str(home), "--name", "x")
    assert again.returncode == 2
    assert again.stderr.strip().endswith("[home.exists]")
    assert "Traceback" not in again.stderr
    assert (home / "weft.toml").read_bytes() == before


def test_a_fresh_home_is_in_order(home):
    looked = weft("doctor", str(home))
    assert looked.returncode == 0, looked.stdout
    assert "✗" not in looked.stdout


def test_a_fresh_home_verifies(home):
    verified = weft("log", "verify", str(home), "--json")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)["faults"] == []


@pytest.mark.parametrize("lang", locale.LANGUAGES)
@pytest.mark.parametrize(("arguments", "code"), [
    (["up", "nowhere"], "home.missing"),
    (["doctor"], "cli.which-home"),
    (["order", "list", "--home", "nowhere"], "home.missing"),
    (["order", "list", "--home", "HOME"], "cli.node-not-running"),
    (["demo", "nowhere"], "demo.no-world"),
    (["up", "HOME", "--database", "oracle://x"], "store.unknown-kind"),
    (["up", "HOME", "--host", "0.0.0.0", "--port", "0", "--dev-open"], "dev-open.not-loopback"),
    (["up", "HOME", "--host", "192.0.2.1"], "listen.address"),
])
def test_a_refusal_is_one_sentence_with_its_code(home, arguments, code, lang):
    refused = weft(*(str(home) if one == "HOME" else one for one in arguments), lang=lang)
    assert refused.returncode == 2, refused.stdout
    assert refused.stderr.strip().endswith(f"[{code}]"), refused.stderr
    assert "⟦" not in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [
    ("order", "list", "--home", "HOME"), ("backup", "HOME", "HOME/weft.toml"), ("export", "HOME", "--to", "HOME")])
def test_a_refusal_speaks_the_language_of_the_home_at_hand(tmp_path, arguments, monkeypatch, capsys):
    for name in ("WEFT_LANG", "WEFT_HOME", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    home = str(tmp_path / "gongchang")
    assert cli.run(["init", home, "--name", "工厂", "--lang", "zh"]) == 0
    capsys.readouterr()
    assert cli.run([one.replace("HOME", home) for one in arguments]) == 2
    for line in capsys.readouterr().err.strip().splitlines():
        assert any("\u4e00" <= letter <= "\u9fff" for letter in line.replace(home, "")), line


def test_a_port_in_use_is_told(home):
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        refused = weft("up", str(home), "--port", str(other.getsockname()[1]))
    assert refused.returncode == 2
    assert "[listen.port-in-use]" in refused.stderr


def test_a_corrupt_settings_file_is_told_by_up_and_doctor(home):
    settings = home / "weft.toml"
    good = settings.read_bytes()
    try:
        settings.write_text("[rules]\nqoute = 'auto'\n", encoding="utf-8")
        for command in ("up", "doctor"):
            refused = weft(command, str(home))
            assert refused.returncode in (1, 2)
            assert "rules.quote" in refused.stdout + refused.stderr
        settings.write_bytes(b"\xff\xfe")
        assert "[config.unreadable]" in weft("up", str(home)).stderr
    finally:
        settings.write_bytes(good)


def test_a_database_of_a_newer_version_is_left_alone(home):
    import apsw

    path = home / "weft.db"
    database = apsw.Connection(str(path))
    database.execute("INSERT INTO migrations VALUES (9999, 'future', 'x')")
    try:
        for command, code in (("up", 2), ("doctor", 1)):
            refused = weft(command, str(home))
            assert refused.returncode == code
            assert "store.newer" in refused.stdout + refused.stderr
    finally:
        database.execute("DELETE FROM migrations WHERE number = 9999")
        database.close()
    assert weft("doctor", str(home)).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    assert "[home.not-writable]" in weft("init", str(tmp_path / "home"), "--name", "x").stderr


def test_a_place_below_a_file_cannot_be_a_home(tmp_path):
    (tmp_path / "file").write_text("x")
    refused = weft("init", str(tmp_path / "file" / "home"), "--name", "x")
    assert refused.returncode == 2
    assert "[home.not-writable]" in refused.stderr


def test_a_secret_that_others_may_read_is_told(home):
    seed = home / "keys" / "device.seed"
    seed.chmod(0o644)
    try:
        looked = weft("doctor", str(home))
        assert looked.returncode == 1
        assert f"chmod 600 {seed}" in looked.stdout
    finally:
        seed.chmod(0o600)


def test_a_changed_event_is_found(home, tmp_path):
    import shutil

    import apsw

    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    database = apsw.Connection(str(copy / "weft.db"))
    names = [row[0] for row in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    assert "events" in names
    database.execute("UPDATE events SET signature = zeroblob(64) WHERE rowid IN (SELECT rowid FROM events LIMIT 1)")
    database.close()
    verified = weft("log", "verify", str(copy), "--json")
    assert verified.returncode == 1, verified.stdout + verified.stderr
    assert json.loads(verified.stdout)["faults"]


def test_an_unknown_command_is_refused():
    refused = weft("weave")
    assert refused.returncode == 2
    assert "weave" in refused.stderr
