"""Errors: a code that stays, facts that fill the sentence."""

import pytest

from weft.basis.errors import Denied, Invalid, NotFound, Refused, Unavailable, WeftError


@pytest.mark.parametrize("kind", [Invalid, Refused, Denied, NotFound, Unavailable])
def test_each_is_a_weft_error_with_code_and_facts(kind):
    error = kind("order.over-despatch", line="1", open="3", given=5)
    assert isinstance(error, WeftError)
    assert error.code == "order.over-despatch"
    assert error.facts == {"line": "1", "open": "3", "given": 5}
    assert str(error) == "order.over-despatch (given=5, line='1', open='3')"


def test_without_facts_the_code_is_all():
    assert str(Refused("order.closed")) == "order.closed"
