"""What every command is: a name, its parameters, and what it does; people and programs use the same ones.

Rule 1: parameters are checked for shape before anything happens; a command happens as a whole or not at all.
Rule 2: ``key`` is the caller's idempotency key: the same key again gives the first result.
Not here: the table of all commands (``__init__.py``), HTTP and forms (``doors/api``, ``doors/console``).
"""

import base64
import binascii
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid
from weft.engine.node import Node

CONTENT_MAX: Final = 7 * 1024 * 1024  # base64 of 5 MiB


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of a command; a field that is not declared is refused."""


class Done(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a command has done: where, and the ids of what was said. ``facts`` are further words for the caller."""

    thread: str = ""
    events: list[str] = []
    facts: dict[str, Any] = {}


Run = Callable[[Node, Any, str], Awaitable[Done]]


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table. ``scope``: who may use it besides the owner; ``signed``: it says whose work it is."""

    params: type[Params]
    run: Run
    scope: str = "owner"
    signed: bool = False


def content_of(text: str, limit: int = CONTENT_MAX) -> bytes:
    """The bytes of a file that came as base64 of at most ``limit`` characters; raises ``Invalid('import.…')``."""
    if len(text) > limit:
        raise Invalid("import.too-large", limit=limit)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("import.content") from error
