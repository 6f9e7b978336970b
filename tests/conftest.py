"""What all tests may ask for: the published vectors, and how long a run may think."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

HERE = Path(__file__).parent
REAL = tuple(HERE / name for name in ("stories", "browser", "doors/till", "machines", "cli"))  # wait for real processes
LONG = (HERE / "simulation", HERE / "faults")  # reckon long

settings.register_profile("daily", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("release", settings.get_profile("daily"), max_examples=2_000)


def pytest_addoption(parser):
    parser.addoption("--release", action="store_true", help="run also what is too long for every day")


def pytest_configure(config):
    settings.load_profile("release" if config.getoption("--release") else "daily")


def pytest_collection_modifyitems(config, items):
    for item in items:  # a busy machine may starve a process: once more, and the closing line tells of it
        if any(item.path.is_relative_to(folder) for folder in REAL):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))
    left_out = [item for item in items if item.get_closest_marker("release")]
    if left_out and not config.getoption("--release"):
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("release")]
    if hasattr(config, "workerinput"):
        items[:] = woven(items)


def woven(items):
    """The files that wait for real processes between those that reckon: no processor idles, and none is left waiting.

    One of three, and the longest first: what is short packs well at the end.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [files.pop(path) for folder in REAL for path in [*files] if path.is_relative_to(folder)]
    reckoning = [files[path] for path in sorted(files, key=lambda path: (path.parent not in LONG, -len(files[path])))]
    for place, file in enumerate(waiting):
        reckoning.insert(3 * place, file)
    return [item for file in reckoning for item in file]


@pytest.fixture(scope="session")
def published() -> Path:
    """The folder of published schemas and vectors (``WEFT_SHARED``/data); tests that need it skip without."""
    shared = os.environ.get("WEFT_SHARED") or str(Path(__file__).resolve().parents[2] / "shared")
    folder = Path(shared) / "data"
    if not folder.is_dir():
        pytest.skip("PUBLISHED VECTORS NOT FOUND: set WEFT_SHARED to the folder that has data/")
    return folder
