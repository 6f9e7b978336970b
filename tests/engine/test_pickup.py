"""Goods of a network order are inspected, fetched and brought back at a shop, whose fee follows its own book."""

import asyncio
import json

import msgspec
import pytest
from jsonschema import Draft7Validator

from tests.engine.picking import Three, book, table, three
from tests.engine.world import befriend, found, quiet, until
from weft.basis.errors import NotFound, Refused, WeftError
from weft.config import Rules
from weft.engine import pickup
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.engine.reactions import pickup_seller
from weft.engine.views import VIEWS
from weft.trace.document import document
from weft.trace.hash import event_id
from weft.trade.messages import DespatchAdvice, DespatchLine
from weft.trade.order_state import Phase
from weft.trade.pickup import BackLine, BroughtBack, SentBack, opens


async def inspected(world: Three, good: str = "3", damaged: str = "1") -> None:
    await run(world.shop, "inspect", {"thread": world.service, "lines": [
        {"line": "1", "received": good, "damaged": damaged, "reason": "dented"}]})

    async def ready():
        fetch = await pickup.row(world.buyer, pickup.FETCHES, world.order, pickup.Fetch)
        return fetch.ready == {"1": good}

    await until(ready)
    await world.quiet()


def cut(world: Three, node) -> None:
    world.wires.cut = {frozenset((node.organisation, one.organisation)) for one in world.all if one is not node}


async def bills(node, partner) -> list[str]:
    documents = (await node.state(node.partner(partner.organisation))).documents
    return [one.amount for one in documents.values() if one.by == partner.organisation]


async def test_goods_are_inspected_fetched_with_the_line_down_billed_and_brought_back():
    async with three() as world:
        buyer, maker, shop = world.all
        await world.ordered()
        await world.quiet()
        assert await world.where() == {"buyer": {}, "maker": {("", ""): "46", ("", "shop"): "4"}, "shop": {}}
        await inspected(world)
        assert await world.where() == {"buyer": {}, "maker": {("", ""): "46", ("", "shop"): "3"},
                                       "shop": {("maker", ""): "3"}}
        cut(world, shop)
        code = await world.code()
        with pytest.raises(Refused) as wrong:
            await run(shop, "hand-out", {"thread": world.service, "code": "AAAABBBB"})
        assert (wrong.value.code, wrong.value.facts["left"]) == ("pickup.wrong-code", 4)
        await run(shop, "hand-out", {"thread": world.service, "code": f"{code[:4].lower()} {code[4:]}"})
        await until(lambda: booked(world, {}))
        world.wires.cut = set()
        await until(lambda: world.phase(world.order, Phase.CONFIRMED))

        async def received():
            return (await buyer.state(world.order)).lines["1"].received == "3"

        await until(received)
        await world.quiet()
        assert await world.where() == {"buyer": {("", ""): "3"}, "maker": {("", ""): "46"}, "shop": {}}
        assert await bills(buyer, maker) == ["135.60"]
        assert await bills(maker, shop) == ["13.56"]
        await run(shop, "take-back", {"thread": world.service, "code": code, "lines": [
            {"item": "V15", "quantity": "2", "reason": "too small"}]})

        async def home():
            return (await world.where())["buyer"] == {("", ""): "1"}

        await until(home)
        await world.quiet()
        assert await world.where() == {"buyer": {("", ""): "1"}, "maker": {("", ""): "46", ("", "shop"): "2"},
                                       "shop": {("maker", ""): "2"}}
        assert "news-BroughtBack" in [task.kind for task in (await VIEWS["today"](maker)).arrived]
        with pytest.raises(Refused) as more:
            await run(shop, "take-back", {"thread": world.service, "code": code, "lines": [
                {"item": "V15", "quantity": "2"}]})
        assert more.value.code == "pickup.more-than-handed-out"
        await run(shop, "send-back", {"thread": world.service})
        await until(lambda: in_maker(world, {("", ""): "48"}))
        await world.quiet()
        assert (await world.where())["shop"] == {}
        assert await world.troubles() == []
        for first, second, thread in ((buyer, maker, world.order), (maker, shop, world.service)):
            assert state_hash(await first.state(thread)) == state_hash(await second.state(thread))


