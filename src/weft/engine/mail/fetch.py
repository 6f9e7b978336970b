"""Fetching our mail from the keepers that our owner chose, and telling partners where it may be left.

Each keeper is asked over and over, the question waiting there for news. A letter is opened, its bundle taken in by the
same path as a file carried by hand, and only then does the keeper hear that it may let go of it.
Rule 1: what was fetched is let go of after it is stored; a crash between fetches it again, and changes nothing.
Rule 2: a letter that is no bundle of a partner is let go of, too: it would only come again.
Rule 3: a keeper that names letters without end is not asked at once again: with nothing new in them a little later,
        and ever more seldom where they are those that it was told to let go of.
Rule 4: boxes are open for every partner and for whom we have invited, some weeks beforehand and behind.
Rule 5: who writes pays for it as for requests; what is beyond that is let go of, and its writer writes it again.
Not here: leaving mail (``post.py``), keeping it (``keeper.py``).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64, digest, unb64
from weft.basis.errors import NotFound, Refused, Unavailable, WeftError
from weft.engine import bundles
from weft.engine.budgets import Busy
from weft.engine.mail import mailbox
from weft.engine.mail.keeper import OWN
from weft.engine.memory import TOLD, Change
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.thread import closing
from weft.trade import relationship
from weft.trade.messages import Keeper, MailboxesNamed

USED: Final = "mail-place"  # bucket: places that keepers gave us, by the keeper's key
INVITED: Final = "mail-invited"  # bucket: by the digest of an invitation's secret, until when it is good
MASTER: Final = "master"  # in OWN: what the secrets of all pairs are made of
NUMBER: Final = "number"  # in OWN: the number of our last list
PLACES_MAX: Final = relationship.KEEPERS_MAX
LOOK_S: Final = 1.0
AGAIN_MS: Final = 3_600_000  # boxes are opened again so often: a keeper that was restored has lost some
_NONE: Final = b"[]"


@dataclass(slots=True)
class Fetch:
    """The worker that fetches mail. ``faults``: by keeper, the code of what is wrong with it now."""

    node: Node
    line: mailbox.Line
    places: dict[str, mailbox.Place] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    heard_ms: dict[str, int] = field(default_factory=dict)
    letters: dict[str, int] = field(default_factory=dict)  # fetched since the node began
    news: dict[str, int] = field(default_factory=dict)  # events that they brought
    _master: bytes = b""
    _told: dict[str, bytes] = field(default_factory=dict)
    _opened: dict[str, tuple[object, ...]] = field(default_factory=dict)
    _found: dict[str, tuple[tuple[object, ...], dict[str, tuple[str, int]]]] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def load(self) -> None:
        """Learn what the store holds."""
        store = self.node.store
        self._master = await store.value(OWN, MASTER) or b""
        self.places = {key: msgspec.json.decode(kept, type=mailbox.Place) for key, kept in await store.values(USED)}
        self._told = dict(await store.values(TOLD))

    def ranked(self) -> list[mailbox.Place]:
        """Our places, the best first: in the order in which the owner chose them."""
        return sorted(self.places.values(), key=lambda one: (one.since_ms, one.key))

    def keepers(self) -> tuple[Keeper, ...]:
        """What partners and those whom we invite are told."""
        return tuple(Keeper(key=one.key, url=one.url, name=one.name) for one in self.ranked())

    # ---- the owner's choice ---------------------------------------------------------------------

    async def use(self, place: mailbox.Place) -> None:
        """Have our mail kept at ``place``; raises ``Unavailable``, ``NotFound`` or ``Refused`` ``('mailbox.…')``."""
        if place.key not in self.places and len(self.places) >= PLACES_MAX:
            raise Refused("mailbox.enough", limit=PLACES_MAX)
        if not self._master:
            master = self.node.random(32)
            await self.node.store.commit(Batch(values=[(OWN, MASTER, master)]))
            self._master = master
        since = max([self.node.clock.now_ms(), *(one.since_ms + 1 for one in self.places.values())])
        held = self.places.get(place.key)
        place = msgspec.structs.replace(place, since_ms=held.since_ms if held else since)
        await self._open(place)
        await self.node.store.commit(Batch(values=[(USED, place.key, msgspec.json.encode(place))]))
        self.places[place.key] = place
        self._changed()

    async def drop(self, named: str) -> None:
        """Have no more mail kept by ``named`` (a keeper's key or name); raises ``NotFound('mailbox.no-keeper')``."""
        found = [one for one in self.places.values() if named and named in {one.key, one.name}]
        if len(found) != 1:
            raise NotFound("mailbox.no-keeper", name=named[:60])
        await self.node.store.commit(Batch(values=[(USED, found[0].key, None)]))
        self.places.pop(found[0].key)
        self._opened.pop(found[0].key, None)
        self._changed()

    # ---- the workers ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Fetch until cancelled."""
        try:
            while True:
                for key in [key for key, task in self._tasks.items() if task.done() or key not in self.places]:
                    self._tasks.pop(key).cancel()
                for key in self.places.keys() - self._tasks.keys():
                    self._tasks[key] = asyncio.create_task(self._fetch(key))
                for thread in self.node.threads(relationship.NAME):
                    with contextlib.suppress(WeftError):
                        await self._announce(thread)
                for place in self.ranked():
                    with contextlib.suppress(WeftError):
                        await self._open(place)
                await asyncio.sleep(min(LOOK_S, self.node.tick_s))
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _announce(self, thread: str) -> None:
        """Tell the partner of ``thread`` where our mail is kept, if it knows otherwise."""
        now = msgspec.json.encode(self.keepers())
        if self._told.get(thread, _NONE) == now:
            return
        loaded = await self.node.loaded(thread)
        open_ = not closing.is_done(loaded.state) and not self.node.waits(loaded.members)
        if not open_ or MailboxesNamed.__name__ not in relationship.may_say(loaded.state, self.node.organisation):
            return
        other = next(one for one in loaded.members if one != self.node.organisation)
        await self.node.speak(thread, MailboxesNamed(
            number=await self._next_number(), secret=self.secret_with(other), keepers=self.keepers()))
        await self.node.store.commit(Batch(values=[(TOLD, thread, now)]))
        self._told[thread] = now

    async def _next_number(self) -> int:
        last = int(await self.node.store.value(OWN, NUMBER) or b"0")
        number = max(last + 1, self.node.clock.now_ms())
        await self.node.store.commit(Batch(values=[(OWN, NUMBER, str(number).encode())]))
        return number

    def secret_with(self, other: str) -> str:
        """What names and closes the boxes in which ``other`` leaves mail for us."""
        return b64(digest("mail-pair/1", self._master, unb64(other, 32)))

    async def _secrets(self) -> list[str]:
        others = {*self.node.addresses, *self.node.partners} - {self.node.organisation}
        invited, now = list[str](), self.node.clock.now_ms()
        for name, until in await self.node.store.values(INVITED):
            late = instant.to_ms(until.decode()) + mailbox.BEHIND * mailbox.FORTNIGHT_MS
            if now < late:
                invited.append(name)
            else:
                await self.node.store.commit(Batch(values=[(INVITED, name, None)]))
        return [*(self.secret_with(one) for one in sorted(others)), *invited]

    async def _open(self, place: mailbox.Place) -> None:
        """Have the boxes open that are needed now, where they are not; raises ``Refused`` when all are another's."""
        secrets, now = await self._secrets(), self.node.clock.now_ms()
        wanted: tuple[object, ...] = (mailbox.fortnight(now), now // AGAIN_MS, *secrets)
        if self._opened.get(place.key) == wanted:
            return
        body = msgspec.json.encode(mailbox.Boxes(mailbox.open_boxes(secrets, unb64(place.seed), place.key, now)))
        try:
            others = set(mailbox.read(await self._ask(place, mailbox.BOXES_PATH, body), mailbox.Ids).ids)
            now_open = {mailbox.box(secret, place.key, mailbox.fortnight(now)).public for secret in secrets}
            if now_open and now_open <= others:  # an earlier place of ours at this keeper has them still
                raise Refused("mailbox.boxes", limit=mailbox.BOXES_MAX)
        except WeftError as error:
            self._fault(place.key, error.code)
            raise
        self._opened[place.key] = wanted

    async def _ask(self, place: mailbox.Place, path: str, body: bytes) -> bytes:
        return await self.line.ask((place.key, place.url), place.signer(), path, body)

    async def _fetch(self, key: str) -> None:
        """Ask one keeper over and over (Rule 3)."""
        first, longest = self.node.outbox.retry_ms
        pause_ms, done, named = first, list[str](), set[str]()
        while (place := self.places.get(key)) is not None:
            wait_ms = 0
            try:
                done, found = [], await self._listed(place, done)
                if found is None or await self._taken_in(place, found, done):
                    pause_ms = first
                    continue
                ids = {one.id for one in found}
                wait_ms, named = 0 if ids <= named else first, ids
            except WeftError as error:
                self._fault(key, error.code)
            await asyncio.sleep((wait_ms or pause_ms) / 1000)
            pause_ms = pause_ms if wait_ms else min(longest, pause_ms * 2)

    async def _listed(self, place: mailbox.Place, done: list[str]) -> Sequence[mailbox.Letter] | None:
        """The letters that the keeper names; None: it waited for some, and there are none."""
        wait_ms = int(self.node.config.peers.poll_wait_s * 1000)
        body, asked_ms = msgspec.json.encode(mailbox.Asked(done, wait_ms)), self.node.clock.now_ms()
        listed = mailbox.read(await self._ask(place, mailbox.LIST_PATH, body), mailbox.Listed)
        self.heard_ms[place.key] = self.node.clock.now_ms()
        self._fault(place.key, "")
        waited = not listed.letters and self.heard_ms[place.key] - asked_ms >= wait_ms // 2
        return None if waited else listed.letters[:mailbox.LETTERS_MAX]

    def _fault(self, key: str, code: str) -> None:
        if code:
            self._opened.pop(key, None)  # it may be one that lost what it held: all are opened once more
        if self.faults.get(key, "") != code:
            self.faults[key] = code
            self._changed()

    # ---- letters --------------------------------------------------------------------------------

    async def _taken_in(self, place: mailbox.Place, letters: Sequence[mailbox.Letter], done: list[str]) -> bool:
        """Whether any brought something new; ``done`` gets those to let go of: taken in, or worth nothing."""
        before = self.news.get(place.key, 0)
        for letter in letters:
            with contextlib.suppress(WeftError):  # our store, or the keeper: later
                await self._take_in(place, letter)
                done.append(letter.id)
        return self.news.get(place.key, 0) > before

    async def _take_in(self, place: mailbox.Place, letter: mailbox.Letter) -> None:
        found = await self._box(place, letter.box)
        if found is None:
            return
        content = await self._taken(place, letter)
        if content is None:
            return
        try:
            carried = mailbox.unseal(found[0], place.key, found[1], content)
            report = await bundles.import_(self.node, _whole(carried), paid=True)
        except Busy:
            return  # Rule 5
        except Unavailable:
            raise
        except WeftError:
            return  # Rule 2
        self.letters[place.key] = self.letters.get(place.key, 0) + 1
        self.news[place.key] = self.news.get(place.key, 0) + report.new
        self.node.outbox.due.set()
        self._changed()

    async def _taken(self, place: mailbox.Place, letter: mailbox.Letter) -> bytes | None:
        """What stands in ``letter``; None when it is there no more. Whatever else is answered says nothing of it."""
        try:
            return await self._ask(place, mailbox.TAKE_PATH, msgspec.json.encode(mailbox.Ids([letter.id])))
        except NotFound as error:
            if error.code == "mailbox.no-letter":
                return None
            raise

    async def _box(self, place: mailbox.Place, name: str) -> tuple[str, int] | None:
        """(secret, fortnight) of the box ``name``; None: none of ours, or a decoy."""
        secrets, now = await self._secrets(), mailbox.fortnight(self.node.clock.now_ms())
        wanted: tuple[object, ...] = (now, *secrets)
        held = self._found.get(place.key)
        if held is None or held[0] != wanted:
            begin = max(0, now - mailbox.BEHIND)
            boxes = {mailbox.box(secret, place.key, when).public: (secret, when)
                     for secret in secrets for when in range(begin, now + mailbox.AHEAD + 1)}
            held = self._found[place.key] = (wanted, boxes)
        return held[1].get(name)

    def _changed(self) -> None:
        self.node.tell(Change("", "mailbox", ()))


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
