"""Values of machines are not in a backup, and a restored node begins with none."""

import zipfile

from weft import backup, launch
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
