"""ISA-95 job control of a machine, shown as the properties and actions that a job is driven by everywhere.

OPC 10031-4 (receiver: Store, Start, …; response provider), OPC 40001-3 (RunsPlanned, OrderNumbers,
CustomerOrderNumbers, GoodQuantity, ProducedQuantity). The description says ``weft:jobControl`` (href of the receiver
object) and, where it is not found beside it, ``weft:jobResults``; hrefs of the properties end in ``#job/id``,
``state``, ``substate``, ``program``, ``target``, ``good``, ``scrap`` and ``parameter/NAME``, those of the actions in
``#job/Start``, ``Pause`` and so on.
Rule 1: of several jobs it shows the one that runs, else the one that the node asks about; a stranger's that only lies
        there is nobody's business.
Rule 2: a job is stored whole with one call, and read back from the machine's own list; StoreAndStart is never called.
Rule 3: while what a job has made is asked for in vain nothing is told of it, ``ASKED_MAX`` times on one link: a job
        that is over with no pieces would be made again.
Rule 4: only jobs that this node stored are cleared, when they are over and room is needed for the next.
Not here: when a job may be started (``shopfloor/jobcontrol``), how the types travel (``opcua_isa95``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from asyncua import ua

from weft.basis.errors import Invalid, Unavailable
from weft.machines import opcua_isa95 as isa95
from weft.machines.opcua_services import Services
from weft.machines.opcua_values import milliseconds, node_id, plain_of, value_of, variant
from weft.shopfloor.connection import NO_DATA, Change, Quality, Scalar, Value
from weft.shopfloor.description import Description, Property
from weft.shopfloor.jobcontrol import BEGUN, BUSY, JobState

MARK: Final = "#job/"
CONTROL: Final = "weft:jobControl"
RESULTS: Final = "weft:jobResults"
OURS: Final = "Weft"  # in the description of each job that we store
ACTIONS: Final = frozenset({"Start", "RevokeStart", "Pause", "Resume", "Stop", "Abort", "Cancel"})
ASKED_MAX: Final = 3
_STATES: Final = {1: JobState.NOT_ALLOWED, 2: JobState.ALLOWED, 3: JobState.RUNNING, 4: JobState.INTERRUPTED,
                  5: JobState.ENDED, 6: JobState.ABORTED}
_WAITING: Final = frozenset({JobState.NOT_ALLOWED, JobState.ALLOWED})
_OVER: Final = frozenset({JobState.ENDED, JobState.ABORTED})
_CEFACT: Final = "http://www.opcfoundation.org/UA/units/un/cefact"
_COMMENT: Final = ua.Variant([ua.LocalizedText("Weft")], ua.VariantType.LocalizedText, is_array=True)


def terms(description: Description) -> dict[str, str]:
    """Which property shows what of a job: name -> id, state, program and so on."""
    return {name: prop.href.partition(MARK)[2] for name, prop in description.properties.items() if MARK in prop.href}


@dataclass(frozen=True, slots=True)
class Job:
    """One job order as the machine has it."""

    order: isa95.JobOrder
    state: JobState
    below: str = ""  # Waiting, Ready, Loaded, Held, Suspended, Completed or Closed, where the machine says

    @property
    def id(self) -> str:
        return str(self.order.JobOrderID or "")

    @property
    def ours(self) -> bool:
        """True when this node stored it."""
        return any(one.Text == OURS for one in self.order.Description or ())


@dataclass(slots=True)
class Counts:
    """What a job has made, as far as the machine tells."""

    good: int | None = None
    scrap: int | None = None


@dataclass(slots=True)
class Focus:
    """Which job the node asks about, and the orders that it belongs to; outlives a link."""

    job: str = ""
    references: Mapping[str, Sequence[str]] = field(default_factory=dict)


class JobControl:
    """The job orders of one machine on one link."""

    def __init__(self, services: Services, description: Description, namespaces: Sequence[str], focus: Focus) -> None:
        self.terms = terms(description)
        self.wrong = ""
        self.list_node: ua.NodeId | None = None
        self._services = services
        self._description = description
        self._namespaces = namespaces
        self._focus = focus
        self._space = list(namespaces).index(isa95.URI) if isa95.URI in namespaces else 0
        self._receiver = self._provider = ua.NodeId()
        self._methods: dict[str, ua.NodeId] = {}
        self._room: ua.NodeId | None = None
        self._told: dict[str, Scalar | None] = {}
        self._in_vain = 0

    async def prepare(self) -> None:
        """Find the objects and their methods; ``wrong`` says why it cannot be used."""
        told = self._description.terms
        try:
            self._receiver = node_id(str(told.get(CONTROL, "")), self._namespaces, self._description.base)
            found = await self._within(self._receiver)
            self._methods = {name: one.NodeId for name, one in found.items()
                             if one.NodeClass == ua.NodeClass.Method and name in ACTIONS | {"Store", "Update", "Clear"}}
            self.list_node = found["JobOrderList"].NodeId
            self._room = found["MaxDownloadableJobOrders"].NodeId if "MaxDownloadableJobOrders" in found else None
            await self._find_results(str(told.get(RESULTS, "")))
        except Invalid as error:
            self.wrong = error.code.removeprefix("machine.")
        except (KeyError, ua.UaError):
            self.wrong = "no-job-control"
        if not self._space:
            self.wrong = "no-job-control"

    async def _within(self, node: ua.NodeId) -> dict[str, Any]:
        return {one.BrowseName.Name: one for one in (await self._services.references([node]))[0]}

    async def _find_results(self, href: str) -> None:
        """The response provider: where the description says, else beside the receiver."""
        if href:
            self._provider = node_id(href, self._namespaces, self._description.base)
        else:
            above = await self._services.references([self._receiver], up=True)
            beside = await self._services.references([one.NodeId for one in above[0]][:1])
            wanted = (self._space, isa95.PROVIDER_TYPE)
            self._provider = next((one.NodeId for one in (beside[0] if beside else ()) if (
                one.TypeDefinition.NamespaceIndex, one.TypeDefinition.Identifier) == wanted), ua.NodeId())
        if not self._provider.is_null():
            found = await self._within(self._provider)
            self._methods |= {name: one.NodeId for name, one in found.items() if name.startswith("RequestJobResponse")}

    # ---- reading ---------------------------------------------------------------------------------------

    async def read(self, names: Sequence[str] = ()) -> dict[str, Value]:
        """The values of ``names`` (all when empty), fresh; raises ``machine.no-answer``."""
        wanted = names or tuple(self.terms)
        if self.wrong or self.list_node is None:
            return {name: Value(None, Quality.BAD, detail=self.wrong) for name in wanted}
        data, stamp = await self._services.read([(self.list_node, ua.AttributeIds.Value)])
        return await self.shown(data[0], stamp, wanted)

    async def shown(self, data: ua.DataValue, stamp: int = 0, names: Sequence[str] = ()) -> dict[str, Value]:
        """What the list ``data`` says of the job that is shown; what it has made is asked for; raises as ``read``."""
        wanted = names or tuple(self.terms)
        stamp = stamp or milliseconds(data.ServerTimestamp)
        jobs = self._jobs(data)
        if jobs is None:
            bad = value_of(data, stamp)
            return {name: Value(None, Quality.BAD, bad.source_ms, stamp, bad.detail or "unsupported")
                    for name in wanted}
        job = self._chosen(jobs)
        counted = {"good", "scrap"} & {self.terms[name] for name in wanted}
        counts = await self._counts(job) if job is not None and job.state in BEGUN and counted else Counts(0, 0)
        at = milliseconds(data.SourceTimestamp) or stamp
        return {name: _value(self._of(job, counts, self.terms[name]), at, stamp) for name in wanted}

    def differing(self, values: Mapping[str, Value]) -> list[Change]:
        """Those of ``values`` that were not told before."""
        fresh = [(name, one) for name, one in values.items()
                 if name not in self._told or self._told[name] != (one.value if one.good else one.detail)]
        self._told.update({name: one.value if one.good else one.detail for name, one in fresh})
        return fresh

    def busy(self, values: Mapping[str, Value]) -> bool:
        """Whether the job that is shown is making something now."""
        return any(self.terms[name] == "state" and one.value in BUSY for name, one in values.items())

    def _jobs(self, data: ua.DataValue) -> list[Job] | None:
        if data.StatusCode is not None and data.StatusCode.is_bad():
            return None
        raw = data.Value.Value if data.Value is not None else None
        jobs = []
        for one in raw or ():
            found = isa95.unpacked(one, isa95.JobAndState, isa95.JOB_AND_STATE, self._space)
            if found is None:
                return None
            top = next((state for state in found.State if not state.BrowsePath.Elements), None)
            below = ", ".join(state.StateText.Text or "" for state in found.State if state.BrowsePath.Elements)
            jobs.append(Job(found.JobOrder, _STATES.get(int(top.StateNumber) if top else 0, JobState.NOT_ALLOWED),
                            below))
        return jobs

    def _chosen(self, jobs: Sequence[Job]) -> Job | None:
        """The job that is shown (Rule 1); one that runs stays shown when it is over."""
        running = [one for one in jobs if one.state in BUSY]
        mine = next((one for one in jobs if one.id == self._focus.job), None)
        if running and (mine is None or mine.state not in BUSY):
            mine = running[0]
            self._focus.job = mine.id
        return mine

    async def _counts(self, job: Job) -> Counts:
        """What the machine says that ``job`` has made; nothing, where it never gives an answer (Rule 3)."""
        method = self._methods.get("RequestJobResponseByJobOrderID")
        if method is None:
            return Counts()
        try:
            called = await self._services.call(
                self._provider, method, [ua.Variant(job.id, ua.VariantType.String)], "RequestJobResponse")
        except Unavailable:
            self._in_vain += 1
            if self._in_vain <= ASKED_MAX:
                raise
            return Counts()
        self._in_vain = 0
        response = isa95.unpacked(called.outputs[0] if called.outputs else None, isa95.JobResponse,
                                  isa95.JOB_RESPONSE, self._space)
        if response is None or response.JobOrderID != job.id:
            return Counts()
        told = {one.ID: one.Value.Value for one in response.JobResponseData or ()}
        good, made, scrap = (_whole(told.get(name)) for name in ("GoodQuantity", "ProducedQuantity", "ScrapQuantity"))
        if good is None:
            good = next((count for one in response.MaterialActuals or ()
                         if (count := _whole(one.Quantity)) is not None and "roduced" in str(one.MaterialUse)), None)
        if scrap is None and good is not None and made is not None:
            scrap = max(0, made - good)
        return Counts(good, scrap)

    def _of(self, job: Job | None, counts: Counts, term: str) -> Scalar | None:
        match term:
            case "id":
                return job.id if job else ""
            case "state":
                return (job.state if job else JobState.IDLE).value
            case "substate":
                return job.below if job else ""
            case "program":
                masters = job.order.WorkMasterID if job else None
                return str(masters[0].ID or "") if masters else ""
            case "target":
                return _whole(_parameter(job, "RunsPlanned")) or 0
            case "good":
                return counts.good
            case "scrap":
                return counts.scrap
            case _:
                told: Scalar | None = _parameter(job, term.removeprefix("parameter/"))
                return told

    # ---- storing ---------------------------------------------------------------------------------------

    async def store(self, values: Mapping[str, Scalar]) -> dict[str, str]:
        """Give the machine a whole job; per name an empty string, or why not; raises ``machine.no-answer``."""
        wanted = {self.terms[name]: value for name, value in values.items()}
        job = str(wanted.get("id", ""))
        if not job:
            return dict.fromkeys(values, "with-a-job-only")
        if self.wrong or self.list_node is None or "Store" not in self._methods:
            return dict.fromkeys(values, self.wrong or "no-job-control")
        order = self._order(job, values)
        if isinstance(order, str):
            return {name: "type" if name == order else "not-sent" for name in values}
        self._focus.job = job
        data, _ = await self._services.read([(self.list_node, ua.AttributeIds.Value)])
        jobs = self._jobs(data[0])
        if jobs is None:
            return dict.fromkeys(values, "unsupported")
        known = next((one for one in jobs if one.id == job), None)
        if known is None:
            why = await self._make_room(jobs) or await self._call("Store", _packed(order, self._space))
        elif known.state not in _WAITING:
            why = "job-exists"
        elif all(self._of(known, Counts(), self.terms[name]) == value for name, value in values.items()):
            why = ""
        else:
            why = await self._call("Update", _packed(order, self._space))
        return dict.fromkeys(values, why)

    def _order(self, job: str, values: Mapping[str, Scalar]) -> isa95.JobOrder | str:
        """The job order for ``values``; the name of what does not fit its type."""
        order = isa95.JobOrder(JobOrderID=job, Description=[ua.LocalizedText(OURS, "en")])
        parameters = [isa95.Parameter(ID=name, Value=ua.Variant(list(given), ua.VariantType.String, is_array=True))
                      for name, given in self._focus.references.items() if given]
        for name, value in values.items():
            term, prop = self.terms[name], self._description.properties[name]
            if term == "program":
                order.WorkMasterID = [isa95.WorkMaster(ID=str(value))]
            elif term == "target" or term.startswith("parameter/"):
                typed = variant(value, ua.VariantType.UInt32 if term == "target" else _kind(prop))
                if typed is None:
                    return name
                parameters.append(isa95.Parameter(
                    ID="RunsPlanned" if term == "target" else term.removeprefix("parameter/"), Value=typed,
                    EngineeringUnits=_unit(prop.unit) if term != "target" else None))
        order.JobOrderParameters = parameters or None
        return order

    async def _make_room(self, jobs: Sequence[Job]) -> str:
        """Clear jobs of ours that are over, the one before last first; why there is no room, or an empty string."""
        room = await self._most()
        over = [one for one in jobs if one.state in _OVER and one.ours]
        left = len(jobs)
        for one in over:
            if "Clear" in self._methods and not await self._call("Clear", ua.Variant(one.id, ua.VariantType.String)):
                left -= 1
        return "no-room" if room and left >= room else ""

    async def _most(self) -> int:
        if self._room is None:
            return 0
        data, _ = await self._services.read([(self._room, ua.AttributeIds.Value)])
        told = data[0].Value.Value if data[0].Value is not None else None
        return told if isinstance(told, int) else 0

    # ---- methods ---------------------------------------------------------------------------------------

    async def invoke(self, name: str, arguments: Sequence[Scalar]) -> str:
        """Call one method for a job: the one that is named, else the one that is shown."""
        if name not in ACTIONS or self.wrong:
            return self.wrong or "unknown-action"
        job = str(arguments[0]) if arguments else self._focus.job
        if not job:
            return "no-job"
        return await self._call(name, ua.Variant(job, ua.VariantType.String))

    async def _call(self, name: str, first: ua.Variant) -> str:
        method = self._methods.get(name)
        if method is None:
            return "unknown-action"
        called = await self._services.call(self._receiver, method, [first, _COMMENT], name)
        status = called.outputs[0] if called.outputs else 0
        return called.reason or (f"status {status}" if status else "")


def _packed(order: isa95.JobOrder, space: int) -> ua.Variant:
    return ua.Variant(isa95.packed(order, isa95.JOB_ORDER, space), ua.VariantType.ExtensionObject)


def _parameter(job: Job | None, name: str) -> Any:
    found = next((one for one in (job.order.JobOrderParameters if job else None) or () if one.ID == name), None)
    return found.Value.Value if found is not None else None


def _value(raw: Any, at: int, stamp: int) -> Value:
    if raw is None:
        return Value(None, NO_DATA.quality, at, stamp, "not-told")
    plain, why = plain_of(raw)
    return Value(plain, Quality.BAD if plain is None else Quality.GOOD, at, stamp, why)


def _whole(raw: Any) -> int | None:
    try:
        return int(float(raw))
    except (TypeError, ValueError, OverflowError):
        return None


def _kind(prop: Property) -> ua.VariantType:
    return {"boolean": ua.VariantType.Boolean, "integer": ua.VariantType.Int64,
            "number": ua.VariantType.Double}.get(prop.type, ua.VariantType.String)


def _unit(code: str) -> ua.EUInformation | None:
    """The unit with Rec 20 ``code``, as OPC UA numbers it."""
    if not code or len(code) > 3 or not code.isascii():
        return None
    return ua.EUInformation(NamespaceUri=_CEFACT, UnitId=int.from_bytes(code.encode(), "big"),
                            DisplayName=ua.LocalizedText(code), Description=ua.LocalizedText(code))
