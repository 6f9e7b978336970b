"""Asset Interfaces Descriptions (IDTA 02017) of version 1.0, 1.1 and 1.2 as W3C Thing Descriptions.

Rule 1: an element is known by its idShort or by its semantic id, whichever is right: files in use have both wrong.
Rule 2: what has no place in a Thing Description is told, and never dropped without a word.
Rule 3: nothing is followed: a reference counts by its last key, so that references in a circle do no harm.
Rule 4: an address may hold anything; nothing is reached here.
Not here: what of a Thing Description this node can use (``shopfloor/adopting.py``), packages (``twin/aasx``).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from weft.basis.noticed import Noticed, noticed
from weft.twin.interfaces import schema
from weft.twin.interfaces import words as w
from weft.twin.interfaces.parts import Opened, Place, children, means, semantics, text

INTERFACES_MAX: Final = 50
PROPERTIES_MAX: Final = 2_000
_SUBMODEL: Final = re.compile(r"https?://admin-shell\.io/idta/AssetInterfaces?Description/(\d+)/(\d+)/Submodel/?")
_KNOWN: Final = (("1", "0"), ("1", "1"), ("1", "2"))
_TOLD: Final = ("title", "created", "modified", "support")


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach the asset: ``thing`` is a Thing Description (JSON value), ``noticed`` what did not fit into it.

    ``submodel``: the id of the submodel it is of; ``descriptors``: values of File elements with descriptions of others;
    ``names``: what each property is called, by its idShort.
    """

    name: str
    title: str
    submodel: str
    thing: dict[str, Any]
    noticed: tuple[Noticed, ...] = ()
    descriptors: tuple[tuple[str, str], ...] = ()  # (value, content type)
    names: dict[str, str] = {}


def is_aid(submodel: Any) -> bool:
    """Whether ``submodel`` is an Asset Interfaces Description, by its semantic id or, where it has none, its name."""
    if not isinstance(submodel, Mapping) or submodel.get("modelType") != "Submodel":
        return False
    ids = semantics(submodel)
    return any(map(_SUBMODEL.fullmatch, ids)) or (not ids and submodel.get("idShort") == "AssetInterfacesDescription")


def read(submodel: Mapping[str, Any]) -> list[Interface]:
    """The interfaces of an Asset Interfaces Description, in its order; [] where it has none."""
    found: list[Interface] = []
    about: list[Noticed] = []
    version = next(filter(None, map(_SUBMODEL.fullmatch, semantics(submodel))), None)
    if version is not None and version.groups() not in _KNOWN:
        about.append(noticed("kept", "aid-version", "", version=".".join(version.groups())))
    for one in children(submodel):
        if len(found) < INTERFACES_MAX and _is_interface(one):
            found.append(_interface(one, text(submodel.get("id"))))
        else:
            about.append(noticed("lost", "element", text(one.get("idShort"))))
    return [msgspec.structs.replace(one, noticed=(*about[:INTERFACES_MAX], *one.noticed)) for one in found]


def _is_interface(element: Mapping[str, Any]) -> bool:
    endpoint = Opened(element).take("EndpointMetadata", f"{w.AID}/1/0/EndpointMetadata")
    return endpoint is not None or means(element, f"{w.AID}/1/0/Interface")


def _interface(element: Mapping[str, Any], submodel: str) -> Interface:
    name = text(element.get("idShort")) or "Interface"
    told: list[Noticed] = []
    top, opened = Place(name, told), Opened(element)
    thing: dict[str, Any] = {"@context": list(w.CONTEXT)}
    thing |= {one: value for one in _TOLD if (value := opened.told(one))}
    endpoint = opened.take("EndpointMetadata", f"{w.AID}/1/0/EndpointMetadata")
    interactions = opened.take("InteractionMetadata", f"{w.AID}/1/0/InteractionMetadata",
                               f"{w.TD}#InteractionAffordance")
    descriptors = tuple(_descriptors(opened.take("ExternalDescriptor", f"{w.AID}/1/0/ExternalDescriptor")))
    opened.rest(top)
    said, shared = _endpoint(Opened(endpoint), top.at("EndpointMetadata"))
    thing |= said
    names: dict[str, str] = {}
    thing["properties"] = {}
    for short, called, told_of in _interactions(Opened(interactions), shared, top):
        names[short] = called
        thing["properties"][called] = told_of
    return Interface(name=name, title=str(thing.get("title", name)), submodel=submodel, thing=thing,
                     noticed=tuple(told), descriptors=descriptors, names=names)


