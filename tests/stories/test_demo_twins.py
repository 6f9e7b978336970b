"""The twins of the demo world, after its whole story: each of the templates is filled, and by nothing but the records.

Rule 1: the firms' own homes are opened as the story left them, and asked through their API as anybody would ask.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from aas_test_engines import file as engine

from tests.twin.templates import mutants
from weft.engine.twins.judging import carried
from weft.twin.templates.check import deviations
from weft.twin.templates.slots import joined, semantics_of

ROOT = Path(__file__).resolve().parents[2]
FIRMS = ("hengtai", "haichuan", "jinggong")
STOP_S = 30
TEMPLATES = frozenset(one["submodels"][0]["idShort"] for one in carried().values())

pytestmark = [pytest.mark.story, pytest.mark.release]


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """The folder of homes that a story has left."""
    folder = tmp_path_factory.mktemp("world")
    done = subprocess.run(
        [sys.executable, "-m", "weft", "demo", str(ROOT / "examples" / "demo"), "--headless", "--json", "--keep",
         str(folder)], capture_output=True, text=True, timeout=600, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-3_000:]
    return folder


def told(firm: str, home: Path) -> dict[str, Any]:
    """All twins of the firm, which has the settings that the demo gives it."""
    weft = [sys.executable, "-m", "weft"]
    given = json.loads((ROOT / "examples" / "demo" / "firms" / firm / "firm.json").read_text(encoding="utf-8"))
    settings = {f"WEFT_FIRM_{name.upper()}": str(value) for name, value in given["firm"].items()}
    with subprocess.Popen([*weft, "up", str(home), "--port", "0", "--dev-open", "--json"], text=True,
                          stdout=subprocess.PIPE, env={**os.environ, **settings}) as node:
        try:
            assert node.stdout is not None
            url = json.loads(node.stdout.readline())["url"].rstrip("/")
            answer = requests.get(f"{url}/api/v3/serialization", headers={"Accept": "application/json"}, timeout=120)
            assert answer.status_code == 200, answer.text[:500]
            found: dict[str, Any] = answer.json()
            return found
        finally:
            node.terminate()
            node.wait(STOP_S)


@pytest.fixture(scope="module")
def twins(world):
    """Firm -> its twins."""
    homes = {one.name: one for one in world.rglob("*") if (one / "weft.toml").is_file()}
    return {firm: told(firm, next(home for name, home in homes.items() if firm in name)) for firm in FIRMS}


def claimed(environment):
    """(template, submodel) of each that claims one."""
    for one in environment["submodels"]:
        asked = next((carried()[name] for name in semantics_of(one) if name in carried()), None)
        if asked is not None:
            yield asked, one


def test_every_template_is_filled_somewhere_and_none_deviates(twins):
    seen = set()
    for environment in twins.values():
        for asked, one in claimed(environment):
            assert deviations(asked, one) == [], one["id"]
            seen.add(asked["submodels"][0]["idShort"])
    assert TEMPLATES - seen == set()


def test_the_official_engine_accepts_all_of_it(twins):
    for firm, environment in twins.items():
        assert engine.check_json_data(environment).ok(), firm


def test_each_mandatory_element_that_is_bent_is_told(twins):
    kinds: dict[str, tuple[Any, Any]] = {}
    for environment in twins.values():
        for asked, one in claimed(environment):
            kinds.setdefault(joined(asked["submodels"][0]["semanticId"]), (asked, one))
    for asked, one in kinds.values():
        wanted = mutants.mandatory_ids(asked["submodels"][0])
        count, missed = mutants.unreported(asked, one, lambda element, _, ids=wanted: semantics_of(element)[0] in ids)
        assert count >= 4 and missed == [], one["id"]
