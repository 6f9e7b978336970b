"""All of a node's mail put together: what it keeps for others, what it leaves at keepers, what it fetches there.

Rule 1: a node that has no mail to keep, leave or fetch does nothing here, and says nothing to anybody.
Not here: the parts (``keeper.py``, ``post.py``, ``fetch.py``).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from weft.basis.errors import WeftError
from weft.engine.mail import mailbox
from weft.engine.mail.fetch import Fetch
from weft.engine.mail.keeper import Keeper
from weft.engine.mail.post import Post
from weft.engine.node import Node

SWEEP_S: Final = 600
PAUSE_S: Final = 2
_LOG: Final = logging.getLogger("weft.mailboxes")


class Mail:
    """``keeper`` keeps for others, ``post`` leaves, ``fetch`` fetches."""

    def __init__(self, node: Node, keepers: mailbox.Keepers) -> None:
        self._keepers = keepers
        line = mailbox.Line(keepers, node.clock, node.random)
        self.keeper = Keeper(node, node.config)
        self.post = Post(node, line)
        self.fetch = Fetch(node, line)

    async def load(self) -> None:
        """Learn what the store holds."""
        for part in (self.keeper, self.post, self.fetch):
            await part.load()

    async def run(self) -> None:
        """Work until cancelled; who cancels again cancels every part again (a wait may swallow one)."""
        await asyncio.gather(*(self._lasting(work) for work in (self.post.run, self.fetch.run, self._sweep)))

    async def _lasting(self, work: Callable[[], Awaitable[None]]) -> None:
        """Begin ``work`` anew whenever it fails."""
        while True:
            try:
                await work()
            except WeftError as error:  # the store is full or gone for now
                _LOG.warning("mail waits: %s", error)
            except Exception:  # noqa: BLE001 - a fault of ours in one part must not stop the others
                _LOG.exception("a part of the mail failed")
            await asyncio.sleep(PAUSE_S)

    async def _sweep(self) -> None:
        while True:
            await self.keeper.sweep()
            await asyncio.sleep(SWEEP_S)

    def close(self) -> None:
        """Let go whoever waits for letters here."""
        self.keeper.close()

    async def end(self) -> None:
        """Let all connections to keepers go."""
        await self._keepers.close()
