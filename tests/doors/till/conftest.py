"""A browser with the till's core, opened once for all tests of a file."""

import pytest

from tests.browser.chromium import chromium
from tests.doors.till.browser_core import BrowserCore


@pytest.fixture(scope="module")
def core():
    if not chromium():
        pytest.skip("no Chromium")
    with BrowserCore() as opened:
        yield opened
