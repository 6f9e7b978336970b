"""A price book while its owner writes it: kept as typed, sound or not, until it is published as a whole.

Rule 1: a draft holds what was typed; what is wrong with it is told, never mended behind the owner's back.
Rule 2: whoever changes a part says what it was when read (``mark``): what changed meanwhile is not overwritten.
Rule 3: an empty ``valid_from`` means as early as the promised notice allows, on the day of publishing.
Not here: where drafts are kept (``engine/drafts.py``), what keeps one from being published (``lint.py``).
"""

import unicodedata
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import msgspec

from weft.basis import canonical, instant, quantity
from weft.basis.errors import Invalid, Refused
from weft.basis.zone import Zone
from weft.pricing.compare import rises
from weft.pricing.form import FACTOR_DIGITS_MAX, factor, findings
from weft.pricing.lint import DAY_MS, earliest
from weft.pricing.schema import Line, PriceBook, Rule, Tax

NEW: Final = "new"  # the place of a line or rule that is not there yet
PARTS: Final = ("attributes", "lines", "cards", "rules")  # what forms change besides the head
HEAD: Final = ("name", "currency", "basis", "tax", "valid_from", "valid_until", "notice_days", "disclosure", "attested")
_ID_MAX: Final = 40


class Draft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A draft: its ``book`` need not be sound; ``of`` is the hash of the version it began from, ``at`` its last change.

    ``rev`` counts the changes.
    """

    id: str
    rev: int
    book: PriceBook
    of: str = ""
    at: str = ""


def empty(name: str, taken: Iterable[str], currency: str) -> PriceBook:
    """A book called ``name`` without lines; its id is made of the name and is none of ``taken``."""
    return PriceBook(id=named(name, taken), name=name, currency=currency, basis="net", lines=(), valid_from="",
                     tax=Tax(category="S", percent=""))


def following(book: PriceBook) -> PriceBook:
    """What the next version of ``book`` begins with: all of it but its days."""
    return msgspec.structs.replace(book, valid_from="", valid_until="")


def named(words: str, taken: Iterable[str], fallback: str = "book") -> str:
    """An id made of ``words`` that is none of ``taken``."""
    plain = unicodedata.normalize("NFKC", words).lower()
    kept = "".join(one if one.isalnum() else "-" for one in plain)
    base = "-".join(part for part in kept.split("-") if part)[:_ID_MAX] or fallback
    known = set(taken)
    return base if base not in known else next(
        found for n in range(2, len(known) + 3) if (found := f"{base}-{n}") not in known)


# ---- parts, and what they were when they were read ----------------------------------------------------


def part(book: PriceBook, place: str) -> Any:
    """The part of ``book`` at ``place`` (``head``, ``attributes``, ``lines``, ``lines.3``, ``rules.0``), or None."""
    name, _, at = place.partition(".")
    if place == "head":
        return [getattr(book, one) for one in HEAD]
    if name not in PARTS or at == NEW:
        return None
    whole = getattr(book, name)
    if not at:
        return whole
    return whole[int(at)] if at.isdecimal() and len(at) < 8 and int(at) < len(whole) else None


def mark(book: PriceBook, place: str) -> str:
    """What stands at ``place``, as a short mark that a form carries along."""
    return canonical.b64(canonical.digest("price-draft-part/1", msgspec.json.encode(part(book, place))))[:16]


def located(draft: Draft, place: str, seen: str) -> str:
    """Where the part that was ``seen`` at ``place`` stands now: other lines may have come or gone before it.

    Raises ``Refused('pricing.draft-changed')`` when it is not what it was when it was read.
    """
    if seen == mark(draft.book, place):
        return place
    name, _, at = place.partition(".")
    others = [f"{name}.{n}" for n in range(len(part(draft.book, name) or ()))] if at else []
    same = [there for there in others if seen == mark(draft.book, there)]
    if len(same) != 1:
        raise Refused("pricing.draft-changed", at=draft.at)
    return same[0]


# ---- changes -----------------------------------------------------------------------------------------


def with_part(book: PriceBook, place: str, value: Any) -> PriceBook:
    """``book`` with ``value`` (a line, a rate card or a rule) at ``place``; None takes it away."""
    name, _, at = place.partition(".")
    held = list(getattr(book, name))
    if at == NEW:
        held += [] if value is None else [value]
    elif part(book, place) is None:
        raise Invalid("pricing.draft-place", place=place[:40])
    else:
        held[int(at):int(at) + 1] = [] if value is None else [value]
    return msgspec.structs.replace(book, **{name: tuple(held)})


def raised(book: PriceBook, place: str) -> PriceBook:
    """``book`` with its rule at ``place`` one earlier: rules count in their order."""
    rule = part(book, place)
    if rule is None:
        raise Invalid("pricing.draft-place", place=place[:40])
    at = int(place.partition(".")[2])
    others = [*book.rules[:at], *book.rules[at + 1:]]
    others.insert(max(0, at - 1), rule)
    return msgspec.structs.replace(book, rules=tuple(others))


def merged(book: PriceBook, lines: Sequence[Line]) -> PriceBook:
    """``book`` with ``lines`` in place of those for the same items and units, the others behind."""
    coming = {(line.item, line.unit): line for line in lines}
    kept = [coming.pop((line.item, line.unit), line) for line in book.lines]
    return msgspec.structs.replace(book, lines=(*kept, *coming.values()))


def factor_of(percent: str) -> str:
    """The factor of a change by ``percent`` (``-5``): ``19/20``; raises ``Invalid('pricing.rule-percent')``."""
    try:
        share = 1 + Fraction(quantity.decimal(percent)) / 100
    except Invalid as error:
        raise Invalid("pricing.rule-percent", value=percent[:40]) from error
    digits = max(len(str(share.numerator)), len(str(share.denominator)))
    if share <= 0 or digits > FACTOR_DIGITS_MAX:
        raise Invalid("pricing.rule-percent", value=percent[:40])
    return f"{share.numerator}/{share.denominator}"


def percent_of(multiply: str) -> str:
    """``19/20`` as a change in per cent (``-5``), or "" when it is none with at most 4 decimals."""
    try:
        scaled = (factor(multiply) - 1) * 10**6
    except (ValueError, ZeroDivisionError):
        return ""
    return quantity.text(Decimal(scaled.numerator).scaleb(-4)) if scaled.denominator == 1 else ""


def rule_id(book: PriceBook, rule: Rule) -> str:
    """An id for a new ``rule`` of ``book``."""
    return named(rule.name, (one.id for one in book.rules), "rule")


# ---- from when ---------------------------------------------------------------------------------------


def first_day(book: PriceBook, before: Sequence[PriceBook], at: str, zone: Zone) -> str:
    """The first midnight of the firm's clock from which ``book`` may be dearer than ``before``; "" if it is at once."""
    moment = earliest(book, before, at)
    if moment == at:
        return ""
    begin = instant.to_ms(moment)
    return instant.from_ms(next(zone.marks(begin, begin + 3 * DAY_MS, DAY_MS)))


