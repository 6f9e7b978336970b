"""The key log: who may sign what, up to which place of which chain, and the keys committed to before their use."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.basis.canonical import b64
from weft.basis.decider import Said
from weft.basis.errors import Invalid, Refused
from weft.identity import keylog
from weft.identity.keylog import DeviceDelegation, DeviceRevocation, KeyInception, KeyRotation
from weft.identity.keys import Signer

FIRST, NEXT, AFTER, DEVICE, TILL = (Signer(bytes([number]) * 32).public for number in range(1, 6))
WEAK = b64(bytes(32))
THREAD = b64(b"t" * 32)
LIFE = b64(b"i" * 8)


def after(*messages, state=keylog.INITIAL):
    for number, message in enumerate(messages):
        said = Said(id=f"event{number}", by="", role="", message=message)
        assert keylog.judge(state, said) is None
        state = keylog.evolve(state, said)
    return state


def refusal(state, message):
    return keylog.judge(state, Said(id="", by="", role="", message=message))


INCEPTION = KeyInception(keys=[FIRST], next=keylog.commitment([NEXT]))
BEGUN = after(INCEPTION)


def test_an_inception_brings_its_keys_into_force():
    assert BEGUN.keys == [FIRST]
    assert BEGUN.event == "event0"
    assert refusal(BEGUN, INCEPTION) == "keylog.begun"


@pytest.mark.parametrize(("keys", "code"), [
    ([], "keylog.keys"), ([FIRST, FIRST], "keylog.keys"), ([FIRST] * 9, "keylog.keys"), ([WEAK], "key.weak"),
    (["not a key"], "key.weak"), ([FIRST, "é"], "key.weak"),
])
def test_an_inception_needs_sound_keys(keys, code):
    assert refusal(keylog.INITIAL, KeyInception(keys=keys, next=keylog.commitment([NEXT]))) == code


def test_nothing_comes_before_the_inception():
    assert refusal(keylog.INITIAL, DeviceRevocation(device=DEVICE)) == "keylog.device-unknown"
    assert refusal(keylog.INITIAL, KeyRotation(keys=[NEXT], next="")) == "keylog.not-committed"


def test_a_delegated_device_may_sign():
    state = after(INCEPTION, DeviceDelegation(device=DEVICE, scope="node"))
    assert keylog.may_sign(state, DEVICE) is None
    assert keylog.may_sign(state, TILL) == "event.unknown-device"


def test_organisation_keys_are_no_devices():
    assert keylog.may_sign(BEGUN, FIRST) == "event.unknown-device"


@pytest.mark.parametrize(("message", "code"), [
    (DeviceDelegation(device=DEVICE, scope="node"), "keylog.device-known"),
    (DeviceDelegation(device=TILL, scope="everything"), "keylog.scope"),
    (DeviceDelegation(device=WEAK, scope="node"), "key.weak"),
    (DeviceDelegation(device="x", scope="node"), "key.weak"),
    (DeviceRevocation(device=TILL), "keylog.device-unknown"),
])
def test_delegations_that_are_denied(message, code):
    assert refusal(after(INCEPTION, DeviceDelegation(device=DEVICE, scope="node")), message) == code


def test_a_revoked_device_counts_up_to_the_place_that_the_firm_names():
    state = after(
        INCEPTION,
        DeviceDelegation(device=DEVICE, scope="node"),
        DeviceRevocation(device=DEVICE, valid={f"{THREAD}/{LIFE}": 7}),
    )
    end = state.devices[DEVICE].end(2)
    assert end.limit(THREAD, DEVICE, LIFE) == 7
    assert end.limit(THREAD, DEVICE, b64(b"j" * 8)) == end.limit(b64(b"u" * 32), DEVICE, LIFE) == -1
    assert state.devices[DEVICE].end(1) is None  # for one who has read the log up to the delegation only


@given(st.integers(0, 2**32 - 1), st.lists(st.binary(min_size=16, max_size=16), max_size=20))
def test_a_hidden_place_is_read_by_who_knows_the_thread_and_by_nobody_else(n, noise):
    hidden = sorted([*(b64(one) for one in noise), keylog.hidden_place(THREAD, DEVICE, LIFE, n)])
    end = keylog.End(0, hidden=hidden)
    assert end.limit(THREAD, DEVICE, LIFE) == n
    assert end.limit(b64(b"u" * 32), DEVICE, LIFE) == end.limit(THREAD, TILL, LIFE) == -1


def test_a_later_revocation_replaces_the_first_or_names_more_besides():
    def places(state):
        return state.devices[DEVICE].end(9).limit(THREAD, DEVICE, LIFE), state.devices[DEVICE].end(9).valid

    first = DeviceRevocation(device=DEVICE, hidden=[keylog.hidden_place(THREAD, DEVICE, LIFE, 4)])
    state = after(INCEPTION, DeviceDelegation(device=DEVICE, scope="node"), first)
    assert places(after(DeviceRevocation(device=DEVICE, valid={"x": 1}), state=state)) == (-1, {"x": 1})
    assert places(after(DeviceRevocation(device=DEVICE, valid={"x": 1}, adds=True), state=state)) == (4, {"x": 1})
    assert state.devices[DEVICE].end(2) == keylog.End(2, hidden=first.hidden)


@pytest.mark.parametrize("text", ["", "x", "é" * 22, "A" * 21, "A" * 23])
def test_what_is_no_hidden_place_names_nothing(text):
    assert keylog.End(0, hidden=[text]).limit(THREAD, DEVICE, LIFE) == -1
    name = keylog.hidden_place(THREAD, DEVICE, LIFE, 1)[:16]
    assert keylog.End(0, hidden=[name + text]).limit(THREAD, DEVICE, LIFE) == -1


def test_a_revoked_device_is_not_delegated_again():
    state = after(INCEPTION, DeviceDelegation(device=DEVICE, scope="node"), DeviceRevocation(device=DEVICE))
    assert refusal(state, DeviceDelegation(device=DEVICE, scope="node")) == "keylog.device-known"


def test_a_rotation_brings_the_committed_keys_into_force():
    state = after(INCEPTION, KeyRotation(keys=[NEXT], next=keylog.commitment([AFTER])))
    assert state.keys == [NEXT]
    assert refusal(state, KeyRotation(keys=[AFTER], next="")) is None
    assert refusal(state, KeyRotation(keys=[FIRST], next="")) == "keylog.not-committed"


def test_keys_that_were_not_committed_to_cannot_be_rotated_in():
    assert refusal(BEGUN, KeyRotation(keys=[AFTER], next="")) == "keylog.not-committed"
    assert refusal(BEGUN, KeyRotation(keys=[NEXT, AFTER], next="")) == "keylog.not-committed"
    assert refusal(BEGUN, KeyRotation(keys=[WEAK], next="")) == "key.weak"


def test_a_rotation_keeps_devices_and_history():
    state = after(INCEPTION, DeviceDelegation(device=DEVICE, scope="till"), KeyRotation(keys=[NEXT], next=""))
    assert state.devices[DEVICE].scope == "till"
    assert state.events == ["event0", "event1", "event2"]


@given(st.permutations([FIRST, NEXT, AFTER]))
def test_a_commitment_does_not_depend_on_the_order_of_keys(keys):
    assert keylog.commitment(keys) == keylog.commitment([FIRST, NEXT, AFTER])
    assert keylog.commitment(keys) != keylog.commitment(keys[:2])


def test_our_own_command_is_refused_with_its_code():
    with pytest.raises(Refused, match=r"keylog\.scope"):
        keylog.decide(BEGUN, DeviceDelegation(device=DEVICE, scope="everything"))
    with pytest.raises(Invalid, match=r"key\.weak"):
        keylog.decide(BEGUN, DeviceDelegation(device=WEAK, scope="node"))
    command = DeviceDelegation(device=DEVICE, scope="node")
    assert keylog.decide(BEGUN, command) == [command]


def test_the_state_survives_storage():
    revoked = DeviceRevocation(device=DEVICE, valid={f"{THREAD}/{LIFE}": 1})
    state = after(INCEPTION, DeviceDelegation(device=DEVICE, scope="node"), revoked)
    assert msgspec.json.decode(msgspec.json.encode(state), type=keylog.KeyState) == state


def test_every_message_has_its_name():
    assert set(keylog.MESSAGES) == {"KeyInception", "DeviceDelegation", "DeviceRevocation", "KeyRotation"}
