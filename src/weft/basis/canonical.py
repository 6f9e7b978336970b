"""Canonical bytes: JSON in the restricted RFC 8785 profile, and digests with domain separation.

Profile: no floats, |integer| < 2^53, ASCII keys, no lone surrogates, depth at most 32. Inside it
``orjson`` with sorted keys is byte-identical to RFC 8785 (``tests/basis`` proves it by an oracle).
Rule 1: received bytes are accepted only if they equal their own re-encoding.
Not here: what the values mean.
"""

import binascii
import functools
import hashlib
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple, cast

import msgspec
import orjson
from msgspec import inspect

from weft.basis.errors import Invalid

DEPTH_MAX = 32
INTEGER_MAX = 2**53 - 1
_PLAIN: Final = frozenset({str, bool, type(None)})
_ZEROS: Final = bytes.maketrans(b"123456789", b"000000000")
_LONG_INTEGER: Final = b"0" * 16  # digits of what may be beyond 2^53, after ``_ZEROS``
_LONG: Final = re.compile(rb"[:,\[-][0-9]{16}")  # where a number is, or a text that looks like one
_LAST_OF_TWO: Final = "[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]"
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = bytes.maketrans(b"-_", b"+/")
_CONTAINERS: Final = (inspect.StructType, inspect.DictType, inspect.TupleType, inspect.ListType, inspect.VarTupleType)
_TEXT_OR_WHOLE: Final = (inspect.StrType, inspect.BoolType, inspect.NoneType, inspect.IntType, inspect.LiteralType)


def encode(value: Any) -> bytes:
    """Canonical bytes of ``value``; raises ``Invalid`` outside the profile."""
    _check(value, 0)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, TypeError) as error:
        raise Invalid("canonical.not-encodable") from error


def encode_struct(message: msgspec.Struct) -> bytes:
    """Canonical bytes of ``message``, as ``encode`` of its builtins."""
    data = msgspec.json.encode(message, order="sorted")
    if _is_surely_canonical(type(message), data):
        return data
    return encode(msgspec.to_builtins(message))


def encode_state(state: msgspec.Struct) -> bytes:
    """Bytes of a folded state, to be compared: as ``encode_struct``, save that people's own words may be keys in it."""
    data = msgspec.json.encode(state, order="sorted")
    if _is_surely_canonical(type(state), data, keys=True):
        return data
    try:
        return encode(msgspec.to_builtins(state))
    except Invalid as error:
        if error.code != "canonical.key":
            raise
        return data


def is_surely_of(message: msgspec.Struct, data: bytes) -> bool:
    """Whether ``data``, of which ``message`` was read, is canonical and holds nothing else; False proves nothing."""
    return msgspec.json.encode(message, order="sorted") == data and _is_surely_canonical(type(message), data)


def decode(data: bytes) -> Any:
    """The value of canonical ``data``; raises ``Invalid`` when ``data`` is not canonical."""
    if data.isascii() and _is_flat(data):
        try:
            value = _WITHOUT_FRACTIONS.decode(data)
            if orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER) == data:
                return value
        except (msgspec.DecodeError, orjson.JSONEncodeError, _FractionError):
            pass  # the long way says what is wrong
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid("canonical.not-json", at=error.pos) from error
    if encode(value) != data:
        raise Invalid("canonical.not-canonical")
    return value


class _FractionError(Exception):
    """A number with a fraction or an exponent."""


def _refuse_fraction(_digits: str) -> None:
    raise _FractionError


_WITHOUT_FRACTIONS: Final = msgspec.json.Decoder(Any, float_hook=_refuse_fraction)


def _is_flat(data: bytes) -> bool:
    return data.count(b"{") + data.count(b"[") <= DEPTH_MAX


def _is_surely_canonical(kind: type, data: bytes, *, keys: bool = False) -> bool:
    """Whether ``data``, msgspec's of a ``kind`` with sorted keys, is within the profile; ``keys``: of any words."""
    form = _form(kind)
    if form is None or not (keys or not form.keys or data.isascii()):
        return False
    if form.whole and _LONG_INTEGER in data.translate(_ZEROS) and _LONG.search(data):
        return False
    return form.depth <= DEPTH_MAX or _is_flat(data)


class _Form(NamedTuple):
    """What may take values of a type out of the profile: keys of dicts, whole numbers, and ``depth`` of containers."""

    keys: bool
    whole: bool
    depth: float


