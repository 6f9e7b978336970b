"""One line to a broker that greets and acknowledges nothing: what nobody answers does not pile up for ever."""

import asyncio
import contextlib

import pytest

from weft.basis.errors import WeftError
from weft.machines import mqtt_line
from weft.machines.mqtt_line import Broker, dial
from weft.machines.mqtt_packets import Message

GREETED = b"\x20\x03\x00\x00\x00"  # CONNACK of MQTT 5, without properties


@pytest.mark.parametrize(("most", "ends"), [(20, True), (1_000, False)])
async def test_a_broker_that_acknowledges_nothing_loses_the_line(
    monkeypatch: pytest.MonkeyPatch, most: int, ends: bool
) -> None:
    over = asyncio.Event()
    monkeypatch.setattr(mqtt_line, "WAITING_MAX", most)  # the control: below it the line goes on

    async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(GREETED)
        with contextlib.suppress(ConnectionError):
            while await reader.read(1024):
                pass
            writer.close()
            await writer.wait_closed()
        over.set()

    server = await asyncio.start_server(greets, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    line = await dial(Broker(host="127.0.0.1", port=port, client="weft", title="M"), lambda _: None, 5, 60)
    for _ in range(30):
        with contextlib.suppress(TimeoutError, WeftError, OSError):
            await line.publish(Message("a", b"1"), 1, 0.01)
    assert line.ended.is_set() is ends
    line.end(ConnectionError("over"))
    await over.wait()
    server.close()
