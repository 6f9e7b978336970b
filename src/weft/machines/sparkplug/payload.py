"""The payload of Sparkplug B: protobuf, read and written; pure.

Eclipse Sparkplug 3.0.0 §6 (``sparkplug_b.proto``). A codec of our own of that one message: the general library would
come with a build step and 2 MB for it.
Rule 1: what is not well formed is refused as a whole (``Malformed``); fields that are not known are stepped over.
Rule 2: what has no plain value (data sets, bytes, arrays) is kept as ``OPAQUE``; members of templates are metrics with
        the template's name before theirs.
Rule 3: bounds: metrics, fields, nesting, size of a text and of a name with all that stands before it.
Not here: who said it and when (``edge``), topics and sessions (``hosts``).
"""

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from weft.shopfloor.connection import Scalar

METRICS_MAX: Final = 20_000
DEPTH_MAX: Final = 8
TEXT_MAX: Final = 4096
NAME_MAX: Final = 1000
FIELDS_MAX: Final = 1000  # of anything but a list of metrics

INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64 = range(1, 9)
FLOAT, DOUBLE, BOOLEAN, STRING, DATETIME, TEXT, UUID = range(9, 16)
TEMPLATE: Final = 19
QUALITY: Final = "Quality"
BY_ALIAS: Final = "@"  # begins the name of a template's member whose template is told by its alias alone
_SIGNED: Final = {INT8: 8, INT16: 16, INT32: 32, INT64: 64}
_RANGES: Final = {kind: (-(1 << bits - 1), (1 << bits - 1) - 1) for kind, bits in _SIGNED.items()} | {
    UINT8: (0, 2**8 - 1), UINT16: (0, 2**16 - 1), UINT32: (0, 2**32 - 1), UINT64: (0, 2**64 - 1),
    DATETIME: (0, 2**64 - 1)}
_LONGS: Final = (INT64, UINT32, UINT64, DATETIME)  # in long_value; the smaller ones in int_value
NAMES: Final = {INT8: "integer", INT16: "integer", INT32: "integer", INT64: "integer", UINT8: "integer",
                UINT16: "integer", UINT32: "integer", UINT64: "integer", FLOAT: "number", DOUBLE: "number",
                BOOLEAN: "boolean", STRING: "string", TEXT: "string", UUID: "string", DATETIME: "integer"}


class Malformed(ValueError):
    """These bytes are no payload."""


class _Opaque:
    """A value that has no plain form."""


OPAQUE: Final = _Opaque()


class Metric(msgspec.Struct, kw_only=True, gc=False):
    """One metric; -1 and None: not told. ``value`` is plain, None (null) or ``OPAQUE``."""

    name: str = ""
    alias: int = -1
    timestamp: int = 0
    datatype: int = 0
    historical: bool = False
    quality: int = -1
    value: Any = None


class Payload(msgspec.Struct, kw_only=True):
    """One message. ``seq`` is -1 where there is none (as in commands and deaths of nodes)."""

    timestamp: int = 0
    seq: int = -1
    metrics: list[Metric] = []

    def metric(self, name: str) -> Metric | None:
        """The metric of that name."""
        return next((one for one in self.metrics if one.name == name), None)


# ---- reading ------------------------------------------------------------------------------------------


def decode(data: bytes) -> Payload:
    """The payload in ``data``; raises ``Malformed``."""
    told = Payload(metrics=[])
    try:
        for number, value in _fields(data, METRICS_MAX + FIELDS_MAX):
            if number == 1 and isinstance(value, int):
                told.timestamp = value
            elif number == 2 and isinstance(value, bytes):
                _metric(value, "", told.metrics, DEPTH_MAX)
            elif number == 3 and isinstance(value, int):
                told.seq = value
    except (IndexError, struct.error, UnicodeDecodeError, OverflowError) as error:
        raise Malformed(type(error).__name__) from error
    return told


