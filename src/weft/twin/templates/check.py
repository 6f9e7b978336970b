"""Whether a submodel is what an IDTA template asks for: every deviation with its place.

IDTA-01001 §5 (metamodel), IDTA submodel template guidelines.
Rule 1: what a template does not name is allowed: templates are there to be added to.
Rule 2: the semantic id decides which place an element fills, its idShort where it has no such id.
Rule 3: an id of another version is told apart from another id.
Rule 4: a mandatory element without a value is a deviation; only what describes records or variables is without.
Not here: reading the template (``slots.py``), the metamodel's own constraints (``twin/metamodel``).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid
from weft.twin.templates.slots import Slot, children_of, joined, read, semantics_of, submodels_in

CODES: Final = ("allowed-value", "either-or", "id-short", "kind", "languages", "list-type", "list-value-type",
                "missing", "model-type", "no-value", "range", "semantic", "semantic-version", "too-many", "value-form",
                "value-type")
_DESCRIBED: Final = frozenset({"https://admin-shell.io/idta/TimeSeries/Metadata/1/1"})  # records without values
_VERSION: Final = re.compile(r"(#\d{3}(~\d+)?|/\d+(/\d+)*/?)$")
_FORMS: Final[Mapping[str, str]] = {
    "xs:boolean": r"true|false|0|1",
    "xs:date": r"-?\d{4,}-\d\d-\d\d(Z|[+-]\d\d:\d\d)?",
    "xs:dateTime": r"-?\d{4,}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
    "xs:time": r"\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?",
    "xs:duration": r"-?P(?=.)(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?",
    "xs:decimal": r"[+-]?(\d+(\.\d*)?|\.\d+)",
    **dict.fromkeys(("xs:double", "xs:float"), r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|-?INF|NaN"),
    **dict.fromkeys(("xs:integer", "xs:long", "xs:int", "xs:short", "xs:byte"), r"[+-]?\d+"),
    **dict.fromkeys(("xs:nonNegativeInteger", "xs:positiveInteger", "xs:unsignedLong", "xs:unsignedInt",
                     "xs:unsignedShort", "xs:unsignedByte"), r"\+?\d+"),
}


class Deviation(msgspec.Struct, frozen=True):
    """Where (``path``: idShorts and indices, "" for the submodel itself), what (one of ``CODES``), and the facts of it.

    The sentence is ``twin.deviation.<code>`` in ``locale/``.
    """

    path: str
    code: str
    facts: dict[str, str] = {}


def deviations(template: Mapping[str, Any], submodel: Mapping[str, Any]) -> list[Deviation]:
    """Every deviation of ``submodel`` from the template file ``template``; [] when it is what the template asks for.

    Of a file with several templates the one with its semantic id counts. Raises ``Invalid('twin.template')``, and
    ``Invalid('twin.no-submodel')`` where ``submodel`` has not even the shape of one.
    """
    slot = template_for(template, submodel)
    with _shaped("twin.no-submodel"):
        return list(compared(slot, submodel))


def template_for(template: Mapping[str, Any], submodel: Mapping[str, Any]) -> Slot:
    """The template within the file that ``submodel`` claims, else the first."""
    with _shaped("twin.no-submodel"):
        claimed = semantics_of(submodel)
    with _shaped("twin.template"):
        found = submodels_in(template)
        return read(next((one for one in found if joined(one.get("semanticId")) in claimed), found[0]))


def claims(template: Mapping[str, Any], submodel: Mapping[str, Any]) -> bool:
    """Whether ``submodel`` says that it follows a template of the file ``template``."""
    with _shaped("twin.template"):
        wanted = {name for one in submodels_in(template) for name in semantics_of(one) if name}
    with _shaped("twin.no-submodel"):
        return bool(wanted & set(semantics_of(submodel)))


@contextmanager
def _shaped(code: str) -> Iterator[None]:
    """What is read within may have any shape: one that cannot be read is refused with ``code``."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Invalid(code) from error


def compared(slot: Slot, submodel: Mapping[str, Any]) -> Iterator[Deviation]:
    """Every deviation of ``submodel`` from ``slot``, the root of a template."""
    if submodel.get("modelType") != "Submodel":
        yield Deviation("", "model-type", {"wanted": "Submodel", "found": str(submodel.get("modelType", ""))})
        return
    if submodel.get("kind", "Instance") == "Template":
        yield Deviation("", "kind")
    yield from _semantic(slot, submodel, "")
    yield from _within(slot, submodel, "", described=False)


