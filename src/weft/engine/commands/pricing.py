"""Price books being written: begin, fill in, import lines, publish, throw away.

A form changes one part and carries ``seen``, the mark of what that part was when it was read: ``price-draft`` tells it.
Rule 1: what changed meanwhile is never overwritten unseen; nothing is quoted from a draft.
Not here: how drafts are kept (``engine/drafts.py``), publishing a finished file (``data.py``).
"""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from weft.basis import instant, quantity
from weft.basis.errors import Invalid, NotFound
from weft.basis.rows import Problem
from weft.basis.zone import Zone
from weft.engine import drafts, sheets
from weft.engine.commands.params import Done, Params, content_of
from weft.engine.node import Node
from weft.pricing import draft as drafting
from weft.pricing import table
from weft.pricing.book import shape
from weft.pricing.rates import MODEL
from weft.pricing.schema import ATTRIBUTES, Condition, Finish, Line, PriceBook, Rate, RateCard, Rule, Tax, Tier


class DraftBegin(Params, frozen=True, kw_only=True):
    """A new draft: of a published version ``of`` (hash), of a file (``content`` base64), of ``book``, or empty.

    ``file`` is the file's name; without ``currency`` an empty one is in the firm's.
    """

    name: str = ""
    currency: str = ""
    of: str = ""
    content: str = ""
    file: str = ""
    book: dict[str, Any] = {}


async def begin(node: Node, params: DraftBegin, _key: str) -> Done:
    """Begin a price book or its next version; the draft's name is in ``facts``."""
    state = await node.book_state("pricing")
    taken = {version.book.id for version in state.books.values()}
    if params.of:
        version = state.books.get(params.of)
        if version is None:
            raise NotFound("pricing.version-unknown")
        return _begun(await drafts.begin(node, drafting.following(version.book), params.of))
    if params.book:
        return _begun(await drafts.begin(node, shape(params.book)))
    name = params.name.strip()
    if params.content:  # a table is called as its file is
        name = (name or params.file).rpartition("/")[2]
        name = name.rpartition(".")[0] or name
    book = drafting.empty(name, taken, params.currency or node.config.firm.currency)
    if params.content:
        filled, problems = await asyncio.to_thread(_filled, book, content_of(params.content))
        if problems:
            return _faulty(problems)
        silent = filled.id == book.id  # the table does not say which book it is
        book = msgspec.structs.replace(filled, id=drafting.named(filled.name, taken)) if silent else filled
    if not book.name.strip():
        raise Invalid("pricing.text", where="name", limit=120)
    return _begun(await drafts.begin(node, book))


def _begun(held: drafting.Draft) -> Done:
    return Done(facts={"draft": held.id, "rev": held.rev})


def _faulty(problems: Sequence[Problem]) -> Done:
    return Done(facts={"problems": [msgspec.to_builtins(one) for one in problems]})


def _filled(book: PriceBook, content: bytes) -> tuple[PriceBook, tuple[Problem, ...]]:
    """``book`` with all that a price list says, or a whole book as JSON."""
    if content.lstrip()[:1] != b"{":
        return table.drafted(sheets.read(content), book)
    try:
        return shape(msgspec.json.decode(content)), ()
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("pricing.shape", where="book", detail=str(error)[:120]) from error


class DraftHead(Params, frozen=True, kw_only=True):
    """What stands above the lines. ``valid_from`` and ``valid_until`` are days (the last one included) or instants.

    Without ``valid_from`` it begins as early as the promised notice allows.
    """

    draft: str
    seen: str
    name: str = ""
    currency: str = ""
    basis: Literal["net", "gross"] = "net"
    category: str = "S"
    percent: str = ""
    valid_from: str = ""
    valid_until: str = ""
    notice_days: int = 0
    disclosure: Literal["to-counterparties", "public"] = "to-counterparties"
    attested: bool | None = None  # None: as it is


async def head(node: Node, params: DraftHead, _key: str) -> Done:
    """Write the head of a draft."""
    zone = node.config.firm.zone

    def made(book: PriceBook, _place: str) -> PriceBook:
        return msgspec.structs.replace(
            book, name=params.name, currency=params.currency, basis=params.basis, disclosure=params.disclosure,
            tax=Tax(category=params.category, percent=params.percent), notice_days=params.notice_days,
            attested=book.attested if params.attested is None else params.attested,
            valid_from=_moment(params.valid_from, book.valid_from, "valid_from", zone),
            valid_until=_moment(params.valid_until, book.valid_until, "valid_until", zone))

    return _begun(await drafts.change(node, params.draft, "head", params.seen, made))


