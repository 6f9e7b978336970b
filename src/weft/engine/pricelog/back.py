"""After a backup was restored: our price log goes on from the newest checkpoint that a partner has, or not at all.

What we had signed after the backup is gone here, and is held elsewhere: whoever cosigned it also holds its entries.
Rule 1: until everybody who may hold something has answered (or the owner goes on without them), nothing is signed: one
        more checkpoint of the old size would be a fork, and prove us liars.
Rule 2: what comes back must lead, entry by entry, from what we hold to a checkpoint that our own device signed.
Rule 3: what comes back holds all that anybody has of ours: if two of them cannot both be true, a thief signed one
        with a device that was withdrawn, and the owner says whom to go on without.
Rule 4: who can be reached is asked; who cannot brings what it holds by itself, as soon as it hears that we are back.
Not here: what else comes back (``engine/restored.py``), the log (``log.py``).
"""

from dataclasses import dataclass, field
from typing import Final

import msgspec

from weft.basis import canonical
from weft.basis.canonical import unb64
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine.memory import PRICE_PEERS, Memory
from weft.engine.ports import Batch, Peers
from weft.engine.pricelog import gossip, known, log, witnesses
from weft.engine.pricelog.gossip import Given, GivenBack
from weft.tlog import merkle, tile
from weft.tlog.checkpoint import Checkpoint
from weft.tlog.note import Note
from weft.tlog.tile import ENTRIES, WIDTH, Tile

STEPS_MAX: Final = 4_096
PAUSE_S: Final = 10.0


async def may_sign(memory: Memory) -> bool:
    """Whether our log may go on."""
    return not await log.waits(memory.store)


async def without(memory: Memory, partner: str) -> bool:
    """The owner goes on without what ``partner`` may hold of our log; whether it was waited for."""
    if await memory.store.value(PRICE_PEERS, partner) is None:
        return False
    await memory.store.commit(Batch(values=[(PRICE_PEERS, partner, None)]))
    return True


@dataclass(slots=True)
class Back:
    """The worker. ``held``: the newest checkpoint of ours that each partner has told us of."""

    memory: Memory
    peers: Peers
    held: dict[str, tuple[Checkpoint, Note] | None] = field(default_factory=dict)
    brought: dict[str, list[bytes]] = field(default_factory=dict)  # entries after ours that partners came with
    code: str = ""  # why it does not go on, for the owner

    async def round(self) -> bool:
        """Ask everybody once; whether the log may go on."""
        store = self.memory.store
        if not await log.waits(store):
            return True
        asked = {partner for partner, _ in await store.values(PRICE_PEERS)}
        for partner in sorted(asked - self.held.keys()):
            await self._ask(partner)
        for gone in self.held.keys() - asked:
            self.held.pop(gone)
        if asked - self.held.keys():
            self.code = "pricelog.waits"
            return False
        return await self._settled()

    async def given(self, partner: str, body: bytes) -> bytes:
        """The answer to a partner that comes with what it holds of our log (``gossip.GIVE_PATH``)."""
        store, told = self.memory.store, gossip.read(body, GivenBack)
        now = await log.head(store)
        size = 0 if now is None else now.size
        if not await log.waits(store) or await store.value(PRICE_PEERS, partner) is None:
            return msgspec.json.encode(Given(size))
        own = self.held[partner] = await known.ours(self.memory, told.note)
        row = self.brought.setdefault(partner, [])
        if told.start == size + len(row) and own is not None:
            row += [unb64(one) for one in told.entries][:max(0, own[0].size - told.start)]
        return msgspec.json.encode(Given(size + len(row), own is not None and size + len(row) < own[0].size))

    async def _ask(self, partner: str) -> None:
        if not self.peers.reachable(partner):
            return
        try:
            told = await self._told(partner, canonical.INTEGER_MAX)  # only the checkpoint
            self.held[partner] = await known.ours(self.memory, told.note)
        except NotFound:
            self.held[partner] = None  # an older program, or one that holds nothing of ours
        except WeftError as error:
            self.code = error.code

    async def _told(self, partner: str, size: int) -> GivenBack:
        body = await self.peers.request(partner, gossip.BACK_PATH, msgspec.json.encode(gossip.Back(size)))
        return gossip.read(body, GivenBack)

    async def _settled(self) -> bool:
        """Everybody has answered: take the newest back, or go on where we are."""
        now = await log.head(self.memory.store)
        size = 0 if now is None else now.size
        newest = max((one for one in self.held.values() if one is not None), key=lambda one: one[0].size, default=None)
        if newest is None or newest[0].size <= size:
            if newest is not None and now is not None and newest[0].size == size and newest[0].root != now.root:
                self.code = "tlog.witness-fork"
                return False
            await self._done()
            await log.go_on(self.memory)
            return True
        said, signed = newest
        told = [held[0] for held in self.held.values() if held is not None]
        self.code = "pricelog.back-incomplete"
        for partner in [one for one, held in self.held.items() if held is not None and held[0].size == said.size]:
            entries = await self._entries(partner, size, said.size)
            if len(entries) != said.size - size:
                continue
            try:
                await log.take_back(self.memory, signed, await self._tiles(size, entries), told)
            except Invalid as error:
                if error.code == "tlog.witness-fork":
                    self.code = error.code
                continue  # not what led there: the next one may be honest
            await self._done()
            return True
        self.held.clear()
        return False

    async def _done(self) -> None:
        left = [(PRICE_PEERS, partner, None) for partner, _ in await self.memory.store.values(PRICE_PEERS)]
        await self.memory.store.commit(Batch(values=[*left]))
        self.held.clear()
        self.brought.clear()
        self.code = ""

    async def _entries(self, partner: str, start: int, end: int) -> list[bytes]:
        found = self.brought.pop(partner, [])
        try:
            for _ in range(STEPS_MAX):
                if start + len(found) >= end:
                    break
                told = await self._told(partner, start + len(found))
                if not told.entries or told.start != start + len(found):
                    break
                found += [unb64(one) for one in told.entries]
        except WeftError:
            return found
        return found[:end - start]

    async def _tiles(self, size: int, entries: list[bytes]) -> dict[str, bytes]:
        """The tiles and bundles that our tree of ``size`` leaves lacks when ``entries`` are appended to it."""
        store = self.memory.store
        edge = {one: await log.tile_bytes(store, one) for one in tile.edge(size)}
        grown = tile.grown(size, [merkle.leaf_hash(one) for one in entries], tile.given(edge))
        found = {tile.path(one): data for one, data in grown.items()}
        held = await witnesses.entries(self.memory, size // WIDTH * WIDTH, size) if size % WIDTH else []
        row = [*held, *entries]
        for k in range(0, len(row), WIDTH):
            part = row[k:k + WIDTH]
            found[tile.path(Tile(ENTRIES, size // WIDTH + k // WIDTH, len(part)))] = tile.bundle(part)
        return found
