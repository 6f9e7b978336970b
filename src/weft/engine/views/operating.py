"""One thing that a machine may be asked for, as a person sees it before and after.

Rule 1: what is shown of an outcome stands in the floor book: it is the same for whoever looks, and whenever.
Not here: asking (``engine/commands/operating.py``), how it looks (``doors/console``).
"""

from typing import Any

from weft.basis.errors import NotFound, Refused, WeftError
from weft.basis.instant import from_ms
from weft.engine.commands.operating import property_of, seen_of, typed
from weft.engine.views.shape import View
from weft.shopfloor import guard
from weft.shopfloor.connection import Value
from weft.shopfloor.description import Property
from weft.shopfloor.reading import parse_text
from weft.twin import operating
from weft.twin.elements import lexical
from weft.twin.names import decode_id, read_submodel


class Due(View, frozen=True, kw_only=True):
    """The job that is due on the machine; ``start``: operator or auto."""

    job: str
    item: str
    zh: str = ""
    en: str = ""
    quantity: str = ""
    unit: str = "C62"
    loaded: bool = False
    start: str = "operator"


class Told(View, frozen=True, kw_only=True):
    """What became of a command: ``status`` open, confirmed, refused, unknown or settled; ``wanted`` as it was shown."""

    status: str
    wanted: str = ""
    job: str = ""
    reason: str = ""


class OperationView(View, frozen=True, kw_only=True):
    """``what`` (read, write, call, load, start) may be asked of ``machine``.

    ``value``: what it said last, or (``fresh``) says now.
    ``wrong``: code of why ``wanted`` would be refused. ``starts``: who starts its jobs. ``seen``: what a page carries
    that asks whether one is sure.
    """

    machine: str
    zh: str = ""
    en: str = ""
    title: str = ""
    what: str
    property: str = ""
    action: str = ""
    label: str = ""
    type: str = ""
    unit: str = ""
    minimum: str = ""
    maximum: str = ""
    step: str = ""
    allowed: tuple[str, ...] = ()
    value: str = ""
    quality: str = "missing"
    at: str = ""
    fresh: bool = False
    up: bool = False
    stopped: bool = False
    starts: str = "operator"
    due: Due | None = None
    told: Told | None = None
    wanted: str = ""
    wrong: str = ""
    wrong_facts: dict[str, str | int] = {}
    seen: str = ""


async def operation(
    node: Any, submodel: str, at: str, wanted: str = "", done: str = "", fresh: str = ""
) -> OperationView:
    """The operation at the path ``at`` of a machine's submodel (address); or the writing of the value shown there.

    ``wanted``: a value to be judged; ``done``: a command whose outcome is shown; ``fresh`` not "": read it now.
    Raises ``NotFound``.
    """
    machine, what, name = await _meant(node, decode_id(submodel), at)
    floor = await node.state(node.book("floor"))
    known = floor.machines[machine]
    described = parse_text(known.description)
    common: dict[str, Any] = {
        "machine": machine, "zh": described.titles.get("zh", ""), "en": described.titles.get("en", ""),
        "title": known.title, "what": what, "up": node.live.status(machine).up,
        "stopped": node.floor is None or bool(node.floor.machines.stop_writing), "starts": described.start_mode.value,
        "told": _told(floor.commands.get(done), machine), "seen": seen_of(node, known.description)}
    if what in (operating.LOAD, operating.START):
        return OperationView(**common, due=await _due(node, machine))
    if what == operating.CALL:
        return OperationView(**common, action=name, label=described.actions[name].title)
    prop = await property_of(node, machine, name)
    value, refused = await _value(node, machine, name, fresh=bool(fresh))
    wrong = _judged(prop, wanted) if wanted else refused
    return OperationView(
        **common, property=name, label=prop.title, type=prop.type, unit=prop.unit, minimum=prop.minimum,
        maximum=prop.maximum, step=prop.max_step, allowed=prop.enum, fresh=bool(fresh) and refused is None,
        value="" if value is None or not value.good else _shown(value.value),
        quality="missing" if value is None else value.quality.value,
        at=from_ms(value.source_ms or value.server_ms) if value and (value.source_ms or value.server_ms) else "",
        wanted=wanted, wrong=wrong.code if wrong else "", wrong_facts=wrong.facts if wrong else {})


async def _meant(node: Any, submodel: str, at: str) -> tuple[str, str, str]:
    """(machine, what, property) of an address."""
    found = read_submodel(node.organisation, submodel)
    if found and found[0] == "machine":
        meant = await node.twins.derived.meant(submodel, at)
        if meant is not None:
            return found[1], *meant
        name = await node.twins.derived.property_at(submodel, at)
        if name:
            return found[1], operating.WRITE, name
    raise NotFound("twin.operation", name=at[:80])


async def _value(node: Any, machine: str, name: str, *, fresh: bool) -> tuple[Value | None, WeftError | None]:
    if not fresh or node.ordering is None:
        return node.live.get(machine, name), None
    answer = await node.ordering.read(machine, name)
    return answer.value, answer.error


def _shown(value: Any) -> str:
    """``value`` as people read it: no more digits than it has."""
    return f"{value:.10g}" if isinstance(value, float) else lexical(value)


def _judged(prop: Property, wanted: str) -> WeftError | None:
    """Why the guard would refuse ``wanted``, whatever the machine says now."""
    try:
        guard.check(prop, typed(prop, wanted), Value(float(wanted)) if prop.max_step and _number(wanted) else None)
    except Refused as error:
        return error
    return None


def _number(text: str) -> bool:
    return text.replace(".", "", 1).removeprefix("-").isdecimal()


def _told(command: Any, machine: str) -> Told | None:
    if command is None or command.machine != machine:
        return None
    return Told(status=command.status, wanted=command.writes[-1].value if command.writes else "", job=command.job,
                reason=command.reason)


async def _due(node: Any, machine: str) -> Due | None:
    """The job that is due on ``machine``."""
    if node.ordering is None:
        return None
    found = await node.ordering.due(machine)
    if found is None:
        return None
    due, job = found
    item = (await node.state(node.book("stock"))).items.get(job.item)
    return Due(job=job.id, item=job.item, zh=item.zh if item else "", en=item.en if item else "",
               quantity=job.quantity, unit=job.unit, loaded=job.loaded, start=due.start)