def dated(book: PriceBook, before: Sequence[PriceBook], at: str, zone: Zone) -> PriceBook:
    """``book`` with a day to begin: the one typed, else at once, or the first allowed if it is perhaps dearer."""
    if book.valid_from:
        return book
    now = msgspec.structs.replace(book, valid_from=at)
    first = first_day(book, before, at, zone)
    if first and not any(findings(now)) and _dearer(now, before):
        return msgspec.structs.replace(book, valid_from=first)
    return now


def _dearer(book: PriceBook, before: Sequence[PriceBook]) -> bool:
    """Whether some notice must be kept: something is perhaps dearer, or the notice becomes shorter."""
    return any(one.notice_days and (book.notice_days < one.notice_days or any(rises(one, book))) for one in before)


def only(book: PriceBook, item: str) -> PriceBook:
    """``book`` as far as it concerns ``item``, so that it can be tried out while other lines are still wrong."""
    lines = tuple(line for line in book.lines if line.item == item)
    cards = tuple(card for card in book.cards if card.item == item)
    rules = []
    for rule in book.rules:
        asked = [one for one in rule.when if one.attribute == "item"]
        if all(item in one.one_of for one in asked):
            when = tuple(one if one.attribute != "item" else msgspec.structs.replace(one, one_of=(item,))
                         for one in rule.when)
            rules.append(msgspec.structs.replace(rule, when=when))
    return msgspec.structs.replace(book, lines=lines, cards=cards, rules=tuple(rules))


def sold(book: PriceBook) -> list[tuple[str, str]]:
    """What ``book`` sells, sound or not: item and unit of each line and each rate card."""
    return [*((line.item, line.unit) for line in book.lines), *((card.item, card.unit) for card in book.cards)]
