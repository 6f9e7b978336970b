"""Documents of metamodel 3.1 for readers of 3.0: what 3.0 requires is filled in, what it cannot say is refused.

IDTA-01001 v3.1 annex "Changes w.r.t. V3.0.2".
Rule 1: what is filled in or left away is told; what 3.0 has no way to say refuses the export and names the element.
Not here: XML namespaces (``twin/xml``), older metamodels coming in (``older.py``).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from weft.basis.errors import Refused
from weft.twin.aasx.findings import Note
from weft.twin.aasx.relationships import by_ending
from weft.twin.elements import Json

VERSIONS: Final = ("3.0", "3.1")
_NEWER_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*-[a-zA-Z0-9_-]*[a-zA-Z0-9_]")  # 3.0 knows no hyphen
_NO_ADDRESS: Final = re.compile(r"""[\x00-\x20<>"{}|^`]|%(?![0-9A-Fa-f]{2})""")
_INNER: Final = ("submodelElements", "value", "statements", "annotations", "inputVariables", "outputVariables",
                 "inoutputVariables")


def fitting(document: Json, version: str, note: Note) -> Json:
    """``document`` as ``version`` has it; itself for 3.1. Raises ``Refused('aasx.needs-newer')``."""
    if version != "3.0":
        return document
    path = str(document.get("id", ""))
    if document.get("assetInformation", {}).get("assetKind") == "Role":
        raise Refused("aasx.needs-newer", path=f"{path}.assetInformation", version="3.1", rule="assetKind: Role")
    made = _fitted(document, path, note, listed=False)
    picture = made.get("assetInformation", {}).get("defaultThumbnail")
    if picture and (escaped := _escaped(picture["path"], path, note)) != picture["path"]:
        made["assetInformation"] = {**made["assetInformation"], "defaultThumbnail": {**picture, "path": escaped}}
    return made


def _escaped(address: str, path: str, note: Note) -> str:
    """An address without the characters that no address of 3.0 has."""
    made = _NO_ADDRESS.sub(lambda found: quote(found.group()), address.replace("\\", "/"))
    if made != address:
        note("fixed", "escaped", path[:200], 0, {"value": address[:200], "now": made[:200]})
    return made


def _fitted(element: Json, path: str, note: Note, *, listed: bool) -> Json:
    made = dict(element)
    _named(made, path, note, listed=listed)
    for one in made.get("embeddedDataSpecifications", ()):
        _paired(one.get("dataSpecificationContent", {}), path)
    mend = _MENDED.get(made.get("modelType", ""))
    if mend:
        mend(made, path, note)
    in_list = made.get("modelType") == "SubmodelElementList"
    for name in _INNER:
        inner = made.get(name)
        if isinstance(inner, list) and inner and ("modelType" in inner[0] or "value" in inner[0]):
            made[name] = [_fitted(one, _below(path, one, at), note, listed=in_list) for at, one in enumerate(inner)]
        elif isinstance(inner, dict) and "modelType" in inner:
            made[name] = _fitted(inner, _below(path, inner, 0), note, listed=False)
    return made


def _below(path: str, one: Mapping[str, Any], at: int) -> str:
    return f"{path}.{one['idShort']}" if "idShort" in one else f"{path}[{at}]"


def _named(made: Json, path: str, note: Note, *, listed: bool) -> None:
    name = made.get("idShort")
    if name is None:
        return
    if listed:
        del made["idShort"]
        note("lost", "name-in-list", path[:200], 0, {"name": name})
    elif _NEWER_NAME.fullmatch(name):
        raise Refused("aasx.needs-newer", path=path[:200], version="3.1", rule="AASd-002")


def _paired(content: Mapping[str, Any], path: str) -> None:
    pairs = (content.get("valueList") or {}).get("valueReferencePairs", ())
    if any("valueId" not in pair for pair in pairs):
        raise Refused("aasx.needs-newer", path=f"{path}.valueList"[:200], version="3.1", rule="valueId")


def _entity(made: Json, path: str, note: Note) -> None:
    if "entityType" not in made:
        managed = "globalAssetId" in made or "specificAssetIds" in made
        made["entityType"] = "SelfManagedEntity" if managed else "CoManagedEntity"
        note("fixed", "filled-in", path[:200], 0, {"field": "entityType", "now": made["entityType"]})


def _content(made: Json, path: str, note: Note) -> None:
    if made["modelType"] == "File" and "value" in made:
        made["value"] = _escaped(made["value"], path, note)
    if made.get("value") == "":  # readers of 3.0 take no empty contents; none is the same
        note("fixed", "empty-text", path[:200], 0, {})
        del made["value"]
    if "contentType" not in made:
        by_name = by_ending(made.get("value", "")) if made["modelType"] == "File" else ""
        made["contentType"] = by_name or "application/octet-stream"
        note("fixed", "filled-in", path[:200], 0, {"field": "contentType", "now": made["contentType"]})


def _relation(made: Json, path: str, _note: Note) -> None:
    if "first" not in made or "second" not in made:
        raise Refused("aasx.needs-newer", path=path[:200], version="3.1", rule="first, second")


def _listing(made: Json, path: str, note: Note) -> None:
    """AASd-109: a list of properties says of which type they are, even when there are none."""
    if made.get("typeValueListElement") in ("Property", "Range") and "valueTypeListElement" not in made:
        types = {one.get("valueType", "") for one in made.get("value", ())} or {"xs:string"}
        if len(types) == 1:
            made["valueTypeListElement"] = types.pop()
            note("fixed", "filled-in", path[:200], 0,
                 {"field": "valueTypeListElement", "now": made["valueTypeListElement"]})


_MENDED: Final[Mapping[str, Callable[[Json, str, Note], None]]] = {
    "Entity": _entity, "File": _content, "Blob": _content, "RelationshipElement": _relation,
    "AnnotatedRelationshipElement": _relation, "SubmodelElementList": _listing}
