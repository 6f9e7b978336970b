"""What lets us in at a machine and it at us: logins, certificates; files of the home that only it can read (0600).

OPC 10000-4 §6.1.3: which certificate is one to be trusted without asking.
Rule 1: a login is in its file alone: not in a book, a setting, a log or an answer.
Rule 2: the machine's certificate is remembered on first use, unless it is expired, not valid yet or made out to another
        host; that one, and every other one later, waits for the owner's word, who names it by its whole fingerprint.
Rule 3: a remembered certificate that expires is told and goes on: the owner knows whose it is.
Not here: how a protocol uses them (``opcua_channel``), commands and pages (``engine/commands/reaching.py``).
"""

import datetime as dt
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from weft.basis.errors import Denied, Invalid, NotFound, Refused

SIZE_MAX: Final = 64 * 1024
LINE_MAX: Final = 1000
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})  # names of one and the same host
_BLOCK: Final = "-----BEGIN "


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A machine's certificate as its owner may compare it. ``fingerprint``: SHA-256, hex; days as ISO 8601.

    ``reason`` says why it waits for a word: expired, not-yet-valid, host or changed; "" when it is trusted.
    """

    fingerprint: str
    subject: str
    since: str
    until: str
    hosts: tuple[str, ...] = ()
    reason: str = ""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """How we show who we are: a user with a password, or a certificate with its key (both PEM)."""

    user: str = ""
    password: str = ""
    certificate: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one machine."""

    login: Path
    trusted: Path
    offered: Path

    @classmethod
    def under(cls, folder: Path, machine: str) -> "Files":
        """The files of ``machine`` below ``folder``."""
        name = hashlib.sha256(machine.encode()).hexdigest()[:16]
        return cls(folder / f"machine-login-{name}", folder / f"opcua-trusted-{name}.der",
                   folder / f"machine-offered-{name}.der")

    def read_login(self) -> Login | None:
        """The login that was set; None when there is none."""
        try:
            text = self.login.read_text(encoding="utf-8")
        except OSError:
            return None
        if text.startswith(_BLOCK):
            certificate, _, key = text.partition("\n\n")
            return Login(certificate=certificate, key=key)
        lines = text.splitlines()
        return Login(user=lines[0], password=lines[1]) if len(lines) > 1 else None


class Access:
    """Logins and trusted certificates of all machines, in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def set_login(
        self, machine: str, *, user: str = "", password: str = "", certificate: str = "", key: str = ""
    ) -> None:
        """Keep a login for ``machine``, from its next link-up on; an empty one takes it away. Raises ``Invalid``."""
        path = self._files(machine).login
        login = Login(user=user, password=password, certificate=certificate, key=key)
        if login == Login():
            path.unlink(missing_ok=True)
            return
        if login.certificate or login.key:
            if login.user or login.password:
                raise Invalid("machine.login-twice", machine=machine)
            text = _pair(machine, login)
        else:
            if not login.user or any(len(one) > LINE_MAX or not one.isprintable()
                                     for one in (login.user, login.password)):
                raise Invalid("machine.login-text", machine=machine)
            text = f"{login.user}\n{login.password}\n"
        keep(path, text.encode())

    def login(self, machine: str) -> str:
        """Which login is set: password, certificate, or "" for none; never the secret itself."""
        found = self._files(machine).read_login()
        return "" if found is None else "certificate" if found.certificate else "password"

    def trusted(self, machine: str) -> Certificate | None:
        """The certificate that is remembered of ``machine``."""
        return _shown(self._files(machine).trusted)

    def offered(self, machine: str) -> Certificate | None:
        """The certificate that waits for the owner's word, with the reason."""
        return _shown(self._files(machine).offered)

    def trust(self, machine: str, fingerprint: str) -> Certificate:
        """Trust the certificate that waits, from now on and alone; raises ``NotFound``, ``Refused``."""
        files = self._files(machine)
        found = _shown(files.offered)
        if found is None:
            raise NotFound("machine.nothing-to-trust", machine=machine)
        if "".join(one for one in fingerprint.lower() if one.isalnum()) != found.fingerprint:
            raise Refused("machine.other-fingerprint", machine=machine, fingerprint=found.fingerprint)
        keep(files.trusted, files.offered.read_bytes().partition(b"\n")[2])
        files.offered.unlink()
        return msgspec.structs.replace(found, reason="")

    def _files(self, machine: str) -> Files:
        if not machine or len(machine) > 80:
            raise Invalid("floor.machine-name", machine=machine[:80])
        return Files.under(self._folder, machine)


