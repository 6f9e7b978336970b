"""The event: header, id, signature and salted payload commitments, and its form on the wire.

Header fields: v version; t thread (null in a genesis, which has g, 16 random bytes, and mem, the
members' roles); a author organisation; d device key; i incarnation; n number in this (t,a,d,i) chain;
p previous event of that chain; x other heads applied; ks key event in force; h hybrid logical clock;
y type; s schema major; m machine; pre state acted on; b payload slots {r role, c commitment, l length,
ct media type}. A key log's inception has a and ks null besides t.
Rule 1: the canonical bytes received are stored and sent on verbatim; the id is their digest.
Rule 2: headers hold no personal data; payloads are apart, salted, and may be erased.
Not here: who may sign (``verify.py``), what events mean (the conversations), order (``fold.py``).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis import canonical
from weft.basis.canonical import b64, digest, named, named_all, unb64
from weft.basis.errors import Invalid

HEADER_BYTES_MAX: Final = 8 * 1024
PAYLOAD_BYTES_MAX: Final = 256 * 1024
PARENTS_MAX: Final = 16
SLOTS_MAX: Final = 8
SALT_BYTES: Final = 32
MEMBERS_MAX: Final = 16
SCHEMA_MAX: Final = 1_000_000
ID_CHARACTERS: Final = 43
MEDIA_JSON: Final = "application/json"
_CLOCK: Final = re.compile(r"[0-9a-f]{16}")
_TYPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9.-]{0,63}")
_MACHINE: Final = re.compile(r"[a-z][a-z0-9.-]{0,55}/[1-9][0-9]{0,5}")
_ROLE: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Commitment to one payload: readable by role ``r`` (or ``*``), digest ``c``, length ``l``, type ``ct``."""

    r: str
    c: str
    l: int  # noqa: E741 - the header's field name
    ct: str


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, gc=False):
    """The signed part of an event; see the module's first lines for the fields."""

    v: int
    t: str | None
    a: str | None
    d: str
    i: str
    n: int
    p: str | None
    x: list[str]
    ks: str | None
    h: str
    y: str
    s: int
    m: str
    b: list[Slot]
    pre: str | msgspec.UnsetType = msgspec.UNSET
    g: str | msgspec.UnsetType = msgspec.UNSET
    mem: dict[str, str] | msgspec.UnsetType = msgspec.UNSET


class Payload(msgspec.Struct, frozen=True, gc=False):
    """The bytes behind a slot and the salt that hides them."""

    salt: bytes
    content: bytes

    def commitment(self) -> str:
        """What the slot's ``c`` must be."""
        return b64(digest("pay/1", self.salt, self.content))


class Event(msgspec.Struct, frozen=True, gc=False):
    """A header in its canonical bytes, with id, thread, signature and the payloads at hand by slot."""

    id: str
    thread: str
    header: Header
    raw: bytes
    signature: bytes
    payloads: dict[int, Payload] = {}

    @property
    def author(self) -> str:
        """The organisation; an inception's author is the organisation that it founds."""
        return self.header.a or self.thread

    @property
    def parents(self) -> list[str]:
        """Ids of the events that its author had applied last: the chain's previous and other heads."""
        return ([self.header.p] if self.header.p else []) + self.header.x


def event_id(raw: bytes) -> str:
    """The id of the event whose header bytes are ``raw``."""
    return b64(digest("evt/1", raw))


def thread_id(raw: bytes) -> str:
    """The id of the thread whose genesis header bytes are ``raw``."""
    return b64(digest("thr/1", raw))


def signed_bytes(event: str) -> bytes:
    """What a signature covers."""
    return b"evt-sig/1\0" + unb64(event, 32)


_HEADERS = msgspec.json.Decoder(Header)


def parse(raw: bytes, signature: bytes, payloads: Mapping[int, Payload] | None = None) -> Event:
    """The event behind canonical header bytes; raises ``Invalid('event.…')``. Signatures are not checked."""
    if len(raw) > HEADER_BYTES_MAX:
        raise Invalid("event.header-too-large", limit=HEADER_BYTES_MAX)
    header = _header(raw)
    held = dict(payloads or {})
    for index, payload in held.items():
        _check_payload(header, index, payload)
    return _event(header, raw, signature, held)


def _header(raw: bytes) -> Header:
    """The well-formed header in canonical ``raw``."""
    header = _decoded(raw)
    _check_form(header)
    return header


def _decoded(raw: bytes) -> Header:
    """The header in canonical ``raw``, as one look proves or the long way finds out what is wrong."""
    try:
        header = _HEADERS.decode(raw)
        if canonical.is_surely_of(header, raw):
            return header
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    canonical.decode(raw)
    try:
        return _HEADERS.decode(raw)
    except msgspec.ValidationError as error:
        raise Invalid("event.header-malformed", detail=str(error)[:120]) from error


def _event(header: Header, raw: bytes, signature: bytes, payloads: dict[int, Payload]) -> Event:
    thread = thread_id(raw) if header.t is None else header.t
    return Event(id=event_id(raw), thread=thread, header=header, raw=raw, signature=signature, payloads=payloads)


def _check_form(header: Header) -> None:
    if header.v != 1:
        raise Invalid("event.version", version=header.v)
    _check_names(header)
    _check_genesis(header)
    if (header.a is None) != (header.ks is None) or (header.a is None and header.t is not None):
        raise Invalid("event.author-form")
    if header.n < 0 or (header.n > 0) != (header.p is not None):
        raise Invalid("event.chain-form")
    if header.x and (header.x != sorted(set(header.x)) or len(header.x) > PARENTS_MAX or header.p in header.x):
        raise Invalid("event.parents-form", limit=PARENTS_MAX)
    if not _CLOCK.fullmatch(header.h):
        raise Invalid("event.clock-form")
    _check_slots(header.b)


