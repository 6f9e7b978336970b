"""The file of a backup: what goes in comes out, and whatever else a file may hold does not."""

import hashlib
import io
import json
import shutil
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weft.basis.errors import WeftError
from weft.stores import archive
from weft.stores.archive import Manifest

ABOUT = Manifest(archive.FORMAT, "0", "org", "恒泰阀门", "2026-11-25T08:00:00.000Z", {})
CONTENT = {"weft.db": bytes(range(256)) * 9_000, "weft.toml": b"[firm]\n", "keys/device.seed": b"seed\n"}


def sources(folder):
    found = {}
    for name, content in CONTENT.items():
        path = folder / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        found[name] = path
    return found


def written(folder, passphrase=""):
    path = folder / "backup"
    with path.open("wb") as file:
        archive.write(file, sources(folder), ABOUT, passphrase, lambda _size: None)
    return path


def taken_out(path, passphrase=""):
    target = path.parent / "out"
    target.mkdir()
    return target, archive.read(path, target, passphrase)


def forged(folder, entries, manifest=None, method=zipfile.ZIP_DEFLATED):
    """A zip whose manifest says whatever is in it."""
    path = folder / "forged"
    listed = {name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
              for name, content in entries if name != "manifest.json"}
    said = {"format": archive.FORMAT, "weft": "0", "organisation": "o", "name": "n", "at": "", "entries": listed}
    with zipfile.ZipFile(path, "w", method) as made:
        for name, content in entries:
            made.writestr(name, content)
        made.writestr("manifest.json", json.dumps(said | (manifest or {})))
    return path


def refused(path, passphrase=""):
    folder = path.parent / "out"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with pytest.raises(WeftError) as told:
        archive.read(path, folder, passphrase)
    return told.value.code


@pytest.mark.parametrize("passphrase", ["", "一个口令 with blanks"])
def test_what_goes_in_comes_out_for_its_owner_alone(tmp_path, passphrase):
    target, manifest = taken_out(written(tmp_path, passphrase), passphrase)
    assert {name: (target / name).read_bytes() for name in CONTENT} == CONTENT
    assert all((target / name).stat().st_mode & 0o077 == 0 for name in CONTENT)
    assert manifest.name == "恒泰阀门"
    assert sorted(path.name for path in target.iterdir()) == ["keys", "weft.db", "weft.toml"]


def test_a_sealed_backup_shows_nothing_and_opens_with_its_passphrase_only(tmp_path):
    path = written(tmp_path, "right")
    assert b"device.seed" not in path.read_bytes()
    assert b"device.seed" in written(tmp_path).read_bytes(), "the control: the open one does"
    path = written(tmp_path, "right")
    assert refused(path) == "backup.sealed"
    assert refused(path, "wrong") == "backup.passphrase"


@pytest.mark.parametrize("cut", [1, 40, 500_000])
def test_a_sealed_backup_that_was_cut_off_or_grew_is_refused(tmp_path, cut):
    path = written(tmp_path, "right")
    whole = path.read_bytes()
    path.write_bytes(whole[:-min(cut, len(whole) - 1)])
    assert refused(path, "right").startswith("backup.")
    path.write_bytes(whole + b"x")
    assert refused(path, "right") in {"backup.damaged", "backup.passphrase"}


@pytest.mark.parametrize("head", [
    b"", b"\n", b"{}\n", b"[[[[[\n", b"\xff\xff\n", b"x" * 5_000,
    b'{"kdf":"argon2id","passes":3,"memory":1099511627776,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}\n',
    b'{"kdf":"argon2id","passes":5,"memory":1073741824,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}\n',
    b'{"kdf":"argon2id","passes":99,"memory":67108864,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}\n',
    b'{"kdf":"argon2id","passes":3,"memory":-1,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}\n',
    b'{"kdf":"argon2id","passes":3,"memory":67108864,"salt":"AA"}\n',
    b'{"kdf":"none","passes":3,"memory":67108864,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}\n',
    b'{"kdf":"argon2id","passes":1,"memory":8192,"salt":"AAAAAAAAAAAAAAAAAAAAAA"}\nshort',
])
def test_a_head_that_asks_for_too_much_or_is_none_is_refused(tmp_path, head):
    path = tmp_path / "backup"
    path.write_bytes(archive.MAGIC + head)
    assert refused(path, "right").startswith(("backup.", "canonical.", "encoding."))


@pytest.mark.parametrize("name", [
    "../weft.toml", "/etc/passwd", "keys/../../x", "keys/a/b", "keys/.hidden", "weft.db-wal", "recovery-sheet.txt",
    "C:\\x", "keys\\x", "keys/", "weft.toml/", "keys/" + "a" * 81, "WEFT.DB", "keys/密钥",
])
def test_an_entry_that_does_not_belong_there_is_refused(tmp_path, name):
    path = forged(tmp_path, [*CONTENT.items(), (name, b"x")])
    assert refused(path) == "backup.entry"
    assert [one.name for one in (tmp_path / "out").iterdir()] == []
    assert not (tmp_path / "weft.toml").exists()


