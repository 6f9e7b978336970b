"""A clock far ahead writes nothing of months to come; what was agreed meanwhile is counted when it is right again."""

import pytest

from tests.engine.home import empty_node
from tests.engine.pricelog.test_turns import Watch
from weft.basis import instant
from weft.engine.ports import Batch
from weft.engine.pricelog import batches, exceptions, log
from weft.identity.keys import Signer
from weft.pricing import leaf
from weft.tlog import cosignature, note

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
MARCH = instant.to_ms("2026-03-10T08:00:00.000Z")
WITNESSES = [Signer(bytes([5, number]) * 16) for number in range(3)]


async def begun():
    node = await empty_node()
    node.clock = Watch(MARCH)
    await batches.make(node)
    return node


async def counted(node):
    head = await log.head(node.store)
    found = [leaf.parse(await log.entry(node.store, index)) for index in range(head.size)]
    return [(one.period, one.count) for one in found if isinstance(one, leaf.ExceptionsLeaf)]


async def seen_at(node, *times):
    """Our newest checkpoint is cosigned, by clocks that show ``times``."""
    head = await log.head(node.store)
    lines = [cosignature.sign(head.read.text, f"w/{k}", WITNESSES[k], at // 1000) for k, at in enumerate(times)]
    await log.keep_cosigned(node, note.Note(head.read.text, (*head.read.signatures[:1], *lines)))


async def agreed(node, name):
    row = batches.msgspec.msgpack.encode(exceptions.Agreed("20", node.clock.ms))
    await node.store.commit(Batch(values=[(exceptions.EXCEPTIONS, name, row)]))


async def ahead_and_back(years):
    """A firm whose record others see, its clock ``years`` ahead for a day, then right again, until May."""
    node = await begun()
    await seen_at(node, MARCH, MARCH, MARCH)
    node.clock.ms = MARCH + years * YEAR_MS
    for hour in range(24):
        await batches.make(node)
        await seen_at(node, *[MARCH + hour * 3_600_000] * 3)  # theirs are right
        node.clock.ms += 3_600_000
    wrong, told = await counted(node), await exceptions.doubt(node.store)
    node.clock.ms = MARCH + 2 * DAY_MS
    await batches.make(node)
    await agreed(node, "one")
    for _ in range(60):
        node.clock.ms += DAY_MS
        await batches.make(node)
        await seen_at(node, *[node.clock.ms] * 3)
    return wrong, told, await counted(node), await exceptions.doubt(node.store)


@pytest.mark.parametrize("years", [1, 10, 70])
async def test_a_clock_that_is_years_ahead_writes_of_no_month_to_come_and_its_owner_is_told(years):
    wrong, told, after, later = await ahead_and_back(years)
    assert wrong == []
    assert told.ours_ms > MARCH + (years - 1) * YEAR_MS > told.theirs_ms - YEAR_MS
    assert after == [("2026-03", 1), ("2026-04", 0)]
    assert later is None


async def test_control_without_that_rule_it_would_have_written_of_years_and_then_nothing(monkeypatch):
    monkeypatch.setattr(exceptions, "ALONE_MONTHS", 1_000_000)
    monkeypatch.setattr(exceptions, "_later", lambda _month, _count: "9999-12")
    wrong, told, after, _ = await ahead_and_back(10)
    assert len(wrong) == 120
    assert told is None
    assert ("2026-03", 1) not in after


async def test_a_node_that_was_off_for_a_year_counts_all_of_it_once_others_have_seen_its_record_again():
    node = await begun()
    await agreed(node, "one")
    await seen_at(node, MARCH, MARCH, MARCH)
    node.clock.ms += YEAR_MS
    await batches.make(node)
    assert await counted(node) == []
    assert await exceptions.doubt(node.store) is not None
    await seen_at(node, *[node.clock.ms] * 3)
    await batches.make(node)
    found = await counted(node)
    assert len(found) == 12
    assert (found[0], sum(count for _, count in found)) == (("2026-03", 1), 1)
    assert await exceptions.doubt(node.store) is None


async def test_one_other_firm_with_a_wrong_clock_confirms_nothing():
    node = await begun()
    node.clock.ms += 5 * YEAR_MS
    await seen_at(node, MARCH, MARCH, node.clock.ms)
    await batches.make(node)
    assert await counted(node) == []


async def test_a_quarter_of_a_year_needs_nobody_and_where_nobody_ever_saw_the_record_two_years():
    node = await begun()
    await seen_at(node, MARCH)
    node.clock.ms += 89 * DAY_MS
    await batches.make(node)
    assert [month for month, _ in await counted(node)] == ["2026-03", "2026-04", "2026-05"]
    alone = await begun()
    alone.clock.ms += 700 * DAY_MS
    await batches.make(alone)
    assert len(await counted(alone)) == 23
    other = await begun()
    other.clock.ms += 50 * YEAR_MS
    await batches.make(other)
    assert await counted(other) == []


async def test_a_log_that_began_with_a_clock_far_ahead_counts_when_it_is_right_again():
    node = await empty_node()
    node.clock = Watch(MARCH + 40 * YEAR_MS)
    await batches.make(node)
    node.clock.ms = MARCH
    await batches.make(node)
    await agreed(node, "one")
    node.clock.ms += 30 * DAY_MS
    await batches.make(node)
    assert await counted(node) == [("2026-03", 1)]
