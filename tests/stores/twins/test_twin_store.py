"""Written twins: what stands, what stood, what changed, all in one commit or none, page by page."""

import asyncio
import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores.twins.making import Hands, encoded, opened, prop, put, run, shell, submodel
from weft.basis.errors import Refused
from weft.engine.twins.ports import KINDS, Change, Where
from weft.stores.statements import queries
from weft.stores.twins import store as engine
from weft.stores.twins.applying import Kept
from weft.stores.twins.revisions import WHOLE_EVERY, piece, whole

IDS = ("urn:a", "urn:b", "urn:é", "urn:中")


def test_the_bytes_that_were_given_are_the_bytes_that_are_read():
    async def story():
        store = opened()
        body = b'{"id":"urn:a","modelType":"Submodel","submodelElements":[{"value":"0.000"}]}'
        [row] = await store.commit([Change("submodel", "urn:a", body, expected=0)])
        assert (row.revision, row.body) == (1, body)
        assert await store.get("submodel", "urn:a") == row
        assert await store.get("shell", "urn:a") is None
        await store.close()

    run(story())


def test_who_expects_another_revision_is_refused_and_nothing_of_the_commit_is_stored():
    async def story():
        store = opened()
        await store.commit([put("submodel", submodel("urn:a"))])
        for expected in (0, 2):
            with pytest.raises(Refused) as caught:
                await store.commit([put("shell", shell("urn:s")),
                                    put("submodel", submodel("urn:a", prop("P", "1")), expected=expected)])
            assert caught.value.code == "twin.changed"
        assert await store.get("shell", "urn:s") is None
        assert (await store.get("submodel", "urn:a")).revision == 1
        assert (await store.feed_ends())[1] == 1
        await store.close()

    run(story())


def test_of_many_who_saw_the_same_revision_one_is_heard():
    async def story():
        store = opened()
        await store.commit([put("submodel", submodel("urn:a"))])
        told = await asyncio.gather(
            *(store.commit([put("submodel", submodel("urn:a", prop("P", str(n))), expected=1)]) for n in range(9)),
            store.commit([put("submodel", submodel("urn:b"))]), return_exceptions=True)
        assert sum(not isinstance(one, Exception) for one in told[:9]) == 1
        assert told[9][0].revision == 1, "a neighbour in the group is stored all the same"
        await store.close()

    run(story())


@pytest.mark.parametrize("error", [KeyError("assetInformation"), RecursionError(), Refused("x"), ZeroDivisionError()])
def test_an_edit_that_breaks_stops_nobody_else(error):
    def breaking(_row):
        raise error

    async def story():
        store = opened()
        await store.commit([put("submodel", submodel("urn:a"))])
        told = await asyncio.gather(
            store.commit([put("submodel", submodel("urn:b"))]),
            store.commit([put("submodel", submodel("urn:c")), Change("submodel", "urn:a", edit=breaking)]),
            store.commit([put("submodel", submodel("urn:d"))]), return_exceptions=True)
        assert told[1] is error
        assert [row.id for row in await store.page("submodel", "", 9)] == ["urn:a", "urn:b", "urn:d"]
        await store.commit([put("submodel", submodel("urn:e"))])
        assert await store.trouble() is None
        await store.close()

    run(story())


def test_the_same_again_is_no_news():
    async def story():
        store = opened()
        first = await store.commit([put("submodel", submodel("urn:a"))])
        assert await store.commit([put("submodel", submodel("urn:a"))]) == first
        assert await store.commit([Change("submodel", "urn:z", None)]) == [None]
        assert len(await store.feed(0, 9)) == 1
        await store.close()

    run(story())


