"""The door for twins when something is written: what is made is there, what is refused changed nothing."""

import asyncio

import msgspec
import pytest

from tests.conformance import environment as known
from tests.conformance.suites import encoded
from tests.doors.asking import Client
from tests.engine.home import TOKEN, busy_node
from tests.twin.aasx.packages import SHELL as SHELL_IN
from tests.twin.aasx.packages import SUBMODEL as SUBMODEL_IN
from tests.twin.aasx.packages import aas4j, packed, plain, xml
from weft.doors import aas
from weft.twin.names import encode_id, shell_id, submodel_id

JSON = {"content-type": "application/json"}
SUBMODEL = f"/api/v3/submodels/{encoded(known.SUBMODEL)}"
ELEMENTS = f"{SUBMODEL}/submodel-elements"
SHELL = f"/api/v3/shells/{encoded(known.SHELL)}"


class Door:
    """A node's door, with the conformance shell behind it."""

    def __init__(self):
        self.node = asyncio.run(busy_node())
        self.client = Client(aas.routes(self.node), TOKEN)
        told = known.environment()
        for folder, documents in (("concept-descriptions", told["conceptDescriptions"]),
                                  ("submodels", told["submodels"]), ("shells", told["assetAdministrationShells"])):
            for document in documents:
                assert self.send("POST", f"/api/v3/{folder}", document).status == 201

    def send(self, method, address, document=None, headers=None):
        body = b"" if document is None else msgspec.json.encode(document)
        return asyncio.run(self.client.ask(address, method, {**JSON, **(headers or {})}, body))

    def get(self, address):
        return self.send("GET", address)

    def form(self, method, address, content, **fields):
        """A multipart body with ``content`` as its file."""
        parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
                 for name, value in fields.items()]
        parts.append(b'--x\r\nContent-Disposition: form-data; name="file"; filename="f.bin"\r\n'
                     b"Content-Type: application/pdf\r\n\r\n" + content + b"\r\n--x--\r\n")
        headers = {"content-type": "multipart/form-data; boundary=x"}
        return asyncio.run(self.client.ask(address, method, headers, b"".join(parts)))


@pytest.fixture
def door():
    return Door()


def test_what_was_written_is_read_byte_for_byte_with_every_digit(door):
    told = door.get(f"{ELEMENTS}/Inside.Depth")
    assert told.json()["value"] == "0.500" and door.get(f"{ELEMENTS}/Inside.Depth/$value").body == b"0.500"


def test_the_same_twin_is_not_made_twice(door):
    told = door.send("POST", "/api/v3/submodels", known.environment()["submodels"][0])
    assert told.status == 409 and told.json()["messages"][0]["correlationId"] == "twin.exists"


def test_a_twin_of_the_books_is_not_written(door):
    machine = shell_id(door.node.organisation, "machine", "L1")
    before = door.get(f"/api/v3/shells/{encode_id(machine)}").json()
    for method, address, document in (("PUT", f"shells/{encode_id(machine)}", before),
                                      ("DELETE", f"shells/{encode_id(machine)}", None),
                                      ("DELETE", f"submodels/{encode_id(submodel_id(machine, 'CurrentJob'))}", None)):
        told = door.send(method, f"/api/v3/{address}", document)
        assert told.status == 403, told.body
    assert door.get(f"/api/v3/shells/{encode_id(machine)}").json() == before


def test_who_has_read_an_older_revision_does_not_overwrite_a_newer_one(door):
    tag = door.get(SUBMODEL).headers["etag"]
    assert door.send("PATCH", f"{ELEMENTS}/Limits/$value", {"min": 1, "max": 2}, {"if-match": tag}).status == 204
    late = door.send("PATCH", f"{ELEMENTS}/Limits/$value", {"min": 5, "max": 6}, {"if-match": tag})
    assert late.status == 412 and door.get(f"{ELEMENTS}/Limits/$value").json() == {"min": 1, "max": 2}
    assert door.send("PATCH", f"{ELEMENTS}/Limits/$value", {"min": 5, "max": 6}, {"if-match": "x"}).status == 400


