"""Packets of MQTT 5.0 and 3.1.1 as a client needs them: written to bytes, read from a stream; pure.

OASIS MQTT 5.0 and 3.1.1. QoS 2 is not spoken: brokers grant less than was asked for.
Rule 1: a packet above the limit is passed over and never kept; of a message its topic is told all the same.
Rule 2: what no broker may say ends the stream (``Broken``): nothing is guessed.
Not here: sockets and time (``mqtt_line``), what a payload means (``mqtt_values``).
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

V5: Final = 5
V311: Final = 4
LARGEST: Final = 1024 * 1024  # bytes of one packet
PING: Final = b"\xc0\x00"
CONNACK_BEGINS: Final = b"\x20"
CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT = 2, 3, 4, 9, 11, 13, 14
RECEIVE_MAXIMUM, MAXIMUM_PACKET = 0x21, 0x27
_BYTES, _SHORTS, _LONGS = {0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}, {0x13, 0x21, 0x22, 0x23}, {
    0x02, 0x11, 0x18, 0x27}
_TEXTS: Final = {0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F}
_PAIR: Final = 0x26
_VARINT: Final = 0x0B
_OLD: Final = {1: 0x84, 2: 0x85, 3: 0x88, 4: 0x86, 5: 0x87}  # CONNACK of 3.1.1 in the codes of 5.0


class Broken(Exception):
    """The stream holds what no broker may say."""


class Message(msgspec.Struct, gc=False):
    """A PUBLISH that came. ``packet``: the number to acknowledge, 0 at QoS 0; ``retained``: it lay there before we
    asked; ``passed_over``: its size, when it was too large to be kept. ``lapses_s``: of one that we send, after how
    long a broker that could not deliver it gives it to nobody any more (0: never; MQTT 5.0 alone can say so).
    """

    topic: str
    payload: bytes
    packet: int = 0
    retained: bool = False
    passed_over: int = 0
    lapses_s: int = 0


class Answer(msgspec.Struct, gc=False):
    """Any other packet: its ``kind``, the ``packet`` it answers, its reason codes, and numbers among its properties."""

    kind: int
    packet: int = 0
    reasons: tuple[int, ...] = ()
    properties: dict[int, int] = {}


class Will(msgspec.Struct, frozen=True):
    """What the broker publishes at QoS 1 when we are gone without a word."""

    topic: str
    payload: bytes
    retain: bool = True


class Login(msgspec.Struct, frozen=True):
    """User and password as they go into CONNECT."""

    user: str = ""
    password: str = ""


# ---- writing ------------------------------------------------------------------------------------------


def connect(client: str, version: int, keepalive_s: int, login: Login, will: Will | None = None) -> bytes:
    """CONNECT with a clean start and a session that ends with the connection."""
    flags = 0x02 | (0x80 if login.user else 0) | (0x40 if login.user and login.password else 0)
    nothing = b"\x00" if version == V5 else b""
    last = b""
    if will is not None:
        flags |= 0x04 | 0x08 | (0x20 if will.retain else 0)
        last = nothing + _text(will.topic) + _binary(will.payload)
    if login.user:
        last += _text(login.user) + (_text(login.password) if login.password else b"")
    session = b"\x05\x11\x00\x00\x00\x00" if version == V5 else b""  # Session Expiry Interval 0
    head = _text("MQTT") + bytes((version, flags)) + struct.pack(">H", keepalive_s) + session
    return _packet(0x10, head + _text(client) + last)


def subscribe(packet: int, filters: Mapping[str, int], version: int) -> bytes:
    """SUBSCRIBE to each of ``filters`` at its QoS; in 5.0 without what we publish ourselves (No Local)."""
    body = struct.pack(">H", packet) + (b"\x00" if version == V5 else b"")
    options = 0x04 if version == V5 else 0
    return _packet(0x82, body + b"".join(_text(one) + bytes((options | min(1, qos),)) for one, qos in filters.items()))


def publish(message: Message, version: int) -> bytes:
    """PUBLISH at QoS 1, or at 0 when its packet number is 0."""
    body = _text(message.topic) + (struct.pack(">H", message.packet) if message.packet else b"")
    first = 0x30 | (0x02 if message.packet else 0) | (0x01 if message.retained else 0)
    lapses = struct.pack(">BI", 0x02, message.lapses_s) if message.lapses_s else b""  # Message Expiry Interval
    terms = _varint(len(lapses)) + lapses if version == V5 else b""
    return _packet(first, body + terms + message.payload)


def acknowledge(packets: Sequence[int]) -> bytes:
    """PUBACK for each of ``packets``."""
    return b"".join(struct.pack(">BBH", 0x40, 2, one) for one in packets)


def disconnect(version: int) -> bytes:
    """DISCONNECT that makes the broker forget the will."""
    return b"\xe0\x00" if version in (V5, V311) else b""


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    made = bytearray()
    while True:
        value, low = divmod(value, 128)
        made.append(low | 0x80 if value else low)
        if not value:
            return bytes(made)


def _text(value: str) -> bytes:
    return _binary(value.encode())


def _binary(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


# ---- reading ------------------------------------------------------------------------------------------


class Reader:
    """Packets out of a stream, whatever pieces it comes in; keeps at most ``largest`` bytes and a topic."""

    def __init__(self, version: int, largest: int = LARGEST) -> None:
        self._version = version
        self._largest = largest
        self._left = bytearray()
        self._needed = 0  # bytes of the packet that is not whole, once its length is known
        self._over = 0  # bytes still to come of a packet that is passed over

    def feed(self, data: bytes) -> tuple[list[Message], list[Answer]]:
        """The whole packets so far; raises ``Broken``."""
        if self._over:
            gone = min(self._over, len(data))
            self._over -= gone
            data = data[gone:]
        if self._left:
            self._left += data
            if len(self._left) < self._needed:  # in however small pieces it comes: it is put together once
                return [], []
            data = bytes(self._left)
        messages: list[Message] = []
        answers: list[Answer] = []
        try:
            at = self._walk(data, messages, answers)
        except (IndexError, struct.error, UnicodeDecodeError) as error:
            raise Broken(type(error).__name__) from error
        self._left = bytearray(data[at:])
        return messages, answers

    def _walk(self, data: bytes, messages: list[Message], answers: list[Answer]) -> int:
        """Take packets from ``data``; where the first that is not whole begins."""
        at, size, self._needed = 0, len(data), 0
        while size - at >= 2:
            first, length, body = data[at], data[at + 1], at + 2
            if length & 0x80:
                length, body = _length(data, at + 1)
                if body < 0:
                    break
            end = body + length
            if length > self._largest:
                if not self._pass_over(first, data[body:], length, messages):
                    break
                at = min(end, size)
                self._over = end - at
                continue
            if end > size:
                self._needed = end - at
                break
            if first >> 4 == PUBLISH:
                messages.append(self._message(first, data, body, end))
            else:
                answers.append(self._answer(first >> 4, data[body:end]))
            at = end
        return at

    def _message(self, first: int, data: bytes, at: int, end: int) -> Message:
        begin = at + 2
        at = begin + ((data[at] << 8) | data[at + 1])
        topic = data[begin:at].decode()
        packet = 0
        if quality := first & 0x06:
            if quality != 0x02:
                raise Broken("QoS")
            packet = (data[at] << 8) | data[at + 1]
            at += 2
        if self._version == V5:
            length = data[at]
            at += 1
            if length & 0x80:
                length, at = _length(data, at - 1)
            at += length
        if at > end or (not packet and first & 0x06):
            raise Broken("PUBLISH")
        return Message(topic, data[at:end], packet, bool(first & 0x01))

    def _pass_over(self, first: int, body: bytes, length: int, messages: list[Message]) -> bool:
        """Note that a packet is too large; False while its topic has not come yet."""
        if first >> 4 != PUBLISH:
            raise Broken("size")
        if len(body) < 2 or len(body) < (needed := 4 + ((body[0] << 8) | body[1])):
            return False
        topic = body[2:needed - 2].decode()
        packet = (body[needed - 2] << 8) | body[needed - 1] if first & 0x06 else 0
        messages.append(Message(topic, b"", packet, bool(first & 0x01), length))
        return True

    def _answer(self, kind: int, body: bytes) -> Answer:
        new = self._version == V5
        if kind == CONNACK:
            reason = body[1] if new else _OLD.get(body[1], body[1])
            return Answer(kind, 0, (reason,), _numbers(body, 2) if new and len(body) > 2 else {})
        if kind == PINGRESP:
            return Answer(kind)
        if kind == DISCONNECT and new:
            return Answer(kind, 0, (body[0] if body else 0,))
        if kind == PUBACK:
            return Answer(kind, (body[0] << 8) | body[1], (body[2] if len(body) > 2 else 0,))
        if kind == SUBACK:
            begin = 2
            if new:
                length, begin = _length(body, 2)
                begin += length
            return Answer(kind, (body[0] << 8) | body[1], tuple(body[begin:]))
        raise Broken(f"packet {kind}")


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer at ``at`` and where it ends; -1 as the end while it is not whole."""
    value, shift = 0, 0
    for place in range(at, at + 4):
        if place >= len(data):
            return 0, -1
        value |= (data[place] & 0x7F) << shift
        if not data[place] & 0x80:
            return value, place + 1
        shift += 7
    raise Broken("length")


def _numbers(body: bytes, at: int) -> dict[int, int]:
    """Which properties that are numbers stand at ``at``; the others are stepped over."""
    length, at = _length(body, at)
    end = at + length
    found: dict[int, int] = {}
    while at < end:
        name, at = body[at], at + 1
        if name in _BYTES:
            found[name], at = body[at], at + 1
        elif name in _SHORTS:
            found[name], at = struct.unpack_from(">H", body, at)[0], at + 2
        elif name in _LONGS:
            found[name], at = struct.unpack_from(">I", body, at)[0], at + 4
        elif name == _VARINT:
            found[name], at = _length(body, at)
        elif name in _TEXTS or name == _PAIR:
            for _ in range(2 if name == _PAIR else 1):
                at += 2 + struct.unpack_from(">H", body, at)[0]
        else:
            raise Broken("property")
    return found
