"""A curious competitor reads all that is public of a busy firm and of a quiet one, and cannot tell which is which.

It polls the door through simulated weeks, reads every file of the log, knows the true documents of both firms, and
learns from firms that it has seen through before. The same competitor does see through a careless firm.
"""

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import fmean, pstdev

import pytest

from tests.doors.asking import Client
from tests.engine.home import empty_node
from weft.basis import instant
from weft.basis.canonical import b64, unb64
from weft.config import Config, Firm, Prices
from weft.doors import pricelog as door
from weft.engine.pricelog import batches, log
from weft.identity.keys import Signer
from weft.pricing import commitment, leaf
from weft.tlog import checkpoint, cosignature, merkle, note, tile

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
EPOCH_MS = instant.to_ms("2026-03-02T00:00:00Z")
BUSY, QUIET = 40.0, 0.5  # documents a working day
CUSTOMERS = {BUSY: 25, QUIET: 2}
WITNESSES = [Signer(bytes([number]) * 32) for number in range(1, 17)]


@dataclass
class Watch:
    """The time as the test has it."""

    ms: int = EPOCH_MS

    def now_ms(self):
        return self.ms


@dataclass
class Played:
    """A firm through some time: its node, and all that its competitor heard at the door."""

    node: object
    luck: random.Random
    watch: Watch
    heard: list = field(default_factory=list)
    documents: list = field(default_factory=list)


async def founded(seed, minutes):
    node, watch = await empty_node(), Watch()
    node.clock, node.random = watch, random.Random(f"firm {seed}").randbytes
    known = await node.keys(node.organisation)
    node.identity.organisation = b64(random.Random(f"name {seed % 2}").randbytes(32))  # names tell nothing here
    node.keyring[node.organisation] = known
    node.config = Config(firm=Firm(name="A"), prices=Prices(
        batch_minutes=minutes, public_requests_per_s=10_000, public_kilobytes_per_s=1_000_000))
    return Played(node, random.Random(f"trade {seed}"), watch)


async def honest(played):
    """One batch as our nodes make it."""
    await batches.tick(played.node)


async def careless(played):
    """A batch only if there is something, of just that, with a salt that everybody knows."""
    node = played.node
    waiting = [name for name, _ in await node.store.values(batches.PENDING)]
    if not waiting:
        return
    kept = [commitment.commit(bytes(32), document) for document in played.documents[-len(waiting):]]
    rows = [merkle.leaf_hash(one) for one in kept]
    rows += [merkle.EMPTY_ROOT] * ((1 << (len(rows) - 1).bit_length()) - len(rows))
    top = merkle.root_of(len(rows), merkle.from_leaves(rows))
    said = {"kind": "batch", "root": b64(top), "n": len(kept), "at": instant.from_ms(played.watch.ms)}
    gone = [(batches.PENDING, name, None) for name in waiting]
    async with node.lock(log.LOCK):
        await log.append(node, [json.dumps(said).encode()], lambda _: gone)


