"""Carbon Footprint (IDTA 02023-1-0-1) of an item.

Filled from: what the firm recorded of the item (columns ``co2_…`` of the table of items).
Rule 1: a footprint is what somebody calculated by a named method; nothing is estimated here.
Not here: how it was calculated.
"""

from typing import Final

import msgspec

from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import listing, submodel

ID_SHORT: Final = "CarbonFootprint"
_BASE: Final = "https://admin-shell.io/idta/CarbonFootprint"
SEMANTIC: Final = f"{_BASE}/CarbonFootprint/1/0"
VERSION: Final = {"version": "1", "revision": "0", "templateId": "https://admin-shell.io/IDTA 02023-1-0"}
FIELDS: Final = ("co2_kg", "co2_methods", "co2_phases", "co2_at")


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """``co2_kg`` per one ``unit`` of ``item``; ``co2_at``: instant of publication; "" and () where nobody said."""

    item: str
    unit: str
    co2_kg: str = ""
    co2_methods: tuple[str, ...] = ()
    co2_phases: tuple[str, ...] = ()
    co2_at: str = ""


def gaps(footprint: Footprint) -> list[Gap]:
    """Each column of the table of items that is still empty."""
    return [Gap(ID_SHORT, one.replace("_", "-"), {"item": footprint.item})
            for one in FIELDS if not getattr(footprint, one)]


def build(name: str, footprint: Footprint) -> Json:
    """The submodel whose id is ``name``."""
    entry = e.collection("", [
        listing("PcfCalculationMethods", [e.prop("", one, "0173-1#02-ABG854#003") for one in footprint.co2_methods],
                f"{_BASE}/PcfCalculationMethods/1/0", "0173-1#02-ABG854#003", "Property"),
        e.decimal("PcfCO2eq", footprint.co2_kg, "0173-1#02-ABG855#003"),
        e.prop("ReferenceImpactUnitForCalculation", footprint.unit, "0173-1#02-ABG856#003"),
        e.prop("QuantityOfMeasureForCalculation", 1.0, "0173-1#02-ABG857#003"),
        listing("LifeCyclePhases", [e.prop("", one, "0173-1#02-ABG858#003") for one in footprint.co2_phases],
                f"{_BASE}/LifeCyclePhases/1/0", "0173-1#02-ABG858#003", "Property"),
        e.instant("PublicationDate", footprint.co2_at, f"{_BASE}/PublicationDate/1/0"),
    ], f"{_BASE}/ProductCarbonFootprint/1/0")
    made = listing("ProductCarbonFootprints", [entry], f"{_BASE}/ProductCarbonFootprints/1/0",
                   f"{_BASE}/ProductCarbonFootprint/1/0")
    return submodel(name, ID_SHORT, [made], SEMANTIC, VERSION)
