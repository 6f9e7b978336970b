"""All twins in one place: those of the books are read, others are written, and a walk meets what stays once."""

import asyncio

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.home import busy_node, empty_node
from tests.stores.twins.making import chunks, prop, shell, submodel
from weft.basis.errors import Denied, Invalid, NotFound, Refused
from weft.engine.twins import repository
from weft.engine.twins.ports import Where
from weft.twin.names import shell_id, submodel_id


def reference(name):
    return {"type": "ModelReference", "keys": [{"type": "Submodel", "value": name}]}


async def home(*, busy=False):
    node = await (busy_node() if busy else empty_node())
    return node.twins


def told(story):
    return asyncio.run(asyncio.wait_for(story, 60))


async def refused(kind, action):
    with pytest.raises(kind) as caught:
        await action
    return caught.value.code


async def walk(twins, kind, limit, where=repository.ALL):
    found, cursor = [], ""
    while True:
        page = await twins.page(kind, cursor, limit, where)
        assert len(page.rows) <= limit
        found += [row.id for row in page.rows]
        cursor = page.cursor
        if not cursor:
            return found
        assert len(page.rows) == limit


def test_pages_go_through_what_was_written_and_then_through_the_books():
    async def story():
        twins = await home(busy=True)
        books = await walk(twins, "submodel", 100)
        assert len(books) > 10
        for name in ("urn:z", "urn:a", "zzz"):
            await twins.create("submodel", submodel(name))
        whole = ["urn:a", "urn:z", "zzz", *books]
        for limit in (1, 2, 3, len(books), len(books) + 1, len(whole), 100):
            assert await walk(twins, "submodel", limit) == whole
        assert [row.revision for row in (await twins.page("submodel", "", 100)).rows][:4] == [1, 1, 1, 0]
        await twins.close()

    told(story())


def test_what_is_looked_for_is_found_in_both():
    async def story():
        twins = await home(busy=True)
        await twins.create("submodel", submodel("urn:n", id_short="Nameplate"))
        found = await walk(twins, "submodel", 2, Where(id_short="Nameplate"))
        assert found[0] == "urn:n" and len(found) == 2 and twins.owns(found[1])
        await twins.create("shell", shell("urn:s", asset="urn:asset"))
        assert await walk(twins, "shell", 5, Where(assets=(("globalAssetId", "urn:asset"),))) == ["urn:s"]
        machine = shell_id(twins.derived.home.organisation, "machine", "L1")
        assert await walk(twins, "shell", 5, Where(assets=(("machine", "L1"),))) == [machine]
        await twins.close()

    told(story())


@pytest.mark.parametrize("cursor", ["x:", "d", "urn:a", "sd:urn"])
def test_a_cursor_of_another_list_is_refused(cursor):
    async def story():
        twins = await home()
        assert await refused(Invalid, twins.page("shell", cursor, 5)) == "twin.cursor"

    told(story())


def test_twins_of_the_books_are_never_written():
    async def story():
        twins = await home(busy=True)
        us = twins.derived.home.organisation
        item = shell_id(us, "item", "BV-15")
        stock = submodel_id(item, "Stock")
        for action in (
                twins.create("shell", shell(item)), twins.replace("submodel", stock, submodel(stock)),
                twins.delete("shell", item), twins.add_element(stock, "", prop("P", "1")),
                twins.remove_element(stock, "OnHand"), twins.replace_element(stock, "OnHand", prop("OnHand", "1")),
                twins.put_all("shell", [shell(item)]), twins.delete_below(item, stock), twins.set_value(stock, "", {}),
                twins.set_value(stock, "OnHand", 5), twins.create("concept", {"id": f"urn:weft:{us}:new"}),
                twins.create("shell", shell(f"urn:weft:{us}:item:NOT-THERE"))):
            assert await refused(Denied, action) == "twin.kept-by-books"
        assert not await walk(twins, "concept", 9)
        await twins.close()

    told(story())


