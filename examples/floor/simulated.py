"""A machine inside pymodbus' own simulator: an action of its first input register, as its manual tells to write one.

The simulator is pymodbus' program, unchanged; this module is named to it (``--custom_actions_module``), and its
registers lie in one row as ``ROOM`` says. Time passes when somebody looks.
Not here: the registers' meaning (``modbus_machine.py`` of the demo), what a machine does (``simulation.py``).
"""

import time
from pathlib import Path
from typing import Any

from modbus_machine import HOLDING, INPUTS, Machine
from simulation import KINDS, Simulation

BITS = 8
ROOM = {"co size": BITS, "di size": BITS, "hr size": HOLDING, "ir size": INPUTS}
FIRST_INPUT = 2 * BITS
FIRST_HOLDING = FIRST_INPUT + INPUTS
LAST = FIRST_HOLDING + HOLDING - 1


class Live:
    """The one machine of this process."""

    def __init__(self) -> None:
        self.machine: Machine | None = None
        self.at = time.monotonic()

    def __call__(self, registers: Any, _at: int, *, speed: float, state: str, idle: bool) -> None:
        """Take what was written, let time pass, show what came of it."""
        inputs, holding = registers[FIRST_INPUT:FIRST_HOLDING], registers[FIRST_HOLDING:LAST + 1]
        now = time.monotonic()
        if self.machine is None:
            self.machine = Machine(Simulation(KINDS["lathe"], seed=1, scrap_rate=0.0), Path(state))
        else:
            self.machine.holding[:] = [one.value for one in holding]
        self.machine.inputs[7] = int(now * 5) % 65536
        self.machine.step(0.0 if idle else (now - self.at) * speed)
        self.at = now
        for cells, values in ((holding, self.machine.holding), (inputs, self.machine.inputs)):
            for cell, value in zip(cells, values, strict=True):
                cell.value = value


custom_actions_dict = {"live": Live()}


def setup(port: int, **parameters: Any) -> dict[str, Any]:
    """The simulator's settings file, with the machine behind ``port``."""
    nothing = {"bits": None, "uint16": None, "uint32": None, "float32": None, "string": None}
    device = {
        "setup": {**ROOM, "shared blocks": False, "type exception": False, "defaults": {
            "value": {"bits": 0, "uint16": 0, "uint32": 0, "float32": 0.0, "string": " "}, "action": nothing}},
        "invalid": [], "write": [[FIRST_HOLDING, LAST]], "bits": [[0, FIRST_INPUT - 1]], "uint32": [],
        "float32": [], "string": [], "repeat": [],
        "uint16": [{"addr": FIRST_INPUT, "action": "live", "parameters": parameters},
                   {"addr": [FIRST_INPUT + 1, LAST]}]}
    server = {"comm": "tcp", "host": "127.0.0.1", "port": port, "framer": "socket"}
    return {"server_list": {"server": server}, "device_list": {"device": device}}
