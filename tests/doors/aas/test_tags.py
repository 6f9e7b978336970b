"""The ETag of a twin after a backup was restored: never one that the lost life gave for other bytes."""

import asyncio
import shutil

import msgspec
import pytest

from tests.doors.asking import Client
from tests.engine.home import TOKEN, busy_node
from tests.stores.twins.making import prop, submodel
from weft.doors import aas
from weft.engine.clock import system_random
from weft.engine.memory import RESTORES, new_incarnation
from weft.engine.ports import Batch
from weft.engine.views import VIEWS
from weft.stores.twins.store import SqliteTwins
from weft.twin.names import encode_id

AT = f"/api/v3/submodels/{encode_id('urn:s')}"


class Later:
    """A clock: each look is a second later."""

    def __init__(self, ms):
        self.ms = ms

    def now_ms(self):
        self.ms += 1_000
        return self.ms


async def life(path, now_ms, incarnation=""):
    """A node over the twins at ``path``, and what asks it."""
    node = await busy_node()
    if incarnation:
        node.identity.incarnation = incarnation
    node.twins.opening = lambda: SqliteTwins(str(path), Later(now_ms))
    client = Client(aas.routes(node), TOKEN)

    async def put(value, tag=""):
        headers = {"content-type": "application/json", **({"if-match": tag} if tag else {})}
        body = msgspec.json.encode(submodel("urn:s", prop("P", value)))
        return await client.ask(AT, "PUT", headers, body)

    async def get():
        return await client.ask(AT)
    return node, put, get


async def story(folder, *, by_hand):
    """(tags and bytes of the lost life, those of the restored one, what becomes of a write by the lost tag)."""
    node, put, get = await life(folder / "twins.db", 1_700_000_000_000)
    for value in "12":
        assert (await put(value)).status in (201, 204)
    await node.twins.close()
    shutil.copyfile(folder / "twins.db", folder / "kept.db")
    node, put, get = await life(folder / "twins.db", 1_700_000_100_000, node.identity.incarnation)
    assert (await put("41")).status == 204
    lost = await get()
    await node.twins.close()
    shutil.copyfile(folder / "kept.db", folder / "twins.db")
    again, put, get = await life(folder / "twins.db", 1_700_000_200_000,
                                 node.identity.incarnation if by_hand else new_incarnation(system_random))
    await again.twins.store.begin_anew()
    assert (await put("42")).status == 204
    held = await get()
    late = await put("43", lost.headers["etag"])
    fresh = await put("43", held.headers["etag"])
    told = await VIEWS["twin-history"](again, twin=encode_id("urn:s"), kind="submodel")
    await again.store.commit(Batch(values=[
        (RESTORES, "2023-11-14T22:15:00.000Z", b"2023-11-14T22:14:00.000Z")]))
    marked = await VIEWS["twin-history"](again, twin=encode_id("urn:s"), kind="submodel")
    await again.twins.close()
    assert not any(one.restored for one in told.revisions)
    return lost, held, late, fresh, marked


def played(folder, **how):
    return asyncio.run(asyncio.wait_for(story(folder, **how), 60))


def test_a_restored_node_never_gives_a_tag_of_its_lost_life_and_takes_none(tmp_path):
    lost, held, late, fresh, marked = played(tmp_path, by_hand=False)
    assert lost.body != held.body and lost.headers["etag"] != held.headers["etag"]
    assert lost.headers["etag"].partition(".")[0] == held.headers["etag"].partition(".")[0], "the same revision"
    assert late.status == 412 and fresh.status == 204
    places = [(one.revision, [(told.at, told.of) for told in one.restored]) for one in marked.revisions]
    assert places[-3:] == [(3, [("2023-11-14T22:15:00.000Z", "2023-11-14T22:14:00.000Z")]), (2, []), (1, [])]


def test_control_without_a_new_life_the_same_tag_stands_for_other_bytes(tmp_path):
    lost, held, late, _, _ = played(tmp_path, by_hand=True)
    assert lost.body != held.body and lost.headers["etag"] == held.headers["etag"]
    assert late.status == 204, "and what was read in the lost life is written over what nobody has seen"


@pytest.mark.parametrize(("tag", "status"), [('"1"', 412), ('W/"1.x"', 412), ('"anything else"', 400), ('"abc"', 412),
                                             ("1", 400), ('"0.x"', 412), ('"1.x', 400), ("*", 204)])
def test_a_tag_of_nobody_never_stands(tag, status, tmp_path):
    async def play():
        node, put, _ = await life(tmp_path / "twins.db", 1_700_000_000_000)
        assert (await put("1")).status == 201
        assert (await put("2", tag)).status == status
        assert (await put("3", f'"0.{node.identity.incarnation}"')).status == 412
        await node.twins.close()
    asyncio.run(asyncio.wait_for(play(), 60))
