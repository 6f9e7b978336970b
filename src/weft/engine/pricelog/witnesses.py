"""Our own price log before its witnesses: after each new checkpoint we show it to partners and ask them to cosign.

C2SP tlog-witness (the log's side).
Rule 1: at most ``ASK_MAX`` partners are asked, always the same ones as long as they answer; who does not is asked again
        later, ever less often, and others in its place.
Rule 2: what a witness answers counts only when the cosignature holds by the key that its own statement names.
Rule 3: a witness that can show more of our log than we hold means that we have lost what we signed: from then on
        nothing new is signed, until that is back (``back.py``).
Not here: our log (``log.py``), what others ask of us (``witness.py``), HTTP (``peers/witness.py``).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec

from weft.basis.canonical import INTEGER_MAX, b64, digest
from weft.basis.errors import Invalid, NotFound, Refused, Unavailable, WeftError
from weft.engine.budgets import Busy
from weft.engine.memory import PRICE_PEERS, Memory
from weft.engine.ports import Batch, Peers, PriceLogs
from weft.engine.pricelog import gossip, known, log, monitor, witness
from weft.engine.pricelog.gossip import Show, Shown
from weft.tlog import tile
from weft.tlog import witness as protocol
from weft.tlog.note import Note, VerifierKey
from weft.tlog.tile import ENTRIES, WIDTH, Tile

ASKED: Final = "price-asked"  # bucket: by partner, an ``Asked``
ASK_MAX: Final = 16
AT_ONCE: Final = 4
STEPS_MAX: Final = 64
NO_WITNESS_MS: Final = 6 * 3_600_000  # before who is no witness is asked again


class Asked(msgspec.Struct, frozen=True):
    """A partner as our witness: what it cosigned last (``size``), when, by which key, at which door.

    ``followed``: how many of our leaves it holds; ``code``: why the last try failed, or ""; ``since_ms``: when it
    cosigned for the first time, 0 for who did before that was kept.
    """

    size: int = 0
    at_ms: int = 0
    vkey: str = ""
    door: str = ""
    followed: int = 0
    code: str = ""
    since_ms: int = 0


@dataclass(slots=True)
class Asking:
    """The log's side. ``retry_ms``: the first and the longest pause after a failure."""

    memory: Memory
    peers: Peers
    logs: PriceLogs
    retry_ms: tuple[int, int] = (1_000, 300_000)
    asked: dict[str, Asked] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    due_ms: dict[str, int] = field(default_factory=dict)
    _at_once: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def load(self) -> None:
        """Learn what the store holds."""
        for partner, data in await self.memory.store.values(ASKED):
            self.asked[partner] = msgspec.msgpack.decode(data, type=Asked)

    def chosen(self) -> list[str]:
        """Whom we ask: partners that we reach; those that cosigned before first, then by an order of our own."""
        ours = self.memory.identity.signer.public.encode()
        reachable = [one for one in self.memory.partners
                     if witness.is_partner(self.memory, one) and self.peers.reachable(one)]
        return sorted(reachable, key=lambda one: (
            self.failures.get(one, 0) > 0, self.asked.get(one, Asked()).size == 0,
            digest("price-witness-order/1", ours, one.encode())))[:ASK_MAX]

    async def round(self) -> float:
        """Ask whoever has not cosigned our newest checkpoint; seconds until the next one is due."""
        now = await log.head(self.memory.store)
        if now is None or await log.waits(self.memory.store):
            return self.retry_ms[1] / 1000
        wanting = [one for one in self.chosen() if self.asked.get(one, Asked()).size != now.size
                   or not self.asked[one].at_ms]
        ready = [one for one in wanting if not self._still(one)]
        await asyncio.gather(*(self._tried(one, now) for one in ready))
        left = [self._still(one) for one in wanting]
        return min([self.retry_ms[1], *(one for one in left if one)]) / 1000

    def _still(self, partner: str) -> int:
        """How long ``partner`` is to be left alone; a clock that went back keeps nobody waiting for long."""
        left = self.due_ms.get(partner, 0) - self.memory.clock.now_ms()
        return left if 0 < left <= max(self.retry_ms[1], NO_WITNESS_MS) else 0

    async def _tried(self, partner: str, now: log.Head) -> None:
        async with self._at_once:
            try:
                await self.ask(partner, now)
            except WeftError as error:
                await self._failed(partner, error)
            else:
                self.failures.pop(partner, None)
                self.due_ms.pop(partner, None)

    async def _failed(self, partner: str, error: WeftError) -> None:
        count = self.failures[partner] = self.failures.get(partner, 0) + 1
        first, longest = self.retry_ms
        wait_ms = NO_WITNESS_MS if isinstance(error, NotFound) else min(longest, first * 2 ** min(count - 1, 12))
        if isinstance(error, Busy):
            wait_ms = max(error.wait_ms, first)
        self.due_ms[partner] = self.memory.clock.now_ms() + wait_ms
        held = self.asked.get(partner, Asked())
        if held.code != error.code:
            await self._keep(partner, msgspec.structs.replace(held, code=error.code))

    async def _keep(self, partner: str, state: Asked) -> None:
        self.asked[partner] = state
        await self.memory.store.commit(Batch(values=[(ASKED, partner, msgspec.msgpack.encode(state))]))

    # ---- one partner ----------------------------------------------------------------------------

    async def ask(self, partner: str, now: log.Head) -> None:
        """Show ``partner`` the checkpoint ``now`` with what leads to it, and have it cosigned; raises ``WeftError``."""
        told = await self._show(partner, now)
        key = await self._key(partner, told)
        held = msgspec.structs.replace(self.asked.get(partner, Asked()), vkey=told.statement.vkey, door=told.door,
                                       followed=told.size)
        unsigned = Note(now.read.text, now.read.signatures[:1])
        old, status, answer = held.size, 0, b""
        for _ in range(3):
            proof = await log.consistency(self.memory.store, old, now.size)
            body = protocol.encode(protocol.Request(old, tuple(proof), unsigned))
            status, answer = await self.logs.add_checkpoint(partner, told.door, body)
            if status != 409:
                break
            old = protocol.parse_conflict(answer)
            if old > now.size:
                await self._lost(partner, now.size)
        if status != 200:
            raise _refusal(status)
        lines = protocol.cosigned(unsigned, answer, [key])
        await log.keep_cosigned(self.memory, Note(unsigned.text, (*unsigned.signatures, *lines.values())))
        now_ms = self.memory.clock.now_ms()
        since_ms = held.since_ms if held.at_ms else now_ms
        await self._keep(partner, msgspec.structs.replace(held, size=now.size, at_ms=now_ms, code="",
                                                          since_ms=since_ms))

    async def _lost(self, partner: str, size: int) -> None:
        """``partner`` says that it has seen more of our log than our ``size`` leaves: then it can show what we signed.

        If it can, we have gone back, perhaps without knowing of it: nothing is signed until that is here again.
        """
        body = await self.peers.request(partner, gossip.BACK_PATH, msgspec.json.encode(gossip.Back(INTEGER_MAX)))
        shown = await known.ours(self.memory, gossip.read(body, gossip.GivenBack).note)
        head = await log.head(self.memory.store)  # it may have followed what we signed since
        if shown is None or shown[0].size <= max(size, head.size if head else 0):
            raise Unavailable("peer.answered-badly", status=409)  # nobody stops our log by a claim
        await self.memory.store.commit(Batch(values=[log.restored(), (PRICE_PEERS, partner, b"")]))
        raise Unavailable("pricelog.waits")

    async def _key(self, partner: str, told: Shown) -> VerifierKey:
        keys = await self.memory.keys(partner)
        statement = told.statement
        if keys is None or statement.witness != partner or statement.origin != log.origin(self.memory):
            raise Invalid("pricelog.statement")
        return witness.verify_statement(statement, keys)

    async def _show(self, partner: str, now: log.Head) -> Shown:
        """Show our entries until ``partner`` holds as many as there are; what it told last."""
        show = Show(note=gossip.unseen(now.read).decode())
        before = -1
        for _ in range(STEPS_MAX):
            answer = await self.peers.request(partner, gossip.SHOW_PATH, msgspec.json.encode(show))
            told = gossip.read(answer, Shown)
            if told.size > now.size:
                await self._lost(partner, now.size)
            if told.size == now.size and not (told.fresh and now.size):
                return told
            if told.size == before and not told.fresh:
                raise Invalid("peer.takes-no-more")
            before = told.size
            show = await self._part(now, told)
        raise Unavailable("peer.not-done", limit=STEPS_MAX)

    async def _part(self, now: log.Head, told: Shown) -> Show:
        store, start = self.memory.store, told.size
        held = await entries(self.memory, start, min(now.size, start // WIDTH * WIDTH + monitor.CHUNK))
        base = {}
        if told.fresh:
            base = {tile.path(one): b64(await log.tile_bytes(store, one)) for one in tile.edge(start)}
        path = await log.consistency(store, start + len(held), now.size)
        return Show(gossip.unseen(now.read).decode(), start, [b64(one) for one in held], [b64(one) for one in path],
                    base)


async def entries(memory: Memory, start: int, end: int) -> list[bytes]:
    """Entries of our own log from leaf ``start`` to before ``end``, fewer if they would be too much for one message."""
    found, size = list[bytes](), 0
    for place in range(start // WIDTH, -(-end // WIDTH)):
        width = min(WIDTH, end - place * WIDTH)
        found += monitor.split(await log.tile_bytes(memory.store, Tile(ENTRIES, place, width)))
    held = found[start % WIDTH:]
    for count, one in enumerate(held):
        size += len(one)
        if count and size > gossip.PART_BYTES_MAX:
            return held[:count]
    return held


def _refusal(status: int) -> WeftError:
    """Why a witness did not cosign."""
    match status:
        case 403 | 404:
            return NotFound("pricelog.no-witness")
        case 422:
            return Refused("pricelog.refused")
        case 429:
            return Busy(1000)
    return Unavailable("peer.answered-badly", status=status)


async def seen_by(asking: Asking) -> Sequence[str]:
    """The partners that have cosigned our newest checkpoint."""
    now = await log.head(asking.memory.store)
    return [] if now is None else [one for one, held in asking.asked.items() if held.at_ms and held.size == now.size]
