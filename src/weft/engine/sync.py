"""How two nodes bring one thread to the same heads: what they tell each other, and both ends of it.

One round: the caller says its heads and pushes what the other probably lacks; the answer says the heads after that
and gives what the caller lacks. Rounds repeat until nothing is missing. Speaks of heads only, never of numbers.
Rule 1: bounded: at most ``EVENTS_MAX`` events and about ``BYTES_MAX`` bytes each way in one round.
Rule 2: one end may ask only for threads that both are members of; else there is no such thread. Nor does the other
        end learn of any more when it names one to be fetched.
Not here: HTTP and signatures (``requests.py``, ``doors/peer``), when to deliver (``outbox.py``).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from weft.basis.errors import Invalid, NotFound
from weft.engine.memory import Memory
from weft.engine.receive import BREATH, Received, key_log_of, receive, take_key_event
from weft.engine.threads import Loaded
from weft.thread import closing, graph
from weft.thread.event import Envelope, Event, from_envelope, to_envelope, unwire

EVENTS_MAX: Final = 256
BYTES_MAX: Final = 700_000
HEADS_MAX: Final = 64
THREADS_MAX: Final = 1_000
ID_LENGTH: Final = 43  # characters of 32 bytes in base64url: of an event, of a thread
UNKNOWN_KEYS: Final = "event.unknown-key-event"
SYNC_PATH: Final = "/peer/v1/sync"
POLL_PATH: Final = "/peer/v1/poll"


class SyncRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``heads``: what the caller holds; ``events``: what it pushes."""

    thread: str
    heads: list[str]
    events: list[Envelope] = []


class SyncReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """``heads``: what the answerer holds now; ``events``: what the caller lacks; ``invalid``: (id, code) not taken.

    ``key_log``: the answerer's own, as long as the caller holds no word of it in a relationship thread.
    """

    heads: list[str]
    events: list[Envelope] = []
    more: bool = False
    invalid: list[tuple[str, str]] = []
    key_log: list[str] = []


class PollRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Wait up to ``wait_ms`` until there is something for us."""

    wait_ms: int = 0


class PollReply(msgspec.Struct, frozen=True, omit_defaults=True):
    """Threads in which the answerer has something that the caller has not acknowledged.

    ``restored``: the answerer lacks what both said since its backup, and cannot reach the caller to fetch it.
    """

    threads: list[str]
    restored: bool = False


_REQUEST = msgspec.json.Decoder(SyncRequest)
_REPLY = msgspec.json.Decoder(SyncReply)
_POLL = msgspec.json.Decoder(PollRequest)
_POLLED = msgspec.json.Decoder(PollReply)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_request(body: bytes) -> SyncRequest:
    """The request in ``body``; raises ``Invalid``."""
    try:
        request = _REQUEST.decode(body)
    except _UNREADABLE as error:
        raise Invalid("sync.malformed") from error
    _check(request.events, request.heads)
    return request


def read_poll(body: bytes) -> PollRequest:
    """The poll in ``body``; raises ``Invalid``."""
    try:
        return _POLL.decode(body)
    except _UNREADABLE as error:
        raise Invalid("sync.malformed") from error


def read_polled(body: bytes) -> PollReply:
    """The answer to a poll; raises ``Invalid``."""
    try:
        reply = _POLLED.decode(body)
        named = [thread for thread in reply.threads[:THREADS_MAX] if len(thread) == ID_LENGTH]
        return PollReply(named, reply.restored)
    except _UNREADABLE as error:
        raise Invalid("sync.malformed") from error


def read_reply(body: bytes) -> SyncReply:
    """The answer in ``body``; raises ``Invalid``."""
    try:
        reply = _REPLY.decode(body)
    except _UNREADABLE as error:
        raise Invalid("sync.malformed") from error
    _check(reply.events, reply.heads)
    return reply


def _check(events: Sequence[Envelope], heads: Sequence[str]) -> None:
    """Raises ``Invalid``: what is kept of the other's heads is kept for each thread."""
    if len(events) > EVENTS_MAX or len(heads) > HEADS_MAX:
        raise Invalid("sync.too-many", limit=EVENTS_MAX)
    if any(len(head) != ID_LENGTH for head in heads):
        raise Invalid("sync.malformed")


