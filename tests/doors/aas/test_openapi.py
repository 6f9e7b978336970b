"""Requests made from the OpenAPI of IDTA-01002 v3.1, of every operation, against a node over HTTP.

Rule 1: no answer is a 5xx; every answer is of the shape and the media type that the specification gives for it.
Rule 2: half of the ids are of things that are there, so that what lies behind an id is reached too; bodies are made
        from right ones, since what is drawn from the schema alone never gets past its first line.
Not here: that each operation does what it should (``test_operations.py``).
"""

import copy
import random

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from tests.conformance import environment
from tests.conformance.node import running
from tests.conformance.suites import encoded, fill
from tests.doors.aas import bodies
from tests.doors.aas.specification import LISTS, bundled, prepared

CHECKS = (not_a_server_error, response_schema_conformance, content_type_conformance)
PATHS = [one["idShort"] for one in environment.elements()] + ["Inside.Depth", "Inside.Deeper.Count", "Counts%5B1%5D"]
IDS = [encoded(one) for one in (environment.SHELL, environment.SUBMODEL, environment.CONCEPT)]
KNOWN = {"aasIdentifier": IDS[:1], "submodelIdentifier": IDS[1:2], "cdIdentifier": IDS[2:], "idShortPath": PATHS}


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
    assert walk(door, 1) == 224


@pytest.mark.release
def test_ten_thousand_requests_are_answered_as_the_specification_says(door):
    assert walk(door, 50) == 224


def test_what_bodies_are_bent_with_is_the_same_for_every_body():
    before = copy.deepcopy(bodies.ODD)
    for number in range(1_000):
        bodies.body("AssetInformation", number % 2 == 0, number)
    assert before == bodies.ODD
