"""The till book: what counts, what is kept and waits, and sums that are those of the slips."""

import copy
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.till.counter import Counter
from weft.basis.decider import Said
from weft.basis.errors import NotFound, Refused
from weft.till import book, totals
from weft.till import messages as m
from weft.till.slip import Signed
from weft.till.state import State
from weft.till.verify import verify

AT = "2026-11-25T08:00:00.000Z"
DAY = "2026-11-25"


def said(state: State, *commands: object) -> State:
    for command in commands:
        for message in book.decide(state, command):
            one = Said(id="", by="", role="", message=message)
            assert book.judge(state, one) is None
            state = book.evolve(state, one)
    return msgspec.json.decode(msgspec.json.encode(state), type=State)


def take(signed: Signed, **more: object) -> book.Take:
    return book.Take(**{"slip": signed.slip, "signature": signed.signature, "day": DAY, "at": AT, **more})


def paired(*tills: Counter) -> State:
    return said(State(), *(m.TillPaired(key=till.key, name=f"Till {till.seed}", at=AT) for till in tills))


def kinds(state: State, command: object) -> list[str]:
    return [type(one).__name__ for one in book.decide(state, command)]


def test_slips_in_their_order_count():
    till = Counter()
    state = said(paired(till), take(till.sale(("V15", "2"))), take(till.sale(("V15", "1"), pay="transfer")))
    sums = next(iter(state.days.values()))
    assert (sums.sales, sums.cash, sums.transfer, sums.gross) == (2, 2260, 1130, 3390)
    assert state.tills[till.key].lives[till.life].n == 2
    assert state.tills[till.key].cash == {"CNY": 2260}


def test_a_till_that_nobody_let_in_is_refused():
    till = Counter()
    with pytest.raises(NotFound, match=r"till\.unknown"):
        book.decide(State(), take(till.sale(("V15", "2"))))


def test_a_slip_beyond_what_we_hold_is_asked_for_again_unless_the_till_has_lost_those_before():
    till = Counter()
    for _ in range(4):
        till.sale(("V15", "1"))
    state = said(paired(till), take(till.slips[0]))
    with pytest.raises(Refused, match=r"till\.gap") as error:
        book.decide(state, take(till.slips[3]))
    assert error.value.facts["n"] == 1
    after = said(state, take(till.slips[3], gap=True))
    assert after.tills[till.key].missing == ((till.life, 2, 3),)
    assert after.tills[till.key].lives[till.life].n == 4
    assert said(after, m.OddSeen(key=till.key, at=AT)).tills[till.key].missing == ()


def test_two_slips_at_one_place_are_both_kept_and_the_second_waits_for_the_owner():
    till = Counter()
    till.sale(("V15", "1"))
    other = copy.deepcopy(till)
    mine, copied = till.sale(("V15", "2")), other.sale(("V15", "5"))
    more = other.sale(("V15", "7"))
    state = said(paired(till), *(take(one) for one in till.slips))
    assert kinds(state, take(copied)) == ["SlipDoubted"]
    state = said(state, take(copied), take(more, continues=True))
    assert {doubt.why for doubt in state.doubts.values()} == {"double", "broken"}
    assert state.tills[till.key].lives[till.life].hash == mine.slip.hash
    assert next(iter(state.days.values())).gross == 3390
    settled = said(state, book.Settle(hash=copied.slip.hash, counts=True, at=AT),
                   book.Settle(hash=more.slip.hash, counts=False, reason="a copy", at=AT))
    assert settled.doubts == {}
    assert next(iter(settled.days.values())).gross == 3390 + 5650
    assert settled.tills[till.key].lives == state.tills[till.key].lives


def test_control_without_the_chain_the_copy_would_count_twice():
    """What the check of places is for: a book that only adds up takes both."""
    till = Counter()
    till.sale(("V15", "1"))
    other = copy.deepcopy(till)
    state = paired(till)
    for one in (*till.slips, other.sale(("V15", "5")), till.sale(("V15", "2"))):
        kept = m.SlipTaken(slip=one.slip.canonical.decode(), signature="", hash=one.slip.hash, day=DAY, at=AT)
        state = book.evolve(state, Said(id="", by="", role="", message=kept))
    assert next(iter(state.days.values())).sales == 3