def test_revisions_go_on_when_a_twin_is_deleted_and_made_again():
    async def story():
        store = opened()
        first, again = encoded(submodel("urn:a")), encoded(submodel("urn:a", prop("P", "1")))
        for body in (first, None, again):
            await store.commit([Change("submodel", "urn:a", body)])
        assert (await store.get("submodel", "urn:a")).revision == 3
        past = await store.history("submodel", "urn:a", 0, 9)
        assert [(row.revision, row.body) for row in past] == [(3, again), (2, b""), (1, first)]
        assert [one.type for one in await store.feed(0, 9)] == ["created", "deleted", "created"]
        await store.commit([Change("submodel", "urn:a", None)])
        assert (await store.at("submodel", "urn:a", past[0].at)).body == again
        assert await store.at("submodel", "urn:a", past[1].at) is None
        assert await store.at("submodel", "urn:a", "2001-01-01T00:00:00.000Z") is None
        await store.close()

    run(story())


def test_as_many_revisions_are_kept_as_are_wanted():
    async def story(kept):
        store = opened(kept=Kept(revisions=kept))
        for n in range(3 * WHOLE_EVERY):
            await store.commit([put("submodel", submodel("urn:a", prop("P", str(n))))])
        past = await store.history("submodel", "urn:a", 0, 1_000)
        assert [row.revision for row in past] == list(range(3 * WHOLE_EVERY, 3 * WHOLE_EVERY - kept - 1, -1))
        assert all(row.body == encoded(submodel("urn:a", prop("P", str(row.revision - 1)))) for row in past)
        assert [row.revision for row in await store.history("submodel", "urn:a", past[0].revision - 1, 2)] == [
            row.revision for row in past[2:4]]
        await store.close()

    for kept in (0, 5, 2 * WHOLE_EVERY):
        run(story(kept))


def test_the_feed_forgets_its_oldest_entries_and_says_so(monkeypatch):
    monkeypatch.setattr("weft.stores.twins.applying.PRUNED_EVERY", 10)

    async def story():
        store = opened(kept=Kept(changes=25))
        for n in range(40):
            await store.commit([put("submodel", submodel("urn:a", prop("P", str(n))), type="valueChanged", path="P")])
        assert await store.feed_ends() == (16, 40)
        assert [one.number for one in await store.feed(38, 9)] == [39, 40]
        last = (await store.feed(39, 1))[0]
        assert (last.type, last.path, last.revision) == ("valueChanged", "P", 40)
        await store.close()

    run(story())


def test_who_waits_for_news_is_told_at_once():
    async def story():
        store = opened()
        waiting = [asyncio.ensure_future(store.news(after)) for after in (0, 0, 1)]
        await asyncio.sleep(0)
        await store.commit([put("submodel", submodel("urn:a"))])
        await asyncio.wait(waiting[:2], timeout=5)
        assert [one.done() for one in waiting] == [True, True, False]
        await store.commit([put("submodel", submodel("urn:a"))])
        await asyncio.sleep(0.01)
        assert not waiting[2].done(), "the same again is no news"
        await store.commit([put("submodel", submodel("urn:b"))])
        await asyncio.wait_for(waiting[2], 5)
        await store.close()

    run(story())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(1, 3 * WHOLE_EVERY))
def test_a_former_body_comes_back_from_what_is_kept_of_it(body, following, revision):
    assert whole(piece(revision, body, following), following) == body


CHANGES = st.lists(st.lists(st.tuples(
    st.sampled_from(("shell", "submodel")), st.sampled_from(IDS), st.one_of(st.none(), st.integers(0, 3)),
    st.sampled_from((None, None, 0, 1, 2))), min_size=1, max_size=4), max_size=14)


@settings(max_examples=60, deadline=None)
@given(commits=CHANGES, together=st.booleans())
def test_what_is_read_is_what_was_written(commits, together):
    """Against a model: a dict of revisions. ``together``: all commits in one group."""
    async def story():
        store = opened()
        made = [[Change(kind, name, None if value is None else encoded({"id": name, "v": value}), expected)
                 for kind, name, value, expected in commit] for commit in commits]
        if together:
            outcomes = await asyncio.gather(*(store.commit(one) for one in made), return_exceptions=True)
        else:
            outcomes = [(await asyncio.gather(store.commit(one), return_exceptions=True))[0] for one in made]
        model = {}
        for changes, outcome in zip(made, outcomes, strict=True):
            after = applied(model, changes)
            assert (after is None) == isinstance(outcome, Refused), outcome
            model = model if after is None else after
        await agree(store, model)
        assert await store.check() == "ok"
        await store.close()

    run(story())


