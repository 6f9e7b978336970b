"""Dates on papers of twins are those of the clock where the firm is."""

import json

import msgspec
import pytest

from tests.twin.templates.records import FIRM, RECORDS
from weft.twin.templates import purchase
from weft.twin.templates.parts import Party

ORDER = msgspec.structs.replace(
    RECORDS["PurchaseOrder"], at="2026-07-01T22:30:00.000Z",
    lines=tuple(msgspec.structs.replace(one, promise="2026-12-02T04:59:00.000Z")
                for one in RECORDS["PurchaseOrder"].lines))


def dates(place):
    order = msgspec.structs.replace(ORDER, buyer=msgspec.structs.replace(FIRM, time_zone=place))
    text = json.dumps(purchase.build("x", order))
    return [day for day in ("2026-07-01", "2026-07-02", "2026-12-01", "2026-12-02") if f'"{day}"' in text]


@pytest.mark.parametrize(("place", "found"), [
    ("UTC", ["2026-07-01", "2026-12-02"]), ("Europe/Berlin", ["2026-07-02", "2026-12-02"]),
    ("America/New_York", ["2026-07-01", "2026-12-01"])])  # promised for the end of the first of December there
def test_an_order_is_dated_where_its_buyer_is(place, found):
    assert dates(place) == found


@pytest.mark.parametrize(("at", "day"), [
    ("2026-07-01T22:30:00.000Z", "2026-07-02"), ("2026-12-01T22:30:00.000Z", "2026-12-01"), ("", ""), ("soon", "soon")])
def test_a_firm_knows_the_date_of_an_instant_where_it_is(at, day):
    assert Party(organisation="O", name="F", time_zone="Europe/Berlin").day(at) == day
