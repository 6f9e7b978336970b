"""The reader's language and clock, and sentences in both.

Rule 1: WEFT_LANG decides; else the language of the home at hand; else that of the system.
Rule 2: instants are told by the clock of the firm whose home is at hand; where there is none, in UTC, which is said.
Not here: the sentences (``locale/``).
"""

import os
import tomllib
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

import click

from weft import locale
from weft.basis import instant
from weft.basis.errors import WeftError
from weft.basis.zone import Zone

HOME: Final = "weft.home"  # in the context of a command: the home that it is about
_TURNING: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # letters that turn others round


def language() -> str:
    """Which language: zh or en."""
    context = click.get_current_context(silent=True)
    home = context.meta.get(HOME) if context is not None else None
    wishes = [os.environ.get("WEFT_LANG", ""), _of_home(str(home or os.environ.get("WEFT_HOME", "")))]
    wishes += [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
    spoken = (wish[:2].lower() for wish in wishes)
    return next((wish for wish in spoken if wish in locale.LANGUAGES), locale.FALLBACK)


@cache
def _of_home(home: str) -> str:
    if not home:
        return ""
    try:
        firm = tomllib.loads((Path(home) / "weft.toml").read_text(encoding="utf-8")).get("firm", {})
    except (OSError, ValueError, RecursionError):
        return ""
    return str(firm.get("lang", "")) if isinstance(firm, dict) else ""


def about(home: Path) -> Path:
    """Speak the language of ``home``, and tell times by its clock, until the end of this command."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[HOME] = home
    return home


def clock() -> Zone | None:
    """The clock of the firm's place; None when no firm is at hand."""
    context = click.get_current_context(silent=True)
    home = context.meta.get(HOME) if context is not None else None
    home = home or os.environ.get("WEFT_HOME", "")
    if not home:
        return None
    from weft import config

    try:
        text = (Path(home) / "weft.toml").read_text(encoding="utf-8")
        return config.load(text, os.environ).firm.zone
    except (OSError, ValueError, WeftError):
        return None


def at(value: object) -> object:
    """``value``, or the time that it is by the firm's clock if it is an instant."""
    if not (isinstance(value, str) and value.endswith("Z")):
        return value
    from weft.locale import formats  # takes a while to read, and most commands tell no time

    if not formats.is_instant(value):
        return value
    zone = clock()
    return formats.moment(language(), value, zone) if zone is not None else formats.moment(language(), value) + " UTC"


def zoned(value: object) -> object:
    """``value``, or the time that it is with the zone of that clock: for what is handed to people elsewhere."""
    told, zone = at(value), clock()
    if told == value or zone is None or not isinstance(told, str):
        return told
    ahead = zone.offset(instant.to_ms(str(value)))
    hours, minutes = divmod(abs(ahead), 60)
    return f"{told} UTC{'-' if ahead < 0 else '+'}{hours}" + (f":{minutes:02d}" if minutes else "")


def say(key: str, **facts: object) -> str:
    """The sentence of ``key``."""
    return harmless(locale.text(language(), key, **{name: at(value) for name, value in facts.items()}))


def word(family: str, value: str) -> str:
    """What people call ``value``, a state or kind of ``family``; ``value`` itself where it has no name."""
    key = f"{family}.{value}"
    return say(key) if value and locale.known(language(), key) else value


def harmless(words: str) -> str:
    """``words`` without what a terminal obeys: partners choose their own names."""
    return "".join(one for one in words if one in "\n\t" or not (unicodedata.category(one) == "Cc" or one in _TURNING))


def refusal(error: WeftError) -> str:
    """One line for ``error``: the sentence, and its code for those who ask for help."""
    key = f"error.{error.code}"
    if not locale.known(language(), key):
        return str(error)
    return f"{say(key, **error.facts)} [{error.code}]"
