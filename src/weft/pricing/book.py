"""Loading, writing and naming price books.

Rule 1: bytes are accepted only in their one spelling, so that one book has one hash everywhere.
Rule 2: what ``load`` returns is sound: every check of ``form.py`` holds.
Not here: whether a sound book may be published today (``lint.py``).
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from weft.basis import canonical, quantity
from weft.basis.errors import Invalid
from weft.pricing import form
from weft.pricing.schema import PriceBook, RateCard, Rule

_PATH = re.compile(r" - at `\$?\.?([^`]*)`$")


def load(source: bytes | Mapping[str, Any]) -> PriceBook:
    """The sound book in ``source``: canonical bytes as they travel, or a mapping as its owner wrote it.

    Raises ``Invalid`` with the code of the first thing that is wrong.
    """
    if isinstance(source, bytes):
        book = shape(canonical.decode(source))
        if book.canonical != source:
            raise Invalid("pricing.spelling")
    else:
        book = shape(source)
    for finding in form.findings(book):
        raise Invalid(finding.code, **finding.facts)
    return book


def encode(book: PriceBook) -> bytes:
    """Canonical bytes of ``book``, as they travel and are hashed."""
    return book.canonical


def hash(book: PriceBook) -> str:  # noqa: A001 - the word of DESIGN: "the book's hash"
    """The name of this version of the book: 43 characters of base64url."""
    return book.hash


def shape(value: Any) -> PriceBook:
    """``value`` in the shape of a book, numbers in their one spelling; raises ``Invalid('pricing.shape')``."""
    try:
        return _spelled(msgspec.convert(value, PriceBook))
    except msgspec.ValidationError as error:
        told = str(error)
        path = _PATH.search(told)
        raise Invalid(
            "pricing.shape", where=path.group(1) if path else "book", detail=_PATH.sub("", told)[:120]
        ) from error


def _spelled(book: PriceBook) -> PriceBook:
    """``book`` with every decimal in its one spelling; what is no decimal stays for ``form`` to report."""
    replace = msgspec.structs.replace
    lines = tuple(
        replace(line, tiers=tuple(replace(t, from_=_number(t.from_), price=_number(t.price)) for t in line.tiers))
        for line in book.lines
    )
    tax = replace(book.tax, percent=_number(book.tax.percent))
    return replace(book, tax=tax, lines=lines, rules=tuple(_rule(rule) for rule in book.rules),
                   cards=tuple(_card(card) for card in book.cards))


def _card(card: RateCard) -> RateCard:
    replace = msgspec.structs.replace
    return replace(
        card, setup=_number(card.setup), minimum=_number(card.minimum),
        materials=tuple(replace(one, price=_number(one.price)) for one in card.materials),
        minutes=tuple(replace(one, price=_number(one.price)) for one in card.minutes),
        finishes=tuple(replace(one, price=_number(one.price)) for one in card.finishes))


def _rule(rule: Rule) -> Rule:
    replace = msgspec.structs.replace
    when = tuple(replace(c, at_least=_number(c.at_least), below=_number(c.below)) for c in rule.when)
    return replace(rule, add=_number(rule.add), when=when)


def _number(text: str) -> str:
    try:
        return quantity.text(quantity.decimal(text)) if text else text
    except Invalid:
        return text
