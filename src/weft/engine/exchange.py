"""Key logs on their way: told to partners and threads as they grow, and shown by nodes that no longer know each other.

Key logs travel in relationship messages and bundles; and between nodes that no longer know each other's devices, by an
exchange: a key log proves itself, and one of its devices asks.
Rule 1: an exchange tells no stranger anything: who is not known gets no answer.
Rule 2: what a key log brings to threads and partners is done once more when a node begins, as it may have died before.
Rule 3: a firm or a thread that cannot be told keeps no other from being told.
Rule 4: who shows less of its own key log than we hold is shown the rest: a backup from before its keys were renewed
        learns so that they were, and from no other kind of word, as nobody listens to its device any more.
Not here: what is told (``keyring.py``), HTTP (``doors/peer``, ``peers/http.py``).
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from weft.basis.errors import Invalid, NotFound, Refused, WeftError
from weft.engine.keyring import all_grown, tell_all
from weft.engine.memory import RESTORED, Memory
from weft.engine.ports import Batch, StoreConflict
from weft.engine.receive import key_log_of, key_state, take_key_event
from weft.identity import keylog
from weft.thread import closing
from weft.thread.event import unwire, wire
from weft.trade import relationship
from weft.trade.messages import PartyUpdated

if TYPE_CHECKING:
    from weft.engine.node import Node

EXCHANGE_PATH: Final = "/peer/v1/keys"
BODY_MAX: Final = 8 * 1024 * 1024  # the longest key log that anybody takes has 6 MB
CARRIED_MAX: Final = 150_000  # characters of a key log in one message
SHOWN: Final = b"keys"  # in RESTORED: this partner has not given back our words, but what it knows of our keys


async def settle(node: "Node") -> None:
    """Do what is to be done for key logs that have grown; raises the first trouble, and keeps what it kept from."""
    trouble: WeftError | StoreConflict | None = None
    undone: list[str] = []
    while node.rotated:
        organisation = next(iter(node.rotated))
        node.rotated.pop(organisation)  # before: what grows meanwhile is to be told anew
        try:
            keys = await node.keys(organisation)
            if keys is not None and keys.ended:  # first: what we say of ourselves is not to be a thief's word
                await tell_all(node, organisation)
            if organisation == node.organisation:
                await announce(node)
        except (WeftError, StoreConflict) as error:
            trouble = trouble or error
            undone.append(organisation)
    node.rotated.update(dict.fromkeys(undone))
    if trouble is not None:
        raise trouble


async def run(node: "Node") -> None:
    """Do it over and over; at first for all key logs, as the node may have died before it had done so."""
    await all_grown(node)
    while True:
        try:
            await settle(node)
        except (WeftError, StoreConflict):
            await asyncio.sleep(node.tick_s)
            continue
        await node.keys_wake.wait()
        node.keys_wake.clear()


# ---- the exchange --------------------------------------------------------------------------------


class Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``firm`` shows its whole key ``log`` in wire form; the answer shows the other's, and ``yours`` (Rule 4)."""

    firm: str
    log: list[str]
    yours: list[str] = []


_EXCHANGE = msgspec.json.Decoder(Exchange)


def read_exchange(body: bytes) -> Exchange:
    """The exchange in ``body``; raises ``Invalid``."""
    try:
        found = _EXCHANGE.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("sync.malformed") from error
    if max(len(found.log), len(found.yours)) > keylog.EVENTS_MAX:
        raise Invalid("sync.too-many", limit=keylog.EVENTS_MAX)
    return found


async def own(memory: Memory) -> Exchange:
    """Our own key log; where it lets our own device go, what stands before that: else nobody would answer (Rule 4)."""
    rows = await memory.store.events(memory.organisation)
    log = [wire(one).decode() for one in await memory.with_payloads(memory.organisation, rows)]
    keys = await memory.keys(memory.organisation)
    held = keys.devices.get(memory.identity.signer.public) if keys else None
    return Exchange(memory.organisation, log[:held.ends[0].at] if held is not None and held.revoked else log)


