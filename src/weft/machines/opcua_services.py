"""The services of one OPC UA server: never more in one request than it takes, and what each kind of answer means.

OPC 10000-4; OperationLimits of OPC 10000-5 §6.3.11.
Rule 1: a refusal is the server's own word; what may have been done all the same is ``machine.no-answer``.
Rule 2: nothing is sent twice.
Rule 3: bytes that nobody can read, and more or fewer answers than there were questions, are no answer; what is large is
        read in a thread, so that other machines have their turn.
Not here: the link (``opcua``), what is told by itself (``opcua_subscription``), how large it may be (``opcua_bounds``).
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncua import Client, ua
from asyncua.ua.ua_binary import struct_from_binary

from weft.basis.errors import Unavailable
from weft.machines import keeping
from weft.machines.opcua_values import milliseconds

PER_CALL: Final = 500  # where the server names no limit
REFERENCES_MAX: Final = 5000
PER_NODE: Final = 100  # references of one node in one answer, which so is read in a moment
SILENCE: Final = (OSError, TimeoutError)
PAGES_MAX: Final = 1000  # of one node, however little each brings
LARGE: Final = 256 * 1024  # bytes
ANSWER_MAX: Final = 2 * 1024 * 1024  # bytes of an answer without values
_DOUBTFUL: Final = ("Timeout", "Communication", "NoCommunication", "ConnectionClosed", "SecureChannelClosed",
                    "SessionClosed", "Shutdown", "ServerHalted")  # an answer that does not say what was done
_CLASSES: Final = ua.NodeClass.Variable | ua.NodeClass.Method | ua.NodeClass.Object
_LIMITS: Final = {
    "read": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
    "write": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerWrite,
    "browse": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxNodesPerBrowse,
    "monitor": ua.ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
}


@dataclass(slots=True)
class Limits:
    """How much the server takes in one request of each kind."""

    read: int = PER_CALL
    write: int = PER_CALL
    browse: int = PER_CALL
    monitor: int = PER_CALL


@dataclass(frozen=True, slots=True)
class Called:
    """What a method answered: ``reason`` is empty when it was carried out."""

    reason: str
    outputs: tuple[Any, ...] = ()


class Services:
    """What may be asked of one server within one session."""

    def __init__(self, client: Client, machine: str) -> None:
        self.client = client
        self.machine = machine
        self.limits = Limits()

    async def learn_limits(self) -> None:
        """Ask for the server's limits; one that names none, or none that are numbers, keeps ours."""
        for name, number in _LIMITS.items():  # one by one: even this must not be more than it takes
            try:
                data, _ = await self.read([(ua.NodeId(number), ua.AttributeIds.Value)])
            except Unavailable:
                return
            told = data[0].Value.Value if data[0].Value is not None else None
            if isinstance(told, int) and told > 0:
                setattr(self.limits, name, min(PER_CALL, told))

    async def send(self, request: Any, kind: Any) -> Any:
        """The response to ``request``, whose own result is good; raises what the library raises."""
        raw = await self.raw(request)
        if len(raw) > LARGE:
            if kind is not ua.ReadResponse and len(raw) > ANSWER_MAX:
                raise ua.UaStatusCodeError(ua.StatusCodes.BadTcpMessageTooLarge)
            response = await asyncio.to_thread(struct_from_binary, kind, raw)
        else:
            response = struct_from_binary(kind, raw)
        response.ResponseHeader.ServiceResult.check()
        return response

    async def raw(self, request: Any, timeout_s: float | None = None) -> Any:
        """The bytes of the response to ``request``; ``timeout_s`` 0 waits for ever."""
        protocol = self.client.uaclient.protocol
        if protocol is None:
            raise ConnectionError("no transport")
        return await protocol.send_request(request, timeout_s)

    async def read(self, wanted: Sequence[tuple[ua.NodeId, ua.AttributeIds]]) -> tuple[list[ua.DataValue], int]:
        """Attributes as the device has them now, and the device's clock; raises ``machine.no-answer``."""
        found: list[ua.DataValue] = []
        stamp = 0
        for some in batches(wanted, self.limits.read):
            request = ua.ReadRequest()
            request.Parameters.MaxAge = 0
            request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            request.Parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=what) for node, what in some]
            try:
                response = await self.send(request, ua.ReadResponse)
                found.extend(_each(response.Results, some))
            except Exception as error:  # whatever the library raises at such bytes (Rule 3)
                raise self.no_answer(reason(error)) from error
            stamp = milliseconds(response.ResponseHeader.Timestamp)
        return found, stamp

    async def write(self, items: dict[str, ua.WriteValue]) -> dict[str, str]:
        """Write; gives per name an empty string or the device's reason; raises ``machine.no-answer``."""
        told: dict[str, str] = {}
        for some in batches(tuple(items.items()), self.limits.write):
            request = ua.WriteParameters(NodesToWrite=[one for _, one in some])
            results = await self._ask(self.client.uaclient.write(request), [name for name, _ in some])
            if isinstance(results, str):
                return {**told, **{name: results if name in dict(some) else "not-sent"
                                   for name in items if name not in told}}
            told.update({name: self._verdict(status) for (name, _), status in zip(some, results, strict=True)})
        return told

    async def call(self, owner: ua.NodeId, method: ua.NodeId, arguments: Iterable[ua.Variant], about: str) -> Called:
        """Call a method once; raises ``machine.no-answer``."""
        request = ua.CallMethodRequest(ObjectId=owner, MethodId=method, InputArguments=list(arguments))
        results = await self._ask(self.client.uaclient.call([request]), [about])
        if isinstance(results, str):
            return Called(results)
        why = self._verdict(results[0].StatusCode)
        return Called(why, () if why else tuple(one.Value for one in results[0].OutputArguments or ()))

    async def references(
        self, nodes: Sequence[ua.NodeId], *, up: bool = False, most: int = REFERENCES_MAX
    ) -> list[list[Any]]:
        """What lies below (``up``: above) each of ``nodes``, about ``most`` in all; raises as the library does."""
        found: list[list[Any]] = []
        left = most
        for some in batches(nodes, self.limits.browse):
            wanted = [ua.BrowseDescription(
                NodeId=node, BrowseDirection=ua.BrowseDirection.Inverse if up else ua.BrowseDirection.Forward,
                IncludeSubtypes=True, ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences),
                NodeClassMask=_CLASSES, ResultMask=ua.BrowseResultMask.All) for node in some]
            view = ua.BrowseParameters(RequestedMaxReferencesPerNode=PER_NODE, NodesToBrowse=wanted)
            response = await self.send(ua.BrowseRequest(Parameters=view), ua.BrowseResponse)
            for result in _each(response.Results, some):
                found.append(list(result.References or []))
                await self._rest(result.ContinuationPoint, found[-1], left)
                left -= len(found[-1])
        return found

    async def _rest(self, point: bytes | None, into: list[Any], most: int) -> None:
        pages = 0
        while point:
            pages += 1
            ended = len(into) > most or pages > PAGES_MAX
            given = ua.BrowseNextParameters(ContinuationPoints=[point], ReleaseContinuationPoints=ended)
            response = await self.send(ua.BrowseNextRequest(Parameters=given), ua.BrowseNextResponse)
            if ended:
                return
            result = _each(response.Parameters.Results, [point])[0]
            into.extend(result.References or [])
            point = result.ContinuationPoint

    async def _ask(self, sent: Any, about: Sequence[str]) -> Any:
        """The answer to ``sent``; a string when the whole request was refused; raises ``machine.no-answer``."""
        try:
            return _each(await sent, about)
        except Exception as error:  # whatever the library raises at such bytes (Rule 3)
            why = reason(error)
            if isinstance(error, ua.UaStatusCodeError) and not any(one in why for one in _DOUBTFUL):
                return why
            raise self.no_answer(f"{why}: {', '.join(about)}") from error

    def _verdict(self, status: ua.StatusCode) -> str:
        if status.is_good():
            return ""
        if any(one in status.name for one in _DOUBTFUL):
            raise self.no_answer(status.name)
        return str(status.name)

    def no_answer(self, detail: str) -> Unavailable:
        """What is raised when it is not known what the device did."""
        return Unavailable("machine.no-answer", machine=self.machine, detail=detail[:120])


def _each(answers: Any, asked: Sequence[Any]) -> list[Any]:
    """One answer to each question; raises ``ua.UaError``."""
    if answers is None or len(answers) != len(asked):
        raise ua.UaError("answers")
    return list(answers)


def batches(items: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """``items`` in pieces of at most ``size``."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def reason(error: BaseException) -> str:
    """``error`` in a few words, with the names that OPC UA gives."""
    if isinstance(error, ua.UaStatusCodeError):
        return str(ua.StatusCode(error.code).name)
    return keeping.reason(error)
