"""The certificate with which a node serves HTTPS on the LAN: an authority of the home, and a leaf that renews itself.

RFC 5280, RFC 6125. A browser needs HTTPS for a till that sells without network: a plain address on the LAN gives a
page neither a service worker nor keys.
Rule 1: the authority may vouch for private addresses and names of the LAN alone: whoever steals it speaks for no bank.
Rule 2: key and certificate lie in one file (0600) that is replaced as a whole, so no crash leaves a pair that differs.
Rule 3: who has a certificate of its own domain names the two files; then no authority is made and nothing is renewed.
Not here: the page that explains how to install it (``doors/console``), where HTTPS listens (``launch.py``).
"""

import asyncio
import ipaddress
import logging
import os
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from weft.basis.errors import Invalid, NotFound, WeftError
from weft.config import Config, Https

AUTHORITY: Final = "https-ca.pem"
LEAF: Final = "https.pem"
AUTHORITY_DAYS: Final = 3_650
LEAF_DAYS: Final = 90  # phones take no certificate that is valid for longer than 825 days
RENEW_DAYS: Final = 30
EARLIER: Final = timedelta(days=1)  # a tablet's clock may be behind
LAN_NAMES: Final = ("localhost", "local", "lan", "home.arpa", "internal")
LAN_ADDRESSES: Final = ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
                        "100.64.0.0/10", "::1/128", "fc00::/7", "fe80::/10")
FRESH_S: Final = 600
_NAME_MAX: Final = 64  # of a common name (RFC 5280, upper bounds)

_LOG: Final = logging.getLogger("weft.https")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class State:
    """A certificate as ``weft doctor`` and the page about it see it; ``own``: made by this home's authority."""

    names: tuple[str, ...]
    until: datetime
    own: bool

    def covers(self, name: str) -> bool:
        """Whether a browser that asks for ``name`` (a host or an address) is content."""
        return any(one == name or (one.startswith("*.") and name.partition(".")[2] == one[2:]) for one in self.names)


@dataclass(slots=True)
class Certificates:
    """What the home ``folder`` (its keys) holds for HTTPS under ``settings``; ``firm`` is whom the authority names."""

    folder: Path
    settings: Https
    firm: str = ""

    # ---- what a server needs

    def context(self, host: str) -> ssl.SSLContext:
        """For a listener at ``host``; raises ``Invalid('https.…')`` or ``NotFound``. Keep it fresh with ``renew``."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self.renew(context, host)
        return context

    def renew(self, context: ssl.SSLContext, host: str) -> None:
        """Make a new leaf where the old one ends soon or lacks a name, and serve what there is from now on."""
        if self.settings.certificate:
            self._load_given(context)
            return
        if self._is_stale(host):
            self._issue(host)
        context.load_cert_chain(self.folder / LEAF)

    def _load_given(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self.settings.certificate, self.settings.key)
        except FileNotFoundError as error:
            raise NotFound("https.file-missing", path=f"{self.settings.certificate} · {self.settings.key}") from error
        except (OSError, ssl.SSLError) as error:
            raise Invalid("https.file-unreadable", path=self.settings.certificate, detail=str(error)[:120]) from error

    # ---- what people are shown

    @property
    def authority(self) -> x509.Certificate | None:
        """What a phone must install; None where the firm has a certificate of its own domain, or none was made yet."""
        if self.settings.certificate or not (self.folder / AUTHORITY).exists():
            return None
        return self._authority()[1]

    def state(self) -> State | None:
        """The certificate that is served; None before the first. Raises as ``context``."""
        path = Path(self.settings.certificate) if self.settings.certificate else self.folder / LEAF
        if not path.exists():
            if self.settings.certificate:
                raise NotFound("https.file-missing", path=str(path))
            return None
        try:
            found = x509.load_pem_x509_certificate(path.read_bytes())
        except (OSError, ValueError) as error:
            raise Invalid("https.file-unreadable", path=str(path), detail=str(error)[:120]) from error
        return State(_names_in(found), found.not_valid_after_utc, own=not self.settings.certificate)

    # ---- making them

    def _is_stale(self, host: str) -> bool:
        try:
            state = self.state()
        except Invalid:
            return True  # half a disk's worth of zeros after a power cut: it is only a leaf
        if state is None or state.until - datetime.now(UTC) < timedelta(days=RENEW_DAYS):
            return True
        return not set(self._names(host)) <= set(state.names)

    def _names(self, host: str) -> list[str]:
        """Every name by which the node may be asked for; raises ``Invalid('https.name-outside')``."""
        asked = [one.strip().lower() for one in self.settings.names.split(",") if one.strip()]
        by_itself = ["localhost", "127.0.0.1", *own_addresses(host), *own_names()]
        _, authority = self._authority()
        for name in [*asked, *([] if _is_any(host) else [host])]:
            if not _permitted(authority, name):
                raise Invalid("https.name-outside", name=name[:60], path=str(self.folder / AUTHORITY))
        return list(dict.fromkeys([*asked, *(one for one in by_itself if _permitted(authority, one))]))

    def _authority(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        path = self.folder / AUTHORITY
        if not path.exists():
            _write(path, *self._found())
        try:
            data = path.read_bytes()
            key = serialization.load_pem_private_key(data, None)
            certificate = x509.load_pem_x509_certificate(data)
        except (OSError, ValueError) as error:
            raise Invalid("https.file-unreadable", path=str(path), detail=str(error)[:120]) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise Invalid("https.file-unreadable", path=str(path), detail="not an EC key")
        return key, certificate

    def _found(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
        """A new authority for this home, bound to the LAN and to the names that the settings give."""
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        given = [one.strip().lower() for one in self.settings.names.split(",") if one.strip()]
        names = [*LAN_NAMES, *own_names(), *(one for one in given if _address(one) is None)]
        permitted: list[x509.GeneralName] = [x509.DNSName(one) for one in dict.fromkeys(names)]
        permitted += [x509.IPAddress(ipaddress.ip_network(one)) for one in LAN_ADDRESSES]
        subject = _name(f"Weft · {self.firm}" if self.firm else "Weft")
        certificate = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - EARLIER)
            .not_valid_after(now + timedelta(days=AUTHORITY_DAYS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(x509.NameConstraints(permitted, None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256()))
        return key, certificate

    def _issue(self, host: str) -> None:
        """A new key and leaf for all names of ``host``."""
        above, authority = self._authority()
        key, now, names = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC), self._names(host)
        until = min(now + timedelta(days=LEAF_DAYS), authority.not_valid_after_utc)
        certificate = (
            x509.CertificateBuilder().subject_name(_name(names[0])).issuer_name(authority.subject)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - EARLIER).not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above.public_key()), critical=False)
            .sign(above, hashes.SHA256()))
        _write(self.folder / LEAF, key, certificate)


# ---- a listener that is kept fresh ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Secured:
    """HTTPS as it is served now: where, with what, and what a phone must know to trust it."""

    certificates: Certificates
    host: str
    port: int
    context: ssl.SSLContext

    @classmethod
    def at(cls, folder: Path, config: Config, listener: socket.socket) -> "Secured":
        """For ``listener``, with the keys of ``folder``; raises as ``Certificates.context``."""
        certificates = Certificates(folder, config.https, config.firm.name)
        host, port = listener.getsockname()[:2]
        return cls(certificates, host, port, certificates.context(host))

    @property
    def url(self) -> str:
        """Where phones reach it: the first name that the settings give, else an address that others can use."""
        given = [one.strip() for one in self.certificates.settings.names.split(",") if one.strip()]
        name = next(iter([*given, *own_addresses(self.host)]), "localhost")
        return f"https://{f'[{name}]' if ':' in name else name}:{self.port}"

    @property
    def fingerprint(self) -> str:
        """Of the authority that a phone must install; "" where it needs none."""
        authority = self.certificates.authority
        return fingerprint(authority) if authority is not None else ""

    @property
    def authority(self) -> bytes:
        """The authority's certificate (DER) as phones install it; b"" where none is needed."""
        authority = self.certificates.authority
        return authority.public_bytes(serialization.Encoding.DER) if authority is not None else b""

    async def keep_fresh(self) -> None:
        """Look every few minutes whether the leaf ends soon, or an address or a file has changed."""
        while True:
            await asyncio.sleep(FRESH_S)
            try:
                self.certificates.renew(self.context, self.host)
            except (WeftError, OSError) as error:
                _LOG.warning("the certificate for HTTPS stays as it is: %s", error)


