"""Is this document sound: its shape, and every constraint of the metamodel, each finding at its place.

IDTA-01001 v3.1.2 (constraints AASd-…), IDTA-01003-a (AASc-…), judged by aas-core3.1, which is imported when first
needed. What 3.0 alone permits is known (``Finding.allowed``), what 3.1 alone permits is in ``versions.py``.
Rule 1: a document of the wrong shape is judged by its shape alone; nothing unbounded reaches a regular expression.
Rule 2: an element judged within its submodel has the findings that the whole submodel would have because of it.
Not here: templates of submodels, the meaning of semantic ids.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from types import ModuleType
from typing import Any, Final

from weft.twin.elements import Json
from weft.twin.metamodel.finding import Faulty, Finding, Steps, finding
from weft.twin.metamodel.iri import is_iri
from weft.twin.metamodel.kinds import canonical
from weft.twin.metamodel.overlooked import CONSTRAINTS, doubled, noticed, unreadable
from weft.twin.metamodel.rules import told
from weft.twin.metamodel.shape import DEPTH_MAX, FINDINGS_MAX, misshapen
from weft.twin.metamodel.siblings import among_siblings
from weft.twin.metamodel.versions import against_3_0
from weft.twin.paths import trail

_SHAPE_ONLY: Final = frozenset({"AssetLink", "PackageDescription", "OperationRequestValueOnly", "OperationResult"})
_SNAKE: Final = re.compile(r"_([a-z])")
_ONE_LETTER: Final = re.compile(r"[A-Za-z]")
_WORDS: Final = re.compile(r"[A-Z][a-z]*|\d+")


def findings(kind: str, document: Any, version: str = "") -> list[Finding]:
    """All that is wrong with ``document`` of class ``kind``; [] when it is sound.

    ``version`` "3.0" or "3.1" judges strictly by that one; "" tells only what neither permits.
    """
    return misshapen(kind, document) or _well_shaped(kind, document, version)


def _well_shaped(kind: str, document: Any, version: str) -> list[Finding]:
    found = list(islice(_judged(kind, document), FINDINGS_MAX))
    return _of_version(found, kind, document, version)


def _of_version(found: list[Finding], kind: str, document: Any, version: str) -> list[Finding]:
    if version == "3.1":
        return found
    kept = [one for one in found if one.allowed != "3.0"]
    return kept + against_3_0(kind, document) if version == "3.0" else kept


def check(kind: str, document: Json) -> bytes:
    """The canonical bytes of ``document``; raises ``Faulty`` with all its findings."""
    found = findings(kind, document)
    if found:
        raise Faulty(found)
    return canonical(kind, document)


def findings_of_element(submodel: Json, at: str | Steps, version: str = "") -> list[Finding]:
    """The findings of a submodel that are there because of its element at ``at``.

    ``submodel`` is the whole document with the element in it; only that element and its siblings are looked at.
    ``at``: its idShortPath, or the way to it (``paths.trail``) where its idShort may have changed.
    """
    steps = trail(submodel, at) if isinstance(at, str) else at
    element: Any = submodel
    for step in steps:
        element = element[step]
    unshaped = misshapen("SubmodelElement", element)
    found = [_moved(one, submodel, steps)
             for one in unshaped or _well_shaped("SubmodelElement", element, version)]
    return found if unshaped else found + among_siblings(submodel, steps, version)


def check_element(submodel: Json, at: str | Steps) -> None:
    """Raises ``Faulty`` with all findings of the element at ``at``."""
    found = findings_of_element(submodel, at)
    if found:
        raise Faulty(found)


def _moved(one: Finding, submodel: Json, steps: Steps) -> Finding:
    """``one``, found within the element at ``steps``, as a finding of ``submodel``."""
    inner = tuple(int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", one.path))
    made = finding(submodel, (*steps, *inner), one.code.removeprefix("twin."), one.constraint)
    return Finding(made.path, made.code, made.where, one.facts, one.constraint, one.allowed)


# ---- aas-core -----------------------------------------------------------------------------------------

@cache
def _aas_core() -> tuple[ModuleType, ModuleType]:
    from aas_core3_1 import jsonization, verification

    return jsonization, verification


def _judged(kind: str, document: Any) -> Iterator[Finding]:
    if kind in _SHAPE_ONLY:
        return
    if kind.endswith("Descriptor"):
        yield from _descriptor(kind, document)
    elif kind == "OperationRequest":
        yield from _request(document)
    else:
        yield from _verified(kind, document)


def _verified(kind: str, document: Any, lead: Steps = (), root: Any = None, made: str = "") -> Iterator[Finding]:
    """What the verifier says of ``document``, which lies at ``lead`` within ``root``.

    ``made``: a field of ``document`` that ``root`` has not: its contents stand beside the others there.
    """
    jsonization, verification = _aas_core()
    whole = document if root is None else root
    seen = noticed(document)
    if seen.too_deep:
        yield finding(whole, lead, "too-deep", n=DEPTH_MAX)
        return
    if seen.unreadable:
        for steps, code in unreadable(document):
            yield finding(whole, (*lead, *steps), code, CONSTRAINTS.get(code, ""))
        return
    reader = "_".join(_WORDS.findall(kind)).lower()
    read: Callable[[Any], Any] = getattr(jsonization, f"{reader}_from_jsonable")
    try:
        instance = read(document)
    except jsonization.DeserializationException as error:
        code, facts = ("shape-required", {"name": "modelType"}) if "modelType" in error.cause \
            else ("shape-other", {"text": error.cause})
        yield finding(whole, (*lead, *_steps(error.path)), code, **facts)
        return
    given: set[tuple[Steps, str]] = set()
    for fault in verification.verify(instance):
        steps = _steps(fault.path)
        code, constraint, facts = told(fault.cause)
        if (steps, code) not in given:
            given.add((steps, code))
            field = (facts["name"],) if "name" in facts else ()
            shown = steps[1:] if made and steps[:1] == (made,) else steps
            yield _graded(finding(whole, (*lead, *shown, *field), code, constraint, **facts), document, steps)


    for steps, code in doubled(document) if seen.doubled else ():
        yield finding(whole, (*lead, *steps), code, CONSTRAINTS[code])


def _steps(path: Any) -> Steps:
    """A path of aas-core in the names of JSON."""
    named: list[str | int] = []
    for one in path.segments:
        index = getattr(one, "index", None)
        named.append(_SNAKE.sub(lambda match: match[1].upper(), one.name) if index is None else index)
    return tuple(named)


def _graded(one: Finding, document: Any, steps: Steps) -> Finding:
    """``one``, marked when 3.0 permits what it is about: a name of one letter, an IRI."""
    at = document
    for step in steps:
        at = at[step]
    permitted = False
    if one.code == "twin.aasd-002":
        permitted = isinstance(at, str) and _ONE_LETTER.fullmatch(at) is not None
    elif one.code in ("twin.value-type", "twin.aasd-020") and isinstance(at, Mapping):
        permitted = at.get("valueType") == "xs:anyURI" and is_iri(str(at.get(one.facts.get("name", "value"), "")))
    return Finding(one.path, one.code, one.where, one.facts, one.constraint, "3.0") if permitted else one


def _descriptor(kind: str, document: Json, lead: Steps = (), root: Json | None = None) -> Iterator[Finding]:
    """A descriptor has the parts of what it describes: they are judged as a shell's or a submodel's."""
    whole = document if root is None else root
    shared = ("id", "idShort", "displayName", "description", "extensions", "administration")
    made: Json = {key: document[key] for key in shared if key in document}
    if kind == "SubmodelDescriptor":
        made |= {key: document[key] for key in ("semanticId", "supplementalSemanticIds") if key in document}
        yield from _verified("Submodel", {"modelType": "Submodel", **made}, lead, whole)
        return
    inner = {key: document[key] for key in ("globalAssetId", "specificAssetIds", "assetType")
             if document.get(key)}
    made |= {"modelType": "AssetAdministrationShell", "assetInformation": {"assetKind": "Instance", **inner}}
    for one in _verified("AssetAdministrationShell", made, lead, whole, "assetInformation"):
        if one.code != "twin.aasd-131":     # a descriptor need not name the asset
            yield one
    for place, below in enumerate(document.get("submodelDescriptors", ())):
        yield from _descriptor("SubmodelDescriptor", below, (*lead, "submodelDescriptors", place), whole)


def _request(document: Json) -> Iterator[Finding]:
    for key in ("inputArguments", "inoutputArguments"):
        for place, one in enumerate(document.get(key, ())):
            yield from _verified("OperationVariable", one, (key, place), document)
