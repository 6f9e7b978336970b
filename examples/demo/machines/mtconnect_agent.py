"""A simulated lathe with an MTConnect agent in a process of its own.

    python mtconnect_agent.py --name Lathe7 --port 5000 --seed 1 --speed 60

It answers ``/probe``, ``/current`` and ``/sample`` (also below ``/NAME``) as MTConnect 2.0 has it: one buffer of
observations with sequence numbers, an ``instanceId`` for each start, streaming with ``interval`` and ``heartbeat``,
errors as MTConnectError. ``PUT /NAME?dataItem=value`` sets an observation, as the reference agent has it where that is
allowed. The part counter counts on over jobs and restarts of a program, as those of real lathes do; each piece is one
run of the program. In simulation only: ``POST /panel`` (program, target, press, alarm, abort, flood).
Not here: what a machine does (``simulation.py``).
"""

import argparse
import json
import sys
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from xml.sax.saxutils import escape, quoteattr

from simulation import ENDED, INTERRUPTED, KINDS, RUNNING, Simulation

TICK_SECONDS = 0.02
BUFFER = 512
NAMESPACE = "urn:mtconnect.org:MTConnect{}:2.0"
# name -> id, category, element, type, further attributes, component
ITEMS = {
    "avail": ("avail", "EVENT", "Availability", "AVAILABILITY", {}, "Device"),
    "execution": ("exec", "EVENT", "Execution", "EXECUTION", {}, "Path"),
    "program": ("pgm", "EVENT", "Program", "PROGRAM", {}, "Path"),
    "part_count": ("parts", "EVENT", "PartCount", "PART_COUNT", {"subType": "GOOD"}, "Path"),
    "scrap_count": ("scrap", "EVENT", "PartCount", "PART_COUNT", {"subType": "BAD"}, "Path"),
    "logic": ("logic", "CONDITION", "", "LOGIC_PROGRAM", {}, "Path"),
    "speed": ("rpm", "SAMPLE", "RotaryVelocity", "ROTARY_VELOCITY",
              {"subType": "ACTUAL", "units": "REVOLUTION/MINUTE"}, "Path"),
    "load": ("load", "SAMPLE", "Load", "LOAD", {"units": "PERCENT"}, "Path"),
    "door": ("door", "EVENT", "DoorState", "DOOR_STATE", {}, "Path"),
}


