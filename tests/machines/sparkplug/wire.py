"""What goes over the wire between us and a broker, read by a decoder that is not ours (MQTT 3.1.1, 5.0)."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Packet:
    """One packet that we sent: its kind, flags and parts."""

    kind: int
    flags: int
    body: bytes
    version: int

    @property
    def qos(self) -> int:
        return self.flags >> 1 & 3

    @property
    def retain(self) -> bool:
        return bool(self.flags & 1)

    def published(self) -> tuple[str, bytes]:
        """(topic, payload) of a PUBLISH."""
        length = int.from_bytes(self.body[:2], "big")
        at = 2 + length + (2 if self.qos else 0)
        if self.version == 5:
            at += 1 + self.body[at]
        return self.body[2:2 + length].decode(), self.body[at:]

    def connect(self) -> dict[str, Any]:
        """The parts of a CONNECT."""
        told: dict[str, Any] = {"flags": self.body[7], "expiry": None}
        at = 10
        if self.version == 5:
            properties = self.body[11:11 + self.body[10]]
            told["expiry"] = int.from_bytes(properties[1:5], "big") if properties[:1] == b"\x11" else 0
            at += 1 + self.body[10]
        _, at = self._text(at)
        if told["flags"] & 4:
            at += 1 + self.body[at] if self.version == 5 else 0
            topic, at = self._text(at)
            payload, at = self._text(at)
            told |= {"will": (topic.decode(), json.loads(payload)), "will-qos": told["flags"] >> 3 & 3,
                     "will-retain": bool(told["flags"] & 0x20)}
        return told

    def filters(self) -> list[str]:
        """What a SUBSCRIBE asks for."""
        at = 2 + (1 if self.version == 5 else 0)
        found = []
        while at < len(self.body):
            text, at = self._text(at)
            found.append(text.decode())
            at += 1
        return found

    def _text(self, at: int) -> tuple[bytes, int]:
        end = at + 2 + int.from_bytes(self.body[at:at + 2], "big")
        return self.body[at + 2:end], end


@dataclass
class Tap:
    """A way to a broker that writes down what we say on each connection."""

    port: int  # the broker's
    said: list[bytearray] = field(default_factory=list)
    server: Any = None
    pipes: set[Any] = field(default_factory=set)

    async def begin(self) -> int:
        """The port to go to instead."""
        self.server = await asyncio.start_server(self._pass_on, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kept = bytearray()
        self.said.append(kept)
        back, there = await asyncio.open_connection("127.0.0.1", self.port)
        self.pipes |= {writer, there}

        async def pipe(one: asyncio.StreamReader, other: asyncio.StreamWriter, keep: bytearray | None) -> None:
            try:
                while data := await one.read(65536):
                    if keep is not None:
                        keep += data
                    other.write(data)
            except OSError:
                pass
            finally:
                other.close()

        await asyncio.gather(pipe(reader, there, kept), pipe(back, writer, None))

    async def end(self) -> None:
        for one in self.pipes:
            one.close()
        self.server.close()

    def packets(self, connection: int) -> list[Packet]:
        """What we said on that connection, in order."""
        data, at, found, version = bytes(self.said[connection]), 0, [], 4
        while at < len(data):
            first, length, shift, at = data[at], 0, 0, at + 1
            while True:
                length |= (data[at] & 0x7F) << shift
                shift, at = shift + 7, at + 1
                if not data[at - 1] & 0x80:
                    break
            body = data[at:at + length]
            if first >> 4 == 1:
                version = body[6]
            found.append(Packet(first >> 4, first & 15, body, version))
            at += length
        return found