def _descriptors(found: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    for one in children(found or {}):
        if one.get("modelType") == "File" and text(one.get("value")):
            yield text(one["value"]), text(one.get("contentType"))


def _interactions(opened: Opened, shared: Mapping[str, Any], top: Place) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The properties. Of actions and events AID says that they are there, and not how they are reached."""
    properties = opened.take("properties", f"{w.TD}#PropertyAffordance")
    for kind, code in (("actions", "aid-action"), ("events", "aid-event")):
        for one in children(opened.take(kind) or {}):
            top.note("lost", code, kind, element=text(one.get("idShort")))
    opened.rest(top)
    return _properties(properties or {}, shared, top.at("properties"))


# ---- where it is, and who is let in ------------------------------------------------------------------


def _endpoint(opened: Opened, place: Place) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of the whole machine, and words that hold for all forms."""
    base = opened.told("base", f"{w.TD}#baseURI", f"{w.TD}#base")
    definitions = {text(one.get("idShort")): _scheme(one, place.at("securityDefinitions"))
                   for one in children(opened.take("securityDefinitions", f"{w.TD}#definesSecurityScheme") or {})}
    wanted = list(_wanted(opened.take("security", f"{w.TD}#hasSecurityConfiguration"), definitions, place))
    if not wanted and len(definitions) == 1:
        wanted = list(definitions)
        place.note("fixed", "aid-security", "security", scheme=wanted[0])
    shared = {term: told for term in (*w.OF_ENDPOINT, "contentType")
              if (told := _term(term, opened.told(w.in_aid(term)))) not in (None, w.BINARY)}
    opened.rest(place)
    return {"base": base, "securityDefinitions": definitions, "security": wanted}, shared


def _wanted(security: Mapping[str, Any] | None, definitions: Mapping[str, Any], place: Place) -> Iterator[str]:
    """Names of the definitions that count."""
    for one in children(security or {}):
        name = _last(one)
        if name in definitions:
            yield name
        else:
            place.note("kept", "aid-security-unknown", "security", scheme=name)


def _last(element: Mapping[str, Any]) -> str:
    """The last key of the reference that ``element`` holds."""
    reference = element.get("value")
    keys = reference.get("keys") if isinstance(reference, Mapping) else None
    return text(keys[-1].get("value")) if isinstance(keys, list) and keys and isinstance(keys[-1], Mapping) else ""


def _scheme(element: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """A security scheme as a Thing Description has it."""
    opened = Opened(element)
    kind = _kind(element, opened.told("scheme", f"{w.SECURITY}#SecurityScheme"))
    made: dict[str, Any] = {"scheme": kind}
    known = w.SCHEMES.get(kind)
    made |= {field: told for field in (known.fields if known else ()) if (told := opened.told(w.in_aid(field)))}
    if kind == "combo":
        made |= {one: [_last(each) for each in children(found)]
                 for one in ("oneOf", "allOf") if (found := opened.take(one)) is not None}
    opened.rest(place.at(text(element.get("idShort"))))
    return made


def _kind(element: Mapping[str, Any], said: str) -> str:
    """The scheme: of OPC UA as OPC 10101 spells it, which AID spells in ways of its own."""
    short = text(element.get("idShort"))
    for scheme in ("uav:channel-security", "uav:authentication"):
        one = w.SCHEMES[scheme]
        if means(element, one.semantic) or said in (scheme, one.said, one.said.replace("ua_", "uav_")) \
                or short == one.id_short:
            return scheme
    return said or next((scheme for scheme, one in w.SCHEMES.items()
                         if means(element, one.semantic) or short == one.id_short), "")


# ---- properties --------------------------------------------------------------------------------------


def _properties(properties: Mapping[str, Any], shared: Mapping[str, Any],
                place: Place) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """idShort, name and description of each."""
    made: set[str] = set()
    for one in children(properties):
        name = schema.name_of(one)
        if len(made) >= PROPERTIES_MAX:
            place.note("lost", "aid-too-many", "", limit=PROPERTIES_MAX)
            break
        if one.get("modelType") != "SubmodelElementCollection" or not name:
            place.note("lost", "element", text(one.get("idShort")))
        elif name in made:
            place.note("lost", "aid-twice", name)
        else:
            within = place.at(name)
            form = Opened(one).take("forms", f"{w.TD}#hasForm")
            made.add(name)
            yield text(one.get("idShort")), name, {
                **schema.read(one, within, 0), "forms": [_form(Opened(form), shared, within.at("forms"))]}


def _form(opened: Opened, shared: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The form of a property, with what the endpoint says for all."""
    made: dict[str, Any] = {"href": opened.told("href", f"{w.FORM}#hasTarget"), **shared}
    opened.take("security", f"{w.TD}#hasSecurityConfiguration")
    for term, word in w.TERMS.items():
        said = opened.told(w.in_aid(term), word.semantic)
        told = _term(term, said)
        if told is not None:
            made[term] = told
        elif said:
            place.note("lost", "aid-value", term, value=said)
    headers = [{"htv:fieldName": inside.told("htv_fieldName"), "htv:fieldValue": inside.told("htv_fieldValue")}
               for inside in map(Opened, children(opened.take("htv_headers", f"{w.HTTP}#headers") or {}))]
    if headers:
        made["htv:headers"] = headers
    opened.rest(place)
    return made


def _term(term: str, told: str) -> str | bool | int | float | None:
    """What a word of a form says; None where its text means nothing."""
    sort = w.TERMS[term].sort
    if sort == "flag":
        return schema.flag(told)
    return schema.number(told) if sort == "number" else told or None
