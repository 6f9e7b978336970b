"""What each word of an order must hold: one example for each refusal, with its code, beside what is allowed."""

import time
from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from tests.trade.deals import (
    BUYER,
    CHANGES,
    LATER,
    NOBODY,
    REQUEST,
    SCENES,
    SELLER,
    SOON,
    Deal,
    arrived,
    quoted,
    read,
    said,
    sent,
)
from weft.trade import order
from weft.trade.messages import (
    ChangeLine,
    ChangeOption,
    CounterLine,
    CounterOffer,
    DespatchAdvice,
    DespatchLine,
    FreeIssueMaterial,
    Order,
    OrderChange,
    OrderChangeResponse,
    OrderChangeWithdrawn,
    ProgressNotice,
    ReceiptAdvice,
    ReceiptLine,
    RequestLine,
    ShortClosed,
)

LINE = REQUEST.lines[0]


def code(scene, role, message):
    return order.judge(SCENES[scene].state, said(role, message))


def asked(**changes):
    return replace(REQUEST, lines=(replace(LINE, **changes),))


REQUESTS = [
    (asked(quantity="0"), "quantity.not-positive"),
    (asked(quantity="-3"), "quantity.not-positive"),
    (asked(quantity="1e3"), "quantity.malformed"),
    (asked(quantity="1.0000001"), "quantity.malformed"),
    (asked(quantity="1234567890123"), "quantity.malformed"),
    (asked(quantity="NaN"), "quantity.malformed"),
    (asked(unit="FURLONG"), "quantity.unit"),
    (asked(line=""), "trade.line-id"),
    (asked(line="第一"), "trade.line-id"),
    (asked(line="l" * 21), "trade.line-id"),
    (asked(item="", buyer_item="", description=""), "trade.text-missing"),
    (asked(description="d" * 501), "trade.text-too-long"),
    (replace(REQUEST, lines=()), "trade.lines-none"),
    (replace(REQUEST, lines=(LINE, LINE)), "trade.line-twice"),
    (replace(REQUEST, lines=tuple(replace(LINE, line=str(n)) for n in range(201))), "trade.lines-too-many"),
    (replace(REQUEST, currency="XAU"), "money.currency"),
    (replace(REQUEST, number=" "), "trade.text-missing"),
    (replace(REQUEST, note="n" * 2001), "trade.text-too-long"),
    (replace(REQUEST, wanted_by="tomorrow"), "instant.malformed"),
    (replace(REQUEST, attributes={"区": "x"}), "trade.attribute-name"),
    (replace(REQUEST, attributes={str(n): "" for n in range(21)}), "trade.lines-too-many"),
    (replace(REQUEST, parent="PO-77 of Hengtai"), "trade.commitment"),
    (replace(REQUEST, materials=(FreeIssueMaterial(item="x", quantity="0"),)), "quantity.not-positive"),
    (replace(REQUEST, materials=(FreeIssueMaterial(item="x", quantity="1"),) * 2), "trade.line-twice"),
    (replace(REQUEST, materials=(FreeIssueMaterial(item="x", quantity="1"),) * 201), "trade.lines-too-many"),
    (replace(REQUEST, lines=tuple(replace(LINE, line=str(n)) for n in range(200))), None),
    (replace(REQUEST, lines=(RequestLine(line="1", item="", description="drawn", quantity="0.5", unit="KGM"),)), None),
    (replace(REQUEST, parent="p" * 43), None),
]


@pytest.mark.parametrize(("message", "expected"), REQUESTS)
def test_a_request_must_be_well_formed(message, expected):
    assert code("new", BUYER, message) == expected


GOOD = quoted()


def offered(**changes):
    return replace(GOOD, lines=(replace(GOOD.lines[0], **changes), GOOD.lines[1]))


OFFERS = [
    (GOOD, None),
    (replace(GOOD, lines=GOOD.lines[:1], net="30.00", tax="3.90", gross="33.90"), None),
    (offered(line="9"), "order.unknown-line"),
    (offered(unit="KGM"), "order.unit"),
    (offered(quantity="-1"), "quantity.not-positive"),
    (offered(base="0"), "quantity.not-positive"),
    (offered(net="30.001"), "money.too-fine"),
    (offered(tax="3.91"), "trade.tax-sum"),
    (offered(net="30.01", gross="33.91"), "trade.total"),
    (offered(promise=""), "order.no-promise"),
    (offered(promise="soon"), "instant.malformed"),
    (offered(tax_percent="101"), "trade.percent"),
    (offered(trace=(("a", "b", "c", "d"),) * 51), "trade.lines-too-many"),
    (offered(item=""), "trade.text-missing"),
    (replace(GOOD, currency="EUR"), "order.currency"),
    (replace(GOOD, over_delivery_percent="-1"), "quantity.negative"),
    (replace(GOOD, gross="47.47"), "trade.tax-sum"),
    (replace(GOOD, net="42.01", gross="47.47"), "trade.total"),
]


