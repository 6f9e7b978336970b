"""Keys on paper: a 32-byte seed as four rows that people can copy by hand, and that tell which row was copied wrongly.

Crockford's base 32 (no I, L, O, U); each row is 8 bytes and 2 bytes of a digest over the row's number and the 8 bytes.
Rule 1: reading forgives what eyes confuse (small letters, O for 0, I and L for 1, blanks and dashes), and nothing else.
Not here: what else stands on the sheet and where it is kept (``engine/papers.py``).
"""

import re
from typing import Final

from weft.basis.canonical import digest
from weft.basis.errors import Invalid

ROWS: Final = 4
ROW_BYTES: Final = 8
CHECK_BYTES: Final = 2
ROW_CHARACTERS: Final = 16
_LETTERS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CONFUSED: Final = str.maketrans("OIL", "011", " -\t\u3000")
_ROW: Final = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Za-z]{4}[ -]){3}[0-9A-Za-z]{4}(?![0-9A-Za-z])")
_HEX: Final = re.compile(r"(?<![0-9a-f])(?:[0-9a-f]{8} ){7}[0-9a-f]{8}(?![0-9a-f])")


def rows(seed: bytes) -> list[str]:
    """The four rows of ``seed``, each four groups of four letters."""
    return [_row(place, seed[place * ROW_BYTES:(place + 1) * ROW_BYTES]) for place in range(ROWS)]


def _row(place: int, part: bytes) -> str:
    number = int.from_bytes(part + _check(place, part), "big")
    letters = "".join(_LETTERS[number >> (5 * k) & 31] for k in range(ROW_CHARACTERS - 1, -1, -1))
    return " ".join(letters[k:k + 4] for k in range(0, ROW_CHARACTERS, 4))


def _check(place: int, part: bytes) -> bytes:
    return digest("sheet/1", bytes([place]), part)[:CHECK_BYTES]


def seed_of(written: list[str]) -> bytes:
    """The seed behind four rows; raises ``Invalid('paper.row')`` naming the first row that was copied wrongly."""
    if len(written) != ROWS:
        raise Invalid("paper.rows", limit=ROWS)
    return b"".join(_part(place, row) for place, row in enumerate(written))


def _part(place: int, row: str) -> bytes:
    number = 0
    for letter in row.upper().translate(_CONFUSED):
        value = _LETTERS.find(letter)
        if value < 0:
            raise Invalid("paper.row", row=place + 1)
        number = number * 32 + value
    if number >> (8 * (ROW_BYTES + CHECK_BYTES)):
        raise Invalid("paper.row", row=place + 1)
    data = number.to_bytes(ROW_BYTES + CHECK_BYTES, "big")
    if data[ROW_BYTES:] != _check(place, data[:ROW_BYTES]):
        raise Invalid("paper.row", row=place + 1)
    return data[:ROW_BYTES]


def seeds_in(text: str) -> list[bytes]:
    """All keys written in ``text`` (a whole sheet, or rows typed from it); raises ``Invalid('paper.…')``."""
    found = [bytes.fromhex(one.replace(" ", "")) for one in _HEX.findall(text)]  # as the first sheets were printed
    lines = _ROW.findall(_HEX.sub(" ", text))
    if len(lines) % ROWS or not (lines or found):
        raise Invalid("paper.rows", limit=ROWS)
    return found + [seed_of(lines[k:k + ROWS]) for k in range(0, len(lines), ROWS)]
