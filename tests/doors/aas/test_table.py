"""The table of addresses against the published OpenAPI: none of its operations is missing, none is there twice."""

import pytest

from tests.doors.aas.specification import bundled
from weft.doors.aas.address import Tree
from weft.doors.aas.table import addresses, tree

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def operations(published):
    """(method, address) of each operation of the collection."""
    return [(method.upper(), path) for path, known in bundled(published)["paths"].items() for method in known
            if method in METHODS]


def test_every_operation_of_the_specification_has_somebody_who_answers(operations):
    served = tree()
    missing = []
    for method, path in operations:
        found = served.find(path.strip("/").split("/"))
        if found is None or method not in found[0]:
            missing.append((method, path))
    assert missing == [] and len(operations) == 224


def test_no_address_stands_in_the_table_twice():
    told = [address for address, _, _ in addresses()]
    assert len(told) == len(set(told))


def test_what_stands_in_the_table_goes_before_a_placeholder():
    served = Tree([("a/{x}", {"GET": 1}), ("a/$value", {"GET": 2})])
    assert served.find(["a", "$value"]) == ({"GET": 2}, {}) and served.find(["a", "b"]) == ({"GET": 1}, {"x": "b"})


@pytest.mark.parametrize("parts", [[""], ["a"], ["a", "b", "c"], ["{}"], ["a", "{}", "/"], ["/"]])
def test_what_is_not_in_the_table_is_not_found(parts):
    assert Tree([("a/{x}", {"GET": 1})]).find(parts) is None
