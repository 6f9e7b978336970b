"""The official engine passes every check of its four public suites against a node, and every export of it."""

import pytest

from tests.conformance import suites
from tests.conformance.node import running


@pytest.fixture(scope="module")
def address():
    with running() as found:
        suites.fill(found)
        yield found


def test_every_check_of_every_suite_passes(address):
    verdicts = list(suites.run(address))
    assert [(one.suite, one.faults) for one in verdicts if not one.ok] == []
    assert sum(one.passed for one in verdicts) == 388


def test_every_form_of_export_passes_the_file_checks(address):
    assert [(one.suite, one.faults) for one in suites.exports(address) if not one.ok] == []


def test_control_an_address_below_which_the_api_does_not_lie_fails_every_suite(address):
    verdicts = list(suites.run(address + "/shells"))
    assert not any(one.ok for one in verdicts) and all(one.faults for one in verdicts)
