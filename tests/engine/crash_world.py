"""Three firms that trade through the whole engine in virtual time; each may die right after chosen commits of its own.

The real reactions, doors and stores; the shop orders valves, the factory has bodies turned by a subcontractor.
People and machines insist: whatever the node did not answer is asked again with the same key.
"""

import asyncio
import base64
import contextlib
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.engine.pricelog import laws
from tests.simulation.firm import EPOCH_MS, Firm
from tests.simulation.loop import Household, SimulatedLoop
from tests.simulation.network import Network, Session
from tests.simulation.stores import Lifeline, MemoryDisk
from weft.basis.canonical import unb64
from weft.basis.errors import WeftError
from weft.config import Config, Peers, Prices, Rules
from weft.config import Firm as FirmSection
from weft.doors import peer
from weft.engine import handle
from weft.engine.commands import run
from weft.engine.machines import MACHINES, state_hash
from weft.engine.memory import BOOKS, Identity, Memory, new_incarnation
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.reactions import TABLE, TICKS
from weft.engine.reactions.ordering import link_of
from weft.identity.keylog import SCOPE_NODE, DeviceDelegation, KeyInception, commitment
from weft.identity.keys import Signer
from weft.peers.http import HttpPeers
from weft.shopfloor import facts
from weft.stock import levels
from weft.trade import parent
from weft.trade.messages import Invoice

LATHE = Path(__file__).parents[2] / "examples" / "demo" / "machines" / "lathe.td.json"
AUTO = Rules(quote="auto", order="auto", change="auto", despatch="auto", subcontract="auto", receive="auto",
             invoice="auto", alarm_minutes=180, promise_move_minutes=30)
PATIENCE_S = 600.0
CHANGES = frozenset({"OrderChange", "OrderChangeResponse", "OrderChangeWithdrawn"})  # these may cross
COUNTED_APART = frozenset({"Ack", "ProgressNotice", "PromiseMoved", "PricesCommitted"}) | CHANGES  # how often depends


class Broken(Exception):
    """What must be true is not."""


class Ending(Lifeline):
    """A store whose node dies right after a commit whose number is in ``last``, before anybody is told of it."""

    def __init__(self, store: Any, count: list[int], last: Collection[int], die: Callable[[], None]) -> None:
        super().__init__(store)
        self.count, self.last, self.die = count, last, die

    async def commit(self, batch: Batch) -> None:
        if not self.alive:
            raise asyncio.CancelledError
        await self._store.commit(batch)
        if not self.alive:
            raise asyncio.CancelledError
        self.count[0] += 1
        if self.count[0] in self.last:
            self.die()
            raise asyncio.CancelledError


@dataclass(slots=True)
class LoopClock:
    """Virtual time, and right."""

    loop: SimulatedLoop

    def now_ms(self) -> int:
        return EPOCH_MS + int(self.loop.time() * 1000)


@dataclass(slots=True)
class Crashing(Firm):
    """A firm with all books and all reactions; ``commits`` counts, after those in ``last`` it dies."""

    rules: Rules = AUTO
    commits: list[int] = field(default_factory=lambda: [0])
    last: Collection[int] = ()
    crashes: int = 0

    async def found(self) -> None:
        root, following, device = (Signer(self.luck.randbytes(32)) for _ in range(3))
        self.clock = LoopClock(self.loop)
        self.config = Config(firm=FirmSection(name=self.name, lang="en", url=self.url), rules=self.rules,
                             peers=Peers(retry_s_min=0.1, retry_s_max=0.5),
                             prices=Prices(batch_minutes=0.1, show_after_minutes=0.05))
        memory = Memory(Identity("", device, new_incarnation(self.luck.randbytes)), self.disk.start(), self.clock,
                        self.luck.randbytes)
        self.organisation = await handle.append_key_events(memory, root, [
            KeyInception(keys=[root.public], next=commitment([following.public])),
            DeviceDelegation(device=device.public, scope=SCOPE_NODE)])
        memory.identity.organisation = self.organisation
        memory.identity.key_event = (await memory.state(self.organisation)).event
        self.identity = memory.identity
        for book in BOOKS:
            machine = next(one for one in MACHINES.values() if one.conversation.NAME == book)
            await handle.open_thread(memory, machine, {self.organisation: "owner"}, None, f"book:{book}")

    async def _live(self) -> None:
        assert self.config is not None
        assert self.household is not None
        self.line = line = Ending(self.disk.start(), self.commits, self.last, self._die)
        peers = HttpPeers(self.address_of)
        node = Node(identity=self.identity, store=line, clock=self.clock, random=self.luck.randbytes,
                    config=self.config, peers=peers, table=TABLE, ticks=TICKS, tick_s=1.0)
        peers.memory = node
        peers._session = Session(self.network)
        self.network.hosts[self.name.lower()] = (peer_door(node), self.household)
        self.node = node
        await node.begin()
        self.up.set()

    def _die(self) -> None:
        """Power off now; on again a moment later."""
        self.crashes += 1
        self.line.alive = False
        self.network.hosts.pop(self.name.lower(), None)
        self.up.clear()
        household, self.node, self.household = self.household, None, None
        self.loop.call_soon(_end_all, household)
        self.loop.call_later(0.05, self.start)


