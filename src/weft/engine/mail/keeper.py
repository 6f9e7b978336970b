"""Keeping sealed mail for others: places given out, boxes opened, letters left and fetched, within quotas.

Rule 1: a place is known by its key; neither firms nor threads are written down, but for the owner's own note.
Rule 2: a letter is durable before who left it is told so; it goes when who fetches it says so, or when it is too old.
Rule 3: the boxes that one pair has open hold at most half of what their place may: no partner keeps the others out.
Rule 4: who asks without a place or box of ours learns nothing, and costs one look into a table.
Rule 5: a box is whose it was first. Who opens another's beforehand shares its secret: it harms that pair, no other.
Not here: HTTP (``doors/mailbox``), what is asked and answered (``mailbox.py``).
"""

import asyncio
import contextlib
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from weft.basis.canonical import b64, unb64
from weft.basis.errors import Denied, Invalid, NotFound, Refused, Unavailable
from weft.config import Config, Mailbox
from weft.engine.mail import mailbox
from weft.engine.memory import Change, Memory
from weft.engine.ports import Batch
from weft.identity.keys import SEED_BYTES, Signer, sound

OWN: Final = "mailbox"  # bucket: our own secrets of mail, by name
KEEPER: Final = "keeper"  # in OWN: the seed of the key that we answer with
PLACES: Final = "mailbox-place"  # bucket: places given out, by key
ABOUT: Final = "mailbox-about"  # bucket: letters as we know them, by id
LETTERS: Final = "mailbox-letter"  # bucket: what they hold
PLACES_MAX: Final = 200
WINDOW_MS: Final = 10 * 60 * 1000
NONCES_MAX: Final = 20_000  # of one place: who asks much forgets its own first, and no other place's
EACH_MINUTE: Final = 600  # questions of one place or box
NEW_BOXES: Final = 20  # so many count as one question more: to check them takes as long
AT_ONCE: Final = 64  # of them; then others have their turn
WAITERS_MAX: Final = 2  # of one place
WAIT_MS_MAX: Final = 60_000
DAY_MS: Final = 86_400_000
MEGABYTE: Final = 1024 * 1024
SHARE: Final = 2 * mailbox.OPEN  # what a box holds is this part of its place; one letter in any case


class PlaceGiven(msgspec.Struct, frozen=True, kw_only=True):
    """A place that we gave out: our own note, since when, and the boxes that its holder has open."""

    note: str = ""
    since_ms: int = 0
    boxes: list[str] = []


class Kept(msgspec.Struct, frozen=True):
    """One letter."""

    place: str
    box: str
    bytes: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Room:
    """How much a place holds."""

    place: str
    given: PlaceGiven
    letters: int
    bytes: int


