"""Between payloads (JSON or plain text) and our plain values: what stands where, and as what type; pure.

JSON Pointer (RFC 6901).
Rule 1: what is not of the property's type is BAD with its reason, never guessed; the payload's other parts go on.
Rule 2: everything has a bound: text, depth, numbers.
Not here: how a payload came (the protocols), scaling and limits (``shopfloor/``).
"""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import orjson

from weft.basis.errors import Invalid
from weft.shopfloor.connection import Scalar

TEXT_MAX: Final = 4096
WHOLE_MAX: Final = 2**63
POINTER_MAX: Final = 16  # levels
SECONDS_BELOW: Final = 100_000_000_000  # a number below it is a time in seconds, else in ms
YEARS_MS: Final = 253_402_300_800_000  # the year 10000
_TRUE: Final = frozenset({"true", "1", "on", "yes"})
_FALSE: Final = frozenset({"false", "0", "off", "no"})
_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,5}")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")

Pointer = tuple[str, ...]


class _Nothing:
    """That a pointer leads nowhere."""


NOTHING: Final = _Nothing()


def pointer(text: object) -> Pointer:
    """The reference tokens of a JSON Pointer; raises ``Invalid('machine.pointer')``."""
    if not isinstance(text, str) or (text and not text.startswith("/")) or text.count("/") > POINTER_MAX:
        raise Invalid("machine.pointer", pointer=str(text)[:80])
    return tuple(one.replace("~1", "/").replace("~0", "~") for one in text.split("/")[1:])


def is_json(form: Mapping[str, Scalar]) -> bool:
    """Whether a form speaks JSON (else plain text); raises ``Invalid('machine.content-type')``."""
    kind = str(form.get("contentType", "application/json")).partition(";")[0].strip().lower()
    if kind.startswith("text/"):
        return False
    if kind != "application/json" and not kind.endswith("+json"):
        raise Invalid("machine.content-type", type=kind[:60])
    return True


def decoded(payload: bytes) -> Any:
    """The JSON in ``payload``; ``NOTHING`` when it is none (also NaN, too deep, not UTF-8)."""
    try:
        return orjson.loads(payload)
    except (orjson.JSONDecodeError, RecursionError):
        return NOTHING


def follow(document: Any, path: Pointer) -> Any:
    """What stands at ``path``; ``NOTHING`` where it leads nowhere (RFC 6901 §4)."""
    for key in path:
        if type(document) is dict:
            document = document.get(key, NOTHING)
        elif type(document) is list and _INDEX.fullmatch(key):
            document = document[int(key)] if int(key) < len(document) else NOTHING
        else:
            return NOTHING
    return document


def put(document: Any, path: Pointer, value: Any) -> Any:
    """``document`` with ``value`` at ``path``; objects on the way are made where there are none."""
    if not path:
        return {**document, **value} if isinstance(document, dict) and isinstance(value, dict) else value
    key, rest = path[0], path[1:]
    if isinstance(document, list) and _INDEX.fullmatch(key) and int(key) < len(document):
        document[int(key)] = put(document[int(key)], rest, value)
        return document
    made = document if isinstance(document, dict) else {}
    made[key] = put(made.get(key), rest, value)
    return made


def typed(kind: str, raw: Any) -> tuple[Scalar | None, str]:
    """``raw`` as type ``kind`` of a property, or None and why not."""
    if raw is NOTHING or raw is None:
        return None, "no-such-field" if raw is NOTHING else "null"
    if kind == "string":
        if not isinstance(raw, str):
            return None, "type"
        return (raw, "") if len(raw) <= TEXT_MAX else (None, "too-long")
    if kind == "boolean":
        shines = boolean(raw)
        return shines, "" if shines is not None else "type"
    found, why = number(raw)
    if found is not None and kind == "integer" and isinstance(found, float):
        return (int(found), "") if found.is_integer() else (None, "type")
    return found, why


def boolean(raw: Any) -> bool | None:
    """``raw`` as yes or no, also in the words of small devices; None when it is neither."""
    if isinstance(raw, bool):
        return raw
    text = raw.strip().lower() if isinstance(raw, str) else str(raw) if isinstance(raw, int) else ""
    return True if text in _TRUE else False if text in _FALSE else None


def number(raw: Any) -> tuple[int | float | None, str]:
    """``raw`` as a finite number, or None and why not."""
    if isinstance(raw, str):
        text = raw.strip()
        if len(text) > 60 or not text.isascii() or not _NUMBER.fullmatch(text):
            return None, "not-a-number"
        raw = int(text) if text.lstrip("+-").isdigit() else float(text)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None, "type"
    if not math.isfinite(raw) or (isinstance(raw, int) and abs(raw) >= WHOLE_MAX):
        return None, "out-of-range"
    return raw, ""


def instant(raw: Any) -> int:
    """Milliseconds since 1970 of a number (in seconds where it is small) or a text (RFC 3339); 0 when it is none."""
    if isinstance(raw, str):
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            return 0
        return round(moment.timestamp() * 1000) if moment.tzinfo is not None else 0
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        return 0
    stamp = round(raw * 1000) if abs(raw) < SECONDS_BELOW else round(raw)
    return stamp if 0 < stamp < YEARS_MS else 0


def fits(kind: str, value: Scalar) -> bool:
    """Whether ``value`` is of type ``kind``."""
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    if isinstance(value, bool | str) or not math.isfinite(value):
        return False
    return kind == "number" or float(value).is_integer()


def spelled(value: Scalar) -> str:
    """``value`` as plain text."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
