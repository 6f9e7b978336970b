"""Each template is filled from its record, accepted by the official engine, and not claimed while something lacks."""

import msgspec
import pytest
from aas_test_engines import file as engine

from tests.twin.templates.records import FIRM, ORG, RECORDS
from weft import locale
from weft.twin import metamodel, templates
from weft.twin.names import shell_id
from weft.twin.paths import resolve
from weft.twin.templates import calendar, handover, parts
from weft.twin.values import value_of

SHELL = shell_id(ORG, "item", "BV-15")
replace = msgspec.structs.replace


def built(id_short, **changed):
    return templates.build(SHELL, [replace(RECORDS[id_short], **changed)], id_short)


@pytest.mark.parametrize("id_short", sorted(RECORDS))
def test_the_official_engine_accepts_it(id_short):
    result = engine.check_json_data({"submodels": [built(id_short)]})
    assert result.ok(), result.to_dict()


@pytest.mark.parametrize("version", ["3.0", "3.1"])
@pytest.mark.parametrize("id_short", sorted(RECORDS))
def test_it_is_sound_by_both_metamodels(id_short, version):
    assert metamodel.findings("Submodel", built(id_short), version) == []


@pytest.mark.parametrize("id_short", sorted(RECORDS))
def test_it_is_claimed_under_its_own_name(id_short):
    records = list(RECORDS.values())
    assert templates.names(records) == tuple(sorted(RECORDS)) and templates.missing(records) == []
    made = templates.build(SHELL, records, id_short)
    assert made["idShort"] == id_short and made["id"] == f"{SHELL}:{id_short}"
    assert templates.build(SHELL, [], id_short) is None


LACKING = [
    ("Nameplate", {"maker": replace(FIRM, street="")}, [("setting-street", "")]),
    ("Nameplate", {"maker": parts.Party(organisation=ORG, name="")},
     [(f"setting-{one}", "") for one in ("name", "street", "zipcode", "city", "country")]),
    ("BillOfMaterial", {"components": ()}, [("bill", "")]),
    ("TimeSeries", {"columns": ()}, [("no-numbers", "L1")]),
    ("CapabilityDescription", {"capabilities": {}}, [("capability", "L1")]),
    ("CarbonFootprint", {"co2_kg": "", "co2_at": ""}, [("co2-kg", "BV-15"), ("co2-at", "BV-15")]),
    ("ProductionCalendar", {"id": ""}, [("work-centre", "L1")]),
    ("PurchaseOrder", {"buyer": replace(FIRM, email="")}, [("setting-email", "")]),
    ("PurchaseOrder", {"at": ""}, [("not-ordered", "T1")]),
    ("ExecutedProcesses", {"steps": ()}, [("nothing-ended", "MO1")]),
    ("HandoverDocumentation", {"papers": ("EN10204-3.1",)}, [("paper-address", "L1")]),
    ("HandoverDocumentation", {"papers": ()}, [("no-papers", "L1")]),
    ("HandoverDocumentation", {"at": ""}, [("paper-date", "L1")]),
]


@pytest.mark.parametrize(("id_short", "changed", "expected"), LACKING)
def test_what_lacks_is_told_with_where_to_enter_it_and_the_template_is_not_claimed(id_short, changed, expected):
    record = replace(RECORDS[id_short], **changed)
    gaps = templates.missing([record])
    assert [(one.code, next(iter(one.facts.values()), "")) for one in gaps] == expected
    assert templates.names([record]) == () and templates.build(SHELL, [record], id_short) is None
    for lang in locale.LANGUAGES:
        told = [locale.text(lang, f"twin.gap.{one.code}", **one.facts) for one in gaps]
        assert not [one for one in told if "⟦" in one]


def test_an_operation_without_a_name_is_a_gap():
    routing = RECORDS["ProcessParameters"]
    nameless = replace(routing, steps=(replace(routing.steps[0], titles={}),))
    assert [one.code for one in templates.missing([nameless])] == ["operation-name"]


