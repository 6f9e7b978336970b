"""Questions to keepers of mail over HTTP(S): kept connections, small limits, no redirects, nothing said of ourselves.

Rule 1: only addresses that a partner gave in a signed message, or our owner in a link, are ever called.
Rule 2: they are called as far as ``guard.py`` lets them.
Not here: what is asked, and the check of the answer's signature (``engine/mail/mailbox.py``).
"""

from dataclasses import dataclass, field
from typing import Final

import aiohttp
import msgspec

from weft.basis.errors import Invalid, NotFound, Refused, Unavailable
from weft.config import is_address
from weft.engine.mail import mailbox
from weft.peers.guard import Guard, refusal
from weft.peers.http import POLL_EXTRA_S, TIMEOUT_S, opened

REPLY_MAX: Final = mailbox.CLASSES[-1] + 1024
KNOWN: Final = frozenset({"mailbox.full", "mailbox.too-often", "mailbox.request-time", "mailbox.boxes"})


@dataclass(slots=True)
class HttpKeepers:
    """Implements ``engine.mailbox.Keepers``."""

    guard: Guard = field(default_factory=Guard)
    _session: aiohttp.ClientSession | None = field(default=None)

    async def ask(self, url: str, path: str, header: str, body: bytes) -> tuple[bytes, str]:
        """The answer and its signature; raises ``NotFound``, ``Refused`` or ``Unavailable`` (``mailbox.…``)."""
        base = url.rstrip("/")
        if not is_address(base):
            raise Invalid("mailbox.link")
        self.guard.check(base)
        waits = path == mailbox.LIST_PATH
        timeout = aiohttp.ClientTimeout(total=POLL_EXTRA_S if waits else TIMEOUT_S, connect=5)
        try:
            async with self._open().post(base + path, data=body, timeout=timeout, allow_redirects=False, headers={
                    "weft-mail": header, "content-type": "application/octet-stream", "accept-encoding": "identity",
                    "user-agent": "weft"}) as response:
                answer = await response.content.read(REPLY_MAX + 1)
                while len(answer) <= REPLY_MAX and (more := await response.content.read(REPLY_MAX + 1 - len(answer))):
                    answer += more
                status, signed = response.status, response.headers.get("weft-mail-reply", "")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            barred = refusal(error)
            raise Unavailable("mailbox.unreachable", detail=type(error).__name__) \
                if barred.code == "peer.unreachable" else barred from error
        if status != 200 or len(answer) > REPLY_MAX:
            raise _refusal(status, answer)
        return answer, signed

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = opened(self.guard)
        return self._session

    async def close(self) -> None:
        """Let all connections go."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class _Told(msgspec.Struct):
    code: str = ""


def _refusal(status: int, answer: bytes) -> NotFound | Refused | Unavailable:
    try:
        code = msgspec.json.decode(answer[:1000], type=_Told).code
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        code = ""
    if code == "mailbox.no-letter":
        return NotFound(code)
    if status == 404:
        return NotFound("mailbox.unknown")
    if code in KNOWN:
        return Refused(code) if status == 409 else Unavailable(code)
    return Unavailable("mailbox.answered-badly", status=status)
