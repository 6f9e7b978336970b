"""Leaving mail for partners that cannot be reached, at keepers that they named, until they have confirmed it.

For each partner with something to be delivered: 1. it is out of reach (one that we have heard of late is not); 2. what
it has confirmed needs no letter any more; 3. keepers are asked whether they still hold what was left there; 4. what no
letter on its way holds goes into one, at the first keeper that takes it.
Rule 1: nothing is struck because a letter was left: only the partner's own word does that, as on every other way.
Rule 2: a letter that its keeper lost, or whose keeper is gone, is written again, to the next keeper of the list.
Rule 3: a letter that a keeper holds is not written twice, however long nobody fetches it.
Rule 4: the direct way is tried all the while (``engine/outbox.py``), and is the only one as soon as it works.
Not here: fetching (``fetch.py``), what is said to a keeper (``mailbox.py``), bundles (``engine/bundles.py``).
"""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from weft.basis.canonical import unb64
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.config import is_address
from weft.engine import bundles
from weft.engine.mail import mailbox
from weft.engine.memory import Change
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.identity.keys import Signer, sound
from weft.thread import bundle
from weft.trade.messages import Keeper, MailboxesNamed

ROUTES: Final = "mail-route"  # bucket: by firm, where it wants its mail
SENT: Final = "mail-sent"  # bucket: letters on their way, by id
CHOICES: Final = "mail-choice"  # bucket: by firm, whether our owner agrees to leave mail for it
RAW_MAX: Final = 700_000  # bytes of events in one letter, before they are packed
EVENTS_MAX: Final = 2_000
THREADS_MAX: Final = 200
AT_A_TIME: Final = 50  # letters to one partner before others are looked at again
CHECK_S: Final = 5.0


class Route(msgspec.Struct, frozen=True):
    """Where a firm wants its mail, the best first; ``number``: of the word that says so."""

    number: int
    secret: str
    keepers: list[Keeper]


class Sent(msgspec.Struct, frozen=True):
    """A letter on its way: to whom, at which keeper and in which box, and the heads that it takes each thread to."""

    peer: str
    keeper: Keeper
    secret: str
    when: int
    threads: dict[str, list[str]]
    at_ms: int
    checked_ms: int
    missing: int = 0  # times in a row that the keeper said that it is not there (any more)


