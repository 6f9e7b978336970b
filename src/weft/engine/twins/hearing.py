"""Events of the twins for one listener: all of them, or those of what a subject sees.

Rule 1: whoever does not see all is told no numbers: a cursor is sealed, and two of the same place are not alike; an
    event is called by a name that tells nothing but that it is the same event.
Rule 2: what may be heard is judged anew for each batch: a window that ends, ends a stream's events too.
Not here: what happened (``changes.py``), what is seen (``sight.py``), the form of events (``doors/aas/events.py``).
"""

import base64
import binascii
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from nacl.bindings import crypto_aead_chacha20poly1305_ietf_decrypt as _open
from nacl.bindings import crypto_aead_chacha20poly1305_ietf_encrypt as _close
from nacl.exceptions import CryptoError

from weft.basis.errors import Invalid, Refused
from weft.engine.twins.changes import Changes, Seat
from weft.engine.twins.ports import Told
from weft.engine.twins.sight import Sight

NONCE: Final = 12
GONE: Final = ("twin.feed-gone", "twin.feed-ahead")  # both name numbers
PAGE: Final = 100
LOOKED_AT_MAX: Final = 1_000  # entries of the feed that are gone through for one page


@dataclass(slots=True)
class Hearing:
    """``sight`` gives what the listener sees (None: all); ``key`` and ``who`` seal its cursors.

    ``listener``: which program or device it is, of whom so many may follow at once.
    """

    changes: Changes
    sight: Callable[[], Awaitable[Sight]] | None = None
    key: bytes = b""
    who: str = ""
    listener: str = ""

    # ---- cursors ------------------------------------------------------------------------------------

    def cursor(self, number: int) -> str:
        """Where one goes on behind change ``number``."""
        if self.sight is None:
            return str(number)
        nonce = secrets.token_bytes(NONCE)
        sealed = _close(number.to_bytes(8, "big"), self.who.encode(), nonce, self.key)
        return base64.urlsafe_b64encode(nonce + sealed).decode()

    def number(self, cursor: str) -> int:
        """What ``cursor`` says; raises ``Invalid('twin.cursor')``."""
        if not cursor:
            return 0
        if self.sight is None:
            if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= 18):
                raise Invalid("twin.cursor", value=cursor[:80])
            return int(cursor)
        try:
            data = base64.urlsafe_b64decode(cursor.encode("ascii"))
            return int.from_bytes(_open(data[NONCE:], self.who.encode(), data[:NONCE], self.key), "big")
        except (binascii.Error, CryptoError, ValueError) as error:
            raise Invalid("twin.cursor", value=cursor[:80]) from error

    def name(self, number: int) -> str:
        """How the event of change ``number`` is called."""
        if self.sight is None:
            return str(number)
        return blake2b(number.to_bytes(8, "big"), key=self.key, digest_size=12, person=b"weft-event").hexdigest()

    # ---- events -------------------------------------------------------------------------------------

    async def after(self, number: int, limit: int) -> tuple[list[Told], int]:
        """At most ``limit`` events behind ``number``, and the number up to which was looked."""
        if self.sight is None:
            told = list(await self._feed(number, limit))
            return told, told[-1].number if told else number
        found: list[Told] = []
        for _ in range(LOOKED_AT_MAX // PAGE):
            entries = await self._feed(number, PAGE)
            for one in entries:
                if len(found) == limit:
                    return found, number
                found += await self.heard([one])
                number = one.number
            if len(entries) < PAGE:
                break
        return found, number

    async def _feed(self, number: int, limit: int) -> Sequence[Told]:
        try:
            return await self.changes.after(number, limit)
        except Refused as error:
            if self.sight is not None and error.code in GONE:
                raise Refused("twin.feed-lost") from error
            raise

    async def heard(self, told: Sequence[Told]) -> list[Told]:
        """Those of ``told`` that the listener may hear."""
        if self.sight is None:
            return list(told)
        sight = await self.sight()
        found = [await sight.heard(one) for one in told]
        return [one for one in found if one is not None]

    async def newest(self) -> int:
        """The number of the last change."""
        return await self.changes.newest()

    def seat(self) -> Seat:
        """A place among those who follow; raises ``Refused('twin.followers')``, ``('twin.followers-own')``."""
        return self.changes.seat(self.listener)

    async def follow(self, number: int, seat: Seat) -> AsyncIterator[list[Told]]:
        """Events behind ``number`` and whatever follows; an empty list from time to time."""
        try:
            async for told in self.changes.follow(number, seat):
                yield await self.heard(told)
        except Refused as error:
            if self.sight is not None and error.code in GONE:
                raise Refused("twin.feed-lost") from error
            raise
