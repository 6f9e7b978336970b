"""What all tests may ask for: the published vectors, and how long a run may think."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
REAL = tuple(HERE / name for name in (  # wait for real processes, or for answers over real sockets
    "browser", "cli", "doors/till", "engine/twins/test_delivering.py", "machines", "peers", "stories"))
LONG = frozenset(HERE / "stories" / name for name in (  # given out first among files of as few tests: else all wait
    "test_first_order.py", "test_recovered_backup.py", "test_three_weeks.py", "test_values.py"))

settings.register_profile("daily", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("release", settings.get_profile("daily"), max_examples=2_000)


def pytest_addoption(parser):
    parser.addoption("--release", action="store_true", help="run also what is too long for every day")


def pytest_configure(config):
    settings.load_profile("release" if config.getoption("--release") else "daily")


def pytest_collection_modifyitems(config, items):
    items.sort(key=lambda item: item.path not in LONG)
    for item in items:  # a busy machine may starve a process: once more, and the closing line tells of it
        if any(item.path.is_relative_to(folder) for folder in REAL):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))
    if config.getoption("--release"):
        return
    left_out = [item for item in items if item.get_closest_marker("release")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("release")]


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of published schemas and vectors (``WEFT_SHARED``/data); tests that need it skip without."""
    shared = os.environ.get("WEFT_SHARED") or str(Path(__file__).resolve().parents[2] / "shared")
    folder = Path(shared) / "data"
    if not folder.is_dir():
        pytest.skip("PUBLISHED VECTORS NOT FOUND: set WEFT_SHARED to the folder that has data/")
    return folder
