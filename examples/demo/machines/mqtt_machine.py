"""A simulated machine in a process of its own that speaks MQTT, as small controllers and gateways do.

    python mqtt_machine.py --name Saw1 --port 1883 --seed 1 --speed 60

It connects to a broker on loopback, prints one ready line and runs until it is ended. Under ``plant/NAME/``:
``online`` (retained, and its last will), ``status`` and ``settings`` (JSON, retained), ``ready`` (text, repeated),
``lamps`` (JSON: a stack light), ``clamp`` (text: a current clamp in amperes), ``starts`` (its log of starts). It takes
``set`` (JSON, any of jobId, program, target, cycleSeconds, feed), ``start`` (JSON: jobId) and, in simulation only,
``panel`` (JSON: alarm, ready, frozen, abort). ``--state FILE`` keeps the log of starts over a power cut.
Not here: what a machine does (``simulation.py``).
"""

import argparse
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from simulation import KINDS, RUNNING, STATES, Simulation

TICK_SECONDS = 0.02
READY_SECONDS = 0.4
SIGNAL_SECONDS = 0.2
SETTINGS = ("jobId", "program", "target", "cycleSeconds", "feed")


class Machine:
    """One simulation behind one MQTT client; ``_sent`` is what was last published, by topic."""

    def __init__(self, name: str, simulation: Simulation, state: Path | None) -> None:
        self.top = f"plant/{name}"
        self.simulation = simulation
        self._state = state
        self._settings: dict[str, Any] = {"jobId": "", "program": "", "target": 0, "feed": 180.0,
                                          "cycleSeconds": simulation.cycle_seconds}
        self._sent: dict[str, bytes] = {}
        self._frozen = False
        self._lock = threading.Lock()
        self.client = Client(CallbackAPIVersion.VERSION2, f"machine-{name}", protocol=MQTTProtocolVersion.MQTTv5)
        self.client.will_set(f"{self.top}/online", "offline", qos=1, retain=True)
        self.client.on_connect = self._connected
        self.client.on_message = self._heard
        self.client.reconnect_delay_set(1, 1)

    def recall(self) -> None:
        """Read the log of starts."""
        if self._state and self._state.exists():
            for line in self._state.read_text(encoding="utf-8").splitlines():
                seen = json.loads(line)
                self.simulation.starts[seen["job"]] = self.simulation.starts.get(seen["job"], 0) + 1
                if not seen["refused"]:
                    self.simulation.accepted.add(seen["job"])

    def _connected(self, client: Client, *_: Any) -> None:
        client.subscribe([(f"{self.top}/{one}", 1) for one in ("set", "start", "panel")])
        with self._lock:
            self._sent.clear()
        client.publish(f"{self.top}/online", "online", qos=1, retain=True)

    def _heard(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        told = json.loads(message.payload)
        with self._lock:
            match message.topic.rpartition("/")[2]:
                case "set":
                    self._set(told)
                case "start":
                    refused = self.simulation.start(str(told["jobId"]))
                    self._log(str(told["jobId"]), refused)
                case _:
                    self._panel(told)

    def _set(self, told: dict[str, Any]) -> None:
        wanted = {name: value for name, value in told.items() if name in SETTINGS}
        if "jobId" in wanted and not self.simulation.load(str(wanted["jobId"])):
            del wanted["jobId"]
        self._settings |= wanted
        sim = self.simulation
        sim.program, sim.target = self._settings["program"], int(self._settings["target"])
        sim.cycle_seconds = float(self._settings["cycleSeconds"])

    def _panel(self, told: dict[str, Any]) -> None:
        sim = self.simulation
        if told.get("alarm"):
            sim.raise_alarm(int(told["alarm"]))
        elif "alarm" in told:
            sim.clear_alarm()
        if "ready" in told:
            sim.ready = bool(told["ready"])
        if "frozen" in told:
            self._frozen = bool(told["frozen"])
        if told.get("abort"):
            sim.abort()

    def _log(self, job: str, refused: str) -> None:
        if self._state:
            with self._state.open("a", encoding="utf-8") as log:
                log.write(json.dumps({"job": job, "refused": refused}) + "\n")

    def run(self, speed: float) -> None:
        """Let time pass, and tell what changes."""
        at = time.monotonic()
        ready_at = signal_at = 0.0
        while True:
            time.sleep(TICK_SECONDS)
            now = time.monotonic()
            with self._lock:
                self.simulation.step((now - at) * speed)
                at = now
                self._tell_changes()
                if now - ready_at >= READY_SECONDS and not self._frozen:
                    ready_at = now
                    ready = self.simulation.ready and not self.simulation.alarm
                    self.client.publish(f"{self.top}/ready", "ON" if ready else "OFF", qos=0)
                if now - signal_at >= SIGNAL_SECONDS:
                    signal_at = now
                    amperes = self.simulation.signals["SpindleLoad"] / 4
                    self.client.publish(f"{self.top}/clamp", f"{amperes:.2f}", qos=0)

    def _tell_changes(self) -> None:
        sim = self.simulation
        stamp = round(time.time() * 1000)
        status = {"jobId": sim.job, "state": STATES[sim.state], "pieces": sim.pieces, "scrap": sim.scrap,
                  "alarm": sim.alarm}
        lamps = {"red": int(bool(sim.alarm)), "amber": int(STATES[sim.state] == "AllowedToStart"),
                 "green": int(sim.state == RUNNING)}
        self._tell("settings", self._settings)
        self._tell("status", status, at=stamp)
        self._tell("lamps", lamps)
        self._tell("starts", sim.starts)

    def _tell(self, topic: str, told: dict[str, Any], **stamp: int) -> None:
        body = json.dumps(told).encode()
        if self._sent.get(topic) != body and self.client.is_connected():
            self._sent[topic] = body
            self.client.publish(f"{self.top}/{topic}", json.dumps(told | stamp), qos=1, retain=True)


def main() -> int:
    """Run one machine."""
    parser = argparse.ArgumentParser(description="A simulated machine over MQTT.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--scrap-rate", type=float, default=0.02)
    parser.add_argument("--state", type=Path)
    given = parser.parse_args()
    machine = Machine(given.name, Simulation(KINDS["lathe"], given.seed, given.scrap_rate), given.state)
    machine.recall()
    machine.client.connect("127.0.0.1", given.port, keepalive=4)
    machine.client.loop_start()
    print(json.dumps({"endpoint": f"mqtt://127.0.0.1:{given.port}"}), flush=True)
    machine.run(given.speed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
