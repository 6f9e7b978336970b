"""Who may say what when: every phase × role × message, allowed and refused, and what the console offers."""

import msgspec
import pytest

from tests.trade.deals import BUYER, NOBODY, ORGANISATION, SCENES, SELLER, fingerprint, possible, said
from weft.basis.decider import Said
from weft.basis.errors import WeftError
from weft.engine.acks import Ack
from weft.trade import order
from weft.trade.messages import ORDER_MESSAGES, OrderResponse
from weft.trade.order import RULES, Phase, Say
from weft.trade.order_rules import OUTCOMES

ROLES = (BUYER, SELLER, "carrier")
TRIPLES = [(phase, role, kind) for phase in Phase for role in ROLES for kind in ORDER_MESSAGES.values()]


def scenes(phase):
    return [deal.state for deal in SCENES.values() if deal.state.phase is phase]


def samples(state, role, kind):
    """Messages of ``kind``; a stranger's are whatever the two could say."""
    roles = (role,) if role in {BUYER, SELLER} else (BUYER, SELLER)
    return [message for one in roles for message in possible(state, one) if type(message) is kind]


def test_every_phase_has_a_scene():
    assert {deal.state.phase for deal in SCENES.values()} == set(Phase) == set(RULES)


def test_every_message_has_a_sample_by_who_may_say_it():
    state = SCENES["both ask"].state
    for turns in RULES.values():
        for role, kind in turns:
            assert samples(state, role, kind), (role, kind)


@pytest.mark.parametrize(("phase", "role", "kind"), TRIPLES, ids=lambda one: getattr(one, "__name__", str(one)))
def test_only_what_the_rules_allow_can_be_said(phase, role, kind):
    expected = RULES[phase].get((role, kind))
    reached = set()
    for state in scenes(phase):
        for message in samples(state, role, kind):
            word = Said("e", ORGANISATION.get(role, NOBODY), role, message)
            code = order.judge(state, word)
            if expected is None:
                assert code in {"order.wrong-role", "order.not-now", "order.ended", "order.not-confirmed"}
            elif code is None:
                reached.add(order.evolve(state, word).phase)
    if expected is not None and not (phase is Phase.CLOSED and kind is order.MESSAGES["ReceiptAdvice"]):
        assert expected in reached or phase is Phase.CONFIRMED
        assert reached <= {expected, *OUTCOMES.get((phase, kind), ())}


@pytest.mark.parametrize(("phase", "kind"), list(OUTCOMES), ids=lambda one: getattr(one, "__name__", str(one)))
def test_other_outcomes_are_reached_too(phase, kind):
    reached = set()
    for state in scenes(phase):
        for role in (BUYER, SELLER):
            for message in samples(state, role, kind):
                if order.judge(state, said(role, message)) is None:
                    reached.add(order.evolve(state, said(role, message)).phase)
    if kind.__name__ in {"ReceiptAdvice", "OrderResponse", "ShortClosed", "OrderChangeWithdrawn"}:
        assert set(OUTCOMES[phase, kind]) <= reached


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("role", [BUYER, SELLER])
def test_what_the_console_offers_can_be_said_and_what_can_be_said_is_offered(name, role):
    state = SCENES[name].state
    offered = set(order.may_say(state, role))
    sayable = {type(m).__name__ for m in possible(state, role) if order.judge(state, said(role, m)) is None}
    # possible still, of no use any more
    quiet = {"ProgressNotice", "DespatchAdvice", "ShortClosed", "OrderChange", "OrderCancellation"}
    assert offered - sayable <= {"DespatchAdvice"}
    assert sayable - offered <= quiet


@pytest.mark.parametrize("name", SCENES)
def test_decide_refuses_exactly_what_judge_denies_with_the_same_code(name):
    state = SCENES[name].state
    for role in (BUYER, SELLER):
        for message in possible(state, role):
            code = order.judge(state, said(role, message))
            try:
                assert order.decide(state, Say(role, "X", message)) == (message,)
                assert code is None
            except WeftError as error:
                assert error.code == code
                assert all(isinstance(fact, str | int) for fact in error.facts.values())


def test_an_answer_is_bound_to_the_order_that_is_there():
    state = SCENES["ordered"].state
    (answer,) = order.decide(state, Say(SELLER, "S", OrderResponse(code="AP")))
    assert answer == OrderResponse(code="AP", order=state.order_id)
    assert order.judge(state, said(SELLER, OrderResponse(code="AP"))) == "order.other-order"
    assert order.judge(state, said(SELLER, OrderResponse(code="AP", order=NOBODY))) == "order.other-order"


def test_an_acknowledgement_is_nobody_s_turn_and_changes_nothing():
    for deal in SCENES.values():
        word = said(SELLER, Ack(state="s" * 43))
        assert order.judge(deal.state, word) is None
        assert order.evolve(deal.state, word) is deal.state


def test_what_is_no_word_of_the_order_is_not_said():
    with pytest.raises(WeftError, match=r"order\.unknown-word"):
        order.decide(SCENES["quoted"].state, Say(BUYER, "B", Ack(state="s")))


@pytest.mark.parametrize("name", SCENES)
def test_every_state_is_the_same_after_its_bytes(name):
    state = SCENES[name].state
    again = msgspec.json.decode(msgspec.json.encode(state), type=type(order.INITIAL))
    assert again == state
    assert fingerprint(again) == fingerprint(state)
