"""``weft doctor --deep`` finds whatever the database says beside the truth, and says so in the reader's language."""

import json
import shutil
from pathlib import Path

import apsw
import pytest

from tests.faults.flips import written
from weft import cli, launch
from weft.cli.deep import deeply
from weft.cli.words import say
from weft.stores.sqlite import SqliteStore


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return launch.run(written(tmp_path_factory.mktemp("worked")))


async def looked(path: Path, *changes: str):
    connection = apsw.Connection(str(path))
    for change in changes:
        connection.execute(change)
        assert connection.changes(), change
    connection.close()
    store = SqliteStore(str(path), reading=True)
    steps: list[tuple[int, int]] = []
    try:
        return await deeply(store, lambda done, every: steps.append((done, every))), steps
    finally:
        await store.close()


@pytest.fixture
def path(worked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(worked, tmp_path / "weft.db"))


async def test_a_sound_history_has_no_fault_and_the_bar_reaches_its_end(path: Path) -> None:
    result, steps = await looked(path)
    assert result["faults"] == []
    assert result["events"] > 60
    assert steps == sorted(steps)
    assert steps[-1] == (2 * result["events"], 2 * result["events"])


TIP = "rowid = (SELECT rowid FROM events JOIN threads USING (thread) WHERE machine LIKE 'floor%' AND position = 5)"


@pytest.mark.parametrize(("change", "told"), [
    (f"UPDATE events SET n = n + 70 WHERE {TIP}", "row around it"),
    (f"UPDATE events SET author = author || 'x' WHERE {TIP}", "row around it"),
    (f"UPDATE events SET position = 900 WHERE {TIP}", "events are here"),
    (f"DELETE FROM events WHERE {TIP}", ""),
    ("DELETE FROM events WHERE rowid = (SELECT max(rowid) FROM events)", "events are here"),
    ("UPDATE threads SET length = length + 1 WHERE machine LIKE 'floor%'", "events are here"),
    ("UPDATE threads SET heads = 'x' WHERE machine LIKE 'stock%'", "whole thread"),
    ("UPDATE threads SET members = CAST('{\"x\":\"owner\"}' AS BLOB) WHERE machine LIKE 'floor%'", "whole thread"),
    ("UPDATE threads SET members = x'7b22e622' WHERE machine LIKE 'floor%'", "whole thread"),
    ("UPDATE payloads SET content = CAST(content || ' ' AS BLOB) WHERE rowid = 9", ""),
    ("DELETE FROM payloads WHERE rowid IN (SELECT p.rowid FROM payloads p JOIN threads t USING (thread)"
     " WHERE t.machine LIKE 'floor%')", "content is gone"),
    ("UPDATE events SET signature = zeroblob(64) WHERE rowid = 3", ""),
])
async def test_what_was_changed_by_hand_is_found(path: Path, change: str, told: str) -> None:
    result, _ = await looked(path, change)
    assert any(told in fault["problem"] for fault in result["faults"]), result["faults"]


async def test_another_state_than_the_events_give_is_found(path: Path) -> None:
    result, _ = await looked(path, "UPDATE threads SET fold = x'7b7d' WHERE machine LIKE 'relationship%'")
    assert len(result["faults"]) == 4
    assert {one["problem"] for one in result["faults"]} == {say("cli.deep.state")}


def test_the_command_says_it_in_both_languages(tmp_path, capsys, monkeypatch) -> None:
    home = tmp_path / "home"
    launch.run(launch.init(home, "Test", "en"))
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    assert cli.run(["doctor", str(home), "--deep"]) == 0
    assert "checked again" in capsys.readouterr().out
    connection = apsw.Connection(str(home / "weft.db"))
    connection.execute("UPDATE payloads SET salt = zeroblob(32) WHERE rowid = 4")
    connection.close()
    assert cli.run(["doctor", str(home), "--deep", "--json"]) == 1
    assert {one["check"] for one in json.loads(capsys.readouterr().out) if one["grade"] == "bad"} == {"deep"}
    assert cli.run(["doctor", str(home)]) == 0, "the control: who does not look does not see"
