"""Which words of a thread count at all: what their devices were allowed to say, and up to where.

A member's words are judged by its key log as far as the thread itself has told of it: by the key events that headers
of its own words name (``ks``), and by those that any member says it has read (``KeysSeen``). So all who hold the same
words come to the same verdicts, whenever the key log reached them and in whatever order the words came.
1. out of scope   the device was delegated for less than this
2. revoked        a revocation is in force in the thread, and the word stands beyond what it names as counting
Rule 1: a verdict is no forgery: the word stays, is passed on, and changes nothing.
Rule 2: what told of a key event counts for this even if it is void itself: it can only name what the firm has signed.
Not here: signatures (``verify.py``), the rules of the conversation, when a node says ``KeysSeen``.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

import msgspec

from weft.basis import canonical
from weft.basis.errors import Invalid
from weft.identity.keylog import KeyState
from weft.identity.scopes import may_say
from weft.thread.event import Event

OUT_OF_SCOPE: Final = "event.out-of-scope"
REVOKED: Final = "event.revoked-device"
SEEN: Final = "KeysSeen"  # the type of word that names key events: {"keys": {member: key event}}


class Word(Protocol):
    """One event: author, type, chain (author, device, incarnation) and place, and the key events that it tells of."""

    @property
    def author(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def chain(self) -> tuple[str, str, str]: ...
    @property
    def n(self) -> int: ...
    @property
    def key_event(self) -> str: ...
    @property
    def seen(self) -> Mapping[str, str]: ...


class _Seen(msgspec.Struct, frozen=True):
    keys: dict[str, str]


def seen(event: Event) -> dict[str, str]:
    """The key events that ``event`` says to have read, by member; none if it is another word, or malformed."""
    if event.header.y != SEEN or 0 not in event.payloads:
        return {}
    try:
        canonical.decode(event.payloads[0].content)
        return msgspec.json.decode(event.payloads[0].content, type=_Seen).keys
    except (Invalid, msgspec.DecodeError):
        return {}


def told(member: str, word: Word, keys: KeyState) -> int:
    """The place in the key log of ``member`` that ``word`` tells of; -1: none."""
    own = keys.place(word.key_event) if word.author == member else -1
    return max(own, keys.place(word.seen[member])) if member in word.seen else own


def in_force(member: str, words: Iterable[Word], keys: KeyState) -> int:
    """How far the key log of ``member`` is in force where ``words`` were said: a place; -1: not told of at all."""
    return max((told(member, word, keys) for word in words), default=-1)


def verdict(thread: str, machine: str, word: Word, keys: KeyState, at: int) -> str:
    """The code for which ``word`` does not count by the keys of its author in force at place ``at``; "" if it does."""
    _, device, incarnation = word.chain
    held = keys.devices.get(device)
    if held is None:
        return ""
    if not may_say(held.scope, machine, word.kind):
        return OUT_OF_SCOPE
    end = held.end(at)
    return REVOKED if end is not None and word.n > end.limit(thread, device, incarnation) else ""


class Said(msgspec.Struct, frozen=True):
    """An event as a ``Word``."""

    id: str
    author: str
    kind: str
    chain: tuple[str, str, str]
    n: int
    key_event: str
    seen: dict[str, str]


def voided(thread: str, machine: str, events: Iterable[Event], keys: Mapping[str, KeyState]) -> dict[str, str]:
    """Ids of the ``events`` of a thread that do not count by their authors' key logs, and why."""
    words = [Said(event.id, event.author, event.header.y, (event.author, event.header.d, event.header.i),
                  event.header.n, event.header.ks or "", seen(event)) for event in events]
    force = {member: in_force(member, words, held) for member, held in keys.items()}
    found = {word.id: verdict(thread, machine, word, keys[word.author], force[word.author])
             for word in words if word.author in keys}
    return {name: code for name, code in found.items() if code}


def turns(thread: str, machine: str, words: Iterable[Word], keys: Mapping[str, KeyState]) -> dict[str, str]:
    """Members whose key logs would turn a verdict here if they were told of, and the last event of each log."""
    found: dict[str, str] = {}
    said = list(words)
    for member, held in keys.items():
        if not held.ended:
            continue
        at, last = in_force(member, said, held), len(held.events) - 1
        own = (word for word in said if word.author == member and held.devices.get(word.chain[1]))
        if at < last and any(
                verdict(thread, machine, word, held, at) != verdict(thread, machine, word, held, last)
                for word in own):
            found[member] = held.event
    return found
