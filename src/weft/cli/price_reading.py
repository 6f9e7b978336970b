"""The file that ``weft price verify`` is asked about: what it is meant to be, and whether it came whole.

Rule 1: what was cut or written otherwise on its way is never judged.
Not here: the check (``proving.py``), what is brought besides (``price_brought.py``).
"""

import json
from pathlib import Path
from typing import Final

from weft.basis.errors import Invalid, WeftError

FILE_BYTES_MAX: Final = 16 * 1024 * 1024
_OF_A_BOOK: Final = frozenset({"id", "currency", "lines", "valid_from"})


def content(source: str) -> bytes:
    """The bytes that are meant: those of a file, or the text of a slip's QR code itself; raises ``Invalid``."""
    from weft.engine.pricelog.slip_evidence import PREFIX

    if source.startswith(PREFIX):
        return source.encode()
    try:
        with Path(source).open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Invalid("cli.price.unreadable", file=source) from error
    return data if len(data) <= FILE_BYTES_MAX else b""  # nothing of ours is as large: it is told as damaged


def is_proof(data: bytes) -> bool:
    """Whether ``data`` is something that proves a price (or a fork), and no price book."""
    from weft.engine.pricelog import evidence, forks, slip_evidence

    text = data.strip()
    return (evidence.is_evidence(text) or forks.is_fork(text) or text.startswith(slip_evidence.PREFIX.encode())
            or b'"slip/1"' in text)


def is_book(data: bytes) -> bool:
    """Whether ``data`` is meant to be a price book, sound or not."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and not _OF_A_BOOK.isdisjoint(value)


def whole(text: bytes) -> None:
    """Raises ``Invalid('cli.price.damaged')`` for what was cut or written otherwise on its way."""
    from weft.basis import canonical
    from weft.engine.pricelog import evidence, slip_evidence

    try:
        if text.startswith(slip_evidence.PREFIX.encode()):
            slip_evidence.read(text)
        else:
            canonical.decode(text)
    except (WeftError, RecursionError) as error:
        raise Invalid("cli.price.damaged") from error
    if len(text) > evidence.BYTES_MAX:
        raise Invalid("cli.price.damaged")
