"""A till stolen on Tuesday and let go on Thursday: what came in between is kept, shown, and counts for nothing."""

from decimal import Decimal

import pytest

from tests.engine.till.selling import Shop, shop
from tests.engine.world import befriend, found, quiet
from weft.basis import instant
from weft.basis.errors import Invalid, NotFound, Refused
from weft.engine.commands import run
from weft.engine.effects import TROUBLES
from weft.engine.reactions import selling
from weft.engine.till import pairing, slips
from weft.engine.views import VIEWS
from weft.stock.messages import Issued, Received
from weft.till.messages import SlipDoubted
from weft.till.slip import Signed

DAY_MS = 86_400_000
TUESDAY = "2026-11-18"


async def stolen(firm: Shop) -> tuple[list[Signed], list[Signed], str]:
    """(what the owner sold, what the thief made of the till, the moment between): all of it has come."""
    till = await firm.till()
    customer = (await run(firm.node, "till-customer", {"name": "老王五金"})).facts["customer"]
    honest = [till.sale(("V15", "5"), ("TAPE", "2.5")), till.sale(("V15", "1"), pay="account", partner=customer),
              till.close(opening="50.00")]
    await firm.send(till)
    firm.node.clock.ms += DAY_MS
    since = instant.from_ms(firm.node.clock.now_ms())
    till.at_ms -= 3 * 3_600_000  # the thief sets the till's clock back
    forged = [till.take_back(honest[0].slip, (1, "2")), till.sale(("V15", "11"), ("TAPE", "1")),
              till.sale(("TAPE", "7"), unit_price="0.1", pay="account", partner=customer), till.close(opening="50.00")]
    await firm.send(till)
    return honest, forged, since


async def standing(firm: Shop) -> dict:
    """All that follows from slips."""
    book, key = await firm.book(), next(iter(firm.tills))
    return {"here": (await firm.here("V15"), await firm.here("TAPE")), "closings": len(book.closings),
            "days": sum(one.gross for one in book.days.values()), "cash": book.tills[key].cash,
            "open": [one.open for one in book.customers.values()], "odd": sorted(book.odd), "back": book.returned,
            "short": sorted((one.item, one.missing) for one in book.short.values()), "made": book.exceptions}


async def let_go(firm: Shop, since: str = "", **more: str) -> dict:
    key = next(iter(firm.tills))
    return (await run(firm.node, "till-let-go", {"till": key, "sheet": firm.sheet, "since": since, **more})).facts


async def test_what_came_since_the_theft_is_doubted_and_all_that_followed_is_taken_back():
    async with shop() as calm:
        till = await calm.till()
        customer = (await run(calm.node, "till-customer", {"name": "老王五金"})).facts["customer"]
        till.sale(("V15", "5"), ("TAPE", "2.5"))
        till.sale(("V15", "1"), pay="account", partner=customer)
        till.close(opening="50.00")
        await calm.send(till)
        undisturbed = await standing(calm)
    async with shop() as firm:
        honest, forged, since = await stolen(firm)
        before = await standing(firm)
        assert before["here"] == ("0", "89.5")
        assert before["short"] == [("V15", "3")], "the control: until the owner knows, it counts"
        assert await let_go(firm, since, reason="stolen") == {"doubted": 4}
        await quiet(firm.node)
        assert await standing(firm) == undisturbed
        book = await firm.book()
        assert {(one.hash, one.why) for one in book.doubts.values()} == {(one.slip.hash, "since") for one in forged}
        rows = (await VIEWS["slips"](firm.node)).slips
        assert [(row.n, row.state, row.why) for row in rows] == [
            *((n, "doubted", "since") for n in (4, 5, 6, 7)), *((n, "counts", "") for n in (3, 2, 1))]
        assert (await VIEWS["slip"](firm.node, hash=forged[1].slip.hash)).row.state == "doubted"
        assert (await VIEWS["tills"](firm.node)).tills[0].since == since
        assert isinstance(await slips.kept(firm.node, forged[1].slip.hash), SlipDoubted)
        held = await firm.node.keys(firm.node.organisation)
        key = next(iter(firm.tills))
        assert held.devices[key].end(10**6).limit("till", key, honest[0].slip.life) == 3
        assert await let_go(firm, since) == {"doubted": 0}, "again changes nothing"
        assert await standing(firm) == undisturbed


async def test_control_without_a_since_all_of_it_counts():
    async with shop() as firm:
        await stolen(firm)
        before = await standing(firm)
        assert await let_go(firm) == {"doubted": 0}
        await quiet(firm.node)
        assert await standing(firm) == before
        assert (await firm.book()).doubts == {}


async def test_a_since_that_was_learnt_later_is_said_later():
    async with shop() as firm:
        _, forged, since = await stolen(firm)
        await let_go(firm)
        assert await let_go(firm, since) == {"doubted": 4}
        await quiet(firm.node)
        assert len((await firm.book()).doubts) == len(forged)
        assert (await firm.here("V15"), await firm.here("TAPE")) == ("6", "97.5")


