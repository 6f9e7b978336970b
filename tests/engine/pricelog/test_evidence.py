"""A price in a file: true, false or not to be known, told without a node; and nothing in it can be changed unseen."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.engine.pricelog.firms_of_the_log import Branch, batch
from tests.engine.pricelog.sealed import AT, files, resealed, trade
from tests.pricing.books import valves
from tests.pricing.sellers import PUBLISHED, without
from tests.thread.firms import Firm
from weft.basis import canonical
from weft.basis.canonical import b64
from weft.basis.errors import WeftError
from weft.engine.pricelog import evidence, forks, witness
from weft.identity import keylog
from weft.pricing import check, leaf
from weft.thread.event import wire
from weft.tlog import cosignature, note, proof
from weft.tlog.policy import Group, Policy

TRADE = trade()
FILES = files(TRADE)
KINDS = ("quotation", "order", "invoice")
# What only the seal covers: the maker's own words on whom it believes and what it knew when.
MAKERS_WORDS = frozenset({"by", "at", "need", "device", "seal"})


def verdict(data: bytes, **more):
    return evidence.verify_file(data, **more).verdict


def holds(data: bytes, **more) -> bool:
    """Whether a verifier takes ``data`` for the proof of a price that follows its rule."""
    try:
        return verdict(data, **more).follows is True
    except WeftError:
        return False


# ---- what it says --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_proof_is_true_at_level_three(kind):
    told = evidence.verify_file(FILES[kind])
    assert (told.verdict.colour, told.verdict.level, told.verdict.follows) == ("green", 3, True), told.verdict
    assert told.document.kind == kind and told.by == TRADE.buyer.id
    assert set(told.verdict.seen) == {firm.id for firm in TRADE.witnesses}
    assert all(step.state == "ok" for step in told.verdict.steps)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cent_too_much_is_false(kind):
    found = verdict(files(honest=False)[kind])
    assert (found.colour, found.follows, found.said) == ("red", False, "price-differs")


def test_a_reader_who_brings_its_own_policy_believes_nobody_elses_choice():
    stranger = Firm(60)
    key = note.key_of("w/stranger", stranger.device, note.COSIGNATURE)
    mine = Policy("all", (), {"me": key}, {"all": Group(1, ("me",))})
    found = evidence.verify_file(FILES["quotation"], mine, check.instant.to_ms(AT))
    assert found.own_policy and (found.verdict.follows, found.verdict.said) == (None, "too-few")


def test_the_sellers_own_file_says_that_the_seller_chose_the_witnesses():
    file = replace(evidence.parse(FILES["invoice"]), by=TRADE.seller.firm.id)
    found = verdict(resealed(file, TRADE.seller.firm))
    assert found.follows and "sellers-choice" in {one.code for one in found.findings}
    assert "sellers-choice" not in {one.code for one in verdict(FILES["invoice"]).findings}


def test_a_stranger_can_seal_nothing():
    file = replace(evidence.parse(FILES["invoice"]), by=TRADE.witnesses[0].id)
    assert verdict(resealed(file, TRADE.witnesses[0])).said == "seal"


@pytest.mark.parametrize(("fields", "follows", "said"), [
    ({"opening": None, "batch": "", "batch_proof": ""}, None, None),
    ({"books": ()}, None, "book-missing"), ({"statements": (), "need": 1}, False, "strange-signature"),
    ({"need": 4}, None, "too-few"),
])
def test_what_is_missing_is_said(fields, follows, said):
    file = replace(evidence.parse(FILES["quotation"]), **fields)
    found = verdict(resealed(file, TRADE.buyer))
    assert found.follows is follows or (said is None and found.follows)
    assert said is None or found.said == said


@pytest.mark.parametrize("left", [0, 1])
def test_words_without_their_thread_and_bills_without_their_order_prove_nothing(left):
    file = evidence.parse(FILES["quotation"])
    with pytest.raises(WeftError) as caught:
        verdict(resealed(replace(file, events=file.events[left:left + 1]), TRADE.buyer))
    assert caught.value.code == "evidence.incomplete"


def test_a_bill_without_its_order_names_no_rule():
    file = evidence.parse(FILES["invoice"])
    found = verdict(resealed(replace(file, events=file.events[:2]), TRADE.buyer))
    assert (found.follows, found.said) == (None, "no-book")


# ---- nothing can be changed ------------------------------------------------------------------------


def places(value, at=()):
    """The place of every value in a JSON value that is not made of others."""
    if isinstance(value, dict):
        return [one for name, inner in value.items() for one in places(inner, (*at, name))]
    if isinstance(value, list):
        return [one for k, inner in enumerate(value) for one in places(inner, (*at, k))]
    return [at]


VALUES = {kind: json.loads(data) for kind, data in FILES.items()}
PLACES = [(kind, at) for kind in KINDS for at in places(VALUES[kind])]


def put(value, at, new):
    if not at:
        return new
    first, *rest = at
    made = dict(value) if isinstance(value, dict) else list(value)
    made[first] = put(value[first], rest, new)
    return made


def look(value, at):
    for one in at:
        value = value[one]
    return value


def test_the_file_has_all_the_fields_that_the_property_is_about():
    named = {at[0] for _, at in PLACES}
    assert named >= {"kind", "document", "seller", "by", "at", "need", "events", "key_logs", "books",
                     "opening", "batch", "batch_proof", "statements", "device", "seal", "weft"}
    assert len(PLACES) > 90


@st.composite
def changed(draw):
    """Any file with any one field changed: another letter in a text, another number."""
    kind, at = draw(st.sampled_from(PLACES))
    old = look(VALUES[kind], at)
    if isinstance(old, str):
        k = draw(st.integers(0, len(old)))
        letter = draw(st.characters(codec="utf-8", exclude_categories=["Cs"]))
        new = old[:k] + draw(st.sampled_from([letter, ""])) + old[k + draw(st.integers(0, 1)):]
    else:
        new = draw(st.integers(0, 2**40))
    return kind, at, old, new


def is_caught(what) -> None:
    kind, at, old, new = what
    data = canonical.encode(put(VALUES[kind], at, new))
    assert holds(data) == (new == old)
    if at[0] not in MAKERS_WORDS:  # also without the seal: what firms have signed proves itself
        assert not holds(data, seal=False) or new == old


@settings(max_examples=100, deadline=None)
@given(changed())
def test_no_field_of_a_file_can_be_changed(what):
    is_caught(what)


@pytest.mark.release
@settings(max_examples=5_000, deadline=None)
@given(changed())
def test_no_field_of_a_file_can_be_changed_at_full_size(what):
    is_caught(what)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(KINDS), st.data())
def test_no_byte_of_a_file_can_be_changed(kind, data):
    whole = FILES[kind]
    k = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255))
    made = whole[:k] + bytes([byte]) + whole[k + 1:]
    assert holds(made) == (made == whole)
    assert not holds(whole[:k]) and not holds(whole[:k] + whole[k + 1:])


def test_the_control_the_makers_own_words_only_the_seal_protects():
    data = canonical.encode({**VALUES["quotation"], "need": 3})
    assert not holds(data) and holds(data, seal=False)


def test_whatever_is_sealed_anew_after_a_change_of_what_others_signed_is_still_caught():
    """The maker of a file is nobody whom one must believe: it can choose, and not invent."""
    file = evidence.parse(FILES["invoice"])
    other = json.loads(file.books[0].book)
    other["lines"][0]["tiers"][0]["price"] = "39"
    book = replace(file.books[0], book=canonical.encode(other).decode())
    assert verdict(resealed(replace(file, books=(book,)), TRADE.buyer)).said == "book-hash"
    event = file.events[1].replace("4949.40", "4849.40")
    with pytest.raises(WeftError):
        verdict(resealed(replace(file, events=(file.events[0], event, *file.events[2:])), TRADE.buyer))


# ---- each step is needed ---------------------------------------------------------------------------




def _with_book(file, **fields):
    return replace(file, books=(replace(file.books[0], **fields),))


def _forged_signature(file):
    events = list(file.events)
    envelope = json.loads(events[1])
    envelope["g"] = b64(bytes(64))
    events[1] = json.dumps(envelope, separators=(",", ":"), ensure_ascii=False)
    return replace(file, events=tuple(events))


def _other_path(file):
    read = proof.parse(file.batch_proof.encode())
    bad = replace(read, path=tuple(bytes(32) for _ in read.path))
    return replace(file, batch_proof=proof.encode(bad).decode())


def _unsigned_log(file):
    read = proof.parse(file.batch_proof.encode())
    lines = [one._replace(value=bytes(64)) if one.name == TRADE.origin else one for one in read.note.signatures]
    bad = replace(read, note=read.note._replace(signatures=tuple(lines)))
    return replace(file, batch_proof=proof.encode(bad).decode())


def _false_witness(file):
    read = proof.parse(file.batch_proof.encode())
    last = read.note.signatures[-1]
    lines = (*read.note.signatures[:-1], last._replace(value=last.value[:8] + bytes(64)))
    return replace(file, batch_proof=proof.encode(replace(read, note=read.note._replace(signatures=lines))).decode())


def _other_salt(file):
    return replace(file, opening=replace(file.opening, salt=b64(bytes(32))))


def _renamed_book(file):
    other = json.loads(file.books[0].book)
    other["name"] = "Another"
    return _with_book(file, book=canonical.encode(other).decode())


@pytest.mark.parametrize(("step", "lie"), [
    ("signature", _forged_signature), ("book", _renamed_book), ("inclusion", _other_path), ("log", _unsigned_log),
    ("witnesses", _false_witness), ("committed", _other_salt),
], ids=lambda one: one if isinstance(one, str) else "")
def test_a_verifier_with_one_step_left_out_takes_a_lie_for_true(step, lie):
    data = resealed(lie(evidence.parse(FILES["quotation"])), TRADE.buyer)
    assert not holds(data)
    assert holds(data, steps=without(step))  # the control


def test_a_verifier_that_does_not_work_out_the_price_takes_a_cent_too_much_for_true():
    data = files(honest=False)["quotation"]
    assert not holds(data) and holds(data, steps=without("price"))


def test_what_its_maker_leaves_out_of_a_file_accuses_nobody():
    file = evidence.parse(FILES["quotation"])
    late = replace(file, opening=None, batch="", batch_proof="", at="2026-11-20T09:00:00.000Z")
    found = verdict(resealed(late, TRADE.buyer))
    assert (found.colour, found.follows, found.said) == ("amber", None, "commit-unshown")


def _dated_back(by: Firm, made) -> str:
    """A state of the record of before the book that ``by`` says to have seen long after the book was there."""
    one = made.seller.checkpoint(0, by=())
    key = witness.key_for(made.identity(by), made.origin)
    late = check.instant.to_ms("2026-11-08T08:00:00.000Z") // 1000
    return note.encode(one._replace(signatures=(
        *one.signatures, cosignature.sign(one.text, key.verifier.name, key.signer, late)))).decode()


def _reader(firms, need: int) -> Policy:
    keys = {one.id: witness.key_for(TRADE.identity(one), TRADE.origin).verifier for one in firms}
    return Policy("all", (), keys, {"all": Group(need, tuple(keys))})


def test_a_witness_that_writes_a_false_time_accuses_nobody_alone():
    liar = TRADE.witnesses[0]
    file = replace(evidence.parse(FILES["quotation"]), older=(_dated_back(liar, trade()),))
    data = resealed(file, TRADE.buyer)
    assert verdict(data).colour == "green"
    alone = verdict(resealed(replace(file, need=1), TRADE.buyer))
    assert (alone.colour, alone.said) == ("amber", "maker-saw"), "the maker may have chosen who says so"
    now_ms = check.instant.to_ms(AT)
    assert verdict(data, trusted=_reader(TRADE.witnesses, 2), now_ms=now_ms).colour == "green"
    assert verdict(data, trusted=_reader([liar], 1), now_ms=now_ms).said == "backdated", "the control: who trusts it"


def test_the_seller_is_no_witness_of_its_own_record():
    file = evidence.parse(FILES["quotation"])
    own = witness.state(TRADE.identity(TRADE.seller.firm), TRADE.origin)
    assert verdict(resealed(replace(file, statements=(*file.statements, own)), TRADE.buyer)).said == "statement"


def test_what_only_a_thief_of_a_withdrawn_device_can_have_written_accuses_nobody():
    told = {}
    for name in ("withdrawn", "in force"):
        made = trade()
        seller, file = made.seller.firm, evidence.parse(files(made)["quotation"])
        last = seller.log[-1]
        said = keylog.DeviceRevocation(device=seller.device.public)
        gone = seller.key_event(said, seller.id, last.id, n=2, p=last.id)
        envelopes = tuple(wire(one).decode() for one in seller.log)
        one, other = (Branch(made.origin, seller.device, [batch(k), batch(7)]) for k in (1, 2))
        fork = forks.make(seller.id, envelopes, (one.note(2), other.note(2)))
        newer = made.seller.log(leaf.BookLeaf(hash=b64(bytes(32)), id=valves().id, number=2, notice_days=0,
                                              valid_from=PUBLISHED, at=PUBLISHED))
        known = evidence.Known(entry=made.seller.entries[newer].decode(),
                               proof=made.seller.prove(newer, made.seller.checkpoint(by=())))
        logs = {**file.key_logs, seller.id: (*envelopes, wire(gone).decode()) if name == "withdrawn" else envelopes}
        found = verdict(resealed(replace(file, fork=fork.decode(), known=(known,), key_logs=logs), made.buyer))
        told[name] = {one.code for one in found.findings} & {"forked", "newer-in-force"}
    assert told == {"withdrawn": set(), "in force": {"forked", "newer-in-force"}}
