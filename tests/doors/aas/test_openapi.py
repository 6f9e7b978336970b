"""Requests made from the OpenAPI of IDTA-01002 v3.1, of every operation, against a node over HTTP.

Rule 1: no answer is a 5xx; every answer is of the shape and the media type that the specification gives for it.
Rule 2: half of the ids are of things that are there, so that what lies behind an id is reached too; bodies are made
        from right ones, since what is drawn from the schema alone never gets past its first line.
Not here: that each operation does what it should (``test_operations.py``).
"""

import random
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.conformance import environment
from tests.conformance.node import running
from tests.conformance.suites import encoded, fill
from tests.doors.aas import bodies
from tests.doors.aas.specification import bundled

CHECKS = (not_a_server_error, response_schema_conformance, content_type_conformance)
PATHS = [one["idShort"] for one in environment.elements()] + ["Inside.Depth", "Inside.Deeper.Count", "Counts%5B1%5D"]
IDS = [encoded(one) for one in (environment.SHELL, environment.SUBMODEL, environment.CONCEPT)]
KNOWN = {"aasIdentifier": IDS[:1], "submodelIdentifier": IDS[1:2], "cdIdentifier": IDS[2:], "idShortPath": PATHS}
# A page of the values of many submodels is an object in the OpenAPI, in which two submodels of one name cannot stand
# beside each other; the text of the specification and the official engine have a list, and so has the node.
LISTS = {"/submodels/$value"}
NUMBERED = {"type": "integer", "minimum": 0, "maximum": 2**40}


def prepared(whole: dict[str, Any]) -> tuple[dict[str, Any], dict[tuple[str, str], tuple[str, bool]]]:
    """(the specification with a number for each JSON body, kind of body by method and address)."""
    kinds = {}
    for path, known in whole["paths"].items():
        for method, operation in known.items():
            for parameter in operation.get("parameters", ()) if isinstance(operation, dict) else ():
                if "/parameters/" in parameter.get("schema", {}).get("$ref", ""):  # a parameter is no schema
                    parameter["schema"] = {"type": "string", "minLength": 1}
            content = operation.get("requestBody", {}).get("content", {}) if isinstance(operation, dict) else {}
            if "application/json" in content:
                kinds[method.upper(), path] = _kind(content["application/json"]["schema"])
                content["application/json"] = {"schema": NUMBERED}
    return whole, kinds


def _kind(schema: dict[str, Any]) -> tuple[str, bool]:
    """(name of the schema, whether a list of it is wanted)."""
    many = schema.get("type") == "array"
    inner = schema["items"] if many else schema
    return inner.get("$ref", "/" + inner.get("type", "object")).rpartition("/")[2].removesuffix("_choice"), many


@pytest.fixture(scope="module")
def door(published):
    """(address of a node that knows one shell of everything, the specification, kinds of bodies)."""
    whole, kinds = prepared(bundled(published))
    with running() as address:
        fill(address)
        yield address.replace("/api/v3.0", "/api/v3"), schemathesis.openapi.from_dict(whole), kinds


def known(name: str, text: str) -> str:
    """``text``, or one time in two a value that leads somewhere."""
    luck = random.Random(text)
    if set(text) <= {"."}:
        return "x"  # a client takes such a segment out of the address before it is sent
    return luck.choice(KNOWN[name]) if name in KNOWN and luck.random() < 0.5 else text


def ask(case, address: str, kinds) -> None:
    """Send one request and look at its answer."""
    kind = kinds.get((case.method, case.operation.path))
    if kind is not None and isinstance(case.body, int):
        case.body = bodies.body(*kind, case.body)
    case.path_parameters = {name: known(name, text) for name, text in (case.path_parameters or {}).items()}
    response = case.call(base_url=address, allow_redirects=False, timeout=30)
    checks = [one for one in CHECKS if case.operation.path not in LISTS or one is not response_schema_conformance]
    case.validate_response(response, checks=checks)


def walk(door, each: int) -> int:
    """Every operation of the specification ``each`` times; how many were asked."""
    address, schema, kinds = door
    asked = 0
    for found in schema.get_all_operations():
        operation = found.ok()

        @settings(max_examples=each, database=None, deadline=None, phases=[Phase.generate], derandomize=True,
                  suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy())
        def every(case):
            ask(case, address, kinds)

        every()
        asked += 1
    return asked


def test_whatever_the_specification_allows_is_answered_as_it_says(door):
    assert walk(door, 2) == 224


@pytest.mark.release
def test_ten_thousand_requests_are_answered_as_the_specification_says(door):
    assert walk(door, 50) == 224
