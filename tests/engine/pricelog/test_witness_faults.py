"""A witness under power cuts, two requests at once, replays, rollbacks; each fault with a control that shows it."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

import pytest

from tests.engine.pricelog.firms_of_the_log import Branch, append, batch, branch, firms, stop, with_prices
from tests.engine.test_restore import again, backup_of
from weft.basis.errors import WeftError
from weft.engine.memory import Identity, Memory
from weft.engine.pricelog import gossip, known, log, witness
from weft.engine.requests import sign_request
from weft.identity.keys import Signer
from weft.pricing.leaf import origin_of
from weft.stores.memory import MemoryStore
from weft.tlog import cosignature, note
from weft.tlog import witness as protocol


class PowerCutError(Exception):
    """The machine stops here."""


@dataclass
class Cutting:
    """A store that loses power: after a commit (``kept``) or before it was done, once."""

    store: MemoryStore
    kept: bool
    armed: bool = True
    slow: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def commit(self, given):
        if self.slow:
            await asyncio.sleep(0.01)
        if self.armed and self.kept:
            await self.store.commit(given)
        if self.armed:
            self.armed = False
            raise PowerCutError
        await self.store.commit(given)


@pytest.fixture
async def pair():
    """A seller, its witness, and two logs of 12 and 13 leaves that cannot both be true."""
    _, (seller, other) = await firms("Seller", "Witness")
    entries = [batch(k) for k in range(10)]
    truth = branch(seller, [*entries, batch(20), batch(21)])
    lie = branch(seller, [*entries, batch(30), batch(31), batch(32)])
    await witness.add_checkpoint(other, seller.organisation, truth.request(0, 10))
    yield seller, other, truth, lie
    await stop(seller, other)


async def answered(node: Memory, caller: str, body: bytes) -> int:
    try:
        await witness.add_checkpoint(node, caller, body)
    except WeftError as error:
        return witness.status(error)
    return 200


def signs(lines: bytes, node: Memory, of: Branch, size: int) -> bool:
    """Whether ``lines`` are the witness's cosignature of ``of`` at ``size``."""
    key = witness.key_for(node.identity, of.origin).verifier
    return set(protocol.cosigned(note.parse(of.note(size)), lines, [key])) == {key}


async def hasty(memory: Memory, caller: str, body: bytes) -> bytes:
    """The control: a witness that signs and answers before it keeps what it saw, and holds no lock."""
    asked = protocol.parse(body)
    keys = known.keys_of(await memory.keys(caller), caller)
    held = await witness.witnessed(memory.store, caller)
    seen = protocol.Seen() if held is None else protocol.Seen(held.size, held.root)
    said = protocol.judge(asked, keys, seen)
    key = witness.key_for(memory.identity, said.origin)
    lines = note.encode_signatures([cosignature.sign(asked.note.text, key.verifier.name, key.signer, 1)])
    TAKEN.append(lines)  # the answer is on the line
    kept = witness.Witnessed(said.size, said.root, note.encode(asked.note).decode(), 1)
    from weft.engine.ports import Batch

    await memory.store.commit(Batch(values=[(witness.SEEN, caller, witness.msgspec.msgpack.encode(kept))]))
    return lines


TAKEN: list[bytes] = []


@pytest.fixture(autouse=True)
def no_answers():
    TAKEN.clear()


async def test_a_power_cut_before_it_is_kept_gives_no_answer_and_one_after_it_forgets_nothing(pair):
    seller, other, truth, lie = pair
    for kept in (False, True):
        other.store = Cutting(other.store, kept)
        with pytest.raises(PowerCutError):
            await witness.add_checkpoint(other, seller.organisation, truth.request(10, 12))
        other.store = other.store.store  # the machine starts again
        held = await witness.witnessed(other.store, seller.organisation)
        assert held.size == (12 if kept else 10)
    assert await answered(other, seller.organisation, lie.request(10, 12)) == 409
    assert await answered(other, seller.organisation, lie.request(12, 13)) == 422
    lines = await witness.add_checkpoint(other, seller.organisation, truth.request(12, 12))  # asked again: signed again
    assert signs(lines, other, truth, 12)


async def test_the_control_who_answers_before_keeping_signs_both_stories_round_a_power_cut(pair):
    seller, other, truth, lie = pair
    other.store = Cutting(other.store, kept=False)
    with pytest.raises(PowerCutError):
        await hasty(other, seller.organisation, truth.request(10, 12))
    other.store = other.store.store
    await hasty(other, seller.organisation, lie.request(10, 12))
    first, second = TAKEN
    assert signs(first, other, truth, 12)
    assert signs(second, other, lie, 12)


async def test_of_two_requests_at_once_for_two_stories_one_is_signed(pair):
    seller, other, truth, lie = pair
    other.store = Cutting(other.store, kept=True, armed=False, slow=True)
    got = await asyncio.gather(*(answered(other, seller.organisation, one.request(10, 12)) for one in (truth, lie)))
    assert sorted(got) == [200, 409]


async def test_the_control_without_the_lock_both_are_signed(pair):
    seller, other, truth, lie = pair
    other.store = Cutting(other.store, kept=True, armed=False, slow=True)
    first, second = await asyncio.gather(*(hasty(other, seller.organisation, one.request(10, 12))
                                           for one in (truth, lie)))
    assert signs(first, other, truth, 12)
    assert signs(second, other, lie, 12)


