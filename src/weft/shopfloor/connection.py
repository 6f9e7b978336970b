"""The port to one machine: read, write, subscribe, invoke, browse; and what a value is.

Rule 1: "no data" (``MISSING``), "bad data" (``BAD``) and "unchanged" are three different things.
Rule 2: a connection never blocks on one bad property: its value comes back BAD, the others go on.
Rule 3: a connection carries device values; scaling, limits and meaning are ours (``description``, ``guard``).
Not here: protocols (``machines/``), which machine has which property (``description``).
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Protocol

import msgspec

Scalar = bool | int | float | str


class Quality(StrEnum):
    """How far a value can be trusted."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"
    MISSING = "missing"  # nothing heard: never connected, or the link is down


class Value(msgspec.Struct, frozen=True, gc=False):
    """One reading. ``source_ms``: the device's stamp of the value; ``server_ms``: the device's clock
    when it answered (both UTC ms, 0 = not told). ``detail`` names the reason when it is not good.
    """

    value: Scalar | None
    quality: Quality = Quality.GOOD
    source_ms: int = 0
    server_ms: int = 0
    detail: str = ""

    @property
    def good(self) -> bool:
        """True when the value may be acted on."""
        return self.quality is Quality.GOOD and self.value is not None

    @property
    def age_ms(self) -> int:
        """How old the value is by the device's own clock; -1 when a stamp is missing or lies ahead of that clock."""
        age = self.server_ms - self.source_ms
        if not self.source_ms or not self.server_ms or age < -AHEAD_MS:
            return -1
        return max(0, age)


AHEAD_MS = 1000  # a stamp may lie so far ahead: the device's clock ticks while it answers

NO_DATA = Value(None, Quality.MISSING)


class Capability(StrEnum):
    """What a protocol can do."""

    READ = "read"
    WRITE = "write"
    SUBSCRIBE = "subscribe"
    INVOKE = "invoke"
    BROWSE = "browse"


class Link(msgspec.Struct, frozen=True, gc=False):
    """The link came up or went down. ``gap_ms`` is how long nothing was heard before it came up."""

    up: bool
    gap_ms: int = 0
    detail: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How a link does. ``heard_s``: seconds since the machine last showed itself (-1: never); ``links``: how often it
    came up; ``changes``: values heard; ``waiting``: what is kept back to be sent; ``bad``: property -> why.
    ``facts``: of the sentence of ``error``, where that is a code of ours. ``notice``: what should be mended, though the
    link is up: expired or not-yet-valid (the certificate of the machine).
    """

    up: bool = False
    links: int = 0
    heard_s: float = -1.0
    changes: int = 0
    waiting: int = 0
    error: str = ""
    facts: dict[str, str | int] = {}
    notice: str = ""
    bad: dict[str, str] = {}


class BrowsedNode(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a device offers; ``href`` goes into a form, ``kind`` is variable, method or object.

    ``parent``: the ``href`` of what it lies in; ``form``: further terms of its form, where its protocol needs some.
    """

    href: str
    name: str
    path: str
    kind: str
    type: str = ""
    writable: bool = False
    unit: str = ""
    parent: str = ""
    values: tuple[str, ...] = ()
    form: dict[str, Scalar] = {}


Change = tuple[str, Value]
OnChanges = Callable[[Sequence[Change]], None]
OnLink = Callable[[Link], None]


class AssetConnection(Protocol):
    """A way to one machine; property and action names are those of its Thing Description.

    ``read`` and ``write`` raise ``Unavailable('machine.unreachable')`` before anything was sent and
    ``Unavailable('machine.no-answer')`` when it is not known what the device did.
    """

    @property
    def capabilities(self) -> frozenset[Capability]: ...

    @property
    def health(self) -> Health:
        """How the link does now."""

    async def open(self) -> None:
        """Begin to keep the link up, with backoff, until ``close``; returns without waiting for the device."""

    async def wait_up(self, timeout_s: float) -> bool:
        """Wait until the link is up; False when ``timeout_s`` passed first."""

    def about(self, job: str, references: Mapping[str, Sequence[str]] | None = None) -> None:
        """Which job is meant from now on, where a machine holds several; ``references``: numbers of the orders that
        it belongs to (``OrderNumbers``, ``CustomerOrderNumbers``), for a machine that keeps them.
        """

    async def read(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Fresh values from the device, with its clock in ``server_ms``."""

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Write in one request; gives per name an empty string, or the device's reason for refusing."""

    def subscribe(self, names: Sequence[str], on_changes: OnChanges, on_link: OnLink) -> None:
        """Hear every change, now and after each reconnect; each link-up begins with all present values."""

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:
        """Call an action; an empty string, or the device's reason for refusing."""

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:
        """What the device offers, at most ``depth`` levels below the node ``under`` (its ``href``; "": the top).

        Paths begin there. A protocol that knows no levels tells all that it knows, whatever ``under`` says.
        """

    async def close(self) -> None:
        """Let the link go; no callback runs afterwards."""
