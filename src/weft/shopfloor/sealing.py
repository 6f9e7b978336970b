"""What sealed values of a machine come to: one digest over all that they say, whatever file holds them.

A column is the SHA-256 over its times (ms since 1970, 64 bits), then its values (IEEE 754, 64 bits; zero where there is
none), then its qualities (one byte each), numbers with the high byte first, in order of time. The whole is the SHA-256
over ``weft-values/1``, a line feed, and canonical JSON: machine, begin, until, and of each column, by name, how many
there are and its digest.
Rule 1: a value that is changed, left out, added, moved in time or ascribed to another machine gives another digest.
Rule 2: whoever holds one column and the digests of the others can prove that one alone.
Not here: the files (``stores/series_files.py``), who signs for a digest (``engine/value_evidence.py``).
"""

import hashlib
from collections.abc import Mapping
from typing import Final

import msgspec

from weft.basis.canonical import encode
from weft.basis.decider import Message

FORMAT: Final = "weft-values/1"
OFF: Final = 4  # a quality of its own in files: from here on the node itself did not listen
WORDS: Final = ("good", "uncertain", "bad", "missing", "off")  # qualities in files, by number


class Column(msgspec.Struct, frozen=True):
    """How many points a property has in a segment, and the digest of them (hex)."""

    count: int
    digest: str


class ValuesSealed(Message, frozen=True, kw_only=True):
    """``count`` values of ``machine`` from ``begin`` until ``until`` (ms, exclusive) come to ``digest`` (hex).

    ``properties``: the numbers that are among them, by name.
    """

    machine: str
    begin: int
    until: int
    count: int
    properties: tuple[str, ...]
    digest: str
    at: str = ""


def column(times: bytes, values: bytes, qualities: bytes) -> Column:
    """The digest of one column; bytes as the specification says."""
    told = hashlib.sha256(times)
    told.update(values)
    told.update(qualities)
    return Column(len(qualities), told.hexdigest())


def whole(machine: str, span: tuple[int, int], columns: Mapping[str, Column]) -> str:
    """The digest of a segment (hex)."""
    told = {"machine": machine, "begin": span[0], "until": span[1],
            "columns": [[name, columns[name].count, columns[name].digest] for name in sorted(columns)]}
    return hashlib.sha256(f"{FORMAT}\n".encode() + encode(told)).hexdigest()


def fault(message: ValuesSealed) -> str | None:
    """Why nobody can mean ``message``; None when it may stand."""
    sound = message.begin < message.until and message.count > 0 and len(message.digest) == 64 \
        and not message.digest.strip("0123456789abcdef") and 0 < len(message.properties) <= message.count \
        and list(message.properties) == sorted(set(message.properties))
    return None if sound else "floor.sealed-malformed"
