"""The stock book: what comes, goes, moves, is counted and kept; whose it is stays true throughout."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stock.storeroom import AT, HT, JG, US, Book, laws, received, storeroom
from weft.basis import instant
from weft.basis.canonical import encode
from weft.basis.decider import Message, Said
from weft.basis.errors import Invalid, Refused
from weft.stock import book, levels, rules
from weft.stock import messages as m


def test_every_message_has_its_check_its_fold_and_its_codec():
    assert set(rules._CHECKS) == set(book._EVOLVE) == set(book.MESSAGES.values())
    assert not book.CROSSINGS


def test_lots_are_picked_first_in_first_out():
    one = storeroom()
    old, new = received(one, quantity="4"), received(one, quantity="10")
    assert levels.pick(one.state, "BODY", "6") == ((old, "4"), (new, "2"))
    one.say(m.Issued(ref="d1", item="BODY", quantity="6", partner="shop"))
    assert levels.pick(one.state, "BODY", "8") == ((new, "8"),)
    with pytest.raises(Refused) as found:
        levels.pick(one.state, "BODY", "9")
    assert (found.value.code, found.value.facts["available"]) == ("stock.insufficient", "8")


def made(one, order, quantity, kept):
    """A lot that production ``order`` put out, and of it ``kept`` for whom it was made."""
    one.say(m.Produced(ref=order, order=order, lot=m.LotIn(id=f"L{order}", item="BODY", quantity=quantity)))
    if kept:
        one.say(m.Reserved(id=f"R{order}", item="BODY", quantity=kept, lot=f"L{order}"))
    return f"L{order}"


def test_what_was_made_for_somebody_goes_to_nobody_else_while_other_stock_is_there():
    one = storeroom()
    first, second, old = made(one, "1", "5", "4"), made(one, "2", "5", "5"), received(one, quantity="2")
    assert levels.pick(one.state, "BODY", "2") == ((first, "1"), (old, "1"))  # what was made beyond it, then the oldest
    assert levels.pick(one.state, "BODY", "5", first=second) == ((second, "5"),)
    assert levels.pick(one.state, "BODY", "8", first=second) == ((second, "5"), (first, "1"), (old, "2"))
    assert levels.pick(one.state, "BODY", "5") == ((first, "3"), (old, "2"))  # nothing else
    assert levels.pick(one.state, "BODY", "12") == ((first, "5"), (old, "2"), (second, "5"))
    one.say(m.Issued(ref="d", item="BODY", quantity="5", partner=HT, reservation="R2"))
    assert second not in one.state.lots or one.state.lots[second].at == {}
    assert (one.state.lots[first].at[""], one.state.lots[old].at[""]) == ("5", "2")


def test_control_by_age_alone_another_s_lot_would_leave():
    one = storeroom()
    first, second = made(one, "1", "5", ""), made(one, "2", "5", "")
    assert levels.pick(one.state, "BODY", "5") == ((first, "5"),)
    assert levels.pick(one.state, "BODY", "5", first="of nobody") == ((first, "5"),)
    assert levels.pick(one.state, "BODY", "7", first=second) == ((second, "5"), (first, "2"))


def test_a_retried_reaction_never_books_twice():
    one = storeroom()
    receipt = m.Received(ref="despatch-1", lots=(m.LotIn(item="BODY", quantity="10"),))
    assert one.say(receipt) and not one.say(receipt)
    issue = m.Issued(ref="despatch-1", item="BODY", quantity="3")  # another kind may have the same ref
    assert one.say(issue) and not one.say(issue)
    assert one.here("BODY") == "7"
    again = Said(id="x", by=US, role="owner", message=one.said[-1])
    assert book.judge(one.state, again) == "stock.already-booked"


def test_nothing_goes_below_zero():
    one = storeroom()
    lot = received(one, quantity="5")
    for kind, more in ((m.Issued, {}), (m.Consumed, {}), (m.Scrapped, {}), (m.Moved, {"to": JG})):
        assert one.refused(kind(ref="x", item="BODY", quantity="6", **more)) == "stock.insufficient"
        picks = (m.Pick(lot=lot, quantity="6"),)
        assert one.refused(kind(ref="x", item="BODY", quantity="6", picks=picks, **more)) == "stock.insufficient"
    one.say(m.Issued(ref="x", item="BODY", quantity="5"))  # the control
    assert one.here("BODY") == "0"


def test_our_own_id_and_no_id_are_the_same_firm():
    one = storeroom()
    received(one, quantity="5", owner=US, holder=US)
    one.say(m.Moved(ref="m", item="BODY", quantity="2", owner=US, holder=US, to=JG))
    assert one.here("BODY") == "3" and one.here("BODY", US, US) == "3" and one.here("BODY", holder=JG) == "2"


def test_material_at_a_subcontractor_stays_ours_and_balances():
    one = storeroom()
    received(one, quantity="100")
    one.say(m.Moved(ref="m1", item="BODY", quantity="60", to=JG, thread="C1"))
    one.say(m.Consumed(ref="c1", item="BODY", quantity="40", holder=JG, order="C1"))
    one.say(m.Scrapped(ref="s1", item="BODY", quantity="3", holder=JG, reason="material"))
    one.say(m.Moved(ref="m2", item="BODY", quantity="10", holder=JG, to=""))
    one.say(book.CountItem(ref="k1", item="BODY", quantity="6", holder=JG, reason="one lost"))
    balance, = levels.material_balance(one.state, JG)
    assert (balance.sent, balance.consumed, balance.returned, balance.scrap, balance.counted, balance.there) == (
        "60", "40", "10", "3", "-1", "6")
    assert [parcel.quantity for parcel in levels.at_partners(one.state, JG)] == ["6"]
    assert one.here("BODY") == "50"


def test_a_customers_material_here_is_not_ours_to_sell():
    one = storeroom()
    received(one, quantity="30", owner=HT, why="free-issue", partner=HT)
    assert one.here("BODY") == "0" and one.here("BODY", HT) == "30"
    assert levels.availability(one.state) == {} and levels.availability(one.state, HT) == {"BODY": "30"}
    assert one.refused(m.Issued(ref="x", item="BODY", quantity="1")) == "stock.insufficient"
    one.say(m.Consumed(ref="c", item="BODY", quantity="20", owner=HT, order="PO1"))
    one.say(m.Produced(ref="p", order="PO1", lot=m.LotIn(id="OUT", item="BODY", quantity="19", owner=HT)))
    one.say(m.Issued(ref="d", item="BODY", quantity="19", owner=HT, picks=(m.Pick(lot="OUT", quantity="19"),),
                     why="back-to-owner", partner=HT))
    one.say(m.Moved(ref="b", item="BODY", quantity="10", owner=HT, to=HT))
    balance, = levels.material_balance(one.state, HT)
    assert (balance.sent, balance.made, balance.consumed, balance.returned, balance.there) == (
        "30", "19", "20", "29", "0")


def test_a_lot_that_comes_in_parts_grows_and_another_firms_same_number_gets_its_own():
    one = storeroom()
    received(one, lot="H-77", quantity="5", partner=JG, heat="A1", certificates=("3.1",))
    received(one, lot="H-77", quantity="4", partner=JG, certificates=("test",))
    assert (one.state.lots["H-77"].at, one.state.lots["H-77"].certificates) == ({"": "9"}, ("3.1", "test"))
    other = received(one, lot="H-77", quantity="1", partner=HT)
    assert other != "H-77" and one.state.lots["H-77"].at == {"": "9"}


def test_production_grows_one_lot_and_names_what_went_in():
    one = storeroom()
    bar = received(one, "BAR", "12.5", heat="7B")
    for n, good in enumerate(("3", "4")):
        one.say(m.Consumed(ref=f"c{n}", item="BAR", quantity="1.75", order="PO1"))
        one.say(m.Produced(ref=f"p{n}", order="PO1", lot=m.LotIn(id="PO1", item="BODY", quantity=good), sources=(bar,)))
    lot = one.state.lots["PO1"]
    assert (lot.at, lot.sources, lot.order) == ({"": "7"}, (bar,), "PO1") and one.here("BAR") == "9"
    wrong = m.Produced(ref="p9", order="PO1", lot=m.LotIn(id="PO1", item="BAR", quantity="1"))
    assert one.refused(wrong) == "stock.lot-differs"


def test_what_is_reserved_is_kept_for_its_demand():
    one = storeroom()
    received(one, quantity="10")
    one.say(m.Reserved(id="R1", item="BODY", quantity="7", thread="T", line="1", expires=AT))
    assert str(levels.available(one.state, "BODY")) == "3"
    assert one.refused(m.Reserved(id="R2", item="BODY", quantity="4")) == "stock.insufficient"
    assert one.refused(m.Issued(ref="d", item="BODY", quantity="4")) == "stock.reserved-for-others"
    assert one.refused(m.Moved(ref="d", item="BODY", quantity="4", to=JG)) == "stock.reserved-for-others"
    one.say(m.Issued(ref="d", item="BODY", quantity="5", reservation="R1"))
    assert one.state.reservations["R1"].quantity == "2"
    one.say(m.Issued(ref="e", item="BODY", quantity="4", reservation="R1"))  # more than kept, but free
    assert "R1" not in one.state.reservations
    assert one.refused(m.ReservationReleased(id="R1")) == "stock.reservation-unknown"


def test_what_was_made_for_an_order_is_kept_for_it_though_others_lost_theirs():
    one = storeroom()
    old = received(one, quantity="10")
    one.say(m.Reserved(id="R1", item="BODY", quantity="10", thread="T", line="1"))
    one.say(m.Counted(ref="c", lot=old, quantity="2", expected="10", reason="counted"))
    one.say(m.Produced(ref="PO1", order="PO1", lot=m.LotIn(id="LPO1", item="BODY", quantity="5")))
    assert one.refused(m.Reserved(id="R2", item="BODY", quantity="5", thread="U")) == "stock.insufficient"
    assert one.refused(m.Reserved(id="R2", item="BODY", quantity="6", thread="U", lot="LPO1")) == "stock.insufficient"
    assert one.refused(m.Reserved(id="R2", item="BODY", quantity="1", thread="U", lot="no")) == "stock.lot-unknown"
    one.say(m.Reserved(id="R2", item="BODY", quantity="5", thread="U", lot="LPO1"))
    assert [short.missing for short in levels.shortages(one.state)] == ["8"]  # as much as before
    assert one.refused(m.Issued(ref="d", item="BODY", quantity="3", reservation="R1")) == "stock.reserved-for-others"
    one.say(m.Issued(ref="d", item="BODY", quantity="5", reservation="R2"))
    assert one.here("BODY") == "2"


def test_a_reservation_ends_by_an_event_never_by_a_clock():
    one = storeroom()
    received(one, quantity="10")
    one.say(m.Reserved(id="R1", item="BODY", quantity="10", expires=AT))
    at = instant.to_ms(AT)
    assert levels.expired(one.state, at - 1) == () and levels.expired(one.state, at) == ("R1",)
    assert one.refused(m.Reserved(id="R2", item="BODY", quantity="1")) == "stock.insufficient"
    one.say(m.ReservationReleased(id="R1", why="expired"))
    one.say(m.Reserved(id="R2", item="BODY", quantity="1"))


def test_facts_may_leave_less_than_is_reserved_and_that_is_a_task():
    one = storeroom()
    received(one, quantity="10")
    one.say(m.Reserved(id="R1", item="BODY", quantity="8"))
    assert levels.shortages(one.state) == ()
    one.say(m.Scrapped(ref="s", item="BODY", quantity="5", reason="dropped"))
    shortage, = levels.shortages(one.state)
    assert (shortage.item, shortage.missing, shortage.reservations) == ("BODY", "3", ("R1",))
    assert levels.availability(one.state) == {}


def test_a_count_needs_a_reason_for_any_difference():
    one = storeroom()
    first, last = received(one, quantity="4"), received(one, quantity="6")
    assert one.refused(book.CountItem(ref="k", item="BODY", quantity="9")) == "stock.count-reason"
    told = one.say(book.CountItem(ref="k", item="BODY", quantity="5", reason="lost"))
    assert [(one.lot, one.expected, one.quantity) for one in told] == [(first, "4", "0"), (last, "6", "5")]
    assert one.say(book.CountItem(ref="k", item="BODY", quantity="5", reason="lost")) == []
    one.say(book.CountItem(ref="k2", item="BODY", quantity="5"))  # as expected: no reason needed
    one.say(book.CountItem(ref="k3", item="BODY", quantity="8", reason="found behind the shelf"))
    assert one.state.lots[last].at == {"": "8"}
    one.say(book.CountItem(ref="k4", item="BAR", quantity="2.5", reason="never booked"))
    assert one.here("BAR") == "2.5"


def test_a_count_of_what_has_changed_meanwhile_is_refused():
    one = storeroom()
    lot = received(one, quantity="4")
    stale = m.Counted(ref="k", lot=lot, quantity="4", expected="5")
    assert one.refused(stale) == "stock.count-stale"


BAD = [
    (m.ItemDefined(item=m.Item(id="阀体")), "stock.id-form"),
    (m.ItemDefined(item=m.Item(id="")), "stock.id-form"),
    (m.ItemDefined(item=m.Item(id="X", unit="STONE")), "quantity.unit"),
    (m.ItemDefined(item=m.Item(id="X", gtin="6901234567890")), "stock.gtin"),
    (m.ItemDefined(item=m.Item(id="X", safety="-1")), "stock.negative"),
    (m.ItemDefined(item=m.Item(id="X", reorder_quantity="0")), "quantity.not-positive"),
    (m.ItemDefined(item=m.Item(id="X", partner_numbers={"伙伴": "1"})), "stock.id-form"),
    (m.ItemDefined(item=m.Item(id="BODY", unit="KGM")), "stock.unit-fixed"),
    (m.PartnerNumberGiven(item="none", partner=JG, number="1"), "stock.item-unknown"),
    (m.Received(ref="", lots=(m.LotIn(item="BODY", quantity="1"),)), "stock.ref-form"),
    (m.Received(ref="x", lots=()), "stock.lots-count"),
    (m.Received(ref="x", lots=(m.LotIn(item="none", quantity="1"),)), "stock.item-unknown"),
    (m.Received(ref="x", lots=(m.LotIn(item="BODY", quantity="0"),)), "quantity.not-positive"),
    (m.Received(ref="x", lots=(m.LotIn(item="BODY", quantity="-1"),)), "quantity.not-positive"),
    (m.Received(ref="x", lots=(m.LotIn(item="BODY", quantity="1.5"),)), "stock.not-whole"),
    (m.Received(ref="x", lots=(m.LotIn(item="BAR", quantity="0.0000001"),)), "stock.quantity-range"),
    (m.Received(ref="x", lots=(m.LotIn(item="BODY", quantity="1", unit="KGM"),)), "stock.unit"),
    (m.Received(ref="x", lots=(m.LotIn(item="BODY", quantity="1", id="L"),) * 2), "stock.lot-exists"),
    (m.Received(ref="x", lots=(m.LotIn(item="BODY", quantity="1"),), why="free-issue"), "stock.owner-missing"),
    (m.Received(ref="x", lots=(m.LotIn(item="BODY", quantity="1", owner=HT, holder=HT),)), "stock.not-ours"),
    (m.Received(ref="x", lots=(m.LotIn(item="BODY", quantity="1"),), at="today"), "instant.malformed"),
    (m.Issued(ref="x", item="none", quantity="1"), "stock.item-unknown"),
    (m.Issued(ref="x", item="BODY", quantity="0"), "quantity.not-positive"),
    (m.Issued(ref="x", item="BODY", quantity="1", picks=(m.Pick(lot="none", quantity="1"),)), "stock.lot-unknown"),
    (m.Issued(ref="x", item="BODY", quantity="2", picks=(m.Pick(lot="KEEP", quantity="1"),)), "stock.picks-sum"),
    (m.Issued(ref="x", item="BODY", quantity="2", picks=(m.Pick(lot="KEEP", quantity="1"),) * 2), "stock.lot-twice"),
    (m.Issued(ref="x", item="BAR", quantity="1", picks=(m.Pick(lot="KEEP", quantity="1"),)), "stock.lot-differs"),
    (m.Moved(ref="x", item="BODY", quantity="1"), "stock.move-nowhere"),
    (m.Moved(ref="x", item="BODY", quantity="1", to="a|b"), "stock.id-form"),
    (m.Counted(ref="x", lot="KEEP", quantity="-1", reason="?"), "stock.negative"),
    (m.Counted(ref="x", lot="none", quantity="1"), "stock.lot-unknown"),
    (book.CountItem(ref="x", item="BODY", quantity="-1", reason="?"), "stock.negative"),
    (book.CountItem(ref="x", item="none", quantity="1", reason="?"), "stock.item-unknown"),
    (m.Placed(lot="none", place="A"), "stock.lot-unknown"),
    (m.Reserved(id="R", item="none", quantity="1"), "stock.item-unknown"),
    (m.Reserved(id="R", item="BODY", quantity="1", expires="soon"), "instant.malformed"),
    (m.Booking(ref="x", item="BODY", quantity="1"), "stock.message-unknown"),
]


@pytest.mark.parametrize(("message", "code"), BAD, ids=[f"{code}-{n}" for n, (_, code) in enumerate(BAD)])
def test_what_is_wrong_is_refused_with_its_code_and_changes_nothing(message, code):
    one = storeroom()
    received(one, lot="KEEP", quantity="5")
    assert one.refused(message) == code


def test_a_gtin_is_checked_by_its_last_digit():
    assert all(rules.gtin_sound(gtin) for gtin in ("6901234567892", "96385074", "036000291452", "16901234567899"))
    assert not any(rules.gtin_sound(gtin) for gtin in ("6901234567893", "1", "", "６９０１２３４５６７８９２"))


def test_what_is_so_already_is_not_said_again():
    one = storeroom()
    lot = received(one)
    number = m.PartnerNumberGiven(item="BAR", partner=HT, number="9")
    for command in (m.ItemDefined(item=one.state.items["BAR"]), number,
                    m.Placed(lot=lot, place="A-1"), m.CertificateBound(lot=lot, certificate="3.1")):
        one.say(command)
        assert not one.say(command)
    assert levels.item_called(one.state, HT, "9") == "BAR" and levels.item_called(one.state, JG, "9") == ""


def test_several_are_recorded_together_or_not_at_all():
    one = storeroom()
    good = m.Received(ref="a", lots=(m.LotIn(item="BODY", quantity="5"),))
    bad = m.Issued(ref="b", item="BODY", quantity="6")
    assert one.refused(book.Several(messages=(good, bad))) == "stock.insufficient"
    one.say(book.Several(messages=(good, m.Issued(ref="b", item="BODY", quantity="5"))))


def test_what_is_low_is_to_be_ordered_again():
    one = storeroom()
    assert [(one.item, one.quantity, one.supplier) for one in levels.reorders(one.state)] == [
        ("BODY", "50", JG), ("BAR", "5", "")]
    assert [one.item for one in levels.reorders(one.state, {"BODY": "50"})] == ["BAR"]
    received(one, quantity="21")
    received(one, "BAR", "5")
    assert levels.reorders(one.state) == ()
    one.say(m.Reserved(id="R", item="BODY", quantity="1"))
    assert [one.available for one in levels.reorders(one.state)] == ["20"]
    level = levels.level(one.state, "BODY")
    assert (level.on_hand, level.reserved, level.available, level.low) == ("21", "1", "20", True)


def test_pieces_are_weighed_by_the_weight_of_one():
    item = storeroom().state.items["BODY"]
    assert levels.in_unit(item, "200", "KGM") == Decimal(70) and levels.in_unit(item, "1", "GRM") == Decimal(350)
    assert levels.in_unit(item, "200", "MTR") is None


def test_empty_lots_and_old_refs_are_forgotten_beyond_a_limit(monkeypatch):
    monkeypatch.setattr(book, "EMPTY_KEPT", 2)
    monkeypatch.setattr(book, "REFS_KEPT", 4)
    one = storeroom()
    kept = received(one, "BAR", "1")
    for n in range(6):
        received(one, quantity="1", lot=f"L{n}", ref=f"in{n}")
        one.say(m.Issued(ref=f"out{n}", item="BODY", quantity="1"))
    assert list(one.state.lots) == [kept, "L4", "L5"] and len(one.state.booked) == 4


class Unknown(Message):
    """A message of another conversation."""


REFS = st.integers(0, 30).map("r{}".format)
ITEMS = st.sampled_from(["BODY", "BAR", "none"])
QUANTITIES = st.sampled_from(["1", "2", "5", "9", "40", "0", "-1", "1.5", "x"])
OWNERS = st.sampled_from(["", "", HT, US])
HOLDERS = st.sampled_from(["", "", JG, HT])
HELD = st.sampled_from(["", "R1", "R2"])
TAKEN = {"ref": REFS, "item": ITEMS, "quantity": QUANTITIES, "owner": OWNERS, "holder": HOLDERS}
WORDS = st.one_of(
    st.builds(m.Received, ref=REFS, lots=st.lists(st.builds(
        m.LotIn, item=ITEMS, quantity=QUANTITIES, owner=OWNERS, holder=HOLDERS,
        id=st.sampled_from(["", "", "L1", "L2"])), max_size=2).map(tuple)),
    st.builds(m.Produced, ref=REFS, order=st.just("PO"), lot=st.builds(
        m.LotIn, item=ITEMS, quantity=QUANTITIES, owner=OWNERS, id=st.sampled_from(["", "OUT"]))),
    st.builds(m.Consumed, reservation=HELD, **TAKEN), st.builds(m.Issued, reservation=HELD, **TAKEN),
    st.builds(m.Scrapped, **TAKEN), st.builds(m.Moved, to=HOLDERS, reservation=HELD, **TAKEN),
    st.builds(book.CountItem, reason=st.sampled_from(["", "counted"]), **TAKEN),
    st.builds(m.Reserved, id=st.sampled_from(["R1", "R2"]), item=ITEMS, quantity=QUANTITIES, owner=OWNERS),
    st.builds(m.ReservationReleased, id=st.sampled_from(["R1", "R2"])),
    st.builds(Unknown),
)


def totals(state):
    """Owner's quantity of an item, wherever it lies."""
    found = {}
    for parcel in levels.parcels(state):
        key = (parcel.item, parcel.owner)
        found[key] = found.get(key, Decimal(0)) + Decimal(parcel.quantity)
    return found


