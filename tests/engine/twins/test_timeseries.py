"""The operations of a time series over what is kept: read, summed up by interval, as files; bounded in memory."""

import csv
import io

import pytest

from tests.engine.twins.test_templates import factory
from weft.basis.errors import Invalid, Refused
from weft.config import Config
from weft.engine.series import History
from weft.engine.twins import timeseries
from weft.engine.twins.derived import Twins
from weft.shopfloor.connection import Link, Quality, Value
from weft.stores.series import SqliteSeries
from weft.twin import metamodel
from weft.twin.values import value_of

HOUR = 3_600_000
MIDNIGHT = 1_763_999_999_000 // 86_400_000 * 86_400_000  # 2025-11-24T00:00Z
NAME = "SpindleSpeed"


class Clock:
    """A clock that stands still until it is moved."""

    ms = MIDNIGHT + 1_000

    def now_ms(self) -> int:
        return self.ms


class Kept:
    """A factory whose lathe L1 has told its speed for a day and a half, kept in a real file."""

    def __init__(self, node, history, clock) -> None:
        self.node, self.history, self.clock = node, history, clock
        self.submodel = f"urn:weft:{node.organisation}:machine:L1:TimeSeries"

    async def invoke(self, operation, begin="", end="", **values):
        """As a program asks for it, with elements in and out."""
        given = [{"modelType": "Range", "idShort": "Timespan", "valueType": "xs:dateTime",
                  **({"min": begin} if begin else {}), **({"max": end} if end else {})}]
        given += [{"modelType": "Property", "idShort": name, "valueType": "xs:string", "value": value}
                  for name, value in values.items()]
        built = await Twins(self.node).submodel(self.submodel)
        ended = await self.node.operations.invoke(
            built, operation, {"inputArguments": [{"value": one} for one in given]}, values=False)
        (told,) = ended.result["outputArguments"]
        metamodel.check("SubmodelElement", told["value"])
        return told["value"]


@pytest.fixture
async def kept(tmp_path):
    node = await factory()
    clock = Clock()
    node.history = History(lambda now: SqliteSeries(str(tmp_path / "values.db"), now), Config(), clock,
                           lambda: 1 << 40)
    await node.history.begin()
    for minute in range(36 * 60):
        clock.ms = MIDNIGHT + 60_000 * minute
        node.history.take("L1", NAME, Value(float(1_000 + minute % 60)), clock.ms)
    node.history.take("L1", NAME, Value(None, Quality.BAD), clock.ms + 60_000)
    node.history.take("L1", NAME, Value(None, Quality.MISSING), clock.ms + 120_000)
    clock.ms += 180_000
    await node.history.written()
    yield Kept(node, node.history, clock)
    await node.history.stop()


async def test_records_of_yesterday_are_read_though_nothing_of_them_is_in_memory(kept):
    records = value_of(await kept.invoke("ReadRecords", "2025-11-24T10:00:00Z", "2025-11-24T10:02:00Z"))
    assert records == {
        "Record000": {"Time": 0, "UtcTime": "2025-11-24T10:00:00.000Z", NAME: 1_000.0},
        "Record001": {"Time": 60_000, "UtcTime": "2025-11-24T10:01:00.000Z", NAME: 1_001.0},
        "Record002": {"Time": 120_000, "UtcTime": "2025-11-24T10:02:00.000Z", NAME: 1_002.0}}


async def test_bad_and_no_data_stand_in_the_records(kept):
    records = await kept.invoke("ReadRecords", "2025-11-25T11:59:30Z")
    told = [record["value"][2] for record in records["value"]]
    assert [one.get("value") for one in told] == [None, None]
    assert [one["qualifiers"][0]["value"][-6:] for one in told] == ["CTA053", "CTA000"]


async def test_too_many_records_are_refused_with_what_would_fit(kept, monkeypatch):
    monkeypatch.setattr(timeseries, "CELLS_MAX", 100)
    with pytest.raises(Refused, match=r"twin\.too-many-records") as refused:
        await kept.invoke("ReadRecords", "2025-11-24T00:00:00Z")
    facts = refused.value.facts
    records = await kept.invoke("ReadRecords", facts["begin"], facts["until"])
    assert len(records["value"]) == 100
    with pytest.raises(Refused, match=r"twin\.too-many-intervals") as refused:
        await kept.invoke("DeriveSegment", "2025-11-24T00:00:00Z", "2025-11-25T00:00:00Z", SamplingInterval="60")
    few = await kept.invoke("DeriveSegment", "2025-11-24T00:00:00Z", "2025-11-25T00:00:00Z",
                            SamplingInterval=str(refused.value.facts["seconds"]))
    assert value_of(few)["DerivedSegment"]["RecordCount"] <= 100


