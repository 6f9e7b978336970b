"""What twins are found by: the tables say what the bodies say, whatever was changed before, and no more."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stores.twins.making import encoded, opened, prop, put, run, shell, submodel
from weft.basis.errors import NotFound
from weft.engine.twins.ports import Change, Where
from weft.stores.twins import applying
from weft.stores.twins.indexing import INDEX, NOTHING, derive, derive_again
from weft.stores.twins.store import SqliteTwins
from weft.twin.paths import placed, resolve, walk
from weft.twin.query import parse_condition

ELEMENTS = st.recursive(
    st.builds(prop, st.sampled_from("PQR"), st.sampled_from(("1", "2.5", "x", "2026-01-01T00:00:00Z")),
              st.sampled_from(("xs:int", "xs:string", "xs:dateTime")), st.sampled_from(("", "urn:t1", "urn:t2"))),
    lambda inner: st.builds(lambda name, some, kind: {"modelType": kind, "idShort": name, "value": some},
                            st.sampled_from("ABC"), st.lists(inner, max_size=3),
                            st.sampled_from(("SubmodelElementCollection", "SubmodelElementList"))),
    max_leaves=6)
STEPS = st.lists(st.tuples(st.sampled_from(("urn:a", "urn:b")), st.one_of(st.none(), st.lists(ELEMENTS, max_size=4))),
                 max_size=8)


def held(store: SqliteTwins):
    """All entries of the index as they stand."""
    names = store._read("SELECT t.text, n.value, n.id FROM names n JOIN titles t ON t.number = n.name", ())
    rows = store._read("SELECT w.id, e.path, e.id_short, e.language, e.shape, e.tail, e.semantic, e.value_type,"
                       " e.value, e.number, e.instant FROM twin_element e JOIN twins w ON w.number = e.twin", ())
    fields = store._read(
        "SELECT w.id, f.name, f.value, f.place FROM twin_field f JOIN twins w ON w.number = f.twin", ())
    counts = [store._read(f"SELECT count(*) FROM {table}", ())[0][0] for table in ("names", "elements", "fields")]
    assert counts == [len(names), len(rows), len(fields)], "no entry without its twin"
    return set(names), set(rows), set(fields)


def wanted(rows):
    """What the bodies of ``rows`` give, derived anew."""
    names, elements, fields = set(), set(), set()
    for row in rows:
        found = derive(row.kind, row.body)
        names |= {(*one, row.id) for one in found.names}
        fields |= {(row.id, *one) for one in found.fields}
        elements |= {(row.id, *key[:2], key[2] or None, *one) for key, one in found.elements.items()}
    return names, elements, fields


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_the_index_says_what_the_bodies_say(steps):
    async def story():
        store = opened()
        for name, elements in steps:
            body = None if elements is None else encoded(submodel(name, *elements))
            await store.commit([Change("submodel", name, body)])
        assert held(store) == wanted(await store.page("submodel", "", 9))
        await store.close()

    run(story())


def test_control_an_index_that_takes_nothing_out_is_seen(monkeypatch):
    monkeypatch.setattr(applying.Applying, "_derived", lambda *_: NOTHING)

    async def story():
        store = opened()
        await store.commit([put("submodel", submodel("urn:a", prop("P", "1"), prop("Q", "1")))])
        await store.commit([put("submodel", submodel("urn:a", prop("P", "2")))])
        same = held(store) == wanted(await store.page("submodel", "", 9))
        await store.close()
        return same

    assert not run(story())


@settings(max_examples=60, deadline=None)
@given(elements=st.lists(ELEMENTS, min_size=1, max_size=4), luck=st.randoms(use_true_random=False))
def test_the_entries_of_a_changed_element_are_those_of_the_whole(elements, luck):
    before = submodel("urn:a", *elements)
    old, paths = derive("submodel", encoded(before)), [path for path, _ in walk(before, "")]
    path = luck.choice(paths)
    try:
        changed = placed(before, path, {**resolve(before, path), "value": luck.choice(["7", [], "x"])})
    except NotFound:  # two of one name: no path leads to the second
        return
    if len(set(paths)) == len(paths) and all("idShort" in one for one in elements):
        assert derive_again(old, encoded(changed), path) == derive("submodel", encoded(changed))


def test_an_index_of_another_version_is_derived_anew(tmp_path):
    path = str(tmp_path / "twins.db")

    async def story():
        store = opened(path)
        await store.commit([put("submodel", submodel("urn:a", prop("P", "1", term="urn:t"))),
                            put("shell", shell("urn:s"))])
        right = held(store)
        store._connection.execute("DELETE FROM elements")
        store._connection.execute("UPDATE names SET value = 'other' WHERE id = 'urn:s' AND value = 'Pump'")
        await store.close()
        still = opened(path)
        assert held(still) != right, "the same version trusts what is there"
        still._connection.pragma("user_version", 0)
        await still.close()
        anew = opened(path)
        assert held(anew) == right
        await anew.close()

    run(story())


def test_who_changes_what_is_derived_raises_the_version_of_the_index():
    """When this fails: raise ``INDEX``, then write the new digest here."""
    wide = submodel("urn:a", prop("P", "1.5", "xs:double", "urn:t"), {
        "modelType": "SubmodelElementCollection", "idShort": "C", "value": [
            {"modelType": "SubmodelElementList", "idShort": "L",
             "value": [prop("", "2026-01-01T00:00:00Z", "xs:dateTime")]},
            {"modelType": "MultiLanguageProperty", "idShort": "M", "value": [{"language": "de", "text": "eins"}]},
            {"modelType": "File", "idShort": "F", "value": "/f.pdf"}]})
    entries = [derive("submodel", encoded(wide)), derive("shell", encoded(shell("urn:s", "urn:x", serial="7")))]
    told = repr([(sorted(one.names), sorted(one.fields), sorted(map(repr, one.elements.items())), sorted(one.files),
                      one.words)
                 for one in entries])
    assert (INDEX, hashlib.sha256(told.encode()).hexdigest()[:16]) == (2, "bd68862945b4bd34")


def test_what_a_failed_commit_had_numbered_is_not_remembered():
    async def story():
        store = opened()
        bad = Change("submodel", "urn:z", encoded(submodel("urn:z")), expected=7)
        for _ in range(2):
            try:
                await store.commit([put("submodel", submodel("urn:a", prop("New", "1", term="urn:new"))), bad])
            except Exception as error:  # noqa: BLE001 - it is looked at
                assert "twin.changed" in str(error)
        await store.commit([put("submodel", submodel("urn:b", prop("Other", "1", term="urn:other")))])
        await store.commit([put("submodel", submodel("urn:a", prop("New", "1", term="urn:new")))])
        assert held(store) == wanted(await store.page("submodel", "", 9))
        await store.close()

    run(story())


def test_a_change_of_one_value_writes_one_element():
    async def story():
        store = opened()
        many = [prop(f"P{n}", "1") for n in range(500)]
        await store.commit([put("submodel", submodel("urn:a", *many))])
        before = store._connection.total_changes()
        many[77] = prop("P77", "2")
        await store.commit([put("submodel", submodel("urn:a", *many))])
        assert store._connection.total_changes() - before < 8
        await store.close()

    run(story())


def test_twins_are_found_by_a_condition():
    async def story():
        store = opened()
        for n in range(30):
            reference = {"type": "ModelReference", "keys": [{"type": "Submodel", "value": f"urn:m{n:02}"}]}
            await store.commit([put("submodel", submodel(f"urn:m{n:02}", prop("Speed", str(n), "xs:int"))),
                                put("shell", {**shell(f"urn:s{n:02}"), "submodels": [reference]})])
        fast = parse_condition({"$gt": [{"$field": "$sme.Speed#value"}, {"$numVal": 26}]})
        assert [row.id for row in await store.page("submodel", "", 9, Where(condition=fast))] == [
            "urn:m27", "urn:m28", "urn:m29"]
        assert [row.id for row in await store.page("submodel", "urn:m27", 1, Where(condition=fast))] == ["urn:m28"]
        assert [row.id for row in await store.page("shell", "", 9, Where(condition=fast))] == [
            "urn:s27", "urn:s28", "urn:s29"]
        assert await store.page("submodel", "", 9, Where(condition=fast, id_short="Other")) == []
        await store.close()

    run(story())
