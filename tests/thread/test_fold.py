"""The fold's laws: the set of events alone decides, crossings are obeyed, what is denied changes nothing."""

import functools
import itertools
import operator
import sys

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis import quantity
from weft.basis.decider import Crossing, Message, Said
from weft.thread import fold, graph, linear
from weft.thread.fold import Node

# ---- a small conversation: a parcel that its owner may call back until it has been sent


class Send(Message):
    """The sender hands the parcel over."""


class CallBack(Message):
    """The owner wants it back."""


class Note(Message):
    """Words with no effect on turns; counted."""

    weight: str = "1"


class Parcel(msgspec.Struct, frozen=True):
    """Where the parcel is."""

    place: str = "store"
    notes: int = 0


NAME, VERSION = "parcel", 1
MESSAGES = {kind.__name__: kind for kind in (Send, CallBack, Note)}
INITIAL = Parcel()
CROSSINGS = {
    (Send, CallBack): Crossing.LEFT_FIRST,  # what was sent was sent
    (Send, Note): Crossing.EITHER,
    (CallBack, Note): Crossing.EITHER,
    (Note, Note): Crossing.EITHER,
}


def judge(state, said):
    match said.message:
        case Note(weight=weight):
            quantity.positive(weight)
        case Send() | CallBack() if state.place != "store":
            return "parcel.gone"
    return None


def decide(state, command):
    return [command]


def evolve(state, said):
    match said.message:
        case Send():
            return msgspec.structs.replace(state, place="road")
        case CallBack():
            return msgspec.structs.replace(state, place="owner")
        case Note():
            return msgspec.structs.replace(state, notes=state.notes + 1)
    return state


PARCEL = sys.modules[__name__]


def node(name, message, *parents, by="a"):
    return Node(Said(name, by, "", message), parents)


def folded(*nodes):
    return fold.fold(PARCEL, nodes)


# ---- by example


def test_in_a_straight_line_the_fold_is_the_line():
    result = folded(node("1", Note()), node("2", Send(), "1"), node("3", CallBack(), "2"))
    assert result.order == ["1", "2", "3"]
    assert result.state == Parcel("road", 1)
    assert result.void == {"3": "parcel.gone"}


@pytest.mark.parametrize(("send", "call"), [("x", "y"), ("y", "x")])
def test_of_two_that_cross_the_table_names_the_first_whatever_their_ids(send, call):
    result = folded(node("0", Note()), node(send, Send(), "0"), node(call, CallBack(), "0", by="b"))
    assert result.order == ["0", send, call]
    assert result.state.place == "road"
    assert result.void == {call: "parcel.gone"}


def test_who_had_seen_the_other_is_second_whatever_the_table_says():
    result = folded(node("1", CallBack()), node("2", Send(), "1", by="b"))
    assert result.state.place == "owner"
    assert result.void == {"2": "parcel.gone"}


@pytest.mark.parametrize("ids", list(itertools.permutations("wxyz")))
def test_what_comes_late_in_its_chain_still_wins(ids):
    """Send stands behind notes in its chain; the call crossed all of it."""
    one, two, send, call = ids
    nodes = [node("0", Note()), node(one, Note(), "0"), node(two, Note(), one), node(send, Send(), two)]
    result = folded(*nodes, node(call, CallBack(), "0", by="b"))
    assert result.state == Parcel("road", 3)
    assert result.void == {call: "parcel.gone"}


@pytest.mark.parametrize("ids", list(itertools.permutations("wxyz")))
def test_where_two_chains_tie_the_order_is_one_for_all(ids):
    """Each side's first beats nothing and its second beats the other's first: no order satisfies both."""
    call_a, send_a, call_b, send_b = ids
    nodes = [
        node("0", Note()), node(call_a, CallBack(), "0"), node(send_a, Send(), call_a),
        node(call_b, CallBack(), "0", by="b"), node(send_b, Send(), call_b, by="b"),
    ]
    orders = {tuple(folded(*given).order) for given in itertools.permutations(nodes)}
    assert len(orders) == 1


def test_what_is_not_understood_is_kept_in_the_order_and_changes_nothing():
    result = folded(node("1", None), node("2", Send(), "1"))
    assert result.order == ["1", "2"]
    assert result.void == {}
    assert result.state.place == "road"


