"""Between Modbus and our plain values: where a property lies, and what its coils or registers mean.

W3C WoT Modbus Binding (editor's draft 2025): ``modv:`` terms, hrefs ``/{unit}/{address}?quantity={n}``; its types by
their XSD names (``xsd:unsignedShort``) or by those of PLCs (``uint16``). Modbus Application Protocol 1.1b3.
Rule 1: an address begins at 1 unless ``modv:zeroBasedAddressing``; where neither entity nor function is named, the
        classical notation (40001, 300001, …) says both.
Rule 2: a value that has no plain form (not a number, text that is none) is BAD with its reason, never guessed.
Rule 3: what does not fit is refused before anything is sent.
Not here: scaling and limits (``shopfloor/``), requests (``modbus``).
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qs, urlsplit

from weft.basis.errors import Invalid
from weft.shopfloor.connection import Quality, Scalar, Value

ADDRESS_MAX: Final = 0xFFFF
UNIT: Final = 1


class Entity(StrEnum):
    """The four tables of a Modbus device."""

    COIL = "Coil"
    DISCRETE = "DiscreteInput"
    INPUT = "InputRegister"
    HOLDING = "HoldingRegister"

    @property
    def bits(self) -> bool:
        """True for tables of single bits."""
        return self in (Entity.COIL, Entity.DISCRETE)


_FUNCTIONS: Final[Mapping[str, Entity]] = {
    "readCoil": Entity.COIL, "1": Entity.COIL, "writeSingleCoil": Entity.COIL, "5": Entity.COIL,
    "writeMultipleCoils": Entity.COIL, "15": Entity.COIL,
    "readDiscreteInput": Entity.DISCRETE, "2": Entity.DISCRETE,
    "readInputRegisters": Entity.INPUT, "4": Entity.INPUT,
    "readHoldingRegisters": Entity.HOLDING, "3": Entity.HOLDING,
    "writeSingleHoldingRegister": Entity.HOLDING, "6": Entity.HOLDING,
    "writeMultipleHoldingRegisters": Entity.HOLDING, "16": Entity.HOLDING,
}
_SEVERAL: Final = frozenset({"writeMultipleCoils", "15", "writeMultipleHoldingRegisters", "16"})
_CLASSICAL: Final = {"0": Entity.COIL, "1": Entity.DISCRETE, "3": Entity.INPUT, "4": Entity.HOLDING}
_NAMES: Final = {
    "short": "int16", "unsignedshort": "uint16", "int": "int32", "unsignedint": "uint32", "long": "int64",
    "unsignedlong": "uint64", "float": "float32", "double": "float64", "byte": "int8", "unsignedbyte": "uint8",
}
_CODES: Final = {"int8": "h", "uint8": "H", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q",
                 "uint64": "Q", "float32": "f", "float64": "d"}
_BYTES: Final = {"int8": (-128, 127), "uint8": (0, 255)}
_WHOLE: Final = {1: "uint16", 2: "uint32", 4: "uint64"}
_BROKEN: Final = {1: "uint16", 2: "float32", 4: "float64"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value lies: ``count`` coils or registers from ``address`` (as on the wire, from 0), read as ``kind``.

    ``bit``: one bit of the register, 0 the lowest; ``several``: written by the function for several at once.
    """

    unit: int
    entity: Entity
    address: int
    count: int
    kind: str
    high_byte_first: bool = True
    high_word_first: bool = True
    bit: int | None = None
    several: bool = False
    timeout_ms: int = 0

    @property
    def end(self) -> int:
        """The address behind the last one."""
        return self.address + self.count


def place(base: str, href: str, form: Mapping[str, Scalar], kind: str) -> Place:
    """Where a form points to, for a property of type ``kind``; raises ``Invalid('machine.href')``."""
    try:
        return _place(base, href, form, kind)
    except (ValueError, KeyError) as error:
        raise Invalid("machine.href", href=href[:120]) from error


def _place(base: str, href: str, form: Mapping[str, Scalar], kind: str) -> Place:
    parts = urlsplit(href)
    if parts.netloc and parts.netloc != urlsplit(base).netloc:
        raise ValueError
    ways = [one for one in parts.path.split("/") if one]
    unit = form.get("modv:unitID") or next(iter(_units(base)), UNIT)
    given = form.get("modv:address")
    if len(ways) == 2 or (ways and given is not None):
        unit = form.get("modv:unitID") or ways.pop(0)
    text = str(ways[0] if ways else given)
    several = str(form.get("modv:function", "")) in _SEVERAL
    bit = _bit(form)
    entity, address = _table(text, form, kind, bit)
    quantity = parse_qs(parts.query).get("quantity", [str(form.get("modv:quantity", ""))])[0]
    name = _kind(form, kind, int(quantity) if quantity else 0, entity, bit)
    count = _count(name, int(quantity) if quantity else 0)
    found = Place(
        unit=int(unit), entity=entity, address=address, count=count, kind=name, bit=bit, several=several,
        high_byte_first=_flag(form, "modv:mostSignificantByte"),
        high_word_first=_flag(form, "modv:mostSignificantWord"),
        timeout_ms=int(form.get("modv:timeout", 0)))
    if not 0 <= found.unit <= 255 or found.address < 0 or found.end > ADDRESS_MAX + 1 or found.timeout_ms < 0:
        raise ValueError
    return found


