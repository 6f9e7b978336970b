"""Spreadsheets: what people save is read; what is too large, broken or hostile is refused with a code."""

import asyncio
import base64
import io
import threading
import zipfile
from datetime import date, datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.home import empty_node
from weft.basis.errors import Invalid
from weft.engine import commands, imports, sheets

TEXT = "料号,名称,数量\nBV-15,球阀,10\n"
GRID = ((1, ("料号", "名称", "数量")), (2, ("BV-15", "球阀", "10")))


def workbook(*rows, second=False) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(list(row))
    if second:
        book.create_sheet("other").append(["not", "read"])
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(Invalid) as found:
        sheets.read(data)
    return found.value.code


@pytest.mark.parametrize("data", [
    TEXT.encode(), TEXT.encode("utf-8-sig"), TEXT.encode("gb18030"), TEXT.encode("utf-16"),
    TEXT.replace(",", ";").encode(), TEXT.replace(",", "\t").encode("utf-16"), TEXT.replace("\n", "\r\n").encode(),
    workbook(["料号", "名称", "数量"], ["BV-15", "球阀", 10]),
    workbook(["料号", "名称", "数量"], ["BV-15", "球阀", 10.0], second=True),
], ids=["utf-8", "bom", "gb18030", "utf-16", "semicolon", "excel-text", "crlf", "xlsx", "xlsx-two-sheets"])
def test_one_table_in_every_way_that_people_save_it_reads_the_same(data):
    assert sheets.read(data) == GRID


def test_rows_keep_their_numbers_and_empty_ones_are_left_out():
    assert [number for number, _ in sheets.read(b"a,b\n\n,,\n1,2\n")] == [1, 4]
    assert [number for number, _ in sheets.read(workbook(["a"], [None], ["x"]))] == [1, 3]


def test_quoted_cells_may_hold_commas_quotes_and_new_lines():
    assert sheets.read(b'a,b\n"1,5","x ""y""\nz"\n')[1] == (2, ("1,5", 'x "y"\nz'))


def test_cells_of_a_workbook_read_as_the_person_sees_them():
    day, moment = date(2026, 10, 1), datetime(2026, 10, 1, 8, 30)  # noqa: DTZ001 - spreadsheets have no time zone
    rows = sheets.read(workbook(["x"], [0.1, 12.0, 6901234567892, day, moment, True, " a ", 1e-7]))
    assert rows[1][1] == ("0.1", "12", "6901234567892", "2026-10-01", "2026-10-01 08:30", "yes", "a", "0.0000001")


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=8),
                         min_size=2, max_size=4), min_size=1, max_size=6))
def test_what_a_spreadsheet_program_quotes_comes_back(rows):
    import csv

    buffer = io.StringIO()
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([["h1", "h2"], *rows])
    if ";" in buffer.getvalue().splitlines()[0]:
        return
    found = dict(sheets.read(buffer.getvalue().encode("utf-8-sig")))
    for number, row in enumerate(rows, 2):
        cells = [told.strip() for told in row]
        while cells and not cells[-1]:
            cells.pop()
        assert found.get(number, ()) == tuple(cells)


@given(st.binary(max_size=400))
def test_whatever_bytes_come_the_answer_is_rows_or_a_code(data):
    for prefix in (b"", b"PK\x03\x04", b"\xff\xfe"):
        try:
            sheets.read(prefix + data)
        except Invalid as error:
            assert error.code.startswith("sheet.")


def test_limits_are_refused_with_their_codes():
    assert refused(b"a" * (sheets.BYTES_MAX + 1)) == "sheet.too-large"
    assert refused(b"a,b\n" + b"1,2\n" * sheets.ROWS_MAX) == "sheet.rows"
    assert len(sheets.read(b"a,b\n" + b"1,2\n" * (sheets.ROWS_MAX - 1))) == sheets.ROWS_MAX  # the control
    assert refused(b",".join([b"x"] * (sheets.COLUMNS_MAX + 1))) == "sheet.columns"
    assert refused(b"a,b\n" + b"x" * (sheets.CELL_MAX + 1)) == "sheet.cell"
    assert refused(b"a,b\n\x00,1\n") == "sheet.encoding"
    assert refused("料号,名称\nA,中\n".encode("utf-16-le")) == "sheet.encoding"  # without its mark
    assert refused("料號,名稱\nA,中\n".encode("big5")) == "sheet.encoding"
    assert refused(b'a,b\n"open,1\n') == "sheet.malformed"
    assert refused(b"\xff\xff\xff\x80 not text") == "sheet.encoding"
    assert refused(b"\xd0\xcf\x11\xe0" + b"0" * 600) == "sheet.old-format"


