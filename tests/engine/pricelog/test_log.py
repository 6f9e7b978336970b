"""The price log: what is appended is proven, at every size; nothing is signed that does not go on from what was."""

import asyncio

import pytest

from tests.engine.home import empty_node
from tests.engine.pricelog.test_competitor import Watch
from weft.basis.errors import Invalid, NotFound, Unavailable
from weft.engine.ports import Batch
from weft.engine.pricelog import log
from weft.identity.keys import Signer
from weft.tlog import checkpoint, cosignature, merkle, note, policy, proof, tile
from weft.tlog.tile import ENTRIES, Tile

SIZES = (1, 2, 3, 255, 256, 257, 300, 512, 513)


def entries(first, count):
    return [f"entry {number}".encode() for number in range(first, first + count)]


async def grown(node, size):
    """The log of ``node`` at ``size`` leaves."""
    head = await log.head(node.store)
    first = 0 if head is None else head.size
    if first < size:
        async with node.lock(log.LOCK):
            await log.append(node, entries(first, size - first))
    return await log.head(node.store)


def alone(head, keys):
    return policy.Policy(policy.NONE, tuple(keys))


def test_at_every_size_each_leaf_is_proven_under_the_signed_checkpoint():
    async def story():
        node = await empty_node()
        assert await log.head(node.store) is None
        before = None
        for size in SIZES:
            head = await grown(node, size)
            said = checkpoint.verify(head.read, await log.keys(node))
            assert (said.origin, said.size, said.root) == (log.origin(node), size, head.root)
            for index in {0, size // 2, size - 1}:
                text = await log.prove(node.store, index, head)
                leaf = await log.entry(node.store, index)
                assert leaf == f"entry {index}".encode()
                proof.verify(proof.parse(text.encode()), merkle.leaf_hash(leaf), alone(head, await log.keys(node)))
            if before is not None:
                path = await log.consistency(node.store, before.size, size)
                merkle.verify_consistency(before.size, before.root, size, head.root, path)
                assert await log.root(node.store, before.size) == before.root
            before = head

    asyncio.run(story())


def test_what_is_stored_is_a_whole_log_in_the_layout_of_the_specification():
    async def story():
        node = await empty_node()
        head = await grown(node, 300)
        data = {one: await log.tile_bytes(node.store, one) for one in tile.of_size(300)}
        tile.whole(300, head.root, tile.given(data))
        for one in (Tile(ENTRIES, 0), Tile(ENTRIES, 1, 44), Tile(ENTRIES, 1, 7)):
            bundle = await log.tile_bytes(node.store, one)
            under = Tile(0, one.place, one.width)
            row = tile.split(under, await log.tile_bytes(node.store, under))
            assert tile.parse_bundle(one, bundle, row) == entries(one.place * 256, one.width)
        for missing in (Tile(0, 1, 45), Tile(ENTRIES, 1, 45), Tile(ENTRIES, 2), Tile(1, 0, 2), Tile(0, 1)):
            with pytest.raises(NotFound):
                await log.tile_bytes(node.store, missing)
        with pytest.raises(Invalid, match=r"tlog\.index"):
            await log.inclusion(node.store, 300, 301)

    asyncio.run(story())


def test_many_appends_of_one_leaf_and_one_of_many_give_the_same_log():
    async def story():
        one, other = await empty_node(), await empty_node()
        async with one.lock(log.LOCK):
            for number in range(270):
                assert await log.append(one, entries(number, 1)) == number
        assert (await grown(other, 270)).root == (await log.head(one.store)).root
        stored = [sorted(await node.store.values(log.TILES)) for node in (one, other)]
        assert stored[0] == stored[1]

    asyncio.run(story())


def test_what_goes_with_an_append_is_kept_with_it_or_not_at_all():
    async def story():
        node = await empty_node()
        await grown(node, 3)
        async with node.lock(log.LOCK):
            await log.append(node, entries(3, 2), lambda first: [("beside", "here", str(first).encode())])
        assert await node.store.value("beside", "here") == b"3"
        await node.store.commit(Batch(values=[log.restored()]))
        with pytest.raises(Unavailable, match=r"pricelog\.waits"):
            await log.append(node, entries(5, 1), lambda first: [("beside", "there", b"")])
        assert await node.store.value("beside", "there") is None
        assert (await log.head(node.store)).size == 5

    asyncio.run(story())


def cosigned(node, head, name, at):
    signer = Signer(bytes([at]) * 32)
    return note.Note(head.read.text, (*head.read.signatures, cosignature.sign(head.read.text, name, signer, at)))


def test_the_newest_checkpoint_that_others_saw_is_kept_with_all_that_they_signed():
    async def story():
        node = await empty_node()
        early, head = await grown(node, 4), await grown(node, 9)
        assert await log.shown(node.store) == head
        assert await log.keep_cosigned(node, cosigned(node, head, "w/one", 1))
        assert await log.keep_cosigned(node, cosigned(node, head, "w/two", 2))
        assert await log.keep_cosigned(node, cosigned(node, head, "w/two", 2))
        assert not await log.keep_cosigned(node, cosigned(node, early, "w/one", 1))
        seen = await log.seen(node.store)
        assert seen.size == 9
        assert len(seen.read.signatures) == 3
        assert (await log.head(node.store)).note == seen.note
        after = await grown(node, 10)
        assert (await log.seen(node.store), await log.shown(node.store)) == (seen, seen)
        assert len(after.read.signatures) == 1

    asyncio.run(story())


def test_a_newer_checkpoint_takes_over_once_as_many_have_seen_it_or_when_it_has_waited_for_them():
    async def story():
        node = await empty_node()
        node.clock = Watch()
        first = await grown(node, 4)
        for name, at in (("w/one", 1), ("w/two", 2)):
            await log.keep_cosigned(node, cosigned(node, first, name, at))
        second = await grown(node, 9)
        assert await log.keep_cosigned(node, cosigned(node, second, "w/one", 1))
        assert ((await log.seen(node.store)).size, (await log.head(node.store)).size) == (4, 9)
        assert [(await log.holding(node.store, index)).size for index in (0, 3, 4, 8)] == [4, 4, 9, 9]
        assert len((await log.holding(node.store, 8)).read.signatures) == 2
        assert not await log.keep_cosigned(node, cosigned(node, first, "w/three", 3))
        assert await log.keep_cosigned(node, cosigned(node, second, "w/two", 2))
        assert (await log.seen(node.store)).size == 9
        assert len((await log.seen(node.store)).read.signatures) == 3
        third = await grown(node, 10)
        await log.keep_cosigned(node, cosigned(node, third, "w/one", 1))
        assert (await log.seen(node.store)).size == 9
        node.clock.ms += log.PATIENCE_MS + 1
        fourth = await grown(node, 11)
        await log.keep_cosigned(node, cosigned(node, fourth, "w/one", 1))
        assert (await log.seen(node.store)).size == 11
        assert await log.holding(node.store, 11) is None

    asyncio.run(story())


def test_a_checkpoint_of_a_new_device_takes_over_at_once():
    def head(device, witnesses):
        said = checkpoint.signed(checkpoint.Checkpoint("weft/pricelog/x", 4, bytes(32)), Signer(bytes([device]) * 32))
        lines = [cosignature.sign(said.text, f"w/{one}", Signer(bytes([9 + one]) * 32), 1) for one in range(witnesses)]
        return log.Head(4, bytes(32), note.encode(note.Note(said.text, (*said.signatures, *lines))).decode(), 0)

    assert log._takes_over(head(2, 1), head(1, 5), 0)
    assert not log._takes_over(head(1, 1), head(1, 5), 0)
    assert log._takes_over(head(1, 5), head(1, 5), 0)


def test_a_witness_that_signs_again_and_again_has_one_line():
    async def story():
        node = await empty_node()
        head = await grown(node, 4)
        signer = Signer(bytes(range(32)))
        for at in range(1, 200):
            line = cosignature.sign(head.read.text, "w/one", signer, at)
            await log.keep_cosigned(node, note.Note(head.read.text, (*head.read.signatures[:1], line)))
        own, other = (await log.head(node.store)).read.signatures
        assert own.name == log.origin(node)
        assert cosignature.timestamp_of(other.value) == 199

    asyncio.run(story())


def test_a_checkpoint_of_another_history_is_not_kept():
    async def story():
        node = await empty_node()
        head = await grown(node, 4)
        other = checkpoint.signed(checkpoint.Checkpoint(log.origin(node), 4, bytes(32)), node.identity.signer)
        with pytest.raises(Invalid):
            await log.keep_cosigned(node, other)
        stranger = await empty_node()
        foreign = checkpoint.signed(checkpoint.parse_text(head.read.text), stranger.identity.signer)
        with pytest.raises(Invalid):
            await log.keep_cosigned(node, foreign)

    asyncio.run(story())


# ---- after a restore -----------------------------------------------------------------------------


async def restored_at(size, lost):
    """(the node as it was, the same restored to ``size`` leaves, the log that others still have)."""
    node = await empty_node()
    await grown(node, size)
    backup = {bucket: dict(await node.store.values(bucket)) for bucket in (log.STATE, log.TILES)}
    head = await grown(node, size + lost)
    tiles = [*tile.of_size(head.size), *(one for one in log.bundles_of(head.size))]
    others = {tile.path(one): await log.tile_bytes(node.store, one) for one in tiles}
    now = {bucket: dict(await node.store.values(bucket)) for bucket in (log.STATE, log.TILES)}
    gone = [(bucket, name, None) for bucket, kept in now.items() for name in kept]
    back = [(bucket, name, data) for bucket, kept in backup.items() for name, data in kept.items()]
    await node.store.commit(Batch(values=[*gone, *back, log.restored()]))
    return node, head, others


@pytest.mark.parametrize(("size", "lost"), [(1, 1), (200, 100), (256, 1), (300, 400)])
def test_after_a_restore_the_log_goes_on_from_the_newest_checkpoint_that_others_hold(size, lost):
    async def story():
        node, head, others = await restored_at(size, lost)
        assert await log.waits(node.store)
        await log.take_back(node, head.read, others)
        assert not await log.waits(node.store)
        assert await log.head(node.store) == head
        after = await grown(node, head.size + 3)
        path = await log.consistency(node.store, head.size, after.size)
        merkle.verify_consistency(head.size, head.root, after.size, after.root, path)
        assert await log.entry(node.store, head.size - 1) == f"entry {head.size - 1}".encode()

    asyncio.run(story())


def test_control_a_log_that_goes_on_from_its_backup_tells_two_histories():
    async def story():
        node, head, _ = await restored_at(5, 5)
        await log.go_on(node)
        async with node.lock(log.LOCK):
            await log.append(node, [b"something else"] * 5)
        other = await log.head(node.store)
        assert checkpoint.contradict(checkpoint.parse_text(head.read.text), checkpoint.parse_text(other.read.text))

    asyncio.run(story())


def test_what_does_not_lead_on_from_what_we_hold_is_not_taken_back():
    async def story():
        node, head, others = await restored_at(200, 200)
        for path in others:
            bent = {**others, path: bytes([others[path][0] ^ 1]) + others[path][1:]}
            with pytest.raises((Invalid, NotFound)):
                await log.take_back(node, head.read, bent)
        with pytest.raises(NotFound):
            await log.take_back(node, head.read, {})
        assert await log.waits(node.store)
        assert (await log.head(node.store)).size == 200

    asyncio.run(story())
