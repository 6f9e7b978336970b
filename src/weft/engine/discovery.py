"""What the engine asks of a device that is no machine of ours yet: what it offers, its values now, one trial write.

Rule 1: only what the owner named is looked at, within limits of time and number; nothing is kept of it.
Not here: protocols (``machines/discovering.py``), what is set up meanwhile (``machine_drafts.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import msgspec

from weft.shopfloor.connection import BrowsedNode, Scalar, Value
from weft.shopfloor.description import Description
from weft.shopfloor.jobcontrol import Outcome

NODES_MAX: Final = 5000  # that are looked through at once
DEPTH: Final = 6  # levels, where the whole of a device is looked through


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """A way to speak with a device in safety: ``mode`` and ``policy`` as in a description; logins that it takes."""

    mode: str
    policy: str = ""
    anonymous: bool = True
    user: bool = False


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What a device offers. ``browses``: False, where its protocol cannot tell; ``whole``: nothing was left out."""

    nodes: tuple[BrowsedNode, ...] = ()
    browses: bool = True
    whole: bool = True


class Discovery(Protocol):
    """A look at devices; ``machine`` names the login and the certificates that are kept for it.

    All raise ``Unavailable`` with a ``machine.*`` code, and what a connection raises.
    """

    @property
    def schemes(self) -> Sequence[str]:
        """The protocols that are spoken here, as addresses begin."""

    async def offered(self, address: str) -> Sequence[Offered]:
        """How the device at ``address`` may be spoken with; () where the address says it all."""

    async def look(self, machine: str, description: Description, under: str = "", depth: int = 1) -> Looked:
        """What the device offers, ``depth`` levels below the node ``under`` ("": from the top)."""

    async def read(self, machine: str, description: Description, names: Sequence[str]) -> Mapping[str, Value]:
        """The values of properties of ``description`` now, in their units."""

    async def trial(self, machine: str, description: Description, name: str, wanted: Scalar) -> Outcome:
        """Write one property as its guard allows, and read it back."""

    async def close(self) -> None:
        """Let all devices go."""
