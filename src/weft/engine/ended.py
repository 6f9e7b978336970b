"""Which orders are over, with what lists need of them: nobody reads thousands of them to show the few that are open.

Rule 1: a note is made from the order's thread, and good for its length and its members' keys: after one word more, or
        when a device was revoked, the order is read again.
Rule 2: notes are kept in the store, so that a node that has just started need not read everything.
Not here: when an order is over (``views/deals.py``), closing its thread (``closing.py``).
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from weft.basis.errors import WeftError
from weft.engine.memory import Memory
from weft.engine.ports import Batch

ENDED: Final = "order-ended"  # bucket: by thread, an ``Ended``


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """An order that is over; ``came``: something was received; ``promise``: its date; ``at_ms``: its last word."""

    length: int
    keys: str
    role: str
    partner: str
    number: str
    promise: str
    came: bool
    at_ms: int


@dataclass(slots=True)
class EndedOrders:
    """All notes, as the store has them; read when they are first asked for."""

    _kept: dict[str, Ended] | None = None

    async def known(self, memory: Memory) -> dict[str, Ended]:
        """The orders of which it is known that they are over, by thread."""
        if self._kept is None:
            kept = {thread: msgspec.msgpack.decode(data, type=Ended)
                    for thread, data in await memory.store.values(ENDED)}
            self._kept = kept if self._kept is None else {**kept, **self._kept}
        keys: dict[str, str] = {}
        for partner in {one.partner for one in self._kept.values()}:
            keys[partner] = await keys_with(memory, partner)
        return {thread: one for thread, one in self._kept.items()
                if one.length == memory.lengths.get(thread) and one.keys == keys[one.partner]}

    async def note(self, memory: Memory, found: Mapping[str, Ended]) -> None:
        """These are over; where the store cannot take it now, they are looked at again in another life."""
        if found:
            self._kept = {**(self._kept or {}), **found}
            with contextlib.suppress(WeftError):
                await memory.store.commit(Batch(
                    values=[(ENDED, thread, msgspec.msgpack.encode(one)) for thread, one in found.items()]))


async def keys_with(memory: Memory, partner: str) -> str:
    """A text that is another when a key of ours or of ``partner`` was added or revoked."""
    known = [await memory.keys(one) for one in (memory.organisation, partner)]
    return " ".join(one.event if one is not None else "" for one in known)
