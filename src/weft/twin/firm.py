"""The twin of the firm itself: who it is and how to reach it, and when it works.

Rule 1: there is such a shell only once the firm has told its address; before, there is nothing that it would say.
Not here: what its partners are told of it (``trade``).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from weft.twin import elements as e
from weft.twin import templates
from weft.twin.elements import Json
from weft.twin.names import asset_id, submodel_id
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import Party

NAMES: Final = ("FirmData",)


class Firm(msgspec.Struct, frozen=True, kw_only=True):
    """The firm as its shell shows it; ``templates``: records of IDTA templates."""

    shell: str
    party: Party
    currency: str = ""
    templates: Sequence[Any] = ()


def shell(firm: Firm) -> Json:
    """The shell of ``firm``."""
    about = e.asset(asset_id(firm.shell), "Instance", {"organisation": firm.party.organisation,
                                                       "taxNumber": firm.party.tax_number})
    names = [submodel_id(firm.shell, one) for one in submodel_names(firm)]
    return e.shell(firm.shell, "Firm", about, names, {firm.party.lang: firm.party.name})


def submodel_names(firm: Firm) -> tuple[str, ...]:
    """The idShorts of its submodels, sorted."""
    return tuple(sorted({*NAMES, *templates.names(firm.templates)}))


def submodel(firm: Firm, name: str) -> Json | None:
    """The submodel called ``name``, or None."""
    if name not in NAMES:
        return templates.build(firm.shell, firm.templates, name)
    party = firm.party
    return e.submodel(submodel_id(firm.shell, name), name, [
        e.prop("Name", party.name, "FirmName"),
        e.prop("Organisation", party.organisation, "Partner"),
        e.prop("TaxNumber", party.tax_number, "TaxNumber"),
        e.prop("Address", party.address, "Address"),
        e.prop("Currency", firm.currency, "Currency"),
        e.prop("Node", party.url, "NodeAddress", type_="xs:anyURI"),
    ])


def gaps(firm: Firm) -> list[Gap]:
    """What lacks before its templates can be claimed."""
    return templates.missing(firm.templates)
