"""A fault of ours that nobody foresaw ends no worker of the node, and makes none run hot.

Controls: the worker without its keeper stays ended; a delivery that fails is tried again, and not a hundred times.
"""

import asyncio
from dataclasses import replace

import pytest

from tests.engine.test_keyring import two
from tests.engine.world import quiet, until
from weft.engine.effects import UNDO
from weft.engine.node import Node
from weft.engine.outbox import Outbox
from weft.engine.ports import EffectRow, StoreConflict
from weft.trade.messages import Party, PartyUpdated, RequestForQuotation, RequestLine

LINE = RequestLine(line="1", item="BV-15", quantity="3", unit="C62")


class Fault(Exception):
    """What nobody foresaw."""


async def request(shop, factory):
    return await shop.open("order", {shop.organisation: "buyer", factory.organisation: "seller"},
                           RequestForQuotation(number="R-1", currency="CNY", lines=(LINE,)))


@pytest.mark.parametrize("kept", [True, False])
async def test_a_worker_that_failed_begins_again(monkeypatch, kept):
    calls = []

    async def run(outbox):
        calls.append(outbox.memory.organisation)
        if len(calls) <= 2:
            raise Fault
        await source(outbox)

    source = Outbox.run
    if not kept:
        async def bare(_node, work):
            await work()

        monkeypatch.setattr(Node, "_kept", bare)
    monkeypatch.setattr(Outbox, "run", run)
    monkeypatch.setattr("weft.engine.node.AGAIN_S_MAX", 0.01)
    if not kept:
        with pytest.raises((TimeoutError, AssertionError)):
            async with asyncio.timeout(2):
                await two()
        return
    _, shop, factory = await two()
    assert len(calls) == 4, "both failed once and go on"
    await shop.stop()
    await factory.stop()


async def test_a_delivery_that_fails_by_a_fault_of_ours_waits_like_any_other(monkeypatch):
    _, shop, factory = await two()
    tries, sync = [], Outbox.sync

    async def failing(outbox, peer, thread):
        if outbox is shop.outbox:
            tries.append(thread)
            raise Fault
        await sync(outbox, peer, thread)

    monkeypatch.setattr(Outbox, "sync", failing)
    shop.outbox.retry_ms = (200, 400)
    await shop.speak(shop.partner(factory.organisation), PartyUpdated(
        party=Party(name="New", lang="en", url="http://127.0.0.1:1")))
    await asyncio.sleep(0.5)
    assert 1 <= len(tries) <= 6, "and never hot"
    monkeypatch.undo()
    await quiet(shop, factory)
    assert (await factory.state(shop.partner(factory.organisation))).parties[shop.organisation].name == "New"
    await shop.stop()
    await factory.stop()


@pytest.mark.parametrize("void", [False, True])
async def test_what_counts_again_before_it_was_undone_is_not_undone(void):
    _, shop, factory = await two()
    thread = await request(shop, factory)
    await quiet(shop, factory)
    loaded, undone = await factory.loaded(thread), []

    async def undo(_node, cause):
        undone.append(cause.id)

    name = "answer-request"
    factory.work.by_name[name] = replace(factory.work.by_name[name], undo=undo)
    if void:  # the control
        loaded.void[thread_begin(loaded)] = "event.revoked-device"
    await factory.work._draw(EffectRow(thread, thread_begin(loaded), UNDO + name, final=False))
    assert bool(undone) is void
    await shop.stop()
    await factory.stop()


def thread_begin(loaded):
    return next(iter(loaded.entries))


async def test_what_the_store_could_not_take_beside_another_is_drawn_later_and_not_struck():
    _, shop, factory = await two()
    name, tries = "answer-request", []

    async def run(_node, cause):
        tries.append(cause.id)
        if len(tries) == 1:
            raise StoreConflict

    factory.work.by_name[name] = replace(factory.work.by_name[name], run=run)
    await request(shop, factory)
    await until(lambda: len(tries) == 2)
    await quiet(shop, factory)
    assert not await factory.store.values("trouble")
    await shop.stop()
    await factory.stop()


async def test_a_thread_that_grows_while_it_is_read_and_is_let_go_at_once_is_not_held_as_it_was(monkeypatch):
    _, shop, factory = await two()
    thread, load = shop.partner(factory.organisation), type(shop)._load

    async def slow(memory, row, **more):
        loaded = await load(memory, row, **more)
        if row.thread == thread and not grown:
            grown.append(row)
            await shop.speak(thread, PartyUpdated(party=Party(name="New", lang="en", url="http://127.0.0.1:1")))
            shop.forget(thread)
        return loaded

    grown = []
    monkeypatch.setattr(type(shop), "_load", slow)
    shop.forget(thread)
    assert (await shop.state(thread)).parties[shop.organisation].name == "New"
    assert grown
    await shop.stop()
    await factory.stop()
