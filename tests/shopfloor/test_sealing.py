"""What the floor book takes for a sealed span, and that nothing of a machine's state hangs on it."""

import struct

import msgspec
import pytest

from tests.shopfloor.conftest import text
from tests.shopfloor.test_book import folded
from weft.basis.decider import Said
from weft.basis.errors import Refused
from weft.shopfloor import book
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.sealing import Column, ValuesSealed, column, whole

SEALED = ValuesSealed(machine="M", begin=0, until=86_400_000, count=3, properties=("Load", "Speed"),
                      digest=whole("M", (0, 86_400_000), {"Load": Column(1, "0" * 64), "Speed": Column(2, "1" * 64)}))


def test_a_sealed_span_is_said_and_changes_no_state():
    state = folded(MachineAdded(machine="M", description=text()))
    assert book.decide(state, SEALED) == (SEALED,)
    assert book.evolve(state, Said(id="e", by="", role="", message=SEALED)) == state


@pytest.mark.parametrize("wrong", [
    {"until": 0}, {"count": 0}, {"count": 1}, {"digest": "x" * 64}, {"digest": "0" * 63}, {"properties": ()},
    {"properties": ("Speed", "Load")}, {"properties": ("Load", "Load")}])
def test_what_nobody_can_mean_is_refused(wrong):
    state = folded(MachineAdded(machine="M", description=text()))
    with pytest.raises(Refused, match=r"floor\.sealed-malformed"):
        book.decide(state, msgspec.structs.replace(SEALED, **wrong))


def test_nobody_signs_for_a_machine_that_was_never_there():
    with pytest.raises(Refused, match=r"floor\.machine-unknown"):
        book.decide(book.INITIAL, SEALED)


def test_the_digest_is_what_the_page_says():
    """A vector, reckoned from the words of docs/reference/sealed-values.md alone."""
    times, values, qualities = (1764000000000, 1764000001000, 1764000002000), (1.5, 0.0, -2.0), (0, 3, 1)
    told = column(struct.pack(">3q", *times), struct.pack(">3d", *values), bytes(qualities))
    assert told == Column(3, "3907a7e6a093d71b49c4382fa86dba7b36dbf013090c637a86b40d69a58cab94")
    assert whole("M", (1764000000000, 1764086400000), {"Speed": told}) == (
        "e494d200302744bf5901a328b1cf15bf36845e6c51ad8d10ebdb13c1aa22664d")
