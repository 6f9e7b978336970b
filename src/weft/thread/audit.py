"""Audit of a pack (``pack.py``) by numbered steps that the code repeats; nothing but the pack is needed.

 1. form         every line is canonical and of its kind, the parts follow each other, the counts are the manifest's
 2. headers      every header is canonical and well formed; ids are digests of headers
 3. commitments  every payload that is shown is the one that its header commits to; others are counted as withheld
 4. keys         each member has one key log: begun by the inception that names it, in one line, each event signed by a
                 key in force, each rotation by a key that was committed to before
 5. genesis      the first event is the genesis that the thread's id is the digest of; members and machine are its own,
                 and all others are of this thread
 6. signatures   each event is signed by a device that a member had delegated; in a book (one member) a later signed
                 event of the same chain may bind it by hash instead; what tells of key events names such of members.
                 Whether a word counts by its device's scope and revocation is ``standing.py``: it is void, not wrong
 7. chains       each chain (author, device, incarnation) counts from 0 without a gap, each event names the one before,
                 and no two stand at one place
 8. parents      every event that an event names as seen stands above it
 9. heads        what no other event names is what the manifest claims
                 In a pruned thread 7 to 9 hold from its closing on; what is missing before it is counted as gone
10. forks        each proof is two different events, validly signed, at one place of one chain of this thread; or of
                 a member's key log, above the same events of it

Rule 1: a fault never hides another: each step looks at all that earlier steps let through, step 1 excepted.
Rule 2: nothing here reads a file, a clock or the network; what is proved depends on the bytes alone.
Not here: what the events mean (step 11, the folded state, is ``engine/packs.py``); that nothing was said later.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from weft.basis.canonical import unb64
from weft.basis.errors import Denied, Invalid, WeftError
from weft.identity import keylog
from weft.identity.keys import verify
from weft.thread import closing, graph
from weft.thread.event import Envelope, Event, from_envelope, parse, signed_bytes
from weft.thread.key_log import KEYLOG, KeyLog
from weft.thread.pack import Manifest, Pack, read
from weft.thread.standing import SEEN, seen
from weft.thread.verify import check_author, check_event, check_key_event

STEPS: Final = (
    "form", "headers", "commitments", "keys", "genesis", "signatures", "chains", "parents", "heads", "forks",
)
Chain = tuple[str, str, str]
Pair = tuple[Event, Event]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong in ``step``, and where: the number of a line, or an organisation."""

    step: int
    where: str
    error: WeftError


