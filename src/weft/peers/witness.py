"""Other firms' price logs and witnesses over HTTP(S) as C2SP has them: plain requests, no redirects, small limits.

C2SP tlog-tiles (read), tlog-witness (add-checkpoint).
Rule 1: only addresses that a partner gave in a signed message, or that the owner pasted, are ever called, as far as
        ``guard.py`` lets them.
Rule 2: nothing that comes back is believed here: notes, tiles and cosignatures hold by themselves, or not at all.
Rule 3: a partner that gave us a door of our own is asked there; else our request is signed as between nodes.
Not here: when to ask (``engine/pricelog/witnessing.py``), what an answer means (``engine/pricelog/witnesses.py``).
"""

from dataclasses import dataclass
from typing import Final

import aiohttp

from weft.basis.errors import NotFound, Unavailable
from weft.config import is_address
from weft.engine import requests
from weft.peers.guard import refusal
from weft.peers.http import Reaching
from weft.tlog.note import NOTE_BYTES_MAX
from weft.tlog.witness import ADD_CHECKPOINT_PATH

LOG_PATH: Final = "/pricelog/"
WITNESS_PATH: Final = "/pricelog/witness/"
TIMEOUT_S: Final = 20.0


@dataclass(slots=True)
class HttpPriceLogs(Reaching):
    """Implements ``engine.ports.PriceLogs``."""

    async def fetch(self, organisation: str, path: str, limit: int) -> bytes:
        """What lies at ``path`` below the log's prefix; raises ``NotFound('pricelog.not-there')``."""
        status, answer = await self._asked(organisation, LOG_PATH + path, limit)
        if status == 404:
            raise NotFound("pricelog.not-there")
        if status != 200:
            raise Unavailable("peer.answered-badly", status=status)
        return answer

    async def add_checkpoint(self, organisation: str, door: str, body: bytes) -> tuple[int, bytes]:
        """(status, answer) of the witness of ``organisation``."""
        if door:
            return await self._asked(organisation, f"{WITNESS_PATH}{door}/{ADD_CHECKPOINT_PATH}", NOTE_BYTES_MAX, body)
        assert self.memory is not None
        path = WITNESS_PATH + ADD_CHECKPOINT_PATH
        header, _ = requests.sign_request(self.memory, organisation, path, body)
        return await self._asked(organisation, path, NOTE_BYTES_MAX, body, header)

    async def _asked(self, organisation: str, path: str, limit: int, body: bytes = b"",
                     signed: str = "") -> tuple[int, bytes]:
        base = self.address(organisation).rstrip("/")
        if not base or not is_address(base):
            raise Unavailable("peer.no-address")
        self._guard_for(organisation).check(base)
        headers = {"accept-encoding": "identity", "user-agent": "weft", **({"weft-request": signed} if signed else {})}
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S, connect=5)
        try:
            async with self._open(organisation).request(
                    "POST" if body else "GET", base + path, data=body or None, timeout=timeout, allow_redirects=False,
                    headers=headers) as response:
                answer = bytearray()
                while len(answer) <= limit and (more := await response.content.read(limit + 1 - len(answer))):
                    answer += more
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise refusal(error) from error
        if len(answer) > limit:
            raise Unavailable("peer.answered-badly", status=status)
        return status, bytes(answer)
