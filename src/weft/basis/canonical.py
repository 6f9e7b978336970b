"""Canonical bytes: JSON in the restricted RFC 8785 profile, and digests with domain separation.

Profile: no floats, |integer| < 2^53, ASCII keys, no lone surrogates, depth at most 32. Inside it
``orjson`` with sorted keys is byte-identical to RFC 8785 (``tests/basis`` proves it by an oracle).
Rule 1: received bytes are accepted only if they equal their own re-encoding.
Not here: what the values mean.
"""

import binascii
import functools
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final, cast

import msgspec
import orjson

from weft.basis.errors import Invalid

DEPTH_MAX = 32
INTEGER_MAX = 2**53 - 1
_PLAIN: Final = frozenset({str, bool, type(None)})
_FRACTION: Final = re.compile(rb"(?:^|[:,\[\s])-?[0-9]+[.eE]")
_LONG_INTEGER: Final = re.compile(rb"[0-9]{16}")
_LAST_OF_TWO: Final = "[A-Za-z0-9_-]{2}[AEIMQUYcgkosw048]"
_BASE64URL: Final = re.compile(  # whole bytes and no stray bits in the last letter, so that there is one spelling
    rf"(?:[A-Za-z0-9_-]{{4}})*(?:[A-Za-z0-9_-][AQgw]|{_LAST_OF_TWO})?")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_FROM_URL: Final = str.maketrans("-_", "+/")


def encode(value: Any) -> bytes:
    """Canonical bytes of ``value``; raises ``Invalid`` outside the profile."""
    _check(value, 0)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, TypeError) as error:
        raise Invalid("canonical.not-encodable") from error


def encode_plain(value: Any) -> bytes:
    """Canonical bytes of what is known to hold only text, integers, None, lists and dicts; as ``encode`` otherwise."""
    try:
        data = orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except (orjson.JSONEncodeError, TypeError):
        return encode(value)  # it says what is wrong
    return data if _surely_in_profile(data) else encode(value)


def encode_struct(message: msgspec.Struct) -> bytes:
    """Canonical bytes of ``message``, whose fields hold no floats; as ``encode`` of its builtins."""
    data = msgspec.json.encode(message, order="sorted")
    if _surely_in_profile(data) and not _LONG_INTEGER.search(data):
        return data
    return encode(msgspec.to_builtins(message))


def decode(data: bytes) -> Any:
    """The value of canonical ``data``; raises ``Invalid`` when ``data`` is not canonical."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid("canonical.not-json", at=error.pos) from error
    if not (_surely_in_profile(data) and _again(value) == data) and encode(value) != data:
        raise Invalid("canonical.not-canonical")
    return value


def _surely_in_profile(data: bytes) -> bool:
    """What one look at JSON bytes can prove: no fraction or exponent, ASCII keys, not deep. False proves nothing."""
    return data.isascii() and data.count(b"{") + data.count(b"[") <= DEPTH_MAX and not _FRACTION.search(data)


def _again(value: Any) -> bytes:
    """The encoding of what ``loads`` gave; empty when an integer is too large."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        return b""


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
    if not _BASE64URL.fullmatch(text) or (length is not None and len(text) * 3 // 4 != length):
        raise Invalid("canonical.base64")
    return binascii.a2b_base64(text.translate(_FROM_URL) + "=" * (-len(text) % 4))


def named(text: str, length: int) -> None:
    """Raises ``Invalid`` unless ``text`` is the canonical base64url of ``length`` bytes."""
    if not _named(length).fullmatch(text):
        raise Invalid("canonical.base64")


@functools.cache
def _named(length: int) -> re.Pattern[str]:
    whole, rest = divmod(length, 3)
    return re.compile(rf"[A-Za-z0-9_-]{{{whole * 4}}}" + ("", "[A-Za-z0-9_-][AQgw]", _LAST_OF_TWO)[rest])
