"""What partners call themselves cannot command the terminal of who reads it; times are told by the firm's clock."""

import re

import click
import pytest

from weft import cli
from weft.cli.options import found
from weft.cli.printing import Paper
from weft.cli.words import harmless, say

HOSTILE = ("[/b] [bold]x", "[link=http://x]y[/link]", "\x1b[31mred\x1b[0m", "a\rb", "\u202egnp.exe", "\x07\x9b1m")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_printed_as_letters(capsys, name):
    Paper(as_json=False).table([{"name": name}], "name")
    Paper(as_json=False).done({"thread": "x", "facts": {"name": name}})
    told = capsys.readouterr().out
    assert harmless(name) in told
    assert not set("\x1b\r\x07\x9b\u202e") & set(told)


def test_a_sentence_with_a_name_in_it_is_letters_too():
    assert "\x1b" not in say("today.quote", partner="\x1b[2J")
    assert harmless("经纬 é 😀\tx\n") == "经纬 é 😀\tx\n"


AT = "2026-12-31T20:30:00.000Z"


@pytest.fixture
def home(tmp_path):
    assert cli.run(["init", str(tmp_path / "firm"), "--name", "Factory", "--lang", "en", "--url", ""]) == 0
    return tmp_path / "firm"


def printed(home, *, as_json=False):
    """What a command about ``home`` prints of an instant: in a table, a sentence, and the facts of what was done."""

    @click.command()
    def command():
        if home is not None:
            found(home)
        paper = Paper(as_json=as_json)
        paper.table([{"promise": AT, "name": "x"}], "promise name")
        paper.line("cli.peer.invited", {"until": AT}, until=AT, link="weft:join")
        paper.done({"thread": "", "facts": {"until": AT, "n": 3}})

    command([], standalone_mode=False)


@pytest.mark.parametrize(("lang", "zone", "told"), [
    ("en", "Asia/Shanghai", "1 Jan 2027 04:30"), ("zh", "+08:00", "2027年1月1日 04:30"),
    ("en", "Europe/Berlin", "31 Dec 2026 21:30"), ("en", "-05:00", "31 Dec 2026 15:30"),
    ("en", "UTC", "31 Dec 2026 20:30")])
def test_times_are_told_by_the_firm_s_own_clock_in_tables_sentences_and_facts(
        home, capsys, monkeypatch, lang, zone, told):
    settings = home / "weft.toml"
    text = settings.read_text()
    settings.write_text(re.sub(r"(# )?time_zone = .*", f'time_zone = "{zone}"', text))
    monkeypatch.setattr("weft.cli.words.language", lambda: lang)
    capsys.readouterr()
    printed(home)
    out = capsys.readouterr().out
    assert out.count(told) == 3, out
    assert AT not in out
    assert "UTC" not in out


def test_programs_get_instants_in_utc_whatever_the_firm_s_clock(home, capsys):
    capsys.readouterr()
    printed(home, as_json=True)
    assert capsys.readouterr().out.count(AT) == 3


def test_without_a_firm_at_hand_it_is_said_that_it_is_utc(capsys, monkeypatch):
    monkeypatch.delenv("WEFT_HOME", raising=False)
    monkeypatch.setattr("weft.cli.words.language", lambda: "en")
    printed(None)
    assert capsys.readouterr().out.count("31 Dec 2026 20:30 UTC") == 3


def test_what_only_looks_like_a_time_is_printed_as_it_is(capsys):
    for name in ("Z", "2026-13-01T00:00:00.000Z", "BV-15Z", "9999-12-31T23:59:59.999Z0"):
        Paper(as_json=False).table([{"name": name}], "name")
        assert name in capsys.readouterr().out