def _fields(data: bytes, most: int = FIELDS_MAX) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and what stands in them; fixed widths as their bytes. Raises ``Malformed`` beyond ``most``."""
    at, size = 0, len(data)
    while at < size:
        most -= 1
        if most < 0:
            raise Malformed("fields")
        key, at = _varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        length = 8 if kind == 1 else 4 if kind == 5 else -1
        if kind == 2:
            length, at = _varint(data, at)
        if length < 0 or at + length > size:
            raise Malformed("length")
        yield key >> 3, data[at:at + length]
        at += length


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at
        shift += 7
        if shift > 63:
            raise Malformed("varint")


def _metric(data: bytes, above: str, into: list[Metric], depth: int) -> None:
    """Add the metric in ``data``, and those within it, to ``into``."""
    told = dict(_fields(data))  # none of its fields is repeated
    if len(into) >= METRICS_MAX:
        raise Malformed("metrics")
    one = Metric(alias=_whole(told, 2, -1), timestamp=_whole(told, 3, 0), datatype=_whole(told, 4, 0),
                 historical=told.get(5) == 1, quality=_quality(_blob(told, 9)))
    name = _blob(told, 1).decode()
    one.name = above + name if name else f"{above}{BY_ALIAS}{one.alias}" if above else ""
    if len(one.name) > NAME_MAX:
        raise Malformed("name")
    into.append(one)
    number = next((field for field in reversed(told) if 10 <= field <= 19), 0)
    if told.get(7) == 1 or not number:
        return
    one.value = _raw(number, told[number])
    if number == 18:
        _members(_blob(told, 18), one, into, depth)


def _whole(told: dict[int, int | bytes], field: int, otherwise: int) -> int:
    value = told.get(field, otherwise)
    return value if isinstance(value, int) else otherwise


def _blob(told: dict[int, int | bytes], field: int) -> bytes:
    value = told.get(field, b"")
    return value if isinstance(value, bytes) else b""


def _members(data: bytes, template: Metric, into: list[Metric], depth: int) -> None:
    if depth <= 0:
        raise Malformed("depth")
    for field, value in _fields(data, METRICS_MAX + FIELDS_MAX):
        if field == 2 and isinstance(value, bytes):
            begin = len(into)
            _metric(value, f"{template.name or f'{BY_ALIAS}{template.alias}'}/", into, depth - 1)
            into[begin].timestamp = into[begin].timestamp or template.timestamp


def _raw(number: int, raw: int | bytes) -> Any:
    """What stands in a field of the value, before its type is known."""
    if isinstance(raw, int):
        return bool(raw) if number == 14 else raw if number in (10, 11) else OPAQUE
    if number == 12 and len(raw) == 4:
        return struct.unpack("<f", raw)[0]
    if number == 13 and len(raw) == 8:
        return struct.unpack("<d", raw)[0]
    return raw.decode() if number == 15 else OPAQUE


def _quality(data: bytes) -> int:
    """The property ``Quality`` in a PropertySet; -1 where there is none."""
    keys: list[str] = []
    values: list[bytes] = []
    for field, value in _fields(data):
        if field == 1 and isinstance(value, bytes):
            keys.append(value.decode())
        elif field == 2 and isinstance(value, bytes):
            values.append(value)
    if QUALITY not in keys or len(keys) != len(values):
        return -1
    return next((value for field, value in _fields(values[keys.index(QUALITY)])
                 if field in (3, 4) and isinstance(value, int)), -1)


def plain(value: Any, datatype: int) -> tuple[Scalar | None, str]:
    """The value of a metric of ``datatype``, or None and why there is none."""
    if value is None:
        return None, "null"
    if datatype in _RANGES:
        return _integer(value, datatype)
    if datatype in (FLOAT, DOUBLE) and isinstance(value, float):
        return (value, "") if math.isfinite(value) else (None, "not-a-number")
    if datatype == BOOLEAN and isinstance(value, int):
        return bool(value), ""
    if datatype in (STRING, TEXT, UUID) and isinstance(value, str):
        return (value, "") if len(value) <= TEXT_MAX else (None, "too-long")
    return None, "type"


def _integer(value: Any, datatype: int) -> tuple[int | None, str]:
    """Negative numbers come as two's complement, of their own width, of 32 or of 64 bits."""
    if isinstance(value, bool) or not isinstance(value, int):
        return None, "type"
    if bits := _SIGNED.get(datatype, 0):
        value &= (1 << bits) - 1
        value = value - (1 << bits) if value >> (bits - 1) else value
    low, high = _RANGES[datatype]
    return (value, "") if low <= value <= high else (None, "out-of-range")


def fitting(value: Scalar, datatype: int) -> Scalar | None:
    """``value`` as ``datatype`` wants it to be written; None when it does not fit."""
    if datatype == BOOLEAN:
        return value if isinstance(value, bool) else None
    if datatype in (STRING, TEXT, UUID):
        return value if isinstance(value, str) else None
    if isinstance(value, bool | str) or not math.isfinite(value):
        return None
    if datatype in (FLOAT, DOUBLE):
        return float(value)
    low, high = _RANGES.get(datatype, (1, 0))
    return int(value) if float(value).is_integer() and low <= value <= high else None


# ---- writing ------------------------------------------------------------------------------------------


def encode(told: Payload) -> bytes:
    """``told`` as bytes."""
    made = _number(1, told.timestamp) + b"".join(_bytes(2, _written(one)) for one in told.metrics)
    return made + (_number(3, told.seq) if told.seq >= 0 else b"")


def _written(one: Metric) -> bytes:
    made = (_bytes(1, one.name.encode()) if one.name else b"") + (_number(2, one.alias) if one.alias >= 0 else b"")
    made += (_number(3, one.timestamp) if one.timestamp else b"") + (_number(4, one.datatype) if one.datatype else b"")
    made += _number(5, 1) if one.historical else b""
    if one.quality >= 0:
        made += _bytes(9, _bytes(1, QUALITY.encode()) + _bytes(2, _number(1, INT32) + _number(3, one.quality)))
    return made + (_number(7, 1) if one.value is None else _value(one.value, one.datatype))


def _value(value: Scalar, datatype: int) -> bytes:
    if datatype == FLOAT:
        return _varint_of(12 << 3 | 5) + struct.pack("<f", value)
    if datatype == DOUBLE:
        return _varint_of(13 << 3 | 1) + struct.pack("<d", value)
    if datatype == BOOLEAN:
        return _number(14, int(value))
    if isinstance(value, str):
        return _bytes(15, value.encode())
    return _number(11 if datatype in _LONGS else 10, int(value) & (2**64 - 1 if datatype in _LONGS else 2**32 - 1))


def _number(field: int, value: int) -> bytes:
    return _varint_of(field << 3) + _varint_of(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint_of(field << 3 | 2) + _varint_of(len(value)) + value


def _varint_of(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)


def of(metrics: Sequence[Metric], timestamp: int, seq: int = -1) -> bytes:
    """The bytes of a message with ``metrics``."""
    return encode(Payload(timestamp=timestamp, seq=seq, metrics=list(metrics)))