@functools.cache
def _form(kind: type) -> _Form | None:
    """What may take a ``kind`` out of the profile; None: more than that is known."""
    known: dict[int, _Form] = {}

    def of(info: inspect.Type) -> _Form:
        if id(info) not in known:
            known[id(info)] = _Form(False, False, math.inf)  # what it is while it is within itself
            known[id(info)] = _around(info, [of(inner) for inner in _inner(info)])
        return known[id(info)]

    try:
        return of(inspect.type_info(kind))
    except _OtherError:
        return None


class _OtherError(Exception):
    """A type of which we do not know that its values are within the profile."""


def _around(info: inspect.Type, inners: Sequence[_Form]) -> _Form:
    """The form of ``info``, given those of the types within it."""
    is_dict, is_number = isinstance(info, inspect.DictType), isinstance(info, inspect.IntType | inspect.LiteralType)
    return _Form(is_dict or any(one.keys for one in inners), is_number or any(one.whole for one in inners),
                 max((one.depth for one in inners), default=0) + isinstance(info, _CONTAINERS))


def _inner(info: inspect.Type) -> Iterable[inspect.Type]:
    """The types within ``info``; raises ``_OtherError``."""
    match info:
        case inspect.StructType(fields=fields, tag=None):
            return [field.type for field in fields]
        case inspect.DictType(key_type=inspect.StrType(), value_type=inner):
            return [inner]
        case inspect.UnionType(types=inners) | inspect.TupleType(item_types=inners):
            return inners
        case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner):
            return [inner]
    if not isinstance(info, _TEXT_OR_WHOLE) and not (isinstance(info, inspect.EnumType) and issubclass(info.cls, str)):
        raise _OtherError
    return []


def _check(value: Any, depth: int) -> None:
    kind = type(value)
    if kind in _PLAIN:
        return
    if kind is int:
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise Invalid("canonical.integer-range")
        return
    if depth >= DEPTH_MAX:
        raise Invalid("canonical.too-deep", limit=DEPTH_MAX)
    for inner in _inside(value, kind):
        _check(inner, depth + 1)


def _inside(value: Any, kind: type) -> Iterable[Any]:
    if kind is list or kind is tuple:
        return cast("Iterable[Any]", value)
    if kind is not dict:
        raise Invalid("canonical.type", type=kind.__name__)
    for key in value:
        if type(key) is not str or not key.isascii():
            raise Invalid("canonical.key")
    return cast("Iterable[Any]", value.values())


def digest(domain: str, *parts: bytes) -> bytes:
    """SHA-256 over ``domain``, a zero byte and ``parts``; 32 bytes."""
    state = hashlib.sha256(domain.encode() + b"\0")
    for part in parts:
        state.update(part)
    return state.digest()


def b64(data: bytes) -> str:
    """base64url without padding (RFC 4648 §5)."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=").decode()


def unb64(text: str, length: int | None = None) -> bytes:
    """Bytes of canonical base64url ``text``; raises ``Invalid`` on other spellings or lengths."""
    try:
        data = binascii.a2b_base64(text.encode("ascii").translate(_FROM_URL) + b"=" * (-len(text) % 4))
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Invalid("canonical.base64") from error
    if b64(data) != text or (length is not None and len(data) != length):
        raise Invalid("canonical.base64")  # stray bits in the last letter, say: there is one spelling
    return data


def named(text: str, length: int) -> None:
    """Raises ``Invalid`` unless ``text`` is the canonical base64url of ``length`` bytes."""
    if not _name(length).fullmatch(text):
        raise Invalid("canonical.base64")


@functools.cache
def _name(length: int) -> re.Pattern[str]:
    return re.compile(_spelling(length))


def _spelling(length: int) -> str:
    """The pattern of ``length`` whole bytes, with no stray bits in the last letter."""
    whole, rest = divmod(length, 3)
    return rf"[A-Za-z0-9_-]{{{whole * 4}}}" + ("", "[A-Za-z0-9_-][AQgw]", _LAST_OF_TWO)[rest]


def named_all(texts: Sequence[str], length: int) -> None:
    """``named`` of each of ``texts``, at one look."""
    joined = ",".join(texts)
    if not _names(length).fullmatch(joined) or joined.count(",") != len(texts) - 1:
        raise Invalid("canonical.base64")


@functools.cache
def _names(length: int) -> re.Pattern[str]:
    return re.compile(f"{_spelling(length)}(?:,{_spelling(length)})*")
