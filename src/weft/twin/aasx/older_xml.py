"""Metamodel 1 and 2 in XML, read into the shape that their JSON has; nothing else is known here of what it means.

Details of the Asset Administration Shell V1.0 and V2.0.1, §5 (XML and JSON mappings).
Rule 1: no document type and no entity; elements and depth have limits.
Not here: what becomes of it in metamodel 3 (``older.py``).
"""

from collections.abc import Sequence
from typing import Any, Final, NoReturn
from xml.parsers import expat

from weft.basis.errors import Invalid
from weft.twin.elements import Json
from weft.twin.xml.encoding import HEAD, Recoder
from weft.twin.xml.reading import ATTRIBUTES_MAX, DEPTH_MAX

NODES_MAX: Final = 400_000
ELEMENTS: Final = frozenset({
    "property", "multiLanguageProperty", "range", "blob", "file", "referenceElement", "relationshipElement",
    "annotatedRelationshipElement", "submodelElementCollection", "entity", "operation", "capability", "basicEvent",
    "event"})
_LISTS: Final = frozenset({
    "assetAdministrationShells", "assets", "submodels", "conceptDescriptions", "submodelRefs", "views",
    "conceptDictionaries", "submodelElements", "statements", "annotations", "inputVariable", "outputVariable",
    "inoutputVariable", "containedElements", "conceptDescriptionRefs", "keys", "description", "preferredName",
    "definition", "valueList", "qualifiers"})
_OFTEN: Final = frozenset({"qualifier", "isCaseOf", "embeddedDataSpecification", "hasDataSpecification", "levelType"})


class _Node:
    __slots__ = ("attributes", "inner", "tag", "text")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.inner: list[_Node] = []
        self.text: list[str] = []


def read(data: bytes, part: str) -> Json:
    """The environment as JSON of metamodel 2 would have it; raises ``Invalid``."""
    made = _json(_tree(data, part))
    return made if isinstance(made, dict) else {}


def _tree(data: bytes, part: str) -> _Node:
    top = _Node("", {})
    stack, count = [top], 0
    parser = expat.ParserCreate("utf-8", " ")

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        for code, over, limit in (("xml.depth", len(stack) > DEPTH_MAX, DEPTH_MAX),
                                  ("xml.attributes", len(attributes) > ATTRIBUTES_MAX, ATTRIBUTES_MAX),
                                  ("xml.elements", count > NODES_MAX, NODES_MAX)):
            if over:
                raise Invalid(code, part=part, line=parser.CurrentLineNumber, element=tag[-60:], limit=limit)
        node = _Node(tag.rpartition(" ")[2], {name.rpartition(" ")[2]: value for name, value in attributes.items()})
        stack[-1].inner.append(node)
        stack.append(node)

    def end(_: str) -> None:
        stack.pop()

    def text(data: str) -> None:
        stack[-1].text.append(data)

    def refuse(*_: Any) -> NoReturn:
        raise Invalid("xml.doctype", part=part, line=parser.CurrentLineNumber, element="")

    parser.buffer_text = True
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(Recoder(data[:HEAD], part).feed(data, final=True), True)
    except expat.ExpatError as error:
        raise Invalid("xml.malformed", part=part, line=error.lineno, column=error.offset, element=stack[-1].tag,
                      reason=expat.ErrorString(error.code)) from error
    return top.inner[0]


def _json(node: _Node) -> Any:
    text = "".join(node.text)
    if node.tag == "key":
        return {"type": node.attributes.get("type", ""), "value": text.strip()}
    if node.tag == "langString":
        return {"language": node.attributes.get("lang", ""), "text": text}
    if node.tag == "identification":
        return {"id": text.strip(), "idType": node.attributes.get("idType", "")}
    if node.tag in ("submodelElement", "dataSpecificationContent") and len(node.inner) == 1:
        return _typed(node.inner[0])
    if node.tag in _LISTS or _listed(node.inner):
        return [_typed(one) for one in node.inner]
    if not node.inner:
        return text
    return _fields(node)


def _listed(inner: Sequence[_Node]) -> bool:
    """Whether these make a list: elements, or texts in languages."""
    return bool(inner) and all(one.tag in ("submodelElement", "langString") or one.tag in ELEMENTS for one in inner)


def _typed(node: _Node) -> Any:
    made = _json(node)
    if node.tag in ELEMENTS:
        made = made if isinstance(made, dict) else {}
        return {"modelType": {"name": node.tag[:1].upper() + node.tag[1:]}, **made}
    return made


def _fields(node: _Node) -> Json:
    made: Json = {}
    for one in node.inner:
        value = _json(one)
        if one.tag in _OFTEN:
            made.setdefault(one.tag, []).append(value)
        elif one.tag in made:  # told twice, where once is meant: keep both, so that it is told as unknown
            made[f"{one.tag} (2)"] = value
        elif one.tag == "value" and isinstance(value, list) and len(value) == 1 and node.tag == "operationVariable":
            made["value"] = value[0]
        else:
            made[one.tag] = value
    return made
