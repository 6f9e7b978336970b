"""``weft init`` writes where the firm is, as the machine knows it: by name if it can, else by its offset."""

import os
import re
import subprocess
import sys

import pytest
from babel.core import get_global
from babel.localtime import _unix

from weft import cli, config
from weft.basis import zone
from weft.basis.errors import Invalid

ZONE = re.compile(r"^(# )?time_zone = \"(.*)\"$", re.MULTILINE)


def written(folder, lang="en", **environ):
    """The line of a new home's file: whether it is given, and the zone."""
    told = {name: value for name, value in os.environ.items() if name not in ("TZ", "PYTHONTZPATH")} | environ
    subprocess.run([sys.executable, "-m", "weft", "init", str(folder / "home"), "--name", "Firm", "--lang", lang],
                   env=told, check=True, capture_output=True, timeout=120)
    text = (folder / "home" / "weft.toml").read_text(encoding="utf-8")
    mark, found = ZONE.search(text).groups()
    assert config.load(text, {}).firm.zone is zone.of(found)
    assert "utc_offset_minutes" not in text
    return not mark, found


@pytest.mark.parametrize(("environ", "found"), [
    ({"TZ": "Europe/Berlin"}, "Europe/Berlin"), ({"TZ": ":America/Chicago"}, "America/Chicago"),
    ({"TZ": "Europe/Berlin", "PYTHONTZPATH": ""}, "Europe/Berlin"),  # as on a machine without zone files
    ({"TZ": "WEFT-5:45"}, "+05:45"), ({"TZ": "Nowhere/Land"}, "UTC")])
def test_a_new_home_is_where_its_machine_is(tmp_path, environ, found):
    assert written(tmp_path, **environ) == (True, found)


def test_a_machine_at_utc_says_nothing_of_where_a_chinese_firm_is(tmp_path):
    assert written(tmp_path, "zh", TZ="UTC") == (False, "Asia/Shanghai")


def test_a_machine_that_is_set_by_a_link_has_its_name(monkeypatch):
    """As most are, and macOS."""
    monkeypatch.delenv("TZ", raising=False)
    for target in ("/usr/share/zoneinfo/America/Santiago", "../var/db/timezone/zoneinfo/America/Santiago"):
        monkeypatch.setattr(os, "readlink", lambda _path, target=target: target)
        place = _unix._get_localzone()
        assert "America/Santiago" in (getattr(place, "key", ""), getattr(place, "zone", ""))


def test_every_zone_of_windows_is_one_that_we_know():
    named = get_global("windows_zone_mapping")
    assert len(named) > 100
    unknown = []
    for theirs, ours in named.items():
        try:
            zone.of(ours)
        except Invalid:
            unknown.append((theirs, ours))
    assert not unknown


@pytest.mark.parametrize(("url", "told"), [
    ("http://127.0.0.1:8441", " --port 8441"), ("http://192.168.1.20:9000/", " --port 9000"),
    ("http://127.0.0.1:8440", ""), ("https://firm.example:8443", ""), ("http://firm.example", ""), ("", "")])
def test_the_next_step_names_the_port_that_the_address_has(tmp_path, monkeypatch, capsys, url, told):
    monkeypatch.setenv("WEFT_LANG", "en")
    home = tmp_path / "h"
    assert cli.run(["init", str(home), "--name", "x", "--lang", "en", "--url", url]) == 0
    assert capsys.readouterr().out.rstrip().endswith(f"weft up {home}{told}")
