"""A firm in Berlin over summer and winter: the clock that counts is that of the moment meant, never of now."""

import json
from contextlib import asynccontextmanager
from itertools import pairwise

import msgspec
import pytest

from tests.engine.till.selling import shop
from weft.basis import instant
from weft.basis.errors import Invalid
from weft.engine.bundles import file_name
from weft.engine.commands import run
from weft.engine.commands.pricing import _moment
from weft.engine.commands.tills import since_of
from weft.engine.till import intake
from weft.engine.till.snapshot import snapshot
from weft.engine.twins.access import Access
from weft.engine.views import VIEWS
from weft.engine.views.wages import _period
from weft.trace.hash import event_id
from weft.twin.access import parse as parse_rules
from weft.twin.query import values

HOUR = 3_600_000


@asynccontextmanager
async def berlin(zone="Europe/Berlin"):
    async with shop() as firm:
        firm.node.config = msgspec.structs.replace(
            firm.node.config, firm=msgspec.structs.replace(firm.node.config.firm, time_zone=zone))
        yield firm


def at(text):
    return instant.to_ms(f"{text}:00.000Z")


async def days(firm, *moments):
    """The days on which slips of these instants are booked."""
    for number, moment in enumerate(moments, 1):
        firm.node.clock.ms = at(moment)
        till = await firm.till(number)
        till.sale(("V15", "1"))
        await firm.send(till)
    return list(dict.fromkeys(name.partition("|")[0] for name in (await firm.book()).days))


# 22:30 UTC is half past midnight in summer, and half past eleven in winter.
MOMENTS = ("2026-07-01T22:30", "2026-12-01T22:30", "2026-10-24T22:30", "2026-10-25T22:30")


async def test_a_slip_is_booked_on_the_day_that_its_till_shows_before_and_after_the_change():
    async with berlin() as firm:
        assert await days(firm, *MOMENTS) == ["2026-07-02", "2026-12-01", "2026-10-25"]  # the last two are of one day
        firm.node.clock.ms = at("2026-12-24T12:00")
        assert intake.day_of(firm.node, "2026-07-01T22:30:00.000Z") == "2026-07-02", "asked in winter"


async def test_what_happened_says_how_far_the_clock_was_ahead_there_and_then():
    """EPCIS: the offset in effect at the time and place of the event; and the id is the hash of what it says."""
    async with berlin() as firm:
        await days(firm, *MOMENTS)
        log = await firm.node.log(firm.node.book("trace"))
        told = [json.loads(one.message.event) for one in log if one.message is not None]
        assert [one["eventTimeZoneOffset"] for one in told] == ["+02:00", "+01:00", "+02:00", "+01:00"]
        assert [one["eventID"] for one in told] == [event_id(one) for one in told]


async def test_control_by_an_offset_the_slips_of_summer_nights_stand_in_the_day_before():
    async with berlin("+01:00") as firm:
        assert await days(firm, *MOMENTS) == ["2026-07-01", "2026-12-01", "2026-10-24", "2026-10-25"]


async def test_a_till_is_told_of_the_place_and_one_of_before_of_the_offset_that_is_now():
    async with berlin() as firm:
        key, tags = (await firm.till()).key, []
        for moment, offset in (("2026-10-25T00:59", 120), ("2026-10-25T01:00", 60)):
            firm.node.clock.ms = at(moment)
            told = await snapshot(firm.node, key)
            assert (told.firm.time_zone, told.firm.utc_offset_minutes) == ("Europe/Berlin", offset)
            tags.append(told.tag)
        assert tags[0] != tags[1], "a till of before asks again and is told anew"


async def test_since_when_a_till_was_lost_is_typed_as_its_clock_showed_it():
    async with berlin() as firm:
        firm.node.clock.ms = at("2026-12-01T12:00")
        assert since_of(firm.node, "2026-07-01 09:30") == "2026-07-01T07:30:00.000Z"
        assert since_of(firm.node, "2026-11-30 09:30") == "2026-11-30T08:30:00.000Z"


async def test_wages_of_a_month_with_a_change_are_all_of_it_and_nothing_twice():
    async with berlin() as firm:
        firm.node.clock.ms = at("2026-12-01T12:00")
        periods = [_period(firm.node, f"2026-{month:02d}-01", "")[0] for month in range(1, 13)]
        assert all(before.end == after.begin for before, after in pairwise(periods))
        hours = [(one.end - one.begin) // HOUR - days * 24 for one, days in zip(
            periods, (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), strict=True)]
        assert hours == [0, 0, -1, 0, 0, 0, 0, 0, 0, 1, 0, 0]
        assert _period(firm.node, "2026-10-25", "2026-10-25")[0].holds(at("2026-10-25T22:59"))
        assert not _period(firm.node, "2026-10-25", "2026-10-25")[0].holds(at("2026-10-25T23:00"))
        with pytest.raises(Invalid, match=r"wages\.period"):
            await VIEWS["wages"](firm.node, begin="2025-01-01", end="2026-12-01")


async def test_closed_wages_end_when_the_day_does_and_stay_there():
    async with berlin() as firm:
        firm.node.clock.ms = at("2026-10-25T22:59")
        with pytest.raises(Exception, match=r"wages\.not-over"):
            await run(firm.node, "wages-close", {"until": "2026-10-25"})
        firm.node.clock.ms += 60_000
        await run(firm.node, "wages-close", {"until": "2026-10-25"})
        assert (await VIEWS["wages"](firm.node)).closed_until == "2026-10-25"


async def test_days_of_a_price_book_begin_and_end_by_the_clock_of_their_own_season():
    async with berlin() as firm:
        zone = firm.node.config.firm.zone
        assert _moment("2026-07-01", "", "valid_from", zone) == "2026-06-30T22:00:00.000Z"
        assert _moment("2026-12-01", "", "valid_from", zone) == "2026-11-30T23:00:00.000Z"
        assert _moment("2026-10-25", "", "valid_until", zone) == "2026-10-25T23:00:00.000Z"
        held = "2026-06-30T22:00:00.000Z"
        assert _moment("2026-07-01", held, "valid_from", zone) == held


@pytest.mark.parametrize(("moment", "local", "minutes"), [
    ("2026-07-01T16:30", "2026-07-01T18:30:00.000+02:00", 120),
    ("2026-12-01T16:30", "2026-12-01T17:30:00.000+01:00", 60)])
async def test_rules_that_ask_for_the_time_of_day_follow_the_clock_on_the_wall(moment, local, minutes):
    async with berlin() as firm:
        firm.node.clock.ms, firm.node.clock.goes = at(moment), False
        world = await Access(firm.node).world(parse_rules({"rules": []}))
        assert world.local == local
        assert values.moment(world.local) == (at(moment) * 1000, minutes)


@pytest.mark.parametrize(("moment", "named", "told"), [
    ("2026-07-01T22:30", "20260702-0030", "2 Jul 2026 00:30"),
    ("2026-12-01T22:30", "20261201-2330", "1 Dec 2026 23:30")])
async def test_files_and_sentences_are_dated_by_the_clock_of_their_moment(moment, named, told):
    async with berlin() as firm:
        firm.node.clock.ms = at(moment)
        assert named in file_name(firm.node, "x" * 43)
        firm.node.clock.ms = at("2027-01-01T00:00")
        assert told in firm.node.translate("en", "cli.peer.invited", {"until": f"{moment}:00.000Z", "link": "x"})
