"""When a batch is made: at the firm's own minutes, also of nothing, once, and not while a backup comes back."""

from itertools import pairwise

import pytest

from tests.engine.home import empty_node
from tests.engine.pricelog.test_competitor import DAY_MS, EPOCH_MS, HOUR_MS, MINUTE_MS, Watch
from weft.basis import instant
from weft.basis.errors import Unavailable
from weft.engine.ports import Batch
from weft.engine.pricelog import batches, exceptions, log
from weft.pricing import leaf


async def watched():
    node = await empty_node()
    node.clock = Watch()
    return node


async def leaves(node):
    head = await log.head(node.store)
    return [leaf.parse(await log.entry(node.store, index)) for index in range(head.size if head else 0)]


async def passed(node, minutes):
    """Let time pass, as a node that looks every minute."""
    for _ in range(minutes):
        node.clock.ms += MINUTE_MS
        await batches.tick(node)


async def test_a_firm_that_has_nothing_to_bind_has_no_log():
    node = await watched()
    await passed(node, 60)
    assert await log.head(node.store) is None


async def test_from_the_first_document_on_there_is_a_batch_every_quarter_of_an_hour_and_none_between():
    node = await watched()
    await batches.pending(node, bytes(32), None)
    await passed(node, 120)
    times = [instant.to_ms(one.at) for one in await leaves(node)]
    assert len(times) in {8, 9}  # as the minute lies
    assert all(later - earlier == 15 * MINUTE_MS for earlier, later in pairwise(times))
    assert times[0] <= EPOCH_MS + MINUTE_MS < times[0] + 15 * MINUTE_MS


async def test_firms_make_their_batches_at_minutes_of_their_own():
    minutes = set()
    for _ in range(8):
        node = await watched()
        await batches.make(node)
        minutes.add(instant.to_ms((await leaves(node))[0].at) % (15 * MINUTE_MS))
    assert len(minutes) == 8


async def test_after_a_night_without_power_there_is_one_batch_not_forty():
    node = await watched()
    await batches.make(node)
    node.clock.ms += 10 * HOUR_MS
    for _ in range(5):
        await batches.tick(node)
    assert len(await leaves(node)) == 2


async def test_a_clock_that_goes_back_makes_no_batch_of_one_interval_twice_in_a_row():
    node = await watched()
    await batches.make(node)
    node.clock.ms -= DAY_MS
    await batches.tick(node)
    await batches.tick(node)
    assert len(await leaves(node)) == 2


async def test_what_has_waited_for_half_a_day_makes_a_batch_larger():
    node = await watched()
    for number in range(100):
        await batches.pending(node, bytes([number]) * 32, None)
    node.clock.ms += 13 * HOUR_MS
    await batches.make(node)
    await batches.make(node)
    assert [one.n for one in await leaves(node)] == [128, 64]
    assert not await node.store.values(batches.PENDING)


async def test_the_oldest_goes_first():
    node = await watched()
    for number in range(80):
        node.clock.ms += 1
        await batches.pending(node, bytes([79 - number]) * 32, None)
    await batches.make(node)
    assert sorted(name for name, _ in await node.store.values(batches.PENDING)) == sorted(
        batches.b64(bytes([number]) * 32) for number in range(16))


async def test_while_a_backup_comes_back_documents_wait_and_nothing_is_signed():
    node = await watched()
    await batches.pending(node, bytes(32), None)
    await node.store.commit(Batch(values=[log.restored()]))
    await passed(node, 40)
    assert await log.head(node.store) is None
    with pytest.raises(Unavailable, match=r"pricelog\.waits"):
        await batches.make(node)
    assert len(await node.store.values(batches.PENDING)) == 1
    await log.go_on(node)
    await passed(node, 1)
    assert not await node.store.values(batches.PENDING)


async def test_every_month_since_the_log_began_is_counted_once_also_when_the_node_was_off():
    node = await watched()
    await batches.make(node)
    row = batches.msgspec.msgpack.encode(exceptions.Agreed("20", node.clock.ms + DAY_MS))
    other = batches.msgspec.msgpack.encode(exceptions.Agreed("5", node.clock.ms + 2 * DAY_MS))
    await node.store.commit(Batch(values=[(exceptions.EXCEPTIONS, "a", row), (exceptions.EXCEPTIONS, "b", other)]))
    node.clock.ms += 75 * DAY_MS
    await batches.make(node)
    await batches.make(node)
    counted = [one for one in await leaves(node) if isinstance(one, leaf.ExceptionsLeaf)]
    assert [(one.period, one.count, one.band) for one in counted] == [("2026-03", 2, "20"), ("2026-04", 0, "none")]
    node.clock.ms += 30 * DAY_MS
    await batches.make(node)
    counted = [one.period for one in await leaves(node) if isinstance(one, leaf.ExceptionsLeaf)]
    assert counted == ["2026-03", "2026-04", "2026-05"]
