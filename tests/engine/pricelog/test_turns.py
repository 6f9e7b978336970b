"""Whose turn it is: after a failure soon again, ever less often, and at once when the partner is heard."""

import random

import pytest

from tests.engine.pricelog.firms_of_the_log import append, batch, book, firms, stop
from weft.basis.errors import Unavailable
from weft.engine.pricelog import known
from weft.engine.pricelog.turns import FIRST_MS, Turns
from weft.engine.rest import Rest

HOUR_MS = 3_600_000


class Watch:
    """A clock that goes where it is moved."""

    def __init__(self, ms=1_795_000_000_000):
        self.ms = ms

    def now_ms(self):
        return self.ms


class Hourly(Turns):
    """The control: it takes a failure for a turn like any other."""

    def failed(self, partner, now_ms, heard_ms=0):
        assert heard_ms <= now_ms
        self.done(partner, now_ms)


def turns(seed=1):
    return Turns(HOUR_MS, random.Random(seed).randbytes)


def tries(one, until_ms, heard=lambda _now: 0):
    """The instants at which a partner that always fails is tried, looked at every 5 s."""
    found = []
    for now in range(1, until_ms, 5_000):
        if one.is_due("p", now, heard(now)):
            found.append(now)
            one.failed("p", now, heard(now))
    return found


def test_the_first_pause_is_about_a_minute_and_they_double_up_to_an_hour():
    found = tries(turns(), 12 * HOUR_MS)
    pauses = [found[k + 1] - found[k] for k in range(len(found) - 1)]
    assert FIRST_MS // 2 <= pauses[0] <= FIRST_MS + 5_000
    for k, pause in enumerate(pauses):
        most = min(HOUR_MS, FIRST_MS * 2**k)
        assert most // 2 <= pause <= most + 5_000
    assert 18 <= len(found) <= 32  # the control: without pauses 8,640


def test_who_failed_together_does_not_come_back_together():
    assert len({tries(turns(seed), HOUR_MS)[3] for seed in range(20)}) > 8


def test_who_is_heard_again_has_its_turn_at_once_and_only_once():
    talks = tries(turns(), HOUR_MS, lambda now: now if now > 20_000 else 0)
    silent = tries(turns(), HOUR_MS)
    assert talks[1] < 30_000 < silent[1]
    assert len(talks) <= len(silent) + 2  # it talks all the time, and is not asked all the time


def test_what_went_well_ends_the_failures_and_comes_again_after_the_usual_pause():
    one = turns()
    one.failed("p", 1_000)
    one.done("p", 70_000)
    assert not one.is_due("p", 70_000 + HOUR_MS - 1)
    assert one.is_due("p", 70_000 + HOUR_MS)
    one.now("p")
    assert one.is_due("p", 70_001)


@pytest.mark.parametrize("act", [Turns.failed, Turns.done])
def test_a_clock_that_went_back_puts_nothing_off(act):
    one = turns()
    act(one, "p", 10 * 24 * HOUR_MS)
    assert one.is_due("p", 1_000)


async def lost_for(minutes, *, hourly):
    """(minutes until a record that could not be read is followed after it can be again, how often it was tried)."""
    _wires, (buyer, seller) = await firms("Buyer", "Seller")
    buyer.clock, node = Watch(), buyer.witnessing
    node.following = (Hourly if hourly else Turns)(HOUR_MS, random.Random(3).randbytes)
    await append(seller, book(1), *(batch(k) for k in range(20)))
    fetched, tried, away = node._logs.fetch, [], True

    async def fetch(organisation, path, limit):
        if path == "checkpoint":
            tried.append(buyer.clock.ms)
        if away:
            raise Unavailable("peer.unreachable")
        return await fetched(organisation, path, limit)

    node._logs.fetch = fetch
    begun = buyer.clock.ms
    try:
        for _ in range(4 * 60 * 12):
            away = buyer.clock.ms - begun < minutes * 60_000
            buyer.outbox.seen_ms.clear()  # nothing is heard of it but this
            await node.follow_due()
            if (await known.followed(buyer.store, seller.organisation)).size:
                return (buyer.clock.ms - begun) / 60_000 - minutes, len(tried)
            buyer.clock.ms += 5_000
    finally:
        await stop(buyer, seller)
    raise AssertionError("never followed")


@pytest.mark.parametrize("minutes", [0.5, 3])
async def test_a_record_that_could_not_be_read_for_minutes_is_read_minutes_later(minutes):
    late, tried = await lost_for(minutes, hourly=False)
    assert late <= 4
    assert tried <= 6


async def test_control_who_waits_an_hour_after_a_failure_reads_it_an_hour_later():
    late, _ = await lost_for(0.5, hourly=True)
    assert late > 55


async def test_a_partner_that_comes_back_is_followed_as_soon_as_it_is_heard():
    _wires, (buyer, seller) = await firms("Buyer", "Seller")
    buyer.clock, node = Watch(), buyer.witnessing
    node.following = Turns(HOUR_MS, random.Random(3).randbytes)
    await append(seller, *(batch(k) for k in range(20)))
    buyer.outbox.seen_ms.clear()
    wires = node._logs.wires
    wires.cut.add(frozenset((buyer.organisation, seller.organisation)))
    for _ in range(8):  # it fails for hours
        await node.follow_due()
        buyer.clock.ms += HOUR_MS
    await node.follow_due()
    wires.cut.clear()
    buyer.clock.ms += 5_000
    await node.follow_due()
    assert not (await known.followed(buyer.store, seller.organisation)).size  # the control: it was not heard yet
    buyer.outbox.heard(seller.organisation)
    await node.follow_due()
    assert (await known.followed(buyer.store, seller.organisation)).size == 20
    await stop(buyer, seller)


def test_what_waits_rests_until_something_is_due_and_a_clock_that_goes_back_ends_the_rest():
    rest = Rest()
    assert not rest.lasts(1_000)
    rest.at_ms, rest.until_ms = 1_000, 9_000
    assert rest.lasts(1_000) and rest.lasts(8_999) and not rest.lasts(9_000) and not rest.lasts(999)
    rest.ends(5_000)
    rest.ends(7_000)
    assert rest.lasts(4_999) and not rest.lasts(5_000)
