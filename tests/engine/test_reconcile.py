"""Two sets are compared: exactly what differs is found, in bounded answers, at a cost that follows the differences."""

import random
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid
from weft.engine import reconcile
from weft.engine.reconcile import Answer, Comparison, Holding, Part, Question, Range

SETS = st.dictionaries(st.integers(0, 300).map(lambda n: b64(digest("t", b"%d" % n))),
                       st.sampled_from("abc"), max_size=200)


def compared(ours, theirs):
    """(what was found, questions, bytes both ways) of a comparison over the bytes of the wire."""
    comparison, other = Comparison(Holding(ours)), Holding(theirs)
    size = 0
    while not comparison.done:
        asked = msgspec.json.encode(comparison.question())
        told = msgspec.json.encode(reconcile.answer(other, reconcile.read_question(asked)))
        size += len(asked) + len(told)
        comparison.take(reconcile.read_answer(told))
    return comparison.differ, comparison.rounds, size


def difference(ours, theirs):
    return {thread: (ours.get(thread, ""), theirs.get(thread, "")) for thread in {*ours, *theirs}
            if ours.get(thread, "") != theirs.get(thread, "")}


@settings(max_examples=200, deadline=None)
@given(SETS, SETS)
def test_exactly_what_differs_is_found(ours, theirs):
    assert compared(ours, theirs)[0] == difference(ours, theirs)
    assert compared(ours, ours)[0] == {}
    assert compared(ours, ours)[1] == 1, "the same is told by one question"


def many(count: int, seed: int = 1) -> dict[str, str]:
    source = random.Random(seed)
    return {b64(source.randbytes(32)): b64(source.randbytes(32)) for _ in range(count)}


@pytest.mark.parametrize("changed", [1, 10, 100])
def test_the_cost_follows_the_differences_and_hardly_the_set(changed):
    """Bytes for ``changed`` differences among 1,000 and among 50,000 threads."""
    cost = []
    for count in (1_000, 50_000):
        ours = many(count)
        theirs = dict(ours)
        for thread in random.Random(2).sample(sorted(theirs), changed):
            theirs[thread] = "other"
        found, _, size = compared(ours, theirs)
        assert found == difference(ours, theirs)
        cost.append(size)
    depth = {1_000: 2, 50_000: 4}  # how often a set falls into sixteenths until a part is short
    assert cost[0] <= 3_000 * changed * depth[1_000] + 1_000
    assert cost[1] <= 3_000 * changed * depth[50_000] + 1_000
    whole = 50_000 * 92
    assert cost[1] < whole / 3, "less than the plain list"


def test_every_answer_is_bounded_whatever_is_asked():
    holding = Holding(many(20_000))
    bounds = ["", *sorted(b64(digest("x", b"%d" % n)) for n in range(reconcile.RANGES_MAX - 1)), ""]
    asked = Question([Range(low, high, "?") for low, high in pairwise(bounds)])
    assert len(msgspec.json.encode(reconcile.answer(holding, asked))) < 100_000
    inverted = Question([Range("z", "a", "?"), Range("", "", "?")])
    assert len(reconcile.answer(holding, inverted).ranges) == 2


def test_a_comparison_goes_on_after_any_answer():
    """Who answers keeps nothing: each question may reach another process of the same firm."""
    ours, theirs = many(3_000), many(3_000, seed=1)
    theirs.pop(sorted(theirs)[5])
    comparison = Comparison(Holding(ours))
    while not comparison.done:
        comparison.take(reconcile.answer(Holding(theirs), comparison.question()))
    assert comparison.differ == difference(ours, theirs)


@pytest.mark.parametrize("told", [
    Answer([]),
    Answer([Part(), Part()]),
    Answer([Part(parts=[("", "x")])]),
    Answer([Part(parts=[("b", "x"), ("a", "x"), ("", "x")])]),
    Answer([Part(parts=[("b", "x"), ("c", "x")])]),
    Answer([Part(parts=[("b", "x"), ("b", "x"), ("", "x")])]),
])
def test_an_answer_that_leads_nowhere_is_refused(told):
    with pytest.raises(Invalid):
        Comparison(Holding(many(100))).take(told)


def test_who_answers_for_ever_is_left():
    comparison = Comparison(Holding(many(10)))
    with pytest.raises(Invalid):
        while not comparison.done:
            asked = comparison.question()
            comparison.take(Answer([
                Part(parts=[(one.low + "A", "x"), (one.low + "B", "x"), (one.high, "x")]) for one in asked.ranges]))


def test_items_outside_of_what_was_asked_are_refused():
    comparison = Comparison(Holding(many(100)))
    comparison.take(Answer([Part(parts=[("M", "x"), ("", comparison.holding.print_of(
        comparison.holding.place("M"), 100))])]))
    assert [one.high for one in comparison.question().ranges] == ["M"]
    with pytest.raises(Invalid):
        comparison.take(Answer([Part(items=[("Z", "x")])]))


def test_control_prints_without_a_count_or_a_sum_would_miss_a_difference(monkeypatch):
    """A print that sees only how many there are finds no changed heads."""
    ours = many(500)
    theirs = dict(ours)
    theirs[sorted(ours)[7]] = "other"
    monkeypatch.setattr(Holding, "print_of", lambda _self, first, last: str(last - first))
    assert compared(ours, theirs)[0] == {} != difference(ours, theirs)


@given(st.binary(max_size=200) | st.sampled_from([b'{"ranges":[{"low":"","high":"","print":""}]}', b"[" * 5_000]))
def test_whatever_arrives_is_read_or_refused(body):
    for read in (reconcile.read_question, reconcile.read_answer):
        try:
            read(body)
        except Invalid:
            continue


def test_the_print_without_some_is_that_of_a_set_that_never_had_them():
    held = many(50)
    for away in ([], list(held)[:1], list(held)[3:9], list(held), ["held by nobody"]):
        rest = {thread: heads for thread, heads in held.items() if thread not in away}
        assert reconcile.everything(Holding(held), away) == reconcile.everything(Holding(rest))
    assert reconcile.everything(Holding(held), list(held)[:1]) != reconcile.everything(Holding(held)), "the control"
