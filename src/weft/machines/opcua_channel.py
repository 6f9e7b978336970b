"""A secured session with an OPC UA server: exactly the security that the description names, or none at all.

OPC 10000-4 and -7: None, or Sign / SignAndEncrypt with Basic256Sha256, Aes128_Sha256_RsaOaep, Aes256_Sha256_RsaPss.
Rule 1: never another mode or policy than the one named: if the server does not offer it, there is no session.
Rule 2: the server's certificate is remembered on first use and must be the same from then on (``access``).
Rule 3: a password is never sent over a channel that is not encrypted.
Not here: keeping a link up (``opcua``).
"""

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.crypto import security_policies
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from weft.basis.errors import Denied, Invalid, Unavailable
from weft.machines import access
from weft.machines.opcua_bounds import BoundedClient
from weft.shopfloor.description import Description, Security

_URI: Final = "urn:weft:node"
_POLICIES: Final = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128_Sha256_RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256_Sha256_RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_MODES: Final = {"sign": ua.MessageSecurityMode.Sign, "signAndEncrypt": ua.MessageSecurityMode.SignAndEncrypt}
WATCHDOG_S: Final = 4.0
SESSION_MS: Final = 60_000

_log = logging.getLogger("asyncua")
if _log.level == logging.NOTSET:  # a link that is down is told once, by the link itself, and not as a trace each second
    _log.setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class OpcUaFiles:
    """Where our certificate and key rest, and what is kept of this machine: its certificate, our login."""

    certificate: Path
    key: Path
    machine: access.Files

    @classmethod
    def under(cls, folder: Path, machine: str) -> "OpcUaFiles":
        """The files of ``machine`` below ``folder``; one certificate and key of ours serve all machines."""
        return cls(folder / "opcua.der", folder / "opcua.pem", access.Files.under(folder, machine))


def check_security(description: Description, files: OpcUaFiles | None) -> None:
    """Raise ``Invalid`` when ``description`` asks for security that cannot be given."""
    security = description.security
    if security.mode != "none" and files is None:
        raise Invalid("machine.no-files", machine=description.title)
    if security.user and security.mode != "signAndEncrypt":
        raise Invalid("machine.password-in-clear", machine=description.title)


async def open_session(
    description: Description, files: OpcUaFiles | None, timeout_s: float
) -> tuple[BoundedClient, str]:
    """A connected client, and what should be said of the server's certificate (``access.check``).

    Raises ``Denied`` or ``Unavailable`` with ``machine.*`` codes, or what asyncua raises.
    """
    security = description.security
    client = BoundedClient(description.base, timeout_s, watchdog_intervall=WATCHDOG_S)
    client.name = client.description = "Weft"
    client.application_uri, client.product_uri = _URI, _URI
    client.session_timeout = SESSION_MS
    if security.user:
        _log_in(client, description, files)
    if security.mode == "none":
        await client.connect()
        return client, ""
    assert files is not None
    offered = await _offered_certificate(description, timeout_s)
    told = access.check(files.machine, offered, urlsplit(description.base).hostname or "", description.title)
    await client.setup_self_signed_certificate(files.key, files.certificate)
    files.key.chmod(0o600)
    await client.set_security(_POLICIES[security.policy], str(files.certificate), str(files.key),
                              server_certificate=offered, mode=_MODES[security.mode])
    await client.connect()
    if not files.machine.trusted.exists():  # only now has the server proved that it holds the key
        access.keep(files.machine.trusted, offered)
    return client, told


async def _offered_certificate(description: Description, timeout_s: float) -> bytes:
    security: Security = description.security
    finder = BoundedClient(description.base, timeout_s)
    endpoints = await finder.connect_and_get_server_endpoints()
    policy = _POLICIES[security.policy]
    for one in endpoints:
        if one.SecurityMode == _MODES[security.mode] and one.SecurityPolicyUri == policy.URI and one.ServerCertificate:
            return _leaf(bytes(one.ServerCertificate))
    raise Unavailable("machine.security-not-offered", machine=description.title,
                      mode=security.mode, policy=security.policy)


def _leaf(chain: bytes) -> bytes:
    """The first certificate of a chain: an ASN.1 sequence with a two-byte length."""
    return chain[: int.from_bytes(chain[2:4], "big") + 4]


def _log_in(client: BoundedClient, description: Description, files: OpcUaFiles | None) -> None:
    login = files.machine.read_login() if files else None
    if login is None:
        raise Denied("machine.no-login", machine=description.title)
    if login.certificate:
        client.user_certificate = x509.load_pem_x509_certificate(login.certificate.encode())
        client.user_private_key = serialization.load_pem_private_key(login.key.encode(), None)
    else:
        client.set_user(login.user)
        client.set_password(login.password)


async def close_session(client: Any) -> None:
    """Let ``client`` go, whatever state its link is in."""
    with contextlib.suppress(Exception):  # a dead server cannot be told goodbye; the socket closes all the same
        await client.disconnect()