def applied(model, changes):
    """(kind, id) -> bodies by revision; None when a change expects another revision."""
    after = {key: list(bodies) for key, bodies in model.items()}
    for change in changes:
        bodies = after.setdefault((change.kind, change.id), [])
        stands = len(bodies) if bodies and bodies[-1] is not None else 0
        if change.expected is not None and change.expected != stands:
            return None
        if (bodies[-1] if bodies else None) != change.body:
            bodies.append(change.body)
    return after


async def agree(store, model):
    for (kind, name), bodies in model.items():
        row = await store.get(kind, name)
        stands = bodies and bodies[-1] is not None
        assert (row is not None) == bool(stands)
        past = await store.history(kind, name, 0, 99)
        assert [(one.revision, one.body) for one in past] == [
            (place, body or b"") for place, body in reversed(list(enumerate(bodies, 1)))]
    for kind in KINDS:
        there = sorted(name for (held, name), bodies in model.items() if held == kind and bodies and bodies[-1])
        assert [row.id for row in await store.page(kind, "", 99)] == there
        assert await store.count(kind) == len(there)
    told = await store.feed(0, 999)
    assert sorted((one.kind, one.id, one.revision) for one in told) == sorted(
        (kind, name, revision) for (kind, name), bodies in model.items() for revision in range(1, len(bodies) + 1))


def test_pages_are_in_order_of_bytes_and_go_on_behind_an_id():
    async def story():
        store = opened()
        names = [f"urn:{letter}{n}" for letter, n in itertools.product("aZ_é中", range(30))]
        await store.commit([put("submodel", submodel(name)) for name in names])
        await store.commit([put("shell", shell(name)) for name in names])
        found, after = [], ""
        while rows := await store.page("submodel", after, 7):
            found += [row.id for row in rows]
            after = found[-1]
        assert found == sorted(names, key=lambda name: name.encode())
        await store.close()

    run(story())


def test_a_twin_is_found_by_name_asset_and_meaning_and_by_all_of_them():
    async def story():
        store = opened()
        for n in range(40):
            await store.commit([
                put("shell", shell(f"urn:s{n:02}", serial=str(n % 4), site="BA"[n % 2])),
                put("submodel", submodel(f"urn:m{n:02}", term=f"urn:t{n % 5}", id_short=("Even", "Odd")[n % 2]))])

        async def ids(kind, **where):
            rows = await store.page(kind, "", 99, Where(**where))
            assert rows == [*await store.page(kind, "", 2, Where(**where)), *(
                await store.page(kind, rows[1].id, 99, Where(**where)) if len(rows) > 1 else [])]
            return [int(row.id[-2:]) for row in rows]

        assert await ids("shell", assets=(("serial", "1"),)) == list(range(1, 40, 4))
        assert await ids("shell", assets=(("serial", "1"), ("site", "A"))) == list(range(1, 40, 4))
        assert await ids("shell", assets=(("serial", "1"), ("site", "B"))) == []
        assert await ids("shell", assets=(("globalAssetId", "urn:s07:asset"),), id_short="Pump") == [7]
        assert await ids("shell", asset_kind="Type") == []
        assert len(await ids("shell", asset_kind="Instance", id_short="Pump")) == 40
        assert await ids("submodel", semantic="urn:t3", id_short="Even") == [8, 18, 28, 38]
        assert await ids("submodel", id_short="Pump") == []
        await store.close()

    run(story())


def many(count, value="1"):
    return [put("submodel", submodel(f"urn:{n:05}", *(prop(f"P{k}", value) for k in range(10)))) for n in range(count)]