async def test_an_hour_is_summed_up_in_each_of_the_published_ways(kept):
    async def derived(method):
        told = await kept.invoke("DeriveSegment", "2025-11-24T10:00:00Z", "2025-11-24T12:00:00Z",
                                 SamplingInterval="1 h", AggregationMethod=method)
        records = value_of(told)["DerivedSegment"]["Records"]
        assert [one["UtcTime"] for one in records.values()] == ["2025-11-24T10:00:00.000Z", "2025-11-24T11:00:00.000Z"]
        return records["Derived000"][NAME]

    assert [await derived(method) for method in ("Min", "Max", "Avg", "Sum", "Count")] == [
        1_000.0, 1_059.0, 1_029.5, 60 * 1_029.5, 60]


async def test_a_mean_is_weighted_by_how_long_each_value_held(kept):
    """The control: a mean of the points would be 5.0, though for almost the whole hour nothing but 9 held."""
    begin = MIDNIGHT + 40 * HOUR
    for offset, value in ((0, 1.0), (1_000, 9.0)):
        kept.node.history.take("L1", NAME, Value(value), begin + offset)
    kept.clock.ms = begin + 2 * HOUR
    told = await kept.invoke("DeriveSegment", "2025-11-25T16:00:00Z", "2025-11-25T17:00:00Z", SamplingInterval="PT1H")
    assert value_of(told)["DerivedSegment"]["Records"]["Derived000"][NAME] == pytest.approx(9 - 8 / 3_600)


async def test_of_an_interval_without_a_value_it_is_told_which_way_it_has_none(kept):
    told = await kept.invoke("DeriveSegment", "2025-11-25T12:00:00Z", "2025-11-25T12:02:00Z", SamplingInterval="60 s")
    (segment,) = told["value"]
    records = next(one for one in segment["value"] if one["idShort"] == "Records")["value"]
    told = [next(one for one in record["value"] if one["idShort"] == NAME) for record in records]
    assert [one["qualifiers"][0]["value"][-6:] for one in told] == ["CTA053", "CTA000"]


async def test_without_an_interval_a_derived_segment_has_every_record(kept):
    told = await kept.invoke("DeriveSegment", "2025-11-24T10:00:00Z", "2025-11-24T10:02:00Z")
    assert value_of(told)["DerivedSegment"]["RecordCount"] == 3
    with pytest.raises(Invalid, match=r"twin\.sampling"):
        await kept.invoke("DeriveSegment", AggregationMethod="Max")


async def test_whole_days_are_there_as_files(kept):
    name, path = kept.submodel, "Segments.ExternalSegment20251124.File"
    file = await kept.node.twins.attachment(name, path)
    data = b"".join([part async for part in file.chunks()])
    assert (file.content_type, file.size) == ("text/csv", len(data))
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert len(rows) == 24 * 60
    # the firm's day begins at 16:00 UTC of the day before, of which nothing is kept
    assert rows[0] == dict.fromkeys(rows[0], "") | {"UtcTime": "2025-11-23T16:00:00.000Z"}
    (noon,) = [row for row in rows if row["UtcTime"] == "2025-11-24T10:30:00.000Z"]
    assert (noon[NAME], noon[f"{NAME}.Min"], noon[f"{NAME}.Max"]) == ("1030.0", "1030.0", "1030.0")
    assert await Twins(kept.node).file(name, "/aasx/files/Machine_L1_2025-11-23.csv") is None
    _, document = await kept.node.twins.document("submodel", name)
    assert [value async for value, _ in kept.node.twins.files("submodel", document)] == [
        "/aasx/files/Machine_L1_2025-11-24.csv"]  # so they are in a package, too


async def test_what_was_heard_a_moment_ago_is_in_the_answer(kept):
    kept.node.live.keep = kept.history.take
    kept.node.live.link("L1", Link(up=True))
    kept.node.live.take("L1", [(NAME, Value(4_711.0))])
    newest = list(value_of(await kept.invoke("ReadRecords")).values())[-1]
    assert newest[NAME] == 4_711.0
