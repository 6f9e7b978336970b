"""What who asks ``weft price verify`` brings itself: whom it trusts, a price book, another proof of the same firm.

Rule 1: what cannot be used is named, and speaks against nobody.
Not here: the check (``proving.py``).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from weft.basis.errors import Invalid, WeftError
from weft.cli.words import refusal


class Brought(NamedTuple):
    """What the reader brings: its policy, canonical bytes of a price book, and another proof of the same firm."""

    policy: Any = None
    book: bytes = b""
    beside: Any = None


def brought(options: Mapping[str, Path | None], text: bytes) -> Brought:
    """What the reader brings to ``text``; raises ``Invalid('cli.price.own-file')`` for what cannot be used."""
    from weft.engine.pricelog import slip_evidence
    from weft.tlog import policy

    try:
        pair = slip_evidence.read(text)
    except WeftError:
        pair = None  # told by the check
    readers: dict[str, Callable[[bytes], Any]] = {
        "policy": policy.parse, "book": lambda data: slip_evidence.own_book(data, pair),
        "beside": lambda data: slip_evidence.own_beside(data, pair)}
    found: dict[str, Any] = {}
    for name, path in options.items():
        if path is None:
            continue
        try:
            found[name] = readers[name](path.read_bytes())
        except (WeftError, OSError, ValueError, RecursionError) as error:
            why = refusal(error) if isinstance(error, WeftError) else ""
            raise Invalid("cli.price.own-file", file=str(path), option="with" if name == "beside" else name,
                          why=why) from error
    return Brought(**found)
