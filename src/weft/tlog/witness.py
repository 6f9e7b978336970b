"""A witness: what a log asks of it, when it may sign, and how it answers.

C2SP tlog-witness (add-checkpoint; the monitor's path).

    request     "old <size>", the consistency proof (base64, a hash a line), an empty line, the checkpoint
    answer      200 cosignature lines · 409 the size that the witness holds ("text/x.tlog.size") · 400, 403, 404, 422

Rule 1: for each origin a witness goes only forward, from the very checkpoint that it signed last; it never signs two
        roots of one size.
Rule 2: the caller judges, keeps the new ``Seen`` and only then answers, all under one lock of that origin; or else two
        requests at once could roll it back.
Rule 3: what fails after the log's signature held may be kept: it can be proof of what the log did.
Not here: HTTP, the store, the clock; sign-subtree, which is optional.
"""

import base64
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from weft.basis.errors import Invalid, Refused, WeftError
from weft.tlog import checkpoint, cosignature, note
from weft.tlog.checkpoint import ROOT_BYTES, Checkpoint, number
from weft.tlog.merkle import EMPTY_ROOT, PROOF_HASHES_MAX, verify_consistency
from weft.tlog.note import NOTE_BYTES_MAX, Note, Signature, VerifierKey, unbase64

ADD_CHECKPOINT_PATH: Final = "add-checkpoint"
SIZE_TYPE: Final = "text/x.tlog.size"
REQUEST_BYTES_MAX: Final = NOTE_BYTES_MAX + 64 * (PROOF_HASHES_MAX + 1)
SIZE_CHARACTERS_MAX: Final = 20
MALFORMED: Final = 400
STATUS: Final = {
    "tlog.log-unknown": 404,
    "tlog.note-unsigned": 403, "tlog.note-signature": 403,
    "tlog.witness-backwards": 400,
    "tlog.witness-behind": 409,
    "tlog.witness-empty-root": 422, "tlog.witness-fork": 422, "tlog.consistency": 422,
}


class Request(NamedTuple):
    """``old``: the size that the log believes the witness holds; ``proof`` from there to the checkpoint in ``note``."""

    old: int
    proof: tuple[bytes, ...]
    note: Note


class Seen(NamedTuple):
    """The checkpoint that a witness signed last for a log; before the first: nothing."""

    size: int = 0
    root: bytes = EMPTY_ROOT


# ---- the request ---------------------------------------------------------------------------------


def parse(data: bytes) -> Request:
    """The request in ``data``; raises ``Invalid('tlog.request-malformed')``, or what is wrong with its checkpoint."""
    if len(data) > REQUEST_BYTES_MAX:
        raise Invalid("tlog.request-malformed")
    head, empty, rest = data.partition(b"\n\n")
    try:
        first, *lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Invalid("tlog.request-malformed") from error
    if not empty or not first.startswith("old ") or len(lines) > PROOF_HASHES_MAX:
        raise Invalid("tlog.request-malformed")
    proof = tuple(unbase64(line, "tlog.request-malformed") for line in lines)
    if any(len(one) != ROOT_BYTES for one in proof):
        raise Invalid("tlog.request-malformed")
    read = note.parse(rest)
    checkpoint.parse_text(read.text)
    return Request(number(first.removeprefix("old "), "tlog.request-malformed"), proof, read)


def encode(request: Request) -> bytes:
    """The body of ``request``."""
    lines = [f"old {request.old}", *(base64.b64encode(one).decode() for one in request.proof)]
    return "".join(f"{line}\n" for line in lines).encode() + b"\n" + note.encode(request.note)


# ---- the judgement -------------------------------------------------------------------------------


def judge(request: Request, logs: Sequence[VerifierKey], seen: Seen) -> Checkpoint:
    """The checkpoint that the witness may sign now; ``logs``: the keys it knows, ``seen``: what it signed last for it.

    Raises what ``STATUS`` lists; ``Refused('tlog.witness-behind')`` has the ``size`` for the answer 409.
    """
    # 1. The origin is known (404), and signed it by a key that we know for it (403).
    asked = checkpoint.verify(request.note, logs, cosignature.is_signed)
    # 2. It does not go backwards by its own words (400).
    if request.old > asked.size:
        raise Invalid("tlog.witness-backwards")
    # 3. It goes on from what we signed last (409).
    if request.old != seen.size:
        raise Refused("tlog.witness-behind", size=seen.size)
    # 4. Nothing has the hash of nothing (422).
    if asked.size == 0 and asked.root != EMPTY_ROOT:
        raise Invalid("tlog.witness-empty-root")
    # 5. The same size has the same root (422).
    if asked.size == seen.size and asked.root != seen.root:
        raise Refused("tlog.witness-fork", origin=asked.origin, size=seen.size)
    # 6. It contains all that we signed before (422); from nothing on there is no proof.
    verify_consistency(seen.size, seen.root, asked.size, asked.root, request.proof)
    return asked


# ---- the answer ----------------------------------------------------------------------------------


def status(error: WeftError) -> int:
    """The HTTP status that answers ``error``; whatever is no finding of ``judge`` was malformed."""
    return STATUS.get(error.code, MALFORMED)


def conflict(size: int) -> bytes:
    """The body of the answer 409."""
    return f"{size}\n".encode()


def parse_conflict(data: bytes) -> int:
    """The size that a witness holds; raises ``Invalid('tlog.answer-malformed')``."""
    if len(data) > SIZE_CHARACTERS_MAX or not data.endswith(b"\n") or not data.isascii():
        raise Invalid("tlog.answer-malformed")
    return number(data[:-1].decode(), "tlog.answer-malformed")


def cosigned(asked: Note, data: bytes, witnesses: Sequence[VerifierKey]) -> dict[VerifierKey, Signature]:
    """The cosignatures in a witness's answer (200) by ``witnesses``, verified on ``asked``; one at least, all timed.

    Raises what ``note.verify`` raises, and ``Invalid('tlog.answer-malformed')``.
    """
    if len(data) > NOTE_BYTES_MAX:
        raise Invalid("tlog.answer-malformed")
    try:
        lines = note.parse_signatures(data.decode())
    except UnicodeDecodeError as error:
        raise Invalid("tlog.answer-malformed") from error
    found = note.verify(Note(asked.text, lines), witnesses, cosignature.is_signed)
    if any(cosignature.timestamp_of(one.value) == 0 for one in found.values()):
        raise Invalid("tlog.answer-malformed")
    return found


def monitor_path(origin: str) -> str:
    """Where below its monitoring prefix a witness shows the checkpoint that it signed last for ``origin``."""
    return f"{sha256(origin.encode()).hexdigest()}/checkpoint"
