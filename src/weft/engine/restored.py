"""After a backup was restored: what we had said since comes back from each partner before we say anything new to it.

Two nodes are level when both hold the same of every thread that they share (``levelling.py``). Without a line the same
is told in bundles: who was restored says so with its new incarnation; the partner's next bundle names that incarnation,
so that it is no older one, and holds what is lacking, with the print of all that both share.
Rule 1: who can be reached is asked; who cannot learns by its next poll that we are restored, and levels from its end.
Rule 2: one thread that cannot be brought level keeps its partner unheard, and no other partner.
Not here: what waits meanwhile (``handle.py``, ``effects.py``), jobs of machines (``doubts.py``), the file of a backup
(``weft/backup.py``).
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from weft.basis.errors import WeftError
from weft.engine import reconcile
from weft.engine.handle import needs_ack
from weft.engine.keyring import all_grown
from weft.engine.levelling import FORK, all_but, asks_no_more, is_level, level
from weft.engine.memory import ANEW, LOST_STARTS, PRICE_PEERS, PRICE_STATE, PRICE_WAITS, RESTORED, TOLD, Change, Memory
from weft.engine.ports import Batch, OutboxRow, Store
from weft.engine.receive import INVITATIONS
from weft.thread.bundle import Manifest

if TYPE_CHECKING:
    from weft.engine.outbox import Outbox

PAUSE_S: Final = (0.2, 10.0)  # before asking again, the first and the longest


async def answer(memory: Memory, peer: str, question: reconcile.Question) -> reconcile.Answer:
    """What we share with ``peer``, as far as it asks; when it holds exactly the same, it is heard."""
    if peer in memory.unheard and is_level(memory, peer, question):
        await heard(memory, peer)
    elif await memory.store.value(ANEW, peer) is not None and is_level(memory, peer, question):
        await asks_no_more(memory, peer)
    return reconcile.answer(memory.holdings.with_(peer), question)


async def heard(memory: Memory, peer: str) -> None:
    """What we had said to ``peer`` is back (or the owner goes on without it): its threads are open again."""
    async with memory.lock(RESTORED):  # else what it has shown of our keys might be noted after
        await memory.store.commit(Batch(values=[(RESTORED, peer, None)]))
        memory.unheard.discard(peer)
    for thread in memory.holdings.with_(peer).threads:
        if needs_ack(await memory.loaded(thread), memory.organisation):
            memory.to_ack[thread] = None
    for wake in (memory.ack_wake, memory.effects_wake, memory.outbox_wake):
        wake.set()
    await all_grown(memory)  # what keys have become meanwhile was not told here
    memory.tell(Change("", "restored", (peer,)))


# ---- by hand -------------------------------------------------------------------------------------


async def told(memory: Memory, peer: str) -> dict[str, str]:
    """What a bundle for ``peer`` says of backups that were restored: fields of its manifest."""
    fields = {"restored": memory.identity.incarnation} if peer in memory.unheard else {}
    asked = await memory.store.value(ANEW, peer)
    if asked is not None:
        shared = memory.holdings.with_(peer).heads
        forked = [thread for thread in shared if memory.alarms.get(thread) == FORK]
        fields |= {"answers": asked.decode(), "all": all_but(memory, peer, forked).ranges[0].print}
    return fields


async def take_told(outbox: "Outbox", manifest: Manifest) -> list[str]:
    """Take in what a bundle of a partner, stored by now, says of backups; threads of which ours owes it word now."""
    memory, peer = outbox.memory, manifest.by
    shared = memory.holdings.with_(peer).threads
    fresh = peer in memory.unheard and manifest.answers == memory.identity.incarnation
    if level_now := fresh and is_level(memory, peer, reconcile.Question([reconcile.Range("", "", manifest.all)])):
        await heard(memory, peer)
    if not manifest.restored:
        await asks_no_more(memory, peer)
        return list(shared) if level_now else []  # so that it hears that it has answered
    theirs = {carried.thread: tuple(carried.heads) for carried in manifest.threads}
    lacks = []
    for thread in shared:
        outbox.theirs[peer, thread] = theirs.get(thread, ())
        if set((await memory.loaded(thread)).heads) != set(outbox.theirs[peer, thread]):
            lacks.append(OutboxRow(peer, thread))
    await memory.store.commit(Batch(values=[(ANEW, peer, manifest.restored.encode())], outbox=lacks))
    memory.outbox_wake.set()
    return list(shared)


# ---- by the line ---------------------------------------------------------------------------------


async def fetch_back(outbox: "Outbox") -> None:
    """Ask everybody that can be reached, over and over, until all are heard."""
    pause_s, longest_s = PAUSE_S
    while outbox.memory.unheard:
        reachable = [peer for peer in sorted(outbox.memory.unheard) if outbox.peers.reachable(peer)]
        await asyncio.gather(*(_fetch_from(outbox, peer) for peer in reachable))
        await asyncio.sleep(pause_s)
        pause_s = min(longest_s, pause_s * 2)


async def _fetch_from(outbox: "Outbox", peer: str) -> None:
    with contextlib.suppress(WeftError):
        if await level(outbox, peer):
            outbox.heard(peer)
            await heard(outbox.memory, peer)


async def begin_anew(store: Store, organisation: str, values: Sequence[tuple[str, str, bytes | None]]) -> list[str]:
    """Mark ``store`` as restored, with ``values``; whoever shares a thread with us is unheard now; gives them."""
    peers = dict[str, None]()
    batch = Batch(values=list(values))
    for row in await store.threads():
        members = msgspec.json.decode(row.members, type=dict[str, str])
        for other in members if organisation in members else ():
            if other != organisation:
                peers[other] = None
                batch.outbox.append(OutboxRow(other, row.thread))
    batch.values += [(RESTORED, peer, b"") for peer in peers]
    batch.values += [(PRICE_STATE, PRICE_WAITS, b"1"), *((PRICE_PEERS, peer, b"") for peer in peers)]
    batch.values.append((LOST_STARTS, "", b""))
    batch.values += [(LOST_STARTS, asked, None) for asked, _ in await store.values(LOST_STARTS) if asked]
    batch.values += [(TOLD, thread, None) for thread, _ in await store.values(TOLD)]  # it may have been another since
    batch.values += [(INVITATIONS, token, None) for token, _ in await store.values(INVITATIONS)]  # may be used up
    await store.commit(batch)
    return list(peers)
