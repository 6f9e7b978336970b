"""A simulated machine in a process of its own that speaks HTTP, as newer controllers and gateways do.

    python http_machine.py --name Saw1 --port 8081 --seed 1 --speed 60

It listens on loopback, prints one ready line and runs until it is ended. ``GET /status``, ``/settings`` (JSON),
``/temperature`` (text), ``/events`` (the status, as Server-Sent Events), ``/starts`` (its log of starts),
``/.well-known/wot``; ``PUT /job``, ``PUT /settings``, ``POST /start``; in simulation only ``POST /panel`` (alarm,
ready, frozen, abort, press) and the bad addresses ``/broken``, ``/large``, ``/away``, ``/slow``. ``--login`` wants
``user:password`` or a token; ``--certificate`` serves HTTPS. ``--state FILE`` keeps the log of starts over a power cut.
Not here: what a machine does (``simulation.py``).
"""

import argparse
import base64
import json
import ssl
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from simulation import KINDS, RUNNING, STATES, Simulation

TICK_SECONDS = 0.02
BEAT_SECONDS = 0.2
LARGE = 2 * 1024 * 1024


class Machine:
    """One simulation; every method is called under ``lock``."""

    def __init__(self, simulation: Simulation, state: Path | None) -> None:
        self.simulation = simulation
        self.lock = threading.Lock()
        self.feed = 180.0
        self.beats = 0
        self.frozen = False
        self._state = state
        if state and state.exists():
            for line in state.read_text(encoding="utf-8").splitlines():
                seen = json.loads(line)
                simulation.starts[seen["job"]] = simulation.starts.get(seen["job"], 0) + 1
                if not seen["refused"]:
                    simulation.accepted.add(seen["job"])

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        sim = self.simulation
        return {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"), "state": STATES[sim.state],
            "job": {"id": sim.job, "program": sim.program, "target": sim.target},
            "count": {"good": sim.pieces, "scrap": sim.scrap}, "alarm": sim.alarm,
            "ready": sim.ready and not sim.alarm, "beat": self.beats, "load": sim.signals["SpindleLoad"], "hot": None,
        }

    def settings(self) -> dict[str, Any]:
        """What may be set."""
        return {"cycleSeconds": self.simulation.cycle_seconds, "feed": self.feed}

    def take_job(self, told: dict[str, Any]) -> str:
        """Load a job; "" or why not."""
        sim = self.simulation
        if "id" in told and not sim.load(str(told["id"])):
            return "another job is running"
        if sim.state == RUNNING and ("target" in told or "program" in told):
            return "this job is running"
        sim.program, sim.target = str(told.get("program", sim.program)), int(told.get("target", sim.target))
        return ""

    def take_settings(self, told: dict[str, Any]) -> str:
        """Take set values; "" or why not."""
        if not 0 < float(told.get("feed", self.feed)) <= 500:
            return "feed out of range"
        self.feed = float(told.get("feed", self.feed))
        self.simulation.cycle_seconds = float(told.get("cycleSeconds", self.simulation.cycle_seconds))
        return ""

    def start(self, told: dict[str, Any]) -> str:
        """Start a job; "" or why not; every call is kept."""
        job = str(told.get("jobId", ""))
        refused = self.simulation.start(job)
        if self._state:
            with self._state.open("a", encoding="utf-8") as log:
                log.write(json.dumps({"job": job, "refused": refused}) + "\n")
        return refused

    def panel(self, told: dict[str, Any]) -> str:
        """What an operator does at the machine itself."""
        sim = self.simulation
        if "alarm" in told:
            _ = sim.raise_alarm(told["alarm"]) if told["alarm"] else sim.clear_alarm()
        sim.ready, self.frozen = told.get("ready", sim.ready), told.get("frozen", self.frozen)
        if told.get("abort"):
            sim.abort()
        return self.start({"jobId": sim.job}) if told.get("press") else ""

    def live(self, speed: float) -> None:
        """Let time pass, for ever."""
        before, next_beat = time.monotonic(), 0.0
        while True:
            time.sleep(TICK_SECONDS)
            now = time.monotonic()
            with self.lock:
                self.simulation.step((now - before) * speed)
                if now >= next_beat and not self.frozen:
                    self.beats, next_beat = self.beats + 1, now + BEAT_SECONDS
            before = now


