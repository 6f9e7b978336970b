"""One shell whose first submodel holds every kind of element, as the official engine wants to find it.

The first Property stands without a value on purpose: engine 1.0.3 holds only objects and lists for JSON, although the
value of a Property is a text, a number or a truth value (IDTA-01002, PropertyValue). Asked for the value of one that
has none, a node says so in an object.
"""

import base64
from typing import Any

SHELL = "https://example.com/conformance/shell"
SUBMODEL = "https://example.com/conformance/submodel"
OTHER = f"{SUBMODEL}/2"
CONCEPT = "https://example.com/conformance/concept"
Json = dict[str, Any]


def _external(value: str) -> Json:
    return {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": value}]}


def _model(*keys: tuple[str, str]) -> Json:
    return {"type": "ModelReference", "keys": [{"type": kind, "value": value} for kind, value in keys]}


def _property(name: str, kind: str, value: str = "") -> Json:
    made = {"modelType": "Property", "idShort": name, "valueType": kind, "semanticId": _external(CONCEPT)}
    return made | ({"value": value} if value else {})


def elements() -> list[Json]:
    """All fourteen kinds, nested ones too."""
    speed = _model(("Submodel", SUBMODEL), ("Property", "Speed"))
    text = [{"language": "de", "text": "Drehmaschine"}, {"language": "zh", "text": "车床"}]
    within = [_property("Depth", "xs:decimal", "0.500"), {
        "modelType": "SubmodelElementCollection", "idShort": "Deeper", "value": [_property("Count", "xs:int", "7")]}]
    variable = [{"value": _property("Input", "xs:int", "1")}]
    listed = [{key: value for key, value in _property("", "xs:int", str(one)).items() if key not in ("idShort",
               "semanticId")} for one in range(3)]
    return [
        _property("Speed", "xs:double"),
        {"modelType": "MultiLanguageProperty", "idShort": "Name", "value": text},
        {"modelType": "Range", "idShort": "Limits", "valueType": "xs:int", "min": "0", "max": "4000"},
        {"modelType": "ReferenceElement", "idShort": "Drawing", "value": _external("https://example.com/drawing")},
        {"modelType": "RelationshipElement", "idShort": "Drives", "first": speed, "second": speed},
        {"modelType": "AnnotatedRelationshipElement", "idShort": "Feeds", "first": speed, "second": speed,
         "annotations": [_property("Since", "xs:date", "2026-01-01")]},
        {"modelType": "SubmodelElementCollection", "idShort": "Inside", "value": within},
        {"modelType": "SubmodelElementList", "idShort": "Counts", "orderRelevant": True,
         "typeValueListElement": "Property", "valueTypeListElement": "xs:int", "value": listed},
        {"modelType": "Entity", "idShort": "Spindle", "entityType": "SelfManagedEntity",
         "globalAssetId": "https://example.com/spindle", "statements": [_property("Weight", "xs:decimal", "12.0")]},
        {"modelType": "BasicEventElement", "idShort": "Changed", "direction": "output", "state": "on",
         "observed": speed},
        {"modelType": "Capability", "idShort": "Turning"},
        {"modelType": "Operation", "idShort": "Reset", "inputVariables": variable},
        {"modelType": "Blob", "idShort": "Note", "contentType": "text/plain",
         "value": base64.b64encode("车床 L1".encode()).decode()},
        {"modelType": "File", "idShort": "Manual", "contentType": "application/pdf", "value": "/aasx/manual.pdf"},
    ]


def environment() -> Json:
    """Shell, submodels and concept description."""
    asset = {"assetKind": "Instance", "globalAssetId": "https://example.com/lathe",
             "specificAssetIds": [{"name": "serialNumber", "value": "L-1"}]}
    return {
        "assetAdministrationShells": [{
            "modelType": "AssetAdministrationShell", "id": SHELL, "idShort": "Lathe", "assetInformation": asset,
            "submodels": [_model(("Submodel", SUBMODEL)), _model(("Submodel", OTHER))]}, {
            "modelType": "AssetAdministrationShell", "id": f"{SHELL}/2", "idShort": "Lathe2",
            "assetInformation": {"assetKind": "Instance", "globalAssetId": "https://example.com/lathe/2"}}],
        "submodels": [{
            "modelType": "Submodel", "id": SUBMODEL, "idShort": "Everything", "kind": "Instance",
            "semanticId": _external("https://example.com/conformance/everything"), "submodelElements": elements()}, {
            "modelType": "Submodel", "id": OTHER, "idShort": "Other", "submodelElements": [
                _property("Speed", "xs:double", "1.5")]}],
        "conceptDescriptions": [{"modelType": "ConceptDescription", "id": CONCEPT, "idShort": "Speed"}],
    }
