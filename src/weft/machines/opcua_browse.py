"""Browse an OPC UA server to a bounded depth, and look up what a method wants.

Rule 1: at most ``NODES_MAX`` nodes and ``depth`` levels; the server's own objects (namespace 0) are left out.
Rule 2: a node that cannot be read is listed without the detail, and does not stop the others; one whose own address
        cannot be written down is left out.
Not here: what the found nodes mean (``propose``).
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from asyncua import Client, ua

from weft.basis.errors import Invalid, Unavailable, WeftError
from weft.machines.opcua_bounds import fit_text, shown_text
from weft.machines.opcua_services import Services, batches, reason
from weft.machines.opcua_values import BUILT_IN, href_of
from weft.shopfloor.connection import BrowsedNode

NODES_MAX: Final = 5000
DEPTH_MAX: Final = 12
PER_CALL: Final = 20  # so that one answer is read in a moment
_KINDS: Final = {ua.NodeClass.Variable: "variable", ua.NodeClass.Method: "method", ua.NodeClass.Object: "object"}
_DETAILS: Final = ("EngineeringUnits", "EnumStrings")
_CEFACT: Final = "http://www.opcfoundation.org/UA/units/un/cefact"
_TYPES: Final = {"Boolean": "boolean", "String": "string", "LocalizedText": "string", "Float": "number",
                 "Double": "number"}
NAME_MAX: Final = 200
HREF_MAX: Final = 4096
VALUES_MAX: Final = 500  # names of the states of one variable
UNIT_MAX: Final = 40


async def browse(
    services: Services, namespaces: Sequence[str], depth: int, top: ua.NodeId | None = None
) -> list[BrowsedNode]:
    """The nodes below ``top``, or the objects folder, breadth first; raises ``Unavailable('machine.no-answer')``."""
    try:
        found = await _walk(services, min(depth, DEPTH_MAX), top)
        return await _described(services, namespaces, found)
    except WeftError:
        raise
    except Exception as error:  # whatever the library raises at what a server may send
        raise services.no_answer(reason(error)) from error


async def _walk(
    services: Services, depth: int, top: ua.NodeId | None
) -> dict[ua.NodeId, tuple[Any, str, ua.NodeId | None]]:
    found: dict[ua.NodeId, tuple[Any, str, ua.NodeId | None]] = {}
    first = top or ua.NodeId(ua.ObjectIds.ObjectsFolder)
    level: list[tuple[ua.NodeId, str, ua.NodeId | None]] = [(first, "", None)]
    for step in range(depth + 1):
        if step == depth:  # below the deepest only units, and the names of states
            level = [one for one in level if one[0] in found and found[one[0]][0].NodeClass == ua.NodeClass.Variable]
        below: list[tuple[ua.NodeId, str, ua.NodeId | None]] = []
        for some in batches(level, PER_CALL):
            nodes = [one[0] for one in some]
            listed = await services.references(nodes, most=NODES_MAX - len(found))
            for (node, path, _), references in zip(some, listed, strict=True):
                for reference in references:
                    child = reference.NodeId
                    if child in found or _is_left_out(reference, child, last=step == depth):
                        continue
                    if len(found) >= NODES_MAX:
                        return found
                    place = f"{path}/{_name(reference)}".lstrip("/")
                    found[child] = (reference, place, top if step == 0 else node)
                    below.append((child, place, node))
            await asyncio.sleep(0)  # others have their turn
        level = below
    return found


def _is_left_out(reference: Any, node: Any, *, last: bool) -> bool:
    """The server's own objects, below the last level all but details, and what no address can name."""
    if (last or node.NamespaceIndex == 0) and reference.BrowseName.Name not in _DETAILS:
        return True
    told = node.Identifier
    return isinstance(told, str) and (fit_text(told) is None or len(told) > HREF_MAX)


def _name(reference: Any) -> str:
    return shown_text(reference.BrowseName.Name)[:NAME_MAX]


