"""Field identifiers: ``$sm#semanticId.keys[0].value``, ``$sme.Documents[].Class#value`` and their kin.

IDTA-01002 v3.1, grammar.bnf (FieldIdentifier) and the table of attributes.
Rule 1: a reference stands for the value of its first key; a list without brackets means any of its elements.
Rule 2: what 3.2 adds (supplementalSemanticIds) is understood, vendors' own attributes are not.
"""

import re
from collections.abc import Mapping
from typing import Final

from weft.basis.errors import Invalid
from weft.twin.query.tree import ANY, Field, Root, Token

FIELD_MAX: Final = 2000
_ID_SHORT: Final = r"[A-Za-z](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_PATH: Final = re.compile(rf"{_ID_SHORT}(?:\[[0-9]{{0,9}}\])*(?:\.{_ID_SHORT}(?:\[[0-9]{{0,9}}\])*)*", re.ASCII)
_TOKEN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*|\[[0-9]{0,9}\]", re.ASCII)
_STEP: Final = re.compile(r"([A-Za-z]+)(\[[0-9]{0,9}\])?", re.ASCII)

Tree = Mapping[str, "Tree | None"]
# A name that ends in [] is a list; None is an atomic value; "" says what a reference without more stands for.
_KEY: Final[Tree] = {"type": None, "value": None}
_REFERENCE: Final[Tree] = {"type": None, "keys[]": _KEY, "": None}
_SEMANTIC: Final[Tree] = {"semanticId": _REFERENCE, "supplementalSemanticIds[]": _REFERENCE}
_NAMED: Final[Tree] = {"id": None, "idShort": None}
_SPECIFIC: Final[Tree] = {"name": None, "value": None, "externalSubjectId": _REFERENCE}
_ENDPOINT: Final[Tree] = {"interface": None, "protocolInformation": {"href": None}}
_SM_DESCRIPTOR: Final[Tree] = {**_NAMED, **_SEMANTIC, "endpoints[]": _ENDPOINT}
_ASSET: Final[Tree] = {"assetKind": None, "assetType": None, "globalAssetId": None, "specificAssetIds[]": _SPECIFIC}
ROOTS: Final[Mapping[Root, Tree]] = {
    "aas": {**_NAMED, "assetInformation": _ASSET, "submodels[]": _REFERENCE},
    "sm": {**_NAMED, **_SEMANTIC},
    "sme": {"idShort": None, **_SEMANTIC, "value": None, "valueType": None, "language": None},
    "cd": _NAMED,
    "aasdesc": {**_NAMED, **_ASSET, "endpoints[]": _ENDPOINT, "submodelDescriptors[]": _SM_DESCRIPTOR},
    "smdesc": _SM_DESCRIPTOR,
}
_SPELT: Final = {"protocolinformation": "protocolInformation"}  # the grammar and the payload spell it differently
_FIRST: Final[tuple[Token, ...]] = ("keys", 0, "value")


def field(text: str, at: str = "") -> Field:
    """The field called ``text``; raises ``Invalid('query.field')`` with the JSON pointer ``at``."""
    head, hash_, tail = text.partition("#")
    name, _, path = head.partition(".")
    root = next((one for one in ROOTS if f"${one}" == name), None)
    unknown = Invalid("query.field", at=at, field=text[:200])
    if root is None or not hash_ or len(text) > FIELD_MAX:
        raise unknown
    tokens: tuple[Token, ...] = ()
    if "." in head:
        if root != "sme" or not _PATH.fullmatch(path):
            raise unknown
        tokens = tuple(_token(one) for one in _TOKEN.findall(path))
    attribute = _attribute(ROOTS[root], tail)
    if attribute is None:
        raise unknown
    return Field(root, attribute, tokens)


def _token(text: str) -> Token:
    return text if text[0] != "[" else int(text[1:-1]) if text != "[]" else ANY


def _attribute(tree: Tree, text: str) -> tuple[Token, ...] | None:
    found: list[Token] = []
    at: Tree | None = tree
    for part in text.split("."):
        match = _STEP.fullmatch(part)
        if match is None or at is None:
            return None
        name, brackets = _SPELT.get(match[1], match[1]), match[2]
        if f"{name}[]" in at:
            at = at[f"{name}[]"]
            found += [name, _token(brackets or "[]")]
        elif name and name in at and not brackets:
            at = at[name]
            found.append(name)
        else:
            return None
    if at is not None and "" in at:
        found += _FIRST
        at = None
    return tuple(found) if at is None else None
