"""That a record did not hold a book when the book says it was public: kept when we see it, and given on as proof.

An entry stands at a place of the record. A checkpoint of no more leaves than that, cosigned later than the entry's time
(``timing.SKEW_MS`` borne), shows that the time is false: to everybody who believes one of its witnesses.
Rule 1: what we saw ourselves is kept when the entry comes: the checkpoints that we met are forgotten later.
Rule 2: nothing is given on that does not hold by its signatures; signatures of firms that nobody names are left out.
Not here: what it means for a price (``pricing/timing.py``), the file (``evidence.py``).
"""

from collections.abc import Container, Iterable, Sequence
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.errors import WeftError
from weft.engine.memory import Memory
from weft.engine.pricelog import known, witness
from weft.pricing.leaf import BookLeaf, origin_of
from weft.pricing.timing import SKEW_MS
from weft.tlog import checkpoint, cosignature, note, policy, proof
from weft.tlog.note import Note
from weft.tlog.policy import Policy

ABSENT: Final = "price-absent"  # bucket of each firm: by the place of a book's entry, an ``Absent``
GIVEN_MAX: Final = 4

Values = list[tuple[str, str, bytes | None]]


class Absent(msgspec.Struct, frozen=True):
    """The checkpoint ``note`` as the log signed it: at ``at_ms`` we saw the record so large, without the entry."""

    note: bytes
    at_ms: int


async def kept(memory: Memory, organisation: str, entries: Iterable[tuple[int, BookLeaf]]) -> Values:
    """What to keep of new ``entries`` (place, leaf), of those that say to be older than they can be."""
    found: Values = []
    for place, leaf in entries:
        for size, at_ms in sorted(await known.sightings(memory.store, organisation), key=lambda one: -one[1]):
            if at_ms <= instant.to_ms(leaf.at) + SKEW_MS:
                break
            held = await _note(memory, organisation, size) if size <= place else None
            if held is not None:
                packed = msgspec.msgpack.encode(Absent(held, at_ms))
                found.append((known.shelf(ABSENT, organisation), known.place(place), packed))
                break
    return found


async def _note(memory: Memory, organisation: str, size: int) -> bytes | None:
    """The checkpoint of ``size`` leaves, if we still hold it."""
    held = await memory.store.value(known.shelf(known.MARKS, organisation), known.place(size))
    signed = await witness.witnessed(memory.store, organisation)
    return signed.note.encode() if held is None and signed is not None and signed.size == size else held


async def notes(
    memory: Memory, seller: str, books: Sequence[tuple[int, BookLeaf]], proofs: Iterable[str], trusted: Policy | None
) -> tuple[str, ...]:
    """Cosigned checkpoints of the record of ``seller`` that hold none of ``books`` (place, leaf), though they should.

    ``proofs``: tlog-proofs of the record that we have from anywhere; of their witnesses those that ``trusted`` names
    count. Ours come first.
    """
    found = list[str]()
    for place, _ in books:
        data = await memory.store.value(known.shelf(ABSENT, seller), known.place(place))
        if data is not None:
            found.append(_ours(memory, seller, msgspec.msgpack.decode(data, type=Absent)))
    keys = await memory.keys(seller)
    if trusted is None or keys is None:
        return tuple(found[:GIVEN_MAX])
    names = {(one.name, one.id) for one in trusted.witnesses.values()}
    others = dict[str, int]()
    for text in proofs:
        for place, leaf in books:
            seen_ms, told = _others(text, place, names, (trusted, known.keys_of(keys, seller, withdrawn=True)))
            if seen_ms > instant.to_ms(leaf.at) + SKEW_MS:
                others[told] = seen_ms
    newest = sorted(others, key=lambda one: -others[one])
    return tuple(dict.fromkeys([*found, *newest]))[:GIVEN_MAX]


def _ours(memory: Memory, seller: str, held: Absent) -> str:
    """What we saw, with our cosignature of that time."""
    key, read = witness.key_for(memory.identity, origin_of(seller)), note.parse(held.note)
    line = cosignature.sign(read.text, key.verifier.name, key.signer, held.at_ms // 1000)
    return note.encode(Note(read.text, (*read.signatures, line))).decode()


def _others(
    text: str, place: int, names: Container[tuple[str, bytes]], by: tuple[Policy, Sequence[note.VerifierKey]]
) -> tuple[int, str]:
    """(when the last of enough witnesses saw it, the checkpoint) of a proof; (0, "") when it does not serve."""
    trusted, logs = by
    try:
        read = proof.parse(text.encode()).note
        if checkpoint.parse_text(read.text).size > place:
            return 0, ""
        own = {(one.name, one.id) for one in logs}
        read = Note(read.text, tuple(one for one in read.signatures
                                     if (one.name, one.id) in own or (one.name, one.id) in names))
        seen = policy.verify(trusted, read, logs).witnesses
    except (WeftError, UnicodeEncodeError):
        return 0, ""
    return min(seen.values(), default=0) * 1000, note.encode(read).decode()
