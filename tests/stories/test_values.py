"""What a machine told outlives a power cut: a real node, a real OPC UA machine; what nobody heard is a gap."""

import csv
import io
import json
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from tests.stories.firms import Firm, eventually, free_port

pytestmark = pytest.mark.story

MACHINES = Path(__file__).resolve().parents[2] / "examples" / "demo" / "machines"
NAME = "L1"


class Machine:
    """A simulated lathe in a process of its own, always at the same port."""

    def __init__(self) -> None:
        self.port, self.process = free_port(), None

    def begin(self) -> str:
        self.process = subprocess.Popen(
            [sys.executable, str(MACHINES / "machine.py"), "--kind", "lathe", "--name", NAME, "--seed", "7",
             "--port", str(self.port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        return str(json.loads(self.process.stdout.readline())["endpoint"])

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate(timeout=20)
            self.process = None


@pytest.fixture
def works(tmp_path):
    """A firm with a lathe that changes its temperature all the time."""
    firm, machine = Firm(tmp_path / "home", "Jinggong"), Machine()
    try:
        firm.up()
        firm.weft("machine", "add", NAME, str(MACHINES / "lathe.td.json"), f"NAME={NAME}",
                  f"ENDPOINT={machine.begin()}")
        yield firm, machine
    finally:
        machine.kill()
        firm.stop()


def told(firm: Firm, begin: int = 0) -> list[tuple[int, float | str]]:
    """Moments and values of all properties, one after the other."""
    view = firm.weft("view", "machine-records", f"machine={NAME}", f"begin={begin}")
    return [(at, cell) for at, cells in view["rows"] for cell in cells if cell != ""]


def numbers(found):
    return [(at, value) for at, value in found if not isinstance(value, str)]


def test_what_a_machine_told_is_there_after_a_power_cut_and_the_silence_is_a_gap(works, tmp_path):
    firm, machine = works
    before = eventually(lambda: (found := told(firm)) and len(numbers(found)) >= 5 and found, "values are kept")
    time.sleep(1.5)  # a batch, and a little more
    firm.kill()
    cut = time.time() * 1000
    time.sleep(2.0)
    firm.up()
    after = eventually(lambda: (found := told(firm)) and numbers(found)[-1][0] > cut + 1_500 and found, "it goes on")
    assert numbers(before) == numbers(after)[:len(numbers(before))]
    gap = [at for at, value in after if value == "missing" and at <= cut + 1]
    assert gap, "between the two lives nothing was heard"
    view = firm.weft("view", "machine-values", f"machine={NAME}", f"begin={int(cut) + 500}", f"end={int(cut) + 1500}",
                     "points=1")
    assert all(line["low"] == [None] for line in view["lines"])  # nothing is made up for the time in between

    read_by_its_twin(firm)

    machine.kill()
    eventually(lambda: told(firm)[-1][1] == "missing", "the machine is gone, and it is said")
    machine.begin()
    eventually(lambda: not isinstance(told(firm)[-1][1], str), "it is back")

    target = tmp_path / "values.csv"
    done = firm.weft("history", "export", NAME, "--out", str(target))
    rows = list(csv.reader(io.StringIO(target.read_text(encoding="utf-8-sig"))))
    assert done["rows"] == len(rows) - 1 > 5
    assert "no data" in {cell for row in rows for cell in row}
    assert any(one["machine"] == NAME and one["from"] for one in firm.weft("history", "list")["machines"])


def read_by_its_twin(firm: Firm) -> None:
    """The operations of the time series read over the power cut, asked as a stranger's program does."""
    shell = next(one for one in call(firm, "GET", "/api/v3/shells")["result"] if one["idShort"].endswith(NAME))
    name = next(one["keys"][0]["value"] for one in shell["submodels"] if one["keys"][0]["value"].endswith("TimeSeries"))
    part = urlsafe_b64encode(name.encode()).rstrip(b"=").decode()
    span = {"value": {"modelType": "Range", "idShort": "Timespan", "valueType": "xs:dateTime"}}
    every = {"value": {"modelType": "Property", "idShort": "SamplingInterval", "valueType": "xs:string",
                       "value": "1 s"}}
    for operation, given in (("ReadRecords", [span]), ("ReadSegments", [span]), ("DeriveSegment", [span, every])):
        answer = call(firm, "POST", f"/api/v3/submodels/{part}/submodel-elements/{operation}/invoke",
                      {"inputArguments": given, "clientTimeoutDuration": "PT20S"})
        assert answer["success"] is True, answer
        assert answer["outputArguments"][0]["value"]["value"], operation


def call(firm: Firm, method: str, path: str, body=None):
    token = (firm.home / "keys" / "owner.token").read_text().strip()
    request = Request(f"http://127.0.0.1:{firm.port}{path}", method=method,
                      data=json.dumps(body).encode() if body is not None else None,
                      headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.loads(answer.read())
