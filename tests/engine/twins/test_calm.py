"""What is about a large twin is done in a thread, so that others have their turn; the same comes out."""

import contextlib
import gc

import msgspec
import pytest

from tests.engine.home import busy_node
from tests.stores.twins.making import encoded, opened, prop, put, submodel
from tests.stores.twins.test_long_statements import turns
from weft.engine.twins import calm
from weft.engine.twins.ports import LARGE_BYTES
from weft.engine.views import VIEWS, twin_history
from weft.twin.names import encode_id

LARGE = 8_000


def large(first):
    return submodel("urn:l", *(prop(f"P{n}", str(n) if n else first) for n in range(LARGE)))


async def told(node, before=""):
    return await VIEWS["twin-history"](node, twin=encode_id("urn:l"), kind="submodel", before=before)


@contextlib.asynccontextmanager
async def kept(path, *documents):
    """A node whose twins rest at ``path``, with these states of one."""
    node = await busy_node()
    node.twins.opening = lambda: opened(str(path))
    for document in documents:
        await node.twins.store.commit([put("submodel", document)])
    yield node
    await node.twins.close()


async def test_of_large_states_a_page_has_a_few_and_leads_on(tmp_path, monkeypatch):
    monkeypatch.setattr(twin_history, "TOGETHER_BYTES", 1_500_000)
    async with kept(tmp_path / "t.db", *map(large, "12345")) as node:
        found, before, pages = [], "", 0
        while before != "0":
            view = await told(node, before)
            found += view.revisions
            pages, before = pages + 1, str(view.before)
    assert pages > 1
    assert [(one.revision, [(d.path, d.before, d.after) for d in one.differences]) for one in found] == [
        *((n, [("P0.value", str(n - 1), str(n))]) for n in (5, 4, 3, 2)), (1, [])]
    assert found[-1].first


@pytest.mark.parametrize("calmly", [True, False])
async def test_others_have_their_turn_while_large_states_are_compared(tmp_path, monkeypatch, calmly):
    """Where nothing counts as large they have not: the control."""
    monkeypatch.setattr(calm, "LARGE_BYTES", LARGE_BYTES if calmly else 1 << 40)
    async with kept(tmp_path / "t.db", *map(large, "1234567")) as node:
        _, others = await turns(told(node))
    assert (others > 12) is calmly


async def test_a_twin_that_was_small_between_is_compared_as_any_other(tmp_path):
    small = submodel("urn:l", prop("P0", "1"))
    async with kept(tmp_path / "t.db", small, large("2"), small) as node:
        view = await told(node)
    whole = (LARGE - 1) * 4 + 1  # P0 has another value; of each other element four places
    assert [(one.revision, one.more + len(one.differences)) for one in view.revisions] == [(3, whole), (2, whole),
                                                                                          (1, 0)]


@pytest.mark.parametrize(("older", "newer", "wanted"), [
    ({"a": [{"idShort": "X", "value": "1"}]}, {"a": [{"idShort": "Y", "value": "2"}, {"idShort": "X", "value": "1"}]},
     {"a.Y.idShort", "a.Y.value"}),
    ({"a": ["1", "2"]}, {"a": ["1", "3", "4"]}, {"a[1]", "a[2]"}),
    ({"value": [{"language": "en", "text": "x"}]}, {"value": [{"language": "en", "text": "y"}]}, {"en.text"}),
    ({"a": {"b": "1"}}, {"a": "1"}, {"a", "a.b"}),
    ({"a": [{"idShort": "X", "v": "1"}, {"idShort": "X", "v": "2"}]}, {"a": [{"idShort": "X", "v": "1"}]},
     {"a.X.idShort", "a.X.v"}),
    ({"a": [{"idShort": ["odd"]}]}, {"a": [{"idShort": "odd"}]}, {"a.['odd'].idShort[0]", "a.odd.idShort"})])
def test_only_what_differs_is_told(older, newer, wanted):
    before, after = {}, {}
    twin_history._apart(older, newer, "", (before, after))
    assert {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)} == wanted


async def test_what_is_done_in_a_thread_gives_the_same_and_raises_the_same():
    body = encoded(large("1"))
    assert await calm.decoded(body) == msgspec.json.decode(body)
    with pytest.raises(msgspec.DecodeError):
        await calm.decoded(body[:-1])


async def test_nothing_is_collected_meanwhile_and_all_is_afterwards():
    assert not await calm.calmly(LARGE_BYTES + 1, gc.isenabled)
    assert await calm.calmly(1, gc.isenabled)
    with pytest.raises(ZeroDivisionError):
        await calm.calmly(LARGE_BYTES + 1, lambda: 1 / 0)
    assert gc.isenabled()
