"""The literals of objects and references: ``(Submodel)*``, ``$sme("id").path``, ``/shells/*``, ``$aas#submodels[]``.

IDTA-01004 v3.0.2 leaves their grammar open; 3.1 writes it out. Both are read.
Rule 1: what cannot be read is refused with the JSON pointer of its place: nobody guesses what a rule meant.
Not here: whether an object is what was asked for (``deciding``).
"""

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

from weft.basis.errors import Invalid
from weft.twin.access.model import KIND_OF, Fragment, Object, Route, Twin
from weft.twin.metamodel.words import ElementKind
from weft.twin.query.names import field
from weft.twin.query.tree import ANY, Field, Operand, Token

_CALL: Final = re.compile(r'\$(aas|sm|sme|cd|aasdesc|smdesc)\("([^"]{1,2048})"\)(?:\.([^#]{1,2000}))?(?:#(.{1,2000}))?')
_KEY: Final = re.compile(r"\(([A-Za-z]{1,60})\)(.{1,2048})", re.DOTALL)
_TYPES: Final[Mapping[str, str]] = {"assetadministrationshell": "aas", "aas": "aas", "submodel": "sm", "sm": "sm",
                                    "conceptdescription": "cd", "cd": "cd", "aasdesc": "aasdesc", "smdesc": "smdesc"}
_KINDS: Final = {one.lower(): one for one in get_args(ElementKind)}
_FRAGMENT: Final = re.compile(r"\$(aas|sm|sme|cd|aasdesc|smdesc)(?:\.([A-Za-z0-9_\[\].-]{1,2000}))?"
                              r"(?:#([A-Za-z0-9\[\].]{1,500}))?")
_PATH: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:\[[0-9]{0,9}\])*(?:\.[A-Za-z][A-Za-z0-9_-]*(?:\[[0-9]{0,9}\])*)*")
_TOKEN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|\[[0-9]{0,9}\]")
_ENTRIES: Final = frozenset({"specificAssetIds", "endpoints", "submodelDescriptors"})
_DEMANDED: Final = frozenset({"name", "value", "id", "interface", "protocolInformation"})  # an entry without is none
_PREFIXES: Final[Mapping[str, frozenset[str]]] = {
    "aas": frozenset({"assetInformation.specificAssetIds", "submodels"}),
    "aasdesc": frozenset({"specificAssetIds", "endpoints", "submodelDescriptors", "description", "displayName",
                          "administration"}),
    "smdesc": frozenset({"endpoints", "supplementalSemanticIds"}),
    "sm": frozenset({"supplementalSemanticIds"}),
    "sme": frozenset({"supplementalSemanticIds"}),
}


def read(item: Any, at: str) -> Object:
    """An item of OBJECTS; raises ``Invalid('access.object')``."""
    if not isinstance(item, dict) or len(item) != 1:
        raise Invalid("query.object", at=at, wanted="ROUTE, IDENTIFIABLE, REFERABLE, FRAGMENT, DESCRIPTOR")
    name, literal = next(iter(item.items()))
    here = f"{at}/{str(name)[:40]}"
    if not isinstance(literal, str) or not literal.strip() or name not in _READ:
        raise Invalid("access.object", at=here, found=str(literal)[:200])
    found = _READ[name](literal.strip(), here)
    if found is None:
        raise Invalid("access.object", at=here, found=literal[:200])
    return found


def _route(literal: str, _at: str) -> Object | None:
    path = re.sub(r"^[a-z]+://[^/]*", "", literal)
    if "*" in path[:-1] or "?" in path or "#" in path:
        return None
    return Route(path if path == "*" or path.startswith("/") else f"/{path}")


def _twin(literal: str, _at: str) -> Object | None:
    found = _address(literal)
    return Twin(KIND_OF[found[0]], found[1]) if found and found[0] != "sme" and not found[2] and not found[3] else None


def _descriptor(literal: str, at: str) -> Object | None:
    found = _twin(literal, at)
    return found if isinstance(found, Twin) and found.kind.endswith("-descriptor") else None


def _identifiable(literal: str, at: str) -> Object | None:
    found = _twin(literal, at)
    return found if isinstance(found, Twin) and not found.kind.endswith("-descriptor") else None


