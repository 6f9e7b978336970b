"""Technical Data (IDTA 02003-2-0-1) of an item.

Filled from: the item's master data and the firm's name (settings).
Not here: what partners call it, its stock (``twin/item.py``).
"""

from typing import Final

import msgspec

from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import also, listing, optional, submodel

ID_SHORT: Final = "TechnicalData"
SEMANTIC: Final = "0173-1#01-AHX837#002"
VERSION: Final = {"version": "2", "revision": "0", "templateId": "https://admin-shell.io/idta-02003-2-0"}
_AREA: Final = "0173-1#02-ABL358#002/0173-1#01-AHX773#002"
_CDP: Final = "https://api.eclass-cdp.com/"


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """What we know of an item; ``firm``: our name; ``weight_each`` in kg; ``titles`` by language."""

    firm: str
    item: str
    titles: dict[str, str]
    unit: str
    kind: str
    gtin: str = ""
    weight_each: str = ""


def gaps(_: Data) -> list[Gap]:
    """Nothing is missing: an item always has a number, and the firm an id at least."""
    return []


def build(name: str, data: Data) -> Json:
    """The submodel whose id is ``name``."""
    general = [
        also(e.prop("ManufacturerName", data.firm, "0173-1#02-AAO677#004"), f"{_CDP}0173-1-02-AAO677-004"),
        also(e.multi("ManufacturerProductDesignation", data.titles, "0173-1#02-AAW338#003"),
             f"{_CDP}0173-1-02-AAW338-003"),
        also(e.prop("ManufacturerArticleNumber", data.item, "0173-1#02-AAO676#005"), f"{_CDP}0173-1-02-AAO676-005"),
        also(e.prop("ManufacturerOrderCode", data.item, "0173-1#02-AAO227#004"), f"{_CDP}0173-1-02-AAO227-004"),
    ]
    area = e.collection("", [
        e.prop("Unit", data.unit, "Unit"),
        e.prop("Kind", data.kind, "ItemKind"),
        *optional(e.decimal("WeightEach", data.weight_each, "WeightEach"), data.weight_each),
        *optional(e.prop("Gtin", data.gtin, "Gtin"), data.gtin),
    ], _AREA)
    return submodel(name, ID_SHORT, [
        e.collection("GeneralInformation", general, "0173-1#02-ABK161#002/0173-1#01-AHX838#002"),
        listing("TechnicalPropertyAreas", [area], "0173-1#02-ABK163#002", _AREA),
    ], SEMANTIC, VERSION)
