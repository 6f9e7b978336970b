"""The public price record over HTTP: a whole log can be read, kept and checked; a stranger learns nothing else."""

import pytest

from tests.doors.asking import Client
from tests.engine.dealing import BOOK
from tests.engine.home import empty_node
from weft.config import Config, Prices
from weft.doors import pricelog as door
from weft.engine.pricelog import batches, log, showing
from weft.identity.keys import Signer
from weft.pricing import book as books
from weft.pricing import publish
from weft.tlog import checkpoint, cosignature, note, tile


async def node_with(size):
    node = await empty_node()
    async with node.lock(log.LOCK):
        await log.append(node, [f"entry {number}".encode() for number in range(size)])
    return node


async def test_whoever_reads_the_files_has_a_whole_log_that_its_firm_signed():
    node = await node_with(300)
    client = Client(door.routes(node))
    head = await client.ask("/pricelog/checkpoint")
    assert head.headers["content-type"] == "text/plain; charset=utf-8"
    said = checkpoint.verify(note.parse(head.body), await log.keys(node))
    assert said.size == 300
    data = {}
    for one in [*tile.of_size(said.size), *log.bundles_of(said.size)]:
        answer = await client.ask(f"/pricelog/{tile.path(one)}")
        assert (answer.status, answer.headers["content-type"]) == (200, "application/octet-stream")
        data[one] = answer.body
    tile.whole(said.size, said.root, tile.given(data))
    for one in log.bundles_of(said.size):
        under = tile.Tile(0, one.place, one.width)
        assert len(tile.parse_bundle(one, data[one], tile.split(under, data[under]))) == one.width


async def test_tiles_are_kept_for_ever_and_the_checkpoint_is_asked_for_anew():
    node = await node_with(5)
    client = Client(door.routes(node))
    tiles = await client.ask("/pricelog/tile/0/000.p/5")
    assert "immutable" in tiles.headers["cache-control"]
    head = await client.ask("/pricelog/checkpoint")
    assert head.headers["cache-control"] == "no-cache"
    again = await client.ask("/pricelog/checkpoint", headers={"if-none-match": head.headers["etag"]})
    assert (again.status, again.body) == (304, b"")
    await batches.make(node)
    after = await client.ask("/pricelog/checkpoint", headers={"if-none-match": head.headers["etag"]})
    assert after.status == 200
    assert (await client.ask("/pricelog/tile/0/000.p/5")).body == tiles.body
    assert (await client.ask("/pricelog/tile/0/000.p/6")).status == 200


async def test_who_has_seen_the_record_is_not_shown_to_strangers():
    node = await node_with(5)
    head = await log.head(node.store)
    seen = cosignature.sign(head.read.text, "w/partner", Signer(bytes(range(32))), 1_795_000_000)
    await log.keep_cosigned(node, note.Note(head.read.text, (*head.read.signatures, seen)))
    answer = await Client(door.routes(node)).ask("/pricelog/checkpoint")
    assert answer.body == head.note.encode()
    assert b"w/partner" not in answer.body


async def test_a_book_is_there_for_everybody_only_if_its_owner_made_it_public():
    node = await empty_node()
    client, names = Client(door.routes(node)), {}
    for disclosure in ("public", "to-counterparties"):
        draft = {**BOOK, "id": disclosure, "disclosure": disclosure}
        await node.record("pricing", publish.Publish(book=draft, at="2026-01-01T00:00:00Z"))
        names[disclosure] = books.shape(draft).hash
    assert (await client.ask(f"/pricelog/book/{names['public']}")).status == 404  # not logged yet
    for name in names.values():
        await showing.log_book(node, name)
    answer = await client.ask(f"/pricelog/book/{names['public']}")
    assert books.load(answer.body).hash == names["public"]
    assert "immutable" in answer.headers["cache-control"]
    hidden = await client.ask(f"/pricelog/book/{names['to-counterparties']}")
    unknown = await client.ask(f"/pricelog/book/{'A' * 43}")
    assert (hidden.status, hidden.body, hidden.headers) == (unknown.status, unknown.body, unknown.headers)


@pytest.mark.parametrize("path", [
    "tile/0/000", "tile/0/000.p/6", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000", "tile/entries/001.p/1",
    "tile/8/000", "tile/0/x000/000", "tile/0/0", "tile/0/000.p/0", "tile/0/000.p/05", "tile/0/000.p/256", "tile/",
    "tile/../checkpoint", "tile/%2e%2e/checkpoint", "tile/price-opened/000", "tile/0/000.p/5/", "tile/" + "x001/" * 30,
])
async def test_what_is_not_a_file_of_the_log_is_told_in_one_way(path):
    client = Client(door.routes(await node_with(5)))
    answer = await client.ask(f"/pricelog/{path}")
    assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
    if not path.endswith("checkpoint"):
        assert answer.body == b"not-found"


async def test_a_firm_without_a_record_has_nothing_to_show_and_nobody_writes_here():
    client = Client(door.routes(await empty_node()))
    assert (await client.ask("/pricelog/checkpoint")).status == 404
    assert (await client.ask("/pricelog/tile/0/000.p/1")).status == 404
    for method in ("POST", "PUT", "DELETE"):
        answer = await client.ask("/pricelog/checkpoint", method)
        assert (answer.status, answer.headers["allow"]) == (405, "GET")


async def test_whoever_floods_the_door_is_told_to_wait_and_no_partner_notices():
    node = await node_with(5)
    node.config = Config(prices=Prices(public_requests_per_s=1))
    client = Client(door.routes(node))
    answers = [await client.ask("/pricelog/checkpoint") for _ in range(door.BURST_S + 5)]
    assert [one.status for one in answers[:door.BURST_S]] == [200] * door.BURST_S
    assert answers[-1].status == 503
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].body == b"busy"
    node.budgets.strangers.check(node.clock.now_ms())
    assert node.budgets.strangers.turned_away == 0
