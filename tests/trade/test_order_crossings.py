"""Two words that cross: the table is total, arrival decides nothing, and only what commutes is free."""

import itertools

import pytest

from tests.trade.deals import (
    BUYER,
    CHANGES,
    ORGANISATION,
    SCENES,
    SELLER,
    arrived,
    fingerprint,
    possible,
    quoted,
    read,
    said,
    sent,
)
from weft.basis.decider import Crossing, Said
from weft.thread import fold
from weft.thread.fold import Node
from weft.trade import order
from weft.trade.messages import (
    ORDER_MESSAGES,
    ChangeLine,
    ChangeOption,
    CounterLine,
    CounterOffer,
    DespatchAdvice,
    Order,
    OrderCancellation,
    OrderChange,
    OrderChangeResponse,
    OrderChangeWithdrawn,
    OrderResponse,
    ProgressNotice,
    QuotationWithdrawn,
    RequestDeclined,
    ShortClosed,
)
from weft.trade.order_rules import CROSSINGS, CROSSINGS_BY_ROLE, READ_FIRST, RULES

AUTHORS = {kind: {role for turns in RULES.values() for role, said_kind in turns if said_kind is kind}
           for kind in ORDER_MESSAGES.values()}
PAIRS = [(left, right) for left in ORDER_MESSAGES.values() for right in ORDER_MESSAGES.values()
         if BUYER in AUTHORS[left] and SELLER in AUTHORS[right]]


def crossing(left, right):
    """What is said of the buyer's ``left`` and the seller's ``right``."""
    found = CROSSINGS_BY_ROLE.get(((BUYER, left), (SELLER, right)), CROSSINGS[left, right])
    return Crossing.LEFT_FIRST if found is Crossing.BY_ROLE else found


REVERSED = {Crossing.LEFT_FIRST: Crossing.RIGHT_FIRST, Crossing.RIGHT_FIRST: Crossing.LEFT_FIRST}


def after(name, *branches, ids="bs", shuffled=None):
    """The fold of scene ``name`` followed by concurrent branches of (role, message)."""
    base = SCENES[name].nodes
    nodes = list(base)
    for letter, branch in zip(ids, branches, strict=False):
        above = base[-1:]
        for number, (role, message) in enumerate(branch):
            made = Node(Said(f"{letter}{number}", ORGANISATION[role], role, message), tuple(n.said.id for n in above))
            nodes.append(made)
            above = [made]
    return fold.fold(order, nodes if shuffled is None else [nodes[place] for place in shuffled])


def crossed(name, buyer, seller):
    """The folded scene after one word of each side, told in both orders of arrival and with both orders of ids."""
    results = []
    for ids in ("bs", "sb"):
        result = after(name, [(BUYER, buyer)], [(SELLER, seller)], ids=ids)
        length = len(SCENES[name].nodes)
        back = [*range(length), length + 1, length]
        assert after(name, [(BUYER, buyer)], [(SELLER, seller)], ids=ids, shuffled=back) == result
        names = {f"{ids[0]}0": "buyer's", f"{ids[1]}0": "seller's"}
        state = fingerprint(result.state).decode()
        for old, new in names.items():
            state = state.replace(f'"{old}"', f'"{new}"')
        order_read = [names[one] for one in result.order if one in names]
        results.append((sorted(state), order_read, {names[one]: code for one, code in result.void.items()}))
    assert results[0] == results[1]
    return results[0]


def test_the_table_is_total_and_says_the_same_from_both_ends():
    kinds = ORDER_MESSAGES.values()
    assert set(CROSSINGS) == set(itertools.product(kinds, kinds))
    for (left, right), crossing in CROSSINGS.items():
        assert CROSSINGS[right, left] is REVERSED.get(crossing, crossing)


