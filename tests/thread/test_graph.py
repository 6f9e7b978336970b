"""The graph: heads, what another lacks, and what is final."""

from hypothesis import given
from hypothesis import strategies as st

from weft.thread import graph


@st.composite
def graphs(draw):
    """Ids 0..n with parents among the earlier ones, as a thread grows."""
    size = draw(st.integers(1, 12))
    names = [str(at) for at in range(size)]
    grown = {
        names[at]: tuple(draw(st.sets(st.sampled_from(names[:at]), min_size=1, max_size=3))) for at in range(1, size)
    }
    return {"0": (), **grown}


FORKED = {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c"), "e": ("c",)}


def test_heads_by_example():
    assert graph.heads(FORKED) == ["d", "e"]
    assert graph.heads({}) == []
    assert graph.heads({"b": ("unknown",)}) == ["b"]


@given(graphs())
def test_everything_is_in_the_past_of_the_heads(parents):
    assert graph.past(parents, graph.heads(parents)) == set(parents)


@given(graphs(), st.data())
def test_what_two_lack_of_each_other_makes_them_equal(parents, data):
    mine = {name: parents[name] for name in graph.past(parents, data.draw(st.sets(st.sampled_from(sorted(parents)))))}
    theirs = {name: parents[name] for name in graph.past(parents, data.draw(st.sets(st.sampled_from(sorted(parents)))))}
    for_me = graph.missing(theirs, graph.heads(mine))
    for_them = graph.missing(mine, graph.heads(theirs))
    assert set(mine) | for_me == set(theirs) | for_them == set(mine) | set(theirs)


def test_unknown_heads_are_ignored():
    assert graph.missing(FORKED, ["somewhere else"]) == set(FORKED)
    assert graph.missing(FORKED, ["d", "somewhere else"]) == {"e"}
    assert graph.past(FORKED, ["nobody"]) == set()


def test_an_event_is_final_once_every_member_stands_above_it():
    parents = {"a": (), "b": ("a",), "c": ("b",), "d": ("c",)}
    authors = {"a": "buyer", "b": "seller", "c": "buyer", "d": "buyer"}
    assert graph.final(parents, authors, ["buyer", "seller"]) == {"a", "b"}
    assert graph.final(parents, authors, ["buyer"]) == {"a", "b", "c", "d"}
    assert graph.final(parents, authors, ["buyer", "seller", "carrier"]) == set()
    assert graph.final(parents, authors, []) == set()


@given(graphs(), st.data())
def test_what_is_final_stays_final_as_the_thread_grows(parents, data):
    authors = {name: data.draw(st.sampled_from(["buyer", "seller"])) for name in parents}
    before = graph.final(parents, authors, ["buyer", "seller"])
    grown = parents | {"new": tuple(graph.heads(parents))}
    assert before <= graph.final(grown, authors | {"new": "seller"}, ["buyer", "seller"])
    assert all(set(parents[name]) <= before for name in before)
