"""Digital Nameplate (IDTA 02006-3-0-1) of what we make ourselves: an item (a type) or a lot that came out of our work.

Filled from: the item's master data, the lot's production, the firm's name and address (settings).
Rule 1: only what we make has our nameplate; a maker's nameplate of something bought is not ours to write.
Rule 2: a lot's number is no serial number: it stands beside, with an id of our own.
Not here: the nameplate of a machine as its Thing Description has it (``twin/machine.py``), which claims no template.
"""

from typing import Final

import msgspec

from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import POSTAL, Party, address, also, lacking, optional, submodel

ID_SHORT: Final = "Nameplate"
SEMANTIC: Final = "https://admin-shell.io/idta/nameplate/3/0/Nameplate"
VERSION: Final = {"version": "3", "revision": "0", "templateId": "https://admin-shell.io/idta-02006-3-0"}


class Product(msgspec.Struct, frozen=True, kw_only=True):
    """What bears the nameplate. ``made``: the date (2026-11-25) of a lot, "" for a type; ``lot``: its number."""

    maker: Party
    asset: str
    item: str
    titles: dict[str, str]
    lot: str = ""
    made: str = ""


def gaps(product: Product) -> list[Gap]:
    """What the firm has to enter first."""
    return lacking(ID_SHORT, product.maker, "name", *POSTAL)


def build(name: str, product: Product) -> Json:
    """The submodel whose id is ``name``."""
    maker = product.maker
    return submodel(name, ID_SHORT, [
        also(e.prop("URIOfTheProduct", product.asset, "0112/2///61987#ABN590#002", type_="xs:anyURI"),
             "0173-1#02-ABH173#003"),
        also(e.multi("ManufacturerName", {maker.lang: maker.name}, "0112/2///61987#ABA565#009"),
             "0173-1#02-AAO677#004"),
        also(e.multi("ManufacturerProductDesignation", product.titles, "0112/2///61987#ABA567#009"),
             "0173-1#02-AAW338#003"),
        address("AddressInformation", maker),
        also(e.prop("OrderCodeOfManufacturer", product.item, "0112/2///61987#ABA950#008"), "0173-1#02-AAO227#004"),
        also(e.prop("ProductArticleNumberOfManufacturer", product.item, "0112/2///61987#ABA581#007"),
             "0173-1#02-AAO676#005"),
        *optional(also(e.prop("YearOfConstruction", product.made[:4], "0112/2///61987#ABP000#002"),
                       "0173-1#02-AAP906#003"), product.made),
        *optional(also(e.prop("DateOfManufacture", product.made, "0112/2///61987#ABB757#007", type_="xs:date"),
                       "0173-1#02-AAR972#004"), product.made),
        *optional(e.prop("LotNumber", product.lot, "LotNumber"), product.lot),
    ], SEMANTIC, VERSION)
