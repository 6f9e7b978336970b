"""A machine is connected: address, security, what it offers with values, units and limits, a trial, and done.

Rule 1: it works without scripts: each step is an address, what is chosen so far is a draft of the node.
Rule 2: a device that cannot be looked at is told in words, with what to do; values that cannot be browsed are typed.
Rule 3: two steps before anything is written: the first only shows what would be sent.
Not here: looking at devices (``engine/views/connecting.py``), files of machines (``pages/machine_file.py``).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote, urlencode

from starlette.responses import Response

from weft.basis.errors import Invalid, Refused, WeftError
from weft.doors.console.visit import HEADERS, Visit
from weft.locale import formats, known
from weft.shopfloor.description import Role
from weft.shopfloor.jobcontrol import JobState, state_named
from weft.shopfloor.remedies import own_word, remedy_of

STEPS: Final = ("secure", "look", "values", "try")
AGAIN_S: Final = 4  # live values while somebody chooses
COPIES: Final = 6  # lines of the form for further machines
ROLES: Final = tuple(role for role in Role if role is not Role.SIGNAL)
_DEPTH: Final = 12
_FIELDS: Final = {"weft:scale": "scale", "weft:offset": "offset", "minimum": "minimum", "maximum": "maximum",
                  "unit": "unit", "type": "type", "weft:role": "role", "forms": "address", "weft:states": "states"}
_EXAMPLES: Final = {
    "opc.tcp": "opc.tcp://192.168.0.10:4840", "mqtt": "mqtt://192.168.0.10:1883", "mqtts": "mqtts://broker:8883",
    "sparkplug+mqtt": "sparkplug+mqtt://192.168.0.10:1883", "modbus+tcp": "modbus+tcp://192.168.0.10:502",
    "http": "http://192.168.0.10:8080", "https": "https://192.168.0.10",
    "mtconnect+http": "mtconnect+http://192.168.0.10:5000/VMC-3Axis", "linuxcnc": "linuxcnc://localhost"}


async def begin(visit: Visit) -> Response:
    """Where the machine is, and machines that are half connected."""
    view = await visit.view("machine-drafts")
    examples = [(scheme, _EXAMPLES[scheme]) for scheme in view.schemes if scheme in _EXAMPLES]
    return await visit.page("connect.html", tab="machines", live="connecting", view=view, examples=examples,
                            own_errors=True, address=visit.asked("address")[:200])


async def secure(visit: Visit) -> Response:
    """How the machine is spoken with, and the login."""
    view = await _draft(visit)
    offered = await visit.view("machine-offered", draft=view.draft)
    access = await visit.view("machine-access", name=view.name)
    ways = [(f"{one.mode} {one.policy}".strip(), _way(visit, one)) for one in offered.ways]
    present = f"{view.mode} {view.policy}".strip()
    chosen = present if view.rows or present != "none" else next((way for way, _ in ways), present)
    return await visit.page(
        "connect_secure.html", tab="machines", own_errors=True, view=view, offered=offered, ways=ways, chosen=chosen,
        access=access, step="secure", steps=STEPS, here=_home(view), fault=_fault(visit, offered.fault),
        wants=bool(offered.ways) and not any(one.anonymous for one in offered.ways))


async def look(visit: Visit) -> Response:
    """What the device offers, one level at a time or searched, with its values now."""
    view = await _draft(visit)
    trail = _trail(visit)
    find, page = visit.asked("find")[:80], visit.asked("page", "0")[:4]
    under = trail[-1][1] if trail else ""
    told = await visit.view("machine-look", draft=view.draft, under=under, find=find, page=page)
    here = f"{_home(view)}/look"
    access = await visit.view("machine-access", name=view.name)

    def into(node: Any) -> str:
        return _address(here, [*trail, (node.name, node.href)])

    return await visit.page(
        "connect_look.html", tab="machines", own_errors=True, view=view, told=told, step="look", steps=STEPS,
        here=_home(view), look=here, into=into, find=find, within=trail[-1][0] if trail else "", under=under,
        again="" if told.fault else str(AGAIN_S), access=access, fault=_fault(visit, told.fault),
        trail=[(name, _address(here, trail[:n + 1])) for n, (name, _) in enumerate(trail)],
        pages=[(n, _address(here, trail, find=find, page=str(n))) for n in range(told.pages)][:40])


async def values(visit: Visit) -> Response:
    """What is chosen: names, units, limits, what each is for; as a table, too."""
    view = await _draft(visit)
    if visit.failed:
        visit.failed = replace(visit.failed, error=_worded(visit, visit.failed.error))
    visit.problems = [{**one, "facts": _placed(visit, one.get("facts", {}))} for one in visit.problems]
    roles = [("signal", visit.text("role.signal")), *((role.value, visit.text(f"role.{role.value}")) for role in ROLES)]
    kinds = [(kind, visit.text(f"connect.type.{kind}")) for kind in ("number", "integer", "boolean", "string")]
    return await visit.page(
        "connect_values.html", tab="machines", own_errors=True, view=view, step="values", steps=STEPS,
        here=_home(view), roles=roles, kinds=kinds, wrong=_wrong(visit, view), states=tuple(JobState), means=_means,
        findings=[_finding(visit, one) for one in view.findings], may=[_may(visit, one) for one in view.may_write])


async def mapping(visit: Visit) -> Response:
    """What is chosen as CSV, to be filled in elsewhere."""
    view = await visit.view("machine-mapping", draft=visit.named("draft"), lang=visit.lang)
    name = quote(f"{view.name}.csv", safe="")
    return Response(f"\ufeff{view.csv}", media_type="text/csv; charset=utf-8",
                    headers={**HEADERS, "Content-Disposition": f"attachment; filename*=UTF-8''{name}"})


async def trial(visit: Visit) -> Response:
    """What the device says now; one value written by way of trial; and the button that adds it."""
    view = await _draft(visit)
    prop, wanted = visit.asked("property")[:120], visit.asked("value")[:80]
    limit = next((one for one in view.may_write if one.property == prop), None)
    sure = limit is not None and wanted != "" and not visit.failed
    meant = {"wanted": prop, "value": wanted} if sure else {}
    told = await visit.view("machine-tried", draft=view.draft, **meant) if view.rows and view.wrong is None else None
    refused = _worded(visit, Refused(told.refused.code, **told.refused.facts)) if told and told.refused else None
    refused = _worded(visit, visit.failed.error) if visit.failed else refused
    present = {one.property: one for one in told.values} if told is not None else {}
    return await visit.page(
        "connect_try.html", tab="machines", own_errors=True, view=view, told=told, step="try", steps=STEPS,
        here=_home(view), wrong=_wrong(visit, view), limit=limit, wanted=wanted, present=present,
        fault=_fault(visit, told.fault if told is not None else None), again="" if limit or told is None else "2",
        may=[(one, _may(visit, one), _why(visit, one.why)) for one in view.may_write], sure=sure and refused is None,
        refused=(visit.error(refused), _raw(refused.facts)) if refused else None,
        said={"true": visit.text("connect.on"), "false": visit.text("connect.off")}.get(wanted, wanted)
        if limit is not None and limit.type == "boolean" else wanted)


async def copy(visit: Visit) -> Response:
    """Further machines that are set up alike."""
    view = await visit.view("machine", name=visit.named("name"))
    typed = visit.failed.typed if visit.failed else {}
    rows = max([COPIES, *(int(one.split(".")[1]) + 1 for one in typed
                          if one.startswith("to.") and one.split(".")[1].isdecimal())])
    connections = await visit.view("connections")
    address = next((one.address for one in connections.connections if one.name == view.row.name), "")
    return await visit.page(
        "connect_copy.html", tab="machines", own_errors=True, row=view.row, rows=min(rows, 50), address=address,
        problems=[_problem(visit, one) for one in visit.problems], swapped=typed.get("old", ""))


async def _draft(visit: Visit) -> Any:
    return await visit.view("machine-draft", draft=visit.named("draft"))


def _home(view: Any) -> str:
    return f"/connect/{quote(view.draft, safe='')}"


def _trail(visit: Visit) -> list[tuple[str, str]]:
    """The places on the way to where we look: (name, href)."""
    names, places = (visit.request.query_params.getlist(one)[:_DEPTH] for one in ("as", "in"))
    return [(name[:120], place[:1000]) for name, place in zip(names, places, strict=False)]


def _address(here: str, trail: list[tuple[str, str]], **more: str) -> str:
    steps = [pair for name, place in trail for pair in (("as", name), ("in", place))]
    asked = [*steps, *((name, value) for name, value in more.items() if value not in {"", "0"})]
    return f"{here}?{urlencode(asked)}" if asked else here


def _way(visit: Visit, one: Any) -> str:
    return visit.text(f"connect.way.{one.mode}", policy=one.policy)


def _fault(visit: Visit, fault: Any) -> tuple[str, str, str, str] | None:
    """Why the device cannot be looked at, what to do about it, the device's own word, and the remedy's name."""
    if fault is None:
        return None
    told = visit.error(Refused(fault.code, **fault.facts))
    return told, visit.text(f"remedy.{fault.remedy}"), _raw(fault.facts), fault.remedy


def _raw(facts: Mapping[str, str | int]) -> str:
    """The device's own word, where ours stands in its place."""
    return own_word(str(facts.get("detail", "")))


