"""Evidence for sealed values: one event of the floor book signs for each segment; a segment is held against it.

Rule 1: the event names digest, span, machine and properties; no reading is in it, and it goes to no partner by itself.
Rule 2: a segment is told once: asked again, the book answers with the event that it has.
Rule 3: a proof looks at the event as anybody would: its id over its bytes, its signature or that of a later event of
        the chain which binds it.
Not here: the digest (``shopfloor/sealing.py``), files (``stores/series_files.py``).
"""

from collections.abc import Sequence
from typing import Final

from weft.basis.instant import from_ms
from weft.engine.node import Node
from weft.engine.series_ports import Segment
from weft.shopfloor.book import Floor
from weft.shopfloor.sealing import ValuesSealed

KEY: Final = "sealed:"  # before the digest


class Books:
    """What the history of machines asks of the node's books."""

    def __init__(self, node: Node) -> None:
        self._node = node

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
