"""Purchase Order (IDTA 02050-1-0) of an order that we placed: what we ordered, from the agreed quotation.

Filled from: the order thread (quotation, order, lines with their promises), the firm's address (settings).
Rule 1: it is the buyer's document: of an order placed with us, the buyer's own node has it.
Rule 2: prices are those that were agreed; the template wants xs:double, the exact decimals stand beside them.
Not here: what may be said in the thread (``trade/``).
"""

from typing import Final

import msgspec

from weft.basis import quantity as q
from weft.twin import elements as e
from weft.twin.elements import Json
from weft.twin.templates.gaps import Gap
from weft.twin.templates.parts import POSTAL, Party, lacking, listing, optional, submodel

ID_SHORT: Final = "PurchaseOrder"
_BASE: Final = "https://admin-shell.io/idta/PurchaseOrder"
SEMANTIC: Final = "https://admin-shell.io/idta/SubmodelTemplate/PurchaseOrder/1/0"
VERSION: Final = {"version": "1", "revision": "0"}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line as ordered; ``base`` units cost ``unit_price``; ``promise``: an instant."""

    line: str
    item: str
    titles: dict[str, str]
    quantity: str
    unit: str
    unit_price: str
    base: str = "1"
    net: str = ""
    tax: str = ""
    tax_category: str = ""
    tax_percent: str = ""
    promise: str = ""
    buyer_item: str = ""


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """One order that we placed; ``at`` and ``changed`` are instants, ``gross`` the whole with tax."""

    thread: str
    number: str
    buyer: Party
    seller: str
    seller_name: str
    currency: str
    lines: tuple[Line, ...]
    at: str
    changed: str
    status: str = ""
    quotation: str = ""
    gross: str = ""
    note: str = ""


def gaps(purchase: Purchase) -> list[Gap]:
    """What the firm has to enter first; an order that is not placed yet."""
    if not purchase.number or not purchase.at or not purchase.lines:
        return [Gap(ID_SHORT, "not-ordered", {"thread": purchase.thread})]
    undated = [Gap(ID_SHORT, "no-date", {"order": purchase.number, "line": one.line})
               for one in purchase.lines if not one.promise]
    return lacking(ID_SHORT, purchase.buyer, "name", "address", *POSTAL, "telephone", "email") + undated


def build(name: str, purchase: Purchase) -> Json:
    """The submodel whose id is ``name``."""
    return submodel(name, ID_SHORT, [
        e.collection("PurchaseOrderInformation", _information(purchase), f"{_BASE}/PurchaseOrderInformation/1/0"),
        e.collection("InvolvedParties", [_buyer(purchase.buyer)], f"{_BASE}/InvolvedParties/1/0"),
        listing("ItemList", [_line(one, purchase.buyer) for one in purchase.lines],
                f"{_BASE}/ItemList/1/0", f"{_BASE}/Item/1/0"),
    ], SEMANTIC, VERSION)


def _text(name: str, value: str, type_: str = "xs:string") -> Json:
    return e.prop(name, value, f"{_BASE}/{name}/1/0", type_=type_)


def _double(name: str, value: str) -> Json:
    """An exact decimal as xs:double: its own digits, for they are one of its spellings."""
    return _text(name, value, "xs:double")


def _information(purchase: Purchase) -> list[Json]:
    return [
        _text("DocumentType", "Order"),
        *optional(_text("SellerQuotationNumber", purchase.quotation), purchase.quotation),
        _text("BuyerPurchaseOrderNumber", purchase.number),
        _text("DocumentCreationDate", purchase.buyer.day(purchase.at), "xs:date"),
        _text("DocumentUpdateDateTime", purchase.changed or purchase.at, "xs:dateTime"),
        _text("PurchaseOrderType", "regular"),
        *optional(_text("DocumentStatus", purchase.status), purchase.status),
        _text("Language", purchase.buyer.lang),
        _text("Currency", purchase.currency),
        *optional(_double("TotalAmount", purchase.gross), purchase.gross),
        *optional(_text("Description", purchase.note), purchase.note),
        e.prop("OrderThread", purchase.thread, "OrderThread"),
        e.prop("Seller", purchase.seller, "Partner"),
        *optional(e.prop("SellerName", purchase.seller_name, "PartnerName"), purchase.seller_name),
    ]


def _buyer(buyer: Party) -> Json:
    told = (("BuyerReferenceID", buyer.organisation), ("OrganizationName1", buyer.name),
            ("AdditionalAddressline", buyer.address), ("Street1", buyer.street), ("Zipcode", buyer.zipcode),
            ("CityTown", buyer.city), ("State", buyer.state), ("StateCountry", buyer.country),
            ("NationalCode", buyer.country), ("Tax_Number", buyer.tax_number), ("TelephoneNumber", buyer.telephone),
            ("EmailAddress", buyer.email))
    return e.entity("PartyBuyer", "", [_text(name, value) for name, value in told if value], f"{_BASE}/PartyBuyer/1/0")


def _line(line: Line, buyer: Party) -> Json:
    title = line.titles.get("en") or line.titles.get("zh") or line.item
    full = " / ".join(dict.fromkeys(line.titles.values())) or line.item
    return e.collection("", [
        _text("ItemID", line.line),
        _double("OrderQuantity", line.quantity),
        _text("OrderQuantityUnit", line.unit),
        *optional(_double("NetPrice", line.net), line.net),
        _text("ProductDesignation", line.item),
        _text("ProductShortDescription", title[:40]),
        _text("ProductDescription", full),
        _text("ScopeOfDelivery", f"{line.quantity} {line.unit} {line.item}"),
        e.collection("ProductPrice", _price(line), f"{_BASE}/ProductPrice/1/0"),
        listing("DeliveryDateList", [e.collection("", [
            _text("FixedDeliveryDate", buyer.day(line.promise), "xs:date"),
        ], f"{_BASE}/DeliveryDate/1/0")], f"{_BASE}/DeliveryDateList/1/0", f"{_BASE}/DeliveryDate/1/0"),
        *optional(e.prop("BuyerItemNumber", line.buyer_item, "PartnerNumber"), line.buyer_item),
    ], f"{_BASE}/Item/1/0")


def _price(line: Line) -> list[Json]:
    taxed = [e.collection("TaxDetails", [
        _text("TaxCategory", line.tax_category),
        _double("TaxRate", line.tax_percent),
        _double("TaxAmount", line.tax),
        _double("TaxBase", line.net),
    ], f"{_BASE}/TaxDetails/1/0")]
    whole = q.decimal(line.base) == q.decimal(line.base).to_integral_value()
    return [
        _double("Price", line.unit_price),
        _double("PriceUnitValue", line.base),
        _text("PriceUnit", q.text(q.decimal(line.base)) if whole else "1", "xs:integer"),
        e.decimal("ExactPrice", line.unit_price, "UnitPrice"),
        *optional(taxed[0], line.tax and line.tax_category),
    ]
