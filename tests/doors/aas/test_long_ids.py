"""Ids as long as metamodel 3.1 lets them be: read, met on every page and taken away, whatever brought them.

Longer ones come in nowhere. Control: a cursor held to the length of an id ends the walk.
"""

import json

import msgspec
import pytest

from tests.conformance.suites import encoded
from tests.doors.aas.test_paging import JSON, MAKING, WHOLE, WITHIN, Asker, walked
from tests.doors.asking import Client
from tests.engine.home import TOKEN, empty_node
from weft.doors import aas, api
from weft.doors.aas import asked
from weft.engine.twins.ports import Change
from weft.stores.twins.store import SqliteTwins
from weft.twin.names import ID_MAX

FOLDERS = {"shell": "shells", "submodel": "submodels", "concept": "concept-descriptions",
           "shell-descriptor": "shell-descriptors", "submodel-descriptor": "submodel-descriptors"}
FILLERS = {"letters": "y", "three bytes each": "车", "four bytes each": "\U0001f600", "quotes": '"'}


def long_id(number, filler="y", length=ID_MAX):
    return "urn:k:" + filler * (length - 15) + f":{number:08d}"


async def holding(tmp_path, kind, count=4, filler="y"):
    node = await empty_node()
    asker = Asker(node, SqliteTwins(str(tmp_path / "twins.db"), node.clock))
    await asker.store.commit([Change(kind, name, msgspec.json.encode(MAKING[kind](name)))
                              for name in (long_id(2 * one, filler) for one in range(count))])
    return asker


async def nothing(_):
    return set()


async def met(asker, address, body=None):
    return (await walked(asker, address, body, 1, nothing))[0]


@pytest.mark.parametrize(("kind", "address", "body"), WHOLE, ids=[one[1] for one in WHOLE])
async def test_each_page_leads_behind_the_longest_id(tmp_path, kind, address, body):
    asker = await holding(tmp_path, kind)
    found = await met(asker, address, body)
    assert {one: found.get(one) for one in range(0, 8, 2)} == dict.fromkeys(range(0, 8, 2), 1)
    await asker.store.close()


@pytest.mark.parametrize("filler", FILLERS.values(), ids=FILLERS)
@pytest.mark.parametrize(("kind", "address"), [("shell", "shells"), ("shell", "shell-descriptors"),
                                               ("submodel", "submodel-descriptors"),
                                               ("concept", "concept-descriptions")])
async def test_whatever_the_id_is_made_of(tmp_path, kind, address, filler):
    asker = await holding(tmp_path, kind, filler=filler)
    found = await met(asker, address)
    assert [found.get(one) for one in range(0, 8, 2)] == [1, 1, 1, 1]
    await asker.store.close()


@pytest.mark.parametrize("address", [one[2] for one in WITHIN[-2:]], ids=["references", "descriptors"])
async def test_each_page_within_a_document_leads_behind_the_longest_id(tmp_path, address):
    kind, make, _ = next(one for one in WITHIN if one[2] == address)
    asker = await holding(tmp_path, kind, 0)
    text = msgspec.json.encode(make(range(0, 24, 2))).decode().replace("urn:k:", "urn:k:" + "y" * (ID_MAX - 14))
    holder = msgspec.json.decode(text)
    await asker.store.commit([Change(kind, holder["id"], text.encode())])
    assert await met(asker, address) == dict.fromkeys(range(0, 24, 2), 1)
    await asker.store.close()


async def test_control_a_cursor_held_to_the_length_of_an_id_ends_the_walk(tmp_path, monkeypatch):
    monkeypatch.setattr(asked, "CURSOR_MAX", ID_MAX)
    asker = await holding(tmp_path, "shell")
    with pytest.raises(AssertionError, match="400 == 200"):
        await met(asker, "shells")
    await asker.store.close()


@pytest.mark.parametrize("kind", FOLDERS)
@pytest.mark.parametrize("length", [1_999, 2_000, 2_001, ID_MAX])
async def test_what_may_be_made_may_be_read_and_taken_away(tmp_path, kind, length):
    asker, name = await holding(tmp_path, kind, 0), long_id(2, "y", length)
    where = f"/api/v3/{FOLDERS[kind]}/{encoded(name)}"
    made = await asker.client.ask(f"/api/v3/{FOLDERS[kind]}", "POST", JSON, msgspec.json.encode(MAKING[kind](name)))
    assert made.status == 201, made.body[:300]
    assert (await asker.client.ask(where)).json()["id"] == name
    assert (await asker.client.ask(where, "DELETE")).status == 204
    assert (await asker.client.ask(where)).status == 404
    await asker.store.close()


