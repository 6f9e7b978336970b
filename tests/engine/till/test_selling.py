"""What a till has sold arrives once, takes its goods out of stock, is billed where it was on account, and adds up."""

import copy
from decimal import Decimal

import msgspec
import pytest

from tests.engine import world
from tests.engine.dealing import table
from tests.engine.test_restore import again, backup_of
from tests.engine.till.selling import BOOK, shop
from tests.engine.world import Wires, befriend, found, quiet, until
from weft.basis import instant
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Denied, NotFound, Refused
from weft.engine import handle
from weft.engine.commands import run
from weft.engine.effects import TROUBLES
from weft.engine.knocking import signed
from weft.engine.pricelog import batches
from weft.engine.till import intake, pairing, slips
from weft.engine.till.snapshot import snapshot
from weft.engine.views import today
from weft.identity import sheet
from weft.pricing import evaluate
from weft.stock import levels
from weft.stock.messages import Issued, Reserved
from weft.till import closing, totals


async def test_a_till_is_let_in_by_its_code_and_the_sheet():
    async with shop() as firm:
        till = await firm.till(name="前台")
        assert (await firm.book()).tills[till.key].name == "前台"
        assert await pairing.standing(firm.node, till.key) == "open"
        held = await firm.node.keys(firm.node.organisation)
        assert held.devices[till.key].scope == "till"
        asked = await pairing.ask(firm.node, till.key, "", "")
        made = b64(till.signer.sign(signed(asked.firm.id, asked.challenge)))
        token = await pairing.enter(firm.node, till.key, asked.challenge, made)
        device = await firm.node.devices.authenticate(token)
        assert (device.scope, pairing.key_of(device)) == ("till", till.key)
        again = await pairing.enter(firm.node, till.key, asked.challenge, made)
        assert await firm.node.devices.authenticate(token) is None, "one cookie a till"
        assert await firm.node.devices.authenticate(again) is not None
        with pytest.raises(Denied, match=r"till\.signature"):
            await pairing.enter(firm.node, till.key, asked.challenge, b64(bytes(64)))
        with pytest.raises(Denied, match=r"till\.challenge"):
            await pairing.enter(firm.node, till.key, b64(bytes(16)), made)


async def test_a_till_that_nobody_let_in_gets_nothing():
    async with shop() as firm:
        till = copy.copy(await firm.till())
        till.seed = 9
        asked = await pairing.ask(firm.node, till.key, "Mine", "")
        assert asked.state == "waiting"
        with pytest.raises(NotFound, match=r"till\.code"):
            await run(firm.node, "till-let-in", {"code": "2222-2222", "sheet": firm.sheet})
        with pytest.raises(NotFound, match=r"till\.unknown"):
            await firm.send(till, till.sale(("V15", "1")))


async def test_what_was_sold_leaves_stock_once_however_often_it_is_sent():
    async with shop() as firm:
        till = await firm.till()
        till.sale(("V15", "3"), ("TAPE", "2.5"))
        till.sale(("V15", "1"), pay="transfer")
        first = await firm.send(till)
        assert first == await firm.send(till) == await firm.send(till, till.slips[-1])
        assert (first.n, first.hash, first.doubted, first.refused) == (2, till.slips[-1].slip.hash, [], [])
        assert (await firm.here("V15"), await firm.here("TAPE")) == ("8", "97.5")
        sums = next(iter((await firm.book()).days.values()))
        assert (sums.sales, sums.gross) == (2, 4 * 4520 + 375)
        assert (await firm.book()).odd == {}
        assert not await firm.node.store.values(TROUBLES)


async def test_the_lot_on_the_slip_is_taken_and_comes_back():
    async with shop() as firm:
        till = await firm.till()
        lines = (msgspec.structs.replace(till.line("V15", "2"), lot="A2"),)
        sale = till._say("sale", lines, pay="cash", book=till.book.hash)
        await firm.send(till)
        stock = await firm.node.book_state("stock")
        assert stock.lots["A2"].at == {"": "2"}
        till.take_back(sale.slip, (1, "1"))
        await firm.send(till)
        assert (await firm.node.book_state("stock")).lots["A2"].at == {"": "3"}
        assert (await firm.node.book_state("trace")).counts == {
            "ObjectEvent/retail_selling": 1, "ObjectEvent/accepting": 1}
        assert (await firm.book()).odd == {}