@dataclass(slots=True)
class Post:
    """The worker that leaves mail. ``down``: by (partner, keeper) how often it failed, when it is tried again, why.

    ``gather_s``: what is said within it goes into one letter.
    """

    node: Node
    line: mailbox.Line
    routes: dict[str, Route] = field(default_factory=dict)
    sent: dict[str, Sent] = field(default_factory=dict)
    choices: dict[str, bool] = field(default_factory=dict)
    down: dict[tuple[str, str], tuple[int, int, str]] = field(default_factory=dict)
    gather_s: float = 0.25
    began_ms: int = 0
    _busy: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def load(self) -> None:
        """Learn what the store holds."""
        store = self.node.store
        self.routes = {peer: msgspec.json.decode(kept, type=Route) for peer, kept in await store.values(ROUTES)}
        self.sent = {name: msgspec.json.decode(kept, type=Sent) for name, kept in await store.values(SENT)}
        self.choices = {peer: kept == b"yes" for peer, kept in await store.values(CHOICES)}

    async def run(self) -> None:
        """Leave mail until cancelled."""
        self.began_ms = self.node.clock.now_ms()
        due = self.node.outbox.due
        try:
            while True:
                due.clear()
                with contextlib.suppress(WeftError):
                    await self._start_workers()
                pause = min(CHECK_S, self.node.config.peers.mail_check_s, self.node.config.peers.mail_after_s)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(due.wait(), pause)
                await asyncio.sleep(min(self.gather_s, pause))
        finally:
            for task in self._busy.values():
                task.cancel()
            await asyncio.gather(*self._busy.values(), return_exceptions=True)

    async def _start_workers(self) -> None:
        if not self.routes and not self.sent:
            return
        store = self.node.store
        peers = {row.peer for row in await store.outbox()} | {peer for peer, _ in await store.values(bundles.OWED)}
        for peer in sorted(peers | {one.peer for one in self.sent.values()}):
            if peer not in self._busy:
                task = asyncio.create_task(self._guarded(peer))
                self._busy[peer] = task
                task.add_done_callback(partial(self._free, peer))

    def _free(self, peer: str, _task: "asyncio.Task[None]") -> None:
        self._busy.pop(peer, None)

    async def _guarded(self, peer: str) -> None:
        with contextlib.suppress(WeftError):  # the store is full, or no key of the partner is known: later, perhaps
            await self.deliver(peer)

    # ---- whom, and by whom ----------------------------------------------------------------------

    def agreed(self, peer: str) -> bool:
        """Whether our owner lets us leave mail for ``peer``."""
        return self.choices.get(peer, self.node.config.peers.mailboxes == "auto")

    def direct(self, peer: str) -> bool:
        """Whether ``peer`` is within reach: heard of late, or we have only just begun to try."""
        after_ms = int(self.node.config.peers.mail_after_s * 1000)
        if self.node.outbox.polling[peer]:
            return True
        known = self.node.outbox.seen_ms.get(peer, 0)
        if self.node.config.firm.url or self.node.peers.reachable(peer):
            known = max(known, self.began_ms)
        return 0 <= self.node.clock.now_ms() - known < after_ms  # below: the clock was set back

    async def learn(self, peer: str, said: MailboxesNamed) -> None:
        """``peer`` has told where it wants its mail; an older word changes nothing."""
        held = self.routes.get(peer)
        if held is not None and held.number >= said.number:
            return
        await self.go_by(peer, Route(said.number, said.secret, list(said.keepers)))

    async def go_by(self, peer: str, route: Route) -> None:
        """Leave mail for ``peer`` by ``route`` from now on."""
        usable = [one for one in route.keepers if sound(one.key) and is_address(one.url)]
        try:
            unb64(route.secret, 32)
        except Invalid:
            usable = []
        route = Route(route.number, route.secret, usable)
        await self.node.store.commit(Batch(values=[(ROUTES, peer, msgspec.json.encode(route))]))
        self.routes[peer] = route
        self.node.outbox.due.set()
        self._changed()

    async def unlearn(self, peer: str, said: MailboxesNamed | None) -> None:
        """What ``peer`` had told last was not its word: ``said`` is, or nothing."""
        if said is not None:
            await self.go_by(peer, Route(said.number, said.secret, list(said.keepers)))
        elif peer in self.routes:
            await self.node.store.commit(Batch(values=[(ROUTES, peer, None)]))
            self.routes.pop(peer, None)
            self._changed()

    async def choose(self, peer: str, *, agree: bool) -> None:
        """Our owner's word on leaving mail for ``peer``."""
        await self.node.store.commit(Batch(values=[(CHOICES, peer, b"yes" if agree else b"no")]))
        self.choices[peer] = agree
        self.node.outbox.due.set()
        self._changed()

    # ---- one partner ----------------------------------------------------------------------------

    async def deliver(self, peer: str) -> None:
        """Leave all that ``peer`` lacks; raises ``WeftError`` when that cannot even be tried."""
        for _ in range(AT_A_TIME):
            await self._strike(peer)
            route = self.routes.get(peer)
            if route is None or not self.agreed(peer) or self.direct(peer):
                return
            await self._check(peer)
            via = self._via(peer, route)
            if via is None:
                return
            await self._give_up([name for name, one in self._on_way(peer) if self._is_lost(one, route, via)])
            parts = await self._parts(peer)
            if not parts:
                return
            await self._leave(peer, route, via, parts)

    def _on_way(self, peer: str) -> list[tuple[str, Sent]]:
        return [(name, one) for name, one in self.sent.items() if one.peer == peer]

    def _is_down(self, peer: str, keeper: str) -> bool:
        wait_ms = self.down.get((peer, keeper), (0, 0, ""))[1] - self.node.clock.now_ms()
        return 0 < wait_ms <= self.node.outbox.retry_ms[1]  # further off: the clock was set back

    def _is_lost(self, one: Sent, route: Route, via: Keeper) -> bool:
        """Whether a letter has to go to ``via`` instead: its keeper does not answer, or the partner gave it up."""
        if one.keeper.key == via.key:
            return False
        return self._is_down(one.peer, one.keeper.key) or all(one.keeper.key != kept.key for kept in route.keepers)

    def _via(self, peer: str, route: Route) -> Keeper | None:
        """The first keeper of the list that may take a letter now."""
        return next((one for one in route.keepers if not self._is_down(peer, one.key)), None)

    async def _strike(self, peer: str) -> None:
        """Letters of which ``peer`` has confirmed everything are on their way no longer."""
        waiting = {row.thread for row in await self.node.store.outbox() if row.peer == peer}
        await self._give_up([name for name, one in self._on_way(peer) if waiting.isdisjoint(one.threads)])

    async def _give_up(self, names: Sequence[str]) -> None:
        """Forget these letters: what they hold and their partner lacks goes into others."""
        if names:
            await self.node.store.commit(Batch(values=[(SENT, name, None) for name in names]))
            for name in names:
                self.sent.pop(name, None)
            self._changed()

    async def _check(self, peer: str) -> None:
        """Ask keepers, now and then, whether they still hold what was left there."""
        now, every = self.node.clock.now_ms(), int(self.node.config.peers.mail_check_s * 1000)
        groups: dict[tuple[str, str, int], dict[str, Sent]] = {}
        for name, one in self._on_way(peer):
            if abs(now - one.checked_ms) >= every and not self._is_down(peer, one.keeper.key):
                groups.setdefault((one.keeper.key, one.secret, one.when), {})[name] = one
        for (key, secret, when), letters in groups.items():
            keeper = next(iter(letters.values())).keeper
            try:
                held = await self._held(keeper, mailbox.box(secret, key, when), list(letters))
            except NotFound:  # the box is open no more: whoever had it open took out what was there
                held = set()
            except WeftError as error:
                self._failed(peer, key, error)
                continue
            self.down.pop((peer, key), None)
            await self._told(letters, held)

    async def _held(self, keeper: Keeper, box: Signer, names: Sequence[str]) -> set[str]:
        held = set[str]()
        for first in range(0, len(names), mailbox.IDS_MAX):
            body = msgspec.json.encode(mailbox.Ids(list(names[first:first + mailbox.IDS_MAX])))
            answer = await self.line.ask((keeper.key, keeper.url), box, mailbox.HELD_PATH, body)
            held.update(mailbox.read(answer, mailbox.Ids).ids)
        return held

    async def _told(self, letters: dict[str, Sent], held: set[str]) -> None:
        """A letter that is there no more was fetched, and its confirmation comes; or it is lost, and none does."""
        now = self.node.clock.now_ms()
        for name, one in letters.items():
            missing = 0 if name in held else one.missing + 1
            after = msgspec.structs.replace(one, checked_ms=now, missing=missing)
            if name in self.sent:
                self.sent[name] = after
        await self._give_up([name for name in letters if name in self.sent and self.sent[name].missing > 2])

    # ---- one letter -----------------------------------------------------------------------------

    async def _parts(self, peer: str) -> list[bundles.Part]:
        """What no letter on its way holds, relationships first, as much as fits into one."""
        owed = set(await bundles.owed(self.node, peer))
        named = {row.thread for row in await self.node.store.outbox() if row.peer == peer} | owed
        parts: list[bundles.Part] = []
        left = RAW_MAX
        for thread in sorted(named, key=lambda one: (one not in self.node.partners.values(), one)):
            loaded = await self.node.find(thread)
            if loaded is None or not bundles.both(self.node, peer, loaded):
                continue
            sent = [head for _, one in self._on_way(peer) for head in one.threads.get(thread, ())]
            ids, assumed = await bundles.lacking(self.node, peer, loaded, sent)
            fit = await self._fitting(thread, ids, left, first=not parts)
            if fit or (thread in owed and not ids):
                parts.append(await bundles.part_of(self.node, loaded, fit, assumed))
            left -= await self._size(thread, fit)
            if len(fit) < len(ids) or len(parts) == THREADS_MAX:
                break
        return parts

    async def _fitting(self, thread: str, ids: Sequence[str], left: int, *, first: bool) -> list[str]:
        fit: list[str] = []
        for name in ids[:EVENTS_MAX]:
            left -= await self._size(thread, [name])
            if left < 0 and (fit or not first):  # one event alone always fits
                break
            fit.append(name)
        return fit

    async def _size(self, thread: str, ids: Iterable[str]) -> int:
        found = [await self.node.event(thread, name) for name in ids]
        return sum(bundle.record_bytes(event) for event in found if event is not None)

    async def _leave(self, peer: str, route: Route, via: Keeper, parts: Sequence[bundles.Part]) -> None:
        """Write the letter and leave it at ``via``."""
        content = await bundles.letter(self.node, peer, parts)
        now = self.node.clock.now_ms()
        when = mailbox.fortnight(now)
        box = mailbox.box(route.secret, via.key, when)
        letter = mailbox.seal(route.secret, via.key, when, content, self.line.random(mailbox.NONCE_BYTES))
        name = mailbox.letter_id(box.public, letter)
        threads = {part.loaded.thread: _reached(part) for part in parts}
        sent = Sent(peer, via, route.secret, when, threads, now, now)
        await self.node.store.commit(Batch(values=[(SENT, name, msgspec.json.encode(sent))]))
        self.sent[name] = sent  # noted first: where the disk is full it would be left there again and again
        try:
            await self.line.ask((via.key, via.url), box, mailbox.PUT_PATH, letter)
        except WeftError as error:
            self._failed(peer, via.key, error)
            await self._give_up([name])
            return
        self.down.pop((peer, via.key), None)
        await bundles.owe(self.node, peer, [], set(threads))
        self._changed()

    def _failed(self, peer: str, keeper: str, error: WeftError) -> None:
        first, longest = self.node.outbox.retry_ms
        count = self.down.get((peer, keeper), (0, 0, ""))[0] + 1
        wait_ms = min(longest, first * 2 ** min(count - 1, 12))
        self.down[peer, keeper] = (count, self.node.clock.now_ms() + wait_ms, error.code)
        if count == 1:
            self._changed()

    def _changed(self) -> None:
        self.node.tell(Change("", "mailbox", ()))


def _reached(part: bundles.Part) -> list[str]:
    """The heads that who has read ``part`` holds."""
    taken = set(part.ids)
    if set(part.loaded.heads) <= taken:
        return list(part.loaded.heads)
    inner = {parent for name in part.ids for parent in part.loaded.entries[name].parents}
    return [*(name for name in part.ids if name not in inner), *part.assumed]
