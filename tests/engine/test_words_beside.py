"""A partner that speaks beside everything we say costs us a bounded amount of reading once more, and pays for it.

Controls: acks that are each looked at fold the thread once for each; a door that does not charge for it lets it go on.
"""

import msgspec
import pytest

from tests.doors.asking import Client
from tests.engine.test_budgets import ask, two  # noqa: F401 - a fixture
from tests.engine.world import DirectPeers, until
from weft.basis import canonical
from weft.basis.errors import Invalid, NotFound
from weft.doors import peer as door
from weft.engine import handle, receive, sync
from weft.engine.budgets import EVENTS_A_REQUEST, FOLDED_A_REQUEST
from weft.engine.machines import state_hash
from weft.engine.threads import Loaded
from weft.thread import clock
from weft.thread.event import Header, Payload, signed_bytes, slot, to_envelope, written


class Liar:
    """The shop's key, in as many chains as it likes; it reads what it is told to have read, and nothing else."""

    def __init__(self, shop, loaded):
        self.shop, self.loaded, self.tips = shop, loaded, {}

    def says(self, chain: int, kind: str, content: dict, above=()):
        shop, (n, last) = self.shop, self.tips.get(chain, (-1, None))
        payload = Payload(shop.random(32), canonical.encode(content))
        first = sorted(self.loaded.heads)[:16] if last is None else sorted(set(above) - {last})
        header = Header(
            v=1, t=self.loaded.thread, a=shop.organisation, d=shop.identity.signer.public,
            i=canonical.b64(bytes([9, chain, 0, 0, 0, 0, 0, 0])), n=n + 1, p=last, x=first, ks=shop.key_event,
            h=clock.tick(shop.clock.now_ms(), []), y=kind, s=1, m=self.loaded.machine_name, b=[slot(payload)])
        event = written(header, {0: payload})
        event = msgspec.structs.replace(event, signature=shop.identity.signer.sign(signed_bytes(event.id)))
        self.tips[chain] = n + 1, event.id
        return to_envelope(event)


async def by_turns(shop, factory, count: int = 24) -> list:
    """Words beside all, and acks of each of them, as one request."""
    thread = factory.partner(shop.organisation)
    loaded = await factory.loaded(thread)
    liar = Liar(shop, loaded)
    first = [liar.says(0, "Unknown", {}), liar.says(1, "Unknown", {})]
    reply = await sync.answer(factory, shop.organisation, sync.SyncRequest(thread, [], first))
    assert not reply.invalid
    loaded = await factory.loaded(thread)
    state, heads, batch = state_hash(loaded.state), list(loaded.heads), []
    for _ in range(count):
        old = liar.tips[0][1]
        batch.append(liar.says(0, "Unknown", {}))
        heads = [one for one in heads if one != old] + [liar.tips[0][1]]
        batch.append(liar.says(1, "Ack", {"state": state}, heads))
        heads = [liar.tips[1][1]]
    return batch


@pytest.mark.parametrize("each", [False, True])
async def test_one_request_folds_a_thread_a_few_times_however_many_acks_it_brings(two, monkeypatch, each):  # noqa: F811 - the fixture
    shop, factory = two
    await shop.stop()
    batch = await by_turns(shop, factory)
    folds, refold = [], Loaded.refold
    monkeypatch.setattr(Loaded, "refold", lambda self: (folds.append(self.held), refold(self)))
    if each:  # the control
        source = receive._mismatch

        def every(loaded, ready):
            return next(filter(None, (source(loaded, ready[:end]) for end in range(1, len(ready) + 1))), "")

        monkeypatch.setattr(receive, "_mismatch", every)
    reply = await sync.answer(factory, shop.organisation, sync.SyncRequest(
        factory.partner(shop.organisation), [], batch))
    assert not reply.invalid
    assert (len(folds) <= 3) is not each, folds


async def test_a_wrong_state_in_the_last_ack_of_many_is_found(two):  # noqa: F811 - the fixture
    shop, factory = two
    await shop.stop()
    batch = await by_turns(shop, factory, 3)
    thread = factory.partner(shop.organisation)
    await sync.answer(factory, shop.organisation, sync.SyncRequest(thread, [], batch))
    assert thread not in factory.alarms
    liar = Liar(shop, await factory.loaded(thread))
    wrong = liar.says(6, "Ack", {"state": "A" * 43})
    await sync.answer(factory, shop.organisation, sync.SyncRequest(thread, [], [wrong]))
    assert factory.alarms[thread] == "state-mismatch"


async def test_who_makes_us_read_once_more_pays_for_it(two):  # noqa: F811 - the fixture
    shop, factory = two
    await shop.stop()
    thread = factory.partner(shop.organisation)
    batch = await by_turns(shop, factory)
    account, client = factory.budgets.of(shop.organisation), Client(door.routes(factory))

    async def cost(events) -> float:
        body = msgspec.json.encode(sync.SyncRequest(thread, list((await factory.loaded(thread)).heads), events))
        account.work.level = before = 1_000.0
        account.work.rate = 0.0
        answer = await ask(client, factory, shop, sync.SYNC_PATH, body)
        reply = sync.read_reply(answer.body)
        assert answer.status == 200 and not reply.invalid
        return before - account.work.level - 1 - (len(events) + len(reply.events)) / EVENTS_A_REQUEST

    read = (await factory.loaded(thread)).held + len(batch)  # asked before: its own ack may come at any moment after
    assert await cost(batch) >= read / FOLDED_A_REQUEST
    liar = Liar(shop, await factory.loaded(thread))
    assert await cost([liar.says(9, "Unknown", {})]) == 0, "the control: what stands above all costs no more"


async def test_what_is_kept_of_another_s_heads_is_bounded(two, monkeypatch):  # noqa: F811 - the fixture
    shop, factory = two
    thread = factory.partner(shop.organisation)
    for heads in (["h" * 30_000], ["h" * 42], [""]):
        with pytest.raises(Invalid, match=r"sync\.malformed"):
            sync.read_request(msgspec.json.encode(sync.SyncRequest(thread, heads)))
        with pytest.raises(Invalid, match=r"sync\.malformed"):
            sync.read_reply(msgspec.json.encode(sync.SyncReply(heads=heads)))
    assert sync.read_polled(msgspec.json.encode(sync.PollReply(["x" * 9_000, "t" * 43]))).threads == ["t" * 43]

    async def invents(_self, _organisation, _path, _body):
        return msgspec.json.encode(sync.SyncReply(heads=["h" * 43] * 60))

    monkeypatch.setattr(DirectPeers, "request", invents)
    held = dict(factory.outbox.theirs)
    for number in range(20):
        with pytest.raises(NotFound):
            await factory.outbox.pull(shop.organisation, f"{number:043d}")
    assert factory.outbox.theirs == held


async def test_all_is_acknowledged_also_where_one_word_cannot_stand_above_it_all(two):  # noqa: F811 - the fixture
    shop, factory = two
    await shop.stop()
    thread = factory.partner(shop.organisation)
    liar = Liar(shop, await factory.loaded(thread))
    words = [liar.says(chain, "Unknown", {}) for chain in range(40)]
    reply = await sync.answer(factory, shop.organisation, sync.SyncRequest(thread, [], words))
    assert not reply.invalid

    async def acknowledged():
        return not handle.needs_ack(await factory.loaded(thread), factory.organisation)

    await until(acknowledged, 5.0)
    own = [entry for entry in (await factory.loaded(thread)).entries.values()
           if entry.kind == "Ack" and entry.author == factory.organisation]
    assert len(own) <= 5, "and by no more words than it takes"