async def events_of(node) -> list[dict]:
    """The EPCIS events of a node in their order."""
    return [json.loads(one.message.event) for one in await node.log(node.book("trace")) if one.message is not None]


def steps(events) -> list[tuple]:
    return [(one["bizStep"], one["disposition"], one["quantityList"][0]["epcClass"].split(":")[2],
             one["quantityList"][0]["quantity"]) for one in events]


async def test_what_is_fetched_and_brought_back_leaves_valid_events_that_do_not_tell_who_fetched_it(published):
    schema = Draft7Validator(json.loads((published / "epcis" / "EPCIS-JSON-Schema.json").read_text()))
    async with three() as world:
        buyer, maker, shop = world.all
        code = await at_the_counter(world)
        assert await hand_out(world, code) == ""

        async def received():
            return (await buyer.state(world.order)).lines["1"].received == "4"

        await until(received)
        await world.quiet()
        await run(shop, "take-back", {"thread": world.service, "code": code,
                                      "lines": [{"item": "V15", "quantity": "2"}]})
        await world.quiet()
        await run(shop, "send-back", {"thread": world.service})
        await until(lambda: in_maker(world, {("", ""): "48"}))
        await world.quiet()
        told = {name: await events_of(node) for name, node in zip(("buyer", "maker", "shop"), world.all, strict=True)}
        m, s, b = maker.organisation, shop.organisation, buyer.organisation
        assert steps(told["shop"]) == [
            ("receiving", "in_progress", m, 4), ("shipping", "in_transit", m, 4),  # the lots as the maker named them
            ("accepting", "returned", s, 2), ("shipping", "in_transit", s, 2)]
        assert steps(told["maker"])[-4:] == [
            ("shipping", "in_transit", m, 4), ("shipping", "in_transit", m, 4), ("accepting", "returned", m, 2),
            ("receiving", "in_progress", m, 2)]
        assert [one[:2] for one in steps(told["buyer"])] == [("receiving", "in_progress"), ("shipping", "in_transit")]
        assert steps(told["buyer"])[1][3] == 2
        for name, events in told.items():
            whole = document(events, "2026-11-18T00:00:00.000Z")
            assert [error.message for error in schema.iter_errors(whole)] == [], name
            assert all(one["eventID"] == event_id(one) for one in events)
        assert b not in json.dumps(told["shop"])
        assert s not in json.dumps(told["buyer"])
        assert b in json.dumps(told["maker"]), "the control sees it"
        assert not schema.is_valid(document([{**told["shop"][1], "bizStep": 5}], "2026-11-18T00:00:00.000Z"))


async def booked(world: Three, places) -> bool:
    return (await world.where())["shop"] == places


async def in_maker(world: Three, places) -> bool:
    return (await world.where())["maker"] == places


async def at_the_counter(world: Three, good: str = "4", damaged: str = "0") -> str:
    """Ordered, sent, inspected; the code."""
    await world.ordered()
    await inspected(world, good, damaged)
    return await world.code()


async def hand_out(world: Three, code: str) -> str:
    """"" or the code of the refusal."""
    try:
        await run(world.shop, "hand-out", {"thread": world.service, "code": code})
    except WeftError as error:
        return error.code
    return ""


async def test_two_clerks_with_the_same_code_hand_a_parcel_out_once():
    async with three() as world:
        code = await at_the_counter(world)
        said = await asyncio.gather(*(hand_out(world, code) for _ in range(5)))
        assert sorted(said) == ["", *["pickup.handed-out"] * 4]
        await until(lambda: booked(world, {}))
        await until(lambda: world.phase(world.order, Phase.CLOSED))
        await world.quiet()
        assert await bills(world.maker, world.shop) == ["13.56"]
        assert await world.where() == {"buyer": {("", ""): "4"}, "maker": {("", ""): "46"}, "shop": {}}


