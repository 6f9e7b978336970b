"""The page of a machine's numbers over time: spans, zoom, choice, table and files, in both languages."""

import csv
import io
import json
import re
from urllib.parse import unquote

import openpyxl
import pytest

from tests.doors.asking import Client
from tests.doors.console.sample import LATHE, TOKEN, alone, at_work
from weft.config import Config
from weft.doors import console
from weft.engine.series import History
from weft.locale import text
from weft.shopfloor.book import MachineAdded
from weft.shopfloor.connection import Quality, Value
from weft.shopfloor.reading import fill
from weft.stores.series import SqliteSeries

MINUTE = 60_000


@pytest.fixture
async def work(tmp_path):
    """The factory at work; its cell has told its speed for two hours, was silent for ten minutes, then bad for one."""
    sample = await at_work()
    node = sample.node
    now = node.clock.now_ms()
    node.history = History(lambda at: SqliteSeries(str(tmp_path / "values.db"), at), Config(), node.clock,
                           lambda: 1 << 40)
    await node.history.begin()
    begin = now - 120 * MINUTE
    for minute in range(120):
        at = begin + minute * MINUTE
        node.history.take("Cell1", "SpindleSpeed", Value(1_000.0 + minute), at)
    node.history.take("Cell1", "SpindleSpeed", Value(4_000.0), begin + 30 * MINUTE + 1_000)  # a peak of a second
    node.history.take("Cell1", "SpindleSpeed", Value(1_030.0), begin + 30 * MINUTE + 2_000)
    await node.history.written()
    node.history.take("Cell1", "Feed", Value(220.0), begin)
    node.history.take("Cell1", "Feed", Value(None, Quality.MISSING), begin + 60 * MINUTE)
    node.history.take("Cell1", "Feed", Value(230.0), begin + 70 * MINUTE)
    node.history.take("Cell1", "Feed", Value(None, Quality.BAD), begin + 80 * MINUTE)
    node.history.take("Cell1", "Feed", Value(240.0), begin + 81 * MINUTE)
    await node.history.written()
    sample.begin, sample.now = begin, now
    yield sample
    await node.history.stop()
    await sample.stop()


async def asked(sample, address, lang="en"):
    return await Client(sample.routes).ask(
        address, headers={"cookie": f"weft_device={TOKEN}; weft_lang={lang}"}, token="")


async def shown(sample, address, lang="en"):
    answer = await asked(sample, address, lang)
    assert answer.status == 200, (address, answer.status, answer.body[:300])
    page = answer.body.decode()
    assert "⟦" not in page, re.findall("⟦[^⟧]*⟧", page)
    return page


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("span", ["10min", "hour", "shift", "day", "week", "nonsense"])
async def test_every_span_is_there_in_both_languages(work, lang, span):
    page = await shown(work, f"/machines/Cell1/values?span={span}", lang)
    assert page.count('class="curve"') == 6
    assert ("1 小时" if lang == "zh" else "Hour") in page
    assert page.count('aria-current="true"') == 1


async def test_a_peak_of_a_second_is_seen_in_a_week_and_a_gap_is_a_gap(work):
    page = await shown(work, "/machines/Cell1/values?span=week&of=SpindleSpeed")
    assert "between 1,000 and 4,000" in page
    page = await shown(work, f"/machines/Cell1/values?from={work.begin}&to={work.begin + 100 * MINUTE}&of=Feed")
    assert page.count('class="trace"') == 3
    assert page.count('class="gap"') == 3  # no data, bad, and at the foot the interval that was bad in part
    assert page.count('class="bad"') == 1


async def test_closer_wider_earlier_and_later_lead_on(work):
    begin, end = work.begin, work.begin + 60 * MINUTE
    page = await shown(work, f"/machines/Cell1/values?from={begin}&to={end}&of=Feed")
    for label, first, last in (("Closer", begin + 20 * MINUTE, end - 20 * MINUTE),
                               ("Wider", begin - 30 * MINUTE, end + 30 * MINUTE),
                               ("Earlier", begin - 30 * MINUTE, begin + 30 * MINUTE),
                               ("Later", begin + 30 * MINUTE, end + 30 * MINUTE)):
        address = re.search(rf'href="([^"]*)" aria-label="{label}"', page)[1].replace("&amp;", "&")
        assert address == f"/machines/Cell1/values?from={first}&to={last}&of=Feed"
        await shown(work, address)
    assert 'aria-label="Later"' not in await shown(work, "/machines/Cell1/values?span=hour")


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_same_is_there_as_a_table(work, lang):
    page = await shown(work, f"/machines/Cell1/values?from={work.begin}&to={work.now}&of=Feed&form=table", lang)
    assert 'class="curve"' not in page
    rows = re.findall(r"<tr><td.*?</tr>", page)
    assert len(rows) == 30
    assert ("无数据" if lang == "zh" else "no data") in rows[15]  # from the sixtieth minute on
    assert "220" in rows[3]


