"""A real LinuxCNC controller with simulated axes, headless, in processes of its own; and its operator.

It runs as ``nobody`` (its real-time part refuses plain root), so that only root can start it; one at a time.
"""

import asyncio
import os
import pwd
import shutil
import signal
import tempfile
from pathlib import Path

import pytest

CONFIG = Path("/usr/share/doc/linuxcnc/examples/sample-configs/sim")
LOCK = Path(os.sep, "tmp", "linuxcnc.lock")  # LinuxCNC's own, wherever others keep what is temporary
NOBODY = "nobody"
PYTHON = "/usr/bin/python3"
PART = "G21 G90 G0 X0 Y0\nG1 X4 F6000\nG1 Y4\nG1 X0\nG1 Y0\nM2\n"
STOPS = "G21 G90 G0 X0 Y0\nG1 X4 F6000\nM0\nG1 X0\nM2\n"
SLOW = "G21 G90 G0 X0 Y0\nG1 X60 F900\nG1 X0\nM2\n"
_CHANGES = {"DISPLAY": "./display.sh", "HOME_SEARCH_VEL": "0", "HOME_LATCH_VEL": "0", "HOME_OFFSET": "0"}
_LEFT_OUT = ("axis_manualtoolchange", "simulated_home.hal", "HOME_IS_SHARED", "INTRO_GRAPHIC", "HALUI")
_READY = """
import linuxcnc, sys, time
c, s = linuxcnc.command(), linuxcnc.stat()
def do(what, *given):
    what(*given); c.wait_complete(5)
ends = time.time() + 20
while True:
    try: s.poll(); break
    except (linuxcnc.error, SystemError):
        if time.time() > ends: raise
        time.sleep(.1)
do(c.state, linuxcnc.STATE_ESTOP_RESET); do(c.state, linuxcnc.STATE_ON)
do(c.mode, linuxcnc.MODE_MANUAL); do(c.teleop_enable, 0); c.home(-1)
while not all(s.homed[:s.joints]) and time.time() < ends: time.sleep(.05); s.poll()
do(c.mode, linuxcnc.MODE_AUTO)
s.poll(); sys.exit(not all(s.homed[:s.joints]))
"""
_DO = "import linuxcnc; c = linuxcnc.command(); s = linuxcnc.stat(); s.poll(); "


def why_not() -> str:
    """Why there is no controller here; "" when there can be one."""
    if shutil.which("linuxcnc") is None:
        return "LinuxCNC is not installed (apt-get install linuxcnc-uspace): the CNC controller was NOT driven"
    if os.geteuid() != 0:
        return "not root: LinuxCNC cannot be started as nobody, the CNC controller was NOT driven"
    if LOCK.exists():
        return f"another LinuxCNC runs here ({LOCK}): the CNC controller was NOT driven"
    return ""


class Controller:
    """One controller in a folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="weft-cnc-"))
        self.script = None

    async def begin(self) -> None:
        """Start it, switch it on, home it, and put it to automatic; the programs lie in its folder."""
        if reason := why_not():
            pytest.skip(reason)
        (self.folder / "home").mkdir(exist_ok=True)
        shutil.copy(CONFIG / "sim_mm.tbl", self.folder)
        told = (CONFIG / "axis" / "axis_mm.ini").read_text(encoding="utf-8", errors="replace").splitlines()
        lines = []
        for line in told:
            name = line.split("=")[0].strip()
            if not any(one in line for one in _LEFT_OUT):
                changed = {**_CHANGES, "PROGRAM_PREFIX": str(self.folder)}.get(name)
                lines.append(f"{name} = {changed}" if changed is not None else line)
        (self.folder / "sim.ini").write_text("\n".join(lines) + "\n", encoding="utf-8")
        display = self.folder / "display.sh"
        display.write_text("#!/bin/sh\nexec sleep infinity\n", encoding="utf-8")
        for name, text in (("part.ngc", PART), ("stops.ngc", STOPS), ("slow.ngc", SLOW)):
            (self.folder / name).write_text(text, encoding="utf-8")
        display.chmod(0o755)
        who = pwd.getpwnam(NOBODY)
        for one in (self.folder, *self.folder.rglob("*")):
            os.chown(one, who.pw_uid, who.pw_gid)
        self.folder.chmod(0o755)
        await self._start()

    async def _start(self) -> None:
        self.script = await asyncio.create_subprocess_exec(
            *self._as_nobody("linuxcnc", str(self.folder / "sim.ini")), cwd=self.folder, start_new_session=True,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        async with asyncio.timeout(30):
            while not self.find("milltask"):  # noqa: ASYNC110 - it says nowhere that it is there
                await asyncio.sleep(0.1)
        assert await self.run(_READY) == 0, "the controller did not home"

    async def again(self) -> None:
        """After it has ended: the same once more."""
        await self.end()
        await self._start()

    def _as_nobody(self, *what: str) -> list[str]:
        return ["runuser", "-u", NOBODY, "--", "env", f"HOME={self.folder / 'home'}", *what]

    async def run(self, text: str) -> int:
        """Run Python beside the controller as its operator would press keys; the exit code."""
        child = await asyncio.create_subprocess_exec(
            *self._as_nobody(PYTHON, "-c", text), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL)
        return await asyncio.wait_for(child.wait(), 40)

    async def press(self, keys: str) -> None:
        """The operator does something: statements over ``c`` and ``linuxcnc``."""
        assert await self.run(_DO + keys) == 0

    async def ready(self) -> None:
        """Switched on, homed, in automatic, after whatever it was."""
        assert await self.run(_READY) == 0

    def find(self, name: str) -> list[int]:
        """Processes of this controller called ``name``."""
        found = []
        for one in Path("/proc").iterdir():
            if one.name.isdecimal():
                try:
                    ours = (one / "comm").read_text().strip() == name and (
                        str(self.folder) in (one / "cmdline").read_text() or
                        str(self.folder) in str((one / "cwd").readlink()))
                except OSError:
                    continue
                if ours:
                    found.append(int(one.name))
        return found

    def kill(self) -> None:
        """Pull the plug of the controller's own process (SIGKILL)."""
        for one in self.find("milltask"):
            os.kill(one, signal.SIGKILL)

    def freeze(self) -> None:
        """It hangs: its memory stays, nobody works."""
        for one in self.find("milltask"):
            os.kill(one, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        for one in self.find("milltask"):
            os.kill(one, signal.SIGCONT)

    async def end(self) -> None:
        """Close its window, as people do; it cleans up after itself."""
        for one in self.find("sleep"):
            os.kill(one, signal.SIGTERM)
        if self.script is not None:
            try:
                await asyncio.wait_for(self.script.wait(), 30)
            except TimeoutError:
                os.killpg(self.script.pid, signal.SIGKILL)
                await self.script.wait()
        self.script = None

    async def remove(self) -> None:
        """End it and take its folder away."""
        await self.end()
        shutil.rmtree(self.folder, ignore_errors=True)