def test_every_row_of_the_table_has_its_reason():
    assert all(reason and later for _, later, reason in READ_FIRST)
    named = [(first, one) for first, later, _ in READ_FIRST for one in later]
    assert len(named) == len(set(named))
    assert not {(right, left) for left, right in named} & set(named)


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=lambda kind: kind.__name__)
def test_each_crossing_pair_gives_one_state_in_both_orders_of_arrival(left, right):
    for name, deal in SCENES.items():
        if not deal.nodes:
            continue
        mine = [message for message in possible(deal.state, BUYER) if type(message) is left]
        theirs = [message for message in possible(deal.state, SELLER) if type(message) is right]
        for buyer, seller in itertools.product(mine, theirs):
            _, order_read, _ = crossed(name, buyer, seller)
            if crossing(left, right) is Crossing.LEFT_FIRST:
                assert order_read == ["buyer's", "seller's"]
            if crossing(left, right) is Crossing.RIGHT_FIRST:
                assert order_read == ["seller's", "buyer's"]


FREE = [pair for pair in PAIRS if crossing(*pair) is Crossing.EITHER]


@pytest.mark.parametrize(("left", "right"), FREE, ids=lambda kind: kind.__name__)
def test_what_is_free_commutes(left, right):
    """The proof of ``EITHER``: read in both orders, in every scene, whatever is said."""
    for deal in SCENES.values():
        if not deal.nodes:
            continue  # nothing crosses the first word of a thread: all others descend from it
        mine = [said(BUYER, m, "b") for m in possible(deal.state, BUYER) if type(m) is left]
        theirs = [said(SELLER, m, "s") for m in possible(deal.state, SELLER) if type(m) is right]
        for buyer, seller in itertools.product(mine, theirs):
            one, two = read(deal.state, buyer, seller), read(deal.state, seller, buyer)
            assert fingerprint(one) == fingerprint(two), (buyer.message, seller.message)


def test_a_table_without_rules_would_not_do():
    """The control: of the pairs that the table orders, each has a scene in which the order matters."""
    matters = set()
    for deal in SCENES.values():
        for buyer, seller in itertools.product(possible(deal.state, BUYER), possible(deal.state, SELLER)):
            pair = (type(buyer), type(seller))
            if pair not in matters and crossing(*pair) is not Crossing.EITHER:
                words = said(BUYER, buyer, "b"), said(SELLER, seller, "s")
                if fingerprint(read(deal.state, *words)) != fingerprint(read(deal.state, *reversed(words))):
                    matters.add(pair)
    ordered = {pair for pair in PAIRS if crossing(*pair) is not Crossing.EITHER}
    assert {(left.__name__, right.__name__) for left, right in ordered - matters} == set()


# ---- the rules that people ask about, one by one


def test_goods_that_left_while_the_buyer_cancelled_stand_and_become_a_return_request():
    result = after("making", [(BUYER, OrderCancellation())], [(SELLER, sent("4"))])
    assert result.void == {}
    line = result.state.lines["1"]
    assert (line.despatched, line.return_requested, str(line.cancelled), str(line.open)) == ("4", "4", "6", "0")
    assert result.state.phase == "cancelled"


def test_an_order_stands_over_a_withdrawal_that_it_crossed():
    order_ = Order(number="PO", quotation="001")
    for word in (QuotationWithdrawn(quotation="001"), quoted(number="Q-2"), RequestDeclined()):
        result = after("quoted", [(BUYER, order_)], [(SELLER, word)])
        assert result.state.phase == "ordered"
        assert result.state.quotation_id == "001"
        assert result.void == {"s0": "order.not-now"}


def test_an_order_stands_whatever_void_words_a_seller_puts_behind_its_withdrawal():
    for bait in (sent("1"), OrderResponse(code="AP"), ProgressNotice(line="1", stage="making"), CHANGES[0]):
        result = after("quoted", [(BUYER, Order(number="PO", quotation="001"))],
                       [(SELLER, QuotationWithdrawn(quotation="001")), (SELLER, bait)])
        assert result.state.phase == "ordered"


def test_goods_stand_whatever_void_words_a_buyer_puts_behind_its_cancellation():
    base = SCENES["partly"].state
    baits = [arrived(base, "006"), Order(number="PO", quotation="001"), sent("1", item="铸件", kind="materials"),
             CounterOffer(quotation="001", lines=(CounterLine(line="1", quantity="1"),)), CHANGES[0]]
    for bait in baits:
        for first in (CHANGES[0], ProgressNotice(line="1", stage="made"), sent("1")):
            result = after("partly", [(BUYER, OrderCancellation()), (BUYER, bait), (BUYER, bait)],
                           [(SELLER, first), (SELLER, sent("4"))])
            assert "s1" not in result.void, (bait, first)


