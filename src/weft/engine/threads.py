"""One thread or book in memory: its graph, its folded state, and the tips of its chains.

A book has one member and grows in one line, so only its heads and state are kept; a shared thread keeps its graph.
Rule 1: nothing here changes before the store has it: ``extended`` gives a new value, swapped in after the commit.
Rule 2: an event above all heads extends the fold; a concurrent one folds anew from the beginning of the thread.
Not here: bytes at rest (``ports.py``), who may write (``handle.py``, ``receive.py``).
"""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from weft.basis.canonical import encode
from weft.basis.decider import Said
from weft.basis.errors import Invalid
from weft.basis.instant import from_ms
from weft.engine.machines import Machine
from weft.thread import clock, fold, graph
from weft.thread.event import Event

Chain = tuple[str, str, str]  # author, device, incarnation


@dataclass(frozen=True, slots=True)
class Entry:
    """One event as the fold and the views see it; ``message`` None: unknown here, erased, or malformed (``fault``)."""

    id: str
    author: str
    kind: str
    message: Any
    hlc: str
    parents: tuple[str, ...]
    chain: Chain
    n: int
    fault: str = ""

    @property
    def at_ms(self) -> int:
        """The author's own clock, for display only."""
        return clock.milliseconds(self.hlc)


@dataclass(slots=True)
class Loaded:
    """A thread as it stands. ``position`` is the next place of arrival; ``snapshot`` events are in the stored fold."""

    thread: str
    machine: Machine | None
    machine_name: str
    members: dict[str, str]
    state: Any
    heads: tuple[str, ...] = ()
    position: int = 0
    snapshot: int = 0
    hlc: str = "0" * 16
    tips: dict[Chain, tuple[int, str]] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    void: dict[str, str] = field(default_factory=dict)
    members_json: bytes = b""

    def __post_init__(self) -> None:
        self.members_json = encode(self.members)

    @property
    def shared(self) -> bool:
        """Whether other firms may be members: then the whole graph is kept."""
        return self.machine is None or self.machine.shared

    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """Ids to their parents' ids, of a shared thread."""
        return {name: entry.parents for name, entry in self.entries.items()}

    def final(self) -> set[str]:
        """Ids of the final events of a shared thread."""
        authors = {name: entry.author for name, entry in self.entries.items()}
        return graph.final(self.parents(), authors, self.members)

    def said(self, entry: Entry) -> Said:
        """``entry`` as the rules see it."""
        return Said(id=entry.id, by=entry.author, role=self.members.get(entry.author, ""), message=entry.message,
                    at=from_ms(entry.at_ms))

    def copied(self) -> "Loaded":
        """Another of the same value, which may be grown by ``take`` without touching this one."""
        other = copy(self)
        other.tips, other.void = dict(self.tips), dict(self.void)
        if self.shared:
            other.entries, other.order = dict(self.entries), list(self.order)
        return other

    def extended(self, entries: Iterable[Entry]) -> "Loaded":
        """This thread with ``entries`` (parents first) taken in; ``self`` stays as it is."""
        after = self.copied()
        concurrent = False
        for entry in entries:
            concurrent = not after.take(entry, refold_later=concurrent) or concurrent
        if concurrent:
            after.refold()
        return after

    def take(self, entry: Entry, *, refold_later: bool) -> bool:
        """Add one event; False when it is concurrent to one already there, so that all must be folded anew."""
        above = self.heads == entry.parents or set(self.heads) <= set(entry.parents)
        self.heads = (entry.id,) if above else tuple(sorted((set(self.heads) - set(entry.parents)) | {entry.id}))
        self.position += 1
        self.hlc = max(self.hlc, entry.hlc)
        last = self.tips.get(entry.chain)
        if last is None or entry.n > last[0]:
            self.tips[entry.chain] = (entry.n, entry.id)
        if self.shared:
            self.entries[entry.id] = entry
        if not above or refold_later:
            return False
        self._read(entry)
        return True

    def _read(self, entry: Entry) -> None:
        if self.machine is None:
            return
        result = fold.Folded(self.state, [], {})
        fold.extend(self.machine.conversation, result, self.said(entry))
        self.state = result.state
        self.void.update(result.void)
        if entry.fault:
            self.void[entry.id] = entry.fault
        if self.shared:
            self.order.append(entry.id)

    def refold(self) -> None:
        """Fold the whole graph anew."""
        if self.machine is None:
            self.order = list(self.entries)
            return
        nodes = [fold.Node(self.said(entry), entry.parents) for entry in self.entries.values()]
        result = fold.fold(self.machine.conversation, nodes)
        faults = {entry.id: entry.fault for entry in self.entries.values() if entry.fault}
        self.state, self.order, self.void = result.state, result.order, result.void | faults


def entry_of(event: Event, machine: Machine | None) -> Entry:
    """``event`` as an entry; a payload that is not what its type says is a ``fault``: signed, stored, and void."""
    header = event.header
    payload = event.payloads.get(0)
    message, fault = None, ""
    try:
        message = machine.message(header.y, payload.content) if machine and payload else None
    except Invalid as error:
        fault = error.code
    return Entry(id=event.id, author=event.author, kind=header.y, message=message, hlc=header.h,
                 parents=tuple(event.parents), chain=(event.author, header.d, header.i), n=header.n, fault=fault)