def test_an_entry_that_is_there_twice_is_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = forged(tmp_path, [*CONTENT.items(), ("weft.toml", b"[firm]\n")])
    assert refused(path) == "backup.entry"


def test_small_entries_are_small(tmp_path):
    bomb = b"\0" * (archive.SMALL_MAX + 1)
    assert refused(forged(tmp_path, [*CONTENT.items(), ("keys/bomb", bomb)])) == "backup.entry"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_is_packed_otherwise_is_refused_before_it_is_unpacked(tmp_path, method):
    """A kilobyte of either may become gigabytes at one stroke."""
    assert refused(forged(tmp_path, CONTENT.items(), method=method)) == "backup.entry"
    stored = forged(tmp_path, CONTENT.items(), method=zipfile.ZIP_STORED)
    archive.read(stored, tmp_path / "out", "")  # the control


def test_a_list_of_entries_without_end_is_refused_at_once(tmp_path):
    path = tmp_path / "forged"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as made:
        for number in range(30_000):
            made.writestr(f"keys/x{number}", b"")
    assert refused(path) == "backup.not-one"


def test_what_the_disk_has_no_room_for_is_refused_before_it_is_written(tmp_path, monkeypatch):
    path = written(tmp_path)
    free = shutil.disk_usage(tmp_path)._replace(free=1_000_000)
    monkeypatch.setattr(archive.shutil, "disk_usage", lambda _folder: free)
    assert refused(path) == "backup.no-room"
    assert list((tmp_path / "out").iterdir()) == []


@settings(max_examples=100)
@given(st.data())
def test_whatever_the_lists_of_a_zip_say_it_is_a_refusal_or_all_of_it(tmp_path_factory, data):
    """Sizes, places, kinds and lengths in the zip's own tables, set to whatever hurts most."""
    folder = tmp_path_factory.mktemp("lists")
    path = forged(folder, [("weft.db", b"x" * 99), *list(CONTENT.items())[1:]])
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(len(whole) - 400, len(whole) - 1))
        wide = data.draw(st.sampled_from((1, 2, 4, 8)))
        whole[at : at + wide] = data.draw(st.sampled_from((b"\xff", b"\x00", b"\x7f", b"\x80"))) * wide
    path.write_bytes(whole)
    (folder / "out").mkdir()
    try:
        archive.read(path, folder / "out", "")
    except WeftError as error:
        assert error.code.startswith("backup.")


def test_an_entry_before_the_file_begins_is_a_refusal_and_no_fault_of_the_disk(tmp_path):
    path = forged(tmp_path, list(CONTENT.items()))
    whole = bytearray(path.read_bytes())
    at = whole.rfind(b"PK\5\6") + 16  # where the list of entries is said to begin
    whole[at : at + 4] = (int.from_bytes(whole[at : at + 4], "little") + 100_000).to_bytes(4, "little")
    path.write_bytes(whole)
    assert refused(path) == "backup.not-one"


def test_more_entries_than_a_home_has_are_refused(tmp_path):
    many = [(f"keys/{n}", b"") for n in range(archive.ENTRIES_MAX)]
    assert refused(forged(tmp_path, [*CONTENT.items(), *many])) == "backup.entry"


@pytest.mark.parametrize("lost", sorted(CONTENT))
def test_a_backup_without_what_a_home_needs_is_refused(tmp_path, lost):
    assert refused(forged(tmp_path, [one for one in CONTENT.items() if one[0] != lost])) == "backup.damaged"


@pytest.mark.parametrize(("manifest", "code"), [
    ({"format": "weft-backup/2"}, "backup.newer"), ({"entries": {}}, "backup.damaged"),
    ({"entries": {"weft.db": {"bytes": -1, "sha256": ""}}}, "backup.damaged"), ({"at": 7}, "backup.damaged"),
])
def test_a_manifest_that_does_not_fit_is_refused(tmp_path, manifest, code):
    assert refused(forged(tmp_path, list(CONTENT.items()), manifest)) == code


def test_bytes_beside_what_the_manifest_says_are_refused(tmp_path):
    right = {name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
             for name, content in CONTENT.items()}
    for name, wrong in (("weft.toml", b"[firm]\nx"), ("weft.db", CONTENT["weft.db"][:-1] + b"x")):
        entries = [(one, wrong if one == name else content) for one, content in CONTENT.items()]
        assert refused(forged(tmp_path, entries, {"entries": right})) == "backup.damaged"


def test_what_is_no_zip_is_refused(tmp_path):
    path = tmp_path / "backup"
    for content in (b"", b"PK\3\4", b"hello", io.BytesIO().getvalue(), b"PK\5\6" + b"\0" * 18):
        path.write_bytes(content)
        assert refused(path) == "backup.not-one"


@settings(max_examples=60)
@given(st.data())
def test_no_damaged_byte_goes_unseen(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("bytes")
    path = written(folder)
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(whole)
    target = folder / "out"
    target.mkdir()
    try:
        archive.read(path, target, "")
    except WeftError as error:
        assert error.code.startswith("backup.")
    else:  # the bit does not matter: a date, a flag of the zip
        assert {name: (target / name).read_bytes() for name in CONTENT} == CONTENT
