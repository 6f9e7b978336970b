"""The twin of a lot: what it is, whose it is, where it lies, and its papers.

Rule 1: owner and holder are two things: free-issue material (委外带料) lies at a partner and stays ours.
Rule 2: "" names this firm itself; the shell spells it out, so that it means the same to whoever reads it.
Not here: what happened to it (``trace``, whose events name the lot by the same URI).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from weft.twin import elements as e
from weft.twin import templates
from weft.twin.elements import Json
from weft.twin.names import asset_id, short, shorts, submodel_id
from weft.twin.templates.gaps import Gap

NAMES: Final = ("Certificates", "LotData", "Whereabouts")


class Lot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot as its shell shows it. ``at`` maps holder to quantity; organisations are ids, never "".

    ``templates``: records of IDTA templates.
    """

    shell: str
    item_shell: str
    id: str
    item: str
    unit: str = "C62"
    quantity: str = "0"
    owner: str
    at: dict[str, str] = {}
    heat: str = ""
    certificates: tuple[str, ...] = ()
    weight: str = ""
    partner: str = ""
    production_order: str = ""
    why: str = ""
    received: str = ""
    sources: tuple[str, ...] = ()
    templates: Sequence[Any] = ()


def shell(lot: Lot) -> Json:
    """The shell of ``lot``."""
    about = e.asset(asset_id(lot.shell), "Instance", {"lot": lot.id, "heatNumber": lot.heat, "epcClass": lot.shell},
                    asset_id(lot.item_shell))
    names = [submodel_id(lot.shell, one) for one in submodel_names(lot)]
    return e.shell(lot.shell, short(lot.id, "Lot_"), about, names, {"en": f"{lot.item} {lot.id}"})


def submodel_names(lot: Lot) -> tuple[str, ...]:
    """The idShorts of its submodels, sorted."""
    return tuple(sorted({*(name for name in NAMES if _has(lot, name)), *templates.names(lot.templates)}))


def gaps(lot: Lot) -> list[Gap]:
    """What lacks before its templates can be claimed."""
    return templates.missing(lot.templates)


def _has(lot: Lot, name: str) -> bool:
    return bool({"Certificates": lot.certificates, "Whereabouts": lot.at}.get(name, True))


def submodel(lot: Lot, name: str) -> Json | None:
    """The submodel called ``name``, or None."""
    if name not in NAMES:
        return templates.build(lot.shell, lot.templates, name)
    if not _has(lot, name):
        return None
    build = {"Certificates": _certificates, "LotData": _data, "Whereabouts": _whereabouts}[name]
    return e.submodel(submodel_id(lot.shell, name), name, build(lot))


def _data(lot: Lot) -> list[Json]:
    return [
        e.prop("LotNumber", lot.id, "LotNumber"),
        e.prop("ItemNumber", lot.item, "Item"),
        e.shell_reference("Item", lot.item_shell, "ItemReference"),
        e.decimal("Quantity", lot.quantity, "Quantity"),
        e.prop("Unit", lot.unit, "Unit"),
        e.prop("Owner", lot.owner, "Owner"),
        e.prop("HeatNumber", lot.heat, "HeatNumber"),
        e.decimal("Weight", lot.weight, "WeightKg"),
        e.prop("Partner", lot.partner, "Partner"),
        e.prop("ProductionOrder", lot.production_order, "ProductionOrder"),
        e.prop("Origin", lot.why, "LotOrigin"),
        e.instant("Received", lot.received, "Received"),
        *([e.texts("Sources", lot.sources, "SourceLots")] if lot.sources else ()),
    ]


def _whereabouts(lot: Lot) -> list[Json]:
    names = shorts(lot.at, "Holder_")
    return [
        e.collection(names[holder], [
            e.prop("Holder", holder, "Holder"),
            e.decimal("Quantity", quantity, "Quantity"),
            e.prop("Unit", lot.unit, "Unit"),
        ], "Holding")
        for holder, quantity in sorted(lot.at.items())
    ]


def _certificates(lot: Lot) -> list[Json]:
    return [e.texts("Names", lot.certificates, "CertificateNames")]
