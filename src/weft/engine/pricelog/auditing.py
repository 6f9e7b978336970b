"""An audit as files: the plan of the auditor, what the seller opens by it, and what the auditor signs of it.

    {"weft": "price-audit/1", "plan", "key_logs", "beacons", "before", "entries", "shown", "documents",
     "device", "seal"}

``entries``: all leaves of the seller's price record from the plan's first to its last; ``before``: the hashes above
all earlier ones, so that both together come to the record's root. ``documents``: each with all that proves its price
(``evidence.py``), by its id. The seller's ``device`` seals all of it.
Rule 1: whoever has the file checks it without a node and without a network, and sees what the auditor saw.
Rule 2: the roots that decide the draw are proved by those firms' own signatures.
Rule 3: a document that is not shown, or not proved, is found wrong: silence is no answer.
Not here: which leaves are drawn (``pricing/audit.py``), the check of a price (``pricing/check.py``).
"""

import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid, WeftError
from weft.engine.pricelog import evidence
from weft.engine.pricelog.results import BYTES_MAX, RESULT, Result, read, sealed_by
from weft.identity.keylog import KeyState
from weft.identity.keys import Signer, seal
from weft.pricing import audit, check, leaf
from weft.pricing.audit import Fault, Plan, Shown
from weft.pricing.leaf import BatchLeaf
from weft.tlog import checkpoint, merkle, note

KIND: Final = "price-audit/1"
STEPS: Final = {name: check.STEPS[name] for name in ("signature", "origin", "book", "inclusion", "log", "price",
                                                     "newest", "notice")}
_CODE: Final = "pricing.audit-file"


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A piece of a file."""


class Root(_Part, frozen=True, kw_only=True):
    """That the record of a beacon had ``root`` at its size: ``note``, signed by it, goes on from there by ``path``."""

    root: str
    note: str
    path: tuple[str, ...] = ()


class File(_Part, frozen=True, kw_only=True):
    """The file; see the module's first lines."""

    weft: str
    plan: str
    key_logs: dict[str, tuple[str, ...]]
    beacons: tuple[Root, ...]
    before: tuple[str, ...]
    entries: tuple[str, ...]
    shown: tuple[Shown, ...]
    documents: dict[str, str]
    device: str = ""
    seal: str = ""


class Wrong(NamedTuple):
    """A document that is not as it should be, and why (a code of ``price.finding``)."""

    document: str
    kind: str
    code: str
    facts: Mapping[str, str | int]


class Looked(NamedTuple):
    """A document that was opened: the leaf that binds the seller to it, its number, its day, and what it is.

    ``said``: right, exceptions, unknown or wrong; ``code`` and ``facts``: why it is wrong.
    """

    document: str
    leaf: int
    kind: str
    number: str
    at: str
    said: str
    code: str = ""
    facts: Mapping[str, str | int] = {}


class Told(NamedTuple):
    """What a file shows; ``places``: how many places were drawn until there were enough documents."""

    plan: Plan
    result: Result
    faults: Sequence[Fault]
    wrong: Sequence[Wrong]
    looked: Sequence[Looked] = ()
    places: int = 0


# ---- reading ------------------------------------------------------------------------------------------


def is_audit(data: bytes) -> bool:
    """Whether ``data`` says of itself that it is such a file."""
    return f'"{KIND}"'.encode() in data[-4096:] or f'"{KIND}"'.encode() in data[:BYTES_MAX]


def parse(data: bytes) -> File:
    """The file in ``data``; raises ``Invalid('pricing.audit-file')``."""
    file: File = read(data, File)
    if file.weft != KIND:
        raise Invalid(_CODE)
    return file


# ---- the seller's record -------------------------------------------------------------------------


def root_over(first: int, before: Sequence[bytes], entries: Sequence[bytes]) -> bytes:
    """The root of a tree whose first ``first`` leaves stand under ``before`` and that goes on with ``entries``."""
    heights = [height for height in range(first.bit_length() - 1, -1, -1) if first >> height & 1]
    if len(heights) != len(before) or not (first or entries):
        raise Invalid(_CODE)
    stack = list(zip(heights, before, strict=True))
    for entry in entries:
        stack.append((0, merkle.leaf_hash(entry)))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (height, right), (_, left) = stack.pop(), stack.pop()
            stack.append((height + 1, merkle.node_hash(left, right)))
    root = stack[-1][1]
    for _, left in reversed(stack[:-1]):
        root = merkle.node_hash(left, root)
    return root


def batches_in(first: int, entries: Sequence[bytes]) -> dict[int, tuple[str, int]]:
    """(root, how many) of every batch among ``entries``, by its leaf."""
    found = {}
    for index, entry in enumerate(entries, first):
        read = leaf.parse(entry)
        if isinstance(read, BatchLeaf):
            found[index] = (read.root, read.n)
    return found


# ---- verifying -----------------------------------------------------------------------------------


def plan_of(data: bytes, keys: KeyState | None) -> Plan:
    """The plan in ``data``, sealed by its auditor with ``keys``; raises ``Invalid('pricing.audit-plan')``."""
    plan = audit.parse(data)
    if keys is None or not sealed_by(plan, keys):
        raise Invalid("pricing.audit-plan")
    return plan


