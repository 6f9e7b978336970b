"""Slips in the till book: one by its hash, the newest, and what the book says of one.

Rule 1: a slip is found by the key under which it was recorded, so that looking up needs no index of its own.
Not here: how slips come in (``intake.py``).
"""

from typing import Final

import msgspec

from weft.basis.errors import NotFound
from weft.engine.memory import Memory
from weft.engine.threads import Entry, entry_of
from weft.till import messages as m
from weft.till.book import NAME
from weft.till.slip import Signed, parse

READ_AT_ONCE: Final = 500


def key_of(name: str) -> str:
    """The key under which the slip with hash ``name`` is recorded, once and for all."""
    return f"slip:{name}"


async def kept(memory: Memory, name: str) -> m.Kept | None:
    """What the book holds of the slip with hash ``name`` as it came, or None."""
    book = memory.book(NAME)
    first = await memory.store.done(book, key_of(name))
    if first is None:
        return None
    loaded = await memory.loaded(book)
    for event in msgspec.json.decode(first, type=list[str]):
        entry = await memory.entry(loaded, event)
        if entry is not None and isinstance(entry.message, m.Kept):
            return entry.message
    return None


async def one(memory: Memory, name: str) -> Signed:
    """The signed slip with hash ``name``; raises ``NotFound('till.no-slip')``."""
    found = await kept(memory, name)
    if found is None:
        raise NotFound("till.no-slip", slip=name[:12])
    return signed(found)


def signed(said: m.Kept) -> Signed:
    """The slip as its till signed it."""
    return Signed(slip=parse(said.slip.encode()), signature=said.signature)


async def newest(memory: Memory, limit: int, before: int = -1) -> list[tuple[int, m.Kept]]:
    """The newest ``limit`` slips with their positions in the book, newest first, all below position ``before``."""
    book = memory.book(NAME)
    loaded = await memory.loaded(book)
    end = loaded.position if before < 0 else min(before, loaded.position)
    found: list[tuple[int, m.Kept]] = []
    while end > 0 and len(found) < limit:
        start = max(0, end - READ_AT_ONCE)
        rows = await memory.store.events(book, start - 1, end - start)
        events = await memory.with_payloads(book, rows)
        entries: list[tuple[int, Entry]] = [(row.position, entry_of(event, loaded.machine))
                                            for row, event in zip(rows, events, strict=True)]
        found += [(position, entry.message) for position, entry in reversed(entries)
                  if isinstance(entry.message, m.Kept)]
        end = start
    return found[:limit]