def _means(one: Any, state: JobState) -> str:
    """The machine's values that mean ``state``."""
    return ", ".join(raw for raw, name in one.states.items() if state_named(name) is state) if one else ""


def _wrong(visit: Visit, view: Any) -> str:
    if view.wrong is None:
        return ""
    return visit.error(_worded(visit, Invalid(view.wrong.code, **view.wrong.facts)))


def _worded(visit: Visit, error: WeftError) -> WeftError:
    return Invalid(error.code, **_placed(visit, error.facts))


def _placed(visit: Visit, facts: Mapping[str, str | int]) -> dict[str, str | int]:
    """``facts`` whose place in a description is told as the field of the form in which it was entered, and whose
    roles, kinds and units are told as the form tells them.
    """
    told = dict(facts)
    for name, prefix in (("role", "role"), ("type", "connect.type")):
        if known(visit.lang, f"{prefix}.{told.get(name)}"):
            told[name] = visit.text(f"{prefix}.{told[name]}")
    if "allowed" in told:
        told["allowed"] = visit.text("word.list-comma").join(
            next((visit.text(key) for key in (f"role.{one}", f"connect.type.{one}") if known(visit.lang, key)), one)
            for one in str(told["allowed"]).split(", "))
    if told.get("unit"):
        told["unit"] = formats.unit(visit.lang, str(told["unit"]))
    steps = str(told.get("where", "")).split("/")
    if len(steps) > 1 and steps[0] in {"properties", "actions"}:
        label = f"connect.row.{_FIELDS.get(steps[-1], '')}"
        told["where"] = f"{steps[1]} · {visit.text(label)}" if known(visit.lang, label) else steps[1]
    return told


