"""The descriptor of a shell or submodel of our own, and what a condition on descriptors asks of the twin itself.

IDTA-01002 v3.1.2 §12.7, §12.8; query language §10.
Rule 1: a field that a descriptor takes over from its twin is asked of the twin, where an index answers it.
Not here: pages of them (``registry.py``).
"""

from collections.abc import Mapping
from typing import Any, Final

from weft.doors.aas.call import Call
from weft.twin.elements import Json
from weft.twin.names import encode_id
from weft.twin.query.index import ROOT_OF
from weft.twin.query.tree import (
    Alone,
    Boolean,
    Cast,
    Compare,
    Condition,
    Field,
    Not,
    Operand,
    Part,
)

_FROM_SHELL: Final = ("administration", "description", "displayName", "idShort", "id")
_FROM_ASSET: Final = ("assetKind", "assetType", "globalAssetId", "specificAssetIds")
_FROM_SUBMODEL: Final = (*_FROM_SHELL, "semanticId", "supplementalSemanticIds")
_INTERFACES: Final = {"shell": ("AAS-3.0", "shells"), "submodel": ("SUBMODEL-3.0", "submodels")}
_TWIN_OF: Final[Mapping[str, Any]] = {"aasdesc": "aas", "smdesc": "sm"}


def described(call: Call, kind: str, document: Json) -> Json:
    """The descriptor of a shell or submodel of ours."""
    interface, folder = _INTERFACES[kind]
    protocol = {"href": call.href(folder, encode_id(document["id"])), "endpointProtocol": "HTTP",
                "endpointProtocolVersion": ["1.1"]}
    names = _FROM_SHELL if kind == "shell" else _FROM_SUBMODEL
    told = {name: document[name] for name in names if name in document}
    told |= {name: value for name, value in document.get("assetInformation", {}).items() if name in _FROM_ASSET}
    return told | {"endpoints": [{"interface": interface, "protocolInformation": protocol}]}


class _Other(Exception):
    """The condition asks for endpoints and the like."""


def of_twins(condition: Condition, kind: str) -> Condition | None:
    """``condition`` on descriptors of ``kind`` as it asks the twins themselves; None where none has what it asks."""
    try:
        return _asked(condition, ROOT_OF[f"{kind}-descriptor"])
    except _Other:
        return None


def _asked(condition: Condition, root: str) -> Condition:
    if isinstance(condition, Compare):
        return Compare(condition.op, _side(condition.left, root), _side(condition.right, root))
    if isinstance(condition, Not | Alone):
        return type(condition)(_asked(condition.part, root))
    if isinstance(condition, Boolean):
        return condition
    parts: tuple[Any, ...] = tuple(_asked(one, root) for one in condition.parts)
    return type(condition)(parts)


def _side(operand: Operand, root: str) -> Operand:
    if isinstance(operand, Cast):
        return Cast(operand.to, _side(operand.of, root))
    if isinstance(operand, Part):
        return Part(operand.which, _side(operand.of, root))
    if not isinstance(operand, Field):
        return operand
    first = operand.attribute[0]
    if operand.root != root or first not in (*_FROM_SUBMODEL, *_FROM_ASSET):
        raise _Other
    held = ("assetInformation",) if first in _FROM_ASSET else ()
    return Field(_TWIN_OF[root], (*held, *operand.attribute))