def _end_all(household: Household | None) -> None:
    for task in list(household.tasks) if household else ():
        task.cancel()


def peer_door(node: Node) -> Any:
    from starlette.applications import Starlette

    return Starlette(routes=peer.routes(node))


def table(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def book(name: str, **prices: str) -> dict[str, Any]:
    return {"id": name, "name": name, "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
            "lines": [{"item": item, "unit": "C62", "tiers": [{"from": "1", "price": price}]}
                      for item, price in prices.items()],
            "valid_from": "2020-01-01T00:00:00Z"}


ALWAYS = ("calendars", "calendar,utc_offset,day,start,end\nday,+00:00,1-7,00:00,24:00\n")
SHOP = (("items", "item,name,unit\nV15,Valve,C62\nHND,Handle,C62\n"),)
FACTORY = (
    ("items", "item,name,unit,kind\nV15,Valve,C62,product\nBODY,Body,C62,part\nSEAL,Seal,C62,part\n"
              "CAST,Casting,C62,material\nHND,Handle,C62,product\nWIRE,Wire,C62,material\n"),
    ("stock", "item,quantity\nCAST,100\nSEAL,40\nSEAL,60\nWIRE,50\n"), ALWAYS,
    ("work-centres", "id,name,calendar\nASM,Assembly,day\n"),
    ("bills", "parent,component,quantity\nV15,BODY,1\nV15,SEAL,1\nHND,WIRE,2\n"),
    ("routings", "item,number,work_centre,setup_s,run_s\nV15,10,ASM,60,90\nHND,10,ASM,60,30\n"),
    ("supply-rules", "item,source,supplier,lead_days,free_issue\nBODY,buy,Turner,2,CAST\n"),
)
TURNER = (
    ("items", "item,name,unit,kind\nBODY,Body,C62,part\nCAST,Casting,C62,material\n"), ALWAYS,
    ("work-centres", "id,name,machine,calendar\nCNC,Lathe,L1,day\nBENCH,Bench,,day\n"),
    ("bills", "parent,component,quantity,source\nBODY,CAST,1,free-issue\n"),
    ("routings", "item,number,work_centre,setup_s,run_s\nBODY,10,CNC,300,60\nBODY,20,BENCH,60,20\n"),
)


@dataclass(slots=True)
class World:
    """One run of the story; ``deaths``: firm -> after which of its commits it dies, counted from the first word on."""

    loop: SimulatedLoop
    luck: random.Random
    deaths: Mapping[str, Collection[int]] = field(default_factory=dict)
    steps: list[tuple[str, dict[str, int]]] = field(default_factory=list)
    shop: Crashing = field(init=False)
    factory: Crashing = field(init=False)
    turner: Crashing = field(init=False)

    def __post_init__(self) -> None:
        network = Network(self.luck, delay_s=0.002)
        rules = {"shop": Rules(receive="auto", invoice="auto"), "factory": AUTO, "turner": AUTO}
        for name in ("shop", "factory", "turner"):
            firm = Crashing(name=name.title(), url=f"http://{name}", disk=MemoryDisk(""), network=network,
                            loop=self.loop, luck=random.Random(f"{name} 1"), table=TABLE, rules=rules[name])
            setattr(self, name, firm)

    @property
    def firms(self) -> tuple[Crashing, ...]:
        return self.shop, self.factory, self.turner

    # ---- asking -----------------------------------------------------------------------------------

    async def insist(self, firm: Crashing, action: Callable[[Node], Awaitable[Any]]) -> Any:
        """What ``action`` gives; asked again when the node dies under it."""
        while True:
            try:
                return await firm.call(action)
            except asyncio.CancelledError:
                await asyncio.sleep(0.01)

    async def do(self, firm: Crashing, command: str, /, **params: Any) -> Any:
        """One command of a person, with a key."""
        key = f"{firm.name} {len(self.steps)} {command}"
        self.steps.append((f"{firm.name} {command}", {one.name: one.commits[0] for one in self.firms}))
        return await self.insist(firm, lambda node: run(node, command, params, key))

    async def until(self, firm: Crashing, what: Callable[[Node], Awaitable[Any]], why: str) -> Any:
        """The first true value of ``what(node)``."""
        end = self.loop.time() + PATIENCE_S
        while self.loop.time() < end:
            with contextlib.suppress(WeftError):
                if value := await self.insist(firm, what):
                    return value
            await asyncio.sleep(0.05)
        raise Broken(f"{firm.name} never came to: {why}; {await self.told()}")

    async def told(self) -> str:
        """What the nodes say is wrong, for whoever must find out."""
        said = []
        for firm in self.firms:
            for bucket in ("trouble", "alarm"):
                said += [f"{firm.name} {bucket} {value.decode()}" for _, value in await firm.disk.store.values(bucket)]
            said += [f"{firm.name} effect {row.reaction}" for row in await firm.disk.store.effects()]
        return "; ".join(said)

    # ---- the story --------------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Firms that know each other and have what they need; from here on commits count towards their deaths."""
        for firm in self.firms:
            await firm.found()
            firm.start()
        await self._meet(self.factory, self.shop)
        await self._meet(self.turner, self.factory)
        await self._furnish()
        for firm in self.firms:
            firm.commits[0] = 0
            firm.last = firm.line.last = self.deaths.get(firm.name, ())

    async def run(self) -> dict[str, Any]:
        """The whole story; what it came to."""
        await self._begin()
        valves = await self._order_valves()
        handles = await self._order_more_and_cancel()
        await self._make(valves)
        await self._settle()
        await self._bind()
        await self._quiet()
        return await self._result((valves, handles))

    async def _meet(self, inviter: Crashing, joiner: Crashing) -> None:
        link = (await self.do(inviter, "invite")).facts["link"]
        await self.do(joiner, "join", link=link)

        async def known(node: Node) -> bool:
            other = joiner if node.organisation == inviter.organisation else inviter
            return bool(node.partner(other.organisation))

        await self.until(inviter, known, "a partner")
        await self.until(joiner, known, "a partner")

    async def _furnish(self) -> None:
        for firm, tables in ((self.shop, SHOP), (self.factory, FACTORY), (self.turner, TURNER)):
            for kind, text in tables:
                done = await self.do(firm, "import", kind=kind, content=table(text))
                assert not done.facts["problems"], (firm.name, kind, done.facts["problems"])
        await self.do(self.factory, "publish-prices", book=book("valves", V15="40", HND="6"))
        await self.do(self.turner, "publish-prices", book=book("turning", BODY="9"))
        await self.do(self.turner, "machine-add", name="L1", description=LATHE.read_text(encoding="utf-8"),
                      values={"NAME": "L1", "ENDPOINT": "opc.tcp://127.0.0.1:4840"})

    async def _order_valves(self) -> str:
        thread = (await self.do(self.shop, "request-quotation", supplier=self.factory.organisation,
                                lines=[{"item": "V15", "quantity": "20"}])).thread
        await self.until(self.shop, lambda node: self._quoted(node, thread, "20"), "a quotation")
        await self.do(self.shop, "counter-offer", thread=thread, lines=[{"line": "1", "quantity": "12"}])
        await self.until(self.shop, lambda node: self._quoted(node, thread, "12"), "a second quotation")
        await self.do(self.shop, "order", thread=thread)
        await self.until(self.shop, lambda node: self._phase(node, thread, "confirmed"), "a confirmation")

        async def work(node: Node) -> bool:
            return any(job.state == "AllowedToStart" for job in (await node.book_state("production")).jobs.values())

        await self.until(self.turner, work, "work for the lathe")
        return str(thread)

    async def _order_more_and_cancel(self) -> str:
        """Handles, more handles by a change, and none at all in the end."""
        thread = (await self.do(self.shop, "request-quotation", supplier=self.factory.organisation,
                                lines=[{"item": "HND", "quantity": "5"}])).thread
        await self.until(self.shop, lambda node: self._quoted(node, thread, "5"), "a quotation for handles")
        await self.do(self.shop, "order", thread=thread)
        await self.until(self.shop, lambda node: self._phase(node, thread, "confirmed"), "handles confirmed")
        await self.do(self.shop, "propose-change", thread=thread, lines=[{"line": "1", "quantity": "8"}])

        async def proposed(node: Node) -> Any:
            return next((name for name, one in (await node.state(thread)).changes.items() if one.status == "open"), "")

        change = await self.until(self.factory, proposed, "the change")
        await self.do(self.factory, "answer-change", thread=thread, change=change, option="change")

        async def making(node: Node) -> bool:
            production = await node.book_state("production")
            jobs = [job for job in production.jobs.values() if job.item == "HND"]
            return len(jobs) == 2 and all(job.state == "AllowedToStart" for job in jobs)

        await self.until(self.factory, making, "both lots of handles released")
        await self.do(self.shop, "cancel", thread=thread, reason="no need")

        async def stopped(node: Node) -> bool:
            production = await node.book_state("production")
            return all(job.state == "Aborted" for job in production.jobs.values() if job.item == "HND")

        await self.until(self.factory, stopped, "handles given up")
        return str(thread)

    async def _phase(self, node: Node, thread: str, phase: str) -> bool:
        return bool((await node.state(thread)).phase.value == phase)

    async def _quoted(self, node: Node, thread: str, quantity: str) -> bool:
        state = await node.state(thread)
        return state.phase.value == "quoted" and state.quotation.lines[0].quantity == quantity

    async def _job(self, firm: Crashing, operation: int, item: str) -> Any:
        async def free(node: Node) -> Any:
            return next((job for job in (await node.book_state("production")).jobs.values()
                         if (job.item, job.operation, job.state) == (item, operation, "AllowedToStart")), None)

        return await self.until(firm, free, f"a free job {operation} for {item}")

    async def _make(self, valves: str) -> None:
        """The lathe turns with an alarm in between, a person deburrs, another assembles; all is sent and received."""
        turning = await self._job(self.turner, 10, "BODY")
        await self._fact(facts.JobStarted(machine="L1", job=turning.id, at=self._now()))
        await self._fact(facts.JobCounted(machine="L1", job=turning.id, good=3, at=self._now()))
        await self._fact(facts.MachineAlarmed(machine="L1", code="101", text="Tool worn", job=turning.id,
                                              at=self._now()))
        await self._take_later(valves)
        await self._fact(facts.MachineCleared(machine="L1", code="101", at=self._now()))
        await self._fact(facts.JobEnded(machine="L1", job=turning.id, good=12, at=self._now()))
        for firm, operation, item in ((self.turner, 20, "BODY"), (self.factory, 10, "V15")):
            job = await self._job(firm, operation, item)
            await self.do(firm, "job-start", job=job.id, operator="Li")
            await self.do(firm, "job-count", job=job.id, good="6")
            await self.do(firm, "job-end", job=job.id, good="12")
        await self.until(self.shop, lambda node: self._phase(node, valves, "closed"), "valves at the shop")

    async def _take_later(self, thread: str) -> None:
        async def offered(node: Node) -> Any:
            return next((name for name, one in (await node.state(thread)).changes.items() if one.status == "open"), "")

        await self.until(self.shop, offered, "a later date offered")
        while True:  # a newer offer may take the place of the one that is answered
            await asyncio.sleep(5)
            try:
                await self.do(self.shop, "answer-change", thread=thread, option="later",
                              change=await self.until(self.shop, offered, "an open offer"))
            except WeftError:
                continue
            return

    async def _fact(self, fact: Any) -> None:
        """What the machine's runner would say; it says it again when it is not sure."""
        self.steps.append((f"L1 {type(fact).__name__}", {one.name: one.commits[0] for one in self.firms}))
        await self.insist(self.turner, lambda node: node.record("floor", fact))
        await asyncio.sleep(1)

    def _now(self) -> str:
        from weft.basis import instant

        return instant.from_ms(EPOCH_MS + int(self.loop.time() * 1000))

    async def _settle(self) -> None:
        """The factory's statement is confirmed and paid."""
        async def billed(node: Node) -> bool:
            thread = node.partner(self.shop.organisation)
            return any(isinstance(one.message, Invoice) for one in await node.log(str(thread)))

        await self.until(self.factory, billed, "an invoice")
        await self.do(self.factory, "statement", partner="Shop")

        async def stated(node: Node) -> Any:
            state = await node.state(str(node.partner(self.factory.organisation)))
            return next(iter(state.statements), "")

        statement = await self.until(self.shop, stated, "the statement")
        await self.do(self.shop, "answer-statement", partner="Factory", statement=statement)
        await self.do(self.shop, "remit", partner="Factory")

        async def paid(node: Node) -> Any:
            state = await node.state(str(node.partner(self.shop.organisation)))
            return next(iter(state.remittances), "")

        payment = await self.until(self.factory, paid, "the payment")
        await self.do(self.factory, "confirm-remittance", partner="Shop", remittance=payment)
        await self.do(self.shop, "stock-issue", item="V15", quantity="1", why="sale")

    async def _bind(self) -> None:
        """All that was said is bound into the sellers' price logs, and shown to the buyers."""
        async def done(node: Node) -> bool:
            return not await laws.waiting(node)

        for firm in self.firms:
            await self.until(firm, done, "all prices bound and shown")

    # ---- what it came to --------------------------------------------------------------------------

    async def _quiet(self) -> None:
        end, calm = self.loop.time() + PATIENCE_S, 0
        while calm < 3:
            await asyncio.sleep(0.5)
            calm = calm + 1 if await self._still() else 0
            if self.loop.time() > end:
                raise Broken(f"never quiet: {await self.told()}")

    async def _still(self) -> bool:
        for firm in self.firms:
            await firm.up.wait()
            node = firm.node
            if node is None or node.to_ack or await node.store.outbox() or await node.store.effects():
                return False
        return True

    async def _result(self, orders: tuple[str, ...]) -> dict[str, Any]:
        """All that matters to the firms, without ids and times."""
        told: dict[str, Any] = {"troubles": await self.told()}
        for firm in self.firms:
            assert firm.node is not None
            told[firm.name] = await self._holdings(firm.node)
            told[f"{firm.name} prices"] = await laws.check(firm.node)
            told[f"{firm.name} threads"] = sorted([await self._thread(firm.node, one) for kind in
                                                   ("order", "relationship") for one in firm.node.threads(kind)])
        told["differences"] = await self._differences()
        told["links"] = await self._links(orders)
        return told

    async def _holdings(self, node: Node) -> dict[str, Any]:
        stock, production = await node.book_state("stock"), await node.book_state("production")
        names = {one.organisation: one.name for one in self.firms} | {"": ""}
        parcels: Counter[str] = Counter()
        for one in levels.parcels(stock):
            parcels[f"{one.item} of {names[one.owner]} at {names[one.holder]}"] += int(float(one.quantity))
        kinds: Counter[str] = Counter()
        for name in BOOKS:
            for logged in await node.log(node.book(name)):
                if logged.kind not in COUNTED_APART and getattr(logged.message, "arrived", True):
                    kinds[f"{name} {logged.kind}"] += 1
        return {
            "parcels": dict(sorted(parcels.items())), "events": dict(sorted(kinds.items())),
            "reserved": sorted(f"{one.item} {one.quantity}" for one in stock.reservations.values()),
            "capacity": len(production.reservations),
            "jobs": sorted(f"{job.item} {job.operation} {job.quantity} {job.state} {job.good}"
                           for job in production.jobs.values()),
        }

    async def _thread(self, node: Node, thread: str) -> str:
        log = [one for one in await node.log(thread) if one.kind not in COUNTED_APART]
        kinds = Counter(f"{one.role} {one.kind}{' void' if one.void else ''}" for one in log)
        state = await node.state(thread)
        shown = getattr(state, "phase", "") and state.phase.value
        money = sorted(one.amount for one in getattr(state, "documents", {}).values())
        return json.dumps([shown, money, sorted(kinds.items())])

    async def _differences(self) -> list[str]:
        sides: dict[str, set[tuple[Any, ...]]] = {}
        for firm in self.firms:
            assert firm.node is not None
            for kind in ("order", "relationship"):
                for thread in firm.node.threads(kind):
                    loaded = await firm.node.loaded(thread)
                    sides.setdefault(thread, set()).add((loaded.heads, state_hash(loaded.state)))
        return [thread for thread, seen in sides.items() if len(seen) > 1]

    async def _links(self, orders: tuple[str, ...]) -> list[bool]:
        """Whether each child order opens the commitment to the order above it."""
        node = self.factory.node
        assert node is not None
        opened = []
        for thread in node.threads("order"):
            state = await node.state(thread)
            if state.request is None or not state.request.parent:
                continue
            link = await link_of(node, thread)
            opened.append(link is not None and link.thread in orders
                          and parent.opens(state.request.parent, unb64(link.salt, 32), link.thread, link.line))
        return opened

