"""Asset Interfaces Description (IDTA 02017-1-1): how a machine is reached, from its Thing Description.

Filled from: the Thing Description of the machine, which stays beside it, whole, as the external descriptor.
Rule 1: what AID has no word for (actions, who may write what, limits of a write, roles, scaling) is in that file alone.
Rule 2: of a value that is scaled AID tells what the machine sends: unit and bounds are of the scaled one, and left out.
Rule 3: a value within a document (``weft:pointer``) is told as that document, down to the value.
Rule 4: where the published template is at odds with its specification, both are served: the one as a further id.
Rule 5: an interface of a protocol that AID does not know yet is told all the same, under an id of our own.
Not here: reading one (``twin/interfaces/reading.py``), where values go (``mapping.py``).
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final
from urllib.parse import quote, unquote, urldefrag

import msgspec

from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.interfaces import words as w
from weft.twin.names import short, shorts
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import also, listing, submodel

ID_SHORT: Final = "AssetInterfacesDescription"
SEMANTIC: Final = f"{w.AID}/1/1/Submodel"
VERSION: Final = {"version": "1", "revision": "1", "templateId": "02017-1-1"}
ENDPOINT: Final = "EndpointMetadata"
INTERACTIONS: Final = "InteractionMetadata"
DEFINITIONS: Final = "securityDefinitions"
_SECURITY: Final = f"{w.TD}#hasSecurityConfiguration"
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")
_VALUE_TYPES: Final = {"boolean": "xs:boolean", "integer": "xs:integer", "number": "xs:double"}
_TYPE: Final = "https://www.w3.org/1999/02/22-rdf-syntax-ns#type"
_OF_SCALED: Final = ("unit", "minimum", "maximum", "enum", "const", "default")
_DEPTH_MAX: Final = 8

Thing = Mapping[str, Any]


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """How ``machine`` is reached: ``thing`` is its Thing Description, ``text`` the same as it was given.

    ``names``: what each property of it is called in the submodel.
    """

    machine: str
    thing: Thing
    text: str
    names: Mapping[str, str]

    @property
    def protocol(self) -> w.Protocol:
        """What its interface is called."""
        return w.protocol(str(self.thing.get("base", "")).partition(":")[0])


def described(machine: str, text: str) -> Described:
    """How ``machine`` is reached, by the text of its Thing Description, which has been checked."""
    thing = msgspec.json.decode(text)
    return Described(machine=machine, thing=thing, text=text, names=shorts(_objects(thing.get("properties"))))


def gaps(_described: Described) -> list[Gap]:
    """A machine is there because it is described."""
    return []


def file_of(described: Described) -> str:
    """How the submodel names the Thing Description: apart from those of other machines."""
    return f"/aasx/files/{short(described.machine, 'Thing_')}.td.json"


def files(described: Described) -> dict[str, bytes]:
    """What the File element of the submodel names, by its value."""
    return {file_of(described): described.text.encode()}


def build(name: str, described: Described) -> Json:
    """The submodel whose id is ``name``: one interface, for a machine is reached in one way."""
    thing, protocol = described.thing, described.protocol
    definitions = dict(_definitions(thing))
    within = (("Submodel", name), ("SubmodelElementCollection", protocol.id_short),
              ("SubmodelElementCollection", ENDPOINT), ("SubmodelElementCollection", DEFINITIONS))
    security = listing("security", [
        e.reference("", e.model(*within, ("SubmodelElementCollection", one["idShort"])), _SECURITY)
        for one in definitions.values()], _SECURITY, _SECURITY, "ReferenceElement")
    properties = _objects(thing.get("properties"))
    inner = [*_about(thing, described.machine),
             e.collection(ENDPOINT, _endpoint(thing, protocol, security, definitions), f"{w.AID}/1/0/{ENDPOINT}"),
             _interactions([_property(described, one, each, security) for one, each in properties.items()]),
             e.collection("ExternalDescriptor", [
                 e.file("fileName", file_of(described), w.TD_TYPE, f"{w.AID}/1/0/externalDescriptorName")],
                 f"{w.AID}/1/0/ExternalDescriptor")]
    interface = also(e.collection(protocol.id_short, inner, f"{w.AID}/1/0/Interface", _texts(thing, "title")),
                     protocol.known_by, w.TD)
    return submodel(name, ID_SHORT, [interface], SEMANTIC, VERSION)


def _about(thing: Thing, machine: str) -> Iterator[Json]:
    yield e.prop("title", str(thing.get("title") or machine), f"{w.TD}#title")
    for field in ("created", "modified"):
        if _INSTANT.fullmatch(str(thing.get(field, ""))):
            yield e.instant(field, thing[field], f"http://purl.org/dc/terms/{field}")
    if isinstance(thing.get("support"), str) and thing["support"]:
        yield e.prop("support", thing["support"], f"{w.TD}#supportContact", type_="xs:anyURI")


def _endpoint(thing: Thing, protocol: w.Protocol, security: Json, definitions: Mapping[str, Json]) -> list[Json]:
    told = next((one["contentType"] for each in _objects(thing.get("properties")).values()
                 if isinstance((one := form_of(each)).get("contentType"), str)), protocol.content_type)
    return [e.prop("base", str(thing.get("base", "")), f"{w.TD}#baseURI", type_="xs:anyURI"),
            e.prop("contentType", told, w.TERMS["contentType"].semantic), security,
            e.collection(DEFINITIONS, list(definitions.values()), f"{w.TD}#definesSecurityScheme")]


def _definitions(thing: Thing) -> Iterator[tuple[str, Json]]:
    """The schemes by which the machine lets in, the first of each kind, by the name that ``thing`` gives them."""
    wanted = thing.get("security", [])
    given = _objects(thing.get(DEFINITIONS))
    seen: set[str] = set()
    for name in [wanted] if isinstance(wanted, str) else wanted:
        said = str(given.get(name, {}).get("scheme", ""))
        if said == "basic" and str(thing.get("base", "")).startswith("opc.tcp:"):
            made = {"scheme": "uav:authentication", "uav:userIdentityToken": "UserName"}
        else:
            made = dict(given.get(name, {}))
        known = w.SCHEMES.get(str(made.get("scheme", "")))
        if known is not None and known.id_short not in seen:
            seen.add(known.id_short)
            yield name, e.collection(known.id_short, list(_scheme(known, made)), known.semantic)


def _scheme(known: w.Scheme, made: Thing) -> Iterator[Json]:
    yield e.prop("scheme", known.said, f"{w.SECURITY}#SecurityScheme")
    told = {**made}
    if "uav:securityMode" in known.fields:
        mode = w.SECURITY_MODES.get(str(made.get("uav:securityMode", "")).lower(), "None")
        policy = str(made.get("uav:securityPolicy", "")).rsplit("#", 1)[-1]
        told |= {"uav:securityMode": mode, "uav:securityPolicy": policy if mode != "None" and policy else "None"}
    for field in known.fields:
        if isinstance(told.get(field), str) and told[field]:
            address = known.said == "oauth2" and field != "flow"
            base = w.UA if field.startswith("uav:") else f"{w.SECURITY}#"
            yield e.prop(w.in_aid(field), told[field], base + field.removeprefix("uav:"),
                         type_="xs:anyURI" if address else "xs:string")


def _interactions(properties: list[Json]) -> Json:
    inner = [e.collection("properties", properties, f"{w.TD}#PropertyAffordance")] if properties else []
    return also(e.collection(INTERACTIONS, inner, f"{w.AID}/1/0/{INTERACTIONS}"), f"{w.TD}#InteractionAffordance")


# ---- one property ------------------------------------------------------------------------------------


def scaling(each: Thing) -> tuple[Decimal, Decimal] | None:
    """(factor, summand) of a property, or None for a value that goes as it is."""
    if each.get("type") not in ("integer", "number"):
        return None
    factor, summand = _decimal(each.get("weft:scale"), "1"), _decimal(each.get("weft:offset"), "0")
    return None if factor == 1 and summand == 0 else (factor, summand)


def _decimal(given: Any, default: str) -> Decimal:
    try:
        found = Decimal(str(default if given is None else given))
    except InvalidOperation:
        return Decimal(default)
    return found if found.is_finite() else Decimal(default)


def tokens(each: Thing) -> tuple[str, ...]:
    """Where the value of a property stands in the document that its form leads to; () where it is all of it."""
    form = form_of(each)
    href = str(form.get("href", ""))
    pointer = form.get("weft:pointer") or form.get("weft:jsonPointer") or (
        "" if "?id=" in href else unquote(urldefrag(href).fragment))
    parts = str(pointer).split("/")[1:]
    return tuple(one.replace("~1", "/").replace("~0", "~") for one in parts[:_DEPTH_MAX])


def below(each: Thing) -> tuple[str, ...]:
    """The idShorts within the element of a property down to the one that describes its value."""
    return tuple(one for token in tokens(each) for one in ("properties", short(token)))


def _property(described: Described, name: str, each: Thing, security: Json) -> Json:
    id_short = described.names[name]
    shown = {key: one for key, one in each.items() if key not in _OF_SCALED} if scaling(each) else each
    path = tokens(each)
    schema = list(_schema(id_short, name, shown, 0)) if not path else [
        *_named(id_short, name), *_object(), _nested(path, shown, 0)]
    inner = [*schema, e.prop("observable", each.get("observable", True) is not False, f"{w.TD}#isObservable"),
             e.collection("forms", list(_form(form_of(each), described.protocol, security)), f"{w.TD}#hasForm")]
    made = also(e.collection(id_short, inner, f"{w.AID}/1/0/PropertyDefinition", _texts(each, "title")),
                f"{w.TD}#name")
    told = e.labels(_texts(each, "description"), e.TEXT_MAX)
    return {**made, "description": told} if told else made


def _named(id_short: str, name: str) -> Iterator[Json]:
    if id_short != name:
        yield also(e.prop("key", name, f"{w.AID}/1/0/key"), f"{w.TD}#name")


def _object() -> Iterator[Json]:
    yield e.prop("type", "object", _TYPE)


def _fields(fields: list[Json], depth: int) -> Json:
    """The fields of a document; within another the published template calls them by the id of one (Rule 4)."""
    made = e.collection("properties", fields, f"{w.SCHEMA}#properties")
    return also(made, f"{w.SCHEMA}#propertyName") if depth else made


def _nested(path: tuple[str, ...], each: Thing, depth: int) -> Json:
    """A document down to the value at ``path``."""
    token, *rest = path
    inner = [*_named(short(token), token), *_object(), _nested(tuple(rest), each, depth + 1)
             ] if rest else list(_schema(short(token), token, each, depth + 1))
    return _fields([e.collection(short(token), inner, f"{w.SCHEMA}#propertyName")], depth)


def _schema(id_short: str, name: str, each: Thing, depth: int) -> Iterator[Json]:
    """What a value looks like."""
    kind = str(each.get("type", ""))
    yield from _named(id_short, name)
    if kind:
        yield e.prop("type", kind, _TYPE)
    for field, sem in (("title", f"{w.TD}#title"), ("unit", "https://schema.org/unitCode")):
        if isinstance(each.get(field), str) and each[field]:
            yield e.prop(field, each[field], sem)
    yield from _options(each, kind)
    yield from _range("min_max", "minMaxRange", each, "minimum", "maximum")
    yield from _range("lengthRange", "lengthRange", each, "minLength", "maxLength")
    if depth < _DEPTH_MAX:
        yield from _composed(each, depth)


def _options(each: Thing, kind: str) -> Iterator[Json]:
    """What it may be, and what it is when nothing is said."""
    if type(each.get("const")) is int:
        yield e.prop("const", each["const"], f"{w.SCHEMA}#const", type_="xs:int")
    if isinstance(each.get("enum"), list) and each["enum"]:
        yield _enum(each["enum"], kind)
    if each.get("default") is not None and not isinstance(each["default"], list | dict):
        yield e.prop("default", _text(each["default"]), f"{w.SCHEMA}#default")


def _composed(each: Thing, depth: int) -> Iterator[Json]:
    """What a list or an object is made of."""
    if isinstance(each.get("items"), Mapping):
        yield e.collection("items", list(_schema("items", "items", each["items"], depth + 1)), f"{w.SCHEMA}#items")
    yield from _range("itemsRange", "itemsRange", each, "minItems", "maxItems")
    fields = _objects(each.get("properties"))
    if fields:
        names = shorts(fields)
        yield _fields([
            e.collection(names[one], list(_schema(names[one], one, inner, depth + 1)), f"{w.SCHEMA}#propertyName")
            for one, inner in fields.items()], depth)


def _range(id_short: str, sem: str, each: Thing, low: str, high: str) -> Iterator[Json]:
    told = {name: _text(each[name]) for name in (low, high) if isinstance(each.get(name), int | float | str)}
    if told:
        made = e.range_(id_short, told.get(low, ""), told.get(high, ""), "xs:string", f"{w.AID}/1/0/{sem}")
        yield also(made, *(f"{w.SCHEMA}#{name}" for name in told))


def _enum(values: list[Any], kind: str) -> Json:
    value_type = _VALUE_TYPES.get(kind, "xs:string")
    return listing("enum", [e.prop("", _text(one), type_=value_type) for one in values], f"{w.SCHEMA}#enum",
                   of="Property", value_type=value_type)


def form_of(each: Thing) -> Thing:
    """The form that reads a property; AID knows but one."""
    forms = each.get("forms")
    return forms[0] if isinstance(forms, list) and forms and isinstance(forms[0], Mapping) else {}


def _form(form: Thing, protocol: w.Protocol, security: Json) -> Iterator[Json]:
    yield e.prop("href", _href(form, protocol), f"{w.FORM}#hasTarget")
    for name, term in w.TERMS.items():
        if isinstance(form.get(name), str | int | float):
            yield e.prop(w.in_aid(name), _text(form[name]), term.semantic, type_="xs:string")
    headers = form.get("htv:headers")
    if isinstance(headers, list) and headers:
        yield listing("htv_headers", [e.collection("", [
            e.prop("htv_fieldName", str(one.get("htv:fieldName", "")), f"{w.HTTP}#fieldName"),
            e.prop("htv_fieldValue", str(one.get("htv:fieldValue", "")), f"{w.HTTP}#fieldValue"),
        ], f"{w.HTTP}#headers") for one in headers if isinstance(one, Mapping)], f"{w.HTTP}#headers",
            f"{w.HTTP}#headers")
    yield security


def _href(form: Thing, protocol: w.Protocol) -> str:
    """The address of ``form`` as AID writes it (annex B.2): of OPC UA from the root on, of MQTT the topic."""
    href = str(form.get("href", ""))
    if "?id=" in href:
        return f"/{href}" if protocol.known_by == w.UA and href.startswith("?id=") else href
    topic = form.get("mqv:filter") or form.get("mqv:topic")
    if topic:
        return quote(str(topic), safe="/+$")
    if "modv:address" in form:
        unit = f"/{form['modv:unitID']}" if "modv:unitID" in form else ""
        return f"{unit}/{form['modv:address']}?quantity={form.get('modv:quantity', 1)}"
    return urldefrag(href).url


def _text(value: Any) -> str:
    """``value`` of JSON as a text; numbers in the digits of JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _texts(each: Thing, field: str) -> dict[str, str]:
    """Texts by language where several were given; a description alone counts as English, as TD says of no language."""
    told = each.get(f"{field}s")
    if isinstance(told, Mapping):
        return {lang: one for lang, one in told.items() if isinstance(one, str) and one}
    alone = each.get(field)
    return {"en": alone} if field == "description" and isinstance(alone, str) and alone else {}


def _objects(given: Any) -> dict[str, Any]:
    """The members of ``given`` that are objects."""
    return {name: one for name, one in given.items() if isinstance(one, Mapping)} if isinstance(given, Mapping) else {}
