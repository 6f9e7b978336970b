"""The node as a whole: threads, machines' live values, and the workers that keep it going.

Rule 1: a node that has started goes on where it stopped: effects, deliveries and acknowledgements are in the store.
Rule 2: stopping ends every worker; nothing that was acknowledged needs them to have finished.
Not here: how a node is put together from parts (``launch.py``), what follows what (``reactions/``).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec

from weft import locale
from weft.basis.decider import Message
from weft.basis.errors import Unavailable, WeftError
from weft.config import Config
from weft.engine import by_order, exchange, handle, restored
from weft.engine.budgets import Budgets
from weft.engine.by_order import ByOrder
from weft.engine.effects import Effects, Reaction
from weft.engine.ended import EndedOrders
from weft.engine.knocking import Knocking
from weft.engine.levelling import Leveller
from weft.engine.live import Live
from weft.engine.machines import MACHINES, machine
from weft.engine.memory import BY_ITSELF, END, Memory
from weft.engine.outbox import Outbox
from weft.engine.ports import Peers, StoreConflict
from weft.engine.requests import Gate
from weft.engine.rest import Rest
from weft.engine.threads import Loaded
from weft.engine.twins.changes import Changes
from weft.engine.twins.derived import Twins
from weft.engine.twins.functions import functions
from weft.engine.twins.operations import Operations
from weft.engine.twins.ports import TwinStore
from weft.engine.twins.repository import Repository
from weft.engine.twins.window import Windows
from weft.engine.work_log import WorkLog
from weft.locale import formats
from weft.stock.messages import Consumed
from weft.trade import relationship
from weft.trade.say import Say

JOINED: Final = "joined"  # bucket: addresses of firms whose invitation we answer
DETOURS: Final = "address"  # bucket: addresses that the owner gave for a partner
ACK_PAUSE_S: Final = 0.02  # an answer that comes within it makes the ack superfluous

AGAIN_S_MAX: Final = 60.0  # the longest pause before a worker that failed begins again
_LOG: Final = logging.getLogger("weft.node")


@dataclass(slots=True, kw_only=True)
class Node(Memory):
    """One firm's running node. ``table`` is the table of reactions; ``ticks`` run every ``tick_s`` seconds."""

    config: Config
    peers: Peers
    table: Mapping[tuple[str, str], Sequence[Reaction]] = field(default_factory=dict)
    ticks: Sequence[Callable[["Node"], Awaitable[None]]] = ()
    tick_s: float = 1.0
    live: Live = field(default_factory=Live)
    history: Any = None  # numbers of machines over time, where they are kept (``series.History``)
    devices: Any = None
    paper: Any = None  # where a recovery sheet waits to be printed (``papers.Paper``)
    floor: Any = None
    machine_access: Any = None  # logins and trusted certificates of machines (``machines.access.Access``)
    discovery: Any = None  # a look at devices that are no machines of ours yet (``discovery.Discovery``)
    ordering: Any = None  # what may be asked of machines (``machine_orders.Orders``)
    snapshot: Callable[[], AbstractAsyncContextManager["Node"]] | None = None  # a copy of this moment
    mail: Any = None
    twin_events: Any = None  # changes of the twins for those who do not ask (``twins.delivering.Deliveries``)
    witnessing: Any = None  # price logs: others' that we follow and cosign, ours that others do
    https: Any = None  # HTTPS as it is served: url, fingerprint and authority (``certificates.Secured``)
    dev_open: bool = False
    addresses: dict[str, str] = field(default_factory=dict)
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    detours: dict[str, str] = field(default_factory=dict)
    kept_plan: Any = None
    kept_told: Any = None  # what the plan has told so far (``moves``)
    consumption: ByOrder[Consumed] = field(default_factory=by_order.consumption)
    bills: ByOrder[str] = field(default_factory=by_order.bills)
    ended: EndedOrders = field(default_factory=EndedOrders)  # orders that are over
    prices_rest: Rest = field(default_factory=Rest)  # when a price that waits is looked at again
    work_log: WorkLog = field(default_factory=WorkLog)  # what people reported of their work
    outbox: Outbox = field(init=False)
    work: Effects = field(init=False)
    gate: Gate = field(init=False)
    leveller: Leveller = field(init=False)
    budgets: Budgets = field(init=False)
    knocking: Knocking = field(init=False)  # tills that ask to be let in
    twin_changes: Changes = field(init=False)  # what changed in the twins, as it happens
    operations: Operations = field(init=False)  # of twins, with what stands behind them
    twins: Repository = field(init=False)  # shells and submodels, those of the books and those that were written
    windows: Windows = field(init=False)  # what the buyers of our orders see of them
    proposals_answered: Counter[str] = field(default_factory=Counter)  # to close a thread, in this hour
    begun: bool = False
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _pollers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Memory.__post_init__(self)
        self.reactions = self.table
        by_name = {reaction.name: reaction for row in self.table.values() for reaction in row}
        self.work = Effects(self, by_name)
        retry = self.config.peers
        self.outbox = Outbox(self, self.peers, (int(retry.retry_s_min * 1000), int(retry.retry_s_max * 1000)))
        self.gate = Gate(self)
        self.knocking = Knocking(self.clock, self.random)
        self.twins = Repository(Twins(self), _nowhere)
        self.windows = Windows(self)
        self.operations = Operations(functions(self.twins, lambda: self.ordering))
        self.twin_changes = Changes(self.twins, self.live, self.clock)
        self.budgets = Budgets(self.config.limits, self.clock.now_ms)
        self.events_max = self.config.limits.thread_events
        self.leveller = Leveller(self.outbox, int(retry.compare_every_s * 1000))

    async def load(self) -> None:
        """Learn what the store knows; nobody is reached and nothing is done by itself yet."""
        await self.start()
        for thread in self.threads(relationship.NAME):
            self._note_partner(await self.loaded(thread))
        self.detours = {org: address.decode() for org, address in await self.store.values(DETOURS)}
        for organisation, address in await self.store.values(JOINED):
            self.addresses.setdefault(organisation, address.decode())

    async def begin(self) -> None:
        """Load what is needed and start the workers."""
        await self.load()
        await handle.open_books(self)
        if self.history is not None:
            await self.history.begin()
            await self.history.prime(self.live, await self.book_state("floor"))
        self.begun = True
        for organisation in self.addresses:
            self.poll_where_needed(organisation)
        self._tasks = [asyncio.create_task(self._kept(work)) for work in
                       (self.work.run, self.outbox.run, self._acknowledge, self._acks_owed, self._tick,
                        partial(restored.fetch_back, self.outbox), partial(exchange.run, self), self.leveller.run,
                        self.twins.run, *(part.run for part in (self.mail, self.witnessing, self.twin_events,
                                                                self.history) if part is not None))]

    async def stop(self) -> None:
        """End every worker."""
        tasks = [*self._tasks, *self._pollers.values()]
        waiting = {task for task in tasks if not task.done()}
        while waiting:  # a wait with a timeout may swallow one cancellation that comes as it ends
            for task in waiting:
                task.cancel()
            _, waiting = await asyncio.wait(waiting, timeout=0.5)
        await self.work.finish()
        self._tasks.clear()
        self._pollers.clear()

    def closing(self) -> None:
        """End every live page and every poll of a partner, so that stopping does not wait for them."""
        self.outbox.close()
        if self.mail is not None:
            self.mail.close()
        self.tell(END)

    def translate(self, lang: str, key: str, facts: Mapping[str, str | int]) -> str:
        """The sentence of ``key`` for people, instants by the firm's own clock."""
        zone = self.config.firm.zone
        return locale.text(lang, key, **{
            name: formats.moment(lang, str(value), zone) if formats.is_instant(value) else value
            for name, value in facts.items()})

    def address_of(self, organisation: str) -> str:
        """The URL of a partner (or of a firm whose invitation we answer), or ""; the owner's own word counts first."""
        return self.detours.get(organisation) or self.addresses.get(organisation, "")

    # ---- writing --------------------------------------------------------------------------------

    async def say(self, thread: str, command: Any, key: str = "") -> list[str]:
        """Say what ``command`` decides; ids of the new events. With ``key``, once and for all."""
        return await handle.say(self, thread, [command], key)

    async def say_many(self, thread: str, commands: Sequence[Any], key: str = "") -> list[str]:
        """Say what ``commands`` decide one after the other, in one transaction."""
        return await handle.say(self, thread, commands, key)

    async def open(self, name: str, members: Mapping[str, str], message: Message | None, key: str = "",
                   beside: handle.Beside | None = None) -> str:
        """Begin a thread of conversation ``name``; its id. With ``key``, once and for all; ``beside`` goes with it."""
        newest = next((one for one in MACHINES.values() if one.conversation.NAME == name), None)
        return await handle.open_thread(self, newest or machine(name), dict(members), message, key, beside)

    async def answered(self, thread: str, key: str) -> list[str] | None:
        """What was said in ``thread`` under ``key`` before; None when it was not (or ``key`` is empty)."""
        first = await self.store.done(thread, key) if key else None
        return None if first is None else msgspec.json.decode(first, type=list[str])

    async def speak(self, thread: str, message: Message, key: str = "") -> list[str]:
        """Say ``message`` in a shared thread in our own role there."""
        members = await self.members(thread)
        said = Say(members.get(self.organisation, ""), self.organisation, message)
        return await handle.say(self, thread, [said], key)

    async def record(self, book: str, *commands: Any, key: str = "") -> list[str]:
        """Say ``commands`` in our own ``book``, in one transaction."""
        return await handle.say(self, self.book(book), commands, key)

    async def book_state(self, book: str) -> Any:
        """The folded state of our own ``book``."""
        return await self.state(self.book(book))

    def swap(self, loaded: Loaded, effects: Any, kinds: Any) -> None:
        """Besides what memory does: know our partners."""
        if loaded.machine is not None and loaded.machine.conversation.NAME == relationship.NAME:
            self._note_partner(loaded)
        Memory.swap(self, loaded, effects, kinds)

    def _note_partner(self, loaded: Loaded) -> None:
        other = next((one for one in loaded.members if one != self.organisation), None)
        if other is None or not relationship.was_open(loaded.state):
            return
        held = self.partners.get(other)
        if relationship.is_open(loaded.state):
            known = held is not None and other not in self.ended_with
            self.partners[other] = min(held, loaded.thread) if held and known else loaded.thread
            self.ended_with.discard(other)
        elif held in {None, loaded.thread}:
            self.partners[other] = loaded.thread
            self.ended_with.add(other)
        party = relationship.party(loaded.state, other)
        self.addresses[other] = party.url if party else ""
        self.names[other] = (party.name,) if party else ()
        self.poll_where_needed(other)

    def poll_where_needed(self, other: str) -> None:
        """Poll a partner that cannot reach us; one poller a partner."""
        if not self.begun or self.config.firm.url or not self.peers.reachable(other) or other in self._pollers:
            return
        wait_ms = int(self.config.peers.poll_wait_s * 1000)
        self._pollers[other] = asyncio.create_task(self._kept(partial(self.outbox.poll, other, wait_ms)))

    # ---- workers --------------------------------------------------------------------------------

    async def _kept(self, work: Callable[[], Awaitable[None]]) -> None:
        """``work`` until it is done or cancelled; whatever else ends it, it begins again, each time a little later."""
        pause = self.tick_s
        while True:
            try:
                await work()
            except Exception:  # noqa: BLE001 - a fault of ours must not end a part of the node in silence
                _LOG.exception("a worker failed and begins again")
                await asyncio.sleep(pause)
                pause = min(AGAIN_S_MAX, pause * 2)
            else:
                return

    async def _acknowledge(self) -> None:
        while True:
            await self.ack_wake.wait()
            self.ack_wake.clear()
            await asyncio.sleep(ACK_PAUSE_S)
            while self.to_ack:
                thread = next(iter(self.to_ack))
                self.to_ack.pop(thread)
                try:
                    await handle.acknowledge(self, thread)
                except (Unavailable, StoreConflict):
                    await self._ack_later(thread)
                except WeftError:
                    continue

    async def _ack_later(self, thread: str) -> None:
        """The store cannot take it now: the acknowledgement is still owed."""
        await asyncio.sleep(self.tick_s)
        self.to_ack[thread] = None

    async def _acks_owed(self) -> None:
        """After a crash between storing and acknowledging: acknowledge now."""
        for row in await self.store.threads():
            if self.organisation.encode() in row.members and await handle.may_owe_ack(self, row):
                self.to_ack[row.thread] = None
                self.ack_wake.set()
            await asyncio.sleep(0)

    async def _tick(self) -> None:
        BY_ITSELF.set(True)  # no person asked for what a tick says
        while True:
            await asyncio.sleep(self.tick_s)
            for tick in self.ticks:
                try:
                    await tick(self)
                except WeftError:
                    continue
                except Exception:  # noqa: BLE001 - a fault of ours in one task must not stop the others
                    _LOG.exception("a regular task failed")


def _nowhere() -> TwinStore:
    raise Unavailable("store.unavailable", path="", reason="twins")
