"""Which certificate of a machine is trusted, and who says so; logins that only the node can read."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.machines.conftest import certificate
from weft.basis.errors import Denied, Invalid, NotFound, Refused
from weft.machines.access import Access, Files, check

URI = "urn:maker:press"


def shown(folder: Path, name: str, **how: Any) -> bytes:
    return Path(certificate(folder, name, URI, **how)[0]).read_bytes()


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files.under(tmp_path / "keys", "press")


@pytest.fixture
def access(tmp_path: Path) -> Access:
    return Access(tmp_path / "keys")


@pytest.mark.parametrize(("how", "reason"), [
    ({"days": (-9, -2)}, "expired"), ({"days": (2, 9)}, "not-yet-valid"), ({"hosts": ("press-7",)}, "host")])
def test_what_is_not_in_order_waits_for_the_owners_word_and_says_why(
    tmp_path: Path, files: Files, access: Access, how: dict[str, object], reason: str
) -> None:
    offered = shown(tmp_path, "one", **how)
    with pytest.raises(Denied) as told:
        check(files, offered, "127.0.0.1", "press")
    assert told.value.code == f"machine.certificate-{reason}"
    waiting = access.offered("press")
    assert waiting is not None
    assert (waiting.reason, waiting.fingerprint) == (reason, told.value.facts["fingerprint"])
    assert access.trusted("press") is None, "the control: nothing is remembered by itself"
    with pytest.raises(Refused, match=r"machine\.other-fingerprint"):
        access.trust("press", waiting.fingerprint[:16])
    access.trust("press", ":".join(waiting.fingerprint.upper()[i : i + 2] for i in range(0, 64, 2)))
    assert check(files, offered, "127.0.0.1", "press") == (reason if reason != "host" else "")
    assert access.offered("press") is None


def test_what_is_in_order_passes_the_first_time(tmp_path: Path, files: Files, access: Access) -> None:
    for number, hosts in enumerate((("localhost",), ("127.0.0.1",), ())):
        assert check(files, shown(tmp_path, str(number), hosts=hosts), "127.0.0.1", "press") == ""
    with pytest.raises(Denied):
        check(files, shown(tmp_path, "old", days=(-9, -1)), "127.0.0.1", "press")
    assert check(files, shown(tmp_path, "renewed"), "127.0.0.1", "press") == ""
    assert access.offered("press") is None, "what waited is not shown any more"
    with pytest.raises(NotFound, match=r"machine\.nothing-to-trust"):
        access.trust("press", "00")


def test_another_certificate_than_the_remembered_one_waits_and_the_old_one_goes_on(
    tmp_path: Path, files: Files, access: Access
) -> None:
    first, second = shown(tmp_path, "first"), shown(tmp_path, "second")
    files.trusted.parent.mkdir()
    files.trusted.write_bytes(first)
    with pytest.raises(Denied, match=r"machine\.certificate-changed"):
        check(files, second, "localhost", "press")
    waiting = access.offered("press")
    assert waiting is not None and waiting.reason == "changed"
    assert check(files, first, "localhost", "press") == ""
    with pytest.raises(Denied, match=r"machine\.certificate-changed"):
        check(files, second, "localhost", "press")
    access.trust("press", waiting.fingerprint)
    assert check(files, second, "localhost", "press") == ""
    with pytest.raises(Denied, match=r"machine\.certificate-changed"):
        check(files, first, "localhost", "press")


def test_a_remembered_certificate_that_expires_is_told_and_goes_on(tmp_path: Path, files: Files) -> None:
    offered = shown(tmp_path, "one")
    files.trusted.parent.mkdir()
    files.trusted.write_bytes(offered)
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    assert check(files, offered, "localhost", "press", later) == "expired"
    assert check(files, offered, "localhost", "press") == ""


def test_a_login_is_kept_for_the_node_alone_and_never_told(tmp_path: Path, files: Files, access: Access) -> None:
    assert access.login("press") == ""
    access.set_login("press", user="weft", password="s3cret-9")
    assert access.login("press") == "password"
    login = files.read_login()
    assert login is not None and (login.user, login.password) == ("weft", "s3cret-9")
    assert files.login.stat().st_mode & 0o777 == 0o600
    assert "s3cret-9" not in repr(access) and "s3cret-9" not in str(access.login("press"))
    der, key = certificate(tmp_path, "us", "urn:weft:node")
    pem = x509.load_der_x509_certificate(Path(der).read_bytes()).public_bytes(Encoding.PEM).decode()
    access.set_login("press", certificate=pem, key=Path(key).read_text())
    assert access.login("press") == "certificate"
    other = Path(certificate(tmp_path, "them", "urn:weft:node")[1]).read_text()
    for code, wrong in (("login-pair", {"certificate": pem, "key": other}), ("login-pair", {"certificate": pem}),
                        ("login-text", {"password": "alone"}), ("login-text", {"user": "a\nb", "password": "c"}),
                        ("login-twice", {"user": "a", "certificate": pem})):
        with pytest.raises(Invalid, match=rf"machine\.{code}"):
            access.set_login("press", **wrong)
    assert access.login("press") == "certificate", "what was refused has changed nothing"
    access.set_login("press")
    assert access.login("press") == "" and not files.login.exists()
