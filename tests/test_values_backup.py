"""Sealed values of machines are in a backup and in an export; those of the last days are in neither."""

import zipfile

import pytest

from weft import backup, launch
from weft.basis.errors import Invalid
from weft.engine import export
from weft.stores import archive
from weft.stores.series import VALUES, SqliteSeries

T = 1_764_000_000_000


async def test_a_backup_holds_the_books_and_no_values(tmp_path):
    home = tmp_path / "home"
    await launch.init(home, "Jinggong", "en")
    store = SqliteSeries(str(home / VALUES), T)
    store.append([("L1", "Speed", (T, 5.0, 0))], T)
    store.close()
    await backup.make(home, tmp_path / "backup.zip")
    assert {launch.DATABASE, launch.SETTINGS} <= set(zipfile.ZipFile(tmp_path / "backup.zip").namelist())
    assert VALUES not in zipfile.ZipFile(tmp_path / "backup.zip").namelist()
    await backup.restore(tmp_path / "backup.zip", tmp_path / "again")
    assert not (tmp_path / "again" / VALUES).exists()


async def test_a_home_at_rest_opens_no_values(tmp_path):
    home = tmp_path / "home"
    await launch.init(home, "Jinggong", "en")
    async with launch.at_rest(launch.Home(home)) as node:
        assert node.history.span("L1") is None
    assert not (home / VALUES).exists()


DAY = 86_400_000


async def lived(home):
    """A home with a sealed file of a day, and values of a moment ago."""
    await launch.init(home, "Jinggong", "en")
    store = SqliteSeries(str(home / VALUES), T)
    for place in range(30):
        at = T + place * 3_600_000
        store.append([("L1 / 车床", "Speed", (at, float(place), 0))], at)
    store.seal(T + 2 * DAY)
    (one, *_) = store.segments("L1 / 车床", 0, 1 << 44)
    store.close()
    return one


async def test_sealed_values_come_back_out_of_a_backup_and_are_the_same(tmp_path):
    one = await lived(tmp_path / "home")
    await backup.make(tmp_path / "home", tmp_path / "backup.zip", "long enough a word")
    await backup.restore(tmp_path / "backup.zip", tmp_path / "again", "long enough a word")
    store = SqliteSeries(str(tmp_path / "again" / VALUES), T + 30 * DAY)
    store.seal(T)  # files that no list names are looked at
    (found, *_) = store.segments("L1 / 车床", 0, 1 << 44)
    assert store.proven(found) == found.digest == one.digest
    assert [value for _, (_, value, _) in store.points("L1 / 车床", ["Speed"], 0, 1 << 44, 99).points
            if value is not None] == [float(place) for place in range(30)]
    store.close()
    await backup.make(tmp_path / "home", tmp_path / "small.zip", values=False)
    assert not [name for name in zipfile.ZipFile(tmp_path / "small.zip").namelist() if name.startswith("values/")]


@pytest.mark.parametrize("name", ["values/../x.parquet", "values/L1-0123abcd/../../weft.db", "values/L1/x.parquet",
                                  "values/L1-0123abcd/20261125T0000-20261126T0000.txt"])
async def test_a_backup_that_would_write_elsewhere_is_refused(tmp_path, name):
    await lived(tmp_path / "home")
    await backup.make(tmp_path / "home", tmp_path / "backup.zip")
    with zipfile.ZipFile(tmp_path / "backup.zip", "a") as file:
        file.writestr(name, b"x")
    with pytest.raises(Invalid, match=r"backup\.entry"):
        archive.read(tmp_path / "backup.zip", tmp_path, "")


async def test_an_export_takes_sealed_files_along_as_they_are(tmp_path):
    one = await lived(tmp_path / "home")
    home = launch.Home(tmp_path / "home")
    store = launch.open_store(home, reading=True)
    try:
        async with launch.snapshot(home, home.config(), store) as node:
            await export.write(node, tmp_path / "out")
    finally:
        await store.close()
    assert (tmp_path / "out" / "values" / one.file).read_bytes() == (home.path / "values" / one.file).read_bytes()
