"""The asset connection over OPC UA: a link that is kept up, its subscription, and reads, writes and calls.

OPC 10000-4 services by asyncua; each link-up is a fresh session and subscription, so that it begins with all
present values. Notifications come in whole batches (asyncua's per-change handler costs twice as much).
Rule 1: a link that has fallen silent is a link that is down: keep-alives are awaited, never assumed.
Rule 2: a property the device does not know is BAD with its reason, told once and tried again later.
Rule 3: what was sent and not answered is ``machine.no-answer``; nothing is ever sent twice.
Not here: security (``opcua_channel``), values (``opcua_values``), browsing (``opcua_browse``).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_from_binary

from weft.basis.errors import Invalid, Unavailable
from weft.machines import keeping, opcua_browse
from weft.machines.opcua_channel import OpcUaFiles, check_security, close_session, open_session
from weft.machines.opcua_values import BUILT_IN, milliseconds, natural, node_id, value_of, variant
from weft.shopfloor.connection import (
    BrowsedNode,
    Capability,
    Change,
    OnChanges,
    OnLink,
    Quality,
    Scalar,
    Value,
)
from weft.shopfloor.description import Action, Description, Security

CAPABILITIES: Final = frozenset(Capability)
ITEMS_PER_CALL: Final = 500
QUEUE: Final = 10  # changes that the device keeps per property between two batches
_SILENCE: Final = (OSError, TimeoutError)
_DOUBTFUL: Final = ("Timeout", "Communication", "NoCommunication", "ConnectionClosed", "SecureChannelClosed",
                    "SessionClosed", "Shutdown", "ServerHalted")  # an answer that does not say what was done

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace(keeping.Pace):
    """Times in seconds, publishing in ms."""

    publishing_ms: int = 50
    look_again_s: float = 30.0


@dataclass(slots=True)
class _Session:
    """One link-up: its client, node ids, what each node wants written, and the subscription's bookkeeping."""

    client: Client
    nodes: dict[str, ua.NodeId]
    wrong: dict[str, str]
    namespaces: list[str]
    down: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = ""
    kinds: dict[str, ua.VariantType] = field(default_factory=dict)
    subscription: int = 0
    quiet_s: float = 0.0
    heard: float = 0.0
    sequence: int = 0
    missing: set[str] = field(default_factory=set)

    def fail(self, reason: str) -> None:
        """Give this link up; the keeper makes a new one."""
        self.reason = self.reason or reason
        self.down.set()