# ---- what lies within --------------------------------------------------------------------------------


def _within(slot: Slot, element: Mapping[str, Any], path: str, *, described: bool) -> Iterator[Deviation]:
    """Deviations of the children of ``element``."""
    described = described or slot.kind == "Operation"
    counted: Counter[int] = Counter()
    chosen: dict[str, str] = {}
    for place, child in enumerate(children_of(element)):
        number = _place_of(slot, child, element)
        if number is None:
            continue
        counted[number] += 1
        wanted = slot.children[number]
        here = f"{path}[{place}]" if slot.listed else _below(path, str(child.get("idShort", "")))
        if wanted.either:
            chosen.setdefault(wanted.either, wanted.id_short)
        record = slot.semantics[0] in _DESCRIBED and wanted.kind == "SubmodelElementCollection"
        yield from _element(wanted, child, here, element, described=described or record)
    for number, wanted in enumerate(slot.children):
        where = f"{path}[{counted[number]}]" if slot.listed else _below(path, wanted.id_short)
        if wanted.either and wanted.either in chosen and not counted[number]:
            continue
        if counted[number] < wanted.low:
            yield Deviation(where, "missing", {"wanted": str(wanted.low), "found": str(counted[number])})
        elif counted[number] > wanted.high:
            yield Deviation(where, "too-many", {"wanted": str(wanted.high), "found": str(counted[number])})
    yield from _alternatives(slot, counted, path)


def _alternatives(slot: Slot, counted: Mapping[int, int], path: str) -> Iterator[Deviation]:
    """More than one of elements that exclude each other."""
    groups: dict[str, list[str]] = {}
    for number, wanted in enumerate(slot.children):
        if wanted.either and counted.get(number, 0):
            groups.setdefault(wanted.either, []).append(wanted.id_short)
    for names in groups.values():
        if len(names) > 1:
            yield Deviation(_below(path, names[1]), "either-or", {"found": ", ".join(names)})


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _place_of(slot: Slot, child: Mapping[str, Any], parent: Mapping[str, Any]) -> int | None:
    """The number of the place that ``child`` fills, None when the template does not name it."""
    places = slot.children
    if slot.listed:
        matching = [n for n, one in enumerate(places) if _means(one, _semantics(child, parent))]
        return matching[0] if matching else 0 if places else None
    ids, name = semantics_of(child), child.get("idShort", "")
    exact = next((n for n, one in enumerate(places) if one.id_short == name and _means(one, ids)), None)
    if exact is not None:
        return exact
    named = [n for n, one in enumerate(places) if _named(one, child)]
    meant = [n for n, one in enumerate(places) if _means(one, ids)]
    both = [n for n in named if n in meant]
    return next(iter(both or meant or named), None)


def _named(slot: Slot, child: Mapping[str, Any]) -> bool:
    name = child.get("idShort", "")
    return name in (slot.id_short, slot.stem) or (slot.naming != "free" and slot.allows(name))


def _means(slot: Slot, ids: tuple[str, ...]) -> bool:
    """Whether one of ``ids`` is the place's own, or the main one is an equal of it."""
    return bool(slot.semantics[0]) and (slot.semantics[0] in ids or ids[0] in slot.semantics)


def _semantics(child: Mapping[str, Any], parent: Mapping[str, Any]) -> tuple[str, ...]:
    """The semantic ids of an entry of a list: its own, else what the list says for all."""
    own = semantics_of(child)
    told = joined(parent.get("semanticIdListElement")) if parent.get("modelType") == "SubmodelElementList" else ""
    return own if own[0] or not told else (told, *own[1:])


# ---- one element -------------------------------------------------------------------------------------


