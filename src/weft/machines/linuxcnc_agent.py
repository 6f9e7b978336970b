"""Beside a LinuxCNC controller: its state as lines of JSON, and what it is told; run by the system's own Python.

LinuxCNC's Python interface (``linuxcnc.stat``, ``command``, ``error_channel``) lives in Debian's Python, not in ours:
this file runs there, alone, imports nothing of ours, and ends with the node (its standard input ends).
Rule 1: it holds the job, as ISA-95 wants, because the controller knows programs only: a job is a program run n times.
Rule 2: a run counts when the interpreter came to rest by itself: no other command, no error, still switched on.
Rule 3: a program is a file name in PROGRAM_PREFIX and nothing else. Emergency stop, mode and homing are never set.
Rule 4: the controller's shared memory outlives its process: whether that lives is looked at with every reading.
Not here: the link and what a value means (``linuxcnc.py``), which job is due (``production/``).
"""

import importlib
import json
import os
import pwd
import select
import sys
import time
from pathlib import Path
from typing import Any, Final

POLL_S: Final = 0.02
TELL_S: Final = 0.5  # it speaks at least so often
WAIT_S: Final = 3.0
TASK: Final = "milltask"
NAME_MAX: Final = 120
ERRORS: Final = frozenset({1, 11})  # NML_ERROR, OPERATOR_ERROR


class Gone(Exception):
    """The controller is not there."""


class Refusal(Exception):
    """What is not done, and why."""


def controller() -> int:
    """The process of the controller; raises ``Gone``."""
    for one in Path("/proc").iterdir():
        if one.name.isdecimal():
            try:
                if (one / "comm").read_text().strip() == TASK:
                    return int(one.name)
            except OSError:
                continue
    raise Gone("controller-not-running")