def test_a_value_of_a_machine_is_written_through_its_guard():
    async def story():
        twins = await home(busy=True)
        written = []

        async def write(*told):
            written.append(told)

        twins.write = write
        operational = submodel_id(shell_id(twins.derived.home.organisation, "machine", "L1"), "OperationalData")
        assert (await twins.set_value(operational, "Feed", 180)).revision == 0
        assert written == [("L1", "Feed", "180")]
        for path in ("Nothing", "Feed.X", ""):
            assert await refused(Denied, twins.set_value(operational, path, 1)) == "twin.kept-by-machine"
        for wrong in (None, {"a": 1}, [180], True):
            assert await refused(Invalid, twins.set_value(operational, "Feed", wrong)) == "twin.value-misfit"
        assert len(written) == 1, "what is of another kind never reaches the machine"
        await twins.close()

    told(story())


def test_whole_twins_are_made_replaced_and_deleted():
    async def story():
        twins = await home()
        row = await twins.create("submodel", submodel("urn:a", prop("P", "0.000", "xs:double")))
        assert b'"0.000"' in row.body
        assert await refused(Refused, twins.create("submodel", submodel("urn:a"))) == "twin.exists"
        changed, created = await twins.replace("submodel", "urn:a", submodel("urn:a", prop("P", "2")), expected=1)
        assert (changed.revision, created) == (2, False)
        late = twins.replace("submodel", "urn:a", submodel("urn:a"), expected=1)
        assert await refused(Refused, late) == "twin.changed"
        assert await refused(Invalid, twins.replace("submodel", "urn:a", submodel("urn:b"))) == "twin.id-differs"
        assert (await twins.replace("submodel", "urn:b", submodel("urn:b")))[1]
        await twins.delete("submodel", "urn:b")
        assert await refused(NotFound, twins.delete("submodel", "urn:b")) == "twin.submodel"
        assert await refused(NotFound, twins.get("submodel", "urn:b")) == "twin.submodel"
        assert [row.revision for row in await twins.history("submodel", "urn:a", 0, 9)] == [2, 1]
        assert (await twins.at("submodel", "urn:a", row.at)).body in (row.body, changed.body)
        await twins.close()

    told(story())


def test_what_breaks_the_metamodel_is_not_stored():
    async def story():
        twins = await home()
        bad = submodel("urn:a", prop("P", "1"), prop("P", "2"))
        for action in (twins.create("submodel", bad), twins.create("submodel", {"id": "urn:a"}),
                       twins.create("shell", submodel("urn:a")), twins.create("submodel", {"modelType": "Submodel"})):
            await refused(Invalid, action)
        await twins.create("submodel", submodel("urn:a", prop("P", "1")))
        await refused(Refused, twins.add_element("urn:a", "", prop("P", "1")))
        await refused(Invalid, twins.add_element("urn:a", "", prop("Q", "x", "xs:int")))
        await refused(Invalid, twins.replace_element("urn:a", "P", {"modelType": "Property", "idShort": "P"}))
        assert (await twins.get("submodel", "urn:a")).revision == 1
        await twins.close()

    told(story())


def test_elements_come_change_and_go_in_their_order_in_lists_too():
    async def story():
        twins = await home()
        listed = {"modelType": "SubmodelElementList", "idShort": "L", "typeValueListElement": "Property",
                  "valueTypeListElement": "xs:int", "value": [prop("", str(n)) for n in range(3)]}
        await twins.create("submodel", submodel("urn:a", prop("P", "1"), listed, prop("Q", "2")))

        async def values():
            _, document = await twins.document("submodel", "urn:a")
            return [one["value"] for one in next(
                one for one in document["submodelElements"] if one["idShort"] == "L").get("value", [])]

        row, path = await twins.add_element("urn:a", "L", prop("", "9"))
        assert (path, row.revision, await values()) == ("L[3]", 2, ["0", "1", "2", "9"])
        row, created = await twins.replace_element("urn:a", "L[1]", prop("", "7"))
        assert (created, await values()) == (False, ["0", "7", "2", "9"])
        row, created = await twins.replace_element("urn:a", "L[4]", prop("", "8"))
        assert (created, await values()) == (True, ["0", "7", "2", "9", "8"])
        assert await refused(NotFound, twins.replace_element("urn:a", "L[9]", prop("", "8"))) == "twin.element"
        await twins.remove_element("urn:a", "L[0]")
        assert await values() == ["7", "2", "9", "8"]
        row, created = await twins.replace_element("urn:a", "New", prop("New", "1"))
        assert created
        assert await refused(Invalid, twins.replace_element("urn:a", "New", prop("Other", "1"))) == "twin.id-differs"
        _, document = await twins.document("submodel", "urn:a")
        assert [one["idShort"] for one in document["submodelElements"]] == ["P", "L", "Q", "New"]
        assert [(one.type, one.path) for one in await twins.feed(0, 99)] == [
            ("created", ""), ("created", "L[3]"), ("updated", "L[1]"), ("updated", "L[4]"), ("deleted", "L[0]"),
            ("updated", "New")]
        assert await refused(NotFound, twins.remove_element("urn:a", "L[9]")) == "twin.element"
        assert await refused(Refused, twins.remove_element("urn:a", "P", expected=1)) == "twin.changed"
        await twins.close()

    told(story())


