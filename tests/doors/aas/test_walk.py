"""Every operation of the OpenAPI works when it is asked with what others have told, and what it promises is kept.

``python -m tests.doors.aas.walking --cases N`` prints how often each worked, how often it was refused, and why.
Controls: a node that fails, answers in another form, or does not do what it says: the walk must say so.
"""

import json

import pytest
import requests

from tests.conformance.environment import SHELL, SUBMODEL
from tests.conformance.suites import encoded
from tests.doors.aas.links import ELEMENT
from tests.doors.aas.specification import bundled
from tests.doors.aas.walking import UNNAMED, Session, Walk, furnished

ONE = r"^/submodels(/\{submodelIdentifier\})?$"  # what the controls walk through
CASES = 600


@pytest.fixture(scope="module")
def address():
    with furnished() as found:
        yield found


def told(walk):
    return walk.table() + "".join(f"\nFAULT {label}: {what}" for label, what in walk.faults)


def test_each_operation_works_and_keeps_what_it_promises(address, published):
    walk = Walk(address, bundled(published))
    walk.run(CASES)
    print(walk.table())
    assert walk.faults == [], told(walk)
    assert len(walk.operations) == 224 and walk.steps >= CASES
    assert walk.never() == [], told(walk)


@pytest.mark.release
def test_ten_thousand_steps_from_answer_to_request_find_no_fault(address, published):
    walk = Walk(address, bundled(published))
    walk.run(10_000)
    print(walk.table())
    assert (walk.faults, walk.never(), walk.steps >= 10_000) == ([], [], True), told(walk)


def test_each_refusal_that_an_operation_does_not_name_itself_is_one_that_happens(address, published):
    role = {"modelType": "AssetAdministrationShell", "id": "urn:x:role", "assetInformation": {
        "assetKind": "Role", "globalAssetId": "urn:x:role:asset"}}
    assert requests.post(f"{address}/shells", json=role, timeout=30).status_code == 201
    shell = encoded("urn:x:role")
    paths = bundled(published)["paths"]
    for status, path, asked in (
            (400, "/lookup/shells/{aasIdentifier}", "/lookup/shells/!"),
            (404, "/aas", f"/shells/{encoded('urn:x:nothing')}"),
            (405, f"/shells/{{aasIdentifier}}/submodels/{{submodelIdentifier}}{ELEMENT}/attachment",
             f"/shells/{encoded(SHELL)}/submodels/{encoded(SUBMODEL)}/submodel-elements/Speed/attachment"),
            (409, "/serialization", f"/serialization?aasIds={shell}")):
        answer = requests.get(address + asked, timeout=30)
        assert (answer.status_code, answer.json()["messages"][0]["code"]) == (status, str(status)), answer.text
        assert str(status) not in paths[path]["get"]["responses"] and "default" in paths[path]["get"]["responses"]
        assert UNNAMED[status].startswith("IDTA-01002")
    requests.delete(f"{address}/shells/{shell}", timeout=30)
    assert set(UNNAMED) == {400, 404, 405, 409}


class Faulty(Session):
    """Stands between the walk and the node, and spoils the answers to one operation."""

    def __init__(self, method, one, spoil):
        super().__init__()
        self.method, self.one, self.spoil = method, one, spoil

    def answered(self, request, **kwargs):
        alone = "/submodels/" in request.url
        if request.method == self.method and alone == self.one and "/submodels" in request.url:
            return self.spoil(self, request, kwargs)
        return super().answered(request, **kwargs)

    def real(self, request, kwargs):
        return super().answered(request, **kwargs)


def changed(change):
    """The node's answer, if it is one that worked, with something else in it."""
    def spoil(session, request, kwargs):
        answer = session.real(request, kwargs)
        if answer.status_code < 300:
            change(answer)
        return answer
    return spoil


def fails(answer):
    answer.status_code, answer._content = 500, b'{"messages": []}'


def lacks(answer):
    answer._content = json.dumps({key: one for key, one in answer.json().items() if key != "modelType"}).encode()


def lists(answer):
    answer._content = json.dumps([answer.json()]).encode()


def hides(answer):
    answer._content = json.dumps({**answer.json(), "result": []}).encode()


def teapot(answer):
    answer.status_code = 418
    answer._content = json.dumps({"messages": [{"correlationId": "teapot", "code": "418", "text": "no", "messageType":
                                                "Error", "timestamp": "2026-01-01T00:00:00Z"}]}).encode()


def idle(session, request, kwargs):
    """Nothing is done, and it is said to be."""
    asked = request.copy()
    asked.method, asked.body = "GET", None
    asked.headers.pop("Content-Length", None)
    answer = session.real(asked, kwargs)
    if answer.status_code == 200:
        answer.status_code, answer._content = 204, b""
    return answer


@pytest.mark.parametrize(("method", "one", "spoil", "says"), [
    ("GET", True, changed(fails), "500"), ("DELETE", True, changed(fails), "500"),
    ("GET", True, changed(lacks), "modelType"), ("GET", True, changed(lists), "violates schema"),
    ("GET", False, changed(hides), "does not stand among all"), ("POST", False, changed(lists), "violates schema"),
    ("GET", True, changed(teapot), "does not name"), ("DELETE", True, idle, "deleted, and then 200"),
    ("PUT", True, idle, "sent"), ("PATCH", True, idle, "sent")])
def test_control_a_node_that_is_not_as_it_says_is_found_out(address, published, method, one, spoil, says):
    walk = Walk(address, bundled(published), Faulty(method, one, spoil), ONE)
    walk.run(60)
    assert any(says in what for _, what in walk.faults), told(walk)


def test_a_node_that_is_as_it_says_is_not(address, published):
    walk = Walk(address, bundled(published), only=ONE)
    walk.run(60)
    assert (walk.faults, walk.never(), len(walk.operations)) == ([], [], 6), told(walk)
