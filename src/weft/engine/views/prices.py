"""Price books: the versions that were published, what each says, and what changes between two.

Not here: drafts (``price_drafts.py``), publishing (``pricing/publish.py``).
"""

from typing import Any

from weft.basis import instant
from weft.basis.errors import NotFound
from weft.engine import drafts
from weft.engine.views.shape import View
from weft.pricing import publish
from weft.pricing.diff import Differences, differences
from weft.pricing.draft import percent_of
from weft.pricing.form import findings
from weft.pricing.schema import PriceBook, RateCard, Rule


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


class PriceCondition(View, frozen=True, kw_only=True):
    """One of ``values`` of the attribute, or a quantity in [``at_least``, ``below``)."""

    attribute: str
    values: tuple[str, ...] = ()
    at_least: str = ""
    below: str = ""


class PriceRule(View, frozen=True, kw_only=True):
    """One rule of the book; ``percent`` is the change that ``multiply`` is, where it is a plain one."""

    id: str
    name: str = ""
    when: tuple[PriceCondition, ...] = ()
    multiply: str = ""
    percent: str = ""
    add: str = ""
    per: str = "unit"


class PriceBookView(View, frozen=True, kw_only=True):
    """One version of a book. ``state``: in-force, coming, past, withdrawn, draft; ``before``: the version before it.

    ``number`` counts what the firm has published, ``edition`` the versions of this book.
    """

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
    withdrawn_at: str = ""
    reason: str = ""
    notice_days: int = 0
    disclosure: str = ""
    tax_category: str = ""
    attributes: dict[str, tuple[str, ...]] = {}
    lines: tuple[PriceLine, ...] = ()
    cards: tuple[RateCard, ...] = ()
    attested: bool = False
    rules: tuple[PriceRule, ...] = ()
    before: str = ""
    edition: int = 0


class DraftCard(View, frozen=True, kw_only=True):
    """A draft in the list. ``book`` is the id that its versions share."""

    draft: str
    book: str
    name: str
    at: str
    of: str
    lines: int


class PricesView(View, frozen=True, kw_only=True):
    """All published versions, newest first, and the drafts."""

    books: tuple[PriceBookView, ...]
    drafts: tuple[DraftCard, ...] = ()


class RuleMove(View, frozen=True, kw_only=True):
    """A rule that is new (no ``before``), gone (no ``after``) or another one."""

    id: str
    name: str
    before: PriceRule | None = None
    after: PriceRule | None = None


class PriceDiffView(View, frozen=True, kw_only=True):
    """What changes from ``old`` to ``new``; ``unsound``: the draft has faults and cannot be compared yet."""

    old: PriceBookView
    new: PriceBookView
    differences: Differences | None = None
    rules: tuple[RuleMove, ...] = ()
    unsound: bool = False


async def prices(node: Any) -> PricesView:
    """Every version that the firm has published, and the drafts of those to come."""
    cards = tuple(DraftCard(draft=one.id, book=one.book.id, name=one.book.name, at=one.at, of=one.of,
                            lines=len(one.book.lines)) for one in await drafts.every(node))
    return PricesView(books=tuple(await _versions(node)), drafts=cards)


async def price_book(node: Any, version: str) -> PriceBookView:
    """One published version, by its hash."""
    return _one(await _versions(node), version)


async def price_diff(node: Any, old: str, new: str) -> PriceDiffView:
    """What changes between two published versions, or from one to a draft."""
    versions = await _versions(node)
    state = await node.book_state("pricing")
    before = _one(versions, old)
    if new in state.books:
        told = differences(state.books[old].book, state.books[new].book)
        return PriceDiffView(old=before, new=_one(versions, new), differences=told, rules=_moved(told))
    held = await drafts.get(node, new)
    book = await drafts.dated(node, held, drafts.now(node))
    shown = book_view(book, "draft")
    if any(findings(book)):
        return PriceDiffView(old=before, new=shown, unsound=True)
    told = differences(state.books[old].book, book)
    return PriceDiffView(old=before, new=shown, differences=told, rules=_moved(told))


def _moved(told: Differences) -> tuple[RuleMove, ...]:
    return tuple(RuleMove(
        id=one.id, name=next((rule.name for rule in (one.after, one.before) if rule and rule.name), one.id),
        before=rule_view(one.before) if one.before else None, after=rule_view(one.after) if one.after else None)
        for one in told.rules)


async def _versions(node: Any) -> list[PriceBookView]:
    state = await node.book_state("pricing")
    at = instant.from_ms(int(node.clock.now_ms()))
    in_force = {book.hash for book in publish.current(state, at)}
    earlier: dict[str, list[str]] = {}
    found = []
    for name, version in sorted(state.books.items(), key=lambda one: one[1].number):
        before = earlier.setdefault(version.book.id, [])
        found.append(_version(name, version, (at, before), in_force=name in in_force))
        before.append(name)
    return found[::-1]


def _one(versions: list[PriceBookView], name: str) -> PriceBookView:
    found = next((one for one in versions if one.hash == name), None)
    if found is None:
        raise NotFound("pricing.version-unknown")
    return found


def _version(name: str, version: publish.Version, around: tuple[str, list[str]], *, in_force: bool) -> PriceBookView:
    at, before = around
    state = "in-force" if in_force else "withdrawn" if version.withdrawn_at else ""
    state = state or ("coming" if instant.to_ms(version.book.valid_from) > instant.to_ms(at) else "past")
    return book_view(version.book, state, hash=name, number=version.number, published_at=version.published_at,
                     withdrawn_at=version.withdrawn_at, reason=version.reason, edition=len(before) + 1,
                     before=before[-1] if before else "")


def book_view(book: PriceBook, state: str, **known: Any) -> PriceBookView:
    """``book``, sound or not, to be shown."""
    told = {"hash": "", "number": 0, **known}
    return PriceBookView(
        id=book.id, name=book.name, state=state, currency=book.currency, basis=book.basis, valid_from=book.valid_from,
        valid_until=book.valid_until, tax_percent=book.tax.percent, tax_category=book.tax.category,
        notice_days=book.notice_days, disclosure=book.disclosure, attributes=book.attributes, cards=book.cards,
        attested=book.attested,
        lines=tuple(PriceLine(item=line.item, unit=line.unit, base=line.base, tiers=tuple(
            PriceTier(quantity=tier.from_, price=tier.price) for tier in line.tiers)) for line in book.lines),
        rules=tuple(rule_view(rule) for rule in book.rules), **told,
    )


def rule_view(rule: Rule) -> PriceRule:
    """``rule`` to be shown."""
    when = tuple(PriceCondition(attribute=one.attribute, values=one.one_of, at_least=one.at_least, below=one.below)
                 for one in rule.when)
    return PriceRule(id=rule.id, name=rule.name, when=when, multiply=rule.multiply, add=rule.add, per=rule.per,
                     percent=percent_of(rule.multiply) if rule.multiply else "")
