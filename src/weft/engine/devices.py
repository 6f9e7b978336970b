"""Paired phones, tablets and programs: a short code shown at the node becomes a token that only the device knows.

A phone is a session of the node: the node's own device key signs, and who pressed the button stays private.
Rule 1: codes and tokens are kept as digests only; a code pairs one device, within ten minutes.
Rule 2: the owner's own token lies in a file of the home (0600) and is never in the store.
Rule 3: who is let go is out at that moment: pages that are open and wait for news end with it.
Not here: cookies and headers (``web.py``), the page that pairs (``doors/console``).
"""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Final

import msgspec

from weft.basis.canonical import b64, digest
from weft.basis.errors import Denied, Invalid, NotFound, WeftError
from weft.engine.ports import Batch, Clock, Randomness, Store

DEVICES: Final = "device"
CODE_MS: Final = 10 * 60 * 1000
SEEN_MS: Final = 5 * 60 * 1000  # how often it is written down that a device was here
TRIES_MAX: Final = 20  # wrong codes in ten minutes before no code counts any more from that place
PLACES_MAX: Final = 1_000
PARTNER: Final = "partner"
PERSON_MAX: Final = 60
WORKER: Final = "worker"
SCOPES: Final = ("owner", "operator", WORKER, "client", PARTNER)
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that are taken for each other


class Device(msgspec.Struct, frozen=True, omit_defaults=True):
    """A paired device; ``id`` is the digest of its token. ``scope``: owner, operator, worker, client, partner or till.

    ``key``: the device key of a till, which opens with it and needs no code. ``partner``: the organisation whose
    program it is; it sees what is shown to that partner. ``person``: whose phone it is, by the owner's word: what is
    reported with it is that person's work.
    """

    id: str
    scope: str
    name: str = ""
    paired_ms: int = 0
    seen_ms: int = 0
    key: str = ""
    partner: str = ""
    person: str = ""


@dataclass(slots=True)
class Devices:
    """Who may come in. ``owner_token`` is the home's own."""

    store: Store
    clock: Clock
    random: Randomness
    owner_token: str = ""
    _known: dict[str, Device] | None = None
    _codes: dict[str, tuple[str, str, str, int]] = field(default_factory=dict)
    _wrong: dict[str, list[int]] = field(default_factory=dict)
    _open: dict[str, asyncio.Event] = field(default_factory=dict)
    _owner: Device | None = field(init=False)

    def __post_init__(self) -> None:
        self._owner = Device(_name(self.owner_token), "owner", "home") if self.owner_token else None

    async def authenticate(self, token: str) -> Device | None:
        """The device that holds ``token``, or None."""
        name = _name(token)
        if self._owner is not None and name == self._owner.id:
            return self._owner
        known = await self._all()
        device, now = known.get(name), self.clock.now_ms()
        if device is not None and now - device.seen_ms >= SEEN_MS:
            known[name] = device = msgspec.structs.replace(device, seen_ms=now)
            with contextlib.suppress(WeftError):  # a full disk shuts nobody out
                await self._keep(device)
        return known.get(name) and device

    async def all(self) -> list[Device]:
        """All paired devices, newest first."""
        return sorted((await self._all()).values(), key=lambda device: -device.paired_ms)

    async def new_code(self, scope: str = "owner", partner: str = "", person: str = "") -> str:
        """A code such as ``7KQ4-M2XP`` that pairs one device within ten minutes.

        ``partner``: a program of theirs; ``person``: whose phone it is, which a worker's must say.
        """
        person = " ".join(person.split())[:PERSON_MAX]
        if scope not in SCOPES or (scope == PARTNER) is not bool(partner):
            raise Invalid("device.scope", value=scope[:20])
        if scope == WORKER and not person:
            raise Invalid("device.person")
        letters = "".join(_LETTERS[byte % len(_LETTERS)] for byte in self.random(8))
        self._codes[letters] = (scope, partner, person, self.clock.now_ms() + CODE_MS)
        return f"{letters[:4]}-{letters[4:]}"

    async def pair(self, code: str, name: str = "", place: str = "") -> str:
        """The new device's token, told once. ``place``: where the asker sits.

        Raises ``Denied('device.code')``, or ``Denied('device.tries')`` where no code counts for a while.
        """
        now = self.clock.now_ms()
        wrong = [at for at in self._wrong.pop(place, ()) if now - at < CODE_MS]
        letters = code.upper().replace("-", "").replace(" ", "")
        none = ("", "", "", 0)
        scope, partner, person, until = none if len(wrong) >= TRIES_MAX else self._codes.pop(letters, none)
        if until < now:
            self._wrong[place] = [*wrong, now][:TRIES_MAX]
            while len(self._wrong) > PLACES_MAX:
                self._wrong.pop(next(iter(self._wrong)))
            raise Denied("device.tries" if len(self._wrong[place]) >= TRIES_MAX else "device.code")
        return await self._new(scope, name or person, partner=partner, person=person)

    async def program(self, name: str, partner: str = "") -> str:
        """A token for a program called ``name``, told once; ``partner``: whose it is, if not ours."""
        if not name.strip():
            raise Invalid("device.unnamed")
        return await self._new(PARTNER if partner else "client", name.strip(), partner=partner)

    async def grant(self, scope: str, name: str, key: str) -> str:
        """A token for a device that has proved its own ``key``; the one that it had before is worth nothing."""
        for held in [one for one in (await self._all()).values() if one.key == key]:
            await self.revoke(held.id)
        return await self._new(scope, name, key)

    async def _new(self, scope: str, name: str, key: str = "", partner: str = "", person: str = "") -> str:
        token, now = b64(self.random(32)), self.clock.now_ms()
        device = Device(_name(token), scope, name[:60], now, now, key, partner, person)
        await self._keep(device)
        (await self._all())[device.id] = device
        return token

    async def revoke(self, device: str) -> None:
        """The device comes in no more; raises ``NotFound('device.unknown')``, or as ``commit``: then it still may."""
        known = await self._all()
        held = known.pop(device, None)
        if held is None:
            raise NotFound("device.unknown")
        try:
            await self.store.commit(Batch(values=[(DEVICES, device, None)]))
        except WeftError:
            known[device] = held
            raise
        self.gone(device).set()
        self._open.pop(device, None)

    def gone(self, device: str) -> asyncio.Event:
        """Set once ``device`` (its id) is let go."""
        return self._open.setdefault(device, asyncio.Event())

    async def _keep(self, device: Device) -> None:
        await self.store.commit(Batch(values=[(DEVICES, device.id, msgspec.json.encode(device))]))

    async def _all(self) -> dict[str, Device]:
        if self._known is None:
            rows = await self.store.values(DEVICES)
            self._known = {key: msgspec.json.decode(value, type=Device) for key, value in rows}
        return self._known


def _name(token: str) -> str:
    return b64(digest("device-token/1", token.encode()))
