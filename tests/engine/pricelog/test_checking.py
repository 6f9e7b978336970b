"""The buyer's node checks what it is offered and billed, exports it, and the file says the same on any machine."""

import msgspec

from tests.engine.dealing import dealt
from tests.engine.pricelog.firms_of_the_log import firms, stop
from tests.engine.pricelog.test_binding import said, told
from tests.engine.world import Ticking
from weft.basis.canonical import b64, digest
from weft.engine.effects import Cause
from weft.engine.ports import Batch
from weft.engine.pricelog import checking, evidence, gathering, known, showing
from weft.trade.messages import Invoice, Order, Quotation
from weft.trade.shown import PriceBookShown


async def kept(node, document):
    data = await node.store.value(checking.VERDICTS, document)
    return None if data is None else msgspec.msgpack.decode(data, type=checking.Kept)


async def test_offers_orders_and_bills_are_checked_when_they_come_and_again_when_they_are_committed():
    async with dealt() as (shop, factory, thread):
        relationship = shop.partner(factory.organisation)
        (quotation,) = await said(shop, thread, Quotation)
        (order,) = await said(shop, thread, Order)
        (bill,) = await said(shop, relationship, Invoice)
        for one in (quotation, order, bill):
            found = await kept(shop, one.id)
            assert (found.colour, found.level, found.said) == ("amber", 1, "too-few")  # nobody witnesses here
        await told(shop, factory)
        for place, one in ((thread, quotation), (thread, order), (relationship, bill)):
            verdict = await checking.judge(shop, place, one.id)
            assert {one.code for one in verdict.findings} == {"too-few"}, verdict
            states = {step.name: step.state for step in verdict.steps}
            assert states.pop("witnesses") == "amber" and set(states.values()) == {"ok"}


async def test_a_file_says_the_same_without_a_node():
    async with dealt() as (shop, factory, thread):
        await told(shop, factory)
        relationship = shop.partner(factory.organisation)
        for place, kind in ((thread, Quotation), (thread, Order), (relationship, Invoice)):
            (one,) = await said(shop, place, kind)
            data = await checking.export(shop, place, one.id)
            shown = evidence.verify_file(data)
            here = gathering.verdict_of(await gathering.gather(shop, place, one.id))
            assert (shown.verdict.colour, shown.verdict.said, shown.verdict.steps) == (
                here.colour, here.said, here.steps)
            assert shown.by == shop.organisation and shown.document.seller == factory.organisation


async def test_a_partner_cannot_fill_our_disk_with_books_that_travel_small():
    _, (node, partner) = await firms("Buyer", "Seller")
    for k in range(20):
        data = b"%02d" % k + bytes(showing.BOOK_BYTES_MAX - 3)
        message = PriceBookShown(hash=b64(digest("price-book/1", data)), deflated=b64(showing.deflate(data)))
        assert len(message.deflated) < 4_000
        await checking.take_book(node, Cause("", "", partner.organisation, "", "", message, 0, ""))
    held = await known.under(node.store, gathering.SHOWN, partner.organisation)
    assert 0 < len(held) < 20
    assert sum(len(one) for _, one in held) <= checking.SHOWN_BYTES_MAX + 4_000
    await stop(node, partner)


def test_a_bill_and_its_check_share_money_alike_also_where_a_third_ends_on_half_a_cent():
    """9.045 x 1 / 3 is 3.015 and becomes 3.02; who divides first, in 28 digits, comes to 3.01."""
    from decimal import Decimal

    from weft.pricing import worth
    from weft.pricing.document import Line
    from weft.trade.numbers import share

    whole = Line(item="V15", quantity="3", unit="C62", net="9.045", tax="0", gross="9.045")
    part = Line(item="V15", quantity="1", unit="C62", net="", tax="", gross="", agreed=(whole,))
    assert share("9.045", Decimal(1), Decimal(3), "CNY") == "3.02"
    assert float(worth._share(part, "CNY")[2]) == 3.02


async def test_what_waits_is_looked_at_ever_less_often_until_it_is_old(monkeypatch):
    async with dealt() as (shop, _, thread):
        (quotation,) = await said(shop, thread, Quotation)
        clock, looks, begun = Ticking(shop.clock.now_ms()), [], quotation.at_ms
        clock.goes, shop.clock = False, clock
        for document, _ in await shop.store.values(checking.WAITING):  # all but the one that we follow
            if document != quotation.id:
                await shop.store.commit(Batch(values=[(checking.WAITING, document, None)]))
        real = checking.judge

        async def judge(node, where, document):
            looks.append(clock.ms)
            return await real(node, where, document)

        monkeypatch.setattr(checking, "judge", judge)
        await shop.stop()  # its own ticks
        shop.prices_rest.until_ms = 0
        while (due := await shop.store.value(checking.WAITING, quotation.id)) is not None:
            clock.ms = max(int(due), shop.prices_rest.until_ms)
            await checking.tick(shop)
            before = len(looks)
            await checking.tick(shop)
            assert len(looks) == before, "nothing is due at once again"
        assert 14 < len(looks) < 24
        assert any(abs(one - begun - 24 * 3_600_000) < 60_000 for one in looks), "and when the day is over"
        assert looks[-1] > begun + checking.OLD_MS, "until it is old"
