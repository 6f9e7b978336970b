"""What must hold of a firm's price log whatever happened: each document is committed once, and shown once."""

import json
from collections import Counter

import msgspec

from weft.basis.canonical import unb64
from weft.engine.pricelog import batches, log
from weft.pricing import commitment, leaf
from weft.tlog import checkpoint, merkle, policy, proof, tile
from weft.trade.shown import PriceBookShown, PriceOpening, PricesCommitted


async def documents(node):
    """Ids of what this firm must be bound to, by partner."""
    found = {}
    for thread in node.threads("order"):
        members = await node.members(thread)
        if members[node.organisation] != "seller":
            continue
        partner = next(one for one in members if one != node.organisation)
        wanted = {("Quotation", node.organisation), ("Order", partner)}
        found.setdefault(partner, set()).update(
            one.id for one in await node.log(thread) if (one.kind, one.author) in wanted and not one.void)
    for partner, thread in node.partners.items():
        found.setdefault(partner, set()).update(
            one.id for one in await node.log(thread) if (one.kind, one.author) == ("Invoice", node.organisation))
    return {partner: ids for partner, ids in found.items() if ids}


async def waiting(node):
    """How much is still to be committed or shown."""
    return len(await node.store.values(batches.PENDING)) + len(await node.store.values(batches.UNTOLD))


async def whole(node):
    """The leaves of the log, after every hash, the signature and every proof were checked."""
    head = await log.head(node.store)
    if head is None:
        return []
    said = checkpoint.verify(head.read, await log.keys(node))
    data = {one: await log.tile_bytes(node.store, one) for one in tile.of_size(said.size)}
    tile.whole(said.size, said.root, tile.given(data))
    read = [await log.entry(node.store, index) for index in range(said.size)]
    assert [merkle.leaf_hash(one) for one in read] == [
        one for wanted, kept in data.items() if wanted.level == 0 for one in tile.split(wanted, kept)]
    return [leaf.parse(one) for one in read]


async def check(node):
    """Everything of the log of ``node``; how many books, documents and words it came to."""
    leaves, wanted = await whole(node), await documents(node)
    keys = policy.Policy(policy.NONE, tuple(await log.keys(node)))
    counts = Counter(type(one).__name__ for one in leaves if isinstance(one, leaf.BookLeaf))
    assert len({one.hash for one in leaves if isinstance(one, leaf.BookLeaf)}) == counts["BookLeaf"], "a book twice"
    for partner, ids in wanted.items():
        history = await node.log(node.partners[partner])
        said = [one.message for one in history if one.author == node.organisation]
        openings = []
        for word in [one for one in said if isinstance(one, PricesCommitted)]:
            openings += [(one, word.leaf, word.proof) for one in word.openings]
        shown = Counter(one.document for one, _, _ in openings)
        assert set(shown.values()) <= {1}, f"shown twice: {json.dumps(shown)}"
        assert set(shown) == ids, f"missing {ids - set(shown)}, too many {set(shown) - ids}"
        for one, entry, text in openings:
            assert_open(one, entry, text, keys)
            kept = await batches.opened(node.store, unb64(one.document, 32))
            assert (kept.partner, kept.opening.salt) == (partner, one.salt)
        books = Counter(one.hash for one in said if isinstance(one, PriceBookShown))
        assert set(books.values()) <= {1}, "a book shown twice"
        counts["shown"] += len(books)
        counts["documents"] += len(ids)
    return dict(counts)


def assert_open(one: PriceOpening, entry: str, text: str, keys) -> None:
    """The opening leads to the batch ``entry``, and that to a checkpoint by ``text``."""
    batch = leaf.parse(entry.encode())
    assert (batch.n, one.n) == (64, 64)
    commitment.verify(msgspec.convert(msgspec.to_builtins(one), commitment.Opening), batch.root)
    proof.verify(proof.parse(text.encode()), merkle.leaf_hash(entry.encode()), keys)
