"""Over a shop's counter nothing is lost, handed out or billed twice, whichever commit of whichever firm was last.

A buyer (Shop), a maker (Factory) and a counter (Turner) of ``crash_world``, compared with the same story undisturbed.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from tests.engine import crash_world
from tests.engine.crash_world import AUTO, World, book, table
from tests.simulation.loop import run
from weft.config import Rules
from weft.engine import pickup
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.reactions import TABLE
from weft.stock import messages as sm

FIRMS = ("Shop", "Factory", "Turner")
SAMPLE = 2  # crashes a firm in a daily run; ``--release`` takes every one
Deaths = Mapping[str, Sequence[int]]


@dataclass(slots=True)
class Counter(World):
    """The story: ordered, sent, one piece damaged, fetched by two clerks at once, one piece brought back."""

    def __post_init__(self) -> None:
        World.__post_init__(self)
        self.shop.rules, self.turner.rules = Rules(receive="auto"), AUTO

    async def run(self) -> dict[str, Any]:
        await self._begin()
        order = await self._order()
        await self._over_the_counter(order)
        await self._bind()
        await self._quiet()
        return await self._result((order,))

    async def _furnish(self) -> None:
        items = "item,name,unit,kind\nV15,Valve,C62,product\n"
        await self.do(self.shop, "import", kind="items", content=table(items))
        await self.do(self.factory, "import", kind="items", content=table(items))
        await self.do(self.factory, "import", kind="stock", content=table("item,quantity\nV15,30\n"))
        service = "item,name,unit,kind\nPICK,Pick-up,C62,service\n"
        await self.do(self.turner, "import", kind="items", content=table(service))
        await self.do(self.factory, "publish-prices", book=book("valves", V15="40"))
        await self.do(self.turner, "publish-prices", book=book("counter", PICK="12"))
        await self.do(self.factory, "pickup-shop", partner=self.turner.organisation, item="PICK", name="Corner",
                      return_days=9)

    async def _order(self) -> str:
        thread = (await self.do(self.shop, "request-quotation", supplier=self.factory.organisation,
                                lines=[{"item": "V15", "quantity": "4"}])).thread

        async def offered(node: Node) -> Any:
            return await pickup.row(node, pickup.OFFERS, thread, pickup.Offer)

        await self.until(self.shop, lambda node: self._quoted(node, thread, "4"), "a quotation")
        offer = await self.until(self.shop, offered, "a place to fetch it")
        await self.do(self.shop, "pick-up", thread=thread, place=offer.places[0].id)
        await self.do(self.shop, "order", thread=thread)
        return str(thread)

    async def _over_the_counter(self, order: str) -> None:
        async def coming(node: Node) -> str:
            orders = node.threads("order")
            return orders[0] if orders and (await pickup.goods_of(node, orders[0])).sent else ""

        service = await self.until(self.turner, coming, "goods on their way")
        await self.do(self.turner, "inspect", thread=service, lines=[
            {"line": "1", "received": "3", "damaged": "1", "reason": "dented"}])

        async def ready(node: Node) -> bool:
            fetch = await pickup.row(node, pickup.FETCHES, order, pickup.Fetch)
            return bool(fetch and fetch.ready)

        await self.until(self.shop, ready, "word that it is ready")

        async def ticket(node: Node) -> Any:
            return await pickup.row(node, pickup.FETCHES, order, pickup.Fetch)

        code = (await self.insist(self.shop, ticket)).code
        await self.do(self.turner, "hand-out", thread=service, code=code)

        async def received(node: Node) -> bool:
            return bool((await node.state(order)).lines["1"].received == "3")

        await self.until(self.shop, received, "the goods")
        await self.do(self.turner, "take-back", thread=service, code=code, lines=[{"item": "V15", "quantity": "1"}])
        await self.do(self.turner, "send-back", thread=service)


def told(deaths: Deaths | None = None) -> tuple[dict[str, Any], Counter]:
    """What the story comes to when firms die right after these commits."""
    async def story(loop, luck):
        world = Counter(loop, luck, deaths or {})
        return await world.run(), world

    return run(1, story)


@cache
def undisturbed() -> tuple[dict[str, Any], Counter]:
    return told()


def commits(victim: str) -> int:
    return next(firm.commits[0] for firm in undisturbed()[1].firms if firm.name == victim)


def check(deaths: Deaths) -> None:
    result, world = told(deaths)
    assert result == undisturbed()[0], deaths
    assert any(firm.crashes for firm in world.firms)


def test_undisturbed_the_books_of_all_three_add_up():
    result, _ = undisturbed()
    assert result["troubles"] == ""
    assert result["differences"] == []
    assert result["Shop"]["parcels"] == {"V15 of  at ": 2}
    assert result["Factory"]["parcels"] == {"V15 of  at ": 27}  # 30 less 2 sold and 1 dented
    assert result["Turner"]["parcels"] == {}
    assert result["links"] == [True]


@pytest.mark.parametrize("victim", FIRMS)
def test_a_crash_after_a_sampled_commit_changes_nothing(victim):
    for last in random.Random(f"pick up {victim}").sample(range(1, commits(victim) + 1), SAMPLE):
        check({victim: [last]})


@pytest.mark.release
@pytest.mark.parametrize("victim", FIRMS)
def test_a_crash_after_any_commit_changes_nothing(victim):
    for last in range(1, commits(victim) + 1):
        check({victim: [last]})


async def _keyless(node: Node, cause: Cause) -> None:
    """Books what was handed out under a number of chance, as a hasty programmer would."""
    if await pickup.held(node, cause.thread) is not None and cause.message.kind == "goods":
        owner = next(one for one in await node.members(cause.thread) if one != node.organisation)
        handed = (await pickup.goods_of(node, cause.thread)).handed
        for item, amount in handed.items():
            await node.record("stock", sm.Issued(ref=node.random(8).hex(), item=item, quantity=str(amount),
                                                 owner=owner, gone=True))


def test_control_a_hand_out_booked_without_a_key_is_found_out(monkeypatch):
    row = ("order", "DespatchAdvice")
    hasty = [replace(one, run=_keyless) if one.name == "book-hand-out" else one for one in TABLE[row]]
    monkeypatch.setattr(crash_world, "TABLE", {**TABLE, row: hasty})
    calm, world = told()
    assert calm["troubles"] == ""
    first, last = (dict(world.steps)[f"Turner {name}"]["Turner"] for name in ("hand-out", "take-back"))
    for commit in range(first, last + 1):
        try:
            if told({"Turner": [commit]})[0] != calm:
                return
        except crash_world.Broken:
            return
    raise AssertionError("nobody noticed")
