"""What a worker's entry does to his job: with others at it, with wrong counts, and when it is over already."""

import pytest

from tests.production.workshop import ordered, workshop
from weft.basis.errors import WeftError
from weft.production import messages as m
from weft.production import reported as r
from weft.production.reporting import Report
from weft.production.state import JobState

START = 8 * 60


def at(minute):
    return f"2026-11-23T{(START + minute) // 60:02d}:{minute % 60:02d}:00.000Z"


class Bench:
    """Twelve stems on a bench without any machine, a job of one operation, and what people say of it."""

    def __init__(self, machine=""):
        self.book = workshop()
        self.job = f"{ordered(self.book, quantity='12')}-10"
        self.book.say(m.JobReleased(job=self.job))
        self.machine, self.minute = machine, 0

    @property
    def now(self):
        return self.book.state.jobs[self.job]

    def says(self, worker, what, **more):
        self.minute += 1
        name = more.pop("entry", f"e{self.minute}")
        moment = at(more.pop("minute", self.minute))
        return [type(one).__name__ for one in self.book.say(Report(
            entry=name, worker=worker, job=self.job, what=what, at=moment, told=at(self.minute), **more))]

    def refused(self, worker, what, **more):
        with pytest.raises(WeftError) as caught:
            self.says(worker, what, **more)
        return caught.value.code

    @property
    def last(self):
        return self.book.said[-1]


def test_an_entry_and_what_it_does_are_one():
    bench = Bench()
    assert bench.says("Li", "start") == ["JobStarted", "WorkReported"]
    assert (bench.now.state, bench.now.operator, bench.now.present) == (JobState.RUNNING, "Li", ("Li",))
    assert bench.says("Li", "count", good="5") == ["JobCounted", "WorkReported"]
    assert bench.says("Li", "count", good="4") == ["JobCounted", "WorkReported"]
    assert bench.says("Li", "scrap", scrap="2", reason="material", note="crack") == ["JobScrapped", "WorkReported"]
    assert bench.says("Li", "done", good="1") == ["JobCounted", "JobEnded", "WorkReported"]
    assert (bench.now.state, bench.now.good, bench.now.scrapped) == (JobState.ENDED, "10", {"material": "2"})
    assert (bench.last.what, bench.last.item, bench.last.operation) == ("done", "STEM", 10)


def test_two_at_one_job_count_together_and_the_last_who_rests_lets_it_rest():
    bench = Bench()
    bench.says("Li", "start")
    assert bench.says("Wang", "start") == ["WorkReported"]
    bench.says("Li", "count", good="5")
    bench.says("Wang", "count", good="6")
    assert bench.now.good == "11"
    assert bench.says("Li", "pause", reason="break") == ["WorkReported"]
    assert bench.says("Wang", "pause", reason="shift") == ["JobPaused", "WorkReported"]
    assert (bench.now.state, bench.now.present) == (JobState.INTERRUPTED, ())
    assert bench.says("Li", "resume") == ["JobResumed", "WorkReported"]
    assert bench.says("Wang", "resume") == ["WorkReported"]


def test_a_wrong_count_is_met_by_a_counter_entry_and_never_written_over():
    bench = Bench()
    bench.says("Li", "start")
    bench.says("Li", "count", good="11", entry="wrong")
    assert bench.says("Li", "correct", good="-9", corrects="wrong", corrects_at=at(2)) == [
        "JobCorrected", "WorkReported"]
    assert bench.now.good == "2"
    bench.says("Li", "scrap", scrap="3", reason="work", entry="bad")
    bench.says("Li", "correct", scrap="-1", reason="work", corrects="bad")
    assert bench.now.scrapped == {"work": "2"}
    assert [one.good for one in bench.book.said if isinstance(one, r.WorkReported)] == ["0", "11", "-9", "0", "0"]
    assert bench.refused("Li", "correct", good="-3", corrects="wrong") == "production.correct-below-zero"
    assert bench.refused("Li", "correct", corrects="wrong") == "work.correct-nothing"
    assert bench.refused("Li", "correct", good="-1") == "work.correct-nothing"


def test_a_count_is_not_corrected_below_what_the_next_step_has_made_of_it():
    bench = Bench()
    order = ordered(bench.book, "PO2", item="VALVE", quantity="4")
    first, second = bench.book.state.orders[order].jobs
    for job, pieces in ((first, "4"), (second, "3")):
        bench.job = job
        bench.book.say(m.JobReleased(job=job))
        bench.says("Li", "start")
        bench.says("Li", "count", good=pieces, entry=f"count {job}")
    bench.job = first
    assert bench.refused("Li", "correct", good="-2", corrects=f"count {first}") == "production.correct-below-next"
    bench.says("Li", "correct", good="-1", corrects=f"count {first}")


