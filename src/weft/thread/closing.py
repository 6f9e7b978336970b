"""Closing a thread for good, and what may be said in a closed one: erasure, receipts, pruning.

Three words close: one member proposes with the hash of the state that shall last (and that state), the other accepts,
the first confirms. Nothing but these words, acknowledgements and receipts may lie between: who goes on talking takes
the proposal back. What a closed thread holds besides its closing state may then be erased.
Rule 1: closing is a function of the set of events: once three such words exist no later one can open the thread
        again, whoever lies, for all that the third had not seen is read after it and is void.
Rule 2: these words change nothing that the conversation itself folds; a lasting state holds no free words.
Rule 3: what was said of erasing is never erased: it is the memory of what was there, and of who let it go.
Not here: which words close, of all that could (``seals.py``), folding (``closed_fold.py``), when a thread may be closed
(``engine/closing.py``), erasing (``engine/erasure.py``, ``engine/retention.py``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol
from weakref import WeakKeyDictionary

import msgspec

from weft.basis.canonical import b64, decode, digest, encode
from weft.basis.decider import Conversation, Crossing, Message, Said
from weft.basis.errors import Invalid
from weft.thread import graph
from weft.thread.event import Event

ERASED_MAX: Final = 500  # events that one request may name
VOID_MAX: Final = 200  # denied words that a proposal tells of
Reason = Literal["subject-request", "contract-ended", "retention-over", "mistake"]


class CloseProposed(Message, frozen=True, kw_only=True, eq=False, weakref=True):
    """Nothing is open: ``state`` is the hash of ``lasting``, the state that stays; ``void``: ids that do not count."""

    state: str
    lasting: dict[str, Any]
    void: dict[str, str] = {}


class CloseAccepted(Message, frozen=True, kw_only=True):
    """The other member holds the proposal (its event id) and its ``state`` right."""

    proposal: str
    state: str


class ThreadClosed(Message, frozen=True, kw_only=True):
    """The proposer has the acceptance (its event id), and has said nothing else meanwhile: closed."""

    acceptance: str
    state: str


class ErasureRequested(Message, frozen=True, kw_only=True):
    """What these events hold shall be erased by every member; empty: all that is not about closing and erasing."""

    events: tuple[str, ...] = ()
    reason: Reason


class PayloadErased(Message, frozen=True, kw_only=True):
    """Receipt: its author holds nothing any more of what the request (its event id) names; ``payloads`` counts them."""

    request: str
    payloads: int = 0


class ErasureHeld(Message, frozen=True, kw_only=True):
    """Its author must keep some of what the request names ``until`` an instant, by law, and erases it then."""

    request: str
    until: str


class ThreadPruned(Message, frozen=True, kw_only=True):
    """Its author keeps the beginning, the closing and the receipts of this thread, and has let go of the rest."""


WORDS: Final[Mapping[str, type[Message]]] = {
    kind.__name__: kind for kind in (
        CloseProposed, CloseAccepted, ThreadClosed, ErasureRequested, PayloadErased, ErasureHeld, ThreadPruned)
}
CLOSING: Final = (CloseProposed, CloseAccepted, ThreadClosed)
QUIET: Final = frozenset({*WORDS, "Ack", "KeysSeen"})  # what may lie between the words that close, and is never erased


class Closing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far closing is: the proposal and who made it, the acceptance, and whether it is done."""

    proposal: str
    by: str
    state: str
    acceptance: str = ""
    done: bool = False


def is_done(state: Any) -> bool:
    """Whether a thread with the folded ``state`` is closed for good."""
    closing = getattr(state, "closing", None)
    return closing is not None and closing.done


# ---- the state that lasts ------------------------------------------------------------------------

FREE_WORDS: Final = frozenset({
    "note", "reason", "description", "delivery_address", "carrier", "tracking", "contact", "address", "token",
})