async def test_two_tills_that_sold_the_last_piece_both_stand_and_it_is_met_when_goods_come():
    async with shop() as firm:
        one, other = await firm.till(1), await firm.till(2)
        one.sale(("V15", "10"))
        other.sale(("V15", "7"))
        await firm.send(one)
        await firm.send(other)
        book = await firm.book()
        (short,) = book.short.values()
        assert (short.item, short.missing, await firm.here("V15")) == ("V15", "5", "0")
        assert sum(one.sales for one in book.days.values()) == 2
        await run(firm.node, "stock-receive", {"item": "V15", "quantity": "3"})

        async def missing(amount: str) -> bool:
            return [one.missing for one in (await firm.book()).short.values()] == ([amount] if amount else [])

        await until(lambda: missing("2"))
        assert await firm.here("V15") == "0"
        await run(firm.node, "till-not-short", {"slip": short.hash, "line": 1}, "k")
        await run(firm.node, "till-not-short", {"slip": short.hash, "line": 1}, "k")
        assert await missing("")


async def test_what_went_over_the_counter_is_gone_even_if_it_was_kept_for_an_order():
    async with shop() as firm:
        await firm.node.record("stock", Reserved(id="R", item="V15", quantity="10"))
        till = await firm.till()
        till.sale(("V15", "5"))
        await firm.send(till)
        stock = await firm.node.book_state("stock")
        assert await firm.here("V15") == "7"
        assert levels.shortages(stock)[0].missing == "3"
        with pytest.raises(Refused, match=r"stock\.reserved-for-others"):
            await run(firm.node, "stock-issue", {"item": "V15", "quantity": "1"})


async def test_a_copied_till_is_kept_apart_until_the_owner_speaks():
    async with shop() as firm:
        till = await firm.till()
        till.sale(("V15", "1"))
        await firm.send(till)
        copied = copy.deepcopy(till)
        till.sale(("V15", "1"))
        mine, more = copied.sale(("V15", "2")), copied.sale(("V15", "3"))
        await firm.send(till)
        has = await firm.send(copied, mine, more)
        assert [(one.n, one.why) for one in has.doubted] == [(2, "double"), (3, "broken")]
        assert (has.n, has.hash) == (3, more.slip.hash), "the till need not send them again"
        assert await firm.here("V15") == "10"
        await run(firm.node, "till-settle", {"slip": mine.slip.hash, "counts": True}, "a")
        await run(firm.node, "till-settle", {"slip": more.slip.hash, "counts": False, "reason": "never sold"})
        await quiet(firm.node)
        assert await firm.here("V15") == "8"
        assert (await firm.book()).doubts == {}
        assert await firm.send(copied, mine, more) == has
        copied.reborn()
        assert (await firm.send(copied, copied.sale(("V15", "1")))).doubted == []


async def test_a_stolen_till_is_let_go_by_the_places_of_its_chain():
    async with shop() as firm:
        till = await firm.till()
        till.sale(("V15", "1"))
        await firm.send(till)
        await run(firm.node, "till-let-go", {"till": till.key, "sheet": firm.sheet, "reason": "stolen"})
        await run(firm.node, "till-let-go", {"till": till.key, "sheet": firm.sheet, "reason": "stolen"})
        held = await firm.node.keys(firm.node.organisation)
        end = held.devices[till.key].end(10**6)
        assert end.limit("till", till.key, till.life) == 1
        assert (await snapshot(firm.node, till.key)).books == ()
        has = await firm.send(till, till.sale(("V15", "4")))
        assert [one.why for one in has.doubted] == ["let-go"]
        assert await firm.here("V15") == "11"


async def test_a_wrong_sheet_lets_nobody_go():
    async with shop() as firm:
        till = await firm.till()
        with pytest.raises(Denied, match=r"paper\.other"):
            await run(firm.node, "till-let-go", {"till": till.key, "sheet": "\n".join(sheet.rows(bytes(32)))})
        assert await pairing.standing(firm.node, till.key) == "open"


