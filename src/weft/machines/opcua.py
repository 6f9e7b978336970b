"""The asset connection over OPC UA: a link that is kept up, and reads, writes and calls.

OPC 10000-4 services by asyncua; each link-up is a fresh session and subscription, so that it begins with all
present values, and names are looked up anew in the server's numbering of namespaces.
Rule 1: a link that has fallen silent is a link that is down: keep-alives are awaited, never assumed.
Rule 2: a property the device does not know is BAD with its reason, told once and tried again later.
Rule 3: what was sent and not answered is ``machine.no-answer``; nothing is ever sent twice.
Not here: security (``opcua_channel``), values (``opcua_values``), what is told (``opcua_subscription``), jobs as ISA-95
has them (``opcua_jobs``), browsing (``opcua_browse``).
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from asyncua import Client, ua

from weft.basis.errors import Invalid, Unavailable
from weft.machines import keeping, opcua_browse
from weft.machines.opcua_bounds import MESSAGE_MAX, BoundedClient
from weft.machines.opcua_channel import OpcUaFiles, check_security, close_session, open_session
from weft.machines.opcua_jobs import CONTROL, MARK, Focus, JobControl, terms
from weft.machines.opcua_services import Services, reason
from weft.machines.opcua_subscription import Subscription
from weft.machines.opcua_values import BUILT_IN, natural, node_id, value_of, variant
from weft.shopfloor.connection import BrowsedNode, Capability, Change, Quality, Scalar, Value
from weft.shopfloor.description import Action, Description, Security

CAPABILITIES: Final = frozenset(Capability)
POLLED: Final = "polled"  # notice: the machine watches no more values than it does; the rest is read again and again
_JOBS: Final = "#jobs"  # the list of jobs changed


@dataclass(frozen=True, slots=True)
class Pace(keeping.Pace):
    """Times in seconds, publishing in ms."""

    publishing_ms: int = 50
    look_again_s: float = 30.0


@dataclass(slots=True)
class _Session:
    """One link-up: its client, node ids, what each node wants written, what is subscribed, its jobs."""

    client: Client
    services: Services
    namespaces: list[str]
    nodes: dict[str, ua.NodeId] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    down: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = ""
    kinds: dict[str, ua.VariantType] = field(default_factory=dict)
    subscription: Subscription | None = None
    missing: set[str] = field(default_factory=set)
    jobs: JobControl | None = None
    jobs_changed: asyncio.Event = field(default_factory=asyncio.Event)

    def fail(self, why: str) -> None:
        """Give this link up; the keeper makes a new one."""
        self.reason = self.reason or why
        self.down.set()


class OpcUaConnection(keeping.KeptConnection):
    """One machine over OPC UA; see ``AssetConnection``."""

    def __init__(
        self, description: Description, files: OpcUaFiles | None = None, pace: keeping.Pace | None = None
    ) -> None:
        check_security(description, files)
        given = pace or Pace()
        self._opcua = given if isinstance(given, Pace) else Pace(
            given.timeout_s, given.retry_s_min, given.retry_s_max, given.silence_s)
        super().__init__(description, self._opcua)
        self._files = files
        self._session: _Session | None = None
        self._job_terms = terms(description) if description.terms.get(CONTROL) else {}
        self._focus = Focus()

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES

    # ---- the link ------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        if self._session is not None:
            self._session.fail("subscribe")

    def _reason(self, error: BaseException) -> str:
        return reason(error)

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
                if session.subscription is not None:
                    await session.subscription.end()
            await asyncio.shield(close_session(client))

    async def _prepared(self, client: BoundedClient) -> _Session:
        services = Services(client, self.description.title)
        session = _Session(client=client, services=services, namespaces=list(await client.get_namespace_array()))
        client.message_max = MESSAGE_MAX

        async def lost(error: Exception) -> None:
            session.fail(reason(error))

        client.connection_lost_callback = lost
        await services.learn_limits()
        for name, prop in self.description.properties.items():
            if name in self._job_terms:
                continue
            try:
                session.nodes[name] = node_id(prop.href, session.namespaces, self.description.base)
            except Invalid as error:
                session.wrong[name] = error.code.removeprefix("machine.")
        with contextlib.suppress(Unavailable):  # so that a write is one request, whose missing answer says what it is
            await self._learn_kinds(session, [name for name, prop in self.description.properties.items() if prop.write])
        if self._job_terms:
            session.jobs = JobControl(services, self.description, session.namespaces, self._focus)
            await session.jobs.prepare()
        return session

    async def _watch(self, session: _Session) -> None:
        """See to the link until it is down."""
        following = asyncio.create_task(self._follow_jobs(session))
        try:
            while not session.down.is_set():
                await self._turn(session)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _turn(self, session: _Session) -> None:
        """Look for silence; read what is polled; look again for properties that were missing."""
        told = session.subscription
        wait_s = min(0.5, self.description.polling_ms / 1000) if told is not None and told.polled else 0.5
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await session.down.wait()
        if session.down.is_set():
            return
        if told is None:
            self._heard()
            return
        self._last_heard = told.heard
        if told.silent:
            session.fail("silent")
        elif told.polled:
            await told.poll()
        if session.missing and time.monotonic() > told.looked + self._opcua.look_again_s:
            refused = await told.watch({name: session.nodes[name] for name in sorted(session.missing)})
            session.missing = set(refused)

    # ---- what is told ----------------------------------------------------------------------------------

    async def _subscribe(self, session: _Session) -> None:
        if not self._names:
            return

        def heard(changes: Sequence[Change]) -> None:
            if session is self._session:
                self._tell(changes if session.jobs is None else _without_jobs(session, changes))

        session.subscription = told = Subscription(session.services, heard, session.fail)
        await told.begin(self._opcua.publishing_ms, self._opcua.silence_s)
        self._tell_bad({name: session.wrong.get(name, "unknown-property") for name in self._names
                        if name not in session.nodes and name not in self._job_terms})
        wanted = {name: session.nodes[name] for name in self._names if name in session.nodes}
        if session.jobs is not None and session.jobs.list_node is not None and not session.jobs.wrong:
            wanted = {_JOBS: session.jobs.list_node, **wanted}
        refused = await told.watch(wanted)
        refused.pop(_JOBS, None)  # then it is read again and again
        session.missing = set(refused)
        self._tell_bad(refused)
        if told.polled:
            self.notice = self.notice or POLLED
            await told.poll()

    async def _follow_jobs(self, session: _Session) -> None:
        """Tell what the list of jobs says, after each change, and while a job runs what it has made."""
        jobs = session.jobs
        wanted = [name for name in self._names if name in self._job_terms]
        if jobs is None or not wanted:
            return
        busy = True
        while True:
            wait_s = self.description.polling_ms / 1000 if busy else 5.0
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await session.jobs_changed.wait()
            session.jobs_changed.clear()
            with contextlib.suppress(Unavailable):
                values = await jobs.read(wanted)
                busy = jobs.busy(values)
                if session is self._session:
                    self._tell(jobs.differing(values))

    def about(self, job: str, references: Mapping[str, Sequence[str]] | None = None) -> None:
        """Which of a machine's jobs is meant from now on; ``references``: numbers of the orders it belongs to."""
        self._focus.job = job
        if references is not None:
            self._focus.references = references

    # ---- reading, writing, calling -------------------------------------------------------------------

    async def read(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Fresh values from the device (not from its cache), with its clock in ``server_ms``."""
        session = self._require()
        found = {name: Value(None, Quality.BAD, detail=session.wrong.get(name, "unknown-property"))
                 for name in names if name not in session.nodes}
        known = [name for name in names if name in session.nodes]
        data, stamp = await session.services.read([(session.nodes[name], ua.AttributeIds.Value) for name in known])
        found.update({name: value_of(one, stamp) for name, one in zip(known, data, strict=True)})
        jobs = [name for name in names if name in self._job_terms]
        if jobs and session.jobs is not None:
            found.update(await session.jobs.read(jobs))
        return found

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Write in one request; gives per name an empty string, or the device's reason for refusing."""
        session = self._require()
        job = {name: value for name, value in values.items() if name in self._job_terms}
        plain = {name: value for name, value in values.items() if name not in job}
        told = await self._write_plain(session, plain) if plain else {}
        if job and session.jobs is not None:
            told.update(dict.fromkeys(job, "not-sent") if any(told.values()) else await session.jobs.store(job))
            session.jobs_changed.set()
        return told

    async def _write_plain(self, session: _Session, values: Mapping[str, Scalar]) -> dict[str, str]:
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
        return await session.services.write(items)

    async def _learn_kinds(self, session: _Session, names: Iterable[str]) -> None:
        """Learn once per link-up which type each node wants: its data type, else the type of its value."""
        wanted = [name for name in names if name in session.nodes and name not in session.kinds]
        if not wanted:
            return
        pairs = [(session.nodes[name], what) for name in wanted
                 for what in (ua.AttributeIds.DataType, ua.AttributeIds.Value)]
        try:
            data, _ = await session.services.read(pairs)
        except Unavailable as error:  # nothing has been written yet
            raise Unavailable("machine.unreachable", **error.facts) from error
        for name, declared, present in zip(wanted, data[::2], data[1::2], strict=True):
            node = declared.Value.Value if declared.Value is not None else None
            if isinstance(node, ua.NodeId) and node.NamespaceIndex == 0 and node.Identifier in BUILT_IN:
                session.kinds[name] = BUILT_IN[node.Identifier]
            elif present.Value is not None and present.Value.Value is not None and not present.Value.is_array:
                session.kinds[name] = present.Value.VariantType

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:
        """Call ``action``; an empty string, or the device's reason for refusing."""
        session = self._require()
        known = self.description.actions.get(action)
        if known is None:
            return "unknown-action"
        if MARK in known.href and session.jobs is not None:
            session.jobs_changed.set()
            return await session.jobs.invoke(known.href.partition(MARK)[2], arguments)
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
        return (await session.services.call(owner, method, typed, action)).reason

    async def _owner(self, session: _Session, action: Action, method: ua.NodeId) -> ua.NodeId:
        if action.object:
            return node_id(action.object, session.namespaces, self.description.base)
        return await opcua_browse.owner_of(session.client, method, self.description.title)

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:
        """What the device offers, at most ``depth`` levels below ``under``, or below its objects folder."""
        session = self._require()
        top = node_id(under, session.namespaces, self.description.base) if under else None
        return await opcua_browse.browse(session.services, session.namespaces, depth, top)

    def _require(self) -> _Session:
        if self._session is None or self._session.down.is_set():
            raise self._unreachable()
        return self._session


def _without_jobs(session: _Session, changes: Sequence[Change]) -> Sequence[Change]:
    """``changes`` without the list of jobs, which is read and shown as what it means."""
    if any(name == _JOBS for name, _ in changes):
        session.jobs_changed.set()
        return [one for one in changes if one[0] != _JOBS]
    return changes


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
