"""What one firm may cost: buckets that fill again, of its own; strangers share one; an honest node waits."""

import asyncio
import itertools
from types import SimpleNamespace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doors.asking import Client
from tests.engine.test_trade import fill_factory
from tests.engine.world import FOUNDERS, Wires, befriend, found, quiet, until
from weft.basis.canonical import b64
from weft.config import Limits
from weft.doors import peer as door
from weft.engine import exchange, handle, requests, sync
from weft.engine.budgets import Budgets, Busy
from weft.engine.commands import run
from weft.identity.keylog import DeviceDelegation
from weft.identity.keys import Signer
from weft.peers.http import _check_status
from weft.trade.messages import Party, PartyUpdated
from weft.trade.say import Say


class Now:
    ms = 1_000_000


def budgets(**limits) -> Budgets:
    return Budgets(Limits(**limits), lambda: Now.ms)


def spend(budget: Budgets, account, size: int = 0) -> bool:
    """Whether a request was let in."""
    try:
        with budget.entered(account, size):
            return True
    except Busy:
        return False


@given(st.lists(st.integers(0, 3_000), max_size=60), st.integers(1, 50), st.integers(1, 100))
def test_over_any_time_no_more_is_let_in_than_burst_and_rate(pauses, rate, burst):
    budget = budgets(requests_per_s=rate, burst_requests=burst)
    taken, began = 0, Now.ms
    for pause in pauses:
        Now.ms += pause
        taken += sum(spend(budget, budget.of("a")) for _ in range(40))
        assert taken <= burst + (Now.ms - began) * rate / 1000 + 1


def test_who_waits_as_long_as_he_was_told_is_let_in():
    budget = budgets(requests_per_s=2, burst_requests=3)
    while spend(budget, budget.of("a")):
        pass
    with pytest.raises(Busy) as told, budget.entered(budget.of("a"), 0):
        pass
    Now.ms += told.value.wait_ms
    assert spend(budget, budget.of("a"))


def test_nobody_pays_for_another_and_strangers_pay_together():
    budget = budgets(burst_requests=5)
    while spend(budget, budget.of("a")):
        pass
    assert spend(budget, budget.of("b"))
    while spend(budget, budget.strangers):
        pass
    assert spend(budget, budget.of("b"))
    assert budget.of("a").turned_away == 1


def test_bytes_events_and_what_is_kept_count_too():
    budget = budgets(burst_kilobytes=4_096, kilobytes_per_s=1, day_megabytes=1)
    assert spend(budget, budget.of("a"), 5 * 1024 * 1024), "what came is read, and paid later"
    assert not spend(budget, budget.of("a"))
    budget.of("b").charge(requests=1_001)
    assert not spend(budget, budget.of("b"))
    budget.of("c").charge(kept=1024 * 1024)
    assert not spend(budget, budget.of("c"))
    Now.ms += 86_400_000
    assert spend(budget, budget.of("c")), "the next day is another"


def test_only_so_many_are_answered_side_by_side():
    budget = budgets(at_once_requests=2)
    with budget.entered(budget.of("a"), 0), budget.entered(budget.of("a"), 0):
        assert not spend(budget, budget.of("a"))
        assert spend(budget, budget.of("b"))
    assert spend(budget, budget.of("a"))


def test_a_clock_that_goes_back_gives_nothing_away():
    budget = budgets(burst_requests=1, requests_per_s=1)
    assert spend(budget, budget.of("a"))
    Now.ms -= 100_000
    assert not spend(budget, budget.of("a"))


def test_control_one_bucket_for_all_would_let_one_firm_shut_out_another(monkeypatch):
    budget = budgets(burst_requests=5)
    monkeypatch.setattr(Budgets, "of", lambda self, _organisation: self.strangers)  # the flaw
    while spend(budget, budget.of("a")):
        pass
    assert not spend(budget, budget.of("b"))


# ---- at the door, and at the other end -----------------------------------------------------------


@pytest.fixture
async def two(monkeypatch):
    monkeypatch.setattr(door, "HELD_S", 0.01)
    wires = Wires()
    shop, factory = await found(wires, "Shop"), await found(wires, "Factory")
    await befriend(factory, shop)
    await fill_factory(factory)
    await quiet(shop, factory)
    yield shop, factory
    await shop.stop()
    await factory.stop()


async def ask(client, node, asker, path=sync.POLL_PATH, body=b"{}", header=None):
    signed = requests.sign_request(asker, node.organisation, path, body)[0] if header is None else header
    return await client.ask(path, "POST", {"weft-request": signed, "content-length": str(len(body))}, body, token="")


