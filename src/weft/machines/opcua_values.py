"""Between OPC UA and our plain values: node ids in hrefs, data values, types of what is written.

OPC 10101 hrefs: ``?id=ns=2;s=Name`` or, whatever the server's numbering, ``?id=nsu=urn:maker;s=Name``.
Rule 1: a value that has no plain form (structure, not a number, bytes) is BAD with its reason, never guessed; an array
        of plain values is their JSON text.
Rule 2: what does not fit the device's type is refused before anything is sent.
Not here: scaling and limits (``shopfloor/``), the link (``opcua``).
"""

import math
import re
import uuid
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
from asyncua import ua

from weft.basis.errors import Invalid
from weft.machines.opcua_bounds import fit_text
from weft.shopfloor.connection import Quality, Scalar, Value

OVERFLOW: Final = "overflow"
TEXT_MAX: Final = 64 * 1024
_OVERFLOW: Final = 0x480  # OPC 10000-4 §7.39.1: the info bits say something of a data value, namely this
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_OPAQUE: Final = re.compile(r"(?:ns=([0-9]{1,5});)?b=((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)")
_KIND: Final = ua.VariantType
_RANGES: Final = {
    _KIND.SByte: (-(2**7), 2**7 - 1), _KIND.Byte: (0, 2**8 - 1),
    _KIND.Int16: (-(2**15), 2**15 - 1), _KIND.UInt16: (0, 2**16 - 1),
    _KIND.Int32: (-(2**31), 2**31 - 1), _KIND.UInt32: (0, 2**32 - 1),
    _KIND.Int64: (-(2**63), 2**63 - 1), _KIND.UInt64: (0, 2**64 - 1),
}
_NUMBERS: Final = (_KIND.Float, _KIND.Double)
BUILT_IN: Final = {one.value: one for one in (_KIND.Boolean, *_RANGES, *_NUMBERS, _KIND.String)}


def node_id(href: str, namespaces: Sequence[str], base: str = "") -> ua.NodeId:
    """The node that ``href`` names on a server with ``namespaces``; raises ``Invalid('machine.href')``."""
    where, _, named = href.partition("?id=")  # a namespace, too, is often an address: not that of the machine
    if base and "://" in where and urlsplit(where).netloc != urlsplit(base).netloc and (
            named or not where.startswith(("ns=", "nsu=", "uav:"))):
        raise Invalid("machine.href", href=href[:120])
    text = unquote(named or href).removeprefix("uav:")
    if text.startswith("nsu="):  # names and namespaces may hold semicolons
        uri = max((one for one in namespaces if text.startswith(f"nsu={one};")), key=len, default=None)
        if uri is None:
            raise Invalid("machine.namespace", href=href[:120])
        text = f"ns={list(namespaces).index(uri)};{text[len(uri) + len('nsu=;'):]}"
    try:
        return _parsed(text)
    except (ua.UaError, ValueError, TypeError) as error:
        raise Invalid("machine.href", href=href[:120]) from error


def _parsed(text: str) -> ua.NodeId:
    """The node of a text; opaque ones are base64 (OPC 10000-6 §5.3.1.10), also where that begins with ``0x``.

    asyncua would read those as hexadecimal; what is no base64 is still left to it.
    """
    opaque = _OPAQUE.fullmatch(text)
    if opaque is None:
        return ua.NodeId.from_string(text)
    return ua.NodeId(b64decode(opaque[2]), int(opaque[1] or 0), ua.NodeIdType.ByteString)


def href_of(node: ua.NodeId, namespaces: Sequence[str]) -> str:
    """The href of ``node``, by the namespace's URI, so that it outlives a server's restart."""
    text = node.to_string().replace("%", "%25")
    index = int(node.NamespaceIndex)
    if index == 0 or index >= len(namespaces):
        return f"?id={text}"
    return f"?id=nsu={namespaces[index].replace('%', '%25')};{text.partition(';')[2]}"


def milliseconds(moment: datetime | None) -> int:
    """``moment`` in ms since 1970; 0 when there is none, or one that no clock would give."""
    if moment is None:
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0, round((aware - _EPOCH).total_seconds() * 1000))


def value_of(data: ua.DataValue, server_ms: int = 0) -> Value:
    """The plain value of ``data``; ``server_ms`` is the device's clock when it answered.

    ``detail`` of a good value is ``overflow`` where the device had more changes than it could keep for us.
    """
    status = data.StatusCode
    source_ms, stamp = milliseconds(data.SourceTimestamp), server_ms or milliseconds(data.ServerTimestamp)
    if status is not None and status.is_bad():
        return Value(None, Quality.BAD, source_ms, stamp, status.name)
    plain, why = plain_of(data.Value.Value if data.Value is not None else None)
    if plain is None:
        return Value(None, Quality.BAD, source_ms, stamp, why)
    if status is not None and status.is_uncertain():
        return Value(plain, Quality.UNCERTAIN, source_ms, stamp, status.name)
    overflow = status is not None and status.value & _OVERFLOW == _OVERFLOW
    return Value(plain, Quality.GOOD, source_ms, stamp, OVERFLOW if overflow else "")


def plain_of(raw: Any) -> tuple[Scalar | None, str]:
    """The plain form of ``raw``, or None and why there is none."""
    if isinstance(raw, bool):
        return raw, ""
    if isinstance(raw, int):
        return int(raw), ""
    if isinstance(raw, float):
        return (raw, "") if math.isfinite(raw) else (None, "not-a-number")
    text = _text(raw)
    if text is None:
        return None, "empty" if raw is None else "unsupported"
    if fit_text(text) is None:
        return None, "not-utf-8"
    return (text, "") if len(text) <= TEXT_MAX else (None, "too-long")


def _text(raw: Any) -> str | None:
    """What is text or is shown as text; an array as JSON."""
    if isinstance(raw, list):
        each = [plain_of(one)[0] for one in raw]
        return msgspec.json.encode(each).decode() if all(one is not None for one in each) else None
    if isinstance(raw, ua.LocalizedText):
        return raw.Text or ""
    if isinstance(raw, datetime):
        return raw.isoformat(timespec="milliseconds")
    return str(raw) if isinstance(raw, str | uuid.UUID) else None


def variant(value: Scalar, kind: ua.VariantType) -> ua.Variant | None:
    """``value`` as the device's type ``kind``; None when it does not fit (Rule 2)."""
    if kind is _KIND.Boolean:
        return ua.Variant(value, kind) if isinstance(value, bool) else None
    if kind is _KIND.String:
        return ua.Variant(value, kind) if isinstance(value, str) else None
    if kind is _KIND.LocalizedText:
        return ua.Variant(ua.LocalizedText(value), kind) if isinstance(value, str) else None
    number = _number(value)
    if number is None:
        return None
    if kind in _NUMBERS:
        return ua.Variant(float(number), kind)
    low, high = _RANGES.get(kind, (1, 0))
    whole = int(number)
    return ua.Variant(whole, kind) if whole == number and low <= whole <= high else None


def _number(value: Scalar) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):  # a quantity comes as a decimal string
        try:
            value = int(value) if value.lstrip("-").isdecimal() else float(value)
        except ValueError:
            return None
    return value if math.isfinite(value) else None


def natural(value: Scalar) -> ua.VariantType:
    """The type to send ``value`` as, where the device does not say which it wants."""
    if isinstance(value, bool):
        return _KIND.Boolean
    if isinstance(value, str):
        return _KIND.String
    return _KIND.Int64 if isinstance(value, int) else _KIND.Double
