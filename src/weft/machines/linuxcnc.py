"""The asset connection to a LinuxCNC controller on this computer, by an agent beside it (``linuxcnc_agent.py``).

``linuxcnc://localhost``; hrefs are names of the agent's values and actions; lines of JSON over its input and output.
Rule 1: the agent is a process of its own that ends with us; one that says nothing for a moment is a link that is down.
Rule 2: what was sent and not answered is ``machine.no-answer``; nothing is ever sent twice.
Rule 3: a new agent knows no job: what an earlier one held is lost, and said so; it is never begun again by itself.
Not here: what the controller is told and how runs are counted (the agent).
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from weft.basis.errors import Invalid, Unavailable
from weft.machines.keeping import KeptConnection, Pace
from weft.shopfloor.connection import BrowsedNode, Capability, Change, Quality, Scalar, Value
from weft.shopfloor.description import Description

PYTHON: Final = "/usr/bin/python3"  # that of the system: LinuxCNC's own modules are there
AGENT: Final = Path(__file__).with_name("linuxcnc_agent.py")
LINE_MAX: Final = 256 * 1024
OBJECT: Final = "LinuxCNC"
_HERE: Final = frozenset({"localhost", "127.0.0.1", "::1"})
VALUES: Final[Sequence[tuple[str, str, bool, str]]] = (  # name, type, writable, unit
    ("JobId", "string", True, ""), ("Program", "string", True, ""), ("TargetCount", "integer", True, "C62"),
    ("State", "string", False, ""), ("PieceCount", "integer", False, "C62"), ("Alarm", "string", False, ""),
    ("LocalReady", "boolean", False, ""), ("FeedOverride", "number", True, "P1"),
    ("EmergencyStop", "boolean", False, ""), ("MachineOn", "boolean", False, ""),
    ("Homed", "boolean", False, ""), ("Mode", "string", False, ""),
    ("Paused", "boolean", False, ""), ("Line", "integer", False, ""), ("Velocity", "number", False, "H81"),
    ("SpindleSpeed", "number", False, "RPM"), ("PositionX", "number", False, "MMT"),
    ("PositionY", "number", False, "MMT"), ("PositionZ", "number", False, "MMT"))
_ACTIONS: Final = ("StartJob", "Pause", "Resume", "Abort")
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,), "boolean": (bool,), "integer": (int,), "number": (int, float)}


class LinuxCncConnection(KeptConnection):
    """One controller; see ``AssetConnection``."""

    def __init__(self, description: Description, pace: Pace | None = None) -> None:
        if urlsplit(description.base).hostname not in _HERE:
            raise Invalid("machine.linuxcnc-here", machine=description.title)
        super().__init__(description, pace or Pace())
        self._process: asyncio.subprocess.Process | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self._linked = False
        self._anew = asyncio.Event()
        self._told: dict[str, Scalar] = {}
        self._present: tuple[dict[str, Any], int] = ({}, 0)

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset(Capability)

    # ---- the link ------------------------------------------------------------------------------------

    def _begin_anew(self) -> None:
        """The agent stays, and with it the job that it holds; all values are told again."""
        self._told.clear()
        if self._linked:
            self._take({"values": self._present[0], "ms": self._present[1]}, first=True)

    async def _live(self) -> None:
        process = await asyncio.create_subprocess_exec(
            PYTHON, "-I", str(AGENT), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL, limit=LINE_MAX)
        self._process, why = process, "agent-ended"
        try:
            while True:
                told = await self._line(process)
                if not self._linked:
                    self._linked = True
                    self._told.clear()
                    self._came_up()
                    self._take(told, first=True)
                    self._up.set()
                else:
                    self._take(told)
        except Exception as error:
            why = self._reason(error)
            raise
        finally:
            self._process = None
            self._fail_open()
            if self._linked:
                self._linked = False
                self._went_down(why)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await asyncio.shield(process.wait())

    async def _line(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        assert process.stdout is not None
        wait_s = self._pace.silence_s if self._linked else self._pace.timeout_s
        async with asyncio.timeout(wait_s):
            line = await process.stdout.readline()
        if not line:
            raise ConnectionError("agent-ended")
        told: dict[str, Any] = msgspec.json.decode(line, type=dict[str, Any])
        if "gone" in told:
            raise ConnectionError(str(told["gone"]))
        return told

    def _reason(self, error: BaseException) -> str:
        return str(error) if isinstance(error, ConnectionError) and str(error) else super()._reason(error)

    def _fail_open(self) -> None:
        """Nobody answers any more what was sent."""
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(ConnectionError("agent-ended"))
        self._answers.clear()

    def _take(self, told: Mapping[str, Any], *, first: bool = False) -> None:
        self._last_heard = time.monotonic()
        values, ms = told.get("values") or {}, int(told.get("ms", 0))
        self._present = (values, ms)
        waiting = self._answers.pop(told.get("id", -1), None)
        if waiting is not None and not waiting.done():
            waiting.set_result(dict(told))
        changes: list[Change] = []
        for name in self._names:
            value = self._value(name, values, ms)
            known = self.description.properties.get(name)
            key = known.href if known else name
            if first or key not in self._told or self._told[key] != values.get(key):
                changes.append((name, value))
        self._told.update(values)
        self._tell(changes)

    def _value(self, name: str, values: Mapping[str, Any], ms: int) -> Value:
        known = self.description.properties.get(name)
        if known is None or known.href not in values:
            return Value(None, Quality.BAD, detail="unknown-property")
        return Value(values[known.href], source_ms=ms, server_ms=ms)

    # ---- reading, writing, calling -------------------------------------------------------------------

    async def read(self, names: Sequence[str]) -> Mapping[str, Value]:
        """Fresh values: the agent looks at the controller when it is asked."""
        told = await self._ask({"do": "read"})
        return {name: self._value(name, told["values"], int(told["ms"])) for name in names}

    async def write(self, values: Mapping[str, Scalar]) -> Mapping[str, str]:
        """Write together; gives per name an empty string, or the agent's reason for refusing."""
        refused = {name: why for name, value in values.items() if (why := self._unfit(name, value))}
        if refused:
            return {name: refused.get(name, "not-sent") for name in values}
        hrefs = {self.description.properties[name].href: value for name, value in values.items()}
        told = await self._ask({"do": "write", "values": hrefs})
        return dict.fromkeys(values, str(told["refused"]))

    def _unfit(self, name: str, value: Scalar) -> str:
        known = self.description.properties.get(name)
        declared = next((kind for one, kind, *_ in VALUES if known is not None and one == known.href), "")
        if not declared:
            return "unknown-property"
        fits = isinstance(value, _KINDS[declared]) and isinstance(value, bool) == (declared == "boolean")
        return "" if fits else "type"

    async def invoke(self, action: str, arguments: Sequence[Scalar]) -> str:
        """Call ``action``; an empty string, or the agent's reason for refusing."""
        known = self.description.actions.get(action)
        if known is None:
            return "unknown-action"
        return str((await self._ask({"do": "invoke", "action": known.href, "arguments": list(arguments)}))["refused"])

    async def _ask(self, what: dict[str, Any]) -> dict[str, Any]:
        process = self._process
        if process is None or not self._linked or process.stdin is None:
            raise self._unreachable()
        self._number += 1
        number = self._number
        waiting = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            process.stdin.write(msgspec.json.encode({**what, "id": number}) + b"\n")
            async with asyncio.timeout(self._pace.timeout_s + 4):
                told: dict[str, Any] = await waiting
        except (OSError, TimeoutError) as error:
            raise self._no_answer(self._reason(error)) from error
        finally:
            self._answers.pop(number, None)
        return told

    async def browse(self, depth: int = 6, under: str = "") -> Sequence[BrowsedNode]:
        """What every controller has; the same for all."""
        del depth
        if not self._linked:
            raise Unavailable("machine.unreachable", machine=self.description.title, detail=self.last_error[:120])
        values = [BrowsedNode(href=name, name=name, path=f"{OBJECT}/{name}", kind="variable", type=kind,
                              writable=writable, unit=unit, parent=OBJECT) for name, kind, writable, unit in VALUES]
        actions = [BrowsedNode(href=name, name=name, path=f"{OBJECT}/{name}", kind="method", parent=OBJECT)
                   for name in _ACTIONS]
        top = [] if under else [BrowsedNode(href=OBJECT, name=OBJECT, path=OBJECT, kind="object")]
        return [*top, *values, *actions]