async def test_a_replayed_request_changes_nothing_and_an_older_state_is_never_signed_again(pair):
    seller, other, truth, _ = pair
    old, new = truth.request(10, 11), truth.request(10, 12)
    assert await answered(other, seller.organisation, new) == 200
    for _ in range(3):
        assert await answered(other, seller.organisation, new) == 409
        assert await answered(other, seller.organisation, old) == 409
    assert await answered(other, seller.organisation, truth.request(0, 5)) == 409
    assert await answered(other, seller.organisation, protocol.encode(protocol.Request(
        12, (), note.parse(truth.note(11))))) == 400
    assert (await witness.witnessed(other.store, seller.organisation)).size == 12


async def test_a_replayed_signed_request_is_no_request_of_a_node(pair):
    seller, other, truth, _ = pair
    body = truth.request(10, 12)
    path = "/pricelog/witness/add-checkpoint"
    header, _ = sign_request(seller, other.organisation, path, body)
    await other.gate.check(path, body, header)
    with pytest.raises(WeftError, match=r"peer\.replayed"):
        await other.gate.check(path, body, header)


async def test_a_witness_restored_from_a_backup_is_a_new_witness(pair):
    seller, other, truth, lie = pair
    kept = backup_of(other.store)
    lines = await witness.add_checkpoint(other, seller.organisation, truth.request(10, 12))
    said = witness.state(other.identity, truth.origin)
    before, wires = other.identity, other.peers.wires
    node = await again(other, wires, kept)
    second = await witness.add_checkpoint(node, seller.organisation, lie.request(10, 12))  # it does not remember
    trusted = witness.verify_statement(said, await seller.keys(node.organisation))
    assert protocol.cosigned(note.parse(truth.note(12)), lines, [trusted])
    with pytest.raises(WeftError, match=r"tlog\.note-unsigned"):  # but nobody takes it for the one that it was
        protocol.cosigned(note.parse(lie.note(12)), second, [trusted])
    # The control: had it kept its life, it would have signed both stories with one key.
    same = Identity(node.organisation, before.signer, before.incarnation)
    assert witness.key_for(same, truth.origin).verifier == trusted
    key = witness.key_for(same, truth.origin)
    forged = cosignature.sign(lie.note(12).decode().partition("\n\n")[0] + "\n", key.verifier.name, key.signer, 5)
    assert protocol.cosigned(note.parse(lie.note(12)), note.encode_signatures([forged]), [trusted])
    await node.stop()


async def test_a_checkpoint_that_no_device_of_the_firm_signed_is_not_cosigned(pair):
    seller, other, truth, _ = pair
    thief = Branch(truth.origin, Signer(b"t" * 32), truth.entries)
    assert await answered(other, seller.organisation, thief.request(10, 12)) == 403
    assert await answered(other, seller.organisation, truth.request(10, 12)) == 200


async def test_a_show_that_is_not_ours_is_followed_by_nobody(pair):
    seller, other, truth, lie = pair
    with contextlib.suppress(WeftError):
        await other.witnessing.answer(seller.organisation, gossip.SHOW_PATH, witness.msgspec.json.encode(gossip.Show(
            truth.note(12).decode(), 0, [gossip.b64(one) for one in lie.entries[:12]])))
    assert (await known.followed(other.store, seller.organisation)).size == 0
    assert origin_of(seller.organisation) == truth.origin


@dataclass
class CutAt:
    """A store that loses power at its commit number ``at``, before or after it was done."""

    store: MemoryStore
    at: int
    kept: bool
    count: int = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def commit(self, given):
        self.count += 1
        if self.count == self.at and not self.kept:
            raise PowerCutError
        await self.store.commit(given)
        if self.count == self.at:
            raise PowerCutError


@pytest.mark.parametrize("who", ["seller", "witness"])
@pytest.mark.parametrize("kept", [False, True])
async def test_wherever_the_power_goes_both_end_up_with_the_same_log_and_no_alarm(who, kept):
    at, cut = 0, True
    while cut:
        at += 1
        wires, (seller, other) = await firms("Seller", "Witness")
        await append(seller, *(batch(k) for k in range(30)))
        await seller.witnessing.asking.round()
        hit = seller if who == "seller" else other
        hit.store = cutting = CutAt(hit.store, at, kept)
        with contextlib.suppress(PowerCutError):
            await append(seller, *(batch(k) for k in range(30, 40)))
        with contextlib.suppress(PowerCutError):
            await seller.witnessing.asking.round()
        cut = cutting.count >= at
        hit.store = cutting.store
        await with_prices(hit, wires)  # it starts again, and knows what it had kept
        if (await log.head(seller.store)).size == 30:
            await append(seller, *(batch(k) for k in range(30, 40)))
        seller.witnessing.asking.due_ms.clear()
        await seller.witnessing.asking.round()
        now = await log.head(seller.store)
        followed = await known.followed(other.store, seller.organisation)
        signed = await witness.witnessed(other.store, seller.organisation)
        assert (now.size, followed.size, signed.size) == (40, 40, 40), at
        assert now.root == followed.root == signed.root
        assert not seller.alarms
        assert not other.alarms
        await stop(seller, other)
    assert at > 2
