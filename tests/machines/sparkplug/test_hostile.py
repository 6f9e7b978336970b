"""An edge node that means harm, or is broken, costs its own machines and never the node: everything has a bound."""

import tracemalloc
from collections.abc import Callable

import pytest

from tests.machines.sparkplug.test_edge import born, nbirth, number
from weft.basis.instant import LAST_MS
from weft.machines.sparkplug import payload as sp
from weft.machines.sparkplug.edge import DEVICES_MAX, EARLY_MAX, GAP, METRICS_MAX, Edge
from weft.machines.sparkplug.payload import Metric, Payload


def alive() -> tuple[Edge, Callable[[str, str, Payload], None]]:
    """A node that was born, and how it goes on in its turn."""
    edge = Edge(reorder_s=2.0)
    edge.take("NBIRTH", "", nbirth(), 0.0, 0)
    turn = iter(range(1, 10**9))

    def say(verb: str, device: str, told: Payload) -> None:
        told.seq = next(turn) % 256
        edge.take(verb, device, told, 0.0, 0)

    return edge, say


def test_deaths_of_devices_that_nobody_knows_are_not_kept() -> None:
    edge, say = alive()
    for count in range(5000):
        say("DDEATH", f"D{count}", Payload())
    assert not edge.devices
    assert set(edge.values) == {""}
    say("DBIRTH", "D", Payload(metrics=[number(1)]))
    say("DDEATH", "D", Payload())
    assert edge.devices["D"]  # the control: one that is known dies


def test_births_without_end_leave_the_newest_alone() -> None:
    edge, say = alive()
    for count in range(300):
        say("DBIRTH", "D", Payload(metrics=[number(1, f"N{one}", alias=count * 100 + one) for one in range(100)]))
    assert sum(map(len, edge._aliases.values())) == 100
    whole = [number(1, f"N{one}") for one in range(20_000)]
    for count in range(8):
        say("DBIRTH", f"D{count}", Payload(metrics=whole))
    assert METRICS_MAX - 20_000 < sum(map(len, edge.kinds.values())) <= METRICS_MAX


def test_devices_without_end_are_no_more_than_there_may_be() -> None:
    edge, say = alive()
    for count in range(DEVICES_MAX + 500):
        say("DBIRTH", f"D{count}", Payload(metrics=[number(1)]))
    assert len(edge.devices) == DEVICES_MAX


def test_what_waits_for_what_is_missing_is_bounded_by_number_and_by_weight() -> None:
    edge = born(number(1))
    for count in range(10_000):
        edge.take("DDATA", "D", Payload(seq=1000 + count, metrics=[number(2)]), 1.0, 0)
    assert not edge._early  # no sequence has such numbers
    heavy = [number(3)] * (EARLY_MAX // 10)
    for count in range(200):
        edge.take("DDATA", "D", Payload(seq=(3 + count) % 256, metrics=heavy), 1.0, 0)
    assert len(edge._early) == 10
    assert [one.died for one in edge.due(3.5, 0)[0]] == [GAP, GAP]  # and then it is asked for a birth
    again = born(number(1))
    again.take("DDATA", "D", Payload(seq=3, metrics=[number(5)]), 1.0, 0)
    assert [dict(one.metrics)["N"].value for one in again.take(
        "DDATA", "D", Payload(seq=2, metrics=[number(4)]), 1.1, 0)] == [4, 5]  # the control


def test_stamps_that_no_clock_would_give_are_none() -> None:
    edge = born(number(1))
    for count, stamp in enumerate((2**64 - 1, LAST_MS + 1, 0)):
        heard = edge.take("DDATA", "D", Payload(seq=2 + count, timestamp=stamp, metrics=[
            Metric(name="N", datatype=sp.INT32, value=count, timestamp=stamp)]), 1.0, 0)
        assert [(value.source_ms, value.server_ms) for _, value in heard[0].metrics] == [(0, 0)]


def template(name: bytes, members: bytes) -> bytes:
    return sp._bytes(2, sp._bytes(1, name) + sp._number(4, sp.TEMPLATE) + sp._bytes(18, members))


def test_a_name_that_is_said_again_before_each_member_does_not_grow_without_end() -> None:
    members = sp._bytes(2, sp._bytes(1, b"m") + sp._number(4, sp.INT32) + sp._number(10, 1)) * 2000
    assert len(sp.decode(template(b"T" * 900, members)).metrics) == 2001
    tracemalloc.start()
    with pytest.raises(sp.Malformed):
        sp.decode(template(b"T" * 1_000_000, members))
    assert tracemalloc.get_traced_memory()[1] < 50_000_000
    tracemalloc.stop()


def test_fields_that_nobody_knows_are_passed_over_up_to_a_bound() -> None:
    one = sp.of([number(1)], 5)
    assert sp.decode(sp._number(99, 1) * 500 + one).metrics[0].value == 1
    for told in (sp._number(99, 1) * 2_000_000, sp._bytes(2, sp._number(99, 1) * 500_000)):
        with pytest.raises(sp.Malformed):
            sp.decode(told + one)
