"""The twin of an item (a type): technical data, what partners call it, its bill of material, its stock.

IDTA 02003 v2.0 (Technical Data), IDTA 02011 v1.1 (Hierarchical Structures enabling Bills of Material).
Rule 1: a template's semantic id is given only where all that the template asks for is there.
Not here: single lots (``lot.py``).
"""

from typing import Final

import msgspec

from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.names import asset_id, distinct, short, shorts, submodel_id

NAMES: Final = ("BillOfMaterial", "PartnerNumbers", "Stock", "TechnicalData")
TECHNICAL_DATA: Final = "0173-1#01-AHX837#002"
STRUCTURES: Final = "https://admin-shell.io/idta/HierarchicalStructures"


class Component(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the bill: ``shell`` is the component's own, ``quantity`` per one of the parent."""

    shell: str
    item: str
    quantity: str
    unit: str = "C62"
    source: str = "stock"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item as its shell shows it. ``firm``: our name; ``partner_numbers`` by organisation."""

    shell: str
    id: str
    firm: str
    zh: str = ""
    en: str = ""
    unit: str = "C62"
    kind: str = "part"
    gtin: str = ""
    weight_each: str = ""
    partner_numbers: dict[str, str] = {}
    components: tuple[Component, ...] = ()
    on_hand: str = "0"
    available: str = "0"
    reorder_point: str = ""


def shell(item: Item) -> Json:
    """The shell of ``item``."""
    about = e.asset(asset_id(item.shell), "Type", {"itemNumber": item.id, "gtin": item.gtin, "epcClass": item.shell})
    names = [submodel_id(item.shell, one) for one in submodel_names(item)]
    return e.shell(item.shell, short(item.id, "Item_"), about, names, _title(item))


def _title(item: Item) -> dict[str, str]:
    told = {"zh": item.zh, "en": item.en}
    return told if item.zh or item.en else {"en": item.id}


def submodel_names(item: Item) -> tuple[str, ...]:
    """The idShorts of its submodels, sorted."""
    return tuple(name for name in NAMES if _has(item, name))


def _has(item: Item, name: str) -> bool:
    return bool({"BillOfMaterial": item.components, "PartnerNumbers": item.partner_numbers}.get(name, True))


def submodel(item: Item, name: str) -> Json | None:
    """The submodel called ``name``, or None."""
    if name not in NAMES or not _has(item, name):
        return None
    build = {"BillOfMaterial": _bill, "PartnerNumbers": _numbers, "Stock": _stock, "TechnicalData": _technical}[name]
    semantic = {"BillOfMaterial": f"{STRUCTURES}/1/1/Submodel", "TechnicalData": TECHNICAL_DATA}.get(name, "")
    return e.submodel(submodel_id(item.shell, name), name, build(item), semantic)


def _technical(item: Item) -> list[Json]:
    designation = {lang: text for lang, text in _title(item).items() if text}
    general = [
        e.prop("ManufacturerName", item.firm, "0173-1#02-AAO677#004"),
        e.multi("ManufacturerProductDesignation", designation, "0173-1#02-AAW338#003"),
        e.prop("ManufacturerArticleNumber", item.id, "0173-1#02-AAO676#005"),
        e.prop("ManufacturerOrderCode", item.id, "0173-1#02-AAO227#004"),
    ]
    properties = [
        e.prop("Unit", item.unit, "Unit"),
        e.prop("Kind", item.kind, "ItemKind"),
        *([e.decimal("WeightEach", item.weight_each, "WeightEach")] if item.weight_each else ()),
        *([e.prop("Gtin", item.gtin, "Gtin")] if item.gtin else ()),
    ]
    area = e.collection("", properties, "0173-1#02-ABL358#002/0173-1#01-AHX773#002")
    return [
        e.collection("GeneralInformation", general, "0173-1#02-ABK161#002/0173-1#01-AHX838#002"),
        e.listing("TechnicalPropertyAreas", [area], "0173-1#02-ABK163#002"),
    ]


def _numbers(item: Item) -> list[Json]:
    names = shorts(item.partner_numbers, "Partner_")
    return [
        e.collection(names[partner], [
            e.prop("Partner", partner, "Partner"),
            e.prop("Number", number, "PartnerNumber"),
        ], "PartnerNumberEntry")
        for partner, number in sorted(item.partner_numbers.items())
    ]


def _stock(item: Item) -> list[Json]:
    return [
        e.decimal("OnHand", item.on_hand, "OnHand"),
        e.decimal("Available", item.available, "Available"),
        e.prop("Unit", item.unit, "Unit"),
        e.decimal("ReorderPoint", item.reorder_point, "ReorderPoint"),
    ]


def _bill(item: Item) -> list[Json]:
    """An entry node that is one piece of the item; its parts, and a relation to each."""
    here = submodel_id(item.shell, "BillOfMaterial")
    nodes: dict[str, Json] = {}
    named = shorts([one.item for one in item.components], "Part_")
    for one in item.components:
        name = named[one.item]
        name = name if name not in nodes else distinct(f"{one.item}#{len(nodes)}", "Part_")
        nodes[name] = e.entity(name, asset_id(one.shell), _amount(one), f"{STRUCTURES}/Node/1/0")
    relations = [
        e.relationship(f"HasPart_{name}", e.model(("Submodel", here), ("Entity", "EntryNode")),
                       e.model(("Submodel", here), ("Entity", "EntryNode"), ("Entity", name)),
                       f"{STRUCTURES}/HasPart/1/0")
        for name in nodes
    ]
    entry = e.entity("EntryNode", asset_id(item.shell), [*nodes.values(), *relations], f"{STRUCTURES}/EntryNode/1/0")
    archetype = e.prop("ArcheType", "OneDown", f"{STRUCTURES}/ArcheType/1/0")
    return [archetype, entry]


def _amount(one: Component) -> list[Json]:
    """How much of a part: a count of pieces where it is one, and always the exact quantity with its unit."""
    counted = one.quantity if one.quantity.isdecimal() and one.unit in ("C62", "EA", "PCE") else ""
    return [
        *([e.prop("BulkCount", counted, f"{STRUCTURES}/BulkCount/1/0", type_="xs:unsignedLong")] if counted else ()),
        e.decimal("Quantity", one.quantity, "Quantity"),
        e.prop("Unit", one.unit, "Unit"),
        e.prop("Source", one.source, "SupplySource"),
        e.prop("ItemNumber", one.item, "Item"),
    ]