def _element(slot: Slot, element: Mapping[str, Any], path: str, parent: Mapping[str, Any], *,
             described: bool) -> Iterator[Deviation]:
    kind = str(element.get("modelType", ""))
    if kind != slot.kind:
        yield Deviation(path, "model-type", {"wanted": slot.kind, "found": kind})
        return
    if not slot.allows(element.get("idShort", "")):
        yield Deviation(path, "id-short", {"wanted": slot.id_short, "found": str(element.get("idShort", ""))})
    yield from _semantic(slot, element, path, _semantics(element, parent))
    yield from _types(slot, element, path)
    if slot.low and not described and not _filled(element):
        yield Deviation(path, "no-value")
    yield from _value(slot, element, path)
    yield from _within(slot, element, path, described=described)


def _semantic(slot: Slot, element: Mapping[str, Any], path: str, ids: tuple[str, ...] = ()) -> Iterator[Deviation]:
    ids = ids or semantics_of(element)
    wanted = slot.semantics[0]
    if not wanted or _means(slot, ids):
        return
    other = next((one for one in ids if one and _bare(one) == _bare(wanted)), "")
    code = "semantic-version" if other else "semantic"
    yield Deviation(path, code, {"wanted": wanted, "found": other or ids[0] or "–"})


def _bare(name: str) -> str:
    return _VERSION.sub("", name)


def _types(slot: Slot, element: Mapping[str, Any], path: str) -> Iterator[Deviation]:
    for code, wanted, key in (("value-type", slot.value_type, "valueType"),
                              ("list-type", slot.list_kind, "typeValueListElement"),
                              ("list-value-type", slot.list_value_type, "valueTypeListElement")):
        found = str(element.get(key, ""))
        if wanted and found != wanted:
            yield Deviation(path, code, {"wanted": wanted, "found": found or "–"})


def _filled(element: Mapping[str, Any]) -> bool:
    """Whether an element of a kind that holds a value has one."""
    kind = element["modelType"]
    if kind == "Range":
        return bool(element.get("min") or element.get("max"))
    if kind == "MultiLanguageProperty":
        return any(one.get("text") for one in element.get("value", ()))
    if kind in ("Property", "File", "Blob", "ReferenceElement"):
        return bool(element.get("value"))
    return True


def _value(slot: Slot, element: Mapping[str, Any], path: str) -> Iterator[Deviation]:
    """Deviations of what an element holds: form, choices, bounds, languages."""
    if slot.languages and element["modelType"] == "MultiLanguageProperty":
        spoken = {str(one.get("language", "")).split("-")[0] for one in element.get("value", ())}
        lacking = [one for one in slot.languages if one.split("-")[0] not in spoken]
        if lacking:
            yield Deviation(path, "languages", {"wanted": ", ".join(lacking)})
    for key in ("value", "min", "max") if element["modelType"] in ("Property", "Range") else ():
        value = element.get(key)
        if value not in (None, ""):
            yield from _text(slot, str(value), path)


def _text(slot: Slot, value: str, path: str) -> Iterator[Deviation]:
    if not re.fullmatch(_FORMS.get(slot.value_type, r"[\s\S]*"), value):
        yield Deviation(path, "value-form", {"wanted": slot.value_type, "found": value[:80]})
    if slot.choices and value not in slot.choices:
        yield Deviation(path, "allowed-value", {"wanted": ", ".join(slot.choices), "found": value[:80]})
    if slot.allowed and not any(_matches(one, value) for one in slot.allowed):
        yield Deviation(path, "allowed-value", {"wanted": ", ".join(slot.allowed), "found": value[:80]})
    if slot.bounds and not any(_between(one, value) for one in slot.bounds):
        yield Deviation(path, "range", {"wanted": ", ".join(slot.bounds), "found": value[:80]})


def _matches(pattern: str, value: str) -> bool:
    try:
        return re.fullmatch(pattern, value) is not None
    except re.error as error:
        raise Invalid("twin.template") from error


def _between(bounds: str, value: str) -> bool:
    """Whether ``value`` lies in ``[low, high]`` (round brackets: without the end); an empty end is open."""
    match = re.fullmatch(r"\s*([\[(])\s*([^,]*?)\s*,\s*([^,]*?)\s*([\])])\s*", bounds)
    if match is None:
        raise Invalid("twin.template")
    try:
        number = Decimal(value)
        low = Decimal(match[2]) if match[2] else None
        high = Decimal(match[3]) if match[3] else None
    except InvalidOperation:
        return False
    above = low is None or number > low or (number == low and match[1] == "[")
    return above and (high is None or number < high or (number == high and match[4] == "]"))