def _moment(told: str, held: str, where: str, zone: Zone) -> str:
    """The instant of a day of the firm's calendar: its first, or for the last day the end of it."""
    if "T" in told or not told:
        return told
    if drafts.day_of(held, where, zone) == told:
        return held  # an instant within that day stays what it was
    return instant.from_ms(zone.ends(told, where) if where == "valid_until" else zone.begins(told, where))


class DraftAttributes(Params, frozen=True, kw_only=True):
    """``values``: by attribute its values, separated by commas or blanks, the standard one first; no values: none."""

    draft: str
    seen: str
    values: dict[str, str] = {}


async def attributes(node: Node, params: DraftAttributes, _key: str) -> Done:
    """Say what the price may depend on."""
    listed = {name: words(told) for name, told in params.values.items()}
    given = {name: values for name, values in listed.items() if values}
    return _begun(await drafts.change(node, params.draft, "attributes", params.seen,
                                      lambda book, _: msgspec.structs.replace(book, attributes=given)))


def words(told: str) -> tuple[str, ...]:
    """The values in what a person typed."""
    for mark in ",，、;；\n\t":
        told = told.replace(mark, " ")
    return tuple(told.split())


class TierTyped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A step as typed: from this quantity on this price."""

    from_: str = msgspec.field(name="from", default="")
    price: str = ""


class DraftLine(Params, frozen=True, kw_only=True):
    """``place``: ``lines.3``, or ``lines.new``. ``base``: the price is for 1, 100 or 1000. ``remove``: take it out."""

    draft: str
    seen: str
    place: str = "lines.new"
    item: str = ""
    unit: str = "C62"
    base: Literal["1", "100", "1000"] = "1"
    tiers: tuple[TierTyped, ...] = ()
    remove: bool = False


async def line(node: Node, params: DraftLine, _key: str) -> Done:
    """Write one line of a draft, or take it out."""
    place = _placed(params.place, "lines")
    made = None if params.remove else Line(
        item=params.item.strip(), unit=params.unit, base=params.base, tiers=_tiers(params.tiers))
    return _begun(await drafts.change(node, params.draft, place, params.seen,
                                      lambda book, at: drafting.with_part(book, at, made)))


def _placed(place: str, kind: str) -> str:
    if place.partition(".")[0] != kind:
        raise Invalid("pricing.draft-place", place=place[:40])
    return place


def _tiers(typed: Sequence[TierTyped]) -> tuple[Tier, ...]:
    """The steps by rising quantity, if all are numbers; one that does not say where it begins begins at 1."""
    silent = next((one for one in typed if not one.from_), None)
    made = [Tier(from_="1" if one is silent else one.from_, price=one.price) for one in typed]
    try:
        return tuple(sorted(made, key=lambda one: Decimal(quantity.decimal(one.from_))))
    except Invalid:
        return tuple(made)


class RateTyped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rate as typed; ``per`` is for finishes: dm2 or piece."""

    name: str = ""
    price: str = ""
    per: Literal["dm2", "piece"] = "dm2"


class DraftCard(Params, frozen=True, kw_only=True):
    """Rates for parts made to a drawing: materials by kg, machine minutes by class, set-ups, finishes, a minimum."""

    draft: str
    seen: str
    place: str = "cards.new"
    item: str = ""
    unit: str = "C62"
    name: str = ""
    materials: tuple[RateTyped, ...] = ()
    minutes: tuple[RateTyped, ...] = ()
    setup: str = "0"
    finishes: tuple[RateTyped, ...] = ()
    minimum: str = ""
    remove: bool = False


async def card(node: Node, params: DraftCard, _key: str) -> Done:
    """Write one rate card of a draft, or take it out."""
    place = _placed(params.place, "cards")
    made = None if params.remove else RateCard(
        item=params.item.strip(), unit=params.unit, name=params.name.strip(), model=MODEL, setup=params.setup,
        materials=_rates(params.materials), minutes=_rates(params.minutes), minimum=params.minimum,
        finishes=tuple(Finish(name=one.name.strip(), price=one.price, per=one.per) for one in params.finishes
                       if one.name or one.price))
    return _begun(await drafts.change(node, params.draft, place, params.seen,
                                      lambda book, at: drafting.with_part(book, at, made)))


def _rates(typed: Sequence[RateTyped]) -> tuple[Rate, ...]:
    return tuple(Rate(name=one.name.strip(), price=one.price) for one in typed if one.name or one.price)