def test_names_are_told_in_both_languages():
    plate = built("Nameplate")
    designation = value_of(resolve(plate, "ManufacturerProductDesignation"))
    assert designation == [{"zh": "球阀 DN15"}, {"en": "Ball valve DN15"}]
    assert value_of(resolve(plate, "AddressInformation.Street")) == [{"zh": "玉海街 8 号"}]
    assert value_of(resolve(plate, "DateOfManufacture")) == "2026-11-25"
    assert value_of(resolve(plate, "LotNumber")) == "L1" and "SerialNumber" not in value_of(plate)
    assert "LotNumber" not in value_of(built("Nameplate", lot="", made=""))


def test_a_purchase_order_has_the_agreed_prices_and_dates():
    line = value_of(built("PurchaseOrder"))["ItemList"][0]
    assert (line["OrderQuantity"], line["ProductPrice"]["Price"], line["ProductPrice"]["PriceUnit"]) == (40, 22.5, 1)
    assert line["DeliveryDateList"] == [{"FixedDeliveryDate": "2026-12-01"}]
    assert resolve(built("PurchaseOrder"), "ItemList[0].ProductPrice.Price")["value"] == "22.5"


def test_what_happened_is_told_with_times_and_losses():
    run = value_of(built("ExecutedProcesses"))["Run__00__"]
    step = run["Process__00__"]
    assert run["RunResult"] == "Done" and step["ProcessResult"] == "good=38;scrap=2"
    assert step["ProcessErrors"]["ProcessError__00__"]["ErrorCode"] == "tool"
    assert step["ProcessParameters"] == {"Feed": "0.2", "SpindleSpeed": "1250"}


# ---- papers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("paper", "name", "address"), [
    ("EN10204-3.1", "EN10204-3.1", ""), ("EN 10204 3.1", "EN 10204 3.1", ""),
    ("EN 10204 3.1 https://x.example/a.pdf", "EN 10204 3.1", "https://x.example/a.pdf"),
    ("https://x.example/a.pdf", "", "https://x.example/a.pdf"), ("质保书 http://x/a", "质保书", "http://x/a"),
])
def test_a_paper_is_a_name_and_perhaps_an_address(paper, name, address):
    assert handover.split(paper) == (name, address)


# ---- the calendar ------------------------------------------------------------------------------------


def test_the_calendar_is_a_file_of_weekly_shifts_without_holidays():
    told = calendar.files(RECORDS["ProductionCalendar"])
    file = calendar.file_of(RECORDS["ProductionCalendar"])
    assert set(told) == {file, calendar.SPECIFICATION} and file == "/aasx/files/Calendar_L1.ics"
    named = value_of(built("ProductionCalendar"))
    assert named["calendar"]["value"] == file
    text = told[file].decode()
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert text.count("BEGIN:VEVENT") == text.count("END:VEVENT") == 4
    assert "TZOFFSETTO:+0800" in text and "RRULE:FREQ=WEEKLY;BYDAY=FR" in text
    assert "DTSTART;TZID=Local:20240105T220000\r\nDTEND;TZID=Local:20240106T060000" in text
    assert "EXDATE;TZID=Local:20261001T" not in text  # a Thursday: there is no shift on Thursdays
    assert "DTSTART;TZID=Local:20261010T080000" in text


def test_a_holiday_is_taken_out_of_the_weekly_shift():
    holiday = calendar.Special("2026-10-05", (), "国庆节")  # a Monday
    text = calendar.icalendar(replace(RECORDS["ProductionCalendar"], special=(holiday,))).decode()
    assert "EXDATE;TZID=Local:20261005T080000" in text and "EXDATE;TZID=Local:20261005T160000" in text


def test_long_names_are_folded_without_cutting_a_character():
    text = calendar.icalendar(replace(RECORDS["ProductionCalendar"], titles={"zh": "非常长的日历名称，" * 20}))
    lines = text.decode().split("\r\n")
    assert all(len(line.encode()) <= 75 for line in lines)
    assert text.decode().replace("\r\n ", "").count("非常长的日历名称，" * 20) >= 2
