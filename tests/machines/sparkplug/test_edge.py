"""What is known of an edge node follows from births, deaths and order alone, whatever comes and whenever."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.machines.sparkplug import payload as sp
from weft.machines.sparkplug.edge import GAP, OFFLINE, UNBORN, Edge
from weft.machines.sparkplug.payload import Metric, Payload
from weft.shopfloor.connection import Quality


def number(value: int, name: str = "N", **more: Any) -> Metric:
    return Metric(name=name, datatype=sp.INT32, value=value, timestamp=10, **more)


def nbirth(bdseq: int = 1, seq: int = 0, *metrics: Metric) -> Payload:
    return Payload(timestamp=10, seq=seq, metrics=[Metric(name="bdSeq", datatype=sp.UINT64, value=bdseq), *metrics])


def ndeath(bdseq: int = 1) -> Payload:
    return Payload(metrics=[Metric(name="bdSeq", datatype=sp.UINT64, value=bdseq)])


def born(*metrics: Metric) -> Edge:
    edge = Edge(reorder_s=2.0)
    edge.take("NBIRTH", "", nbirth(), 0.0, 0)
    edge.take("DBIRTH", "D", Payload(timestamp=10, seq=1, metrics=list(metrics) or [number(0)]), 0.0, 0)
    return edge


def test_who_was_not_born_here_is_asked_for_a_birth_again_and_again_but_not_in_haste() -> None:
    edge = Edge()
    assert edge.due(0.0, 0) == ([], True)
    assert edge.due(1.0, 0) == ([], False)
    assert edge.take("DDATA", "D", Payload(seq=7), 2.0, 0) == []
    asked = [second for second in range(1000) if edge.due(float(second), 0)[1]]
    assert 5 < len(asked) < 40
    edge.take("NBIRTH", "", nbirth(), 1000.0, 0)
    assert not any(edge.due(float(second), 0)[1] for second in range(1000, 1200))


def test_a_death_of_an_earlier_session_kills_nobody_and_its_own_does() -> None:
    edge = born()
    edge.take("NBIRTH", "", nbirth(2), 1.0, 0)
    assert edge.take("NDEATH", "", ndeath(1), 2.0, 0) == []
    assert edge.online
    assert edge.take("NDEATH", "", ndeath(2), 3.0, 0)[-1].died == OFFLINE
    assert not edge.online


def test_a_rebirth_takes_the_devices_down_until_they_are_born_again() -> None:
    edge = born()
    heard = edge.take("NBIRTH", "", nbirth(), 1.0, 0)
    assert [(one.device, one.died, one.born) for one in heard] == [("D", UNBORN, False), ("", "", True)]
    assert edge.devices == {"D": UNBORN}
    assert edge.take("DBIRTH", "D", Payload(seq=1, metrics=[number(5)]), 1.0, 0)[0].born


def test_counting_goes_on_from_255_to_0() -> None:
    edge = born()
    for turn in range(600):
        heard = edge.take("DDATA", "D", Payload(seq=(2 + turn) % 256, metrics=[number(turn)]), 1.0, 0)
        assert heard[0].metrics[0][1].value == turn


def test_after_lost_messages_nothing_is_known_until_a_birth() -> None:
    edge = born()
    edge.take("DDATA", "D", Payload(seq=3, metrics=[number(9)]), 1.0, 0)
    heard, ask = edge.due(3.0, 3000)
    assert ask
    assert {one.died for one in heard} == {GAP}
    assert edge.take("DDATA", "D", Payload(seq=4, metrics=[number(10)]), 3.1, 0) == []
    assert edge.values["D"]["N"].quality is Quality.MISSING
    edge.take("NBIRTH", "", nbirth(), 4.0, 0)
    edge.take("DBIRTH", "D", Payload(seq=1, metrics=[number(11)]), 4.0, 0)
    assert edge.values["D"]["N"].value == 11


def test_control_who_does_not_count_takes_a_value_that_was_overtaken_for_the_newest() -> None:
    edge, careless = born(), {}
    late, early = (2, 20), (3, 30)
    heard = []
    for seq, value in (early, late):
        careless["N"] = value
        heard += edge.take("DDATA", "D", Payload(seq=seq, metrics=[number(value)]), 1.0, 0)
    assert careless["N"] == 20
    assert edge.values["D"]["N"].value == 30


@given(st.permutations(list(range(2, 12))))
def test_in_whatever_order_messages_come_they_are_taken_in_theirs(order: list[int]) -> None:
    edge, heard = born(), []
    for seq in order:
        heard += edge.take("DDATA", "D", Payload(seq=seq, metrics=[number(seq)]), 1.0, 0)
    assert [one.metrics[0][1].value for one in heard] == list(range(2, 12))
    assert edge.due(100.0, 0) == ([], False)


Said = tuple[str, int, int, float]
messages = st.tuples(st.sampled_from(["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"]),
                     st.integers(-1, 5), st.integers(0, 2), st.floats(0, 3))


@given(st.lists(messages, max_size=40))
def test_whatever_comes_values_are_good_only_between_a_birth_and_a_death(told: list[Said]) -> None:
    edge, now = Edge(reorder_s=1.0), 0.0
    for verb, seq, bdseq, passed in told:
        now += passed
        edge.due(now, 0)
        device = "" if verb[0] == "N" else "D"
        made = ndeath(bdseq) if verb == "NDEATH" else nbirth(bdseq, 0, number(1)) if verb == "NBIRTH" else Payload(
            seq=seq, metrics=[number(2)])
        edge.take(verb, device, made, now, 0)
        for one, values in edge.values.items():
            alive = edge.online and (not one or edge.devices.get(one) == "")
            assert alive or not any(value.good for value in values.values()), (verb, one)
        assert edge.next_s(now) >= 0


def test_aliases_stand_for_names_and_an_unknown_one_asks_for_a_birth() -> None:
    edge = born(number(0, alias=3), Metric(name="T", alias=4, datatype=sp.TEMPLATE, value=sp.OPAQUE),
                number(1, "T/x"))
    told = Payload(seq=2, metrics=[Metric(alias=3, value=8), Metric(name="@4/x", value=9)])
    heard = edge.take("DDATA", "D", told, 1.0, 0)
    assert [(name, value.value) for name, value in heard[0].metrics] == [("N", 8), ("T/x", 9)]
    assert not edge.due(1.0, 0)[1]
    edge.take("DDATA", "D", Payload(seq=3, metrics=[Metric(alias=99, value=1)]), 2.0, 0)
    assert edge.due(2.0, 0)[1]


@pytest.mark.parametrize(("metric", "quality", "detail"), [
    (number(5, quality=192), Quality.GOOD, ""), (number(5, quality=0), Quality.BAD, "quality 0"),
    (number(5, quality=500), Quality.MISSING, "stale"), (Metric(name="N"), Quality.MISSING, "null"),
    (Metric(name="N", value=sp.OPAQUE), Quality.BAD, "type"), (Metric(name="N", value="x"), Quality.BAD, "type"),
])
def test_quality_null_and_what_is_no_number_are_three_things(metric: Metric, quality: Quality, detail: str) -> None:
    edge = born()
    (_, value), = edge.take("DDATA", "D", Payload(seq=2, timestamp=10, metrics=[metric]), 1.0, 0)[0].metrics
    assert (value.quality, value.detail) == (quality, detail)


def test_historical_values_move_nothing() -> None:
    edge = born()
    assert edge.take("DDATA", "D", Payload(seq=2, metrics=[number(5, historical=True)]), 1.0, 0) == []
    assert (edge.values["D"]["N"].value, edge.historical) == (0, 1)


# ---- the payload --------------------------------------------------------------------------------------

_TYPES = [(sp.INT8, st.integers(-128, 127)), (sp.INT16, st.integers(-2**15, 2**15 - 1)),
          (sp.INT32, st.integers(-2**31, 2**31 - 1)), (sp.INT64, st.integers(-2**63, 2**63 - 1)),
          (sp.UINT8, st.integers(0, 255)), (sp.UINT32, st.integers(0, 2**32 - 1)),
          (sp.UINT64, st.integers(0, 2**64 - 1)),
          (sp.FLOAT, st.floats(width=32, allow_nan=False, allow_infinity=False)),
          (sp.DOUBLE, st.floats(allow_nan=False, allow_infinity=False)), (sp.BOOLEAN, st.booleans()),
          (sp.STRING, st.text(max_size=50)), (sp.DATETIME, st.integers(0, 2**63))]


@given(st.data(), st.integers(0, 2**63), st.integers(-1, 255))
def test_what_is_written_is_read_again(data: st.DataObject, stamp: int, seq: int) -> None:
    datatype, values = data.draw(st.sampled_from(_TYPES))
    value = data.draw(values)
    assert sp.fitting(value, datatype) == value
    one = Metric(name="a/b", alias=data.draw(st.integers(-1, 2**60)), timestamp=stamp, datatype=datatype, value=value,
                 historical=data.draw(st.booleans()), quality=data.draw(st.sampled_from([-1, 0, 192, 500])))
    told = sp.decode(sp.of([one], stamp, seq))
    back = told.metrics[0]
    assert (told.timestamp, told.seq) == (stamp, seq)
    assert sp.plain(back.value, datatype) == (value, "")
    assert (back.name, back.alias, back.timestamp, back.datatype, back.historical, back.quality) == (
        one.name, one.alias, one.timestamp, one.datatype, one.historical, one.quality)


@given(st.binary(max_size=300))
def test_no_bytes_do_more_than_be_refused(noise: bytes) -> None:
    with contextlib.suppress(sp.Malformed):
        sp.decode(noise)


@pytest.mark.parametrize(("value", "datatype"), [(1.5, sp.INT32), (300, sp.UINT8), (-1, sp.UINT32), (True, sp.INT32),
                                                 (1, sp.BOOLEAN), ("1", sp.DOUBLE), (1, sp.STRING), (5, sp.TEMPLATE)])
def test_what_does_not_fit_a_type_is_never_written(value: Any, datatype: int) -> None:
    assert sp.fitting(value, datatype) is None


def test_templates_within_templates_end() -> None:
    inner = b""
    for _ in range(50):
        inner = b"\x92\x01" + bytes([len(inner) % 128 | (0x80 if len(inner) > 127 else 0)]) + (
            bytes([len(inner) // 128]) if len(inner) > 127 else b"") + inner
        inner = b"\x12" + bytes([len(inner) % 128 | (0x80 if len(inner) > 127 else 0)]) + (
            bytes([len(inner) // 128]) if len(inner) > 127 else b"") + inner
    with pytest.raises(sp.Malformed):
        sp.decode(inner)
