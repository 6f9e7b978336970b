"""The twin of an order that we placed with a partner: where it stands, and the purchase order once it is placed.

Rule 1: it names the partner that sells: this shell is for the buyer's own people, whoever else may see it is decided
        by access rules.
Not here: what the two firms may say (``trade``), what we make ourselves (``order.py``).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from weft.twin import elements as e
from weft.twin import templates
from weft.twin.elements import Json
from weft.twin.names import asset_id, short, submodel_id
from weft.twin.templates.gaps import Gap

NAMES: Final = ("OrderState",)


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """An order as its shell shows it; ``phase`` as in the order thread, ``promise`` the last promised instant."""

    shell: str
    thread: str
    number: str = ""
    seller: str = ""
    seller_name: str = ""
    phase: str
    promise: str = ""
    templates: Sequence[Any] = ()


def shell(purchase: Purchase) -> Json:
    """The shell of ``purchase``."""
    about = e.asset(asset_id(purchase.shell), "Instance", {"purchaseOrder": purchase.number,
                                                           "orderThread": purchase.thread})
    names = [submodel_id(purchase.shell, one) for one in submodel_names(purchase)]
    title = {"en": purchase.number or purchase.thread}
    return e.shell(purchase.shell, short(purchase.number or purchase.thread, "Purchase_"), about, names, title)


def submodel_names(purchase: Purchase) -> tuple[str, ...]:
    """The idShorts of its submodels, sorted."""
    return tuple(sorted({*NAMES, *templates.names(purchase.templates)}))


def submodel(purchase: Purchase, name: str) -> Json | None:
    """The submodel called ``name``, or None."""
    if name not in NAMES:
        return templates.build(purchase.shell, purchase.templates, name)
    return e.submodel(submodel_id(purchase.shell, name), name, [
        e.prop("Number", purchase.number, "PurchaseOrder"),
        e.prop("OrderThread", purchase.thread, "OrderThread"),
        e.prop("Seller", purchase.seller, "Partner"),
        e.prop("SellerName", purchase.seller_name, "PartnerName"),
        e.prop("State", purchase.phase, "OrderState"),
        e.instant("Promise", purchase.promise, "Promise"),
    ])


def gaps(purchase: Purchase) -> list[Gap]:
    """What lacks before its templates can be claimed."""
    return templates.missing(purchase.templates)