@pytest.mark.parametrize(("message", "expected"), OFFERS)
def test_a_quotation_must_answer_the_request_and_add_up(message, expected):
    assert code("requested", SELLER, message) == expected


def counter(**changes):
    return CounterOffer(quotation="001", lines=(replace(CounterLine(line="1", quantity="8"), **changes),))


@pytest.mark.parametrize(("scene", "role", "message", "expected"), [
    ("quoted", BUYER, counter(unit_price="2.5", wanted_by=SOON), None),
    ("quoted", BUYER, counter(line="9"), "order.unknown-line"),
    ("quoted", BUYER, counter(quantity="0"), "quantity.not-positive"),
    ("quoted", BUYER, counter(unit_price="-1"), "quantity.negative"),
    ("quoted", BUYER, Order(number="P", quotation="000"), "order.quotation-superseded"),
    ("withdrawn", BUYER, Order(number="P", quotation="001"), "order.quotation-withdrawn"),
    ("withdrawn", BUYER, counter(), "order.quotation-withdrawn"),
    ("quoted", BUYER, Order(number="", quotation="001"), "trade.text-missing"),
    ("ordered", SELLER, sent("1"), "order.not-confirmed"),
    ("ordered", SELLER, CHANGES[0], "order.not-confirmed"),
    ("quoted", SELLER, sent("1"), "order.not-now"),
    ("closed", BUYER, ShortClosed(), "order.ended"),
])
def test_the_talk_about_an_offer_keeps_to_the_offer(scene, role, message, expected):
    assert code(scene, role, message) == expected


def test_an_order_of_the_older_quotation_is_void_once_the_newer_was_seen():
    deal = Deal()
    deal.buyer(REQUEST)
    first = deal.seller(quoted())
    second = deal.seller(quoted(number="Q-2"))
    assert order.judge(deal.state, said(BUYER, Order(number="P", quotation=first))) == "order.quotation-superseded"
    assert order.judge(deal.state, said(BUYER, Order(number="P", quotation=second))) is None
    assert deal.state.rounds == 2


def two(first, second="4"):
    return DespatchAdvice(number="D", lines=(DespatchLine(line="1", item="body", quantity=first),
                                             DespatchLine(line="2", item="stem", quantity=second)))


@pytest.mark.parametrize(("scene", "role", "message", "expected"), [
    ("confirmed", SELLER, sent("10"), None),
    ("confirmed", SELLER, sent("12"), None),  # 20 % tolerance
    ("confirmed", SELLER, sent("12.1"), "order.over-despatch"),
    ("partly", SELLER, sent("9"), None),
    ("partly", SELLER, sent("9.5"), "order.over-despatch"),
    ("partly received", SELLER, sent("11"), None),  # one damaged and one short are owed again
    ("partly received", SELLER, sent("11.5"), "order.over-despatch"),
    ("confirmed", SELLER, two("10"), None),
    ("confirmed", SELLER, two("10", "9"), "order.over-despatch"),
    ("confirmed", SELLER, sent("0"), "quantity.not-positive"),
    ("confirmed", SELLER, sent("-1"), "quantity.not-positive"),
    ("confirmed", SELLER, sent("1", line="9"), "order.unknown-line"),
    ("confirmed", SELLER, sent("1", item="stem"), "order.item"),
    ("confirmed", SELLER, DespatchAdvice(number="D", lines=(DespatchLine(line="1", item="body", quantity="1",
                                                                         unit="KGM"),)), "order.unit"),
    ("confirmed", SELLER, DespatchAdvice(number="D", lines=()), "trade.lines-none"),
    ("confirmed", SELLER, DespatchAdvice(number="D", lines=(DespatchLine(
        line="1", item="body", quantity="1", lots=("L",) * 101),)), "trade.lines-too-many"),
    ("confirmed", SELLER, sent("1", kind="materials", item="铸件"), "order.despatch-kind"),
    ("confirmed", BUYER, sent("1"), "order.despatch-kind"),
    ("confirmed", BUYER, sent("25", kind="materials", item="铸件"), None),
    ("confirmed", BUYER, sent("1", kind="materials", item="gold"), "order.unknown-material"),
    ("short", SELLER, sent("1", line="2", item="stem"), "order.line-ended"),
    ("confirmed", SELLER, ProgressNotice(line="9", stage="made"), "order.unknown-line"),
    ("confirmed", SELLER, ProgressNotice(line="1", stage="made", done="-1"), "quantity.negative"),
    ("short", BUYER, ShortClosed(lines=("2",)), "order.nothing-open"),
    ("short", BUYER, ShortClosed(lines=("1",)), None),
    ("confirmed", BUYER, ShortClosed(lines=("9",)), "order.unknown-line"),
])
def test_goods_keep_to_what_was_ordered(scene, role, message, expected):
    assert code(scene, role, message) == expected


