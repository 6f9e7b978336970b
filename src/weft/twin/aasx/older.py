"""Metamodel 1 and 2 as metamodel 3: all that it says is kept, or named as lost.

Details of the Asset Administration Shell V2.0.1; IDTA-01001 v3.0 annex "Changes w.r.t. V2.0.1".
Rule 1: what metamodel 3 has no field for becomes an Extension named ``v2.…``: a text, or the references it held.
Rule 2: what not even that can hold is "lost"; the importer then takes nothing of the package (``exchange.py``).
Not here: how XML of those versions is read (``older_xml.py``), spellings and empty things (``tidy.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from weft.twin.aasx import older_xml
from weft.twin.aasx.findings import Finding, Grade
from weft.twin.aasx.spellings import VALUE_TYPES
from weft.twin.aasx.tidy import IEC61360
from weft.twin.elements import Json, external

_EXTENSION: Final = "v2."
_LEVELS: Final = ("min", "nom", "typ", "max")
_VARIABLES: Final = {"inputVariable": "inputVariables", "outputVariable": "outputVariables",
                     "inoutputVariable": "inoutputVariables", "inOutputVariable": "inoutputVariables"}
# Fields of the older model that say nothing which the new one does not know by itself.
_NEEDLESS: Final = ("modelType", "parent", "allowDuplicates")


class Environment(NamedTuple):
    """Documents of metamodel 3 by the tag of their class, and what was found on the way."""

    documents: Mapping[str, Sequence[Json]]
    findings: Sequence[Finding]


def from_xml(data: bytes, part: str) -> Environment:
    """An ``aasenv`` of metamodel 1 or 2; raises ``Invalid``."""
    return from_json(older_xml.read(data, part), part)


def from_json(top: Json, part: str) -> Environment:
    """An environment of metamodel 2 in its JSON."""
    return _Converter(part).environment(top)


def _empty(value: Any) -> bool:
    """Whether nothing is said: no text, and nothing within."""
    if isinstance(value, dict):
        return all(_empty(one) for name, one in value.items() if name != "modelType")
    if isinstance(value, list):
        return all(_empty(one) for one in value)
    return value is None or (isinstance(value, str) and not value.strip())


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if _empty(value) else [value]


class _Converter:
    def __init__(self, part: str) -> None:
        self._part = part
        self._found: list[Finding] = []
        self._template = False

    def _told(self, grade: Grade, code: str, path: str, **facts: str | int) -> None:
        self._found.append(Finding(grade, code, self._part, 0, path, facts))

    def _rest(self, old: Json, path: str) -> None:
        for name, value in old.items():
            if name not in _NEEDLESS and not _empty(value):
                self._told("lost", "unknown-field", f"{path}.{name}"[:200])

    def environment(self, top: Json) -> Environment:
        top = dict(top)
        assets = {self._id(one): one for one in self._objects(top, "assets")}
        shells = [self._shell(one, assets) for one in self._objects(top, "assetAdministrationShells")]
        submodels = [self._submodel(one) for one in self._objects(top, "submodels")]
        concepts = [self._concept(one) for one in self._objects(top, "conceptDescriptions")]
        for name in assets:
            self._told("lost", "asset-alone", f"assets[{name}]"[:200])
        self._rest(top, "")
        return Environment({"assetAdministrationShell": shells, "submodel": submodels, "conceptDescription": concepts},
                           self._found)

    def _objects(self, old: Json, name: str, path: str = "") -> list[Json]:
        """The objects in the list ``name``, taken away from ``old``; what is none is told as lost."""
        found = [one for one in _list(old.pop(name, None)) if not _empty(one) or (isinstance(one, dict) and _kind(one))]
        for one in found:
            if not isinstance(one, dict):
                self._told("lost", "not-an-object", f"{path}.{name}"[:200], said=str(one)[:60])
        return [one for one in found if isinstance(one, dict)]

    # ---- what all have ----

    def _id(self, old: Json) -> str:
        told = old.get("identification")
        return str(told.get("id", "")) if isinstance(told, dict) else str(told or "")

    def _referable(self, old: Json, made: Json, path: str) -> list[Json]:
        """Move what every element has from ``old`` to ``made``; the extensions that it needs."""
        extensions: list[Json] = []
        for name in ("idShort", "category"):
            if not _empty(old.get(name)):
                made[name] = old[name]
            old.pop(name, None)
        texts = self._texts(old.pop("description", None) or old.pop("descriptions", None))
        if texts:
            made["description"] = texts
        kind = old.pop("kind", None)
        if isinstance(kind, str) and kind.casefold() == "template" and not self._template:
            extensions.append(_extension("kind", "Template"))
        semantic = self._reference(old.pop("semanticId", None))
        if semantic:
            made["semanticId"] = semantic
        qualifiers = [self._qualifier(one, path) for one in _qualifiers(old) if not _empty(one)]
        if any(qualifiers):
            made["qualifiers"] = [one for one in qualifiers if one]
        specified = [self._specification(one, path) for name in ("embeddedDataSpecification", "hasDataSpecification",
                     "embeddedDataSpecifications") for one in _list(old.pop(name, None)) if not _empty(one)]
        if any(specified):
            made["embeddedDataSpecifications"] = [one for one in specified if one]
        return extensions

    def _identifiable(self, old: Json, made: Json, path: str) -> list[Json]:
        made["id"] = self._id(old)
        old.pop("identification", None)
        extensions = self._referable(old, made, path)
        administration = old.pop("administration", None)
        if isinstance(administration, dict) and not _empty(administration):
            made["administration"] = {name: administration[name] for name in ("version", "revision")
                                      if not _empty(administration.get(name))}
        return extensions

    def _texts(self, told: Any) -> list[Json]:
        if isinstance(told, dict):
            told = told.get("langString", told if "text" in told else [])
        return [{"language": str(one.get("language") or "en"), "text": str(one["text"])} for one in _list(told)
                if isinstance(one, dict) and one.get("text")]

    def _reference(self, told: Any) -> Json | None:
        if not isinstance(told, dict):
            return None
        keys = [{"type": str(one.get("type") or "GlobalReference"), "value": str(one.get("value", ""))}
                for one in _list(told.get("keys")) if isinstance(one, dict) and one.get("value")]
        return {"type": "ModelReference" if keys[0]["type"] in _MODEL_KEYS else "ExternalReference",
                "keys": keys} if keys else None

    def _qualifier(self, told: Any, path: str) -> Json | None:
        if not isinstance(told, dict) or _kind(told) == "Formula" or "formula" in told:
            self._told("lost", "formula", path)
            return None
        old = dict(told)
        made: Json = {"type": old.pop("type", None) or old.pop("qualifierType", "")}
        made["valueType"] = _value_type(old.pop("valueType", None))
        for name in ("semanticId", "valueId"):
            if (ref := self._reference(old.pop(name, None))):
                made[name] = ref
        if old.get("value") is not None:
            made["value"] = old.get("value")
        old.pop("value", None)
        old.pop("qualifierValue", None)
        self._rest(old, f"{path}.qualifier")
        return made

    def _specification(self, told: Any, path: str) -> Json | None:
        if not isinstance(told, dict):
            return None
        content: Any = told.get("dataSpecificationContent")
        target = self._reference(told.get("dataSpecification")) or self._reference(told)
        if _empty(content):
            if target:
                self._told("lost", "specification-reference", path, target=target["keys"][-1]["value"][:200])
            return None
        inner = dict(content) if isinstance(content, dict) else {}
        return {"dataSpecification": external(IEC61360), "dataSpecificationContent": self._iec61360(inner, path)}

    def _iec61360(self, old: Json, path: str) -> Json:
        inner = old.get("dataSpecificationIEC61360", old)
        old = dict(inner) if isinstance(inner, dict) else {"value": inner}
        made: Json = {"modelType": "DataSpecificationIec61360"}
        for name in ("preferredName", "shortName", "definition"):
            told = old.pop(name, None)
            texts = self._texts({"text": told} if isinstance(told, str) else told)
            if texts:
                made[name] = texts
        for name in ("unit", "sourceOfDefinition", "symbol", "dataType", "valueFormat", "value"):
            if not _empty(old.get(name)):
                made[name] = old[name]
            old.pop(name, None)
        if (unit := self._reference(old.pop("unitId", None))):
            made["unitId"] = unit
        levels = {str(one).casefold() for one in _list(old.pop("levelType", None))} & set(_LEVELS)
        if levels:
            made["levelType"] = {name: name in levels for name in _LEVELS}
        pairs = _list(old.pop("valueList", None))
        if not _empty(pairs):
            made["valueList"] = {"valueReferencePairs": [self._pair(one) for one in _pairs(pairs)]}
        self._rest(old, f"{path}.dataSpecificationIEC61360")
        return made

    def _pair(self, old: Json) -> Json:
        made: Json = {"value": old.get("value", "")}
        if (ref := self._reference(old.get("valueId"))):
            made["valueId"] = ref
        return made

    # ---- identifiables ----

    def _shell(self, told: Json, assets: dict[str, Json]) -> Json:
        old = dict(told)
        made: Json = {"modelType": "AssetAdministrationShell"}
        self._template = False
        path = str(old.get("idShort") or self._id(old))
        extensions = self._identifiable(old, made, path)
        if (derived := self._reference(old.pop("derivedFrom", None))):
            made["derivedFrom"] = derived
        target = self._reference(old.pop("assetRef", None) or old.pop("asset", None))
        name = target["keys"][-1]["value"] if target else ""
        asset = assets.pop(name, None)
        made["assetInformation"] = {"globalAssetId": name} if name else {}
        if asset is not None:
            extensions += self._asset(dict(asset), made["assetInformation"], path)
        refs = [self._reference(one.get("submodelRef", one) if isinstance(one, dict) else None)
                for label in ("submodelRefs", "submodels") for one in _list(old.pop(label, None))]
        if any(refs):
            made["submodels"] = [ref for ref in refs if ref]
        extensions += self._grouped(old, path)
        self._rest(old, path)
        return _with(made, extensions)

    def _asset(self, old: Json, information: Json, path: str) -> list[Json]:
        """What is known of the asset: its kind; all else as extensions of its shell."""
        kind = old.pop("kind", None)
        information["assetKind"] = "Type" if str(kind).casefold() in ("type", "template") else "Instance"
        own: Json = {}
        self._template = True  # the kind of an asset is told above
        self._identifiable(old, own, f"{path}.asset")
        own.pop("id")
        made = [_extension(f"asset.{name}", own.pop(name)) for name in ("idShort", "category") if name in own]
        made += [_extension(f"asset.description.{one['language']}", one["text"]) for one in own.pop("description", ())]
        made += [_extension(f"asset.{name}", value) for name, value in own.pop("administration", {}).items()]
        for name in ("assetIdentificationModel", "billOfMaterial"):
            if (ref := self._reference(old.pop(name, None) or old.pop(f"{name}Ref", None))):
                made.append(_extension(f"asset.{name}", refers_to=[ref]))
        self._template = False
        self._rest({**own, **old}, f"{path}.asset")
        return made

    def _grouped(self, old: Json, path: str) -> list[Json]:
        """Views and concept dictionaries: lists of references with a name."""
        made = []
        for label, inner, word in (("views", "containedElements", "view"), ("conceptDictionaries",
                                   "conceptDescriptionRefs", "conceptDictionary"),
                                   ("conceptDictionary", "conceptDescriptions", "conceptDictionary")):
            for told in self._objects(old, label, path):
                group = dict(told)
                refs = [ref for one in _list(group.pop(inner, None)) if (ref := self._reference(one))]
                name = group.pop("idShort", None)
                if refs:
                    made.append(_extension(f"{word}.{name}" if name else word, refers_to=refs))
                self._rest(group, f"{path}.{label}")
        return made

    def _submodel(self, told: Json) -> Json:
        old = dict(told)
        made: Json = {"modelType": "Submodel"}
        path = str(old.get("idShort") or self._id(old))
        kind = str(old.pop("kind", None) or "Instance")
        self._template = kind.casefold() in ("template", "type")
        made["kind"] = "Template" if self._template else "Instance"
        extensions = self._identifiable(old, made, path)
        elements = self._elements(old.pop("submodelElements", None), path)
        if elements:
            made["submodelElements"] = elements
        self._rest(old, path)
        return _with(made, extensions)

    def _concept(self, told: Json) -> Json:
        old = dict(told)
        made: Json = {"modelType": "ConceptDescription"}
        self._template = True  # concepts have no kind
        path = str(old.get("idShort") or self._id(old))
        extensions = self._identifiable(old, made, path)
        cases = [ref for one in _list(old.pop("isCaseOf", None)) if (ref := self._reference(one))]
        if cases:
            made["isCaseOf"] = cases
        self._rest(old, path)
        return _with(made, extensions)

    # ---- elements ----

    def _elements(self, told: Any, path: str) -> list[Json]:
        found = self._objects({"elements": told}, "elements", path)
        return [made for one in found if (made := self._element(one, path))]

    def _element(self, told: Json, path: str) -> Json | None:
        inner = told.get("submodelElement", told)
        old = dict(inner) if isinstance(inner, dict) else {}
        kind = _kind(old)
        path = f"{path}.{old.get('idShort', '')}"
        convert = _ELEMENTS.get(kind)
        if convert is None:
            self._told("lost", "no-such-element", path[:200], said=kind)
            return None
        made: Json = {"modelType": "BasicEventElement" if kind in ("BasicEvent", "Event") else kind}
        extensions = self._referable(old, made, path)
        extensions += convert(self, old, made, path) or []
        self._rest(old, path)
        return _with(made, extensions)

    def plain(self, old: Json, made: Json, _path: str) -> None:
        if "valueType" in old:
            made["valueType"] = _value_type(old.pop("valueType"))
        for name in ("value", "min", "max"):
            if isinstance(old.get(name), str | int | float | bool):
                made[name] = old.pop(name)
        if (ref := self._reference(old.pop("valueId", None))):
            made["valueId"] = ref

    def several(self, old: Json, made: Json, _path: str) -> None:
        if (texts := self._texts(old.pop("value", None))):
            made["value"] = texts
        if (ref := self._reference(old.pop("valueId", None))):
            made["valueId"] = ref

    def content(self, old: Json, made: Json, _path: str) -> None:
        for name, new in (("value", "value"), ("mimeType", "contentType")):
            if not _empty(old.get(name)):
                made[new] = old[name]
            old.pop(name, None)

    def pointing(self, old: Json, made: Json, _path: str) -> None:
        for name in ("value", "first", "second", "observed"):
            if (ref := self._reference(old.pop(name, None))):
                made[name] = ref

    def annotated(self, old: Json, made: Json, path: str) -> list[Json]:
        self.pointing(old, made, path)
        notes = [one for name in ("annotation", "annotations") for one in _list(old.pop(name, None))]
        inner = self._elements([one for one in notes if isinstance(one, dict) and _kind(one)], path)
        if inner:
            made["annotations"] = inner
        refs = [ref for one in notes if not (isinstance(one, dict) and _kind(one)) and (ref := self._reference(one))]
        return [_extension("annotation", refers_to=refs)] if refs else []

    def collection(self, old: Json, made: Json, path: str) -> list[Json]:
        inner = self._elements(old.pop("value", None), path)
        if inner:
            made["value"] = inner
        ordered = str(old.pop("ordered", "")).casefold() == "true"
        return [_extension("ordered", "true")] if ordered else []

    def entity(self, old: Json, made: Json, path: str) -> None:
        inner = self._elements(old.pop("statements", None), path)
        if inner:
            made["statements"] = inner
        made["entityType"] = old.pop("entityType", None) or "CoManagedEntity"
        target = self._reference(old.pop("assetRef", None) or old.pop("asset", None))
        if target:
            made["globalAssetId"] = target["keys"][-1]["value"]

    def operation(self, old: Json, made: Json, path: str) -> None:
        for name, new in _VARIABLES.items():
            told = [one.get("operationVariable", one) for one in self._objects(old, name, path)]
            inner = self._elements([one.get("value", one) if isinstance(one, dict) else one for one in told], path)
            if inner:
                made[new] = [{"value": one} for one in inner]

    def event(self, old: Json, made: Json, path: str) -> None:
        self.pointing(old, made, path)
        made |= {"direction": "output", "state": "on"}
        self._told("fixed", "older-event", path[:200])

    def nothing(self, _old: Json, _made: Json, _path: str) -> None:
        return


_ELEMENTS: Final[Mapping[str, Callable[[_Converter, Json, Json, str], list[Json] | None]]] = {
    "Property": _Converter.plain, "Range": _Converter.plain, "MultiLanguageProperty": _Converter.several,
    "Blob": _Converter.content, "File": _Converter.content, "ReferenceElement": _Converter.pointing,
    "RelationshipElement": _Converter.pointing, "AnnotatedRelationshipElement": _Converter.annotated,
    "SubmodelElementCollection": _Converter.collection, "Entity": _Converter.entity,
    "Operation": _Converter.operation, "Capability": _Converter.nothing, "BasicEvent": _Converter.event,
    "Event": _Converter.event}
_MODEL_KEYS: Final = frozenset({"AssetAdministrationShell", "ConceptDescription", "Submodel"})


def _kind(old: Json) -> str:
    told = old.get("modelType")
    return str(told.get("name", "") if isinstance(told, dict) else told or "")


def _qualifiers(old: Json) -> list[Any]:
    """The qualifiers of an element, taken away from it; in XML they may lie within one another."""
    found: list[Any] = []
    for one in [one for name in ("qualifier", "qualifiers", "constraints") for one in _list(old.pop(name, None))]:
        inner = one.get("qualifier") if isinstance(one, dict) else None
        found += _list(inner) if isinstance(inner, list | dict) else [one]
    return found


def _value_type(told: Any) -> str:
    for _ in range(2):  # {"dataObjectType": {"name": "string"}}
        if isinstance(told, dict):
            told = told.get("dataObjectType") or told.get("name")
    word = str(told or "xs:string")
    return f"xs:{word}" if f"xs:{word}" in VALUE_TYPES else word  # any other word is for ``spellings`` to tell


def _pairs(told: list[Any]) -> list[Json]:
    found: list[Json] = []
    for one in told:
        if isinstance(one, dict):
            inner = next((one[name] for name in ("valueReferencePairTypes", "valueReferencePairs", "valueReferencePair")
                          if name in one), None)
            found += _pairs(_list(inner)) if inner is not None else [one]
    return found


def _extension(name: str, value: str = "", refers_to: Sequence[Json] = ()) -> Json:
    made: Json = {"name": _EXTENSION + name}
    if value:
        made |= {"valueType": "xs:string", "value": value}
    if refers_to:
        made["refersTo"] = list(refers_to)
    return made


def _with(made: Json, extensions: Sequence[Json]) -> Json:
    return {**made, "extensions": list(extensions)} if extensions else made
