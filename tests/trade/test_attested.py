"""The word on machine minutes changes nothing of an order, and only its seller may say it."""

import pytest

from tests.trade.deals import BUYER, SCENES, SELLER, said
from weft.basis.errors import Invalid, Refused
from weft.trade import attested, order
from weft.trade.attested import MinutesAttested
from weft.trade.order import Phase, Say

WORD = MinutesAttested(line="1", billed={"turning": "140"}, within_percent="10")


@pytest.mark.parametrize("name", SCENES)
def test_the_word_folds_to_nothing_and_is_void_where_nobody_may_say_it(name):
    state = SCENES[name].state
    for role in (BUYER, SELLER):
        assert order.evolve(state, said(role, WORD)) is state, "a node that does not know it has the same state"
        ended = state.phase in {Phase.CONFIRMED, Phase.CLOSED, Phase.CANCELLED}
        if role == SELLER and ended and "1" in state.lines:
            assert order.judge(state, said(role, WORD)) is None
            assert order.decide(state, Say(role, "firm", WORD)) == (WORD,)
        else:
            assert order.judge(state, said(role, WORD)) is not None
            with pytest.raises((Refused, Invalid)):
                order.decide(state, Say(role, "firm", WORD))


def test_every_word_is_one_of_the_order():
    assert set(attested.WORDS) <= set(order.MESSAGES)


@pytest.mark.parametrize("bent", [{"line": "nine"}, {"billed": {"turning": "-1"}}, {"billed": {"": "1"}},
                                  {"billed": {f"c{n}": "1" for n in range(61)}}])
def test_a_word_about_nothing_is_void(bent):
    import msgspec

    state = next(one.state for one in SCENES.values() if one.state.phase is Phase.CONFIRMED and "1" in one.state.lines)
    assert order.judge(state, said(SELLER, msgspec.structs.replace(WORD, **bent))) is not None
