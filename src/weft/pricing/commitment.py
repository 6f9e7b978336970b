"""A salted commitment to a document, many of them in one padded batch, and the opening for its partner.

Merkle hashes of RFC 9162 (``tlog/merkle.py``).

    commitment = digest("price-commitment/1", salt (32 bytes) || document (32 bytes))
    document   = the id of the event that says a Quotation, an Order or an Invoice, or the hash of a slip

Rule 1: a batch is shuffled and padded with random bytes to a power of two, 16 at least; padding and commitments
        look alike, so that a batch tells neither partners nor volume.
Rule 2: each document has a salt of its own, told to its partner only: who guesses the document still sees nothing.
Rule 3: randomness comes in as ``draw``; the same draws give the same batch.
Not here: the leaf that makes a root public (``leaf.py``), when a batch is made (the engine).
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from weft.basis import canonical
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid
from weft.pricing.leaf import BATCH_MAX, BATCH_MIN
from weft.tlog import merkle

SALT_BYTES: Final = 32
DOCUMENT_BYTES: Final = 32
PATH_MAX: Final = 20  # hashes above a leaf of the largest batch
_DOMAIN: Final = "price-commitment/1"
_CODE: Final = "pricing.opening"
_PADDING: Final = "price-padding/1"
_PADDING_SEED: Final = "price-padding-seed/1"
_SHUFFLE: Final = "price-shuffle/1"

Draw = Callable[[int], bytes]  # that many random bytes


class Batch(msgspec.Struct, frozen=True):
    """Commitments and padding (32 bytes each) in the order in which they were hashed."""

    leaves: tuple[bytes, ...]

    @property
    def n(self) -> int:
        """How many leaves; a power of two."""
        return len(self.leaves)

    @property
    def root(self) -> str:
        """The root over all leaves, base64url."""
        return b64(merkle.root_of(self.n, _tree(self.leaves)))


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """That leaf ``index`` of a batch of ``n`` commits to ``document``; hashes and salt are base64url."""

    document: str
    salt: str
    index: int
    n: int
    path: tuple[str, ...]


def commit(salt: bytes, document: bytes) -> bytes:
    """The commitment (32 bytes) to ``document`` under ``salt``, 32 bytes each."""
    if len(salt) != SALT_BYTES or len(document) != DOCUMENT_BYTES:
        raise Invalid("pricing.commitment")
    return canonical.digest(_DOMAIN, salt + document)


def batch(commitments: Sequence[bytes], draw: Draw) -> Batch:
    """The shuffled, padded batch of ``commitments``; raises ``Invalid('pricing.commitment')``."""
    if len(commitments) > BATCH_MAX or any(len(one) != merkle.HASH_BYTES for one in commitments):
        raise Invalid("pricing.commitment")
    n = max(BATCH_MIN, 1 << (len(commitments) - 1).bit_length() if commitments else 0)
    padding = [draw(merkle.HASH_BYTES) for _ in range(n - len(commitments))]
    keyed = [(draw(16), one) for one in [*commitments, *padding]]
    return Batch(tuple(one for _, one in sorted(keyed)))


def filled(commitments: Sequence[bytes], seed: bytes, n: int) -> Batch:
    """The batch of ``commitments`` with padding to ``n``, a power of two: all but them follows from ``seed`` (32 B).

    Padding is made of something that can be shown later (``padding_of``): then it is seen to be no document.
    """
    if not max(BATCH_MIN, len(commitments)) <= n <= BATCH_MAX or n & (n - 1) or len(seed) != SALT_BYTES \
            or any(len(one) != merkle.HASH_BYTES for one in commitments):
        raise Invalid("pricing.commitment")
    padding = [padding_leaf(made) for made in padding_of(seed, n - len(commitments))]
    return Batch(tuple(sorted([*commitments, *padding], key=lambda one: canonical.digest(_SHUFFLE, seed + one))))


def padding_of(seed: bytes, count: int) -> list[bytes]:
    """What the ``count`` leaves of padding under ``seed`` are made of, 32 bytes each."""
    return [canonical.digest(_PADDING_SEED, seed + k.to_bytes(4, "big")) for k in range(count)]


def padding_leaf(made: bytes) -> bytes:
    """The leaf that is padding made of ``made``: it can be no commitment, since its domain is another one."""
    return canonical.digest(_PADDING, made)


def verify_padding(made: bytes, index: int, shape: tuple[int, Sequence[str]], root: str) -> None:
    """Raise ``Invalid('pricing.opening')`` unless leaf ``index`` under ``root`` is padding; ``shape``: (n, path)."""
    n, path = shape
    if not BATCH_MIN <= n <= BATCH_MAX or len(path) > PATH_MAX:
        raise Invalid(_CODE)
    try:
        merkle.verify_inclusion(merkle.leaf_hash(padding_leaf(made)), index, n, unb64(root, 32),
                                [unb64(one, 32) for one in path])
    except Invalid as error:
        raise Invalid(_CODE) from error


def path_of(made: Batch, indexes: Sequence[int]) -> list[tuple[str, ...]]:
    """The paths of the leaves ``indexes`` of ``made``; the tree is hashed once."""
    rows = _rows(made.leaves)
    return [tuple(b64(one) for one in merkle.inclusion(index, made.n, lambda height, place: rows[height][place]))
            for index in indexes]


def opening(made: Batch, salt: bytes, document: bytes) -> Opening:
    """What shows the partner that ``made`` commits to ``document``; raises ``Invalid('pricing.opening')`` if not."""
    return openings(made, [(salt, document)])[0]


def openings(made: Batch, documents: Sequence[tuple[bytes, bytes]]) -> tuple[Opening, ...]:
    """The opening of each (salt, document) of ``made``; the tree is hashed once."""
    places = {one: index for index, one in enumerate(made.leaves)}
    rows = _rows(made.leaves)
    found = []
    for salt, document in documents:
        index = places.get(commit(salt, document))
        if index is None:
            raise Invalid(_CODE)
        path = merkle.inclusion(index, made.n, lambda height, place: rows[height][place])
        found.append(Opening(document=b64(document), salt=b64(salt), index=index, n=made.n,
                             path=tuple(b64(one) for one in path)))
    return tuple(found)


def verify(opened: Opening, root: str) -> None:
    """Raise ``Invalid('pricing.opening')`` unless the batch under ``root`` commits to the document of ``opened``.

    That ``n`` is the size which the leaf of the batch says, the caller checks.
    """
    if not BATCH_MIN <= opened.n <= BATCH_MAX or len(opened.path) > PATH_MAX:
        raise Invalid(_CODE)
    try:
        leaf = merkle.leaf_hash(commit(unb64(opened.salt, 32), unb64(opened.document, 32)))
        path = [unb64(one, 32) for one in opened.path]
        merkle.verify_inclusion(leaf, opened.index, opened.n, unb64(root, 32), path)
    except Invalid as error:
        raise Invalid(_CODE) from error


def _rows(leaves: Sequence[bytes]) -> list[list[bytes]]:
    """All hashes of a tree of 2^k leaves, from the leaves' own upwards."""
    rows = [[merkle.leaf_hash(one) for one in leaves]]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([merkle.node_hash(row[k], row[k + 1]) for k in range(0, len(row), 2)])
    return rows


def _tree(leaves: Sequence[bytes]) -> merkle.Read:
    rows = _rows(leaves)
    return lambda height, place: rows[height][place]