def lasting(value: Any) -> Any:
    """``value`` (a state or a piece of one) without its free words and without how far closing is."""
    if isinstance(value, msgspec.Struct):
        changes: dict[str, Any] = {}
        for name in value.__struct_fields__:
            held = getattr(value, name)
            if name == "closing":
                changes[name] = None
            elif name in FREE_WORDS and isinstance(held, str):
                changes[name] = ""
            elif isinstance(held, msgspec.Struct | tuple | dict):
                changes[name] = lasting(held)
        return msgspec.structs.replace(value, **changes)
    if isinstance(value, tuple):
        return tuple(lasting(one) for one in value)
    if isinstance(value, dict):
        return {name: lasting(one) for name, one in value.items()}
    return value


def digest_of(state: Any) -> str:
    """The hash of what lasts of ``state``: the same before and after erasing."""
    return _digest(msgspec.to_builtins(lasting(state)))


def _digest(plain: Any) -> str:
    return b64(digest("closing/1", encode(plain)))


_DIGESTS: Final[WeakKeyDictionary[CloseProposed, str]] = WeakKeyDictionary()


def _digest_told(said: CloseProposed) -> str:
    """The hash of the state that ``said`` tells: it may be long, and is looked at with each word that comes."""
    found = _DIGESTS.get(said)
    if found is None:
        found = _DIGESTS[said] = _digest(said.lasting)
    return found


def proposed(state: Any, void: Mapping[str, str]) -> CloseProposed:
    """The proposal to close a thread that stands at ``state``; ``void``: ids and codes of words that do not count."""
    plain = msgspec.to_builtins(lasting(state))
    kept = dict(sorted(void.items())[:VOID_MAX])
    return CloseProposed(state=_digest(plain), lasting=plain, void=kept)


# ---- the words in a conversation -----------------------------------------------------------------


