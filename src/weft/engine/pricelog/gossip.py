"""What firms tell each other of the price logs that both know: checkpoints, forks, and who witnesses for whom.

    gossip   "what do you know of these logs?", each by a salted hash of its origin, among others that mean nothing;
             the answer tells of those that the other knows too; then the asker tells the same of them in turn
    show     a firm shows a partner its new entries, and is told by which key and at which door it witnesses for it
    back     a firm that has restored a backup asks for its own newest checkpoint and the entries before it
    give     the same, unasked, by a partner that such a firm cannot reach

Rule 1: only of logs that both know anything is told; a hash of a log that one does not know tells it nothing, and how
        many there are the padding hides.
Rule 2: only partners are answered; entries go only to the firm whose they are.
Rule 3: everything told is checked by its own signatures before it counts: who tells it does not matter.
Not here: when it is done (``witnessing.py``), comparing (``monitor.py``), HTTP (``doors/peer``).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from weft.basis.canonical import b64, digest, unb64
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine.memory import Memory
from weft.engine.ports import Batch
from weft.engine.pricelog import known, log, monitor, witness
from weft.engine.pricelog.witness import Statement
from weft.pricing.leaf import organisation_of, origin_of
from weft.tlog import note
from weft.tlog.checkpoint import parse_text
from weft.tlog.note import Note
from weft.tlog.tile import PATH_CHARACTERS_MAX

GOSSIP_PATH: Final = "/peer/v1/pricelog/gossip"
SHOW_PATH: Final = "/peer/v1/pricelog/show"
BACK_PATH: Final = "/peer/v1/pricelog/back"
GIVE_PATH: Final = "/peer/v1/pricelog/give"
SALT_BYTES: Final = 16
HASH_BYTES: Final = 16
HASHES_MIN: Final = 16  # a firm that knows fewer logs asks for so many all the same
HASHES_MAX: Final = 512
HEARD_MAX: Final = 64  # logs of which one answer tells
NOTES_MAX: Final = 4  # checkpoints of one log in one answer
STATEMENTS_MAX: Final = 64  # witnesses that we hold of one log
PART_BYTES_MAX: Final = 600_000


class Gossip(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``asked``: hashes of origins under ``salt``; ``told``: what the asker knows of logs that the other named."""

    salt: str = ""
    asked: list[str] = []
    told: list["Heard"] = []


class Heard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Of one log: checkpoints that are known, the proof of a fork, the teller's key as its witness."""

    notes: list[str]
    fork: str = ""
    statement: Statement | None = None


