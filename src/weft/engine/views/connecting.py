"""A machine that is being connected: what is picked so far, what its device offers, what it says now.

Rule 1: looking at a device changes nothing there and keeps nothing here.
Rule 2: a device that cannot be looked at is told with what to do about it, and never stops the page.
Not here: changing a draft (``commands/connecting.py``), machines that are connected (``connections.py``).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine import machine_drafts as drafts
from weft.engine.commands.operating import seen_of, typed
from weft.engine.discovery import DEPTH, Looked, Offered
from weft.engine.machine_drafts import MachineDraft
from weft.engine.views.health import Told
from weft.engine.views.machines import told as value_told
from weft.engine.views.shape import View
from weft.shopfloor import guard, remedies
from weft.shopfloor.connection import BrowsedNode, Quality, Value
from weft.shopfloor.description import WRITABLE_ROLES, Description, Role
from weft.shopfloor.mapping import Row, table
from weft.shopfloor.propose import Finding, missing, suggest

PAGE: Final = 50


class DraftRow(View, frozen=True, kw_only=True):
    """A draft among others."""

    draft: str
    name: str
    address: str
    count: int
    at: str


class DraftsView(View, frozen=True, kw_only=True):
    """Machines that are being connected, and the protocols that are spoken here."""

    drafts: tuple[DraftRow, ...]
    schemes: tuple[str, ...]


class Limit(View, frozen=True, kw_only=True):
    """What the node may write: between ``minimum`` and ``maximum``, or any text or switch."""

    property: str
    title: str
    type: str
    role: str
    minimum: str = ""
    maximum: str = ""
    unit: str = ""
    tried: str = ""
    why: Told | None = None


class DraftView(View, frozen=True, kw_only=True):
    """A draft. ``wrong``: why it is no description yet; ``may_write``: what the node may write as it stands.

    ``open``: numbers that the machine would take, and that lack the owner's limits. ``seen``: what the page carries
    that asks whether one is sure.
    """

    draft: str
    name: str
    title: str
    address: str
    scheme: str
    mode: str
    policy: str
    user: bool
    login: str
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...] = ()
    may_write: tuple[Limit, ...] = ()
    open: tuple[str, ...] = ()
    wrong: Told | None = None
    seen: str = ""


class MappingView(View, frozen=True, kw_only=True):
    """The rows of a draft as CSV."""

    name: str
    csv: str


class Fault(View, frozen=True, kw_only=True):
    """Why a device cannot be looked at; ``remedy`` is what to do."""

    code: str
    facts: dict[str, str | int] = {}
    remedy: str


class OfferedView(View, frozen=True, kw_only=True):
    """Ways of security that the device offers; none where its address says it all."""

    ways: tuple[Offered, ...] = ()
    fault: Fault | None = None


class NodeView(View, frozen=True, kw_only=True):
    """Something that a device offers. ``usable``: it may be picked; ``picked``: it is among the rows already."""

    href: str
    name: str
    path: str
    kind: str
    type: str = ""
    unit: str = ""
    writable: bool = False
    value: str = ""
    quality: str = ""
    why: str = ""
    usable: bool = False
    picked: bool = False


class LookView(View, frozen=True, kw_only=True):
    """A level of a device, or what was found in all of it. ``whole``: False, when the device has more than is shown."""

    nodes: tuple[NodeView, ...] = ()
    count: int = 0
    page: int = 0
    pages: int = 1
    free: int = 0
    browses: bool = True
    whole: bool = True
    fault: Fault | None = None


class TriedValue(View, frozen=True, kw_only=True):
    """A value as it was read now; ``why`` it is bad is one of ``remedies.Bad``."""

    property: str
    title: str
    value: str = ""
    unit: str = ""
    quality: str = "missing"
    why: str = ""
    detail: str = ""


class TriedView(View, frozen=True, kw_only=True):
    """All values of a draft as they were read now; ``refused``: why what somebody means to write is never sent."""

    values: tuple[TriedValue, ...] = ()
    good: int = 0
    fault: Fault | None = None
    refused: Told | None = None


async def machine_drafts(node: Any) -> DraftsView:
    """Every machine that is being connected."""
    held = await drafts.every(node)
    return DraftsView(schemes=tuple(node.discovery.schemes) if node.discovery is not None else (), drafts=tuple(
        DraftRow(draft=one.id, name=one.name, address=one.address, count=len(one.rows), at=one.at) for one in held))


async def machine_draft(node: Any, draft: str) -> DraftView:
    """The draft ``draft``; raises ``NotFound``."""
    held = await drafts.get(node, draft)
    error = drafts.wrong(held) if held.rows else None
    bounded = tuple(one for one in held.rows if one.write)
    return DraftView(
        draft=held.id, name=held.name, title=held.title, address=held.address, scheme=held.scheme, rows=held.rows,
        mode=held.security.mode, policy=held.security.policy, user=held.security.user,
        login=node.machine_access.login(held.name) if node.machine_access is not None else "",
        findings=(*held.said, *missing(held.rows)), wrong=Told(code=error.code, facts=error.facts) if error else None,
        open=tuple(one.name for one in held.rows if _wants_limits(one)),
        may_write=tuple(_limit(held, one) for one in bounded),
        seen=seen_of(node, held.thing()))


def _wants_limits(one: Row) -> bool:
    return (one.writable and not one.write and one.type in {"integer", "number"}
            and Role(one.role) in {Role.SIGNAL, *WRITABLE_ROLES})


def _limit(held: MachineDraft, one: Row) -> Limit:
    why = held.why.get(one.name) if held.tried.get(one.name) == "refused" else None
    return Limit(why=Told(code=why.code, facts=why.facts) if why else None, property=one.name,
                 title=one.title or one.name, type=one.type, role=one.role, minimum=one.minimum,
                 maximum=one.maximum, unit=one.unit, tried=held.tried.get(one.name, ""))


async def machine_mapping(node: Any, draft: str, lang: str = "") -> MappingView:
    """The rows of a draft as a table."""
    held = await drafts.get(node, draft)
    return MappingView(name=held.name, csv=table(held.rows, chinese=lang == "zh"))


async def machine_offered(node: Any, draft: str) -> OfferedView:
    """How the device of a draft may be spoken with."""
    held = await drafts.get(node, draft)
    try:
        return OfferedView(ways=tuple(await node.discovery.offered(held.address)))
    except WeftError as error:
        return OfferedView(fault=_fault(error, held))


async def machine_look(node: Any, draft: str, under: str = "", find: str = "", page: str = "0") -> LookView:
    """What the device of a draft offers below ``under``, or whose name or place has ``find`` in it; with values."""
    held = await drafts.get(node, draft)
    if not page.isdecimal() or len(page) > 4:
        raise Invalid("view.params", name="machine-look", detail="page")
    try:
        looked = await node.discovery.look(held.name, held.described(()), "" if find else under, DEPTH if find else 1)
        nodes = _level(looked, under, find)
        at = min(int(page), max(0, (len(nodes) - 1) // PAGE))
        shown = nodes[at * PAGE:(at + 1) * PAGE]
        values = await _values(node, held, shown)
    except WeftError as error:
        return LookView(fault=_fault(error, held))
    picked = {one.address for one in held.rows}
    told = tuple(_node(one, values.get(one.href), picked) for one in shown)
    return LookView(nodes=told, count=len(nodes), page=at, pages=max(1, -(-len(nodes) // PAGE)),
                    free=sum(1 for one in told if not one.picked and one.usable),
                    browses=looked.browses, whole=looked.whole)


def _level(looked: Looked, under: str, find: str) -> list[BrowsedNode]:
    """What is shown: the level below ``under``, places first; or all values that were looked for."""
    if find:
        words = find.strip().lower()
        return [one for one in looked.nodes if one.kind != "object" and words in one.path.lower()]
    own = [one for one in looked.nodes if one.parent == under]
    return sorted(own or looked.nodes, key=lambda one: one.kind != "object")


async def _values(node: Any, held: MachineDraft, nodes: Sequence[BrowsedNode]) -> dict[str, Value]:
    """What the shown values are now, by href; none where they cannot be read."""
    rows, _ = suggest([one for one in nodes if one.kind == "variable" and one.type])
    plain = tuple(msgspec.structs.replace(one, write=False, role=Role.SIGNAL.value, states={}) for one in rows)
    if not plain:
        return {}
    try:
        found = await node.discovery.read(held.name, held.described(plain), [one.name for one in plain])
    except WeftError:
        return {}
    return {one.address: found[one.name] for one in plain if one.name in found}


def _node(one: BrowsedNode, value: Value | None, picked: set[str]) -> NodeView:
    bad = value is not None and value.quality is Quality.BAD
    return NodeView(
        href=one.href, name=one.name, path=one.path, kind=one.kind, type=one.type, unit=one.unit, writable=one.writable,
        value=value_told(value), quality=value.quality.value if value else "", picked=one.href in picked,
        usable=bool(suggest([one])[0]),
        why=remedies.bad(value.detail).value if value is not None and bad else "")


async def machine_tried(node: Any, draft: str, wanted: str = "", value: str = "") -> TriedView:
    """Every value of a draft, read from the device now; ``value`` is what is meant to be written to ``wanted``."""
    held = await drafts.get(node, draft)
    try:
        described = held.described()
        found = await node.discovery.read(held.name, described, tuple(described.properties))
    except WeftError as error:
        return TriedView(fault=_fault(error, held))
    values = tuple(_tried(one, found.get(one.name)) for one in described.properties.values())
    refused = _refused(described, wanted, value, found.get(wanted)) if wanted else None
    return TriedView(values=values, good=sum(1 for one in values if one.quality == "good"), refused=refused)


def _refused(described: Description, wanted: str, value: str, present: Value | None) -> Told | None:
    prop = described.properties.get(wanted)
    try:
        if prop is None:
            raise NotFound("machine.no-property", machine=described.title, property=wanted[:80])
        guard.check(prop, typed(prop, value), present)
    except WeftError as error:
        return Told(code=error.code, facts=dict(error.facts))
    return None


def _tried(prop: Any, value: Value | None) -> TriedValue:
    bad = value is not None and not value.good
    return TriedValue(
        property=prop.name, title=prop.title, value=value_told(value), unit=prop.unit,
        quality=value.quality.value if value else "missing", detail=value.detail[:120] if value else "",
        why=remedies.bad(value.detail).value if value is not None and bad else "")


def _fault(error: WeftError, held: MachineDraft) -> Fault:
    remedy = remedies.remedy_of(error.code, str(error.facts.get("detail", "")), login=held.security.user)
    return Fault(code=error.code, facts=dict(error.facts), remedy=remedy.value)
