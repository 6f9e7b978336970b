"""The organisation's key log: inception, pre-committed next keys, devices with scopes.

Semantics of KERI and did:webvh: the id of the organisation is the thread id of its key log, and the
keys of the next rotation are committed by digest before they are ever used.
Rule 1: only the organisation's keys in force sign the key log; devices sign everything else. A rotation is
        signed by one of the keys that it brings into force: whoever stole the old ones cannot rotate.
Rule 2: a device's right ends at a place in its chains ("valid up to"), never at a time.
Not here: the header that carries these messages (``thread/event.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.canonical import b64, digest, unb64
from weft.basis.decider import Crossing, Message, Said
from weft.basis.errors import Refused
from weft.identity.keys import registered, sound

NAME: Final = "keylog"
VERSION: Final = 1
SCOPE_NODE: Final = "node"  # may sign everything but the key log
SCOPES: Final = frozenset({SCOPE_NODE, "till", "line"})
KEYS_MAX: Final = 8


class KeyInception(Message):
    """The first event: keys in force and the digest of the next ones."""

    keys: list[str]
    next: str


class DeviceDelegation(Message):
    """From here on ``device`` (a public key) may sign for the organisation within ``scope``."""

    device: str
    scope: str


class DeviceRevocation(Message):
    """``device`` signs no more. ``valid`` maps ``thread/incarnation`` to the last number that counts."""

    device: str
    valid: dict[str, int] = {}


class KeyRotation(Message):
    """The keys committed to before come into force; new ones are committed to."""

    keys: list[str]
    next: str


class Device(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a device may do; ``revoked`` once it may sign nothing new."""

    scope: str
    revoked: bool = False
    valid: dict[str, int] = {}


class KeyState(msgspec.Struct, frozen=True):
    """Keys in force. ``event`` is the id of the last key event (the header's ``ks``)."""

    keys: list[str] = []
    next: str = ""
    devices: dict[str, Device] = {}
    event: str = ""
    events: list[str] = []


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
        case DeviceRevocation(device=device, valid=valid):
            held = Device(state.devices[device].scope, revoked=True, valid=valid)
            changes = {"devices": {**state.devices, device: held}}
    return msgspec.structs.replace(state, event=said.id, events=[*state.events, said.id], **changes)


def may_sign(state: KeyState, device: str, thread: str, incarnation: str, n: int) -> str | None:
    """None if ``device`` may have signed number ``n`` of its chain in ``thread``; else a refusal code."""
    held = state.devices.get(device)
    if held is None:
        return "event.unknown-device"
    if held.revoked and n > held.valid.get(f"{thread}/{incarnation}", -1):
        return "event.revoked-device"
    return None
