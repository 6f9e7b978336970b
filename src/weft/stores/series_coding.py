"""Points as few bytes: a chunk of one series, and a batch of many.

A chunk: a head (``_HEAD``), then deflated: the steps between times, the numbers, and which of them are not good.
Numbers are integers of so many decimals wherever that gives back each of them exactly, and then their differences;
else floats of 32 bits where these do, else of 64. Bytes of one significance stand together, so that deflate finds them.
Rule 1: what was written is what is read, bit for bit (a negative zero is a zero).
Rule 2: bytes that we did not write are refused and never trusted for a size.
Not here: where chunks rest (``series.py``).
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Container, Sequence
from itertools import accumulate, repeat
from operator import sub, truediv
from typing import Final, NamedTuple

from weft.basis.errors import Invalid
from weft.shopfloor.series import BAD, Point

CHUNK_MAX: Final = 4_096  # points
BATCH_MAX: Final = 1_000_000
DECIMALS_MAX: Final = 6
STEP_MAX: Final = 1 << 32  # ms between two points of one chunk
_EXACT: Final = 1 << 53
_HEAD: Final = struct.Struct("<HBccHqq")  # count, decimals, code of steps, code of numbers, marks, first time, number
_BATCH: Final = struct.Struct("<I")
_WIDTHS: Final = (("b", 1 << 7), ("h", 1 << 15), ("i", 1 << 31), ("q", 1 << 63))
_SIZES: Final = {"B": 1, "H": 2, "I": 4, "b": 1, "h": 2, "i": 4, "q": 8, "f": 4, "d": 8}
_LEVEL: Final = 6


class Chunk(NamedTuple):
    """Points of one series, column by column; ``marks``: place and quality of those that are not good.

    The number at the place of a bad or missing one means nothing.
    """

    times: list[int]
    values: list[float]
    marks: list[tuple[int, int]]


def points_of(chunk: Chunk) -> list[Point]:
    """The points, one by one."""
    found: list[Point] = [(at, value, 0) for at, value in zip(chunk.times, chunk.values, strict=True)]
    for place, quality in chunk.marks:
        at, value, _ = found[place]
        found[place] = (at, None if quality >= BAD else value, quality)
    return found


# ---- chunks ------------------------------------------------------------------------------------------


def encode(points: Sequence[Point]) -> bytes:
    """At least one and at most ``CHUNK_MAX`` points, in order of time, no two further apart than ``STEP_MAX``."""
    times = [at for at, _, _ in points]
    marks = [(place, quality) for place, (_, _, quality) in enumerate(points) if quality]
    values = _filled([value for _, value, _ in points])
    steps = list(map(sub, times[1:], times))
    widest = max(steps, default=0)
    step_code = "B" if widest < 1 << 8 else "H" if widest < 1 << 16 else "I"
    decimals, code, first, numbers = _numbers(values)
    head = _HEAD.pack(len(points), decimals, step_code.encode(), code.encode(), len(marks), times[0], first)
    body = b"".join((_split(array(step_code, steps)), _split(array(code, numbers)),
                     _split(array("H", [place for place, _ in marks])), bytes(quality for _, quality in marks)))
    return head + zlib.compress(body, _LEVEL)


def _filled(values: Sequence[float | None]) -> list[float]:
    """Places without a number hold the one before: that costs least."""
    before, filled = 0.0, []
    for value in values:
        before = before if value is None else value
        filled.append(before)
    return filled


def _numbers(values: list[float]) -> tuple[int, str, int, Sequence[int | float]]:
    """How many decimals, the code of an array, the first number where they are differences, and what it holds."""
    for decimals in range(DECIMALS_MAX + 1):
        factor = 10.0 ** decimals
        whole = _scaled(values, factor)
        if whole is not None:
            steps = list(map(sub, whole[1:], whole))
            low, high = min(steps, default=0), max(steps, default=0)
            code = next(code for code, limit in _WIDTHS if -limit <= low and high < limit)
            return decimals, code, whole[0], steps
    single = array("f")
    try:
        single.extend(values)
    except OverflowError:
        return 0, "d", 0, values
    return (0, "f", 0, values) if single.tolist() == values else (0, "d", 0, values)


def _scaled(values: list[float], factor: float) -> list[int] | None:
    """``values`` times ``factor`` as integers, or None where that would lose anything."""
    whole: list[int] = []
    limit = _EXACT / factor
    for part in (values[:8], values):  # most that do not fit are found at once
        if not all(-limit < value < limit for value in part):
            return None
        whole = [round(value * factor) for value in part]
        if [number / factor for number in whole] != part:
            return None
    return whole


def decode(data: bytes) -> Chunk:
    """The inverse of ``encode``; raises ``Invalid('store.corrupt')``."""
    try:
        count, decimals, step_code, code, marked, first, number = _HEAD.unpack_from(data)
        steps_of, code_of = step_code.decode(), code.decode()
        if not 0 < count <= CHUNK_MAX or marked > count or steps_of not in "BHI" or code_of not in "bhiqfd":
            raise _corrupt()
        whole = code_of in "bhiq"
        lengths = [_SIZES[steps_of] * (count - 1), _SIZES[code_of] * (count - whole), 2 * marked, marked]
        body = _inflated(data[_HEAD.size:], sum(lengths))
        ends = list(accumulate(lengths))
        steps = _joined(steps_of, body[:ends[0]])
        numbers = _joined(code_of, body[ends[0]:ends[1]])
        places = _joined("H", body[ends[1]:ends[2]])
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise _corrupt() from error
    if any(place >= count for place in places):
        raise _corrupt()
    factor = 10.0 ** min(decimals, DECIMALS_MAX)
    told = map(truediv, accumulate(numbers, initial=number), repeat(factor)) if whole else map(float, numbers)
    return Chunk(list(accumulate(steps, initial=first)), list(told), list(zip(places, body[ends[2]:], strict=True)))


# ---- batches -----------------------------------------------------------------------------------------


def encode_batch(numbers: Sequence[int], points: Sequence[Point]) -> bytes:
    """Points of many series: ``numbers`` says which series each is of."""
    body = b"".join((
        _split(array("I", numbers)), _split(array("q", [at for at, _, _ in points])),
        _split(array("d", _filled([value for _, value, _ in points]))), bytes(quality for _, _, quality in points)))
    return _BATCH.pack(len(points)) + zlib.compress(body, 1)


def decode_batch(data: bytes, wanted: Container[int] | None = None) -> tuple[list[int], list[Point]]:
    """The inverse of ``encode_batch``; of ``wanted`` series alone. Raises ``Invalid('store.corrupt')``."""
    try:
        (count,) = _BATCH.unpack_from(data)
        if count > BATCH_MAX:
            raise _corrupt()
        body = _inflated(data[_BATCH.size:], 21 * count)
        numbers = _joined("I", body[:4 * count]).tolist()
        times = _joined("q", body[4 * count:12 * count])
        values = _joined("d", body[12 * count:20 * count])
    except (struct.error, ValueError) as error:
        raise _corrupt() from error
    qualities = body[20 * count:]
    if wanted is not None:
        places = [place for place, number in enumerate(numbers) if number in wanted]
        return [numbers[place] for place in places], [
            (times[place], None if qualities[place] >= BAD else values[place], qualities[place]) for place in places]
    return numbers, [(at, None if quality >= BAD else value, quality)
                     for at, value, quality in zip(times, values, qualities, strict=True)]


# ---- bytes -------------------------------------------------------------------------------------------


def _split(numbers: "array[int] | array[float]") -> bytes:
    """The bytes of ``numbers``, little end first: all first bytes, then all second ones, and so on."""
    if sys.byteorder == "big":
        numbers.byteswap()
    data, width = numbers.tobytes(), numbers.itemsize
    return b"".join(data[place::width] for place in range(width))


def _joined(code: str, data: bytes) -> "array[int]":
    """The inverse of ``_split``; of floats where ``code`` says so."""
    width = _SIZES[code]
    count = len(data) // width
    mixed = bytearray(len(data))
    for place in range(width):
        mixed[place::width] = data[place * count:(place + 1) * count]
    numbers: array[int] = array(code)
    numbers.frombytes(bytes(mixed))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _inflated(data: bytes, length: int) -> bytes:
    """Exactly ``length`` bytes out of ``data``."""
    inflating = zlib.decompressobj()
    try:
        body = inflating.decompress(data, length + 1)
    except zlib.error as error:
        raise _corrupt() from error
    if len(body) != length or not inflating.eof or inflating.unused_data:
        raise _corrupt()
    return body


def _corrupt() -> Invalid:
    return Invalid("store.corrupt", path="values.db")