class Gossiped(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the other knows of the logs that both know."""

    heard: list[Heard] = []


class Show(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Our newest checkpoint, and entries from ``start`` on with the consistency proof to it, all in base64url."""

    note: str
    start: int = 0
    entries: list[str] = []
    path: list[str] = []
    base: dict[str, str] = {}


class Shown(msgspec.Struct, frozen=True):
    """How far the other has followed (``fresh``: not at all, it wants to begin at ``size``), and how it witnesses."""

    size: int
    fresh: bool
    statement: Statement
    door: str


class Back(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A firm that has restored a backup holds ``size`` leaves of its log."""

    size: int


class GivenBack(msgspec.Struct, frozen=True, omit_defaults=True):
    """The newest checkpoint that the other has of the asker's log ("": none), and entries from ``start`` on."""

    note: str = ""
    start: int = 0
    entries: list[str] = []


class Given(msgspec.Struct, frozen=True):
    """How many leaves the firm holds now; ``more``: it wants those that follow."""

    size: int
    more: bool = False


_T = TypeVar("_T")


def read(body: bytes, kind: type[_T]) -> _T:
    """``body`` as ``kind``; raises ``Invalid('pricelog.malformed')``."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("pricelog.malformed") from error


def hashed(salt: str, origin: str) -> str:
    """How a log is named to who may not know it."""
    return b64(digest("price-origin/1", unb64(salt, SALT_BYTES), origin.encode())[:HASH_BYTES])


# ---- asking --------------------------------------------------------------------------------------


async def question(memory: Memory) -> Gossip:
    """What we ask: about all logs that we follow, shuffled by their hashes, padded to a power of two."""
    salt = b64(memory.random(SALT_BYTES))
    hashes = {hashed(salt, origin_of(one)) for one in await _held(memory)}
    count = max(HASHES_MIN, 1 << (len(hashes) - 1).bit_length() if hashes else 0)
    while len(hashes) < min(count, HASHES_MAX):
        hashes.add(b64(memory.random(HASH_BYTES)))
    return Gossip(salt, sorted(hashes)[:HASHES_MAX])


async def _held(memory: Memory) -> dict[str, list[bytes]]:
    """Of each partner's log that we know, and of our own: the checkpoints that we hold to, and the newest that we met.

    What we met last may be the other's own word: what we have followed and cosigned is told besides.
    """
    store, found = memory.store, dict[str, list[bytes]]()
    for organisation in memory.partners:
        now, signed = await known.followed(store, organisation), await witness.witnessed(store, organisation)
        marks = await store.values(known.shelf(known.MARKS, organisation))
        notes = [now.note.encode(), signed.note.encode() if signed else b"", marks[-1][1] if marks else b""]
        if any(notes):
            found[organisation] = [one for one in dict.fromkeys(notes) if one]
    own = await log.shown(store)
    if own is not None:
        found[memory.organisation] = [unseen(own.read)]
    return found


def unseen(own: Note) -> bytes:
    """Our own checkpoint without its cosignatures: how many there are would tell how many partners we have."""
    return note.encode(Note(own.text, own.signatures[:1]))


def _size(data: bytes) -> int:
    return parse_text(note.parse(data).text).size


async def heard_of(memory: Memory, organisations: Sequence[str]) -> list[Heard]:
    """What we tell of the logs of ``organisations``."""
    held, found = await _held(memory), list[Heard]()
    for organisation in organisations[:HEARD_MAX]:
        fork = await known.red(memory.store, organisation)
        signs = await witness.witnessed(memory.store, organisation) is not None
        statement = witness.state(memory.identity, origin_of(organisation)) if signs else None
        found.append(Heard([one.decode() for one in held[organisation]], fork.decode() if fork else "", statement))
    return found


async def take(memory: Memory, peer: str, heard: Sequence[Heard]) -> list[str]:
    """Take in what ``peer`` tells; the firms whose logs both know. What does not hold is passed over."""
    both, held = [], await _held(memory)
    for one in heard[:HEARD_MAX]:
        try:
            organisation = _whose(one)
            if organisation is None or organisation not in held:
                continue
            await _take_one(memory, peer, organisation, one)
            both.append(organisation)
        except (WeftError, UnicodeEncodeError):
            continue
    return both


def _whose(one: Heard) -> str | None:
    """The firm whose log is told of."""
    return organisation_of(parse_text(note.parse(one.notes[0].encode()).text).origin) if one.notes else None


async def _take_one(memory: Memory, peer: str, organisation: str, one: Heard) -> None:
    if one.fork:
        await monitor.accused(memory, one.fork.encode())
    if one.statement is not None:
        await keep_statement(memory, peer, organisation, one.statement)
    if organisation != memory.organisation:  # of our own log we know better
        for text in one.notes[:NOTES_MAX]:
            await monitor.met(memory, organisation, text.encode())


async def keep_statement(memory: Memory, peer: str, organisation: str, statement: Statement) -> None:
    """Keep the word of ``peer`` on its key for that log; raises ``Invalid('pricelog.statement')``."""
    keys = await memory.keys(peer)
    if keys is None or statement.witness != peer or statement.origin != origin_of(organisation):
        raise Invalid("pricelog.statement")
    witness.verify_statement(statement, keys)
    shelf = known.shelf(known.STATEMENTS, organisation)
    held, data = dict(await memory.store.values(shelf)), msgspec.json.encode(statement)
    if (peer in held or len(held) < STATEMENTS_MAX) and held.get(peer) != data:
        await memory.store.commit(Batch(values=[(shelf, peer, data)]))


async def statements(memory: Memory, organisation: str) -> list[Statement]:
    """Who witnesses the log of ``organisation`` by which key, as far as they told us; ours is the first of them."""
    found = [witness.state(memory.identity, origin_of(organisation))]
    for _, data in await memory.store.values(known.shelf(known.STATEMENTS, organisation)):
        one = msgspec.json.decode(data, type=Statement)
        keys = await memory.keys(one.witness)
        try:
            if keys is not None:
                witness.verify_statement(one, keys)
                found.append(one)
        except Invalid:
            continue  # its device was withdrawn since
    return found


# ---- answering -----------------------------------------------------------------------------------


async def gossiped(memory: Memory, asker: str, body: bytes) -> bytes:
    """The answer to ``GOSSIP_PATH``."""
    _partner(memory, asker)
    asked = read(body, Gossip)
    if len(asked.asked) > HASHES_MAX or len(asked.told) > HEARD_MAX:
        raise Invalid("sync.too-many", limit=HASHES_MAX)
    await take(memory, asker, asked.told)
    if not asked.asked:
        return msgspec.json.encode(Gossiped())
    wanted = set(asked.asked)
    both = [one for one in await _held(memory) if hashed(asked.salt, origin_of(one)) in wanted]
    both.sort(key=lambda _: memory.random(8))  # if there are too many for one answer, others come next time
    return msgspec.json.encode(Gossiped(await heard_of(memory, both)))


async def shown(memory: Memory, asker: str, body: bytes) -> bytes:
    """The answer to ``SHOW_PATH``: we follow the asker's own log by what it shows."""
    _partner(memory, asker)
    asked = read(body, Show)
    if len(asked.entries) > monitor.CHUNK or len(asked.base) > HASHES_MAX:
        raise Invalid("sync.too-many", limit=monitor.CHUNK)
    part = monitor.Part(asked.start, _raw(asked.entries), _raw(asked.path),
                        {path[:PATH_CHARACTERS_MAX]: unb64(data) for path, data in asked.base.items()})
    try:
        now = await monitor.take(memory, asker, asked.note.encode(), part)
    except UnicodeEncodeError as error:
        raise Invalid("pricelog.malformed") from error
    origin = origin_of(asker)
    size = now.size or monitor.begin(_size(asked.note.encode()))
    return msgspec.json.encode(Shown(size, now.size == 0, witness.state(memory.identity, origin),
                                     witness.door_for(memory.identity, origin)))


async def given_back(memory: Memory, asker: str, body: bytes) -> bytes:
    """The answer to ``BACK_PATH``: the asker's own log, as far as we hold it. Former partners are answered, too."""
    if memory.partner(asker) is None:
        raise NotFound("thread.unknown")
    return msgspec.json.encode(await holding(memory, asker, read(body, Back).size))


async def holding(memory: Memory, organisation: str, start: int) -> GivenBack:
    """What we hold of a firm's log for the firm itself: the newest checkpoint, and entries from ``start`` on."""
    newest = max((await _held(memory)).get(organisation, [b""]), key=lambda one: _size(one) if one else 0)
    found, size = list[str](), 0
    for one in await monitor.entries(memory, organisation, start):
        size += len(one)
        if found and size > PART_BYTES_MAX:
            break
        found.append(b64(one))
    return GivenBack(newest.decode(), start, found)


def _partner(memory: Memory, asker: str) -> None:
    if not witness.is_partner(memory, asker):
        raise NotFound("thread.unknown")


def _raw(texts: Sequence[str]) -> list[bytes]:
    return [unb64(one) for one in texts]


ANSWERS: Final[dict[str, Callable[[Memory, str, bytes], Any]]] = {
    GOSSIP_PATH: gossiped, SHOW_PATH: shown, BACK_PATH: given_back}
PATHS: Final = (*ANSWERS, GIVE_PATH)
