"""Empty lists, as other tools write them: refused with each place and what to do, taken once they are left out."""

import asyncio
import json

import msgspec
import pytest

from tests.doors.asking import Client
from tests.engine.home import TOKEN, empty_node
from weft.doors import aas, api
from weft.twin.names import encode_id

JSON = {"content-type": "application/json"}
SHELL = {"modelType": "AssetAdministrationShell", "id": "urn:a", "submodels": [],
         "assetInformation": {"assetKind": "Instance", "globalAssetId": "urn:x", "specificAssetIds": []}}
SUBMODEL = {"modelType": "Submodel", "id": "urn:b", "qualifiers": [], "submodelElements": [
    {"modelType": "SubmodelElementCollection", "idShort": "Box", "value": []},
    {"modelType": "SubmodelElementList", "idShort": "Runs", "typeValueListElement": "Capability", "value": []},
    {"modelType": "Entity", "idShort": "Part", "entityType": "CoManagedEntity", "statements": []}]}
CASES = [("shells", SHELL, {"submodels", "specificAssetIds"}),
         ("submodels", SUBMODEL, {"qualifiers", "Box › value", "Runs › value", "Part › statements"})]


def without(value):
    """``value`` without empty lists."""
    if isinstance(value, dict):
        return {name: without(one) for name, one in value.items() if one != []}
    return [without(one) for one in value] if isinstance(value, list) else value


@pytest.fixture
def client():
    node = asyncio.run(empty_node())
    return Client([*api.routes(node), *aas.routes(node)], TOKEN)


@pytest.mark.parametrize(("folder", "document", "places"), CASES, ids=["shell", "submodel"])
@pytest.mark.parametrize(("language", "advice"), [("en", "leave the field out"), ("zh", "请去掉该字段")])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_each_is_named_with_what_to_do(client, folder, document, places, language, advice, method):
    where = f"/api/v3/{folder}" + (f"/{encode_id(document['id'])}" if method == "PUT" else "")
    headers = {**JSON, "accept-language": language}
    told = asyncio.run(client.ask(where, method, headers, msgspec.json.encode(document)))
    messages = told.json()["messages"]
    assert told.status == 400 and {one["correlationId"] for one in messages} == {"twin.empty-list"}
    assert all(advice in one["text"] for one in messages) and len(messages) == len(places)
    assert all(any(place in one["text"] for one in messages) for place in places)
    told = asyncio.run(client.ask(where, method, headers, msgspec.json.encode(without(document))))
    assert told.status == 201, told.body


@pytest.mark.parametrize(("folder", "document", "places"), CASES, ids=["shell", "submodel"])
def test_an_import_leaves_them_out_and_says_so(client, folder, document, places):
    section = "assetAdministrationShells" if folder == "shells" else folder
    data = json.dumps({section: [document]}).encode()
    told = asyncio.run(client.ask("/api/weft/v1/twins/import?name=x", "POST", {}, data))
    done = json.loads(told.body.splitlines()[-1])["imported"]
    assert done["taken"] and sum(one["code"] == "empty-list" for one in done["report"]["findings"]) == len(places)
    held = asyncio.run(client.ask(f"/api/v3/{folder}/{encode_id(document['id'])}")).json()
    assert held == without(document)
