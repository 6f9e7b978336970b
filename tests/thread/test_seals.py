"""What closes a thread is found as its rules say it, one triple after the other, in a few walks through the graph."""

import random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.thread import closing, graph, seals
from weft.thread.closing import QUIET, CloseAccepted, CloseProposed, ThreadClosed, Told

STATE = {"k": 1}
NAME = closing._digest(STATE)


def word(name, author, message, parents):
    return Told(name, author, type(message).__name__ if message else "Talk", message, parents)


def thread(seed):
    """Words of two members, mostly of closing, with parents among the earlier ones; in any order, some lost."""
    chance = random.Random(seed)
    words = [word("w0", "a", None, ())]
    for at in range(1, chance.randint(2, 28)):
        proposals, acceptances = ([one.id for one in words if isinstance(one.message, kind)]
                                  for kind in (CloseProposed, CloseAccepted))
        kinds = ["propose"] * 2 + ["accept"] * 3 * bool(proposals) + ["close"] * 4 * bool(acceptances) + ["talk", "Ack"]
        kind = chance.choice(kinds)
        names = [one.id for one in words]
        parents = {chance.choice(names[-4:] if chance.random() < .7 else names) for _ in range(chance.randint(1, 2))}
        message = None
        if kind == "propose":
            message = CloseProposed(state=NAME, lasting=STATE)
        elif kind == "accept":
            message = CloseAccepted(proposal=chance.choice(proposals), state=NAME)
            parents.add(message.proposal)
        elif kind == "close":
            message = ThreadClosed(acceptance=chance.choice(acceptances), state=NAME)
            parents |= {message.acceptance} if chance.random() < .9 else set()
        said = word(f"w{at}", chance.choice("ab"), message, tuple(sorted(parents)))
        words.append(Told(said.id, said.author, "Ack", None, said.parents) if kind == "Ack" else said)
    if chance.random() < .5:
        chance.shuffle(words)
    losses = chance.choice([0, .05])
    lost = {one.id for one in words if chance.random() < losses}
    return {one.id: one for one in words if one.id not in lost}


class Plain(NamedTuple):
    """One triple that is valid, how many others know its acceptance, and what its last word had seen."""

    seal: closing.Seal
    inside: set[str]


def plainly(entries):
    """The rules as they are written, each triple by itself."""
    parents = {name: one.parents for name, one in entries.items()}
    found = closing.seals(entries.values())
    first = [one for one in found if not any(
        other.acceptance == one.acceptance and other != one and other.closed in graph.past(parents, [one.closed])
        for other in found)]
    valid = [one for one in (Plain(seal, graph.past(parents, [seal.closed])) for seal in first)
             if _quiet(entries, parents, one) and not _followed(entries, parents, one)]
    return [one.seal for one in sorted(valid, key=lambda one: (
        sum(other.seal.acceptance != one.seal.acceptance and one.seal.acceptance in other.inside for other in valid),
        len(one.inside), one.seal.closed))]


def _quiet(entries, parents, one):
    seal = one.seal
    if seal.acceptance not in one.inside or seal.proposal not in graph.past(parents, [seal.acceptance]):
        return False
    between = [entries[name] for name in one.inside - graph.past(parents, [seal.proposal])]
    return all(word.kind in QUIET for word in between) and not any(
        isinstance(word.message, CloseProposed) and word.author == entries[seal.proposal].author for word in between)


def _followed(entries, parents, one):
    first, second = entries[one.seal.proposal].author, entries[one.seal.acceptance].author
    return any(
        isinstance(word.message, CloseAccepted) and word.author == second and word.message.proposal not in one.inside
        and isinstance((other := entries.get(word.message.proposal)) and other.message, CloseProposed)
        and other.author == first and one.seal.acceptance in graph.past(parents, [name])
        for name, word in entries.items())


@pytest.mark.parametrize("width", [1, 2, 1024])
@given(seed=st.integers(0, 2**32))
def test_all_at_once_find_what_each_by_itself_finds(width, seed):
    entries = thread(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graph, "WIDTH", width)
        found = list(seals.closings(entries))
        parents = graph.ordered({name: one.parents for name, one in entries.items()})
        in_order = {name: entries[name] for name in parents}
        left = closing.left(in_order)
    assert [seal for seal, _ in found] == plainly(entries)
    assert all(inside == graph.past(parents, [seal.closed]) for seal, inside in found)
    assert left == next((seal for seal in closing.seals(in_order.values())
                         if seal.closed in closing.above(in_order, seal)), None)


def test_threads_drawn_here_are_closed_in_no_one_and_several_ways():
    assert {min(len(plainly(thread(seed))), 2) for seed in range(200)} == {0, 1, 2}


def rounds(many, *, at_once):
    """``many`` proposals of a, each accepted by b; a confirms each at once, or all of them in the end."""
    words = [word("begin", "a", None, ())]
    for at in range(many):
        words.append(word(f"p{at}", "a", CloseProposed(state=NAME, lasting=STATE), (words[-1].id,)))
        words.append(word(f"q{at}", "b", CloseAccepted(proposal=f"p{at}", state=NAME), (f"p{at}",)))
        if at_once:
            words.append(word(f"r{at}", "a", ThreadClosed(acceptance=f"q{at}", state=NAME), (f"q{at}",)))
    for at in range(0 if at_once else many):
        words.append(word(f"r{at}", "a", ThreadClosed(acceptance=f"q{at}", state=NAME), (words[-1].id,)))
    return {one.id: one for one in words}


@pytest.mark.parametrize("at_once", [True, False])
def test_who_proposes_and_confirms_thousands_of_times_has_each_looked_at_with_all_others(monkeypatch, at_once):
    entries, walks = rounds(2_000, at_once=at_once), []
    for walk in ("past", "above", "below"):
        source = getattr(graph, walk)
        monkeypatch.setattr(graph, walk, lambda *args, source=source: (walks.append(1), source(*args))[1])
    seal, inside = next(seals.closings(entries))
    assert seal.closed == "r1999" if at_once else seal.acceptance == "q1999"
    assert inside >= {"begin", seal.proposal, seal.acceptance, seal.closed}
    assert len(walks) < 20
    walks.clear()
    assert closing.left(entries) is not None
    assert len(walks) < 3


def test_control_each_by_itself_takes_a_walk_for_each(monkeypatch):
    entries, walks = rounds(20, at_once=True), []
    source = graph.past
    monkeypatch.setattr(graph, "past", lambda *args: (walks.append(1), source(*args))[1])
    assert plainly(entries)[0] == next(seals.closings(entries))[0]
    assert len(walks) > 60
