"""One thread or book in memory: its graph, its folded state, and the tips of its chains.

A book has one member and grows in one line, so only its heads and state are kept. A shared thread keeps its graph; of
a long one only the end, from a *cut* on: an event that all before it precede, and that every member has spoken above.
Rule 1: nothing here changes before the store has it: ``extended`` gives a new value, swapped in after the commit. The
        two share their tables; what is new lies apart until ``settle``, or until somebody looks at it before.
Rule 2: an event above all heads extends the fold; a concurrent one folds anew from the cut, or from the beginning.
Rule 3: honest members say nothing beside what is below a cut; for one that does, the thread is read whole again.
Not here: bytes at rest (``ports.py``), who may write (``handle.py``, ``receive.py``), old graphs (``history.py``).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, Final

import msgspec

from weft.basis.canonical import encode
from weft.basis.decider import Said
from weft.basis.errors import Invalid
from weft.basis.instant import from_ms
from weft.engine.machines import Machine
from weft.identity.keylog import KeyState
from weft.thread import clock, closed_fold, closing, fold, graph, standing
from weft.thread.event import Event

Chain = tuple[str, str, str]  # author, device, incarnation
CUT_EVERY: Final = 16  # events between two places at which a thread might be cut
WEIGHED: Final = 1024  # bytes of a state that take as long to digest as one event to read


class Entry(msgspec.Struct, frozen=True, gc=False):
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
    key_event: str = ""  # its author's, as its header says
    seen: Mapping[str, str] = {}  # and those of others that it says to have read

    @property
    def at_ms(self) -> int:
        """The author's own clock, for display only."""
        return clock.milliseconds(self.hlc)


@dataclass(frozen=True, slots=True)
class Cut:
    """``event`` came at ``position``; all that came before precede it, all that came since follow; the state there."""

    event: str
    position: int
    state: Any


