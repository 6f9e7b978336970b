"""A question that costs much costs who asks it: others have their turn, and it goes on where it ended."""

import random

import pytest

from tests.stores.twins.making import encoded, opened, prop, run, submodel, turns, walked
from weft.engine.twins.ports import Change, Where
from weft.stores.twins import paging
from weft.twin.query import parse

DEAR = "[^z].{200}zzz"  # hundreds of ways through the pattern go on at once
COUNT = 40


def wanted(pattern):
    sides = [{"$field": "$sme#value"}, {"$strVal": pattern}]
    return Where(condition=parse({"$condition": {"$regex": sides}}).condition)


async def filled():
    """Texts of which none is like another, so that nothing is learnt from one for the next."""
    store, chance = opened(), random.Random(7)

    def text(at):
        return "".join(chance.choices("abcdefgh", k=400)) + ("!" if at % 3 == 0 else "")

    await store.commit([Change("submodel", f"urn:{at:03}", encoded(submodel(
        f"urn:{at:03}", *(prop(f"P{n}", text(at), "xs:string") for n in range(4))))) for at in range(COUNT)])
    return store


async def asked(store):
    """How often others had their turn while a dear question was answered."""
    rows, told = await turns(store.page("submodel", "", COUNT, wanted(DEAR)), 0.0)
    assert list(rows) == []
    return told


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_pages_that_end_early_leave_nothing_out_and_tell_nothing_twice(monkeypatch, limit):
    async def story():
        store = await filled()
        whole, cut = await walked(store, wanted(".*!"), limit)
        assert (whole, cut) == ([f"urn:{at:03}" for at in range(0, COUNT, 3)], 0)
        monkeypatch.setattr(paging, "SPENT_S", 0.0)
        assert (await walked(store, wanted(".*!"), limit))[0] == whole
        assert (await walked(store, wanted(".*!"), limit))[1] > 0
        await store.close()

    run(story())


def test_others_have_their_turn_while_a_dear_question_is_answered():
    async def story():
        store = await filled()
        assert await asked(store) > 20
        await store.close()

    run(story())


def test_control_of_a_question_that_keeps_the_turn_to_itself(monkeypatch):
    async def at_once(done, *given):
        return done(*given)

    async def story():
        store = await filled()
        monkeypatch.setattr(paging.asyncio, "to_thread", at_once)
        assert await asked(store) < 10
        await store.close()

    run(story())
