"""Our node as a witness: we cosign a partner's checkpoints as long as its price log only grows.

C2SP tlog-witness (add-checkpoint), tlog-cosignature.
Rule 1: what we have seen is durable before we answer: whoever holds our cosignature can rely on it after any crash.
Rule 2: one lock for each log: of two requests at once one is judged by what the other has left.
Rule 3: only logs of partners whose key log we hold, and only when the firm itself asks: for all others there is no such
        log here, so that nobody learns whom we trade with by asking.
Rule 4: for each log we sign with another key, under a name that says nothing; a published checkpoint does not tell
        who cosigned it. It can be made again from the device's key, and is new in each life of the node: after a
        restored backup we do not remember what we saw, and are a new witness.
Rule 5: that key's owner is told by a statement that our device signs, given to the firm itself, and to partners that
        ask for that very log by its salted hash (``gossip.py``).
Not here: HTTP (``doors/pricelog/witness.py``), the judgement itself (``tlog/witness.py``), who asks us (``talk.py``).
"""

from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from weft.basis import canonical
from weft.basis.canonical import b64, digest, unb64
from weft.basis.errors import Invalid, Refused, WeftError
from weft.engine.memory import Identity, Memory
from weft.engine.ports import Batch, Store
from weft.engine.pricelog import known
from weft.identity.keylog import SCOPE_NODE, KeyState
from weft.identity.keys import SIGNATURE_BYTES, Signer, verify
from weft.pricing.leaf import organisation_of, origin_of
from weft.tlog import cosignature, note
from weft.tlog import witness as protocol
from weft.tlog.checkpoint import parse_text
from weft.tlog.note import COSIGNATURE, VerifierKey
from weft.tlog.witness import Seen

SEEN: Final = "price-witnessed"  # bucket: by firm, a ``Witnessed``
STATEMENT: Final = "price-witness/1"
_KEY: Final = "weft witness key"
_DOOR: Final = "weft witness door"
NAME_CHARACTERS: Final = 10  # 60 bits, and 32 more in the key's id: a label, since the signature itself is checked
DOOR_CHARACTERS: Final = 22


class Key(NamedTuple):
    """Our key for one log."""

    signer: Signer
    verifier: VerifierKey


class Witnessed(msgspec.Struct, frozen=True):
    """What we cosigned last for a log: its ``size`` and ``root``, the checkpoint as the log signed it, and when."""

    size: int
    root: bytes
    note: str
    at_ms: int


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The firm ``witness`` cosigns the log ``origin`` with the key ``vkey``; its ``device`` signed that."""

    weft: str
    witness: str
    origin: str
    vkey: str
    device: str
    signature: str


# ---- our keys for other firms' logs --------------------------------------------------------------


def key_for(identity: Identity, origin: str) -> Key:
    """The key by which we cosign checkpoints of ``origin``."""
    signer = Signer(_secret(identity, _KEY, origin))
    public = unb64(signer.public, 32)
    return Key(signer, VerifierKey(name_of(public), COSIGNATURE, public))


def name_of(public: bytes, characters: int = NAME_CHARACTERS) -> str:
    """The name of a witness's key: it says nothing but which key it is, and is short, since proofs carry it."""
    return f"w/{b64(sha256(public).digest())[:characters]}"


def door_for(identity: Identity, origin: str) -> str:
    """The part of our address that only the firm of ``origin`` knows: any C2SP client of its own may ask there."""
    return b64(_secret(identity, _DOOR, origin))[:DOOR_CHARACTERS]


def _secret(identity: Identity, label: str, origin: str) -> bytes:
    """32 bytes that only our device can make, and makes again: an Ed25519 signature has no randomness in it."""
    about = f"{origin}\n{identity.incarnation}".encode()
    return digest(label, identity.signer.sign(digest(label, about)))


def state(identity: Identity, origin: str) -> Statement:
    """Our signed word on the key for ``origin``."""
    vkey = note.vkey(key_for(identity, origin).verifier)
    said = _said(identity.organisation, origin, vkey)
    return Statement(weft=STATEMENT, witness=identity.organisation, origin=origin, vkey=vkey,
                     device=identity.signer.public, signature=b64(identity.signer.sign(said)))


def verify_statement(statement: Statement, keys: KeyState) -> VerifierKey:
    """The key that the witness uses, by its key log ``keys``; raises ``Invalid('pricelog.statement')``."""
    held = keys.devices.get(statement.device)
    said = _said(statement.witness, statement.origin, statement.vkey)
    try:
        signature = unb64(statement.signature, SIGNATURE_BYTES)
        key = note.parse_vkey(statement.vkey)
    except Invalid as error:
        raise Invalid("pricelog.statement") from error
    if (statement.weft != STATEMENT or held is None or held.revoked or held.scope != SCOPE_NODE
            or key.kind != COSIGNATURE or organisation_of(statement.origin) is None
            or not verify(statement.device, said, signature)):
        raise Invalid("pricelog.statement")
    return key


def _said(witness: str, origin: str, vkey: str) -> bytes:
    return digest(STATEMENT, canonical.encode({"witness": witness, "origin": origin, "vkey": vkey}))


# ---- what we have seen ---------------------------------------------------------------------------


async def witnessed(store: Store, organisation: str) -> Witnessed | None:
    """What we cosigned last for the log of ``organisation``."""
    data = await store.value(SEEN, organisation)
    return None if data is None else msgspec.msgpack.decode(data, type=Witnessed)


def is_partner(memory: Memory, organisation: str) -> bool:
    """Whether we are a witness for ``organisation``."""
    return memory.partner(organisation) is not None and organisation not in memory.ended_with


async def add_checkpoint(memory: Memory, caller: str, body: bytes) -> bytes:
    """Cosignature lines for the checkpoint that ``caller`` asks for; raises what ``protocol.status`` tells apart."""
    # 1. What it is, and whose (400, 404).
    asked = protocol.parse(body)
    origin = parse_text(asked.note.text).origin
    keys = await memory.keys(caller)
    if origin != origin_of(caller) or keys is None or not is_partner(memory, caller):
        raise Invalid("tlog.log-unknown", origin="")
    async with memory.lock(f"{SEEN}/{caller}"):
        # 2. A log that is known to tell two stories is not cosigned any more.
        if await known.red(memory.store, caller) is not None:
            raise Refused("pricelog.red")
        # 3. It only grew since what we signed last (403, 409, 422).
        held = await witnessed(memory.store, caller)
        seen = Seen() if held is None else Seen(held.size, held.root)
        trusted = known.keys_of(keys, caller)
        said = protocol.judge(asked, trusted, seen)
        # 4. From here on we have seen it, whatever becomes of the answer.
        own = note.encode(known.own(asked.note, trusted)).decode()
        kept = Witnessed(said.size, said.root, own, memory.clock.now_ms())
        sighted = await known.sighting(memory.store, caller, said.size, kept.at_ms)
        await memory.store.commit(Batch(values=[(SEEN, caller, msgspec.msgpack.encode(kept)), sighted]))
    # 5. Say so.
    key = key_for(memory.identity, origin)
    signed = cosignature.sign(asked.note.text, key.verifier.name, key.signer, kept.at_ms // 1000)
    return note.encode_signatures([signed])


def status(error: WeftError) -> int:
    """The HTTP status that answers ``error`` of ``add_checkpoint``."""
    return 422 if error.code == "pricelog.red" else protocol.status(error)