def _units(base: str) -> list[str]:
    return [one for one in urlsplit(base).path.split("/") if one][:1]


def _table(text: str, form: Mapping[str, Scalar], kind: str, bit: int | None) -> tuple[Entity, int]:
    """The table and the address in it, from 0 (Rule 1)."""
    named, function = form.get("modv:entity"), form.get("modv:function")
    if named is None and function is None and len(text) in (5, 6) and text[0] in _CLASSICAL:
        return _CLASSICAL[text[0]], int(text[1:]) - 1
    if named is not None:
        entity = Entity(str(named))
    elif function is not None:
        entity = _FUNCTIONS[str(function)]
    else:
        entity = Entity.COIL if kind == "boolean" and bit is None else Entity.HOLDING
    zero = _flag(form, "modv:zeroBasedAddressing", default=False)
    return entity, int(text) - (0 if zero else 1)


def _bit(form: Mapping[str, Scalar]) -> int | None:
    given = form.get("weft:bit")
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int) or not 0 <= given <= 15:
        raise ValueError
    return given


def _flag(form: Mapping[str, Scalar], name: str, *, default: bool = True) -> bool:
    given = form.get(name, default)
    if not isinstance(given, bool):
        raise ValueError(name)  # noqa: TRY004 - the caller says which href is wrong
    return given


def _kind(form: Mapping[str, Scalar], kind: str, quantity: int, entity: Entity, bit: int | None) -> str:
    if entity.bits or bit is not None:
        return "boolean"
    named = str(form.get("modv:type", "")).removeprefix("xsd:").lower()
    named = _NAMES.get(named, named)
    if named in ("", "integer", "decimal"):
        if kind in ("boolean", "string"):
            return kind
        return (_BROKEN if kind == "number" and not named else _WHOLE)[quantity or 1]
    if named not in _CODES and named not in ("string", "boolean"):
        raise ValueError(named)
    return named


def _count(kind: str, quantity: int) -> int:
    if kind == "string":
        if not 1 <= quantity <= 120:
            raise ValueError(kind)
        return quantity
    own = struct.calcsize(_CODES[kind]) // 2 if kind in _CODES else 1
    if quantity not in (0, own):
        raise ValueError(kind)
    return own


def value_of(spot: Place, raw: Sequence[int]) -> Value:
    """The plain value of ``raw``: the bits or registers at ``spot``, in the order of their addresses."""
    if spot.bit is not None:
        return Value(bool(raw[0] >> spot.bit & 1))
    if spot.kind == "boolean":
        return Value(bool(raw[0]))
    data = b"".join(one.to_bytes(2, "big" if spot.high_byte_first else "little") for one in _ordered(spot, raw))
    if spot.kind == "string":
        return _text(data)
    number = struct.unpack(f">{_CODES[spot.kind]}", data)[0]
    if isinstance(number, float) and not math.isfinite(number):
        return Value(None, Quality.BAD, detail="not-a-number")
    low, high = _BYTES.get(spot.kind, (number, number))
    return Value(number) if low <= number <= high else Value(None, Quality.BAD, detail="type")


def _text(data: bytes) -> Value:
    try:
        text = data.partition(b"\0")[0].decode()
    except UnicodeDecodeError:
        return Value(None, Quality.BAD, detail="text")
    return Value(text.rstrip(" "))


def _ordered(spot: Place, raw: Sequence[int]) -> Sequence[int]:
    return raw if spot.high_word_first or spot.kind == "string" else raw[::-1]


def raw_of(spot: Place, value: Scalar) -> list[int] | None:
    """What is to be written at ``spot`` for ``value``; None when it does not fit (Rule 3)."""
    if spot.kind == "boolean":
        return [int(value)] if isinstance(value, bool) else None
    if spot.kind == "string":
        data = value.encode() if isinstance(value, str) else b"\0" * (2 * spot.count + 1)
        if len(data) > 2 * spot.count:
            return None
        data = data.ljust(2 * spot.count, b"\0")
    else:
        packed = _packed(spot.kind, value)
        if packed is None:
            return None
        data = packed
    words = [int.from_bytes(data[at : at + 2], "big" if spot.high_byte_first else "little")
             for at in range(0, len(data), 2)]
    return list(_ordered(spot, words))


def _packed(kind: str, value: Scalar) -> bytes | None:
    if isinstance(value, bool | str) or not math.isfinite(value):
        return None
    code = _CODES[kind]
    if code not in "fd":
        if value != int(value):
            return None
        value = int(value)
    low, high = _BYTES.get(kind, (value, value))
    try:
        return struct.pack(f">{code}", value) if low <= value <= high else None
    except (struct.error, OverflowError):
        return None