def receipt(received="3", damaged="0", rejected="0", line="1", despatch="006"):
    return ReceiptAdvice(despatch=despatch, lines=(
        ReceiptLine(line=line, received=received, damaged=damaged, rejected=rejected),))


@pytest.mark.parametrize(("role", "message", "expected"), [
    (BUYER, receipt(), None),
    (BUYER, receipt("0"), None),
    (BUYER, receipt("1", "1", "1"), None),
    (BUYER, receipt("2", "1", "1"), "order.over-receipt"),
    (BUYER, receipt("4"), "order.over-receipt"),
    (BUYER, receipt("-1"), "quantity.negative"),
    (BUYER, receipt(line="2"), "order.unknown-line"),
    (BUYER, ReceiptAdvice(despatch="006", lines=()), "order.receipt-incomplete"),
    (BUYER, receipt(despatch=NOBODY), "order.unknown-despatch"),
    (SELLER, receipt(), "order.own-despatch"),
    (BUYER, receipt(despatch="004"), "order.own-despatch"),
    (SELLER, receipt("5", despatch="004"), None),
])
def test_a_receipt_says_all_that_arrived_of_one_despatch(role, message, expected):
    assert code("partly", role, message) == expected


def test_a_despatch_is_received_once():
    assert code("partly received", BUYER, receipt()) == "order.received-already"


def change(*lines, kind="change"):
    return OrderChange(number="C", options=(ChangeOption(id="a", kind=kind, lines=lines),))


@pytest.mark.parametrize(("scene", "role", "message", "expected"), [
    ("partly", SELLER, change(ChangeLine(line="1", quantity="8")), None),
    ("partly", SELLER, change(ChangeLine(line="9", quantity="8")), "order.unknown-line"),
    ("partly", SELLER, change(ChangeLine(line="1", quantity="-8")), "quantity.negative"),
    ("partly", SELLER, change(), "trade.lines-none"),
    ("partly", SELLER, change(kind="cancel"), None),
    ("partly", SELLER, change(ChangeLine(line="1", quantity="3"), kind="cancel"), "order.change-cancel"),
    ("partly", SELLER, change(ChangeLine(line="1"), ChangeLine(line="1")), "trade.line-twice"),
    ("partly", SELLER, change(ChangeLine(line="1", promise=LATER), kind="partial"), None),
    ("partly", SELLER, change(*[ChangeLine(line="1", promise=LATER)] * 2, kind="partial"), "quantity.malformed"),
    ("partly", SELLER, change(*[ChangeLine(line="1", quantity="5")] * 2, kind="partial"), "order.no-promise"),
    ("partly", SELLER, change(ChangeLine(line="1", net="1.00")), "order.change-amounts"),
    ("partly", SELLER, change(ChangeLine(line="1", net="1.00", tax="0.13", gross="1.14")), "trade.tax-sum"),
    ("partly", SELLER, change(ChangeLine(line="1", unit_price="-1")), "quantity.negative"),
    ("partly", SELLER, OrderChange(number="C", options=()), "trade.lines-none"),
    ("short", SELLER, change(ChangeLine(line="2", quantity="1")), "order.line-ended"),
    ("seller asks", SELLER, CHANGES[1], "order.change-open"),
    ("seller asks", BUYER, CHANGES[1], None),
    ("seller asks", SELLER, OrderChangeResponse(change="007", option="later"), "order.own-change"),
    ("seller asks", BUYER, OrderChangeResponse(change="007", option="sooner"), "order.unknown-option"),
    ("seller asks", BUYER, OrderChangeResponse(change=NOBODY), "order.unknown-change"),
    ("seller asks", BUYER, OrderChangeWithdrawn(change="007"), "order.not-your-change"),
])
def test_a_change_is_about_lines_that_are_there_and_is_answered_by_the_other(scene, role, message, expected):
    assert code(scene, role, message) == expected


