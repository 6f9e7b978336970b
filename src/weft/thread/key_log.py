"""A firm's key log read from its events alone: which keys and devices it has, and up to where they count.

Rule 1: each event is checked against the keys that the events before it have brought into force.
Rule 2: what is validly signed and denied by the rules is void: it stays in the line and changes nothing.
Rule 3: nobody takes a log of more events or places than ``identity/keylog.py`` says, whoever signed it.
Not here: the rules (``identity/keylog.py``), where key logs are kept (``engine/receive.py``).
"""

from typing import Final

import msgspec

from weft.basis import canonical
from weft.basis.decider import Said
from weft.basis.errors import Invalid
from weft.identity import keylog
from weft.thread import fold
from weft.thread.event import Event
from weft.thread.verify import check_key_event, check_key_place

KEYLOG: Final = f"{keylog.NAME}/{keylog.VERSION}"


class KeyLog:
    """One key log as it is read, event by event."""

    def __init__(self, organisation: str) -> None:
        self.organisation = organisation
        self.heads: list[str] = []
        self.tips: dict[tuple[str, str, str], tuple[int, str]] = {}
        self.folded = fold.Folded(keylog.INITIAL)
        self.taken = 0

    @property
    def state(self) -> keylog.KeyState:
        """The keys and devices as far as it was read."""
        state: keylog.KeyState = self.folded.state
        return state

    def take(self, event: Event) -> None:
        """One more event; raises unless it continues the log. What the rules deny is void, as everywhere."""
        if event.thread != self.organisation or event.header.m != KEYLOG:
            raise Invalid("keylog.other-log")
        if 0 not in event.payloads:
            raise Invalid("event.payload-missing")
        if self.taken >= keylog.EVENTS_MAX or self.state.places > keylog.PLACES_MAX:
            raise Invalid("keylog.too-many", events=keylog.EVENTS_MAX, places=keylog.PLACES_MAX)
        check_key_place(event, self.heads, self.tips)
        check_key_event(event, self.state)
        self.taken += 1
        self.heads = [event.id]
        self.tips[event.author, event.header.d, event.header.i] = (event.header.n, event.id)
        fold.extend(keylog, self.folded, Said(event.id, event.author, "owner", _key_message(event)))


def _key_message(event: Event) -> object:
    """What a key event says; None when it is of an unknown type or malformed: then it changes nothing."""
    kind = keylog.MESSAGES.get(event.header.y)
    content = event.payloads[0].content
    try:
        canonical.decode(content)
        return msgspec.json.decode(content, type=kind) if kind else None
    except (Invalid, msgspec.DecodeError):
        return None