def proved(body: bytes) -> keylog.KeyState | None:
    """The key state that an exchange proves by itself, or None: one of its devices must have signed the request."""
    try:
        shown = read_exchange(body)
        return key_state(shown.firm, shown.log)
    except WeftError:
        return None


async def answer(memory: Memory, asker: str, shown: Exchange) -> Exchange:
    """Take in what a firm that we know shows, and show ours; raises ``NotFound`` to strangers."""
    if shown.firm != asker or asker == memory.organisation or await memory.keys(asker) is None:
        raise NotFound("thread.unknown")
    await take(memory, asker, shown.log)
    ours, theirs = await own(memory), await key_log_of(memory, asker)
    return msgspec.structs.replace(ours, yours=list(theirs)) if len(theirs) > len(shown.log) else ours


async def take(memory: Memory, organisation: str, log: Sequence[str]) -> None:
    """Take in the key log of a firm that we know; raises ``Denied`` or ``Invalid`` at the first event that is none."""
    for envelope in log:
        await take_key_event(memory, organisation, unwire(envelope.encode()))


async def take_answer(memory: Memory, peer: str, body: bytes) -> bool:
    """Take in what ``peer`` showed in turn and signed; whether it was news. Raises ``Denied`` or ``Invalid``."""
    shown = read_exchange(body)
    news = await take_theirs(memory, peer, shown)
    return await take_ours(memory, peer, shown) or news


async def take_theirs(memory: Memory, peer: str, shown: Exchange) -> bool:
    """Take in the key log of ``peer``, which proves itself; whether it was news. Raises ``Denied`` or ``Invalid``."""
    before = await memory.keys(peer)
    if shown.firm != peer:
        raise Invalid("keylog.other-log")
    await take(memory, peer, shown.log)
    return before != await memory.keys(peer)


async def take_ours(memory: Memory, peer: str, shown: Exchange) -> bool:
    """Take in what ``peer`` knows of our own keys; whether it was news. Raises ``Denied`` or ``Invalid``.

    Only of what it has signed: that it knows no more is what nobody else may say for it.
    """
    if peer not in memory.unheard:
        return False
    before = memory.key_event
    await take(memory, memory.organisation, shown.yours)
    async with memory.lock(RESTORED):
        if peer in memory.unheard:
            await memory.store.commit(Batch(values=[(RESTORED, peer, SHOWN)]))
    return before != memory.key_event


async def unseen(memory: Memory) -> list[str]:
    """Partners that may hold words of ours which a backup has lost, and have not shown what they know of our keys."""
    return [peer for peer, said in await memory.store.values(RESTORED) if said != SHOWN and peer in memory.unheard]


# ---- telling partners ----------------------------------------------------------------------------


async def announce(node: "Node") -> None:
    """Say our present keys in each relationship that holds an older key log of ours."""
    log = tuple((await own(node)).log)
    if len(log) > relationship.KEY_EVENTS_MAX or sum(len(one) for one in log) > CARRIED_MAX:
        log = ()  # a word without it makes the partner ask: the log travels by exchange then, and in bundles
    trouble: WeftError | None = None
    for thread in node.partners.values():
        try:
            await _announce(node, thread, log)
        except Refused:  # what no longer takes any word of ours needs none
            continue
        except WeftError as error:
            trouble = trouble or error
    if trouble is not None:
        raise trouble


async def _announce(node: "Node", thread: str, log: tuple[str, ...]) -> None:
    loaded = await node.whole(thread)
    party = relationship.party(loaded.state, node.organisation)
    if party is None or node.waits(loaded.members) or closing.is_done(loaded.state):
        return
    told = [len(getattr(entry.message, "key_log", ())) for entry in loaded.entries.values()
            if entry.author == node.organisation]
    if not log:
        await node.speak(thread, PartyUpdated(party=party), f"keys:{node.key_event}:{thread}")
    elif max(told, default=0) < len(log):
        await node.speak(thread, PartyUpdated(party=party, key_log=log))
