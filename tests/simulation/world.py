"""Two firms that trade while everything goes wrong, and what must be true once all is quiet.

A seed decides the plan: loss, doubling, delay and cuts of the line, crashes between any two steps, clocks some
minutes wrong, and whether the buyer can be reached at all or polls. People on both sides say whatever the rules allow.
"""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.simulation import words
from tests.simulation.firm import Firm
from tests.simulation.loop import SimulatedLoop
from tests.simulation.network import Network
from tests.simulation.stores import DISKS
from weft.basis.errors import WeftError
from weft.engine.effects import Cause, Reaction
from weft.engine.machines import state_hash
from weft.engine.node import Node
from weft.engine.ports import Batch, StoreConflict
from weft.engine.receive import INVITATIONS, key_log_of, token_name
from weft.stock.messages import Item, ItemDefined, LotIn, Received
from weft.trade.messages import Party, RelationshipAccepted, RelationshipProposed
from weft.trade.order_state import Phase
from weft.trade.say import Say

QUIET_S_MAX = 1_200
INVITATION = b'{"note":"","until":"2100-01-01T00:00:00.000Z"}'
TROUBLED_S = 60.0
CONTROLS = ("", "hasty", "keyless")


class Broken(Exception):
    """What must be true is not."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How bad it gets; drawn from the seed."""

    store: str
    control: str
    hidden: bool
    loss: float
    doubling: float
    crashes: int
    crashes_in_effects: int
    cuts: int
    words: int

    @classmethod
    def drawn(cls, luck: random.Random, store: str, control: str) -> "Plan":
        return cls(
            store=store, control=control, hidden=luck.random() < 0.3, loss=luck.choice((0.0, 0.1, 0.3)),
            doubling=luck.choice((0.0, 0.2)), crashes=luck.randint(0, 6),
            crashes_in_effects=luck.randint(0, 3), cuts=luck.randint(0, 3),
            words=luck.randint(6, 24),
        )  # fmt: skip


def table(keyless: bool, in_effect: Callable[[str], None]) -> dict[tuple[str, str], list[Reaction]]:
    """What follows what in this world: a request is answered, a despatch is booked in once it is final.

    ``in_effect`` is told who draws a consequence: a good moment for a crash.
    """

    async def offer(node: Node, cause: Cause) -> None:
        in_effect(node.organisation)
        said = words.offer(f"auto {cause.id}", int(cause.message.lines[0].quantity))
        await node.say(cause.thread, Say(role="seller", by=node.organisation, message=said), key=cause.key)

    async def book_in(node: Node, cause: Cause) -> None:
        in_effect(node.organisation)
        lot = LotIn(item=words.ITEM, quantity=cause.message.lines[0].quantity, heat=cause.id)
        arrived = Received(ref=node.random(8).hex(), lots=(lot,))  # its own ref forbids nothing: only the key does
        await node.say(node.book("stock"), arrived, key="" if keyless else cause.key)

    return {
        ("order", "RequestForQuotation"): [Reaction("offer", offer, who="peer")],
        ("order", "DespatchAdvice"): [Reaction("book-in", book_in, who="peer", final=True)],
    }


