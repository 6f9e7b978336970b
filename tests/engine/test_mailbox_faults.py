"""Keepers that die and come back, answers that get lost, firms that restart: by a seed, and at the end all is there."""

import asyncio
import random

import pytest

from tests.engine.dealing import BOOK, table
from tests.engine.test_mailbox import World, comes_to, same
from tests.engine.world import quiet, until
from weft.engine.commands import run
from weft.engine.mail import mailbox
from weft.trade.order_state import Phase

URLS = ("http://kiln.example", "http://dock.example")
PATHS = (mailbox.PUT_PATH, mailbox.LIST_PATH, mailbox.TAKE_PATH, mailbox.HELD_PATH)
SEEDS = [pytest.param(seed, marks=pytest.mark.release if seed > 1 else ()) for seed in range(40)]


async def trouble(world, luck, firms) -> str:
    """One fault, or one less."""
    what = luck.choice(("die", "die", "rise", "deaf", "hear", "restart", "wait"))
    if what == "die":
        world.doors.dead.add(luck.choice(URLS))
    elif what == "rise" and world.doors.dead:
        world.doors.dead.discard(luck.choice(sorted(world.doors.dead)))
    elif what == "deaf":
        world.doors.deaf_after.add(luck.choice(PATHS))
    elif what == "hear":
        world.doors.deaf_after.clear()
    elif what == "restart":
        one = luck.choice(firms)
        await asyncio.wait_for(one.stop(), 10)
        await one.begin()
    await asyncio.sleep(luck.choice((0.0, 0.05, 0.2)))
    return what


@pytest.mark.parametrize("seed", SEEDS)
async def test_whatever_happens_to_keepers_and_firms_every_order_comes_to_its_end_once(seed):
    luck, world = random.Random(seed), World()
    try:
        shop, factory, *_ = await world.pair("Kiln", "Dock")
        await run(factory, "import", {"kind": "items", "content": table("item,name,unit\nV15,球阀,C62\n")})
        await run(factory, "import", {"kind": "stock", "content": table("item,quantity\nV15,500\n")})
        await run(factory, "publish-prices", {"book": BOOK})
        await run(shop, "import", {"kind": "items", "content": table("item,name,unit\nV15,Valve,C62\n")})
        threads, faults = [], []
        for _ in range(4):
            threads.append((await run(shop, "request-quotation", {
                "supplier": "Factory", "lines": [{"item": "V15", "quantity": "10"}]})).thread)
            faults += [await trouble(world, luck, (shop, factory)) for _ in range(3)]
        for thread in threads:
            world.doors.dead.clear()
            world.doors.deaf_after.clear()
            await comes_to(shop, thread, Phase.QUOTED, 20)
            await run(shop, "order", {"thread": thread})
            await trouble(world, luck, (shop, factory))
        world.doors.dead.clear()
        world.doors.deaf_after.clear()
        for thread in threads:
            await comes_to(shop, thread, Phase.CLOSED, 20)
        await quiet(shop, factory, timeout_s=20)
        for thread in threads:
            assert await same(shop, factory, thread), (seed, faults)
        assert len(factory.threads("order")) == len(threads)
        assert (await on_hand(shop), await on_hand(factory)) == ("40", "460")
        await until(lambda: not shop.mail.post.sent and not factory.mail.post.sent)
    finally:
        for node in world.nodes:
            await node.stop()


async def on_hand(node) -> str:
    from weft.engine.views import VIEWS

    return next(one.on_hand for one in (await VIEWS["stock"](node)).items if one.id == "V15")
