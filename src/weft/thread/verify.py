"""Verification of one event, by numbered steps that the code repeats.

1. The header is canonical and well formed, its payloads match their commitments (``event.parse``).
2. The author is a member of the thread.
3. The author's key log, as we hold it, knows the key event named in ``ks``.
4. The firm had delegated the device. Whether what it says still counts is no question of forgery (``standing.py``).
5. The signature over the id is the device's.
For the key log itself, steps 2 to 4 read: an organisation key in force signs it; an inception or a rotation is
signed by a key that it brings into force itself. A key log grows in one line (``check_key_place``), so that whoever
holds it derives the same keys from it, in whatever order it arrived.
Not here: parents, forks, rules; what is missing or denied is the engine's concern, not a forgery.
"""

from collections.abc import Mapping, Sequence

import msgspec

from weft.basis.canonical import decode
from weft.basis.errors import Denied, Invalid
from weft.identity import keylog
from weft.identity.keys import sound, verify
from weft.thread.event import Event, signed_bytes


def check_event(event: Event, members: Mapping[str, str], keys: keylog.KeyState | None) -> None:
    """Raises ``Denied`` or ``Invalid`` unless ``event`` was signed by a device of a member."""
    check_author(event, members, keys)
    # 5
    if not verify(event.header.d, signed_bytes(event.id), event.signature):
        raise Denied("event.signature")


def check_author(event: Event, members: Mapping[str, str], keys: keylog.KeyState | None) -> None:
    """Steps 2 to 4: raises ``Denied`` unless its device might say this as a member."""
    # 2
    if event.author not in members:
        raise Denied("event.stranger")
    # 3
    if keys is None or event.header.ks not in keys.events:
        raise Denied("event.unknown-key-event")
    # 4
    code = keylog.may_sign(keys, event.header.d)
    if code is not None:
        raise Denied(code)


def check_key_place(event: Event, heads: Sequence[str], tips: Mapping[tuple[str, str, str], tuple[int, str]]) -> None:
    """Raises ``Invalid`` unless ``event`` is the one next in a key log with ``heads`` and ``tips`` (of its chains)."""
    header = event.header
    last, previous = tips.get((event.author, header.d, header.i), (-1, None))
    above = set(event.parents) - {previous}
    if (header.t is None) != (not heads) or above - set(heads) or not set(heads) <= set(event.parents):
        raise Invalid("keylog.gap")
    if (header.n, header.p) != (last + 1, previous):
        raise Invalid("event.chain-form")


def check_key_event(event: Event, before: keylog.KeyState) -> None:
    """Raises unless ``event`` was signed by an organisation key in force (or founds the log itself)."""
    if event.author != event.thread:
        raise Denied("event.stranger")
    keys = before.keys
    if event.header.t is None:
        keys = inception_keys(event)
    elif event.header.y == keylog.KeyRotation.__name__:
        keys = _rotated_keys(event, before)
    if event.header.d not in keys or not sound(event.header.d):
        raise Denied("event.unknown-device")
    if not verify(event.header.d, signed_bytes(event.id), event.signature):
        raise Denied("event.signature")


def inception_keys(event: Event) -> list[str]:
    """The keys that an inception brings into force; raises ``Invalid``."""
    if event.header.y != "KeyInception" or 0 not in event.payloads:
        raise Invalid("keylog.no-inception")
    try:
        decode(event.payloads[0].content)  # else readers of another make may see other keys
        return msgspec.json.decode(event.payloads[0].content, type=keylog.KeyInception).keys
    except (Invalid, msgspec.DecodeError) as error:
        raise Invalid("keylog.no-inception") from error


def _rotated_keys(event: Event, before: keylog.KeyState) -> list[str]:
    """The keys that a rotation brings into force, if they are those committed to; raises ``Invalid``."""
    if 0 not in event.payloads:
        raise Invalid("keylog.no-rotation")
    try:
        decode(event.payloads[0].content)
        keys = msgspec.json.decode(event.payloads[0].content, type=keylog.KeyRotation).keys
    except (Invalid, msgspec.DecodeError) as error:
        raise Invalid("keylog.no-rotation") from error
    if keylog.commitment(keys) != before.next:
        raise Denied("keylog.not-committed")
    return keys
