"""What every command is: a name, its parameters, and what it does; people and programs use the same ones.

Rule 1: parameters are checked for shape before anything happens; a command happens as a whole or not at all.
Rule 2: ``key`` is the caller's idempotency key: the same key again gives the first result.
Not here: the table of all commands (``__init__.py``), HTTP and forms (``doors/api``, ``doors/console``).
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from weft.engine.node import Node


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
