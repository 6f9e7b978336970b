"""What an offer holds is let go although the talk ended in the very moment in which the offer was made."""

import asyncio
import contextlib

import msgspec
import pytest

from tests.engine.test_trade import BOOK, table
from tests.engine.world import AUTO, Wires, befriend, found, quiet, until
from weft.basis.errors import WeftError
from weft.engine.commands import run
from weft.engine.reactions import offering, releasing
from weft.stock import levels


class Gate:
    """An offer that waits, worked out and not yet held, until it is let through."""

    def __init__(self, prepared):
        self.prepared, self.reached, self.open = prepared, asyncio.Event(), asyncio.Event()

    async def __call__(self, *asked):
        self.reached.set()
        await self.open.wait()
        return await self.prepared(*asked)


@pytest.mark.parametrize("one_at_a_time", [True, False])
async def test_who_declines_while_an_offer_is_made_leaves_nothing_held(monkeypatch, one_at_a_time):
    if not one_at_a_time:  # the control: a lock of its own for each
        monkeypatch.setattr(releasing, "one_at_a_time", lambda *_: asyncio.Lock())
    gate = Gate(offering.showing.prepared)
    monkeypatch.setattr(offering.showing, "prepared", gate)
    wires = Wires()
    shop = await found(wires, "Shop", rules=msgspec.structs.replace(AUTO, quote="ask"))
    factory = await found(wires, "Factory", rules=msgspec.structs.replace(AUTO, quote="ask"))
    await befriend(factory, shop)
    for kind, text in (("items", "item,name,unit,kind\nV15,Valve,C62,product\n"), ("stock", "item,quantity\nV15,50\n")):
        await run(factory, "import", {"kind": kind, "content": table(text)})
    await run(factory, "publish-prices", {"book": BOOK})
    asked = await run(shop, "request-quotation", {"supplier": "Factory", "lines": [{"item": "V15", "quantity": "10"}]})
    await quiet(shop, factory)

    offer = asyncio.create_task(run(factory, "quote", {"thread": asked.thread}))
    await gate.reached.wait()
    await run(shop, "decline", {"thread": asked.thread, "reason": "too late"})

    async def declined():
        return (await factory.state(asked.thread)).phase.value == "declined"

    await until(declined)
    await asyncio.sleep(0.3)  # what can be let go now is
    gate.open.set()
    with contextlib.suppress(WeftError):
        await offer
    await quiet(shop, factory)
    held = levels.reservations_of(await factory.book_state("stock"), asked.thread)
    kept = (await factory.book_state("production")).reservations
    assert (not held and not kept) == one_at_a_time
    await shop.stop()
    await factory.stop()
