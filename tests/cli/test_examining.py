"""``weft doctor`` on addresses: whether partners may name some in our own network, and whose address is not called."""

import re

import msgspec
import pytest

from weft import cli
from weft.cli.examining import examine
from weft.cli.running import running
from weft.engine.views.health import HealthView, PeerHealth, Told


@pytest.fixture
def home(tmp_path):
    assert cli.run(["init", str(tmp_path / "firm"), "--name", "Factory", "--lang", "en", "--url",
                    "https://weft.example"]) == 0
    return tmp_path / "firm"


def grades(home):
    return {one.check: one for one in examine(home)}


def test_doctor_warns_of_a_public_node_that_lets_partners_name_its_own_network(home):
    assert "private" not in grades(home), "the control: the default"
    settings = home / "weft.toml"
    text = settings.read_text()
    assert '# allow_private = "auto"' in text
    settings.write_text(text.replace('# allow_private = "auto"', 'allow_private = "always"'))
    found = grades(home)["private"]
    assert found.grade == "warning"
    assert "https://weft.example" in found.sentence
    assert 'allow_private = "auto"' in found.sentence
    settings.write_text(settings.read_text().replace("https://weft.example", "http://192.168.1.5:8440"))
    assert "private" not in grades(home), "who is in the network may call into it"


def test_doctor_warns_of_an_offset_where_the_machine_s_own_clock_changes(home, monkeypatch):
    settings = home / "weft.toml"
    text = re.sub(r"(# )?time_zone = .*", "utc_offset_minutes = 60", settings.read_text())
    settings.write_text(text)
    for here, warned in (("Europe/Berlin", True), ("Asia/Shanghai", False), ("+01:00", False)):
        monkeypatch.setattr("weft.cli.clocks.own_zone", lambda here=here: here)
        assert ("clock" in grades(home)) == warned, here
    monkeypatch.setattr("weft.cli.clocks.own_zone", lambda: "Europe/Berlin")
    found = grades(home)["clock"]
    assert found.grade == "warning"
    assert "UTC+01:00" in found.sentence and 'time_zone = "Europe/Berlin"' in found.sentence
    settings.write_text(text.replace("utc_offset_minutes = 60", 'time_zone = "Europe/Berlin"'))
    assert "clock" not in grades(home), "the control: a place"


def test_doctor_names_the_partner_whose_address_is_not_called_and_what_to_do():
    view = HealthView(waiting=1, effects=0, forks=0, peers=(
        PeerHealth(organisation="A" * 43, name="Mill", attempts=3, barred=Told(
            code="peer.private-address", facts={"host": "10.0.0.9"})),
        PeerHealth(organisation="B" * 43, name="Shop", attempts=3, waiting=2)))
    findings = list(running(msgspec.to_builtins(view)))
    barred = [one for one in findings if one.check == "address"]
    assert len(barred) == 1
    assert barred[0].sentence.startswith("Mill: 10.0.0.9 ")
    assert "weft.toml" in barred[0].sentence
    assert next(one.sentence for one in findings if one.check == "peer").startswith("Shop")
