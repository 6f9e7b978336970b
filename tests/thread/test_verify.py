"""Verification, step by step: a member's device, known to the member's key log, at this place, signed these bytes."""

import msgspec
import pytest

from tests.thread.firms import Firm, signed
from weft.basis.canonical import b64
from weft.basis.decider import Said
from weft.basis.errors import Denied, Invalid
from weft.identity import keylog
from weft.identity.keys import Signer
from weft.thread import event
from weft.thread.verify import check_event, check_key_event

FIRM, OTHER, STRANGER = Firm(1), Firm(2), Firm(3)
MEMBERS = {FIRM.id: "buyer", OTHER.id: "seller"}
GENESIS = FIRM.begin(MEMBERS)


def denied(one, keys, members=MEMBERS) -> str:
    with pytest.raises(Denied) as refusal:
        check_event(one, members, keys)
    return refusal.value.code


def test_the_control_what_a_members_device_signed_passes():
    check_event(GENESIS, MEMBERS, FIRM.keys())
    check_event(OTHER.say(GENESIS.thread, x=[GENESIS.id]), MEMBERS, OTHER.keys())


def test_a_stranger_is_denied_however_well_he_signs():
    assert denied(STRANGER.say(GENESIS.thread, x=[GENESIS.id]), STRANGER.keys()) == "event.stranger"


def test_without_the_authors_key_log_nothing_passes():
    assert denied(GENESIS, None) == "event.unknown-key-event"


def test_a_key_event_that_we_do_not_hold_is_denied():
    one = FIRM.say(GENESIS.thread, n=1, p=GENESIS.id, ks=b64(b"k" * 32))
    assert denied(one, FIRM.keys()) == "event.unknown-key-event"


def test_another_firms_keys_do_not_help():
    assert denied(GENESIS, OTHER.keys()) == "event.unknown-key-event"


def test_an_unknown_device_is_denied():
    thief = Signer(b"thief device key" * 2)
    one = signed(FIRM.say(GENESIS.thread, n=1, p=GENESIS.id, d=thief.public), thief)
    assert denied(one, FIRM.keys()) == "event.unknown-device"


@pytest.mark.parametrize("signature", [b"", bytes(64), b"x" * 63])
def test_a_wrong_signature_is_denied(signature):
    one = msgspec.structs.replace(GENESIS, signature=signature)
    assert denied(one, FIRM.keys()) == "event.signature"


def test_a_signature_of_another_event_is_denied():
    second = FIRM.say(GENESIS.thread, n=1, p=GENESIS.id)
    assert denied(msgspec.structs.replace(second, signature=GENESIS.signature), FIRM.keys()) == "event.signature"


def test_a_signature_over_the_bare_id_is_denied():
    """The domain in front keeps a signature made for another purpose from counting here."""
    bare = FIRM.device.sign(b"something-else/1\0" + event.signed_bytes(GENESIS.id)[10:])
    assert denied(msgspec.structs.replace(GENESIS, signature=bare), FIRM.keys()) == "event.signature"


def test_what_a_revoked_device_signed_is_no_forgery():
    """Whether it counts is another question (``test_standing.py``), with the same answer in whatever order it came."""
    revocation = keylog.DeviceRevocation(device=FIRM.device.public)
    revoked = keylog.evolve(FIRM.keys(), Said("revoked", FIRM.id, "", revocation))
    check_event(FIRM.say(GENESIS.thread, n=1, p=GENESIS.id), MEMBERS, revoked)


# ---- the key log itself


def state_of(firm: Firm) -> keylog.KeyState:
    return firm.keys()


def test_the_control_a_key_log_verifies_from_its_inception():
    state = keylog.INITIAL
    for one in FIRM.log:
        check_key_event(one, state)
        message = msgspec.json.decode(one.payloads[0].content, type=keylog.MESSAGES[one.header.y])
        state = keylog.evolve(state, Said(one.id, one.author, "", message))
    assert state == FIRM.keys()


def test_a_device_cannot_sign_the_key_log():
    message = keylog.DeviceDelegation(device=Signer(bytes(32)).public, scope="node")
    one = FIRM.key_event(message, FIRM.id, FIRM.log[-1].id, n=0, p=None, signer=FIRM.device)
    with pytest.raises(Denied, match=r"event\.unknown-device"):
        check_key_event(one, FIRM.keys())


def test_a_forged_key_event_is_denied():
    tail = FIRM.log[-1]
    with pytest.raises(Denied, match=r"event\.signature"):
        check_key_event(msgspec.structs.replace(tail, signature=bytes(64)), FIRM.keys())


def test_another_firms_name_on_a_key_event_is_denied():
    message = keylog.DeviceDelegation(device=Signer(bytes(32)).public, scope="node")
    good = FIRM.key_event(message, FIRM.id, FIRM.log[-1].id, n=2, p=FIRM.log[-1].id)
    check_key_event(good, FIRM.keys())
    header = msgspec.json.decode(good.raw) | {"a": OTHER.id}
    header.pop("b")
    other = signed(event.compose(header, [("*", good.payloads[0].content)], [good.payloads[0].salt]), FIRM.first)
    with pytest.raises(Denied, match=r"event\.stranger"):
        check_key_event(other, FIRM.keys())


def rotation(signer: Signer, keys: list[str]):
    message = keylog.KeyRotation(keys=keys, next=keylog.commitment([FIRM.first.public]))
    return FIRM.key_event(message, FIRM.id, FIRM.log[-1].id, n=0, p=None, signer=signer)


def test_a_rotation_is_signed_by_the_key_that_was_committed_to():
    check_key_event(rotation(FIRM.following, [FIRM.following.public]), FIRM.keys())


def test_whoever_stole_the_present_key_cannot_rotate():
    with pytest.raises(Denied, match=r"event\.unknown-device"):
        check_key_event(rotation(FIRM.first, [FIRM.following.public]), FIRM.keys())
    thief = Signer(b"t" * 32)
    with pytest.raises(Denied, match=r"keylog\.not-committed"):
        check_key_event(rotation(thief, [thief.public]), FIRM.keys())


def test_a_rotation_without_its_payload_cannot_be_checked():
    bare = rotation(FIRM.following, [FIRM.following.public])
    with pytest.raises(Invalid, match=r"keylog\.no-rotation"):
        check_key_event(event.parse(bare.raw, bare.signature), FIRM.keys())


def test_an_inception_is_signed_by_a_key_that_it_names():
    begun = FIRM.log[0]
    check_key_event(begun, keylog.INITIAL)
    with pytest.raises(Denied, match=r"event\.signature"):
        check_key_event(msgspec.structs.replace(begun, signature=bytes(64)), keylog.INITIAL)
    with pytest.raises(Invalid, match=r"keylog\.no-inception"):
        check_key_event(event.parse(begun.raw, begun.signature), keylog.INITIAL)


def test_nothing_but_an_inception_begins_a_key_log():
    message = keylog.DeviceDelegation(device=FIRM.device.public, scope="node")
    with pytest.raises(Invalid, match=r"keylog\.no-inception"):
        check_key_event(FIRM.key_event(message, None, None, n=0, p=None), keylog.INITIAL)


def test_a_malformed_inception_is_invalid():
    fields = {name: value for name, value in msgspec.json.decode(FIRM.log[0].raw).items() if name != "b"}
    one = signed(event.compose(fields, [("*", b'{"keys":1}')], [bytes(32)]), FIRM.first)
    with pytest.raises(Invalid, match=r"keylog\.no-inception"):
        check_key_event(one, keylog.INITIAL)
