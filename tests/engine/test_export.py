"""The export: all that a firm holds, readable with nothing but the standard library, provable, and without a secret."""

import asyncio
import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest

from tests.engine.dealing import dealt
from tests.stores.twins.making import chunks, prop, submodel
from weft.basis.canonical import unb64
from weft.basis.errors import Refused
from weft.engine import export, export_tables
from weft.engine.memory import BOOKS
from weft.engine.ports import Batch, PendingRow
from weft.engine.pricelog import batches, log
from weft.identity.keys import verify
from weft.pricing import commitment, leaf
from weft.tlog import checkpoint, note, tile

READER = """
import csv, decimal, hashlib, json, pathlib, sys
place = pathlib.Path(sys.argv[1])
manifest = json.loads((place / "manifest.json").read_bytes())
for name, told in manifest["files"].items():
    data = (place / name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == told["sha256"], name
    assert len(data) == told["bytes"], name
with (place / "tables" / "order-lines.csv").open(encoding="utf-8-sig", newline="") as file:
    total = sum(decimal.Decimal(line["gross"]) for line in csv.DictReader(file))
assert not {"msgspec", "weft", "orjson"} & set(sys.modules)
print(total, len(manifest["files"]))
"""


async def test_a_stranger_reads_it_with_the_standard_library_and_comes_to_the_same_total(tmp_path):
    async with dealt() as (shop, factory, thread):
        place = tmp_path / "export"
        steps: list[int] = []
        made = await export.write(shop, place, steps.append)
        assert steps == sorted(steps)
        assert steps[-1] == 1000
        said = await asyncio.to_thread(subprocess.run, [sys.executable, "-I", "-c", READER, str(place)],
                                       capture_output=True, text=True, timeout=60, check=True)
        total, files = said.stdout.split()
        lines = (await shop.state(thread)).lines.values()
        assert Decimal(total) == sum(Decimal(line.gross) for line in lines) == Decimal(904)
        assert int(files) == made.files - 2
        manifest = (place / export.MANIFEST).read_bytes()
        signed = json.loads((place / export.SIGNATURE).read_bytes())
        keys = await factory.keys(shop.organisation)
        assert signed["device"] in keys.devices
        assert verify(signed["device"], export.signed_bytes(manifest), unb64(signed["signature"]))
        assert export.signed_bytes(manifest) == hashlib.sha256(b"export/1\0" + manifest).digest()
        orders = [*csv.DictReader(io.StringIO((place / "tables" / "orders.csv").read_text("utf-8-sig")))]
        assert [one["phase"] for one in orders] == ["closed"]
        events = json.loads((place / "epcis" / "events.json").read_text())
        assert events["type"] == "EPCISDocument"
        assert json.loads((place / "twins" / "environment.json").read_text())["assetAdministrationShells"]
        for guide in ("README.md", "README.zh-CN.md"):
            words = (place / guide).read_text(encoding="utf-8")
            assert [one.name for one in place.iterdir() if one.is_dir() and f"{one.name}/" not in words] == []
        words = (place / "README.md").read_text(encoding="utf-8")
        assert [one.stem for one in (place / "tables").glob("*.csv") if f"{one.stem}," not in words
                and f"{one.stem}." not in words] == []


async def test_twins_that_were_written_come_in_their_own_bytes_with_their_files(tmp_path, monkeypatch):
    monkeypatch.setattr(export, "TWINS_IN_A_FILE", 2)
    async with dealt() as (shop, _factory, _thread):
        file = {"modelType": "File", "idShort": "F", "contentType": "application/pdf"}
        for n in range(3):
            await shop.twins.create("submodel", submodel(f"urn:m{n}", prop("P", "0.00", "xs:double"), file))
        await shop.twins.attach("urn:m1", "F", chunks(b"manual" * 100_000), "application/pdf", "manual.pdf")
        await export.write(shop, tmp_path / "all.zip")
        with zipfile.ZipFile(tmp_path / "all.zip") as archive:
            names = [name for name in archive.namelist() if name.startswith("twins/written/")]
            assert names == ["twins/written/submodel-00001.json", "twins/written/submodel-00002.json"]
            held = b"".join(archive.read(name) for name in names)
            assert (await shop.twins.get("submodel", "urn:m1")).body in held
            assert held.count(b'"0.00"') == 3
            [manual] = [name for name in archive.namelist() if name.startswith("twins/files/")]
            assert manual.endswith(".pdf")
            assert archive.read(manual) == b"manual" * 100_000
            listed = json.loads(archive.read(export.MANIFEST))["files"][manual]
            assert listed["sha256"] == hashlib.sha256(b"manual" * 100_000).hexdigest()


