"""What a machine did adds up: no time is lost or counted twice, and what nobody saw is neither work nor a stop."""

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.shopfloor.timeline import BLIND, Doing, Piece, State, Use, causes, cut, explained, pieces, use

H = 3_600_000
ALWAYS = [(0, 1 << 50)]


def running(at, job="J1", **more):
    return Doing(at=at, phase="running", job=job, **more)


STEPS = st.lists(st.tuples(
    st.integers(0, 50), st.sampled_from(["running", "paused", "over", ""]), st.sampled_from(["J1", "J2"]),
    st.integers(0, 3), st.integers(0, 2), st.sampled_from(["", "", "E7"]), st.booleans(), st.booleans(),
    st.sampled_from([0, 5])), max_size=25)
SPANS = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 60)), max_size=8)


def doings_of(steps):
    at, totals, found = 0, {}, []
    for step, phase, job, good, scrap, alarm, lost, gone, run_ms in steps:
        at += step
        before = totals.get(job, (0, 0))
        totals[job] = before[0] + good, before[1] + scrap
        found.append(Doing(at=at, phase=phase, job=job, good=totals[job][0], scrap=totals[job][1], alarm=alarm,
                           lost=lost and not gone, known=not (gone and lost), run_ms=run_ms))
    return found


def apart(drawn):
    at, found = 0, []
    for gap, length in drawn:
        found.append((at + gap, at + gap + length))
        at += gap + length
    return found


def at_moment(doings, lives, moment):
    """The slow truth of one millisecond."""
    if not any(begun <= moment < heard for begun, heard in lives):
        return State.OFF
    told = [one for one in doings if one.at <= moment]
    return told[-1].state if told else State.UNKNOWN


@given(STEPS, SPANS, st.integers(0, 200), st.integers(1, 500), st.integers(0, 600))
def test_a_piece_is_what_a_look_at_each_millisecond_finds(steps, drawn, begin, length, now):
    doings, lives = doings_of(steps), apart(drawn)
    found = pieces(doings, lives, (begin, begin + length), now)
    told = [one.state for one in found for _ in range(one.begin, one.until)]
    assert told == [at_moment(doings, lives, moment) for moment in range(begin, min(begin + length, now))]
    assert all(one.until == other.begin for one, other in itertools.pairwise(found))


@given(STEPS, SPANS, SPANS, st.integers(0, 600))
def test_running_standing_idle_and_no_data_add_up_to_the_planned_time(steps, drawn, planned, now):
    doings, lives, windows = doings_of(steps), apart(drawn), apart(planned)
    done = pieces(doings, lives, (0, 500), now)
    told = use(done, doings, windows)
    assert told.planned_ms == sum(last - first for first, last in cut(windows, 0, min(500, now)))
    assert told.running_ms + told.standing_ms + told.idle_ms + told.blind_ms == told.planned_ms
    assert told.running_ms + told.beyond_ms == sum(
        one.until - one.begin for one in done if one.state is State.RUNNING)
    lost = [one for one in causes(done, windows) if one.state is not State.RUNNING]
    assert sum(one.ms for one in lost) == told.standing_ms + told.idle_ms
    assert told.blind_ms == sum(
        at_moment(doings, lives, moment) in BLIND for first, last in cut(windows, 0, min(500, now))
        for moment in range(first, last))


@given(STEPS, SPANS, SPANS, st.integers(0, 500))
def test_parts_of_the_planned_time_add_up_to_the_whole(steps, drawn, planned, middle):
    doings, lives, windows = doings_of(steps), apart(drawn), apart(planned)
    done = pieces(doings, lives, (0, 500), 500)
    early, late = (use(done, doings, cut(windows, *span)) for span in ((0, middle), (middle, 500)))
    whole = use(done, doings, windows)
    assert msgspec_less(early + late, "beyond_ms") == msgspec_less(whole, "beyond_ms")


def msgspec_less(told, name):
    return {one: getattr(told, one) for one in told.__struct_fields__ if one != name}


