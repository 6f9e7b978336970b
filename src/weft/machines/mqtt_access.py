"""How a broker lets us in, and how we know that it is the right one: exactly what the description says.

Rule 1: ``mqtts`` is TLS 1.2 or newer and nothing less; ``mqtt`` is never taken for it, nor tried instead.
Rule 2: the certificate is one that the system's authorities stand for, or (``weft:trust`` ``first-use``) the one that
        was remembered when the broker was first reached.
Rule 3: a password goes over TLS or stays on this machine, unless the description says outright that it may be read on
        the way (``weft:passwordInClear``).
Not here: the files (``access``), the connection (``mqtt_line``).
"""

import secrets
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from weft.basis.errors import Denied, Invalid
from weft.machines import access
from weft.machines.mqtt_line import Broker
from weft.machines.mqtt_packets import V5, V311, Login
from weft.shopfloor.description import Description

PORTS: Final = {False: 1883, True: 8883}
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
_VERSIONS: Final = {"5": V5, "3.1.1": V311}
_TRUST: Final = ("system", "first-use")
CLIENT_MAX: Final = 60


class Door(msgspec.Struct, frozen=True, kw_only=True):
    """The broker of one machine, checked; ``broker`` reads the login when it is needed."""

    description: Description
    files: access.Files | None
    tls: bool
    host: str
    port: int
    version: int
    trust: str
    client: str

    @classmethod
    def of(cls, description: Description, files: access.Files | None) -> "Door":
        """The door that ``description`` names; raises ``Invalid`` for what is unclear or unsafe."""
        terms, title = description.terms, description.title
        tls = description.scheme.endswith("mqtts")
        parts = urlsplit(description.base)
        try:
            host, port = parts.hostname or "", parts.port or PORTS[tls]
        except ValueError as error:
            raise Invalid("description.base", value=description.base[:80]) from error
        version, trust = str(terms.get("weft:mqttVersion", "5")), str(terms.get("weft:trust", _TRUST[0]))
        if version not in _VERSIONS or trust not in _TRUST:
            raise Invalid("machine.term", machine=title, term="weft:mqttVersion" if trust in _TRUST else "weft:trust")
        if description.security.mode != "none":
            raise Invalid("machine.term", machine=title, term="securityDefinitions")
        if (description.security.user or trust == "first-use") and files is None:
            raise Invalid("machine.no-files", machine=title)
        in_clear = terms.get("weft:passwordInClear") is True
        if description.security.user and not tls and host not in _LOOPBACK and not in_clear:
            raise Invalid("machine.password-in-clear", machine=title)
        own = f"weft-{secrets.token_hex(8)}"  # two connections of one name would push each other out
        return cls(description=description, files=files, tls=tls, host=host, port=port, version=_VERSIONS[version],
                   trust=trust, client=str(terms.get("weft:clientId", own))[:CLIENT_MAX])

    def broker(self, purpose: str = "") -> Broker:
        """The broker with its login as it is now; raises ``Denied('machine.no-login')``."""
        title = self.description.title
        login, context, check = self.login(), self._context(), None
        if context is not None and self.trust == "first-use":
            check = self._checking()
        return Broker(host=self.host, port=self.port, client=self.client + (f"-{purpose}" if purpose else ""),
                      title=title, version=self.version, tls=context, check=check, login=login)

    def login(self) -> Login:
        """User and password, where the description asks for them."""
        if not self.description.security.user:
            return Login()
        found = self.files.read_login() if self.files is not None else None
        if found is None or not found.user:
            raise Denied("machine.no-login", machine=self.description.title)
        return Login(found.user, found.password)

    def _context(self) -> ssl.SSLContext | None:
        if not self.tls:
            return None
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.trust == "first-use":
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # Rule 2: ``check`` looks instead
        if self.files is not None and (found := self.files.read_login()) is not None and found.certificate:
            context.load_cert_chain(self.files.login)
        return context

    def _checking(self) -> Callable[[bytes], str]:
        assert self.files is not None
        files = self.files

        def check(offered: bytes) -> str:
            notice = access.check(files, offered, self.host, self.description.title)
            if not files.trusted.exists():  # TLS has proved that the broker holds its key
                access.keep(files.trusted, offered)
            return notice

        return check


def door(description: Description, folder: Path | None, machine: str) -> Door:
    """The door of ``machine``, whose files lie in ``folder``."""
    return Door.of(description, access.Files.under(folder, machine) if folder is not None else None)
