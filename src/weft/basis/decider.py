"""The shape of a conversation: a table of what may be said next, and pure functions around it.

A conversation is a module (no class to instantiate) that satisfies ``Conversation``.
Rule 1: all functions are pure; time, randomness, prices and plans enter as data inside messages.
Rule 2: ``judge`` refuses our own commands; what another member validly signed is never refused but
        becomes *void* when ``judge`` denies it, identically on every side.
Not here: the order in which concurrent events are read (``thread/fold.py``).
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, Protocol, dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a firm says; its class name is the event's type ``y``."""


class Said(msgspec.Struct, frozen=True, gc=False):
    """One event as the rules see it: who said what. ``at`` is for display, never for a right."""

    id: str
    by: str
    role: str
    message: Any
    at: str = ""


class Crossing(Enum):
    """Which of two concurrent messages is read first (neither author had seen the other's)."""

    LEFT_FIRST = "left-first"
    RIGHT_FIRST = "right-first"
    EITHER = "either"  # both orders give the same state; a test proves it
    BY_ROLE = "by-role"  # the one whose author's role comes first in the alphabet: two of one type by both sides


class Conversation(Protocol):
    """What ``thread/fold.py`` and ``engine/handle.py`` need of a conversation module.

    ``NAME/VERSION`` is the header's ``m``; ``MESSAGES`` maps the header's ``y`` to its struct.
    ``CROSSINGS[(left, right)]`` is total over pairs of types whose authors may differ. Where one type means different
    things by role, the module may also have ``CROSSINGS_BY_ROLE[((role, left), (role, right))]``, which goes before.
    ``judge`` gives a refusal code or None; ``decide`` raises ``Refused`` and returns messages to say;
    ``evolve`` is called only for what ``judge`` allows.
    """

    @property
    def NAME(self) -> str: ...  # noqa: N802 - a module constant
    @property
    def VERSION(self) -> int: ...  # noqa: N802
    @property
    def MESSAGES(self) -> Mapping[str, type[Message]]: ...  # noqa: N802
    @property
    def INITIAL(self) -> Any: ...  # noqa: N802
    @property
    def CROSSINGS(self) -> Mapping[tuple[type[Message], type[Message]], Crossing]: ...  # noqa: N802
    def judge(self, state: Any, said: Said, /) -> str | None: ...
    def decide(self, state: Any, command: Any, /) -> Sequence[Message]: ...
    def evolve(self, state: Any, said: Said, /) -> Any: ...
