"""What a price book must be before anyone may rely on it, whoever wrote it.

Rule 1: a book that passes can be priced for every attribute it lists; ``evaluate.py`` relies on that.
Rule 2: all findings are told at once, each with the place where it stands.
Rule 3: what passes here once passes for ever: published books are judged by it again whenever they are read.
Not here: what depends on an earlier version or on the day (``lint.py``).
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Final

import msgspec

from weft.basis import instant, quantity
from weft.basis.errors import Invalid
from weft.pricing.schema import (
    ATTRIBUTES,
    CONDITIONS_MAX,
    PRICE_DECIMALS_MAX,
    Condition,
    Finding,
    Finish,
    Line,
    PriceBook,
    Rate,
    RateCard,
    Rule,
    Tax,
)

LINES_MAX: Final = 20_000
TIERS_MAX: Final = 20
RULES_MAX: Final = 100
CARDS_MAX: Final = 50
RATES_MAX: Final = 60
VALUES_MAX: Final = 200
NOTICE_DAYS_MAX: Final = 365
TEXT_MAX: Final = 120
TAX_CATEGORIES: Final = frozenset({"S", "Z", "E", "AE", "K", "G", "O", "L", "M"})
TAXED: Final = frozenset({"S", "L", "M"})  # the others are always 0 %
FACTOR_DIGITS_MAX: Final = 9

_FACTOR = re.compile(rf"[1-9]\d{{0,{FACTOR_DIGITS_MAX - 1}}}/[1-9]\d{{0,{FACTOR_DIGITS_MAX - 1}}}")
_VALUE = re.compile(r"\w[\w.+-]{0,31}")
_LONG_NUMBER = re.compile(r"\d{7,}")
_WORD = re.compile(r"[^\W_]+")
_IDENTITY: Final = frozenset(
    "buyer customer client consumer user account person name company org organisation organization firm "
    "did key vat uscc phone mobile email mail wechat openid address ip device cookie session history loyalty "
    "age gender login 客户 买家 买方 用户 手机 微信 公司".split()
)
_CHANNEL: Final = frozenset(
    "channel shop store platform counter online offline app website web source referrer campaign traffic "
    "渠道 平台 门店".split()
)


def findings(book: PriceBook) -> Iterator[Finding]:
    """Everything that is wrong with ``book`` taken alone."""
    yield from _head(book)
    yield from _tax(book.tax)
    yield from _lines(book)
    yield from _cards(book)
    for name, values in book.attributes.items():
        yield from _attribute(name, values)
    yield from _rules(book)


def found(code: str, place: str = "", /, **facts: str | int) -> Finding:
    """A finding of ``pricing.<code>`` at ``place``; long texts are cut so that a sentence stays one."""
    short = {name: fact[:60] if isinstance(fact, str) else fact for name, fact in facts.items()}
    return Finding(code=f"pricing.{code}", facts=short, place=place)


def _head(book: PriceBook) -> Iterator[Finding]:
    for where, text in (("id", book.id), ("name", book.name)):
        if not text.strip() or len(text) > TEXT_MAX:
            yield found("text", where, where=where, limit=TEXT_MAX)
    if book.currency not in quantity.MINOR_UNITS:
        yield found("currency", "currency", value=book.currency)
    if not 0 <= book.notice_days <= NOTICE_DAYS_MAX:
        yield found("notice", "notice_days", value=book.notice_days, limit=NOTICE_DAYS_MAX)
    if book.attested and not any(card.minutes for card in book.cards):
        yield found("attested", "attested")
    try:
        start = instant.to_ms(book.valid_from)
        if book.valid_until and instant.to_ms(book.valid_until) <= start:
            yield found("validity", "valid_until", valid_from=book.valid_from, valid_until=book.valid_until)
    except Invalid:
        yield found("validity", "valid_from", valid_from=book.valid_from, valid_until=book.valid_until)


def _tax(tax: Tax) -> Iterator[Finding]:
    if tax.category not in TAX_CATEGORIES:
        yield found("tax-category", "tax.category", value=tax.category)
    percent = _decimal(tax.percent, 4)
    if not tax.percent.strip():
        yield found("tax-missing", "tax.percent")
        return
    untaxed = tax.category in TAX_CATEGORIES - TAXED
    if percent is None or not 0 <= percent <= 100 or (untaxed and percent != 0):
        yield found("tax-percent", "tax.percent", value=tax.percent, category=tax.category)


def _lines(book: PriceBook) -> Iterator[Finding]:
    if len(book.lines) > LINES_MAX:
        yield found("too-many", "lines", what="lines", limit=LINES_MAX)
    elif not book.lines and not book.cards:
        yield found("no-lines", "lines")
    seen: set[tuple[str, str]] = set()
    for at, line in enumerate(book.lines):
        if (line.item, line.unit) in seen:
            yield found("duplicate-line", f"lines.{at}.item", item=line.item, unit=line.unit)
        seen.add((line.item, line.unit))
        for one in line_findings(line):
            yield msgspec.structs.replace(one, place=f"lines.{at}.{one.place}")


def line_findings(line: Line) -> Iterator[Finding]:
    """Everything that is wrong with one line taken alone; places are within the line."""
    if not line.item.strip() or len(line.item) > TEXT_MAX:
        yield found("text", "item", where="item", limit=TEXT_MAX)
    if line.unit not in quantity.UNITS:
        yield found("unit", "unit", item=line.item, value=line.unit)
    yield from _tiers(line)


def _cards(book: PriceBook) -> Iterator[Finding]:
    if len(book.cards) > CARDS_MAX:
        yield found("too-many", "cards", what="cards", limit=CARDS_MAX)
    seen = {(line.item, line.unit) for line in book.lines}
    for at, card in enumerate(book.cards):
        if (card.item, card.unit) in seen:
            yield found("duplicate-line", f"cards.{at}.item", item=card.item, unit=card.unit)
        seen.add((card.item, card.unit))
        for one in card_findings(card):
            yield msgspec.structs.replace(one, place=f"cards.{at}.{one.place}")


def card_findings(card: RateCard) -> Iterator[Finding]:
    """Everything that is wrong with one rate card taken alone; places are within the card."""
    if not card.item.strip() or len(card.item) > TEXT_MAX or len(card.name) > TEXT_MAX:
        yield found("text", "item", where="item", limit=TEXT_MAX)
    if card.unit not in quantity.UNITS:
        yield found("unit", "unit", item=card.item, value=card.unit)
    if not (card.materials or card.minutes or card.finishes):
        yield found("card-empty", "", item=card.item)
    for where in ("materials", "minutes", "finishes"):
        yield from _rates(card.item, where, getattr(card, where))
    setup, minimum = _decimal(card.setup, PRICE_DECIMALS_MAX), _decimal(card.minimum, PRICE_DECIMALS_MAX)
    if setup is None or setup < 0:
        yield found("rate-price", "setup", item=card.item, name="setup", value=card.setup)
    if minimum is None or minimum <= 0:
        yield found("card-minimum", "minimum", item=card.item, value=card.minimum)


def _rates(item: str, where: str, rates: tuple[Rate | Finish, ...]) -> Iterator[Finding]:
    if len(rates) > RATES_MAX:
        yield found("too-many", where, what=where, limit=RATES_MAX)
    seen: set[str] = set()
    rate: Rate | Finish
    for at, rate in enumerate(rates):
        words = set(_WORD.findall(rate.name.lower()))
        if not _VALUE.fullmatch(rate.name):
            yield found("rate-name", f"{where}.{at}.name", item=item, name=rate.name)
        elif _LONG_NUMBER.search(rate.name) or words & (_IDENTITY | _CHANNEL):
            yield found("rate-identity", f"{where}.{at}.name", item=item, name=rate.name)
        elif rate.name in seen:
            yield found("rate-twice", f"{where}.{at}.name", item=item, name=rate.name)
        seen.add(rate.name)
        price = _decimal(rate.price, PRICE_DECIMALS_MAX)
        if price is None or price < 0:
            yield found("rate-price", f"{where}.{at}.price", item=item, name=rate.name, value=rate.price)


def _tiers(line: Line) -> Iterator[Finding]:
    if not 1 <= len(line.tiers) <= TIERS_MAX:
        yield found("tiers", "tiers", item=line.item, limit=TIERS_MAX)
    last_from: Decimal | None = None
    last_price: Decimal | None = None
    for at, tier in enumerate(line.tiers):
        start, price = _decimal(tier.from_, PRICE_DECIMALS_MAX), _decimal(tier.price)
        if start is None or start < 0:
            yield found("tier-from", f"tiers.{at}.from", item=line.item, value=tier.from_)
        elif last_from is not None and start <= last_from:
            yield found("tiers-overlap", f"tiers.{at}.from", item=line.item, tier=tier.from_,
                        before=quantity.text(last_from))
        last_from = start if start is not None else last_from
        if price is None or price < 0:
            yield found("price", f"tiers.{at}.price", item=line.item, value=tier.price)
            continue
        if _places(price) > PRICE_DECIMALS_MAX:
            yield found("price-decimals", f"tiers.{at}.price", item=line.item, value=tier.price,
                        limit=PRICE_DECIMALS_MAX)
        if last_price is not None and price > last_price:
            yield found("tiers-not-monotone", f"tiers.{at}.price", item=line.item, tier=tier.from_,
                        price=tier.price)
        last_price = price


def _attribute(name: str, values: tuple[str, ...]) -> Iterator[Finding]:
    place = f"attributes.{name}"
    yield from _attribute_name(name, place)
    if not values:
        yield found("free-text-attribute", place, attribute=name, value="")
    if len(values) > VALUES_MAX:
        yield found("too-many", place, what=name, limit=VALUES_MAX)
    if len(set(values)) != len(values):
        yield found("duplicate-value", place, attribute=name)
    for value in values:
        if not _VALUE.fullmatch(value):
            yield found("free-text-attribute", place, attribute=name, value=value)
        elif _LONG_NUMBER.search(value):
            yield found("identity-value", place, attribute=name, value=value)


def _attribute_name(name: str, place: str) -> Iterator[Finding]:
    if name in ATTRIBUTES:
        return
    words = set(_WORD.findall(name.lower()))
    if words & _CHANNEL:
        yield found("channel", place, attribute=name)
    elif words & _IDENTITY:
        yield found("identity-attribute", place, attribute=name)
    else:
        yield found("unknown-attribute", place, attribute=name, known=", ".join(ATTRIBUTES))


def _rules(book: PriceBook) -> Iterator[Finding]:
    if len(book.rules) > RULES_MAX:
        yield found("too-many", "rules", what="rules", limit=RULES_MAX)
    items = frozenset(line.item for line in book.lines) | frozenset(card.item for card in book.cards)
    seen: set[str] = set()
    for at, rule in enumerate(book.rules):
        place = f"rules.{at}"
        if rule.id in seen or not rule.id.strip() or len(rule.id) > TEXT_MAX or len(rule.name) > TEXT_MAX:
            yield found("rule-id", f"{place}.name", rule=rule.id)
        seen.add(rule.id)
        if len(rule.when) > CONDITIONS_MAX:
            yield found("too-many-conditions", f"{place}.when", rule=rule.id, count=len(rule.when),
                        limit=CONDITIONS_MAX)
        yield from _effect(rule, f"{place}.effect")
        for n, condition in enumerate(rule.when):
            for one in _condition(book, rule, condition, items):
                yield msgspec.structs.replace(one, place=f"{place}.when.{n}")
        yield from _range(rule, f"{place}.when")


def _effect(rule: Rule, place: str) -> Iterator[Finding]:
    if bool(rule.multiply) == bool(rule.add) or (rule.multiply and rule.per != "unit"):
        yield found("rule-effect", place, rule=rule.id)
    elif rule.multiply and not _FACTOR.fullmatch(rule.multiply):
        yield found("rule-factor", place, rule=rule.id, value=rule.multiply)
    elif rule.add and _decimal(rule.add, PRICE_DECIMALS_MAX) is None:
        yield found("rule-amount", place, rule=rule.id, value=rule.add, limit=PRICE_DECIMALS_MAX)


def _condition(book: PriceBook, rule: Rule, condition: Condition, items: frozenset[str]) -> Iterator[Finding]:
    name = condition.attribute
    if name == "quantity":
        if condition.one_of:
            yield found("exact-number", rule=rule.id)
        elif not condition.at_least and not condition.below:
            yield found("condition-empty", rule=rule.id, attribute=name)
        return
    if name != "item" and name not in ATTRIBUTES:
        yield from _attribute_name(name, "")
        return
    if condition.at_least or condition.below or not condition.one_of:
        yield found("condition-empty", rule=rule.id, attribute=name)
    known = items if name == "item" else frozenset(book.attributes.get(name, ()))
    for value in condition.one_of:
        if value not in known:
            yield found("condition-value", rule=rule.id, attribute=name, value=value)


def _range(rule: Rule, place: str) -> Iterator[Finding]:
    """A quantity range so narrow that it picks out one order is as good as an exact number."""
    bounds = [condition for condition in rule.when if condition.attribute == "quantity"]
    lows = [_decimal(bound.at_least, PRICE_DECIMALS_MAX) for bound in bounds if bound.at_least]
    highs = [_decimal(bound.below, PRICE_DECIMALS_MAX) for bound in bounds if bound.below]
    low_known = [low for low in lows if low is not None and low >= 0]
    high_known = [high for high in highs if high is not None and high > 0]
    if len(low_known) != len(lows) or len(high_known) != len(highs):
        yield found("condition-range", place, rule=rule.id)
    elif low_known and high_known:
        low, width = max(low_known), min(high_known) - max(low_known)
        if width <= 0:
            yield found("condition-range", place, rule=rule.id)
        elif width <= 1 or width * 10 < low:
            yield found("exact-number", place, rule=rule.id)


def _decimal(text: str, places: int | None = None) -> Decimal | None:
    """The value of ``text``, or None when it is no number or has more than ``places`` decimals."""
    try:
        value = quantity.decimal(text)
    except Invalid:
        return None
    return None if places is not None and _places(value) > places else value


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def factor(text: str) -> Fraction:
    """The exact value of a factor that ``findings`` has passed."""
    above, _, below = text.partition("/")
    return Fraction(int(above), int(below))