def test_contents_that_the_rules_cannot_read_are_void_not_a_crash():
    result = folded(node("1", Note(weight="heavy")), node("2", Note(weight="-1"), "1"), node("3", Send(), "2"))
    assert result.void == {"1": "quantity.malformed", "2": "quantity.not-positive"}
    assert result.state == Parcel("road", 0)


def test_parents_outside_the_graph_hold_nothing_up():
    assert folded(node("2", Send(), "1")).order == ["2"]


def test_of_no_events_the_state_is_the_first():
    result = folded()
    assert (result.state, result.order, result.void) == (INITIAL, [], {})


# ---- as laws, over threads grown by two or three firms that sync now and then

MESSAGE = st.sampled_from([Send(), CallBack(), Note(), Note(weight="0"), None])


@st.composite
def threads(draw):
    """Events as firms write them: each above all heads that its author had then."""
    firms = draw(st.sampled_from(["ab", "abc"]))
    names = draw(st.permutations([f"{number:02d}" for number in range(12)]))
    everything = {names[0]: node(names[0], Note())}
    held = {firm: {names[0]} for firm in firms}
    for name in names[1 : draw(st.integers(1, 12))]:
        author = draw(st.sampled_from(firms))
        known = {one: everything[one].parents for one in held[author]}
        everything[name] = node(name, draw(MESSAGE), *graph.heads(known), by=author)
        held[author].add(name)
        if draw(st.booleans()):
            other = draw(st.sampled_from(firms))
            held[other] |= held[author]
    return list(everything.values())


@given(threads(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(nodes, random):
    first = folded(*nodes)
    random.shuffle(nodes)
    assert folded(*nodes) == first


@given(threads())
def test_parents_are_read_before_children_and_everything_once(nodes):
    order = folded(*nodes).order
    assert sorted(order) == sorted(one.said.id for one in nodes)
    assert all(order.index(parent) < order.index(one.said.id) for one in nodes for parent in one.parents)


def ties(nodes):
    """What must come first: parents before children, and of each crossing pair the table's first."""
    past = {one.said.id: graph.past({n.said.id: n.parents for n in nodes}, [one.said.id]) for one in nodes}
    before = {(parent, one.said.id) for one in nodes for parent in one.parents}
    for left, right in itertools.permutations(nodes, 2):
        crossed = left.said.id not in past[right.said.id] and right.said.id not in past[left.said.id]
        pair = (type(left.said.message), type(right.said.message))
        if crossed and CROSSINGS.get(pair) is Crossing.LEFT_FIRST:
            before.add((left.said.id, right.said.id))
    return before


def satisfiable(names, before):
    left = set(names)
    while left:
        free = {name for name in left if not any(last == name and first in left for first, last in before)}
        if not free:
            return False
        left -= free
    return True


@given(threads())
def test_crossings_are_obeyed_wherever_they_can_be(nodes):
    before = ties(nodes)
    if satisfiable([one.said.id for one in nodes], before):
        order = folded(*nodes).order
        assert all(order.index(first) < order.index(last) for first, last in before)


@given(threads(), MESSAGE)
def test_an_event_above_all_heads_extends_the_fold(nodes, message):
    before = folded(*nodes)
    heads = graph.heads({one.said.id: one.parents for one in nodes})
    above = node("new", message, *heads)
    fold.extend(PARCEL, before, above.said)
    assert folded(*nodes, above) == before


@given(threads())
def test_what_is_void_might_as_well_not_have_been_said(nodes):
    result = folded(*nodes)
    said = {one.said.id: one.said for one in nodes}
    state = INITIAL
    for name in result.order:
        if name not in result.void and said[name].message is not None:
            state = evolve(state, said[name])
    assert state == result.state


@given(threads())
def test_at_most_one_of_all_wishes_comes_true(nodes):
    """The parcel leaves the store once, however often both sides asked, in whatever order."""
    result = folded(*nodes)
    left = [one for one in nodes if isinstance(one.said.message, Send | CallBack) and one.said.id not in result.void]
    assert len(left) <= 1
    assert (result.state.place == "store") == (not left)


@given(st.lists(st.integers(0, 2**70), min_size=1, max_size=12))
def test_what_the_rest_of_the_branches_lead_to_is_told_as_if_each_pair_were_looked_at(futures):
    region = linear._Region({}, [], lambda _left, _right: Crossing.EITHER)
    region.future = futures
    ready = list(range(len(futures)))
    for event, others in region._others(ready).items():
        assert others == functools.reduce(operator.or_, (futures[one] for one in ready if one != event), 0)
