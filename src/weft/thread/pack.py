"""The pack: one thread with all that proves it, as lines of canonical JSON that anybody can check.

The first line is the manifest; then lines ``{"key": envelope}``, the key logs of all members, each from its inception;
then ``{"event": envelope}``, the thread in the order in which all members read it; then ``{"fork": [envelope,
envelope]}``, proofs that a device said two things at one place. Each line ends with a line feed, the last one too.
Rule 1: a line is accepted only in its one canonical spelling, so that one set of facts is one sequence of bytes.
Rule 2: a payload may be withheld, slot by slot; its commitment stays, and proves it when it is shown later.
Not here: whether what a pack says is true (``audit.py``), gathering it (``engine/packs.py``).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from weft.basis import canonical
from weft.basis.errors import Invalid
from weft.thread.event import Envelope, Event, to_envelope

FORMAT: Final = "weft-thread/1"


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the pack claims to hold; ``state`` is the hash of the folded state, empty when it does not say.

    ``pruned``: of what lay before its closing the thread keeps little; absent when it keeps all.
    """

    format: str
    thread: str
    machine: str
    members: dict[str, str]
    heads: list[str]
    keys: int
    events: int
    forks: int
    state: str
    pruned: bool = False


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One line after the first: exactly one of the three."""

    key: Envelope | None = None
    event: Envelope | None = None
    fork: tuple[Envelope, Envelope] | None = None


@dataclass(slots=True)
class Pack:
    """What the lines of a pack are; the number of the first line of each part is its offset."""

    manifest: Manifest
    keys: list[Envelope] = field(default_factory=list)
    events: list[Envelope] = field(default_factory=list)
    forks: list[tuple[Envelope, Envelope]] = field(default_factory=list)


def write(
    manifest: Manifest, keys: Sequence[Event], events: Sequence[Event], forks: Iterable[tuple[Event, Event]] = ()
) -> bytes:
    """The bytes of a pack; the manifest's counts are set here."""
    pairs = [(to_envelope(one), to_envelope(two)) for one, two in forks]
    counted = msgspec.structs.replace(manifest, keys=len(keys), events=len(events), forks=len(pairs))
    lines: list[msgspec.Struct] = [counted]
    lines += [Line(key=to_envelope(one)) for one in keys]
    lines += [Line(event=to_envelope(one)) for one in events]
    lines += [Line(fork=pair) for pair in pairs]
    return b"".join(canonical.encode(msgspec.to_builtins(line)) + b"\n" for line in lines)


def read(data: bytes) -> Pack:
    """The pack in ``data``; raises ``Invalid('pack.…')`` with the number of the line."""
    if not data.endswith(b"\n"):
        raise Invalid("pack.line", line=data.count(b"\n") + 1)
    lines = enumerate(_lines(data), 1)
    pack = Pack(_line(next(lines)[1], Manifest, 1))
    if pack.manifest.format != FORMAT:
        raise Invalid("pack.format", format=pack.manifest.format[:40])
    for number, text in lines:
        _take(pack, _line(text, Line, number), number)
    counts = (len(pack.keys), len(pack.events), len(pack.forks))
    if counts != (pack.manifest.keys, pack.manifest.events, pack.manifest.forks):
        raise Invalid("pack.counts")
    return pack


def _lines(data: bytes) -> Iterator[bytes]:
    """One line after the other: the first that is wrong ends it, and of megabytes of them no list is made."""
    begin = 0
    while (end := data.find(b"\n", begin)) >= 0:
        yield data[begin:end]
        begin = end + 1


T = TypeVar("T", bound=msgspec.Struct)


def _line(text: bytes, kind: type[T], number: int) -> T:
    """``text`` as ``kind``, which must be its one spelling."""
    try:
        found = msgspec.json.decode(text, type=kind)
        if canonical.encode(msgspec.to_builtins(found)) == text:
            return found
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Invalid) as error:
        raise Invalid("pack.line", line=number) from error
    raise Invalid("pack.line", line=number)


def _take(pack: Pack, line: Line, number: int) -> None:
    """Append ``line`` to its part; the parts follow each other."""
    late = bool(pack.forks), bool(pack.events)
    if line.key and not line.event and not line.fork and not any(late):
        pack.keys.append(line.key)
    elif line.event and not line.key and not line.fork and not late[0]:
        pack.events.append(line.event)
    elif line.fork and not line.key and not line.event:
        pack.forks.append(line.fork)
    else:
        raise Invalid("pack.line", line=number)


def without(event: Event, slots: Iterable[int]) -> Event:
    """``event`` with the payloads of ``slots`` withheld."""
    kept = {slot: held for slot, held in event.payloads.items() if slot not in set(slots)}
    return msgspec.structs.replace(event, payloads=kept)
