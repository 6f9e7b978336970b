"""Lines that break at each point of a start: no job is started twice, none stays open, and a person hears of the rest.

For a release; machines by other makers, as the floor's world starts them. Who cannot run here is named in a skip.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.stories import flaps

pytestmark = [pytest.mark.story, pytest.mark.release]
SETS = {"registers and a broker": "Lathe7,Saw7", "an edge node": "Mill7,Drill7", "job control": "Cell7,Press7"}


@pytest.mark.parametrize("only", list(SETS.values()), ids=list(SETS))
@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_a_line_does_in_the_midst_of_a_start_no_job_is_started_twice_or_forgotten(
    tmp_path: Path, only: str, seed: int
) -> None:
    told = await flaps.told(tmp_path, only, seed)
    assert told["broken"] == [], told
    if told["missing"]:
        pytest.skip("NOT DRIVEN: " + "; ".join(told["missing"]))
    assert sum(told.get(how, 0) + told.get(f"{how}, killed", 0) for how in flaps.HOW) > 2, told
    assert told["done"] == told["starts"], told


async def test_control_a_node_that_repeats_a_start_whose_answer_is_missing_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import processes  # type: ignore[import-not-found] # of the worlds, by their folder

    spawn = processes.spawn

    async def spawned(*words: str, **more: Any) -> Any:
        return await spawn(*("tests.stories.repeating" if one == "weft" else one for one in words), **more)

    monkeypatch.setattr(processes, "spawn", spawned)
    monkeypatch.setenv("PYTHONPATH", str(flaps.ROOT))
    monkeypatch.setattr(flaps, "HOW", ("no answer",))
    told = await flaps.told(tmp_path, "Saw7", 3)
    if told["missing"]:
        pytest.skip("NOT DRIVEN: " + "; ".join(told["missing"]))
    assert any("started 2 times" in one or "started 3 times" in one for one in told["broken"]), told
