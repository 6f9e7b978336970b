"""The classes of the AAS metamodel as XML and JSON write them: which fields, in which order, holding what.

IDTA-01001 v3.0 and v3.1, XML and JSON mappings (§9): both know the same fields, in this order.
Rule 1: a field is written ``name`` (text), ``name?`` (truth value), ``name:class`` (one), ``name[class]`` (a list);
        ``*`` for a class stands for any submodel element, named by its own tag.
Not here: what values a field may have (``twin/metamodel``), what tools write instead (``twin/aasx/tidy.py``).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

TEXT: Final = ""
FLAG: Final = "?"
ANY: Final = "*"


class Field(NamedTuple):
    """What a field holds: ``of`` is TEXT, FLAG, ANY or the tag of a class."""

    of: str
    many: bool = False


_REFERABLE: Final = ("extensions[extension] category idShort displayName[langStringNameType] "
                     "description[langStringTextType] ")
_IDENTIFIABLE: Final = _REFERABLE + "administration:administrativeInformation id "
_SEMANTICS: Final = "semanticId:reference supplementalSemanticIds[reference] "
_SPECIFIED: Final = "embeddedDataSpecifications[embeddedDataSpecification] "
_ELEMENT: Final = _REFERABLE + _SEMANTICS + "qualifiers[qualifier] " + _SPECIFIED

_WRITTEN: Final[Mapping[str, str]] = {
    "environment": "assetAdministrationShells[assetAdministrationShell] submodels[submodel] "
                   "conceptDescriptions[conceptDescription]",
    "assetAdministrationShell": _IDENTIFIABLE + _SPECIFIED +
                                "derivedFrom:reference assetInformation:assetInformation submodels[reference]",
    "submodel": _IDENTIFIABLE + "kind " + _SEMANTICS + "qualifiers[qualifier] " + _SPECIFIED + "submodelElements[*]",
    "conceptDescription": _IDENTIFIABLE + _SPECIFIED + "isCaseOf[reference]",
    "assetInformation": "assetKind globalAssetId specificAssetIds[specificAssetId] assetType defaultThumbnail:resource",
    "resource": "path contentType",
    "specificAssetId": _SEMANTICS + "name value externalSubjectId:reference",
    "administrativeInformation": _SPECIFIED + "version revision creator:reference templateId",
    "extension": _SEMANTICS + "name valueType value refersTo[reference]",
    "qualifier": _SEMANTICS + "kind type valueType value valueId:reference",
    "reference": "type referredSemanticId:reference keys[key]",
    "key": "type value",
    "langStringNameType": "language text",
    "langStringTextType": "language text",
    "embeddedDataSpecification": "dataSpecification:reference dataSpecificationContent:*",
    "dataSpecificationIec61360":
        "preferredName[langStringPreferredNameTypeIec61360] shortName[langStringShortNameTypeIec61360] unit "
        "unitId:reference sourceOfDefinition symbol dataType definition[langStringDefinitionTypeIec61360] valueFormat "
        "valueList:valueList value levelType:levelType",
    "langStringPreferredNameTypeIec61360": "language text",
    "langStringShortNameTypeIec61360": "language text",
    "langStringDefinitionTypeIec61360": "language text",
    "valueList": "valueReferencePairs[valueReferencePair]",
    "valueReferencePair": "value valueId:reference",
    "levelType": "min? nom? typ? max?",
    "operationVariable": "value:*",
    "property": _ELEMENT + "valueType value valueId:reference",
    "multiLanguageProperty": _ELEMENT + "value[langStringTextType] valueId:reference",
    "range": _ELEMENT + "valueType min max",
    "blob": _ELEMENT + "value contentType",
    "file": _ELEMENT + "value contentType",
    "referenceElement": _ELEMENT + "value:reference",
    "relationshipElement": _ELEMENT + "first:reference second:reference",
    "annotatedRelationshipElement": _ELEMENT + "first:reference second:reference annotations[*]",
    "submodelElementCollection": _ELEMENT + "value[*]",
    "submodelElementList": _ELEMENT + "orderRelevant? semanticIdListElement:reference typeValueListElement "
                                      "valueTypeListElement value[*]",
    "entity": _ELEMENT + "statements[*] entityType globalAssetId specificAssetIds[specificAssetId]",
    "basicEventElement": _ELEMENT + "observed:reference direction state messageTopic messageBroker:reference "
                                    "lastUpdate minInterval maxInterval",
    "operation": _ELEMENT + "inputVariables[operationVariable] outputVariables[operationVariable] "
                            "inoutputVariables[operationVariable]",
    "capability": _ELEMENT,
}

ELEMENTS: Final = frozenset(name for name, fields in _WRITTEN.items() if fields.startswith(_ELEMENT))
IDENTIFIABLES: Final = ("assetAdministrationShell", "submodel", "conceptDescription")
# Those whose JSON says what they are; every other class is told by the field that holds it.
TYPED: Final = ELEMENTS | frozenset(IDENTIFIABLES) | {"dataSpecificationIec61360"}


def _field(written: str) -> tuple[str, Field]:
    if written.endswith("]"):
        name, _, of = written[:-1].partition("[")
        return name, Field(of, many=True)
    if written.endswith("?"):
        return written[:-1], Field(FLAG)
    name, _, of = written.partition(":")
    return name, Field(of)


CLASSES: Final[Mapping[str, Mapping[str, Field]]] = {
    name: dict(_field(one) for one in fields.split()) for name, fields in _WRITTEN.items()}


def model_type(tag: str) -> str:
    """The modelType of a class, from its tag: ``property`` -> ``Property``."""
    return tag[:1].upper() + tag[1:]


def tag_of(kind: str) -> str:
    """The tag of a class, from its modelType: ``Property`` -> ``property``."""
    return kind[:1].lower() + kind[1:]
