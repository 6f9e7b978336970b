"""A node dies while a machine is told something: afterwards it is read back or unknown, and never told again.

The node is a process of its own, the machine another; between them a line that counts what is written over it, and
falls silent at the moment that the story wants (OPC 10000-6: a WriteRequest is known by its number).
"""

import asyncio
import json
import urllib.error
import urllib.request

import pytest

from tests.machines.conftest import Process
from tests.stories.firms import Firm
from weft.launch import Home
from weft.twin.names import encode_id, submodel_id

pytestmark = pytest.mark.story
WRITE_REQUEST = b"\x01\x00\xa1\x02"  # NodeId i=673 in four bytes


class Line:
    """The line to a machine. ``silent`` is set when it has fallen silent, as asked by ``fall_silent``."""

    def __init__(self, far: int) -> None:
        self.far, self.near, self.writes = far, 0, 0
        self.silent = asyncio.Event()
        self._swallow: bool | None = None
        self._server: asyncio.Server | None = None
        self._ends: list[asyncio.StreamWriter] = []

    async def begin(self) -> None:
        self._server = await asyncio.start_server(self._joined, "127.0.0.1", 0)
        self.near = self._server.sockets[0].getsockname()[1]

    def fall_silent(self, *, swallow: bool) -> None:
        """At the next write: it reaches the machine or (``swallow``) does not, and no answer comes back."""
        self._swallow = swallow

    def speak(self) -> None:
        """Whoever joins from now on is heard; those of before are gone."""
        self._swallow = None
        self.silent.clear()
        for end in self._ends:
            end.close()
        self._ends.clear()

    async def end(self) -> None:
        assert self._server is not None
        self.speak()
        self._server.close()

    async def _joined(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.far)
        self._ends += [writer, far_writer]
        await asyncio.gather(self._carry(reader, far_writer, asked=True), self._carry(far_reader, writer, asked=False),
                             return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, asked: bool) -> None:
        while data := await reader.read(65536):
            written = asked and WRITE_REQUEST in data
            self.writes += written
            if written and self._swallow is not None:
                self.silent.set()
                if self._swallow:
                    continue
            elif self.silent.is_set():
                continue
            writer.write(data)
            await writer.drain()
        writer.close()


class Asking:
    """What a program asks the node of its machine."""

    def __init__(self, firm: Firm) -> None:
        self.token = Home(firm.home).owner_token.read_text().strip()
        self.base = f"http://127.0.0.1:{firm.port}/api"
        self.operations = ""

    async def knows(self, description) -> None:
        """Give the node the machine."""
        status, _, told = await self.ask("weft/v1/commands/machine-add", "POST",
                                         {"name": "M1", "description": description})
        assert status == 200, told
        _, _, told = await self.ask("v3/shells")
        [shell] = [one["id"] for one in told["result"] if ":machine:" in one["id"]]
        self.operations = f"v3/submodels/{encode_id(submodel_id(shell, 'Operations'))}/submodel-elements"

    async def ask(self, path, method="GET", body=None):
        return await asyncio.to_thread(self._ask, path, method, body)

    def _ask(self, path, method, body):
        request = urllib.request.Request(
            f"{self.base}/{path}", None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, error.headers, json.loads(error.read() or b"null")

    async def write(self, wanted, command, how="invoke/$value"):
        return await self.ask(f"{self.operations}/Write.Feed/{how}", "POST", {
            "inputArguments": {"Value": wanted, "CommandId": command}, "clientTimeoutDuration": "PT50S"})


@pytest.mark.parametrize("swallow", [
    pytest.param(True, id="the-machine-never-got-it"),
    pytest.param(False, id="the-machine-has-taken-it", marks=pytest.mark.release)])
async def test_a_node_that_dies_in_the_middle_of_a_write_reads_back_and_never_writes_again(tmp_path, swallow):
    process = Process("M1", "lathe", ["--seed", "7", "--speed", "60", "--state", str(tmp_path / "starts")])
    line = firm = None
    try:
        await process.begin()
        line = Line(int(process.endpoint.rpartition(":")[2]))
        await line.begin()
        firm = await asyncio.to_thread(Firm, tmp_path / "maker", "Jinggong")
        await asyncio.to_thread(firm.up)
        near = process.endpoint.replace(str(line.far), str(line.near))
        text = process.text(**{"weft:readBackMs": 1500, "weft:linkGraceMs": 1500, "base": near})
        asking = Asking(firm)
        await asking.knows(text)
        for _ in range(100):
            status, _, told = await asking.write(180, "c-0")
            assert status in (200, 404), told  # a node that has just heard of it may have opened it not yet
            if status == 200 and told["success"]:
                break
            await asyncio.sleep(0.2)
        assert (told["outputArguments"]["Outcome"], line.writes) == ("confirmed", 1)

        line.fall_silent(swallow=swallow)
        status, headers, _ = await asking.write(190, "c-1", "invoke-async/$value")
        assert status == 202
        handle = headers["Location"].rpartition("/")[2]
        await asyncio.wait_for(line.silent.wait(), 20)
        status, _, told = await asking.ask(f"{asking.operations}/Write.Feed/operation-status/{handle}")
        assert (status, told["executionState"]) == (200, "Running"), "the command is open"
        await asyncio.to_thread(firm.kill)
        line.speak()
        before = line.writes
        await asyncio.to_thread(firm.up)

        status, _, told = await asking.ask(f"{asking.operations}/Write.Feed/operation-status/{handle}")
        assert (status, told["messages"][0]["correlationId"]) == (404, "twin.handle")
        for _ in range(100):
            _, _, told = await asking.write(190, "c-1")
            outcome = told["outputArguments"]
            if "ReadBack" in outcome and outcome.get("Reason") != "machine.unreachable":
                break
            assert outcome["Outcome"] != "confirmed", "nothing is done that was not read back"
            await asyncio.sleep(0.2)
        expected = ("unknown", 180.0) if swallow else ("confirmed", 190.0)
        assert (outcome["Outcome"], outcome["ReadBack"]) == expected
        assert told["success"] is not swallow
        assert line.writes == before, "it was told again what became of it, and nothing was written again"
        _, _, told = await asking.write(200, "c-2")
        assert told["outputArguments"]["Outcome"] == "confirmed"
        assert line.writes == before + 1, "the control: the line counts what is written"
    finally:
        if firm is not None:
            await asyncio.to_thread(firm.stop)
        if line is not None:
            await line.end()
        await process.kill()
