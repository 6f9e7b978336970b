"""The organisation's key log: inception, pre-committed next keys, devices with scopes.

Semantics of KERI and did:webvh: the id of the organisation is the thread id of its key log, and the
keys of the next rotation are committed by digest before they are ever used.
Rule 1: only the organisation's keys in force sign the key log; devices sign everything else. A rotation is
        signed by one of the keys that it brings into force: whoever stole the old ones cannot rotate.
Rule 2: a device's right ends at a place in its chains ("valid up to"), never at a time: by the number of the last word
        that counts, written so that only who holds the thread can read it: others learn neither threads nor counts.
Rule 3: what a device may say follows from its scope (``scopes.py``), for all that it says and for ever.
Not here: the header that carries these messages (``thread/event.py``), what becomes void (``thread/standing.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.canonical import b64, digest, unb64
from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Invalid, Refused
from weft.identity.keys import registered, sound
from weft.identity.scopes import SCOPE_NODE, SCOPES

__all__ = ["CROSSINGS", "INITIAL", "KEYS_MAX", "MESSAGES", "NAME", "SCOPES", "SCOPE_NODE", "VERSION", "Device",
           "DeviceDelegation", "DeviceRevocation", "End", "KeyInception", "KeyRotation", "KeyState", "commitment",
           "decide", "evolve", "hidden_place", "judge", "may_sign"]

NAME: Final = "keylog"
VERSION: Final = 1
KEYS_MAX: Final = 8
EVENTS_MAX: Final = 1_000  # of one firm: so many are taken of another, and no more
PLACES_MAX: Final = 200_000  # that its revocations name
ADDED_TO: Final = 0.9  # devices are added up to so much of both: there is always room to let one go
HIDDEN_CHARACTERS: Final = 22
_NAME_BYTES: Final = 12
_NUMBER_BYTES: Final = 4


class KeyInception(Message):
    """The first event: keys in force and the digest of the next ones."""

    keys: list[str]
    next: str


class DeviceDelegation(Message):
    """From here on ``device`` (a public key) may sign for the organisation within ``scope``."""

    device: str
    scope: str


class DeviceRevocation(Message, omit_defaults=True):
    """``device`` signs no more; of its chains nothing counts but what is named.

    ``valid`` maps ``thread/incarnation`` to the last number that counts; ``hidden`` says the same in the form of
    ``hidden_place``, among others that mean nothing, so that their number tells nothing. A later revocation replaces
    an earlier one, or names more besides (``adds``).
    """

    device: str
    valid: dict[str, int] = {}
    hidden: list[str] = []
    adds: bool = False


class KeyRotation(Message):
    """The keys committed to before come into force; new ones are committed to."""

    keys: list[str]
    next: str


class End(msgspec.Struct, frozen=True, omit_defaults=True):
    """A revocation: its place among the key events that count, and up to where the device's words count.

    ``before``: those that it names more besides of, oldest first; held, not copied, for whoever writes a key log may
    add to a long one a thousand times.
    """

    at: int
    valid: dict[str, int] = {}
    hidden: list[str] = []
    before: list["End"] = []

    def limit(self, thread: str, device: str, incarnation: str) -> int:
        """The last number of this chain of ``device`` that counts; -1: none."""
        parts, chain = [self, *reversed(self.before)], f"{thread}/{incarnation}"
        found = next((one.valid[chain] for one in parts if chain in one.valid), -1)
        name, mask = _blinding(thread, device, incarnation)
        for one in parts:
            for place in one.hidden:
                if place.startswith(name):
                    found = max(found, _number(place[len(name):], mask))
        return found


class Device(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a device may do, where it stands in the log, and its revocations, the last one in force."""

    scope: str
    ends: list[End] = []

    @property
    def revoked(self) -> bool:
        """Whether it may sign nothing new."""
        return bool(self.ends)

    def end(self, at: int) -> End | None:
        """Up to where its words count for one who has read the log up to place ``at``."""
        return next((one for one in reversed(self.ends) if one.at <= at), None)


class KeyState(msgspec.Struct, frozen=True):
    """Keys in force. ``event`` is the id of the last key event (the header's ``ks``)."""

    keys: list[str] = []
    next: str = ""
    devices: dict[str, Device] = {}
    event: str = ""
    events: list[str] = []

    @property
    def limits(self) -> bool:
        """Whether there is a device that may not say everything, or no more."""
        for one in self.devices.values():  # noqa: SIM110 - asked for every event: a generator takes three times as long
            if one.ends or one.scope != SCOPE_NODE:
                return True
        return False

    @property
    def places(self) -> int:
        """How many places its revocations name: they are in memory."""
        return sum(len(one.hidden) + len(one.valid) for held in self.devices.values() for one in held.ends)

    @property
    def ended(self) -> bool:
        """Whether a device was revoked."""
        return any(one.ends for one in self.devices.values())

    def place(self, event: str) -> int:
        """Where ``event`` stands among the key events that count; -1 when it is none of them."""
        return self.events.index(event) if event in self.events else -1


