"""The power of a working store is cut; what it acknowledged is there, whole. Three weaker stores are found out."""

from collections import Counter

import pytest

from tests.faults.power import worlds

HOW = {"normal": "lost", "off": "lost", "half": "half"}


def played(seeds, control=""):
    figures, found = Counter(), []
    for seed, one, told in worlds(seeds, control):
        figures.update(one)
        found += [f"{seed}: {told}"] if told else []
    return figures, found


def test_a_cut_takes_nothing_that_was_acknowledged_and_leaves_nothing_half_done():
    figures, found = played(range(1, 19))
    assert not found
    assert figures["cuts"] > 140
    assert figures["acked"] > 300
    assert min(figures["copies told"], figures["migrations told"], figures["cuts while opening"]) > 0
    assert figures["tries of the dead"], "the dying connections have tried to write, and could not"


@pytest.mark.parametrize("control", HOW)
def test_control_a_weaker_store_is_found_out(control):
    figures, found = played(range(1, 15), control)
    assert figures[HOW[control]] > 2
    assert all(control == "off" or HOW[control] in told for told in found)


def test_a_seed_replays():
    first, again = (list(worlds([7, 8], "normal")) for _ in range(2))
    assert first == again


@pytest.mark.release
def test_ten_thousand_cuts():
    figures, found = played(range(1, 1_000))
    assert not found
    assert figures["cuts"] > 9_000