@pytest.mark.parametrize("kind", FOLDERS)
async def test_a_longer_id_is_refused_with_its_length(tmp_path, kind):
    asker, name = await holding(tmp_path, kind, 0), long_id(2, "y", ID_MAX + 1)
    body = msgspec.json.encode(MAKING[kind](name))
    for method, address, sent in (("POST", "", body), ("GET", f"/{encoded(name)}", b""),
                                  ("PUT", f"/{encoded(name)}", body), ("DELETE", f"/{encoded(name)}", b"")):
        told = await asker.client.ask(f"/api/v3/{FOLDERS[kind]}{address}", method, JSON, sent)
        [message] = told.json()["messages"]
        assert (told.status, message["correlationId"]) == (400, "twin.id-long")
        assert "2048" in message["text"] and "2049" in message["text"]
    await asker.store.close()


@pytest.mark.parametrize(("length", "taken"), [(ID_MAX, True), (ID_MAX + 1, False)])
@pytest.mark.parametrize("form", ["json", "xml"])
async def test_an_import_takes_what_can_be_read_and_taken_away_again(tmp_path, length, taken, form):
    node = await empty_node()
    client, name = Client([*api.routes(node), *aas.routes(node)], TOKEN), long_id(2, "y", length)
    data = json.dumps({"submodels": [{"modelType": "Submodel", "id": name}]}).encode() if form == "json" else (
        f'<environment xmlns="https://admin-shell.io/aas/3/1"><submodels><submodel><id>{name}</id></submodel>'
        "</submodels></environment>").encode()
    told = await client.ask("/api/weft/v1/twins/import?name=x", "POST", {}, data)
    found = json.loads(told.body.splitlines()[-1])["imported"]
    assert found["taken"] is taken and (taken or found["report"]["totals"]["broken"])
    where = f"/api/v3/submodels/{encoded(name)}"
    assert (await client.ask(where, "DELETE")).status == (204 if taken else 400)
    assert (await client.ask("/api/v3/submodels?limit=1")).json()["result"] == []
    await node.twins.close()


@pytest.mark.parametrize(("query", "code"), [
    ("shells?cursor=%21", "twin.cursor"), ("shells?cursor=_w", "twin.cursor"), ("shells?cursor=YWI", "twin.cursor"),
    ("shells?assetIds=%21", "twin.asset-id"), ("lookup/shells?assetIds=YWI", "twin.asset-id"),
    ("submodels?semanticId=%21", "twin.id"),
    ("shells?limit=0", "web.page-size"), ("shells?limit=x", "web.page-size")])
async def test_what_is_wrong_in_an_address_is_called_what_it_is(tmp_path, query, code):
    asker = await holding(tmp_path, "shell", 0)
    told = await asker.client.ask(f"/api/v3/{query}")
    [message] = told.json()["messages"]
    assert (told.status, message["correlationId"]) == (400, code)
    assert ("is not an id" in message["text"]) is (code == "twin.id")
    await asker.store.close()


async def test_a_page_of_more_than_there_can_be_is_the_largest_there_is(tmp_path):
    asker = await holding(tmp_path, "shell")
    told = await asker.client.ask(f"/api/v3/shells?limit={'9' * 20}")
    assert told.status == 200 and len(told.json()["result"]) == 4
    await asker.store.close()


async def test_the_longest_names_of_an_asset_are_looked_for(tmp_path):
    asker = await holding(tmp_path, "shell", 0)
    link = {"name": "n" * 64, "value": "v" * ID_MAX}
    shell = {**MAKING["shell"]("urn:one"), "assetInformation": {"assetKind": "Instance", "specificAssetIds": [link]}}
    await asker.client.ask("/api/v3/shells", "POST", JSON, msgspec.json.encode(shell))
    told = await asker.client.ask(f"/api/v3/lookup/shells?assetIds={encoded(json.dumps(link))}")
    assert told.status == 200 and told.json()["result"] == ["urn:one"]
    await asker.store.close()
