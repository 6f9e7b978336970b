"""Tills that ask to be let in: each shows the code of its own key, and the owner types that code on the console.

Rule 1: the code comes from the key alone (``code_of``): whoever puts another key between is seen by its other code.
Rule 2: who waits is in memory only, few at a time and for ten minutes; asking changes nothing.
Rule 3: who opens proves its key over a challenge of ours, not over a time: a till's clock decides nothing.
Not here: letting in and letting go (``till/pairing.py``), tokens (``devices.py``).
"""

from dataclasses import dataclass, field
from typing import Final

from weft.basis.canonical import b64, digest, unb64
from weft.basis.errors import Denied, Invalid, NotFound, Refused
from weft.engine.ports import Clock, Randomness
from weft.identity.keys import SIGNATURE_BYTES, verify

WAITING_MS: Final = 10 * 60 * 1000
WAITING_MAX: Final = 20
FROM_ONE_PLACE: Final = 3
NAME_MAX: Final = 60
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that are taken for each other


@dataclass(frozen=True, slots=True)
class Knock:
    """One till that waits: its public key, the name it gives itself, where it asks from, and until when."""

    key: str
    name: str
    place: str
    until_ms: int

    @property
    def code(self) -> str:
        """What the till shows."""
        return code_of(self.key)


def code_of(key: str) -> str:
    """The code of a public key, such as ``7KQ4-M2XP``."""
    taken = digest("till-code/1", unb64(key, 32))[:8]
    letters = "".join(_LETTERS[byte % len(_LETTERS)] for byte in taken)
    return f"{letters[:4]}-{letters[4:]}"


def signed(firm: str, challenge: str) -> bytes:
    """The 32 bytes that a till signs to open."""
    return digest("till-open/1", firm.encode(), unb64(challenge, 16))


@dataclass(slots=True)
class Knocking:
    """Who waits to be let in, and the challenges that count."""

    clock: Clock
    random: Randomness
    _waiting: dict[str, Knock] = field(default_factory=dict)
    _challenges: list[tuple[str, int]] = field(default_factory=list)

    def knock(self, key: str, name: str, place: str) -> Knock:
        """Note that ``key`` waits; raises ``Refused('till.too-many-wait')``."""
        waiting = self.waiting()
        held = self._waiting.get(key)
        if held is None and (len(waiting) >= WAITING_MAX
                             or sum(one.place == place for one in waiting) >= FROM_ONE_PLACE):
            raise Refused("till.too-many-wait", limit=WAITING_MAX)
        made = Knock(key, " ".join(name.split())[:NAME_MAX], place, self.clock.now_ms() + WAITING_MS)
        self._waiting[key] = made
        return made

    def waiting(self) -> list[Knock]:
        """Who waits now, the oldest first."""
        now = self.clock.now_ms()
        for key in [key for key, one in self._waiting.items() if one.until_ms < now]:
            del self._waiting[key]
        return list(self._waiting.values())

    def find(self, code: str) -> Knock:
        """The till that shows ``code``; raises ``NotFound('till.code')``."""
        letters = code.upper().replace("-", "").replace(" ", "")
        found = [one for one in self.waiting() if one.code.replace("-", "") == letters]
        if len(found) != 1:
            raise NotFound("till.code", value=code[:20])
        return found[0]

    def done(self, key: str) -> None:
        """It waits no more."""
        self._waiting.pop(key, None)

    def challenge(self) -> str:
        """A challenge that counts for ten to twenty minutes."""
        now = self.clock.now_ms()
        self._challenges = [one for one in self._challenges if 0 <= now - one[1] < 2 * WAITING_MS]
        if not self._challenges or now - self._challenges[-1][1] >= WAITING_MS:
            self._challenges.append((b64(self.random(16)), now))
        return self._challenges[-1][0]

    def check(self, firm: str, key: str, challenge: str, signature: str) -> None:
        """Raises ``Denied('till.challenge')`` or ``('till.signature')`` unless ``key`` signed one that counts."""
        self.challenge()
        if challenge not in {one for one, _ in self._challenges}:
            raise Denied("till.challenge")
        try:
            made = unb64(signature, SIGNATURE_BYTES)
        except Invalid as error:
            raise Denied("till.signature") from error
        if not verify(key, signed(firm, challenge), made):
            raise Denied("till.signature")
