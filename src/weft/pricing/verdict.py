"""What a check of a price starts from and comes to: what speaks for a document, whom one trusts, what was found.

Not here: the check (``check.py``), sentences (``locale/``: ``price.finding.<code>``).
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from weft.basis.canonical import unb64
from weft.identity.keylog import SCOPE_NODE, KeyState
from weft.pricing import commitment, leaf
from weft.pricing.leaf import BookLeaf
from weft.tlog import checkpoint, cosignature, note
from weft.tlog.note import ED25519, VerifierKey
from weft.tlog.policy import Policy

Colour = Literal["green", "amber", "red"]
Weight = Literal["red", "amber", "note"]
COMMIT_HOURS: Final = 24
MAX_AGE_DAYS: Final = 7  # a record grows many times a day: who shows no younger one for a week shows too little


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell: ``price.finding.<code>`` is its sentence, ``step`` the step that found it."""

    code: str
    weight: Weight
    step: str
    facts: dict[str, str | int] = {}


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that somebody signed. ``limits``: up to where words of its device count, if it was withdrawn."""

    by: str
    device: str
    message: bytes
    signature: bytes
    place: tuple[str, str, int] = ("", "", 0)  # thread, incarnation, number
    scopes: frozenset[str] = frozenset({SCOPE_NODE})


class BookEvidence(msgspec.Struct, frozen=True, kw_only=True):
    """A version: its canonical bytes, its entry in the record, the tlog-proof of it; empty what is not at hand.

    ``with_document``: the proof is part of what the seller signed with the document.
    """

    canonical: bytes = b""
    entry: bytes = b""
    proof: str = ""
    with_document: bool = False


class Sighting(NamedTuple):
    """That the seller's record had ``size`` leaves at ``ms``, as somebody else than the seller saw it."""

    size: int
    ms: int


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """All that speaks for or against a document. ``keys``: the key logs of who signed, by organisation.

    ``known``: (index, leaf) of books that the record is known to hold; ``sightings`` and ``older`` (cosigned
    checkpoints as text): how large it was when. ``forked``: a proof that the record has two histories is at hand.
    ``audited``: when a sample was last found right, "" never. ``heard_ms``: when the seller last said something; None:
    nobody knows.
    """

    signed: tuple[Signed, ...]
    keys: Mapping[str, KeyState]
    books: Mapping[str, BookEvidence] = {}
    opening: commitment.Opening | None = None
    batch: bytes = b""
    batch_proof: str = ""
    known: tuple[tuple[int, BookLeaf], ...] = ()
    sightings: tuple[Sighting, ...] = ()
    older: tuple[str, ...] = ()
    forked: bool = False
    audited: str = ""
    heard_ms: int | None = 0


class Trust(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the one who asks believes: witnesses and how many (None: nobody yet), and when it asks.

    ``own``: the name of the one who asks among the witnesses. ``max_age_days``: how much older than the price the
    newest state of the record may be.
    """

    policy: Policy | None
    now_ms: int
    own: str = ""
    commit_hours: int = COMMIT_HOURS
    max_age_days: int = MAX_AGE_DAYS


class Step(msgspec.Struct, frozen=True):
    """What became of a step: ``ok``, ``unknown`` (it could not be looked at), or the weight of what it found."""

    name: str
    state: Literal["ok", "unknown", "amber", "red"]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the check says. ``follows``: True, False, or None when that cannot be known.

    ``said``: the code of the one sentence to show, with its ``facts``. ``book_at``: since when the rule is public;
    ``seen``: names (in the policy) of who has seen it; ``as_of``: when somebody who counts saw the newest state of the
    record that is at hand, "" nobody.
    """

    colour: Colour
    level: int
    follows: bool | None
    said: str
    facts: dict[str, str | int] = {}
    findings: tuple[Finding, ...] = ()
    steps: tuple[Step, ...] = ()
    book_at: str = ""
    seen: tuple[str, ...] = ()
    as_of: str = ""


def log_keys(seller: str, keys: Mapping[str, KeyState]) -> list[VerifierKey]:
    """The keys with which ``seller`` may have signed its price record, by the key logs ``keys``."""
    held = keys.get(seller)
    return [VerifierKey(leaf.origin_of(seller), ED25519, unb64(device, 32)) for device, one in held.devices.items()
            if one.scope == SCOPE_NODE] if held else []


def signed_checkpoint(read: note.Note, seller: str, keys: Mapping[str, KeyState]) -> checkpoint.Checkpoint:
    """The checkpoint in ``read``, which ``seller`` has signed; raises ``Invalid``."""
    return checkpoint.verify(read, log_keys(seller, keys), cosignature.is_signed)


def joined(verdict: Verdict, more: Sequence[Finding]) -> Verdict:
    """``verdict`` with ``more`` findings, of which red ones count before all."""
    red = [one for one in more if one.weight == "red"]
    after = msgspec.structs.replace(verdict, findings=(*red, *verdict.findings, *(one for one in more
                                                                                if one not in red)))
    if not red:
        return after
    return msgspec.structs.replace(after, colour="red", level=0, follows=False, said=red[0].code, facts=red[0].facts)
