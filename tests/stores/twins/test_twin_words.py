"""Twins looked for by words: what is found, that nothing else is, and that a page costs the same at any size.

What a search costs is counted in pages of the file that SQLite asks for; the control reads bodies one after the other.
"""

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores.twins.making import encoded, opened, prop, put, run, shell, submodel
from weft.engine.twins.ports import Change
from weft.engine.twins.words import asked, found, words
from weft.stores.twins.searching import _match

LETTERS = "aB 1-球阀é"
PAGES_MAX = 400  # of 4 KB: 1.6 MB, whatever there is
COUNT = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?)"


def named(name, en="", zh="", *submodels, **specific):
    texts = [{"language": lang, "text": text} for lang, text in (("en", en), ("zh", zh)) if text]
    references = [{"type": "ModelReference", "keys": [{"type": "Submodel", "value": one}]} for one in submodels]
    return {**shell(name, **specific), **({"displayName": texts} if texts else {}),
            **({"submodels": references} if references else {})}


VALVE = named("urn:x:BV-DN15", "Ball válve, MaxPressure 16", "球阀 ＤＮ15", "urn:sm", serial="3f2a9c00aabb")


@pytest.mark.parametrize("query", [
    "ball", "VALVE", "valve ball", "val", "球阀", "阀", "dn15", "DN", "15", "bv-dn", "BV-DN15", "max", "maxpress",
    "pressure", "3f2a", "3f2a9c00", "pump", "urn:x:BV", "ball 球"])
def test_a_twin_is_found_by_any_beginning_of_its_words_in_either_language(query):
    assert found(query, words("shell", VALVE))


@pytest.mark.parametrize("query", ["alve", "阀球", "dn16", "ball pump 16x", "", " - ", "fa9c", "15dn"])
def test_what_does_not_stand_there_is_not_found(query):
    assert not found(query, words("shell", VALVE))


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(st.text(LETTERS, max_size=12), min_size=1, max_size=4), query=st.text(LETTERS, max_size=8))
def test_the_index_finds_what_the_words_say_and_nothing_else(texts, query):
    async def story():
        store = opened()
        documents = [named(f"urn:{n}", text) for n, text in enumerate(texts)]
        await store.commit([put("shell", one) for one in documents])
        told = [row.id for _, row in await store.search("shell", query, 0, 9)]
        assert told == [one["id"] for one in documents if found(query, words("shell", one))]
        await store.close()

    run(story())


@given(st.text(max_size=40))
def test_whatever_is_typed_is_a_question_or_none(text):
    index = apsw.Connection(":memory:")
    index.execute("CREATE VIRTUAL TABLE w USING fts5(words)")
    if _match(text):
        index.execute("SELECT rowid FROM w WHERE w MATCH ?", (_match(text),)).fetchall()
    assert len(asked(text)) <= 8


def test_what_changes_is_found_by_what_it_is_now():
    async def story():
        store = opened()

        async def told(query, kind="shell"):
            return [row.id for _, row in await store.search(kind, query, 0, 9)]

        await store.commit([put("shell", VALVE), put("submodel", submodel("urn:sm", id_short="Nameplate"))])
        assert await told("ball") == ["urn:x:BV-DN15"] and await told("nameplate", "submodel") == ["urn:sm"]
        await store.commit([put("shell", named("urn:x:BV-DN15", "Gate"))])
        assert (await told("ball"), await told("gate")) == ([], ["urn:x:BV-DN15"])
        await store.commit([Change("shell", "urn:x:BV-DN15", None)])
        assert await told("gate") == []
        await store.close()

    run(story())


def test_a_shell_is_found_by_what_it_bears_and_by_what_that_means_and_only_once():
    async def story():
        store = opened()
        concept = {"modelType": "ConceptDescription", "id": "urn:c:speed", "embeddedDataSpecifications": [{
            "dataSpecificationContent": {"preferredName": [{"language": "zh", "text": "转速"}]}}]}
        await store.commit([
            put("concept", concept),
            put("submodel", submodel("urn:a", prop("N", "1", term="urn:c:speed"), id_short="Drive")),
            put("submodel", submodel("urn:b", id_short="Drive")),
            put("submodel", submodel("urn:c", id_short="Other", term="urn:c:speed")),
            put("shell", named("urn:1", "Motor", "", "urn:a", "urn:b")),
            put("shell", named("urn:2", "Drive", "", "urn:b")), put("shell", named("urn:3", "Fan", "", "urn:c")),
            put("shell", named("urn:4", "Nothing"))])
        assert [row.id for _, row in await store.search("shell", "drive", 0, 9)] == ["urn:2"]
        borne, place = [], 0
        for _ in range(9):
            some, place = await store.bearing("drive", place, 1)
            borne += [one.id for one in some]
            if not place:
                break
        assert borne == ["urn:1"]
        assert sorted(one.id for one in await store.meaning("转速", 9)) == ["urn:1", "urn:3"]
        await store.close()

    run(story())


def laid_down(path, count):
    """``count`` shells with their words, as commits would have left them."""
    store = opened(path)
    link = store._connection
    with link:
        link.execute(
            f"INSERT INTO twins (kind, id, revision, at, body) {COUNT} SELECT 1, printf('urn:x:pump:%07d', n), 1, '',"
            " CAST(printf(?, n, n) AS BLOB) FROM c", (count, encoded(named("urn:x:pump:%07d", "Pump %d")).decode()))
        link.execute("INSERT INTO shell_words (rowid, words) SELECT number,"
                     " printf('pump %d pump urn x pump %07d asset', number, number) FROM twins")
    return store


def asked_for(store, act):
    """How many pages of the file SQLite asked for while ``act`` ran, found in memory or not."""
    def looks():
        return sum(store._connection.status(one)[0] for one in (apsw.SQLITE_DBSTATUS_CACHE_HIT,
                                                                apsw.SQLITE_DBSTATUS_CACHE_MISS))

    before = looks()
    told = act()
    return told, looks() - before


@pytest.mark.parametrize("count", [20_000, pytest.param(1_000_000, marks=pytest.mark.release)])
def test_a_page_of_what_is_found_costs_the_same_at_any_size(count, tmp_path):
    store = laid_down(str(tmp_path / "twins.db"), count)

    def page(query, after=0):
        return asked_for(store, lambda: run_now(store.search("shell", query, after, 31)))

    def run_now(action):
        try:
            action.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError("it waits for something")

    for query, there in (("pump", 31), ("pu", 31), (f"pump {count}", 1), (f"{count:07d}", 1), ("valve", 0),
                         ("urn:x:pump", 31), ("p", 31), ("1", 31)):
        told, pages = page(query)
        assert len(told) == there, query
        assert pages < PAGES_MAX, (query, pages)
    told, pages = page("pump", count // 2)
    assert (told[0][0], pages < PAGES_MAX) == (count // 2 + 1, True)
    _, pages = asked_for(store, lambda: store.asked("SELECT number FROM twins WHERE body LIKE '%nothing%'"))
    assert pages > PAGES_MAX, "the control reads them all"
    run(store.close())
