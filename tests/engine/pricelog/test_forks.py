"""The proof of a fork stands alone: it holds for anybody, and no honest log can be accused by any file."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.pricelog.firms_of_the_log import Branch, batch, book
from tests.engine.world import Ticking, randomness
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid
from weft.engine import handle
from weft.engine.memory import Identity, Memory, new_incarnation
from weft.engine.pricelog import forks, known, monitor
from weft.engine.receive import key_log_of, key_state, take_key_event
from weft.identity.keylog import DeviceDelegation, DeviceRevocation, KeyInception, commitment
from weft.identity.keys import Signer
from weft.pricing.leaf import origin_of
from weft.stores.memory import MemoryStore
from weft.thread.event import unwire
from weft.tlog import merkle

ENTRIES = [batch(k) for k in range(40)]


async def _firm(*more):
    random = randomness(7)
    founder, device = Signer(random(32)), Signer(random(32))
    memory = Memory(Identity("", device, new_incarnation(random)), MemoryStore(), Ticking(), random)
    organisation = await handle.append_key_events(memory, founder, [
        KeyInception(keys=[founder.public], next=commitment([Signer(random(32)).public])),
        DeviceDelegation(device=device.public, scope="node"), *(one(device.public) for one in more)])
    return organisation, device, await key_log_of(memory, organisation)


@pytest.fixture(scope="module")
def firm():
    import asyncio

    return asyncio.run(_firm())


def read(branch):
    return merkle.from_leaves(branch.leaves)


def made(firm, first, second, small, large):
    organisation, _, key_log = firm
    return forks.make(organisation, key_log, (first.note(small), second.note(large)), read(second))


@pytest.fixture(scope="module")
def logs(firm):
    organisation, device, _ = firm
    honest = Branch(origin_of(organisation), device, ENTRIES)
    return honest, Branch(honest.origin, device, [*ENTRIES[:20], book(7), *ENTRIES[21:]])


def test_two_states_of_one_size_and_of_two_sizes_are_a_proof(firm, logs):
    honest, lie = logs
    told = forks.verify(made(firm, honest, lie, 30, 30))
    assert (told.firm, told.first.size, told.second.size, told.withdrawn, told.code) == (
        firm[0], 30, 30, False, "same-size")
    for small, large in ((21, 40), (32, 40), (39, 40), (21, 22)):
        told = forks.verify(made(firm, honest, lie, small, large))
        assert (told.first.size, told.second.size, told.code) == (small, large, "rewritten")
    data = made(firm, honest, lie, 30, 40)
    assert forks.is_fork(data)
    assert not forks.is_fork(b'{"weft":"price-evidence/1"}')


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40))
def test_an_honest_log_can_be_accused_by_nobody(firm, logs, one, other):
    honest, _ = logs
    small, large = sorted((one, other))
    assert made(firm, honest, honest, small, large) is None
    organisation, _, key_log = firm
    for root in (honest.root(large), merkle.leaf_hash(b"x"), honest.root(max(1, small - 1))):
        for path in (merkle.consistency(small, large, read(honest)), merkle.consistency(max(1, small - 1), large,
                                                                                       read(honest)), []):
            forged = forks.Fork(
                weft=forks.KIND, firm=organisation, key_log=list(key_log), first=honest.note(small).decode(),
                second=honest.note(large).decode(), root=b64(root), path=[b64(each) for each in path])
            with pytest.raises(Invalid):
                forks.verify(msgspec.json.encode(forged))


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_a_proof_with_any_letter_changed_proves_nothing_else(firm, logs, data):
    honest, lie = logs
    proof = bytearray(made(firm, honest, lie, 25, 37))
    whole = forks.verify(bytes(proof))
    place = data.draw(st.integers(0, len(proof) - 1))
    proof[place] ^= data.draw(st.integers(1, 127))
    try:
        told = forks.verify(bytes(proof))
    except Invalid:
        return
    assert told == whole  # such as a letter between two fields


def test_before_they_part_there_is_no_contradiction(firm, logs):
    honest, lie = logs
    for small, large in ((5, 40), (20, 40), (20, 20), (1, 1)):
        assert made(firm, honest, lie, small, large) is None


def test_another_firms_signature_accuses_nobody(firm, logs):
    honest, lie = logs
    forged = Branch(honest.origin, Signer(b"t" * 32), lie.entries)
    assert made(firm, honest, forged, 30, 30) is None
    assert made(firm, honest, forged, 30, 40) is None


async def test_a_fork_by_a_device_that_was_withdrawn_is_told_as_such():
    firm = await _firm(lambda device: DeviceRevocation(device=device))
    organisation, device, key_log = firm
    one, other = (Branch(origin_of(organisation), device, entries) for entries in (ENTRIES, [book(1), *ENTRIES[1:]]))
    told = forks.verify(forks.make(organisation, key_log, (one.note(9), other.note(9))))
    assert told.withdrawn
    assert told.code == "withdrawn"


def test_the_proof_holds_what_it_needs_and_no_more(firm, logs):
    honest, lie = logs
    fork = msgspec.json.decode(made(firm, honest, lie, 25, 37), type=forks.Fork)
    assert unb64(fork.root) == lie.root(25)
    assert len(msgspec.json.encode(fork)) < 6_000
    assert forks.verify(msgspec.json.encode(fork)).code == "rewritten"


async def test_a_thief_who_leaves_out_that_the_device_was_withdrawn_accuses_nobody():
    honest, device, key_log = await _firm(lambda device: DeviceRevocation(device=device))
    one, other = (Branch(origin_of(honest), device, entries) for entries in (ENTRIES, [book(1), *ENTRIES[1:]]))
    data = forks.make(honest, key_log[:2], (one.note(9), other.note(9)))
    assert not forks.verify(data).withdrawn, "the control: the file alone does not tell"
    assert forks.verify(data, key_state(honest, key_log)).withdrawn
    random = randomness(8)
    memory = Memory(Identity("", Signer(b"r" * 32), new_incarnation(random)), MemoryStore(), Ticking(), random)
    for one in key_log:
        await take_key_event(memory, honest, unwire(one.encode()))
    assert not await monitor.accused(memory, data)
    assert await known.red(memory.store, honest) is None
