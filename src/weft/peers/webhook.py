"""Events to whoever has given an address for them: HTTP(S), signed, with permission, no redirects, small answers.

CloudEvents 1.0.2 HTTP binding (structured and batched JSON), CloudEvents "HTTP 1.1 Web Hooks" 1.0.2 (permission, rate,
answers), Standard Webhooks 1.0 (``webhook-id``, ``webhook-timestamp``, ``webhook-signature``).
Rule 1: a 2xx answer takes the events, nothing else does. 410 ends it; Retry-After is obeyed.
Rule 2: what is sent goes as far into our own network as ``guard.py`` lets it, and without encryption nowhere else.
Rule 3: one connection pool for each subscription: a receiver that hangs holds up nobody else.
Rule 4: an answer's body is never looked at, an address never logged: it may hold a key.
Not here: when something is sent, and again (``engine/twins/delivering.py``).
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from weft.basis.errors import Refused, Unavailable, WeftError
from weft.engine.ports import Clock
from weft.engine.twins.subscriptions import Gone, Later, Message, Target
from weft.peers.guard import Barred, Guard, Reach
from weft.peers.http import opened

ONE: Final = "application/cloudevents+json; charset=utf-8"
MANY: Final = "application/cloudevents-batch+json; charset=utf-8"
TOTAL_S: Final = 15.0
CONNECT_S: Final = 5.0
BATCH_BYTES: Final = 256 * 1024
BATCH_EVENTS: Final = 100
LATER_S_MAX: Final = 86_400
PREFIX: Final = "whsec_"
_BARRED: Final = {"peer.private-address": "twin-event.private-address",
                  "peer.forbidden-address": "twin-event.forbidden-address"}


class Inside(Guard):
    """Lets pass what lies in our own network, and nothing else: for what is not encrypted."""

    def _pass(self, host: str, where: Reach) -> None:
        super()._pass(host, where)
        if where is Reach.PUBLIC:
            raise Barred(host, "twin-event.not-encrypted")


def reaching(guard: Guard, to: Target) -> Guard:
    """How far one may go for ``to``; raises ``Unavailable`` when its address says by itself that it is too far."""
    found = guard if to.about.encrypted else Inside(guard.reach, guard.lookup)
    try:
        found.check(to.about.address)
    except Unavailable as error:
        raise unreached(error) from error
    return found


@dataclass(slots=True)
class _Line:
    """To one receiver. ``pause_s``: between two requests, as it allowed; None: it was not asked yet."""

    session: aiohttp.ClientSession
    pause_s: float | None = None
    sent_s: float = 0.0


@dataclass(slots=True)
class HttpWebhooks:
    """Implements ``engine.twins.subscriptions.Sender``."""

    guard: Guard
    clock: Clock
    total_s: float = TOTAL_S
    _lines: dict[str, _Line] = field(default_factory=dict)

    async def send(self, to: Target, messages: Sequence[Message]) -> int:
        """Send one of ``messages``, or a batch; how many. Raises as the port says."""
        guard = reaching(self.guard, to)
        line = self._lines.get(to.about.id)
        if line is None:
            line = self._lines[to.about.id] = _Line(opened(guard))
        try:
            if to.about.handshake and line.pause_s is None:
                line.pause_s = await self._allowed(line, to)
            await asyncio.sleep(max(0.0, line.sent_s + (line.pause_s or 0.0) - time.monotonic()))
            line.sent_s = time.monotonic()
            return await self._posted(line, to, messages)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise unreached(error) from error

    @property
    def _timeout(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self.total_s, connect=CONNECT_S)

    async def _allowed(self, line: _Line, to: Target) -> float:
        """Ask for permission; the pause between two requests in s. Raises ``Refused('twin-event.no-permission')``."""
        headers = {"WebHook-Request-Origin": to.origin, "user-agent": "weft"}
        async with line.session.options(to.about.address, headers=headers, timeout=self._timeout,
                                        allow_redirects=False) as response:
            allowed = response.headers.get("WebHook-Allowed-Origin", "").strip().lower()
            rate = response.headers.get("WebHook-Allowed-Rate", "").strip()
        if response.status == 410:
            raise Gone("twin-event.gone")
        if response.status >= 500 or response.status == 429:
            raise _refusal(response.status, response.headers.get("retry-after", ""), self.clock.now_ms())
        if allowed not in ("*", to.origin.lower()):
            raise Refused("twin-event.no-permission", status=response.status, origin=to.origin)
        return 60 / int(rate) if rate.isascii() and rate.isdecimal() and 0 < int(rate[:9]) else 0.0

    async def _posted(self, line: _Line, to: Target, messages: Sequence[Message]) -> int:
        sent = batch(messages) if to.about.batch else messages[:1]
        body = b"[" + b",".join(one.body for one in sent) + b"]" if to.about.batch else sent[0].body
        name = sent[0].id if len(sent) == 1 else _together(sent)
        headers = {"content-type": MANY if to.about.batch else ONE, "user-agent": "weft",
                   **signed(to.credentials.secret, name, self.clock.now_ms() // 1000, body)}
        if to.about.handshake:
            headers["WebHook-Request-Origin"] = to.origin
        async with line.session.post(to.about.address, data=body, headers=headers, timeout=self._timeout,
                                     allow_redirects=False) as response:
            status, wait = response.status, response.headers.get("retry-after", "")
        if not 200 <= status < 300:
            if status in (401, 403):
                line.pause_s = None  # it may have changed its mind: it is asked again
            raise _refusal(status, wait, self.clock.now_ms())
        return len(sent)

    async def forget(self, id: str) -> None:
        """Let its connections go, and its permission."""
        line = self._lines.pop(id, None)
        if line is not None:
            await line.session.close()

    async def close(self) -> None:
        """Let all connections go."""
        for name in tuple(self._lines):
            await self.forget(name)


def signed(secret: str, name: str, at_s: int, body: bytes) -> dict[str, str]:
    """The headers of Standard Webhooks; raises ``Refused('twin-event.no-credentials')`` for a secret that is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not key or not secret.startswith(PREFIX):
        raise Refused("twin-event.no-credentials")
    mac = hmac.new(key, f"{name}.{at_s}.".encode() + body, hashlib.sha256).digest()
    return {"webhook-id": name, "webhook-timestamp": str(at_s),
            "webhook-signature": f"v1,{base64.b64encode(mac).decode()}"}