async def test_a_parcel_is_found_by_what_is_scanned_and_only_by_that():
    async with three() as world:
        await at_the_counter(world)
        view = await VIEWS["order-pick-up"](world.buyer, thread=world.order)
        with pytest.raises(NotFound):
            await run(world.shop, "hand-out", {"code": await world.code()})
        await run(world.shop, "hand-out", {"code": view.qr.lower()})
        assert (await pickup.goods_of(world.shop, world.service)).out


async def test_five_wrong_codes_close_a_parcel_for_an_hour_also_for_the_right_one():
    async with three() as world:
        code = await at_the_counter(world)
        assert [await hand_out(world, wrong) for wrong in ("AAAABBBB", "", "X", "AAAACCCC", f"{code}Z")] \
            == ["pickup.wrong-code"] * 5
        assert await hand_out(world, code) == "pickup.too-many-tries"
        world.shop.clock.ms += pickup.HOUR_MS
        assert await hand_out(world, code) == ""


async def test_a_new_code_takes_the_place_of_the_old_one():
    async with three() as world:
        old = await at_the_counter(world)
        offer = await world.offered()
        await run(world.buyer, "pick-up", {"thread": world.order, "place": offer.places[0].id})
        await world.quiet()

        async def heard():
            named = await pickup.held(world.shop, world.service)
            return opens(await world.code(), named)

        await until(heard)
        assert await hand_out(world, old) == "pickup.wrong-code"
        assert await hand_out(world, await world.code()) == ""
        await until(lambda: world.phase(world.order, Phase.CLOSED))
        assert await world.troubles() == []


async def claims(world: Three) -> tuple[str, list[str]]:
    """A shop that keeps the goods says that it handed them out; what the buyer holds by the maker's word, troubles."""
    await at_the_counter(world)
    await world.shop.speak(world.service, DespatchAdvice(
        number="D-1", lines=(DespatchLine(line="1", item="PICK", quantity="1"),), code="AAAABBBB",
        at="2026-11-18T00:00:00.000Z"))

    async def taken():
        return await world.troubles() or (await world.buyer.state(world.order)).lines["1"].despatched != "0"

    await until(taken)
    await world.quiet()
    return (await world.maker.state(world.order)).lines["1"].despatched, await world.troubles()


async def test_a_shop_that_shows_no_code_has_handed_out_nothing_and_is_not_paid():
    async with three() as world:
        despatched, troubles = await claims(world)
        assert despatched == "0"
        assert len(troubles) == 1
        assert "pickup.wrong-evidence" in troubles[0]
        assert (await world.where())["maker"] == {("", ""): "46", ("", "shop"): "4"}
        assert await bills(world.maker, world.shop) == await bills(world.buyer, world.maker) == []


async def test_control_a_maker_that_does_not_check_the_digest_is_cheated(monkeypatch):
    monkeypatch.setattr(pickup_seller, "is_evidence", lambda _code, _named: True)
    async with three() as world:
        despatched, troubles = await claims(world)
        assert (despatched, troubles) == ("4", []), "the control must be fooled"
        assert await bills(world.maker, world.shop) == ["13.56"]


async def spoken(node) -> bytes:
    """All that ``node`` holds of what was said to or by it, as bytes."""
    return b"".join([msgspec.json.encode(one.message) for thread in (*node.threads("order"), *node.partners.values())
                     for one in await node.log(thread) if one.message is not None])


async def test_the_shop_does_not_learn_who_fetches_nor_the_buyer_with_whom_the_maker_deals():
    async with three() as world:
        code = await at_the_counter(world)
        assert await hand_out(world, code) == ""
        await until(lambda: world.phase(world.order, Phase.CLOSED))
        await world.quiet()
        shop, buyer, maker = await spoken(world.shop), await spoken(world.buyer), await spoken(world.maker)
        for told in (world.buyer.organisation, world.order, '"Buyer"'):
            assert told.encode() not in shop
        for told in (world.shop.organisation, world.service, '"Shop"'):
            assert told.encode() not in buyer
        assert all(told.encode() in maker for told in (world.buyer.organisation, '"Shop"')), "the control sees both"
        assert not {world.buyer.organisation} & set(world.shop.partners)