async def _described(
    services: Services, namespaces: Sequence[str], found: dict[ua.NodeId, tuple[Any, str, ua.NodeId | None]]
) -> list[BrowsedNode]:
    details = await _details(services, found)
    shown = [node for node, (reference, _, _) in found.items() if reference.BrowseName.Name not in _DETAILS]
    variables = [node for node in shown if found[node][0].NodeClass == ua.NodeClass.Variable]
    kinds = await _attributes(services, variables, ua.AttributeIds.DataType)
    access = await _attributes(services, variables, ua.AttributeIds.UserAccessLevel)
    described = []
    for node in shown:
        reference, path, parent = found[node]
        unit, values = details.get(node, ("", ()))
        described.append(BrowsedNode(
            href=href_of(node, namespaces), name=_name(reference), path=path,
            kind=_KINDS.get(reference.NodeClass, "object"), type=_type(kinds.get(node)), unit=unit,
            writable=_writable(access.get(node)), values=values,
            parent=href_of(parent, namespaces) if parent is not None else ""))
    return described


async def _details(services: Services, found: dict[Any, Any]) -> dict[Any, tuple[str, tuple[str, ...]]]:
    nodes = [node for node, (reference, _, _) in found.items() if reference.BrowseName.Name in _DETAILS]
    values = await _attributes(services, nodes, ua.AttributeIds.Value)
    told: dict[Any, tuple[str, tuple[str, ...]]] = {}
    for node in nodes:
        reference, _, parent = found[node]
        unit, names = told.get(parent, ("", ()))
        if reference.BrowseName.Name == "EngineeringUnits":
            unit = _unit(values.get(node))
        else:
            listed = values.get(node)
            names = tuple(shown_text(getattr(one, "Text", one))[:NAME_MAX]
                          for one in (listed[:VALUES_MAX] if isinstance(listed, list) else ()))
        told[parent] = (unit, names)
    return told


async def _attributes(
    services: Services, nodes: Sequence[ua.NodeId], what: ua.AttributeIds
) -> dict[ua.NodeId, Any]:
    data, _ = await services.read([(node, what) for node in nodes])
    return {node: one.Value.Value for node, one in zip(nodes, data, strict=True) if one.Value is not None}


def _writable(access: Any) -> bool:
    return isinstance(access, int) and bool(access & 2)


def _type(node: Any) -> str:
    """The Thing Description's type for data type ``node``; enumerations and counters count as integers."""
    if not isinstance(node, ua.NodeId):
        return ""
    if node.NamespaceIndex != 0:
        return "integer"
    kind = BUILT_IN.get(node.Identifier)
    name = kind.name if kind is not None else ""
    return _TYPES.get(name, "integer" if name else "")


def _unit(value: Any) -> str:
    if isinstance(value, str):
        return shown_text(value)[:UNIT_MAX]
    if getattr(value, "NamespaceUri", "") == _CEFACT and value.UnitId > 0:  # the Rec 20 code, packed
        return bytes(value.UnitId.to_bytes(4, "big")).strip(b"\0").decode("ascii", "ignore")
    text = getattr(getattr(value, "DisplayName", None), "Text", "")
    return shown_text(text)[:UNIT_MAX]


async def owner_of(client: Client, method: ua.NodeId, machine: str) -> ua.NodeId:
    """The object that ``method`` belongs to; raises ``Invalid('machine.method-owner')``."""
    wanted = ua.BrowseDescription(
        NodeId=method, BrowseDirection=ua.BrowseDirection.Inverse, IncludeSubtypes=True,
        ReferenceTypeId=ua.NodeId(ua.ObjectIds.HierarchicalReferences), NodeClassMask=ua.NodeClass.Object,
        ResultMask=ua.BrowseResultMask.All)
    try:
        result = (await client.uaclient.browse(ua.BrowseParameters(NodesToBrowse=[wanted])))[0]
    except Exception as error:  # nothing was called yet
        raise Unavailable("machine.unreachable", machine=machine, detail=type(error).__name__) from error
    if not result.References:
        raise Invalid("machine.method-owner", href=method.to_string())
    owner: ua.NodeId = result.References[0].NodeId
    return owner


async def input_kinds(client: Client, method: ua.NodeId) -> list[ua.VariantType]:
    """The types that ``method`` wants, in order; empty when it takes none or does not say."""
    try:
        node = await asyncio.wait_for(client.get_node(method).get_child("0:InputArguments"), 4)
        declared = await node.read_value()
        return [BUILT_IN.get(one.DataType.Identifier, ua.VariantType.String) for one in declared or ()
                if one.DataType.NamespaceIndex == 0]
    except Exception:  # noqa: BLE001 - it does not say
        return []
