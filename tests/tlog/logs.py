"""A small log, its firm and its witnesses, for the tests of this folder."""

from weft.identity.keys import Signer
from weft.tlog import cosignature, merkle, note
from weft.tlog.checkpoint import Checkpoint, signed
from weft.tlog.note import COSIGNATURE, Note
from weft.tlog.policy import Group, Policy

ORIGIN = "factory.example/pricelog"
LOG = Signer(bytes(32))
LOG_KEY = note.key_of(ORIGIN, LOG)
WITNESSES = {f"w{k}": Signer(bytes([k]) * 32) for k in range(1, 6)}
WITNESS_KEYS = {name: note.key_of(f"{name}.example/witness", one, COSIGNATURE) for name, one in WITNESSES.items()}
POLICY = Policy("enough", (LOG_KEY,), WITNESS_KEYS, {"enough": Group(3, tuple(WITNESS_KEYS))})
SEEN_AT = 1_790_000_000
ENTRIES = [b"entry %d" % k for k in range(200)]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


def reader(leaves):
    """All whole subtrees of ``leaves``, hashed once."""
    rows = [list(leaves)]
    while len(rows[-1]) > 1:
        row = rows[-1]
        rows.append([merkle.node_hash(row[k], row[k + 1]) for k in range(0, len(row) - 1, 2)])
    return lambda height, place: rows[height][place]


READ = reader(LEAVES)
ROOTS = [merkle.root_of(size, READ) for size in range(len(LEAVES) + 1)]


def at(size, root=None) -> Note:
    """The log's signed checkpoint at ``size``."""
    return signed(Checkpoint(ORIGIN, size, ROOTS[size] if root is None else root), LOG)


def cosign(one: Note, *names: str, time: int = SEEN_AT) -> Note:
    """``one`` with cosignatures of the witnesses called ``names``."""
    added = [cosignature.sign(one.text, WITNESS_KEYS[name].name, WITNESSES[name], time) for name in names]
    return one._replace(signatures=(*one.signatures, *added))


def code(call, *arguments):
    """The code of the refusal that ``call`` ends in."""
    from weft.basis.errors import WeftError

    try:
        call(*arguments)
    except WeftError as error:
        return error.code
    return None
