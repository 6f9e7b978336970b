"""Who shows no token sees what a rule for everybody shows, and of all else not even whether it is there."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest

from tests.doors.aas.test_access import ABSENT, PLACE, SECRET, World, filled
from tests.engine.dealing import dealt
from weft.doors.aas import service
from weft.doors.aas.call import Call
from weft.doors.aas.table import addresses
from weft.engine.twins.access import PROGRAMS, Access
from weft.engine.twins.repository import Repository
from weft.twin import elements as e
from weft.twin.names import encode_id

OPEN = "urn:x:open"
PUBLIC = {"ACL": {"ATTRIBUTES": [{"GLOBAL": "ANONYMOUS"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
          "OBJECTS": [{"IDENTIFIABLE": "(Submodel)*"}],
          "FORMULA": {"$eq": [{"$field": "$sm#idShort"}, {"$strVal": "Open"}]}}
HIDDEN = {"shell": PLACE["shell"], "submodel": PLACE["submodel"], "concept": PLACE["concept"],
          "package": PLACE["package"], "id": PLACE["shell"]}


@pytest.fixture(scope="module")
def world(loop) -> Iterator[World]:
    context = dealt()

    async def opened():
        made = await World(*await context.__aenter__()).filled()
        limits = made.factory.budgets.strangers
        limits.work.rate = limits.work.depth = limits.work.level = 1e6
        document = e.submodel(OPEN, "Open", [e.prop("Word", "hello")])
        assert (await made.ask("", "submodels", "POST", msgspec.json.encode(document))).status == 401
        assert (await made.ask(made.client.token, "submodels", "POST", msgspec.json.encode(document))).status == 201
        return made

    yield loop.run_until_complete(opened())
    loop.run_until_complete(context.__aexit__(None, None, None))


def told(answer) -> tuple:
    """All that a stranger is told, less the instant."""
    body = msgspec.json.decode(answer.body) if answer.body else {}
    for one in body.get("messages", ()):
        one.pop("timestamp", None)
    return answer.status, {k: v for k, v in answer.headers.items() if k != "content-length"}, str(body)


def questions() -> Iterator[tuple[str, str, str, bytes]]:
    """(address of something hidden, the same of nothing, method, body) for all that may be asked."""
    nothing = {name: encode_id(ABSENT) for name in HIDDEN}
    there = {name: encode_id(value) for name, value in HIDDEN.items()}
    for address, methods, _ in addresses():
        for method in methods:
            more = {"path": "Price", "handle": "x"}
            yield filled(address, there | more), filled(address, nothing | more), method, b"{}"


async def all_of(world) -> list[tuple[tuple, tuple, str]]:
    return [(told(await world.ask("", there, method, body)), told(await world.ask("", absent, method, body)),
             f"{method} {there}") for there, absent, method, body in questions()]


def test_without_such_a_rule_all_is_the_same_and_nothing_is_looked_at(world, loop, monkeypatch):
    looked = []

    async def seen(_self, *of):
        looked.append(of)

    monkeypatch.setattr(Repository, "get", seen)
    monkeypatch.setattr(Repository, "page", seen)
    found = loop.run_until_complete(all_of(world))
    assert len(found) > 200
    assert {one[0][0] for one in found} == {401}
    assert len({str(one) for pair in found for one in pair[:2]}) == 1
    assert looked == []
    odd = [loop.run_until_complete(world.ask("", address, method)) for address, method in (
        ("no-such-address", "GET"), ("shells", "PATCH"), ("submodels?limit=x", "GET"), ("submodels/%%%", "GET"))]
    assert {str(told(one)) for one in odd} == {str(found[0][0])}


def test_what_a_rule_for_everybody_shows_is_shown_and_all_else_is_one_and_the_same(world, loop, monkeypatch):
    access = Access(world.factory)
    monkeypatch.setattr(service, "STEP_S", 0.001)

    async def play():
        kept = await access.document()
        await access.keep({"rules": [PUBLIC, PROGRAMS]})
        try:
            whole = await world.ask("", f"submodels/{encode_id(OPEN)}")
            assert whole.status == 200
            assert [one["id"] for one in (await world.ask("", "submodels")).json()["result"]] == [OPEN]
            assert (await world.ask("", f"submodels/{encode_id(OPEN)}/submodel-elements/Word/$value")).json() == "hello"
            for where in ("shells", "shell-descriptors", "lookup/shells", "packages"):
                assert (await world.ask("", where)).json()["result"] == []
            assert (await world.ask("", "description")).status == 401
            told_of = (await world.ask("", "events?limit=1000")).json()["result"]
            assert {one["subject"] for one in told_of} == {OPEN}
            stream = await world.ask("", "events", accept="text/event-stream")
            assert stream.status == 401
            change = await world.ask("", f"submodels/{encode_id(OPEN)}/submodel-elements/Word/$value", "PATCH", b'"x"')
            assert change.status == 401
            return await all_of(world)
        finally:
            await access.keep(kept)

    found = loop.run_until_complete(play())
    for there, absent, what in found:
        assert there == absent or what == "GET events", what     # of these, cursors are sealed anew each time
        assert SECRET not in str(there), what
    refused = {str(one[0]) for one in found if one[0][0] != 200}
    assert len(refused) == 1
    assert [one for one in found if one[0][0] == 200]


def test_a_refusal_comes_at_a_full_step_whatever_it_took(world, loop):
    access = Access(world.factory)

    async def play():
        kept = await access.document()
        await access.keep({"rules": [PUBLIC]})
        try:
            times = []
            for name in (PLACE["submodel"], ABSENT):
                begun = asyncio.get_running_loop().time()
                assert (await world.ask("", f"submodels/{encode_id(name)}")).status == 401
                times.append(asyncio.get_running_loop().time() - begun)
            return times
        finally:
            await access.keep(kept)

    assert min(loop.run_until_complete(play())) >= service.STEP_S * 0.9


def test_a_token_that_is_none_is_no_stranger(world, loop):
    access = Access(world.factory)

    async def play():
        kept = await access.document()
        await access.keep({"rules": [PUBLIC]})
        try:
            token = await world.token("client")
            known = await world.ask(token, f"submodels/{encode_id(OPEN)}")      # for everybody: for programs too
            device = next(one for one in await world.factory.devices.all() if one.scope == "client")
            await world.factory.devices.revoke(device.id)
            return known, [await world.ask(who, f"submodels/{encode_id(OPEN)}") for who in (token, "x", "x" * 2000)]
        finally:
            await access.keep(kept)

    known, refused = loop.run_until_complete(play())
    assert known.status == 200
    assert {told(one)[0] for one in refused} == {401}
    assert all(b"token-unknown" in one.body for one in refused)


def test_a_stranger_who_was_taken_for_the_house_would_be_seen_here(world, loop, monkeypatch):
    """The control."""
    access = Access(world.factory)
    monkeypatch.setattr(Call, "_subject", property(lambda _self: None))

    async def play():
        kept = await access.document()
        await access.keep({"rules": [PUBLIC]})
        try:
            return await world.ask("", f"submodels/{encode_id(PLACE['submodel'])}")
        finally:
            await access.keep(kept)

    assert SECRET in loop.run_until_complete(play()).body.decode()