def test_what_comes_when_another_has_ended_the_job_is_kept_aside_and_nothing_is_lost():
    bench = Bench()
    bench.says("Li", "start")
    bench.says("Wang", "start")
    bench.says("Wang", "done", good="9")
    assert bench.says("Li", "count", good="3", minute=2) == ["WorkReported"]
    assert (bench.last.good, bench.last.aside, bench.last.at) == ("3", "production.job-state", at(2))
    assert bench.says("Li", "scrap", scrap="1", reason="work") == ["WorkReported"]
    assert bench.says("Li", "done") == ["WorkReported"]
    assert bench.last.aside == ""  # his own time ends; nothing to decide
    assert bench.now.good == "9"
    assert bench.refused("Li", "start") == "production.job-ended-already"


@pytest.mark.parametrize(("what", "more", "code"), [
    ("count", {"good": "0"}, "quantity.not-positive"), ("count", {"good": "-1"}, "quantity.not-positive"),
    ("count", {"good": "13"}, "production.over-count"), ("count", {"good": "1e3"}, "quantity.malformed"),
    ("scrap", {"scrap": "1", "reason": "bad luck"}, "production.scrap-reason"),
    ("scrap", {"scrap": "1"}, "production.scrap-reason"), ("pause", {"reason": ""}, "work.pause-reason"),
    ("pause", {"reason": "tool", "good": "2"}, "work.what"), ("dance", {}, "work.what"),
    ("count", {"good": "1", "note": "x" * 501}, "work.too-long")])
def test_what_makes_no_sense_is_refused_and_leaves_nothing(what, more, code):
    bench = Bench()
    bench.says("Li", "start")
    before = (bench.book.state, list(bench.book.said))
    assert bench.refused("Li", what, **more) == code
    assert before == (bench.book.state, bench.book.said)


def test_where_a_machine_counts_a_person_counts_for_his_wage_alone():
    bench = Bench()
    bench.book.say(m.JobStarted(job=bench.job, by="operator", work_centre="LATHE-1", machine="lathe-1", at=at(0)))
    bench.book.say(m.JobCounted(job=bench.job, good="4", by="machine", at=at(1)))
    bench.says("Li", "start")
    assert bench.says("Li", "count", good="4") == ["WorkReported"]
    assert bench.now.good == "4"


def test_prices_and_closed_periods_stay_as_they_were():
    book = workshop()
    rate = r.PieceRateSet(item="STEM", operation=10, price="0.35", currency="CNY", since="2026-11-01")
    book.say(rate)
    book.say(r.PieceRateSet(item="STEM", operation=10, price="0.4", currency="CNY", since="2026-11-20"))
    assert [one.price for one in book.state.rates["STEM#10"]] == ["0.35", "0.4"]
    book.say(r.WagesClosed(until="2026-11-30", at="2026-11-30T16:00:00.000Z"))
    assert book.refused(rate) == "wages.closed"
    assert book.refused(r.WagesClosed(until="2026-10-31", at="2026-10-31T16:00:00.000Z")) == "wages.closed"
    for price, code in (("-1", "production.negative"), ("0.1234567", "wages.price"), ("x", "quantity.malformed")):
        assert book.refused(r.PieceRateSet(item="STEM", operation=10, price=price, currency="CNY",
                                           since="2026-12-01")) == code
    assert book.refused(r.PieceRateSet(item="STEM", operation=10, price="1", currency="CNY",
                                       since="1 Dec")) == "wages.date"


def test_what_arrives_after_its_period_was_closed_is_paid_in_the_next():
    bench = Bench()
    bench.says("Li", "start")
    bench.book.say(r.WagesClosed(until="2026-11-22", at=at(1)))
    bench.minute = 30
    bench.says("Li", "count", good="1", minute=1)
    assert (bench.last.at, bench.last.booked) == (at(1), at(31))
    bench.says("Li", "count", good="1", minute=2)
    assert (bench.last.at, bench.last.booked) == (at(2), at(2))


def test_an_operation_has_its_note_and_drawing_until_they_are_taken_away():
    book = workshop()
    book.say(r.InstructionSet(item="STEM", operation=10, note="R0.5", file="a" * 64, media="image/png", name="s.png"))
    assert book.state.instructions["STEM#10"].file == "a" * 64
    assert book.refused(r.InstructionSet(item="STEM", operation=10, file="../x")) == "work.drawing-form"
    book.say(r.InstructionSet(item="STEM", operation=10))
    assert not book.state.instructions
