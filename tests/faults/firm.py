"""A firm whose store is put under stress: the real engine says and receives real signed events.

It is founded once in a process; every world begins from the files that this left. One partner's words were signed
before, so that receiving them costs what it costs and sending them nothing.
Rule 1: all chance comes from the world's seed, and time stands still: a seed replays.
Not here: the disk (``disk.py``), what must be true afterwards (``ledger.py``).
"""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from weft.basis.canonical import b64
from weft.engine import handle, receive
from weft.engine.machines import MACHINES
from weft.engine.memory import BOOKS, Identity, Memory, new_incarnation
from weft.engine.ports import Batch, Store
from weft.engine.reactions import TABLE
from weft.engine.receive import INVITATIONS, key_log_of, token_name
from weft.identity.keylog import SCOPE_NODE, DeviceDelegation, KeyInception, commitment
from weft.identity.keys import SEED_BYTES, Signer
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.facts import JobCounted, JobStarted
from weft.stores.memory import MemoryStore
from weft.thread.event import Event
from weft.trade.messages import (
    Party,
    PartyUpdated,
    RelationshipAccepted,
    RelationshipProposed,
    RequestForQuotation,
    RequestLine,
)
from weft.trade.say import Say

NOW_MS = 1_795_000_000_000
AT = "2026-11-25T08:00:00.000Z"
TOKEN = "token-of-the-faults"
PARTNER_WORDS = 60
PARTNER_ORDERS = 20
THREADS_OF_OUR_OWN = 3
DESCRIPTION = json.dumps({
    "@context": "https://www.w3.org/2022/wot/td/v1.1", "title": "Lathe", "id": "urn:dev:lathe-1",
    "base": "opc.tcp://127.0.0.1:4840", "security": "none", "securityDefinitions": {"none": {"scheme": "nosec"}},
    "properties": {}})


class Still:
    """A clock that stands."""

    def now_ms(self) -> int:
        return NOW_MS


@dataclass(slots=True)
class Stage:
    """A founded firm: who it is, its threads, and what its partner will say."""

    identity: Identity
    partner: str
    relationship: str
    floor: str
    own: list[str]  # relationship threads with firms that never answer
    words: list[Event]  # of the partner in the relationship, in its order
    orders: list[Event]  # geneses of order threads that the partner begins


def _machine(name: str) -> Any:
    return next(one for one in MACHINES.values() if one.conversation.NAME == name)


async def _found(store: Store, luck: random.Random) -> Memory:
    root, following, device = (Signer(luck.randbytes(SEED_BYTES)) for _ in range(3))
    memory = Memory(Identity("", device, new_incarnation(luck.randbytes)), store, Still(), luck.randbytes,
                    reactions=TABLE)
    memory.identity.organisation = await handle.append_key_events(memory, root, [
        KeyInception(keys=[root.public], next=commitment([following.public])),
        DeviceDelegation(device=device.public, scope=SCOPE_NODE)])
    memory.identity.key_event = (await memory.state(memory.organisation)).event
    return memory


def _party(name: str, turn: int = 0) -> Party:
    return Party(name=name, url="http://127.0.0.1:8440", address=f"Hall {turn}")


def _request(turn: int) -> RequestForQuotation:
    return RequestForQuotation(number=f"R{turn}", currency="CNY", note="面漆" * (turn % 40), lines=(
        RequestLine(line="1", item="V15", quantity=str(20 + turn)),))


async def staged(store: Store) -> Stage:
    """Found the firm in ``store`` and let its partner sign all that it will ever say."""
    luck = random.Random(20261125)
    us, partner = await _found(store, luck), await _found(MemoryStore(), luck)
    for book in BOOKS:
        await handle.open_thread(us, _machine(book), {us.organisation: "owner"}, None, f"book:{book}")
    floor = us.book("floor")
    await handle.say(us, floor, [MachineAdded(machine="L1", description=DESCRIPTION),
                                 JobStarted(machine="L1", job="J1", at=AT)])
    thread = await _befriended(us, partner)
    own = [await handle.open_thread(
        us, _machine("relationship"), {us.organisation: "invitee", b64(bytes([turn]) * 32): "inviter"},
        RelationshipProposed(party=_party("Firm"), key_log=await key_log_of(us, us.organisation)))
        for turn in range(THREADS_OF_OUR_OWN)]
    words = [Say("invitee", partner.organisation, PartyUpdated(party=_party("Jinggong", turn)))
             for turn in range(PARTNER_WORDS)]
    for word in words:
        await handle.say(partner, thread, [word])
    orders = []
    for turn in range(PARTNER_ORDERS):
        order = await handle.open_thread(
            partner, _machine("order"), {partner.organisation: "buyer", us.organisation: "seller"}, _request(turn))
        orders += await _events(partner, order)
    return Stage(us.identity, partner.organisation, thread, floor, own,
                 (await _events(partner, thread))[-PARTNER_WORDS:], orders)


