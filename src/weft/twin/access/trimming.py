"""Shows of a twin what its filters let through: entries of lists, attributes, elements.

IDTA-01004 v3.0.2, FILTER: the FRAGMENT says what is looked at, the CONDITION which of it may be seen.
Rule 1: each part is judged alone: the condition sees this part and the fields of the twin, no other element. Of the
    fragment ``$sme`` each element is a part, wherever it lies, without what lies in it; of ``$sme.path`` the element at
    that path with all in it.
Rule 2: what one grant shows is shown, whatever another hides. The filters of one grant all count.
Rule 3: a list that has lost all is left out: the metamodel knows no empty lists. The document given is not changed.
Rule 4: a collection or list that is hidden stands bare where something in it is shown; any other element that is hidden
    takes what lies in it along. An element without its name, a relation without its ends or an event without what it
    observes is hidden whole.
Not here: whether the twin may be seen at all (``deciding``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from weft.twin.access.deciding import Grant
from weft.twin.access.model import Filter
from weft.twin.query import holds, index
from weft.twin.query.holding import Reading, at_path, at_shape
from weft.twin.query.tree import ANY, Token, shape

Json = dict[str, Any]
Judge = Callable[[Json], bool]
HELD: Final[Mapping[str, tuple[str, ...]]] = {  # where elements lie within an element
    "Submodel": ("submodelElements",), "SubmodelElementCollection": ("value",), "SubmodelElementList": ("value",),
    "Entity": ("statements",), "AnnotatedRelationshipElement": ("annotations",),
    "Operation": ("inputVariables", "outputVariables", "inoutputVariables")}
VALUES: Final[Mapping[str, tuple[str, ...]]] = {  # what ``$sme#value`` means: all that tells the value
    "Property": ("value", "valueId"), "File": ("value",), "Blob": ("value",), "ReferenceElement": ("value",),
    "Range": ("min", "max"), "RelationshipElement": ("first", "second"), "BasicEventElement": ("observed",),
    "AnnotatedRelationshipElement": ("first", "second"), "Entity": ("globalAssetId", "specificAssetIds")}
_BARE: Final = {"SubmodelElementCollection": ("modelType", "idShort", "value"),
                "SubmodelElementList": ("modelType", "idShort", "value", "typeValueListElement",
                                        "valueTypeListElement", "orderRelevant")}
_DEMANDING: Final = frozenset({"RelationshipElement", "AnnotatedRelationshipElement", "BasicEventElement"})
_DEMANDED: Final = frozenset({"assetInformation"})  # stays, be it empty


class _Hidden:
    """Stands in the place of what is hidden until all is put together."""

    def __bool__(self) -> bool:
        return False


_HIDDEN: Final = _Hidden()


def trimmed(document: Json, kind: str, grants: Sequence[Grant]) -> Json:
    """``document`` with only those parts that one of ``grants`` shows; itself where that is all of it."""
    left: Json = _left(_mask(document, kind, grants))
    return left


def trimmed_at(document: Json, kind: str, grants: Sequence[Grant], way: Sequence[str | int]) -> Json | None:
    """What ``grants`` show of that at ``way`` (keys and indices through ``document`` as it is); None: nothing."""
    at = _mask(document, kind, grants)
    for step in way:
        if at is _HIDDEN:
            return None
        at = at[step]
    left: Json | _Hidden = _left(at)
    return None if isinstance(left, _Hidden) else left


def _mask(document: Json, kind: str, grants: Sequence[Grant]) -> Any:
    """``document`` with _HIDDEN in the place of what none of ``grants`` shows."""
    whole: Any = _HIDDEN
    for grant in grants:
        seen: Any = document
        for one in grant.filters:
            seen = _both(seen, _masked(document, kind, one))
        whole = _either(whole, seen, document)
    return whole


def _both(one: Any, other: Any) -> Any:
    """What two masks of the same thing both show."""
    if one is _HIDDEN or other is _HIDDEN:
        return _HIDDEN
    if one is other or not isinstance(one, dict | list):
        return one
    if isinstance(one, dict):
        return {key: _both(inner, other[key]) for key, inner in one.items()}
    return [_both(inner, beside) for inner, beside in zip(one, other, strict=True)]


def _either(one: Any, other: Any, whole: Any) -> Any:
    """What one of two masks of ``whole`` shows."""
    if one is whole or other is whole or other is _HIDDEN:
        return whole if other is whole else one
    if one is _HIDDEN:
        return other
    if isinstance(whole, dict):
        return {key: _either(one[key], other[key], inner) for key, inner in whole.items()}
    if isinstance(whole, list):
        return [_either(*three) for three in zip(one, other, whole, strict=True)]
    return one


def _left(mask: Any, name: str = "") -> Any:
    """What a mask shows, with nothing in the place of what it hides; _HIDDEN when that is nothing."""
    if isinstance(mask, dict):
        found = {key: _left(inner, key) for key, inner in mask.items()}
        if all(found[key] is inner for key, inner in mask.items()) and not _lost(found.values()):
            return mask
        shown = {key: one for key, one in found.items() if one is not _HIDDEN}
        return shown if shown or name in _DEMANDED else _HIDDEN
    if isinstance(mask, list):
        each = [_left(inner) for inner in mask]
        if all(one is inner for one, inner in zip(each, mask, strict=True)) and not _lost(each):
            return mask
        return [one for one in each if one is not _HIDDEN] or _HIDDEN
    return mask


def _lost(found: Any) -> bool:
    return any(one is _HIDDEN for one in found)


def _masked(document: Json, kind: str, of: Filter) -> Json:
    """``document`` with _HIDDEN in the place of what one filter hides."""
    fragment, root = of.fragment, index.ROOT_OF.get(kind, "")
    if fragment.root == "sme" and root == "sm":
        return _Elements(document, of).inside(document, "", "")
    if fragment.root != root or fragment.attribute == ("id",):  # the id is the twin: ``deciding`` looks at it
        return document
    made: Json = _attribute(document, fragment.attribute, lambda one: holds(of.condition, one, kind), lambda one: one)
    return made


def _attribute(here: Json, tokens: tuple[Token, ...], seen: Judge, whole: Callable[[Json], Json]) -> Any:
    """``here`` without what lies at ``tokens`` and is not to be seen; ``whole`` puts a version of it in the twin."""
    name, rest = str(tokens[0]), tokens[1:]
    if name not in here:
        return here
    value = here[name]
    if isinstance(value, list):
        only, rest = (rest[0], rest[1:]) if rest and isinstance(rest[0], int) else (ANY, rest)
        return {**here, name: [one if only not in {ANY, place} else _entry((here, name), one, rest, (seen, whole))
                               for place, one in enumerate(value)]}
    if rest and isinstance(value, dict):
        return {**here, name: _attribute(value, rest, seen, lambda one: whole({**here, name: one}))}
    return here if seen(whole(here)) else {**here, name: _HIDDEN}


def _entry(at: tuple[Json, str], one: Any, rest: tuple[Token, ...],
           judged: tuple[Judge, Callable[[Json], Json]]) -> Any:
    """One entry of a list, with what is not to be seen hidden."""
    (here, name), (seen, whole) = at, judged
    if rest and isinstance(one, dict):
        return _attribute(one, rest, seen, lambda inner: whole({**here, name: [inner]}))
    return one if seen(whole({**here, name: [one]})) else _HIDDEN


# ---- elements -------------------------------------------------------------------------------------------

class _Elements:
    """Goes through the elements of one submodel, for one filter."""

    def __init__(self, document: Json, of: Filter) -> None:
        self.document, self.condition, self.fragment = document, of.condition, of.fragment
        self.shape = shape(of.fragment.path)

    def inside(self, holder: Json, path: str, shaped: str) -> Json:
        """``holder`` with what is hidden of the elements in it."""
        kind = str(holder.get("modelType"))
        found: Json = {}
        for name in HELD.get(kind, ()):
            inner = holder.get(name)
            if isinstance(inner, list):
                found[name] = [self.child(kind, place, one, (path, shaped)) for place, one in enumerate(inner)]
        same = all(one is other for name, inner in found.items()
                   for one, other in zip(inner, holder[name], strict=True))
        return holder if same else {**holder, **found}

    def child(self, kind: str, place: int, one: Any, at: tuple[str, str]) -> Any:
        """One element in ``kind`` of holder at path and shape ``at``; a variable of an operation holds one."""
        variable = kind == "Operation"
        element = one.get("value") if variable and isinstance(one, dict) else one
        if not isinstance(element, dict):
            return one
        path, shaped = at
        if kind == "SubmodelElementList":
            node = index.Node(f"{path}[{place}]", f"{shaped}[]", f"{shaped.rpartition('.')[2]}[]", element)
        else:
            step, dot = str(element.get("idShort") or "_"), "." if path else ""
            node = index.Node(f"{path}{dot}{step}", f"{shaped}{dot}{step}", step, element)
        found = self.element(node)
        if not variable or found is element:
            return one if variable else found
        return _HIDDEN if found is _HIDDEN else {**one, "value": found}

    def element(self, node: index.Node) -> Any:
        """One element, with what is hidden of it."""
        path, attribute = self.fragment.path, self.fragment.attribute
        one: Json = dict(node.element) if not isinstance(node.element, dict) else node.element
        mine = not path or (at_shape(node.shape, self.shape) and at_path(node.path, path))
        if mine and path and not attribute:
            return one if self.seen(list(index.nodes_below(node))) else _HIDDEN
        if not mine or attribute:
            shown = self.attributes(node, one) if mine else one
            return shown if shown is _HIDDEN else self.with_inner(shown, node)
        inner = self.inside(one, node.path, node.shape)
        if self.seen([node]):
            return inner
        bare = _BARE.get(str(one.get("modelType")))
        if bare is None or not any(held is not _HIDDEN for held in inner.get("value") or ()):
            return _HIDDEN
        return {key: value if key in bare else _HIDDEN for key, value in inner.items()}

    def with_inner(self, shown: Json, node: index.Node) -> Json:
        """``shown`` (of the element in ``node``) with what is hidden of the elements in it."""
        return self.inside(shown, node.path, node.shape)

    def attributes(self, node: index.Node, one: Json) -> Any:
        """One element with what is hidden of the attribute that the fragment names."""
        attribute, kind = self.fragment.attribute, str(one.get("modelType"))

        def seen(reduced: Json) -> bool:
            return self.seen([node._replace(element=reduced)])

        if attribute == ("idShort",):
            return one if "idShort" not in one or seen(one) else _HIDDEN
        if attribute in {("value",), ("language",)} and kind == "MultiLanguageProperty":
            return _attribute(one, ("value",), seen, lambda reduced: reduced)
        if attribute == ("value",):
            told = [name for name in VALUES.get(kind, ()) if name in one]
            if not told or seen(one):
                return one
            return _HIDDEN if kind in _DEMANDING else {**one, **dict.fromkeys(told, _HIDDEN)}
        return one if attribute == ("language",) else _attribute(one, attribute, seen, lambda reduced: reduced)

    def seen(self, nodes: list[index.Node]) -> bool:
        """Whether the condition holds of these elements, as though there were no others."""
        return Reading({"sm": self.document}, nodes).result(self.condition)