def repacked(data: bytes, name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            new.writestr(part.filename, content if part.filename == name else old.read(part))
        if name not in old.namelist():
            new.writestr(name, content)
    return buffer.getvalue()


def test_a_workbook_that_would_blow_up_is_refused_before_it_is_read():
    good = workbook(["a", "b"], [1, 2])
    sheet = "xl/worksheets/sheet1.xml"
    assert refused(repacked(good, "xl/media/bomb.xml", b" " * 30_000_000)) == "sheet.unsafe"
    laughs = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><worksheet>&a;</worksheet>'
    assert refused(repacked(good, sheet, laughs)) == "sheet.unsafe"
    assert refused(repacked(good, sheet, laughs.decode().encode("utf-16"))) == "sheet.unsafe"
    assert refused(repacked(good, sheet, b"<worksheet><sheetData><row")) == "sheet.malformed"
    assert refused(good[: len(good) // 2]) == "sheet.malformed"
    assert sheets.read(repacked(good, "docProps/note.xml", b"<x/>"))[1] == (2, ("1", "2"))  # the control


def filled(*rows: str) -> bytes:
    """A workbook whose one sheet has these rows, as XML."""
    name = "xl/worksheets/sheet1.xml"
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    plain = f'<worksheet xmlns="{space}"><sheetData>{"".join(rows)}</sheetData></worksheet>'
    return repacked(workbook(["a"]), name, plain.encode())


@pytest.mark.parametrize("last", [1_048_577, 999_999_999])
def test_a_workbook_of_a_few_bytes_that_claims_a_thousand_million_rows_is_refused(last):
    data = filled(f'<row r="{last}"><c r="A{last}"><v>1</v></c></row>')
    assert len(data) < 8_000
    assert refused(data) == "sheet.rows"
    assert sheets.read(filled('<row r="30000"><c r="A30000"><v>1</v></c></row>')) == ((30_000, ("1",)),)  # the control


def test_empty_rows_and_empty_cells_have_bounds_too():
    assert refused(b"a,b\n" + b"\n" * sheets.ROWS_SEEN_MAX) == "sheet.rows"
    wide = '<row r="{0}"><c r="A{0}"><v>1</v></c><c r="XFD{0}"/></row>'
    assert refused(filled(*(wide.format(n) for n in range(1, 400)))) == "sheet.columns"
    assert len(sheets.read(filled(*(wide.format(n) for n in range(1, 100))))) == 99  # the control


@pytest.mark.parametrize("cell", [
    '<c r="B2"><f>1+1</f></c>', '<c r="B2"><f>1+1</f><v></v></c>', '<c r="B2" s="3"><f>A1*2</f><v/></c>',
    '<c r="B2"><f t="shared" si="0"/></c>'])
def test_a_formula_without_its_result_is_told_with_its_cell_and_never_read_as_empty(cell):
    with pytest.raises(Invalid) as found:
        sheets.read(filled('<row r="2"><c r="A2"><v>1</v></c>', cell, "</row>"))
    assert (found.value.code, found.value.facts) == ("sheet.formula", {"cell": "B2"})


@pytest.mark.parametrize(("cell", "told"), [
    ('<c r="B2"><f>1+1</f><v>2</v></c>', "2"), ('<c r="B2" t="str"><f>IF(A2,"","x")</f><v></v></c>', "")])
def test_control_a_formula_with_its_result_is_read_as_what_the_person_sees(cell, told):
    row = ("1", told) if told else ("1",)
    assert sheets.read(filled('<row r="2"><c r="A2"><v>1</v></c>', cell, "</row>")) == ((2, row),)


def test_the_sheet_that_is_read_is_the_first_that_the_person_sees():
    book = openpyxl.Workbook()
    book.active.append(["hidden"])
    book.active.sheet_state = "hidden"
    book.create_sheet("shown").append(["item"])
    buffer = io.BytesIO()
    book.save(buffer)
    assert sheets.read(buffer.getvalue()) == ((1, ("item",)),)


async def test_a_node_that_reads_a_large_table_answers_others_meanwhile(monkeypatch):
    node, loop, read = await empty_node(), asyncio.get_running_loop(), sheets.read

    def watched(data):
        heard = threading.Event()
        loop.call_soon_threadsafe(heard.set)
        assert heard.wait(2), "the node answers nobody"  # only a loop that is free does
        return read(data)

    monkeypatch.setattr(imports.sheets, "read", watched)
    table = "料号,中文名,单位,类型\nA,甲,个,成品\n".encode()
    done = await commands.run(node, "import", {"kind": "items", "content": base64.b64encode(table).decode()})
    assert done.facts["count"] == 1
    with pytest.raises(AssertionError, match="answers nobody"):  # the control: where everybody else waits
        watched(table)