async def test_a_partner_beyond_its_budget_is_told_to_wait_and_the_others_are_not(two):
    shop, factory = two
    client = Client(door.routes(factory))
    factory.outbox.close()  # polls are answered at once
    assert (await ask(client, factory, shop)).status == 200
    factory.budgets.of(shop.organisation).charge(requests=10_000)
    answer = await ask(client, factory, shop)
    assert answer.status == 429
    told = msgspec.json.decode(answer.body)
    assert told["code"] == "peer.busy"
    assert 0 < told["wait_ms"] <= 60_000
    assert int(answer.headers["retry-after"]) == -(-told["wait_ms"] // 1000)
    with pytest.raises(Busy) as busy:
        _check_status(429, answer.body)
    assert busy.value.wait_ms == told["wait_ms"]
    assert factory.budgets.strangers.turned_away == 0


async def test_whoever_uses_a_partner_s_name_pays_as_a_stranger(two):
    shop, factory = two
    client = Client(door.routes(factory))
    factory.outbox.close()
    good = requests.sign_request(shop, factory.organisation, sync.POLL_PATH, b"{}")[0]
    before = factory.budgets.of(shop.organisation).work.level
    for count in itertools.count():
        forged = ".".join([*good.split(".")[:4], b64(b"%064d" % count)])
        answer = await ask(client, factory, shop, header=forged)
        if answer.status == 429:
            break
        assert answer.status == 404
        assert count < 200
    assert factory.budgets.of(shop.organisation).work.level >= before
    assert (await ask(client, factory, shop)).status == 200, "the partner itself is let in"
    assert (await ask(client, factory, shop, header="x.y.1.n.s")).status == 429, "and all other strangers are not"


async def test_an_honest_node_waits_as_long_as_it_is_told_and_delivers_then(two, monkeypatch):
    shop, factory = two
    asked = []
    through = type(shop.peers).request

    async def busy_first(self, organisation, path, body):
        asked.append(shop.clock.now_ms())
        if len(asked) == 1:
            raise Busy(90)
        return await through(self, organisation, path, body)

    monkeypatch.setattr(type(shop.peers), "request", busy_first)
    changes = shop.changes()
    done = await run(shop, "request-quotation", {"supplier": "Factory", "lines": [{"item": "V15", "quantity": "1"}]})
    await until(lambda: done.thread in factory.threads("order"))
    assert asked[1] - asked[0] >= 90
    assert not shop.outbox.failures, "a busy partner is no lost one"
    await changes.aclose()


async def test_a_member_that_says_too_much_in_one_thread_is_not_taken_further(two):
    shop, factory = two
    thread = shop.partner(factory.organisation)
    role = (await shop.members(thread))[shop.organisation]
    factory.events_max = 2
    pair = frozenset((shop.organisation, factory.organisation))
    shop.peers.wires.cut.add(pair)
    for name in "abc":
        await handle.say(shop, thread, [Say(role, shop.organisation, PartyUpdated(party=Party(name=name)))])
    shop.peers.wires.cut.discard(pair)
    loaded = await shop.loaded(thread)
    said = sum(n + 1 for (author, _, _), (n, _) in loaded.tips.items() if author == shop.organisation)
    assert said > 2
    reply = await sync.answer(factory, shop.organisation, await sync.opening(shop, factory.organisation, loaded, []))
    assert {code for _, code in reply.invalid} == {"event.too-many"}
    factory.events_max = 200_000
    reply = await sync.answer(factory, shop.organisation, await sync.opening(shop, factory.organisation, loaded, []))
    assert reply.invalid == []


async def test_a_key_log_shown_by_an_unknown_device_is_read_at_an_expense_of_its_own(two, monkeypatch):
    shop, factory = two
    client, proofs, proved = Client(door.routes(factory)), [], exchange.proved
    monkeypatch.setattr(exchange, "proved", lambda body: (proofs.append(len(body)), proved(body))[1])
    shown = await exchange.own(shop)
    body = msgspec.json.encode(exchange.Exchange(shop.organisation, shown.log * 200))
    good = requests.sign_request(shop, factory.organisation, exchange.EXCHANGE_PATH, body)[0].split(".")
    forged = ".".join([good[0], b64(b"%032d" % 7), *good[2:]])
    before = factory.budgets.of(shop.organisation).work.level
    for count in itertools.count():
        answer = await ask(client, factory, shop, exchange.EXCHANGE_PATH, body, forged)
        if answer.status == 429:
            break
        assert answer.status == 404
        assert count < 100
    assert len(proofs) == count < 60, "what is read of it is charged, and then nothing more is read"
    assert factory.budgets.of(shop.organisation).work.level >= before
    body = msgspec.json.encode(shown)
    assert (await ask(client, factory, shop, exchange.EXCHANGE_PATH, body)).status == 200, "the partner is let in"
    assert (await ask(client, factory, shop, exchange.EXCHANGE_PATH, body, header="x.y.1.n.s")).status == 404


async def test_strangers_keep_no_firm_from_showing_its_new_device(two):
    shop, factory = two
    client = Client(door.routes(factory))
    while (await ask(client, factory, shop, header="x.y.1.n.s")).status == 404:
        pass
    device = Signer(b"w" * 32)
    await handle.append_key_events(shop, FOUNDERS[shop.organisation], [
        DeviceDelegation(device=device.public, scope="node")], shop.organisation)
    shop.identity.signer = device
    body = msgspec.json.encode(await exchange.own(shop))
    assert (await ask(client, factory, shop, header="x.y.1.n.s")).status == 429, "the control: strangers wait"
    assert (await ask(client, factory, shop, exchange.EXCHANGE_PATH, body)).status == 200
    assert device.public in (await factory.keys(shop.organisation)).devices


async def test_who_sends_slowly_from_one_address_holds_up_no_other(two, monkeypatch):
    monkeypatch.setattr(door, "READING_MAX", 400_000)
    monkeypatch.setattr(door, "READING_ONE", 100_000)
    queue = door.Queue()

    class Slow:
        def __init__(self, host):
            self.client, self.headers = SimpleNamespace(host=host), {"content-length": "70000"}

        async def stream(self):
            yield b"x"
            await done.wait()

    done = asyncio.Event()
    first = asyncio.create_task(door._body(Slow("a"), queue))
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await door._body(Slow("a"), queue)
    others = [asyncio.create_task(door._body(Slow(host), queue)) for host in "bcde"]
    await asyncio.sleep(0)
    assert queue.reading.total() == 350_000
    with pytest.raises(Busy):
        await door._body(Slow("f"), queue)
    done.set()
    assert {await one for one in (first, *others)} == {b"x"}
    assert not queue.reading
