"""Whichever commit of the seller was its last: every document is committed and shown once, and the log is one.

``crash_world`` checks the laws of price logs (``laws.py``) in every run; here are the crashes while a batch is made,
and controls that must be found out.
"""

import random

import pytest

from tests.engine import crash_world
from tests.engine.pricelog import laws
from tests.engine.test_crash_reactions import commits, told, undisturbed
from weft.basis.canonical import unb64
from weft.basis.errors import WeftError
from weft.engine.ports import Batch
from weft.engine.pricelog import batches, log, showing
from weft.pricing import commitment, leaf

SAMPLE = 4


def last_commits(count, seed):
    """Commits of the factory in the last part of the story, where most is committed and shown."""
    end = commits(undisturbed()[1], "Factory")
    return random.Random(seed).sample(range(end * 3 // 5, end + 1), count)


def test_undisturbed_all_documents_of_all_sellers_are_bound_and_shown():
    result, _ = undisturbed()
    assert result["Shop prices"] == {}
    assert result["Factory prices"] == {"BookLeaf": 1, "shown": 1, "documents": 6}
    assert result["Turner prices"] == {"BookLeaf": 1, "shown": 1, "documents": 4}


@pytest.mark.parametrize("last", range(SAMPLE))
def test_a_crash_while_prices_are_bound_and_shown_changes_nothing(last):
    commit = last_commits(SAMPLE, "bound")[last]
    assert told({"Factory": [commit, commit + 2]})[0] == undisturbed()[0], commit


STEPS = []  # commits of the factory after which a careless function was half done


def found_out():
    """The first of ``STEPS`` whose crash is noticed; 0: none."""
    steps = sorted({commit + near for commit in STEPS for near in (-1, 0)})
    for commit in steps:
        try:
            told({"Factory": [commit]})
        except (AssertionError, WeftError, crash_world.Broken):
            return commit
    return 0


def half_done(node):
    """Note where a careless function is now, in the first run."""
    if node.config.firm.name == "Factory" and not node.store.last:
        STEPS.append(node.store.count[0])


@pytest.fixture(autouse=True)
def _no_steps():
    STEPS.clear()


async def _tell_by_chance(node, name, partner, row):
    """Shows openings under a key of its own each time, as a hasty programmer would."""
    batch, thread = int(name.partition(":")[0]), node.partner(partner)
    entry, proof = (await log.entry(node.store, batch)).decode(), await showing.proof_of(node.store, batch)
    openings = tuple([await showing._opening(node.store, one) for one in row.documents])
    await node.speak(thread, showing.PricesCommitted(leaf=entry, proof=proof, openings=openings))
    half_done(node)
    await node.store.commit(Batch(values=[(batches.UNTOLD, name, None)]))


def test_control_openings_that_are_shown_without_a_key_are_found_out(monkeypatch):
    monkeypatch.setattr(showing, "_tell", _tell_by_chance)
    assert told()[0]["Factory prices"]["documents"] == 6, "without a crash nobody would notice"
    assert found_out()


async def _make_in_two_steps(node):
    """Strikes what waits in one transaction, and appends the leaf in another."""
    rows = [(name, batches.msgspec.msgpack.decode(data, type=batches.Waiting))
            for name, data in await node.store.values(batches.PENDING)]
    salted = [(node.random(32), unb64(name, 32)) for name, _ in rows]
    made = commitment.batch([*(commitment.commit(*one) for one in salted),
                             *(node.random(32) for _ in range(64 - len(rows)))], node.random)
    head = await log.head(node.store)
    index = head.size if head else 0
    kept = [batches.Kept(one.partner, index, opening)
            for (_, one), opening in zip(rows, commitment.openings(made, salted), strict=True)]
    await node.store.commit(Batch(values=[*batches._moved(kept), *batches._untold(kept, node.clock.now_ms())]))
    half_done(node)
    entry = leaf.encode(leaf.BatchLeaf(root=made.root, n=64, at="2026-03-01T00:00:00.000Z"))
    async with node.lock(log.LOCK):
        return await log.append(node, [entry], lambda _: [
            (log.STATE, batches.BATCHED, str(batches._interval(node)).encode())])


def test_control_a_batch_that_is_made_in_two_steps_is_found_out(monkeypatch):
    monkeypatch.setattr(batches, "make", _make_in_two_steps)
    assert told()[0]["Factory prices"]["documents"] == 6, "without a crash nobody would notice"
    assert found_out()


async def test_the_laws_see_a_document_that_was_forgotten():
    from tests.engine.dealing import dealt

    async with dealt() as (_, factory, _thread):
        with pytest.raises(AssertionError, match="missing"):
            await laws.check(factory)
