"""A fork of a price log as a file: two checkpoints of one firm that cannot both be true, for anybody to check.

    {"weft": "price-fork/1", "firm": organisation, "key_log": [its key events, in wire form],
     "first": checkpoint, "second": checkpoint, "root": …, "path": […]}

Both checkpoints are whole notes, the smaller one first. Of one size they speak for themselves. Of two sizes, ``root``
is what the first leaves of the second tree really come to, and ``path`` the consistency proof (RFC 9162 §2.1.4) that
joins this root, and not the one that was signed, to the second checkpoint.
Rule 1: nothing besides the file is needed: no node, no network, no clock. Who made the file does not matter.
Rule 2: who can be accused is only the firm whose devices signed both; of a device that the firm has withdrawn, a thief
        may have signed: it is told as such.
Not here: how forks are found (``monitor.py``), sentences (``locale/``).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from weft.basis import canonical
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid, WeftError
from weft.engine.pricelog.known import keys_of
from weft.engine.receive import key_state
from weft.identity.keylog import KeyState
from weft.pricing.leaf import origin_of
from weft.tlog import checkpoint, merkle, note
from weft.tlog.checkpoint import Checkpoint
from weft.tlog.merkle import Read

KIND: Final = "price-fork/1"
BYTES_MAX: Final = 1024 * 1024


class Fork(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """The file. ``root`` (32 bytes) and ``path`` (hashes) are in base64url; both empty for two of one size."""

    weft: str
    firm: str
    key_log: list[str]
    first: str
    second: str
    root: str = ""
    path: list[str] = []


class Told(NamedTuple):
    """What a fork shows: ``firm`` signed both; ``withdrawn``: one of them by a device that it has withdrawn since."""

    firm: str
    first: Checkpoint
    second: Checkpoint
    withdrawn: bool

    @property
    def code(self) -> str:
        """The sentence for people is ``price.fork.<code>`` in ``locale/``; it takes ``sizes``."""
        if self.withdrawn:
            return "withdrawn"
        return "same-size" if self.first.size == self.second.size else "rewritten"

    @property
    def facts(self) -> dict[str, str | int]:
        """What fills the sentence."""
        return {"firm": self.firm[:8], "first": self.first.size, "second": self.second.size}


_FORK: Final = msgspec.json.Decoder(Fork)
_MALFORMED: Final = "pricelog.fork-malformed"


def is_fork(data: bytes) -> bool:
    """Whether ``data`` says of itself that it is such a file."""
    return KIND.encode() in data[:BYTES_MAX]


def verify(data: bytes, held: KeyState | None = None) -> Told:
    """What the file proves; raises ``Invalid``: ``pricelog.fork-malformed``, ``pricelog.fork-unproved``.

    ``held``: the firm's devices as the reader knows them; the maker of a file may leave out what was withdrawn since.
    """
    # 1. It is such a file.
    if len(data) > BYTES_MAX:
        raise Invalid(_MALFORMED)
    try:
        fork = _FORK.decode(data)
        # 2. The key log is the firm's: the firm's id is the digest of its beginning.
        keys = key_state(fork.firm, fork.key_log)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, WeftError) as error:
        raise Invalid(_MALFORMED) from error
    if fork.weft != KIND:
        raise Invalid(_MALFORMED)
    # 3. A device of the firm signed both checkpoints.
    first, second = (_signed(fork.firm, (keys, held or keys), text) for text in (fork.first, fork.second))
    # 4. They cannot both be true.
    if not _contradict(first[0], second[0], fork):
        raise Invalid("pricelog.fork-unproved")
    return Told(fork.firm, first[0], second[0], first[1] or second[1])


def _signed(firm: str, known: tuple[KeyState, KeyState], text: str) -> tuple[Checkpoint, bool]:
    """(the checkpoint, whether by what is ``known`` only a device that was withdrawn since has signed it)."""
    given, held = known
    gone = {device for device, one in held.devices.items() if one.revoked}
    lasting = [key for key in keys_of(given, firm) if b64(key.public) not in gone]
    try:
        read = note.parse(text.encode())
        said = checkpoint.verify(read, keys_of(given, firm, withdrawn=True))
    except (WeftError, UnicodeEncodeError) as error:
        raise Invalid("pricelog.fork-unproved") from error
    try:
        checkpoint.verify(read, lasting)
    except Invalid:
        return said, True
    return said, False


def _contradict(first: Checkpoint, second: Checkpoint, fork: Fork) -> bool:
    if first.origin != second.origin:
        return False
    if first.size == second.size:
        return first.root != second.root and not fork.root and not fork.path
    try:
        root, path = unb64(fork.root, merkle.HASH_BYTES), [unb64(one, merkle.HASH_BYTES) for one in fork.path]
        merkle.verify_consistency(first.size, root, second.size, second.root, path)
    except Invalid:
        return False
    return 0 < first.size < second.size and root != first.root


def make(firm: str, key_log: Sequence[str], notes: tuple[bytes, bytes], tree: Read | None = None) -> bytes | None:
    """The file of two ``notes`` of the log of ``firm``; None when they do not contradict each other.

    ``tree``: the second note's tree, needed when the sizes differ.
    """
    texts = sorted((one.decode() for one in notes), key=lambda text: _said(text).size)
    small, large = (_said(text) for text in texts)
    if small.origin != origin_of(firm) or large.origin != small.origin:
        return None
    root, path = "", list[str]()
    if small.size != large.size:
        if tree is None or small.size == 0:
            return None
        root = b64(merkle.root_of(small.size, tree))
        path = [b64(one) for one in merkle.consistency(small.size, large.size, tree)]
    fork = Fork(weft=KIND, firm=firm, key_log=list(key_log), first=texts[0], second=texts[1], root=root, path=path)
    data = canonical.encode(msgspec.to_builtins(fork))
    try:
        verify(data)
    except Invalid:
        return None
    return data


def _said(text: str) -> Checkpoint:
    return checkpoint.parse_text(note.parse(text.encode()).text)
