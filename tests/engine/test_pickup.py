"""Goods of a network order are inspected, fetched and brought back at a shop, whose fee follows its own book."""


import pytest

from tests.engine.picking import Three, three
from tests.engine.world import until
from weft.basis.errors import Refused
from weft.engine import pickup
from weft.engine.commands import run
from weft.engine.machines import state_hash
from weft.trade.order_state import Phase


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


async def booked(world: Three, places) -> bool:
    return (await world.where())["shop"] == places


async def in_maker(world: Three, places) -> bool:
    return (await world.where())["maker"] == places
