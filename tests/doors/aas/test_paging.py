"""Every operation that pages: a walk while a writer inserts and deletes sees each untouched thing exactly once.

The writer takes away what the cursor stands on, too. Control: pages by number miss some or repeat them.
"""

import json
import random
import re
from urllib.parse import quote

import msgspec
import pytest

from tests.conformance.suites import encoded
from tests.doors.asking import Client
from tests.engine.home import TOKEN, empty_node
from weft.doors import aas
from weft.engine.twins.ports import Change
from weft.stores.twins.indexing import derive
from weft.stores.twins.store import SqliteTwins

JSON = {"content-type": "application/json"}
COUNT = "WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < ? - 1)"
TERM = {"type": "ExternalReference", "keys": [{"type": "GlobalReference", "value": "urn:term"}]}
ENDPOINT = {"interface": "AAS-3.0", "protocolInformation": {"href": "https://example.com/x"}}
LINK = {"name": "batch", "value": "7"}
HOLDER = "urn:holder"


def shell(name):
    return {"modelType": "AssetAdministrationShell", "id": name, "idShort": "Alike",
            "assetInformation": {"assetKind": "Instance", "specificAssetIds": [LINK]}}


def submodel(name):
    return {"modelType": "Submodel", "id": name, "idShort": "Alike", "semanticId": TERM, "submodelElements": [
        {"modelType": "Property", "idShort": f"P{name[-8:]}", "valueType": "xs:string", "value": "1"}]}


def descriptor(name):
    return {"id": name, "idShort": "Alike", "endpoints": [ENDPOINT]}


MAKING = {"shell": shell, "submodel": submodel, "shell-descriptor": descriptor, "submodel-descriptor": descriptor,
          "concept": lambda name: {"modelType": "ConceptDescription", "id": name, "idShort": "Alike"},
          "package": lambda name: {"packageId": name, "aasIds": ["urn:a"], "file": "/package.aasx"}}
ALIKE = {"$eq": [{"$strVal": "Alike"}]}


def asking(root):
    return {"$condition": {"$eq": [{"$field": f"{root}#idShort"}, {"$strVal": "Alike"}]}}


ASSETS = encoded(json.dumps(LINK, separators=(",", ":")))
WHOLE = [  # kind, address, body of a POST
    ("shell", "shells", None), ("shell", "shells/$reference", None), ("shell", "shells?idShort=Alike", None),
    ("shell", f"shells?assetIds={ASSETS}", None), ("shell", f"lookup/shells?assetIds={ASSETS}", None),
    ("shell", "lookup/shellsByAssetLink", [LINK]), ("shell", "query/shells", asking("$aas")),
    ("submodel", "submodels", None), ("submodel", "submodels/$metadata", None), ("submodel", "submodels/$value", None),
    ("submodel", "submodels/$reference", None), ("submodel", "submodels/$path", None),
    ("submodel", f"submodels?semanticId={encoded(json.dumps(TERM))}", None),
    ("submodel", "query/submodels", asking("$sm")),
    ("concept", "concept-descriptions", None), ("concept", "query/concept-descriptions", asking("$cd")),
    ("shell-descriptor", "shell-descriptors", None),
    ("shell-descriptor", "query/shell-descriptors", asking("$aasdesc")),
    ("submodel-descriptor", "submodel-descriptors", None),
    ("submodel-descriptor", "query/submodel-descriptors", asking("$smdesc")),
    ("package", "packages", None)]


def elements(numbers):
    return {**submodel(HOLDER), "submodelElements": [
        {"modelType": "Property", "idShort": f"P{n:08d}", "valueType": "xs:string", "value": "1"} for n in numbers]}


def references(numbers):
    return {**shell(HOLDER), "submodels": [
        {"type": "ModelReference", "keys": [{"type": "Submodel", "value": f"urn:k:{n:08d}"}]} for n in numbers]}


def descriptors(numbers):
    return {**descriptor(HOLDER), "submodelDescriptors": [descriptor(f"urn:k:{n:08d}") for n in numbers]}


