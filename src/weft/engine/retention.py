"""How long threads are kept: after the years that the law asks for, a closed one shrinks to what proves that it was.

What stays: the genesis, the words that closed it with the state that lasts, receipts, the end of each chain, and the
headers that passports and EPCIS events rest on. All else is let go: events, payloads, salts.
Rule 1: pruning is each firm's own affair; heads stay, so that two firms that keep more or less of a thread agree.
Rule 2: it is said in the thread, so that who comes back with an old backup takes what is left for the whole.
Rule 3: by itself the node looks once an hour, by its own clock.
Not here: erasing before the years are over (``erasure.py``), taking in what partners pruned (``closed.py``).
"""

import contextlib
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Refused, WeftError
from weft.engine import closing as deals
from weft.engine import erasure
from weft.engine.memory import PRUNED
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.threads import Loaded
from weft.thread import closing, seals
from weft.thread.closing import ThreadPruned
from weft.trade.say import Say

LOOKED: Final = ("retention", "looked")  # bucket and key: when we looked last (ms)
LOOK_MS: Final = 3_600_000


class Freed(msgspec.Struct, frozen=True, kw_only=True):
    """What pruning let go: events and bytes of payloads and headers."""

    events: int
    bytes: int


async def prune(node: Node, thread: str) -> Freed:
    """Let go of all of ``thread`` but what stays; raises ``Refused('thread.open' | 'prune.…')``."""
    if await node.store.value(PRUNED, thread) is not None:
        raise Refused("prune.already")
    until_ms = await kept_until(node, thread)
    if node.clock.now_ms() < until_ms:
        raise Refused("prune.retention", until=instant.from_ms(until_ms)[:10])
    loaded = await node.whole(thread)
    if not _said(node, loaded):
        role = loaded.members[node.organisation]
        await node.say(thread, Say(role, node.organisation, ThreadPruned()), f"prune:{thread}")
    return await _let_go(node, thread)


def _said(node: Node, loaded: Loaded) -> bool:
    """Whether we have said that we prune it, by a word that counts."""
    return any(isinstance(entry.message, ThreadPruned) and entry.author == node.organisation
               and entry.id not in loaded.void for entry in loaded.entries.values())


async def kept_until(node: Node, thread: str) -> int:
    """The first moment (ms) at which ``thread`` may be pruned; raises ``Refused('thread.open')``."""
    return erasure.years_after(await deals.closed_at(node, thread), node.config.retention.keep_years) \
        if node.config.retention.keep_years else await deals.closed_at(node, thread)


async def _let_go(node: Node, thread: str) -> Freed:
    loaded = await node.whole(thread)
    found = seals.sealed(loaded.entries, loaded.entries.keys() - loaded.void.keys())
    if found is None:
        raise Refused("prune.no-seal")
    kept = closing.stays(loaded.entries, found, (name for _, name in loaded.tips.values()))
    rows = await node.store.events(thread)
    payloads = await node.store.payloads(thread, [row.id for row in rows])
    spoken = kept & closing.spoken(loaded.entries, found)
    dropped = [row.id for row in rows if row.id not in kept]
    emptied = [row.id for row in rows if row.id not in spoken]
    freed = sum(len(row.header) + len(row.signature) for row in rows if row.id not in kept) \
        + sum(len(one.content) + len(one.salt) for one in payloads if one.id not in spoken)
    await erasure.delete(node, thread, emptied, dropped=dropped, beside=[(PRUNED, thread, b"")])
    return Freed(events=len(dropped), bytes=freed)


async def look(node: Node) -> None:
    """Once an hour: close what is done, erase what may go by now, prune what is old enough if the owner said so."""
    kept = await node.store.value(*LOOKED)
    now = node.clock.now_ms()
    if kept is not None and abs(now - int(kept)) < LOOK_MS:
        return
    await node.store.commit(Batch(values=[(*LOOKED, str(now).encode())]))
    await deals.close_what_is_done(node)
    await erasure.carry_out_all(node)
    for thread, _ in await node.store.values(deals.CLOSED):
        if await node.store.value(PRUNED, thread) is None:
            with contextlib.suppress(WeftError):  # one that cannot be pruned keeps no other from it
                await _prune_if_due(node, thread)


async def _prune_if_due(node: Node, thread: str) -> None:
    loaded = await node.loaded(thread)
    if node.clock.now_ms() < await kept_until(node, thread):  # also where a thief said it in our name
        return
    if _said(node, loaded):  # begun, or back with an old backup
        await _let_go(node, thread)
    elif node.config.retention.prune == "auto":
        await prune(node, thread)
