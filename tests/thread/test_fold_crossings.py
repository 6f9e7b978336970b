"""What decides where chains tie: the stronger word, never how many there are, nor an id that its author could grind."""

import itertools
import sys
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.decider import Crossing, Message, Said
from weft.thread import fold, graph
from weft.thread.fold import Node

# ---- a conversation with four words of falling strength; each is remembered in the order it was read


class Ship(Message):
    """Beats Answer and Cancel."""


class Answer(Message):
    """Beats Ask and Cancel."""


class Ask(Message):
    """Beats Cancel."""


class Cancel(Message):
    """Beaten by all."""


class Talk(Message):
    """Crosses freely."""


class Read(msgspec.Struct, frozen=True):
    """The names of the words, as read."""

    words: tuple[str, ...] = ()


STRENGTH = [Ship, Answer, Ask, Cancel]
NAME, VERSION, INITIAL = "strength", 1, Read()
MESSAGES = {kind.__name__: kind for kind in (*STRENGTH, Talk)}
CROSSINGS = {
    **dict.fromkeys(itertools.combinations(STRENGTH, 2), Crossing.LEFT_FIRST),
    **{(kind, kind): Crossing.BY_ROLE for kind in STRENGTH},
}
CROSSINGS_BY_ROLE = {
    (("guest", Cancel), ("host", Ship)): Crossing.EITHER,
    (("third", Cancel), ("host", Ship)): Crossing.LEFT_FIRST,
}
STRENGTHS = sys.modules[__name__]


def judge(state, said):
    return None


def decide(state, command):
    return [command]


def evolve(state, said):
    return Read((*state.words, said.id))


def chain(role, letter, *messages, above="root"):
    nodes = []
    for number, message in enumerate(messages):
        nodes.append(Node(Said(f"{letter}{number}", role.upper(), role, message), (above,)))
        above = f"{letter}{number}"
    return nodes


ROOT = Node(Said("root", "LEFT", "left", Talk()), ())


def read(*chains):
    return fold.fold(STRENGTHS, [ROOT, *itertools.chain(*chains)]).order[1:]


@pytest.mark.parametrize("letters", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("kind", STRENGTH)
def test_two_of_one_kind_by_both_sides_are_read_by_role(letters, kind):
    one, two = letters
    assert read(chain("right", one, kind()), chain("left", two, kind())) == [f"{two}0", f"{one}0"]


@pytest.mark.parametrize("letters", [("a", "b"), ("b", "a")])
@pytest.mark.parametrize("roles", [("left", "right"), ("right", "left")])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_goods_behind_a_question_are_read_before_a_cancellation_with_many_answers_behind_it(letters, roles, count):
    """Cancel loses to Ask and Ship, Ask loses to Answer: no order satisfies all, and the goods decide."""
    weak, strong = letters
    order = read(chain(roles[0], weak, Cancel(), *[Answer()] * count), chain(roles[1], strong, Ask(), Ship()))
    assert order[:2] == [f"{strong}0", f"{strong}1"]


@pytest.mark.parametrize("letters", [("a", "b"), ("b", "a")])
def test_where_both_hold_equal_words_the_role_decides_and_no_id(letters):
    one, two = letters
    order = read(chain("right", one, Cancel(), Ship()), chain("left", two, Cancel(), Ship()))
    assert order[0] == f"{two}0"


@pytest.mark.parametrize("letters", [("a", "b"), ("b", "a")])
def test_what_crosses_freely_is_read_by_role_not_by_id(letters):
    one, two = letters
    assert read(chain("right", one, Talk()), chain("left", two, Talk())) == [f"{two}0", f"{one}0"]


def test_of_one_author_s_own_devices_the_id_decides():
    assert read(chain("left", "b", Talk()), chain("left", "a", Talk())) == ["a0", "b0"]


def test_a_table_by_role_goes_before_the_table_by_type_from_both_ends():
    assert read(chain("guest", "a", Cancel()), chain("host", "b", Ship())) == ["a0", "b0"]  # free: by role
    assert read(chain("host", "a", Cancel()), chain("guest", "b", Ship())) == ["b0", "a0"]  # as by type
    assert read(chain("third", "b", Cancel()), chain("host", "a", Ship())) == ["b0", "a0"]
    assert read(chain("host", "a", Ship()), chain("third", "b", Cancel())) == ["b0", "a0"]


WORD = st.sampled_from([kind() for kind in MESSAGES.values()])


@st.composite
def grown(draw):
    """A thread of three members who sync now and then."""
    roles = ("left", "right", "third")
    nodes = {"root": ROOT}
    held = {role: {"root"} for role in roles}
    for number in range(draw(st.integers(1, 12))):
        role, name = draw(st.sampled_from(roles)), f"{number:02d}"
        heads = graph.heads({one: nodes[one].parents for one in held[role]})
        nodes[name] = Node(Said(name, role.upper(), role, draw(WORD)), tuple(heads))
        held[role].add(name)
        if draw(st.booleans()):
            held[draw(st.sampled_from(roles))] |= held[role]
    return list(nodes.values())


@given(grown(), st.randoms(use_true_random=False))
def test_the_set_of_events_alone_decides(nodes, random):
    first = fold.fold(STRENGTHS, nodes)
    random.shuffle(nodes)
    assert fold.fold(STRENGTHS, nodes) == first


@given(grown(), st.data())
def test_no_member_changes_the_order_by_the_ids_of_its_words(nodes, data):
    """Every author may give its own words, one by one in its chain, any ids; nobody's place changes."""
    if any(len({one for one in nodes if one.said.role == role}) and not _in_line(nodes, role)
           for role in ("left", "right", "third")):
        return  # two devices of one author: their order is its own matter
    names = data.draw(st.permutations([one.said.id for one in nodes]))
    new = dict(zip([one.said.id for one in nodes], names, strict=True))
    renamed = [Node(Said(new[n.said.id], n.said.by, n.said.role, n.said.message), tuple(new[p] for p in n.parents))
               for n in nodes]
    assert fold.fold(STRENGTHS, renamed).order == [new[one] for one in fold.fold(STRENGTHS, nodes).order]


def _in_line(nodes, role):
    parents = {one.said.id: one.parents for one in nodes}
    mine = [one.said.id for one in nodes if one.said.role == role]
    return all(first in graph.past(parents, [second]) for first, second in itertools.pairwise(mine))


@given(grown(), WORD)
def test_an_event_above_all_heads_only_extends(nodes, message):
    before = fold.fold(STRENGTHS, nodes)
    heads = graph.heads({one.said.id: one.parents for one in nodes})
    above = Node(Said("new", "LEFT", "left", message), tuple(heads))
    fold.extend(STRENGTHS, before, above.said)
    assert fold.fold(STRENGTHS, [*nodes, above]) == before


def test_long_threads_and_long_silences_are_read_in_little_time():
    """No number here is a benchmark: it only fails when the work grows with the square of the thread."""
    line = chain("left", "l", *[Talk()] * 20_000)
    apart = [chain(role, role[0] + "x", *[Talk(), Ask(), Answer(), Cancel()] * 250, above=line[-1].said.id)
             for role in ("left", "right")]
    begun = time.process_time()
    assert len(read(line, *apart)) == 22_000
    assert time.process_time() - begun < 20