def test_an_element_is_made_changed_and_taken_away(door):
    made = door.send("POST", f"{ELEMENTS}/Inside", {"modelType": "Property", "idShort": "New", "valueType": "xs:int",
                                                    "value": "1"})
    assert made.status == 201 and made.headers["location"].endswith("/submodel-elements/Inside.New")
    assert door.send("PATCH", f"{ELEMENTS}/Inside.New/$value", 41).status == 204
    title = {"displayName": [{"language": "zh", "text": "新"}]}
    assert door.send("PATCH", f"{ELEMENTS}/Inside.New", title).status == 204
    told = door.get(f"{ELEMENTS}/Inside.New").json()
    assert told["value"] == "41" and told["displayName"][0]["text"] == "新"
    assert door.send("POST", f"{ELEMENTS}/Inside", told).status == 409
    assert door.send("DELETE", f"{ELEMENTS}/Inside.New").status == 204
    assert door.get(f"{ELEMENTS}/Inside.New").status == 404


def test_a_wrong_element_is_told_by_its_place_and_changes_nothing(door):
    before = door.get(SUBMODEL).body
    bent = {"modelType": "Property", "idShort": "9 lives", "valueType": "xs:int", "value": "many"}
    told = door.send("POST", f"{ELEMENTS}/Inside", bent)
    assert told.status == 400 and "9 lives" in told.json()["messages"][0]["text"] and door.get(SUBMODEL).body == before


def test_a_submodel_made_below_a_shell_is_named_by_it(door):
    name = "https://example.com/new"
    below = f"{SHELL}/submodels/{encoded(name)}"
    assert door.send("PUT", below, {"modelType": "Submodel", "id": name}).status == 201
    references = door.get(f"{SHELL}/submodel-refs").json()["result"]
    assert [one["keys"][0]["value"] for one in references] == [known.SUBMODEL, known.OTHER, name]
    assert door.send("DELETE", below).status == 204 and door.get(f"/api/v3/submodels/{encoded(name)}").status == 404
    assert len(door.get(f"{SHELL}/submodel-refs").json()["result"]) == 2


def test_a_file_comes_back_as_it_went_in_and_is_never_shown_as_a_page(door):
    assert door.get(f"{ELEMENTS}/Manual/attachment").status == 404
    assert door.form("PUT", f"{ELEMENTS}/Manual/attachment", b"%PDF-1.7", fileName="manual.pdf").status == 204
    told = door.get(f"{ELEMENTS}/Manual/attachment")
    assert told.body == b"%PDF-1.7" and told.headers["content-disposition"].startswith("attachment")
    assert door.send("DELETE", f"{ELEMENTS}/Manual/attachment").status == 200
    assert door.get(f"{ELEMENTS}/Manual/attachment").status == 404
    assert door.form("PUT", f"{ELEMENTS}/Speed/attachment", b"x", fileName="x").status in (400, 404, 405)


def test_a_picture_belongs_to_the_shell(door):
    address = f"{SHELL}/asset-information/thumbnail"
    assert door.get(address).status == 404 and door.form("PUT", address, b"\x89PNG", fileName="p.png").status == 204
    assert door.get(address).body == b"\x89PNG" and door.send("DELETE", address).status == 204
    assert door.get(address).status == 404


def test_a_package_is_kept_as_it_came(door):
    spec = msgspec.json.encode({"assetAdministrationShells": [{**SHELL_IN, "id": one} for one in ("urn:a", "urn:b")]})
    package = packed(plain(spec, "aasx/data.json"))
    made = door.form("POST", "/api/v3/packages", package, fileName="a.aasx", aasIds="urn:a,urn:b")
    name = made.json()["packageId"]
    told = door.get(f"/api/v3/packages/{encoded(name)}")
    assert made.status == 201 and told.body == package and told.headers["x-filename"] == "a.aasx"
    about_b = door.get(f"/api/v3/packages?aasId={encoded('urn:b')}").json()["result"]
    assert [one["packageId"] for one in about_b] == [name]
    assert door.get(f"/api/v3/packages?aasId={encoded('urn:c')}").json()["result"] == []
    assert door.send("DELETE", f"/api/v3/packages/{encoded(name)}").status == 204
    assert door.get(f"/api/v3/packages/{encoded(name)}").status == 404