async def _befriended(us: Memory, partner: Memory) -> str:
    await us.store.commit(Batch(values=[(INVITATIONS, token_name(TOKEN), b'{"note":"","until":""}')]))
    thread = await handle.open_thread(
        partner, _machine("relationship"), {partner.organisation: "invitee", us.organisation: "inviter"},
        RelationshipProposed(party=_party("Jinggong"), key_log=await key_log_of(partner, partner.organisation),
                             token=TOKEN))
    await receive.receive(us, partner.organisation, thread, await _events(partner, thread))
    accepted = RelationshipAccepted(party=_party("Firm"), key_log=await key_log_of(us, us.organisation))
    await handle.say(us, thread, [Say("inviter", us.organisation, accepted)])
    await receive.receive(partner, us.organisation, thread, await _events(us, thread))
    return thread


async def _events(memory: Memory, thread: str) -> list[Event]:
    return await memory.with_payloads(thread, await memory.store.events(thread))


@dataclass(slots=True)
class Work:
    """What a firm does in one life of its machine. ``turn`` goes on through all lives of a world."""

    stage: Stage
    store: Any
    luck: random.Random
    turn: list[int]
    memory: Memory = field(init=False)

    def __post_init__(self) -> None:
        identity = self.stage.identity
        self.memory = Memory(
            Identity(identity.organisation, identity.signer, identity.incarnation, identity.key_event), self.store,
            Still(), self.luck.randbytes, reactions=TABLE)

    async def begin(self) -> None:
        """As a node starts: learn what the store knows."""
        await self.memory.start()
        self.memory.partners[self.stage.partner] = self.stage.relationship

    def moment(self, deeds: int) -> list[Any]:
        """Some deeds of one moment, which share a transaction."""
        kinds = (self._update, self._count, self._receive, self._order, self._open, self._settle, self._erase)
        return [kind() for kind in self.luck.choices(kinds, weights=(8, 8, 8, 4, 2, 4, 1), k=deeds)]

    def _next(self) -> int:
        self.turn[0] += 1
        return self.turn[0]

    async def _update(self, thread: str = "") -> None:
        turn = self._next()
        said = Say("invitee", self.memory.organisation, PartyUpdated(party=_party("Firm", turn)))
        await handle.say(self.memory, thread or self.luck.choice(self.stage.own), [said],
                         f"key-{turn}" if turn % 2 else "")

    async def _count(self) -> None:
        facts = [JobCounted(machine="L1", job="J1", good=self._next(), at=AT) for _ in range(self.luck.randint(1, 4))]
        await handle.say(self.memory, self.stage.floor, facts, f"key-{self.turn[0]}")

    async def _receive(self) -> None:
        """The partner pushes some words, now and then one too early, or one that we have."""
        held = {row.id for row in await self.memory.store.events(self.stage.relationship)}
        left = [word for word in self.stage.words if word.id not in held][:self.luck.randint(1, 4)]
        if len(left) > 1 and self.luck.random() < 0.3:
            left.pop(0)
        if left:
            await receive.receive(self.memory, self.stage.partner, self.stage.relationship, left)

    async def _order(self) -> None:
        genesis = self.luck.choice(self.stage.orders)
        await receive.receive(self.memory, self.stage.partner, genesis.thread, [genesis])

    async def _open(self) -> None:
        turn = self._next()
        await handle.open_thread(
            self.memory, _machine("order"), {self.memory.organisation: "buyer", self.stage.partner: "seller"},
            _request(turn), f"open-{turn}", beside=lambda thread: [("order", thread, b"%d" % turn)])

    async def _settle(self) -> None:
        """What the workers of a node do: strike what was delivered and what was drawn."""
        outbox, effects = await self.memory.store.outbox(), await self.memory.store.effects()
        await self.memory.store.commit(Batch(
            outbox_settled=[(row.peer, row.thread) for row in _some(outbox, self.luck)],
            effects_settled=[(row.thread, row.cause, row.reaction) for row in _some(effects, self.luck)],
            values=[("seen", self.stage.partner, b"%d" % self._next())]))


    async def _erase(self) -> None:
        """What was said in one of the partner's orders is erased, salt and all."""
        genesis = self.luck.choice(self.stage.orders)
        await self.memory.store.commit(Batch(
            erased=[(genesis.thread, genesis.id)], values=[("seen", self.stage.partner, b"%d" % self._next())]))
        self.memory.forget(genesis.thread)


def _some(rows: Sequence[Any], luck: random.Random) -> list[Any]:
    return [row for row in rows if luck.random() < 0.2]
