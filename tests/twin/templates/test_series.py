"""Time series: records that keep three things apart, segments that say where the rest is, operations as published."""

import msgspec
import pytest

from tests.twin.templates.records import RECORDS
from weft.basis.errors import Invalid, NotFound
from weft.twin import metamodel, templates
from weft.twin.templates import series
from weft.twin.values import value_of

LATHE = RECORDS["TimeSeries"]
SHELL = "urn:weft:x:machine:L1"
replace = msgspec.structs.replace
DAY = series.DAY_MS


def invoke(operation, held, inputs):
    """As the node does it with what is in memory."""
    wanted = series.asked(operation, inputs)
    return series.answer("urn:x", operation, held, series.recent(held, wanted.begin, wanted.end), wanted)


def built(held=LATHE):
    return templates.build(SHELL, [held], "TimeSeries")


def prop(name, value):
    return {"idShort": name, "modelType": "Property", "valueType": "xs:string", "value": value}


def test_a_record_in_the_submodel_is_one_second_and_lacks_what_was_not_heard():
    records = value_of(built())["Segments"]["InternalSegment"]["Records"]
    assert records["Record000"] == {"Time": 0, "UtcTime": "2025-11-25T08:15:29.000Z", "SpindleSpeed": 1249.5}
    assert records["Record001"] == {"Time": 1000, "UtcTime": "2025-11-25T08:15:30.000Z", "SpindleSpeed": 1250.0,
                                    "Parts": 17}


def test_reading_records_takes_those_of_the_timespan():
    span = {"idShort": "Timespan", "min": "2025-11-25T08:15:30Z", "max": "2025-11-25T09:15:30+01:00"}
    found = invoke("ReadRecords", LATHE, [span])
    assert [one["idShort"] for one in found] == ["Records"] and value_of(found[0]) == {}
    span["max"] = "2025-11-25T09:15:31+01:00"
    told = value_of(invoke("ReadRecords", LATHE, [span])[0])
    assert list(told) == ["Record000"] and told["Record000"]["SpindleSpeed"] == 1250.0
    assert len(value_of(invoke("ReadRecords", LATHE, [])[0])) == 2


def test_unchanged_bad_and_no_data_are_three_things_in_a_record():
    rows = [(1_000, {"SpindleSpeed": (1.5, "good"), "Parts": (3, "uncertain")}), (2_000, {"Parts": (None, "bad")}),
            (3_000, {"Parts": (None, "missing")})]
    (records,) = series.answer("urn:x", "ReadRecords", LATHE, rows, series.Asked())
    parts = [{one["idShort"]: one for one in record["value"]} for record in records["value"]]
    assert "SpindleSpeed" not in parts[1]  # unchanged
    assert [one["Parts"].get("value") for one in parts] == ["3", None, None]
    assert [one["Parts"]["qualifiers"][0]["value"][-6:] for one in parts] == ["CTA054", "CTA053", "CTA000"]
    assert "qualifiers" not in parts[0]["SpindleSpeed"]
    metamodel.check("SubmodelElement", records)


def test_segments_are_the_recent_records_the_way_to_all_and_whole_days_as_files():
    found = {one["idShort"]: one for one in series.segments("urn:x", LATHE)}
    # 2025-11-21T04:40Z is Friday noon in China, 2025-11-25T08:15Z is Tuesday afternoon: four days are over
    assert list(found) == ["InternalSegment", "LinkedSegment", "ExternalSegment20251121", "ExternalSegment20251122",
                           "ExternalSegment20251123", "ExternalSegment20251124"]
    last = value_of(found["ExternalSegment20251124"])
    assert (last["StartTime"], last["EndTime"]) == ("2025-11-23T16:00:00.000Z", "2025-11-24T16:00:00.000Z")
    assert last["File"]["value"] == "/aasx/files/Machine_L1_2025-11-24.csv"
    assert value_of(found["LinkedSegment"])["StartTime"] == "2025-11-21T04:40:00.000Z"


def test_reading_segments_takes_those_that_overlap_whole():
    def names(**span):
        (told,) = invoke("ReadSegments", LATHE, [{"idShort": "Timespan", **span}])
        return [one["idShort"] for one in told.get("value", ())]

    assert len(names()) == 6
    assert names(min="2027-01-01T00:00:00Z") == []
    assert names(min="2025-11-25T08:15:29Z", max="2025-11-25T08:15:29Z") == ["InternalSegment", "LinkedSegment"]
    assert names(max="2025-11-22T00:00:00+08:00") == ["LinkedSegment", "ExternalSegment20251121",
                                                      "ExternalSegment20251122"]
    (told,) = invoke("ReadSegments", LATHE, [{"idShort": "Timespan", "min": "2025-11-25T08:15:30Z"}])
    assert value_of(told)["InternalSegment"]["RecordCount"] == 2  # in full, though one record lies before the span


