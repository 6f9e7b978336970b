"""A buyer, a maker and a shop that hands out for the maker, for tests of picking up."""

import base64
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis import quantity as q
from weft.engine import pickup
from weft.engine.commands import run
from weft.engine.node import Node
from weft.stock import levels
from weft.trade.order_state import Phase


def table(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def book(name: str, **prices: str) -> dict:
    return {"id": name, "name": name, "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
            "lines": [{"item": item, "unit": "C62", "tiers": [{"from": "1", "price": price}]}
                      for item, price in prices.items()],
            "valid_from": "2020-01-01T00:00:00Z"}


@dataclass
class Three:
    """Three firms; ``order`` is the buyer's order, ``service`` the order of the shop's service."""

    wires: Wires
    buyer: Node
    maker: Node
    shop: Node
    order: str = ""
    service: str = ""

    @property
    def all(self):
        return self.buyer, self.maker, self.shop

    async def ordered(self, quantity: str = "4") -> None:
        """Asked, quoted, a place named, ordered; the goods are on their way to the shop."""
        self.order = (await run(self.buyer, "request-quotation", {
            "supplier": "Maker", "lines": [{"item": "V15", "quantity": quantity}]})).thread
        await until(lambda: self.phase(self.order, Phase.QUOTED))
        offer = await self.offered()
        await run(self.buyer, "pick-up", {"thread": self.order, "place": offer.places[0].id})
        await run(self.buyer, "order", {"thread": self.order})
        await until(self.coming)

    async def offered(self):
        await until(lambda: pickup.row(self.buyer, pickup.OFFERS, self.order, pickup.Offer))
        return await pickup.row(self.buyer, pickup.OFFERS, self.order, pickup.Offer)

    async def coming(self) -> bool:
        """Whether the goods are on their way to the shop, which knows it."""
        found = self.shop.threads("order")
        self.service = found[0] if found else ""
        return bool(self.service) and bool((await pickup.goods_of(self.shop, self.service)).sent)

    async def phase(self, thread: str, phase: Phase) -> bool:
        return (await self.buyer.state(thread)).phase is phase

    async def code(self) -> str:
        return (await pickup.row(self.buyer, pickup.FETCHES, self.order, pickup.Fetch)).code

    async def where(self) -> dict[str, dict[tuple[str, str], str]]:
        """Firm -> (owner, holder) -> how much of V15 lies there by its book; this firm is ""."""
        names = {one.organisation: name for name, one in zip(("buyer", "maker", "shop"), self.all, strict=True)}
        told = {}
        for node in self.all:
            sums: dict[tuple[str, str], object] = {}
            for parcel in levels.parcels(await node.book_state("stock")):
                if parcel.item == "V15":
                    place = (names.get(parcel.owner, ""), names.get(parcel.holder, ""))
                    sums[place] = sums.get(place, 0) + q.decimal(parcel.quantity)
            told[names[node.organisation]] = {place: q.text(amount) for place, amount in sums.items()}
        return told

    async def troubles(self) -> list[str]:
        return [value.decode() for node in self.all for bucket in ("trouble", "alarm")
                for _, value in await node.store.values(bucket)]

    async def quiet(self) -> None:
        await quiet(*self.all)


@asynccontextmanager
async def three(**rules):
    wires = Wires()
    nodes = [await found(wires, name, **rules) for name in ("Buyer", "Maker", "Shop")]
    buyer, maker, shop = nodes
    try:
        await befriend(maker, buyer)
        await befriend(shop, maker)
        await run(maker, "import", {"kind": "items", "content": table("item,name,unit,kind\nV15,球阀,C62,product\n")})
        await run(maker, "import", {"kind": "stock", "content": table("item,quantity\nV15,50\n")})
        await run(maker, "publish-prices", {"book": book("valves", V15="40")})
        await run(buyer, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
        service = table("item,name,unit,kind\nPICK,Pick-up,C62,service\n")
        await run(shop, "import", {"kind": "items", "content": service})
        await run(shop, "publish-prices", {"book": book("counter", PICK="12")})
        await run(maker, "pickup-shop", {"partner": "Shop", "item": "PICK", "name": "Corner Shop",
                                         "address": "1 Main Street", "return_days": 14})
        yield Three(wires, buyer, maker, shop)
    finally:
        for node in nodes:
            await node.stop()
