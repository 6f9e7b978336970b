"""What follows when a firm's key log grows: threads are told of revocations, partners of new keys, forks are proved.

A revocation counts in a thread from the word on that tells of it (``thread/standing.py``); whichever member learns of
it first says so, and only where it turns anything. Key logs travel in relationship messages and bundles; and between
nodes that no longer know each other's devices, by an exchange: a key log proves itself, and one of its devices asks.
Rule 1: a word of a device that we know to be revoked is told of in the transaction that stores it: nothing follows
        from it, not for a moment.
Rule 2: a second branch of a key log, validly signed, is proof that the firm's keys are in two hands: it is kept with
        the branch that we hold, both ends stop to work by themselves, and neither branch is given up.
Rule 3: an exchange tells no stranger anything: who is not known gets no answer.
Not here: what a key log means (``identity/keylog.py``), how our own grows (``keys.py``).
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from weft.basis.errors import Denied, Invalid, NotFound, WeftError
from weft.engine import handle
from weft.engine.acks import KeysSeen
from weft.engine.memory import ALARMS, Memory
from weft.engine.ports import Batch, ForkRow, StoreConflict
from weft.engine.threads import Entry, Loaded, entry_of
from weft.identity import keylog
from weft.thread import standing
from weft.thread.event import Event, unwire, wire
from weft.thread.key_log import KEYLOG, KeyLog
from weft.thread.verify import check_key_event
from weft.trade.messages import PartyUpdated
from weft.trade.relationship import KEY_EVENTS_MAX

if TYPE_CHECKING:
    from weft.engine.node import Node

EXCHANGE_PATH: Final = "/peer/v1/keys"
EVENTS_MAX: Final = 1_000
CARRIED_MAX: Final = 150_000  # characters of a key log in one message
FORK: Final = b"fork"


# ---- in threads ----------------------------------------------------------------------------------


def telling(memory: Memory, after: Loaded) -> Event | None:
    """Our word of the key events that would turn a verdict in ``after``, or None when there is nothing to tell."""
    if after.machine is None or not after.shared or not after.revocable or memory.waits(after.members):
        return None
    own = memory.keyring.get(memory.organisation)
    held = own.devices.get(memory.identity.signer.public) if own else None
    if held is None or held.revoked:
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
    """The key log of ``organisation`` has grown: ``run`` does the rest."""
    memory.rotated[organisation] = None
    memory.keys_wake.set()


async def settle(node: "Node") -> None:
    """Do what is to be done for key logs that have grown."""
    while node.rotated:
        organisation = next(iter(node.rotated))
        keys = await node.keys(organisation)
        if organisation == node.organisation:
            await announce(node)
        if keys is not None and keys.ended:
            await tell_all(node, organisation)
        node.rotated.pop(organisation, None)


async def run(node: "Node") -> None:
    """Do it over and over; at first for all key logs, as the node may have died before it had done so."""
    for row in await node.store.threads():
        if row.machine == KEYLOG:
            keys = await node.keys(row.thread)
            if row.thread == node.organisation or (keys is not None and keys.ended):
                grown(node, row.thread)
            await asyncio.sleep(0)
    while True:
        try:
            await settle(node)
        except (WeftError, StoreConflict):
            await asyncio.sleep(node.tick_s)
            continue
        await node.keys_wake.wait()
        node.keys_wake.clear()


def check_seen(entry: Entry, members: dict[str, str], keyring: dict[str, keylog.KeyState]) -> None:
    """Raises ``Denied`` unless the key events that a ``KeysSeen`` names are of members' key logs as we hold them."""
    for member, event in entry.seen.items():
        held = keyring.get(member)
        if member not in members or held is None or held.place(event) < 0:
            raise Denied("event.unknown-key-event")


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
        await memory.store.commit(Batch(forks=[proof], values=[(ALARMS, loaded.thread, FORK)]))
        memory.alarm(loaded.thread, FORK.decode())
    return True


# ---- the exchange --------------------------------------------------------------------------------


class Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``firm`` shows its whole key ``log`` in wire form; the answer shows the other's."""

    firm: str
    log: list[str]


_EXCHANGE = msgspec.json.Decoder(Exchange)


def read_exchange(body: bytes) -> Exchange:
    """The exchange in ``body``; raises ``Invalid``."""
    try:
        found = _EXCHANGE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("sync.malformed") from error
    if len(found.log) > EVENTS_MAX:
        raise Invalid("sync.too-many", limit=EVENTS_MAX)
    return found


async def own(memory: Memory) -> Exchange:
    """Our own key log."""
    rows = await memory.store.events(memory.organisation)
    log = [wire(one).decode() for one in await memory.with_payloads(memory.organisation, rows)]
    return Exchange(memory.organisation, log)


def proved(body: bytes) -> keylog.KeyState | None:
    """The key state that an exchange proves by itself, or None: one of its devices must have signed the request."""
    from weft.engine.receive import key_state

    try:
        shown = read_exchange(body)
        return key_state(shown.firm, shown.log)
    except WeftError:
        return None


async def answer(memory: Memory, asker: str, body: bytes) -> Exchange:
    """Take in what a firm that we know shows, and show ours; raises ``NotFound`` to strangers."""
    shown = read_exchange(body)
    if shown.firm != asker or asker == memory.organisation or await memory.keys(asker) is None:
        raise NotFound("thread.unknown")
    await take(memory, asker, shown.log)
    return await own(memory)


async def take(memory: Memory, organisation: str, log: Sequence[str]) -> None:
    """Take in the key log of a firm that we know; raises ``Denied`` or ``Invalid`` at the first event that is none."""
    from weft.engine.receive import take_key_event

    for envelope in log:
        await take_key_event(memory, organisation, unwire(envelope.encode()))


async def take_answer(memory: Memory, peer: str, body: bytes) -> bool:
    """Take in what ``peer`` showed in turn; whether it was news. Raises ``Denied`` or ``Invalid``."""
    before, shown = await memory.keys(peer), read_exchange(body)
    if shown.firm != peer:
        raise Invalid("keylog.other-log")
    await take(memory, peer, shown.log)
    return before != await memory.keys(peer)


# ---- telling partners ----------------------------------------------------------------------------


async def announce(node: "Node") -> None:
    """Say our present keys in each relationship that holds an older key log of ours."""
    from weft.engine.reactions.meeting import own_party

    log = tuple((await own(node)).log)
    if len(log) > KEY_EVENTS_MAX or sum(len(one) for one in log) > CARRIED_MAX:
        return  # it travels in bundles and by exchange
    for thread in node.partners.values():
        loaded = await node.whole(thread)
        told = [len(getattr(entry.message, "key_log", ())) for entry in loaded.entries.values()
                if entry.author == node.organisation]
        if max(told, default=0) < len(log) and not node.waits(loaded.members):
            await node.speak(thread, PartyUpdated(party=own_party(node), key_log=log))


