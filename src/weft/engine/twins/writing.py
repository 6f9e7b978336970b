"""What is checked before a twin is written, and what a change of one element makes of its submodel.

IDTA-01001 (metamodel), IDTA-01002 §11.4 (value only, metadata).
Rule 1: what is stored has been judged: a whole document, or the changed element within its submodel.
Rule 2: twins that follow from the firm's books are never written: they are changed where they are kept.
Rule 3: an edit is pure and sees the row that stands at the moment when it is applied; nothing in between is lost.
Not here: rules of the metamodel (``twin/metamodel``), revisions and conflicts (``ports.py``).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from weft.basis.errors import Denied, Invalid, NotFound
from weft.engine.twins.ports import Edit, Kind, Row
from weft.twin.elements import Json, model
from weft.twin.metamodel import canonical, check, check_element
from weft.twin.names import ID_MAX, read_submodel
from weft.twin.patches import with_content, with_metadata, with_value
from weft.twin.paths import added, placed, removed, resolve, steps

CLASSES: Final[Mapping[Kind, str]] = {
    "shell": "AssetAdministrationShell", "submodel": "Submodel", "concept": "ConceptDescription",
    "shell-descriptor": "AssetAdministrationShellDescriptor", "submodel-descriptor": "SubmodelDescriptor"}
MISSING: Final[Mapping[Kind, str]] = {
    "shell": "twin.shell", "submodel": "twin.submodel", "concept": "twin.concept",
    "shell-descriptor": "twin.descriptor", "submodel-descriptor": "twin.descriptor", "package": "twin.package",
    "links": "twin.links"}
_KEPT: Final = ("shell", "submodel", "concept")  # kinds whose ids may be those of our own books
Changed = tuple[Json, str]  # the submodel after the change, and the path of what changed


def missing(kind: Kind, name: str) -> NotFound:
    """There is no such twin."""
    return NotFound(MISSING[kind], id=name[:200])


def owned(organisation: str, name: str) -> bool:
    """Whether ``name`` is an id of a twin that follows from the books of ``organisation``."""
    return name.startswith(f"urn:weft:{organisation}:")


def refuse_kept(organisation: str, kind: Kind, name: str) -> None:
    """Raises ``Denied('twin.kept-by-books')``; of a machine ``twin.kept-by-machine``, which says what may be done."""
    if kind in _KEPT and owned(organisation, name):
        found = read_submodel(organisation, name) if kind == "submodel" else None
        code = "twin.kept-by-machine" if found and found[0] == "machine" else "twin.kept-by-books"
        raise Denied(code, id=name[:200])


def name_of(kind: Kind, document: Mapping[str, Any]) -> str:
    """The id of ``document``; raises ``Invalid('twin.id')``, ``('twin.id-long')``."""
    name = document.get("packageId" if kind == "package" else "id")
    if not isinstance(name, str) or not name:
        raise Invalid("twin.id", value=str(name)[:80])
    if len(name) > ID_MAX:
        raise Invalid("twin.id-long", count=len(name), limit=ID_MAX)
    return name


def checked(kind: Kind, document: Json) -> bytes:
    """The bytes of ``document`` to store; raises ``Faulty`` where it breaks a rule of the metamodel."""
    if kind in CLASSES:
        return check(CLASSES[kind], document)
    return msgspec.json.encode(document)  # packages and links are of our own making


# ---- edits --------------------------------------------------------------------------------------


def whole(kind: Kind, body: bytes, *, must: str = "") -> Edit:
    """``body`` as it is; ``must`` be ``present``, or whatever."""

    def edit(row: Row | None) -> tuple[bytes | None, str]:
        if row is None and must == "present":
            raise missing(kind, _id_in(body))
        return body, ""

    return edit


def _id_in(body: bytes) -> str:
    document = msgspec.json.decode(body)
    return str(document.get("id", document.get("packageId", "")))


def gone(kind: Kind, name: str) -> Edit:
    """Nothing; there must have been something."""

    def edit(row: Row | None) -> tuple[bytes | None, str]:
        if row is None:
            raise missing(kind, name)
        return None, ""

    return edit


def within(kind: Kind, name: str, change: Callable[[Json], Changed]) -> Edit:
    """The twin after ``change``; only what changed is judged when it is an element."""

    def edit(row: Row | None) -> tuple[bytes | None, str]:
        if row is None:
            raise missing(kind, name)
        document, path = change(msgspec.json.decode(row.body))
        if not path:
            return checked(kind, document), ""
        check_element(document, path)
        return canonical(CLASSES[kind], document), path

    return edit


def removing(name: str, path: str) -> Edit:
    """The submodel ``name`` without the element at ``path``."""

    def edit(row: Row | None) -> tuple[bytes | None, str]:
        if row is None:
            raise missing("submodel", name)
        return checked("submodel", removed(msgspec.json.decode(row.body), path)), path

    return edit


def add(path: str, element: Json) -> Callable[[Json], Changed]:
    """``element`` at the end of the container at ``path`` ("": of the submodel)."""
    return lambda document: added(document, path, element)


def replace(path: str, element: Json, made: Callable[[bool], None]) -> Callable[[Json], Changed]:
    """``element`` at ``path``; ``made`` hears whether there was none. A list grows by one at most."""

    def change(document: Json) -> Changed:
        last = steps(path)[-1]
        if isinstance(last, str) and element.get("idShort", last) != last:
            raise Invalid("twin.id-differs", id=str(element["idShort"])[:80], address=path[:80])
        wanted = {"idShort": last, **element} if isinstance(last, str) else element
        try:
            resolve(document, path)
        except NotFound:
            made(True)
            return _appended(document, path, wanted)
        made(False)
        return placed(document, path, wanted), path

    return change


def _appended(document: Json, path: str, element: Json) -> Changed:
    parent = path[:path.rindex("[")] if path.endswith("]") else path.rpartition(".")[0]
    changed, at = added(document, parent, element)
    if at != path:
        raise NotFound("twin.element", path=path[:80])
    return changed, at


def value(path: str, given: Any) -> Callable[[Json], Changed]:
    """The value of the element at ``path`` ("": of the whole submodel), and of what is within it."""
    return _at(path, lambda element: with_value(element, given, path))


def metadata(path: str, given: Json) -> Callable[[Json], Changed]:
    """All but the value of the element at ``path``."""
    return _at(path, lambda element: with_metadata(element, given))


def content(path: str, given: Json) -> Callable[[Json], Changed]:
    """What is given of the element at ``path``; the rest stays."""
    return _at(path, lambda element: with_content(element, given, path))


def fields(path: str, **given: Any) -> Callable[[Json], Changed]:
    """Some fields of the element at ``path``; None takes one away."""

    def change(element: Json) -> Json:
        return {key: one for key, one in {**element, **given}.items() if one is not None}

    return _at(path, change)


def _at(path: str, change: Callable[[Json], Json]) -> Callable[[Json], Changed]:
    def changed(document: Json) -> Changed:
        if not path:
            return change(document), ""
        return placed(document, path, change(resolve(document, path))), path

    return changed


def thumbnail(given: Json | None) -> Callable[[Json], Changed]:
    """The picture of a shell, or none."""

    def change(document: Json) -> Changed:
        asset = {key: one for key, one in document["assetInformation"].items() if key != "defaultThumbnail"}
        return {**document, "assetInformation": asset | ({"defaultThumbnail": given} if given else {})}, ""

    return change


def refers(shell: Mapping[str, Any], submodel: str) -> bool:
    """Whether ``shell`` has a reference to ``submodel``."""
    return any(one["keys"][0]["value"] == submodel for one in shell.get("submodels", ()))


def referring(submodel: str) -> Callable[[Json], Changed]:
    """The shell with a reference to ``submodel``."""

    def change(document: Json) -> Changed:
        if refers(document, submodel):
            return document, ""
        return {**document, "submodels": [*document.get("submodels", ()), model(("Submodel", submodel))]}, ""

    return change


def unreferring(submodel: str) -> Callable[[Json], Changed]:
    """The shell without references to ``submodel``."""

    def change(document: Json) -> Changed:
        left = [one for one in document.get("submodels", ()) if one["keys"][0]["value"] != submodel]
        rest = {key: one for key, one in document.items() if key != "submodels"}
        return rest | ({"submodels": left} if left else {}), ""

    return change