def check(files: Files, offered: bytes, host: str, machine: str, now: dt.datetime | None = None) -> str:
    """Let ``offered`` pass, or put it aside for the owner and raise ``Denied('machine.certificate-<reason>')``.

    Gives why a remembered certificate should be replaced ("" when it is well): expired or not-yet-valid.
    """
    try:
        certificate = x509.load_der_x509_certificate(offered)
    except ValueError as error:
        raise Denied("machine.certificate-unreadable", machine=machine) from error
    at = now or dt.datetime.now(dt.UTC)
    if files.trusted.exists():
        if files.trusted.read_bytes() == offered:
            files.offered.unlink(missing_ok=True)
            return _dated(certificate, at)
        reason = "changed"
    else:
        reason = _dated(certificate, at) or _hosted(certificate, host)
    if not reason:
        files.offered.unlink(missing_ok=True)
        return ""
    keep(files.offered, reason.encode() + b"\n" + offered)
    shown = described(certificate)
    raise Denied(f"machine.certificate-{reason}", machine=machine, fingerprint=shown.fingerprint, until=shown.until,
                 since=shown.since, hosts=", ".join(shown.hosts)[:120], host=host[:80])


def described(certificate: x509.Certificate, reason: str = "") -> Certificate:
    """``certificate`` in words."""
    return Certificate(
        fingerprint=hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest(),
        subject=certificate.subject.rfc4514_string()[:200],
        since=certificate.not_valid_before_utc.date().isoformat(),
        until=certificate.not_valid_after_utc.date().isoformat(), hosts=_hosts(certificate)[:8], reason=reason)


def keep(path: Path, content: bytes) -> None:
    """Write a file that is whole or not there, and nobody else's to read."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(path.name + ".partial")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shown(path: Path) -> Certificate | None:
    """What a file holds: a certificate, before it in a line of its own why it waits."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    reason, _, rest = (b"", b"", content) if content[:1] == b"0" else content.partition(b"\n")
    return described(x509.load_der_x509_certificate(rest), reason.decode())


def _dated(certificate: x509.Certificate, now: dt.datetime) -> str:
    if now > certificate.not_valid_after_utc:
        return "expired"
    return "not-yet-valid" if now < certificate.not_valid_before_utc else ""


def _hosted(certificate: x509.Certificate, host: str) -> str:
    """Whether it is made out to another host; one that names no host says nothing about it."""
    names = {one.lower() for one in _hosts(certificate)}
    meant = _HERE if host.lower() in _HERE else {host.lower()}
    return "host" if names and not names & meant else ""


def _hosts(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return (*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress)))


def _pair(machine: str, login: Login) -> str:
    """Certificate and key, checked to belong together, as one text."""
    certificate, key = login.certificate.strip().encode(), login.key.strip().encode()
    try:
        if len(certificate) + len(key) > SIZE_MAX:
            raise ValueError  # noqa: TRY301 - the same to the caller
        shown = x509.load_pem_x509_certificate(certificate)
        secret = serialization.load_pem_private_key(key, None)
        if secret.public_key() != shown.public_key():
            raise ValueError  # noqa: TRY301
    except (ValueError, TypeError) as error:  # TypeError: the key is locked with a passphrase
        raise Invalid("machine.login-pair", machine=machine) from error
    return f"{certificate.decode()}\n\n{key.decode()}\n"