def test_values_metadata_and_content_are_patched():
    async def story():
        twins = await home()
        await twins.create("submodel", submodel("urn:a", prop("P", "1"), prop("Q", "0.000", "xs:double")))
        first = await twins.get("submodel", "urn:a")
        assert (await twins.set_value("urn:a", "P", 1)).revision == 1, "the same again is no news"
        row = await twins.set_value("urn:a", "P", 5)
        assert row.body == first.body.replace(b'"value":"1"', b'"value":"5"'), "nothing else is touched"
        await twins.set_value("urn:a", "", {"P": 6, "Q": 1.5})
        await twins.set_metadata("urn:a", "P", {"modelType": "Property", "category": "PARAMETER"})
        await twins.patch_element("urn:a", "P", {"modelType": "Property", "valueType": "xs:int", "value": "7"})
        await twins.patch("submodel", "urn:a", {"modelType": "Submodel", "idShort": "Other"})
        _, document = await twins.document("submodel", "urn:a")
        assert document["idShort"] == "Other"
        found = document["submodelElements"][0]
        assert (found["value"], found["category"]) == ("7", "PARAMETER")
        for action in (twins.set_value("urn:a", "P", "x"), twins.set_value("urn:a", "", {"Z": 1}),
                       twins.set_value("urn:a", "P", {"a": 1})):
            await refused(Invalid, action)
        assert await refused(NotFound, twins.set_value("urn:a", "Z", 1)) == "twin.element"
        assert await refused(Refused, twins.set_value("urn:a", "P", 9, expected=1)) == "twin.changed"
        assert [(one.type, one.path) for one in await twins.feed(1, 99)] == [
            ("valueChanged", "P"), ("valueChanged", ""), ("updated", "P"), ("updated", "P"), ("updated", "")]
        await twins.close()

    told(story())


def test_who_changes_one_element_never_overwrites_another():
    async def story():
        twins = await home()
        await twins.create("submodel", submodel("urn:a", *(prop(f"P{n}", "0") for n in range(20))))
        await asyncio.gather(*(twins.replace_element("urn:a", f"P{n}", prop(f"P{n}", "1")) for n in range(20)))
        _, document = await twins.document("submodel", "urn:a")
        assert {one["value"] for one in document["submodelElements"]} == {"1"}
        await twins.close()

    told(story())


def test_a_submodel_and_the_shell_that_names_it_change_together():
    async def story():
        twins = await home()
        await twins.create("shell", shell("urn:s"))
        _, created = await twins.replace_below("urn:s", "urn:m", submodel("urn:m"))
        assert created
        assert (await twins.document("shell", "urn:s"))[1]["submodels"] == [reference("urn:m")]
        assert not (await twins.replace_below("urn:s", "urn:m", submodel("urn:m", prop("P", "1"))))[1]
        assert (await twins.get("shell", "urn:s")).revision == 2
        await twins.create("submodel", submodel("urn:other"))
        foreign = twins.replace_below("urn:s", "urn:other", submodel("urn:other"))
        assert await refused(NotFound, foreign) == "twin.submodel"
        await twins.delete_below("urn:s", "urn:m")
        assert "submodels" not in (await twins.document("shell", "urn:s"))[1]
        assert await refused(NotFound, twins.get("submodel", "urn:m")) == "twin.submodel"
        assert await refused(NotFound, twins.delete_below("urn:s", "urn:other")) == "twin.submodel"
        await twins.close()

    told(story())


