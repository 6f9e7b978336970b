"""Changes delivered to those who do not ask: each in its own time, all of them, none that they may not see."""

import asyncio
import contextlib
import json
import time

import msgspec
import pytest

from tests.engine.dealing import dealt
from tests.engine.home import busy_node
from tests.engine.world import until
from tests.peers.test_webhook import Receiver, serving
from weft.basis.errors import Invalid, NotFound, Refused, Unavailable
from weft.engine.clock import SystemClock
from weft.engine.commands import run
from weft.engine.twins import cloudevents
from weft.engine.twins.access import HOUSE, Access
from weft.engine.twins.changes import POLL_S
from weft.engine.twins.delivering import Deliveries
from weft.engine.twins.hearing import Hearing
from weft.engine.twins.moves import AT_ONCE, Moves
from weft.engine.twins.subscriptions import Message, Target
from weft.engine.views import VIEWS
from weft.peers.guard import Guard, Reach
from weft.peers.webhook import HttpWebhooks
from weft.shopfloor.connection import Value
from weft.stores.sqlite_file import MEMORY
from weft.stores.twins import applying
from weft.stores.twins.applying import Kept
from weft.stores.twins.store import SqliteTwins
from weft.twin.names import shell_id, submodel_id

BASE = "http://maker.example/api/v3"


