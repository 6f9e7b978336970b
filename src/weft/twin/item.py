"""The twin of an item (a type): what partners call it, its stock, and what its records tell by templates.

Rule 1: a template's semantic id is given only where all that the template asks for is there.
Not here: single lots (``lot.py``), the templates (``templates/``).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from weft.twin import elements as e
from weft.twin import templates
from weft.twin.elements import Json
from weft.twin.names import asset_id, short, shorts, submodel_id
from weft.twin.templates import structure, technical
from weft.twin.templates.gaps import Gap
from weft.twin.templates.structure import Component

__all__ = ["Component", "Item", "gaps", "records", "shell", "submodel", "submodel_names"]

NAMES: Final = ("PartnerNumbers", "Stock")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An item as its shell shows it. ``firm``: our name; ``partner_numbers`` by organisation.

    ``templates``: records of further IDTA templates.
    """

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
    templates: Sequence[Any] = ()


def shell(item: Item) -> Json:
    """The shell of ``item``."""
    about = e.asset(asset_id(item.shell), "Type", {"itemNumber": item.id, "gtin": item.gtin, "epcClass": item.shell})
    names = [submodel_id(item.shell, one) for one in submodel_names(item)]
    return e.shell(item.shell, short(item.id, "Item_"), about, names, _title(item))


def _title(item: Item) -> dict[str, str]:
    told = {lang: text for lang, text in (("zh", item.zh), ("en", item.en)) if text}
    return told or {"en": item.id}


def submodel_names(item: Item) -> tuple[str, ...]:
    """The idShorts of its submodels, sorted."""
    own = [name for name in NAMES if name != "PartnerNumbers" or item.partner_numbers]
    return tuple(sorted({*own, *templates.names(records(item))}))


def records(item: Item) -> list[Any]:
    """What fills its templates: data and bill from the item itself, others as told."""
    data = technical.Data(firm=item.firm, item=item.id, titles=_title(item), unit=item.unit, kind=item.kind,
                          gtin=item.gtin, weight_each=item.weight_each)
    bill = [structure.Bill(shell=item.shell, components=item.components)] if item.components else []
    return [data, *bill, *item.templates]


def gaps(item: Item) -> list[Gap]:
    """What lacks before its templates can be claimed."""
    return templates.missing(records(item))


def submodel(item: Item, name: str) -> Json | None:
    """The submodel called ``name``, or None."""
    if name not in NAMES:
        return templates.build(item.shell, records(item), name)
    if name == "PartnerNumbers" and not item.partner_numbers:
        return None
    return e.submodel(submodel_id(item.shell, name), name, _numbers(item) if name == "PartnerNumbers" else _stock(item))


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