class OpcUaConnection(keeping.KeptConnection):
    """One machine over OPC UA; see ``AssetConnection``."""

    def __init__(self, description: Description, files: OpcUaFiles | None = None, pace: Pace | None = None) -> None:
        check_security(description, files)
        self._opcua = pace or Pace()
        super().__init__(description, self._opcua)
        self._files = files
        self._session: _Session | None = None
        self._handles: dict[int, str] = {}

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES

    # ---- the link ------------------------------------------------------------------------------------

    def subscribe(self, names: Sequence[str], on_changes: OnChanges, on_link: OnLink) -> None:
        """Hear every change of ``names``; on an open link it begins with the next link-up, which follows at once."""
        self._handles = dict(enumerate(names, 1))
        super().subscribe(names, on_changes, on_link)

    def _begin_anew(self) -> None:
        if self._session is not None:
            self._session.fail("subscribe")

    def _reason(self, error: BaseException) -> str:
        return _reason(error)

    async def _live(self) -> None:
        """One link, from connecting to its end; raises what made it fail."""
        client, self.notice = await open_session(self.description, self._files, self._opcua.timeout_s)
        session = None
        try:
            session = await self._prepared(client)
            self._session = session
            self._came_up()
            await self._subscribe(session)
            self._up.set()
            await self._watch(session)
        finally:
            if session is not None:
                self._session = None
                self._went_down(session.reason)
            await asyncio.shield(close_session(client))

    async def _prepared(self, client: Client) -> _Session:
        namespaces = list(await client.get_namespace_array())
        session = _Session(client=client, nodes={}, wrong={}, namespaces=namespaces, heard=time.monotonic())

        async def lost(error: Exception) -> None:
            session.fail(_reason(error))

        client.connection_lost_callback = lost
        for name, prop in self.description.properties.items():
            try:
                session.nodes[name] = node_id(prop.href, namespaces, self.description.base)
            except Invalid as error:
                session.wrong[name] = error.code.removeprefix("machine.")
        return session

    async def _watch(self, session: _Session) -> None:
        look_again = time.monotonic() + self._opcua.look_again_s
        while not session.down.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(session.down.wait(), 0.5)
            now = time.monotonic()
            if session.subscription and now - session.heard > session.quiet_s:
                session.fail("silent")
            if session.missing and now > look_again and not session.down.is_set():
                look_again = now + self._opcua.look_again_s
                await self._monitor(session, sorted(session.missing), told=True)
        self._last_heard = session.heard if session.subscription else time.monotonic()

    # ---- the subscription ----------------------------------------------------------------------------

    async def _subscribe(self, session: _Session) -> None:
        if not self._names:
            return
        pace = self._opcua
        wanted = ua.CreateSubscriptionParameters(
            RequestedPublishingInterval=pace.publishing_ms, RequestedLifetimeCount=1200,
            RequestedMaxKeepAliveCount=20, MaxNotificationsPerPublish=0, PublishingEnabled=True, Priority=0)
        given = await session.client.uaclient.create_subscription(
            wanted, lambda result: self._published(session, result))
        alive_s = given.RevisedPublishingInterval * given.RevisedMaxKeepAliveCount / 1000
        session.quiet_s = max(pace.silence_s, 2.5 * alive_s)
        session.subscription, session.heard = given.SubscriptionId, time.monotonic()
        known = [name for name in self._names if name in session.nodes]
        lost = {name: session.wrong.get(name, "unknown-property") for name in self._names if name not in session.nodes}
        self._tell_bad(lost)
        await self._monitor(session, known)

    async def _monitor(self, session: _Session, names: Sequence[str], *, told: bool = False) -> None:
        numbers = {name: number for number, name in self._handles.items()}
        bad: dict[str, str] = {}
        for start in range(0, len(names), ITEMS_PER_CALL):
            some = names[start : start + ITEMS_PER_CALL]
            items = [self._item(session.nodes[name], numbers[name]) for name in some]
            results = await session.client.uaclient.create_monitored_items(ua.CreateMonitoredItemsParameters(
                SubscriptionId=session.subscription, TimestampsToReturn=ua.TimestampsToReturn.Both,
                ItemsToCreate=items))
            for name, result in zip(some, results, strict=True):
                if result.StatusCode.is_good():
                    session.missing.discard(name)
                else:
                    session.missing.add(name)
                    bad[name] = result.StatusCode.name
        if not told:
            self._tell_bad(bad)

    def _item(self, node: ua.NodeId, number: int) -> ua.MonitoredItemCreateRequest:
        return ua.MonitoredItemCreateRequest(
            ItemToMonitor=ua.ReadValueId(NodeId=node, AttributeId=ua.AttributeIds.Value),
            MonitoringMode=ua.MonitoringMode.Reporting,
            RequestedParameters=ua.MonitoringParameters(
                ClientHandle=number, SamplingInterval=self._opcua.publishing_ms / 2, QueueSize=QUEUE,
                DiscardOldest=True))

    def _published(self, session: _Session, result: ua.PublishResult) -> None:
        """Take one publish response: a batch of changes, or the word that nothing changed."""
        session.heard = self._last_heard = time.monotonic()
        message = result.NotificationMessage
        parts = message.NotificationData or []
        if not parts or session is not self._session:
            return
        number = int(message.SequenceNumber)
        if session.sequence and number not in (session.sequence + 1, 1):
            session.fail("gap")  # something was lost on the way: begin anew with all present values
            return
        session.sequence = number
        batch: list[Change] = []
        for part in parts:
            if isinstance(part, ua.DataChangeNotification):
                batch.extend(self._changes(part.MonitoredItems))
            elif isinstance(part, ua.StatusChangeNotification):
                session.fail(f"subscription {part.Status.name}")
        self._tell(batch)

    def _changes(self, items: Iterable[Any]) -> Iterable[Change]:
        for one in items:
            name = self._handles.get(one.ClientHandle)
            if name is None:
                continue
            value = value_of(one.Value)
            if not value.source_ms:  # written by a client that gave no stamp: the server's stands in for the order
                value = msgspec.structs.replace(value, source_ms=value.server_ms)
            yield name, value

    # ---- reading, writing, calling -------------------------------------------------------------------

    async def read(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Fresh values from the device (not from its cache), with its clock in ``server_ms``."""
        session = self._require()
        found = {name: Value(None, Quality.BAD, detail=session.wrong.get(name, "unknown-property"))
                 for name in names if name not in session.nodes}
        known = [name for name in names if name in session.nodes]
        for start in range(0, len(known), ITEMS_PER_CALL):
            some = known[start : start + ITEMS_PER_CALL]
            data, stamp = await self._read_attributes(
                session, [(session.nodes[name], ua.AttributeIds.Value) for name in some])
            found.update({name: value_of(one, stamp) for name, one in zip(some, data, strict=True)})
        return found

    async def _read_attributes(
        self, session: _Session, wanted: Sequence[tuple[ua.NodeId, ua.AttributeIds]]
    ) -> tuple[list[ua.DataValue], int]:
        request = ua.ReadRequest()
        request.Parameters.MaxAge = 0
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=what) for node, what in wanted]
        protocol = session.client.uaclient.protocol
        try:
            if protocol is None:
                raise ConnectionError("no transport")
            response = struct_from_binary(ua.ReadResponse, await protocol.send_request(request))
            response.ResponseHeader.ServiceResult.check()
        except (*_SILENCE, ua.UaError) as error:
            raise Unavailable("machine.no-answer", machine=self.description.title, detail=_reason(error)) from error
        return list(response.Results), milliseconds(response.ResponseHeader.Timestamp)

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Write in one request; gives per name an empty string, or the device's reason for refusing."""
        session = self._require()
        await self._learn_kinds(session, values)
        refused: dict[str, str] = {}
        items: dict[str, ua.WriteValue] = {}
        for name, value in values.items():
            kind = session.kinds.get(name)
            typed = variant(value, kind) if kind is not None else None
            if typed is None:
                refused[name] = session.wrong.get(name, "type")
            else:
                data = ua.DataValue(Value=typed, StatusCode=None)  # many controllers refuse a write with stamps
                items[name] = ua.WriteValue(NodeId=session.nodes[name], AttributeId=ua.AttributeIds.Value, Value=data)
        if refused:
            return {name: refused.get(name, "not-sent") for name in values}
        request = ua.WriteParameters(NodesToWrite=list(items.values()))
        results = await self._ask(session.client.uaclient.write(request), list(items))
        if isinstance(results, str):
            return dict.fromkeys(items, results)
        return {name: self._verdict(status) for name, status in zip(items, results, strict=True)}

    async def _learn_kinds(self, session: _Session, names: Iterable[str]) -> None:
        """Learn once per link-up which type each node wants: its data type, else the type of its value."""
        wanted = [name for name in names if name in session.nodes and name not in session.kinds]
        if not wanted:
            return
        pairs = [(session.nodes[name], what) for name in wanted
                 for what in (ua.AttributeIds.DataType, ua.AttributeIds.Value)]
        try:
            data, _ = await self._read_attributes(session, pairs)
        except Unavailable as error:  # nothing has been written yet
            raise Unavailable("machine.unreachable", **error.facts) from error
        for name, declared, present in zip(wanted, data[::2], data[1::2], strict=True):
            node = declared.Value.Value if declared.Value is not None else None
            if isinstance(node, ua.NodeId) and node.NamespaceIndex == 0 and node.Identifier in BUILT_IN:
                session.kinds[name] = BUILT_IN[node.Identifier]
            elif present.Value is not None and present.Value.Value is not None and not present.Value.is_array:
                session.kinds[name] = present.Value.VariantType

    async def _ask(self, sent: Any, about: Sequence[str]) -> Any:
        """The answer to ``sent``; a string when the whole request was refused; raises ``machine.no-answer``."""
        try:
            return await sent
        except (*_SILENCE, ua.UaError) as error:
            why = _reason(error)
            if isinstance(error, ua.UaStatusCodeError) and not any(one in why for one in _DOUBTFUL):
                return why
            raise Unavailable("machine.no-answer", machine=self.description.title,
                              detail=f"{why}: {', '.join(about)}"[:120]) from error

    def _verdict(self, status: ua.StatusCode) -> str:
        if status.is_good():
            return ""
        if any(one in status.name for one in _DOUBTFUL):
            raise Unavailable("machine.no-answer", machine=self.description.title, detail=status.name)
        return str(status.name)

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:
        """Call ``action``; an empty string, or the device's reason for refusing."""
        session = self._require()
        known = self.description.actions.get(action)
        if known is None:
            return "unknown-action"
        try:
            method = node_id(known.href, session.namespaces, self.description.base)
            owner = await self._owner(session, known, method)
        except Invalid as error:
            return error.code.removeprefix("machine.")
        kinds = await opcua_browse.input_kinds(session.client, method)
        if kinds and len(kinds) != len(arguments):
            return "arguments"
        typed = [variant(one, kind) for one, kind in
                 zip(arguments, kinds or [natural(one) for one in arguments], strict=True)]
        if any(one is None for one in typed):
            return "type"
        request = ua.CallMethodRequest(ObjectId=owner, MethodId=method, InputArguments=typed)
        results = await self._ask(session.client.uaclient.call([request]), [action])
        return results if isinstance(results, str) else self._verdict(results[0].StatusCode)

    async def _owner(self, session: _Session, action: Action, method: ua.NodeId) -> ua.NodeId:
        if action.object:
            return node_id(action.object, session.namespaces, self.description.base)
        return await opcua_browse.owner_of(session.client, method, self.description.title)

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:
        """What the device offers, at most ``depth`` levels below ``under``, or below its objects folder."""
        session = self._require()
        top = node_id(under, session.namespaces, self.description.base) if under else None
        return await opcua_browse.browse(session.client, session.namespaces, depth, self.description.title, top)

    def _require(self) -> _Session:
        if self._session is None or self._session.down.is_set():
            raise self._unreachable()
        return self._session


def _reason(error: BaseException) -> str:
    if isinstance(error, ua.UaStatusCodeError):
        return str(ua.StatusCode(error.code).name)
    return keeping.reason(error)


async def discover(
    endpoint: str, security: Security, files: OpcUaFiles | None, depth: int = 6, timeout_s: float = 10.0
) -> Sequence[BrowsedNode]:
    """What the server at ``endpoint`` offers; raises ``Unavailable('machine.unreachable')`` with its reason."""
    description = Description(id="urn:weft:discovery", title=endpoint, base=endpoint, scheme="opc.tcp",
                              security=security)
    connection = OpcUaConnection(description, files)
    await connection.open()
    try:
        if not await connection.wait_up(timeout_s):
            raise connection.last_fault or Unavailable(
                "machine.unreachable", machine=endpoint, detail=connection.last_error[:120])
        return await connection.browse(depth)
    finally:
        await connection.close()
