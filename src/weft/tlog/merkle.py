"""The Merkle tree: hashes of leaves and nodes, proofs that a leaf is in it and that it only grew.

RFC 9162 §2.1 (the same hashes as RFC 6962), with SHA-256.

    leaf = SHA256(0x00 || entry)      node = SHA256(0x01 || left || right)      no leaves: SHA256 of nothing
    a tree of n > 1 leaves splits at the largest power of two below n

Rule 1: proofs are built of whole subtrees only, which ``Read`` hands out by height and place: height 0 are the leaves,
        place p of height h holds the leaves from p * 2^h on.
Rule 2: a proof has exactly one form: one hash more, less, longer or shorter is refused.
Rule 3: a proof binds a hash to a root; that the root is the log's, a signature says (``checkpoint.py``).
Not here: where hashes are kept (``tile.py``), the text of a proof (``proof.py``).
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from weft.basis.errors import Invalid
from weft.tlog.checkpoint import SIZE_MAX

HASH_BYTES: Final = 32
PROOF_HASHES_MAX: Final = 63
EMPTY_ROOT: Final = sha256(b"").digest()

Read = Callable[[int, int], bytes]  # height, place -> the hash of a whole subtree


def leaf_hash(entry: bytes) -> bytes:
    """The hash of an entry as a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash above two hashes."""
    return sha256(b"\x01" + left + right).digest()


def from_leaves(leaves: Sequence[bytes]) -> Read:
    """A ``Read`` over leaf hashes in memory; it hashes anew each time (for small trees)."""
    def read(height: int, place: int) -> bytes:
        if height == 0:
            return leaves[place]
        return node_hash(read(height - 1, 2 * place), read(height - 1, 2 * place + 1))

    return read


# ---- building ------------------------------------------------------------------------------------


def root_of(size: int, read: Read) -> bytes:
    """The root of the first ``size`` leaves."""
    return EMPTY_ROOT if size == 0 else _range(0, size, read)


def inclusion(index: int, size: int, read: Read) -> list[bytes]:
    """The proof that leaf ``index`` is in the tree of ``size`` leaves, from its sibling upwards."""
    if not 0 <= index < size <= SIZE_MAX:
        raise Invalid("tlog.index", index=index, size=size)
    start, end, found = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            found.append(_range(middle, end, read))
            end = middle
        else:
            found.append(_range(start, middle, read))
            start = middle
    return found[::-1]


def consistency(old: int, new: int, read: Read) -> list[bytes]:
    """The proof that the tree of ``new`` leaves begins with that of ``old``; empty from 0 and between like sizes."""
    if not 0 <= old <= new <= SIZE_MAX:
        raise Invalid("tlog.index", index=old, size=new)
    if old in {0, new}:
        return []
    start, end, found = 0, new, []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            found.append(_range(middle, end, read))
            end = middle
        else:
            found.append(_range(start, middle, read))
            start = middle
    if start:  # the verifier does not know this part of the old tree by itself
        found.append(_range(start, end, read))
    return found[::-1]


def compact(first: int, read: Read) -> list[bytes]:
    """The hashes above the first ``first`` leaves of a tree: one for each whole subtree, the largest first."""
    found, start = [], 0
    for height in range(first.bit_length() - 1, -1, -1):
        if first >> height & 1:
            found.append(read(height, start >> height))
            start += 1 << height
    return found


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1


def _range(start: int, end: int, read: Read) -> bytes:
    """The root over the leaves from ``start`` to before ``end``, a range that a tree's split gave."""
    size = end - start
    if size & (size - 1) == 0:
        height = size.bit_length() - 1
        return read(height, start >> height)
    middle = start + _split(size)
    return node_hash(_range(start, middle, read), _range(middle, end, read))


# ---- verifying -----------------------------------------------------------------------------------


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ``Invalid('tlog.inclusion')`` unless ``leaf`` is number ``index`` of the ``size`` leaves under ``root``."""
    # 1. The place is in the tree, and everything is a hash (RFC 9162 §2.1.3.2, step 1).
    if not 0 <= index < size <= SIZE_MAX or not _are_hashes([leaf, root, *proof]):
        raise Invalid("tlog.inclusion")
    # 2. and 3. Begin with the leaf; ``last`` is the place of the last node of this height.
    place, last, found = index, size - 1, leaf
    # 4. Climb: a node that is right, or last of its height, has its sibling on the left.
    for sibling in proof:
        if last == 0:
            raise Invalid("tlog.inclusion")
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            place, last = _odd(place, last)
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    # 5. At the top, and it is the root.
    if last or found != root:
        raise Invalid("tlog.inclusion")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ``Invalid('tlog.consistency')`` unless the tree under ``new_root`` begins with that under ``old_root``."""
    if not 0 <= old <= new <= SIZE_MAX or not _are_hashes([old_root, new_root, *proof]):
        raise Invalid("tlog.consistency")
    # Nothing is the beginning of everything, and a tree of itself; both need no proof and may have none.
    if old in {0, new}:
        if proof or (old == 0 and old_root != EMPTY_ROOT) or (old == new and old_root != new_root):
            raise Invalid("tlog.consistency")
        return
    # 1. There is a proof (RFC 9162 §2.1.4.2).
    # 2. If the old tree is one whole subtree, its root stands before the proof.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not proof:
        raise Invalid("tlog.consistency")
    # 3. and 4. Begin at the old tree's last node that is not the right one of two.
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    # 5. and 6. Climb in both trees. 7. At the top of both, and they are the roots.
    if _climbed(place, last, path) != (old_root, new_root):
        raise Invalid("tlog.consistency")


def _climbed(place: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of both trees from the node ``path[0]`` up; what stands on its right is only in the new one."""
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise Invalid("tlog.consistency")
        if place & 1 or place == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            place, last = _odd(place, last)
        else:
            second = node_hash(second, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise Invalid("tlog.consistency")
    return first, second


def _odd(place: int, last: int) -> tuple[int, int]:
    """Up over the heights where the last node has no sibling."""
    while place and not place & 1:
        place, last = place >> 1, last >> 1
    return place, last


def _are_hashes(hashes: Sequence[bytes]) -> bool:
    # 63 hashes of a proof, a leaf and roots; a hash of another length could shift bytes between siblings
    return len(hashes) <= PROOF_HASHES_MAX + 2 and all(len(one) == HASH_BYTES for one in hashes)
