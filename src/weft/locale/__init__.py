"""What people read, in each language: one sentence per key, filled with facts.

Rule 1: every language has the same keys with the same placeholders; ``tests/test_locale.py`` proves it.
Rule 2: a missing key or fact never breaks a page: it shows as ``⟦key⟧``, which tests look for.
Not here: dates, money and quantities (``formats.py``), which language a visitor reads (``doors/console``).
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

LANGUAGES: Final = ("zh", "en")
FALLBACK: Final = "en"


class _Facts(dict[str, object]):
    def __missing__(self, name: str) -> str:
        return f"⟦{name}⟧"


@cache
def sentences(lang: str) -> Mapping[str, str]:
    """All sentences of ``lang`` by key."""
    source = files(__name__).joinpath(f"{lang}.toml").read_text(encoding="utf-8")
    return {key: str(value) for key, value in tomllib.loads(source).items()}


def known(lang: str, key: str) -> bool:
    """True when ``key`` has a sentence."""
    return key in sentences(spoken(lang))


def spoken(lang: str) -> str:
    """``lang`` if we speak it, else the fallback."""
    return lang if lang in LANGUAGES else FALLBACK


def text(lang: str, key: str, /, **facts: object) -> str:
    """The sentence of ``key`` with its facts; with a fact ``n`` of 1 the key ``<key>.one`` is tried first."""
    table = sentences(spoken(lang))
    sentence = (table.get(f"{key}.one") if str(facts.get("n", "")) == "1" else None) or table.get(key)
    if sentence is None:
        return f"⟦{key}⟧"
    return sentence.format_map(_Facts(facts)) if "{" in sentence else sentence


def negotiate(accept: str, default: str) -> str:
    """The first language of an Accept-Language header that we speak, else ``default``."""
    wishes: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")[:20]):
        name, _, weight = part.strip().partition(";q=")
        try:
            share = float(weight) if weight else 1.0
        except ValueError:
            share = 0.0
        wishes.append((-share, place, name.split("-")[0].lower()))
    for share, _, name in sorted(wishes):
        if name in LANGUAGES and share < 0:
            return name
    return spoken(default)