class DraftRule(Params, frozen=True, kw_only=True):
    """A rule in an owner's words: for which quantities, items and ``values`` (``zone=east``) which change of price.

    ``how``: percent, each, line (once per line) or factor; ``way``: less or more. ``remove``, ``up``: its place.
    """

    draft: str
    seen: str
    place: str = "rules.new"
    name: str = ""
    at_least: str = ""
    below: str = ""
    items: str = ""
    values: tuple[str, ...] = ()
    way: Literal["less", "more"] = "less"
    how: Literal["percent", "each", "line", "factor"] = "percent"
    amount: str = ""
    factor: str = ""
    remove: bool = False
    up: bool = False


async def rule(node: Node, params: DraftRule, _key: str) -> Done:
    """Write one rule of a draft, take it out, or let it count one place earlier."""
    place = _placed(params.place, "rules")

    def made(book: PriceBook, at: str) -> PriceBook:
        if params.up:
            return drafting.raised(book, at)
        if params.remove:
            return drafting.with_part(book, at, None)
        held = drafting.part(book, at)
        new = _ruled(params)
        name = held.id if held is not None else drafting.rule_id(book, new)
        return drafting.with_part(book, at, msgspec.structs.replace(new, id=name))

    return _begun(await drafts.change(node, params.draft, place, params.seen, made))


def _ruled(params: DraftRule) -> Rule:
    when: list[Condition] = []
    if params.at_least or params.below:
        when.append(Condition(attribute="quantity", at_least=params.at_least, below=params.below))
    if words(params.items):
        when.append(Condition(attribute="item", one_of=words(params.items)))
    chosen: dict[str, tuple[str, ...]] = {}
    for told in params.values:
        name, _, value = told.partition("=")
        chosen[name] = (*chosen.get(name, ()), value)
    when += [Condition(attribute=name, one_of=chosen[name]) for name in (*ATTRIBUTES, *chosen) if name in chosen
             and not any(one.attribute == name for one in when)]
    sign = "-" if params.way == "less" else ""
    base = Rule(id="", name=params.name.strip(), when=tuple(dict.fromkeys(when)))
    if params.how == "factor":
        return msgspec.structs.replace(base, multiply=params.factor.strip())
    if not params.amount:
        return base
    if params.how == "percent":
        return msgspec.structs.replace(base, multiply=drafting.factor_of(sign + params.amount))
    return msgspec.structs.replace(base, add=sign + params.amount, per="line" if params.how == "line" else "unit")


class DraftImport(Params, frozen=True, kw_only=True):
    """Lines of a table (``content`` base64) into a draft; ``merge`` keeps other lines, ``replace`` does not."""

    draft: str
    seen: str
    content: str
    name: str = ""
    how: Literal["merge", "replace"] = "merge"


async def take_in(node: Node, params: DraftImport, _key: str) -> Done:
    """Import lines into a draft; nothing happens when there are problems: they come back in ``facts``."""
    held = await drafts.get(node, params.draft)
    content = content_of(params.content)
    if content.lstrip()[:1] == b"{":
        lines = (await asyncio.to_thread(_filled, held.book, content))[0].lines
    else:
        lines, problems = table.read(await asyncio.to_thread(sheets.read, content), held.book.currency)
        if problems:
            return _faulty(problems)
    if not lines:
        raise Invalid("pricing.empty-import")

    def made(book: PriceBook, _place: str) -> PriceBook:
        return msgspec.structs.replace(book, lines=lines) if params.how == "replace" else drafting.merged(book, lines)

    after = await drafts.change(node, params.draft, "lines", params.seen, made)
    return Done(facts={"draft": after.id, "rev": after.rev, "count": len(lines), "problems": []})


class DraftNamed(Params, frozen=True, kw_only=True):
    """One draft."""

    draft: str


async def drop(node: Node, params: DraftNamed, _key: str) -> Done:
    """Throw a draft away; what was published stays."""
    await drafts.drop(node, params.draft)
    return Done()


class DraftPublish(Params, frozen=True, kw_only=True):
    """Revision ``rev`` of a draft, from ``valid_from`` on (the instant that was shown; empty: at once)."""

    draft: str
    rev: int
    valid_from: str = ""


async def bring_out(node: Node, params: DraftPublish, _key: str) -> Done:
    """Publish a draft as a whole, exactly as its summary showed it."""
    said = await drafts.bring_out(node, params.draft, params.rev, params.valid_from)
    return Done(thread=node.book("pricing"), events=said)
