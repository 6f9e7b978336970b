"""One finding of ``weft doctor``: a grade, what was looked at, and a sentence with its remedy.

Not here: who looks (``examining.py``, ``running.py``, ``deep.py``).
"""

from typing import Literal

import msgspec

from weft.cli.words import say


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    grade: Literal["good", "warning", "bad"]
    check: str
    sentence: str


def told(grade: Literal["good", "warning", "bad"], check: str, **facts: object) -> Finding:
    """A finding in the reader's language."""
    return Finding(grade, check, say(f"cli.doctor.{check}.{grade}", **facts))
