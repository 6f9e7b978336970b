"""The shape of a document, judged by the structs: every name, type, length and word that is not the metamodel's.

A decoder stops at the first fault; this goes on, so that who sent a document mends it once.
Rule 1: a document has no finding here exactly if the decoder takes it (``tests/twin/metamodel`` proves it).
Not here: what must hold between fields (``judge.py``).
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect

from weft.twin.metamodel.finding import Finding, Steps, finding
from weft.twin.metamodel.kinds import KINDS, converted
from weft.twin.metamodel.parts import Part

DEPTH_MAX: Final = 100      # the standard asks readers for 32 levels; each takes two or three steps
FINDINGS_MAX: Final = 200
_Told = Iterator[tuple[Steps, str, dict[str, Any]]]


def misshapen(kind: str, document: Any) -> list[Finding]:
    """All faults of shape of ``document``, at most ``FINDINGS_MAX``; [] when the decoder takes it."""
    try:
        converted(kind, document)
    except (msgspec.ValidationError, UnicodeError) as error:
        return _listed(kind, document) or [finding(document, (), "shape-other", text=str(error))]
    except RecursionError:
        return [finding(document, (), "too-deep", n=DEPTH_MAX)]
    return []


def _listed(kind: str, document: Any) -> list[Finding]:
    found: list[Finding] = []
    try:
        for steps, code, facts in _judge(document, _wanted(kind), ()):
            found.append(finding(document, steps, code, **facts))
            if len(found) == FINDINGS_MAX:
                break
    except RecursionError:
        return [finding(document, (), "too-deep", n=DEPTH_MAX)]
    return found


def _judge(value: Any, wanted: inspect.Type, at: Steps) -> _Told:
    if len(at) > 4 * DEPTH_MAX:
        yield at, "too-deep", {"n": DEPTH_MAX}
        return
    judge = _JUDGES.get(type(wanted))
    if judge is not None:
        yield from judge(value, wanted, at)


def _text(value: Any, wanted: Any, at: Steps) -> _Told:
    if not isinstance(value, str):
        yield at, "shape-type", {"wanted": "text", "value": value}
    elif wanted.min_length and len(value) < wanted.min_length:
        yield at, "empty", {}
    elif wanted.max_length is not None and len(value) > wanted.max_length:
        yield at, "too-long", {"n": len(value), "max": wanted.max_length}


def _truth(value: Any, _: Any, at: Steps) -> _Told:
    if not isinstance(value, bool):
        yield at, "shape-type", {"wanted": "true / false", "value": value}


def _word(value: Any, wanted: Any, at: Steps) -> _Told:
    if not isinstance(value, str) or value not in wanted.values:
        yield at, "shape-word", {"value": value, "words": ", ".join(wanted.values)}


def _list(value: Any, wanted: Any, at: Steps) -> _Told:
    if not isinstance(value, list | tuple):
        yield at, "shape-type", {"wanted": "[ ]", "value": value}
        return
    if wanted.min_length and len(value) < wanted.min_length:
        yield at, "empty-list", {}
    for place, one in enumerate(value):
        yield from _judge(one, wanted.item_type, (*at, place))


def _object(value: Any, _: Any, at: Steps) -> _Told:
    if not isinstance(value, dict):
        yield at, "shape-type", {"wanted": "{ }", "value": value}


def _union(value: Any, wanted: Any, at: Steps) -> _Told:
    """One of several structs, told apart by ``modelType``."""
    if not isinstance(value, dict):
        yield at, "shape-type", {"wanted": "{ }", "value": value}
        return
    name = value.get("modelType")
    chosen = next((one for one in wanted.types if one.tag == name), None)
    if chosen is None:
        words = ", ".join(sorted(one.tag for one in wanted.types))
        yield from _missing_kind(value, words, at)
        return
    yield from _judge(value, chosen, at)


def _missing_kind(value: Mapping[str, Any], words: str, at: Steps) -> _Told:
    if "modelType" in value:
        yield (*at, "modelType"), "shape-word", {"value": value["modelType"], "words": words}
    else:
        yield at, "shape-required", {"name": "modelType"}


@cache
def _wanted(kind: str) -> inspect.Type:
    return inspect.type_info(KINDS[kind])


@cache
def _fields(kind: type[Part]) -> Mapping[str, inspect.Field]:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return {one.encode_name: one for one in info.fields}


def _struct(value: Any, wanted: Any, at: Steps) -> _Told:
    if not isinstance(value, dict):
        yield at, "shape-type", {"wanted": "{ }", "value": value}
        return
    fields = _fields(wanted.cls)
    for name, one in value.items():
        if name == wanted.tag_field:
            if one != wanted.tag:
                yield (*at, name), "shape-word", {"value": one, "words": wanted.tag}
        elif name not in fields:
            yield (*at, str(name)), "shape-unknown", {"name": name}
        else:
            yield from _judge(one, fields[name].type, (*at, name))
    for name, field in fields.items():
        if field.required and name not in value:
            yield at, "shape-required", {"name": name}


_JUDGES: Final[Mapping[type, Callable[[Any, Any, Steps], _Told]]] = {
    inspect.StrType: _text, inspect.BoolType: _truth, inspect.LiteralType: _word, inspect.ListType: _list,
    inspect.DictType: _object, inspect.UnionType: _union, inspect.StructType: _struct,
}
