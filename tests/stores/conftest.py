"""Each engine in turn."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores.engines import ENGINES, Shelf


@pytest.fixture(params=ENGINES)
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shelf]:
    """Each engine in turn."""
    opened = Shelf(request.param, tmp_path)
    yield opened
    opened.close()
