"""Every operation of the table needs a right: with all others it is refused, with it alone it is done."""


import msgspec
import pytest

from tests.doors.aas.specification import bundled
from tests.doors.aas.test_shown_exactly import House
from tests.engine.home import TOKEN
from tests.engine.world import Wires, found
from tests.twin.aasx.packages import packed, plain
from weft.doors.aas.table import READING, addresses, tree
from weft.engine.twins.access import Access
from weft.engine.twins.guarded import CHANGING, Guarded
from weft.twin import elements as e
from weft.twin.names import encode_id

READ, CREATE, UPDATE, DELETE, EXECUTE = "READ", "CREATE", "UPDATE", "DELETE", "EXECUTE"
PUT = f"{CREATE} where there is none, else {UPDATE}"
NEEDED = {  # who answers, and what he needs; what is only read needs READ
    "attachments.put": UPDATE, "attachments.delete": UPDATE, "attachments.put_thumbnail": UPDATE,
    "attachments.delete_thumbnail": UPDATE, "bulk.create": CREATE, "bulk.replace": PUT, "bulk.delete": DELETE,
    "concepts.create": CREATE, "concepts.put": PUT, "concepts.delete": DELETE, "discovery.set_links": PUT,
    "discovery.remove_links": DELETE, "elements.create": CREATE, "elements.put": PUT, "elements.patch": UPDATE,
    "elements.patch_metadata": UPDATE, "elements.patch_value": UPDATE, "elements.delete": DELETE,
    "invoking.invoke": EXECUTE, "invoking.invoke_value": EXECUTE, "invoking.begin": EXECUTE,
    "invoking.begin_value": EXECUTE, "packages.create": CREATE, "packages.put": PUT, "packages.delete": DELETE,
    "registry.create": CREATE, "registry.put": PUT, "registry.delete": DELETE, "registry.inner_create": PUT,
    "registry.inner_put": PUT, "registry.inner_delete": PUT, "shells.create": CREATE, "shells.put": PUT,
    "shells.delete": DELETE, "shells.put_asset": UPDATE, "shells.add_submodel": UPDATE,
    "shells.remove_submodel": UPDATE, "submodels.create": CREATE, "submodels.put": PUT, "submodels.patch": UPDATE,
    "submodels.patch_metadata": UPDATE, "submodels.patch_value": UPDATE, "submodels.delete": DELETE,
    "querying.query": READ, "discovery.search": READ,
}
SM, SH, CD, NEW, PK = "urn:sm", "urn:sh", "urn:cd", "urn:new", "p1"
FORM = (b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.png"\r\nContent-Type: image/png\r\n\r\n'
        b"x\r\n--b--\r\n")
PACKED = FORM.replace(b"x\r\n--b--", packed(plain()) + b"\r\n--b--")
ENDPOINT = [{"interface": "AAS-3.0", "protocolInformation": {"href": "https://example.com/x"}}]
ASSET = {"assetKind": "Instance", "globalAssetId": "urn:asset"}
OPERATION = {"modelType": "Operation", "idShort": "O"}
FILE = {"modelType": "File", "idShort": "F", "contentType": "image/png"}


def submodel(name):
    return e.submodel(name, "S", [e.prop("P", "1"), e.collection("C", [e.prop("Q", "1")]), FILE, OPERATION])


def shell(name, submodels):
    return e.shell(name, "A", dict(ASSET), submodels, {"en": "A"})


def descriptor(name):
    return {"id": name, "endpoints": ENDPOINT}


def concept(name):
    return {"modelType": "ConceptDescription", "id": name}


INNER = descriptor("urn:in")
WORLD = {"submodel": [submodel(SM)], "shell": [shell(SH, [SM])], "concept": [concept(CD)],
         "shell-descriptor": [{**descriptor(SH), "submodelDescriptors": [INNER]}],
         "submodel-descriptor": [descriptor(SM)],
         "links": [{"id": SH, "links": [{"name": "a", "value": "b"}]}]}


