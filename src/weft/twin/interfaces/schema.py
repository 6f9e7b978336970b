"""What a value looks like, from an Asset Interfaces Description to a Thing Description (a JSON schema).

Not here: how it is reached (``reading.py``).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from weft.twin.interfaces import words as w
from weft.twin.interfaces.parts import Opened, Place, children, text

_DEPTH_MAX: Final = 8
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER: Final = re.compile(r"[+-]?([0-9]{1,30}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
_FLAGS: Final = {"true": True, "1": True, "false": False, "0": False}
_TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("float", "double", "decimal", "real", "number", "single"), "number"),
    **dict.fromkeys(("integer", "int", "long", "short", "byte", "int16", "int32", "int64", "uint16", "uint32",
                     "unsignedint", "unsignedlong", "unsignedshort", "unsignedbyte", "nonnegativeinteger"), "integer"),
    **dict.fromkeys(("boolean", "bool"), "boolean"),
    **dict.fromkeys(("string", "anyuri", "datetime", "text"), "string"),
    "object": "object", "array": "array", "null": "null",
}
_RANGES: Final = (("min_max", "minMaxRange", "minimum", "maximum"),
                  ("lengthRange", "lengthRange", "minLength", "maxLength"),
                  ("itemsRange", "itemsRange", "minItems", "maxItems"))


def number(told: str) -> int | float | None:
    """``told`` as a number of JSON, or None."""
    if _INTEGER.fullmatch(told):
        return int(told)
    found = float(told) if _NUMBER.fullmatch(told) else float("nan")
    return found if found == found and abs(found) != float("inf") else None


def flag(told: str) -> bool | None:
    """``told`` as a flag, or None."""
    return _FLAGS.get(told.lower())


def name_of(element: Mapping[str, Any]) -> str:
    """What a property is called: its key, else its idShort."""
    return Opened(element).told("key", f"{w.AID}/1/0/key") or text(element.get("idShort"))


def read(element: Mapping[str, Any], place: Place, depth: int) -> dict[str, Any]:
    """The schema of the property ``element``; its name and form are not looked at."""
    opened = Opened(element)
    opened.take("key")
    if depth == 0:
        opened.take("forms", f"{w.TD}#hasForm")
    kind = _type(opened.told("type"), place)
    told: dict[str, Any] = {"type": kind} if kind else {}
    told |= {field: value for field in ("title", "unit") if (value := opened.told(field))}
    told |= _texts(element)
    told |= {field: said for field in ("observable", "readOnly", "writeOnly")
             if (said := flag(opened.told(field))) is not None}
    told |= {field: _value(value, kind) for field in ("const", "default") if (value := opened.told(field))}
    options = [_value(text(one.get("value")), kind) for one in children(opened.take("enum") or {})]
    if options:
        told["enum"] = options
    told |= dict(_ranges(opened, place))
    told |= _composed(opened, place, depth)
    opened.rest(place)
    return told


def _type(told: str, place: Place) -> str:
    known = _TYPES.get(told.lower().removeprefix("xs:").removeprefix("xsd:"), "")
    if told and not known:
        place.note("lost", "aid-type", "type", value=told)
    elif known != told:
        place.note("fixed", "aid-type-spelling", "type", value=told, now=known)
    return known


def _texts(element: Mapping[str, Any]) -> dict[str, Any]:
    """Names and descriptions by language."""
    found = {}
    for field, key in (("titles", "displayName"), ("descriptions", "description")):
        given = element.get(key)
        told = {text(one.get("language")): text(one.get("text")) for one in given if isinstance(one, Mapping)} \
            if isinstance(given, list) else {}
        if any(lang and one for lang, one in told.items()):
            found[field] = {lang: one for lang, one in told.items() if lang and one}
    return found


def _value(told: str, kind: str) -> Any:
    found: Any = number(told) if kind in ("integer", "number") else flag(told) if kind == "boolean" else None
    return told if found is None else found


def _ranges(opened: Opened, place: Place) -> Iterator[tuple[str, Any]]:
    for id_short, sem, low, high in _RANGES:
        found = opened.take(id_short, f"{w.AID}/1/0/{sem}") or {}
        for end, word in (("min", low), ("max", high)):
            told = text(found.get(end))
            value = number(told)
            if value is not None:
                yield word, value
            elif told:
                place.note("lost", "aid-value", id_short, value=told)


def _composed(opened: Opened, place: Place, depth: int) -> dict[str, Any]:
    """What a list or an object is made of."""
    items, fields = opened.take("items"), list(children(opened.take("properties") or {}))
    if depth >= _DEPTH_MAX and (items or fields):
        place.note("lost", "aid-deep", "", limit=_DEPTH_MAX)
        return {}
    made: dict[str, Any] = {"items": read(items, place.at("items"), depth + 1)} if items is not None else {}
    inner = {name: one for one in fields if (name := name_of(one))}
    if inner:
        made["properties"] = {name: read(one, place.at(name), depth + 1) for name, one in inner.items()}
    return made
