"""A look at a device that takes its time ends in words, whatever was asked of it."""

import asyncio
import errno

import pytest

from weft.basis.errors import Unavailable
from weft.machines import discovering, keeping
from weft.machines.discovering import Discovering
from weft.machines.http import HttpConnection
from weft.shopfloor.reading import parse
from weft.shopfloor.remedies import Remedy, remedy


@pytest.mark.parametrize("seconds", [pytest.param(30.0, id="slow"), pytest.param(0.0, id="control")])
async def test_a_device_that_answers_too_slowly_is_told_in_words(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovering, "LOOK_S", 0.5)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while asked := await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(seconds if b" /slow " in asked or b"wot" in asked else 0)
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}')
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        told = parse({"id": "urn:h", "title": "H", "base": f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
                      "security": "n", "securityDefinitions": {"n": {"scheme": "nosec"}}, "properties": {
                          name: {"type": "integer", "forms": [{"href": f"/{name}#/a"}]} for name in ("quick", "slow")}})
        at = Discovering(lambda described, _: HttpConnection(described), ("http",))
        if seconds:
            for asked in (at.read("M", told, ["slow"]), at.look("M", told)):
                with pytest.raises(Unavailable) as caught:
                    await asked
                assert caught.value.code == "machine.look-too-long"
        else:
            assert (await at.read("M", told, ["slow"]))["slow"].value == 1
            assert not (await at.look("M", told)).nodes
        await at.close()


@pytest.mark.parametrize(("number", "what"), [
    (errno.EHOSTUNREACH, Remedy.SILENT), (errno.ENETUNREACH, Remedy.SILENT), (errno.ETIMEDOUT, Remedy.SILENT),
    (errno.EHOSTDOWN, Remedy.SILENT), (errno.ECONNREFUSED, Remedy.REFUSED)])
def test_a_cable_that_is_out_is_not_told_as_a_machine_that_is_there(number: int, what: Remedy) -> None:
    assert remedy(keeping.reason(OSError(number, "Connect call failed ('10.0.0.5', 4840)"))) is what
