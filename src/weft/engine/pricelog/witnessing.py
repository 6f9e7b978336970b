"""All that a node does about price logs besides writing its own: has it cosigned, follows others', tells of them.

Rule 1: each worker goes on by itself after a fault; nothing that was promised lies in memory alone.
Rule 2: a partner is followed and told things once in ``peers.compare_every_s``, after it was heard; besides, of all
        partners ``CONTACTS_A_DAY`` drawn by lot: so what two firms were told differently meets, with or without trade.
        With whom following fails is tried again after a minute, ever less often, and at once when it is heard again.
Not here: the parts (``witnesses.py``, ``monitor.py``, ``gossip.py``, ``back.py``), HTTP (``peers/witness.py``).
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

import msgspec

from weft.basis import canonical
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine.memory import Change
from weft.engine.ports import Batch, PriceLogs
from weft.engine.pricelog import gossip, known, log, monitor, witness
from weft.engine.pricelog.back import Back
from weft.engine.pricelog.gossip import Gossip, Gossiped, Show
from weft.engine.pricelog.turns import Turns
from weft.engine.pricelog.witnesses import Asking
from weft.tlog.checkpoint import Checkpoint
from weft.trade import relationship

if TYPE_CHECKING:
    from weft.engine.node import Node

CONTACTS_A_DAY: Final = 3
DRAWN: Final = "price-contacts"  # bucket: whom the lot fell on today
DAY_MS: Final = 86_400_000
CHECK_S: Final = 5.0
PAUSE_S: Final = 2.0
SUSPECTS_MAX: Final = 64
GIVE_STEPS_MAX: Final = 64
RESTORED: Final = "partner-restored"  # what we hear when a partner says that it goes on from a backup
_LOG: Final = logging.getLogger("weft.pricelog")


class Drawn(msgspec.Struct, frozen=True):
    """The contacts of one day (days since 1970)."""

    day: int = 0
    contacts: list[str] = []


class Witnessing:
    """``asking`` has our log cosigned, ``back`` fetches it back after a restore; the rest is about others' logs."""

    def __init__(self, node: "Node", logs: PriceLogs) -> None:
        self._node, self._logs = node, logs
        retry = node.config.peers
        self.asking = Asking(node, node.peers, logs, (int(retry.retry_s_min * 1000), int(retry.retry_s_max * 1000)))
        self.back = Back(node, node.peers)
        self.every_ms = int(retry.compare_every_s * 1000)
        self.check_s = min(CHECK_S, retry.compare_every_s)
        self.told_ms: dict[str, int] = {}  # when we told each partner last what we know
        self.following = Turns(self.every_ms, node.random)
        self.suspects: dict[str, bytes] = {}  # checkpoints that did not go on from what we had seen
        self._wake = asyncio.Event()

    @property
    def logs(self) -> PriceLogs:
        """Where others' logs are read."""
        return self._logs

    async def load(self) -> None:
        """Learn what the store holds."""
        await self.asking.load()

    def wake(self) -> None:
        """Our log has grown: ask for cosignatures now."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        await asyncio.gather(*(self._lasting(work) for work in (self._ask, self._listen, self._follow, self._tell)))

    async def _lasting(self, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except WeftError as error:  # the store is full or gone for now
                _LOG.warning("price logs wait: %s", error)
            except Exception:  # noqa: BLE001 - a fault of ours in one part must not stop the others
                _LOG.exception("a part of the price logs failed")
            await asyncio.sleep(PAUSE_S)

    async def end(self) -> None:
        """Let all connections go."""
        await self._logs.close()

    # ---- what others ask -------------------------------------------------------------------------

    async def answer(self, asker: str, path: str, body: bytes) -> bytes:
        """The answer to a partner at one of the addresses of ``gossip.ANSWERS``; raises ``WeftError``."""
        if path == gossip.GIVE_PATH:
            return await self.back.given(asker, body)
        try:
            answer: bytes = await gossip.ANSWERS[path](self._node, asker, body)
        except Invalid as error:
            if path == gossip.SHOW_PATH and error.code == "tlog.consistency":
                self.suspect(asker, gossip.read(body, Show).note.encode())
            raise
        return answer

    async def add_checkpoint(self, caller: str, body: bytes) -> bytes:
        """Cosignature lines for ``caller``'s own log; raises what ``witness.status`` tells apart."""
        try:
            return await witness.add_checkpoint(self._node, caller, body)
        except WeftError as error:
            if error.code in {"tlog.witness-fork", "tlog.consistency"}:
                self.suspect(caller, body.partition(b"\n\n")[2])
            raise

    def suspect(self, organisation: str, data: bytes) -> None:
        """Look, by and by, whether the checkpoint in ``data`` proves a fork."""
        if len(self.suspects) < SUSPECTS_MAX or organisation in self.suspects:
            self.suspects[organisation] = data

    async def met(self, organisation: str, data: bytes) -> Checkpoint:
        """Compare a checkpoint that came with a document, and follow the log so far; raises as ``known.read``."""
        said = await monitor.met(self._node, organisation, data)
        if said.size > (await known.followed(self._node.store, organisation)).size:
            self.following.now(organisation)
        return said

    # ---- our own log -----------------------------------------------------------------------------

    async def _ask(self) -> None:
        """Have our newest checkpoint cosigned; after a restore, fetch it back first."""
        pause_s = 0.2
        while not await self.back.round():
            await asyncio.sleep(pause_s)
            pause_s = min(self.check_s, pause_s * 2)
        while await log.waits(self._node.store) is False:
            self._wake.clear()
            left_s = await self.asking.round()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._wake.wait()

    async def _listen(self) -> None:
        """Hear that our log has grown, or that somebody new may see it."""
        async for change in self._node.changes():
            if change.machine in {log.APPENDED, relationship.NAME, "peer"}:  # grown; a new partner; one that is back
                self._wake.set()
            elif change.machine == RESTORED:
                for partner in change.kinds:
                    self.following.now(partner)
        await asyncio.Event().wait()  # the node stops

    # ---- others' logs ----------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            await self.follow_due()
            await asyncio.sleep(self.check_s)

    async def follow_due(self) -> None:
        """Follow each partner's log whose time has come, and look at those that are suspect."""
        node, now = self._node, self._node.clock.now_ms()
        while self.suspects:
            organisation, data = self.suspects.popitem()
            with contextlib.suppress(WeftError):
                await monitor.suspect(node, self._logs, organisation, data)
        for partner in sorted(node.partners):
            heard_ms = node.outbox.seen_ms.get(partner, 0)
            if not self.following.is_due(partner, now, heard_ms) or not node.peers.reachable(partner):
                continue
            await self._followed(partner, now, heard_ms)
            if not node.config.firm.url:  # it cannot ask us, should it have lost its log
                with contextlib.suppress(WeftError):
                    await self.give(partner)

    async def _followed(self, partner: str, now_ms: int, heard_ms: int) -> None:
        """Follow the log of ``partner``, or note when to try again."""
        try:
            await monitor.follow(self._node, self._logs, partner)
        except NotFound:  # it has none
            self.following.done(partner, now_ms)
        except WeftError:
            self.following.failed(partner, now_ms, heard_ms)
        else:
            self.following.done(partner, now_ms)

    def _is_due(self, last_ms: dict[str, int], partner: str, now: int) -> bool:
        """Whether it is time; a clock that went back puts nothing off."""
        last = last_ms.get(partner)
        return last is None or not 0 <= now - last < self.every_ms

    async def _tell(self) -> None:
        while True:
            await self.tell_due()
            await asyncio.sleep(self.check_s)

    async def tell_due(self) -> None:
        """Gossip with partners that were heard since the last time, and with today's contacts."""
        node, now = self._node, self._node.clock.now_ms()
        heard = [one for one, at in node.outbox.seen_ms.items()
                 if at > self.told_ms.get(one, 0) and self._is_due(self.told_ms, one, now)]
        for partner in dict.fromkeys([*heard, *await self.contacts()]):
            if witness.is_partner(node, partner) and node.peers.reachable(partner):
                self.told_ms[partner] = now
                with contextlib.suppress(WeftError):
                    await self.gossip(partner)

    async def give(self, partner: str) -> None:
        """Bring ``partner`` what we hold of its own log, in case it has restored a backup; raises ``WeftError``."""
        node = self._node
        told = await gossip.holding(node, partner, canonical.INTEGER_MAX)  # only the checkpoint
        for _ in range(GIVE_STEPS_MAX):
            answer = await node.peers.request(partner, gossip.GIVE_PATH, msgspec.json.encode(told))
            given = gossip.read(answer, gossip.Given)
            told = await gossip.holding(node, partner, given.size)
            if not given.more or not told.entries:
                break

    async def contacts(self) -> list[str]:
        """Contacts of this day, drawn among all partners at its beginning; asked again that day, there are no more."""
        node, day = self._node, self._node.clock.now_ms() // DAY_MS
        data = await node.store.value(DRAWN, "")
        drawn = Drawn() if data is None else msgspec.msgpack.decode(data, type=Drawn)
        reachable = [one for one in sorted(node.partners) if witness.is_partner(node, one)
                     and node.peers.reachable(one)]
        left = CONTACTS_A_DAY - (len(drawn.contacts) if drawn.day == day else 0)
        known = set(drawn.contacts) if drawn.day == day else set()
        fresh = sorted((one for one in reachable if one not in known), key=lambda _: node.random(8))[:max(0, left)]
        if fresh:
            kept = msgspec.msgpack.encode(Drawn(day, [*known, *fresh]))
            await node.store.commit(Batch(values=[(DRAWN, "", kept)]))
        return fresh

    async def gossip(self, partner: str) -> list[str]:
        """Ask ``partner`` what it knows, tell it the same of what both know; raises ``WeftError``."""
        node = self._node
        try:
            answer = await node.peers.request(
                partner, gossip.GOSSIP_PATH, msgspec.json.encode(await gossip.question(node)))
        except NotFound:
            return []  # an older program
        both = await gossip.take(node, partner, gossip.read(answer, Gossiped).heard)
        told = await gossip.heard_of(node, [one for one in both if one not in {partner, node.organisation}])
        if told:
            await node.peers.request(partner, gossip.GOSSIP_PATH, msgspec.json.encode(Gossip(told=told)))
        node.tell(Change("", monitor.FOLLOWED, (partner,)))
        return both