def cases():
    """(method, address in the table, what stands for its placeholders, body, rights)."""
    for base, more in (("submodels/{submodel}", ()), ("shells/{shell}/submodels/{submodel}", (UPDATE,))):
        yield "PUT", base, {}, submodel(SM), [UPDATE]
        yield "PUT", base, {"submodel": NEW}, submodel(NEW), [CREATE, *more]
        yield "PATCH", base, {}, {"modelType": "Submodel", "id": SM, "idShort": "T"}, [UPDATE]
        yield "DELETE", base, {}, None, [DELETE, *more]
        yield "PATCH", f"{base}/$metadata", {}, {"modelType": "Submodel", "id": SM, "idShort": "T"}, [UPDATE]
        yield "PATCH", f"{base}/$value", {}, {"P": "2"}, [UPDATE]
        yield "POST", f"{base}/submodel-elements", {}, e.prop("N", "1"), [CREATE]
        at = f"{base}/submodel-elements/{{path}}"
        yield "POST", at, {"path": "C"}, e.prop("N", "1"), [CREATE]
        yield "PUT", at, {"path": "P"}, e.prop("P", "2"), [UPDATE]
        yield "PUT", at, {"path": "N"}, e.prop("N", "2"), [CREATE]
        yield "PATCH", at, {"path": "P"}, e.prop("P", "2"), [UPDATE]
        yield "DELETE", at, {"path": "P"}, None, [DELETE]
        yield "PATCH", f"{at}/$metadata", {"path": "P"}, {
            "modelType": "Property", "idShort": "P", "valueType": "xs:string", "category": "X"}, [UPDATE]
        yield "PATCH", f"{at}/$value", {"path": "P"}, "2", [UPDATE]
        yield "PUT", f"{at}/attachment", {"path": "F"}, FORM, [UPDATE]
        yield "DELETE", f"{at}/attachment", {"path": "F"}, None, [UPDATE]
        for tail in ("invoke", "invoke/$value", "invoke-async", "invoke-asnyc", "invoke-async/$value"):
            yield "POST", f"{at}/{tail}", {"path": "O"}, {"clientTimeoutDuration": "PT5S"}, [EXECUTE]
    yield "POST", "submodels", {}, submodel(NEW), [CREATE]
    yield from _shells()
    yield from _others()


def _shells():
    at = "shells/{shell}"
    yield "POST", "shells", {}, shell(NEW, [SM]), [CREATE]
    yield "PUT", at, {}, {**shell(SH, [SM]), "idShort": "B"}, [UPDATE]
    yield "PUT", at, {"shell": NEW}, shell(NEW, [SM]), [CREATE]
    yield "DELETE", at, {}, None, [DELETE]
    yield "PUT", f"{at}/asset-information", {}, {**ASSET, "globalAssetId": "urn:other"}, [UPDATE]
    yield "PUT", f"{at}/asset-information/thumbnail", {}, FORM, [UPDATE]
    yield "DELETE", f"{at}/asset-information/thumbnail", {}, None, [UPDATE]
    yield "POST", f"{at}/submodel-refs", {}, e.model(("Submodel", NEW)), [UPDATE]
    yield "DELETE", f"{at}/submodel-refs/{{submodel}}", {}, None, [UPDATE]


