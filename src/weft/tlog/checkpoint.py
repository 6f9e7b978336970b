"""A checkpoint: what a log signs about itself at one size, as a note of three lines.

C2SP tlog-checkpoint v1.0.0.

    origin                      which log; its key's name is the same
    size                        how many leaves, decimal
    root                        base64 of the Merkle root at that size
    (extension lines)           opaque; read, kept, never interpreted

Rule 1: a log never signs two checkpoints that no consistency proof joins; two of one size and unlike roots are a fork.
Rule 2: a size has one way to be written, and is below 2^63.
Not here: proofs (``merkle.py``), witnesses' signatures (``cosignature.py``), which logs are trusted (``policy.py``).
"""

import base64
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from weft.basis.errors import Invalid
from weft.identity.keys import Signer
from weft.tlog import note
from weft.tlog.note import Check, Note, VerifierKey, unbase64

SIZE_MAX: Final = 2**63 - 1
ROOT_BYTES: Final = 32
ORIGIN_BYTES_MAX: Final = 255
EXTENSIONS_MAX: Final = 16
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(NamedTuple):
    """The state of the log ``origin`` at ``size`` leaves; ``root`` is 32 bytes."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def text_of(checkpoint: Checkpoint) -> str:
    """The note text of ``checkpoint``; raises ``Invalid('tlog.checkpoint-malformed')``."""
    root = base64.b64encode(checkpoint.root).decode()
    lines = (checkpoint.origin, str(checkpoint.size), root, *checkpoint.extensions)
    text = "".join(f"{line}\n" for line in lines)
    if parse_text(text) != checkpoint:
        raise Invalid("tlog.checkpoint-malformed")
    return text


def parse_text(text: str) -> Checkpoint:
    """The checkpoint that a note's text says; raises ``Invalid('tlog.checkpoint-malformed')``."""
    lines = text.split("\n")
    if not 4 <= len(lines) <= 4 + EXTENSIONS_MAX or lines[-1] or not all(lines[:-1]):
        raise Invalid("tlog.checkpoint-malformed")
    origin, size, root = lines[:3]
    raw = unbase64(root, "tlog.checkpoint-malformed")
    if len(raw) != ROOT_BYTES or len(origin.encode(errors="replace")) > ORIGIN_BYTES_MAX:
        raise Invalid("tlog.checkpoint-malformed")
    return Checkpoint(origin, number(size, "tlog.checkpoint-malformed"), raw, tuple(lines[3:-1]))


def number(text: str, code: str) -> int:
    """A size or an index below 2^63 in decimal without leading zeros; raises ``Invalid(code)``."""
    if not _DECIMAL.fullmatch(text) or int(text) > SIZE_MAX:
        raise Invalid(code)
    return int(text)


def signed(checkpoint: Checkpoint, signer: Signer) -> Note:
    """``checkpoint`` signed by its log, whose key has the log's name."""
    text = text_of(checkpoint)
    return Note(text, (note.sign(text, checkpoint.origin, signer),))


def verify(read: Note, logs: Sequence[VerifierKey], check: Check = note.is_signed) -> Checkpoint:
    """The checkpoint in ``read``, signed by a key of ``logs`` that has the name of its origin.

    Raises ``Invalid('tlog.log-unknown')`` when no key of ``logs`` has that name, and what ``note.verify`` raises.
    """
    # 1. The text is that of a checkpoint.
    found = parse_text(read.text)
    # 2. Its origin is a log that we know.
    own = [key for key in logs if key.name == found.origin]
    if not own:
        raise Invalid("tlog.log-unknown", origin=found.origin)
    # 3. That log signed it.
    note.verify(read, own, check)
    return found


def contradict(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether two checkpoints cannot both be true of one log: the same size, and unlike roots.

    For unlike sizes only a consistency proof can tell.
    """
    return one.origin == other.origin and one.size == other.size and one.root != other.root