def verify_file(data: bytes, at: str = "") -> Told:
    """What the file shows; raises ``Invalid`` when it does not even answer its plan. ``at``: when it is looked at."""
    # 1. It is such a file; every key log in it holds; the auditor sealed the plan, the seller the answer.
    file = parse(data)
    keys = {firm: evidence.keys_of(firm, envelopes) for firm, envelopes in file.key_logs.items()}
    plan = plan_of(file.plan.encode(), keys.get(audit.parse(file.plan.encode()).by))
    if plan.seller not in keys or not sealed_by(file, keys[plan.seller]):
        raise Invalid(_CODE)
    # 2. The record is the one that the plan names, which the seller signed, and all of it is here.
    said = _signed(plan.checkpoint, plan.seller, keys)
    entries = [one.encode() for one in file.entries]
    before = [unb64(one, merkle.HASH_BYTES) for one in file.before]
    if (said.size, b64(said.root)) != (plan.size, plan.root) or len(entries) != plan.size - plan.first \
            or root_over(plan.first, before, entries) != said.root:
        raise Invalid(_CODE)
    # 3. The draw follows from what the other firms have signed.
    seed = audit.seed(plan, [_root(one, beacon, keys) for one, beacon in zip(file.beacons, plan.beacons, strict=True)]
                      if len(file.beacons) == len(plan.beacons) else [])
    batches = batches_in(plan.first, entries)
    faults = audit.faults(plan, seed, batches, file.shown)
    # 4. Every document that was opened follows its book.
    return _counted(plan, file, faults, at)


def _signed(text: str, firm: str, keys: Mapping[str, KeyState]) -> checkpoint.Checkpoint:
    if firm not in keys:
        raise Invalid(_CODE)
    try:
        return check.signed_checkpoint(note.parse(text.encode()), firm, keys)
    except (WeftError, UnicodeEncodeError) as error:
        raise Invalid(_CODE) from error


def _root(one: Root, beacon: audit.Beacon, keys: Mapping[str, KeyState]) -> bytes:
    said, root = _signed(one.note, beacon.firm, keys), unb64(one.root, merkle.HASH_BYTES)
    try:
        merkle.verify_consistency(beacon.size, root, said.size, said.root,
                                  [unb64(step, merkle.HASH_BYTES) for step in one.path])
    except Invalid as error:
        raise Invalid(_CODE) from error
    return root


def _counted(plan: Plan, file: File, faults: Sequence[Fault], at: str) -> Told:
    looked = [_judged(plan.seller, one.batch, one.opening.document, file.documents.get(one.opening.document, ""))
              for one in file.shown if one.opening is not None]
    counts = Counter(one.said for one in looked)
    result = Result(weft=RESULT, plan=plan.hash, seller=plan.seller, by=plan.by, at=at or plan.at, first=plan.first,
                    size=plan.size, documents=len(looked), right=counts["right"], exceptions=counts["exceptions"],
                    unknown=counts["unknown"], wrong=counts["wrong"], faults=len(faults))
    wrong = [Wrong(one.document, one.kind, one.code, one.facts) for one in looked if one.said == "wrong"]
    return Told(plan, result, faults, wrong, looked, len(file.shown))


def _judged(seller: str, place: int, name: str, text: str) -> Looked:
    """Whether the document ``name`` is right, an exception or unknown; else what is wrong with it."""
    missing = Looked(name, place, "", "", "", "wrong", "not-shown")
    if not text:
        return missing
    try:
        told = evidence.verify_file(text.encode(), steps=STEPS)
    except WeftError as error:
        return missing._replace(facts={"why": error.code})
    document, verdict = told.document, told.verdict
    if document.id != name or document.seller != seller:
        return missing._replace(kind=document.kind)
    found = Looked(name, place, document.kind, document.number, document.at, "right")
    if verdict.colour == "red":
        return found._replace(said="wrong", code=verdict.said, facts=verdict.facts)
    if verdict.follows:
        return found
    excepted = document.off_book or any(one.code == "changed" for one in verdict.findings)
    return found._replace(said="exceptions" if excepted else "unknown")


# ---- for the auditor alone -----------------------------------------------------------------------

SEALED: Final = b"WEFT-AUDIT-SEALED:1."


def is_sealed(data: bytes) -> bool:
    """Whether ``data`` is sealed to somebody's device."""
    return data.startswith(SEALED)


def sealed_for(device: str, data: bytes, random: Callable[[int], bytes]) -> bytes:
    """``data`` for the holder of ``device`` alone, as text."""
    return SEALED + b64(seal(device, zlib.compress(data), random(32))).encode()


def unsealed(data: bytes, signer: Signer, most: int = BYTES_MAX) -> bytes:
    """What was sealed to ``signer``, ``most`` bytes of it; raises ``Invalid('key.sealed')``."""
    inflater = zlib.decompressobj()
    try:
        opened = inflater.decompress(signer.unseal(unb64(data.removeprefix(SEALED).decode())), most)
    except (zlib.error, UnicodeDecodeError) as error:
        raise Invalid(_CODE) from error
    return opened
