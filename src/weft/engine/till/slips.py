"""Slips in the till book: one by its hash, the newest, and what the book says of one.

Rule 1: a slip is found by the key under which it was recorded, so that looking up needs no index of its own.
Not here: how slips come in (``intake.py``).
"""

from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.errors import NotFound
from weft.engine.memory import Memory
from weft.engine.threads import Entry, entry_of
from weft.till import messages as m
from weft.till.book import NAME
from weft.till.slip import Signed, number_of, parse
from weft.till.state import State

READ_AT_ONCE: Final = 500
SOUGHT_MAX: Final = 10_000
PLACE_DIGITS: Final = 12
CLOCK_MS: Final = 86_400_000  # so far our own clock may have been set back


def key_of(name: str) -> str:
    """The key under which the slip with hash ``name`` is recorded, once and for all."""
    return f"slip:{name}"


def doubt_key(name: str) -> str:
    """The key under which it is recorded that the slip, which counted, came since its till was lost."""
    return f"since:{name}"


async def kept(memory: Memory, name: str) -> m.Kept | None:
    """What the book holds of the slip with hash ``name`` as it came (or as it was doubted since), or None."""
    book = memory.book(NAME)
    first = await memory.store.done(book, doubt_key(name)) or await memory.store.done(book, key_of(name))
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


async def numbered(memory: Memory, number: str) -> list[m.Kept]:
    """The sales that bear ``number`` (such as 3F9A-17) among the newest ``SOUGHT_MAX`` slips; seldom more than one."""
    last = number.rpartition("-")[2]
    n = int(last) if last.isascii() and last.isdigit() and len(last) < PLACE_DIGITS else 0
    book: State = await memory.state(memory.book(NAME))
    lives = [f'"life":"{life}"' for till in book.tills.values() for life in till.lives
             if number_of(till.key, life, n) == number.upper()]
    found: dict[str, m.Kept] = {}
    before, sought = -1, 0
    while lives and sought < SOUGHT_MAX and (page := await newest(memory, READ_AT_ONCE, before)):
        for _, said in page:
            if any(life in said.slip for life in lives):
                slip = parse(said.slip.encode())
                if slip.kind == "sale" and slip.number == number.upper():
                    found.setdefault(said.hash, said)
        before, sought = page[-1][0], sought + len(page)
    return list(found.values())


async def returned(memory: Memory, name: str) -> list[Signed]:
    """The returns that count of the sale with hash ``name``, whichever till took them."""
    book: State = await memory.state(memory.book(NAME))
    return [await one(memory, back) for back in book.returned.get(name, ())]


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


async def since(memory: Memory, till: str, since_ms: int) -> list[m.SlipTaken]:
    """The slips of ``till`` that came at ``since_ms`` or later and count by themselves, the newest first."""
    found: list[m.SlipTaken] = []
    told: set[str] = set()
    before = -1
    while page := await newest(memory, READ_AT_ONCE, before):
        for _, said in page:
            last = said.hash not in told
            told.add(said.hash)
            if (last and isinstance(said, m.SlipTaken) and not said.settled and instant.to_ms(said.at) >= since_ms
                    and parse(said.slip.encode()).till == till):
                found.append(said)
        if all(instant.to_ms(said.at) < since_ms - CLOCK_MS for _, said in page):
            break
        before = page[-1][0]
    return found
