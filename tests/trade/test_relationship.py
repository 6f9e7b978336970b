"""Two equal firms: whose turn it is, what crosses, that money adds up, and whatever a peer might sign."""

import itertools
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trade import fuzz
from tests.trade.deals import fingerprint
from tests.trade.ledgers import NOBODY, ROLE, SCENES, A, B, possible, read, said
from weft.basis.decider import Crossing, Said
from weft.basis.errors import WeftError
from weft.engine.acks import Ack
from weft.thread import fold, graph
from weft.thread.fold import Node
from weft.trade import relationship
from weft.trade.messages import (
    RELATIONSHIP_MESSAGES,
    Invoice,
    PartyUpdated,
    RelationshipAccepted,
    RelationshipEnded,
    RemittanceAdvice,
    StatementResponse,
)
from weft.trade.relationship import CROSSINGS, READ_FIRST, RULES, Phase, RelationshipState, Say

KINDS = list(RELATIONSHIP_MESSAGES.values())
REVERSED = {Crossing.LEFT_FIRST: Crossing.RIGHT_FIRST, Crossing.RIGHT_FIRST: Crossing.LEFT_FIRST}


# ---- turns -----------------------------------------------------------------------------------------


def scenes(phase):
    return [ledger.state for ledger in SCENES.values() if ledger.state.phase is phase]


def test_every_phase_has_a_scene():
    assert {ledger.state.phase for ledger in SCENES.values()} == set(Phase) == set(RULES)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("by", [A, B])
@pytest.mark.parametrize("phase", Phase)
def test_only_what_the_rules_allow_can_be_said(phase, by, kind):
    for state in scenes(phase):
        expected = RULES[phase].get((relationship.side(state, by), kind))
        samples = [message for message in possible(state, by) if type(message) is kind]
        assert samples
        codes = {relationship.judge(state, said(by, message)) for message in samples}
        if expected is None:
            assert codes == {"relationship.not-now"}
            assert kind.__name__ not in relationship.may_say(state, by)
        else:
            assert "relationship.not-now" not in codes
            assert kind.__name__ in relationship.may_say(state, by)
            for message in samples:
                if relationship.judge(state, said(by, message)) is None:
                    assert relationship.evolve(state, said(by, message)).phase is expected


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "Proposed" not in kind.__name__ and "Accepted" not in
                                  kind.__name__], ids=lambda kind: kind.__name__)
def test_every_kind_is_allowed_somewhere(kind):
    codes = {relationship.judge(ledger.state, said(by, message)) for ledger in SCENES.values() for by in (A, B)
             for message in possible(ledger.state, by) if type(message) is kind}
    assert None in codes


def test_a_stranger_says_nothing():
    state = SCENES["billed"].state
    for message in possible(state, A):
        assert relationship.judge(state, said(NOBODY, message)) == "relationship.stranger"
    assert relationship.may_say(state, NOBODY) == ()


def test_who_proposed_cannot_accept_for_the_other():
    state = SCENES["begun"].state
    acceptance = next(m for m in possible(state, B) if type(m).__name__ == "RelationshipAccepted")
    assert relationship.judge(state, said(B, acceptance)) == "relationship.not-now"
    assert relationship.judge(state, said(A, acceptance)) is None


def test_only_an_active_relationship_is_open():
    assert {name for name, ledger in SCENES.items() if relationship.is_open(ledger.state)} == {
        "active", "billed", "stated", "disputed", "confirmed", "announced", "paying", "second_month"}


@pytest.mark.parametrize("name", SCENES)
def test_decide_refuses_exactly_what_judge_denies_with_the_same_code(name):
    state = SCENES[name].state
    for by in (A, B):
        for message in possible(state, by):
            code = relationship.judge(state, said(by, message))
            try:
                assert relationship.decide(state, Say(ROLE[by], by, message)) == (message,)
                assert code is None
            except WeftError as error:
                assert code == (None if error.code == "billing.over-payment" else error.code)
                assert all(isinstance(fact, str | int) for fact in error.facts.values())


def test_an_acknowledgement_changes_nothing_and_is_not_said_by_hand():
    state = SCENES["billed"].state
    assert relationship.judge(state, said(A, Ack(state="s"))) is None
    assert relationship.evolve(state, said(A, Ack(state="s"))) is state
    with pytest.raises(WeftError, match=r"relationship\.unknown-word"):
        relationship.decide(state, Say("inviter", A, Ack(state="s")))


@pytest.mark.parametrize("name", SCENES)
def test_every_state_is_the_same_after_its_bytes(name):
    state = SCENES[name].state
    again = msgspec.json.decode(msgspec.json.encode(state), type=type(relationship.INITIAL))
    assert again == state
    assert fingerprint(again) == fingerprint(state)


