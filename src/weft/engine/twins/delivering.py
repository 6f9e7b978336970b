"""Changes of the twins delivered to those who do not ask: each in its own time, every one at least once.

Rule 1: a change counts as delivered when the receiver has confirmed it, and only then is that stored: a crash repeats
        some changes, under the same ids, and forgets none.
Rule 2: each subscription has its own worker, pause and place: who is slow, dead or hostile delays nobody else.
Rule 3: where changes are no longer known (they are too old, or the node was restored from a backup), the receiver is
        told so by an event, and the owner by the state; they are never left out in silence.
Rule 4: what is held for one is a page of events and a few numbers, however far behind it is.
Rule 5: what a partner is told is what it sees, judged anew for each page.
Not here: what a subscription is (``subscriptions.py``), how things are sent (``peers/webhook.py``, ``peers/mqtt.py``).
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final, cast
from urllib.parse import urlsplit

import msgspec

from weft.basis.errors import NotFound, Refused, WeftError
from weft.basis.instant import from_ms
from weft.engine.memory import Change
from weft.engine.twins import cloudevents
from weft.engine.twins.access import Access, program
from weft.engine.twins.changes import POLL_S
from weft.engine.twins.hearing import Hearing
from weft.engine.twins.moves import AT_ONCE, Moves
from weft.engine.twins.ports import Told
from weft.engine.twins.subscriptions import (
    OLDEST,
    SUBSCRIPTIONS_MAX,
    Credentials,
    Gone,
    Later,
    Message,
    Progress,
    Safe,
    Sender,
    Subscription,
    Target,
    checked,
)
from weft.twin.access import Subject
from weft.twin.elements import Json

PAGE: Final = 100
API: Final = "/api/v3"
SAVE_MS: Final = 1_000
STUCK_MS: Final = 30 * 60_000
STORE_S: Final = 5.0
NAME_SHOWN: Final = 60
FOREVER: Final = "twin.feed-gone", "twin.feed-lost", "twin.feed-ahead"
_LOG: Final = logging.getLogger("weft.twin-events")


@dataclass(slots=True)
class Worker:
    """One subscription at work. ``why``: what the last try came to, ``due_ms``: when the next one is.

    ``failing_ms``: since when nothing was taken, as far as this run of the node knows.
    """

    about: Subscription
    progress: Progress
    heard: int = 0  # up to which change of values it was told
    saved: bytes = b""
    saved_ms: int = 0
    failures: int = 0
    why: WeftError | None = None
    due_ms: int = 0
    failing_ms: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    again: asyncio.Event = field(default_factory=asyncio.Event)  # the owner wants a try now
    task: asyncio.Task[None] | None = None

    def trouble(self, now_ms: int) -> str:
        """What the owner should see to: gone, lost or stuck; "" where all is well, or goes by itself."""
        if self.progress.paused == "gone":
            return "gone"
        if self.progress.lost_ms:
            return "lost"
        return "stuck" if self.failing_ms and now_ms - self.failing_ms >= STUCK_MS else ""


@dataclass(slots=True)
class Deliveries:
    """All subscriptions of one node. ``here``: where the node answers, for a firm without an address of its own.

    ``there``: whether a store of twins is there already; it is not made for the sake of looking.
    """

    node: Any
    senders: Mapping[str, Sender]
    safe: Safe
    there: Callable[[], bool]
    here: str = ""
    known: dict[str, Worker] = field(default_factory=dict)
    moves: Moves = field(default_factory=Moves)
    running: bool = False

    # ---- working ------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Deliver until cancelled."""
        end = self.moves.follow(self.node.live, self._moved)
        try:
            await self.load()
            self.running = True
            for one in self.known.values():
                self._start(one)
            await asyncio.Event().wait()
        finally:
            end()
            self.running = False
            for one in self.known.values():
                if one.task is not None:
                    one.task.cancel()

    async def load(self) -> None:
        """Learn what the store holds; waits until it can be read."""
        while self.there():
            try:
                for name, about, state in await self.node.twins.store.listeners():
                    self._know(name, about, state)
            except WeftError as error:
                _LOG.warning("who is told of changes cannot be read: %s", error)
                await asyncio.sleep(STORE_S)
            else:
                return

    def _know(self, name: str, about: bytes, state: bytes) -> None:
        try:
            said, how = msgspec.json.decode(about, type=Subscription), msgspec.json.decode(state, type=Progress)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            _LOG.exception("one that is told of changes cannot be read")  # the others can
        else:
            self.known.setdefault(name, Worker(said, how, saved=state))

    def _moved(self) -> None:
        for one in self.known.values():
            if one.about.values:
                one.news.set()

    def _start(self, one: Worker) -> None:
        if self.running and not one.progress.paused and (one.task is None or one.task.done()):
            one.heard = self.moves.count
            one.task = asyncio.create_task(self._work(one))

    async def _halt(self, one: Worker) -> None:
        if one.task is not None:
            one.task.cancel()
            await asyncio.gather(one.task, return_exceptions=True)

    async def _work(self, one: Worker) -> None:
        while not one.progress.paused:
            one.news.clear()
            await asyncio.sleep(0)  # others have their turn, however much there is to tell
            try:
                more = await self.round(one)
            except Gone:
                await self._pause(one, "gone")
            except WeftError as error:
                await self._failed(one, error)
            except Exception:  # noqa: BLE001 - a fault of ours with one event must not silence the rest for good
                _LOG.exception("telling of changes failed")
                await self._failed(one, Refused("twin-event.fault"))
            else:
                self._well(one)
                if not more:
                    await self._news(one)

    async def round(self, one: Worker) -> bool:
        """Deliver what there is, at most a page; whether there may be more already. Raises ``WeftError``."""
        hearing, before = await self._hearing(one.about), one.progress.place
        try:
            told, place = await self._told(one, hearing)
        except Refused as error:
            if error.code not in FOREVER:
                raise
            await self._lost(one, hearing)
            return True
        wanted = [event for event in told if one.about.wants(event)]
        await self._deliver(one, [(event.number, self._message(one, hearing, event, 0)) for event in wanted])
        one.progress.place = place
        values = await self._values(one, hearing)
        if wanted or values or self.node.clock.now_ms() - one.saved_ms > SAVE_MS:
            await self.save(one)
        return place != before or values == AT_ONCE

    async def _told(self, one: Worker, hearing: Hearing) -> tuple[list[Told], int]:
        """A page of what is to be told, and the number up to which was looked."""
        first, _ = await self.node.twins.feed_ends()
        if one.progress.place == OLDEST:
            one.progress.place = max(0, first - 1)
        if one.progress.anew or (one.progress.place == 0 and first > 1):  # nobody knows what was there
            raise Refused(FOREVER[0])
        return await hearing.after(one.progress.place, PAGE)

    async def _values(self, one: Worker, hearing: Hearing) -> int:
        """Tell of machines' values that have changed since, and of how many; what cannot be told now is told later."""
        if not one.about.values:
            return 0
        places, upto = self.moves.after(one.heard)
        told = [event for event in await hearing.heard(await self.node.twin_changes.values(places))
                if one.about.wants(event)]
        await self._deliver(one, [(0, self._message(one, hearing, event, place)) for place, event in enumerate(told)])
        one.heard = upto
        return len(places)

    async def _deliver(self, one: Worker, events: Sequence[tuple[int, Message]]) -> None:
        """Send ``events`` (number, message) in order; each counts as soon as it is confirmed."""
        left = list(events)
        target = self._target(one.about) if left else None
        while left and target is not None:
            taken = await self.senders[one.about.kind].send(target, [message for _, message in left])
            now = self.node.clock.now_ms()
            one.progress.place = max(one.progress.place, left[taken - 1][0])
            one.progress.delivered += taken
            one.progress.delivered_ms = now
            del left[:taken]
            if now - one.saved_ms > SAVE_MS:
                await self.save(one)

    async def _lost(self, one: Worker, hearing: Hearing) -> None:
        """Rule 3: say that changes are missing, then go on with the oldest that is known."""
        first, _ = await self.node.twins.feed_ends()
        now = from_ms(self.node.clock.now_ms())
        name = hearing.name(one.progress.place)
        event = cloudevents.about_delivery(self.base, cloudevents.LOST, f"lost-{one.about.id}-{name}", now,
                                           {"subscription": one.about.name, "read": f"{self.base}/shells"})
        await self._deliver(one, [(0, _packed(one.about, event))])
        if not one.progress.anew or one.progress.place <= 0:
            one.progress.place = max(0, first - 1)
        one.progress.anew, one.progress.lost_ms = False, self.node.clock.now_ms()
        await self.save(one)

    # ---- how it went --------------------------------------------------------------------------------

    def _well(self, one: Worker) -> None:
        if one.failures:
            self._changed(one)
        one.failures, one.why, one.due_ms, one.failing_ms = 0, None, 0, 0

    async def _failed(self, one: Worker, error: WeftError) -> None:
        """Wait before the next try: twice as long each time, and never as long as others that failed together."""
        await self.save(one)
        one.failures += 1
        one.failing_ms = one.failing_ms or self.node.clock.now_ms()
        one.why = error
        wait_ms = self._pause_ms(one.failures)
        if isinstance(error, Later):
            wait_ms = max(wait_ms, error.wait_ms)
        one.due_ms = self.node.clock.now_ms() + wait_ms
        self._changed(one)
        one.again.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1000):
                await one.again.wait()

    def _pause_ms(self, failures: int) -> int:
        """Between the half and the whole of a pause that doubles up to the longest one of the settings."""
        settings = self.node.config.peers
        longest = int(min(settings.retry_s_max, settings.retry_s_min * 2.0 ** min(failures - 1, 20)) * 1000)
        return longest // 2 + int.from_bytes(self.node.random(4), "big") % (longest // 2 + 1)

    async def _news(self, one: Worker) -> None:
        """Wait for something to tell; values of machines are gathered for a moment."""
        waiting = [asyncio.ensure_future(self.node.twins.store.news(one.progress.place)),
                   asyncio.ensure_future(one.news.wait())]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        if one.news.is_set():
            await asyncio.sleep(POLL_S)

    async def save(self, one: Worker) -> None:
        """Store how far it has come; where the store cannot, the next time will do: until then things are repeated."""
        state = msgspec.json.encode(one.progress)
        one.saved_ms = self.node.clock.now_ms()
        if state != one.saved:
            with contextlib.suppress(WeftError):
                await self.node.twins.store.keep_listened(one.about.id, state)
                one.saved = state
            self._changed(one)

    def _changed(self, one: Worker) -> None:
        self.node.tell(Change("", "twin-events", (one.about.id,)))

    async def end(self) -> None:
        """Once nothing runs any more: store how far everybody has come, and let all connections go."""
        await asyncio.gather(*(one.task for one in self.known.values() if one.task), return_exceptions=True)
        for one in self.known.values():
            await self.save(one)
        for sender in self.senders.values():
            await sender.close()

    # ---- what the owner says ------------------------------------------------------------------------

    async def add(self, about: Subscription, credentials: Credentials, *, oldest: bool = False) -> Worker:
        """Tell one more of changes from now on, or (``oldest``) of all that are known; raises ``WeftError``."""
        checked(about, credentials)
        if len(self.known) >= SUBSCRIPTIONS_MAX:
            raise Refused("twin-event.too-many", limit=SUBSCRIPTIONS_MAX)
        if any(one.about.name == about.name for one in self.known.values()):
            raise Refused("twin-event.exists", name=about.name)
        store = self.node.twins.store
        one = Worker(about, Progress(place=OLDEST if oldest else (await store.feed_ends())[1]))
        one.saved = msgspec.json.encode(one.progress)
        self.safe.write(about.id, msgspec.json.encode(credentials))
        try:
            await store.keep_listener(about.id, msgspec.json.encode(about), one.saved)
        except WeftError:
            self.safe.remove(about.id)
            raise
        self.known[about.id] = one
        self._start(one)
        self._changed(one)
        return one

    def named(self, name: str) -> Worker:
        """The one with this id or name; raises ``NotFound('twin-event.unknown')``."""
        found = self.known.get(name) or next((one for one in self.known.values() if one.about.name == name), None)
        if found is None:
            raise NotFound("twin-event.unknown", name=name[:NAME_SHOWN])
        return found

    async def pause(self, one: Worker) -> None:
        """Tell it nothing until the owner says so."""
        await self._halt(one)
        await self._pause(one, "owner")

    async def _pause(self, one: Worker, why: str) -> None:
        one.progress.paused, one.why, one.due_ms, one.failing_ms = why, None, 0, 0
        await self.save(one)
        await self.senders[one.about.kind].forget(one.about.id)

    async def resume(self, one: Worker, *, now: bool = False) -> None:
        """Go on where it stopped, and at once; ``now``: leave out what has happened up to now."""
        await self._halt(one)
        if now:
            one.progress.place = (await self.node.twins.feed_ends())[1]
            one.progress.lost_ms = 0
        one.progress.paused, one.failures, one.why, one.due_ms, one.failing_ms = "", 0, None, 0, 0
        await self.save(one)
        self._start(one)

    async def remove(self, one: Worker) -> None:
        """Tell it nothing any more, and forget it with its credentials."""
        await self._halt(one)
        await self.node.twins.store.drop_listener(one.about.id)
        self.known.pop(one.about.id, None)
        self.safe.remove(one.about.id)
        await self.senders[one.about.kind].forget(one.about.id)
        self._changed(one)

    async def test(self, one: Worker) -> None:
        """Send an event that says nothing; raises what is in the way. Where it arrives, the rest is tried at once."""
        now, name = from_ms(self.node.clock.now_ms()), f"test-{one.about.id}-{self.node.random(8).hex()}"
        event = cloudevents.about_delivery(self.base, cloudevents.TEST, name, now, {"subscription": one.about.name})
        await self.senders[one.about.kind].send(self._target(one.about), [_packed(one.about, event)])
        one.again.set()

    # ---- what is sent -------------------------------------------------------------------------------

    @property
    def base(self) -> str:
        """The address of our API, as others reach it."""
        return (self.node.config.firm.url or self.here).rstrip("/") + API

    def _target(self, about: Subscription) -> Target:
        held = self.safe.read(about.id)
        if held is None:
            raise Refused("twin-event.no-credentials")
        organisation = self.node.organisation
        return Target(about, msgspec.json.decode(held, type=Credentials), urlsplit(self.base).hostname or "",
                      about.topic(organisation), f"weft-{organisation[:12]}-{about.id}")

    async def _hearing(self, about: Subscription) -> Hearing:
        """What happens to the twins, as far as it is shown to the one who is told."""
        if about.sees == "firm":
            return Hearing(self.node.twin_changes)
        subject = program(about.name, about.partner) if about.partner else Subject()
        access = Access(cast("Any", self.node))
        return Hearing(self.node.twin_changes, lambda: access.sight(subject), await access.secret(), about.id)

    def _message(self, one: Worker, hearing: Hearing, told: Told, place: int) -> Message:
        return _packed(one.about, cloudevents.event(self.base, hearing, told, place))


def _packed(about: Subscription, event: Json) -> Message:
    """``event`` to be sent; what names it is the same whenever it is made again, and says nothing of others."""
    named = "\n".join((about.id, event["source"], event["type"], event["id"])).encode()
    return Message(f"evt_{blake2b(named, digest_size=16).hexdigest()}", msgspec.json.encode(event))