def test_a_commit_of_many_lets_others_read_and_is_all_or_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("weft.stores.twins.store.TURN_S", 0.0)

    async def story():
        store = opened(str(tmp_path / "twins.db"))
        await store.commit(many(5, "0"))
        long = asyncio.ensure_future(store.commit(many(300)))
        other, looks, seen = None, 0, set()
        while not long.done():
            seen.add((await store.count("submodel"), (await store.get("submodel", "urn:00003")).revision))
            looks += 1
            if looks == 3:
                other = asyncio.ensure_future(store.commit([put("shell", shell("urn:s"))]))
            await asyncio.sleep(0)
        assert looks > 100, "it took turns"
        assert (5, 1) in seen and seen <= {(5, 1), (5, 2), (300, 2)}, "what is not committed is not read"
        assert [row.revision for row in await long] == [2] * 5 + [1] * 295
        assert (await other)[0].revision == 1
        assert await store.count("submodel") == 300
        with pytest.raises(Refused):
            await store.commit([*many(200, "2"), put("shell", shell("urn:s", asset="x"), expected=7)])
        assert b'"value":"1"' in (await store.get("submodel", "urn:00150")).body
        cancelled = asyncio.ensure_future(store.commit(many(300, "3")))
        await asyncio.sleep(0.02)
        cancelled.cancel()
        assert isinstance((await asyncio.gather(cancelled, return_exceptions=True))[0], asyncio.CancelledError)
        assert b'"value":"1"' in (await store.get("submodel", "urn:00000")).body
        await store.commit([put("shell", shell("urn:s", asset="y"))])
        assert await store.check() == "ok"
        await store.close()

    run(story())


def test_a_checkpoint_that_ends_within_a_long_commit_is_no_fault_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setattr("weft.stores.twins.store.TURN_S", 0.0)
    monkeypatch.setattr("weft.stores.writer.WAL_PAGES_CHECKPOINT", 10)

    async def story():
        store = opened(str(tmp_path / "twins.db"))
        ended = []
        plain = store._finish_checkpoint
        monkeypatch.setattr(store, "_finish_checkpoint",
                            lambda: (ended.append(store._connection.in_transaction), plain()))
        for turn in range(30):
            await store.commit(many(70, str(turn)))
            if any(ended):
                break
        assert any(ended), "it has happened"
        assert await store.trouble() is None
        await store.close()

    run(story())


def test_a_store_beside_a_running_node_reads_and_writes_nothing(tmp_path):
    async def story():
        path = str(tmp_path / "twins.db")
        store, clock = opened(path), Hands()
        await store.commit([put("submodel", submodel("urn:a"))])
        beside = opened(path, reading=True, clock=clock)
        assert (await beside.get("submodel", "urn:a")).revision == 1
        with pytest.raises(Exception, match=r"store\.reading"):
            await beside.commit([put("submodel", submodel("urn:b"))])
        await beside.close()
        await store.close()

    run(story())


def test_every_statement_of_the_store_compiles_and_is_used():
    store = opened()
    source = "".join(path.read_text(encoding="utf-8") for path in Path(engine.__file__).parent.glob("*.py"))
    made = {f"add_{what}" for what in ("place", "term", "title")} | {"place", "term", "title"}
    for name, sql in queries("twins").items():
        store._connection.execute("EXPLAIN " + sql, (None,) * sql.count("?"))
        assert f'"{name}"' in source or name in made, name


@pytest.mark.parametrize(("name", "index"), [
    ("twin", "twins_by_id"), ("page", "twins_by_id"), ("history", "history_by_revision"),
    ("orphans", "links_by_digest"),
    ("file", "files_by_digest"), ("pieces", "INTEGER PRIMARY KEY"), ("feed", "INTEGER PRIMARY KEY"),
    ("link", "PRIMARY KEY"), ("place", "places_by_path"), ("delete_elements", "PRIMARY KEY")])
def test_hot_reads_of_the_store_use_an_index(name, index):
    store = opened()
    sql = queries("twins")[name]
    plan = [str(row[-1]) for row in store._connection.execute("EXPLAIN QUERY PLAN " + sql, (None,) * sql.count("?"))]
    assert any(index in step for step in plan), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
