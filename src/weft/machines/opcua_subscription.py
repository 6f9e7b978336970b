"""What an OPC UA server tells by itself: one subscription, several Publish requests in flight, nothing lost unseen.

OPC 10000-4 §5.13, §5.14.
Rule 1: messages are taken in the order of their numbers; one that is missing is asked for again (Republish), and where
        the server has it no more, the link begins anew with all present values.
Rule 2: what the server will not watch because it watches enough already is read again and again instead, and told.
Rule 3: keep-alives are awaited: a subscription that has fallen silent makes a link that is down, whatever time the
        server takes for itself.
Not here: bytes (``opcua_notified``), the link itself (``opcua``).
"""

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from asyncua import ua

from weft.machines.opcua_notified import Notified, notified, republished
from weft.machines.opcua_services import LARGE, SILENCE, Services, batches, reason
from weft.machines.opcua_values import value_of
from weft.shopfloor.connection import Change

IN_FLIGHT: Final = 3
QUEUE: Final = 10  # changes that the device keeps per property between two batches
AHEAD_MAX: Final = 50  # messages kept while one before them is missing
QUIET_MAX_S: Final = 300.0
_FULL: Final = ("BadTooManyMonitoredItems", "BadMonitoredItemFilterUnsupported", "BadOutOfMemory")

OnBatch = Callable[[Sequence[Change]], None]


