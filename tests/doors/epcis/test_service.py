"""The door for trace, request in and response out, over a real node."""

import asyncio
import json
import re
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator

from tests.doors.asking import Client
from tests.engine.home import PARTNER, TOKEN, busy_node, empty_node, happened
from weft.doors import epcis
from weft.trace.book import recorded
from weft.trace.events import Goods, created

NODE = asyncio.run(busy_node())
CLIENT = Client(epcis.routes(NODE), TOKEN)
EVENTS = happened(NODE.organisation)


def get(address, client=CLIENT, **options):
    return asyncio.run(client.ask(f"/epcis/v2{address}", **options))


def events(answer):
    return answer.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]


def found(query):
    return [one["eventID"] for one in events(get(f"/events?{query}"))]


@pytest.fixture(scope="module")
def schema(published):
    return Draft7Validator(json.loads((published / "epcis" / "EPCIS-JSON-Schema.json").read_text()))


def test_all_events_come_as_they_were_recorded_and_valid_by_the_gs1_schema(schema):
    answer = get("/events")
    assert [error.message for error in schema.iter_errors(answer.json())] == []
    told = events(answer)
    assert [{key: value for key, value in one.items() if key != "recordTime"} for one in told] == EVENTS
    assert all(one["recordTime"].endswith("Z") for one in told)


def test_one_event_is_found_by_its_id(schema):
    name = EVENTS[1]["eventID"]
    answer = get(f"/events/{quote(name, safe='')}")
    assert [one["eventID"] for one in events(answer)] == [name] and schema.is_valid(answer.json())
    assert get("/events/ni%3A%2F%2F%2Fnone").status == 404


@pytest.mark.parametrize(("query", "places"), [
    ("eventType=TransformationEvent", [0]), ("EQ_bizStep=shipping", [1, 2]), ("EQ_bizStep=shipping,assembling", [1, 2]),
    ("GE_eventTime=2026-11-25T10:00:00Z", [1, 2]), ("LT_eventTime=2026-11-25T11:00:00.000%2B00:00", [0, 1]),
    (f"MATCH_anyEPCClass=urn:weft:{PARTNER}:lot:C1", [0]), ("MATCH_epcClass=urn:weft:*", [1, 2]),
    ("EQ_bizTransaction_desadv=urn:weft:document:D2", [2]), ("eventCountLimit=1", [0]), ("MATCH_epc=urn:x", []),
    ("orderBy=eventTime&orderDirection=DESC", [2, 1, 0]), (f"EQ_destination_owning_party=urn:weft:{PARTNER}", [1, 2]),
])
def test_a_query_finds_what_it_names(query, places):
    assert found(query) == [EVENTS[place]["eventID"] for place in places]


def test_pages_follow_links_and_later_events_do_not_shift_them():
    node = asyncio.run(busy_node())
    client = Client(epcis.routes(node), TOKEN)
    first = get("/events?perPage=2&EQ_action=OBSERVE|DELETE", client)
    assert "link" not in first.headers  # two found, two told
    first = get("/events?perPage=2", client)
    link = re.fullmatch(r'<(/epcis/v2[^>]+)>; rel="next"', first.headers["link"])[1]
    later = created(node.organisation, (Goods(item="BV-15", quantity="1", lot="L9"),), "2026-11-26T00:00:00.000Z")[0]
    asyncio.run(node.say(node.book("trace"), recorded(later)))
    second = asyncio.run(client.ask(link))
    assert len(events(first)) == 2 and len(events(second)) == 1 and "link" not in second.headers
    assert len(events(get("/events", client))) == 4
    assert asyncio.run(client.ask(link.replace("perPage=2", "perPage=2&EQ_action=ADD"))).status == 400


def test_event_types_are_told():
    assert "TransformationEvent" in get("/eventTypes").json()["member"]
    told = get("/eventTypes/TransformationEvent/events")
    assert [one["type"] for one in events(told)] == ["TransformationEvent"]
    assert get("/eventTypes/NoEvent").status == 404
    assert get("").json()["member"] == ["events", "eventTypes"]


def test_every_answer_tells_the_versions():
    for answer in (get("/events"), get("/events?EQ_x=1"), get("/events", method="OPTIONS"), get("/nothing")):
        assert answer.headers["gs1-epcis-version"] == "2.0.0" and answer.headers["gs1-cbv-version"] == "2.0.0"
        assert answer.headers["gs1-epc-format"] == "Never_Translates"
    assert get("/events", method="OPTIONS").status == 204
    assert get("/events", method="OPTIONS").headers["allow"] == "GET, OPTIONS"


@pytest.mark.parametrize(("headers", "status"), [
    ({"Accept": "application/ld+json"}, 200), ({"Accept": "text/html, */*;q=0.1"}, 200),
    ({"Accept": "application/xml"}, 406), ({"GS1-EPCIS-Min": "2.1.0"}, 406), ({"GS1-EPCIS-Max": "1.2"}, 406),
    ({"GS1-EPCIS-Min": "2.0", "GS1-EPCIS-Max": "2.0.0"}, 200), ({"GS1-EPC-Format": "Always_EPC_URN"}, 406),
    ({"GS1-EPC-Format": "No_Preference"}, 200),
])
def test_what_the_reader_cannot_take_is_told(headers, status):
    answer = get("/events", headers=headers)
    assert answer.status == status
    if status == 406:
        assert answer.json()["type"] == "epcisException:NotAcceptableException"
    assert answer.headers["content-type"] in ("application/json", "application/ld+json", "application/problem+json")


@pytest.mark.parametrize(("address", "status", "kind"), [
    ("/events?EQ_colour=red", 400, "QueryParameterException"),
    ("/events?GE_eventTime=x", 400, "QueryParameterException"),
    ("/events?perPage=0", 400, "QueryParameterException"), ("/events?nextPageToken=x", 400, "QueryParameterException"),
    ("/events?maxEventCount=1", 413, "QueryTooLargeException"), ("/nothing", 404, "NoSuchResourceException"),
    ("/events?orderBy=colour", 400, "QueryParameterException"),
    ("/events?orderDirection=UP", 400, "QueryParameterException"),
])
def test_a_wrong_query_is_told_what_is_wrong(address, status, kind):
    answer = get(address)
    assert (answer.status, answer.json()["type"]) == (status, f"epcisException:{kind}")
    assert answer.headers["content-type"] == "application/problem+json" and answer.json()["status"] == status


def test_without_a_token_nothing_is_told_and_nothing_can_be_captured():
    assert get("/events", token="").json()["type"] == "epcisException:SecurityException"
    told = get("/capture", method="POST")
    assert told.status == 405 and told.headers["allow"] == "GET, OPTIONS"


NAMES = ["perPage", "nextPageToken", "EQ_bizStep", "MATCH_epc", "LT_eventTime", "orderBy"]


@given(st.dictionaries(st.sampled_from(NAMES),
                       st.text(st.characters(exclude_categories=["Cs"]), max_size=20)))
def test_no_query_makes_the_door_fail(parameters):
    query = "&".join(f"{name}={quote(value)}" for name, value in parameters.items())
    assert get(f"/events?{query}").status < 500


def test_a_new_node_has_no_events():
    client = Client(epcis.routes(asyncio.run(empty_node())), TOKEN)
    assert events(get("/events", client)) == []
