"""Piece-work wages: exact sums of single entries, whatever order or number of times they come in."""

from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis import instant, zone
from weft.production import wages
from weft.production.reported import Rate, WorkReported, WorkSettled

DAY, HOUR = 86_400_000, 3_600_000
FIRST = 1_793_491_200_000  # 2026-11-01T00:00Z
NOVEMBER = wages.Period(FIRST, FIRST + 30 * DAY)
DECEMBER = wages.Period(FIRST + 30 * DAY, FIRST + 61 * DAY)
RATES = {
    "BODY#10": (Rate(since="2026-10-01", price="0.35", material="0.1", currency="CNY"),
                Rate(since="2026-11-16", price="0.3725", currency="CNY")),
    "STEM#20": (Rate(since="2026-11-01", price="1.005", currency="CNY"),),
}


def entry(name, what="count", at=FIRST, **more):
    moment = instant.from_ms(at)
    given = {"entry": name, "worker": "Li", "job": "J1", "item": "BODY", "operation": 10, "what": what, "at": moment,
             "told": moment, "booked": moment}
    return WorkReported(**{**given, **more})


def total(entries, period=NOVEMBER, settled=()):
    return sum((line.amount for line in wages.sheet(entries, settled, (), RATES, period).lines), Decimal(0))


@st.composite
def entries(draw):
    found = []
    for number in range(draw(st.integers(0, 25))):
        what = draw(st.sampled_from(["count", "scrap", "correct", "start", "pause", "resume", "done"]))
        at = FIRST + draw(st.integers(0, 60 * DAY // 1000)) * 1000
        pieces = str(draw(st.integers(1, 5_000)))
        more = {"count": {"good": pieces}, "done": {"good": draw(st.sampled_from(["0", pieces]))},
                "scrap": {"scrap": pieces, "reason": draw(st.sampled_from(["material", "work", "other"]))},
                "correct": {"good": f"-{pieces}", "corrects": "e0",
                            "corrects_at": instant.from_ms(FIRST + draw(st.integers(0, 30)) * DAY)},
                "pause": {"reason": draw(st.sampled_from(["tool", "break"]))}}.get(what, {})
        item, operation = draw(st.sampled_from([("BODY", 10), ("STEM", 20), ("SEAL", 10)]))
        found.append(entry(f"e{number}", what, at, worker=draw(st.sampled_from(["Li", "Wang"])), item=item,
                           operation=operation, job=draw(st.sampled_from(["J1", "J2"])),
                           aside=draw(st.sampled_from(["", "", "production.job-state"])), **more))
    return found


def as_told(found):
    return [(line.worker, line.item, line.operation, line.rate, line.good, line.material, line.work, line.other,
             line.work_ms, line.amount, [one.entry.entry for one in line.paid]) for line in found.lines]


@settings(max_examples=60, deadline=None)
@given(entries(), st.randoms(use_true_random=False))
def test_the_sum_of_wages_is_the_sum_over_entries_in_whatever_order_and_number_they_come(made, random):
    settled = [WorkSettled(entry=one.entry, counts=number % 2 == 0, at=one.at)
               for number, one in enumerate(made) if one.aside]
    came = made + [random.choice(made) for _ in range(len(made))]
    random.shuffle(came)
    paid = [one for one in made if not one.aside or next(s.counts for s in settled if s.entry == one.entry)]
    for period in (NOVEMBER, DECEMBER):
        assert as_told(wages.sheet(came, settled, (), RATES, period)) == as_told(
            wages.sheet(made, settled, (), RATES, period))
        assert total(came, period, settled) == sum((
            wages.amount(one, wages.rate_on(RATES.get(f"{one.item}#{one.operation}", ()),
                                            (one.corrects_at or one.at)[:10]))
            for one in paid if period.holds(instant.to_ms(one.booked))), Decimal(0))


def test_a_sum_that_takes_every_arrival_for_a_new_entry_is_caught():
    """The control: adding up what arrives, as it arrives."""
    came = [entry("e1", good="100"), entry("e2", good="7"), entry("e1", good="100")]
    naive = sum((wages.amount(one, RATES["BODY#10"][0]) for one in came), Decimal(0))
    assert naive != total(came) == Decimal("37.45")


def test_decimals_are_exact_where_floats_are_not():
    made = [entry(f"e{number}", good="1", item="STEM", operation=20) for number in range(1000)]
    assert total(made) == Decimal("1005.000")
    assert sum(float("1.005") for _ in range(1000)) != 1005  # the control: what adding floats gives


def test_a_piece_is_paid_by_the_price_of_its_day_and_its_correction_by_the_same_in_its_own_period():
    old, late = entry("e1", good="21", at=FIRST + 14 * DAY), FIRST + 33 * DAY
    back = entry("e2", "correct", late, good="-9", corrects="e1", corrects_at=old.at)
    assert (total([old]), total([old, back]), total([old, back], DECEMBER)) == (
        Decimal("7.35"), Decimal("7.35"), Decimal("-3.15"))
    assert total([replace_at(old, FIRST + 15 * DAY)]) == 21 * Decimal("0.3725")


def replace_at(one, at):
    moment = instant.from_ms(at)
    return msgspec.structs.replace(one, at=moment, booked=moment)


def test_the_day_of_a_price_is_the_local_day():
    night = entry("e1", good="1", at=FIRST + 15 * DAY - 2 * HOUR)  # in Shanghai the 16th has begun
    assert total([night]) == Decimal("0.35")
    assert total([night], replace(NOVEMBER, zone=zone.of("Asia/Shanghai"))) == Decimal("0.3725")


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-11-07", 8)])
def test_the_night_in_which_clocks_change_is_paid_for_the_hours_that_were_worked(day, hours):
    berlin = zone.of("Europe/Berlin")
    come, go = (berlin.utc(instant.to_ms(f"{day}T00:00:00.000Z") + hour * HOUR) for hour in (22, 30))
    made = [entry("e1", "start", come), entry("e2", "done", go, good="100")]
    first, second = (replace(NOVEMBER, begin=berlin.begins(one), end=berlin.ends(one), zone=berlin)
                     for one in (day, berlin.day(go)))
    (line,) = wages.sheet(made, (), (), RATES, second).lines
    assert (line.work_ms, line.pieces) == (hours * HOUR, 100)
    assert wages.sheet(made, (), (), RATES, first).lines == [], "it belongs to the day on which it ended"


def test_material_faults_are_paid_where_the_rate_says_so_and_bad_work_never():
    made = [entry("e1", "scrap", scrap="4", reason="material"), entry("e2", "scrap", scrap="3", reason="work"),
            entry("e3", "scrap", scrap="2", reason="other"), entry("e4", good="10")]
    (line,) = wages.sheet(made, (), (), RATES, NOVEMBER).lines
    assert (line.pieces, line.good, line.material, line.work, line.other, line.amount) == (
        19, 10, 4, 3, 2, Decimal("3.90"))


def test_what_was_kept_aside_waits_for_the_owner_and_is_paid_in_the_period_of_his_word():
    late = entry("e1", good="10", aside="production.job-state")
    held = wages.sheet([late], (), (), RATES, NOVEMBER)
    assert (held.lines, held.waiting) == ([], [late])
    for counts, due in ((True, Decimal("3.50")), (False, 0)):
        said = [WorkSettled(entry="e1", counts=counts, at=instant.from_ms(FIRST + 31 * DAY))]
        assert (total([late], NOVEMBER, said), total([late], DECEMBER, said)) == (0, due)


def test_time_runs_from_start_to_pause_and_on_to_the_end_of_the_job_whoever_ends_it():
    made = [entry("s", "start", FIRST), entry("p", "pause", FIRST + HOUR, reason="tool"),
            entry("r", "resume", FIRST + 3 * HOUR), entry("w", "start", FIRST + HOUR, worker="Wang"),
            entry("d", "done", FIRST + 5 * HOUR, worker="Wang")]
    over = [wages.Over("J1", instant.from_ms(FIRST + 5 * HOUR))]
    found = wages.sheet(made, (), over, RATES, NOVEMBER)
    assert {line.worker: line.work_ms // HOUR for line in found.lines} == {"Li": 3, "Wang": 4}
    assert [(one.reason, one.end - one.begin) for one in found.stretches if one.kind == "rest"] == [("tool", 2 * HOUR)]


def test_reasons_are_counted_the_weightiest_first():
    made = [entry("a", "scrap", scrap="2", reason="work"), entry("b", "scrap", scrap="5", reason="material"),
            entry("c", "scrap", scrap="1", reason="work"),
            entry("d", "correct", scrap="-1", reason="work", corrects="c"),
            entry("e", "pause", reason="tool"), entry("f", "resume", FIRST + HOUR),
            entry("g", "pause", FIRST + 2 * HOUR, reason="break"), entry("h", "resume", FIRST + 2 * HOUR + 1000)]
    spent = wages.sheet(made, (), (), RATES, NOVEMBER).stretches
    assert [(one.kind, one.reason, one.times, one.pieces, one.ms) for one in wages.reasons(made, spent, NOVEMBER)] == [
        ("rest", "tool", 1, 0, HOUR), ("rest", "break", 1, 0, 1000),
        ("scrap", "material", 1, 5, 0), ("scrap", "work", 2, 2, 0)]


@pytest.mark.parametrize("day", ["2026-09-30", ""])
def test_before_the_first_price_nothing_is_paid(day):
    assert wages.rate_on(RATES["BODY#10"], day) is None