def test_many_are_written_all_or_none():
    async def story():
        twins = await home()
        await twins.create("submodel", submodel("urn:a"))
        some = [submodel("urn:b"), submodel("urn:a", prop("P", "1"))]
        assert await refused(Refused, twins.put_all("submodel", some, must="absent")) == "twin.exists"
        assert await refused(NotFound, twins.put_all("submodel", some, must="present")) == "twin.submodel"
        assert await refused(NotFound, twins.put_all("submodel", some, ["urn:z"])) == "twin.submodel"
        assert await walk(twins, "submodel", 9) == ["urn:a"]
        await twins.put_all("submodel", some, ["urn:b"])
        assert await walk(twins, "submodel", 9) == ["urn:a"]
        assert (await twins.get("submodel", "urn:a")).revision == 2
        await twins.close()

    told(story())


def test_files_and_pictures_are_kept_with_what_names_them():
    async def story():
        twins = await home()
        file = {"modelType": "File", "idShort": "F", "contentType": "text/plain"}
        await twins.create("submodel", submodel("urn:a", file, prop("P", "1")))
        await twins.create("shell", shell("urn:s"))
        assert await refused(NotFound, twins.attachment("urn:a", "F")) == "twin.no-attachment"
        assert await refused(NotFound, twins.attach("urn:a", "P", chunks(b"x"), "a/b", "n")) == "twin.no-attachment"
        await twins.attach("urn:a", "F", chunks(b"manual"), "application/pdf", "manual 手册.pdf")
        found = await twins.attachment("urn:a", "F")
        assert b"".join([piece async for piece in found.chunks()]) == b"manual"
        element = await twins.element("urn:a", "F")
        assert element["contentType"] == "application/pdf"
        assert element["value"].endswith("/manual_%E6%89%8B%E5%86%8C.pdf")
        await twins.detach("urn:a", "F")
        assert "value" not in await twins.element("urn:a", "F")
        assert await refused(NotFound, twins.detach("urn:a", "F")) == "twin.no-attachment"
        assert await refused(NotFound, twins.thumbnail("urn:s")) == "twin.no-thumbnail"
        await twins.set_thumbnail("urn:s", chunks(b"png"), "image/png", "p.png")
        assert (await twins.thumbnail("urn:s")).content_type == "image/png"
        await twins.remove_thumbnail("urn:s")
        assert await refused(NotFound, twins.remove_thumbnail("urn:s")) == "twin.no-thumbnail"
        await twins.close()

    told(story())


def test_who_follows_the_feed_too_late_or_from_a_lost_life_is_told(monkeypatch):
    monkeypatch.setattr("weft.stores.twins.applying.PRUNED_EVERY", 5)

    async def story():
        twins = await home()
        twins.store._applying.kept.changes = 4
        for n in range(10):
            await twins.replace("submodel", "urn:a", submodel("urn:a", prop("P", str(n))))
        assert await twins.feed_ends() == (7, 10)
        for after, numbers in ((0, [7, 8]), (6, [7, 8]), (7, [8, 9]), (9, [10]), (10, [])):
            assert [one.number for one in await twins.feed(after, 2)] == numbers
        for gone, code in ((1, "gone"), (5, "gone"), (11, "ahead"), (999, "ahead")):
            assert await refused(Refused, twins.feed(gone, 2)) == f"twin.feed-{code}"
        await twins.store.begin_anew()
        assert await twins.feed(10, 9) == []
        await twins.replace("submodel", "urn:a", submodel("urn:a"))
        assert [one.type for one in await twins.feed(10, 9)] == ["updated"]
        assert await refused(Refused, twins.feed(12, 9)) == "twin.feed-gone"
        await twins.close()

    told(story())