def _others():
    yield "POST", "concept-descriptions", {}, concept(NEW), [CREATE]
    yield "PUT", "concept-descriptions/{concept}", {}, {**concept(CD), "idShort": "B"}, [UPDATE]
    yield "PUT", "concept-descriptions/{concept}", {"concept": NEW}, concept(NEW), [CREATE]
    yield "DELETE", "concept-descriptions/{concept}", {}, None, [DELETE]
    for kind, name in (("shell", SH), ("submodel", SM)):
        at = f"{kind}-descriptors"
        yield "POST", at, {}, descriptor(NEW), [CREATE]
        yield "PUT", f"{at}/{{id}}", {"id": name}, {**descriptor(name), "idShort": "B"}, [UPDATE]
        yield "PUT", f"{at}/{{id}}", {"id": NEW}, descriptor(NEW), [CREATE]
        yield "DELETE", f"{at}/{{id}}", {"id": name}, None, [DELETE]
        yield "POST", f"bulk/{at}", {}, [descriptor(NEW)], [CREATE]
        yield "PUT", f"bulk/{at}", {}, [{**descriptor(name), "idShort": "B"}], [UPDATE]
        yield "PUT", f"bulk/{at}", {}, [descriptor(NEW)], [CREATE]
        yield "DELETE", f"bulk/{at}", {}, [name], [DELETE]
    at = "shell-descriptors/{id}/submodel-descriptors"
    yield "POST", at, {}, descriptor(NEW), [UPDATE]
    yield "PUT", f"{at}/{{submodel}}", {"submodel": "urn:in"}, {**INNER, "idShort": "B"}, [UPDATE]
    yield "DELETE", f"{at}/{{submodel}}", {"submodel": "urn:in"}, None, [UPDATE]
    yield "POST", "lookup/shells/{shell}", {}, [{"name": "a", "value": "c"}], [UPDATE]
    yield "POST", "lookup/shells/{shell}", {"shell": NEW}, [{"name": "a", "value": "c"}], [CREATE]
    yield "DELETE", "lookup/shells/{shell}", {}, None, [DELETE]
    yield "POST", "packages", {}, PACKED, [CREATE]
    yield "PUT", "packages/{package}", {}, PACKED, [UPDATE]
    yield "PUT", "packages/{package}", {"package": "p2"}, PACKED, [CREATE]
    yield "DELETE", "packages/{package}", {}, None, [DELETE]


CASES = list(cases())


