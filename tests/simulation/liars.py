"""A member that lies: it holds true keys, its node is honest, and by hand it says what no honest node would say.

It says two things at one place of its chain, says old things again, holds back what comes before, signs for others,
signs badly, says what the rules deny, sends what has no beginning, and asks for what is not its own.
Rule 1: what it signs by hand stands in chains of their own, so that its honest node never forks by accident.
Rule 2: every lie goes through the real door of its victim, over the same bad lines.
Rule 3: whatever a lie must leave or not leave behind is noted here and judged at the end (``verdicts.py``).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from tests.simulation.deals import Deal
from tests.simulation.firm import Firm
from tests.simulation.frozen import Bid, Remark
from weft.basis import canonical
from weft.basis.canonical import b64
from weft.basis.errors import NotFound, WeftError
from weft.engine import sync
from weft.engine.commands import run
from weft.engine.memory import new_incarnation
from weft.engine.node import Node
from weft.engine.threads import Loaded
from weft.identity.keys import Signer
from weft.thread import clock
from weft.thread.event import Envelope, Event, compose, signed_bytes, to_envelope
from weft.trade.messages import OrderResponse, ReceiptAdvice

if TYPE_CHECKING:
    from tests.simulation.world import World

FORKS = frozenset({"equivocated", "equivocated on an old word", "equivocated above what it holds back"})
TRIES = 6
ORPHANS = 40


@dataclass(slots=True)
class Fork:
    """Two events at one place of a chain in ``thread``; ``handed``: (firm, half) that was given and not refused."""

    thread: str
    ids: tuple[str, str]
    handed: set[tuple[str, str]] = field(default_factory=set)


@dataclass(slots=True)
class Liar:
    """What ``firm`` has lied: forks, ids that must be nowhere, and ids that must be void everywhere."""

    world: "World"
    firm: Firm
    forks: list[Fork] = field(default_factory=list)
    forged: dict[str, str] = field(default_factory=dict)  # id -> how
    denied: list[tuple[str, str]] = field(default_factory=list)  # (thread, id)
    let_in: list[str] = field(default_factory=list)  # answers to what is not its own

    @property
    def forked(self) -> set[str]:
        """Threads with a fork."""
        return {fork.thread for fork in self.forks}

    async def work(self, count: int) -> None:
        """Lie ``count`` times, with pauses."""
        for _ in range(count):
            await asyncio.sleep(self.world.luck.expovariate(1 / 3.0))
            kind = self.world.luck.choice(self.world.plan.lies)
            try:
                done = await self.firm.call(lambda node, kind=kind: self._lie(node, kind))
            except (asyncio.CancelledError, WeftError):
                continue
            self.world.figures[kind] += done

    async def owns_up(self) -> None:
        """The liar's own node takes him for a thief of its key, since he speaks beside it; he lets it go on."""
        if self.firm.node is None:
            return
        for thread in [thread for thread, why in self.firm.node.alarms.items() if why == "stolen"]:
            self.world.figures["took the liar for a thief"] += 1
            await self.firm.call(lambda node, thread=thread: run(node, "go-on", {"thread": thread}))

    async def _lie(self, node: Node, kind: str) -> int:
        luck = self.world.luck
        deal = luck.choice([one for one in self.world.deals if self.firm in one.firms])
        thread, firms = (deal.thread, deal.firms) if kind in FORKS or luck.random() < 0.5 else self._any_thread(deal)
        loaded = await node.find(thread)
        victims = [one for one in firms if one is not self.firm and node.peers.reachable(one.organisation)]
        if loaded is None or not victims:
            return 0
        luck.shuffle(victims)
        return await _DO[kind](self, node, loaded, victims)

    def _any_thread(self, deal: Deal) -> tuple[str, tuple[Firm, ...]]:
        found = [(thread, link.firms) for thread, link in self.world.orders.items() if self.firm in link.firms]
        return self.world.luck.choice(found) if found else (deal.thread, deal.firms)

    # ---- events by hand -------------------------------------------------------------------------

    def _signed(self, node: Node, loaded: Loaded, message: Any, **other: Any) -> Event:
        """An event above all heads that the liar holds, in a chain of its own; ``other`` fields as asked."""
        header: dict[str, Any] = {
            "v": 1, "t": loaded.thread, "a": node.organisation, "d": node.identity.signer.public,
            "i": new_incarnation(node.random), "n": 0, "p": None, "x": sorted(loaded.heads)[:16],
            "ks": node.key_event, "h": clock.tick(node.clock.now_ms(), [loaded.hlc]), "y": type(message).__name__,
            "s": 1, "m": loaded.machine_name, **other,
        }
        event = compose(header, [("*", canonical.encode(msgspec.to_builtins(message)))], [node.random(32)])
        return self._with_signature(event, node.identity.signer)

    @staticmethod
    def _with_signature(event: Event, signer: Signer) -> Event:
        return msgspec.structs.replace(event, signature=signer.sign(signed_bytes(event.id)))

    async def _hand(self, node: Node, victim: Firm, thread: str, events: Sequence[Event | Envelope]) -> bool:
        """Give ``events`` to ``victim``; whether it has answered."""
        envelopes = [to_envelope(one) if isinstance(one, Event) else one for one in events]
        loaded = await node.find(thread)
        heads = list(loaded.heads) if loaded else []
        body = msgspec.json.encode(sync.SyncRequest(thread=thread, heads=heads, events=envelopes))
        for _ in range(TRIES):
            try:
                answer = await node.peers.request(victim.organisation, sync.SYNC_PATH, body)
            except NotFound:
                return False
            except WeftError:
                await asyncio.sleep(1)
            else:
                self._note_handed(victim, thread, events, sync.read_reply(answer))
                return True
        return False

    def _note_handed(
        self, victim: Firm, thread: str, events: Sequence[Event | Envelope], reply: sync.SyncReply
    ) -> None:
        """From now on the victim can know what it was given, unless its disk is lost."""
        refused = {name for name, code in reply.invalid if code != "event.fork"}
        given = {one.id for one in events if isinstance(one, Event)} - refused
        for fork in self.forks:
            if fork.thread == thread:
                fork.handed |= {(victim.name, name) for name in given & set(fork.ids)}

    def _word(self, loaded: Loaded) -> Any:
        """Something that means nothing in a deal, and that the rules deny in an order, whoever says it."""
        if loaded.machine_name.startswith("deal/"):
            return Remark(mark="")
        buys = loaded.members[self.firm.organisation] == "buyer"
        return OrderResponse(code="AP") if buys else ReceiptAdvice(despatch="none", lines=())

    def _note(self, loaded: Loaded, *events: Event) -> None:
        if not loaded.machine_name.startswith("deal/"):
            self.denied.extend((loaded.thread, event.id) for event in events)

    # ---- lies -----------------------------------------------------------------------------------

    async def _equivocate(self, node: Node, loaded: Loaded, victims: list[Firm]) -> int:
        """One thing to one, another to another (or both to the only one)."""
        one = self._signed(node, loaded, Bid(amount=500))
        again = Bid(amount=self.world.luck.randint(600, 900))
        other = self._signed(node, loaded, again, i=one.header.i, x=one.header.x)
        self.forks.append(Fork(loaded.thread, (one.id, other.id)))
        return int(all(await asyncio.gather(  # at one moment, so that neither hears of the other's before its own
            self._hand(node, victims[0], loaded.thread, [one]),
            self._hand(node, victims[-1], loaded.thread, [other]))))

    async def _equivocate_late(self, node: Node, loaded: Loaded, victims: list[Firm]) -> int:
        """Another word in the place of one that was said long ago."""
        mine = [entry for entry in loaded.entries.values() if entry.author == node.organisation and entry.n > 0]
        if not mine:
            return 0
        old = await node.event(loaded.thread, self.world.luck.choice(mine).id)
        assert old is not None
        header = old.header
        other = self._signed(node, loaded, Remark(mark=""), i=header.i, n=header.n, p=header.p, x=header.x,
                             d=header.d)
        self.forks.append(Fork(loaded.thread, (old.id, other.id)))
        return int(await self._hand(node, victims[0], loaded.thread, [other]))

    async def _equivocate_above(self, node: Node, loaded: Loaded, victims: list[Firm]) -> int:
        """Two words of one place, the second upon a beginning that nobody gets."""
        first = self._signed(node, loaded, Remark(mark=""))
        withheld = self._signed(node, loaded, Remark(mark="."), i=first.header.i, x=first.header.x)
        one, other = (self._signed(node, loaded, Remark(mark=""), i=first.header.i, n=1, p=below.id, x=[])
                      for below in (first, withheld))
        self.forks.append(Fork(loaded.thread, (one.id, other.id)))
        done = await self._hand(node, victims[0], loaded.thread, [first, one])
        return int(await self._hand(node, victims[-1], loaded.thread, [other]) and done)

    async def _replay(self, node: Node, loaded: Loaded, victims: list[Firm]) -> int:
        """Old words again, of anybody, in any order, twice."""
        names = self.world.luck.choices(list(loaded.entries), k=12)
        events = [await node.event(loaded.thread, name) for name in names]
        return int(await self._hand(node, victims[0], loaded.thread, [event for event in events if event]))

    async def _withhold(self, node: Node, loaded: Loaded, victims: list[Firm]) -> int:
        """The second word to one, the first, that it stands on, to another, or later."""
        first = self._signed(node, loaded, self._word(loaded))
        second = self._signed(node, loaded, self._word(loaded), i=first.header.i, n=1, p=first.id, x=[])
        self._note(loaded, first, second)
        done = await self._hand(node, victims[0], loaded.thread, [second])
        await asyncio.sleep(self.world.luck.random() * 5)
        return int(await self._hand(node, victims[-1], loaded.thread, [first]) and done)

    async def _forge(self, node: Node, loaded: Loaded, victims: list[Firm]) -> int:
        """In another's name, by another key, with other contents, of a key event that is not."""
        word, stranger = self._word(loaded), Signer(node.random(32))
        honest = self._signed(node, loaded, word)
        told = to_envelope(honest)
        salt, content = told.b["0"]
        wrong = {
            "another's name": self._signed(node, loaded, word, a=victims[0].organisation),
            "a stranger's name": self._signed(node, loaded, word, a=b64(node.random(32))),
            "another key": self._with_signature(self._signed(node, loaded, word, d=stranger.public), stranger),
            "a bad signature": msgspec.structs.replace(honest, signature=node.random(64)),
            "no key event": self._signed(node, loaded, word, ks=b64(node.random(32))),
            "another machine": self._signed(node, loaded, word, m="order/77"),
        }
        self.forged.update({event.id: how for how, event in wrong.items()})
        other = msgspec.structs.replace(told, b={"0": (salt, content + " ")})
        return int(await self._hand(node, victims[0], loaded.thread, [*wrong.values(), other]))

    async def _deny(self, node: Node, loaded: Loaded, victims: list[Firm]) -> int:
        """What the rules deny, well signed."""
        deal = loaded.machine_name.startswith("deal/")
        event = self._signed(node, loaded, Bid(amount=0) if deal else self._word(loaded))
        self.denied.append((loaded.thread, event.id))
        return int(await self._hand(node, victims[0], loaded.thread, [event]))

    async def _flood(self, node: Node, loaded: Loaded, victims: list[Firm]) -> int:
        """Many words whose beginnings nobody has."""
        inc = new_incarnation(node.random)
        events = [self._signed(node, loaded, self._word(loaded), i=inc, n=number, p=b64(node.random(32)), x=[])
                  for number in range(1, ORPHANS)]
        return int(await self._hand(node, victims[0], loaded.thread, events))

    async def _ask(self, node: Node, loaded: Loaded, victims: list[Firm]) -> int:
        """For a thread of others, and for one that is not: it must look the same."""
        victim = victims[0]
        others = [thread for thread, link in self.world.orders.items()
                  if victim in link.firms and self.firm not in link.firms]
        answers = []
        for thread in (self.world.luck.choice(others) if others else b64(node.random(32)), b64(node.random(32))):
            body = msgspec.json.encode(sync.SyncRequest(thread=thread, heads=[]))
            try:
                self.let_in.append(repr(await node.peers.request(victim.organisation, sync.SYNC_PATH, body)))
            except WeftError as error:
                answers.append(error.code)
        if answers == ["peer.refused", "peer.refused"]:
            return 1
        return 0


_DO = {
    "equivocated": Liar._equivocate, "equivocated on an old word": Liar._equivocate_late,
    "equivocated above what it holds back": Liar._equivocate_above, "replayed": Liar._replay,
    "withheld": Liar._withhold, "forged": Liar._forge, "denied by the rules": Liar._deny, "orphans": Liar._flood,
    "asked for another's thread": Liar._ask,
}
