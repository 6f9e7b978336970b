"""Publish responses read straight from their bytes: the hot path of a machine with a thousand values.

OPC 10000-6 §5.2 (binary encoding), OPC 10000-4 §5.14.5, §7.21. asyncua builds four objects for each change, which costs
several times what the rest of the way costs; here it is one.
Rule 1: what is not laid out in the ordinary way is read by asyncua's own decoder at that place; nothing is guessed.
Rule 2: a value means here exactly what ``opcua_values.value_of`` says that it means (a test compares them).
Rule 3: lengths and counts are believed as far as bytes bear them out; what contradicts itself is no message.
Not here: which subscription, and in which order (``opcua_subscription``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from struct import Struct
from typing import Any, Final

from asyncua import ua
from asyncua.ua.ua_binary import struct_from_binary
from msgspec import structs

from weft.machines.opcua_values import value_of
from weft.shopfloor.connection import Change, Quality, Value

SLOWLY_MAX: Final = 2 * 1024 * 1024  # bytes
_BEGIN: Final = bytes.fromhex("01003d03")  # i=829, PublishResponse
_CHANGED: Final = bytes.fromhex("01002b0301")  # i=811, DataChangeNotification, with a body
_EPOCH_MS: Final = 11_644_473_600_000  # between 1601 and 1970
_EPOCH: Final = _EPOCH_MS * 10000
_GOOD: Final = Quality.GOOD
_HANDLE: Final = Struct("<I").unpack_from
_COUNT: Final = Struct("<i").unpack_from
# mask 0x0d: a value, when it arose, when the server saw it; nothing else, so it is good
_FIXED: Final = {kind: (Struct(f"<{letter}qq").unpack_from, 1 + size + 16) for kind, letter, size in (
    (1, "?", 1), (2, "b", 1), (3, "B", 1), (4, "h", 2), (5, "H", 2), (6, "i", 4), (7, "I", 4), (8, "q", 8),
    (9, "Q", 8), (11, "d", 8), (10, "f", 4))}
_FLOATS: Final = (10, 11)
_PLAIN: Final = 0x0D


@dataclass(slots=True)
class Notified:
    """One publish response. ``number``: of the message; a keep-alive has no data and names the next number."""

    subscription: int
    number: int
    changes: list[Change]
    alive: bool = False
    failed: str = ""


def notified(data: Any, names: Mapping[int, str]) -> Notified:
    """What the bytes of a publish response say; ``names``: property by client handle. Raises ``ua.UaError``."""
    raw = bytes(data)
    place = _after_header(raw)
    if place == 0:
        return _slowly(raw, names)
    subscription = _HANDLE(raw, place)[0]
    numbers = max(0, _COUNT(raw, place + 4)[0])
    place += 4 + 4 + 4 * numbers + 1
    number, parts = _HANDLE(raw, place)[0], _COUNT(raw, place + 12)[0]
    place += 16
    changes: list[Change] = []
    for _ in range(max(0, parts)):
        if raw[place : place + 5] != _CHANGED:
            return _slowly(raw, names)
        length, count = _COUNT(raw, place + 5)[0], _COUNT(raw, place + 9)[0]
        end = place + 9 + length
        if length < 4 or end > len(raw) or _changed(raw, place + 13, count, names, changes) > end:
            raise ua.UaError("length")
        place = end
    return Notified(subscription, number, changes, alive=parts <= 0)


def _after_header(raw: bytes) -> int:
    """Where the parameters begin; 0 when the header is not the ordinary one of a good response."""
    if raw[:4] != _BEGIN or raw[16:21] != b"\0\0\0\0\0" or raw[21:25] not in (b"\0\0\0\0", b"\xff\xff\xff\xff"):
        return 0
    return 28 if raw[25:28] == b"\0\0\0" else 0


def _changed(raw: bytes, place: int, count: int, names: Mapping[int, str], into: list[Change]) -> int:
    """Read ``count`` changed items from ``place`` on; where they end."""
    fixed, told = _FIXED, into.append
    for _ in range(count):
        name = names.get(_HANDLE(raw, place)[0])
        kind = raw[place + 5]
        known = fixed.get(kind) if raw[place + 4] == _PLAIN else None
        if known is not None:
            value, source, server = known[0](raw, place + 6)
            place += 5 + known[1]
            if kind in _FLOATS and not isfinite(value):
                made = Value(None, Quality.BAD, _ms(source), _ms(server), "not-a-number")
            else:
                made = Value(value, _GOOD, source // 10000 - _EPOCH_MS, server // 10000 - _EPOCH_MS)
                if source < _EPOCH:
                    made = _stamped(Value(value, _GOOD, 0, _ms(server)))
        else:
            buffer = ua.utils.Buffer(raw, place + 4)
            made = _stamped(value_of(struct_from_binary(ua.DataValue, buffer)))
            place = buffer.cur_pos
        if name is not None:
            told((name, made))
    return place


def _stamped(value: Value) -> Value:
    """Written by a client that gave no stamp: the server's stands in for the order."""
    return value if value.source_ms else structs.replace(value, source_ms=value.server_ms)


def _ms(ticks: int) -> int:
    return max(0, ticks // 10000 - _EPOCH_MS)


def _slowly(raw: bytes, names: Mapping[int, str]) -> Notified:
    """The same by asyncua's decoder; raises ``ua.UaError`` where that would take too long."""
    if len(raw) > SLOWLY_MAX:
        raise ua.UaError("size")
    response = struct_from_binary(ua.PublishResponse, ua.utils.Buffer(raw))
    response.ResponseHeader.ServiceResult.check()
    result = response.Parameters
    message = result.NotificationMessage
    parts = message.NotificationData or []
    found = Notified(int(result.SubscriptionId), int(message.SequenceNumber), [], alive=not parts)
    for part in parts:
        if isinstance(part, ua.DataChangeNotification):
            found.changes.extend((names[one.ClientHandle], _stamped(value_of(one.Value))) for one in part.MonitoredItems
                                 if one.ClientHandle in names)
        elif isinstance(part, ua.StatusChangeNotification):
            found.failed = f"subscription {part.Status.name}"
    return found


def republished(data: Any, names: Mapping[int, str]) -> list[Change]:
    """The changes of a message that was asked for again; raises ``ua.UaError`` when the server has it no more."""
    response = struct_from_binary(ua.RepublishResponse, ua.utils.Buffer(bytes(data)))
    response.ResponseHeader.ServiceResult.check()
    return [(names[one.ClientHandle], _stamped(value_of(one.Value)))
            for part in response.NotificationMessage.NotificationData or []
            if isinstance(part, ua.DataChangeNotification)
            for one in part.MonitoredItems if one.ClientHandle in names]