def batch(messages: Sequence[Message]) -> Sequence[Message]:
    """As many of the first of ``messages`` as go into one request."""
    size = 0
    for place, one in enumerate(messages[:BATCH_EVENTS]):
        size += len(one.body) + 1
        if size > BATCH_BYTES and place:
            return messages[:place]
    return messages[:BATCH_EVENTS]


def _together(messages: Sequence[Message]) -> str:
    return f"evt_{hashlib.blake2b(b' '.join(one.id.encode() for one in messages), digest_size=16).hexdigest()}"


def _refusal(status: int, wait: str, now_ms: int) -> WeftError:
    if status == 410:
        return Gone("twin-event.gone")
    wait_ms = _wait_ms(wait, now_ms)
    if status == 429 or (status == 503 and wait_ms):
        return Later(wait_ms)
    if 300 <= status < 400:
        return Refused("twin-event.redirected", status=status)
    return Unavailable("twin-event.answered", status=status)


def _wait_ms(wait: str, now_ms: int) -> int:
    """What Retry-After says: seconds or a date; 0 when it says nothing."""
    if wait.isascii() and wait.isdecimal():
        return min(int(wait[:9]), LATER_S_MAX) * 1000
    try:
        at_ms = int(parsedate_to_datetime(wait).timestamp() * 1000)
    except (ValueError, TypeError, OverflowError):
        return 0
    return min(max(0, at_ms - now_ms), LATER_S_MAX * 1000)


def unreached(error: BaseException) -> WeftError:
    """``error`` of a connection in our words."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, Barred):
            return Unavailable(_BARRED.get(cause.code, cause.code), host=cause.host)
        if isinstance(cause, ssl.SSLError):
            return Unavailable("twin-event.certificate", detail=(cause.reason or type(cause).__name__)[:80])
        cause = getattr(cause, "os_error", None) or cause.__cause__
    if isinstance(error, TimeoutError):
        return Unavailable("twin-event.no-answer")
    return Unavailable("twin-event.unreachable", detail=type(error).__name__)