def test_a_day_s_file_has_a_line_for_each_minute_and_nothing_where_none_held():
    lines = series.csv(LATHE, [(0, {"SpindleSpeed": (2.0, 1.0, 3.5)}), (60_000, {})]).decode().split("\r\n")
    assert lines == ["UtcTime,SpindleSpeed,SpindleSpeed.Min,SpindleSpeed.Max,Parts,Parts.Min,Parts.Max",
                     "1970-01-01T00:00:00.000Z,2.0,1.0,3.5,,,", "1970-01-01T00:01:00.000Z,,,,,,", ""]


@pytest.mark.parametrize(("text", "ms"), [
    ("60", 60_000), ("60 s", 60_000), ("500 ms", 500), ("5 min", 300_000), ("1h", 3_600_000), ("2 Hz", 500),
    ("PT1M", 60_000), ("P1DT1H", 90_000_000), ("0.5", 500), ("1 d", DAY)])
def test_an_interval_may_be_told_in_many_ways(text, ms):
    assert series.asked("DeriveSegment", [prop("SamplingInterval", text)]) == series.Asked(every_ms=ms, method="Avg")


@pytest.mark.parametrize("text", ["0", "-1", "PT0S", "0 Hz", "often", "1 week", "P", "1e9", "0.0001", "5 hZz"])
def test_an_interval_that_is_none_is_refused(text):
    with pytest.raises(Invalid, match=r"twin\.interval"):
        series.asked("DeriveSegment", [prop("SamplingInterval", text)])


def test_how_to_sum_up_is_one_of_those_published_and_needs_an_interval():
    every = prop("SamplingInterval", "60 s")
    assert series.asked("DeriveSegment", [every, prop("AggregationMethod", "max")]).method == "Max"
    with pytest.raises(Invalid, match=r"twin\.aggregation"):
        series.asked("DeriveSegment", [every, prop("AggregationMethod", "median")])
    with pytest.raises(Invalid, match=r"twin\.sampling"):
        series.asked("DeriveSegment", [prop("AggregationMethod", "Max")])


def test_a_derived_segment_says_what_was_done():
    wanted = series.Asked(every_ms=60_000, method="Avg")
    rows = [(0, {"SpindleSpeed": (1.5, "good"), "Parts": (2.5, "good")}), (60_000, {"Parts": (None, "missing")})]
    (told,) = series.answer("urn:x", "DeriveSegment", LATHE, rows, wanted)
    (segment,) = told["value"]
    assert value_of(segment)["SamplingInterval"] == 60
    assert value_of(segment)["Records"]["Derived000"] == {
        "Time": 0, "UtcTime": "1970-01-01T00:00:00.000Z", "SpindleSpeed": 1.5, "Parts": 2.5}
    assert [one["type"] for one in segment["qualifiers"]] == ["ValueOriginQualifier", "ValueProcessingQualifier"]
    metamodel.check("SubmodelElement", told)


def test_an_operation_that_is_none_and_a_time_that_is_none_are_refused():
    with pytest.raises(NotFound, match=r"twin\.operation"):
        series.asked("DropRecords", [])
    assert series.asked("ReadRecords", [{"idShort": "Timespan", "min": "0001-01-01T00:00:00+23:59"}]).begin == 0
    for text in ("yesterday", "99999-01-01T00:00:00Z", "2025-13-01T00:00:00Z"):
        with pytest.raises(Invalid, match=r"twin\.timespan"):
            series.asked("ReadRecords", [{"idShort": "Timespan", "min": text}])


def test_only_the_newest_records_stand_in_the_submodel_and_reading_gives_all():
    points = tuple((1_764_058_000_000 + second * 1000, float(second)) for second in range(500))
    many = replace(LATHE, columns=(series.Column(name="S", points=points),))
    shown = value_of(built(many))["Segments"]["InternalSegment"]["Records"]
    assert len(shown) == series.SHOWN and list(shown.values())[-1]["S"] == 499.0
    assert len(value_of(invoke("ReadRecords", many, [])[0])) == 500
