"""A network order is fetched at a shop: three real nodes, every step by a person, the counter without any network."""

import base64
from decimal import Decimal

import pytest

from tests.stories.firms import Firm, eventually
from weft.cli.client import Node, Told

pytestmark = pytest.mark.story

@pytest.fixture
def three(tmp_path):
    buyer, maker, shop = (Firm(tmp_path / name, name) for name in ("Buyer", "Maker", "Shop"))
    try:
        yield buyer.up(), maker.up(), shop.up()
    finally:
        told = [firm.stop() for firm in (buyer, maker, shop)]
    assert told == ["", "", ""], "a node that is well says nothing on stderr"


def do(firm: Firm, command: str, **params):
    """One command by the node's API, as the console and the command line do it."""
    return Node(firm.home).do(command, **params)


def view(firm: Firm, name: str, **params):
    return Node(firm.home).view(name, **params)


def order_of(firm: Firm, thread: str):
    try:
        return view(firm, "order", thread=thread)
    except Told:
        return None


def table(firm: Firm, kind: str, text: str) -> None:
    done = do(firm, "import", kind=kind, content=base64.b64encode(text.encode()).decode())
    assert not done["facts"]["problems"]


def meet(inviter: Firm, joiner: Firm) -> None:
    do(joiner, "join", link=do(inviter, "invite")["facts"]["link"])
    eventually(lambda: any(one["name"] == inviter.name and one["state"] == "open" for one in partners(joiner)), "met")


def book(name: str, item: str, price: str):
    return {"id": name, "name": name, "currency": "CNY", "basis": "net", "tax": {"category": "S", "percent": "13"},
            "lines": [{"item": item, "unit": "C62", "tiers": [{"from": "1", "price": price}]}],
            "valid_from": "2020-01-01T00:00:00Z"}


def furnish(buyer: Firm, maker: Firm, shop: Firm) -> None:
    table(maker, "items", "item,name,unit,kind\nV15,Valve,C62,product\n")
    table(maker, "stock", "item,quantity\nV15,10\n")
    table(shop, "items", "item,name,unit,kind\nPICK,Pick-up,C62,service\n")
    do(maker, "publish-prices", book=book("valves", "V15", "40"))
    do(shop, "publish-prices", book=book("counter", "PICK", "12"))
    meet(maker, buyer)
    meet(shop, maker)
    do(maker, "pickup-shop", partner="Shop", item="PICK", name="Corner Shop", address="1 Main Street", return_days=14)


def partners(firm: Firm):
    return view(firm, "partners")["partners"]


def parcels(shop: Firm):
    return view(shop, "pick-ups")["parcels"]


def to_shop(buyer: Firm, maker: Firm, shop: Firm) -> tuple[str, str]:
    """Asked, quoted, a place chosen, ordered on both sides; the goods are on their way to the shop."""
    order = do(buyer, "request-quotation", supplier="Maker", lines=[{"item": "V15", "quantity": "4"}])["thread"]
    eventually(lambda: order_of(maker, order), "the request arrived")
    do(maker, "quote", thread=order)
    places = eventually(lambda: view(buyer, "order-pick-up", thread=order)["places"], "places offered")
    do(buyer, "pick-up", thread=order, place=places[0]["id"])
    do(buyer, "order", thread=order)
    eventually(lambda: order_of(maker, order)["may"] == ["OrderResponse"], "the order arrived")
    do(maker, "respond", thread=order)
    parcel = eventually(lambda: parcels(shop), "the shop is asked")[0]
    assert (parcel["state"], parcel["sender"]) == ("asked", "Maker")
    service = parcel["thread"]
    do(shop, "quote", thread=service)
    eventually(lambda: order_of(maker, service)["gross"] == "13.56", "the shop's price by its book")
    do(maker, "order", thread=service)
    eventually(lambda: "OrderResponse" in order_of(shop, service)["may"], "the service ordered")
    do(shop, "respond", thread=service)
    eventually(lambda: order_of(maker, service)["phase"] == "confirmed", "the service agreed")
    do(maker, "despatch", thread=order)
    eventually(lambda: parcels(shop)[0]["state"] == "arriving", "the goods announced")
    return order, service


def on_hand(firm: Firm) -> dict[str, str]:
    found = next((one for one in view(firm, "stock")["items"] if one["id"] == "V15"), None)
    return {name: found[name] for name in ("on_hand", "at_partners", "of_partners")} if found else {}


def test_goods_come_over_a_counter_that_has_no_network(three):
    buyer, maker, shop = three
    furnish(*three)
    order, service = to_shop(*three)
    do(shop, "inspect", thread=service, lines=[{"line": "1", "received": "3", "damaged": "1", "reason": "dented"}])

    def ticket():
        return view(buyer, "order-pick-up", thread=order)

    eventually(lambda: ticket()["ready"] == {"1": "3"}, "the buyer knows that it is ready")
    code = ticket()["qr"]
    maker.stop()
    buyer.stop()
    for tried, refusal in ((f"{code[:-8]}AAAABBBB", "pickup.wrong-code"), (code, ""), (code, "pickup.handed-out")):
        assert refusal in hand_out(shop, tried)
    shop.kill()
    shop.up()
    eventually(lambda: on_hand(shop) == {"on_hand": "0", "at_partners": "0", "of_partners": "0"}, "it has left")
    maker.up()
    buyer.up()
    eventually(lambda: order_of(buyer, order)["to_receive"], "the maker has heard, and told the buyer")
    do(buyer, "receive", thread=order)
    eventually(lambda: on_hand(buyer).get("on_hand") == "3", "in the buyer's stock")
    eventually(lambda: order_of(shop, service)["phase"] == "closed", "the service is done")
    do(shop, "invoice", thread=service)
    eventually(lambda: owed(maker, "Shop") == Decimal("13.56"), "the fee by the shop's book")
    eventually(lambda: order_of(maker, order)["lines"][0]["received"] == "3", "the receipt arrived")
    do(maker, "invoice", thread=order)
    eventually(lambda: owed(buyer, "Maker") == Decimal("135.60"), "three pieces billed")
    assert on_hand(maker) == {"on_hand": "6", "at_partners": "0", "of_partners": "0"}  # 10 less 3 sold, 1 dented
    for first, second, thread in ((buyer, maker, order), (maker, shop, service)):
        eventually(lambda: len({(tuple(told["heads"]), told["state_hash"]) for told in (
            Node(one.home).view(f"threads/{thread}") for one in (first, second))}) == 1, "both sides hold the same")  # noqa: B023 - called at once


def hand_out(shop: Firm, code: str) -> str:
    """What the node says to it; "" when it was done."""
    try:
        do(shop, "hand-out", code=code)
    except Told as error:
        return str(error)
    return ""


def owed(firm: Firm, partner: str) -> Decimal:
    found = next(one for one in partners(firm) if one["name"] == partner)
    return Decimal(found["owed_by_us"] or "0")
