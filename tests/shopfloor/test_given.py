"""A job on a machine that can only be watched is told from what the machine shows."""

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from tests.shopfloor.conftest import thing
from weft.shopfloor import binding
from weft.shopfloor.binding import Seen
from weft.shopfloor.connection import Value
from weft.shopfloor.facts import JobCounted, JobEnded, JobStarted
from weft.shopfloor.given import Given, made, runs, watched_only
from weft.shopfloor.reading import parse

FORM = {"forms": [{"href": "?id=x"}], "readOnly": True}
WATCHED = {"Execution": {"type": "string", "weft:role": "state", **FORM},
           "Program": {"type": "string", "weft:role": "program", **FORM},
           "Parts": {"type": "integer", "weft:role": "count", **FORM}}


def watched(**changes):
    return parse({"id": "urn:l", "title": "L", "base": "mtconnect+http://127.0.0.1:5000", "security": "n",
                  "securityDefinitions": {"n": {"scheme": "nosec"}}, "properties": WATCHED | changes})


def test_only_a_machine_of_which_nothing_can_be_written_is_watched():
    assert watched_only(watched())
    assert not watched_only(parse(thing()))
    assert not watched_only(watched(Job={"type": "string", "weft:role": "jobId", **FORM}))
    assert not watched_only(watched(Target={"type": "integer", "weft:role": "target", "weft:write": True, "minimum": 1,
                                            "maximum": 9, "forms": [{"href": "?id=y"}]}))
    no_state = watched(Execution={"type": "string", **FORM})
    assert not watched_only(no_state)  # nothing would ever be known of the job


@pytest.mark.parametrize(("wanted", "shown", "same"), [
    ("BODY", "BODY", True), ("BODY", "/nc/cnc/body.ngc", True), ("O100", "A:\\NC\\O100", True), ("", "any", True),
    ("O100", "O1000", False), ("BODY", "", False), ("BODY", None, False), ("BODY.NC", "x/BODY.NC", True)])
def test_a_program_is_the_same_whatever_its_folder_and_ending(wanted, shown, same):
    assert runs(wanted, shown) is same


@drawn(before=st.integers(0, 1000), shown=st.lists(st.integers(0, 1000), max_size=20))
def test_what_was_made_is_never_taken_back_whatever_the_counter_does(before, shown):
    said = 0
    for one in shown:
        now = made(one, before, said)
        assert now >= said
        assert now <= max(said, one)
        said = now


def test_a_counter_that_goes_on_and_one_that_was_set_back_count_the_same_pieces():
    for before, readings in ((17, [17, 18, 19, 20]), (17, [0, 1, 2, 3]), (0, [0, 1, 2, 3])):
        said = 0
        for one in readings:
            said = made(one, before, said)
        assert said == 3


def told(*changes, target=2, seen=None):
    now = binding.resume("L", watched(), seen, Given(job="J", program="P", target=target, good=17))
    facts = []
    for name, value in changes:
        now, some = binding.observe(now, name, Value(value, server_ms=1000))
        facts.extend(some)
    return now, facts


def test_the_job_begins_with_its_program_and_ends_when_its_pieces_are_made():
    first = [("Parts", 17), ("Execution", "READY"), ("Program", "P"), ("Execution", "ACTIVE"), ("Parts", 18),
             ("Execution", "PROGRAM_COMPLETED"), ("Execution", "ACTIVE"), ("Parts", 19),
             ("Execution", "PROGRAM_COMPLETED"), ("Parts", 25)]
    now, facts = told(*first)
    assert [type(one) for one in facts] == [JobStarted, JobCounted, JobCounted, JobEnded]
    assert facts[-1].good == 2
    assert now.seen.phase == "over"  # what is made later is another job's


def test_a_completed_program_before_the_start_is_nothing():
    assert told(("Program", "P"), ("Execution", "PROGRAM_COMPLETED"), ("Parts", 17))[1] == []
    assert told(("Program", "Q"), ("Execution", "ACTIVE"), ("Parts", 18))[1] == []


def test_a_link_that_was_cut_does_not_forget_which_job_the_operator_has():
    now, _ = told(("Program", "P"), ("Execution", "ACTIVE"), ("Parts", 18))
    assert binding.interrupted(now).job == "J"
    assert binding.lost(now, 1)[0].given == now.given
    said = Seen(job="J", phase="running", good=1)
    _, facts = told(("Parts", 18), ("Program", "P"), ("Execution", "ACTIVE"), seen=said)
    assert facts == []  # said before
