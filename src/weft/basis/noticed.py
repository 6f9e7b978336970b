"""What was noticed in something that came from elsewhere and was taken over as far as it goes: graded, never dropped.

``fixed``  written in another way than ours, understood, and put right
``kept``   taken over, but there is something to know about it
``lost``   not taken over
Rule 1: a code with its place and facts; the sentence for people is ``noticed.<code>`` in ``locale/``.
Not here: what is noticed in files of twins (``twin/aasx/findings.py``), refusals of the whole (``errors.py``).
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Grade = Literal["fixed", "kept", "lost"]
WHERE_MAX: Final = 200
# Every code that is used, by its grade.
CODES: Final[Mapping[Grade, str]] = {
    "lost": "action aid-action aid-deep aid-event aid-too-many aid-twice aid-type aid-value and-more bounds element "
            "elsewhere event field no-reading property transformation twice type write-only",
    "kept": "aid-security-unknown aid-version call-off descriptor-missing role-again start-off write-off",
    "fixed": "aid-security aid-type-spelling anonymous combined no-base no-id no-title no-type observed-only scaled "
             "taken-apart",
}


class Noticed(msgspec.Struct, frozen=True):
    """One thing; ``where`` is a way through what was read, such as ``properties/Speed``.

    A fact called ``reason`` is the code of a refusal, whose sentence says it; the other facts fill that one, too.
    """

    grade: Grade
    code: str
    where: str = ""
    facts: dict[str, str] = {}


def noticed(grade: Grade, code: str, where: str, **facts: object) -> Noticed:
    """One thing, with place and facts cut to what fits into a sentence."""
    return Noticed(grade, code, where[:WHERE_MAX], {name: str(one)[:80] for name, one in facts.items()})
