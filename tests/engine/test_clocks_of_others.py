"""A partner's clock decides nothing of ours: neither how long the law makes us keep a deal, nor whether we look at it.

Controls: the same deal closed by an honest clock; the day by which the partner's word would have us count.
"""

import pytest

from tests.engine.dealing import dealt
from tests.engine.test_closing import is_closed, settle
from tests.engine.world import quiet, until
from weft.basis import instant
from weft.engine import closing as deals
from weft.engine import erasure, retention
from weft.engine.mail.post import Post
from weft.engine.views import VIEWS
from weft.thread import clock

EARLY, FAR = "0" * 16, "f" * 16
APART_MS = 3 * 3_600_000


async def closed_by_another_clock(monkeypatch, shop, factory, thread, reading: str) -> None:
    """The shop, whose clock says ``reading`` while it closes the deal, closes it with the factory."""
    await settle(shop, factory)
    tick, from_ms = clock.tick, factory.clock.now_ms() + APART_MS // 2

    def wrong(now, seen):
        return reading if now > from_ms else tick(now, seen)

    monkeypatch.setattr(clock, "tick", wrong)
    shop.clock.ms += APART_MS  # so that its words can be told from the factory's
    await deals.close(shop, thread)
    await until(lambda: is_closed(shop, factory, thread=thread))
    await quiet(shop, factory)
    monkeypatch.undo()
    await until(lambda: factory.store.value(deals.CLOSED, thread))
    assert [entry.hlc for entry in (await factory.whole(thread)).entries.values()
            if entry.kind == "ThreadClosed"] == [reading], "the control: so it is dated"


async def vouchers(node, thread) -> int:
    loaded = await node.whole(thread)
    wanted = [name for name, entry in loaded.entries.items() if entry.kind in erasure.VOUCHERS]
    return len({row.id for row in await node.store.payloads(thread, wanted)})


@pytest.mark.parametrize("reading", [EARLY, FAR, ""])
async def test_a_partner_that_dates_the_closing_as_it_likes_has_no_voucher_erased_early(monkeypatch, reading):
    async with dealt() as (shop, factory, thread):
        if reading:
            await closed_by_another_clock(monkeypatch, shop, factory, thread, reading)
        else:
            await settle(shop, factory)
            await deals.close(shop, thread)
            await until(lambda: factory.store.value(deals.CLOSED, thread))
        at = await deals.closed_at(factory, thread)
        assert abs(at - factory.clock.now_ms()) < 3_600_000, "by our own clock"
        held = await vouchers(factory, thread)
        assert held == 5
        await shop.speak(thread, erasure.ErasureRequested(events=(), reason="contract-ended"))
        await quiet(shop, factory)
        assert await vouchers(factory, thread) == held
        assert not await factory.store.values("trouble")
        (kept,) = (await VIEWS["data"](factory)).done
        assert kept.until == instant.from_ms(erasure.years_after(at, factory.config.retention.keep_years))[:10]
        factory.clock.ms += 2 * 3_600_000
        await retention.look(factory)


def test_the_years_end_with_the_calendar():
    for ms in (-(2**60), instant.FIRST_MS, instant.LAST_MS, 2**48, 2**60):
        assert instant.from_ms(erasure.years_after(ms, 10))[:4] <= "9999"


async def test_a_clock_that_was_set_back_keeps_no_mail_from_being_left():
    async with dealt() as (shop, factory, _):
        post = Post(shop, None)
        post.began_ms = shop.clock.now_ms()
        shop.outbox.seen_ms[factory.organisation] = shop.clock.now_ms() - 60_000_000
        late = shop.clock.ms
        assert post.direct(factory.organisation), "the control: just begun, and within reach"
        shop.clock.ms = late - 6 * 3_600_000
        assert not post.direct(factory.organisation)
        post.down[factory.organisation, "k"] = (1, late, "x")
        assert not post._is_down(factory.organisation, "k")
        post.down[factory.organisation, "k"] = (1, shop.clock.now_ms() + 60, "x")
        assert post._is_down(factory.organisation, "k"), "the control"
        shop.clock.ms = late