class Closable:
    """A conversation whose threads can be closed: what it says itself, and the words of this module."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.NAME, self.VERSION, self.INITIAL = module.NAME, module.VERSION, module.INITIAL
        self.MESSAGES: Mapping[str, type[Message]] = MappingProxyType({**module.MESSAGES, **WORDS})
        self.CROSSINGS: Mapping[tuple[type[Message], type[Message]], Crossing] = module.CROSSINGS
        self.CROSSINGS_BY_ROLE: Mapping[Any, Crossing] = getattr(module, "CROSSINGS_BY_ROLE", {})

    def judge(self, state: Any, said: Said) -> str | None:
        """The code of the rule that denies ``said`` in ``state``, or None."""
        message = said.message
        if isinstance(message, CLOSING):
            return "thread.closed" if is_done(state) else _judge_closing(state, said, message)
        if type(message).__name__ in WORDS:
            return None if is_done(state) else "thread.open"
        if is_done(state) and type(message).__name__ in self.module.MESSAGES:
            return "thread.closed"
        code: str | None = self.module.judge(state, said)
        return code

    def decide(self, state: Any, command: Any) -> Sequence[Message]:
        """The messages that ``command`` gives; a word of this module is said as it is."""
        message = getattr(command, "message", None)
        if type(message).__name__ in WORDS:
            return (message,)  # type: ignore[return-value]  # a word is a message
        said: Sequence[Message] = self.module.decide(state, command)
        return said

    def evolve(self, state: Any, said: Said) -> Any:
        """``state`` after ``said``, which ``judge`` allows."""
        message = said.message
        match message:
            case CloseProposed():
                return _with(state, Closing(proposal=said.id, by=said.by, state=message.state))
            case CloseAccepted():
                return _with(state, msgspec.structs.replace(state.closing, acceptance=said.id))
            case ThreadClosed():
                return _with(state, msgspec.structs.replace(state.closing, done=True))
        if type(message).__name__ not in self.module.MESSAGES:
            return state
        before = state if state.closing is None else _with(state, None)
        return self.module.evolve(before, said)


def _with(state: Any, closing: Closing | None) -> Any:
    return msgspec.structs.replace(state, closing=closing)


def _judge_closing(state: Any, said: Said, message: Message) -> str | None:
    closing: Closing | None = state.closing
    match message:
        case CloseProposed(state=claimed):
            if closing is not None and closing.by != said.by:
                return "close.proposed-already"
            now = digest_of(state) if closing is None else closing.state  # nothing was said since, or it would be gone
            return None if claimed == _digest_told(message) == now else "close.state"
        case CloseAccepted(proposal=proposal, state=claimed):
            standing = closing is not None and closing.proposal == proposal and closing.by != said.by
            return None if standing and closing is not None and claimed == closing.state else "close.no-proposal"
        case ThreadClosed(acceptance=acceptance, state=claimed):
            standing = closing is not None and closing.acceptance == acceptance != "" and closing.by == said.by
            return None if standing and closing is not None and claimed == closing.state else "close.no-acceptance"
    return "close.no-proposal"


# ---- the words in a graph ------------------------------------------------------------------------


class Word(Protocol):
    """One event as this module needs it."""

    @property
    def id(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def message(self) -> Any: ...
    @property
    def parents(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Seal:
    """The three words that close a thread, and what the proposal says."""

    proposal: str
    acceptance: str
    closed: str
    said: CloseProposed = field(compare=False)


def seals(words: Iterable[Word]) -> list[Seal]:
    """Triples of closing words that name each other, by id of the last, whatever lies between."""
    by_id = {word.id: word for word in words if isinstance(word.message, CLOSING)}
    found = list[Seal]()
    for last in by_id.values():
        if not isinstance(last.message, ThreadClosed):
            continue
        middle = by_id.get(last.message.acceptance)
        first = by_id.get(middle.message.proposal) if middle and isinstance(middle.message, CloseAccepted) else None
        if first is None or middle is None or not isinstance(first.message, CloseProposed):
            continue
        if not first.author == last.author != middle.author:
            continue
        if {first.message.state, middle.message.state, last.message.state} == {_digest_told(first.message)}:
            found.append(Seal(first.id, middle.id, last.id, first.message))
    return sorted(found, key=lambda one: one.closed)


def stays(entries: Mapping[str, Word], seal: Seal, tips: Iterable[str]) -> set[str]:
    """Ids that a pruned thread keeps: the genesis, the end of each chain, what passports rest on, all since closing."""
    parents = {name: entry.parents for name, entry in entries.items()}
    inside = graph.past(parents, [seal.acceptance]) - {seal.acceptance, seal.proposal}
    begun = {name for name, entry in entries.items() if not entry.parents}
    return (set(entries) - inside) | begun | {seal.proposal, seal.acceptance} | set(tips) | {
        name for name, entry in entries.items() if entry.kind in EVIDENCE}


def spoken(entries: Mapping[str, Word], seal: Seal) -> set[str]:
    """Ids of those whose payloads a pruned thread keeps: ``seal``, what follows it, and what was said of erasing.

    Not what is known to have no effect, and would have one when what tells so is gone: another closing from before, and
    what was said of erasing before it was closed. Nor acknowledgements from before (``echoes``).
    """
    later = above(entries, seal)
    seen = graph.past({name: entry.parents for name, entry in entries.items()}, [seal.closed])
    closed = {kind.__name__ for kind in CLOSING}
    mute = {name for name, entry in entries.items() if name not in later and (
        entry.kind in closed or (name in seen and entry.kind != "KeysSeen"))}
    return {seal.proposal, seal.acceptance, seal.closed} | {
        name for name, entry in entries.items() if entry.kind in QUIET and name not in mute}


EVIDENCE: Final = frozenset({"DespatchAdvice", "ReceiptAdvice"})  # headers that passports and EPCIS events rest on


def named(request: ErasureRequested, entries: Mapping[str, Word], told: Sequence[str]) -> list[str]:
    """Ids of the events whose payloads ``request`` names, and of what tells the hash of a state with them in it.

    ``told``: the latter (``echoes``), which are the same for all requests.
    """
    wanted = request.events or tuple(entries)
    words = [name for name in wanted if name in entries and entries[name].kind not in QUIET]
    return [*words, *told] if words else []


def echoes(entries: Mapping[str, Word]) -> list[str]:
    """Ids of the acknowledgements from before closing: a short text could be guessed from the hash that they name."""
    found = seals(entries.values())
    if not found:
        return []
    inside = graph.past({name: entry.parents for name, entry in entries.items()}, [seal.proposal for seal in found])
    return [name for name, entry in entries.items() if entry.kind == "Ack" and name in inside]


def closable(module: Any) -> Conversation:
    """``module`` as a conversation whose threads can be closed."""
    conversation: Any = Closable(module)
    assert isinstance(conversation.NAME, str)
    return conversation  # type: ignore[no-any-return]  # by its shape


# ---- what is closed ----------------------------------------------------------------------


def erased(entry: Any, machine: Any) -> bool:
    """Whether ``entry`` is of a type that is known here and holds nothing any more."""
    return entry.message is None and not entry.fault and machine is not None and entry.kind in machine.kinds


def lasted(conversation: Conversation, seal: Seal) -> Any:
    """The closing state as the proposal of ``seal`` told it; raises ``Invalid('close.state')`` if it is none."""
    try:
        state = msgspec.convert(seal.said.lasting, type(conversation.INITIAL))
    except msgspec.ValidationError as error:
        raise Invalid("close.state") from error
    done = Closing(proposal=seal.proposal, by="", state=seal.said.state, acceptance=seal.acceptance, done=True)
    return _with(state, done)


def left(entries: Mapping[str, Word]) -> Seal | None:
    """What closed a thread of which little is left: a confirmation stands above the acceptance that it names."""
    found = seals(entries.values())
    parents = {name: entry.parents for name, entry in entries.items()} if found else {}
    for some in graph.handfuls(found):
        over = graph.above(parents, graph.bits(seal.acceptance for seal in some))
        for place, seal in enumerate(some):
            if over.get(seal.closed, 0) >> place & 1:
                return seal
    return None


def above(entries: Mapping[str, Word], seal: Seal) -> set[str]:
    """Ids of the acceptance of ``seal`` and of all that follows it; ``entries`` are in order, parents first."""
    found = {seal.acceptance}
    for name, entry in entries.items():
        if found.intersection(entry.parents):
            found.add(name)
    return found


def mended(entries: Mapping[str, Word], parents: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """``parents`` of a pruned thread, in which the acceptance follows all that is left of before."""
    seal = left(entries)
    if seal is None:
        return dict(parents)
    later = above(entries, seal)
    return {**parents, seal.acceptance: tuple(name for name in parents if name not in later)}


def words_of(entries: Mapping[str, Word]) -> tuple[str, ...]:
    """Ids of the words that close, in their order; none where nothing closes."""
    return next(((seal.proposal, seal.acceptance, seal.closed) for seal in seals(entries.values())), ())


def words_first(entries: Mapping[str, Word], ordered: Sequence[str]) -> list[str]:
    """``ordered`` with the words that close in front: one who knows them takes in what is erased, too."""
    first = [name for name in words_of(entries) if name in ordered]
    return [*first, *(name for name in ordered if name not in first)]


def heads_of(entries: Mapping[str, Word], seal: Seal) -> tuple[str, ...]:
    """The heads of a pruned thread."""
    later = above(entries, seal)
    return tuple(graph.heads({name: entries[name].parents for name in entries if name in later}))


@dataclass(frozen=True, slots=True)
class Told:
    """One event as ``Word``, for readers that have no conversation at hand."""

    id: str
    author: str
    kind: str
    message: Any
    parents: tuple[str, ...]


def told(events: Iterable[Event]) -> list[Told]:
    """``events`` with what they say of closing; what is no such word says nothing here."""
    return [Told(event.id, event.author, event.header.y, _message(event), tuple(event.parents)) for event in events]


def _message(event: Event) -> Message | None:
    kind, payload = WORDS.get(event.header.y), event.payloads.get(0)
    if kind is None or payload is None:
        return None
    try:
        decode(payload.content)  # only what is canonical is read alike everywhere, and can be hashed
        return msgspec.json.decode(payload.content, type=kind)
    except (Invalid, msgspec.DecodeError):
        return None