def _check_names(header: Header) -> None:
    names = (header.d, header.t, header.a, header.p, header.ks, *header.x)
    named_all([name for name in names if name is not None], 32)  # an empty one is none of the forms
    named(header.i, 8)
    if isinstance(header.pre, str):
        named(header.pre, 32)
    if not _TYPE.fullmatch(header.y) or not _MACHINE.fullmatch(header.m) or not 1 <= header.s <= SCHEMA_MAX:
        raise Invalid("event.header-malformed", detail="y, m or s")


def _check_genesis(header: Header) -> None:
    begins = header.t is None
    if begins != isinstance(header.g, str) or begins != isinstance(header.mem, dict):
        raise Invalid("event.genesis-form")
    if not isinstance(header.g, str) or not isinstance(header.mem, dict):
        return
    named(header.g, 16)
    if header.n != 0 or header.p is not None or header.x:
        raise Invalid("event.genesis-form")
    if (header.a is None) != (not header.mem) or (header.a is not None and header.a not in header.mem):
        raise Invalid("event.members-form")  # an inception has no members yet; elsewhere the author is one of them
    for member, role in header.mem.items():
        named(member, 32)
        if not _ROLE.fullmatch(role):
            raise Invalid("event.members-form")
    if len(header.mem) > MEMBERS_MAX:
        raise Invalid("event.members-form", limit=MEMBERS_MAX)


def _check_slots(slots: Sequence[Slot]) -> None:
    if len(slots) > SLOTS_MAX:
        raise Invalid("event.header-malformed", detail="b")
    for slot in slots:
        named(slot.c, 32)
        if not 0 <= slot.l <= PAYLOAD_BYTES_MAX:
            raise Invalid("event.payload-too-large", limit=PAYLOAD_BYTES_MAX)


def _check_payload(header: Header, index: int, payload: Payload) -> None:
    if not 0 <= index < len(header.b):
        raise Invalid("event.payload-unknown", slot=index)
    slot = header.b[index]
    if len(payload.salt) != SALT_BYTES or len(payload.content) != slot.l or payload.commitment() != slot.c:
        raise Invalid("event.payload-mismatch", slot=index)


# ---- on the wire: one JSON object per event, header bytes as a string so that they stay verbatim


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One event on the wire: ``e`` header bytes as text, ``g`` signature, ``b`` slot -> [salt, content]."""

    e: str
    g: str
    b: dict[str, tuple[str, str]] = {}


def to_envelope(event: Event) -> Envelope:
    """The wire form of ``event`` with the payloads at hand."""
    return Envelope(
        e=event.raw.decode(),
        g=b64(event.signature),
        b={str(slot): (b64(held.salt), held.content.decode()) for slot, held in event.payloads.items()},
    )


def from_envelope(envelope: Envelope) -> Event:
    """The event in ``envelope``; raises ``Invalid``."""
    payloads = {}
    for slot, (salt, content) in envelope.b.items():
        if slot not in _SLOTS:
            raise Invalid("event.payload-unknown", slot=slot[:10])
        payloads[int(slot)] = Payload(unb64(salt, SALT_BYTES), content.encode())
    return parse(envelope.e.encode(), unb64(envelope.g) if envelope.g else b"", payloads)


_ENVELOPE = msgspec.json.Decoder(Envelope)
_SLOTS: Final = frozenset(str(slot) for slot in range(SLOTS_MAX))


def wire(event: Event) -> bytes:
    """``event`` as the bytes of its envelope."""
    return msgspec.json.encode(to_envelope(event))


def unwire(data: bytes) -> Event:
    """The event in envelope bytes; raises ``Invalid``."""
    try:
        return from_envelope(_ENVELOPE.decode(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("event.envelope-malformed") from error


def slot(payload: Payload, role: str = "*") -> Slot:
    """The commitment to ``payload``, which ``role`` may read; raises ``Invalid('event.payload-too-large')``."""
    if len(payload.content) > PAYLOAD_BYTES_MAX:  # nobody could read it again, not even we
        raise Invalid("event.payload-too-large", limit=PAYLOAD_BYTES_MAX)
    return Slot(role, payload.commitment(), len(payload.content), MEDIA_JSON)


def written(header: Header, payloads: dict[int, Payload]) -> Event:
    """The unsigned event of a header that we made ourselves of names in their form, with slots for ``payloads``."""
    raw = msgspec.json.encode(header, order="sorted")
    if len(raw) > HEADER_BYTES_MAX:
        raise Invalid("event.header-too-large", limit=HEADER_BYTES_MAX)
    return _event(header, raw, b"", payloads)


def compose(header: dict[str, Any], contents: Sequence[tuple[str, bytes]], salts: Sequence[bytes]) -> Event:
    """An unsigned event from header fields without ``b``; ``contents`` are (role, bytes) in slot order."""
    payloads = {k: Payload(salt, content) for k, ((_, content), salt) in enumerate(zip(contents, salts, strict=True))}
    slots = [slot(payloads[k], role) for k, (role, _) in enumerate(contents)]
    try:
        read = msgspec.convert({**header, "b": slots}, Header)
    except msgspec.ValidationError as error:
        raise Invalid("event.header-malformed", detail=str(error)[:120]) from error
    event = written(read, payloads)
    _check_form(read)
    return event
