"""What is kept and what is let go: close a deal, erase what it holds, prune what is old.

Not here: when that is allowed (``engine/closing.py``, ``engine/erasure.py``, ``engine/retention.py``).
"""

from weft.basis.errors import NotFound, Refused
from weft.engine import closing, erasure, retention
from weft.engine.commands.params import Done, Params
from weft.engine.memory import PRUNED
from weft.engine.node import Node


class CloseThread(Params, frozen=True, kw_only=True):
    """``thread``: an order that is done, or a partnership that has ended."""

    thread: str


class Erase(Params, frozen=True, kw_only=True):
    """``events``: which papers of ``thread``, none for all; ``reason``: why (a code)."""

    thread: str
    events: tuple[str, ...] = ()
    reason: str


class Prune(Params, frozen=True, kw_only=True):
    """``thread``: which one; "" for all that are old enough."""

    thread: str = ""


async def close(node: Node, params: CloseThread, key: str) -> Done:
    """Close an order together with the partner: propose it, or agree to what the partner proposed."""
    _check(node, params.thread)
    return Done(thread=params.thread, events=await closing.close(node, params.thread, key))


async def erase(node: Node, params: Erase, key: str) -> Done:
    """Erase what papers of a closed order hold, here and at the partner."""
    _check(node, params.thread)
    said = await erasure.request(node, params.thread, params.events, params.reason, key)
    return Done(thread=params.thread, events=said)


async def prune(node: Node, params: Prune, _key: str) -> Done:
    """Let go of what is old enough; the proof that it was stays."""
    if params.thread:
        _check(node, params.thread)
        freed = [await retention.prune(node, params.thread)]
    else:
        freed = []
        for thread, _ in await node.store.values(closing.CLOSED):
            if await node.store.value(PRUNED, thread) is None:
                try:
                    freed.append(await retention.prune(node, thread))
                except Refused:
                    continue
    return Done(thread=params.thread, facts={
        "threads": len(freed), "events": sum(one.events for one in freed), "bytes": sum(one.bytes for one in freed)})


def _check(node: Node, thread: str) -> None:
    if thread not in {*node.threads("order"), *node.threads("relationship")}:
        raise NotFound("thread.unknown")
