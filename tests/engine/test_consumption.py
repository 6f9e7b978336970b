"""What an order used up is found without reading the stock book's history for each order."""

import pytest

from tests.engine.home import empty_node
from weft.engine.by_order import ByOrder, consumption
from weft.stock import messages as s
from weft.stock.book import Several


@pytest.fixture
async def node():
    kept = await empty_node()
    await say(kept, s.ItemDefined(item=s.Item(id="X", unit="C62")),
              s.Received(ref="R1", lots=(s.LotIn(id="L1", item="X", quantity="1000"),
                                         s.LotIn(id="L2", item="X", quantity="1000"))))
    return kept


async def say(node, *messages):
    await node.say(node.book("stock"), Several(messages=messages))


async def use(node, order, lot, quantity):
    await say(node, s.Consumed(ref=f"{order}-{lot}-{quantity}", item="X", quantity=quantity, order=order,
                               picks=(s.Pick(lot=lot, quantity=quantity),)))


async def lots(used_up, node, order):
    found = await used_up.of(node, node.book("stock"), order)
    return [(pick.lot, pick.quantity) for used in found for pick in used.picks]


class Counting:
    """A store that counts the events it gives."""

    def __init__(self, store):
        self.store, self.given = store, 0

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def events(self, *asked):
        rows = await self.store.events(*asked)
        self.given += len(rows)
        return rows


async def test_each_order_has_what_it_used_up_in_the_order_of_the_book(node):
    for order, lot, quantity in (("MO1", "L1", "2"), ("MO2", "L2", "3"), ("MO1", "L2", "1")):
        await use(node, order, lot, quantity)
    assert await lots(node.consumption, node, "MO1") == [("L1", "2"), ("L2", "1")]
    assert await lots(node.consumption, node, "MO2") == [("L2", "3")]
    assert await lots(node.consumption, node, "MO3") == []
    await use(node, "MO3", "L1", "5")
    assert await lots(node.consumption, node, "MO3") == [("L1", "5")]


async def test_the_next_order_costs_what_is_new_in_the_book(node):
    for number in range(30):
        await use(node, f"MO{number}", "L1", "1")
    await lots(node.consumption, node, "MO1")
    node.store = Counting(node.store)
    await use(node, "MO30", "L1", "1")
    assert await lots(node.consumption, node, "MO30") == [("L1", "1")]
    assert node.store.given == 1
    assert await lots(consumption(), node, "MO30") == [("L1", "1")]  # as if each order read from the beginning
    assert node.store.given > 30


async def test_an_order_that_was_forgotten_is_read_again_with_what_came_since(node):
    few = ByOrder(consumption().told, most=2)
    for order in ("MO1", "MO2", "MO3"):
        await use(node, order, "L1", "1")
    assert await lots(few, node, "MO3") == [("L1", "1")]
    assert await lots(few, node, "MO1") == [("L1", "1")]
    assert await lots(few, node, "MO9") == []
    await use(node, "MO1", "L2", "4")
    assert await lots(few, node, "MO1") == [("L1", "1"), ("L2", "4")]
    for order in ("MO4", "MO5", "MO6"):
        await use(node, order, "L1", "1")
    assert await lots(few, node, "MO1") == [("L1", "1"), ("L2", "4")]
    assert await lots(few, node, "MO6") == [("L1", "1")]