def test_a_change_has_one_answer():
    state = read(SCENES["seller asks"].state, said(BUYER, OrderChangeResponse(change="007", option="")))
    assert state.changes["007"].status == "refused"
    again = said(BUYER, OrderChangeResponse(change="007", option="later"))
    assert order.judge(state, again) == "order.change-answered"


# ---- what the words do -------------------------------------------------------------------------------


def answered(option, scene="seller asks", name="007", role=BUYER):
    return read(SCENES[scene].state, said(role, OrderChangeResponse(change=name, option=option)))


def test_a_later_promise_is_taken_and_the_first_is_remembered():
    line = answered("later").lines["1"]
    assert (line.promise, line.first_promise) == (LATER, SOON)


def test_a_split_line_has_a_schedule_and_the_promise_of_its_last_part():
    line = answered("partial").lines["1"]
    assert line.schedule == (("4", SOON), ("6", LATER))
    assert (line.ordered, line.promise, line.gross) == ("10", LATER, "33.90")


def test_the_cancel_option_ends_what_is_open_and_what_left_is_still_received():
    state = answered("cancel")
    assert (str(state.lines["1"].cancelled), state.phase) == ("7", "confirmed")
    assert read(state, said(BUYER, receipt())).phase == "closed"


def test_amounts_follow_the_quantity_unless_they_are_given():
    state = read(SCENES["buyer asks"].state, said(SELLER, OrderChangeResponse(change="007", option="later")))
    assert state.lines["1"].promise == LATER
    less = read(SCENES["both ask"].state, said(SELLER, OrderChangeResponse(change="008", option="less")))
    assert (less.lines["1"].ordered, less.lines["1"].net, less.lines["1"].gross) == ("2", "6.00", "6.78")
    assert less.lines["2"].ended == "cancelled"
    more = read(SCENES["both ask"].state, said(SELLER, OrderChangeResponse(change="008", option="more")))
    assert (more.lines["1"].ordered, more.lines["1"].gross) == ("12", "40.68")


def test_what_came_damaged_or_short_is_owed_again_until_it_is_replaced_or_closed():
    state = SCENES["partly received"].state
    line = state.lines["1"]
    assert (line.received, line.damaged, line.short, str(line.open)) == ("1", "1", "1", "9")
    state = read(state, said(SELLER, two("9"), "x"))
    state = read(state, said(BUYER, arrived(state, "x")))
    assert state.phase == "closed"
    assert read(SCENES["partly received"].state, said(BUYER, ShortClosed())).phase == "closed"


def test_goods_within_the_tolerance_close_the_order_too():
    state = read(SCENES["confirmed"].state, said(SELLER, two("12"), "x"))
    state = read(state, said(BUYER, arrived(state, "x")))
    assert (state.phase, str(state.lines["1"].over_delivered)) == ("closed", "2")


def test_free_issue_material_is_accounted_on_both_sides():
    state = SCENES["making"].state
    state = read(state, said(SELLER, ReceiptAdvice(despatch="004", lines=(ReceiptLine(line="1", received="4"),))))
    (account,) = state.materials
    assert (account.item, account.agreed, account.sent) == ("铸件", "10", "5")
    assert (account.received, account.short) == ("4", "1")


def test_a_word_costs_little_however_long_the_order_is():
    """Not a benchmark: it fails when a word costs more than the state's size."""
    lines = tuple(replace(LINE, line=str(number)) for number in range(200))
    offer = quoted().lines[0]
    offers = tuple(replace(offer, line=str(number)) for number in range(200))
    totals = {field: str(Decimal(getattr(offer, field)) * 200) for field in ("net", "tax", "gross")}
    deal = Deal()
    deal.buyer(replace(REQUEST, lines=lines))
    deal.seller(replace(quoted(), lines=offers, **totals))
    deal.buyer(Order(number="P", quotation="001"))
    deal.seller(msgspec.convert({"code": "AP", "order": "002"}, order.MESSAGES["OrderResponse"]))
    begun = time.process_time()
    for number in range(500):
        deal.seller(ProgressNotice(line=str(number % 200), stage="making", done="1", of="10"))
    assert time.process_time() - begun < 5
