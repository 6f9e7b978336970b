"""Cells that strangers have named: no spreadsheet runs them, and our own imports read them as they were meant."""

import csv
import io

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.cells import as_meant, harmless
from weft.basis.rows import Column, tabled
from weft.basis.zone import UTC
from weft.engine import sheets, timeline_tables, value_tables
from weft.engine.export_tables import Table, as_csv, as_workbook
from weft.shopfloor.mapping import read_table, table
from weft.shopfloor.propose import Row

ATTACKS = ["=cmd|' /C calc'!A0", "+1+cmd|' /C calc'!A0", "-2+3+cmd|' /C calc'!A0", "@SUM(1+1)*cmd|' /C calc'!A0",
           "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", "＝1+1", "－1+cmd|'!A0", "\x07=1+1", "x;=cmd|'!A0", "x;  @SUM(1)",
           "x\t-a+b", '=HYPERLINK("http://x")']
PLAIN = ["-1", "+1", "-1.50", "1e3", "BV-15", "a-b", "x; -5", "Body, DN15", "1 = 2", "", "–", "a;b;c"]
SIGNS = "=+-@＝＋－＠"


def runs(cell: str) -> bool:
    """Whether a spreadsheet may take ``cell`` for a formula, whichever sign it parts cells with."""
    parts = [one.strip() for one in cell.replace("\t", ";").split(";")]
    return any(one[:1] and one[:1] in SIGNS and not number(one) for one in parts)


def number(text: str) -> bool:
    try:
        float(text.replace("＋", "+").replace("－", "-"))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("text", ATTACKS)
def test_what_a_spreadsheet_would_run_is_a_text(text):
    assert runs(text.strip("\x07")), "the control: as it came it would run"
    assert not runs(harmless(text))
    assert as_meant(harmless(text)) == text


@pytest.mark.parametrize("text", PLAIN)
def test_what_is_no_formula_stays_as_it_is(text):
    assert (harmless(text), as_meant(text)) == (text, text)


@given(st.text(alphabet=st.sampled_from([*"=+-@＝;\t ab1,"]), max_size=12))
def test_whatever_was_written_is_read_as_it_was_meant(text):
    assert as_meant(harmless(text)) == text


@pytest.mark.parametrize("text", [one for one in ATTACKS if one[:1] not in "\t\r\n \x07"])
def test_a_table_of_names_by_strangers_goes_out_and_comes_in_again(text):
    made = as_csv(Table("partners", ("name", "note"), [(text, "x")]))
    (row,) = tabled(sheets.read(made), (Column("name", required=True), Column("note"))).rows
    cell = list(csv.reader(io.StringIO(made.decode("utf-8-sig"))))[1][0]
    assert not runs(cell)
    assert row.text("name") == text


@pytest.mark.parametrize("text", ["-2+3+cmd|' /C calc'!A0", "=1+1", "@x", "+a"])
def test_values_that_a_device_by_another_maker_names_go_out_and_come_in_again(text):
    made = table([Row(name=text, address="ns=2;s=A", title=text, type="string")], chinese=False)
    assert not [cell for cell in list(csv.reader(io.StringIO(made)))[1] if runs(cell) and "=" in cell[:1]]
    (row,), problems = read_table(sheets.read(made.encode()))
    assert (row.name, row.title, problems) == (text, text, ())


def test_signs_that_no_workbook_bears_are_left_out_and_nothing_in_it_is_a_formula():
    book = openpyxl.load_workbook(io.BytesIO(as_workbook([Table("t", ("a",), [("=1+1",), ("\x07=1+1",)])])))
    assert [cell.data_type for (cell,) in book.active.iter_rows()] == ["s", "s", "s"]
    sheet = value_tables.Sheet("M\x011", ["Speed\x07", "=1+1"], {}, UTC)
    out = io.BytesIO()
    sheet.save(out)
    (head,) = openpyxl.load_workbook(out).active.iter_rows()
    assert [(cell.value, cell.data_type) for cell in head] == [("Speed", "s"), ("=1+1", "s")]
    with pytest.raises(openpyxl.utils.exceptions.IllegalCharacterError):  # the control
        openpyxl.Workbook().active.append(["Speed\x07"])


def test_what_a_machine_says_of_itself_goes_into_the_timeline_whatever_its_signs(monkeypatch):
    rows = [["Cause"], ["Tool \x07worn"], ["=cmd|'!A0"]]
    monkeypatch.setattr(timeline_tables, "parts", lambda _view, _words: iter(rows))
    monkeypatch.setattr(timeline_tables, "pieces", lambda _view, _words: iter(rows))
    view = type("View", (), {"by": "day"})()
    book = openpyxl.load_workbook(io.BytesIO(timeline_tables.as_workbook(view, lambda key, **_: key.replace(".", " "))))
    assert [cell.value for (cell,) in book.worksheets[1].iter_rows()] == ["Cause", "Tool worn", "'=cmd|'!A0"]
