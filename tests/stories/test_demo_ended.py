"""The demo world ended early: nothing that it started outlives it, and a kill that was begun is finished.

Control: a kill that is broken off between the signal and the new start leaves its node down.
"""

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.stories.demo import DEMO
from tests.stories.worlds import ROOT

pytestmark = pytest.mark.story
BEGUN, GONE_S = 6, 60  # processes of the world when it is ended; how long they may take to go


def started_in(folder: Path) -> list[int]:
    """Processes that were started with a path in ``folder``."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = one.read_bytes()
        except OSError:  # it has just ended
            continue
        if str(folder).encode() in words:
            found.append(int(one.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are looked for in /proc")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_world_that_is_ended_early_leaves_no_process_behind(tmp_path, how):
    world = subprocess.Popen([sys.executable, "-m", "weft", "demo", str(DEMO), "--headless", "--json", "--keep",
                              str(tmp_path / "world")], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    until = time.monotonic() + GONE_S
    while len(started_in(tmp_path)) < BEGUN:
        assert time.monotonic() < until
        assert world.poll() is None
        time.sleep(0.1)
    world.send_signal(how)
    told, errors = world.communicate(timeout=GONE_S)
    assert (world.returncode, told, errors) == (130, b"", b"")
    assert started_in(tmp_path) == []


class Firm:
    """A node that takes a while to start."""

    name = "one"

    def __init__(self) -> None:
        self.up, self.hit = True, asyncio.Event()

    async def kill(self, again_s: float) -> None:
        self.up = False
        self.hit.set()
        await asyncio.sleep(0.05)
        self.up = True


@pytest.fixture
def kills(monkeypatch):
    monkeypatch.syspath_prepend(str(DEMO))
    import kills

    monkeypatch.setattr(kills, "PAUSE_S", (0.0, 0.01))
    return kills


async def killing(kills, firm: Firm):
    """Kills at any moment, of which the first has just hit ``firm``."""
    world = SimpleNamespace(firms={"one": firm}, show=SimpleNamespace(say=lambda _: None))
    at_any_moment = kills.Kills(world, random.Random(1), "during")
    at_any_moment.begin()
    await firm.hit.wait()
    return at_any_moment


async def test_a_kill_that_was_begun_is_finished_when_no_more_are_to_come(kills):
    firm = Firm()
    at_any_moment = await killing(kills, firm)
    assert not firm.up
    await at_any_moment.end()
    assert firm.up


async def test_control_a_kill_that_is_broken_off_leaves_its_node_down(kills, monkeypatch):
    monkeypatch.setattr(kills.asyncio, "shield", lambda blow: blow)  # cancelled with who waits for it
    firm = Firm()
    at_any_moment = await killing(kills, firm)
    await at_any_moment.end()
    assert not firm.up