@dataclass(slots=True)
class Subscription:
    """The subscription of one session. ``failed`` is called once with what made it end."""

    services: Services
    tell: OnBatch
    failed: Callable[[str], None]
    quiet_s: float = 0.0
    heard: float = field(default_factory=time.monotonic)
    id: int = 0
    names: dict[int, str] = field(default_factory=dict)  # by client handle, as long as it is watched
    polled: dict[str, ua.NodeId] = field(default_factory=dict)
    looked: float = field(default_factory=time.monotonic)  # when something was last asked to be watched
    asked_again: int = 0  # how often a message had to be asked for again
    _handles: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _interval_ms: float = 50.0
    _expected: int = 0  # the number of the next message; 0 before the first
    _ahead: dict[int, list[Change]] = field(default_factory=dict)
    _acks: list[int] = field(default_factory=list)
    _mending: asyncio.Task[None] | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def begin(self, publishing_ms: int, silence_s: float) -> None:
        """Have the server make it."""
        request = ua.CreateSubscriptionRequest()
        request.Parameters = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=publishing_ms, RequestedLifetimeCount=1200,
            RequestedMaxKeepAliveCount=20, MaxNotificationsPerPublish=0, PublishingEnabled=True, Priority=0)
        given = (await self.services.send(request, ua.CreateSubscriptionResponse)).Parameters
        alive_s = given.RevisedPublishingInterval * given.RevisedMaxKeepAliveCount / 1000
        self.quiet_s = max(silence_s, min(QUIET_MAX_S, 2.5 * alive_s))
        self.id, self.heard, self._interval_ms = given.SubscriptionId, time.monotonic(), publishing_ms
        self._tasks = [asyncio.create_task(self._publish(number)) for number in range(IN_FLIGHT)]

    async def end(self) -> None:
        """Stop listening; the session's end takes the subscription with it."""
        tasks = [*self._tasks, *([self._mending] if self._mending else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._tasks.clear()

    @property
    def silent(self) -> bool:
        """True when not even a keep-alive came for too long."""
        return bool(self.id) and time.monotonic() - self.heard > self.quiet_s

    # ---- what is watched -------------------------------------------------------------------------------

    async def watch(self, nodes: Mapping[str, ua.NodeId]) -> dict[str, str]:
        """Watch ``nodes``; gives what the server refuses to watch and why. What is too much is polled (Rule 2)."""
        self.looked = time.monotonic()
        refused: dict[str, str] = {}
        full = False
        for some in batches(tuple(nodes.items()), self.services.limits.monitor):
            if full:
                self.polled.update(some)
                continue
            for (name, node), status in zip(some, await self._create(some), strict=True):
                self.polled.pop(name, None)
                if status.name in _FULL:
                    self.polled[name] = node
                    full = True
                elif not status.is_good():
                    refused[name] = status.name
        return refused

    async def _create(self, some: Sequence[tuple[str, ua.NodeId]]) -> list[ua.StatusCode]:
        request = ua.CreateMonitoredItemsRequest()
        items = []
        for name, node in some:
            number = next(self._handles)
            self.names[number] = name
            items.append(ua.MonitoredItemCreateRequest(
                ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value),
                MonitoringMode=ua.MonitoringMode.Reporting,
                RequestedParameters=ua.MonitoringParameters(
                    ClientHandle=number, SamplingInterval=self._interval_ms / 2, QueueSize=QUEUE, DiscardOldest=True)))
        request.Parameters = ua.CreateMonitoredItemsParameters(
            SubscriptionId=self.id, TimestampsToReturn=ua.TimestampsToReturn.Both, ItemsToCreate=items)
        try:
            response = await self.services.send(request, ua.CreateMonitoredItemsResponse)
        except ua.UaStatusCodeError as error:
            if ua.StatusCode(error.code).name not in _FULL:
                raise
            return [ua.StatusCode(error.code)] * len(some)
        for item, one in zip(items, response.Results, strict=True):
            if not one.StatusCode.is_good():
                del self.names[item.RequestedParameters.ClientHandle]
        return [one.StatusCode for one in response.Results]

    async def poll(self) -> None:
        """Read once what the server does not watch, and tell it."""
        names = tuple(self.polled)
        data, stamp = await self.services.read([(self.polled[name], ua.AttributeIds.Value) for name in names])
        self.tell([(name, value_of(one, stamp)) for name, one in zip(names, data, strict=True)])

    # ---- what is told ----------------------------------------------------------------------------------

    async def _publish(self, number: int) -> None:
        """One of several requests that wait at the server; it is given the next as soon as it has answered."""
        while True:
            request = ua.PublishRequest()
            acks, self._acks = self._acks, []
            request.Parameters.SubscriptionAcknowledgements = [
                ua.SubscriptionAcknowledgement(SubscriptionId=self.id, SequenceNumber=one) for one in acks]
            try:
                raw = await self.services.raw(request, 0)
                if len(raw) > LARGE:  # others have their turn meanwhile
                    self.take(await asyncio.to_thread(notified, raw, dict(self.names)))
                else:
                    self.take(notified(raw, self.names))
            except (*SILENCE, ua.UaError) as error:
                why = reason(error)
                if why == "BadTooManyPublishRequests" and number > 0:
                    return  # it takes fewer
                if why != "BadTimeout":
                    self.failed(why)
                    return
            except Exception as error:  # noqa: BLE001 - bytes that nobody can read end the link, which begins anew
                self.failed(f"publish {type(error).__name__}")
                return

    def take(self, message: Notified) -> None:
        """Take in one message: what is in its turn is told, what is too early waits for what is missing."""
        self.heard = time.monotonic()
        if message.subscription != self.id:
            return
        if message.failed:
            self.failed(message.failed)
            return
        self._expected = self._expected or message.number
        if not message.alive:
            self._acks.append(message.number)
            if message.number == self._expected:
                self._next(message.changes)
            elif _after(message.number, self._expected):
                self._ahead[message.number] = message.changes
            if len(self._ahead) > AHEAD_MAX:
                self.failed("gap")
        if (self._ahead or (message.alive and _after(message.number, self._expected))) and self._mending is None:
            until = min(self._ahead, default=message.number)
            self._mending = asyncio.create_task(self._mend(until))

    def _next(self, changes: Sequence[Change]) -> None:
        self.tell(changes)
        self._expected = _following(self._expected)
        while self._expected in self._ahead:
            self.tell(self._ahead.pop(self._expected))
            self._expected = _following(self._expected)

    async def _mend(self, until: int) -> None:
        """Ask for what is missing before message ``until``."""
        try:
            while _after(until, self._expected):
                missing = self._expected
                request = ua.RepublishRequest()
                request.Parameters = ua.RepublishParameters(SubscriptionId=self.id, RetransmitSequenceNumber=missing)
                self.asked_again += 1
                raw = await self.services.raw(request)
                if self._expected == missing:
                    self._acks.append(missing)
                    self._next(republished(raw, self.names))
        except Exception:  # noqa: BLE001 - also bytes that nobody can read: what was lost is lost
            self.failed("gap")
        finally:
            self._mending = None


def _following(number: int) -> int:
    """The number after ``number``; they begin again at 1 (OPC 10000-4 §7.22)."""
    return 1 if number >= 0xFFFFFFFF else number + 1


def _after(number: int, expected: int) -> bool:
    """Whether ``number`` comes later than ``expected``, also where they have begun again."""
    return 0 < (number - expected) % 0x100000000 < 0x80000000
