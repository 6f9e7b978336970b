"""What a twin is looked for by, taken from its document: the same for those that are stored and those that follow.

IDTA-01002 §11.3: idShort, semanticId (with the supplemental ones), assetIds, assetType, isCaseOf, dataSpecificationRef.
Rule 1: a document may be any JSON: what has another shape is not found, and does no harm.
Not here: the index (``stores/twins``), queries (``twin/query``).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weft.engine.twins.ports import Kind, Where

Name = tuple[str, str]


def names(kind: Kind, document: Mapping[str, Any]) -> frozenset[Name]:
    """(what, value) of all that ``document`` is found by."""
    return frozenset((name, value) for name, value in _names(kind, document) if value)


def wanted(where: Where) -> list[Name]:
    """What must be among the names, what tells most apart first."""
    found = [(f"asset.{name}", value) for name, value in where.assets]
    others = (("idShort", where.id_short), ("assetType", where.asset_type), ("isCaseOf", where.case_of),
              ("dataSpecification", where.data_specification), ("semanticId", where.semantic))
    return found + [(name, value) for name, value in others if value]


def asset_kind(document: Mapping[str, Any]) -> str:
    """What is not worth an index: nearly all are instances."""
    return _text((_object(document.get("assetInformation")) or document).get("assetKind"))


def matches(kind: Kind, document: Mapping[str, Any], where: Where) -> bool:
    """Whether ``document`` is as ``where`` says, its condition left aside."""
    there = names(kind, document)
    return all(name in there for name in wanted(where)) and where.asset_kind in ("", asset_kind(document))


def _names(kind: Kind, document: Mapping[str, Any]) -> Iterator[Name]:
    if kind == "links":
        yield from _assets(_list(document.get("links")))
        return
    if kind == "package":
        for one in _list(document.get("aasIds")):
            yield "asset.aasId", _text(one)
        return
    asset = _object(document.get("assetInformation")) or document  # a descriptor has it beside its id
    yield "idShort", _text(document.get("idShort"))
    for reference in (document.get("semanticId"), *_list(document.get("supplementalSemanticIds"))):
        yield from _keys("semanticId", reference)
    yield "assetType", _text(asset.get("assetType"))
    yield "asset.globalAssetId", _text(asset.get("globalAssetId"))
    yield from _assets(_list(asset.get("specificAssetIds")))
    if kind == "concept":
        for reference in _list(document.get("isCaseOf")):
            yield from _keys("isCaseOf", reference)
        for one in _list(document.get("embeddedDataSpecifications")):
            yield from _keys("dataSpecification", _object(one).get("dataSpecification"))


def _assets(found: Sequence[Any]) -> Iterator[Name]:
    for one in found:
        yield f"asset.{_text(_object(one).get('name'))}", _text(_object(one).get("value"))


def _keys(name: str, reference: Any) -> Iterator[Name]:
    for key in _list(_object(reference).get("keys")):
        yield name, _text(_object(key).get("value"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