def test_a_counter_offer_is_heard_and_the_newer_quotation_is_on_the_table():
    counter = CounterOffer(quotation="001", lines=(CounterLine(line="1", quantity="7"),))
    result = after("quoted", [(BUYER, counter)], [(SELLER, quoted(number="Q-2"))])
    assert result.void == {}
    assert (result.state.phase, result.state.quotation.number, result.state.counter) == ("quoted", "Q-2", counter)


def test_changes_of_both_sides_stay_open_side_by_side():
    result = after("making", [(BUYER, CHANGES[1])], [(SELLER, CHANGES[0])])
    assert [change.status for change in result.state.changes.values()] == ["open", "open"]


def test_an_answer_stands_over_the_withdrawal_of_the_question():
    answer = OrderChangeResponse(change="007", option="later")
    result = after("seller asks", [(BUYER, answer)], [(SELLER, OrderChangeWithdrawn(change="007"))])
    assert result.state.changes["007"].status == "accepted"
    assert result.void == {"s0": "order.change-answered"}


def test_where_each_takes_the_other_s_change_the_seller_s_agreement_is_read_last():
    answers = [(BUYER, OrderChangeResponse(change="007", option="partial"))], [
        (SELLER, OrderChangeResponse(change="008", option="more"))]
    for ids in ("bs", "sb"):
        result = after("both ask", *answers, ids=ids)
        assert (result.state.lines["1"].ordered, result.void) == ("12", {})


def test_a_quantity_agreed_below_what_left_meanwhile_counts_the_rest_as_over_delivered():
    less = OrderChange(number="C", options=(ChangeOption(id="less", kind="change", lines=(
        ChangeLine(line="1", quantity="2"),)),))
    nodes = [*SCENES["making"].nodes, Node(Said("c", ORGANISATION[SELLER], SELLER, less), ("005",))]
    nodes += [Node(Said("b", ORGANISATION[BUYER], BUYER, OrderChangeResponse(change="c", option="less")), ("c",)),
              Node(Said("s", ORGANISATION[SELLER], SELLER, sent("5")), ("c",))]
    result = fold.fold(order, nodes)
    line = result.state.lines["1"]
    assert result.void == {}
    assert (line.ordered, line.despatched, str(line.over_delivered), str(line.open)) == ("2", "5", "3", "0")


def test_short_closing_ends_what_was_not_sent_meanwhile():
    result = after("making", [(BUYER, ShortClosed())], [(SELLER, sent("4"))])
    line = result.state.lines["1"]
    assert (result.void, str(line.short_closed), str(line.in_transit)) == ({}, "6", "4")
    assert result.state.phase == "confirmed"  # until the four are received


def test_a_cancellation_that_crosses_a_rejection_finds_the_order_rejected():
    result = after("ordered", [(BUYER, OrderCancellation())], [(SELLER, OrderResponse(code="RE", order="002"))])
    assert (result.state.phase, result.void) == ("rejected", {"b0": "order.ended"})


def test_a_final_receipt_and_a_late_despatch_within_tolerance_both_count():
    state = SCENES["all sent"].state
    result = after("all sent", [(BUYER, arrived(state, "005"))], [(SELLER, sent("2"))])
    assert (result.void, result.state.phase, str(result.state.lines["1"].over_delivered)) == ({}, "confirmed", "2")
    assert isinstance(SCENES["all sent"].nodes[-2].said.message, DespatchAdvice)


@pytest.mark.parametrize("ids", ["bs", "sb"])
def test_a_word_that_its_speaker_may_never_say_carries_no_branch_ahead(ids):
    """A buyer's cancellation with a seller's word above it is read after the despatch beside it, as it is without."""
    cancels = [(BUYER, OrderCancellation()), (BUYER, OrderResponse(code="AP"))]
    result = after("making", cancels, [(SELLER, sent("4"))], ids=ids)
    assert set(result.void) == {f"{ids[0]}1"}, "the denied word alone is void"
    assert result.state.despatches
