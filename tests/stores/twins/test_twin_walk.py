"""A walk through many shells while a writer inserts and deletes: each that nobody touched is met exactly once."""

import random
import time

import pytest

from tests.stores.twins.making import encoded, opened, run, shell
from weft.engine.twins.ports import Change

COUNT = "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < ? - 1)"


def laid_down(path, count):
    """A store of ``count`` shells, whose ids are even numbers."""
    store = opened(path)
    body = encoded(shell("urn:%08d")).decode()
    with store._connection:
        store._connection.execute(
            f"INSERT INTO twins (kind, id, revision, at, body) {COUNT} SELECT 1, printf('urn:%08d', 2 * n), 1, '',"
            " CAST(printf(?, 2 * n, 2 * n) AS BLOB) FROM c", (count, body))
    return store


async def walked(store, count, luck, limit, by_number=False):
    """(what was met how often, what was touched, the slowest page in seconds)."""
    met, touched, after, slowest, place = {}, set(), "", 0.0, 0
    while True:
        begun = time.perf_counter()
        if by_number:
            rows = store.asked("SELECT id FROM twins WHERE kind = 1 ORDER BY id LIMIT ? OFFSET ?", limit, place)
            names, place = [name for (name,) in rows], place + len(rows)
        else:
            names = [row.id for row in await store.page("shell", after, limit)]
        slowest = max(slowest, time.perf_counter() - begun)
        if not names:
            return met, touched, slowest
        for name in names:
            met[name] = met.get(name, 0) + 1
        after = names[-1]
        gone = {f"urn:{2 * luck.randrange(count):08}" for _ in range(3)}
        new = {f"urn:{2 * luck.randrange(count) + 1:08}" for _ in range(3)}
        touched |= gone | new
        await store.commit([*(Change("shell", name, None) for name in gone),
                            *(Change("shell", name, encoded(shell(name))) for name in new)])


def wrong(met, touched, count):
    """How many untouched ones were not met exactly once."""
    return sum(met.get(name, 0) != 1 for n in range(count) if (name := f"urn:{2 * n:08}") not in touched)


@pytest.mark.parametrize(("count", "limit"), [(1_000, 7), pytest.param(1_000_000, 1_000, marks=pytest.mark.release)])
def test_each_that_nobody_touched_is_met_once(count, limit, tmp_path):
    async def story():
        store = laid_down(str(tmp_path / "twins.db"), count)
        met, touched, slowest = await walked(store, count, random.Random(count), limit)
        assert wrong(met, touched, count) == 0
        assert max(met.values()) == 1
        assert len(touched) > 500
        assert slowest < 1.0
        await store.close()

    run(story())


def test_control_pages_by_number_miss_or_repeat_some(tmp_path):
    async def story():
        store = laid_down(str(tmp_path / "twins.db"), 1_000)
        met, touched, _ = await walked(store, 1_000, random.Random(1), 7, by_number=True)
        await store.close()
        return wrong(met, touched, 1_000)

    assert run(story()) > 0