ID = encoded(HOLDER)
WITHIN = [  # kind of the holder, what makes it, address
    ("submodel", elements, f"submodels/{ID}/submodel-elements"),
    ("submodel", elements, f"submodels/{ID}/submodel-elements/$metadata"),
    ("submodel", elements, f"submodels/{ID}/submodel-elements/$value"),
    ("submodel", elements, f"submodels/{ID}/submodel-elements/$reference"),
    ("submodel", elements, f"submodels/{ID}/submodel-elements/$path"), ("submodel", elements, "submodels/$path"),
    ("shell", references, f"shells/{ID}/submodel-refs"),
    ("shell-descriptor", descriptors, f"shell-descriptors/{ID}/submodel-descriptors")]


class Asker:
    """A node that knows nothing but what was laid down, and its door."""

    def __init__(self, node, store):
        self.store = store
        node.twins.opening = lambda: store
        self.client = Client(aas.routes(node), TOKEN)

    async def page(self, address, body, limit, cursor=""):
        """(numbers on the page, cursor behind it)."""
        mark = "&" if "?" in address else "?"
        where = f"/api/v3/{address}{mark}limit={limit}" + (f"&cursor={quote(cursor)}" if cursor else "")
        told = await self.client.ask(where, "GET" if body is None else "POST", JSON,
                                     b"" if body is None else msgspec.json.encode(body))
        assert told.status == 200, (where, told.body[:300])
        page = told.json()
        items = page["result"] if isinstance(page["result"], list) else [
            {name: one} for name, one in page["result"].items()]
        return [int(found[1]) for one in items if (found := re.search(r"(\d{8})", json.dumps(one)))], (
            page["paging_metadata"].get("cursor", ""))


async def walked(asker, address, body, limit, write, by_number=False):
    """How often each number was met, and what was touched meanwhile."""
    met, touched, cursor, place = {}, set(), "", 0
    while True:
        if by_number:
            numbers = (await asker.page(address, body, place + limit))[0][place:]
            place, cursor = place + len(numbers), "further" if numbers else ""
        else:
            numbers, cursor = await asker.page(address, body, limit, cursor)
        for one in numbers:
            met[one] = met.get(one, 0) + 1
        if not cursor:
            return met, touched
        touched |= await write(numbers[-1] if numbers else 0)


def wrong(met, touched, count):
    """Untouched ones that were not met exactly once."""
    return [one for one in range(0, 2 * count, 2) if one not in touched and met.get(one, 0) != 1]


async def opened(tmp_path):
    node = await empty_node()
    return Asker(node, SqliteTwins(str(tmp_path / "twins.db"), node.clock))


def laid_down(store, kind, count):
    """``count`` twins with all that they are found by; they differ by their numbers, which are even."""
    place = ("shell", "submodel", "concept", "shell-descriptor", "submodel-descriptor", "package").index(kind) + 1
    body = msgspec.json.encode(MAKING[kind]("urn:k:@@@@@@@@"))
    told, run = derive(kind, body), store._connection.execute

    def numbered(text):
        return f"replace('{text}', '@@@@@@@@', printf('%08d', 2 * n))"

    with store._connection:
        run(f"INSERT INTO twins (kind, id, revision, at, body) {COUNT} SELECT {place}, {numbered('urn:k:@@@@@@@@')}, 1,"
            f" '', CAST({numbered(body.decode())} AS BLOB) FROM c", (count,))
        run("CREATE TEMP TABLE laid AS SELECT number, CAST(substr(id, 7) AS INTEGER) / 2 AS n, id FROM twins")
        for title, value in sorted(told.names):
            run("INSERT OR IGNORE INTO titles (text) VALUES (?)", (title,))
            run(f"INSERT INTO names SELECT (SELECT number FROM titles WHERE text = ?), {numbered(value)}, id FROM laid",
                (title,))
        for title, value, at in sorted(told.fields):
            run("INSERT OR IGNORE INTO titles (text) VALUES (?)", (title,))
            run(f"INSERT INTO fields SELECT (SELECT number FROM titles WHERE text = ?), {numbered(value)}, number, ?"
                " FROM laid", (title, at))


