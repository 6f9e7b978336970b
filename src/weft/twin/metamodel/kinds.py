"""Bytes to structs and back: what classes there are, and the canonical form of a document.

Rule 1: canonical bytes are compact UTF-8 JSON with ``modelType`` first and the metamodel's order of keys behind it;
canonical bytes of canonical bytes are the same bytes.
Rule 2: what is read must have the right shape (names, types, lengths, words); whether it is sound says ``judge.py``.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final, get_args

import msgspec

from weft.twin.elements import Json
from weft.twin.metamodel import elements, identifiables, parts
from weft.twin.metamodel.parts import Part

ELEMENTS: Final[Mapping[str, type[Part]]] = {one.__name__: one for one in get_args(elements.AnyElement)}
KINDS: Final[Mapping[str, Any]] = {
    "AssetAdministrationShell": identifiables.AssetAdministrationShell,
    "Submodel": elements.Submodel,
    "ConceptDescription": identifiables.ConceptDescription,
    "Environment": identifiables.Environment,
    "SubmodelElement": elements.AnyElement,
    **ELEMENTS,
    "AssetInformation": identifiables.AssetInformation,
    "OperationVariable": elements.OperationVariable,
    "EventPayload": parts.EventPayload,
    **{one.__name__: one for one in (
        parts.AdministrativeInformation, parts.DataSpecificationIec61360, parts.EmbeddedDataSpecification,
        parts.Extension, parts.Key, parts.LevelType, parts.Qualifier, parts.Reference, parts.Resource,
        parts.SpecificAssetId, parts.ValueList, parts.ValueReferencePair)},
    "LangStringNameType": parts.LangName,
    "LangStringTextType": parts.LangText,
    "LangStringPreferredNameTypeIec61360": parts.LangPreferred,
    "LangStringShortNameTypeIec61360": parts.LangShort,
    "LangStringDefinitionTypeIec61360": parts.LangText,
    "AssetAdministrationShellDescriptor": identifiables.AssetAdministrationShellDescriptor,
    "SubmodelDescriptor": identifiables.SubmodelDescriptor,
    "AssetLink": identifiables.AssetLink,
    "PackageDescription": identifiables.PackageDescription,
    "OperationRequest": identifiables.OperationRequest,
    "OperationRequestValueOnly": identifiables.OperationRequestValueOnly,
    "OperationResult": identifiables.OperationResult,
}
_ENCODER: Final = msgspec.json.Encoder()


@cache
def _decoder(kind: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(KINDS[kind])


def read(kind: str, body: bytes) -> Any:
    """The struct of class ``kind`` (a key of ``KINDS``) in ``body``; raises ``msgspec.ValidationError``."""
    return _decoder(kind).decode(body)


def converted(kind: str, document: Any) -> Any:
    """The struct of class ``kind`` in plain JSON; raises ``msgspec.ValidationError``, ``RecursionError``."""
    return msgspec.convert(document, KINDS[kind])


def written(struct: Part) -> bytes:
    """The canonical bytes of ``struct``."""
    return _ENCODER.encode(struct)


def canonical(kind: str, document: Json | bytes) -> bytes:
    """The canonical bytes of ``document``, given as plain JSON or as bytes; raises ``msgspec.ValidationError``."""
    if isinstance(document, bytes):
        return _ENCODER.encode(_decoder(kind).decode(document))
    return _ENCODER.encode(msgspec.convert(document, KINDS[kind]))


def plain(struct: Part) -> Json:
    """``struct`` as plain JSON, keys in the metamodel's order."""
    made: Json = msgspec.to_builtins(struct)
    return made