async def lived(seed, rate, days, minutes, make=honest):
    """A firm that trades ``rate`` documents a working day through ``days``, read by its competitor all the while."""
    played = await founded(seed, minutes)
    node, client = played.node, Client(door.routes(played.node))
    async with node.lock(log.LOCK):
        entry = leaf.encode(leaf.BookLeaf(hash=b64(bytes(32)), id="prices", number=1, notice_days=0,
                                          valid_from="2026-01-01T00:00:00Z", at=instant.from_ms(EPOCH_MS)))
        await log.append(node, [entry])
    customers = [b64(played.luck.randbytes(32)) for _ in range(CUSTOMERS[rate])]
    for step in range(days * 24 * 60 // minutes):
        played.watch.ms = EPOCH_MS + step * minutes * MINUTE_MS
        hour, day = step * minutes // 60 % 24, step * minutes // 1440 % 7
        expected = 0.0 if day >= 5 or (minutes < 1440 and not 8 <= hour < 18) else rate * minutes / min(minutes, 1440)
        expected = expected * (minutes / 600 if minutes < 600 else 1)
        for _ in range(_poisson(played.luck, expected)):
            document = played.luck.randbytes(32)
            played.documents.append(document)
            await batches.pending(node, document, played.luck.choice(customers))
        await make(played)
        await seen_by(played, min(16, CUSTOMERS[rate]))
        head = await client.ask("/pricelog/checkpoint")
        read = note.parse(head.body)
        size = checkpoint.parse_text(read.text).size
        played.heard.append((step, head.status, size, len(read.signatures), tuple(sorted(head.headers))))
    return played


async def seen_by(played, count):
    """Partners cosign the newest checkpoint, as many as there are."""
    now = await log.head(played.node.store)
    if len(now.read.signatures) == 1:
        lines = [cosignature.sign(now.read.text, f"w/{number}", WITNESSES[number], 1 + played.watch.ms // 1000)
                 for number in range(count)]
        await log.keep_cosigned(played.node, note.Note(now.read.text, (*now.read.signatures, *lines)))


def _poisson(luck, expected):
    count, left = 0, luck.expovariate(1)
    while left < expected:
        count, left = count + 1, left + luck.expovariate(1)
    return count


# ---- the competitor ------------------------------------------------------------------------------


async def files(played):
    """Every file of the log, as the door serves it."""
    client = Client(door.routes(played.node))
    head = await client.ask("/pricelog/checkpoint")
    size = checkpoint.parse_text(note.parse(head.body).text).size
    found = {one: (await client.ask(f"/pricelog/{tile.path(one)}")).body
             for one in [*tile.of_size(size), *log.bundles_of(size)]}
    return size, found


async def entries(played):
    size, found = await files(played)
    read = []
    for one in log.bundles_of(size):
        under = tile.Tile(0, one.place, one.width)
        read += tile.parse_bundle(one, found[one], tile.split(under, found[under]))
    return [json.loads(one) for one in read]


async def features(played):
    """What numbers the competitor can make of all that it has read."""
    read = await entries(played)
    made = [one for one in read if one["kind"] == "batch"]
    times = [instant.to_ms(one["at"]) for one in made]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    sizes = [one["n"] for one in made]
    hours = Counter(ms // HOUR_MS % 24 for ms in times)
    roots = "".join(one["root"] for one in made)
    grown = [later[2] - earlier[2] for earlier, later in pairwise(played.heard)]
    return [
        float(len(read)), float(len(made)), fmean(sizes or [0]), pstdev(sizes or [0]), fmean(gaps or [0]),
        pstdev(gaps or [0]), max(hours.values(), default=0) / max(1, len(times)), fmean(grown), pstdev(grown),
        fmean([row[3] for row in played.heard]), sum(map(ord, roots)) / max(1, len(roots)), len(set(roots)) / 64,
        *(fmean([one["root"].encode()[place] for one in made] or [0]) for place in (0, 13, 42)),
    ]


def centroids(seen):
    """(means of each side, the spread of each number): what was learnt of firms that are known."""
    spread = [pstdev(column) or 1.0 for column in zip(*(row for row, _ in seen), strict=True)]
    sides = {side: [fmean(column) for column in zip(*(row for row, of in seen if of == side), strict=True)]
             for side in (BUSY, QUIET)}
    return sides, spread


def guess(learnt, first, second):
    """Whether ``first`` is the busy one of the two."""
    sides, spread = learnt

    def busyness(row):
        away = {side: sum(((one - mean) / width) ** 2 for one, mean, width in zip(row, means, spread, strict=True))
                for side, means in sides.items()}
        return away[QUIET] - away[BUSY]

    return busyness(first) > busyness(second)


async def rate_of_success(make, learn=6, tries=20, days=10):
    """How often the competitor tells the busy firm of two from the quiet one, after it has learnt."""
    async def seen(seed, rate):
        return await features(await lived(seed, rate, days, 1440, make))

    learnt = centroids([(await seen(2 * number + place, rate), rate)
                        for number in range(learn) for place, rate in enumerate((BUSY, QUIET))])
    luck, right = random.Random(make.__name__), 0
    for number in range(tries):
        rates = luck.sample([BUSY, QUIET], 2)
        rows = [await seen(1000 + 2 * number + place, rate) for place, rate in enumerate(rates)]
        right += guess(learnt, *rows) == (rates[0] == BUSY)
    return right / tries


# ---- volume --------------------------------------------------------------------------------------


async def test_a_competitor_that_has_learnt_guesses_who_is_busy_no_better_than_by_a_coin():
    assert 0.25 < await rate_of_success(honest) < 0.75


async def test_control_who_commits_only_what_there_is_shows_how_busy_it_is():
    assert await rate_of_success(careless, learn=4, tries=12) > 0.95


@pytest.mark.release
async def test_a_competitor_that_has_learnt_for_long_still_tosses_a_coin():
    assert 0.4 < await rate_of_success(honest, learn=40, tries=150, days=60) < 0.6


async def views(days, make, minutes=15):
    """What the door showed of a busy and a quiet firm of one name, without the hashes."""
    found = []
    for rate in (BUSY, QUIET):
        played = await lived(4 if rate == BUSY else 6, rate, days, minutes, make)
        size, kept = await files(played)
        bare = [{**one, **({"root": len(one["root"])} if "root" in one else {})} for one in await entries(played)]
        found.append((size, {one: len(data) for one, data in kept.items()}, bare, played.heard))
    return found


async def test_all_that_is_public_is_the_same_of_a_busy_and_a_quiet_firm_but_for_hashes_of_chance():
    busy, quiet = await views(2, honest)
    assert busy == quiet


@pytest.mark.release
async def test_all_that_is_public_of_two_months_is_the_same_but_for_hashes_of_chance():
    busy, quiet = await views(60, honest)
    assert busy == quiet


async def test_control_a_checkpoint_that_shows_who_has_seen_it_tells_how_many_partners_there_are(monkeypatch):
    monkeypatch.setattr(log.Head, "public", property(lambda head: head.note.encode()))
    busy, quiet = await views(1, honest)
    assert busy[-1] != quiet[-1]
    assert {row[3] for row in busy[-1]} == {17}


async def test_control_what_a_careless_firm_makes_public_differs():
    busy, quiet = await views(2, careless)
    assert busy != quiet


# ---- documents and customers ---------------------------------------------------------------------


def traces(documents):
    """All that somebody who knows these very documents can compute of them without their salts."""
    found = set()
    for one in documents:
        bare = commitment.commit(bytes(32), one)
        found |= {one, merkle.leaf_hash(one), bare, merkle.leaf_hash(bare)}
    return found


async def public_hashes(played):
    """Every 32 bytes that the log shows: hashes of tiles, and roots of batches."""
    _, found = await files(played)
    rows = {data[k:k + 32] for one, data in found.items() if one.level != tile.ENTRIES for k in range(0, len(data), 32)}
    return rows | {unb64(one["root"], 32) for one in await entries(played) if one["kind"] == "batch"}


async def test_who_knows_a_document_cannot_find_it_in_the_log_without_its_salt():
    played = await lived(8, BUSY, 10, 1440)
    assert len(played.documents) > 200
    assert not traces(played.documents) & await public_hashes(played)
    text = b"".join((await files(played))[1].values())
    for document in played.documents:  # nor partner, nor document by name
        kept = await batches.opened(played.node.store, document)
        assert kept.partner.encode() not in text
        assert kept.opening.document.encode() not in text


async def test_control_without_salts_who_knows_a_document_finds_it():
    played = await lived(8, QUIET, 30, 1440, careless)
    assert traces(played.documents) & await public_hashes(played)