def rule(rights):
    return {"ACL": {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": list(rights), "ACCESS": "ALLOW"},
            "OBJECTS": [{"ROUTE": "*"}], "FORMULA": {"$boolean": True}}


class Shop(House):
    """A node whose twins are as in ``WORLD`` before each question."""

    async def tried(self, program, case, rights):
        """(whether it was let do it, whether something has changed)."""
        method, address, names, body, _ = case
        await self.filled(WORLD)
        await self.node.twins.keep_package(PK, [SH], "x", _pieces())
        await self.prepared(address, method)
        await Access(self.node).keep({"rules": [rule(rights)]})
        known = {"submodel": SM, "shell": SH, "concept": CD, "package": PK, "id": SH} | names
        for name, value in known.items():
            address = address.replace("{" + name + "}", value if name == "path" else encode_id(value))
        before = await self.node.twins.feed_ends()
        data = b"" if body is None else body if isinstance(body, bytes) else msgspec.json.encode(body)
        kind = "multipart/form-data; boundary=b" if body in (FORM, PACKED) else "application/json"
        told = await self.client.ask(f"/api/v3/{address}", method, {"content-type": kind}, data, token=program)
        done, text = told.status < 400, told.body.decode()
        if "bulk/" in address:
            result = told.headers["Location".lower()].replace("/status/", "/result/").partition("/api/v3/")[2]
            done = (await self.ask(program, result)).status == 204
        done = done or "twin.no-function" in text     # let in: nothing stands behind it here
        assert done or told.status in (202, 403, 404), (case, rights, text)
        return done, await self.node.twins.feed_ends() != before

    async def prepared(self, address, method):
        if method == "DELETE" and address.endswith(("attachment", "thumbnail")):
            at = f"submodels/{encode_id(SM)}/submodel-elements/F/attachment" if address.endswith("t") else ""
            at = at or f"shells/{encode_id(SH)}/asset-information/thumbnail"
            await self.client.ask(f"/api/v3/{at}", "PUT", {"content-type": "multipart/form-data; boundary=b"}, FORM,
                                  token=TOKEN)


async def _pieces():
    yield b"x"


@pytest.fixture(scope="module")
def shop(loop):
    made = Shop(loop.run_until_complete(found(Wires(), "Shop")))

    async def paired():
        return await made.node.devices.pair(await made.node.devices.new_code("client"), "ERP")

    yield made, loop.run_until_complete(paired())
    loop.run_until_complete(made.node.stop())


def handler_of(found_):
    return f"{found_.__module__.rpartition('.')[2]}.{found_.__name__}"


def faults(loop, shop):
    """What may be done without its right, or may not be done with it."""
    told = []
    for case in CASES:
        needed = case[4]
        for lacking in needed:
            others = [READ, *(one for one in CHANGING if one != lacking)]
            done, changed = loop.run_until_complete(shop[0].tried(shop[1], case, others))
            if done or changed:
                told.append((case[:2], "done without", lacking))
        if not loop.run_until_complete(shop[0].tried(shop[1], case, [READ, *needed]))[0]:
            told.append((case[:2], "not done with", needed))
    return told


def test_each_change_is_refused_without_its_right_and_done_with_it_alone(shop, loop):
    assert faults(loop, shop) == []


def test_a_change_that_asks_for_no_right_would_be_seen_here(shop, loop, monkeypatch):
    """The control."""

    async def delete(self, kind, name, expected=None):
        await self.get(kind, name)
        await self._twins.delete(kind, name, expected)

    monkeypatch.setattr(Guarded, "delete", delete)
    assert {(one[0], one[1]) for one in faults(loop, shop)} >= {(("DELETE", "shells/{shell}"), "done without")}


def test_every_operation_of_the_specification_has_a_right_and_none_is_forgotten(published):
    served = tree()
    names = {}
    for path, known in bundled(published)["paths"].items():
        for method, operation in known.items():
            if method in ("get", "post", "put", "patch", "delete"):
                handler, _ = served.find(path.strip("/").split("/"))[0][method.upper()]
                names[operation["operationId"], path] = handler_of(handler) if method != "get" else READ
    assert len(names) == 224
    assert {one for one in names.values() if one != READ} <= set(NEEDED)
    assert not {one for one in names.values() if one != READ} <= set(NEEDED) - {"bulk.delete"}     # the control


def test_every_address_that_changes_something_is_tried():
    changing = {(method, address) for address, methods, known in addresses() for method, handler in methods.items()
                if method != "GET" and handler not in READING and "alone" not in known}
    assert changing - {case[:2] for case in CASES} == set()
    handlers = {handler_of(handler) for _, methods, _ in addresses() for method, handler in methods.items()
                if method != "GET"}
    assert handlers == set(NEEDED)


def test_what_is_needed_is_what_the_list_says():
    served = tree()
    for method, address, _, _, rights in CASES:
        handler, _ = served.find(address.split("/"))[0][method]
        listed = NEEDED[handler_of(handler)]
        assert rights[0] in (CREATE, UPDATE) if listed == PUT else rights[0] == listed, address



@pytest.mark.parametrize(("place", "status"), [(0, 204), (1, 403), (2, 404), (3, 404)])
def test_who_sees_a_list_with_gaps_changes_no_other_element_than_he_sees(shop, loop, place, status):
    """Hidden is the second of three; what is shown as the second is the third."""
    house, program = shop
    hides = {"FRAGMENT": "$sme.Rows[1]", "CONDITION": {"$boolean": False}}

    async def play():
        rows = [{"modelType": "Property", "valueType": "xs:string", "value": value} for value in ("1", "1", "3")]
        listed = {"modelType": "SubmodelElementList", "idShort": "Rows", "typeValueListElement": "Property",
                  "valueTypeListElement": "xs:string", "value": rows}
        await house.filled({"submodel": [{**submodel("urn:l"), "submodelElements": [listed]}]})
        await Access(house.node).keep({"rules": [{**rule([READ, UPDATE]), "FILTER": hides}]})
        at = f"submodels/{encode_id('urn:l')}/submodel-elements/Rows%5B{place}%5D/$value"
        told = await house.ask(program, at, "PATCH", b'"9"')
        seen = (await house.ask(TOKEN, f"submodels/{encode_id('urn:l')}/submodel-elements/Rows/$value")).json()
        return told.status, seen

    found_status, seen = loop.run_until_complete(play())
    assert found_status == status
    assert seen == (["9", "1", "3"] if place == 0 else ["1", "1", "3"])
