"""Signed requests between nodes: who asks, for whom it is meant, when, and the answer bound to the question.

    Weft-Request: organisation.device.time_ms.nonce.signature      Weft-Reply: device.signature
The request's signature covers ``req/1``, path, SHA-256 of the body, the organisation addressed, time and nonce; the
reply's covers ``rep/1``, the nonce and SHA-256 of the body. Keys are those of the key log as we hold it.
Rule 1: a request is good for ten minutes and once; the requests themselves are idempotent besides. Whose clock is apart
        from ours but who proves itself is told our time, in a signed answer, and asks again by that: nobody's clock
        decides whether firms can trade.
Rule 2: a firm that we do not know yet proves itself by the key log that its first event carries, or not at all.
Not here: HTTP (``doors/peer``, ``peers/http.py``), what is asked (``sync.py``), questions to keepers (``mail``).
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

import msgspec

from weft.basis.canonical import b64, digest, unb64
from weft.basis.errors import Denied, Invalid, Unavailable
from weft.engine.memory import Memory
from weft.identity.keylog import SCOPE_NODE, KeyState
from weft.identity.keys import SIGNATURE_BYTES, verify

QUESTION: Final = "req/1"
REPLY: Final = "rep/1"
WINDOW_MS: Final = 10 * 60 * 1000
NONCES_MAX: Final = 20_000  # of one firm: who says much forgets its own first, and nobody else's
HEADER_MAX: Final = 400
TIME_MS_MAX: Final = 1 << 48  # as in events: far beyond any calendar


def question(label: str, path: str, body: bytes, audience: str, stamp: str, nonce: str) -> bytes:
    """What the signature of a question covers; ``label`` keeps one kind of question from passing for another."""
    return digest(label, "\n".join((path, b64(digest("body/1", body)), audience, stamp, nonce)).encode())


def reply(label: str, nonce: str, body: bytes) -> bytes:
    """What the signature of an answer covers."""
    return digest(label, f"{nonce}\n{b64(digest('body/1', body))}".encode())


def sign_request(memory: Memory, audience: str, path: str, body: bytes, ahead_ms: int = 0) -> tuple[str, str]:
    """(header, nonce) of a request to ``audience``, whose clock is ``ahead_ms`` ahead of ours."""
    nonce, stamp = b64(memory.random(12)), str(max(0, memory.clock.now_ms() + ahead_ms))
    signer = memory.identity.signer
    signature = b64(signer.sign(question(QUESTION, path, body, audience, stamp, nonce)))
    return f"{memory.organisation}.{signer.public}.{stamp}.{nonce}.{signature}", nonce


def sign_reply(memory: Memory, nonce: str, body: bytes) -> str:
    """The header of an answer."""
    signer = memory.identity.signer
    return f"{signer.public}.{b64(signer.sign(reply(REPLY, nonce, body)))}"


async def check_reply(memory: Memory, organisation: str, nonce: str, body: bytes, header: str,
                      carried: KeyState | None = None) -> None:
    """Raises ``Denied`` unless ``organisation`` gave this answer to our request; ``carried``: a key log in it."""
    device, _, signature = header.partition(".")
    keys = await memory.keys(organisation) or carried
    if not _may_speak(keys, device) or not verify(device, reply(REPLY, nonce, body), _bytes(signature)):
        raise Denied("peer.reply-signature")


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: organisation, device, and the nonce that the answer must be bound to."""

    organisation: str
    device: str
    nonce: str


class OtherTime(Denied):
    """``asker`` proved itself, by a clock that is too far from ours."""

    def __init__(self, asker: Asker) -> None:
        super().__init__("peer.request-time")
        self.asker = asker


class TheTime(msgspec.Struct, frozen=True):
    """What such an asker is told: our clock, in milliseconds since 1970."""

    now_ms: int
    code: str = "peer.request-time"


_TIME: Final = msgspec.json.Decoder(TheTime)


def read_time(body: bytes) -> int:
    """The other end's clock; raises ``Unavailable``."""
    try:
        told = _TIME.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unavailable("peer.answered-badly", status=409) from error
    if not 0 <= told.now_ms <= TIME_MS_MAX:
        raise Unavailable("peer.answered-badly", status=409)
    return told.now_ms


class Wait(msgspec.Struct, frozen=True):
    """What one is told who asks too much: how long to wait. It is not signed: it costs no more than silence would."""

    wait_ms: int
    code: str = "peer.busy"


_WAIT: Final = msgspec.json.Decoder(Wait)


def read_wait(body: bytes) -> int:
    """How long the other end asks us to wait; a second when it does not say."""
    try:
        return _WAIT.decode(body).wait_ms
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return 1000


@dataclass(slots=True)
class Gate:
    """Checks requests and remembers which nonces were used."""

    memory: Memory
    _used: dict[str, "OrderedDict[str, int]"] = field(default_factory=dict)

    async def check(self, path: str, body: bytes, header: str, carried: KeyState | None = None) -> Asker:
        """Who sent this request; raises ``Denied('peer.…')``. ``carried``: the key log that a newcomer brings."""
        parts = header.split(".")
        if len(header) > HEADER_MAX or len(parts) != 5 or not parts[2].isdecimal():
            raise Denied("peer.unsigned")
        organisation, device, stamp, nonce, signature = parts
        known = await self.memory.keys(organisation)
        if not _may_speak(known, device) and not _may_speak(carried, device):
            raise Denied("peer.unknown")
        expected = question(QUESTION, path, body, self.memory.organisation, stamp, nonce)
        if not verify(device, expected, _bytes(signature)):
            raise Denied("peer.signature")
        asker, now = Asker(organisation, device, nonce), self.memory.clock.now_ms()
        if abs(now - int(stamp)) > WINDOW_MS:
            raise OtherTime(asker)
        self._use(organisation if known else "", f"{device}.{nonce}", now)
        return asker

    def _use(self, organisation: str, nonce: str, now: int) -> None:
        used = self._used.setdefault(organisation, OrderedDict())
        if nonce in used:
            raise Denied("peer.replayed")
        used[nonce] = now
        while used and (len(used) > NONCES_MAX or now - next(iter(used.values())) > 2 * WINDOW_MS):
            used.popitem(last=False)


def _may_speak(keys: KeyState | None, device: str) -> bool:
    held = keys.devices.get(device) if keys is not None else None
    return held is not None and not held.revoked and held.scope == SCOPE_NODE  # a till asks its own node


def _bytes(signature: str) -> bytes:
    try:
        return unb64(signature, SIGNATURE_BYTES)
    except Invalid:
        return b""