async def answer(
    memory: Memory, peer: str, request: SyncRequest, folded: Callable[[int], None] = lambda _count: None
) -> SyncReply:
    """The answerer's end: take in, and give back what ``peer`` lacks; raises ``NotFound`` to strangers.

    ``folded`` is told how many events had to be read once more for what came.
    """
    events, bad = _events(request.events)
    taken = Received()
    if events:
        taken = await receive(memory, peer, request.thread, events)
        folded(taken.folded)
    loaded = await memory.find(request.thread)
    if loaded is None or not loaded.shared or peer not in loaded.members or memory.organisation not in loaded.members:
        raise NotFound("thread.unknown")
    envelopes, more = await lacking(memory, loaded, request.heads)
    key_log = [] if await _knows_us(memory, loaded, request.heads) else await key_log_of(memory, memory.organisation)
    return SyncReply(heads=list(loaded.heads[:HEADS_MAX]), events=envelopes, more=more, invalid=[*bad, *taken.invalid],
                     key_log=list(key_log))


async def _knows_us(memory: Memory, loaded: Loaded, theirs: Sequence[str]) -> bool:
    """Whether one who holds heads ``theirs`` of a relationship has verified a word of ours: it holds our key log."""
    if not loaded.machine_name.startswith("relationship/"):
        return True
    if any(loaded.entries[name].author == memory.organisation for name in graph.past(loaded.parents(), theirs)):
        return True
    if not loaded.below:
        return False
    history = await memory.histories.of(loaded.thread)
    return any(history.authors[name] == memory.organisation for name in graph.past(history.parents, theirs))


def _events(envelopes: Iterable[Envelope]) -> tuple[list[Event], list[tuple[str, str]]]:
    events, bad = list[Event](), list[tuple[str, str]]()
    for envelope in envelopes:
        try:
            events.append(from_envelope(envelope))
        except Invalid as error:
            bad.append(("", error.code))
    return events, bad


async def lacking(memory: Memory, loaded: Loaded, theirs: Sequence[str]) -> tuple[list[Envelope], bool]:
    """(events, parents first, that one who holds heads ``theirs`` lacks; whether more remain)."""
    order, absent = loaded.order, loaded.lacked_by(theirs)
    if loaded.below and not any(head in loaded.entries for head in theirs):  # it lacks also what is not in memory
        parents = (await memory.histories.of(loaded.thread)).parents
        order, absent = list(parents), graph.missing(parents, theirs)
    if not absent:
        return [], False
    chosen: list[Envelope] = []
    size = 0
    ordered = [name for name in order if name in absent]
    if loaded.bare:
        ordered = closing.words_first(loaded.entries, ordered)
    for name in ordered[:EVENTS_MAX]:
        if len(chosen) % BREATH == BREATH - 1:
            await asyncio.sleep(0)  # others are answered meanwhile
        event = await memory.event(loaded.thread, name)
        assert event is not None
        envelope = to_envelope(event)
        size += len(envelope.e) + sum(len(content) for _, content in envelope.b.values()) + 200
        if chosen and size > BYTES_MAX:
            break
        chosen.append(envelope)
    return chosen, len(chosen) < len(ordered)


async def opening(memory: Memory, peer: str, loaded: Loaded, theirs: Sequence[str] | None) -> SyncRequest:
    """The caller's next round, given the heads that ``peer`` held last time; raises ``NotFound`` (Rule 2).

    None: we do not know; whatever it has said itself it held, with all below (or else its answer tells).
    """
    if peer not in loaded.members or memory.organisation not in loaded.members:
        raise NotFound("thread.unknown")
    if theirs is None:
        theirs = [tip for (author, _, _), (_, tip) in loaded.tips.items() if author == peer]
    envelopes, _ = await lacking(memory, loaded, theirs)
    return SyncRequest(thread=loaded.thread, heads=list(loaded.heads[:HEADS_MAX]), events=envelopes)


class Concluded(NamedTuple):
    """``level``: the other now holds all that we hold; ``apart``: one of both lacks a key event of the other's."""

    level: bool
    apart: bool


async def conclude(memory: Memory, peer: str, thread: str, reply: SyncReply) -> Concluded:
    """The caller's end: take in what came back, and say how it stands."""
    for envelope in reply.key_log:
        await take_key_event(memory, peer, unwire(envelope.encode()))
    events, _ = _events(reply.events)
    taken = await receive(memory, peer, thread, events) if events else Received()
    apart = any(code == UNKNOWN_KEYS for _, code in (*reply.invalid, *taken.invalid))
    loaded = await memory.loaded(thread)
    return Concluded(not reply.more and not loaded.lacked_by(reply.heads), apart)
