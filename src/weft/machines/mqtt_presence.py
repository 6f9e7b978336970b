"""Whether the machine behind a broker is there: what it says of itself, and whether it still says anything; pure.

Rule 1: what lay at the broker before we came may announce a machine, it is no heartbeat.
Rule 2: where a heartbeat is promised, a machine counts as there only once it was heard.
Not here: values that grow old (``brokered``), the broker itself (``mqtt_line``).
"""

import time

from weft.basis.errors import Invalid
from weft.machines import mqtt_values, payloads
from weft.machines.mqtt_packets import Message
from weft.machines.mqtt_values import Place
from weft.shopfloor.connection import Scalar
from weft.shopfloor.description import Description


class Presence:
    """Of one machine. ``beat``: when its heart was last heard (monotonic)."""

    def __init__(self, said: Place | None, online: str, heart: str, silence_s: float) -> None:
        self.beat = 0.0
        self._said, self._online, self._heart, self._silence_s = said, online, heart, silence_s
        self._present: bool | None = None
        self._since = 0.0

    @classmethod
    def of(cls, description: Description) -> "Presence":
        """By ``weft:availability``, ``weft:online``, ``weft:heartbeat``, ``weft:heartbeatMs``; raises ``Invalid``."""
        terms = description.terms
        said = terms.get("weft:availability")
        place = mqtt_values.place(str(said), description.base, {}, "mqv:topic") if said else None
        heart = str(terms.get("weft:heartbeat", ""))
        silence = terms.get("weft:heartbeatMs", 0)
        if isinstance(silence, bool) or not isinstance(silence, int) or (silence and not heart):
            raise Invalid("machine.term", machine=description.title, term="weft:heartbeatMs")
        if heart:
            mqtt_values.checked(heart, wild=True)
        return cls(place, str(terms.get("weft:online", "online")), heart, silence / 1000)

    @property
    def topics(self) -> tuple[str, ...]:
        """What is to be subscribed to."""
        return (*((self._said.topic,) if self._said else ()), *((self._heart,) if self._heart else ()))

    def forget(self) -> None:
        """A new link: nothing is known."""
        self._present, self._since = None, time.monotonic()
        self.beat = 0.0

    def take(self, message: Message, now: float) -> bool:
        """Take in a message; True when it says something about the machine being there."""
        told = False
        if self._said is not None and message.topic == self._said.topic and not message.passed_over:
            self._present = self._is_online(message.payload)
            told = True
        if self._heart and not message.retained and mqtt_values.matches(self._heart, message.topic):
            self.beat = now
            told = True
        return told

    def _is_online(self, payload: bytes) -> bool:
        assert self._said is not None
        if self._said.pointer:
            found = payloads.follow(payloads.decoded(payload), self._said.pointer)
            return isinstance(found, Scalar) and payloads.spelled(found) == self._online
        return payload.decode(errors="replace").strip() == self._online

    def absence(self, now: float) -> str:
        """Why it is not there; "" when it is."""
        if self._said is not None and self._present is None:
            return "machine.not-announced"
        if self._said is not None and not self._present:
            return "machine.offline"
        if self._silence_s and now - (self.beat or self._since) >= self._silence_s:
            return "machine.silent-behind-broker"
        return "" if self.beat or not self._silence_s else "machine.not-announced"

    def next_s(self, now: float) -> float:
        """When silence would be too long."""
        return (self.beat or self._since) + self._silence_s - now if self._silence_s else 60.0
