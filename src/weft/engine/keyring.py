"""What follows when a firm's key log grows, or its device speaks twice: threads are told, and forks are proved.

A revocation counts in a thread from the word on that tells of it (``thread/standing.py``); whichever member learns of
it first says so, and only where it turns anything.
Rule 1: a word of a device that we know to be revoked is told of in the transaction that stores it: nothing follows
        from it, not for a moment.
Rule 2: a second branch of a key log, validly signed, is proof that the firm's keys are in two hands: it is kept with
        the branch that we hold, both ends stop to work by themselves, and neither branch is given up.
Rule 3: our device has one life at a time, and this node is it: who speaks with its key besides has a copy of it, also
        where he has restored a stolen backup and so begun a life of his own.
Not here: what a key log means (``identity/keylog.py``), how our own grows (``keys.py``), how key logs travel
(``exchange.py``).
"""

import asyncio
from collections.abc import Sequence
from typing import Final

import msgspec

from weft.basis.errors import Denied, WeftError
from weft.engine import handle
from weft.engine.acks import KeysSeen
from weft.engine.levelling import FORK
from weft.engine.memory import ALARMS, Memory
from weft.engine.ports import Batch, ForkRow
from weft.engine.threads import Entry, Loaded, entry_of
from weft.identity import keylog
from weft.thread import standing
from weft.thread.event import Event, wire
from weft.thread.key_log import KEYLOG, KeyLog
from weft.thread.verify import check_key_event

STRANGE: Final = "strange"  # bucket: thread/event of words by our own device that this node did not say

# ---- in threads ----------------------------------------------------------------------------------


def telling(memory: Memory, after: Loaded) -> Event | None:
    """Our word of the key events that would turn a verdict in ``after``, or None when there is nothing to tell."""
    if after.machine is None or not after.shared or not after.revocable or memory.waits(after.members):
        return None
    if let_go(memory):
        return None
    keys = {member: memory.keyring[member] for member in after.members if member in memory.keyring}
    turned = standing.turns(after.thread, after.machine_name, after.entries.values(), keys)
    return handle.word(memory, after, after.machine, KeysSeen(keys=turned)) if turned else None


async def tell(memory: Memory, thread: str) -> bool:
    """Tell ``thread`` of its members' revocations, if that turns anything; whether it was told."""
    async with memory.lock(thread):
        loaded = await memory.loaded(thread)
        event = telling(memory, loaded)
        if event is None:
            return False
        after = loaded.extended([entry_of(event, loaded.machine)])
        await handle.commit(memory, after, [event], Batch(lengths={thread: loaded.position}), before=loaded)
        return True


async def tell_all(memory: Memory, organisation: str) -> int:
    """Tell every thread that we share of what ``organisation`` has revoked; how many were told."""
    told = 0
    for row in await memory.store.threads():
        members = msgspec.json.decode(row.members, type=dict[str, str])
        if len(members) > 1 and organisation in members and memory.organisation in members:
            told += await tell(memory, row.thread)
    return told


def grown(memory: Memory, organisation: str) -> None:
    """The key log of ``organisation`` has grown: ``exchange.run`` does the rest."""
    memory.rotated[organisation] = None
    memory.keys_wake.set()


async def all_grown(memory: Memory) -> None:
    """As if our own key log, and each that has ended anything, had just grown: it may have been told to nobody."""
    for row in await memory.store.threads():
        if row.machine == KEYLOG:
            keys = await memory.keys(row.thread)
            if row.thread == memory.organisation or (keys is not None and keys.ended):
                grown(memory, row.thread)
            await asyncio.sleep(0)


def check_seen(entry: Entry, members: dict[str, str], keyring: dict[str, keylog.KeyState]) -> None:
    """Raises ``Denied`` unless the key events that a ``KeysSeen`` names are of members' key logs as we hold them."""
    for member, event in entry.seen.items():
        held = keyring.get(member)
        if member not in members or held is None or held.place(event) < 0:
            raise Denied("event.unknown-key-event")


# ---- our own device --------------------------------------------------------------------------------


def let_go(memory: Memory) -> bool:
    """Whether our own key log has let our device go: this home is older than the firm's keys, and nobody listens."""
    own = memory.keyring.get(memory.organisation)
    held = own.devices.get(memory.identity.signer.public) if own else None
    return held is None or held.revoked


def in_our_name(memory: Memory, after: Loaded, ready: Sequence[Event], batch: Batch) -> str:
    """``stolen`` when ``ready``, in ``after`` by now, holds a word of our device that is none of ours (Rule 3).

    After a backup was restored words of the life that is lost come back: none of them can have heard of this one.
    """
    mine = (memory.organisation, memory.identity.signer.public, memory.identity.incarnation)
    said = [event for event in ready if (event.author, event.header.d) == mine[:2]]
    if said and memory.reborn:
        above = set[str]()
        for entry in after.entries.values():
            if entry.chain == mine or not above.isdisjoint(entry.parents):
                above.add(entry.id)
        said = [event for event in said if event.id in above]
    batch.values.extend((STRANGE, f"{event.thread}/{event.id}", b"") for event in said)
    return "stolen" if said else ""


# ---- two branches --------------------------------------------------------------------------------


async def branch(memory: Memory, loaded: Loaded, event: Event) -> bool:
    """Whether ``event`` begins a second branch of key log ``loaded``, validly signed; then the proof is kept."""
    if set(loaded.heads) <= set(event.parents):
        return False
    rows = await memory.store.events(loaded.thread)
    ours = await memory.with_payloads(loaded.thread, rows)
    ids = [one.id for one in ours]
    above = [ids.index(parent) for parent in event.parents if parent in ids]
    place = max(above, default=-1) + 1
    if len(above) != len(event.parents) or not 0 < place < len(ours):
        return False
    log = KeyLog(loaded.thread)
    for one in ours[:place]:
        log.take(one)
    if set(log.heads) - set(event.parents):
        return False
    try:
        check_key_event(event, log.state)
    except WeftError:
        return False
    first, header = ours[place], event.header
    if not any(one.second == wire(event) for one in await memory.store.forks(loaded.thread)):
        proof = ForkRow(loaded.thread, header.d, header.i, header.n, wire(first), wire(event))
        await memory.store.commit(Batch(forks=[proof], values=[(ALARMS, loaded.thread, FORK.encode())]))
        memory.alarm(loaded.thread, FORK)
    return True
