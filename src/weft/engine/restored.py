"""After a backup was restored: what we had said since comes back from each partner before we say anything new to it.

Two nodes are level when both hold the same of every thread that they share: one asks for the other's list of threads,
syncs those that differ, and says the digest of its own list.
Rule 1: who can be reached is asked; who cannot learns by its next poll that we are restored, and levels from its end.
Rule 2: a list names only threads that both are members of, and digests of heads, so that it tells nothing new.
Rule 3: one thread that cannot be brought level keeps its partner unheard, and no other partner.
Not here: what waits meanwhile (``handle.py``, ``effects.py``), the file of a backup (``weft/backup.py``).
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine.handle import needs_ack
from weft.engine.memory import RESTORED, Change, Memory
from weft.engine.ports import Batch, OutboxRow, Store
from weft.engine.receive import INVITATIONS

if TYPE_CHECKING:
    from weft.engine.outbox import Outbox

LIST_PATH: Final = "/peer/v1/threads"
LISTED_MAX: Final = 5_000  # threads in one answer
PAGES_MAX: Final = 1_000
PAUSE_S: Final = (0.2, 10.0)  # before asking again, the first and the longest


class ListRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``after``: go on behind this thread; ``digest``: of all that the caller holds, when it thinks us level."""

    after: str = ""
    digest: str = ""


class ListReply(msgspec.Struct, frozen=True):
    """(thread, digest of its heads) in order, as many as fit, and whether there are more."""

    threads: list[tuple[str, str]]
    more: bool = False


_REQUEST = msgspec.json.Decoder(ListRequest)
_REPLY = msgspec.json.Decoder(ListReply)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_list_request(body: bytes) -> ListRequest:
    """The request in ``body``; raises ``Invalid``."""
    try:
        return _REQUEST.decode(body)
    except _UNREADABLE as error:
        raise Invalid("sync.malformed") from error


def read_list(body: bytes) -> ListReply:
    """The answer in ``body``; raises ``Invalid``."""
    try:
        reply = _REPLY.decode(body)
    except _UNREADABLE as error:
        raise Invalid("sync.malformed") from error
    if len(reply.threads) > LISTED_MAX:
        raise Invalid("sync.too-many", limit=LISTED_MAX)
    return reply


async def held(memory: Memory, peer: str) -> dict[str, str]:
    """Threads that we share with ``peer`` and the digests of their heads, in order."""
    found: dict[str, str] = {}
    for row in await memory.store.threads():
        members = msgspec.json.decode(row.members, type=dict[str, str])
        if peer in members and memory.organisation in members:
            found[row.thread] = b64(digest("heads/1", *(head.encode() for head in sorted(row.heads))))
    return found


def _all(threads: Mapping[str, str]) -> str:
    """One digest of a whole list."""
    return b64(digest("held/1", *(f"{thread} {heads}".encode() for thread, heads in sorted(threads.items()))))


async def answer_list(memory: Memory, peer: str, request: ListRequest) -> ListReply:
    """What we share with ``peer``; when it holds exactly the same, it is heard."""
    ours = await held(memory, peer)
    if peer in memory.unheard and request.digest == _all(ours):
        await heard(memory, peer)
    listed = [one for one in sorted(ours.items()) if one[0] > request.after] if not request.digest else []
    return ListReply(listed[:LISTED_MAX], len(listed) > LISTED_MAX)


async def level(outbox: "Outbox", peer: str) -> bool:
    """Bring every thread shared with ``peer`` to the same heads at both ends; whether all could be; raises."""
    memory = outbox.memory
    theirs, ours = await _list_of(outbox, peer), await held(memory, peer)
    differ = [thread for thread in sorted({*theirs, *ours}) if theirs.get(thread) != ours.get(thread)]
    differ.sort(key=lambda thread: thread != memory.partner(peer))  # keys and addresses first
    done = [await _one_level(outbox, peer, thread, known=thread in theirs) for thread in differ]
    if all(done):
        request = ListRequest(digest=_all(await held(memory, peer)))
        await outbox.peers.request(peer, LIST_PATH, msgspec.json.encode(request))
    return all(done)


async def _list_of(outbox: "Outbox", peer: str) -> dict[str, str]:
    theirs: dict[str, str] = {}
    after = ""
    for _ in range(PAGES_MAX):
        request = ListRequest(after=after)
        reply = read_list(await outbox.peers.request(peer, LIST_PATH, msgspec.json.encode(request)))
        theirs.update(reply.threads)
        if not reply.more or not reply.threads or reply.threads[-1][0] <= after:
            break
        after = reply.threads[-1][0]
    return theirs


async def _one_level(outbox: "Outbox", peer: str, thread: str, *, known: bool) -> bool:
    """Whether both ends hold the same of ``thread`` now; ``known``: the peer has at least its beginning."""
    if not known:
        outbox.theirs[peer, thread] = ()
    try:
        await (outbox.pull(peer, thread) if known else outbox.sync(peer, thread))
    except (NotFound, Invalid):
        return False
    loaded = await outbox.memory.loaded(thread)
    return all([await outbox.memory.holds(loaded, head) for head in outbox.theirs[peer, thread]])


async def heard(memory: Memory, peer: str) -> None:
    """What we had said to ``peer`` is back (or the owner goes on without it): its threads are open again."""
    await memory.store.commit(Batch(values=[(RESTORED, peer, None)]))
    memory.unheard.discard(peer)
    for thread in await held(memory, peer):
        if needs_ack(await memory.loaded(thread), memory.organisation):
            memory.to_ack[thread] = None
    for wake in (memory.ack_wake, memory.effects_wake, memory.outbox_wake):
        wake.set()
    memory.tell(Change("", "restored", (peer,)))


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
    batch.values += [(INVITATIONS, token, None) for token, _ in await store.values(INVITATIONS)]  # may be used up
    await store.commit(batch)
    return list(peers)