async def test_what_does_not_follow_the_book_is_told_and_counts():
    async with shop() as firm:
        till = await firm.till()
        till.sale(("V15", "1"), unit_price="39")
        lines = (msgspec.structs.replace(till.line("V15", "1"), unit_price="50"),)
        till._say("sale", lines, pay="cash", book=till.book.hash)
        till._say("sale", (till.line("V15", "1"),), pay="cash", book=till.key)
        till._say("sale", (msgspec.structs.replace(till.line("V15", "1"), item="GHOST"),), pay="cash",
                  off_book=True)
        await firm.send(till)
        odd = {one.n: one.codes for one in (await firm.book()).odd.values()}
        assert odd == {2: ("price",), 3: ("book",), 4: ("item",)}
        assert sum((await firm.book()).exceptions.values()) == 2
        assert await firm.here("V15") == "9"
        await run(firm.node, "till-seen", {"slip": till.slips[1].slip.hash})
        assert len((await firm.book()).odd) == 2


async def test_more_back_than_was_sold_at_two_tills_without_the_node_is_told_in_those_words():
    async with shop() as firm:
        till, other = await firm.till(), await firm.till(2)
        sale = till.sale(("V15", "3"))
        till.take_back(sale.slip, (1, "1"))
        other.take_back(sale.slip, (1, "3"))
        await firm.send(till)
        assert not (await firm.book()).odd, "one of three is nothing odd"
        await firm.send(other)
        assert [one.codes for one in (await firm.book()).odd.values()] == [("return-over",)]
        seen = await today.today(firm.node)
        kinds = [one.kind for one in (*seen.answer, *seen.late, *seen.arrived)]
        assert "till-over" in kinds and "till-odd" not in kinds


async def test_a_book_that_was_withdrawn_since_was_in_force_when_the_slip_was_made():
    async with shop() as firm:
        till = await firm.till()
        till.sale(("V15", "1"))
        firm.node.clock.ms += 60_000
        await run(firm.node, "withdraw-prices", {"hash": till.book.hash, "reason": "old"})
        till.at_ms = firm.node.clock.now_ms() + 1_000
        till.sale(("V15", "1"))
        till.take_back(till.slips[0].slip, (1, "1"))
        await firm.send(till)
        assert {one.n: one.codes for one in (await firm.book()).odd.values()} == {2: ("book-time",)}


async def test_a_wrong_clock_loses_nothing_is_told_and_counts_on_the_day_on_which_it_came():
    day, hour = 86_400_000, 3_600_000
    async with shop() as firm:
        till = await firm.till()
        now = till.at_ms
        for at in (now, now + 3 * day, now + 3 * day, now, now - 2 * hour):  # ahead, set right, then behind
            till.at_ms = at
            till.sale(("V15", "1"))
        till.close()
        assert (await firm.send(till)).refused == []
        book = await firm.book()
        assert {one.n: one.codes[0] for one in book.odd.values()} == {
            2: "clock", 3: "clock", 5: "clock-behind", 6: "clock-behind"}
        assert [(name.partition("|")[0], one.sales) for name, one in book.days.items()] == [
            (intake.day_of(firm.node, instant.from_ms(now)), 5)]
        (closing,) = book.closings
        assert closing.booked == closing.expected
        late = await firm.till(2)
        firm.node.clock.ms += 3 * day  # it was offline for three days: nothing is odd about that
        late.sale(("V15", "1"))
        await firm.send(late)
        assert len((await firm.book()).odd) == 4
        assert sorted(one.sales for one in (await firm.book()).days.values()) == [1, 5]
        early = await firm.till(3)
        early.at_ms = instant.to_ms("1970-01-01T00:00:10.000Z")
        early.sale(("V15", "1"))
        await firm.send(early)
        assert [one.codes for one in (await firm.book()).odd.values()][-1] == ("clock-behind", "book-time")


