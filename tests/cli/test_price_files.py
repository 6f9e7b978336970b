"""``weft price export``: the price record as files, whole and believed by who reads them; again, they grow."""

import json

import pytest

from weft import cli, launch
from weft.engine.pricelog import log
from weft.tlog import checkpoint, note, tile


@pytest.fixture
def home(tmp_path):
    place = tmp_path / "home"
    launch.run(launch.init(place, "恒泰阀门", lang="en"))
    return place


def grown(home, entries):
    """The log of ``home`` with ``entries`` more; its keys."""
    async def appended():
        async with launch.at_rest(launch.Home(home)) as node, node.lock(log.LOCK):
            await log.append(node, entries)
            return await log.keys(node)

    return launch.run(appended())


def read(folder, keys):
    """The size of the log in ``folder``, after everything was checked."""
    said = checkpoint.verify(note.parse((folder / "checkpoint").read_bytes()), keys)
    every = [*tile.of_size(said.size), *log.bundles_of(said.size)]
    data = {one: (folder / tile.path(one)).read_bytes() for one in every}
    tile.whole(said.size, said.root, tile.given(data))
    for one in log.bundles_of(said.size):
        under = tile.Tile(0, one.place, one.width)
        tile.parse_bundle(one, data[one], tile.split(under, data[under]))
    return said.size


def test_the_record_goes_into_a_folder_and_grows_there(home, tmp_path, capsys):
    folder = tmp_path / "web" / "pricelog"
    keys = grown(home, [b"one", b"two"])
    assert cli.run(["price", "export", str(folder), "--home", str(home), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == 3
    assert read(folder, keys) == 2
    grown(home, [b"more %d" % number for number in range(300)])
    assert cli.run(["price", "export", str(folder), "--home", str(home)]) == 0
    assert str(folder) in capsys.readouterr().out
    assert read(folder, keys) == 302
    assert (folder / "tile/0/000.p/2").is_file()
    assert not list(folder.rglob("*.part"))


def test_without_a_record_there_is_nothing_to_write(home, tmp_path, capsys):
    assert cli.run(["price", "export", str(tmp_path / "web"), "--home", str(home)]) != 0
    assert "pricelog.none" in capsys.readouterr().err or not (tmp_path / "web").exists()


def test_a_folder_that_cannot_be_written_is_told(home, tmp_path, capsys):
    grown(home, [b"one"])
    (tmp_path / "tile").write_bytes(b"a file in the way")
    assert cli.run(["price", "export", str(tmp_path), "--home", str(home)]) != 0
    assert str(tmp_path) in capsys.readouterr().err