# ---- crossings -------------------------------------------------------------------------------------


def test_the_table_is_total_and_says_the_same_from_both_ends():
    assert set(CROSSINGS) == set(itertools.product(KINDS, KINDS))
    for (left, right), crossing in CROSSINGS.items():
        assert CROSSINGS[right, left] is REVERSED.get(crossing, crossing)
    assert all(reason for *_, reason in READ_FIRST)


def crossed(ledger, one, two):
    """After ``one`` by A and ``two`` by B, told in both orders of arrival: state, and who was read first."""
    above = (ledger.nodes[-1].said.id,)
    results = []
    for ids in (("x", "y"), ("y", "x")):
        words = [Node(said(A, one, ids[0]), above), Node(said(B, two, ids[1]), above)]
        told = [fold.fold(relationship, [*ledger.nodes, *order]) for order in (words, words[::-1])]
        assert told[0] == told[1]
        state = fingerprint(told[0].state).decode().replace(f'"{ids[0]}"', '"A\'s"').replace(f'"{ids[1]}"', '"B\'s"')
        results.append((sorted(state), told[0].order[-2:] == [*ids]))
    assert results[0] == results[1]
    return results[0][1]


PAIRS = list(itertools.product(KINDS, KINDS))


@pytest.mark.parametrize(("left", "right"), PAIRS, ids=lambda kind: kind.__name__)
def test_each_crossing_pair_gives_one_state_in_both_orders_of_arrival(left, right):
    for name in ("begun", "active", "billed", "disputed", "paying", "second_month"):
        ledger = SCENES[name]
        for one, two in itertools.islice(pairs(ledger.state, left, right), 12):
            first = crossed(ledger, one, two)
            if right is not RelationshipAccepted and CROSSINGS[left, right] is not Crossing.EITHER:
                assert first is (CROSSINGS[left, right] is Crossing.LEFT_FIRST)


@pytest.mark.parametrize("ids", ["ab", "ba"])
def test_a_word_that_its_speaker_may_never_say_carries_no_branch_ahead(ids):
    """Who goes, with an acceptance above it that is not its to say, is read after the other's new address."""
    ledger, state = SCENES["active"], SCENES["active"].state
    above = (ledger.nodes[-1].said.id,)
    goes, moved = RelationshipEnded(reason="over"), next(m for m in possible(state, A) if type(m) is PartyUpdated)
    acceptance = next(m for m in possible(state, B) if type(m) is RelationshipAccepted)
    words = [Node(said(B, goes, ids[0]), above), Node(said(B, acceptance, "c"), (ids[0],)),
             Node(said(A, moved, ids[1]), above)]
    result = fold.fold(relationship, [*ledger.nodes, *words])
    assert [one for one in result.order if one in ids] == [ids[1], ids[0]]
    assert set(result.void) == {"c"}


def pairs(state, left, right):
    return itertools.product([m for m in possible(state, A) if type(m) is left],
                             [m for m in possible(state, B) if type(m) is right])


@pytest.mark.parametrize(("left", "right"), [pair for pair in PAIRS if CROSSINGS[pair] is Crossing.EITHER],
                         ids=lambda kind: kind.__name__)
def test_what_is_free_commutes(left, right):
    """The proof of ``EITHER``: read in both orders, in every scene, whatever is said."""
    for ledger in SCENES.values():
        for one, two in pairs(ledger.state, left, right) if ledger.nodes else ():
            words = said(A, one, "a"), said(B, two, "b")
            assert fingerprint(read(ledger.state, *words)) == fingerprint(read(ledger.state, *words[::-1])), words


def test_a_table_without_rules_would_not_do():
    """The control: each pair that the table orders has a scene in which the order matters."""
    matters = set()
    for ledger, (left, right) in itertools.product(SCENES.values(), PAIRS):
        if ledger.nodes and CROSSINGS[left, right] is not Crossing.EITHER:
            for one, two in pairs(ledger.state, left, right):
                words = said(A, one, "a"), said(B, two, "b")
                if fingerprint(read(ledger.state, *words)) != fingerprint(read(ledger.state, *words[::-1])):
                    matters |= {frozenset((left, right))}
    ordered = {frozenset((first, one)) for first, later, _ in READ_FIRST[1:] for one in later}
    assert ordered <= matters


# ---- money -----------------------------------------------------------------------------------------


