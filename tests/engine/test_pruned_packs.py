"""Packs of pruned threads from strangers: whatever two firms have agreed to sign, reading it tells what is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.thread.firms import Firm
from weft.basis import canonical
from weft.basis.canonical import b64, digest
from weft.cli.auditing import told
from weft.engine.machines import MACHINES, state_hash
from weft.engine.packs import FOLD, meaning
from weft.thread.audit import audit
from weft.thread.closing import lasted, seals
from weft.thread.closing import told as words
from weft.thread.pack import Manifest, without, write

MACHINE = "order/1"


def pruned(lasting, state=""):
    """The pack of an order of which a genesis and the three closing words are left."""
    buyer, seller = Firm(1), Firm(2)
    members = {buyer.id: "buyer", seller.id: "seller"}
    hashed = b64(digest("closing/1", canonical.encode(lasting)))

    def say(firm, n, p, x, kind, **content):
        return firm.say(begun.thread, n, p and p.id, [one.id for one in x], kind=kind, m=MACHINE,
                        content=canonical.encode(content))

    begun = buyer.say(None, g=b64(b"sixteen bytes ok"), mem=members, kind="RequestForQuotation", m=MACHINE)
    proposed = say(buyer, 3, begun, [], "CloseProposed", lasting=lasting, state=hashed)
    accepted = say(seller, 2, begun, [proposed], "CloseAccepted", proposal=proposed.id, state=hashed)
    confirmed = say(buyer, 4, proposed, [accepted], "ThreadClosed", acceptance=accepted.id, state=hashed)
    manifest = Manifest(format="weft-thread/1", thread=begun.thread, machine=MACHINE, members=members,
                        heads=[confirmed.id], keys=0, events=0, forks=0, state=state, pruned=True)
    return write(manifest, [*buyer.log, *seller.log], [without(begun, [0]), proposed, accepted, confirmed])


def test_a_state_that_both_have_signed_is_what_the_pack_comes_to():
    lasting = {"phase": "cancelled"}
    found = audit(pruned(lasting))
    assert found.sound, found.faults
    assert found.gone == 4
    conversation = MACHINES[MACHINE].conversation
    state = lasted(conversation, seals(words(found.events))[0])
    assert meaning(audit(pruned(lasting, state_hash(state)))).faults == ()
    assert [one.error.code for one in meaning(found).faults] == ["pack.state"]


@pytest.mark.parametrize("lasting", [
    {"phase": "nowhere"}, {"phase": 1}, {"lines": 5}, {"lines": {"1": None}}, {"closing": "x"}, {"a": [[[{}]]]}])
def test_a_state_that_is_none_is_a_fault_and_nothing_worse(lasting):
    data = pruned(lasting)
    assert audit(data).sound
    faults = meaning(audit(data)).faults
    assert [one.step for one in faults] == [FOLD]
    assert not told(data)["sound"]


FIELDS = MACHINES[MACHINE].conversation.INITIAL.__struct_fields__
PLAIN = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8) | st.sampled_from(
    ["20", "CNY", "closed", "ordered", "2026-11-25T08:00:00.000Z", "-1", "1e9"])
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
    st.sampled_from([*FIELDS, "1", "by", "at", "item", "unit", "received"]), inner, max_size=4), max_leaves=12)


@given(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6))
def test_whatever_two_firms_have_signed_as_what_lasts_a_reader_gets_a_verdict(lasting):
    verdict = told(pruned(lasting))
    assert {"sound", "faults"} <= verdict.keys()