@dataclass(slots=True)
class Audit:
    """What was looked at in each step (step -> count), what is wrong, and what the pack proves if nothing is."""

    checked: dict[int, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    manifest: Manifest | None = None
    events: list[Event] = field(default_factory=list)
    keys: dict[str, keylog.KeyState] = field(default_factory=dict)
    logs: dict[str, list[Event]] = field(default_factory=dict)
    forks: list[tuple[Event, Event]] = field(default_factory=list)
    withheld: int = 0
    gone: int = 0

    @property
    def sound(self) -> bool:
        """Whether every step was reached and found nothing wrong."""
        return not self.faults and len(self.checked) == len(STEPS)

    def look(self, step: int, where: object, check: Callable[..., object], *given: object) -> bool:
        """Count one thing that is looked at in ``step``; whether ``check(*given)`` raised nothing."""
        self.checked[step] = self.checked.get(step, 0) + 1
        try:
            check(*given)
        except WeftError as error:
            self.faults.append(Fault(step, str(where), error))
            return False
        return True


@dataclass(slots=True)
class _Line:
    """An event and the number of its line."""

    number: int
    event: Event


def audit(data: bytes) -> Audit:
    """All steps over the bytes of a pack; never raises."""
    result = Audit()
    try:  # 1
        pack = read(data)
    except Invalid as error:
        result.checked[1] = 1
        result.faults.append(Fault(1, str(error.facts.get("line", 1)), error))
        return result
    result.manifest = pack.manifest
    result.checked = {1: 1 + len(pack.keys) + len(pack.events) + len(pack.forks)}
    result.checked |= dict.fromkeys(range(2, len(STEPS) + 1), 0)
    keys, events, forks = ([*_lines(result, part)] for part in _numbered(pack))  # 2, 3
    _key_logs(result, pack.manifest, keys)
    _genesis(result, pack.manifest, events)
    _signatures(result, pack.manifest, events)
    before = _before_closing(result, pack.manifest, events)
    _chains(result, events, before)
    _parents(result, events, before)
    result.look(9, 1, _heads, pack.manifest, events, before)
    _forks(result, pack.manifest, forks)
    result.events = [line.event for line in events]
    return result


def _numbered(pack: Pack) -> tuple[list[tuple[int, Envelope]], ...]:
    """(line number, envelope) of the keys, the events, and both halves of each fork."""
    keys = list(enumerate(pack.keys, 2))
    events = list(enumerate(pack.events, 2 + len(keys)))
    forks = [(number, one) for number, pair in enumerate(pack.forks, 2 + len(keys) + len(events)) for one in pair]
    return keys, events, forks


def _lines(result: Audit, part: Iterable[tuple[int, Envelope]]) -> Iterator[_Line]:
    """Steps 2 and 3: the events behind ``part``, less those that are none."""
    for number, envelope in part:
        if result.look(2, number, _bare, envelope):
            result.withheld += len(_bare(envelope).header.b) - len(envelope.b)
            if result.look(3, number, from_envelope, envelope):
                yield _Line(number, from_envelope(envelope))


def _bare(envelope: Envelope) -> Event:
    return parse(envelope.e.encode(), unb64(envelope.g))


# ---- 4: key logs ---------------------------------------------------------------------------------


def _key_logs(result: Audit, manifest: Manifest, lines: Sequence[_Line]) -> None:
    logs: dict[str, list[Event]] = {member: [] for member in manifest.members}
    for line in lines:
        if line.event.thread in logs:
            logs[line.event.thread].append(line.event)
        else:
            result.look(4, line.number, _refuse, Denied("event.stranger"))
    for member, log in logs.items():
        held = KeyLog(member)
        if not log:
            result.look(4, member, _refuse, Invalid("pack.no-key-log"))
        for event in log:
            if not result.look(4, member, held.take, event):
                break  # what follows from it proves nothing
            result.logs.setdefault(member, []).append(event)
        result.keys[member] = held.state


# ---- 5 to 10: the thread -------------------------------------------------------------------------


def _genesis(result: Audit, manifest: Manifest, lines: Sequence[_Line]) -> None:
    def check(place: int, event: Event) -> None:
        header = event.header
        if event.thread != manifest.thread or header.m != manifest.machine or (header.t is None) != (place == 0):
            raise Invalid("pack.other-thread")
        if place == 0 and header.mem != manifest.members:
            raise Invalid("pack.members")

    for place, line in enumerate(lines):
        result.look(5, line.number, check, place, line.event)
    if not lines:
        result.look(5, 1, _refuse, Invalid("pack.no-genesis"))


def _signatures(result: Audit, manifest: Manifest, lines: Sequence[_Line]) -> None:
    bound: set[str | None] = set()
    for line in reversed(lines):
        event, header = line.event, line.event.header
        by_hash = not event.signature and len(manifest.members) == 1 and event.id in bound
        check = check_author if by_hash else check_event
        keys = result.keys.get(event.author)
        if result.look(6, line.number, check, event, manifest.members, keys):
            bound.add(header.p)
        if header.y == SEEN and 0 in event.payloads:
            result.look(6, line.number, _seen, event, result.keys)


def _seen(event: Event, keys: Mapping[str, keylog.KeyState]) -> None:
    for member, name in seen(event).items():
        if member not in keys or keys[member].place(name) < 0:
            raise Denied("event.unknown-key-event")


def _before_closing(result: Audit, manifest: Manifest, lines: Sequence[_Line]) -> set[str]:
    """Ids of the events of a pruned thread up to the acceptance that closed it: much between them is gone."""
    if not manifest.pruned:
        return set()
    words = {word.id: word for word in closing.told([line.event for line in lines])}
    seal = closing.left(words)
    if seal is None:
        result.look(7, 1, _refuse, Invalid("pack.no-seal"))
        return set()
    return (words.keys() - closing.above(words, seal)) | {seal.acceptance}


def _chains(result: Audit, lines: Sequence[_Line], before: set[str]) -> None:
    chains: dict[Chain, tuple[int, str | None]] = {}

    def check(event: Event) -> None:
        (last, previous), header = chains.get(_chain(event), (-1, None)), event.header
        gap = header.n - last - 1
        if gap < 0:
            raise Denied("event.fork")
        if (gap or header.p != previous) and not (gap and event.id in before):
            raise Invalid("event.chain-form")
        result.gone += gap
        chains[_chain(event)] = (header.n, event.id)

    for line in lines:
        result.look(7, line.number, check, line.event)


def _parents(result: Audit, lines: Iterable[_Line], before: set[str]) -> None:
    above: set[str] = set()

    def check(event: Event) -> None:
        if event.id not in before and not above.issuperset(event.parents):
            raise Invalid("pack.no-parent")

    for line in lines:
        result.look(8, line.number, check, line.event)
        above.add(line.event.id)


def _heads(manifest: Manifest, lines: Iterable[_Line], before: set[str]) -> None:
    found = graph.heads({line.event.id: line.event.parents for line in lines})
    if [name for name in found if name not in before] != manifest.heads:
        raise Invalid("pack.heads")


def _forks(result: Audit, manifest: Manifest, lines: Sequence[_Line]) -> None:
    by_line: dict[int, list[Event]] = {}
    for line in lines:
        by_line.setdefault(line.number, []).append(line.event)
    pairs = {number: (pair[0], pair[1]) for number, pair in by_line.items() if len(pair) == 2}
    of_logs = {number: pair for number, pair in pairs.items()
               if pair[0].thread in result.logs and pair[0].thread != manifest.thread}
    proved = _branches(of_logs, result.logs)

    def check(number: int, one: Event, two: Event) -> None:
        if number in of_logs:
            if (error := proved.get(number, Invalid("pack.no-fork"))) is not None:
                raise error
        else:
            _fork(result, manifest, one, two)
        result.forks.append((one, two))

    for number, pair in pairs.items():
        result.look(10, number, check, number, *pair)


def _fork(result: Audit, manifest: Manifest, one: Event, two: Event) -> None:
    same = (one.thread, _chain(one), one.header.n) == (manifest.thread, _chain(two), two.header.n)
    keys = result.keys.get(one.author, keylog.INITIAL)
    if not same or two.thread != one.thread or one.id == two.id or one.header.d not in keys.devices:
        raise Invalid("pack.no-fork")
    if not all(verify(half.header.d, signed_bytes(half.id), half.signature) for half in (one, two)):
        raise Denied("event.signature")


def _branches(pairs: Mapping[int, Pair], logs: Mapping[str, Sequence[Event]]) -> dict[int, WeftError | None]:
    """Of pairs that both continue a key log from the same place: what is wrong with them, by number; others are none.

    ``logs`` hold the branches of the pack. Each is read once, however many pairs there are.
    """
    waiting: dict[tuple[str, str], list[int]] = {}
    for number, (one, two) in pairs.items():
        same = one.thread == two.thread and len(set(one.parents)) == 1 and set(one.parents) == set(two.parents)
        if one.id != two.id and same:
            waiting.setdefault((one.thread, two.parents[0]), []).append(number)
    proved: dict[int, WeftError | None] = {}
    for member in {member for member, _ in waiting}:
        held = KeyLog(member)
        for event in logs[member]:
            held.take(event)
            for number in waiting.get((member, event.id), ()):
                proved[number] = _half_wrong(pairs[number], held.state)
    return proved


def _half_wrong(pair: Pair, state: keylog.KeyState) -> WeftError | None:
    try:
        for half in pair:
            if half.header.m != KEYLOG:
                raise Invalid("keylog.other-log")
            check_key_event(half, state)
    except WeftError as error:
        return error
    return None


def _chain(event: Event) -> Chain:
    return event.author, event.header.d, event.header.i


def _refuse(error: WeftError) -> None:
    raise error
