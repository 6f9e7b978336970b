"""Key logs as nodes write and take them: one line, in which a rotation follows what went before."""

import msgspec
import pytest

from tests.engine.home import founded
from tests.thread.firms import as_bytes, salt, signed
from weft.basis.canonical import b64
from weft.basis.errors import Denied, Invalid
from weft.engine import handle
from weft.engine.clock import SystemClock, system_random
from weft.engine.memory import Identity, Memory, new_incarnation
from weft.engine.receive import key_log_of, key_state, take_key_event
from weft.identity.keylog import DeviceDelegation, DeviceRevocation, KeyInception, KeyRotation, commitment
from weft.identity.keys import SEED_BYTES, Signer
from weft.stores.memory import MemoryStore
from weft.thread import event
from weft.thread.event import unwire

ROOT, FOLLOWING, LAST, DEVICE, OTHER = (Signer(bytes([number]) * SEED_BYTES) for number in range(1, 6))


async def holder() -> Memory:
    store = MemoryStore()
    return Memory(Identity("", DEVICE, new_incarnation(system_random)), store, SystemClock(), system_random)


async def rotated() -> tuple[Memory, str]:
    memory = await holder()
    organisation = await handle.append_key_events(memory, ROOT, [
        KeyInception(keys=[ROOT.public], next=commitment([FOLLOWING.public])),
        DeviceDelegation(device=DEVICE.public, scope="node")])
    await handle.append_key_events(memory, FOLLOWING, [
        KeyRotation(keys=[FOLLOWING.public], next=commitment([LAST.public])),
        DeviceRevocation(device=DEVICE.public)], organisation)
    return memory, organisation


async def test_a_rotation_by_the_next_key_continues_the_log_and_others_derive_the_same_keys():
    memory, organisation = await rotated()
    state = key_state(organisation, await key_log_of(memory, organisation))
    assert state == await memory.keys(organisation)
    assert state.keys == [FOLLOWING.public]
    assert state.devices[DEVICE.public].revoked


async def test_a_key_that_is_not_in_force_cannot_continue_the_log():
    memory, organisation = await rotated()
    with pytest.raises(Denied, match=r"event\.unknown-device"):
        await handle.append_key_events(memory, ROOT, [DeviceDelegation(device=OTHER.public, scope="till")],
                                       organisation)
    assert len(await key_log_of(memory, organisation)) == 4


def beside(log, **changes):
    """A delegation by the key in force that does not stand above all of ``log``."""
    said = DeviceDelegation(device=OTHER.public, scope="till")
    header = msgspec.json.decode(log[1].raw) | {"i": b64(b"another1"), "n": 0, "p": None, **changes}
    header.pop("b")
    return signed(event.compose(header, [("*", as_bytes(said))], [salt("beside")]), ROOT)


@pytest.mark.parametrize("above", [[], [0]], ids=["above nothing", "above the inception only"])
async def test_a_second_branch_of_a_key_log_is_refused_whatever_its_place(above):
    """Else two who took them in a different order would hold different keys to be in force."""
    memory = await holder()
    organisation = await handle.append_key_events(memory, ROOT, [
        KeyInception(keys=[ROOT.public], next=commitment([FOLLOWING.public])),
        DeviceDelegation(device=DEVICE.public, scope="node")])
    log = await key_log_of(memory, organisation)
    events = [unwire(one.encode()) for one in log]
    branch = beside(events, x=[events[k].id for k in above])
    with pytest.raises(Invalid, match=r"keylog\.gap"):
        key_state(organisation, [*log, event.wire(branch).decode()])
    store = MemoryStore()
    other = Memory(await founded(store), store, SystemClock(), system_random)
    for one in events:
        await take_key_event(other, organisation, one)
    with pytest.raises((Invalid, Denied), match=r"event\.fork" if above else r"keylog\.gap"):
        await take_key_event(other, organisation, branch)
    await take_key_event(other, organisation, beside(events, x=[events[1].id]))
    assert OTHER.public in (await other.keys(organisation)).devices


async def test_a_chain_of_the_key_log_has_no_gap():
    memory, organisation = await rotated()
    log = await key_log_of(memory, organisation)
    tail = unwire(log[3].encode())
    header = msgspec.json.decode(tail.raw) | {"n": 7}
    header.pop("b")
    jump = signed(event.compose(header, [("*", tail.payloads[0].content)], [salt("jump")]), FOLLOWING)
    with pytest.raises(Invalid, match=r"event\.chain-form"):
        key_state(organisation, [*log[:3], event.wire(jump).decode()])


async def test_a_key_log_grows_to_its_limits_and_is_held_once(monkeypatch):
    """A liar adds to a long revocation again and again: what is held is what it sent, and it may send so much."""
    memory, organisation = await rotated()
    log = await key_log_of(memory, organisation)
    other = await holder()
    for envelope in log:
        await take_key_event(other, organisation, unwire(envelope.encode()))
    monkeypatch.setattr("weft.identity.keylog.PLACES_MAX", 400)
    said = [DeviceRevocation(device=DEVICE.public, hidden=[f"{number}-{k}" for k in range(50)], adds=True)
            for number in range(12)]
    await handle.append_key_events(memory, FOLLOWING, said, organisation)
    taken, refused = 0, ""
    for envelope in (await key_log_of(memory, organisation))[len(log):]:
        try:
            await take_key_event(other, organisation, unwire(envelope.encode()))
            taken += 1
        except Invalid as error:
            refused = error.code
            break
    assert (taken, refused) == (9, "keylog.keys")
    ends = (await other.keys(organisation)).devices[DEVICE.public].ends
    assert sum(len(one.hidden) for one in ends) == 450, "the control: nothing is there twice"
    assert {id(part.hidden) for one in ends for part in one.before} <= {id(one.hidden) for one in ends}
