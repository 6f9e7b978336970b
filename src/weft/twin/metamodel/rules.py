"""Which of our codes a message of aas-core3.1 stands for: a table, so that each can be said in any language.

Rule 1: every message that its verifier can give has a row here; ``tests/twin/metamodel`` reads its source for them.
"""

import re
from collections.abc import Sequence
from typing import Final

_CONSTRAINT: Final = re.compile(r"AAS[cd]-(?:3a-)?\d{3}")
_NUMBER: Final = re.compile(r"maximum length of (\d+)")
_PATTERNS: Final[Sequence[tuple[str, str, str]]] = (
    # what the message contains, our code, the constraint's name where the message does not tell it
    ("ID-short of Referables shall only", "aasd-002", "AASd-002"),
    ("ID-shorts of the value must be unique", "aasd-022", "AASd-022"),
    ("must specify unique languages", "languages", ""),
    ("be consistent with the value type", "value-type", ""),
    ("must match the value type", "value-type", ""),
    ("must be either not set or have at least one item", "empty-list", ""),
    ("must contain at least one item", "empty-list", ""),
    ("must have at least one item", "empty-list", ""),
    ("maximum length of", "too-long", ""),
    ("must not be empty", "empty", ""),
    ("conformant to a URI as per RFC 2396", "form-uri", ""),
    ("time zone fixed to UTC", "form-utc", ""),
    ("the time zone fixed", "form-utc", ""),
    ("with the time zone", "form-utc", ""),
    ("xs:duration", "form-duration", ""),
    ("MIME type", "form-mime", ""),
    ("BCP 47", "form-language", ""),
    ("ersion pattern", "form-version", ""),
    ("evision pattern", "form-version", ""),
    ("model reference", "wrong-reference", ""),
    ("Max. interval", "max-interval", ""),
)


def told(message: str) -> tuple[str, str, dict[str, str]]:
    """(code, constraint, facts) for a message of the verifier; the fact ``name`` is the field it is about."""
    named = _CONSTRAINT.search(message)
    if named:
        return named[0].lower(), named[0], {}
    for part, code, constraint in _PATTERNS:
        if part in message:
            return code, constraint, _facts(message, code)
    return "other", "", {"text": message}


def _facts(message: str, code: str) -> dict[str, str]:
    number = _NUMBER.search(message)
    if number:
        return {"n": "", "max": number[1]}
    if code not in ("languages", "value-type"):
        return {}
    first, *rest = message.removeprefix("The ").split(" must ")[0].lower().split()
    return {"name": first + "".join(one.capitalize() for one in rest)}
