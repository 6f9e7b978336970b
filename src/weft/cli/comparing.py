"""What the database says of one thread beside its events, compared with what the events themselves give.

Steps, of those of ``deep.py``: 3. the columns of a row are those of its event's header; 4. chains have no gap, and each
event names the one before it; 5. heads, length and members are those that the events give; 6. folding all events from
the beginning gives the state that is stored, and only of closed threads are contents gone.
Not here: hashes and signatures (``verifying.py``).
"""

from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from weft.cli.words import say
from weft.engine.clock import SystemClock, system_random
from weft.engine.memory import FOLDS, PRUNED, Identity, Memory
from weft.engine.ports import EventRow, Store, ThreadRow
from weft.identity.keys import SEED_BYTES, Signer
from weft.thread import closing
from weft.thread.event import parse
from weft.thread.key_log import KEYLOG

PAGE: Final = 2_000


class _Unfolded:
    """A store without stored folds: whatever is read from it is folded from the beginning."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def value(self, bucket: str, key: str) -> bytes | None:
        """As the store's own, but for folds."""
        return None if bucket == FOLDS else await self._store.value(bucket, key)


async def compared(store: Store, row: ThreadRow) -> list[tuple[str, str]]:
    """(event or "", what is wrong) of one thread: steps 3 to 6."""
    pruned = await store.value(PRUNED, row.thread) is not None
    held: list[EventRow] = []
    while page := await store.events(row.thread, held[-1].position if held else -1, PAGE):
        held += page
    faults = list(_rows(held, row))
    if not pruned:
        faults += _chains(held)
        if len(held) != row.length or any(one.position != place for place, one in enumerate(held)):
            faults.append(("", say("cli.deep.length", length=row.length, events=len(held))))
    return faults or await _folded(store, row)


def _rows(held: list[EventRow], thread: ThreadRow) -> Iterator[tuple[str, str]]:
    """Step 3, and who the members are."""
    for row in held:
        event = parse(row.header, row.signature, {})
        header = event.header
        if event.id != row.id:  # folding might go round in a circle
            yield row.id, say("cli.log.other-id")
        if header.t is None and thread.machine != KEYLOG and msgspec.json.decode(thread.members) != header.mem:
            yield row.id, say("cli.deep.heads")
        said = (header.a or row.author, header.d, header.i, header.n, header.t or row.thread)
        if said != (row.author, row.device, row.incarnation, row.n, row.thread):
            yield row.id, say("cli.deep.columns")


def _chains(held: list[EventRow]) -> Iterator[tuple[str, str]]:
    """Step 4."""
    chains: dict[tuple[str, str, str], dict[int, EventRow]] = {}
    for row in held:
        chains.setdefault((row.author, row.device, row.incarnation), {})[row.n] = row
    for chain in chains.values():
        before: EventRow | None = None
        for n, row in sorted(chain.items()):
            expected = (0, None) if before is None else (before.n + 1, before.id)
            if (n, parse(row.header, row.signature, {}).header.p) != expected:
                yield row.id, say("cli.deep.chain")
            before = row


async def _folded(store: Store, row: ThreadRow) -> list[tuple[str, str]]:
    """Steps 5 and 6."""
    read, anew = [await _memory(one).loaded(row.thread) for one in (store, cast("Store", _Unfolded(store)))]
    faults = []
    if (anew.heads, anew.position) != (row.heads, row.length):
        faults.append(("", say("cli.deep.heads")))
    states = {msgspec.json.encode(one.state) for one in (read, anew)} | ({row.fold} if row.fold else set())
    if anew.machine is not None and len(states) > 1:
        faults.append(("", say("cli.deep.state")))
    if not closing.is_done(anew.state):  # only of what is closed may contents be erased
        faults += [(event, say("cli.deep.content")) for event in await _without_content(store, row.thread)]
    return faults


async def _without_content(store: Store, thread: str) -> list[str]:
    """Ids of the events whose first payload is not there."""
    ids = [row.id for row in await store.events(thread)]
    there = {one.id for one in await store.payloads(thread, ids) if one.slot == 0}
    return [event for event in ids if event not in there]


def _memory(store: Store) -> Memory:
    """A memory that only reads: it is nobody."""
    return Memory(Identity("", Signer(bytes(SEED_BYTES)), ""), store, SystemClock(), system_random)
