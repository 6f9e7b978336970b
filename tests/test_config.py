"""Settings: what is wrong is told with its place and remedy, and no setting is there for show."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft import config
from weft.basis.errors import Invalid

SOURCES = Path(config.__file__).parent
EVERY = list(config.settings())
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=80)


def refused(text: str, environ=None) -> Invalid:
    with pytest.raises(Invalid) as refusal:
        config.load(text, environ or {})
    return refusal.value


def test_an_empty_file_gives_the_defaults():
    assert config.load("", {}) == config.Config()
    assert config.Config().listen.port == 8440
    assert config.Config().rules.order == "ask"


@given(NAMES, st.sampled_from(["zh", "en"]))
def test_the_file_of_a_new_home_is_read_as_it_was_given(name, lang):
    loaded = config.load(config.template(name=name, lang=lang, url="https://h.example"), {})
    assert (loaded.firm.name, loaded.firm.lang, loaded.firm.url) == (name, lang, "https://h.example")
    assert loaded.rules == config.Rules()


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_file_of_a_new_home_shows_every_setting_with_its_default(lang):
    text = config.template(name="h", lang=lang, url="")
    assert tomllib.loads(re.sub(r"^# (?=\w+ = )", "", text, flags=re.MULTILINE)) == msgspec.to_builtins(
        config.Config(firm=config.Firm(name="h", lang=lang))
    )


@pytest.mark.parametrize(("lang", "machine", "zone"), [
    ("en", "UTC", "UTC"), ("en", "America/Chicago", "America/Chicago"), ("zh", "Europe/Berlin", "Europe/Berlin"),
    ("zh", "+01:00", "+01:00"), ("zh", "Etc/UTC", "Asia/Shanghai"), ("zh", "UTC", "Asia/Shanghai"),
    ("en", "", "Asia/Shanghai")])
def test_a_new_home_keeps_the_time_of_its_machine(lang, machine, zone):
    text = config.template(name="h", lang=lang, url="", time_zone=machine)
    assert config.load(text, {}).firm.zone.name == zone


@pytest.mark.parametrize(("text", "environ", "zone"), [
    ("utc_offset_minutes = 60", {}, "+01:00"), ("utc_offset_minutes = 0", {}, "UTC"),
    ("utc_offset_minutes = 480\ntime_zone = 'Europe/Berlin'", {}, "Europe/Berlin"),
    ("time_zone = 'europe/berlin'\nutc_offset_minutes = 480", {}, "Europe/Berlin"),
    ("time_zone = 'Europe/Berlin'", {"WEFT_FIRM_UTC_OFFSET_MINUTES": "-300"}, "-05:00"),
    ("utc_offset_minutes = 60", {"WEFT_FIRM_TIME_ZONE": "America/Chicago"}, "America/Chicago"),
    ("", {"WEFT_FIRM_UTC_OFFSET_MINUTES": "60", "WEFT_FIRM_TIME_ZONE": "UTC"}, "UTC"),
])
def test_what_older_files_say_of_the_time_is_read_for_ever(text, environ, zone):
    assert config.load(f"[firm]\n{text}\n", environ).firm.zone.name == zone


@pytest.mark.parametrize(("written", "mend"), [
    ("Erope/Berlin", "Europe/Berlin"), ("Berlin", "Europe/Berlin"), ("北京时间", "Asia/Shanghai"),
    ("+25:00", "Europe/Berlin, Asia/Shanghai, +08:00"), ("", "Europe/Berlin, Asia/Shanghai, +08:00")])
def test_an_unknown_time_zone_is_told_with_the_one_that_was_meant(written, mend):
    error = refused(f"[firm]\ntime_zone = '{written}'\n")
    assert (error.code, error.facts["where"], error.facts["mend"]) == ("config.value", "firm.time_zone", mend)


@pytest.mark.parametrize("setting", EVERY, ids=lambda one: f"{one.section}.{one.name}")
def test_every_default_is_allowed_and_every_setting_is_told_in_both_languages(setting):
    config.load(f"[{setting.section}]\n{setting.name} = {config.written(setting.default)}\n", {})
    assert setting.about["en"].endswith(".")
    assert setting.about["zh"].endswith("。")


@pytest.mark.parametrize("setting", EVERY, ids=lambda one: f"{one.section}.{one.name}")
def test_every_setting_can_be_given_by_the_environment(setting):
    value = str(setting.default).lower() if isinstance(setting.default, bool) else str(setting.default)
    assert config.load("", {setting.variable: value}) == config.Config()


def test_the_environment_wins_over_the_file():
    loaded = config.load("[listen]\nport = 1\n", {"WEFT_LISTEN_PORT": "2", "WEFT_HOME": "/h", "PATH": "/bin"})
    assert loaded.listen.port == 2


@pytest.mark.parametrize(("text", "where", "mend"), [
    ("[rules]\nqoute = 'auto'\n", "rules.qoute", "rules.quote"),
    ("[rule]\nquote = 'auto'\n", "rule", "rules"),
    ("quote = 'auto'\n", "quote", ", ".join(sorted(config.SECTIONS))),
    ("firm = 1\n", "firm", "firm"),
])
def test_an_unknown_name_is_told_with_the_nearest_known_one(text, where, mend):
    error = refused(text)
    assert (error.code, error.facts) == ("config.unknown", {"where": where, "mend": mend})


@pytest.mark.parametrize(("text", "where", "mend"), [
    ("[rules]\nquote = 'yes'\n", "rules.quote", '"auto" | "ask"'),
    ("[rules]\nquote = true\n", "rules.quote", '"auto" | "ask"'),
    ("[rules]\nalarm_minutes = '60'\n", "rules.alarm_minutes", "1 … 43200"),
    ("[rules]\nalarm_minutes = 0\n", "rules.alarm_minutes", "1 … 43200"),
    ("[rules]\nquote_valid_hours = inf\n", "rules.quote_valid_hours", "0.01 … 8760"),
    ("[rules]\nquote_valid_hours = nan\n", "rules.quote_valid_hours", "0.01 … 8760"),
    ("[listen]\nport = 65536\n", "listen.port", "0 … 65535"),
    ("[listen]\nport = -1\n", "listen.port", "0 … 65535"),
    ("[listen]\nport = 8440.5\n", "listen.port", "0 … 65535"),
    ("[firm]\nname = 1\n", "firm.name", '"…"'),
    ("[firm]\nname = '" + "x" * 201 + "'\n", "firm.name", '"…"'),
    ('[firm]\nname = "a\\nb"\n', "firm.name", '"…"'),
    ("[firm]\nlang = 'fr'\n", "firm.lang", '"zh" | "en"'),
    ("[firm]\ncurrency = 'RMB'\n", "firm.currency", "CHF | CNY | EUR | GBP | HKD | JPY | KRW | TWD | USD"),
    ("[firm]\nurl = 'hengtai.example'\n", "firm.url", '"https://…"'),
    ("[firm]\nurl = 'https://h:99999'\n", "firm.url", '"https://…"'),
    ("[firm]\nutc_offset_minutes = 900\n", "firm.utc_offset_minutes", "-720 … 840"),
    ("[peers]\nallow_private = 'yes'\n", "peers.allow_private", '"auto" | "always" | "never"'),
    ("[peers]\nallow_private = true\n", "peers.allow_private", '"auto" | "always" | "never"'),
    ("[peers]\nretry_s_min = 400\n", "peers.retry_s_min", "<= 300"),
])
def test_a_wrong_value_is_told_with_its_place_and_what_may_stand_there(text, where, mend):
    error = refused(text)
    assert error.code == "config.value"
    assert error.facts["where"] == where
    assert error.facts["mend"] == mend
    assert len(str(error.facts["value"])) <= 40


def test_a_wrong_variable_is_told_like_a_wrong_line():
    assert refused("", {"WEFT_LISTEN_PORT": "many"}).facts["where"] == "listen.port"
    assert refused("", {"WEFT_PEERS_ALLOW_PRIVATE": "perhaps"}).facts["where"] == "peers.allow_private"


@pytest.mark.parametrize("text", ["[", "[firm]\nname = 恒泰\n", "[firm]\n[firm]\n", "\x00", "a = 1\na = 2\n"])
def test_a_file_that_is_no_toml_says_where(text):
    error = refused(text)
    assert error.code == "config.not-toml"
    assert error.facts["detail"]


@given(st.text(max_size=60))
def test_any_text_is_settings_or_refused(text):
    try:
        config.load(text, {})
    except Invalid as error:
        assert error.code.startswith("config.")


def test_every_field_that_measures_has_its_unit_in_its_name():
    measures = [one.name for one in EVERY
                if one.kind.__origin__ in {int, float} and one.name not in {"port", "seen_by"}]  # seen by so many firms
    assert measures
    units = "years|days|hours|minutes|s|ms|share|letters|megabytes|kilobytes|requests|events|entries"
    assert all(re.search(rf"_({units})(_min|_max)?$", name) for name in measures)


READ_AS = {"time_zone": "zone"}  # as what it is, not as it is written


@pytest.mark.parametrize("setting", EVERY, ids=lambda one: f"{one.section}.{one.name}")
def test_no_setting_is_there_for_show(setting):
    """Somebody reads it: ``config.section.name``, or the section under another name and then the field."""
    texts = [path.read_text(encoding="utf-8") for path in SOURCES.rglob("*.py") if path.name != "config.py"]
    section = re.compile(rf"config\.{setting.section}\b")
    field = re.compile(rf"\.{READ_AS.get(setting.name, setting.name)}\b")
    assert any(section.search(text) and field.search(text) for text in texts)


@pytest.mark.parametrize("text", [
    "a." * 400_000 + "b=1", "[" + "a." * 100_000 + "b]\n", "a=" + "[" * 20_000, "x = 1\n" * 20_000, "a." * 501 + "b=1",
])
def test_settings_that_would_take_minutes_to_read_are_refused_at_once(text):
    with pytest.raises(Invalid, match=r"config\.too-long"):
        config.load(text, {})


def test_settings_of_many_brackets_are_refused_and_ours_are_not():
    with pytest.raises(Invalid, match=r"config\.not-toml"):
        config.load("a=[" + "\n" * 3 + "[" * 900 + "\n" + "[" * 900, {})
    config.load(config.template(name="恒泰", lang="zh", url=""), {})  # the control