def lives(process: int) -> bool:
    """Whether ``process`` is there and goes on (a stopped one does not)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X", "T"}
    except (OSError, IndexError):
        return False


def become_like(process: int) -> None:
    """Run as who the controller runs as: only he reaches its memory. A node that is root gives up being it."""
    owner = Path(f"/proc/{process}").stat().st_uid
    if os.geteuid() != 0 or owner == 0:
        return
    environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    home = next((one[5:].decode() for one in environment if one.startswith(b"HOME=")), "")
    user = pwd.getpwuid(owner)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(owner)
    os.environ["HOME"] = home or user.pw_dir


class Agent:
    """One controller and the job that it holds."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.cnc: Any = importlib.import_module("linuxcnc")
        self.stat, self.command, self.errors = self.cnc.stat(), self.cnc.command(), self.cnc.error_channel()
        self.job = self.program = self.alarm = ""
        self.phase = ""  # "", started, ended, aborted
        self.target = self.count = 0
        self.running = False  # a run of ours is under way
        self.serial = 0
        self.told: dict[str, list[Any]] = {}
        self.poll()
        self.folder = self._prefix()

    def _prefix(self) -> Path:
        ini = Path(self.stat.ini_filename)
        told = self.cnc.ini(str(ini)).find("DISPLAY", "PROGRAM_PREFIX") or "~/linuxcnc/nc_files"
        return (ini.parent / Path(told).expanduser()).resolve()

    # ---- the controller --------------------------------------------------------------------------------

    def poll(self) -> None:
        """Look at the controller; raises ``Gone``."""
        if not lives(self.process):
            raise Gone("controller-ended")
        try:
            self.stat.poll()
        except (self.cnc.error, SystemError) as error:
            raise Gone("controller-unreadable") from error
        told = self.errors.poll()
        if told and told[0] in ERRORS:
            self.alarm = " ".join(str(told[1]).split())[:200] or "error"

    @property
    def on(self) -> bool:
        return bool(self.stat.task_state == self.cnc.STATE_ON)

    @property
    def at_rest(self) -> bool:
        return bool(self.stat.interp_state == self.cnc.INTERP_IDLE)

    @property
    def homed(self) -> bool:
        return all(self.stat.homed[:self.stat.joints])

    @property
    def ready(self) -> bool:
        """The operator has switched it on, homed it and put it to automatic: that is his word."""
        return self.on and self.homed and not self.stat.estop and self.stat.task_mode == self.cnc.MODE_AUTO

    def follow(self) -> None:
        """Look, and go on with the job: the next run, or its end."""
        before = self.serial
        self.poll()
        self.serial = self.stat.echo_serial_number
        if not self.running:
            return
        if not self.on or self.alarm:
            self._end("aborted")
        elif self.at_rest:
            if self.serial != before:  # somebody told it something in that very moment: nobody knows that it was whole
                self._end("aborted")
                return
            self.count += 1
            if self.count >= max(1, self.target):
                self._end("ended")
            elif not self.ready:
                self._end("aborted")
            else:
                self._run()

    def _end(self, phase: str) -> None:
        self.running, self.phase = False, phase

    def _run(self) -> None:
        """Begin one run; the mode stays as the operator set it."""
        self.told_to(self.command.program_open, str(self.folder / self.program))
        self.command.auto(self.cnc.AUTO_RUN, 0)
        self._until_taken()
        self.running = True
        ends = time.monotonic() + WAIT_S
        while self.at_rest and not self.alarm and time.monotonic() < ends:
            time.sleep(0.005)
            self.poll()
            if self.stat.echo_serial_number != self.command.serial:
                break
        self.serial = self.stat.echo_serial_number

    def told_to(self, what: Any, *given: Any) -> None:
        """Give one command and wait until the controller has taken it."""
        what(*given)
        if self.command.wait_complete(WAIT_S) == self.cnc.RCS_ERROR:
            raise Refusal("controller-refused")
        self.poll()
        self.serial = self.stat.echo_serial_number

    def _until_taken(self) -> None:
        ends = time.monotonic() + WAIT_S
        while time.monotonic() < ends:
            self.poll()
            if self.stat.echo_serial_number >= self.command.serial:
                return
            time.sleep(0.002)
        raise Refusal("controller-silent")

    # ---- values ----------------------------------------------------------------------------------------

    def state(self) -> str:
        """The state of the job (OPC 10031-4)."""
        if not self.job:
            return "Idle" if self.at_rest else "Running"
        if self.phase == "started":
            paused = self.stat.paused or self.stat.interp_state == self.cnc.INTERP_PAUSED
            return "Interrupted" if paused else "Running"
        if self.phase:
            return {"ended": "Ended", "aborted": "Aborted"}[self.phase]
        return "AllowedToStart" if self.ready and self.at_rest else "NotAllowedToStart"

    def values(self) -> dict[str, Any]:
        """All that there is to know."""
        stat, cnc = self.stat, self.cnc
        modes = {cnc.MODE_MANUAL: "manual", cnc.MODE_AUTO: "auto", cnc.MODE_MDI: "mdi"}
        return {
            "JobId": self.job, "Program": self.program, "TargetCount": self.target, "State": self.state(),
            "PieceCount": self.count, "Alarm": "emergency stop" if stat.estop else self.alarm,
            "LocalReady": self.ready, "FeedOverride": round(stat.feedrate * 100, 3),
            "EmergencyStop": bool(stat.estop), "MachineOn": self.on, "Homed": self.homed,
            "Mode": modes.get(stat.task_mode, ""), "Paused": bool(stat.paused), "Line": stat.motion_line,
            "Velocity": round(stat.current_vel * 60, 3), "SpindleSpeed": round(abs(stat.spindle[0]["speed"]), 3),
            **{f"Position{axis}": round(stat.actual_position[number], 4) for number, axis in enumerate("XYZ")}}

    # ---- what it is told -------------------------------------------------------------------------------

    def write(self, values: dict[str, Any]) -> None:
        """Set what may be set; raises ``Refusal`` before anything is."""
        if self.running and set(values) & {"JobId", "Program", "TargetCount"}:
            raise Refusal("job-runs")
        for name in values:
            if name not in {"JobId", "Program", "TargetCount", "FeedOverride"}:
                raise Refusal("not-writable")
        if values.get("Program"):
            self._checked(values["Program"])
        for name, value in values.items():
            if name == "JobId":
                self._take(value)
            elif name == "FeedOverride":
                self.told_to(self.command.feedrate, float(value) / 100)
            else:
                setattr(self, "program" if name == "Program" else "target", value)

    def _checked(self, name: Any) -> None:
        if not isinstance(name, str) or len(name) > NAME_MAX or Path(name).name != name or name.startswith("."):
            raise Refusal("program-name")
        path = self.folder / name
        if path.resolve().parent != self.folder or not path.is_file():
            raise Refusal("no-such-program")

    def _take(self, job: str) -> None:
        if not self.at_rest:
            raise Refusal("program-runs")
        self.job, self.phase, self.count, self.alarm = job, "", 0, ""

    def invoke(self, action: str, arguments: list[Any]) -> None:
        """Do something; raises ``Refusal``."""
        known = {"StartJob": self._start, "Pause": self._pause, "Resume": self._resume, "Abort": self._abort}
        if action not in known:
            raise Refusal("unknown-action")
        known[action](*arguments[:1])

    def _start(self, job: str = "") -> None:
        if not self.job or job != self.job:
            raise Refusal("other-job")
        if self.phase:
            raise Refusal("already-begun")
        if not self.ready or not self.at_rest:
            raise Refusal("not-ready")
        self._checked(self.program)
        self.alarm, self.phase = "", "started"
        self._run()

    def _pause(self) -> None:
        if not self.running or self.stat.paused:
            raise Refusal("nothing-runs")
        self.told_to(self.command.auto, self.cnc.AUTO_PAUSE)

    def _resume(self) -> None:
        if not self.running or not self.stat.paused:
            raise Refusal("not-paused")
        self.told_to(self.command.auto, self.cnc.AUTO_RESUME)

    def _abort(self) -> None:
        if self.phase == "started":
            self._end("aborted")
        self.told_to(self.command.abort)

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What comes of one request."""
        number, refused = asked.get("id"), ""
        try:
            if asked.get("do") == "write":
                self.write(asked["values"])
            elif asked.get("do") == "invoke":
                self.invoke(asked["action"], asked.get("arguments", []))
        except Refusal as error:
            refused = str(error)
        except (self.cnc.error, KeyError, TypeError, ValueError) as error:
            refused = f"failed: {type(error).__name__}"
        self.poll()
        return {"id": number, "refused": refused, "values": self.values(), "ms": _now()}


def _now() -> int:
    return int(time.time() * 1000)


def say(told: dict[str, Any]) -> None:
    """One line to the node."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def serve() -> None:
    """Tell what changes, and do what is asked, until the node ends."""
    process = controller()
    become_like(process)
    agent = Agent(process)
    os.set_blocking(sys.stdin.fileno(), False)
    buffer, told_at = b"", 0.0
    last: dict[str, Any] = {}
    while True:
        readable, _, _ = select.select([sys.stdin], [], [], POLL_S)
        if readable:
            chunk = os.read(sys.stdin.fileno(), 65536)
            if not chunk:
                return
            *lines, buffer = (buffer + chunk).split(b"\n")
            for line in lines:
                say(agent.answer(json.loads(line)))
        agent.follow()
        values = agent.values()
        if values != last or time.monotonic() - told_at > TELL_S:
            last, told_at = values, time.monotonic()
            say({"values": values, "ms": _now()})


def main() -> int:
    """Serve; what ends it is the last line."""
    try:
        serve()
    except (Gone, ImportError) as error:
        say({"gone": str(error) if isinstance(error, Gone) else "linuxcnc-not-installed"})
        return 1
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