async def test_a_shop_that_does_not_want_to_leaves_the_order_to_be_sent_as_usual():
    async with three() as world:
        world.shop.config = msgspec.structs.replace(world.shop.config, rules=Rules(quote="ask"))
        world.order = (await run(world.buyer, "request-quotation", {
            "supplier": "Maker", "lines": [{"item": "V15", "quantity": "4"}]})).thread
        offer = await world.offered()
        await run(world.buyer, "pick-up", {"thread": world.order, "place": offer.places[0].id})
        await run(world.buyer, "order", {"thread": world.order})
        await until(lambda: world.shop.threads("order"))
        with pytest.raises(Refused) as early:
            await run(world.maker, "despatch", {"thread": world.order})
        assert early.value.code == "pickup.shop-not-ready"
        await run(world.shop, "decline", {"thread": world.shop.threads("order")[0]})

        async def off():
            return (await pickup.row(world.buyer, pickup.FETCHES, world.order, pickup.Fetch)).off

        await until(off)
        await run(world.maker, "despatch", {"thread": world.order})
        await until(lambda: world.phase(world.order, Phase.CLOSED))
        await world.quiet()
        assert (await world.where())["buyer"] == {("", ""): "4"}


async def test_what_was_damaged_is_sent_again_and_nothing_is_sent_twice():
    async with three() as world:
        code = await at_the_counter(world, "3", "1")
        await run(world.maker, "despatch", {"thread": world.order})

        async def second():
            return "1" in [str(left) for left in (await pickup.goods_of(world.shop, world.service)).under_way.values()]

        await until(second)
        with pytest.raises(Refused) as twice:
            await run(world.maker, "despatch", {"thread": world.order})
        assert twice.value.code == "pickup.there-already"
        await run(world.shop, "inspect", {"thread": world.service})
        assert await hand_out(world, code) == ""
        await until(lambda: world.phase(world.order, Phase.CLOSED))
        await world.quiet()
        assert await world.where() == {"buyer": {("", ""): "4"}, "maker": {("", ""): "45"}, "shop": {}}


async def test_a_cancelled_order_is_not_handed_out_and_goes_home():
    async with three() as world:
        code = await at_the_counter(world)
        await run(world.buyer, "cancel", {"thread": world.order})

        async def cancelled():
            return (await world.shop.state(world.service)).phase is Phase.CANCELLED

        await until(cancelled)
        assert await hand_out(world, code) == "order.ended"
        await run(world.shop, "send-back", {"thread": world.service})
        await until(lambda: in_maker(world, {("", ""): "50"}))
        assert (await world.where())["shop"] == {}
        assert await bills(world.maker, world.shop) == []


async def take_back(world: Three, code: str) -> str:
    try:
        await run(world.shop, "take-back", {"thread": world.service, "code": code})
    except WeftError as error:
        return error.code
    return ""


async def test_goods_come_back_with_their_code_and_in_time():
    async with three() as world:
        code = await at_the_counter(world)
        assert await take_back(world, code) == "pickup.not-handed-out"
        assert await hand_out(world, code) == ""
        assert await take_back(world, "AAAABBBB") == "pickup.wrong-code"
        world.shop.clock.ms += 15 * 86_400_000
        assert await take_back(world, code) == "pickup.return-late"
        world.shop.clock.ms -= 2 * 86_400_000
        assert await take_back(world, code) == ""
        assert await take_back(world, code) == "pickup.nothing-back"


async def test_a_service_is_promised_without_stock_and_never_put_on_a_shelf():
    async with three() as world:
        with pytest.raises(Refused) as refused:
            await run(world.shop, "stock-receive", {"item": "PICK", "quantity": "3"})
        assert refused.value.code == "stock.service"
        await at_the_counter(world)
        with pytest.raises(Refused) as by_code:
            await run(world.shop, "despatch", {"thread": world.service})
        assert by_code.value.code == "pickup.by-code"


