"""Who is cancelled while the store writes: memory still follows the store, whichever way that went."""

import asyncio
from dataclasses import dataclass

import pytest

from tests.engine.home import founded
from weft.basis.canonical import b64
from weft.basis.errors import Unavailable
from weft.engine import handle
from weft.engine.clock import SystemClock, system_random
from weft.engine.memory import BY_ITSELF, Memory, machine_named
from weft.engine.ports import StoreConflict
from weft.engine.receive import key_log_of
from weft.stores.memory import MemoryStore
from weft.trade.messages import Party, PartyUpdated, RelationshipProposed
from weft.trade.say import Say

OTHER = b64(bytes(31) + b"o")


@dataclass
class Told:
    name: str = "told"
    final: bool = False
    who: str = "any"
    undo: object = None


@pytest.fixture
async def memory():
    store = MemoryStore()
    identity = await founded(store)
    kept = Memory(identity, store, SystemClock(), system_random, {("relationship", "PartyUpdated"): [Told()]})
    await kept.start()
    return kept


async def relationship(memory):
    keys = await key_log_of(memory, memory.organisation)
    said = RelationshipProposed(party=Party(name="Firm"), key_log=keys)
    members = {memory.organisation: "invitee", OTHER: "inviter"}
    return await handle.open_thread(memory, machine_named("relationship"), members, said)


def update(memory, turn):
    party = Party(name="Firm", address=f"Hall {turn}")
    return [Say(role="invitee", by=memory.organisation, message=PartyUpdated(party=party))]


async def cancelled_while_it_is_written(memory, thread, turn):
    task = asyncio.ensure_future(handle.say(memory, thread, update(memory, turn)))
    while not memory.store._group._waiting:  # noqa: ASYNC110 - the very moment is wanted
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_word_that_was_stored_is_known_though_its_speaker_was_cancelled(memory):
    thread = await relationship(memory)
    await cancelled_while_it_is_written(memory, thread, 1)
    stored = await memory.store.thread(thread)
    loaded = await memory.loaded(thread)
    assert (loaded.position, loaded.heads) == (stored.length, stored.heads) == (2, loaded.heads)
    assert loaded.state.parties[memory.organisation].address == "Hall 1"
    assert len(loaded.entries) == len(loaded.order) == 2


async def test_the_next_word_after_it_meets_no_conflict(memory):
    thread = await relationship(memory)
    await cancelled_while_it_is_written(memory, thread, 1)
    (said,) = await handle.say(memory, thread, update(memory, 2))
    assert (await memory.loaded(thread)).heads == (said,)


async def test_what_follows_from_it_is_drawn_without_a_restart(memory):
    thread = await relationship(memory)
    await cancelled_while_it_is_written(memory, thread, 1)
    assert [(row.thread, row.reaction) for row in memory.effects] == [(thread, "told")]
    assert list(await memory.store.effects()) == memory.effects


async def test_a_word_that_power_took_is_not_known(memory):
    thread = await relationship(memory)
    before = (await memory.loaded(thread)).heads
    task = asyncio.ensure_future(handle.say(memory, thread, update(memory, 1)))
    while not memory.store._group._waiting:  # noqa: ASYNC110 - the very moment is wanted
        await asyncio.sleep(0)
    memory.store.crash()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (await memory.loaded(thread)).heads == before == (await memory.store.thread(thread)).heads
    assert not memory.effects


async def test_a_conflict_still_makes_memory_read_the_store_again(memory):
    thread = await relationship(memory)
    held = await memory.loaded(thread)
    await handle.say(memory, thread, update(memory, 1))
    memory._loaded[thread] = held
    with pytest.raises(StoreConflict):
        await handle.say(memory, thread, update(memory, 2))
    await handle.say(memory, thread, update(memory, 2))
    assert (await memory.loaded(thread)).position == 3


@pytest.mark.parametrize("liar", ["key log", "relationship"])
async def test_nothing_new_begins_by_itself_with_who_lied(memory, liar):
    thread = await relationship(memory)
    memory.partners[OTHER] = thread
    memory.alarm(OTHER if liar == "key log" else thread, "fork")
    token = BY_ITSELF.set(True)
    with pytest.raises(Unavailable, match=r"thread\.stopped"):
        await relationship(memory)
    BY_ITSELF.reset(token)
    assert await relationship(memory)  # a person may


async def test_an_alarm_about_somebody_else_stops_no_beginning(memory):
    memory.alarm(b64(bytes(31) + b"x"), "fork")
    token = BY_ITSELF.set(True)
    assert await relationship(memory)
    BY_ITSELF.reset(token)
