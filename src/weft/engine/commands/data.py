"""Master data, prices and stock: import from a spreadsheet, publish a price book, receive, issue, count, move.

Rule 1: an import happens as a whole or not at all; problems name row, column and remedy.
Not here: reading cells (``engine/imports.py``), jobs and machines (``floor.py``).
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.engine import drafts
from weft.engine.commands.params import Done, Params, content_of
from weft.engine.imports import Known, imported
from weft.engine.node import Node
from weft.engine.reactions.making import advance
from weft.engine.reactions.offering import partner_id
from weft.pricing import publish
from weft.stock import book as stock
from weft.stock import messages as sm


class ImportTable(Params, frozen=True, kw_only=True):
    """A CSV, XLSX or JSON file of a ``kind``.

    Kinds: items, stock, bills, routings, work-centres, calendars, supply-rules, prices. ``content`` is base64;
    ``head`` is what a price list does not say itself (id, currency, tax ...); ``check`` only looks.
    """

    kind: str
    content: str
    name: str = ""
    head: dict[str, Any] = {}
    check: bool = False


async def import_table(node: Node, params: ImportTable, key: str) -> Done:
    """Import a table; nothing happens when there are problems: they come back in ``facts``."""
    content = content_of(params.content)
    found = await asyncio.to_thread(imported, params.kind, content, await known(node, params.head))
    first = await node.answered(node.book(found.book), key)
    if first is not None:  # what it brought then is no problem now
        return Done(thread=node.book(found.book), events=first, facts={"count": found.count, "problems": []})
    facts: dict[str, Any] = {"count": found.count, "problems": [msgspec.to_builtins(one) for one in found.problems]}
    if found.problems or found.command is None or params.check:
        return Done(facts=facts)
    said = await node.say(node.book(found.book), found.command, key)
    return Done(thread=node.book(found.book), events=said, facts=facts)


async def known(node: Node, head: Mapping[str, Any]) -> Known:
    """What an import is checked against."""
    partners = {name: org for org, names in node.names.items() for name in (*names, org)}
    return Known(stock=await node.book_state("stock"), production=await node.book_state("production"),
                 partners=partners, at=instant.from_ms(node.clock.now_ms()), head=head)


class PublishPrices(Params, frozen=True, kw_only=True):
    """Publish ``book`` as its owner wrote it."""

    book: dict[str, Any]


async def publish_prices(node: Node, params: PublishPrices, key: str) -> Done:
    """Publish a version of a price book."""
    command = publish.Publish(book=params.book, at=drafts.now(node), names=drafts.partner_names(node))
    said = await node.record("pricing", command, key=key)
    return Done(thread=node.book("pricing"), events=said)


class WithdrawPrices(Params, frozen=True, kw_only=True):
    """Quote no more from the version ``hash``."""

    hash: str
    reason: str = ""


async def withdraw_prices(node: Node, params: WithdrawPrices, key: str) -> Done:
    """Withdraw a version of a price book."""
    command = publish.Withdraw(hash=params.hash, at=instant.from_ms(node.clock.now_ms()), reason=params.reason)
    return Done(thread=node.book("pricing"), events=await node.record("pricing", command, key=key))


class PartnerNumber(Params, frozen=True, kw_only=True):
    """``partner`` (its name or organisation) calls our ``item`` by ``number``."""

    item: str
    partner: str
    number: str


async def partner_number(node: Node, params: PartnerNumber, key: str) -> Done:
    """Remember what a partner calls an item, so that its requests are understood; another item is called so no more."""
    partner = partner_id(node, params.partner)
    others = [one.id for one in (await node.book_state("stock")).items.values()
              if one.id != params.item and one.partner_numbers.get(partner) == params.number]
    said = [sm.PartnerNumberGiven(item=one, partner=partner, number=one) for one in others]
    said.append(sm.PartnerNumberGiven(item=params.item, partner=partner, number=params.number))
    events = await node.record("stock", stock.Several(messages=tuple(said)), key=key)
    return Done(thread=node.book("stock"), events=events, facts={"item": params.item})


class StockReceive(Params, frozen=True, kw_only=True):
    """Goods that come without an order."""

    item: str
    quantity: str
    lot: str = ""
    heat: str = ""
    place: str = ""
    certificates: tuple[str, ...] = ()
    partner: str = ""


async def stock_receive(node: Node, params: StockReceive, key: str) -> Done:
    """Book goods in."""
    lot = sm.LotIn(id=params.lot, item=params.item, quantity=params.quantity, heat=params.heat, place=params.place,
                   certificates=params.certificates)
    partner = partner_id(node, params.partner) if params.partner else ""
    done = await _booked(node, sm.Received(ref=_ref(node, key), lots=(lot,), partner=partner, at=_now(node)), key)
    await advance(node, f"{key}:advance" if key else "")
    return done


class StockIssue(Params, frozen=True, kw_only=True):
    """Goods that leave without an order."""

    item: str
    quantity: str
    why: str = "own-use"


async def stock_issue(node: Node, params: StockIssue, key: str) -> Done:
    """Book goods out."""
    if params.why not in ("sale", "sample", "own-use", "back-to-owner"):
        raise Invalid("stock.issue-reason", value=params.why[:20])
    return await _booked(node, sm.Issued(ref=_ref(node, key), item=params.item, quantity=params.quantity,
                                         why=params.why, at=_now(node)), key)  # type: ignore[arg-type] # checked above


class StockCount(Params, frozen=True, kw_only=True):
    """So much is there (盘点)."""

    item: str
    quantity: str
    reason: str = ""


async def stock_count(node: Node, params: StockCount, key: str) -> Done:
    """Book a count."""
    return await _booked(node, stock.CountItem(ref=_ref(node, key), item=params.item, quantity=params.quantity,
                                               reason=params.reason, at=_now(node)), key)


class StockMove(Params, frozen=True, kw_only=True):
    """Our material to ``partner``, or back from it (``back``)."""

    item: str
    quantity: str
    partner: str
    back: bool = False


async def stock_move(node: Node, params: StockMove, key: str) -> Done:
    """Book material to or from a partner; it stays ours."""
    partner = partner_id(node, params.partner)
    holder, to = (partner, "") if params.back else ("", partner)
    return await _booked(node, sm.Moved(ref=_ref(node, key), item=params.item, quantity=params.quantity,
                                        holder=holder, to=to, at=_now(node)), key)


def _ref(node: Node, key: str) -> str:
    return key or f"desk:{node.random(8).hex()}"


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())


async def _booked(node: Node, command: Any, key: str) -> Done:
    return Done(thread=node.book("stock"), events=await node.record("stock", command, key=key))