def adds_up(state: RelationshipState):
    """What is owed is what was billed, less what was credited, less what came; in each currency."""
    for creditor, currency in itertools.product((A, B), ("CNY", "EUR", "JPY")):
        mine = [one for one in state.documents.values() if (one.by, one.currency) == (creditor, currency)]
        paid = [one for one in state.remittances.values() if one.by != creditor and one.currency == currency]
        bills = sum(Decimal(one.amount) for one in mine if one.kind == "invoice")
        credited = sum(Decimal(one.gross) for one in mine if one.kind == "credit-note")
        came = sum(Decimal(one.amount) for one in paid if one.status == "received")
        assert sum(one.open for one in mine) == bills - credited - came
        assert sum(Decimal(one.announced) for one in mine) == sum(
            Decimal(one.amount) for one in paid if one.status == "announced")
        assert Decimal(relationship.balance(state, creditor).get(currency, "0")) == bills - credited - came
    for one in state.documents.values():
        assert one.kind == "invoice" or one.open <= 0
        assert Decimal(one.credited) + Decimal(one.retained) <= Decimal(one.gross)
    for held in state.accounts.values():
        assert held.deposit >= 0 and held.held >= 0
    for made in state.statements.values():
        assert Decimal(made.balance) == sum(Decimal(entry.amount) for entry in made.entries.values())
    confirmed = [entry.document for made in state.statements.values() if made.status == "confirmed"
                 for entry in made.entries.values()]
    assert len(confirmed) == len(set(confirmed))


@st.composite
def honest(draw):
    """Events of two firms that say only what their own fold allows, each above all heads it has then."""
    base = draw(st.sampled_from(["active", "billed", "stated", "confirmed", "paying", "second_month"]))
    nodes = {node.said.id: node for node in SCENES[base].nodes}
    held = {by: set(nodes) for by in (A, B)}
    for name in draw(st.permutations([f"z{number:02d}" for number in range(12)])):
        by = draw(st.sampled_from((A, B)))
        mine = [nodes[one] for one in nodes if one in held[by]]
        state = fold.fold(relationship, mine).state
        allowed = [m for m in possible(state, by) if relationship.judge(state, said(by, m)) is None]
        kind = draw(st.sampled_from(sorted({type(m).__name__ for m in allowed if "Ended" not in type(m).__name__})))
        message = draw(st.sampled_from([m for m in allowed if type(m).__name__ == kind]))
        heads = graph.heads({node.said.id: node.parents for node in mine})
        nodes[name] = Node(said(by, message, name), tuple(heads))
        held[by].add(name)
        if draw(st.integers(0, 2)) == 0:
            one, other = draw(st.permutations((A, B)))
            held[one] |= held[other]
    return list(nodes.values())


@given(honest(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters_and_money_adds_up_after_every_word(nodes, random):
    words = {node.said.id: node.said for node in nodes}
    result = fold.fold(relationship, nodes)
    state = relationship.INITIAL
    for name in result.order:
        if name not in result.void:
            state = relationship.evolve(state, words[name])
            adds_up(state)
    random.shuffle(nodes)
    assert fold.fold(relationship, nodes).state == result.state == state


@given(honest())
def test_money_that_was_honestly_announced_and_answers_are_never_void(nodes):
    result = fold.fold(relationship, nodes)
    words = {node.said.id: node.said.message for node in nodes}
    lost = {type(words[name]) for name in result.void}
    assert not lost & {RemittanceAdvice, StatementResponse, Invoice}, result.void


# ---- whatever a peer might sign --------------------------------------------------------------------


def check_total(state, word):
    if relationship.judge(state, word) is None:
        after = relationship.evolve(state, word)
        adds_up(after)
        assert fingerprint(after)
        assert msgspec.json.decode(msgspec.json.encode(after), type=RelationshipState) == after


@settings(max_examples=4 * settings.default.max_examples)
@given(fuzz.anything(RELATIONSHIP_MESSAGES), st.sampled_from(sorted(SCENES)), st.sampled_from([A, B, NOBODY]))
def test_whatever_is_signed_is_judged_and_what_is_allowed_is_read(message, scene, by):
    check_total(SCENES[scene].state, Said("e" * 43, by, "inviter", message))


@st.composite
def bent(draw):
    scene, by = draw(st.sampled_from(sorted(SCENES))), draw(st.sampled_from((A, B)))
    return scene, by, draw(fuzz.bent(draw(st.sampled_from(possible(SCENES[scene].state, by)))))


@settings(max_examples=10 * settings.default.max_examples)
@given(bent())
def test_a_right_message_with_one_wrong_word_is_judged_and_read_too(given_):
    scene, by, message = given_
    check_total(SCENES[scene].state, said(by, message, "e" * 43))
