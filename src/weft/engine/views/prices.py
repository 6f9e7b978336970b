"""Price books: which are in force, and what they say, line by line.

Not here: publishing (``pricing/publish.py``), the price of one order (``pricing/evaluate.py``).
"""

from typing import Any

from weft.basis import instant
from weft.engine.views.shape import View
from weft.pricing import publish
from weft.pricing.schema import Rule


class PriceTier(View, frozen=True, kw_only=True):
    """From this quantity on, this price."""

    quantity: str
    price: str


class PriceLine(View, frozen=True, kw_only=True):
    """What one item costs, per ``base`` units."""

    item: str
    unit: str
    base: str
    tiers: tuple[PriceTier, ...]


class PriceRule(View, frozen=True, kw_only=True):
    """One rule of the book; ``when`` are (attribute, values or bounds)."""

    id: str
    name: str = ""
    when: tuple[tuple[str, str], ...] = ()
    multiply: str = ""
    add: str = ""
    per: str = "unit"


class PriceBookView(View, frozen=True, kw_only=True):
    """One version of a book. ``state``: in-force, coming, past or withdrawn."""

    hash: str
    id: str
    name: str
    number: int
    state: str
    currency: str
    basis: str
    tax_percent: str
    valid_from: str
    valid_until: str = ""
    published_at: str = ""
    notice_days: int = 0
    disclosure: str = ""
    lines: tuple[PriceLine, ...] = ()
    rules: tuple[PriceRule, ...] = ()


class PricesView(View, frozen=True, kw_only=True):
    """All published books, newest first."""

    books: tuple[PriceBookView, ...]


async def prices(node: Any) -> PricesView:
    """Every version that the firm has published."""
    state = await node.state(node.book("pricing"))
    at = instant.from_ms(int(node.clock.now_ms()))
    in_force = {book.hash for book in publish.current(state, at)}
    versions = sorted(state.books.items(), key=lambda one: -one[1].number)
    return PricesView(books=tuple(_book(name, version, at, in_force=name in in_force) for name, version in versions))


def _book(name: str, version: publish.Version, at: str, *, in_force: bool) -> PriceBookView:
    book = version.book
    state = "in-force" if in_force else "withdrawn" if version.withdrawn_at else ""
    state = state or ("coming" if book.valid_from > at else "past")
    return PriceBookView(
        hash=name, id=book.id, name=book.name, number=version.number, state=state, currency=book.currency,
        basis=book.basis, tax_percent=book.tax.percent, valid_from=book.valid_from, valid_until=book.valid_until,
        published_at=version.published_at, notice_days=book.notice_days, disclosure=book.disclosure,
        lines=tuple(PriceLine(item=line.item, unit=line.unit, base=line.base, tiers=tuple(
            PriceTier(quantity=tier.from_, price=tier.price) for tier in line.tiers)) for line in book.lines),
        rules=tuple(_rule(rule) for rule in book.rules),
    )


def _rule(rule: Rule) -> PriceRule:
    when = tuple((c.attribute, ", ".join(c.one_of) or f"{c.at_least or '0'} … {c.below}") for c in rule.when)
    return PriceRule(id=rule.id, name=rule.name, when=when, multiply=rule.multiply, add=rule.add, per=rule.per)
