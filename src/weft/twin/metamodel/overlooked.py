"""What is wrong with a document of the right shape and aas-core3.1 does not look for, or must not be given.

Nesting without end; base64 that is none (it reads what it can of it); an idShort with a line feed behind it (Python's $
takes it, no path leads there); one idShort twice among statements or annotations.
Rule 1: one pass notices whether there is anything; where it is, is looked for only then.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from weft.twin.metamodel.finding import Steps

NESTED_MAX: Final = 200     # brackets: a hundred levels of collections
_BLANK: Final = re.compile(r"[ \t\r\n]")
CONSTRAINTS: Final[Mapping[str, str]] = {"aasd-002": "AASd-002", "aasd-022": "AASd-022"}


class Noticed(NamedTuple):
    """What one pass over a document notices."""

    too_deep: bool
    unreadable: bool    # ``unreadable`` has something to tell
    doubled: bool       # ``doubled`` has something to tell


def noticed(document: Any) -> Noticed:
    """One pass, level by level; it costs a tenth of the verifier."""
    depth, bad, twice = 0, False, False
    level = [document]
    while level and depth <= NESTED_MAX:
        depth += 1
        below: list[Any] = []
        for one in level:
            if isinstance(one, list):
                below += one if one and isinstance(one[0], dict) else ()    # of the right shape: no list of lists
                continue
            bad = bad or _fault(one) is not None
            twice = twice or (("statements" in one or "annotations" in one) and has_twice(one))
            below += [inner for inner in one.values() if inner.__class__ is dict or inner.__class__ is list]
        level = below
    return Noticed(bool(level), bad, twice)


def _fault(one: Mapping[str, Any]) -> tuple[str, str] | None:
    """(field, code) of what is wrong with an object by itself."""
    if one.get("idShort", "").endswith("\n"):
        return "idShort", "aasd-002"
    if one.get("modelType") == "Blob" and not _is_base64(one.get("value", "")):
        return "value", "form-base64"
    return None


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(_BLANK.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def unreadable(value: Any) -> Iterator[tuple[Steps, str]]:
    """(where, code) of each object that is wrong by itself."""
    for at, one in _objects(value, ()):
        fault = _fault(one)
        if fault is not None:
            yield (*at, fault[0]), fault[1]


def doubled(value: Any) -> Iterator[tuple[Steps, str]]:
    """(where, code) of each object whose statements or annotations have one idShort twice."""
    for at, one in _objects(value, ()):
        if has_twice(one):
            yield at, "aasd-022"


def has_twice(element: Mapping[str, Any]) -> bool:
    """Whether two statements, or two annotations, of ``element`` have one idShort."""
    names = [one["idShort"] for key in ("statements", "annotations") for one in element.get(key, ())
             if "idShort" in one]
    return len(set(names)) < len(names)


def _objects(value: Any, at: Steps) -> Iterator[tuple[Steps, Mapping[str, Any]]]:
    if isinstance(value, list):
        for place, one in enumerate(value):
            yield from _objects(one, (*at, place))
    elif isinstance(value, dict):
        yield at, value
        for key, one in value.items():
            if isinstance(one, list | dict):
                yield from _objects(one, (*at, key))
