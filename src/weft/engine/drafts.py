"""Drafts of price books in the node's store: written over days and on several screens, published as a whole.

Rule 1: a draft changes in one transaction, under one lock, and only where it still is what its writer had read.
Rule 2: a revision is published once and for all; a draft that was published is none, even after a crash between both.
Not here: what a draft is (``pricing/draft.py``), what may be published (``pricing/lint.py``).
"""

from collections.abc import Callable
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64
from weft.basis.errors import Invalid, NotFound, Refused
from weft.basis.zone import Zone
from weft.engine.memory import Change
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.locale import formats
from weft.pricing import draft as drafting
from weft.pricing import publish
from weft.pricing.draft import Draft
from weft.pricing.schema import PriceBook

BUCKET: Final = "price-drafts"
LOCK: Final = "*price-drafts"
DRAFTS_MAX: Final = 50
BYTES_MAX: Final = 8 * 1024 * 1024
_ID_BYTES: Final = 9


async def every(node: Node) -> list[Draft]:
    """All drafts, the one that changed last first."""
    held = [msgspec.json.decode(content, type=Draft) for _, content in await node.store.values(BUCKET)]
    open_ones = [one for one in held if await published(node, one.id, one.rev) is None]
    return sorted(open_ones, key=lambda one: one.at, reverse=True)


async def get(node: Node, name: str) -> Draft:
    """The draft called ``name``; raises ``NotFound('pricing.draft-unknown')``."""
    content = await node.store.value(BUCKET, name)
    held = None if content is None else msgspec.json.decode(content, type=Draft)
    if held is None or await published(node, held.id, held.rev) is not None:
        raise NotFound("pricing.draft-unknown")
    return held


async def begin(node: Node, book: PriceBook, of: str = "") -> Draft:
    """A new draft of ``book``; ``of`` is the version it began from."""
    async with node.lock(LOCK):
        if len(await every(node)) >= DRAFTS_MAX:
            raise Refused("pricing.draft-many", limit=DRAFTS_MAX)
        made = Draft(id=b64(node.random(_ID_BYTES)), rev=1, book=book, of=of, at=now(node))
        await _keep(node, made)
        return made


async def change(node: Node, name: str, place: str, seen: str,
                 make: Callable[[PriceBook, str], PriceBook]) -> Draft:
    """The draft with its book made anew by ``make(book, place)``; raises as ``drafting.located`` does."""
    async with node.lock(LOCK):
        held = await get(node, name)
        book = make(held.book, drafting.located(held, place, seen))
        made = msgspec.structs.replace(held, rev=held.rev + 1, book=book, at=now(node))
        await _keep(node, made)
        return made


async def drop(node: Node, name: str) -> None:
    """Throw a draft away."""
    async with node.lock(LOCK):
        await get(node, name)
        await _gone(node, name)


async def bring_out(node: Node, name: str, rev: int, valid_from: str) -> list[str]:
    """Publish revision ``rev`` of a draft, as its writer has read it: from ``valid_from`` on ("": at once).

    Raises ``Refused('pricing.draft-moved')`` when the draft or its day is another one now, or the first finding.
    """
    async with node.lock(LOCK):
        first = await published(node, name, rev)
        if first is not None:
            await _gone(node, name)
            return first
        held, at = await get(node, name), now(node)
        book = await dated(node, held, at)
        day = "" if book.valid_from == at else book.valid_from
        if held.rev != rev or day != valid_from:
            raise Refused("pricing.draft-moved")
        command = publish.Publish(book=book, at=at, names=partner_names(node))
        said = await node.record("pricing", command, key=_once(name, rev))
        await _gone(node, name)
        return said


async def dated(node: Node, held: Draft, at: str) -> PriceBook:
    """The draft's book with the day on which it would begin if it were published at instant ``at``."""
    return drafting.dated(held.book, await before(node, held.book, at), at, node.config.firm.zone)


async def before(node: Node, book: PriceBook, at: str) -> list[PriceBook]:
    """The books whose promise of notice binds ``book``."""
    state = await node.book_state("pricing")
    last = publish.lately(state, book.id, at)
    return [*([] if last is None else [last]), *publish.binding(state, book.id, at)]


async def published(node: Node, name: str, rev: int) -> list[str] | None:
    """What was said when revision ``rev`` of the draft was published; None when it was not."""
    return await node.answered(node.book("pricing"), _once(name, rev))


def partner_names(node: Node) -> tuple[str, ...]:
    """What our partners are called, as no value of a price book may be."""
    return tuple(name for names in node.names.values() for name in names)


def now(node: Node) -> str:
    """The present instant."""
    return instant.from_ms(node.clock.now_ms())


def day_of(moment: str, where: str, zone: Zone) -> str:
    """The day that people call ``moment``: the first of a book, or the last one (``valid_until``)."""
    if not moment:
        return ""
    try:
        last = instant.from_ms(instant.to_ms(moment) - (1 if where == "valid_until" else 0))
    except Invalid:
        return ""
    return formats.local_day(last, zone)


def _once(name: str, rev: int) -> str:
    return f"price-draft:{name}:{rev}"


async def _keep(node: Node, held: Draft) -> None:
    content = msgspec.json.encode(held)
    if len(content) > BYTES_MAX:
        raise Invalid("import.too-large", limit=BYTES_MAX)
    await node.store.commit(Batch(values=[(BUCKET, held.id, content)]))
    node.tell(Change("", "pricing", ()))


async def _gone(node: Node, name: str) -> None:
    await node.store.commit(Batch(values=[(BUCKET, name, None)]))
    node.tell(Change("", "pricing", ()))