def _referable(literal: str, _at: str) -> Object | None:
    found = _address(literal)
    if not found or found[0] not in {"sm", "sme"} or not found[2] or found[3]:
        return None
    return Twin("submodel", found[1], found[2], _kind_said(literal)) if _PATH.fullmatch(found[2]) else None


def _kind_said(literal: str) -> str:
    """What kind of element the last key of a reference names; "" where that is none that the metamodel knows."""
    last = _KEY.fullmatch(re.split(r",\s*(?=\()", literal)[-1].strip())
    return _KINDS.get(last[1].lower(), "") if last and literal.startswith("(") else ""


def _address(literal: str) -> tuple[str, str, str, str] | None:
    """(root, id, path, attribute) of a literal in either writing."""
    called = _CALL.fullmatch(literal)
    if called:
        return called[1], called[2], called[3] or "", called[4] or ""
    body, _, attribute = literal.partition("#") if literal.startswith("(") and ")*#" in literal else (literal, "", "")
    keys = [_KEY.fullmatch(one.strip()) for one in re.split(r",\s*(?=\()", body)]
    first = keys[0]
    if first is None or first[1].lower() not in _TYPES or any(one is None for one in keys):
        return None
    steps = [one[2] for one in keys[1:] if one is not None]
    path = ""
    for step in steps:
        path += f"[{step}]" if step.isdigit() else f".{step}" if path else step
    return _TYPES[first[1].lower()], first[2], path, attribute


def fragment(literal: Any, at: str) -> Fragment:
    """A FRAGMENT: an element or attribute of a kind of twin; raises ``Invalid('access.object')``."""
    match = _FRAGMENT.fullmatch(literal.strip()) if isinstance(literal, str) else None
    if match is None or (match[1] != "sme" and (match[2] or not match[3])):
        raise Invalid("access.object", at=at, found=str(literal)[:200])
    root, path, attribute = match[1], match[2] or "", match[3] or ""
    if path and not _PATH.fullmatch(path):
        raise Invalid("access.object", at=at, found=str(literal)[:200])
    if not attribute:
        return Fragment(root, _tokens(path))
    plain = re.sub(r"\[[0-9]*\]$", "", attribute)
    if plain in _PREFIXES.get(root, ()):
        last = attribute[len(plain):]
        listed = (*plain.split("."), *_tokens(last)) if last else tuple(plain.split("."))
        return Fragment(root, _tokens(path), listed)
    found = field(literal.strip(), at)
    return Fragment(root, found.path, _whole(found.attribute))


def _whole(tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """What cannot be missing alone stands for what it is a part of: a key for its reference, a name for its entry."""
    for place, one in enumerate(tokens):
        if one in ("keys", "type"):
            return tokens[:place]
        if isinstance(one, int) and tokens[place - 1] in _ENTRIES and tokens[place + 1:place + 2] and \
                tokens[place + 1] in _DEMANDED:
            return tokens[:place + 1]
    return tokens


def _element(literal: str, at: str) -> Object | None:
    """A FRAGMENT among the OBJECTS is an element of every submodel; parts of elements are what filters are for."""
    found = fragment(literal, at)
    return found if found.root == "sme" and not found.attribute else None


def _tokens(text: str) -> tuple[Token, ...]:
    return tuple(one if one[0] != "[" else int(one[1:-1]) if one != "[]" else ANY for one in _TOKEN.findall(text))


_READ: Final = {"ROUTE": _route, "IDENTIFIABLE": _identifiable, "DESCRIPTOR": _descriptor, "REFERABLE": _referable,
                "FRAGMENT": _element}


def reference(literal: str, at: str) -> Operand | tuple[str, str, Field]:
    """A REFERENCE: the field that it means here, or (literal, id, field) of one certain twin.

    Raises ``Invalid('access.object')``.
    """
    text = literal.strip()
    if text.startswith("$") and "(" not in text:
        return field(text, at)
    found = _address(text) if _CALL.fullmatch(text) or ")*#" in text else None
    if found is None or not found[3]:
        raise Invalid("access.object", at=at, found=literal[:200])
    root, name, path, attribute = found
    path = f".{path}" if path else ""
    meant = field(f"${root}{path}#{attribute[:1].lower()}{attribute[1:]}", at)
    return meant if name == "*" else (text, name, meant)