def change(message):
    """What ``message`` does to its owner's total; a move does nothing, but to the owner itself takes away."""
    def ours(name):
        return "" if name == US else name

    match message:
        case m.Received():
            return [((lot.item, ours(lot.owner)), Decimal(lot.quantity)) for lot in message.lots]
        case m.Produced(lot=lot):
            return [((lot.item, ours(lot.owner)), Decimal(lot.quantity))]
        case m.Moved(to=to, owner=owner) if not owner or to != owner:
            return []
        case m.Booking():
            return [((message.item, ours(message.owner)), -Decimal(message.quantity))]
        case _:
            return []


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=30))
def test_whatever_is_said_material_is_conserved_and_nothing_goes_below_zero(words):
    one = storeroom()
    for lot in ("A", "B"):
        received(one, quantity="20", lot=lot)
    received(one, "BAR", "8", owner=HT)
    for word in words:
        before = totals(one.state)
        try:
            told = one.say(word)
        except (Invalid, Refused, LookupError, book.WeftError):
            assert totals(one.state) == before
            continue
        for message in told:
            for key, amount in change(message):
                before[key] = before.get(key, Decimal(0)) + amount
        if not any(isinstance(message, m.Counted) for message in told):
            assert {key: held for key, held in before.items() if held} == totals(one.state)
    encode(msgspec.to_builtins(one.state))