@dataclass(slots=True)
class Keeper:
    """All that this node keeps for others. What is in memory is what the store holds, but for the letters' content."""

    memory: Memory
    config: Config
    places: dict[str, PlaceGiven] = field(default_factory=dict)
    _signer: Signer | None = None
    _places_of: dict[str, str] = field(default_factory=dict)  # by box
    _kept: "dict[str, OrderedDict[str, Kept]]" = field(default_factory=dict)  # by place, oldest first
    _bytes: int = 0
    _used: "dict[str, OrderedDict[str, int]]" = field(default_factory=dict)  # nonces and when, by place
    _asked: Counter[str] = field(default_factory=Counter)
    _minute: int = 0
    _news: dict[str, asyncio.Event] = field(default_factory=dict)
    _turn: Counter[str] = field(default_factory=Counter)
    _closing: bool = False
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _opening: "defaultdict[str, asyncio.Lock]" = field(default_factory=lambda: defaultdict(asyncio.Lock))  # by place

    @property
    def limits(self) -> Mailbox:
        """How much we keep."""
        return self.config.mailbox

    async def load(self) -> None:
        """Learn what the store holds."""
        store = self.memory.store
        seed = await store.value(OWN, KEEPER)
        self._signer = None if seed is None else Signer(unb64(seed.decode(), SEED_BYTES))
        for key, kept in await store.values(PLACES):
            self._note_place(key, msgspec.json.decode(kept, type=PlaceGiven))
        about = [(name, msgspec.json.decode(kept, type=Kept)) for name, kept in await store.values(ABOUT)]
        for name, one in sorted(about, key=lambda pair: (pair[1].at_ms, pair[0])):
            self._kept.setdefault(one.place, OrderedDict())[name] = one
            self._bytes += one.bytes

    def _note_place(self, key: str, given: PlaceGiven) -> None:
        before = self.places.get(key)
        for name in before.boxes if before else ():
            self._places_of.pop(name, None)
        self.places[key] = given
        self._kept.setdefault(key, OrderedDict())
        self._places_of.update(dict.fromkeys(given.boxes, key))

    # ---- the owner's side -----------------------------------------------------------------------

    async def offer(self, url: str, name: str, note: str) -> tuple[str, str]:
        """(key, link) of a new place; raises ``Refused('mailbox.no-address')`` or ``('mailbox.places')``."""
        if not url:
            raise Refused("mailbox.no-address")
        async with self._lock:  # else two first ones would make two keys, and the store keep only one
            if len(self.places) >= PLACES_MAX:
                raise Refused("mailbox.places", limit=PLACES_MAX)
            keeper, seed = await self._own(), b64(self.memory.random(SEED_BYTES))
            place = mailbox.Place(key=keeper.public, url=url, seed=seed, name=name)
            given = PlaceGiven(note=note[:mailbox.NAME_MAX], since_ms=self.memory.clock.now_ms())
            key = place.signer().public
            await self.memory.store.commit(Batch(values=[(PLACES, key, msgspec.json.encode(given))]))
            self._note_place(key, given)
        self._changed()
        return key, mailbox.link_of(place)

    async def _own(self) -> Signer:
        """Under the lock: the key that we answer with; made when the first place is given out."""
        if self._signer is None:
            seed = self.memory.random(SEED_BYTES)
            await self.memory.store.commit(Batch(values=[(OWN, KEEPER, b64(seed).encode())]))
            self._signer = Signer(seed)
        return self._signer

    async def withdraw(self, key: str) -> None:
        """Keep nothing more for the place ``key``: its letters go too. Raises ``NotFound('mailbox.no-place')``."""
        async with self._lock:
            if key not in self.places:
                raise NotFound("mailbox.no-place")
            await self._drop(list(self._kept[key]), key, [(PLACES, key, None)])
            for name in self.places.pop(key).boxes:
                self._places_of.pop(name, None)
            self._kept.pop(key)
            self._used.pop(key, None)
            self._opening.pop(key, None)
        self._ring(key)
        self._changed()

    def rooms(self) -> list[Room]:
        """All places given out, the oldest first."""
        found = [Room(key, given, len(self._kept[key]), sum(one.bytes for one in self._kept[key].values()))
                 for key, given in self.places.items()]
        return sorted(found, key=lambda room: (room.given.since_ms, room.place))

    async def sweep(self) -> None:
        """Let go of what is too old."""
        now = self.memory.clock.now_ms()
        oldest = now - self.limits.keep_days * DAY_MS
        for used in list(self._used.values()):
            _forget(used, now)
            await asyncio.sleep(0)
        async with self._lock:
            for key, kept in list(self._kept.items()):
                if old := [name for name, one in kept.items() if one.at_ms < oldest]:
                    await self._drop(old, key)

    def close(self) -> None:
        """Let go whoever waits for letters."""
        self._closing = True
        for news in self._news.values():
            news.set()

    # ---- who asks -------------------------------------------------------------------------------

    def knows(self, header: str, path: str) -> str:
        """The place or box that asks, by its word alone; raises ``NotFound('mailbox.unknown')`` (Rule 4)."""
        key = mailbox.parts_of(header)[0]
        self._place(key, path)
        return key

    def _place(self, key: str, path: str) -> str:
        """The place for which ``key`` may ask at ``path``; raises ``NotFound('mailbox.unknown')``."""
        if path in {mailbox.PUT_PATH, mailbox.HELD_PATH}:
            place = self._places_of.get(key)
        else:
            place = key if key in self.places else None
        if place is None:
            raise NotFound("mailbox.unknown")
        return place

    def admit(self, header: str, path: str, body: bytes) -> tuple[str, str]:
        """(place or box, nonce) of a question that is in order; raises ``Denied``, ``NotFound`` or ``Unavailable``."""
        key, stamp, nonce, _ = mailbox.parts_of(header)
        assert self._signer is not None
        mailbox.check(header, self._signer.public, path, body)
        now = self.memory.clock.now_ms()
        if abs(now - stamp) > WINDOW_MS:
            raise Denied("mailbox.request-time")
        used = self._used.setdefault(self._place(key, path), OrderedDict())
        if f"{key}.{nonce}" in used:
            raise Denied("mailbox.replayed")
        if now // 60_000 != self._minute:
            self._minute = now // 60_000
            self._asked.clear()
        self._charge(key, 1)
        used[f"{key}.{nonce}"] = now
        _forget(used, now)
        return key, nonce

    def _charge(self, key: str, questions: int) -> None:
        self._asked[key] += questions
        if self._asked[key] > EACH_MINUTE:
            raise Unavailable("mailbox.too-often")

    async def answer(self, key: str, path: str, body: bytes) -> bytes:
        """The answer to a question of ``key`` that was admitted; raises ``WeftError``."""
        if path == mailbox.PUT_PATH:
            return msgspec.json.encode(mailbox.Ids([await self._put(key, body)]))
        if path == mailbox.HELD_PATH:
            return msgspec.json.encode(self._held(key, mailbox.read(body, mailbox.Ids)))
        if path == mailbox.BOXES_PATH:
            return msgspec.json.encode(await self._open(key, mailbox.read(body, mailbox.Boxes)))
        if path == mailbox.LIST_PATH:
            return msgspec.json.encode(await self._list(key, mailbox.read(body, mailbox.Asked)))
        return await self._take(key, mailbox.read(body, mailbox.Ids))

    def signed(self, nonce: str, body: bytes) -> str:
        """The header of the answer ``body``."""
        assert self._signer is not None
        return mailbox.sign_reply(self._signer, nonce, body)

    # ---- what is asked --------------------------------------------------------------------------

    async def _put(self, name: str, content: bytes) -> str:
        """Keep a letter; the same once more is no second one. Raises ``Refused('mailbox.full')``."""
        if len(content) not in mailbox.CLASSES:
            raise Invalid("mailbox.size-class")
        async with self._lock:
            place = self._places_of.get(name)
            if place is None:
                raise NotFound("mailbox.unknown")
            letter = mailbox.letter_id(name, content)
            kept = self._kept[place]
            if letter in kept:
                return letter
            self._check_room(kept, name, len(content))
            one = Kept(place, name, len(content), self.memory.clock.now_ms())
            await self.memory.store.commit(Batch(values=[
                (ABOUT, letter, msgspec.json.encode(one)), (LETTERS, letter, content)]))
            kept[letter] = one
            self._bytes += one.bytes
        self._ring(place)
        self._changed()
        return letter

    def _check_room(self, kept: "OrderedDict[str, Kept]", name: str, size: int) -> None:
        letters, most = self.limits.place_letters, self.limits.place_megabytes * MEGABYTE
        own = [one.bytes for one in kept.values() if one.box == name]
        if (len(kept) >= letters or sum(one.bytes for one in kept.values()) + size > most
                or (own and (len(own) >= letters // SHARE or sum(own) + size > most // SHARE))
                or self._bytes + size > self.limits.all_megabytes * MEGABYTE):
            raise Refused("mailbox.full")

    def _held(self, name: str, asked: mailbox.Ids) -> mailbox.Ids:
        kept = self._kept[self._places_of[name]]
        return mailbox.Ids([one for one in asked.ids[:mailbox.IDS_MAX] if one in kept and kept[one].box == name])

    async def _open(self, key: str, asked: mailbox.Boxes) -> mailbox.Ids:
        """From now on these are open, but for another's, which are told; letters in closed ones stay to be fetched."""
        if len(asked.boxes) > mailbox.BOXES_MAX:
            raise Invalid("mailbox.boxes", limit=mailbox.BOXES_MAX)
        wanted = sorted(set(asked.boxes))
        async with self._opening[key]:  # one list after the other: the last one asked for stays
            await self._check_names(key, [name for name in wanted if name not in self._places_of])
            async with self._lock:
                given = self.places.get(key)
                if given is None:
                    raise NotFound("mailbox.unknown")
                ours = [name for name in wanted if self._places_of.get(name, key) == key]
                if wanted and not ours:
                    raise Invalid("mailbox.boxes", limit=mailbox.BOXES_MAX)
                if ours != given.boxes:
                    after = msgspec.structs.replace(given, boxes=ours)
                    await self.memory.store.commit(Batch(values=[(PLACES, key, msgspec.json.encode(after))]))
                    self._note_place(key, after)
        return mailbox.Ids(sorted(set(wanted) - set(ours)))

    async def _check_names(self, key: str, names: list[str]) -> None:
        """Raises ``Invalid('mailbox.boxes')`` unless all are keys; they count as questions of ``key``."""
        self._charge(key, -(-len(names) // NEW_BOXES))
        for first in range(0, len(names), AT_ONCE):
            if not all(map(sound, names[first:first + AT_ONCE])):
                raise Invalid("mailbox.boxes", limit=mailbox.BOXES_MAX)
            await asyncio.sleep(0)

    async def _list(self, key: str, asked: mailbox.Asked) -> mailbox.Listed:
        async with self._lock:
            done = dict.fromkeys(asked.done[:mailbox.IDS_MAX])
            gone = [name for name in done if name in self._kept.get(key, ())]
            if gone:
                await self._drop(gone, key)
        await self._wait(key, min(max(asked.wait_ms, 0), WAIT_MS_MAX))
        kept = self._kept.get(key)
        if kept is None:
            raise NotFound("mailbox.unknown")
        return mailbox.Listed([mailbox.Letter(name, one.box, one.bytes)
                               for name, one, _ in zip(kept, kept.values(), range(mailbox.LETTERS_MAX), strict=False)])

    async def _wait(self, key: str, wait_ms: int) -> None:
        """Until there is a letter, at most so long; of many that wait the last few do."""
        news, loop = self._news.setdefault(key, asyncio.Event()), asyncio.get_running_loop()
        until = loop.time() + wait_ms / 1000
        self._turn[key] += 1
        turn = self._turn[key]
        news.set()  # who waits no longer sees it
        while not self._kept.get(key) and key in self.places and not self._closing \
                and self._turn[key] - turn < WAITERS_MAX:
            news.clear()
            left = until - loop.time()
            if left <= 0:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), left)

    async def _take(self, key: str, asked: mailbox.Ids) -> bytes:
        name = next(iter(asked.ids), "")
        content = await self.memory.store.value(LETTERS, name) if name in self._kept.get(key, ()) else None
        if content is None:
            raise NotFound("mailbox.no-letter")
        return content

    # ---- letting go -----------------------------------------------------------------------------

    async def _drop(self, names: list[str], key: str, more: list[tuple[str, str, bytes | None]] | None = None) -> None:
        """Under the lock: let go of letters ``names`` of place ``key``, with whatever ``more`` changes."""
        rows: list[tuple[str, str, bytes | None]] = [row for name in names for row in _gone(name)]
        await self.memory.store.commit(Batch(values=[*rows, *(more or ())]))
        for name in names:
            one = self._kept[key].pop(name, None)
            self._bytes -= one.bytes if one else 0
        self._changed()

    def _ring(self, place: str) -> None:
        if (news := self._news.get(place)) is not None:
            news.set()

    def _changed(self) -> None:
        self.memory.tell(Change("", "mailbox", ()))


def _forget(used: "OrderedDict[str, int]", now: int) -> None:
    """Nonces of questions that are too old to be asked again go, and of too many the first."""
    while used and (len(used) > NONCES_MAX or now - next(iter(used.values())) > 2 * WINDOW_MS):
        used.popitem(last=False)


def _gone(name: str) -> Iterator[tuple[str, str, None]]:
    yield ABOUT, name, None
    yield LETTERS, name, None