MESSAGES: Final[Mapping[str, type[Message]]] = {
    kind.__name__: kind for kind in (KeyInception, DeviceDelegation, DeviceRevocation, KeyRotation)
}
INITIAL: Final = KeyState()
CROSSINGS: Final[Mapping[tuple[type[Message], type[Message]], Crossing]] = {}


def commitment(keys: Sequence[str]) -> str:
    """The digest that commits to ``keys`` before they are used."""
    return b64(digest("next-keys/1", *(unb64(key, 32) for key in sorted(keys))))


def judge(state: KeyState, said: Said, /) -> str | None:
    """A refusal code, or None. Whether a key in force signed is checked by ``thread/verify.py``."""
    match said.message:
        case KeyInception(keys=keys):
            return "keylog.begun" if state.keys else _keys_fault(keys)
        case DeviceDelegation(device=device, scope=scope):
            if not sound(device):
                return "key.weak"
            if scope not in SCOPES:
                return "keylog.scope"
            return "keylog.device-known" if device in state.devices else None
        case DeviceRevocation(device=device):
            return None if device in state.devices else "keylog.device-unknown"
        case KeyRotation(keys=keys):
            return _keys_fault(keys) or (None if commitment(keys) == state.next else "keylog.not-committed")
    return "keylog.unknown"


def _keys_fault(keys: Sequence[str]) -> str | None:
    if not 1 <= len(set(keys)) == len(keys) <= KEYS_MAX:
        return "keylog.keys"
    return None if all(sound(key) for key in keys) else "key.weak"


def decide(state: KeyState, command: Message, /) -> Sequence[Message]:
    """Key log commands are the messages themselves."""
    for key in [*getattr(command, "keys", []), *([command.device] if hasattr(command, "device") else [])]:
        registered(key)
    code = judge(state, Said(id="", by="", role="", message=command))
    if code is not None:
        raise Refused(code)
    return [command]


def evolve(state: KeyState, said: Said, /) -> KeyState:
    """The key state after ``said``."""
    changes: dict[str, Any] = {}
    match said.message:
        case KeyInception(keys=keys, next=following) | KeyRotation(keys=keys, next=following):
            changes = {"keys": keys, "next": following}
        case DeviceDelegation(device=device, scope=scope):
            changes = {"devices": {**state.devices, device: Device(scope)}}
        case DeviceRevocation(device=device):
            held = state.devices[device]
            ended = msgspec.structs.replace(held, ends=[*held.ends, _end(held, said.message, len(state.events))])
            changes = {"devices": {**state.devices, device: ended}}
    return msgspec.structs.replace(state, event=said.id, events=[*state.events, said.id], **changes)


def _end(held: Device, said: DeviceRevocation, at: int) -> End:
    if not said.adds or not held.ends:
        return End(at, said.valid, said.hidden)
    last = held.ends[-1]
    return End(at, said.valid, said.hidden, [*last.before, End(last.at, last.valid, last.hidden)])


def hidden_place(thread: str, device: str, incarnation: str, n: int) -> str:
    """That number ``n`` is the last of this chain that counts, readable only for who knows the thread's id."""
    name, mask = _blinding(thread, device, incarnation)
    return name + b64((n ^ mask).to_bytes(_NUMBER_BYTES, "big"))


def _blinding(thread: str, device: str, incarnation: str) -> tuple[str, int]:
    hidden = digest("valid/1", f"{thread}/{device}/{incarnation}".encode())
    return b64(hidden[:_NAME_BYTES]), int.from_bytes(hidden[_NAME_BYTES:_NAME_BYTES + _NUMBER_BYTES], "big")


def _number(text: str, mask: int) -> int:
    """The number behind ``text``; -1 when it is none."""
    try:
        return int.from_bytes(unb64(text, _NUMBER_BYTES), "big") ^ mask
    except Invalid:
        return -1


def may_sign(state: KeyState, device: str) -> str | None:
    """None if ``device`` is the firm's; else a refusal code. What counts of its words is ``thread/standing.py``'s."""
    return None if device in state.devices else "event.unknown-device"
