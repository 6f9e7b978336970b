"""The door for twins, request in and response out, over a real node."""

import asyncio

import pytest
from aas_test_engines import file as engine
from hypothesis import given
from hypothesis import strategies as st

from tests.doors.asking import Client
from tests.engine.home import JOB, PARTNER, TOKEN, busy_node, empty_node
from weft.doors import aas
from weft.shopfloor.connection import Value
from weft.shopfloor.facts import JobCounted
from weft.twin.names import encode_id, shell_id, submodel_id

NODE = asyncio.run(busy_node())
CLIENT = Client(aas.routes(NODE), TOKEN)
MACHINE = shell_id(NODE.organisation, "machine", "L1")
ITEM = shell_id(NODE.organisation, "item", "BV-15")
OPERATIONAL = f"/api/v3/submodels/{encode_id(submodel_id(MACHINE, 'OperationalData'))}"


def get(address, **options):
    return asyncio.run(CLIENT.ask(address, **options))


def ids(address):
    return [one["id"] for one in get(address).json()["result"]]


def test_every_machine_item_lot_and_production_order_has_a_shell():
    kinds = [name.split(":")[3] for name in ids("/api/v3/shells")]
    assert kinds == ["item"] * 3 + ["lot"] * 2 + ["machine"] + ["order"]


def test_pages_follow_each_other_and_miss_nothing():
    for what in ("shells", "submodels"):
        whole, pages, cursor = ids(f"/api/v3/{what}"), [], ""
        while True:
            page = get(f"/api/v3/{what}?limit=2{'&cursor=' + cursor if cursor else ''}").json()
            pages += [one["id"] for one in page["result"]]
            cursor = page["paging_metadata"].get("cursor", "")
            assert len(page["result"]) == 2 or not cursor
            if not cursor:
                break
        assert pages == whole and len(set(whole)) == len(whole)


def test_paths_of_all_submodels_come_in_pages_too():
    whole, pages, cursor = get("/api/v3/submodels/$path?limit=1000").json()["result"], [], ""
    while True:
        page = get(f"/api/v3/submodels/$path?limit=7{'&cursor=' + cursor if cursor else ''}").json()
        pages += page["result"]
        cursor = page["paging_metadata"].get("cursor", "")
        if not cursor:
            break
    assert pages == whole and len(whole) > 100


def test_all_that_is_exported_passes_the_official_engine():
    result = engine.check_json_data(get("/api/v3/serialization").json())
    assert result.ok(), result.to_dict()


def test_a_part_is_exported_by_id():
    told = get(f"/api/v3/serialization?aasIds={encode_id(ITEM)}").json()
    assert [one["id"] for one in told["assetAdministrationShells"]] == [ITEM] and "submodels" not in told


def test_a_shell_is_found_by_asset_id_and_id_short():
    wanted = encode_id('{"name":"itemNumber","value":"BV-15"}')
    assert ids(f"/api/v3/shells?assetIds={wanted}") == [ITEM]
    assert get(f"/api/v3/lookup/shells?assetIds={wanted}").json()["result"] == [ITEM]
    assert ids("/api/v3/shells?idShort=Machine_L1") == [MACHINE]
    assert ids(f"/api/v3/shells?assetIds={wanted}&idShort=Machine_L1") == []
    links = get(f"/api/v3/lookup/shells/{encode_id(ITEM)}").json()
    assert {"name": "itemNumber", "value": "BV-15"} in links


def test_a_submodel_is_found_by_id_short_and_semantic_id():
    structures = encode_id("https://admin-shell.io/idta/HierarchicalStructures/1/1/Submodel")
    assert ids("/api/v3/submodels?idShort=BillOfMaterial") == ids(f"/api/v3/submodels?semanticId={structures}")
    reference = encode_id('{"type":"ExternalReference","keys":[{"type":"GlobalReference","value":"urn:x"}]}')
    assert ids(f"/api/v3/submodels?semanticId={reference}") == []


def test_a_value_is_what_the_machine_said_last():
    address = f"{OPERATIONAL}/submodel-elements/SpindleSpeed/$value"
    assert get(address).json() == 1250.5
    NODE.live.take("L1", [("SpindleSpeed", Value(900.0))])
    assert get(address).json() == 900.0
    NODE.live.take("L1", [("SpindleSpeed", Value(1250.5))])
    assert "Feed" not in get(f"{OPERATIONAL}/$value").json()  # no good data now
    assert get(f"{OPERATIONAL}/submodel-elements/Feed/$value").status == 404
    feed = get(f"{OPERATIONAL}/submodel-elements/Feed").json()
    assert {"kind": "ValueQualifier", "type": "quality", "valueType": "xs:string", "value": "bad"} in feed["qualifiers"]


def test_a_count_shows_in_the_current_job():
    address = f"/api/v3/submodels/{encode_id(submodel_id(MACHINE, 'CurrentJob'))}/$value"
    before = get(address).json()
    assert before["Job"] == JOB and before["Item"] == "BV-15" and before["Target"] == 40
    asyncio.run(NODE.say(NODE.book("floor"), JobCounted(machine="L1", job=JOB, good=before["Good"] + 1, at="")))
    assert get(address).json()["Good"] == before["Good"] + 1


