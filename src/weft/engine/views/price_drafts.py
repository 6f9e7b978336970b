"""A price book being written: what stands in it, what is wrong and where, and what an order would cost and why.

Not here: published versions (``prices.py``), changing a draft (``commands/pricing.py``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine import drafts
from weft.engine.views.prices import PriceBookView, PriceRule, book_view, rule_view
from weft.engine.views.shape import View
from weft.pricing import draft as drafting
from weft.pricing import publish
from weft.pricing.evaluate import Attributes, price
from weft.pricing.form import findings
from weft.pricing.schema import ATTRIBUTES, Finding, PriceBook, RateCard

TESTED_MAX = 6


class DraftView(View, frozen=True, kw_only=True):
    """A draft. ``seen``: the marks of its parts as they are now, which forms carry back.

    ``starts`` and ``ends`` are days as people say them. ``begins``: when it would begin if it were published now, ""
    at once; ``first``: the first day on which it may be dearer, "" at once; ``current``: the version in force.
    """

    draft: str
    rev: int
    at: str
    book: PriceBookView
    seen: dict[str, str]
    findings: tuple[Finding, ...] = ()
    starts: str = ""
    ends: str = ""
    begins: str = ""
    first: str = ""
    notice: int = 0
    current: str = ""


class TestStep(View, frozen=True, kw_only=True):
    """A step that a person can redo: ``before`` and ``by`` give ``result``; ``name`` is the rule's or the tier."""

    kind: str
    name: str = ""
    before: str = ""
    by: str = ""
    percent: str = ""
    result: str = ""


class TestSide(View, frozen=True, kw_only=True):
    """What one book says: ``which`` is draft, in-force or coming; the price with its steps, or why there is none."""

    which: str
    name: str
    hash: str = ""
    code: str = ""
    facts: dict[str, str | int] = {}
    currency: str = ""
    basis: str = ""
    valid_from: str = ""
    unit: str = ""
    unit_price: str = ""
    base: str = "1"
    net: str = ""
    tax: str = ""
    gross: str = ""
    tax_percent: str = ""
    rules: tuple[PriceRule, ...] = ()
    steps: tuple[TestStep, ...] = ()


class TestView(View, frozen=True, kw_only=True):
    """What can be asked for, and the answer of each side.

    ``inputs``: what a rate card is given for a part made to a drawing, with the names to choose from or none.
    """

    items: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    attributes: dict[str, tuple[str, ...]] = {}
    inputs: dict[str, tuple[str, ...]] = {}
    sides: tuple[TestSide, ...] = ()
    draft: str = ""
    name: str = ""


async def price_draft(node: Any, draft: str, place: str = "") -> DraftView:
    """One draft with all that keeps it from being published; ``place`` is a part whose mark is wanted too."""
    held = await drafts.get(node, draft)
    at, zone = drafts.now(node), node.config.firm.zone
    state = await node.book_state("pricing")
    before = await drafts.before(node, held.book, at)
    book = drafting.dated(held.book, before, at, zone)
    found = publish.checked(state, book, at, drafts.partner_names(node))
    last = publish.lately(state, book.id, at)
    places = {"head", *drafting.PARTS, *([place] if place else [])}
    return DraftView(
        draft=held.id, rev=held.rev, at=held.at, book=book_view(held.book, "draft"), findings=found,
        seen={one: drafting.mark(held.book, one) for one in sorted(places)},
        starts=drafts.day_of(held.book.valid_from, "valid_from", zone),
        ends=drafts.day_of(held.book.valid_until, "valid_until", zone),
        begins="" if book.valid_from == at else book.valid_from,
        first=drafting.first_day(book, before, at, zone),
        notice=max((one.notice_days for one in before), default=0),
        current=last.hash if last is not None else "")


