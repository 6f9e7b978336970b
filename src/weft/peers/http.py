"""Requests to other nodes over HTTP(S): signed, kept connections, small limits, no redirects.

Rule 1: only addresses that a partner gave in a signed message, or that the owner pasted, are ever called.
Rule 2: an answer counts only when the partner signed it for this very question.
Rule 3: what a partner names is called as far as ``guard.py`` lets it; what the owner typed may be in our own network.
Rule 4: a partner whose clock is apart from ours is asked by its own; what it says of its clock is signed, too.
Not here: when to call (``engine/outbox.py``), what to say (``engine/sync.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import aiohttp
import msgspec

from weft.basis.errors import Denied, NotFound, Unavailable, WeftError
from weft.config import is_address
from weft.engine import exchange, requests, sync
from weft.engine.budgets import Busy
from weft.engine.memory import Memory
from weft.engine.receive import key_state
from weft.identity.keylog import KeyState
from weft.peers.guard import Guard, Reach, refusal

REPLY_MAX: Final = 4 * 1024 * 1024
TIMEOUT_S: Final = 20.0
POLL_EXTRA_S: Final = 75.0


@dataclass(slots=True)
class Reaching:
    """To whom requests may go, over connections that are kept.

    ``address(organisation)`` gives a partner's URL or ""; ``memory`` is set when the node is put together.
    ``typed(organisation)``: whether that URL is the owner's own word.
    """

    address: Callable[[str], str]
    guard: Guard = field(default_factory=Guard)
    typed: Callable[[str], bool] = lambda _organisation: False
    memory: Memory | None = None
    _session: aiohttp.ClientSession | None = field(default=None)
    _own: aiohttp.ClientSession | None = field(default=None)  # to where the owner said

    def _guard_for(self, organisation: str) -> Guard:
        return replace(self.guard, reach=Reach.HERE) if self.typed(organisation) else self.guard

    def _open(self, organisation: str) -> aiohttp.ClientSession:
        if self.typed(organisation):
            if self._own is None:
                self._own = opened(self._guard_for(organisation))
            return self._own
        if self._session is None:
            self._session = opened(self.guard)
        return self._session

    async def close(self) -> None:
        """Let all connections go."""
        for session in (self._session, self._own):
            if session is not None:
                await session.close()
        self._session = self._own = None


@dataclass(slots=True)
class HttpPeers(Reaching):
    """Implements ``engine.ports.Peers``."""

    _ahead_ms: dict[str, int] = field(default_factory=dict)  # of partners whose clocks are apart from ours
    _shown: dict[str, str] = field(default_factory=dict)  # to whom we have shown our key log, and up to where

    def reachable(self, organisation: str) -> bool:
        """Whether we have an address of ``organisation``."""
        return bool(self.address(organisation))

    async def request(self, organisation: str, path: str, body: bytes) -> bytes:
        """The signed answer; raises ``Unavailable('peer.unreachable')`` or ``NotFound('peer.refused')``.

        One end may have changed its devices while the other was away: then both show their key logs first.
        """
        try:
            return await self._answered(organisation, path, body)
        except (NotFound, Denied) as error:
            if not await self._better_known(organisation, by_our_word=isinstance(error, NotFound)):
                raise
        return await self._answered(organisation, path, body)

    async def _better_known(self, organisation: str, *, by_our_word: bool) -> bool:
        """Show ``organisation`` our key log and take in its own; whether either was news, or may have been."""
        memory = self.memory
        assert memory is not None
        first = self._shown.get(organisation) != memory.key_event
        if await memory.keys(organisation) is None or (by_our_word and not first):
            return False
        status, answer, nonce, signed = await self._timed(organisation, exchange.EXCHANGE_PATH,
                                                          msgspec.json.encode(await exchange.own(memory)))
        try:
            _check_status(status, answer)
            shown = exchange.read_exchange(answer)
            news = await exchange.take_theirs(memory, organisation, shown)
            await requests.check_reply(memory, organisation, nonce, answer, signed)  # by its keys as they are now
            news = await exchange.take_ours(memory, organisation, shown) or news
        except Busy:
            raise  # it says how long to wait, and hears our key log then
        except WeftError:
            return False
        self._shown[organisation] = memory.key_event
        return first or news

    async def _answered(self, organisation: str, path: str, body: bytes) -> bytes:
        memory = self.memory
        assert memory is not None
        base = self.address(organisation).rstrip("/")
        if not base:
            raise Unavailable("peer.no-address")
        if not is_address(base):
            raise Unavailable("peer.no-address")
        self._guard_for(organisation).check(base)
        status, answer, nonce, signed = await self._timed(organisation, path, body)
        _check_status(status, answer)
        await requests.check_reply(memory, organisation, nonce, answer, signed, _carried(organisation, path, answer))
        return answer

    async def _timed(self, organisation: str, path: str, body: bytes) -> tuple[int, bytes, str, str]:
        """As ``_ask``, by the other end's clock."""
        memory = self.memory
        assert memory is not None
        base, ahead_ms = self.address(organisation).rstrip("/"), self._ahead_ms.get(organisation, 0)
        told = await self._ask(base, organisation, path, body, ahead_ms)
        if told[0] != 409:
            return told
        _, answer, nonce, signed = told
        ahead_ms = requests.read_time(answer) - memory.clock.now_ms()
        if path != exchange.EXCHANGE_PATH and await memory.keys(organisation):
            await requests.check_reply(memory, organisation, nonce, answer, signed)
            self._ahead_ms[organisation] = ahead_ms  # else it cannot be checked yet, and counts for this once
        return await self._ask(base, organisation, path, body, ahead_ms)

    async def _ask(self, base: str, organisation: str, path: str, body: bytes,
                   ahead_ms: int) -> tuple[int, bytes, str, str]:
        """(status, answer, our nonce, header that signs the answer); raises ``Unavailable``."""
        assert self.memory is not None
        header, nonce = requests.sign_request(self.memory, organisation, path, body, ahead_ms)
        timeout = aiohttp.ClientTimeout(total=POLL_EXTRA_S if path == sync.POLL_PATH else TIMEOUT_S, connect=5)
        try:
            async with self._open(organisation).post(
                    base + path, data=body, timeout=timeout, allow_redirects=False, headers={
                        "weft-request": header, "content-type": "application/json",
                        "accept-encoding": "identity"}) as response:
                limit = 2 * exchange.BODY_MAX if path == exchange.EXCHANGE_PATH else REPLY_MAX
                answer = await _whole(response.content, limit)
                status, signed = response.status, response.headers.get("weft-reply", "")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise refusal(error) from error
        if len(answer) > limit:
            raise Unavailable("peer.answered-badly", status=status)
        return status, answer, nonce, signed


def _check_status(status: int, answer: bytes) -> None:
    if status == 404:
        raise NotFound("peer.refused")
    if status == 429:
        raise Busy(requests.read_wait(answer))
    if status != 200:
        raise Unavailable("peer.answered-badly", status=status)


async def _whole(content: aiohttp.StreamReader, limit: int) -> bytes:
    """All of the answer, or as much of it as shows that it is too long."""
    taken = bytearray()
    while len(taken) <= limit and (more := await content.read(limit + 1 - len(taken))):
        taken += more
    return bytes(taken)


def opened(guard: Guard) -> aiohttp.ClientSession:
    """Connections that ``guard`` lets pass: no cookies, nothing unpacked."""
    return aiohttp.ClientSession(connector=guard.connector(), cookie_jar=aiohttp.DummyCookieJar(),
                                 auto_decompress=False)


def _carried(organisation: str, path: str, answer: bytes) -> KeyState | None:
    """The key log of a firm that answers us for the first time; it proves itself by the organisation's id."""
    if path != sync.SYNC_PATH:
        return None
    carried = sync.read_reply(answer).key_log
    return key_state(organisation, carried) if carried else None
