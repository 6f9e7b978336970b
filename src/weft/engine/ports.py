"""What the engine asks of the outside: a store, a clock, and the way to other nodes.

Rule 1: ``Store.commit`` is atomic and durable when it returns; all of the batch is there, or nothing.
Rule 2: the store is the only place that survives; whatever is not in it may be lost at any await.
Rule 3: keys start with the thread (or the peer), so that a store may be split by thread later.
Not here: engines (``stores/``), HTTP (``peers/``), the machine's port (``shopfloor/connection.py``).
"""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from weft.basis.errors import WeftError


class ThreadRow(msgspec.Struct, frozen=True, gc=False):
    """One thread or book: its machine (``m``), genesis id, heads, cached fold at those heads, length.

    ``members`` is canonical JSON ``{organisation: role}``; ``fold`` is the folded state as JSON, or
    empty when it must be folded anew; ``length`` counts stored (applied) events, genesis included.
    """

    thread: str
    machine: str
    members: bytes
    heads: tuple[str, ...]
    fold: bytes
    length: int


class EventRow(msgspec.Struct, frozen=True, gc=False):
    """One stored event; ``position`` is this node's private order of arrival within the thread.

    ``signature`` is empty for an event of a book that a later signed tip binds by hash.
    """

    thread: str
    id: str
    author: str
    device: str
    incarnation: str
    n: int
    position: int
    header: bytes
    signature: bytes


class PayloadRow(msgspec.Struct, frozen=True, gc=False):
    """The bytes behind one payload slot of an event, with their salt (32 bytes)."""

    thread: str
    id: str
    slot: int
    salt: bytes
    content: bytes


class PendingRow(msgspec.Struct, frozen=True, gc=False):
    """A verified-by-signature event whose parents are missing; ``envelope`` is its wire form."""

    thread: str
    id: str
    author: str
    device: str
    incarnation: str
    n: int
    envelope: bytes


class ForkRow(msgspec.Struct, frozen=True, gc=False):
    """Proof that a device said two things at one place of its chain: two wire forms."""

    thread: str
    device: str
    incarnation: str
    n: int
    first: bytes
    second: bytes


class EffectRow(msgspec.Struct, frozen=True, gc=False):
    """A consequence still to be drawn: ``reaction`` of the event ``cause`` in ``thread``.

    ``final`` waits until the cause is final (``facts`` threads §4). ``attempts`` counts failed runs,
    ``due_ms`` is the earliest next run.
    """

    thread: str
    cause: str
    reaction: str
    final: bool
    attempts: int = 0
    due_ms: int = 0


class OutboxRow(msgspec.Struct, frozen=True, gc=False):
    """A thread that a peer has not yet acknowledged up to ``heads``; kept until it has."""

    peer: str
    thread: str
    attempts: int = 0
    due_ms: int = 0


class DoneRow(msgspec.Struct, frozen=True, gc=False):
    """The remembered first result of a command on ``thread``; ``key`` is its idempotency key."""

    thread: str
    key: str
    result: bytes


class Batch(msgspec.Struct):
    """Everything that one transaction changes. Lists are applied in the order of the fields.

    ``events`` conflict (``StoreConflict``) when their id, or (author, device, incarnation, n) within
    the thread, is already there. ``done`` conflicts when its key is there. ``threads`` upsert; the
    expected former length of each changed thread is in ``lengths`` (absent: not checked).
    ``values`` upsert (bucket, key) -> bytes, ``None`` deletes. What is ``erased`` or ``dropped`` is nowhere in the
    store's files once nobody reads an older state of them: freed bytes are overwritten.
    """

    lengths: dict[str, int] = {}
    threads: list[ThreadRow] = []
    events: list[EventRow] = []
    payloads: list[PayloadRow] = []
    pending: list[PendingRow] = []
    pending_settled: list[tuple[str, str]] = []  # (thread, id)
    forks_settled: list[tuple[str, str, str, int]] = []  # (thread, device, incarnation, n)
    forks: list[ForkRow] = []  # the first of a place stays
    effects: list[EffectRow] = []  # upsert by (thread, cause, reaction)
    effects_settled: list[tuple[str, str, str]] = []
    outbox: list[OutboxRow] = []  # upsert by (peer, thread)
    outbox_settled: list[tuple[str, str]] = []
    done: list[DoneRow] = []
    values: list[tuple[str, str, bytes | None]] = []
    erased: list[tuple[str, str]] = []  # (thread, id): its payloads, salts and all
    dropped: list[tuple[str, str]] = []  # (thread, id): the event itself, once it is erased


