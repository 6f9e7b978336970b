"""The price log as files that any web server or USB stick can serve, in an order in which they may be written.

C2SP tlog-tiles. Rule 1: the checkpoint comes last, so that whoever reads meanwhile finds all that it speaks of.
Rule 2: what is there of the log at one moment is given, however it grows meanwhile.
Not here: writing them (``cli/price_files.py``), serving them (``doors/pricelog``).
"""

from collections.abc import AsyncIterator

from weft.engine.ports import Store
from weft.engine.pricelog import log
from weft.tlog import tile


async def every(store: Store) -> AsyncIterator[tuple[str, bytes]]:
    """Path and bytes of every file; none when the log has not begun."""
    head = await log.head(store)
    if head is None:
        return
    for one in [*tile.of_size(head.size), *log.bundles_of(head.size)]:
        yield tile.path(one), await log.tile_bytes(store, one)
    yield tile.CHECKPOINT_PATH, head.public
