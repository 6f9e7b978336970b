"""A file that describes how a machine is reached is read, before its owner decides; nothing is written.

Not here: what the file may be (``engine/describing.py``), adding the machine (``floor.py``).
"""

import asyncio

import msgspec

from weft.engine import describing
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node


class MachineRead(Params, frozen=True, kw_only=True):
    """Read ``content`` (base64 in JSON) for a machine to be called ``name``.

    ``interface``: take this one of several; ``writing``: what the file says may be written counts, too.
    """

    name: str
    content: bytes
    interface: str = ""
    writing: bool = False


async def machine_read(_node: Node, params: MachineRead, _key: str) -> Done:
    """What the file offers, in ``facts['offers']``; with ``interface`` that one alone."""
    found = await asyncio.to_thread(describing.offers, params.content, params.name, writing=params.writing)
    if params.interface:
        found = [describing.chosen(found, params.interface)]
    return Done(facts={"offers": msgspec.to_builtins(found)})
