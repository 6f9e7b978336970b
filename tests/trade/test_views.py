"""What the board shows of each scene: column, whose turn it is, promise, amounts."""

import pytest

from tests.trade.deals import BUYER, LATER, SCENES, SELLER, SOON, read, said
from weft.trade import views
from weft.trade.messages import OrderChangeResponse

BOARD = {
    "new": ("asked", ""), "requested": ("asked", SELLER), "quoted": ("quoted", BUYER), "countered": ("asked", SELLER),
    "withdrawn": ("asked", SELLER), "ordered": ("ordered", SELLER), "confirmed": ("ordered", SELLER),
    "making": ("making", SELLER), "partly": ("on-the-way", SELLER), "partly received": ("making", SELLER),
    "all sent": ("on-the-way", BUYER), "seller asks": ("on-the-way", BUYER), "buyer asks": ("on-the-way", SELLER),
    "both ask": ("on-the-way", BUYER), "undecided": ("making", BUYER), "undecided too": ("making", SELLER),
    "short": ("on-the-way", SELLER), "closed": ("received", ""), "cancelled": ("ended", BUYER),
    "declined": ("ended", ""), "rejected": ("ended", ""),
}


@pytest.mark.parametrize("name", SCENES)
def test_each_scene_has_its_column_and_its_turn(name):
    summary = views.order_summary(SCENES[name].state)
    assert (summary.column, summary.waiting_for) == BOARD[name]
    assert summary.column in views.COLUMNS


def test_a_billed_order_is_in_the_last_column_but_one():
    assert views.order_summary(SCENES["closed"].state, billed=True).column == "billed"
    assert views.order_summary(SCENES["declined"].state, billed=True).column == "ended"


def test_promise_and_amounts_are_those_of_what_is_ordered_or_else_offered():
    quoted = views.order_summary(SCENES["quoted"].state)
    assert (quoted.promise, quoted.net, quoted.gross, quoted.lines, quoted.number) == (
        SOON, "42.00", "47.46", 2, "RFQ-1")
    later = read(SCENES["seller asks"].state, said(BUYER, OrderChangeResponse(change="007", option="later")))
    summary = views.order_summary(later)
    assert (summary.promise, summary.first_promise, summary.number) == (LATER, SOON, "PO-1")
    assert views.amounts(SCENES["new"].state) == ("0", "0")
    assert views.promise(SCENES["requested"].state) == ""


def test_open_quantities_and_shares():
    state = SCENES["partly received"].state
    assert views.open_quantity(state, "1") == "9"
    assert views.open_quantity(state, "none") == "0"
    assert views.delivered_share(state) == 7
    assert views.delivered_share(SCENES["quoted"].state) == 0
    assert views.delivered_share(SCENES["closed"].state) == 100
    assert views.billable(state.lines["1"]) == "1"