@settings(max_examples=100)
@given(st.lists(WORDS, max_size=25))
def test_judge_never_raises_and_choices_never_take_what_is_reserved(words):
    one = storeroom()
    received(one, quantity="20")
    state = one.state
    for n, word in enumerate(words):
        if isinstance(word, book.CountItem):
            continue
        said = Said(id=f"x{n}", by=US, role="owner", message=word)
        if book.judge(state, said) is None:
            state = book.evolve(state, said)
            laws(state)
            if isinstance(word, m.Issued | m.Moved | m.Reserved) and not getattr(word, "holder", ""):
                owner = "" if word.owner == US else word.owner
                assert levels.available(state, word.item, owner) >= 0


@given(st.lists(st.sampled_from(["2", "3", "7"]), min_size=1, max_size=6), st.integers(1, 40))
def test_a_pick_takes_exactly_what_is_asked_from_the_oldest_lots(quantities, wanted):
    one = Book()
    one.say(m.ItemDefined(item=m.Item(id="BODY")))
    lots = [received(one, quantity=quantity) for quantity in quantities]
    if wanted > sum(map(int, quantities)):
        assert one.refused(m.Issued(ref="x", item="BODY", quantity=str(wanted))) == "stock.insufficient"
        return
    picked = levels.pick(one.state, "BODY", str(wanted))
    assert sum(int(amount) for _, amount in picked) == wanted
    assert [lot for lot, _ in picked] == lots[:len(picked)]
    assert [amount for _, amount in picked[:-1]] == quantities[:len(picked) - 1]