async def price_test(node: Any, item: str = "", quantity: str = "", unit: str = "", draft: str = "",
                     attributes: str = "") -> TestView:
    """What an order would cost and why: by the draft and the version in force.

    ``attributes``: ``zone=east payment_term=30d``, and inputs of a rate card, ``kg=1.2 minutes.turning=4``.
    """
    at = drafts.now(node)
    state = await node.book_state("pricing")
    held = await drafts.get(node, draft) if draft else None
    books: list[tuple[str, PriceBook]] = []
    if held is not None:
        books.append(("draft", await drafts.dated(node, held, at)))
    in_force = [one for one in publish.current(state, at) if held is None or one.id == held.book.id]
    coming = [one for one in publish.coming(state, at) if held is None or one.id == held.book.id]
    books += [*(("in-force", one) for one in in_force), *(("coming", one) for one in coming)]
    items = sorted({one for _, book in books for one, _ in drafting.sold(book)})
    units = tuple(dict.fromkeys(one for _, book in books for sold, one in drafting.sold(book) if sold == item))
    listed = {name: tuple(dict.fromkeys(value for _, book in books for value in book.attributes.get(name, ())))
              for name in ATTRIBUTES}
    asked = {name: value for name, _, value in (part.partition("=") for part in attributes.split()) if value}
    sides: list[TestSide] = []
    if item and quantity:
        selling = [(which, book) for which, book in books if which == "draft" or len(books) == 1
                   or any(sold == item for sold, _ in drafting.sold(book))]
        wanted = (item, quantity, unit or (units[0] if units else "C62"))
        sides = [_side(which, book, wanted, asked) for which, book in selling[:TESTED_MAX]]
        if all(one.which != "in-force" for one in sides):
            sides.append(TestSide(which="in-force", name="", code="pricing.no-book", facts={"item": item[:60]}))
    return TestView(items=tuple(items), units=units, attributes={name: one for name, one in listed.items() if one},
                    inputs=_inputs([card for _, book in books for card in book.cards if card.item == item]),
                    sides=tuple(sides), draft=draft, name=held.book.name if held else "")


def _side(which: str, book: PriceBook, wanted: tuple[str, str, str], asked: Mapping[str, str]) -> TestSide:
    item, quantity, unit = wanted
    base = TestSide(which=which, name=book.name, hash=book.hash if which != "draft" else "", currency=book.currency,
                    basis=book.basis, valid_from=book.valid_from, unit=unit, tax_percent=book.tax.percent)
    try:
        if all(sold != item for sold, _ in drafting.sold(book)):
            raise NotFound("pricing.unknown-item", item=item[:60], book=book.name or book.id)
        tried = drafting.only(book, item)
        for finding in findings(tried):
            raise Invalid(finding.code, **finding.facts)
        given: dict[str, Any] = {name: value for name, value in asked.items() if name in book.attributes}
        if tried.cards:
            given["inputs"] = {name: value for name, value in asked.items() if name not in ATTRIBUTES}
        priced = price(tried, Attributes(item=item, quantity=quantity, unit=unit, **given))
    except WeftError as error:
        return msgspec.structs.replace(base, code=error.code, facts=error.facts)
    rules = tuple(rule_view(rule) for rule in book.rules)
    return msgspec.structs.replace(
        base, unit_price=priced.unit_price, base=priced.base, net=priced.net, tax=priced.tax, gross=priced.gross,
        rules=rules, steps=_steps(book, priced))


def _inputs(cards: Sequence[RateCard]) -> dict[str, tuple[str, ...]]:
    """What the rate ``cards`` can be given, in the order of the reckoning."""
    found: dict[str, tuple[str, ...]] = {}
    for card in cards:
        if card.materials:
            found |= {"material": tuple(one.name for one in card.materials), "kg": ()}
        found |= {f"minutes.{one.name}": () for one in card.minutes} | {"setups": ()}
        if card.finishes:
            found["finish"] = tuple(one.name for one in card.finishes)
        if any(one.per == "dm2" for one in card.finishes):
            found["dm2"] = ()
    return found


def _steps(book: PriceBook, priced: Any) -> tuple[TestStep, ...]:
    """The trace of a price with what each step begins from."""
    names = {rule.id: rule.name or rule.id for rule in book.rules}
    told, unit, charge = [], "", "0"
    for step in priced.trace:
        before = ""
        if step.kind in {"multiply", "add"}:
            before, unit = unit, step.result
        elif step.kind in {"line-charge", "setups"}:
            before, charge = charge, step.result
        elif step.kind in {"tier", "piece"}:
            unit = step.result
        elif step.kind in {"net", "tax"}:
            before = priced.net if step.kind == "tax" and priced.basis == "net" else priced.amount
        percent = drafting.percent_of(step.by) if step.kind == "multiply" else ""
        told.append(TestStep(kind=step.kind, name=names.get(step.name, step.name), before=before, by=step.by,
                             percent=percent, result=step.result))
    return tuple(told)
