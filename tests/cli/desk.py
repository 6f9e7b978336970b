"""A real node in this process, asked by commands of the command line as they ask one over HTTP."""

import asyncio
from typing import Any

import msgspec

from weft.cli.printing import Paper
from weft.engine.commands import run
from weft.engine.views import VIEWS


class Desk:
    """What a command is given as its node."""

    def __init__(self, node: Any) -> None:
        self.node, self.loop = node, asyncio.get_running_loop()

    def do(self, name: str, /, **params: Any) -> Any:
        return self._waited(run(self.node, name, params))

    def view(self, name: str, /, **params: str) -> Any:
        return self._waited(VIEWS[name](self.node, **params))

    async def call(self, command: Any, *, as_json: bool = False, **params: Any) -> Any:
        """What ``command`` (of click) gives back, run in a thread of its own."""
        return await asyncio.to_thread(command.callback.__wrapped__, self, Paper(as_json=as_json), **params)

    def _waited(self, work: Any) -> Any:
        return msgspec.to_builtins(asyncio.run_coroutine_threadsafe(work, self.loop).result(20))