class Handler(BaseHTTPRequestHandler):
    """One connection; ``machine``, ``login`` and ``thing`` are set when the server is made."""

    protocol_version = "HTTP/1.1"
    machine: Machine
    login = ""
    thing = b"{}"

    def log_message(self, *_: Any) -> None:  # a real one has no log either
        return

    def do_GET(self) -> None:
        """Answer a question."""
        if not self._let_in():
            return
        if self.path == "/events":
            self._events()
            return
        with self.machine.lock:
            sim = self.machine.simulation
            told = {
                "/status": lambda: json.dumps(self.machine.status()), "/starts": lambda: json.dumps(sim.starts),
                "/settings": lambda: json.dumps(self.machine.settings()),
                "/temperature": lambda: str(sim.signals["Temperature"]),
                "/large": lambda: json.dumps("x" * LARGE), "/nonsense": lambda: "{not json",
                "/.well-known/wot": self.thing.decode,
            }.get(self.path)
            body = told() if told else ""
        if self.path == "/slow":
            time.sleep(600)
        if self.path == "/away":
            self._answer(302, b"", "text/plain", Location="/status")
        elif told is None:
            self._answer(500 if self.path == "/broken" else 404, b"nothing here", "text/plain")
        else:
            kind = "text/plain" if self.path == "/temperature" else "application/json"
            self._answer(200, body.encode(), kind)

    def do_PUT(self) -> None:
        """Take what is set."""
        self._take({"/job": self.machine.take_job, "/settings": self.machine.take_settings})

    def do_POST(self) -> None:
        """Do something."""
        self._take({"/start": self.machine.start, "/panel": self.machine.panel})

    def _take(self, doers: dict[str, Any]) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self._let_in():
            return
        do = doers.get(self.path)
        if do is None:
            self._answer(405, b"not that way", "text/plain")
            return
        try:
            with self.machine.lock:
                refused = do(json.loads(body or b"{}"))
        except (ValueError, TypeError):
            refused = "not understood"
        self._answer(409 if refused else 204, refused.encode(), "text/plain")

    def _let_in(self) -> bool:
        wanted = self.login if ":" not in self.login else base64.b64encode(self.login.encode()).decode()
        given = self.headers.get("Authorization", "")
        if self.login and given != f"{'Basic' if ':' in self.login else 'Bearer'} {wanted}":
            self._answer(401, b"who are you", "text/plain")
            return False
        return True

    def _answer(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if status != 204:
            self.wfile.write(body)

    def _events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        before = b""
        while True:
            with self.machine.lock:
                told = {**self.machine.status(), "time": "", "beat": 0, "load": 0}
            now = json.dumps(told).encode()
            if now != before:
                self.wfile.write(b"event: status\ndata: " + now + b"\n\n")
                before = now
            time.sleep(TICK_SECONDS)


def main(argv: list[str]) -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser(description="A simulated machine that serves HTTP on 127.0.0.1.")
    parser.add_argument("--name", default="Saw1")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="machine seconds per second")
    parser.add_argument("--scrap-rate", type=float, default=0.02, help="share of pieces that are scrap")
    parser.add_argument("--state", type=Path, help="file that keeps the log of starts over a power cut")
    parser.add_argument("--login", default="", help="user:password, or a token")
    parser.add_argument("--certificate", nargs=2, metavar=("CERT", "KEY"), help="serve HTTPS (PEM files)")
    given = parser.parse_args(argv)
    Handler.machine = Machine(Simulation(KINDS["lathe"], seed=given.seed, scrap_rate=given.scrap_rate), given.state)
    Handler.login = given.login
    Handler.thing = Path(__file__).with_name("http.td.json").read_bytes()
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    server.daemon_threads = True
    if given.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*given.certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "https" if given.certificate else "http"
    threading.Thread(target=Handler.machine.live, args=(given.speed,), daemon=True).start()
    print(json.dumps({"ready": True, "name": given.name,
                      "endpoint": f"{scheme}://127.0.0.1:{server.server_address[1]}"}), flush=True)
    server.serve_forever(0.05)


if __name__ == "__main__":
    main(sys.argv[1:])
