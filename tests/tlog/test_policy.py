"""Policies: the specification's example is read, quorums count each witness once, and a bad line is named."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tlog.logs import LOG, LOG_KEY, ORIGIN, POLICY, SEEN_AT, WITNESS_KEYS, at, code, cosign
from weft.basis.errors import WeftError
from weft.identity.keys import Signer
from weft.tlog import note, policy
from weft.tlog.note import COSIGNATURE
from weft.tlog.policy import Group

LOG_VKEY = note.vkey(LOG_KEY)
VKEYS = [note.vkey(key) for key in WITNESS_KEYS.values()]
TWO_FIRMS = f"""
# two organisations
  log {LOG_VKEY} https://factory.example/pricelog

witness X1 {VKEYS[0]}
\twitness X2 \t{VKEYS[1]} https://x2.example
witness X3 {VKEYS[2]}
group X-witnesses 2 X1 X2 X3

witness Y1 {VKEYS[3]}
witness 见证二 {VKEYS[4]}
group Y-witnesses any Y1 见证二

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def test_the_specifications_example_is_read_and_means_what_it_says():
    read = policy.parse(TWO_FIRMS.encode())
    assert read.groups["X-and-Y"] == Group(2, ("X-witnesses", "Y-witnesses"))
    assert read.urls == {LOG_KEY: "https://factory.example/pricelog", WITNESS_KEYS["w2"]: "https://x2.example"}
    xs, ys = {"X1", "X2", "X3"}, {"Y1", "见证二"}
    for count in range(6):
        for some in combinations(sorted(xs | ys), count):
            enough = len(xs & set(some)) >= 2 and bool(ys & set(some))
            assert policy.is_met(read, frozenset(some)) is enough, some
    assert not policy.is_met(read, frozenset({"X-witnesses", "Y-witnesses", "X-and-Y", "stranger"}))


def test_a_policy_reads_back_as_it_was_written():
    for one in (policy.parse(TWO_FIRMS.encode()), POLICY, policy.parse(b"quorum none")):
        assert policy.parse(policy.encode(one)) == one


def test_names_are_octets():
    kelvin = f"witness \u212a {VKEYS[0]}\nwitness K {VKEYS[1]}\nquorum K\n"
    assert set(policy.parse(kelvin.encode()).witnesses) == {"\u212a", "K"}
    octets = f"witness W {VKEYS[0]}\nquorum W\n".encode().replace(b"W", b"\xff\xfe")
    assert policy.encode(policy.parse(octets)) == octets


@pytest.mark.parametrize(("text", "wanted", "line"), [
    ("quorum none\nquorum none", "tlog.policy-quorum", None),
    ("", "tlog.policy-quorum", None),
    ("quorum A", "tlog.policy-name", 1),
    (f"quorum A\nwitness A {VKEYS[0]}", "tlog.policy-name", 1),
    (f"log {LOG_VKEY}\nlog {LOG_VKEY}\nquorum none", "tlog.policy-line", 2),
    (f"log {VKEYS[0]}\nquorum none", "tlog.policy-line", 1),
    (f"witness A {LOG_VKEY}\nquorum A", "tlog.policy-line", 1),
    (f"witness A {VKEYS[0]}\nwitness B {VKEYS[0]}\nquorum A", "tlog.policy-line", 2),
    (f"witness A {VKEYS[0]}\nwitness A {VKEYS[1]}\nquorum A", "tlog.policy-name", 2),
    (f"witness none {VKEYS[0]}\nquorum none", "tlog.policy-name", 1),
    (f"witness A {VKEYS[0]}\ngroup A any A\nquorum A", "tlog.policy-name", 2),
    (f"witness A {VKEYS[0]}\ngroup G any A A\nquorum G", "tlog.policy-name", 2),
    (f"witness A {VKEYS[0]}\ngroup G any A\ngroup H any A\nquorum H", "tlog.policy-name", 3),
    (f"witness A {VKEYS[0]}\ngroup G any none\nquorum G", "tlog.policy-name", 2),
    (f"witness A {VKEYS[0]}\ngroup G any G\nquorum G", "tlog.policy-name", 2),
    (f"witness A {VKEYS[0]}\ngroup G 0 A\nquorum G", "tlog.policy-line", 2),
    (f"witness A {VKEYS[0]}\ngroup G 2 A\nquorum G", "tlog.policy-line", 2),
    (f"witness A {VKEYS[0]}\ngroup G 01 A\nquorum G", "tlog.policy-line", 2),
    (f"witness A {VKEYS[0]}\ngroup G +1 A\nquorum G", "tlog.policy-line", 2),
    ("group G any\nquorum G", "tlog.policy-line", 1),
    ("nonsense\nquorum none", "tlog.policy-line", 1),
    (f"log {LOG_VKEY} a b\nquorum none", "tlog.policy-line", 1),
    ("log x\nquorum none", "tlog.policy-line", 1),
    ("quorum none\r\n", "tlog.policy-line", 1),
    ("# a\x7f\nquorum none", "tlog.policy-line", 1),
    ("# " + "a" * policy.POLICY_BYTES_MAX, "tlog.policy-too-large", None),
])
def test_a_bad_line_is_refused_by_its_number(text, wanted, line):
    with pytest.raises(WeftError) as caught:
        policy.parse(text.encode())
    assert (caught.value.code, caught.value.facts.get("line")) == (wanted, line)


