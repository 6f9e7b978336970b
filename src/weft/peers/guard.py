"""Which addresses a partner may name for itself: none that lead into a network the partner could not reach itself.

IANA special-purpose registries (RFC 6890), RFC 6052 and RFC 3056 for addresses within addresses.
Rule 1: what is connected to is what was checked: a name is resolved once, and each socket is checked again.
Rule 2: link-local addresses, those of a provider's own services, and what is no place are never called.
Rule 3: our own network is open to partners only while our own node is in it too, or as the owner says.
Rule 4: an address that the owner typed is the owner's word: it may lie in our own network.
Not here: what is said there (``http.py``, ``mailbox.py``).
"""

import asyncio
import ipaddress
import socket
import unicodedata
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver

from weft.basis.errors import Unavailable

HERE: Final = ("localhost", ".localhost")
INSIDE: Final = (".local", ".lan", ".home", ".internal", ".intranet", ".home.arpa")
# of a provider's own services for its machines (AWS, Azure, Alibaba, Oracle, Google), outside the link-local range
PROVIDERS: Final = frozenset(map(ipaddress.ip_address, (
    "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")))
OURS: Final = tuple(map(ipaddress.ip_network, (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15", "fc00::/7")))
CARRYING: Final = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int, int], Awaitable[list[Any]]]


class Reach(IntEnum):
    """How far into our own network an address leads: not at all, to the LAN, to this very machine; or no place."""

    PUBLIC = 0
    LAN = 1
    HERE = 2
    NOWHERE = 3


class Barred(OSError):
    """An address that is not called; ``code`` says why."""

    def __init__(self, host: str, code: str) -> None:
        super().__init__(f"{host[:100]}: {code}")
        self.host = host[:100]
        self.code = code


def reach_of(address: str) -> Reach:
    """Where the numeric ``address`` leads; raises ``ValueError``."""
    found = _inner(ipaddress.ip_address(address.partition("%")[0]))
    if found in PROVIDERS or found.is_link_local or found.is_multicast or found.is_unspecified:
        return Reach.NOWHERE
    if found.is_loopback:
        return Reach.HERE
    if any(found in one for one in OURS if one.version == found.version):
        return Reach.LAN
    return Reach.PUBLIC if found.is_global and not found.is_reserved else Reach.NOWHERE


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, if it does."""
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback or address.is_unspecified:
        return address
    carried = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
    if carried is None and any(address in one for one in CARRYING):
        carried = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return carried or address


def host_of(url: str) -> str:
    """The host of ``url`` as it will be called (UTS 46): letters that only look like others are those others."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return unicodedata.normalize("NFKC", host).replace("\u3002", ".").rstrip(".").lower()


def named(host: str) -> Reach | None:
    """Where ``host`` leads if that can be told without asking anybody: numbers in any spelling, names of our own."""
    try:
        return reach_of(host)
    except ValueError:
        pass
    try:
        return reach_of(socket.inet_ntoa(socket.inet_aton(host)))  # 2130706433, 0x7f.1, 0177.0.0.1
    except (OSError, ValueError):
        pass
    return Reach.HERE if host in HERE or host.endswith(HERE[1]) else None


def allowed(rule: Literal["auto", "always", "never"], url: str, listen: str) -> Reach:
    """How far partners' addresses may lead into our own network, by ``peers.allow_private`` and where we are.

    ``url``: where partners reach us; "" if they cannot: then ``listen`` counts, the address that we listen on.
    """
    if rule != "auto":
        return Reach.HERE if rule == "always" else Reach.PUBLIC
    host = (urlsplit(url).hostname or "").rstrip(".") if url else listen
    own = named(host)
    if own is None:
        return Reach.LAN if host.endswith(INSIDE) or "." not in host else Reach.PUBLIC
    return Reach.LAN if own is Reach.NOWHERE else own  # 0.0.0.0: all our addresses, and none is public


async def _asked(host: str, port: int, family: int) -> list[Any]:
    return await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets connections pass as far as ``reach``; ``lookup(host, port, family)`` resolves names."""

    reach: Reach = Reach.PUBLIC
    lookup: Lookup = _asked

    def check(self, url: str) -> None:
        """Raise ``Unavailable`` if ``url`` may not be called; names are checked when they resolve."""
        host = host_of(url)
        where = named(host)
        if where is not None:
            try:
                self._pass(host, where)
            except Barred as error:
                raise refusal(error) from error

    def _pass(self, host: str, where: Reach) -> None:
        if where is Reach.NOWHERE:
            raise Barred(host, "peer.forbidden-address")
        if where > self.reach:
            raise Barred(host, "peer.private-address")

    def connector(self) -> aiohttp.TCPConnector:
        """Connections that lead nowhere else."""
        return aiohttp.TCPConnector(limit_per_host=8, keepalive_timeout=60, resolver=_Resolver(self),
                                    socket_factory=self._socket)

    def _socket(self, about: Any) -> socket.socket:
        family, kind, proto, _, address = about
        self._pass(str(address[0]), reach_of(str(address[0])))
        made = socket.socket(family=family, type=kind, proto=proto)
        made.setblocking(False)
        return made

    async def resolved(self, host: str, port: int, family: int) -> list[Any]:
        """Addresses of ``host``; raises ``Barred`` when one of them is not to be called."""
        found = await self.lookup(host, port, family)
        for *_, address in found:
            self._pass(host, reach_of(str(address[0])))
        return found


class _Resolver(AbstractResolver):
    """Resolves names once, through the guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[Any]:
        found = await self._guard.resolved(host, port, family)
        return [{"hostname": host, "host": address[0], "port": port, "family": kind, "proto": 0,
                 "flags": socket.AI_NUMERICHOST} for kind, *_, address in found]

    async def close(self) -> None:
        """Nothing is held."""


def refusal(error: BaseException) -> Unavailable:
    """``error`` of a connection as ours: barred, or just not there."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Barred):
            return Unavailable(cause.code, host=cause.host)
        cause = getattr(cause, "os_error", None) or cause.__cause__
    return Unavailable("peer.unreachable", detail=type(error).__name__)
