"""What a registry lists, a query of it finds: written descriptors and those of our own twins, by each field."""

import pytest

from tests.conformance import environment as known
from tests.conformance.suites import encoded
from tests.doors.aas.test_writing import Door
from weft.doors.aas import registry
from weft.doors.aas.descriptors import of_twins
from weft.twin.names import encode_id, shell_id
from weft.twin.query import parse_condition

REGISTRIES = {"shell": "aasdesc", "submodel": "smdesc"}
ALL = {"$boolean": True}
OUTSIDE = {"id": "urn:outside", "idShort": "Outside", "endpoints": [
    {"interface": "AAS-3.0", "protocolInformation": {"href": "https://elsewhere.example/x"}}]}


@pytest.fixture(scope="module")
def door():
    made = Door()
    for kind in REGISTRIES:
        assert made.send("POST", f"/api/v3/{kind}-descriptors", OUTSIDE).status == 201
    endpoint = {"interface": "AAS-3.0", "protocolInformation": {"href": "https://elsewhere.example/y"}}
    hidden = {**OUTSIDE, "id": known.SHELL, "idShort": "Renamed", "endpoints": [endpoint]}
    assert made.send("PUT", f"/api/v3/shell-descriptors/{encoded(known.SHELL)}", hidden).status == 201
    return made


def pages(door, address, body=None, limit=7):
    found, cursor = [], ""
    while True:
        told = door.send("GET" if body is None else "POST", f"/api/v3/{address}?limit={limit}{cursor}", body)
        assert told.status == 200, told.body
        page = told.json()
        found += page["result"]
        if not (cursor := page["paging_metadata"].get("cursor", "")):
            return found
        cursor = f"&cursor={cursor}"


def sought(door, kind, condition, limit=7):
    return pages(door, f"query/{kind}-descriptors", {"$condition": condition}, limit)


def equal(field, value):
    return {"$eq": [{"$field": field}, {"$strVal": value}]}


@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize("kind", REGISTRIES)
def test_who_asks_for_all_gets_what_the_registry_lists(door, kind, limit):
    listed = pages(door, f"{kind}-descriptors", limit=limit)
    assert sought(door, kind, ALL, limit) == listed and len(listed) > 5
    none = {"$match": [{"$ne": [{"$field": f"${REGISTRIES[kind]}#endpoints[].interface"}, {"$strVal": "none"}]}]}
    assert sought(door, kind, none, limit) == listed  # each looked at


FIELDS = {"shell": ("id", "idShort", "globalAssetId", "assetKind"), "submodel": ("id", "idShort")}


@pytest.mark.parametrize("kind", REGISTRIES)
def test_each_is_found_by_each_of_its_fields(door, kind):
    listed = pages(door, f"{kind}-descriptors", limit=1000)
    for one in listed:
        for name in FIELDS[kind]:
            if name in one:
                found = sought(door, kind, equal(f"${REGISTRIES[kind]}#{name}", one[name]), 1000)
                assert found == [other for other in listed if other.get(name) == one[name]]
        href = one["endpoints"][0]["protocolInformation"]["href"]
        assert sought(door, kind, equal(f"${REGISTRIES[kind]}#endpoints[].protocolinformation.href", href)) == [one]


def test_semantic_ids_and_names_of_assets_find_it(door):
    listed = pages(door, "submodel-descriptors", limit=1000)
    for one in [one for one in listed if "semanticId" in one][:5]:
        value = one["semanticId"]["keys"][0]["value"]
        assert one in sought(door, "submodel", equal("$smdesc#semanticId", value))
    shell = next(one for one in pages(door, "shell-descriptors") if one.get("specificAssetIds"))
    link = shell["specificAssetIds"][0]
    both = {"$match": [equal("$aasdesc#specificAssetIds[].name", link["name"]),
                       equal("$aasdesc#specificAssetIds[].value", link["value"])]}
    assert shell in sought(door, "shell", both)


def test_a_shell_is_found_by_the_descriptors_of_its_submodels(door):
    machine = shell_id(door.node.organisation, "machine", "L1")
    inner = door.get(f"/api/v3/shell-descriptors/{encode_id(machine)}").json()["submodelDescriptors"][0]["id"]
    found = sought(door, "shell", equal("$aasdesc#submodelDescriptors[].id", inner))
    assert [one["id"] for one in found] == [machine]


def test_what_somebody_wrote_goes_before_ours_in_a_query_too(door):
    listed = [one for one in pages(door, "shell-descriptors") if one["id"] == known.SHELL]
    assert sought(door, "shell", equal("$aasdesc#id", known.SHELL)) == listed and len(listed) == 1
    assert listed[0]["idShort"] == "Renamed"


@pytest.mark.parametrize("condition", [equal("$aas#idShort", "L1"), equal("$sm#id", known.SUBMODEL),
                                       equal("$smdesc#id", known.SUBMODEL)])
def test_a_field_of_another_kind_has_no_value(door, condition):
    assert sought(door, "shell", condition) == []
    assert of_twins(parse_condition(condition), "shell") is None


def test_a_page_that_takes_long_ends_and_the_next_goes_on(door, monkeypatch):
    monkeypatch.setattr(registry, "SPENT_S", -1.0)
    monkeypatch.setattr(registry, "LOOKED_AT", 2)
    listed = pages(door, "shell-descriptors", limit=1000)
    href = listed[-1]["endpoints"][0]["protocolInformation"]["href"]
    assert sought(door, "shell", equal("$aasdesc#endpoints[].protocolinformation.href", href)) == [listed[-1]]
