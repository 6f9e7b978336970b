"""Words about picking up change nothing of an order; their code holds; what became of the goods adds up."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trade.deals import BUYER, SCENES, SELLER, said
from weft.basis.canonical import b64
from weft.basis.decider import Said
from weft.basis.errors import Invalid, Refused
from weft.trade import order, pickup
from weft.trade.messages import DespatchAdvice, DespatchLine, ReceiptAdvice, ReceiptLine
from weft.trade.order import Phase, Say
from weft.trade.pickup import BackLine, BroughtBack, PickUpNamed, PickUpOffered, PickUpPlace, PickUpReady, SentBack

SALT = b64(bytes(32))
PLACE = PickUpPlace(id="p1", name="Corner Shop", address="1 Main Street", return_days=14)
CODE = "ABCDEFGH"
NAMED = PickUpNamed(place=PLACE, salt=SALT, digest=pickup.digest_of(CODE, SALT))
BACK = (BackLine(line="1", quantity="2"),)
WORDS = {
    PickUpOffered: PickUpOffered(places=(PLACE,)), PickUpNamed: NAMED, PickUpReady: PickUpReady(lines={"1": "1"}),
    BroughtBack: BroughtBack(lines=BACK, code=CODE), SentBack: SentBack(lines=BACK),
}
TALK = {Phase.REQUESTED, Phase.QUOTED, Phase.COUNTERED, Phase.ORDERED, Phase.CONFIRMED}
AFTER = {Phase.CONFIRMED, Phase.CLOSED, Phase.CANCELLED}
WHO = {PickUpOffered: (SELLER, TALK), PickUpNamed: (BUYER, TALK), PickUpReady: (SELLER, AFTER),
       BroughtBack: (SELLER, AFTER), SentBack: (SELLER, AFTER)}


def test_every_word_has_a_sample():
    assert {kind.__name__ for kind in WORDS} == set(pickup.WORDS) <= set(order.MESSAGES)


@pytest.mark.parametrize("kind", WORDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", SCENES)
def test_a_word_folds_to_nothing_and_is_void_where_nobody_may_say_it(name, kind):
    state = SCENES[name].state
    for role in (BUYER, SELLER):
        word = said(role, WORDS[kind])
        assert order.evolve(state, word) is state, "a node that does not know it has the same state"
        code = order.judge(state, word)
        allowed = WHO[kind][0] == role and state.phase in WHO[kind][1]
        sent = any(one.kind == "goods" for one in state.despatches.values())
        if allowed and (kind is PickUpNamed and sent):
            assert code == "pickup.sent-already"
        elif allowed and (kind is not PickUpReady or "1" in state.lines):
            assert code is None
            assert order.decide(state, Say(role, "firm", WORDS[kind])) == (WORDS[kind],)
        else:
            assert code is not None
            with pytest.raises((Refused, Invalid)):
                order.decide(state, Say(role, "firm", WORDS[kind]))


def test_the_evidence_of_a_hand_out_is_no_part_of_the_state():
    for deal in SCENES.values():
        for line in deal.state.lines.values():
            advice = DespatchAdvice(number="D", lines=(DespatchLine(
                line=line.line, item=line.item, quantity="1", unit=line.unit),))
            word = said(SELLER, advice)
            if order.judge(deal.state, word) is None:
                with_code = msgspec.structs.replace(word, message=msgspec.structs.replace(advice, code=CODE))
                assert order.evolve(deal.state, with_code) == order.evolve(deal.state, word)


@pytest.mark.parametrize(("word", "code"), [
    (PickUpOffered(places=(PLACE,) * 21), "trade.lines-too-many"),
    (PickUpOffered(places=(PickUpPlace(id="", name="x"),)), "trade.text-missing"),
    (PickUpOffered(places=(PickUpPlace(id="p", name="x", return_days=-1),)), "pickup.days"),
    (msgspec.structs.replace(NAMED, digest="short"), "trade.commitment"),
    (msgspec.structs.replace(NAMED, salt=""), "trade.text-missing"),
    (msgspec.structs.replace(NAMED, names={"": "x"}), "trade.text-missing"),
    (msgspec.structs.replace(NAMED, names={str(n): "x" for n in range(201)}), "trade.lines-too-many"),
    (PickUpReady(lines={"nine": "1"}), "order.unknown-line"),
    (BroughtBack(lines=()), "trade.lines-none"),
    (SentBack(lines=(BackLine(line="1", quantity="0"),)), "quantity.not-positive"),
])
def test_a_word_without_form_is_void(word, code):
    state = next(deal.state for deal in SCENES.values() if deal.state.phase is Phase.CONFIRMED
                 and not any(one.kind == "goods" for one in deal.state.despatches.values()))
    assert order.judge(state, said(WHO[type(word)][0], word)) == code


def test_a_word_of_another_conversation_is_none_of_these():
    assert pickup.judge(order.INITIAL, Said("e", "a", BUYER, ReceiptAdvice(despatch="d", lines=()))) is None


# ---- the code --------------------------------------------------------------------------------------


@given(st.randoms(use_true_random=False))
def test_a_code_has_eight_letters_that_nobody_confuses(luck):
    code = pickup.code_of(luck.randbytes)
    assert len(code) == 8
    assert set(code) <= set(pickup.LETTERS)
    assert not {"I", "O"} & set(pickup.LETTERS)


def test_a_code_is_drawn_again_when_chance_gives_what_would_favour_some_letters():
    given_ = iter([bytes([255] * 8), bytes([240] * 7 + [0]), bytes([1] * 8)])
    assert pickup.code_of(lambda _: next(given_)) == "ABBBBBBB"


@pytest.mark.parametrize("wrong", ["", "ABCDEFG", "ABCDEFGHJ", "ABCDEFGJ", "abcdefgh"])
def test_only_the_code_itself_opens(wrong):
    assert pickup.opens(CODE, NAMED)
    assert not pickup.opens(wrong, NAMED)


def test_a_salt_that_is_none_opens_nothing():
    assert not pickup.opens(CODE, msgspec.structs.replace(NAMED, salt="_" * 43))


@pytest.mark.parametrize(("words", "found"), [
    ("WEFT-PICKUP:QRST-ABCDEFGH", ("QRST", CODE)), ("weft-pickup:qrst-abcd efgh\n", ("QRST", CODE)),
    ("abcd efgh", ("", CODE)), ("ABCD-EFGH", ("", CODE)), ("AB", ("", "AB")), ("", ("", "")),
    ("\uff21\uff22\uff23\uff24\uff25\uff26\uff27\uff28", ("", CODE)),  # full width, as phones in China type it
])
def test_a_code_is_read_however_it_is_typed_or_scanned(words, found):
    assert pickup.typed(words) == found


def test_a_label_has_four_letters_and_follows_from_the_digest():
    label = pickup.label_of(NAMED.digest)
    assert len(label) == 4
    assert set(label) <= set(pickup.LETTERS)


# ---- what became of the goods ----------------------------------------------------------------------

_STEP = st.tuples(st.sampled_from(["send", "inspect", "out", "back", "home"]), st.integers(0, 5), st.integers(0, 5))


@given(st.lists(_STEP, max_size=20))
def test_whatever_happens_at_the_counter_every_piece_is_somewhere(steps):
    told, waiting, found = [("named", NAMED)], [], pickup.Ledger()
    for n, (what, one, two) in enumerate(steps):
        found = pickup.ledger(told)
        if what == "send" and one:
            told.append((f"s{n}", DespatchAdvice(number="M", kind="materials", lines=(
                DespatchLine(line="1", item="V", quantity=str(one)),))))
            waiting.append((f"s{n}", one))
        elif what == "inspect" and waiting:
            name, sent = waiting.pop(0)
            told.append((f"r{n}", ReceiptAdvice(despatch=name, lines=(
                ReceiptLine(line="1", received=str(min(two, sent)), damaged=str(sent - min(two, sent))),))))
        elif what == "out":
            told.append((f"o{n}", DespatchAdvice(number="D", code=CODE, lines=(
                DespatchLine(line="1", item="PICK", quantity="1"),))))
        elif what == "back" and found.with_buyer:
            told.append((f"b{n}", BroughtBack(lines=(BackLine(line="V", quantity=str(found.with_buyer["V"])),))))
        elif what == "home" and found.here:
            told.append((f"h{n}", SentBack(lines=(BackLine(line="V", quantity=str(found.here["V"])),))))
        assert_adds_up(pickup.ledger(told))


def assert_adds_up(found: pickup.Ledger) -> None:
    def of(column):
        return column.get("V", Decimal(0))

    assert of(found.sent) == of(found.under_way) + of(found.lost) + of(found.arrived)
    assert of(found.arrived) == of(found.here) + of(found.with_buyer) + of(found.gone_back)
    assert of(found.with_buyer) == of(found.handed) - of(found.brought)
    assert min(map(of, (found.under_way, found.lost, found.here, found.with_buyer, found.gone_back))) >= 0
