"""Hierarchical Structures enabling Bills of Material (IDTA 02011-1-1-1): one piece of an item and its parts, one down.

Filled from: the item's bill of material.
Rule 1: a count of pieces is a BulkCount; the exact quantity with its unit stands beside it always.
Not here: what an order really consumed (``processes.py``, ``twin/order.py``).
"""

from typing import Final

import msgspec

from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.names import asset_id, distinct, shorts
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import optional, submodel

ID_SHORT: Final = "BillOfMaterial"
_BASE: Final = "https://admin-shell.io/idta/HierarchicalStructures"
SEMANTIC: Final = f"{_BASE}/1/1/Submodel"
VERSION: Final = {"version": "1", "revision": "1"}
_COUNTED: Final = ("C62", "EA", "PCE")


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the bill: ``shell`` is the component's own, ``quantity`` per one of the parent."""

    shell: str
    item: str
    quantity: str
    unit: str = "C62"
    source: str = "stock"


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What one piece of the item with the shell ``shell`` is made of."""

    shell: str
    components: tuple[Component, ...]


def gaps(bill: Bill) -> list[Gap]:
    """A bill has at least one line."""
    return [] if bill.components else [Gap(ID_SHORT, "bill")]


def build(name: str, bill: Bill) -> Json:
    """The submodel whose id is ``name``: an entry node, a node for each part, and a relation to each."""
    nodes: dict[str, Json] = {}
    named = shorts([one.item for one in bill.components], "Part_")
    for one in bill.components:
        short = named[one.item]
        short = short if short not in nodes else distinct(f"{one.item}#{len(nodes)}", "Part_")
        nodes[short] = e.entity(short, asset_id(one.shell), _amount(one), f"{_BASE}/Node/1/0")
    relations = [
        e.relationship(f"HasPart_{short}", e.model(("Submodel", name), ("Entity", "EntryNode")),
                       e.model(("Submodel", name), ("Entity", "EntryNode"), ("Entity", short)), f"{_BASE}/HasPart/1/0")
        for short in nodes
    ]
    entry = e.entity("EntryNode", asset_id(bill.shell), [*nodes.values(), *relations], f"{_BASE}/EntryNode/1/0")
    archetype = e.prop("ArcheType", "OneDown", f"{_BASE}/ArcheType/1/0")
    return submodel(name, ID_SHORT, [archetype, entry], SEMANTIC, VERSION)


def _amount(one: Component) -> list[Json]:
    counted = one.quantity if one.quantity.isdecimal() and one.unit in _COUNTED else ""
    return [
        *optional(e.prop("BulkCount", counted, f"{_BASE}/BulkCount/1/0", type_="xs:unsignedLong"), counted),
        e.decimal("Quantity", one.quantity, "Quantity"),
        e.prop("Unit", one.unit, "Unit"),
        e.prop("Source", one.source, "SupplySource"),
        e.prop("ItemNumber", one.item, "Item"),
    ]