def _finding(visit: Visit, one: Any) -> str:
    facts = {name: visit.text(f"role.{value}") if name == "role" else value for name, value in one.facts.items()}
    return visit.text(f"propose.{one.code}", property=one.property, **facts)


def _problem(visit: Visit, one: dict[str, Any]) -> tuple[str, str, bool]:
    """The machine, what is wrong in words, and whether addresses that hold a name may be why."""
    words = visit.error(Refused(one["code"], **one["facts"]))
    if one["code"] in {"machine.unreachable", "machine.not-heard"}:
        words = visit.text(f"remedy.{remedy_of(one['code'], str(one['facts'].get('detail', '')))}")
    name = str(one["column"])
    return "" if name in words else name, words, one["code"] == "machine.no-reading"


def _why(visit: Visit, told: Any) -> str:
    return visit.error(_worded(visit, Refused(told.code, **told.facts))) if told else ""


def _may(visit: Visit, one: Any) -> str:
    """What the node may write, as a sentence."""
    if one.minimum and one.maximum:
        unit = formats.unit(visit.lang, one.unit) if one.unit else ""
        return " ".join(visit.text("connect.may.between", title=one.title, low=formats.number(visit.lang, one.minimum),
                                   high=formats.number(visit.lang, one.maximum), unit=unit).split())
    return visit.text(f"connect.may.{one.type if one.type in {'boolean', 'string'} else 'any'}", title=one.title)