async def test_if_the_owner_says_so_it_counts_again_and_goods_and_money_follow():
    async with shop() as firm:
        _, forged, since = await stolen(firm)
        before = await standing(firm)
        await let_go(firm, since)
        await quiet(firm.node)
        key = next(iter(firm.tills))
        await run(firm.node, "till-settle", {"till": key, "counts": True})
        await quiet(firm.node)
        after = await standing(firm)
        assert after == before
        assert [row.state for row in (await VIEWS["slips"](firm.node)).slips][:4] == ["settled"] * len(forged)
        with pytest.raises(NotFound, match=r"till\.no-doubt"):
            await run(firm.node, "till-settle", {"till": key, "counts": True})
        issued = Decimal(0)
        for one in await firm.node.log(firm.node.book("stock")):
            match one.message:
                case Issued(item="V15", quantity=quantity):
                    issued += Decimal(quantity)
                case Received(why="return", lots=lots):
                    issued -= sum(Decimal(lot.quantity) for lot in lots if lot.item == "V15")
        assert issued == 12, "all that there ever was"
        await run(firm.node, "stock-receive", {"item": "V15", "quantity": "3"})
        await selling.meet_shortages(firm.node)
        assert (await firm.book()).short == {}
        assert await firm.here("V15") == "0"


async def test_what_does_not_count_is_said_once_for_all_of_it():
    async with shop() as firm:
        _, forged, since = await stolen(firm)
        await let_go(firm, since)
        key = next(iter(firm.tills))
        with pytest.raises(Invalid, match=r"till\.reason"):
            await run(firm.node, "till-settle", {"till": key, "counts": False})
        await run(firm.node, "till-settle", {"till": key, "counts": False, "reason": "stolen"})
        assert (await firm.book()).doubts == {}
        row = (await VIEWS["slip"](firm.node, hash=forged[1].slip.hash)).row
        assert (row.state, row.why) == ("decided", "since")
        assert await let_go(firm, since) == {"doubted": 0}
        assert (await firm.book()).doubts == {}, "what was decided stays decided"


async def test_a_shortage_that_was_met_meanwhile_comes_back_too():
    async with shop() as firm:
        till = await firm.till()
        since = instant.from_ms(firm.node.clock.now_ms())
        till.sale(("V15", "15"))
        await firm.send(till)
        await run(firm.node, "stock-receive", {"item": "V15", "quantity": "2"})
        await selling.meet_shortages(firm.node)
        assert [one.missing for one in (await firm.book()).short.values()] == ["1"]
        await let_go(firm, since)
        await quiet(firm.node)
        assert await firm.here("V15") == "14"
        assert (await firm.book()).short == {}


async def test_a_bill_of_a_doubted_slip_is_credited_and_written_anew_if_it_counts():
    async with shop() as firm:
        other = await found(firm.wires, "Other")
        try:
            await befriend(firm.node, other)
            till = await firm.till()
            since = instant.from_ms(firm.node.clock.now_ms())
            till.sale(("V15", "2"), pay="account", partner=other.organisation)
            await firm.send(till)
            await let_go(firm, since)
            await quiet(firm.node, other)

            async def amounts():
                state = await other.state(other.partner(firm.node.organisation))
                return [(one.kind, one.amount) for one in state.documents.values()]

            assert await amounts() == [("invoice", "90.40"), ("credit-note", "-90.40")]
            await run(firm.node, "till-settle", {"till": till.key, "counts": True})
            await quiet(firm.node, other)
            assert await amounts() == [("invoice", "90.40"), ("credit-note", "-90.40"), ("invoice", "90.40")]
            assert await firm.node.store.values(TROUBLES) == []
        finally:
            await other.stop()


async def test_a_bill_that_was_credited_in_part_is_left_to_the_owner_who_is_told():
    async with shop() as firm:
        other = await found(firm.wires, "Other")
        try:
            await befriend(firm.node, other)
            till = await firm.till()
            since = instant.from_ms(firm.node.clock.now_ms())
            sale = till.sale(("V15", "2"), pay="account", partner=other.organisation)
            till.take_back(sale.slip, (1, "1"), pay="account", partner=other.organisation)
            await firm.send(till)
            await let_go(firm, since)
            await quiet(firm.node, other)
            told = [value.decode() for _, value in await firm.node.store.values(TROUBLES)]
            assert ["till.bill-by-hand" in one for one in told] == [True, True]
            assert await firm.here("V15") == "12"
        finally:
            await other.stop()


async def test_since_when_is_said_as_people_say_it():
    async with shop() as firm:
        await firm.till()
        ahead = instant.from_ms(firm.node.clock.now_ms() + DAY_MS)
        with pytest.raises(Invalid, match=r"till\.since-future"):
            await let_go(firm, ahead)
        with pytest.raises(Invalid):
            await let_go(firm, "Tuesday")
        assert await pairing.standing(firm.node, next(iter(firm.tills))) == "open", "nothing has happened"
        zone = firm.node.config.firm.zone
        await let_go(firm, f"{TUESDAY} 09:30")
        (row,) = (await VIEWS["tills"](firm.node)).tills
        assert instant.to_ms(row.since) == zone.utc(instant.to_ms(f"{TUESDAY}T09:30:00.000Z"))


async def test_more_slips_than_can_be_held_back_are_refused_before_anything_happens(monkeypatch):
    monkeypatch.setattr(pairing, "SINCE_MAX", 3)
    async with shop() as firm:
        _, _, since = await stolen(firm)
        with pytest.raises(Refused, match=r"till\.too-many-since"):
            await let_go(firm, since)
        assert await pairing.standing(firm.node, next(iter(firm.tills))) == "open"
