"""Events of twins over HTTP: every change once, in order, resumable; nothing where nothing changed."""

import asyncio

import msgspec
import pytest
from starlette.requests import Request

from tests.conformance import environment as known
from tests.conformance.suites import encoded
from tests.doors.aas.test_writing import ELEMENTS, Door
from weft.basis.errors import Refused
from weft.doors.aas import events
from weft.doors.aas.call import Call
from weft.engine.twins import changes
from weft.shopfloor.connection import Value
from weft.twin.names import shell_id, submodel_id


@pytest.fixture
def door():
    return Door()


def told(door, cursor=""):
    return door.get(f"/api/v3/events{'?cursor=' + cursor if cursor else ''}").json()


def test_what_was_written_is_told_in_order_and_only_once(door):
    page = told(door)
    kinds = [(one["type"].rpartition(".")[2], one["subject"]) for one in page["result"]]
    assert kinds == [("created", one) for one in (known.CONCEPT, known.SUBMODEL, known.OTHER, known.SHELL,
                                                  f"{known.SHELL}/2")]
    again = told(door, page["paging_metadata"]["cursor"])
    assert again["result"] == [] and again["paging_metadata"] == page["paging_metadata"]


def test_a_value_that_stays_the_same_is_no_event(door):
    cursor = told(door)["paging_metadata"]["cursor"]
    for value, number in (({"min": 1, "max": 2}, 1), ({"min": 1, "max": 2}, 0), ({"min": 1, "max": 3}, 1)):
        assert door.send("PATCH", f"{ELEMENTS}/Limits/$value", value).status == 204
        page = told(door, cursor)
        cursor = page["paging_metadata"]["cursor"]
        assert [one["type"] for one in page["result"]] == ["io.admin-shell.events.v1.valueChanged"] * number
    assert page["result"][0]["source"].endswith(f"/submodels/{encoded(known.SUBMODEL)}/submodel-elements/Limits")


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30])
def test_a_cursor_that_is_none_is_refused(door, cursor):
    assert door.get(f"/api/v3/events?cursor={cursor}").status == 400


class Listener:
    """A program of the firm that has all rights."""

    scope, name, partner = "owner", "listener", ""

    def __init__(self, name):
        self.id = name


def call_of(door, device=None, **headers):
    scope = {"type": "http", "method": "GET", "path": "/api/v3/events", "query_string": b"", "scheme": "http",
             "server": ("weft.test", 80), "headers": [(one.encode(), two.encode()) for one, two in headers.items()],
             "root_path": "", "state": {"device": device}}
    return Call(door.node, Request(scope), "/api/v3", {})


def test_a_stream_goes_on_where_it_broke_off_and_hears_machines(door):
    machine = submodel_id(shell_id(door.node.organisation, "machine", "L1"), "OperationalData")

    async def story():
        response = await events.events(call_of(door, accept="text/event-stream", **{"last-event-id": "3"}))
        stream = response.body_iterator
        heard = [await anext(stream), await anext(stream)]
        door.node.live.take("L1", [("SpindleSpeed", Value(7.0))])
        door.node.live.take("L1", [("SpindleSpeed", Value(7.0))])
        await door.node.twins.set_value(known.SUBMODEL, "Limits", {"min": 4, "max": 5})
        while len(heard) < 4 and b"SpindleSpeed" not in b"".join(heard[2:]):
            heard.append(await asyncio.wait_for(anext(stream), 5))
        await stream.aclose()
        return [part for text in heard for part in text.split(b"\n\n") if part]

    parts = asyncio.run(story())
    assert parts[0] == b"retry: 2000" and [one.split(b"\n")[0] for one in parts[1:3]] == [b"id: 4", b"id: 5"]
    later = [msgspec.json.decode(one.rpartition(b"data: ")[2]) for one in parts[3:]]
    assert {(one["subject"], one["source"].rpartition("/")[2]) for one in later} == {
        (known.SUBMODEL, "Limits"), (machine, "SpindleSpeed")}
    assert len([one for one in later if one["subject"] == machine]) == 1


STREAMED = {"accept": "text/event-stream"}


def streams(door, device, count):
    """``count`` streams of one device, each begun; what the next one is told."""
    async def story():
        held = []
        for _ in range(count):
            response = await events.events(call_of(door, device, **STREAMED))
            assert await anext(response.body_iterator) == b"retry: 2000\n\n"
            held.append(response)
        try:
            await events.events(call_of(door, device, **STREAMED))
        except Refused as error:
            return held, error.code
        return held, ""
    return story()


def test_no_program_follows_more_often_than_it_may_and_others_do_all_the_same(door):
    async def story():
        mine, refused = await streams(door, Listener("one"), changes.OWN_MAX)
        assert refused == "twin.followers-own"
        others, refused = await streams(door, Listener("two"), 3)
        assert refused == ""
        await mine[0].body_iterator.aclose()
        again = await events.events(call_of(door, Listener("one"), **STREAMED))
        await anext(again.body_iterator)
        for one in [*mine, *others, again]:
            await one.body_iterator.aclose()
        return len(door.node.twin_changes._seats)

    assert asyncio.run(story()) == 0


def test_an_answer_that_nobody_fetched_holds_no_place(door):
    async def story():
        for _ in range(3 * changes.OWN_MAX):
            await events.events(call_of(door, Listener("one"), **STREAMED))
        return len(door.node.twin_changes._seats)

    assert asyncio.run(story()) == 0


def test_no_more_follow_than_there_is_room_for(door, monkeypatch):
    monkeypatch.setattr(changes, "FOLLOWERS_MAX", 5)

    async def story():
        held, _ = await streams(door, Listener("one"), 5)
        _, refused = await streams(door, Listener("two"), 0)
        for one in held:
            await one.body_iterator.aclose()
        return refused

    assert asyncio.run(story()) == "twin.followers"


def test_who_may_not_follow_is_told_409_before_anything_is_sent(door, monkeypatch):
    monkeypatch.setattr(changes, "FOLLOWERS_MAX", 0)
    answer = door.send("GET", "/api/v3/events", None, STREAMED)
    [message] = answer.json()["messages"]
    assert (answer.status, message["correlationId"]) == (409, "twin.followers")


def test_who_does_not_listen_costs_nobody_else(door):
    async def story():
        held, _ = await streams(door, Listener("deaf"), changes.OWN_MAX)
        heard = door.node.twin_changes.follow(await door.node.twin_changes.newest())
        await anext(heard)
        for value in range(300):
            await door.node.twins.set_value(known.SUBMODEL, "Limits", {"min": value, "max": 1000})
        told = []
        while len(told) < 300:
            told += await asyncio.wait_for(anext(heard), 5)
        late = b"".join([await anext(held[0].body_iterator) for _ in range(3)])
        assert late.count(b"event: ") >= 200  # it is told all, when it listens again
        for one in (heard, *(one.body_iterator for one in held)):
            await one.aclose()
        return len(told)

    assert asyncio.run(story()) == 300


def test_a_cursor_ahead_of_everything_is_told_what_the_last_one_is(door):
    last = told(door)["paging_metadata"]["cursor"]
    assert told(door, last)["result"] == []
    answer = door.get("/api/v3/events?cursor=999999")
    [message] = answer.json()["messages"]
    assert (answer.status, message["correlationId"]) == (409, "twin.feed-ahead")
    assert "999999" in message["text"] and last in message["text"]
