"""Go's own implementations accept what we make and we accept what they make; what was changed, neither does."""

import base64
import copy
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tlog.logs import LOG, LOG_KEY, ORIGIN, WITNESS_KEYS, code, cosign, reader
from weft.identity.keys import Signer
from weft.tlog import checkpoint, cosignature, merkle, note, tile
from weft.tlog.checkpoint import Checkpoint, signed
from weft.tlog.note import COSIGNATURE, Note, VerifierKey
from weft.tlog.tile import ENTRIES, Tile

SOURCE = Path(__file__).parent / "foreign"
COUNT = 757  # two levels, and a partial tile on each
LINES = [b"entry %d of a log" % k for k in range(COUNT)]
LEAVES = [merkle.leaf_hash(line) for line in LINES]
READ = reader(LEAVES)
SIZES = [1, 2, 3, 7, 8, 255, 256, 257, COUNT]
RECORDS = [(index, size) for size in SIZES for index in {0, size // 3, size - 1}]
TREES = [(old, new) for new in SIZES for old in SIZES if old <= new]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    go = shutil.which("go")
    if go is None:
        pytest.skip("NO GO: golang.org/x/mod and torchwood did not look at our logs")
    alone = os.environ | {"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false", "GOWORK": "off"}
    program = tmp_path_factory.mktemp("foreign") / "foreign"
    if "HOME" not in alone:
        alone |= {"GOCACHE": str(program.parent / "cache"), "GOMODCACHE": str(program.parent / "modules")}
    try:
        fetched = subprocess.run([go, "mod", "download"], cwd=SOURCE, env=alone, capture_output=True, text=True,
                                 check=False, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("NO REGISTRY: golang.org/x/mod and torchwood could not be fetched and did not look at our logs")
    if fetched.returncode:
        pytest.skip(f"NO REGISTRY: golang.org/x/mod and torchwood did not look at our logs: {fetched.stderr[-300:]}")
    built = subprocess.run([go, "build", "-o", str(program), "."], cwd=SOURCE, env=alone, capture_output=True,
                           text=True, check=False, timeout=300)
    assert built.returncode == 0, built.stderr

    def run(verb, data):
        done = subprocess.run([str(program), verb], input=json.dumps(data, default=octets), capture_output=True,
                              text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def octets(value):
    return base64.b64encode(value).decode()


def raw(text):
    return base64.b64decode(text)


def entries_of(lines):
    """The bundles of a log with these entries."""
    parts = {k // 256: lines[k:k + 256] for k in range(0, len(lines), 256)}
    return {Tile(ENTRIES, place, len(part)): tile.bundle(part) for place, part in parts.items()}


@pytest.fixture(scope="module")
def ours():
    """A log of ours, as it is handed to the other side."""
    files = tile.grown(0, LEAVES[:300], tile.given({}))
    files |= tile.grown(300, LEAVES[300:], tile.given(files))
    files = {one: files[one] for one in tile.of_size(COUNT)} | entries_of(LINES)
    read = tile.hashes(COUNT, tile.given(files))
    root = merkle.root_of(COUNT, read)
    head = cosign(signed(Checkpoint(ORIGIN, COUNT, root), LOG), "w1", "w2", "w3")
    other = cosign(signed(Checkpoint(ORIGIN, COUNT, root), LOG), "w4")
    text = "二〇二六年\n\nany text\n"
    plain = Note(text, (note.sign(text, "factory.example/名", LOG), *head.signatures[:1]))
    vkeys = [note.vkey(LOG_KEY), *(note.vkey(WITNESS_KEYS[name]) for name in ("w1", "w2", "w3"))]
    return {
        "notes": [
            {"note": note.encode(head).decode(), "keys": vkeys, "checkpoint": True, "size": COUNT, "root": root},
            {"note": note.encode(other).decode(), "keys": vkeys[:1], "checkpoint": True, "size": COUNT, "root": root},
            {"note": note.encode(plain).decode(), "keys": [note.vkey(note.key_of("factory.example/名", LOG))]},
        ],
        "records": [{"index": index, "size": size, "leaf": LEAVES[index], "root": merkle.root_of(size, READ),
                     "proof": merkle.inclusion(index, size, READ)} for index, size in RECORDS],
        "trees": [{"old": old, "old_root": merkle.root_of(old, READ), "new": new, "new_root": merkle.root_of(new, READ),
                   "proof": merkle.consistency(old, new, READ)} for old, new in TREES],
        "tiles": {tile.path(one): data for one, data in files.items()},
        "size": COUNT, "root": root, "entries": LINES,
    }


def test_they_accept_our_notes_checkpoints_cosignatures_proofs_and_tiles(foreign, ours):
    assert foreign("check", ours) == []


def test_the_control_they_refuse_each_of_ours_that_was_changed(foreign, ours):
    bent = copy.deepcopy(ours)
    for one in bent["notes"]:
        one["note"] = one["note"].replace("\n", "x\n", 1)
    for one in bent["records"]:
        one["leaf"] = bytes(32)
    for one in bent["trees"]:
        one["new_root"] = bytes(32)
    path = tile.path(Tile(0, 1))
    bent["tiles"][path] = bytes(32) + bent["tiles"][path][32:]
    assert foreign("check", bent) == [f"{kind}/{k}" for kind in ("notes", "records", "trees")
                                      for k in range(len(bent[kind]))] + ["tiles/0"]


@pytest.mark.parametrize("path", ["tile/entries/000", "tile/entries/002.p/245", "tile/1/000.p/2", "tile/0/002.p/245"])
def test_the_control_they_see_a_changed_byte_in_any_file_of_ours(foreign, ours, path):
    data = bytearray(ours["tiles"][path])
    data[-1] ^= 1
    bent = ours | {"tiles": ours["tiles"] | {path: bytes(data)}, "notes": [], "records": [], "trees": []}
    assert foreign("check", bent) == ["tiles/0"]


@pytest.fixture(scope="module")
def theirs(foreign):
    """A log that Go made."""
    return foreign("make", {"origin": "go.example/log", "seed": b"s" * 32, "witness": "go.example/witness",
                            "entries": LINES, "records": RECORDS, "trees": TREES})


def test_we_accept_their_checkpoint_with_their_cosignature(theirs):
    (one,) = theirs["notes"]
    read = note.parse(one["note"].encode())
    assert note.encode(read).decode() == one["note"]
    keys = [note.parse_vkey(vkey) for vkey in one["keys"]]
    assert keys == [note.key_of("go.example/log", Signer(b"s" * 32)),
                    VerifierKey("go.example/witness", COSIGNATURE, keys[0].public)]
    by = note.verify(read, keys, cosignature.is_signed)
    assert set(by) == set(keys)
    assert cosignature.timestamp_of(by[keys[1]].value) > 1_700_000_000
    found = checkpoint.verify(read, keys)
    assert found == Checkpoint("go.example/log", COUNT, raw(theirs["root"]))
    for key in keys:
        other = read._replace(text=read.text.replace(str(COUNT), str(COUNT + 1)))
        assert code(note.verify, other, [key], cosignature.is_signed) == "tlog.note-signature"


def test_their_tiles_are_ours_to_the_byte_and_hold(theirs, ours):
    assert theirs["root"] == octets(ours["root"])
    assert theirs["tiles"] == {path: octets(data) for path, data in ours["tiles"].items()}
    files = {tile.parse_path(path): raw(data) for path, data in theirs["tiles"].items()}
    tile.whole(COUNT, raw(theirs["root"]), tile.given(files))
    for place in range(3):
        one = next(key for key in files if key.level == ENTRIES and key.place == place)
        leaves = tile.split(Tile(0, place, one.width), files[Tile(0, place, one.width)])
        assert tile.parse_bundle(one, files[one], leaves) == LINES[place * 256:place * 256 + one.width]


def test_their_proofs_are_ours_to_the_byte_and_hold(theirs):
    for one in theirs["records"]:
        proof = [raw(each) for each in one["proof"] or []]
        assert proof == merkle.inclusion(one["index"], one["size"], READ)
        merkle.verify_inclusion(raw(one["leaf"]), one["index"], one["size"], raw(one["root"]), proof)
    for one in theirs["trees"]:
        proof = [raw(each) for each in one["proof"] or []]
        assert proof == merkle.consistency(one["old"], one["new"], READ)
        merkle.verify_consistency(one["old"], raw(one["old_root"]), one["new"], raw(one["new_root"]), proof)