async def test_a_basket_over_two_books_is_a_slip_for_each_and_one_slip_over_both_is_told():
    async with shop() as firm:
        till = await firm.till()
        pipes = {**BOOK, "id": "pipes", "name": "Pipes", "lines": [
            {"item": "PIPE", "unit": "MTR", "tiers": [{"from": "1", "price": "7"}]}]}
        await run(firm.node, "import", {"kind": "items", "content": table("item,name,unit,kind\nPIPE,管,MTR,supply\n")})
        await run(firm.node, "publish-prices", {"book": pipes})
        other = next(one.book for one in (await firm.node.book_state("pricing")).books.values()
                     if one.book.id == "pipes")
        own = till.book
        valve = till.line("V15", "1")
        till.sale(("V15", "1"))
        till.book = other
        till.sale(("PIPE", "2"))
        pipe = till.line("PIPE", "2")
        await firm.send(till)
        assert (await firm.book()).odd == {}
        till._say("sale", (valve, pipe), pay="cash", book=own.hash)  # the control
        await firm.send(till)
        assert [one.codes for one in (await firm.book()).odd.values()] == [("price",)]


async def test_the_counter_and_the_network_have_one_price():
    async with shop() as firm:
        till = await firm.till()
        sold = till.sale(("V15", "10")).slip.lines[0]
        (version,) = (await snapshot(firm.node, till.key)).books
        told = evaluate.price(version.book, evaluate.Attributes(item="V15", quantity="10", unit="C62"))
        assert (told.net, told.gross, told.unit_price) == (sold.net, sold.gross, sold.unit_price)
        control = evaluate.price(version.book, evaluate.Attributes(item="V15", quantity="9", unit="C62"))
        assert control.unit_price != sold.unit_price


async def test_a_partner_with_a_node_is_billed_and_credited_and_one_without_is_in_the_list():
    async with shop() as firm:
        other = await found(firm.wires, "Other")
        try:
            await befriend(firm.node, other)
            till = await firm.till()
            sale = till.sale(("V15", "2"), pay="account", partner=other.organisation)
            await firm.send(till)
            till.take_back(sale.slip, (1, "1"), pay="account", partner=other.organisation)
            await firm.send(till)
            await quiet(firm.node, other)
            state = await other.state(other.partner(firm.node.organisation))
            assert sorted((one.kind, one.amount) for one in state.documents.values()) == [
                ("credit-note", "-45.20"), ("invoice", "90.40")]
            customer = (await run(firm.node, "till-customer", {"name": "老王五金"})).facts["customer"]
            till.sale(("V15", "1"), pay="account", partner=customer)
            await firm.send(till)
            assert (await firm.book()).customers[customer].open == {"CNY": 4520}
            await run(firm.node, "till-paid", {"customer": customer, "amount": "45.2"})
            assert (await firm.book()).customers[customer].open == {}
            names = {one.name: one.node for one in (await snapshot(firm.node, till.key)).partners}
            assert names == {"Other": True, "老王五金": False}
        finally:
            await other.stop()


async def test_what_is_broken_is_refused_and_nothing_behind_it_is_taken():
    async with shop() as firm:
        till = await firm.till()
        good, bad, behind = (till.sale(("V15", "1")) for _ in range(3))
        forged = msgspec.structs.replace(bad, signature=good.signature)
        has = await firm.send(till, good, forged, behind)
        assert (has.n, [(one.n, one.code) for one in has.refused]) == (1, [(2, "slip.signature")])
        other = await firm.till(2)
        sent = [intake.Sent(intake.written(one), one.signature) for one in till.slips]
        told = await intake.receive(firm.node, other.key, intake.Delivery(sent))
        assert [one.code for one in told.refused] == ["till.other-till"]
        with pytest.raises(Refused, match=r"till\.gap"):
            await firm.send(till, behind)
        assert (await firm.send(till, behind, gap=True)).n == 3
        assert (await firm.book()).tills[till.key].missing == ((till.life, 2, 2),)


