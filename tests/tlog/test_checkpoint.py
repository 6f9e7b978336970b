"""Checkpoints: what a log signs about itself is read in one way only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tlog.logs import LOG, LOG_KEY, ORIGIN, ROOTS, at, code
from weft.identity.keys import Signer
from weft.tlog import checkpoint, note
from weft.tlog.checkpoint import Checkpoint

ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="


def test_the_specifications_example_is_read():
    text = f"example.com/behind-the-sofa\n20852163\n{ROOT}\n"
    found = checkpoint.parse_text(text)
    assert found == Checkpoint("example.com/behind-the-sofa", 20852163, found.root)
    assert checkpoint.text_of(found) == text
    more = checkpoint.parse_text(f"{text}one\ntwo three\n")
    assert more.extensions == ("one", "two three")
    assert checkpoint.text_of(more) == f"{text}one\ntwo three\n"


@pytest.mark.parametrize("text", [
    "", "a\n1\n", f"a\n1\n{ROOT}", f"\n1\n{ROOT}\n", f"a\n01\n{ROOT}\n", f"a\n-1\n{ROOT}\n", f"a\n+1\n{ROOT}\n",
    f"a\n\n{ROOT}\n", f"a\n1 \n{ROOT}\n", f"a\n１\n{ROOT}\n", f"a\n9223372036854775808\n{ROOT}\n",
    f"a\n1\n{ROOT[:-1]}\n", f"a\n1\n{ROOT[4:]}\n", f"a\n1\n{ROOT}\n\n", f"a\n1\n{ROOT}\n\nb\n",
    f"a\n1\n{ROOT.replace('/', '_')}\n",
    f"a\n1\n{ROOT[:-2]}J=\n", f"a\n1\n {ROOT}\n", f"{'a' * 256}\n1\n{ROOT}\n", f"a\n1\n{ROOT}\n" + "e\n" * 17,
])
def test_what_is_no_checkpoint_is_refused(text):
    assert code(checkpoint.parse_text, text) == "tlog.checkpoint-malformed"


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_whatever_a_log_signs_reads_back_and_holds(size, root):
    one = Checkpoint(ORIGIN, size, root)
    read = note.parse(note.encode(checkpoint.signed(one, LOG)))
    assert checkpoint.verify(read, [LOG_KEY]) == one


def test_a_checkpoint_that_cannot_be_read_is_not_signed():
    for one in (Checkpoint("", 1, ROOTS[1]), Checkpoint("a\nb", 1, ROOTS[1]), Checkpoint("a", 2**63, ROOTS[1]),
                Checkpoint("a", -1, ROOTS[1]), Checkpoint("a", 1, b"short"), Checkpoint("a", 1, ROOTS[1], ("",))):
        assert code(checkpoint.text_of, one) == "tlog.checkpoint-malformed"


def test_a_log_is_believed_only_about_itself():
    other = Signer(b"o" * 32)
    other_key = note.key_of("other.example/log", other)
    assert code(checkpoint.verify, at(3), [other_key]) == "tlog.log-unknown"
    forged = at(3)._replace(signatures=(note.sign(at(3).text, "other.example/log", other),))
    assert code(checkpoint.verify, forged, [LOG_KEY, other_key]) == "tlog.note-unsigned"
    assert checkpoint.verify(at(3), [LOG_KEY, other_key]).size == 3  # the control


def test_two_roots_of_one_size_contradict_each_other():
    one, same = Checkpoint(ORIGIN, 3, ROOTS[3]), Checkpoint(ORIGIN, 3, ROOTS[3], ("note",))
    assert checkpoint.contradict(one, one._replace(root=ROOTS[4]))
    assert not checkpoint.contradict(one, same)
    assert not checkpoint.contradict(one, Checkpoint(ORIGIN, 4, ROOTS[4]))
    assert not checkpoint.contradict(one, Checkpoint("other.example", 3, ROOTS[4]))