def test_a_promise_shows_in_the_production_order():
    order = submodel_id(shell_id(NODE.organisation, "order", "MO1"), "ProductionOrder")
    told = get(f"/api/v3/submodels/{encode_id(order)}/$value").json()
    assert told["Promise"] == "2026-12-01T00:00:00.000Z" and told["OrderThread"] == "T1"


def test_a_lot_tells_what_lies_at_a_partner():
    lot = submodel_id(shell_id(NODE.organisation, "lot", "C-7"), "Whereabouts")
    places = get(f"/api/v3/submodels/{encode_id(lot)}/$value").json().values()
    assert {one["Holder"]: one["Quantity"] for one in places} == {NODE.organisation: 10, PARTNER: 30}


def test_a_submodel_is_reached_through_its_own_shell_only():
    name = encode_id(submodel_id(MACHINE, "OperationalData"))
    assert get(f"/api/v3/shells/{encode_id(MACHINE)}/submodels/{name}/$value").status == 200
    assert get(f"/api/v3/shells/{encode_id(ITEM)}/submodels/{name}/$value").status == 404
    references = get(f"/api/v3/shells/{encode_id(MACHINE)}/submodel-refs?limit=2").json()
    assert len(references["result"]) == 2 and references["paging_metadata"]["cursor"]


def test_the_thing_description_comes_as_a_blob_when_asked_for():
    address = f"/api/v3/submodels/{encode_id(submodel_id(MACHINE, 'Connection'))}"
    element = f"{address}/submodel-elements/ThingDescription"
    assert "value" not in get(element).json() and "value" in get(f"{element}?extent=withBlobValue").json()
    told = get(f"{element}/attachment")
    assert told.headers["content-type"] == "application/td+json" and told.json()["title"] == "CNC lathe L1"


def test_elements_come_in_pages():
    first = get(f"{OPERATIONAL}/submodel-elements?limit=3").json()
    after = get(f"{OPERATIONAL}/submodel-elements?limit=3&cursor={first['paging_metadata']['cursor']}").json()
    names = [one["idShort"] for one in (*first["result"], *after["result"])]
    assert names == [one["idShort"] for one in get(f"{OPERATIONAL}/submodel-elements").json()["result"]][:6]


def test_the_description_promises_what_is_there_and_nothing_else():
    profiles = get("/api/v3/description").json()["profiles"]
    assert len(profiles) == len(set(profiles)) == 41
    assert "https://admin-shell.io/aas/API/3/0/SubmodelServiceSpecification/SSP-002" in profiles


def test_without_a_token_nothing_is_told():
    for token in ("", "wrong"):
        told = get("/api/v3/shells", token=token)
        assert told.status == 401 and "messages" in told.json()


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_method_that_an_address_does_not_know_is_told_with_those_that_it_knows(method):
    told = get("/api/v3/shells", method=method)
    assert told.status == 405 and told.headers["allow"] == "GET, POST"
    assert told.json()["messages"][0]["code"] == "405"


@pytest.mark.parametrize(("address", "status"), [
    ("/api/v3/shells/!!", 400), (f"/api/v3/shells/{encode_id('urn:x')}", 404), ("/api/v3/shells?limit=-1", 400),
    ("/api/v3/shells?cursor=!", 400), ("/api/v3/shells?assetIds=e30", 400), ("/api/v3/nothing", 404), ("/api/v3/", 404),
    (f"{OPERATIONAL}/submodel-elements/No", 404), (f"{OPERATIONAL}/submodel-elements/a..b", 400),
    (f"{OPERATIONAL}?level=half", 400), (f"{OPERATIONAL}/$metadata?level=deep", 400), (f"{OPERATIONAL}/$x", 404),
    (f"{OPERATIONAL}/submodel-elements/Feed/$path", 400), (f"{OPERATIONAL}/submodel-elements/Feed/attachment", 405),
    (f"{OPERATIONAL}/submodel-elements?cursor=eA", 400),
    ("/api/v3/serialization?includeConceptDescriptions=maybe", 400),
    (f"/api/v3/shells/{encode_id(MACHINE)}/asset-information/thumbnail", 404),
])
def test_a_wrong_request_is_told_what_is_wrong_in_the_form_of_the_standard(address, status):
    told = get(address)
    assert told.status == status
    message = told.json()["messages"][0]
    assert set(told.json()) == {"messages"} and message["code"] == str(status)
    assert set(message) == {"code", "correlationId", "messageType", "text", "timestamp"}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
       st.sampled_from(["shells", "submodels", "lookup"]))
def test_no_address_makes_the_door_fail(text, part):
    from urllib.parse import quote

    for address in (f"/api/v3/{part}/{quote(text)}", f"/api/v3.0/{part}?cursor={quote(text)}&limit={quote(text)}",
                    f"{OPERATIONAL}/submodel-elements/{quote(text)}/$value"):
        assert get(address).status < 500


def test_an_end_of_line_in_an_address_does_not_lead_out_of_the_door():
    told = get("/api/v3/shells/a%0Ab")
    assert told.status == 400 and "messages" in told.json()


def test_a_new_node_answers_with_empty_pages():
    client = Client(aas.routes(asyncio.run(empty_node())), TOKEN)
    for what in ("shells", "submodels", "lookup/shells", "concept-descriptions"):
        assert asyncio.run(client.ask(f"/api/v3/{what}")).json() == {"paging_metadata": {}, "result": []}

