"""Orders that are over: noted once, read no more, and read again when something was said or a device was revoked."""

from dataclasses import replace

import msgspec

from tests.engine.dealing import dealt, ordered
from weft.basis.errors import Unavailable
from weft.engine.ended import ENDED, EndedOrders
from weft.engine.ports import Batch
from weft.engine.views import VIEWS, deals
from weft.trade.order_state import Phase


class Read:
    """Which threads were read from the store."""

    def __init__(self, node, monkeypatch):
        self.threads, load = [], node._load

        async def counted(row, *, whole=False):
            self.threads.append(row.thread)
            return await load(row, whole=whole)

        monkeypatch.setattr(type(node), "_load", lambda _, row, *, whole=False: counted(row, whole=whole))
        self.node = node

    async def by(self, view, **params):
        """Orders read for ``view`` when memory holds nothing of them."""
        for thread in self.node.threads("order"):
            self.node.forget(thread)
        self.threads.clear()
        await VIEWS[view](self.node, **params)
        return sorted({one for one in self.threads if one in self.node.threads("order")})


async def test_lists_read_no_order_that_is_over_and_show_it_all_the_same(monkeypatch):
    async with dealt() as (shop, factory, first):
        second = await ordered(shop, factory, "2")
        read = Read(factory, monkeypatch)
        for view in ("stock", "partners"):
            assert set(await read.by(view)) <= {first, second}
        board = await VIEWS["orders"](factory)
        assert {card.thread for card in board.columns[-1].cards} == {first, second} and board.total == 2
        assert [row.orders for row in (await VIEWS["partners"](factory)).partners] == [2]
        monkeypatch.setattr("weft.engine.views.orders.DONE_SHOWN", 1)
        monkeypatch.setattr("weft.engine.views.today.ARRIVED_MS", 0)
        assert len(await read.by("orders")) == 1  # the one that is shown
        for view in ("stock", "partners", "today"):
            assert await read.by(view) == [], view
        factory.ended = EndedOrders()  # a node that has just started knows it, too
        assert await read.by("today") == []
        await factory.store.commit(Batch(values=[(ENDED, one, None) for one in (first, second)]))
        factory.ended = EndedOrders()
        assert await read.by("today") == sorted([first, second])  # the control: nothing was noted


async def test_one_word_more_or_a_revoked_device_and_the_order_is_read_again(monkeypatch):
    async with dealt() as (_, factory, thread):
        await VIEWS["orders"](factory)
        known = await factory.ended.known(factory)
        assert set(known) == {thread} and known[thread].came
        factory.lengths[thread] += 1
        assert await factory.ended.known(factory) == {}
        factory.lengths[thread] -= 1
        assert set(await factory.ended.known(factory)) == {thread}
        keys = factory.keyring[known[thread].partner]
        factory.keyring[known[thread].partner] = msgspec.structs.replace(keys, event="another")
        assert await factory.ended.known(factory) == {}


async def test_where_nothing_can_be_written_lists_are_shown_all_the_same(monkeypatch):
    async with dealt() as (_, factory, thread):
        async def full(_batch):
            raise Unavailable("store.full")

        monkeypatch.setattr(factory.store, "commit", full)
        assert [card.thread for card in (await VIEWS["orders"](factory)).columns[-1].cards] == [thread]


async def test_of_an_order_in_which_something_was_said_while_it_was_read_no_note_is_made():
    async with dealt() as (_, factory, thread):
        held = await deals.deal(factory, thread)
        assert await deals._ended(factory, held) is not None  # the control
        changed = msgspec.structs.replace(held.state, changes={})
        moved = replace(held, state=msgspec.structs.replace(changed, phase=Phase.CONFIRMED))
        assert await deals._ended(factory, moved) is None
