"""One bad thread, name or moment never stops the rest: what others send, and a disk that is full for a while."""

import asyncio

import pytest

from tests.engine.world import AUTO, Wires, befriend, found, quiet, until
from weft.basis.errors import NotFound, Unavailable
from weft.config import Rules
from weft.engine import handle, receive, sync
from weft.engine.effects import Effects
from weft.thread.event import to_envelope
from weft.trade.messages import OrderCancellation, RequestForQuotation, RequestLine

ASK = Rules()


def request(number):
    line = RequestLine(line="1", item="x", quantity="1", unit="C62")
    return RequestForQuotation(number=number, currency="CNY", lines=(line,))


async def two(theirs=ASK):
    wires = Wires()
    one, other = await found(wires, "One", rules=ASK), await found(wires, "Other", rules=theirs)
    await befriend(one, other)
    await quiet(one, other)
    return wires, one, other


async def ask(one, other, number):
    return await one.open("order", {one.organisation: "buyer", other.organisation: "seller"}, request(number))


async def test_a_name_that_is_no_thread_locks_nothing():
    _, one, other = await two()
    thread = other.partner(one.organisation)
    rows = (await other.store.events(thread))[:1]
    (genesis,) = await other.with_payloads(thread, rows)
    asked = sync.SyncRequest(thread="invitation", heads=[], events=[to_envelope(genesis)])
    with pytest.raises(NotFound):
        await asyncio.wait_for(sync.answer(other, one.organisation, asked), 2)
    new = await ask(one, other, "R")

    async def there():
        return await other.find(new)

    await until(there)
    await one.stop()
    await other.stop()


async def said_twice(one, other, thread):
    """A device rolled back: what its former life said is at the other, its present life says something else there."""
    loaded = await one.loaded(thread)
    words = []
    for reason in ("former", "present"):
        event = handle._event(one, loaded, loaded.machine, OrderCancellation(reason=reason))
        words.append(handle._signed(one.identity.signer, loaded.machine, [event]))
    await receive.receive(other, one.organisation, thread, words[0])
    after = loaded.extended([handle.entry_of(words[1][0], loaded.machine)])
    await handle.commit(one, after, words[1], handle.Batch(lengths={thread: loaded.position}))


async def test_a_thread_that_is_forked_starves_no_other_and_does_not_race():
    wires, one, other = await two()
    poisoned = await ask(one, other, "R1")
    await quiet(one, other)
    wires.cut.add(frozenset((one.organisation, other.organisation)))
    await said_twice(one, other, poisoned)
    later = await ask(one, other, "R2")
    wires.cut.clear()

    async def there():
        return await other.find(later)

    await until(there)
    wires.requests = 0
    await asyncio.sleep(1)
    assert wires.requests < 100  # each side tries now and then; without backoff it was a thousand a second
    await one.stop()
    await other.stop()


async def test_a_disk_that_is_full_for_a_while_stops_no_consequence_for_good(monkeypatch):
    _, one, other = await two(AUTO)
    real, full = other.store.commit, []

    async def commit(batch):
        if full:
            raise Unavailable("store.unavailable", reason="full")
        return await real(batch)

    cause = Effects._cause

    async def when_it_runs(self, row, *, undo):
        if self.node is other and not full:
            full.append(True)
        return await cause(self, row, undo=undo)

    monkeypatch.setattr(other.store, "commit", commit)
    monkeypatch.setattr(Effects, "_cause", when_it_runs)
    thread = await ask(one, other, "R1")
    await until(lambda: full)
    await asyncio.sleep(0.2)
    monkeypatch.setattr(Effects, "_cause", cause)
    full.clear()

    async def drawn():  # nobody sells x here, so the consequence ends as a task for the owner
        return any(thread in name for name, _ in await other.store.values("trouble"))

    await until(drawn, 15)
    await one.stop()
    await other.stop()
