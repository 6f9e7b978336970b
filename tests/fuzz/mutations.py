"""How valid bytes are bent: by the byte, by the shape of their JSON, and by a member who signs what it likes."""

import json
import random
from copy import deepcopy
from typing import Any

import msgspec
import orjson

from tests.thread.firms import salt, signed
from weft.basis.errors import Invalid
from weft.thread import event
from weft.thread.event import Payload

DEEP: Any = []
for _ in range(40):
    DEEP = [DEEP]
ODD = (None, True, False, 0, -1, 1, 16, 2**31, 2**53 - 1, 2**53, -(2**63), 1.5, 1e300, "", "x", "x" * 43, "A" * 43,
       "x" * 9_000, "\x00", "\u00e9", "\U0001f600", "\u2028", "9" * 40, "0" * 16, "relationship/1", "keylog/1",
       "order/1", [], [[]], {}, {"": ""}, ["x"] * 300, DEEP)
TEXTS = (b"", b"{", b"}", b"[", b'"', b"\\u0000", b"\xff", b"\xed\xa0\x80", b" ", b"\n", b"1e999", b"-0", b"NaN",
         b"null", b'{"v":1,', b'"v":1,', b"[" * 2_000, b'{"a":' * 2_000, b"9" * 5_000, b"\\ud800")


def bytewise(luck: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """``data`` with a few bytes changed, cut, doubled, or put together with another."""
    taken = bytearray(data)
    for _ in range(luck.choice((1, 1, 1, 2, 4))):
        place, kind = luck.randrange(len(taken) + 1), luck.randrange(6)
        end = min(len(taken), place + luck.choice((1, 2, 8, 64)))
        if kind == 0 and place < len(taken):
            taken[place] ^= 1 << luck.randrange(8)
        elif kind == 1:
            del taken[place:end]
        elif kind == 2:
            taken[place:place] = luck.choice(TEXTS)
        elif kind == 3:
            taken[place:place] = taken[place:end]
        elif kind == 4:
            other = luck.choice(others)
            taken[place:] = other[luck.randrange(len(other) + 1):]
        else:
            taken[place:end] = luck.randbytes(end - place)
    return bytes(taken)


def shaped(luck: random.Random, data: bytes) -> bytes:
    """JSON ``data`` with some of its values, keys or its spelling changed; also within JSON that a string holds."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return data[:luck.randrange(len(data) + 1)]
    for _ in range(luck.choice((1, 1, 2, 3))):
        value = bent(luck, value)
    return spelled(luck, value)


def spelled(luck: random.Random, value: Any) -> bytes:
    """``value`` as JSON, mostly in the canonical spelling, sometimes in another."""
    how = luck.randrange(8)
    try:
        if how == 0:
            return json.dumps(value, indent=luck.choice((None, 1))).encode()
        if how == 1:
            return json.dumps(value, separators=(",", ":"), sort_keys=luck.random() < 0.5).encode("utf-8")
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError, RecursionError):
        return json.dumps(value).encode("utf-8", "surrogatepass")


def bent(luck: random.Random, value: Any) -> Any:
    """``value`` with one place in it changed."""
    places = list(_places(value))
    if not places or luck.random() < 0.02:
        return deepcopy(luck.choice(ODD))
    holder, key = luck.choice(places)
    kind, held = luck.randrange(6), holder[key]
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(held, str) and held[:1] == "{":
        holder[key] = shaped(luck, held.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
    elif kind == 2:
        other, name = luck.choice(places)
        holder[key] = deepcopy(other.get(name) if isinstance(other, dict) else held)
    elif kind == 3 and isinstance(holder, list):
        holder.insert(key, deepcopy(held))
    elif kind == 4 and isinstance(holder, dict):
        holder[luck.choice(("x", "\u00e9", "", "e", "g", "b", "v", "__class__"))] = deepcopy(luck.choice(ODD))
    else:
        holder[key] = deepcopy(luck.choice(ODD))
    return value


def _places(value: Any, depth: int = 0) -> Any:
    if depth > 30:
        return
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, held in list(pairs):
        yield value, key
        yield from _places(held, depth + 1)


def signed_anew(luck: random.Random, one: event.Event, signer: Any) -> event.Event | None:
    """``one`` with its header or its contents changed, its commitments right, and signed; None: it has no form."""
    header = json.loads(one.raw)
    payloads = dict(one.payloads)
    if payloads and luck.random() < 0.6:
        content = luck.choice((shaped, shaped, lambda _luck, data: bytewise(_luck, data, [data])))(
            luck, payloads[0].content).decode("utf-8", "replace").encode()  # else it has no form on the wire
        payloads[0] = Payload(salt(luck.random()), content)
        header["b"][0] |= {"c": payloads[0].commitment(), "l": len(content)}
    if luck.random() < 0.7:
        header = bent(luck, header)
    if luck.random() < 0.3 and isinstance(header, dict):
        header["n"], header["p"] = luck.choice(((0, None), (luck.randrange(9), "A" * 43)))
    raw = spelled(luck, header).decode("utf-8", "replace").encode()
    try:
        built = event.parse(raw, b"", payloads)
    except Invalid:
        name = event.event_id(raw)
        bare = msgspec.structs.replace(one, id=name, raw=raw, payloads=payloads)
        return signed(bare, signer)
    return signed(built, signer)