async def test_slips_stock_and_day_close_are_one_sum():
    async with shop() as firm:
        till = await firm.till()
        sales = [till.sale(("V15", str(1 + n % 3))) for n in range(9)]
        till.take_back(sales[0].slip, (1, "1"))
        till.close(opening="200.00")
        await firm.send(till)
        book = await firm.book()
        (closing,) = book.closings
        sold = sum(totals.minor(one.slip.gross, "CNY") for one in sales) - totals.minor(till.slips[9].slip.gross, "CNY")
        assert closing.booked == closing.expected == closing.counted == 20_000 + sold
        assert next(iter(book.days.values())).gross == sold
        issued = Decimal(0)
        for one in await firm.node.log(firm.node.book("stock")):
            if isinstance(one.message, Issued):
                issued += Decimal(one.message.quantity)
        short = sum(Decimal(one.missing) for one in book.short.values())
        assert issued + short == sum(Decimal(one.slip.lines[0].quantity) for one in sales)
        assert Decimal(await firm.here("V15")) == 12 - issued + 1


async def test_a_day_close_that_leaves_a_slip_out_is_told():
    async with shop() as firm:
        till = await firm.till()
        till.sale(("V15", "1"))
        till.close()
        till.sale(("V15", "2"))
        honest = till.close(opening="145.20").slip
        await firm.send(till)
        assert (await firm.book()).odd == {}
        till.sale(("V15", "1"))
        till.sale(("V15", "1"))
        wrong = closing.close([till.slips[-1].slip], "CNY", 6, (honest.close.cash.left, "0.00", "0.00"))
        till._say("close", (), close=wrong)
        assert (await firm.send(till)).refused == []
        assert [one.codes for one in (await firm.book()).odd.values()] == [("close",)]


async def test_after_a_restored_backup_the_till_sends_again_what_was_lost_and_nothing_is_billed_twice():
    async with shop() as firm:
        other = await found(firm.wires, "Other")
        await befriend(firm.node, other)
        till = await firm.till()
        till.sale(("V15", "1"))
        await firm.send(till)
        await quiet(firm.node, other)
        saved = backup_of(firm.node.store)
        sale = till.sale(("V15", "2"), pay="account", partner=other.organisation)
        till.take_back(sale.slip, (1, "1"), pay="account", partner=other.organisation)
        await firm.send(till)
        await quiet(firm.node, other)
        firm.node = await again(firm.node, firm.wires, saved)
        try:
            assert (await snapshot(firm.node, till.key)).till.lives[till.life].n == 1
            assert await firm.here("V15") == "11"
            await until(lambda: not firm.node.unheard)
            assert (await firm.send(till, *till.slips[1:])).n == 3
            await quiet(firm.node, other)
            assert await firm.here("V15") == "10"
            state = await other.state(other.partner(firm.node.organisation))
            assert sorted(one.kind for one in state.documents.values()) == ["credit-note", "invoice"]
            assert not await firm.node.store.values(TROUBLES)
        finally:
            await other.stop()


async def test_a_home_from_before_there_were_tills_gets_its_book_at_the_next_start(monkeypatch):
    monkeypatch.setattr(world, "BOOKS", ("stock", "production", "pricing", "floor", "trace"))
    monkeypatch.setattr(handle, "BOOKS", ())
    old = await found(Wires(), "Old")
    try:
        with pytest.raises(NotFound, match=r"thread\.no-book"):
            old.book("till")
        monkeypatch.undo()
        node = await again(old, Wires(), backup_of(old.store))
        try:
            thread = node.book("till")
            assert (await node.book_state("till")).tills == {}
        finally:
            await node.stop()
        once_more = await again(node, Wires(), node.store)
        assert once_more.book("till") == thread
        await once_more.stop()
    finally:
        await old.stop()


async def test_a_slip_is_found_by_its_hash_and_the_newest_come_first():
    async with shop() as firm:
        till = await firm.till()
        for _ in range(3):
            till.sale(("V15", "1"))
        await firm.send(till)
        assert await slips.one(firm.node, till.slips[1].slip.hash) == till.slips[1]
        with pytest.raises(NotFound, match=r"till\.no-slip"):
            await slips.one(firm.node, till.key)
        assert [one.hash for _, one in await slips.newest(firm.node, 2)] == [
            till.slips[2].slip.hash, till.slips[1].slip.hash]


async def test_every_slip_is_bound_into_the_price_record():
    async with shop() as firm:
        till = await firm.till()
        till.sale(("V15", "1"))
        await firm.send(till)
        await batches.make(firm.node)
        kept = await batches.opened(firm.node.store, unb64(till.slips[0].slip.hash, 32))
        assert kept is not None