def test_a_shift_with_a_stop_an_idle_hour_and_scrap():
    doings = [
        running(0, run_ms=60_000), Doing(at=4 * H, phase="paused", job="J1", good=200, scrap=2, alarm="E7",
                                          text="Door open", run_ms=60_000),
        running(5 * H, good=200, scrap=2, run_ms=60_000), Doing(at=7 * H, phase="over", job="J1", good=310, scrap=8)]
    done = pieces(doings, ALWAYS, (0, 8 * H), 9 * H)
    assert [(one.state, (one.until - one.begin) // H, one.cause) for one in done] == [
        (State.RUNNING, 4, ""), (State.STANDING, 1, "Door open"), (State.RUNNING, 2, ""), (State.IDLE, 1, "")]
    told = use(done, doings, [(0, 8 * H)])
    assert (told.availability, told.quality) == (0.75, 310 / 318)
    assert told.earned_ms == 202 * 60_000  # of the last 116 the end told no planned time
    assert [(one.cause, one.ms // H) for one in causes(done, [(0, 8 * H)])] == [("", 1), ("Door open", 1)]


def test_no_data_is_neither_a_stop_nor_work_and_what_was_made_meanwhile_proves_no_speed():
    doings = [running(0, run_ms=60_000), running(H, good=50, run_ms=60_000),
              Doing(at=2 * H, phase="running", job="J1", good=50, lost=True, run_ms=60_000),
              running(5 * H, good=230, run_ms=60_000), running(6 * H, good=290, run_ms=60_000)]
    done = pieces(doings, ALWAYS, (0, 8 * H), 8 * H)
    told = use(done, doings, [(0, 8 * H)])
    assert (told.blind_ms, told.running_ms, told.standing_ms) == (3 * H, 5 * H, 0)
    assert told.availability == 1.0
    assert told.good == 290
    assert told.earned_ms == 110 * 60_000  # not the 180 of the silence
    off = pieces(doings, [(0, H), (3 * H, 8 * H)], (0, 8 * H), 8 * H)
    assert [one.state for one in off] == [State.RUNNING, State.OFF, State.LOST, State.RUNNING]


def test_the_control_that_takes_silence_for_a_stop_tells_another_tale():
    """What many do: the last state holds on while nobody looks. It must differ, else the tests above see nothing."""
    doings = [running(0), Doing(at=H, phase="paused", job="J1"), Doing(at=2 * H, phase="paused", job="J1", lost=True)]
    honest = use(pieces(doings, ALWAYS, (0, 8 * H), 8 * H), doings, [(0, 8 * H)])
    naive = [Doing(**{**{name: getattr(one, name) for name in one.__struct_fields__}, "lost": False})
             for one in doings]
    assert honest.availability == 0.5
    assert use(pieces(naive, ALWAYS, (0, 8 * H), 8 * H), naive, [(0, 8 * H)]).availability == 0.125


def test_what_people_say_of_a_stop_is_its_reason_and_alarms_speak_for_themselves():
    doings = [running(0), Doing(at=H, phase="paused", job="J1"), running(2 * H),
              Doing(at=3 * H, phase="paused", job="J1", alarm="E7"), running(4 * H),
              Doing(at=5 * H, phase="paused", job="J1"), Doing(at=6 * H, phase="over", job="J1")]
    done = pieces(doings, ALWAYS, (0, 7 * H), 7 * H)
    told = explained(done, {"J1": [(H - 60_000, "tool"), (H + 60_000, "material"), (3 * H, "break"), (7 * H, "late")],
                            "J2": [(5 * H, "other")]})
    assert [one.cause for one in told if one.state is State.STANDING] == ["material", "E7", ""]
    assert [(one.begin, one.until, one.state) for one in told] == [(one.begin, one.until, one.state) for one in done]


def test_an_alarm_while_the_machine_says_that_it_runs_is_a_reason_and_no_stop():
    doings = [running(0), running(H, alarm="207", text="Tool worn"), running(2 * H), Doing(at=3 * H)]
    done = pieces(doings, ALWAYS, (0, 4 * H), 4 * H)
    assert [(one.state, one.cause) for one in done] == [
        (State.RUNNING, ""), (State.RUNNING, "Tool worn"), (State.RUNNING, ""), (State.IDLE, "")]
    told = use(done, doings, [(0, 4 * H)])
    assert (told.running_ms, told.standing_ms) == (3 * H, 0)
    assert {(one.state, one.cause, one.ms, one.times) for one in causes(done, [(0, 4 * H)])} == {
        (State.RUNNING, "Tool worn", H, 1), (State.IDLE, "", H, 1)}


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)])
def test_days_on_which_the_clock_changes_are_as_long_as_they_are(day, hours):
    zone = ZoneInfo("Europe/Berlin")
    begin = datetime.fromisoformat(day).replace(tzinfo=zone)
    end = (begin.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone)
    first, last = (round(one.astimezone(UTC).timestamp() * 1000) for one in (begin, end))
    doings = [running(first - H)]
    told = use(pieces(doings, ALWAYS, (first, last), last), doings, [(first, last)])
    assert (told.planned_ms, told.running_ms) == (hours * H, hours * H)


def test_nothing_is_told_of_what_is_still_to_come():
    assert pieces([running(0)], ALWAYS, (5 * H, 8 * H), 4 * H) == []
    assert use([], [], [(0, H)]) == Use()
    assert use([], [], [(0, H)]).availability is None
    assert pieces([running(0)], ALWAYS, (0, 8 * H), H) == [Piece(begin=0, until=H, state=State.RUNNING, job="J1")]