def now() -> str:
    """The agent's clock."""
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Agent:
    """The buffer and the simulation; every method is called under ``changed``."""

    def __init__(self, name: str, simulation: Simulation) -> None:
        self.name = name
        self.simulation = simulation
        self.changed = threading.Condition()
        self.instance = str(time.time_ns() // 1000)
        self.next = 1
        self.buffer: list[tuple[int, str, str]] = []  # sequence, item, the element
        self.newest: dict[str, str] = {}
        self.counted = {"part_count": 0, "scrap_count": 0}
        self.job = 0
        self._told: dict[str, str] = {}
        with self.changed:
            for one in ITEMS:
                self.observe(one, "UNAVAILABLE")
            self.observe("avail", "AVAILABLE")
            self.observe("speed", "1200")

    def observe(self, name: str, value: str, level: str = "Normal") -> None:
        """One observation; of a condition ``value`` is code and words."""
        item, category, tag, kind, more, _ = ITEMS[name]
        given = {"dataItemId": item, "name": name, "sequence": str(self.next), "timestamp": now()}
        if "subType" in more:
            given["subType"] = more["subType"]
        if category == "CONDITION":
            code, _, text = value.partition(" ")
            tag = "Unavailable" if value == "UNAVAILABLE" else level
            given |= {"type": kind}
            given |= {"nativeCode": code} if tag == "Fault" else {}
            value = text if tag == "Fault" else ""
        words = "".join(f" {one}={quoteattr(text)}" for one, text in given.items())
        self.newest[name] = f"<{tag}{words}>{escape(value)}</{tag}>"
        self.buffer.append((self.next, name, self.newest[name]))
        del self.buffer[:-BUFFER]
        self.next += 1
        self.changed.notify_all()

    def say(self) -> None:
        """Observe what changed in the machine."""
        sim = self.simulation
        for name, value in (("part_count", sim.pieces), ("scrap_count", sim.scrap)):
            total = self.counted[name] + value
            if name == "part_count" and self._told.get(name) not in (None, str(total)) and sim.state == RUNNING:
                self._tell("execution", "PROGRAM_COMPLETED")
            self._tell(name, str(total))
        self._tell("logic", f"{sim.alarm} {sim.kind.alarms.get(sim.alarm, '')}" if sim.alarm else "",
                   "Fault" if sim.alarm else "Normal")
        self._tell("program", sim.program)
        self._tell("load", f"{sim.signals['SpindleLoad']:.0f}")
        done = {RUNNING: "ACTIVE", INTERRUPTED: "INTERRUPTED", ENDED: "PROGRAM_COMPLETED"}
        self._tell("execution", done.get(sim.state, "READY"))

    def _tell(self, name: str, value: str, level: str = "Normal") -> None:
        if self._told.get(name) != value:
            self._told[name] = value
            self.observe(name, value, level)

    def panel(self, told: dict[str, Any]) -> None:
        """What an operator does."""
        sim = self.simulation
        if "program" in told:
            self.counted = {"part_count": self.counted["part_count"] + sim.pieces,
                            "scrap_count": self.counted["scrap_count"] + sim.scrap}
            self.job += 1
            sim.load(f"panel-{self.job}")
            sim.program, sim.target = str(told["program"]), int(told.get("target", 0))
        sim.cycle_seconds = told.get("cycle", sim.cycle_seconds)
        if told.get("press"):
            sim.start(sim.job)
        if told.get("abort"):
            sim.abort()
        if "alarm" in told:
            _ = sim.raise_alarm(told["alarm"]) if told["alarm"] else sim.clear_alarm()
        for one in range(told.get("flood", 0)):
            self.observe("speed", str(one + 1))
        self.say()

    def live(self, speed: float) -> None:
        """Let time pass, for ever."""
        before = time.monotonic()
        while True:
            time.sleep(TICK_SECONDS)
            with self.changed:
                moment = time.monotonic()
                self.simulation.step((moment - before) * speed)
                before = moment
                self.say()

    # ---- documents -------------------------------------------------------------------------------------

    def _document(self, kind: str, header: dict[str, Any], body: str) -> bytes:
        told = {"creationTime": now(), "sender": "localhost", "instanceId": self.instance, "version": "2.0.0.1",
                "bufferSize": BUFFER, **header}
        words = "".join(f' {one}="{value}"' for one, value in told.items())
        space = NAMESPACE.format(kind)
        return (f'<?xml version="1.0" encoding="UTF-8"?>\n<MTConnect{kind} xmlns:m="{space}" xmlns="{space}">'
                f"<Header{words}/>{body}</MTConnect{kind}>").encode()

    def probe(self) -> bytes:
        """The devices."""
        items = {place: "".join(
            f'<DataItem category="{category}" id="{item}" name="{name}" type="{kind}"'
            + "".join(f' {one}="{value}"' for one, value in more.items()) + "/>"
            for name, (item, category, _, kind, more, where) in ITEMS.items() if where == place)
            for place in ("Device", "Path")}
        return self._document("Devices", {"assetBufferSize": 0, "assetCount": 0}, (
            f'<Devices><Device id="d1" name="{self.name}" uuid="{self.name}"><DataItems>{items["Device"]}</DataItems>'
            f'<Components><Controller id="c1" name="controller"><Components><Path id="p1" name="path"><DataItems>'
            f"{items['Path']}</DataItems></Path></Components></Controller></Components></Device></Devices>"))

    def streams(self, observed: list[tuple[int, str, str]], following: int) -> bytes:
        """Observations, in their components."""
        groups = {"Samples": "SAMPLE", "Events": "EVENT", "Condition": "CONDITION"}
        parts = []
        for place, component, name in (("Device", "d1", self.name), ("Path", "p1", "path")):
            inside = "".join(
                f"<{group}>{found}</{group}>" for group, category in groups.items()
                if (found := "".join(text for _, item, text in observed
                                     if ITEMS[item][5] == place and ITEMS[item][1] == category)))
            if inside:
                parts.append(f'<ComponentStream component="{place}" name="{name}" componentId="{component}">'
                             f"{inside}</ComponentStream>")
        header = {"firstSequence": self.buffer[0][0], "lastSequence": self.next - 1, "nextSequence": following}
        return self._document("Streams", header, (
            f'<Streams><DeviceStream name="{self.name}" uuid="{self.name}">{"".join(parts)}</DeviceStream></Streams>'))

    def current(self) -> bytes:
        """The newest observation of each data item."""
        return self.streams([(0, name, text) for name, text in self.newest.items()], self.next)

    def sample(self, first: int, count: int) -> tuple[bytes, int]:
        """Up to ``count`` observations from ``first`` on, and the number to go on from."""
        if first < self.buffer[0][0] or first > self.next:
            return self.error("OUT_OF_RANGE", f"from must be between {self.buffer[0][0]} and {self.next}"), 0
        found = [one for one in self.buffer if one[0] >= first][:count]
        following = found[-1][0] + 1 if found else first
        return self.streams(found, following), following

    def error(self, code: str, text: str) -> bytes:
        """An error as the standard has it."""
        return self._document("Error", {}, f'<Errors><Error errorCode="{code}">{escape(text)}</Error></Errors>')


class Handler(BaseHTTPRequestHandler):
    """One connection; ``agent`` is set when the server is made."""

    protocol_version = "HTTP/1.1"
    agent: Agent

    def log_message(self, *_: Any) -> None:  # silent, as the machine is
        return

    def do_GET(self) -> None:
        """Answer a question."""
        agent, parts = self.agent, urlsplit(self.path)
        asked = dict(parse_qsl(parts.query))
        ways = [one for one in parts.path.split("/") if one]
        if len(ways) == 2 and ways[0] == agent.name:
            ways.pop(0)
        what = ways[0] if len(ways) == 1 else "" if ways else "probe"
        with agent.changed:
            if what == "sample" and "interval" not in asked:
                body, _ = agent.sample(int(asked.get("from", agent.buffer[0][0])), int(asked.get("count", 100)))
            elif what != "sample":
                body = {"probe": agent.probe, "current": agent.current}.get(
                    what, lambda: agent.error("NO_DEVICE", f"no device {parts.path}"))()
        if what == "sample" and "interval" in asked:
            self._stream(asked)
            return
        self._answer(200 if what in ("probe", "current", "sample") else 404, body)

    def do_PUT(self) -> None:
        """Take observations from outside."""
        asked = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        with self.agent.changed:
            for name, value in asked.items():
                self.agent.observe(name, value)
        self._answer(200, b"<success/>")

    def do_POST(self) -> None:
        """Do what an operator does."""
        with self.agent.changed:
            self.agent.panel(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer(200, b"<success/>")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, asked: dict[str, str]) -> None:
        agent = self.agent
        interval_s, beat_s = int(asked["interval"]) / 1000, int(asked.get("heartbeat", 10000)) / 1000
        following, count = int(asked.get("from", 0)), int(asked.get("count", 100))
        boundary = "5ba3d6e5"
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace;boundary={boundary}")
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            with agent.changed:
                if following >= agent.next:
                    agent.changed.wait(beat_s)
                body, following = agent.sample(following, count)
            self.wfile.write(f"--{boundary}\r\nContent-type: text/xml\r\nContent-length: {len(body)}\r\n\r\n".encode()
                             + body + b"\r\n")
            if not following:
                return
            time.sleep(interval_s)


def main(argv: list[str]) -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser(description="A simulated lathe with an MTConnect agent on 127.0.0.1.")
    parser.add_argument("--name", default="Lathe7")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free port")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0, help="machine seconds per second")
    parser.add_argument("--counted", type=int, default=17, help="pieces that the counter already shows")
    given = parser.parse_args(argv)
    agent = Handler.agent = Agent(given.name, Simulation(KINDS["lathe"], seed=given.seed, scrap_rate=0.0))
    agent.counted["part_count"] = given.counted
    with agent.changed:
        agent.say()
    server = ThreadingHTTPServer(("127.0.0.1", given.port), Handler)
    server.daemon_threads = True
    threading.Thread(target=agent.live, args=(given.speed,), daemon=True).start()
    print(json.dumps({"ready": True, "name": given.name,
                      "endpoint": f"mtconnect+http://127.0.0.1:{server.server_address[1]}/{given.name}"}), flush=True)
    server.serve_forever(0.05)


if __name__ == "__main__":
    main(sys.argv[1:])
