"""The witness's door: partners by their own or their signature, nothing for strangers; a flood costs who floods."""

import pytest

from tests.doors.asking import Client
from tests.engine.pricelog.firms_of_the_log import batch, branch, firms, stop
from weft.doors import pricelog
from weft.doors.pricelog import witness as door
from weft.engine.pricelog import witness
from weft.engine.requests import sign_request
from weft.tlog import note
from weft.tlog import witness as protocol
from weft.tlog.witness import REQUEST_BYTES_MAX

PATH = "/pricelog/witness/add-checkpoint"


@pytest.fixture
async def door_of():
    """A witness's door, two partners and a stranger with their logs."""
    _wires, (hub, first, second) = await firms("Witness", "First", "Second")
    _, (stranger,) = await firms("Stranger")
    logs = [branch(one, [batch(k) for k in range(400)]) for one in (first, second, stranger)]
    yield Client(pricelog.routes(hub)), hub, (first, second, stranger), logs
    await stop(hub, first, second, stranger)


def at_door(hub, log) -> str:
    return f"/pricelog/witness/{witness.door_for(hub.identity, log.origin)}/add-checkpoint"


async def signed(client, asker, hub, body):
    header, _ = sign_request(asker, hub.organisation, PATH, body)
    return await client.ask(PATH, "POST", {"weft-request": header}, body)


async def test_a_partner_asks_at_its_door_or_with_its_signature(door_of):
    client, hub, (first, *_), (log, *_) = door_of
    key = witness.key_for(hub.identity, log.origin).verifier
    answer = await client.ask(at_door(hub, log), "POST", body=log.request(0, 5))
    assert answer.status == 200
    assert set(protocol.cosigned(note.parse(log.note(5)), answer.body, [key])) == {key}
    answer = await signed(client, first, hub, log.request(5, 9))
    assert answer.status == 200
    assert set(protocol.cosigned(note.parse(log.note(9)), answer.body, [key])) == {key}
    answer = await client.ask(at_door(hub, log), "POST", body=log.request(5, 9))
    assert (answer.status, answer.headers["content-type"], answer.body) == (409, "text/x.tlog.size", b"9\n")


async def test_a_stranger_gets_404_whatever_he_sends_and_nobody_learns_whom_we_know(door_of):
    client, hub, (first, second, stranger), (log, other, strange) = door_of
    good = log.request(0, 5)
    answers = [
        await client.ask(PATH, "POST", body=good),  # a partner's own checkpoint, which is public
        await client.ask(PATH, "POST", {"weft-request": "x"}, good),
        await client.ask(PATH, "POST", {"weft-request": f"{first.organisation}.a.b.c.d"}, good),
        await signed(client, stranger, hub, strange.request(0, 5)),
        await signed(client, stranger, hub, good),
        await signed(client, second, hub, good),  # a partner asks for another's log
        await client.ask(at_door(hub, strange), "POST", body=strange.request(0, 5)),
        await client.ask(at_door(hub, log)[:-20] + "x/add-checkpoint", "POST", body=good),
        await client.ask(at_door(hub, other), "POST", body=good)]
    assert {(one.status, one.body) for one in answers} == {(404, b"tlog.log-unknown\n")}
    assert await witness.witnessed(hub.store, first.organisation) is None
    assert (await client.ask(at_door(hub, log), "POST", body=good)).status == 200  # the control: by its door it holds


async def test_a_replayed_signed_request_is_a_strangers(door_of):
    client, hub, (first, *_), (log, *_) = door_of
    body = log.request(0, 5)
    header, _ = sign_request(first, hub.organisation, PATH, body)
    assert (await client.ask(PATH, "POST", {"weft-request": header}, body)).status == 200
    assert (await client.ask(PATH, "POST", {"weft-request": header}, body)).status == 404


async def test_who_floods_waits_and_others_do_not(door_of, monkeypatch):
    client, hub, (first, _second, _), (log, other, _) = door_of
    hub.clock.goes = False
    mine, theirs = at_door(hub, log), at_door(hub, other)
    assert (await client.ask(mine, "POST", body=log.request(0, 1))).status == 200
    got = [(await client.ask(mine, "POST", body=log.request(size, size + 1))).status for size in range(1, 200)]
    assert got.count(200) == door.BURST - 1
    assert set(got[door.BURST:]) == {429}
    assert (await client.ask(theirs, "POST", body=other.request(0, 5))).status == 200
    strangers = [(await client.ask(PATH, "POST", body=b"x")).status for _ in range(200)]
    assert 429 in strangers  # all strangers together have one small budget
    assert (await client.ask(theirs, "POST", body=other.request(5, 6))).status == 200
    hub.clock.ms += 5_000
    size = (await witness.witnessed(hub.store, first.organisation)).size
    assert (await client.ask(mine, "POST", body=log.request(size, size + 1))).status == 200


async def test_the_control_without_its_bucket_a_flood_is_answered_to_the_end(door_of, monkeypatch):
    client, hub, _, (log, *_) = door_of
    monkeypatch.setattr(door, "BURST", 1_000_000)
    hub.clock.goes = False
    got = [(await client.ask(at_door(hub, log), "POST", body=log.request(size, size + 1))).status
           for size in range(200)]
    assert set(got) == {200}


async def test_what_is_no_request_is_refused_by_its_own_status(door_of):
    client, hub, _, (log, *_) = door_of
    mine = at_door(hub, log)
    assert (await client.ask(mine, "POST", body=b"old 0\n")).status == 400
    assert (await client.ask(mine, "POST", body=bytes(REQUEST_BYTES_MAX + 1))).status == 413
    assert (await client.ask(mine)).status == 405
    assert (await client.ask(mine, "POST", {"content-encoding": "gzip"}, b"x")).status == 415
