"""Submodel elements in the JSON of the AAS metamodel 3.0; every builder leaves out what is empty.

IDTA-01001 §5 (metamodel), JSON mapping of 3.0.
Rule 1: no empty list and no empty text is ever written: the metamodel knows none.
Rule 2: an element without data keeps its type and loses its value ("no data" is not zero).
Not here: which elements a thing has (``machine``, ``item``, ``lot``, ``order``).
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from weft.twin.names import semantic

Json = dict[str, Any]
TEXT_MAX: Final = 1023
LABEL_MAX: Final = 128
_TYPES: Final[Mapping[type, str]] = {bool: "xs:boolean", int: "xs:long", float: "xs:double", str: "xs:string"}


def external(value: str) -> Json:
    """A reference to something outside, such as a dictionary entry."""
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def model(*keys: tuple[str, str]) -> Json:
    """A reference into a model: (type, value) from the outermost in."""
    return {"type": "ModelReference", "keys": [{"type": kind, "value": value} for kind, value in keys]}


def labels(texts: Mapping[str, str], limit: int = LABEL_MAX) -> list[Json]:
    """Texts by language; empty ones are left out."""
    return [{"language": lang, "text": text[:limit]} for lang, text in texts.items() if text]


def element(kind: str, id_short: str, sem: str = "", title: Mapping[str, str] | None = None, **fields: Any) -> Json:
    """An element of ``kind``; ``sem`` is a whole semantic id, or a name of our own."""
    made: Json = {"modelType": kind}
    if id_short:
        made["idShort"] = id_short
    if sem:
        made["semanticId"] = external(sem if ":" in sem or "#" in sem else semantic(sem))
    names = labels(title or {})
    if names:
        made["displayName"] = names
    made |= {key: value for key, value in fields.items() if value not in (None, [], "")}
    return made


def prop(id_short: str, value: Any, sem: str = "", *, type_: str = "", title: Mapping[str, str] | None = None) -> Json:
    """A Property; its type follows from ``value`` unless given; None and "" give one without a value."""
    kind = type_ or _TYPES.get(type(value), "xs:string")
    return element("Property", id_short, sem, title, valueType=kind, value=lexical(value))


def lexical(value: Any) -> str:
    """``value`` as XML Schema writes it; "" for None."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value != value:
            return "NaN"
        return repr(value) if abs(value) != float("inf") else ("INF" if value > 0 else "-INF")
    return str(value)[:TEXT_MAX] if isinstance(value, str) else str(value)


def decimal(id_short: str, value: str, sem: str = "") -> Json:
    """A Property that holds an exact decimal."""
    return prop(id_short, value, sem, type_="xs:decimal")


def instant(id_short: str, value: str, sem: str = "") -> Json:
    """A Property that holds an instant; "" gives one without a value."""
    return prop(id_short, value, sem, type_="xs:dateTime")


def multi(id_short: str, texts: Mapping[str, str], sem: str = "") -> Json:
    """A MultiLanguageProperty."""
    return element("MultiLanguageProperty", id_short, sem, value=labels(texts, TEXT_MAX))


def range_(id_short: str, minimum: str, maximum: str, type_: str = "xs:decimal", sem: str = "") -> Json:
    """A Range; an end that is "" is open."""
    return element("Range", id_short, sem, valueType=type_, min=minimum, max=maximum)


def collection(id_short: str, elements: Sequence[Json], sem: str = "", title: Mapping[str, str] | None = None) -> Json:
    """A SubmodelElementCollection."""
    return element("SubmodelElementCollection", id_short, sem, title, value=list(elements))


def listing(id_short: str, elements: Sequence[Json], sem: str = "", of: str = "SubmodelElementCollection") -> Json:
    """A SubmodelElementList of collections (or of ``of``); its elements lose their idShort, as the metamodel wants."""
    inner = [{key: value for key, value in one.items() if key != "idShort"} for one in elements]
    made = element("SubmodelElementList", id_short, sem, orderRelevant=True, typeValueListElement=of, value=inner)
    if of == "Property":
        made["valueTypeListElement"] = inner[0]["valueType"] if inner else "xs:string"
    return made


def texts(id_short: str, values: Iterable[str], sem: str = "") -> Json:
    """A SubmodelElementList of texts."""
    return listing(id_short, [prop("", value) for value in values if value], sem, of="Property")


def reference(id_short: str, target: Json, sem: str = "") -> Json:
    """A ReferenceElement."""
    return element("ReferenceElement", id_short, sem, value=target)


def shell_reference(id_short: str, shell: str, sem: str = "") -> Json:
    """A ReferenceElement that points to another shell."""
    return reference(id_short, model(("AssetAdministrationShell", shell)), sem)


def file(id_short: str, address: str, content_type: str, sem: str = "") -> Json:
    """A File that lies at ``address``."""
    return element("File", id_short, sem, contentType=content_type, value=address)


def blob(id_short: str, content: bytes, content_type: str, sem: str = "") -> Json:
    """A Blob."""
    return element("Blob", id_short, sem, contentType=content_type, value=base64.b64encode(content).decode())


def entity(id_short: str, asset: str, statements: Sequence[Json], sem: str = "") -> Json:
    """An Entity: self-managed when it has an ``asset``, else co-managed."""
    kind = "SelfManagedEntity" if asset else "CoManagedEntity"
    return element("Entity", id_short, sem, statements=list(statements), entityType=kind, globalAssetId=asset)


def relationship(id_short: str, first: Json, second: Json, sem: str = "") -> Json:
    """A RelationshipElement."""
    return element("RelationshipElement", id_short, sem, first=first, second=second)


def qualified(one: Json, **qualifiers: str) -> Json:
    """``one`` with qualifiers of type text; empty ones are left out."""
    made = [{"kind": "ValueQualifier", "type": kind, "valueType": "xs:string", "value": value}
            for kind, value in qualifiers.items() if value]
    return {**one, "qualifiers": made} if made else one


def submodel(name: str, id_short: str, elements: Sequence[Json], sem: str = "") -> Json:
    """A Submodel whose id is ``name``."""
    made: Json = {"modelType": "Submodel", "kind": "Instance", "id": name, "idShort": id_short}
    made["semanticId"] = external(sem or semantic(id_short))
    if elements:
        made["submodelElements"] = list(elements)
    return made


def shell(name: str, id_short: str, asset: Json, submodels: Sequence[str], title: Mapping[str, str]) -> Json:
    """An Asset Administration Shell whose id is ``name``, with references to its ``submodels`` (ids)."""
    made: Json = {"modelType": "AssetAdministrationShell", "id": name, "idShort": id_short}
    names = labels(title)
    if names:
        made["displayName"] = names
    made["assetInformation"] = asset
    made["submodels"] = [model(("Submodel", one)) for one in submodels]
    return made


def asset(name: str, kind: str = "Instance", specific: Mapping[str, str] | None = None, type_: str = "") -> Json:
    """Asset information: the asset's id, what else it is called, and what it is a piece of."""
    made: Json = {"assetKind": kind, "globalAssetId": name}
    others = [{"name": key, "value": value} for key, value in (specific or {}).items() if value]
    if others:
        made["specificAssetIds"] = others
    if type_:
        made["assetType"] = type_
    return made