async def test_which_numbers_are_shown_is_chosen(work):
    page = await shown(work, "/machines/Cell1/values?of=Feed&of=SpindleSpeed")
    assert page.count('class="curve"') == 2
    assert len(re.findall(r'name="of" value="\w+" checked', page)) == 2
    assert (await asked(work, "/machines/Cell1/values?of=Nothing")).status == 404
    assert (await asked(work, "/machines/Nothing/values")).status == 404


@pytest.mark.parametrize("query", [
    "from=5&to=4", "from=1&to=2", "from=0&to=99999999999999999999", "from=0&to=999999999999999"])
async def test_a_span_that_is_none_is_refused(work, query):
    assert (await asked(work, f"/machines/Cell1/values?{query}")).status == 422


async def test_the_records_of_a_span_come_as_csv(work):
    answer = await asked(work, f"/machines/Cell1/values.csv?from={work.begin}&to={work.now}&of=SpindleSpeed,Feed")
    assert "attachment" in answer.headers["content-disposition"]
    assert unquote(answer.headers["content-disposition"]).endswith(".csv")
    head, *rows = csv.reader(io.StringIO(answer.body.decode("utf-8-sig")))
    assert head[0] == "Time (Asia/Shanghai)"
    assert any(name.endswith(f"[{text('en', 'unit.RPM')}]") for name in head)  # a word, not the code of the unit
    assert not any("[RPM]" in name for name in head)
    feed, speed = (next(place for place, name in enumerate(head) if name.startswith(word))
                   for word in ("Feed", "Spindle"))
    assert (rows[0][feed], rows[0][speed]) == ("220", "1000")
    assert (rows[1][feed], rows[1][speed]) == ("", "1001")  # unchanged
    assert [row[feed] for row in rows if row[feed]] == [
        "220", text("en", "value.missing"), "230", text("en", "value.bad"), "240"]


async def test_the_records_of_a_span_come_as_a_sheet_that_reckons(work):
    answer = await asked(work, f"/machines/Cell1/values.xlsx?from={work.begin}&to={work.now}&of=SpindleSpeed", "zh")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.body)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows[0][0] == "时间（Asia/Shanghai）"
    assert rows[1][1] == 1_000
    assert rows[2][0] > rows[1][0]
    assert len(rows) == 1 + 122


async def test_what_is_no_kind_of_file_is_not_there(work):
    assert (await asked(work, "/machines/Cell1/values.exe")).status == 404


async def test_a_worker_sees_them_too_and_a_stranger_does_not(work):
    assert {"/machines/{name}/values", "/machines/{name}/values.{kind}"} <= console.OPERATOR_PAGES
    answer = await Client(work.routes).ask("/machines/Cell1/values", token="")
    assert (answer.status, answer.headers["location"]) == (303, "/pair")


async def test_where_nothing_is_kept_the_last_minutes_are_shown_and_it_is_said():
    sample = await at_work()
    try:
        assert "Only the last ten minutes" in await shown(sample, "/machines/Cell1/values?span=10min")
        assert (await asked(sample, "/machines/Cell1/values.csv")).status in (404, 409, 503)
    finally:
        await sample.stop()


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_a_machine_without_numbers_says_where_they_would_come_from(work, lang):
    thing = json.loads(fill(LATHE.read_text(), {"NAME": "Silent", "ENDPOINT": "opc.tcp://127.0.0.1:4840"}))
    thing |= {"weft:startMode": "operator", "actions": {}, "properties": {
        name: one for name, one in thing["properties"].items() if one["type"] == "string"}}
    await work.node.record("floor", MachineAdded(machine="Silent", description=json.dumps(thing)))
    page = await shown(work, "/machines/Silent/values", lang)
    assert 'class="sheet empty"' in page
    assert 'class="curve"' not in page
    assert (await asked(work, "/machines/Silent/values.csv")).body.decode("utf-8-sig").count("\r\n") == 1


async def test_the_first_day_has_no_machine_to_look_at():
    sample = await alone()
    try:
        assert (await asked(sample, "/machines/Cell1/values")).status == 404
    finally:
        await sample.stop()
