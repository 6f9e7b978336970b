"""A witness signs only what goes on from what it signed last, and says why not in the protocol's own numbers."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tlog.logs import LEAVES, LOG, LOG_KEY, ORIGIN, READ, ROOTS, WITNESS_KEYS, at, code, cosign, reader
from weft.basis.errors import WeftError
from weft.identity.keys import Signer
from weft.tlog import cosignature, merkle, note, witness
from weft.tlog.checkpoint import Checkpoint, signed
from weft.tlog.note import Note
from weft.tlog.witness import Request, Seen

KEY = WITNESS_KEYS["w1"]


def request(old, new, proof=None):
    """The log asks for its checkpoint at ``new``."""
    made = merkle.consistency(old, new, READ) if proof is None else proof
    return Request(old, tuple(made), at(new))


def answered(asked, seen, keys=(LOG_KEY,)):
    """The status with which the witness answers."""
    try:
        witness.judge(asked, keys, seen)
    except WeftError as error:
        return witness.status(error)
    return 200


@settings(max_examples=60)
@given(st.data())
def test_every_honest_request_reads_back_and_is_signed(data):
    new = data.draw(st.integers(0, len(LEAVES)))
    old = data.draw(st.integers(0, new))
    asked = request(old, new)
    assert witness.parse(witness.encode(asked)) == asked
    assert witness.judge(asked, [LOG_KEY], Seen(old, ROOTS[old])) == Checkpoint(ORIGIN, new, ROOTS[new])


def test_a_stranger_is_404_and_an_unsigned_or_badly_signed_one_403():
    seen = Seen(3, ROOTS[3])
    assert answered(request(3, 9), seen) == 200
    assert answered(request(3, 9), seen, ()) == 404
    other = note.key_of(ORIGIN, Signer(b"o" * 32))
    assert answered(request(3, 9), seen, (other,)) == 403
    good = at(9)
    bad = good.signatures[0]._replace(value=bytes(64))
    assert answered(Request(3, request(3, 9).proof, Note(good.text, (bad,))), seen) == 403
    assert answered(Request(3, request(3, 9).proof, Note(good.text, (*good.signatures, bad))), seen) == 403


def test_backwards_is_400_and_from_elsewhere_409_with_the_size_that_was_signed():
    seen = Seen(5, ROOTS[5])
    assert answered(Request(9, (), at(5)), seen) == 400
    for old in (0, 4, 6, 9):
        asked = request(old, 9)
        assert answered(asked, seen) == 409
        with pytest.raises(WeftError) as caught:
            witness.judge(asked, [LOG_KEY], seen)
        assert caught.value.facts == {"size": 5}
    assert witness.parse_conflict(witness.conflict(5)) == 5
    assert answered(request(0, 0), seen) == 409


def test_a_proof_that_does_not_hold_is_422():
    seen = Seen(5, ROOTS[5])
    assert answered(request(5, 9, []), seen) == 422
    assert answered(request(5, 9, [*request(5, 9).proof, bytes(32)]), seen) == 422
    assert answered(request(5, 9, request(4, 9).proof), seen) == 422
    assert answered(request(5, 9), Seen(5, ROOTS[6])) == 422
    assert answered(request(0, 9, [bytes(32)]), Seen()) == 422
    assert answered(request(5, 5, [bytes(32)]), seen) == 422
    assert answered(request(5, 5), seen) == 200


def test_an_empty_log_has_the_hash_of_nothing():
    assert answered(request(0, 0), Seen()) == 200
    assert answered(Request(0, (), at(0, ROOTS[1])), Seen()) == 422
    assert code(witness.judge, Request(0, (), at(0, ROOTS[1])), [LOG_KEY], Seen()) == "tlog.witness-empty-root"


def test_a_fork_is_422_and_without_the_witness_nobody_would_know():
    forked = reader([*LEAVES[:4], merkle.leaf_hash(b"a price for you alone"), *LEAVES[5:]])
    root = merkle.root_of(9, forked)
    fork = signed(Checkpoint(ORIGIN, 9, root), LOG)
    assert code(witness.judge, Request(9, (), fork), [LOG_KEY], Seen(9, ROOTS[9])) == "tlog.witness-fork"
    assert answered(Request(9, (), fork), Seen(9, ROOTS[9])) == 422
    later = signed(Checkpoint(ORIGIN, 12, merkle.root_of(12, forked)), LOG)
    proof = tuple(merkle.consistency(9, 12, forked))
    assert answered(Request(9, proof, later), Seen(9, ROOTS[9])) == 422
    # The control: a witness that saw nothing, or only the fork, signs it.
    assert answered(Request(0, (), fork), Seen()) == 200
    assert answered(Request(9, proof, later), Seen(9, root)) == 200


def test_the_specifications_example_is_read_and_written():
    head = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa """
    body = head.encode()
    body += b"Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    asked = witness.parse(body)
    assert (asked.old, len(asked.proof)) == (20852014, 4)
    assert witness.encode(asked) == body


@pytest.mark.parametrize("change", [
    (b"old 3", b"old 03"), (b"old 3", b"old"), (b"old 3", b"old  3"), (b"old 3", b"Old 3"), (b"old 3", b"old -3"),
    (b"old 3", b"old 9223372036854775808"), (b"old 3\n", b"old 3\r\n"), (b"old 3\n", b"old 3\nAAAA\n"),
    (b"old 3\n", b"old 3\n\n"), (b"old 3\n", b""), (b"old 3", "old ３".encode()),
    (b"old 3\n", b"old 3\n" + (b"A" * 43 + b"=\n") * 64),
])
def test_what_is_no_request_is_400(change):
    body = witness.encode(request(3, 9))
    changed = body.replace(*change, 1)
    assert changed != body
    with pytest.raises(WeftError) as caught:
        witness.parse(changed)
    assert witness.status(caught.value) == 400


def test_a_request_and_an_answer_have_limits():
    assert code(witness.parse, b"old 0\n\n" + bytes(witness.REQUEST_BYTES_MAX)) == "tlog.request-malformed"
    assert code(witness.cosigned, at(9), bytes(note.NOTE_BYTES_MAX + 1), [KEY]) == "tlog.answer-malformed"
    assert code(witness.cosigned, at(9), b"\xff\n", [KEY]) == "tlog.answer-malformed"
    for wrong in (b"", b"5", b"05\n", b"-1\n", b"5\n\n", b"9" * 30 + b"\n", "５\n".encode()):
        assert code(witness.parse_conflict, wrong) == "tlog.answer-malformed"


def test_the_log_takes_from_an_answer_only_cosignatures_that_hold():
    whole = cosign(at(9), "w1", "w2")
    answer = note.encode_signatures(whole.signatures[1:])
    assert set(witness.cosigned(at(9), answer, list(WITNESS_KEYS.values()))) == {KEY, WITNESS_KEYS["w2"]}
    assert set(witness.cosigned(at(9), answer, [KEY])) == {KEY}
    assert code(witness.cosigned, at(9), answer, [WITNESS_KEYS["w3"]]) == "tlog.note-unsigned"
    assert code(witness.cosigned, at(8), answer, [KEY]) == "tlog.note-signature"
    untimed = bytes(8) + Signer(b"\1" * 32).sign(cosignature.message(at(9).text, 0))
    lines = note.encode_signatures([whole.signatures[1]._replace(value=untimed)])
    assert code(witness.cosigned, at(9), lines, [KEY]) == "tlog.answer-malformed"


def test_monitors_find_a_log_by_the_hash_of_its_origin():
    assert witness.monitor_path("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855/checkpoint"
