"""What was noticed in something that came from elsewhere and was taken over as far as it goes: graded, never dropped.

``fixed``  written in another way than ours, understood, and put right
``kept``   taken over, but there is something to know about it
``lost``   not taken over
Rule 1: a code with its place and facts; the sentence for people is ``noticed.<code>`` in ``locale/``.
Not here: what is noticed in files of twins (``twin/aasx/findings.py``), refusals of the whole (``errors.py``).
"""

from typing import Literal

import msgspec

Grade = Literal["fixed", "kept", "lost"]
WHERE_MAX = 200


class Noticed(msgspec.Struct, frozen=True):
    """One thing; ``where`` is a way through what was read, such as ``properties/Speed``."""

    grade: Grade
    code: str
    where: str = ""
    facts: dict[str, str] = {}


def noticed(grade: Grade, code: str, where: str, **facts: object) -> Noticed:
    """One thing, with place and facts cut to what fits into a sentence."""
    return Noticed(grade, code, where[:WHERE_MAX], {name: str(one)[:80] for name, one in facts.items()})