# ---- a walk while others write -----------------------------------------------------------------------

NAMES = [f"urn:{n:02}" for n in range(24)]
WRITES = st.lists(st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=4), max_size=14)


async def walked(twins, begun, writes, limit, cursor_of=lambda page: page.cursor):
    """(what a walk met, what stood untouched throughout) while ``writes`` happen between its pages."""
    for name in begun:
        await twins.create("submodel", submodel(name))
    touched, met, cursor = set(), [], ""
    for some in [*writes, *([[]] * 60)]:
        page = await twins.page("submodel", cursor, limit)
        met += [row.id for row in page.rows]
        cursor = cursor_of(page)
        if not cursor:
            break
        for name, makes in some:
            touched.add(name)
            if makes:
                await twins.replace("submodel", name, submodel(name, prop("P", str(len(met)))))
            else:
                await asyncio.gather(twins.delete("submodel", name), return_exceptions=True)
    return met, set(begun) - touched


@settings(max_examples=40, deadline=None)
@given(begun=st.sets(st.sampled_from(NAMES)), writes=WRITES, limit=st.integers(1, 5))
def test_a_walk_meets_everything_untouched_exactly_once(begun, writes, limit):
    async def story():
        twins = await home()
        met, untouched = await walked(twins, sorted(begun), writes, limit)
        assert all(met.count(name) == 1 for name in untouched)
        assert len(met) == len(set(met))
        await twins.close()

    told(story())


def test_control_a_cursor_that_counts_misses_and_repeats():
    """Pages by number, as many servers have them: the law must see it."""
    async def story(writes):
        twins = await home()
        seen = [0]
        plain = twins.store.page

        async def by_number(kind, after, limit, where):
            rows = await plain(kind, "", 999, where)
            return rows[int(after or 0):int(after or 0) + limit]

        def cursor_of(page):
            seen[0] += len(page.rows)
            return f"s:{seen[0]}" if page.cursor else ""

        twins.store.page = by_number
        met, untouched = await walked(twins, NAMES[:12], writes, 3, cursor_of)
        await twins.close()
        return all(met.count(name) == 1 for name in untouched)

    assert told(story([]))
    assert not told(story([[(NAMES[0], False)]])), "one is missed"
    assert not told(story([[], [("urn:0", True)]])), "one is met twice"


def test_the_books_and_what_is_written_are_one_walk_while_both_change():
    async def story():
        twins = await home(busy=True)
        for name in ("urn:a", "urn:c"):
            await twins.create("submodel", submodel(name))
        first = await twins.page("submodel", "", 1)
        await twins.create("submodel", submodel("urn:b"))
        rest, cursor = [], first.cursor
        while cursor:
            page = await twins.page("submodel", cursor, 4)
            rest += [row.id for row in page.rows]
            cursor = page.cursor
        assert [row.id for row in first.rows] == ["urn:a"] and rest[:2] == ["urn:b", "urn:c"]
        assert len({*rest, *(row.id for row in first.rows)}) == len(rest) + len(first.rows)
        assert all(msgspec.json.decode(row.body)["id"] == row.id for row in first.rows)
        await twins.close()

    told(story())


def test_what_nobody_names_is_swept_once_there_is_a_store(monkeypatch):
    monkeypatch.setattr(repository, "SWEEP_S", 0.01)

    async def story():
        twins = await home()
        sweeping = asyncio.ensure_future(twins.run())
        await asyncio.sleep(0.03)
        assert twins._store is None, "it opens nothing by itself"
        digest = await twins.store.keep_file(chunks(b"x" * 300_000), "a/b", "f")
        await asyncio.sleep(0.05)
        assert await twins.store.file(digest), "it may still be named"
        monkeypatch.setattr("weft.stores.twins.store.GRACE_MS", -1_000)
        while await twins.store.file(digest):  # noqa: ASYNC110 - it goes by itself
            await asyncio.sleep(0.01)
        sweeping.cancel()
        await twins.close()

    told(story())
