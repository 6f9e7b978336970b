"""Laws of the order over conversations of two firms that sync now and then, and over anything a peer might sign."""

from decimal import Decimal

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.trade import fuzz
from tests.trade.deals import BUYER, ORGANISATION, REQUEST, SCENES, SELLER, fingerprint, possible, said
from weft.basis.decider import Said
from weft.thread import fold, graph
from weft.thread.fold import Node
from weft.trade import order
from weft.trade.messages import (
    ORDER_MESSAGES,
    DespatchAdvice,
    Order,
    OrderChangeResponse,
    OrderResponse,
    Quotation,
    ReceiptAdvice,
)
from weft.trade.order_state import OrderState

ROLES = (BUYER, SELLER)
STEPS = 14


def keeps_its_books(state: OrderState):
    """Every quantity is somewhere, and no more arrived than was sent."""
    for line in state.lines.values():
        where = line.delivered - line.over_delivered + line.open + line.short_closed + line.cancelled
        assert Decimal(line.ordered) == where
        assert line.in_transit >= 0 and line.open >= 0 and line.delivered >= 0
        assert Decimal(line.net) + Decimal(line.tax) == Decimal(line.gross)
        goods = [part for one in state.despatches.values() if one.kind == "goods" for part in one.lines
                 if part.line == line.line]
        assert Decimal(line.despatched) == sum(Decimal(part.quantity) for part in goods)
        assert Decimal(line.received) == sum(Decimal(part.received) for part in goods)
    for one in state.despatches.values():
        for part in one.lines:
            arrived = sum(Decimal(getattr(part, kind)) for kind in ("received", "damaged", "rejected", "short"))
            assert arrived == (Decimal(part.quantity) if one.receipt else 0)
    for role in ROLES:
        assert sum(1 for change in state.changes.values() if (change.by, change.status) == (role, "open")) <= 1


def agreed(state):
    """Whether the state goes through its bytes unharmed."""
    return msgspec.json.decode(msgspec.json.encode(state), type=OrderState) == state


@st.composite
def honest(draw):
    """Events of two firms that say only what their own fold allows, each above all heads it has then."""
    base = draw(st.sampled_from(["requested", "quoted", "confirmed", "making", "partly", "both ask", "all sent"]))
    names = draw(st.permutations([f"{number:02d}" for number in range(STEPS)]))
    nodes = {node.said.id: node for node in SCENES[base].nodes}
    held = {role: set(nodes) for role in ROLES}
    for name in names[: draw(st.integers(1, STEPS))]:
        role = draw(st.sampled_from(ROLES))
        mine = [nodes[one] for one in nodes if one in held[role]]
        state = fold.fold(order, mine).state
        allowed = [m for m in possible(state, role) if order.judge(state, said(role, m)) is None]
        if allowed:
            # first a kind, then one of it, so that goods travel as often as talk goes on
            kind = draw(st.sampled_from(sorted({type(m).__name__ for m in allowed})))
            message = draw(st.sampled_from([m for m in allowed if type(m).__name__ == kind]))
            heads = graph.heads({node.said.id: node.parents for node in mine})
            nodes[name] = Node(Said(name, ORGANISATION[role], role, message), tuple(heads))
            held[role].add(name)
        if draw(st.integers(0, 3)) == 0:
            one, other = draw(st.permutations(ROLES))
            held[one] |= held[other]
    return list(nodes.values())


@given(honest(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(nodes, random):
    first = fold.fold(order, nodes)
    random.shuffle(nodes)
    second = fold.fold(order, nodes)
    assert (second.order, second.void) == (first.order, first.void)
    assert fingerprint(second.state) == fingerprint(first.state)


@given(honest())
def test_after_every_word_all_quantities_are_somewhere(nodes):
    words = {node.said.id: node.said for node in nodes}
    result = fold.fold(order, nodes)
    state = order.INITIAL
    for name in result.order:
        if name not in result.void:
            state = order.evolve(state, words[name])
            keeps_its_books(state)
    assert state == result.state
    assert agreed(state)


@given(honest())
def test_what_the_rules_protect_is_never_void_when_it_was_honestly_said(nodes):
    """Acceptances, answers to changes, goods and receipts stand whatever crossed them."""
    result = fold.fold(order, nodes)
    words = {node.said.id: node.said.message for node in nodes}
    lost = {type(words[name]).__name__ for name in result.void}
    assert not lost & {kind.__name__ for kind in (Order, DespatchAdvice, ReceiptAdvice)}, result.void


@given(honest())
def test_who_extends_the_fold_and_who_folds_anew_agree(nodes):
    """A member that receives event by event, as the engine does, holds what another folds at once."""
    held, result = [], None
    for node in nodes:
        heads = set(graph.heads({one.said.id: one.parents for one in held}))
        held.append(node)
        if result is not None and heads <= set(node.parents):
            fold.extend(order, result, node.said)
        else:
            result = fold.fold(order, held)
    assert result == fold.fold(order, nodes)


# ---- whatever a peer might sign ------------------------------------------------------------------------

@settings(max_examples=4 * settings.default.max_examples)
@given(fuzz.anything(ORDER_MESSAGES), st.sampled_from(sorted(SCENES)), st.sampled_from([*ROLES, "", "carrier"]))
def test_whatever_is_signed_is_judged_and_what_is_allowed_is_read(message, scene, role):
    check_total(SCENES[scene].state, Said("e" * 43, "B" * 43, role, message))


def check_total(state, word):
    code = order.judge(state, word)
    if code is None:
        after = order.evolve(state, word)
        keeps_its_books(after)
        fingerprint(after)
        assert agreed(after)


@st.composite
def bent(draw):
    """A message that would be right in its scene, with one text in it replaced."""
    scene = draw(st.sampled_from(sorted(SCENES)))
    role = draw(st.sampled_from(ROLES))
    message = draw(st.sampled_from(possible(SCENES[scene].state, role)))
    return scene, role, draw(fuzz.bent(message))


@settings(max_examples=10 * settings.default.max_examples)
@given(bent())
def test_a_right_message_with_one_wrong_word_is_judged_and_read_too(given_):
    scene, role, message = given_
    check_total(SCENES[scene].state, said(role, message, "e" * 43))


def test_the_control_an_allowed_word_does_change_the_state():
    state = SCENES["quoted"].state
    kinds = {type(m) for m in possible(state, BUYER) if order.judge(state, said(BUYER, m)) is None}
    assert Order in kinds and OrderResponse not in kinds and Quotation not in kinds
    assert REQUEST.lines[0].item == "body" and OrderChangeResponse not in kinds
