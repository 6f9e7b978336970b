"""``weft doctor`` looks after HTTPS: an end that is near, a name that is missing, phones that come without it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from weft import certificates, launch, serving
from weft.certificates import Certificates
from weft.cli import securing
from weft.config import load


@pytest.fixture
def place(tmp_path):
    (tmp_path / "keys").mkdir()
    return launch.Home(tmp_path)


def looked(place, text):
    return [(one.check, one.grade) for one in securing.https(place, load(text, {}))]


def made(place, text, host="127.0.0.1"):
    Certificates(place.device.parent, load(text, {}).https).context(host)


SECURE = '[https]\nport = 8441\nhost = "192.168.7.9"\n'


def test_a_node_that_only_this_machine_reaches_needs_none(place):
    assert looked(place, "") == []


def test_phones_that_come_without_it_are_told(place):
    assert looked(place, '[listen]\nhost = "192.168.7.9"\n') == [("https-none", "warning")]


def test_what_is_in_order_is_said_with_its_names_and_end(place):
    made(place, SECURE, "192.168.7.9")
    assert looked(place, SECURE) == [("https", "good")]


def test_before_the_first_start_there_is_nothing_to_say(place):
    assert looked(place, SECURE) == []


def test_a_name_that_is_not_in_it_is_told(place):
    made(place, SECURE, "127.0.0.1")
    assert looked(place, SECURE) == [("https", "good"), ("https-name", "warning")]


def test_an_end_that_is_near_or_past_is_told(place, monkeypatch):
    given = f'[https]\nport = 8441\ncertificate = "{place.path}/keys/https.pem"\nkey = "{place.path}/keys/https.pem"\n'
    for days, grade in ((securing.SOON // timedelta(days=1) - 1, "warning"), (-0.5, "bad")):
        monkeypatch.setattr(certificates, "LEAF_DAYS", days)
        (place.device.parent / certificates.LEAF).unlink(missing_ok=True)
        made(place, SECURE, "192.168.7.9")
        assert looked(place, given) == [("https", grade)]


def test_a_file_of_a_domain_that_is_missing_is_told(place):
    assert looked(place, '[https]\nport = 8441\ncertificate = "no.pem"\nkey = "no.key"\n') == [("https", "bad")]


def test_https_opens_the_address_that_was_given_for_it_and_no_other(monkeypatch):
    opened = []
    monkeypatch.setattr(serving, "bind", lambda host, port: opened.append((host, port)) or SimpleNamespace())
    serving.listen(load(SECURE, {}), serving.Asked())
    serving.listen(load(SECURE, {}), serving.Asked("10.0.0.1", 1, 2))
    serving.listen(load("", {}), serving.Asked())
    assert opened == [("127.0.0.1", 8440), ("192.168.7.9", 8441), ("10.0.0.1", 1), ("192.168.7.9", 2),
                      ("127.0.0.1", 8440)]
