"""Who is told of changes of the twins without asking: to where, of which, as whom, and how far it has come.

CloudEvents 1.0.2 (JSON format), Standard Webhooks (secrets), MQTT 5 §4.7 (topic names).
Rule 1: what the owner said never changes by itself; how far it has come is kept apart, and only goes forward.
Rule 2: passwords and keys are no part of it: they are files of the home (``Safe``).
Not here: delivery (``delivering.py``), HTTP and MQTT (``peers/webhook.py``, ``peers/mqtt.py``).
"""

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import msgspec

from weft.basis.errors import Invalid, Refused, Unavailable
from weft.engine.twins.ports import Told

TYPES: Final = ("created", "updated", "deleted", "valueChanged")
SUBSCRIPTIONS_MAX: Final = 32
NAME_MAX: Final = 60
ADDRESS_MAX: Final = 2_000
IDS_MAX: Final = 100
PREFIX_MAX: Final = 200
CREDENTIAL_MAX: Final = 64 * 1024
OLDEST: Final = -1  # a place before the oldest change that is known
SCHEMES: Final = {"webhook": ("https", "http"), "mqtt": ("mqtts", "mqtt")}
ENCRYPTED: Final = ("https", "mqtts")
EVERYBODY: Final = "noauth"  # the channel of what is shown to whoever asks
_LEVEL: Final = re.compile(r"[^\x00-\x1f#+/\x7f]{1,80}")

Kind = Literal["webhook", "mqtt"]
Sees = Literal["firm", "partner", "everybody"]


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner said. ``types`` and ``ids`` empty: all; an id that ends in ``*``: all that begin so.

    ``sees``: what it is told is what the firm, the partner ``partner``, or everybody sees.
    ``handshake``: a webhook's receiver is asked for its permission first; ``batch``: it gets many events at a time.
    ``prefix``, ``channel``: of an MQTT topic; channel "": as ``sees`` says.
    """

    id: str
    name: str
    kind: Kind
    address: str
    since: str
    types: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    sees: Sees = "firm"
    partner: str = ""
    handshake: bool = True
    batch: bool = False
    prefix: str = ""
    channel: str = ""

    def wants(self, told: Told) -> bool:
        """Whether ``told`` is of those that were asked for."""
        return (not self.types or told.type in self.types) and (not self.ids or any(
            told.id.startswith(one[:-1]) if one.endswith("*") else told.id == one for one in self.ids))

    @property
    def values(self) -> bool:
        """Whether values of machines are wanted."""
        return not self.types or "valueChanged" in self.types

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read along."""
        return urlsplit(self.address).scheme in ENCRYPTED

    def topic(self, organisation: str) -> str:
        """The MQTT topic, after factory-x-contributions/async-aas-helm: ``noauth``, ``all``, or whose events they are.

        ``organisation``: our own.
        """
        own = {"firm": organisation, "partner": self.partner, "everybody": EVERYBODY}[self.sees]
        return "/".join(one for one in (self.prefix, self.channel or own) if one)


class Progress(msgspec.Struct, kw_only=True):
    """How far it has come. ``place``: the number of the last change that was dealt with (``OLDEST``: none yet).

    ``paused``: "", by the ``owner``, or ``gone``: the receiver wants no more. ``delivered``: how many events, the
    last at ``delivered_ms``; ``lost_ms``: when changes were found to be no longer known. ``anew``: the node was
    restored from a backup since, and may have told what it does not know any more.
    """

    place: int
    paused: str = ""
    delivered: int = 0
    delivered_ms: int = 0
    lost_ms: int = 0
    anew: bool = False


class Credentials(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``secret`` signs webhooks (``whsec_…``); a broker wants ``user`` and ``password``; ``ca`` (PEM) signs for it."""

    secret: str = ""
    user: str = ""
    password: str = ""
    ca: str = ""


class Message(NamedTuple):
    """One event: ``id`` is the same whenever it is sent again; ``body`` its JSON."""

    id: str
    body: bytes


class Target(NamedTuple):
    """To where something is sent; ``origin``: the name of our host, ``client``: ours at a broker."""

    about: Subscription
    credentials: Credentials
    origin: str
    topic: str
    client: str


class Sender(Protocol):
    """One way to deliver."""

    async def send(self, to: Target, messages: Sequence[Message]) -> int:
        """Deliver the first of ``messages``; how many the receiver has confirmed, in their order, at least one.

        Raises ``Gone``, ``Later``, ``Refused`` or ``Unavailable``.
        """
        ...

    async def forget(self, id: str) -> None:
        """Let go of whatever is held for a subscription."""
        ...

    async def close(self) -> None: ...


class Safe(Protocol):
    """Where credentials rest: files of the home that only its owner can read."""

    def read(self, id: str) -> bytes | None: ...
    def write(self, id: str, content: bytes) -> None: ...
    def remove(self, id: str) -> None: ...


class Gone(Refused):
    """The receiver is there no more and says so."""


class Later(Unavailable):
    """The receiver wants to be left alone for ``wait_ms``."""

    def __init__(self, wait_ms: int) -> None:
        self.wait_ms = max(wait_ms, 0)
        super().__init__("twin-event.later", seconds=-(-self.wait_ms // 1000))


# ---- what the owner says is checked ---------------------------------------------------------------


def checked(about: Subscription, credentials: Credentials) -> Subscription:
    """``about`` if it can be; raises ``Invalid('twin-event.…')`` with the mistake."""
    if not about.name or len(about.name) > NAME_MAX or about.name != about.name.strip():
        raise Invalid("twin-event.name", limit=NAME_MAX)
    _check_address(about)
    wrong = next((one for one in about.types if one not in TYPES), None)
    if wrong is not None:
        raise Invalid("twin-event.type", value=wrong[:40], known=", ".join(TYPES))
    if len(about.ids) > IDS_MAX or any(not one or len(one) > ADDRESS_MAX for one in about.ids):
        raise Invalid("twin-event.ids", limit=IDS_MAX)
    if (about.sees == "partner") is not bool(about.partner):
        raise Invalid("twin-event.sees")
    if about.kind == "mqtt":
        _check_topic(about)
    if sum(map(len, msgspec.structs.astuple(credentials))) > CREDENTIAL_MAX:
        raise Invalid("twin-event.credentials", limit=CREDENTIAL_MAX)
    return about


def _check_address(about: Subscription) -> None:
    if not _is_address(about.kind, about.address):
        raise Invalid(f"twin-event.address-{about.kind}")  # without the address: it may hold a key


def _is_address(kind: Kind, address: str) -> bool:
    if len(address) > ADDRESS_MAX or not address.isprintable() or set(address) & {" ", "\\"}:
        return False
    try:
        parts = urlsplit(address)
        plain = parts.scheme in SCHEMES[kind] and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return plain and parts.username is None and not parts.fragment and (
        kind == "webhook" or not (parts.path.strip("/") or parts.query))


def _check_topic(about: Subscription) -> None:
    levels = [*(about.prefix.split("/") if about.prefix else ()), *([about.channel] if about.channel else ())]
    if len(about.prefix) > PREFIX_MAX or any(not _LEVEL.fullmatch(one) for one in levels) \
            or (levels and levels[0].startswith("$")):
        raise Invalid("twin-event.topic", value="/".join(levels)[:80])
