"""What the node says of its own reading: the acknowledgement, and how far it has read a member's keys.

An acknowledgement says: "I hold everything below this event, and fold it to this state".
Rule 1: an ack is an event, needs no ack itself, and changes no state.
Rule 2: it carries the hash of the state folded from its own past, so that a difference is seen at once.
"""

from collections.abc import Mapping
from typing import Final

from weft.basis.decider import Message


class Ack(Message):
    """``state`` is the hash of the sender's fold below this event."""

    state: str


class KeysSeen(Message):
    """``keys`` maps members to the last event of their key logs that the sender holds: from here on it counts here."""

    keys: dict[str, str]


MESSAGES: Final[Mapping[str, type[Message]]] = {one.__name__: one for one in (Ack, KeysSeen)}