class Pockets:
    """Credentials in memory."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def read(self, id: str) -> bytes | None:
        return self.held.get(id)

    def write(self, id: str, content: bytes) -> None:
        self.held[id] = content

    def remove(self, id: str) -> None:
        self.held.pop(id, None)


@contextlib.asynccontextmanager
async def delivering(kind=Deliveries, kept: Kept | None = None, total_s: float = 0.5):
    """A factory that delivers; its longest pause is a fifth of a second."""
    node = await busy_node()
    node.twins.opening = lambda: SqliteTwins(MEMORY, node.clock, kept=kept)
    node.config = msgspec.structs.replace(node.config, firm=msgspec.structs.replace(
        node.config.firm, url="http://maker.example"), peers=msgspec.structs.replace(
            node.config.peers, retry_s_min=0.05, retry_s_max=0.2))
    hooks = HttpWebhooks(Guard(Reach.HERE), SystemClock(), total_s=total_s)
    node.twin_events = kind(node, {"webhook": hooks}, Pockets(), lambda: True)
    working = asyncio.create_task(node.twin_events.run())
    try:
        yield node
    finally:
        working.cancel()
        await asyncio.gather(working, *(one.task for one in node.twin_events.known.values() if one.task),
                             return_exceptions=True)
        await node.twin_events.end()
        await node.twins.close()


async def make(node, *names: str) -> None:
    for name in names:
        await node.twins.create("concept", {"modelType": "ConceptDescription", "id": name})


async def add(node, address: str, name: str = "ERP", **more) -> str:
    done = await run(node, "twin-events-add", {"name": name, "kind": "webhook", "address": address, **more})
    return done.facts["subscription"]


def subjects(receiver: Receiver) -> list[str]:
    """Of what was sent, tests and the like left out."""
    return [event["subject"] for event in events(receiver) if "subject" in event]


def events(receiver: Receiver) -> list[dict]:
    return [json.loads(body) for _, body in receiver.got]


async def row(node, name: str = "ERP"):
    return next(one for one in (await VIEWS["twin-events"](node)).subscriptions if one.name == name)


async def all_taken(node):
    """The row once the node knows, too, that the receiver has everything: an answer comes after what it answers."""
    async def fine() -> bool:
        return (await row(node)).state == "fine"

    await until(fine)
    return await row(node)


# ---- what arrives -----------------------------------------------------------------------------------


async def test_each_change_arrives_once_and_in_order_as_it_is_told_to_those_who_ask():
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        await make(node, "urn:before")
        await add(node, address)
        await make(node, *(f"urn:{n}" for n in range(5)))
        await node.twins.delete("concept", "urn:3")
        await until(lambda: len(receiver.got) == 6)
        hearing = Hearing(node.twin_changes)
        told = [cloudevents.event(BASE, hearing, one, 0) for one in (await hearing.after(1, 100))[0]]
        assert events(receiver) == told  # without the one from before it was added
        found = await all_taken(node)
        assert (found.state, found.behind, found.delivered, found.code) == ("fine", 0, 6, "")


async def test_who_wants_the_oldest_gets_what_was_before():
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        await make(node, "urn:1", "urn:2")
        await add(node, address, oldest=True)
        await until(lambda: len(receiver.got) == 2)
    assert subjects(receiver) == ["urn:1", "urn:2"]


async def test_only_what_was_asked_for_is_sent():
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        await add(node, address, types=["created", "deleted"], ids=["urn:a\n  urn:b*  ", "urn:c"])
        await make(node, "urn:a", "urn:aa", "urn:b1", "urn:b2", "urn:c", "urn:d")
        await node.twins.patch("concept", "urn:a", {"idShort": "Other"})
        await node.twins.delete("concept", "urn:b1")
        await until(lambda: len(receiver.got) == 5)
    assert subjects(receiver) == ["urn:a", "urn:b1", "urn:b2", "urn:c", "urn:b1"]


async def test_values_of_machines_are_told_of_each_place_the_newest():
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        await add(node, address, types=["valueChanged"])
        machine = submodel_id(shell_id(node.organisation, "machine", "L1"), "OperationalData")
        await asyncio.sleep(0.1)
        began = time.monotonic()
        for n in range(200):
            node.live.take("L1", [("SpindleSpeed", Value(1000.0 + n))])
            await asyncio.sleep(0.001)
        await until(lambda: len(receiver.got) >= 1)
        await asyncio.sleep(0.6)
        told = events(receiver)
        assert 1 <= len(told) <= (time.monotonic() - began) / POLL_S + 1  # not one for each of the 200
        assert {(one["subject"], one["type"]) for one in told} == {(machine, "io.admin-shell.events.v1.valueChanged")}
        assert told[0]["source"].endswith("/submodel-elements/SpindleSpeed")
        assert len({one["id"] for one in told}) == len(told)


def test_what_is_held_of_values_is_one_number_for_each_place():
    moves = Moves()
    for n in range(10_000):
        moves.take(("M", f"p{n % 300}"))
    first, upto = moves.after(0)
    second, end = moves.after(upto)
    assert len(first) == AT_ONCE and len({*first, *second}) == 300 and end == moves.count
    assert moves.after(end) == ([], end)


# ---- what does not arrive ---------------------------------------------------------------------------


async def test_who_was_down_gets_everything_once_it_is_up_again():
    receiver = Receiver(status=500)
    async with delivering() as node, serving(receiver) as address:
        await add(node, address)
        await make(node, *(f"urn:{n}" for n in range(5)))
        await until(lambda: len(receiver.got) >= 3)
        found = await row(node)
        assert (found.state, found.behind, found.code, found.facts) == ("failing", 5, "twin-event.answered",
                                                                        {"status": 500})
        assert set(subjects(receiver)) == {"urn:0"} and len({dict(one)["webhook-id"] for one, _ in receiver.got}) == 1
        receiver.status, tries = 204, len(receiver.got)
        await until(lambda: len(receiver.got) >= tries + 5)
        assert subjects(receiver)[tries:] == [f"urn:{n}" for n in range(5)]
        assert (await all_taken(node)).behind == 0


async def test_the_pause_doubles_is_never_the_same_and_has_an_end():
    async with delivering() as node:
        work = node.twin_events
        for failures, longest in ((1, 50), (2, 100), (3, 200), (30, 200)):
            found = [work._pause_ms(failures) for _ in range(200)]
            assert longest // 2 <= min(found) and max(found) <= longest and len(set(found)) > 10


async def test_who_is_gone_is_left_alone_until_the_owner_says_otherwise():
    receiver = Receiver(status=410)
    async with delivering() as node, serving(receiver) as address:
        name = await add(node, address)
        await make(node, "urn:1", "urn:2")
        await until(lambda: node.twin_events.named(name).progress.paused)
        await asyncio.sleep(0.3)
        assert len(receiver.got) == 1 and (await row(node)).state == "gone" and (await row(node)).behind == 2
        receiver.status = 204
        await run(node, "twin-events-resume", {"subscription": name})
        await until(lambda: len(receiver.got) == 3)
    assert subjects(receiver) == ["urn:1", "urn:1", "urn:2"]


async def test_who_asks_to_be_left_alone_is():
    receiver = Receiver(status=429, headers={"Retry-After": "1"})
    async with delivering() as node, serving(receiver) as address:
        await add(node, address)
        await make(node, "urn:1")
        await until(lambda: len(receiver.got) == 1)
        began, receiver.status = time.monotonic(), 204
        await until(lambda: len(receiver.got) == 2)
        assert time.monotonic() - began >= 0.95  # and not after the fifth of a second


async def test_nothing_is_told_while_it_is_paused_and_all_of_it_afterwards():
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        name = await add(node, address)
        await run(node, "twin-events-pause", {"subscription": name})
        await make(node, "urn:1", "urn:2")
        await asyncio.sleep(0.2)
        assert receiver.got == [] and (await row(node)).behind == 2
        await run(node, "twin-events-resume", {"subscription": "ERP"})
        await until(lambda: len(receiver.got) == 2)
        await run(node, "twin-events-pause", {"subscription": name})
        await make(node, "urn:3")
        await run(node, "twin-events-resume", {"subscription": name, "now": True})
        await make(node, "urn:4")
        await until(lambda: len(receiver.got) == 3)
    assert subjects(receiver) == ["urn:1", "urn:2", "urn:4"]


class OneAfterTheOther(Deliveries):
    """The control: all wait for each."""

    turn = asyncio.Lock()

    async def round(self, one):
        async with self.turn:
            return await super().round(one)


async def heard_before_the_mute(kind) -> bool:
    """Whether a change reaches a receiver while others, told at the same time, have not answered yet."""
    receiver, mute = Receiver(), Receiver()
    mute.wait_s = 1.5
    async with delivering(kind, total_s=5) as node, serving(mute) as nowhere, serving(receiver) as address:
        for n in range(3):
            await add(node, nowhere, f"mute {n}", handshake=False)
        await add(node, address, handshake=False)
        await make(node, "urn:0")
        await asyncio.sleep(0.1)
        await make(node, "urn:1")
        await until(lambda: "urn:1" in subjects(receiver))
        return not mute.got


@pytest.mark.parametrize(("kind", "before"), [(Deliveries, True), (OneAfterTheOther, False)])
async def test_who_never_answers_delays_nobody_else(kind, before):
    assert await heard_before_the_mute(kind) is before


# ---- what is no longer known ------------------------------------------------------------------------


@pytest.mark.parametrize("empty", [True, False])
async def test_where_changes_are_forgotten_the_receiver_and_the_owner_are_told(empty, monkeypatch):
    monkeypatch.setattr(applying, "PRUNED_EVERY", 20)
    receiver = Receiver(status=500)
    async with delivering(kept=Kept(10, 20)) as node, serving(receiver) as address:
        if not empty:
            await make(node, "urn:before")
        await add(node, address)
        await make(node, *(f"urn:{n}" for n in range(60)))
        first, last = await node.twins.feed_ends()
        assert first > 30
        receiver.got.clear()
        receiver.status = 204
        await until(lambda: receiver.got and json.loads(receiver.got[-1][1]).get("id") == str(last))
        told = [one for one in events(receiver) if one["id"] != "1" and one["id"] != "2"]
        assert told[0]["type"] == cloudevents.LOST and told[0]["id"].startswith("lost-")
        assert [int(one["id"]) for one in told[1:]] == list(range(first, last + 1))
        assert (await all_taken(node)).lost_ms


async def test_after_a_restore_the_receiver_is_told_that_it_may_know_more_than_we_do():
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        await add(node, address)
        await make(node, "urn:1", "urn:2")
        await until(lambda: len(receiver.got) == 2)
        await run(node, "twin-events-pause", {"subscription": "ERP"})
        await make(node, "urn:3")
        await node.twins.store.begin_anew()
        node.twin_events.known.clear()
        await node.twin_events.load()
        await run(node, "twin-events-resume", {"subscription": "ERP"})
        await until(lambda: len(receiver.got) == 4)
        await make(node, "urn:4")
        await until(lambda: len(receiver.got) == 5)
    told = events(receiver)
    assert told[2]["type"] == cloudevents.LOST and subjects(receiver) == ["urn:1", "urn:2", "urn:3", "urn:4"]


# ---- who sees what ----------------------------------------------------------------------------------


class Careless(Deliveries):
    """The control: everybody hears as the firm does."""

    async def _hearing(self, about):
        return Hearing(self.node.twin_changes)


async def heard_by_everybody(kind) -> list[dict]:
    """What somebody is told who may see one twin of two."""
    receiver = Receiver()
    async with delivering(kind) as node, serving(receiver) as address:
        shown = {"ACL": {"ATTRIBUTES": [{"GLOBAL": "ANONYMOUS"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
                 "OBJECTS": [{"IDENTIFIABLE": "(CD)urn:open"}], "FORMULA": {"$boolean": True}}
        await Access(node).keep({"AllAccessPermissionRules": {"rules": [HOUSE, shown]}})
        await add(node, address, sees="everybody", oldest=True)
        await make(node, "urn:secret", "urn:open", "urn:secret/2")
        await node.twins.delete("concept", "urn:secret")
        node.live.take("L1", [("SpindleSpeed", Value(7.0))])
        await until(lambda: "urn:open" in subjects(receiver))
        await asyncio.sleep(0.5)
        return events(receiver)


async def test_who_may_not_see_a_twin_hears_nothing_of_it():
    told = await heard_by_everybody(Deliveries)
    assert [one["subject"] for one in told] == ["urn:open"] and not told[0]["id"].isdecimal()
    with pytest.raises(AssertionError):  # the control must fail
        assert [one["subject"] for one in await heard_by_everybody(Careless)] == ["urn:open"]


@pytest.mark.parametrize("kind", [Deliveries, Careless])
async def test_a_partner_hears_what_its_rules_show_and_of_no_machine(kind):
    receiver = Receiver()
    async with dealt() as (shop, factory, _), serving(receiver) as address:
        factory.twins.opening = lambda: SqliteTwins(MEMORY, factory.clock)
        shown = {"ACL": {"ATTRIBUTES": [{"CLAIM": "organisation"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"},
                 "OBJECTS": [{"IDENTIFIABLE": "(CD)urn:theirs"}],
                 "FORMULA": {"$eq": [{"$attribute": {"CLAIM": "organisation"}}, {"$strVal": shop.organisation}]}}
        await Access(factory).keep({"AllAccessPermissionRules": {"rules": [HOUSE, shown]}})
        hooks = HttpWebhooks(Guard(Reach.HERE), SystemClock())
        factory.twin_events = kind(factory, {"webhook": hooks}, Pockets(), lambda: True, "http://maker.example")
        working = asyncio.create_task(factory.twin_events.run())
        name = await add(factory, address, sees="Shop")
        assert factory.twin_events.named(name).about.partner == shop.organisation
        await make(factory, "urn:ours", "urn:theirs", "urn:ours/2")
        await until(lambda: "urn:theirs" in subjects(receiver))
        await asyncio.sleep(0.3)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await factory.twin_events.end()
        await factory.twins.close()
    expected = ["urn:theirs"] if kind is Deliveries else ["urn:ours", "urn:theirs", "urn:ours/2"]  # so the control
    assert subjects(receiver) == expected


# ---- the owner's words ------------------------------------------------------------------------------


async def test_a_test_arrives_or_says_what_is_in_the_way():
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        name = await add(node, address)
        await run(node, "twin-events-test", {"subscription": name})
        assert [one["type"] for one in events(receiver)] == [cloudevents.TEST]
        assert (await row(node)).delivered == 0
        receiver.status = 500
        with pytest.raises(Unavailable) as caught:
            await run(node, "twin-events-test", {"subscription": "ERP"})
        assert caught.value.code == "twin-event.answered"


async def test_what_is_taken_away_is_told_nothing_and_leaves_nothing():
    receiver = Receiver()
    async with delivering() as node, serving(receiver) as address:
        name = await add(node, address)
        assert list(node.twin_events.safe.held) == [name] and b"whsec_" in node.twin_events.safe.held[name]
        assert b"whsec_" not in b"".join(part for one in await node.twins.store.listeners() for part in one[1:])
        assert "whsec_" not in str(await VIEWS["twin-events"](node))
        await run(node, "twin-events-remove", {"subscription": name})
        await make(node, "urn:1")
        await asyncio.sleep(0.2)
        assert receiver.got == [] and not node.twin_events.safe.held and not await node.twins.store.listeners()
        with pytest.raises(NotFound):
            await run(node, "twin-events-test", {"subscription": name})


@pytest.mark.parametrize(("given", "code"), [
    ({"name": ""}, "twin-event.name"), ({"name": "x" * 61}, "twin-event.name"),
    ({"address": "ftp://x"}, "twin-event.address-webhook"), ({"address": "https://user:pw@x/"},
                                                             "twin-event.address-webhook"),
    ({"address": "https://x/a b"}, "twin-event.address-webhook"), ({"address": "https://[x/"},
                                                                  "twin-event.address-webhook"),
    ({"kind": "mqtt", "address": "mqtt://b/path"}, "twin-event.address-mqtt"),
    ({"kind": "mqtt", "address": "mqtt://b", "prefix": "a/#"}, "twin-event.topic"),
    ({"kind": "mqtt", "address": "mqtt://b", "prefix": "$SYS/a"}, "twin-event.topic"),
    ({"kind": "mqtt", "address": "mqtt://b", "channel": "a/b"}, "twin-event.topic"),
    ({"types": ["moved"]}, "twin-event.type"), ({"ids": ["urn:x"] * 101}, "twin-event.ids"),
    ({"sees": "nobody we know"}, "partner.unknown")])
async def test_what_cannot_be_is_refused_before_anything_is_kept(given, code):
    async with delivering() as node:
        with pytest.raises((Invalid, NotFound)) as caught:
            await run(node, "twin-events-add", {"name": "ERP", "kind": "webhook", "address": "https://x.example/",
                                                **given})
        assert caught.value.code == code
        assert not node.twin_events.known and not node.twin_events.safe.held


async def test_names_are_kept_apart_and_there_is_an_end_to_them():
    async with delivering() as node:
        await add(node, "https://x.example/")
        with pytest.raises(Refused) as caught:
            await add(node, "https://y.example/")
        assert caught.value.code == "twin-event.exists"
        for n in range(31):
            await add(node, "https://x.example/", f"n{n}")
        with pytest.raises(Refused) as caught:
            await add(node, "https://x.example/", "one more")
        assert caught.value.code == "twin-event.too-many"


async def test_the_topic_says_whose_eyes_it_is_told_with():
    async with delivering() as node:
        for sees, channel, told in (("firm", "", node.organisation), ("everybody", "", "noauth"),
                                    ("firm", "all", "all")):
            done = await run(node, "twin-events-add", {
                "name": f"{sees} {channel}", "kind": "webhook", "address": "https://x.example/", "sees": sees,
                "prefix": "/plant/a/", "channel": channel})
            about = node.twin_events.named(done.facts["subscription"]).about
            assert about.topic(node.organisation) == f"plant/a/{told}"


async def test_what_waits_for_a_receiver_is_bounded_however_far_behind_it_is():
    """The sender is given at most a page."""
    most = []

    class Watching:
        async def send(self, to: Target, messages: list[Message]) -> int:
            most.append(len(messages))
            return len(messages)

        async def forget(self, id: str) -> None: ...
        async def close(self) -> None: ...

    async with delivering() as node:
        await make(node, *(f"urn:{n}" for n in range(450)))
        node.twin_events.senders = {"webhook": Watching()}
        name = await add(node, "https://x.example/", oldest=True)
        await until(lambda: node.twin_events.named(name).progress.delivered == 450)
    assert max(most) == 100