async def test_every_pack_in_it_is_sound(tmp_path):
    from weft.cli.auditing import told

    async with dealt() as (shop, _factory, _thread):
        await export.write(shop, tmp_path / "all.zip")
        with zipfile.ZipFile(tmp_path / "all.zip") as archive:
            packs = [name for name in archive.namelist() if name.endswith(".weft-thread")]
            assert len(packs) == 2 + len(BOOKS)
            for name in packs:
                assert told(archive.read(name))["sound"], name


async def test_it_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    async with dealt() as (shop, _factory, _thread):
        (tmp_path / "there").mkdir()
        (tmp_path / "there" / "mine.txt").write_text("mine")
        with pytest.raises(Refused, match=r"export\.exists"):
            await export.write(shop, tmp_path / "there")

        def full(_table):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(export, "as_csv", full)
        from weft.basis.errors import Unavailable

        with pytest.raises(Unavailable, match=r"export\.not-writable"):
            await export.write(shop, tmp_path / "half.zip")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


def test_a_text_of_others_is_no_formula():
    table = export_tables.Table("t", ("name", "amount"), [("=HYPERLINK(1)", "-5.00"), ("@x", "+1")])
    lines = export_tables.as_csv(table).decode("utf-8-sig").splitlines()
    assert lines == ["name,amount", "'=HYPERLINK(1),-5.00", "'@x,+1"]
    import openpyxl

    sheet = openpyxl.load_workbook(io.BytesIO(export_tables.as_workbook([table]))).worksheets[0]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}


def test_a_running_home_is_exported_without_its_secrets(tmp_path):
    from weft import launch

    home = tmp_path / "home"
    launch.run(launch.init(home, "恒泰阀门"))
    secrets = [path.read_text().strip() for path in (home / "keys").iterdir()]
    sheet = [line[7:] for line in (home / "recovery-sheet.txt").read_text().splitlines() if line[3:7] == "1.  "]
    weft = Path(sys.executable).with_name("weft")
    said = subprocess.run([weft, "export", str(home), "--to", str(tmp_path / "out"), "--json"], capture_output=True,
                          text=True, timeout=60, check=True)
    assert json.loads(said.stdout)["files"] > 15
    everything = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert secrets
    assert all(secret.encode() not in everything for secret in secrets)
    assert sheet[0].encode() not in everything
    assert b"organisation" in everything, "control: it is not empty"
    assert not list(home.glob(".snapshot-*"))
    assert (tmp_path / "out" / "README.zh-CN.md").read_text().startswith("# 恒泰阀门")


async def test_the_price_record_comes_as_tiles_with_what_opens_it_and_what_waits_comes_too(tmp_path):
    async with dealt() as (_shop, factory, thread):
        await batches.make(factory)
        late = PendingRow(thread, "late", factory.organisation, "d", "i", 9, b'{"e":"waits"}')
        await factory.store.commit(Batch(pending=[late]))
        await export.write(factory, tmp_path / "all")
        place, head = tmp_path / "all" / "pricelog", await log.head(factory.store)
        said = checkpoint.verify(note.parse((place / "checkpoint").read_bytes()), await log.keys(factory))
        assert (said.size, said.root) == (head.size, head.root)
        files = {tile.parse_path(path.relative_to(place).as_posix()): path.read_bytes()
                 for path in place.rglob("tile/**/*") if path.is_file()}
        tile.whole(said.size, said.root, tile.given(files))
        assert sum(one.width for one in files if one.level == tile.ENTRIES) == said.size
        opened = json.loads((place / "openings.json").read_bytes())
        assert len(opened) == len(await factory.store.values(batches.OPENED)) > 0
        for one in opened:
            entry = leaf.parse(await log.entry(factory.store, one["batch"]))
            commitment.verify(commitment.Opening(**one["opening"]), entry.root)
        assert json.loads((tmp_path / "all" / "waiting" / f"{thread}.json").read_bytes()) == [{"e": "waits"}]
