"""Files made to do harm, handed to a node: refused with their element named, at little cost, nothing changed."""

import asyncio
import json
import time
import tracemalloc

import msgspec
import pytest

from tests.doors.asking import Client
from tests.engine.home import TOKEN, empty_node
from tests.twin.aasx.packages import ELEMENTS, SUBMODEL, packed, plain
from tests.twin.aasx.test_attacks import XML_ATTACKS, ZIP_ATTACKS, bomb, with_spec
from weft.doors import aas, api
from weft.twin.names import encode_id

JSON_ATTACKS = {
    "lists without end": b'{"submodels":' + b"[" * 200_000,
    "a text without end": b'{"submodels":[{"id":"' + b"x" * (34 << 20),
    "one twin of 40 MB": b'{"submodels":[{"modelType":"Submodel","id":"urn:x","submodelElements":[' + b",".join(
        [b'{"modelType":"Blob","idShort":"A","value":"' + b"A" * (1 << 20) + b'"}'] * 40) + b"]}]}",
    "half a character": b'{"submodels":[{"modelType":"Submodel","id":"urn:\\ud800"}]}',
    "UTF-8 that is none": b'{"submodels":[{"modelType":"Submodel","id":"urn:\xc0\x80"}]}',
    "two documents": b'{"submodels":[]}{"submodels":[]}',
    "one section twice": b'{"submodels":[],"submodels":[]}',
    "a number of a million digits": b'{"submodels":' + b"9" * 1_000_000 + b"}",
    "a fence of blanks": b'{"submodels":' + b" " * 5_000_000 + b"}",
}
ATTACKS = {
    **{name: lambda data=data: with_spec(data) for name, (data, code) in XML_ATTACKS.items() if code},
    **{name: build for name, (build, _, limits) in ZIP_ATTACKS.items() if not limits},
    **{name: lambda data=data: data for name, data in JSON_ATTACKS.items()},
}
PEAK_MAX = 150 << 20  # of what Python holds; one twin may have 32 MB
SOUND = json.dumps({"submodels": [{**SUBMODEL, "submodelElements": ELEMENTS[:3]}]}).encode()


class Door:
    """A node's API with one twin behind it."""

    def __init__(self):
        self.node = asyncio.run(empty_node())
        self.client = Client([*api.routes(self.node), *aas.routes(self.node)], TOKEN)
        assert self.takes(SOUND)["imported"]["taken"]

    def takes(self, data, lang="en"):
        """What the node says last of a file."""
        answer = asyncio.run(self.client.ask("/api/weft/v1/twins/import?name=evil.aasx", "POST",
                                             {"accept-language": lang}, data))
        assert answer.status == 200, answer.body
        return json.loads(answer.body.splitlines()[-1])

    def held(self):
        """All that could have changed."""
        store = self.node.twins.store
        return [store.asked(f"SELECT * FROM {table}") for table in (
            "twins", "history", "changes", "links", "files", "elements", "names")]


@pytest.fixture(scope="module")
def door():
    return Door()


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_file_made_to_do_harm_is_refused_with_its_place_and_changes_nothing(attack, door):
    data, before = ATTACKS[attack](), door.held()
    tracemalloc.start()
    try:
        told = door.takes(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    problem = told["problem"]
    assert 400 <= problem["status"] < 500
    family = problem["code"].partition(".")[0]
    assert family in ("aasx", "xml", "json") and len(problem["detail"]) < 1_500
    assert problem["detail"] != problem["code"], "it has a sentence"
    assert "{" not in problem["detail"] or "{" in attack
    assert door.held() == before
    assert peak < PEAK_MAX


def test_control_the_sound_file_changes_what_is_compared(door):
    before = door.held()
    more = json.dumps({"submodels": [{**SUBMODEL, "id": f"urn:x:{time.monotonic_ns()}",
                                      "submodelElements": ELEMENTS[:3]}]}).encode()
    assert door.takes(more)["imported"]["taken"]
    assert door.held() != before


def test_control_who_unpacks_without_a_limit_is_seen_by_the_same_measure():
    import io
    import zipfile

    tracemalloc.start()
    try:
        with zipfile.ZipFile(io.BytesIO(bomb(170 << 20))) as package:
            assert len(package.read("aasx/files/manual.pdf")) == 170 << 20
        assert tracemalloc.get_traced_memory()[1] > PEAK_MAX
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bent", ["text/html\r\nSet-Cookie: a=b", "应用/pdf", "no type", "a/b; x=\x00", ""])
def test_a_kind_of_file_that_no_header_may_say_is_said_as_bytes(bent, door):
    document = {**SUBMODEL, "id": "urn:x:bent", "submodelElements": [
        {"modelType": "File", "idShort": "F", "value": "/aasx/files/manual.pdf", "contentType": bent},
        {"modelType": "Blob", "idShort": "B", "value": "AAEC", "contentType": bent}]}
    spec = json.dumps({"submodels": [document]}).encode()
    assert door.takes(packed(plain(spec, "aasx/data.json")))["imported"]["taken"]
    for name in "FB":
        answer = asyncio.run(door.client.ask(
            f"/api/v3/submodels/{encode_id('urn:x:bent')}/submodel-elements/{name}/attachment"))
        kind = answer.headers["content-type"]
        assert answer.status == 200 and kind.isascii() and kind.isprintable()
        assert kind in ("application/octet-stream", "application/pdf")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("id_", [
    "urn:\x00x", "urn:\ufffe", "urn:\u202ex", "urn:x\r\nX: y", "../../x", "urn:" + "x" * 1_990])
def test_an_id_of_odd_characters_is_served_as_it_is_or_not_taken(id_, door):
    before = door.held()
    told = door.takes(json.dumps({"submodels": [{"modelType": "Submodel", "id": id_}]}).encode())
    if told.get("imported", {}).get("taken"):
        answer = asyncio.run(door.client.ask(f"/api/v3/submodels/{encode_id(id_.strip())}"))
        assert answer.status == 200 and msgspec.json.decode(answer.body)["id"] == id_.strip()
    else:
        assert door.held() == before