WHOLE = packed(plain())
NO_PACKAGES = {
    "nothing": b"", "no zip": b"hello", "the head of one": b"PK\x03\x04rest", "half of one": WHOLE[:len(WHOLE) // 2],
    "all but its end": WHOLE[:-30], "no twins in it": packed({"readme.txt": b"x"}), "XML alone": xml(),
    "a part that leads out": packed({**plain(), "../x": b"x"}),
}


@pytest.mark.parametrize("data", NO_PACKAGES.values(), ids=NO_PACKAGES)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_what_is_no_package_is_not_kept(door, data, method):
    before = door.get("/api/v3/packages").json()
    address = "/api/v3/packages" if method == "POST" else f"/api/v3/packages/{encoded('p1')}"
    told = door.form(method, address, data, fileName="a.aasx")
    [message] = told.json()["messages"]
    assert told.status == 400 and message["correlationId"].startswith("aasx.")
    assert door.get("/api/v3/packages").json() == before


def test_a_package_is_not_kept_under_a_shell_that_it_does_not_hold(door):
    for ids, status in (("urn:nobody", 400), (SUBMODEL_IN["id"], 400), (f"{SHELL_IN['id']},urn:nobody", 400),
                        (SHELL_IN["id"], 201), ("", 201)):
        for data in (WHOLE, aas4j()):
            told = door.form("POST", "/api/v3/packages", data, fileName="a.aasx", aasIds=ids)
            assert told.status == status, told.body
    told = door.form("POST", "/api/v3/packages", WHOLE, aasIds="urn:nobody")
    assert "urn:nobody" in told.json()["messages"][0]["text"]


@pytest.mark.parametrize(("declared", "name", "kind"), [
    ("image/png", "x.pdf", "image/png"), ("text/plain; charset=utf-8", "x.pdf", "text/plain; charset=utf-8"),
    ("application/octet-stream", "manual.PDF", "application/pdf"), ("", "manual.pdf", "application/pdf"),
    ("application/octet-stream", "manual.unknown", "application/octet-stream"), ("", "", "application/octet-stream")])
def test_a_file_has_the_type_that_was_declared_else_that_of_its_name(door, declared, name, kind):
    part = f'--x\r\nContent-Disposition: form-data; name="file"; filename="{name or "f"}"\r\n'
    part += f"Content-Type: {declared}\r\n" if declared else ""
    address = f"{ELEMENTS}/Manual/attachment"
    told = asyncio.run(door.client.ask(address, "PUT", {"content-type": "multipart/form-data; boundary=x"},
                                       f"{part}\r\nabc\r\n--x--\r\n".encode()))
    assert told.status == 204, told.body
    assert door.get(f"{ELEMENTS}/Manual").json()["contentType"] == kind
    assert door.get(address).headers["content-type"] == kind


def test_the_registry_lists_what_is_written_and_what_is_served(door):
    shells = [one["id"] for one in door.get("/api/v3/shell-descriptors").json()["result"]]
    assert known.SHELL in shells and shell_id(door.node.organisation, "machine", "L1") in shells
    ends = [{"interface": "AAS-3.0", "protocolInformation": {"href": "https://x"}}]
    other = {"id": "urn:elsewhere", "endpoints": ends}
    assert door.send("POST", "/api/v3/shell-descriptors", other).status == 201
    assert door.send("POST", "/api/v3/shell-descriptors", other).status == 409
    assert door.get(f"/api/v3/shell-descriptors/{encoded('urn:elsewhere')}").json()["id"] == "urn:elsewhere"
    assert door.send("DELETE", f"/api/v3/shell-descriptors/{encoded(known.SHELL)}").status == 403
    walked, cursor = [], ""
    while True:
        page = door.get(f"/api/v3/shell-descriptors?limit=2{'&cursor=' + cursor if cursor else ''}").json()
        walked += [one["id"] for one in page["result"]]
        cursor = page["paging_metadata"].get("cursor", "")
        if not cursor:
            break
    assert sorted(walked) == sorted([*shells, "urn:elsewhere"])


def test_many_descriptors_are_written_all_or_none(door):
    ends = [{"interface": "AAS-3.0", "protocolInformation": {"href": "https://x"}}]
    many = [{"id": f"urn:{one}", "endpoints": ends} for one in range(3)]
    told = door.send("POST", "/api/v3/bulk/submodel-descriptors", many)
    status = told.headers["location"].partition("/api/v3")[2]
    result = door.get("/api/v3" + status)
    assert told.status == 202 and result.status == 302
    assert door.get("/api/v3" + result.headers["location"].partition("/api/v3")[2]).status == 204
    again = door.send("POST", "/api/v3/bulk/submodel-descriptors", [{"id": "urn:new", "endpoints": ends}, many[0]])
    failed = door.get("/api/v3" + again.headers["location"].partition("/api/v3")[2].replace("status", "result"))
    assert failed.status == 400 and failed.json()["success"] is False
    assert door.get(f"/api/v3/submodel-descriptors/{encoded('urn:new')}").status == 404


def test_links_of_assets_lead_to_shells_here_and_elsewhere(door):
    links = [{"name": "batch", "value": "7"}]
    assert door.send("POST", f"/api/v3/lookup/shells/{encoded('urn:far')}", links).status == 201
    found = door.send("POST", "/api/v3/lookup/shellsByAssetLink", links).json()["result"]
    assert found == ["urn:far"] and door.get(f"/api/v3/lookup/shells/{encoded('urn:far')}").json() == links
    serial = door.send("POST", "/api/v3/lookup/shellsByAssetLink", [{"name": "serialNumber", "value": "L-1"}])
    assert serial.json()["result"] == [known.SHELL]
    assert door.send("DELETE", f"/api/v3/lookup/shells/{encoded('urn:far')}").status == 204
    assert door.get(f"/api/v3/lookup/shells/{encoded('urn:far')}").status == 404


def test_a_query_finds_by_what_is_within(door):
    condition = {"$gt": [{"$field": "$sme.Inside.Deeper.Count#value"}, {"$numVal": 6}]}
    told = door.send("POST", "/api/v3/query/submodels", {"$select": "id", "$condition": condition}).json()
    assert told["result"] == [known.SUBMODEL] and told["paging_metadata"]["resultType"] == "Identifier"
    wrong = door.send("POST", "/api/v3/query/submodels", {"$condition": {"$gt": [{"$field": "$nothing"}]}})
    assert wrong.status == 400


def test_an_operation_that_nothing_stands_behind_is_refused(door):
    given = {"inputArguments": [{"value": known.elements()[11]["inputVariables"][0]["value"]}]}
    told = door.send("POST", f"{ELEMENTS}/Reset/invoke", given)
    assert told.status == 409 and told.json()["messages"][0]["correlationId"] == "twin.no-function"
    assert door.send("POST", f"{ELEMENTS}/Speed/invoke", given).status == 405


def test_each_edition_answers_a_list_of_values_in_its_own_form(door):
    assert isinstance(door.get(f"{ELEMENTS}/$value").json()["result"], dict)
    assert isinstance(door.get(f"{ELEMENTS.replace('v3', 'v3.0')}/$value").json()["result"], list)


def test_a_value_that_is_not_there_is_told_and_no_null(door):
    told = door.get(f"{ELEMENTS}/Speed/$value")
    assert told.status == 404 and told.json()["messages"][0]["correlationId"] == "twin.value-absent"


def test_a_program_with_a_token_of_its_own_reads_and_writes_nothing(door):
    door.client.token = asyncio.run(door.node.devices.grant("client", "BI", "key"))
    assert door.get(SUBMODEL).status == 200
    assert door.send("POST", "/api/v3/lookup/shellsByAssetLink", []).status == 200
    for method, address in (("DELETE", SUBMODEL), ("POST", "/api/v3/shells"), ("PATCH", f"{ELEMENTS}/Limits/$value")):
        assert door.send(method, address, {}).status == 403
    assert door.get(SUBMODEL).status == 200