@dataclass(slots=True)
class World:
    """One run; ``acknowledged`` maps a mark to (thread, ids) that a person was told are stored."""

    loop: SimulatedLoop
    luck: random.Random
    plan: Plan
    folder: Path
    network: Network = field(init=False)
    buyer: Firm = field(init=False)
    seller: Firm = field(init=False)
    orders: list[str] = field(default_factory=list)
    acknowledged: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)
    crashes_at_work: int = 0
    crashes_in_effects: int = 0

    def __post_init__(self) -> None:
        self.network = Network(self.luck)
        self.buyer, self.seller = (
            Firm(
                name=name, url=url, disk=DISKS[(self.plan.control == "hasty" and "hasty") or self.plan.store](
                    str(self.folder / f"{name}.db")), network=self.network, loop=self.loop, luck=self.luck,
                table=table(self.plan.control == "keyless", self._in_effect),
            )
            for name, url in (("buyer", "" if self.plan.hidden else "http://buyer"), ("seller", "http://seller"))
        )  # fmt: skip

    @property
    def firms(self) -> tuple[Firm, Firm]:
        return self.buyer, self.seller

    # ---- the story ------------------------------------------------------------------------------

    async def run(self) -> Counter[str]:
        """The whole story; raises ``Broken``."""
        await self._meet()
        for number in range(2):
            await self._open(self.buyer, f"first {number}")
        self.network.loss, self.network.doubling = self.plan.loss, self.plan.doubling
        self._plan_faults()
        await asyncio.gather(*(
            self._person(firm, role, f"{role} {number}")
            for firm, role in ((self.buyer, "buyer"), (self.seller, "seller")) for number in range(2)
        ))
        await asyncio.sleep(TROUBLED_S)
        self.network.calm()
        await self._quiet()
        await self._check()
        self.figures.update(self.network.faults)
        self.figures["virtual s"] = int(self.loop.time())
        self.figures["steps"] = self.loop.steps
        return self.figures

    async def _meet(self) -> None:
        for firm in self.firms:
            await firm.found()
            firm.start()
        party = Party(name="Shop", url=self.buyer.url)

        async def invite(node: Node) -> None:
            await node.store.commit(Batch(values=[(INVITATIONS, token_name("token"), INVITATION)]))

        async def join(node: Node) -> str:
            node.addresses[self.seller.organisation] = self.seller.url
            node.poll_where_needed(self.seller.organisation)
            log = await key_log_of(node, node.organisation)
            said = RelationshipProposed(party=party, key_log=log, token="token")
            members = {node.organisation: "invitee", self.seller.organisation: "inviter"}
            thread = await node.open("relationship", members, said)
            with contextlib.suppress(WeftError):  # who answers cannot be known before it has said who it is
                await node.outbox.sync(self.seller.organisation, thread)
            item = ItemDefined(item=Item(id=words.ITEM, en="Valve", unit="C62"))
            await node.say(node.book("stock"), item)
            return thread

        async def accept(node: Node) -> None:
            log = await key_log_of(node, node.organisation)
            said = RelationshipAccepted(party=Party(name="Valves", url=self.seller.url), key_log=log)
            await node.say(relationship, Say(role="inviter", by=node.organisation, message=said))

        await self.seller.call(invite)
        relationship = await self.buyer.call(join)
        await self.seller.call(accept)
        await self._quiet()

    def _plan_faults(self) -> None:
        for _ in range(self.plan.crashes):
            firm = self.luck.choice(self.firms)
            if self.luck.random() < 0.5:
                self.loop.call_later(self.luck.random() * TROUBLED_S / 2, self._crash_soon, firm)
            else:
                self.crashes_at_work += 1
        self.crashes_in_effects = self.plan.crashes_in_effects
        for _ in range(self.plan.cuts):
            start = self.luck.random() * TROUBLED_S / 2
            self.loop.call_later(start, self._cut, True)
            self.loop.call_later(start + self.luck.random() * 15, self._cut, False)

    def _cut(self, cut: bool) -> None:
        self.figures["cuts"] += cut
        self.network.cut = cut

    def _crash_soon(self, firm: Firm) -> None:
        self.loop.after_steps(self.luck.randint(1, 300), lambda: self._crash(firm))

    def _in_effect(self, organisation: str) -> None:
        if self.crashes_in_effects and self.luck.random() < 0.5:
            self.crashes_in_effects -= 1
            firm = self.buyer if self.buyer.organisation == organisation else self.seller
            self.loop.after_steps(self.luck.randint(1, 20), lambda: self._crash(firm))

    def _crash(self, firm: Firm) -> None:
        if firm.household is None:
            return
        self.figures["crashes"] += 1
        firm.crash()
        self.loop.call_later(self.luck.random() * 8, firm.start)

    # ---- people ---------------------------------------------------------------------------------

    async def _person(self, firm: Firm, role: str, name: str) -> None:
        for number in range(self.plan.words):
            await asyncio.sleep(self.luck.expovariate(1 / 1.5))
            mark = f"{name} {number}"
            if role == "buyer" and self.luck.random() < 0.08:
                await self._open(firm, mark)
            else:
                await self._say(firm, role, mark, self.luck.choice(self.orders))

    async def _open(self, firm: Firm, mark: str) -> None:
        said = words.request(mark, self.luck)
        members = {self.buyer.organisation: "buyer", self.seller.organisation: "seller"}

        async def opened(node: Node) -> list[str]:
            thread = await node.open("order", members, said, key=mark)
            loaded = await node.loaded(thread)
            return [thread, next(name for name, entry in loaded.entries.items() if not entry.parents)]

        told = await self._insist(firm, opened)
        if told:
            self.orders.append(told[0])
            self.acknowledged[mark] = (told[0], told[1:])

    async def _say(self, firm: Firm, role: str, mark: str, thread: str) -> None:
        chosen: list[Any] = []

        async def said(node: Node) -> list[str]:
            if not chosen:
                if await node.find(thread) is None:
                    return []
                word = words.any_word(await node.state(thread), role, mark, self.luck)
                if word is None:
                    return []
                chosen.append(word)
            return await node.say(thread, Say(role=role, by=node.organisation, message=chosen[0]), key=mark)

        told = await self._insist(firm, said)
        if told:
            self.figures["words"] += 1
            self.acknowledged[mark] = (thread, told)

    async def _insist(self, firm: Firm, action: Any) -> list[str]:
        """What ``action`` gives, tried again with the same key whenever the node dies under it; [] when refused."""
        while True:
            if self.crashes_at_work and self.luck.random() < 0.3:
                self.crashes_at_work -= 1
                self.loop.after_steps(self.luck.randint(1, 30), lambda: self._crash(firm))
            try:
                return await firm.call(action)
            except (asyncio.CancelledError, StoreConflict):
                self.figures["tried again"] += 1
                await asyncio.sleep(0.01)
            except WeftError:
                self.figures["refused"] += 1
                return []

    # ---- when all is quiet ----------------------------------------------------------------------

    async def _quiet(self) -> None:
        end, quiet = self.loop.time() + QUIET_S_MAX, 0
        while self.loop.time() < end:
            await asyncio.sleep(1)
            calm = all([await self._is_quiet(firm) for firm in self.firms]) and not await self._differences()
            quiet = quiet + 1 if calm else 0
            if quiet == 2:  # once may be the moment between two words
                return
        raise Broken(f"never quiet: {await self._differences()}")

    async def _is_quiet(self, firm: Firm) -> bool:
        await firm.up.wait()
        node = firm.node
        if node is None:
            return False
        owed = [*await node.store.outbox(), *await node.store.effects()]
        return not owed and not node.to_ack and not node.work.waiting

    async def _differences(self) -> list[str]:
        """Threads whose heads differ between the two, or that one of them lacks."""
        told = []
        one, other = (firm.node for firm in self.firms)
        if one is None or other is None:
            return ["a node is down"]
        for thread in sorted({*one.threads("order"), *other.threads("order"), *one.threads("relationship")}):
            left, right = await one.find(thread), await other.find(thread)
            if left is None or right is None or left.heads != right.heads:
                told.append(thread)
        return told

    async def _check(self) -> None:
        if self.network.broken:
            raise Broken(f"a door failed: {self.network.broken[0]}")
        one, other = self.buyer.node, self.seller.node
        assert one is not None
        assert other is not None
        for thread in one.threads("order"):
            await self._check_thread(one, other, thread)
        for firm in self.firms:
            await self._check_alone(firm)
        await self._check_acknowledged((one, other))
        await self._check_stock(one)

    async def _check_thread(self, one: Node, other: Node, thread: str) -> None:
        left, right = await one.loaded(thread), await other.loaded(thread)
        if (left.order, left.void) != (right.order, right.void):
            raise Broken(f"read in another order: {thread}")
        if state_hash(left.state) != state_hash(right.state):
            raise Broken(f"folded to another state: {thread}")
        unfinal = [name for name in set(left.order) - left.final() if left.entries[name].kind != "Ack"]
        if unfinal:
            raise Broken(f"never final: {thread} {[left.entries[name].kind for name in unfinal]}")
        self.figures["events"] += len(left.order)
        self.figures["void"] += len(left.void)
        self.figures["merges"] += sum(len(entry.parents) > 1 for entry in left.entries.values())
        self.figures["despatched"] += sum(entry.kind == "DespatchAdvice" for entry in left.entries.values())
        self.figures["ordered"] += left.state.phase not in {Phase.REQUESTED, Phase.QUOTED, Phase.COUNTERED}

    async def _check_alone(self, firm: Firm) -> None:
        """What is in memory is what the store gives to a node that starts now; no alarm was raised."""
        node = firm.node
        assert node is not None
        for bucket in ("alarm", "trouble"):
            for key, told in await node.store.values(bucket):
                if bucket == "alarm":
                    raise Broken(f"alarm {told!r} at {firm.name}: {key}")
                self.figures["troubles"] += 1
        if await node.store.forks():
            raise Broken(f"fork at {firm.name}")
        for row in await node.store.threads():
            loaded = await node.loaded(row.thread)
            fresh = await node._load(row)
            if (fresh.heads, fresh.position) != (loaded.heads, loaded.position):
                raise Broken(f"memory is not the store at {firm.name}: {row.thread}")
            if state_hash(fresh.state) != state_hash(loaded.state):
                raise Broken(f"memory is not the store's fold at {firm.name}: {row.thread}")

    async def _check_acknowledged(self, nodes: tuple[Node, Node]) -> None:
        for node in nodes:
            marks: Counter[str] = Counter()
            for thread in node.threads("order"):
                for entry in (await node.loaded(thread)).entries.values():
                    marks[words.mark_of(entry.message)] += 1
            for mark, (thread, ids) in self.acknowledged.items():
                held = (await node.loaded(thread)).entries
                if any(name not in held for name in ids):
                    raise Broken(f"lost: {mark}")
            doubled = [mark for mark, count in marks.items() if mark and count > 1]
            if doubled:
                raise Broken(f"said twice: {doubled[0]}")

    async def _check_stock(self, buyer: Node) -> None:
        booked: Counter[str] = Counter()
        for logged in await buyer.log(buyer.book("stock")):
            if isinstance(logged.message, Received):
                booked[logged.message.lots[0].heat] += 1
        sent = set()
        for thread in buyer.threads("order"):
            loaded = await buyer.loaded(thread)
            sent |= {
                name for name, entry in loaded.entries.items()
                if entry.kind == "DespatchAdvice" and name not in loaded.void
            }
        if booked != Counter(sent):
            raise Broken(f"booked {sum(booked.values())} of {len(sent)} despatches")
