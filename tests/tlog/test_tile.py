"""Tiles of a log that grows in any steps are the same files, and every proof comes out of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tlog.logs import code, reader
from weft.tlog import merkle, tile
from weft.tlog.tile import ENTRIES, Tile

MANY = [merkle.leaf_hash(k.to_bytes(3, "big")) for k in range(70_000)]
READ = reader(MANY)


@pytest.mark.parametrize(("one", "path"), [
    (Tile(0, 0, 1), "tile/0/000.p/1"), (Tile(0, 255), "tile/0/255"), (Tile(1, 1234067), "tile/1/x001/x234/067"),
    (Tile(ENTRIES, 1000, 12), "tile/entries/x001/000.p/12"), (Tile(7, 1_000_000), "tile/7/x001/x000/000"),
])
def test_a_tile_has_one_path(one, path):
    assert tile.path(one) == path
    assert tile.parse_path(path) == one


@pytest.mark.parametrize("path", [
    "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/1000", "tile/0/x000/001", "tile/0/x01/001", "tile/0/001/002",
    "tile/00/001", "tile/64/001", "tile/-1/001", "tile/8/001", "tile/0/001.p/0", "tile/0/001.p/256", "tile/0/001.p/01",
    "tile/0/001.p/", "tile/data/001", "/tile/0/001", "tile/0/001/", "tile/0/../001", "tile/0/001\n", "tile/0/００1",
    "tile/0/" + "x001/" * 10 + "001", "tile/entries/-01",
])
def test_no_other_path_is_taken(path):
    assert code(tile.parse_path, path) == "tlog.tile-path"


@given(st.integers(0, 255), st.integers(0, 10**9), st.integers(1, 256))
def test_every_path_is_read_as_it_was_written(level, place, width):
    one = Tile(level % 8, place, width)
    assert tile.parse_path(tile.path(one)) == one


def test_the_specifications_tree_of_70000_leaves():
    tiles = list(tile.of_size(70_000))
    assert sum(one.level == 0 and one.width == 256 for one in tiles) == 273
    assert [one for one in tiles if one.width < 256] == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert tile.edge(70_000) == [Tile(0, 273, 112), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert list(tile.of_size(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    assert not list(tile.of_size(0))


def grown(steps):
    """The files of a log that grew in these steps."""
    files, size = {}, 0
    for step in steps:
        files |= tile.grown(size, MANY[size:size + step], tile.given(files))
        size += step
    return size, files


@settings(max_examples=40)
@given(st.lists(st.integers(1, 600), min_size=1, max_size=6), st.data())
def test_whatever_the_steps_the_tiles_lead_to_the_same_root_and_proofs(steps, data):
    size, files = grown(steps)
    root = merkle.root_of(size, READ)
    tile.whole(size, root, tile.given(files))
    assert {one: files[one] for one in tile.of_size(size)} == {
        one: grown([size])[1][one] for one in tile.of_size(size)}
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    read = tile.hashes(size, tile.given(files))
    assert merkle.inclusion(index, size, read) == merkle.inclusion(index, size, READ)
    assert merkle.consistency(old, size, read) == merkle.consistency(old, size, READ)


@pytest.fixture(scope="module")
def large():
    return grown([1, 255, 256, 65_024, 4464])


def test_a_tree_of_three_levels_proves_from_the_few_tiles_it_names(large):
    size, files = large
    assert size == 70_000
    root = merkle.root_of(size, READ)
    for index in (0, 255, 256, 65_535, 65_536, 69_887, 69_888, 69_999):
        needed = tile.needed(size, lambda read, index=index: merkle.inclusion(index, size, read))
        assert len(needed) <= 5
        read = tile.hashes(size, tile.given({one: files[one] for one in needed}))
        merkle.verify_inclusion(MANY[index], index, size, root, merkle.inclusion(index, size, read))
    assert code(merkle.inclusion, 3, size, tile.hashes(size, tile.given({}))) == "tlog.tile-missing"


def test_a_changed_or_cut_tile_is_found_wherever_it_is(large):
    size, files = large
    root = merkle.root_of(size, READ)
    tile.whole(size, root, tile.given(files))  # the control
    for one in [Tile(0, 7), Tile(0, 273, 112), Tile(1, 0), Tile(2, 0, 1)]:
        data = bytearray(files[one])
        data[40 % len(data)] ^= 1
        assert code(tile.whole, size, root, tile.given(files | {one: bytes(data)})) == "tlog.tile-differs"
        cut = tile.given(files | {one: files[one][:-1]})
        assert code(tile.whole, size, root, cut) == "tlog.tile-malformed"


def test_a_subtree_that_the_tree_does_not_have_is_not_read(large):
    size, files = large
    read = tile.hashes(size, tile.given(files))
    assert code(read, 0, size) == "tlog.index"
    assert code(read, 17, 0) == "tlog.index"
    assert read(16, 0) == READ(16, 0)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=256))
def test_entries_come_back_out_of_their_bundle(entries):
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    one, data = Tile(ENTRIES, 0, len(entries)), tile.bundle(entries)
    assert tile.parse_bundle(one, data, leaves) == entries
    for wrong in (data[:-1], data + b"\0", data + b"\0\0"):
        assert code(tile.parse_bundle, one, wrong, leaves) in {"tlog.bundle-malformed", "tlog.bundle-differs"}
    assert code(tile.parse_bundle, one, data, [*leaves[:-1], bytes(32)]) == "tlog.bundle-differs"
    assert code(tile.parse_bundle, Tile(ENTRIES, 0, len(entries) + 1), data, leaves) == "tlog.bundle-malformed"


def test_an_entry_has_a_limit():
    assert len(tile.bundle([bytes(65_535)])) == 65_537
    assert code(tile.bundle, [bytes(65_536)]) == "tlog.entry-too-large"
    assert code(tile.bundle, [b""] * 257) == "tlog.entry-too-large"
    assert code(tile.parse_bundle, Tile(ENTRIES, 0), bytes(tile.BUNDLE_BYTES_MAX + 1), []) == "tlog.bundle-malformed"
