"""A device is meant by its id, or by a name that only it has."""

import pytest

from weft.basis.errors import Invalid
from weft.cli.device import meant

FOUND = {"paired": [{"id": "d1", "name": "Wang"}, {"id": "d2", "name": "Li"}],
         "keys": [{"key": "k1", "name": "Li", "revoked": False}, {"key": "k0", "name": "Wang", "revoked": True}]}


def test_an_id_means_itself_and_a_name_its_only_bearer():
    assert [meant(FOUND, told) for told in ("d1", "k1", "k0", "Wang", "ghost")] == ["d1", "k1", "k0", "d1", "ghost"]


def test_a_name_that_two_bear_is_no_device():
    with pytest.raises(Invalid) as refused:
        meant(FOUND, "Li")
    assert (refused.value.code, refused.value.facts) == ("device.several", {"name": "Li", "n": 2})