class StoreConflict(Exception):
    """A batch met rows that are already there; nothing of it was stored."""


class Store(Protocol):
    """Where bytes rest. One writer; commits of one moment are grouped into one transaction.

    ``commit`` raises ``StoreConflict`` for the conflicting batch only, never for its neighbours in the
    group, ``Unavailable('store.full')`` without room, and ``Unavailable('store.unavailable')`` when the disk
    fails: then nothing is stored until the store has made sure of the disk. Whatever raised is not stored.
    Reads see every commit that has returned. Lists are ordered as said.
    """

    async def commit(self, batch: Batch) -> None: ...
    async def thread(self, thread: str) -> ThreadRow | None: ...
    async def threads(self) -> Sequence[ThreadRow]: ...  # by thread
    async def events(self, thread: str, after: int = -1, limit: int = 1_000_000) -> Sequence[EventRow]:
        """Events with position > ``after``, by position."""
        ...

    async def event(self, thread: str, id: str) -> EventRow | None: ...
    async def chain(self, thread: str, author: str, device: str, incarnation: str, n: int) -> EventRow | None: ...
    async def payloads(self, thread: str, ids: Sequence[str]) -> Sequence[PayloadRow]: ...  # by id, slot
    async def pending(self, thread: str) -> Sequence[PendingRow]: ...  # by (device, n, id)
    async def forks(self, thread: str | None = None) -> Sequence[ForkRow]: ...
    async def effects(self) -> Sequence[EffectRow]: ...  # by due_ms, then order of insertion
    async def outbox(self) -> Sequence[OutboxRow]: ...  # by due_ms
    async def done(self, thread: str, key: str) -> bytes | None: ...
    async def value(self, bucket: str, key: str) -> bytes | None: ...
    async def values(self, bucket: str) -> Sequence[tuple[str, bytes]]: ...  # by key
    async def trouble(self) -> WeftError | None: ...  # why nothing can be stored now; None: all is well
    async def size(self) -> int: ...  # bytes that it takes up: no less than what it holds
    async def close(self) -> None: ...


class Clock(Protocol):
    """The present time; the only way in for it."""

    def now_ms(self) -> int: ...


class Randomness(Protocol):
    """Unguessable bytes; seeded in simulation."""

    def __call__(self, length: int, /) -> bytes: ...


class Peers(Protocol):
    """How we reach another node: one signed request, one answer. Raises ``Unavailable`` when it cannot."""

    def reachable(self, organisation: str) -> bool:
        """Whether we have an address of ``organisation`` at all."""
        ...

    async def request(self, organisation: str, path: str, body: bytes) -> bytes: ...
    async def close(self) -> None: ...


class PriceLogs(Protocol):
    """How we reach another firm's price log and its witness, as C2SP has it. Raises ``Unavailable`` when we cannot."""

    async def fetch(self, organisation: str, path: str, limit: int) -> bytes:
        """What lies at ``path`` below the log's prefix, at most ``limit`` bytes; raises ``NotFound``."""
        ...

    async def add_checkpoint(self, organisation: str, door: str, body: bytes) -> tuple[int, bytes]:
        """(status, answer) of the witness of ``organisation``; ``door``: the address that it gave us alone, or ""."""
        ...

    async def close(self) -> None: ...