@dataclass(slots=True)
class Loaded:
    """A thread as it stands. ``position`` is the next place of arrival; ``snapshot`` events are in the stored fold.

    ``below`` is how many events of a long shared thread are not among ``entries``: the first of these is a cut, with
    state ``begin``. ``void`` tells of ``entries`` only. ``spoke`` says at what position each member spoke last.
    """

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
    void: dict[str, str] = field(default_factory=dict)
    members_json: bytes = b""
    keys: Mapping[str, KeyState] = field(default_factory=dict)  # of members, as far as we hold them
    force: dict[str, int] = field(default_factory=dict)  # how far they are in force here, once it matters
    below: int = 0
    begin: Any = None
    cuts: tuple[Cut, ...] = ()
    spoke: dict[str, int] = field(default_factory=dict)
    _entries: dict[str, Entry] = field(default_factory=dict)
    _order: list[str] = field(default_factory=list)
    _fresh: dict[str, Entry] = field(default_factory=dict)  # not yet among ``_entries``, which another value has too
    _later: list[str] = field(default_factory=list)  # the same of ``_order``
    _lent: bool = False
    bare: bool = False  # something it held was erased: what lasts is its state
    pruned: bool = False  # of what lay before its closing little is left
    folded: int = 0  # how many events were read once more, as others stand beside them or say that it is closed

    def __post_init__(self) -> None:
        self.members_json = encode(self.members)

    @property
    def entries(self) -> dict[str, Entry]:
        """The events of a shared thread by id, parents first (from its cut on); not to be changed from outside."""
        self._own()
        return self._entries

    @property
    def order(self) -> list[str]:
        """Their ids in the order in which they are read."""
        self._own()
        return self._order

    @property
    def held(self) -> int:
        """How many events are in memory."""
        return len(self._entries) + len(self._fresh)

    def _own(self) -> None:
        if self._fresh or self._later:
            self._entries, self._order = self._entries | self._fresh, self._order + self._later
            self._fresh, self._later, self._lent = {}, [], False

    def settle(self) -> None:
        """The store has it: what is new joins the tables, which former values of this thread share."""
        self._entries.update(self._fresh)
        self._order.extend(self._later)
        self._fresh, self._later, self._lent = {}, [], False

    @property
    def shared(self) -> bool:
        """Whether other firms may be members: then the whole graph is kept."""
        return self.machine is None or self.machine.shared

    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """Ids to their parents' ids, of a shared thread (from its cut on)."""
        parents = {name: entry.parents for name, entry in self.entries.items()}
        return closing.mended(self.entries, parents) if self.pruned else parents

    def lacked_by(self, theirs: Collection[str]) -> set[str]:
        """What one who holds ``theirs`` (heads) lacks of a shared thread (from its cut on)."""
        if not self.pruned and set(self.heads).issubset(theirs):
            return set()  # all that is here lies below our heads
        return graph.missing(self.parents(), theirs)

    def final(self) -> set[str]:
        """Ids of the final events of a shared thread (from its cut on; what is below it is final)."""
        authors = {name: entry.author for name, entry in self.entries.items()}
        return graph.final(self.parents(), authors, self.members)

    def said(self, entry: Entry, *, counts: bool = True) -> Said:
        """``entry`` as the rules see it; what does not count (``standing.py``) says nothing."""
        return Said(id=entry.id, by=entry.author, role=self.members.get(entry.author, ""),
                    message=entry.message if counts else None, at=from_ms(entry.at_ms))

    def copied(self) -> "Loaded":
        """Another of the same value, which may be grown by ``take`` without touching this one (grown no more)."""
        other = Loaded.__new__(Loaded)
        for name, value in zip(_SLOTS, _VALUES(self), strict=True):
            setattr(other, name, value)
        other.tips, other.void, other.force = dict(self.tips), dict(self.void), dict(self.force)
        if self.shared:
            other.spoke = dict(self.spoke)
            other.part(dict(self._fresh), list(self._later))
        return other

    def part(self, fresh: dict[str, Entry], later: list[str]) -> None:
        """From here on the tables are another's too."""
        self._fresh, self._later, self._lent = fresh, later, True

    def emptied(self) -> "Loaded":
        """The same thread before anything was said in it, but for its ``state``."""
        return replace(self, void={}, tips={}, force={}, heads=(), position=0, below=0, begin=None, cuts=(), spoke={},
                       _entries={}, _order=[], _fresh={}, _later=[], _lent=False)

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
        if self.shared:
            self.spoke[entry.author] = self.position
            if not above:
                self._uncut(entry)
        self.position += 1
        self.hlc = max(self.hlc, entry.hlc)
        last = self.tips.get(entry.chain)
        if last is None or entry.n > last[0]:
            self.tips[entry.chain] = (entry.n, entry.id)
        turned = self._tells(entry)
        if self.shared:
            (self._fresh if self._lent else self._entries)[entry.id] = entry
            self.bare = self.bare or closing.erased(entry, self.machine)
            refold_later = refold_later or (self.bare and entry.kind == closing.ThreadClosed.__name__)
        if refold_later or turned or not (above or closing.is_done(self.state)) or self._closes(entry):
            return False
        self._read(entry)
        return True

    def _closes(self, entry: Entry) -> bool:
        """Whether ``entry`` may close the thread, or tell which words have: that is found out by folding anew."""
        return self.shared and (entry.kind == closing.ThreadClosed.__name__ or (
            closing.is_done(self.state) and isinstance(entry.message, closing.CLOSING)))

    def _read(self, entry: Entry) -> None:
        if self.machine is None:
            return
        result = fold.Folded(self.state, [], {})
        fault = entry.fault or self._verdict(entry)
        fold.extend(self.machine.conversation, result, self.said(entry, counts=not fault))
        self.state = result.state
        self.void.update(result.void)
        if fault:
            self.void[entry.id] = fault
        if self.shared:
            (self._later if self._lent else self._order).append(entry.id)
            self.cut_here()

    def refold(self) -> None:
        """Fold the graph anew, from its cut or its beginning."""
        if self.machine is None:
            self._order = list(self.entries)
            return
        entries = list(self.entries.values())
        first, rest = (entries[:1], entries[1:]) if self.below else ([], entries)
        begin = self.begin if self.below else self.machine.conversation.INITIAL
        nodes = [fold.Node(self.said(entry), entry.parents) for entry in rest]
        fit = closed_fold.Fit(self.machine.conversation, begin, bare=self.bare, pruned=self.pruned, faults=self._faults)
        result = closed_fold.folded(fit, rest, nodes)
        judged = {entry.id: self.void[entry.id] for entry in first if entry.id in self.void}
        self.state, self._order = result.state, [*(entry.id for entry in first), *result.order]
        self.folded += result.read + self._weighed(rest)
        self.void = judged | result.void
        self.cut_here()

    def _weighed(self, entries: Iterable[Entry]) -> int:
        """As how many more events the proposals to close among ``entries`` count: each has the state digested."""
        proposals = sum(isinstance(entry.message, closing.CloseProposed) for entry in entries)
        return proposals * (len(msgspec.json.encode(self.state)) // WEIGHED) if proposals else 0

    # ---- whose words count ----------------------------------------------------------------------

    def _tells(self, entry: Entry) -> bool:
        """Whether ``entry`` brings a revocation into force here: then what was read before may have turned."""
        turned = False
        for member in {entry.author, *entry.seen} if entry.seen else (entry.author,):
            held = self.keys.get(member)
            if held is None or not held.limits or not self.shared:
                continue
            before, at = self._in_force(member, held), standing.told(member, entry, held)
            if at > before:
                self.force[member] = at
                turned = turned or any(before < end.at <= at for one in held.devices.values() for end in one.ends)
        return turned

    def _in_force(self, member: str, held: KeyState) -> int:
        if member not in self.force:
            self.force[member] = standing.in_force(member, self.entries.values(), held)
        return self.force[member]

    def _verdict(self, entry: Entry) -> str:
        """The code for which ``entry`` does not count by its author's keys as they are in force here, or ""."""
        held = self.keys.get(entry.author)
        if held is None or not held.limits:
            return ""
        return standing.verdict(self.thread, self.machine_name, entry, held, self._in_force(entry.author, held))

    def _faults(self, entries: Iterable[Entry]) -> dict[str, str]:
        """Ids and codes of those of ``entries`` that do not count when nothing but these was said."""
        words = list(entries)
        force = {member: standing.in_force(member, words, self.keys[member]) if self.keys[member].ended else -1
                 for member in self.members if member in self.keys and self.keys[member].limits}
        found = {entry.id: entry.fault or (
            standing.verdict(self.thread, self.machine_name, entry, self.keys[entry.author], force[entry.author])
            if entry.author in force else "") for entry in words}
        return {name: code for name, code in found.items() if code}

    @property
    def revocable(self) -> bool:
        """Whether a member has revoked a device: words far below may turn, so that the whole thread is kept."""
        return any(self.keys[member].ended for member in self.members if member in self.keys)

    # ---- cuts -----------------------------------------------------------------------------------

    def cut_here(self) -> None:
        """Note that the thread might be cut at its one head, if the last such place is far enough behind."""
        place = self.position - 1
        last = self.cuts[-1].position if self.cuts else self.below
        if len(self.heads) == 1 and place - last >= CUT_EVERY:
            self.cuts = (*self.cuts, Cut(self.heads[0], place, self.state))

    def _uncut(self, entry: Entry) -> None:
        """``entry`` is concurrent to something: the thread can be cut only where ``entry`` follows."""
        if self.cuts:
            above = max((place for place, name in enumerate(self.entries, self.below) if name in entry.parents),
                        default=-1)
            self.cuts = tuple(cut for cut in self.cuts if cut.position <= above)

    def trim(self, most: int) -> bool:
        """Forget what is below the last cut that all members have spoken above, if more than ``most`` are held."""
        if self.held <= most or len(self.members) < 2 or self.revocable or self.pruned:
            return False
        heard = min(self.spoke.get(member, -1) for member in self.members)
        cut = next((one for one in reversed(self.cuts) if one.position <= heard and not _is_closing(one.state)), None)
        drop = 0 if cut is None else cut.position - self.below
        if cut is None or drop * 4 < most:
            return False
        names = list(self.entries)[drop:]
        self._entries = {name: self.entries[name] for name in names}
        self._order, self._lent = self.order[drop:], False
        self.void = {name: code for name, code in self.void.items() if name in self._entries}
        self.below, self.begin = cut.position, cut.state
        self.cuts = tuple(one for one in self.cuts if one.position > cut.position)
        return True


def _is_closing(state: Any) -> bool:
    """Whether a thread is about to be closed: the words that do so are looked for together."""
    return getattr(state, "closing", None) is not None and not closing.is_done(state)


_SLOTS: Final = tuple(Loaded.__slots__)
_VALUES: Final = attrgetter(*_SLOTS)


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
                 parents=tuple(event.parents), chain=(event.author, header.d, header.i), n=header.n, fault=fault,
                 key_event=header.ks or "", seen=standing.seen(event))