def test_what_a_stolen_till_sold_before_counts_and_what_comes_later_is_kept():
    till = Counter()
    before = till.sale(("V15", "1"))
    state = said(paired(till), take(before), book.LetGo(key=till.key, at=AT, reason="stolen"))
    assert state.tills[till.key].counts == {till.life: 1}
    later = till.sale(("V15", "3"))
    assert kinds(state, take(later)) == ["SlipDoubted"]
    state = said(state, take(later))
    assert next(iter(state.days.values())).sales == 1
    assert state.tills[till.key].kept == 1


def test_a_slip_that_says_other_than_its_hash_is_void():
    till = Counter()
    good, other = till.sale(("V15", "1")), till.sale(("V15", "2"))
    forged = m.SlipTaken(slip=other.slip.canonical.decode(), signature=good.signature, hash=good.slip.hash, day=DAY,
                         at=AT)
    assert book.judge(paired(till), Said(id="", by="", role="", message=forged)) == "till.hash"


def test_what_is_sold_on_account_is_owed_until_it_is_paid():
    till = Counter()
    customer = till.signer.public
    state = said(paired(till), m.CustomerAdded(id=customer, name="老王五金", at=AT),
                 take(till.sale(("V15", "10"), pay="account", partner=customer)))
    assert state.customers[customer].open == {"CNY": 11300}
    state = said(state, m.AccountPaid(customer=customer, currency="CNY", amount="100.00", at=AT))
    assert state.customers[customer].open == {"CNY": 1300}
    billed = said(state, take(till.sale(("V15", "10"), pay="account", partner=customer), billed="R1"))
    assert billed.customers == state.customers


def test_the_drawer_is_compared_with_the_slips_and_begins_anew():
    till = Counter()
    sale = till.sale(("V15", "3"))
    till.take_back(sale.slip, (1, "1"))
    till.close(counted="120.00")
    state = said(paired(till), *(take(one) for one in till.slips))
    (closing,) = state.closings
    assert (closing.booked, closing.expected, closing.counted) == (12260, 12260, 12000)
    assert state.tills[till.key].cash == {}
    assert state.returned == {sale.slip.hash: (till.slips[1].slip.hash,)}


def test_a_shortage_is_met_piece_by_piece():
    till = Counter()
    sale = till.sale(("V15", "3"))
    over = m.SoldOver(hash=sale.slip.hash, line=1, item="V15", unit="C62", missing="3", at=AT)
    state = said(paired(till), take(sale), over, over)
    assert len(state.short) == 1
    state = said(state, m.ShortageMet(hash=sale.slip.hash, line=1, quantity="2", at=AT))
    assert next(iter(state.short.values())).missing == "1"
    assert said(state, m.ShortageMet(hash=sale.slip.hash, line=1, quantity="1", at=AT)).short == {}


STEPS = st.lists(st.tuples(st.sampled_from(["sale", "return", "close", "life"]), st.integers(1, 30),
                           st.sampled_from(["cash", "transfer", "account"])), max_size=25)


