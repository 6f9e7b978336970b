"""Canonical bytes: JSON in the restricted RFC 8785 profile, and digests with domain separation.

Profile: no floats, |integer| < 2^53, ASCII keys, no lone surrogates, depth at most 32. Inside it
``orjson`` with sorted keys is byte-identical to RFC 8785 (``tests/basis`` proves it by an oracle).
Rule 1: received bytes are accepted only if they equal their own re-encoding.
Not here: what the values mean.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable
from typing import Any, Final, cast

import orjson

from weft.basis.errors import Invalid

DEPTH_MAX = 32
INTEGER_MAX = 2**53 - 1
_PLAIN: Final = frozenset({str, bool, type(None)})


def encode(value: Any) -> bytes:
    """Canonical bytes of ``value``; raises ``Invalid`` outside the profile."""
    _check(value, 0)
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (orjson.JSONEncodeError, TypeError) as error:
        raise Invalid("canonical.not-encodable") from error


def decode(data: bytes) -> Any:
    """The value of canonical ``data``; raises ``Invalid`` when ``data`` is not canonical."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Invalid("canonical.not-json", at=error.pos) from error
    if encode(value) != data:
        raise Invalid("canonical.not-canonical")
    return value


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
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str, length: int | None = None) -> bytes:
    """Bytes of canonical base64url ``text``; raises ``Invalid`` on other spellings or lengths."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("canonical.base64") from error
    if b64(data) != text or (length is not None and len(data) != length):
        raise Invalid("canonical.base64")
    return data