def test_it_takes_64_of_each_and_no_more():
    signers = [Signer(bytes([k, 9]) * 16) for k in range(65)]
    keys = [note.vkey(note.key_of(f"w{k}", one, COSIGNATURE)) for k, one in enumerate(signers)]
    lines = [f"witness w{k} {key}" for k, key in enumerate(keys)]
    groups = ["group g0 any w0", *(f"group g{k} any g{k - 1}" for k in range(1, 65))]
    assert policy.is_met(policy.parse("\n".join([*lines[:64], *groups[:64], "quorum g63"]).encode()), frozenset({"w0"}))
    for many in (lines, [lines[0], *groups]):
        assert code(policy.parse, "\n".join([*many, "quorum none"]).encode()) == "tlog.policy-too-large"


@given(st.sets(st.sampled_from(sorted(WITNESS_KEYS))))
def test_a_checkpoint_holds_exactly_when_enough_witnesses_signed_it(names):
    read = cosign(at(9), *sorted(names))
    if len(names) < 3:
        assert code(policy.verify, POLICY, read) == "tlog.quorum"
    else:
        verdict = policy.verify(POLICY, read)
        assert verdict.checkpoint.size == 9
        assert verdict.witnesses == dict.fromkeys(names, SEEN_AT)


def test_one_witness_that_signs_three_times_counts_once():
    times = cosign(cosign(cosign(at(9), "w1", time=5), "w1", time=6), "w1", time=7)
    assert code(policy.verify, POLICY, times) == "tlog.quorum"


def test_a_cosignature_of_a_known_witness_that_does_not_hold_spoils_it_and_a_strangers_does_not():
    good = cosign(at(9), "w1", "w2", "w3")
    forged = cosign(at(8), "w4").signatures[-1]
    assert code(policy.verify, POLICY, good._replace(signatures=(*good.signatures, forged))) == "tlog.note-signature"
    stranger = good._replace(signatures=(*good.signatures, forged._replace(name="elsewhere.example")))
    assert len(policy.verify(POLICY, stranger).witnesses) == 3


def test_a_policy_without_logs_takes_those_that_the_caller_knows():
    bare = policy.parse(b"quorum none")
    assert code(policy.verify, bare, at(9)) == "tlog.log-unknown"
    assert policy.verify(bare, at(9), [LOG_KEY]).witnesses == {}
    unsigned = cosign(at(9), "w1", "w2", "w3")
    unsigned = unsigned._replace(signatures=unsigned.signatures[1:])
    assert code(policy.verify, POLICY, unsigned) == "tlog.note-unsigned"
    assert note.key_of(ORIGIN, LOG) == LOG_KEY
