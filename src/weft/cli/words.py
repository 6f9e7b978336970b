"""The reader's language, and sentences in it.

Rule 1: WEFT_LANG decides; else the language of the home at hand; else that of the system.
Not here: the sentences (``locale/``).
"""

import os
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from weft import locale
from weft.basis.errors import WeftError

_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # letters that turn others round


@cache
def language() -> str:
    """Which language: zh or en."""
    wishes = [os.environ.get("WEFT_LANG", ""), _of_home(os.environ.get("WEFT_HOME", ""))]
    wishes += [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    spoken = (wish[:2].lower() for wish in wishes)
    return next((wish for wish in spoken if wish in locale.LANGUAGES), locale.FALLBACK)


def _of_home(home: str) -> str:
    if not home:
        return ""
    try:
        firm = tomllib.loads((Path(home) / "weft.toml").read_text(encoding="utf-8")).get("firm", {})
    except (OSError, ValueError):
        return ""
    return str(firm.get("lang", "")) if isinstance(firm, dict) else ""


def say(key: str, **facts: object) -> str:
    """The sentence of ``key``."""
    return harmless(locale.text(language(), key, **facts))


def harmless(words: str) -> str:
    """``words`` without what a terminal obeys: partners choose their own names."""
    return "".join(one for one in words if one in "\n\t" or not (unicodedata.category(one) == "Cc" or one in _TURNING))


def refusal(error: WeftError) -> str:
    """One line for ``error``: the sentence, and its code for those who ask for help."""
    key = f"error.{error.code}"
    if not locale.known(language(), key):
        return str(error)
    return f"{say(key, **error.facts)} [{error.code}]"