def writer(asker, kind, count, luck):
    """Deletes some and the one the cursor stands on, and makes others."""
    async def write(last):
        gone = {last, *(2 * luck.randrange(count) for _ in range(3))}
        new = {2 * luck.randrange(count) + 1 for _ in range(3)}
        await asker.store.commit([
            *(Change(kind, f"urn:k:{one:08d}", None) for one in gone),
            *(Change(kind, f"urn:k:{one:08d}", msgspec.json.encode(MAKING[kind](f"urn:k:{one:08d}"))) for one in new)])
        return gone | new
    return write


@pytest.mark.parametrize(("count", "limit"), [(1_000, 37), pytest.param(1_000_000, 1_000, marks=pytest.mark.release)])
@pytest.mark.parametrize(("kind", "address", "body"), WHOLE, ids=[one[1] for one in WHOLE])
async def test_each_untouched_twin_is_met_once_whoever_writes(tmp_path, kind, address, body, count, limit):
    asker = await opened(tmp_path)
    laid_down(asker.store, kind, count)
    met, touched = await walked(asker, address, body, limit, writer(asker, kind, count, random.Random(count)))
    assert wrong(met, touched, count) == []
    assert len(touched) > 3 * count / limit
    await asker.store.close()


def holding(asker, kind, make, count, luck):
    """Writes the holder without some of what it holds, and with others in between."""
    there = list(range(0, 2 * count, 2))

    async def write(last):
        gone = {last, *luck.sample(there, 3)}
        new = {2 * luck.randrange(count) + 1 for _ in range(3)} - set(there)
        there[:] = sorted({*there, *new} - gone)
        await asker.store.commit([Change(kind, HOLDER, msgspec.json.encode(make(there)))])
        return gone | new
    return write


@pytest.mark.parametrize(("count", "limit"), [(1_000, 37), pytest.param(10_000, 100, marks=pytest.mark.release)])
@pytest.mark.parametrize(("kind", "make", "address"), WITHIN, ids=[one[2].replace(ID, "x") for one in WITHIN])
async def test_each_untouched_thing_within_a_document_is_met_once(tmp_path, kind, make, address, count, limit):
    asker = await opened(tmp_path)
    await asker.store.commit([Change(kind, HOLDER, msgspec.json.encode(make(range(0, 2 * count, 2))))])
    met, touched = await walked(asker, address, None, limit, holding(asker, kind, make, count, random.Random(count)))
    assert wrong(met, touched, count) == []
    await asker.store.close()


@pytest.mark.parametrize(("kind", "address"), [("shell", "shells"), ("submodel", "submodels/$metadata")])
async def test_control_pages_by_number_miss_or_repeat_some(tmp_path, kind, address):
    asker = await opened(tmp_path)
    laid_down(asker.store, kind, 900)
    met, touched = await walked(asker, address, None, 37, writer(asker, kind, 900, random.Random(1)), by_number=True)
    assert wrong(met, touched, 900)
    await asker.store.close()


def test_every_operation_that_pages_is_walked(published):
    """Those of the OpenAPI with a cursor; one that stands below several bases counts once."""
    from tests.doors.aas.specification import bundled

    paged = {path for path, known in bundled(published)["paths"].items() for one in known.values()
             if isinstance(one, dict) and any("ursor" in str(each) for each in one.get("parameters", ()))}
    bases = (r"^/(aas|submodel|shells/\{aasIdentifier\}|submodels/\{submodelIdentifier\})"
             r"(/submodels/\{submodelIdentifier\})?/")
    tails = {re.sub(bases, "", one).lstrip("/") for one in paged}
    walked_ = {re.sub(rf"^(submodels|shells|shell-descriptors)/{ID}/", "", one.partition("?")[0])
               for one in [*(each[1] for each in WHOLE), *(each[2] for each in WITHIN)]}
    inner = {re.sub(r"^shell-descriptors/\{aasIdentifier\}/", "", one) for one in tails}
    assert inner - walked_ == set()
    assert len(paged) > 30