# ---- names -----------------------------------------------------------------------------------------------


def own_addresses(host: str) -> list[str]:
    """The addresses of a listener at ``host``; where it listens everywhere, those that others use."""
    if not _is_any(host):
        return [host]
    found = []
    for family, away in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((away, 9))  # sends nothing: it asks only which way would be taken
                found.append(str(ipaddress.ip_address(probe.getsockname()[0])))
        except OSError:
            continue
    return found


def own_names() -> list[str]:
    """How this machine is called on the LAN."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    told = [name, short, f"{short}.local"]
    return [one for one in dict.fromkeys(told) if one and one.isascii() and set(one) <= _LETTERS]


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of ``certificate`` as phones show it: pairs of digits."""
    return certificate.fingerprint(hashes.SHA256()).hex(" ").upper()


_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")


def _is_any(host: str) -> bool:
    return host in ("", "0.0.0.0", "::")  # noqa: S104 - compared, not listened at


def _address(name: str) -> Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _general(name: str) -> x509.GeneralName:
    address = _address(name)
    return x509.DNSName(name) if address is None else x509.IPAddress(address)


def _names_in(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return (*found.get_values_for_type(x509.DNSName), *(str(one) for one in found.get_values_for_type(x509.IPAddress)))


def _permitted(authority: x509.Certificate, name: str) -> bool:
    """Whether ``authority`` may vouch for ``name``."""
    allowed: Iterable[x509.GeneralName]
    allowed = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees or ()
    address = _address(name)
    if address is not None:
        return any(isinstance(one, x509.IPAddress) and address in one.value for one in allowed  # type: ignore[operator]  # a network, in constraints
                   if isinstance(one, x509.IPAddress) and one.value.version == address.version)
    return any(isinstance(one, x509.DNSName) and (name == one.value or name.endswith(f".{one.value}"))
               for one in allowed)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:_NAME_MAX])])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, key_cert_sign=authority, crl_sign=authority, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False)


def _write(path: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    """Key and certificate in one file, there as a whole or not at all."""
    data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption()) + certificate.public_bytes(serialization.Encoding.PEM)
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
