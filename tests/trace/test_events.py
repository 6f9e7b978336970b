"""Events are derived, valid by the GS1 schema, and named by their own content."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator, FormatChecker

from weft.basis.zone import of
from weft.trace import events as trace
from weft.trace.document import document, query_document
from weft.trace.events import Despatched, Goods, JobDone, Received, Scrapped
from weft.trace.hash import event_id
from weft.trace.names import lot_class

OURS, THEIRS = "AxQ_hengtai-1", "B7-jinggong_2"
AT = "2026-11-25T08:15:30.250Z"
CASTING = Goods(item="CAST-15", quantity="40", lot="炉 7/31", named_by=THEIRS)
SEAL = Goods(item="SEAL-15", quantity="40", lot="S1")
VALVE = Goods(item="BV-15", quantity="40", lot="L2611-001")
WIRE = Goods(item="WIRE", quantity="2.5", unit="KGM")


@pytest.fixture(scope="module")
def schema(published):
    text = (published / "epcis" / "EPCIS-JSON-Schema.json").read_text()
    return Draft7Validator(json.loads(text), format_checker=FormatChecker())


def everything():
    return [
        *trace.job_done(OURS, JobDone(order="MO1", job="MO1-20", at=AT, inputs=(CASTING, SEAL, WIRE), outputs=(VALVE,),
                                      work_centre="ASM", machine="cell-1", customer_order="T1")),
        *trace.job_done(OURS, JobDone(order="MO1", job="MO1-10", at=AT, inputs=(CASTING,), work_centre="BENCH")),
        *trace.scrapped(OURS, Scrapped(goods=(VALVE,), at=AT, order="MO1")),
        *trace.created(OURS, (SEAL, WIRE), AT, ref="R1"),
        *trace.despatched(OURS, Despatched(goods=(VALVE,), at=AT, partner=THEIRS, thread="T1", despatch="D1")),
        *trace.despatched(OURS, Despatched(goods=(CASTING,), at=AT, partner=THEIRS, thread="T2", despatch="D2",
                                           kind="materials")),
        *(trace.placed(one, of("Asia/Shanghai")) for one in trace.received(OURS, Received(
            good=(SEAL,), damaged=(WIRE,), rejected=(CASTING,), at=AT, partner=THEIRS, thread="T3", despatch="D3"))),
        *trace.sold(OURS, (VALVE,), AT, "S1"),
        *trace.sold(OURS, (VALVE,), AT, "S2", back=True),
        *trace.handed_out(OURS, (CASTING,), AT, "T4", "D4"),
        *trace.brought_back(OURS, (CASTING,), AT, "T4", "B4"),
        *trace.brought_back(OURS, (VALVE,), AT, "T4", "B5", holder=THEIRS),
    ]


def test_every_derived_event_is_valid_by_the_gs1_schema(schema):
    events = everything()
    assert len(events) == 14
    for whole in (document(events, AT), query_document(events, AT)):
        assert [error.message for error in schema.iter_errors(whole)] == []


def test_an_event_is_told_with_the_clock_of_its_place_and_named_anew():
    (told,) = trace.created(OURS, (SEAL,), AT)
    placed = trace.placed(told, of("Asia/Kathmandu"))
    assert placed == told | {"eventTimeZoneOffset": "+05:45", "eventID": event_id(placed)}
    assert placed["eventID"] != told["eventID"]
    assert trace.placed(told | {"eventTime": "yesterday"}, of("Asia/Kathmandu"))["eventTimeZoneOffset"] == "+00:00"


def test_the_schema_would_notice_a_wrong_event(schema):
    events = everything()
    events[2]["action"] = "MAKE"
    assert not schema.is_valid(document(events, AT))


def test_every_event_is_named_by_its_content():
    for event in everything():
        assert event["eventID"] == event_id(event)
        assert event["eventID"].startswith("ni:///sha-256;") and event["eventID"].endswith("?ver=CBV2.0")
    assert len({event["eventID"] for event in everything()}) == 14
    assert everything() == everything()


def test_a_job_joins_what_went_in_to_what_came_out():
    made = everything()[0]
    assert made["type"] == "TransformationEvent" and made["bizStep"] == "assembling"
    assert made["inputQuantityList"][0] == {"epcClass": f"urn:weft:{THEIRS}:lot:%E7%82%89%207%2F31", "quantity": 40}
    assert made["inputQuantityList"][2] == {"epcClass": f"urn:weft:{OURS}:item:WIRE", "quantity": 2.5, "uom": "KGM"}
    assert made["outputQuantityList"] == [{"epcClass": f"urn:weft:{OURS}:lot:L2611-001", "quantity": 40}]
    assert made["transformationID"] == f"urn:weft:{OURS}:order:MO1"
    assert made["readPoint"]["id"] == f"urn:weft:{OURS}:machine:cell-1"
    assert {"type": "po", "bizTransaction": "urn:weft:order:T1"} in made["bizTransactionList"]


def test_a_job_in_the_middle_of_a_routing_leaves_no_event():
    assert trace.job_done(OURS, JobDone(order="MO1", job="MO1-15", at=AT)) == []


def test_nothing_sent_makes_no_event():
    nothing = Goods(item="BV-15", quantity="0")
    assert trace.despatched(OURS, Despatched(goods=(nothing,), at=AT, partner=THEIRS, thread="T", despatch="D")) == []


def test_goods_change_owner_but_free_issue_material_does_not():
    events = everything()
    assert [one["type"] for one in events[4]["sourceList"]] == ["owning_party", "possessing_party"]
    assert events[5]["sourceList"] == [{"type": "possessing_party", "source": f"urn:weft:{OURS}"}]
    assert events[5]["destinationList"] == [{"type": "possessing_party", "destination": f"urn:weft:{THEIRS}"}]


def test_what_came_damaged_is_received_and_told():
    came, damaged, rejected = everything()[6:9]
    assert len(came["quantityList"]) == 3 and came["bizStep"] == "receiving"
    assert damaged["disposition"] == "damaged" and rejected["disposition"] == "non_conformant"
    assert came["sourceList"][0]["source"] == f"urn:weft:{THEIRS}"


def test_what_leaves_over_the_counter_is_sold_and_what_comes_back_is_not_sold_again():
    gone, back = everything()[9:11]
    assert (gone["bizStep"], gone["disposition"]) == ("retail_selling", "retail_sold")
    assert (back["bizStep"], back["disposition"]) == ("accepting", "returned")
    assert gone["quantityList"] == back["quantityList"]
    assert gone["bizTransactionList"] == [{"type": "inv", "bizTransaction": "urn:weft:document:S1"}]
    assert trace.sold(OURS, (), AT, "S3") == []


def test_an_item_with_a_gtin_is_named_by_its_digital_link():
    assert lot_class(OURS, "L/1", "4012345111118") == "https://id.gs1.org/01/04012345111118/10/L%2F1"


@given(st.text(min_size=1, max_size=20).filter(lambda name: name.encode("utf-8", "ignore").decode() == name))
def test_every_name_gives_a_uri_of_ascii(name):
    named = lot_class(OURS, name)
    assert named.isascii() and " " not in named and named.count(":") == 4


def test_who_fetches_at_a_counter_stands_in_no_event_and_who_holds_what_came_back_does():
    (out,) = trace.handed_out(OURS, (CASTING,), AT, "T4", "D4")
    assert (out["bizStep"], "destinationList" in out) == ("shipping", False)
    assert out["quantityList"][0]["epcClass"] == lot_class(THEIRS, "炉 7/31")
    (back,) = trace.brought_back(OURS, (VALVE,), AT, "T4", "B5", holder=THEIRS)
    assert (back["bizStep"], back["disposition"]) == ("accepting", "returned")
    assert back["bizLocation"]["id"].startswith(f"urn:weft:{THEIRS}:")
    assert back["destinationList"] == [{"type": "possessing_party", "destination": f"urn:weft:{THEIRS}"}]
    assert trace.handed_out(OURS, (), AT, "T4", "D4") == trace.brought_back(OURS, (), AT, "T4", "B4") == []
