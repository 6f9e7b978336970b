"""Evidence for sealed values: one event of the floor book signs for each segment; a segment is held against it.

Rule 1: the event names digest, span, machine and properties; no reading is in it, and it goes to no partner by itself.
Rule 2: a segment is told once: asked again, the book answers with the event that it has.
Rule 3: a proof looks at the event as anybody would: its id over its bytes, its signature or that of a later event of
        the chain which binds it.
Not here: the digest (``shopfloor/sealing.py``), files (``stores/series_files.py``).
"""

from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from weft.basis.errors import Denied, Invalid
from weft.basis.instant import from_ms
from weft.engine.doings import Following
from weft.engine.node import Node
from weft.engine.ports import EventRow
from weft.engine.series import History
from weft.engine.series_ports import Segment
from weft.shopfloor.book import Floor
from weft.shopfloor.sealing import ValuesSealed
from weft.thread.event import Event, Payload, parse
from weft.thread.verify import check_author, check_event

KEY: Final = "sealed:"  # before the digest
PAGE: Final = 2_000
_NAMED: Final = f'"y":"{ValuesSealed.__name__}"'.encode()


class Books:
    """What the history of machines asks of the node's books."""

    def __init__(self, node: Node) -> None:
        self._node, self._following = node, Following(node)

    async def follow(self, history: History) -> None:
        """Give ``history`` what machines did since."""
        await self._following.follow(history)

    async def floor(self) -> Floor:
        """The machines as they are described now."""
        floor: Floor = await self._node.book_state("floor")
        return floor

    async def tell(self, segment: Segment, properties: Sequence[str]) -> str:
        """Sign for a segment; the id of the event. Raises ``WeftError``."""
        message = ValuesSealed(machine=segment.machine, begin=segment.begin, until=segment.until, count=segment.count,
                               properties=tuple(properties), digest=segment.digest,
                               at=from_ms(self._node.clock.now_ms()))
        (event,) = await self._node.record("floor", message, key=f"{KEY}{segment.digest}")
        return event


async def signed(node: Node, id: str) -> ValuesSealed:
    """What event ``id`` of the floor book signs for, once its signature holds (rule 3); raises ``WeftError``."""
    thread = node.book("floor")
    row = await node.store.event(thread, id)
    if row is None:
        raise Invalid("history.no-event", event=id[:60])
    held = {one.slot: Payload(one.salt, one.content) for one in await node.store.payloads(thread, [id])}
    event = parse(row.header, row.signature, held)
    if event.id != id or event.header.y != ValuesSealed.__name__ or 0 not in held:
        raise Invalid("history.no-event", event=id[:60])
    await _check(node, event, row)
    try:
        return msgspec.json.decode(held[0].content, type=ValuesSealed)
    except msgspec.DecodeError as error:
        raise Invalid("history.no-event", event=id[:60]) from error


async def _check(node: Node, event: Event, row: EventRow) -> None:
    """Raises unless our device signed ``event``, or what binds it."""
    members, keys = await node.members(event.thread), await node.keys(event.author)
    check_author(event, members, keys)
    tip, after = event, row.position
    while not tip.signature:
        page = await node.store.events(event.thread, after, PAGE)
        if not page:
            raise Denied("event.signature")
        for one in page:
            next_ = parse(one.header, one.signature)
            tip = next_ if next_.header.p == tip.id and not tip.signature else tip
        after = page[-1].position
    check_event(tip, members, keys)


async def told(node: Node, machine: str, begin: int, end: int) -> list[tuple[str, ValuesSealed]]:
    """What the floor book signs for of ``machine`` and a span (ms), oldest first, as (event, message), unverified."""
    found = []
    async for row in _sealed(node):
        (content,) = [one.content for one in await node.store.payloads(row.thread, [row.id]) if one.slot == 0] or [b""]
        message = msgspec.json.decode(content, type=ValuesSealed) if content else None
        if message is not None and message.machine == machine and message.begin < end and message.until > begin:
            found.append((row.id, message))
    return sorted(found, key=lambda one: (one[1].begin, one[1].until))


async def _sealed(node: Node) -> AsyncIterator[EventRow]:
    after, thread = -1, node.book("floor")
    while page := await node.store.events(thread, after, PAGE):
        for row in page:
            if _NAMED in row.header:
                yield row
        after = page[-1].position
