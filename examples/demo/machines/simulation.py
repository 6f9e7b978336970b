"""What a simulated machine does: loads, runs, counts, breaks; no protocol, no clock of its own.

Rule 1: chance is seeded by (seed, job, piece): the same job makes the same pieces on every run.
Rule 2: a job is started once; a second start is refused, and counted, so that a test can see it.
Not here: OPC UA (``machine.py``).
"""

import math
import random
from dataclasses import dataclass, field

IDLE, LOADED, RUNNING, INTERRUPTED, ENDED, ABORTED = range(6)
STATES = ("Idle", "AllowedToStart", "Running", "Interrupted", "Ended", "Aborted")


@dataclass(frozen=True)
class Kind:
    """A kind of machine. ``setpoints``: name -> (unit, default); ``signals``: name -> (unit, idle, working)."""

    cycle_seconds: float
    setpoints: dict[str, tuple[str, float]]
    signals: dict[str, tuple[str, float, float]]
    alarms: dict[int, str]
    numeric_state: bool
    start_by: str  # "method" or "variable"


KINDS = {
    "lathe": Kind(
        60.0,
        {"SpindleSpeed": ("RPM", 1200.0), "Feed": ("H81", 180.0)},
        {"SpindleLoad": ("P1", 2.0, 55.0), "Temperature": ("CEL", 24.0, 41.0)},
        {101: "Tool worn", 102: "Coolant low", 103: "Chuck not clamped"},
        True,
        "method",
    ),
    "cell": Kind(
        90.0,
        {"Torque": ("NU", 12.0)},
        {"SpindleLoad": ("P1", 1.0, 30.0), "Temperature": ("CEL", 23.0, 29.0)},
        {201: "Part missing in feeder", 202: "Torque not reached"},
        False,
        "variable",
    ),
    "press": Kind(
        30.0,
        {"MouldTemperature": ("CEL", 175.0), "ClampForce": ("B47", 250.0)},
        {"SpindleLoad": ("P1", 3.0, 70.0), "Temperature": ("CEL", 26.0, 172.0)},
        {301: "Mould too cold", 302: "Clamp pressure low"},
        False,
        "variable",
    ),
}


@dataclass
class Simulation:
    """One machine; ``step`` moves it on by machine seconds. ``starts`` counts start commands per job."""

    kind: Kind
    seed: int = 0
    scrap_rate: float = 0.02
    job: str = ""
    program: str = ""
    target: int = 0
    cycle_seconds: float = 0.0
    state: int = IDLE
    pieces: int = 0
    scrap: int = 0
    alarm: int = 0
    ready: bool = True
    starts: dict[str, int] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    signals: dict[str, float] = field(default_factory=dict)
    into_piece: float = 0.0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.cycle_seconds = self.cycle_seconds or self.kind.cycle_seconds
        self.signals = {name: idle for name, (_, idle, _) in self.kind.signals.items()}

    def load(self, job: str) -> bool:
        """Take ``job`` (empty: none); False while another is running."""
        if job == self.job:
            return True
        if self.state in (RUNNING, INTERRUPTED):
            return False
        self.job, self.pieces, self.scrap, self.into_piece = job, 0, 0, 0.0
        self.state = LOADED if job else IDLE
        return True

    def start(self, job: str) -> str:
        """Start ``job``; an empty string, or why not. Every call is counted."""
        self.starts[job] = self.starts.get(job, 0) + 1
        if job != self.job or not job:
            return "another job is loaded"
        if job in self.accepted:
            return "this job was already started"
        if self.state != LOADED:
            return "not allowed to start"
        if not self.ready or self.alarm:
            return "not ready"
        self.accepted.add(job)
        self.state, self.into_piece = RUNNING, 0.0
        return ""

    def raise_alarm(self, code: int) -> None:
        """Stop with alarm ``code``."""
        self.alarm = code
        if self.state == RUNNING:
            self.state = INTERRUPTED

    def clear_alarm(self) -> None:
        """Clear the alarm and go on where it stopped."""
        self.alarm = 0
        if self.state == INTERRUPTED:
            self.state = RUNNING

    def abort(self) -> None:
        """Give the job up, as an operator does at the panel."""
        if self.state in (RUNNING, INTERRUPTED):
            self.state = ABORTED

    def step(self, seconds: float) -> None:
        """Let ``seconds`` of machine time pass."""
        self.seconds += seconds
        self._move_signals(seconds)
        if self.state != RUNNING:
            return
        self.into_piece += seconds
        while self.state == RUNNING and self.into_piece >= self._cycle():
            self.into_piece -= self._cycle()
            self._finish_piece()

    def _cycle(self) -> float:
        return max(0.01, self.cycle_seconds * self._chance("cycle").uniform(0.97, 1.03))

    def _finish_piece(self) -> None:
        if self._chance("scrap").random() < self.scrap_rate:
            self.scrap += 1
        else:
            self.pieces += 1
        if self.target and self.pieces >= self.target:
            self.state = ENDED

    def _chance(self, what: str) -> random.Random:
        return random.Random(f"{self.seed}:{what}:{self.job}:{self.pieces + self.scrap}")

    def _move_signals(self, seconds: float) -> None:
        noise = random.Random(f"{self.seed}:{self.seconds:.3f}")
        for name, (_, idle, working) in self.kind.signals.items():
            goal = working if self.state == RUNNING else idle
            wave = 1 + 0.08 * math.sin(self.seconds * 0.9) if self.state == RUNNING else 1.0
            pace = min(1.0, seconds / (1.5 if name == "SpindleLoad" else 40.0))
            value = self.signals[name] + (goal * wave - self.signals[name]) * pace
            self.signals[name] = round(value + noise.uniform(-0.15, 0.15), 2)
