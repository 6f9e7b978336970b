"""A proof for the pocket: that an entry is in a log which enough witnesses saw, checked without any network.

C2SP tlog-proof (version 1); the file's ending is ``.tlog-proof``.

    c2sp.org/tlog-proof@v1
    extra <base64>               (may be missing; nobody signed it)
    index <number>
    (the inclusion proof: base64, a hash a line, from the leaf's sibling upwards)
    (an empty line)
    (the checkpoint with its signatures)

Rule 1: which entry it is about, the caller says by its leaf hash; the proof does not hold it.
Rule 2: ``extra`` is not authenticated; who uses it must check it by the leaf hash that it leads to.
Rule 3: two proofs of one place with unlike leaves are a fork that anybody can check, whatever the sizes.
Not here: whom to trust (``policy.py``), times of cosignatures: the caller may ask more of ``Verdict``.
"""

import base64
import functools
from collections.abc import Sequence
from typing import Final

import msgspec

from weft.basis.errors import Invalid
from weft.tlog import checkpoint, note, policy
from weft.tlog.checkpoint import ROOT_BYTES, number, parse_text
from weft.tlog.merkle import PROOF_HASHES_MAX, verify_inclusion
from weft.tlog.note import NOTE_BYTES_MAX, Note, VerifierKey, unbase64
from weft.tlog.policy import Policy, Verdict

HEADER: Final = "c2sp.org/tlog-proof@v1"
EXTRA_BYTES_MAX: Final = 64 * 1024
PROOF_BYTES_MAX: Final = NOTE_BYTES_MAX + 2 * EXTRA_BYTES_MAX + 64 * PROOF_HASHES_MAX
PROOFS_KEPT: Final = 32  # one that was read is asked for again and again while a price is checked
_CODE: Final = "tlog.proof-malformed"


class Proof(msgspec.Struct, frozen=True):
    """That leaf ``index`` is in the tree of the checkpoint in ``note``, by the hashes ``path``."""

    index: int
    path: tuple[bytes, ...]
    note: Note
    extra: bytes | None = None


@functools.lru_cache(PROOFS_KEPT)
def parse(data: bytes) -> Proof:
    """The proof in ``data``; raises ``Invalid('tlog.proof-malformed')``, or what is wrong with its checkpoint."""
    if len(data) > PROOF_BYTES_MAX:
        raise Invalid(_CODE)
    head, empty, rest = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Invalid(_CODE) from error
    extra = None
    if len(lines) > 1 and lines[1].startswith("extra "):
        extra = unbase64(lines.pop(1).removeprefix("extra "), _CODE)
    if not empty or lines[0] != HEADER or len(lines) < 2 or not lines[1].startswith("index "):
        raise Invalid(_CODE)
    path = tuple(unbase64(line, _CODE) for line in lines[2:])
    if len(path) > PROOF_HASHES_MAX or any(len(one) != ROOT_BYTES for one in path):
        raise Invalid(_CODE)
    if len(extra or b"") > EXTRA_BYTES_MAX:
        raise Invalid(_CODE)
    read = note.parse(rest)
    parse_text(read.text)
    return Proof(number(lines[1].removeprefix("index "), _CODE), path, read, extra)


def encode(proof: Proof) -> bytes:
    """The text of ``proof``; raises ``Invalid('tlog.proof-malformed')`` for what ``parse`` would not give back."""
    lines = [HEADER]
    if proof.extra is not None:
        lines.append(f"extra {base64.b64encode(proof.extra).decode()}")
    lines += [f"index {proof.index}", *(base64.b64encode(one).decode() for one in proof.path)]
    data = "".join(f"{line}\n" for line in lines).encode() + b"\n" + note.encode(proof.note)
    if parse(data) != proof:
        raise Invalid(_CODE)
    return data


def verify(proof: Proof, leaf: bytes, trusted: Policy) -> Verdict:
    """Who vouches for the leaf hash ``leaf``; raises ``Invalid('tlog.inclusion')``, and what ``policy`` raises."""
    # 1. The leaf hash is the caller's.
    # 2. The log is one of ours and signed the checkpoint. 3. So did enough witnesses.
    verdict = policy.verify(trusted, proof.note)
    # 4. The leaf is in that tree, at that place.
    verify_inclusion(leaf, proof.index, verdict.checkpoint.size, verdict.checkpoint.root, proof.path)
    return verdict


def contradict(one: tuple[Proof, bytes], other: tuple[Proof, bytes], logs: Sequence[VerifierKey]) -> bool:
    """Whether two proofs, each with its leaf hash, show that one of ``logs`` tells different people different things.

    Each must hold by the log's own signature (raises as ``verify``); witnesses are not asked: it accuses itself.
    Any two sizes will do: a log that only grows has one leaf at a place for ever. False proves nothing.
    """
    signed_alone = Policy(policy.NONE, tuple(logs))
    first, second = (verify(proof, leaf, signed_alone).checkpoint for proof, leaf in (one, other))
    same_place = first.origin == second.origin and one[0].index == other[0].index and one[1] != other[1]
    return same_place or checkpoint.contradict(first, second)
