"""Addresses as people type them, where a device cannot be looked through: registers of Modbus; pure.

``40101``, ``holding 100``, ``input 7 float``, ``保持寄存器 100``, ``unit 3 coil 5``. Modicon numbers count from 1,
words with numbers from 0, as the frames of the protocol do.
Rule 1: what is no such spelling stays as it was typed: it may be an address of the protocol itself.
Not here: reading registers (``machines/``), rows (``mapping``).
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from weft.shopfloor.connection import Scalar
from weft.shopfloor.mapping import Row

_KINDS: Final[Mapping[str, str]] = {
    "coil": "Coil", "线圈": "Coil", "0": "Coil", "discrete": "DiscreteInput", "离散输入": "DiscreteInput",
    "1": "DiscreteInput", "input": "InputRegister", "输入寄存器": "InputRegister", "3": "InputRegister",
    "holding": "HoldingRegister", "保持寄存器": "HoldingRegister", "4": "HoldingRegister"}
_SIZES: Final[Mapping[str, tuple[str, int]]] = {
    "int16": ("short", 1), "short": ("short", 1), "uint16": ("unsignedShort", 1), "word": ("unsignedShort", 1),
    "int32": ("int", 2), "int": ("int", 2), "uint32": ("unsignedInt", 2), "dword": ("unsignedInt", 2),
    "int64": ("long", 4), "uint64": ("unsignedLong", 4), "float": ("float", 2), "float32": ("float", 2),
    "real": ("float", 2), "double": ("double", 4), "float64": ("double", 4)}
_WRITTEN: Final = frozenset({"Coil", "HoldingRegister"})
_MODICON: Final = re.compile(r"(?:(?:unit|站)\s*(\d{1,3})\s+)?([0134])(\d{4,5})(?:\s+(\w+))?")
_WORDS: Final = re.compile(
    r"(?:(?:unit|站)\s*(\d{1,3})\s+)?(coil|discrete|input|holding|线圈|离散输入|输入寄存器|保持寄存器)"
    r"\s*(\d{1,5})(?:\s+(\w+))?")

_HREF: Final = re.compile(r"(?:modbus\+tcp://[^/\s]+)?/?(?:\d{1,3}/)?\d{1,6}(?:\?\S*)?")


def spelled(row: Row, scheme: str) -> Row:
    """``row`` with the address that its owner typed as the protocol ``scheme`` wants it."""
    if not scheme.startswith("modbus"):
        return row
    told = row.address.strip().lower()
    found = _MODICON.fullmatch(told) or _WORDS.fullmatch(told)
    if found is None:
        return msgspec.structs.replace(row, writable=row.form.get("modv:entity") in _WRITTEN)
    unit, kind, number, size = found[1] or "1", _KINDS[found[2]], int(found[3]), found[4] or ""
    if found[2].isdecimal():
        number -= 1
    bits = kind in {"Coil", "DiscreteInput"}
    name, quantity = ("boolean", 1) if bits else _SIZES.get(size, ("unsignedShort", 1))
    if number < 0 or (size and not bits and size not in _SIZES):
        return row
    form: dict[str, Scalar] = {**row.form, "modv:entity": kind, "modv:type": f"xsd:{name}",
                               "modv:zeroBasedAddressing": True}
    return msgspec.structs.replace(
        row, address=f"/{unit}/{number}?quantity={quantity}", form=form, writable=kind in _WRITTEN,
        type="boolean" if bits else "number" if name in {"float", "double"} else _whole(row))


def readable(address: str, scheme: str) -> bool:
    """Whether ``address`` may be one of the protocol ``scheme``: registers of Modbus have numbers."""
    return not scheme.startswith("modbus") or _HREF.fullmatch(address.strip()) is not None


def _whole(row: Row) -> str:
    """A register that is scaled is no whole number any more."""
    return "integer" if row.scale == "1" and row.offset == "0" else "number"