async def test_a_shop_cannot_send_back_or_take_back_what_it_never_had():
    async with three() as world:
        code = await at_the_counter(world)
        much = (BackLine(line="V15", quantity="9"),)
        await world.shop.speak(world.service, SentBack(lines=much))
        await until(world.troubles)
        await world.shop.speak(world.service, BroughtBack(lines=much, code=code))

        async def both():
            return "wrong-evidence" in (told := "".join(await world.troubles())) and "more-than-there" in told

        await until(both)
        assert (await world.where())["maker"] == {("", ""): "46", ("", "shop"): "4"}


async def test_what_the_shop_did_not_hand_out_is_sent_to_the_buyer_afterwards():
    async with three() as world:
        code = await at_the_counter(world, "3", "1")
        assert await hand_out(world, code) == ""

        async def received(much: str = "3"):
            return (await world.maker.state(world.order)).lines["1"].received == much

        await until(received)
        await run(world.maker, "despatch", {"thread": world.order})
        await until(lambda: received("4"))
        await world.quiet()
        assert await world.where() == {"buyer": {("", ""): "4"}, "maker": {("", ""): "45"}, "shop": {}}
        assert sorted(await bills(world.buyer, world.maker)) == ["135.60", "45.20"]
        assert await world.troubles() == []


async def test_the_counter_shows_where_each_parcel_is_and_forgets_what_was_long_ago():
    async with three() as world:
        async def states():
            return [one.state for one in (await VIEWS["pick-ups"](world.shop)).parcels]

        assert await states() == []
        with pytest.raises(NotFound):
            await VIEWS["order-pick-up"](world.shop, thread="x")
        await world.ordered()
        assert await states() == ["arriving"]
        await inspected(world, "4", "0")
        assert await states() == ["here"]
        assert await hand_out(world, await world.code()) == ""
        assert await states() == ["out"]
        assert await take_back(world, await world.code()) == ""
        assert await states() == ["back"]
        world.shop.clock.ms += 105 * 86_400_000
        assert await states() == []


async def test_another_shop_is_asked_when_the_first_has_declined():
    async with three() as world:
        other = await found(world.wires, "Other")
        try:
            await befriend(other, world.maker)
            await run(other, "import", {"kind": "items", "content": table("item,name,unit,kind\nHO,Out,C62,service\n")})
            await run(other, "publish-prices", {"book": book("other", HO="9")})
            await run(world.maker, "pickup-shop", {"partner": "Other", "item": "HO", "name": "Other Place"})
            world.shop.config = msgspec.structs.replace(world.shop.config, rules=Rules(quote="ask"))
            world.order = (await run(world.buyer, "request-quotation", {
                "supplier": "Maker", "lines": [{"item": "V15", "quantity": "4"}]})).thread
            places = {one.name: one.id for one in (await world.offered()).places}
            for place in ("Other Place", "Corner Shop"):  # a change of mind before the order
                await run(world.buyer, "pick-up", {"thread": world.order, "place": places[place]})
                await world.quiet()
            await run(world.buyer, "order", {"thread": world.order})
            await until(lambda: world.shop.threads("order"))
            await run(world.shop, "decline", {"thread": world.shop.threads("order")[0]})

            async def left():
                return [one.name for one in (await VIEWS["order-pick-up"](world.buyer, thread=world.order)).places]

            await until(lambda: _equal(left, ["Other Place"]))
            await run(world.buyer, "pick-up", {"thread": world.order, "place": places["Other Place"]})

            async def coming():
                orders = other.threads("order")
                return orders and (await pickup.goods_of(other, orders[0])).sent

            await until(coming)
            await run(other, "inspect", {"thread": other.threads("order")[0]})
            await run(other, "hand-out", {"thread": other.threads("order")[0], "code": await world.code()})
            await until(lambda: world.phase(world.order, Phase.CLOSED))
            await quiet(*world.all, other)
            assert await world.where() == {"buyer": {("", ""): "4"}, "maker": {("", ""): "46"}, "shop": {}}
        finally:
            await other.stop()


async def _equal(what, wanted) -> bool:
    return await what() == wanted