@given(STEPS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_slips_days_drawers_and_accounts_add_up(steps, luck):
    till = Counter()
    state, money, told = paired(till), {"cash": 0, "transfer": 0, "account": 0}, []
    for step, amount, pay in steps:
        partner = {"partner": till.key} if pay == "account" else {}
        sales = [one.slip for one in till.slips if one.slip.kind == "sale"]
        if step == "life":
            till.reborn()
            continue
        if step == "return":
            if not sales or any(one.slip.of == sales[-1].hash for one in till.slips):
                continue
            made = till.take_back(sales[-1], (1, "1"), pay=pay, **partner)
        elif step == "close":
            made = till.close()
        else:
            made = till.sale(("V15", str(amount)), pay=pay, **partner)
        assert verify(made) == ()
        told.append(made.slip)
        if step != "close":
            money[pay] += totals.minor(made.slip.gross, "CNY") * (-1 if step == "return" else 1)
        state = said(state, take(made, day=f"2026-11-{luck.randint(10, 28)}"))
    for way, amount in money.items():
        assert sum(getattr(one, way) for one in state.days.values()) == amount
    assert sum(one.gross for one in state.days.values()) == sum(money.values())
    moved = sum(one.booked - 10_000 for one in state.closings) + state.tills[till.key].cash.get("CNY", 0)
    assert moved == money["cash"]
    assert sum(one.open.get("CNY", 0) for one in state.customers.values()) == money["account"]
    assert sum(one.sales + one.returns for one in state.days.values()) == sum(one.kind != "close" for one in told)


def test_a_setting_of_the_counter_changes_its_life_only():
    till = Counter()
    assert replace(till, memory=2).life != till.life
    assert replace(till, memory=2).key == till.key


def test_what_came_since_a_till_was_lost_is_doubted_after_all_and_may_count_again():
    till = Counter()
    before = till.sale(("V15", "1"))
    till.close(counted="111.30")
    after = till.sale(("V15", "3"))
    state = said(paired(till), *(take(one) for one in till.slips))
    held = taken(after)
    with pytest.raises(Refused, match=r"till\.not-let-go"):
        book.decide(state, book.HoldBack(slip=held))
    state = said(state, book.LetGo(key=till.key, at=AT, since=AT, first={till.life: 3}))
    assert state.tills[till.key].counts == {till.life: 2}
    assert next(iter(state.days.values())).sales == 2, "the control: it counts until it is held back"
    state = said(state, book.HoldBack(slip=held), book.HoldBack(slip=held))
    assert [(one.hash, one.why) for one in state.doubts.values()] == [(after.slip.hash, "since")]
    sums = next(iter(state.days.values()))
    assert (sums.sales, sums.gross) == (1, totals.minor(before.slip.gross, "CNY"))
    assert said(state, book.Settle(hash=after.slip.hash, counts=True, at=AT)).tills[till.key].cash == {"CNY": 3390}


def taken(signed: Signed, **more: object) -> m.SlipTaken:
    return m.SlipTaken(slip=signed.slip.canonical.decode(), signature=signed.signature, hash=signed.slip.hash,
                       **{"day": DAY, "at": AT, **more})


@given(STEPS, st.integers(0, 25), st.booleans())
@settings(max_examples=60, deadline=None)
def test_held_back_the_newest_first_a_book_is_what_it_was_before_and_settled_what_it_had_become(steps, which, whole):
    till = Counter()
    states = [paired(till)]
    for step, amount, pay in steps:
        partner = {"partner": till.key} if pay == "account" else {}
        sales = [one.slip for one in till.slips if one.slip.kind == "sale"]
        if step == "return" and sales and not any(one.slip.of == sales[-1].hash for one in till.slips):
            made = till.take_back(sales[-1], (1, "1"), pay=pay, **partner)
        elif step == "close":
            made = till.close()
        else:
            made = till.sale(("V15", str(amount)), pay=pay, **partner)
        states.append(said(states[-1], take(made, odd=("price",) if amount % 7 == 0 else ())))
    first = 0 if whole else min(which, len(till.slips))
    end = states[-1]
    ended = said(end, book.LetGo(key=till.key, at=AT, since=AT, first={till.life: first + 1}))
    late = till.slips[first:]
    state = said(ended, *(book.HoldBack(slip=taken(one)) for one in reversed(late)))
    assert sums_of(state) == sums_of(states[first])
    assert set(state.doubts) == {one.slip.hash for one in late}
    state = said(state, *(book.Settle(hash=one.slip.hash, counts=True, at=AT) for one in late))
    assert sums_of(state) == sums_of(end)


def sums_of(state: State) -> tuple:
    """All that follows the slips that count, whatever is nought left out."""
    customers = {name: one.open for name, one in state.customers.items() if one.open}
    cash = {name: {one: amount for one, amount in till.cash.items() if amount} for name, till in state.tills.items()}
    return state.days, state.closings, customers, cash, state.returned, state.exceptions
