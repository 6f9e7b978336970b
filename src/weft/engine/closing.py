"""Closing a deal that is done: both firms agree that nothing is open, and what lasts of it.

The buyer proposes, the seller too if it is first; each looks at its own books: all received, billed, paid, nothing on
its way, nothing undecided. What the other side holds open keeps it from accepting, and so keeps the deal open.
Rule 1: a proposal is accepted or confirmed only while nothing but receipts has been said since (``thread/closing.py``).
Rule 2: the owner may close at once; by itself the node waits ``retention.close_days`` after the last word.
Rule 3: who proposes again and again is answered so often in an hour; and each may propose only so often.
Rule 4: with an alarm in the conversation nothing is closed: what is in dispute stays.
Not here: what may be let go afterwards (``erasure.py``, ``retention.py``).
"""

import asyncio
import contextlib
from typing import Any, Final

from weft.basis.errors import Refused, Unavailable, WeftError
from weft.engine.billed import unbilled
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.ports import Batch, StoreConflict
from weft.engine.room import check_may_ask
from weft.engine.threads import Loaded
from weft.thread import closing, graph
from weft.thread.closing import CloseAccepted, CloseProposed, ThreadClosed
from weft.trade import order_state, relationship_state
from weft.trade.relationship import balance
from weft.trade.say import Say

CLOSED: Final = "closed"  # bucket: threads that are closed for good, and when that was said (ms)
DAY_MS: Final = 86_400_000
ANSWERS_AN_HOUR: Final = 10  # in one thread: to answer, all of it is read
_OWN: Final = frozenset({"answer-proposal", "confirm-closing", "note-closed", "erase-asked"})
_ENDED: Final = {order_state.Phase.CLOSED, order_state.Phase.CANCELLED, order_state.Phase.DECLINED,
                 order_state.Phase.REJECTED}
_PARTED: Final = {relationship_state.Phase.ENDED, relationship_state.Phase.DECLINED}


async def open_matters(node: Node, thread: str) -> list[str]:
    """Codes of what keeps ``thread`` from being closed, as our own books know it; empty: nothing does."""
    loaded = await node.loaded(thread)
    if closing.is_done(loaded.state):
        return ["thread.closed"]
    found = ["close.alarm"] if node.stopped(loaded) else []
    if any(row.thread == thread and row.reaction not in _OWN for row in [*node.effects, *node.work.waiting.values()]):
        found.append("close.working")
    if isinstance(loaded.state, order_state.OrderState):
        return found + _order_matters(loaded.state) + await _money_matters(node, loaded)
    if isinstance(loaded.state, relationship_state.RelationshipState):
        return found + await _partner_matters(node, loaded)
    return [*found, "close.kind"]


def _order_matters(state: order_state.OrderState) -> list[str]:
    if state.phase not in _ENDED:
        return ["close.under-way"]
    found = []
    if any(not one.receipt for one in state.despatches.values()):
        found.append("close.on-the-way")
    if any(one.status == "open" for one in state.changes.values()):
        found.append("close.change-open")
    return found


async def _money_matters(node: Node, loaded: Loaded) -> list[str]:
    """What of the order is not billed or not paid; an order that never came to be has no money."""
    other = next((one for one in loaded.members if one != node.organisation), "")
    relation = node.partner(other)
    if relation is None or not loaded.state.lines:
        return []
    state: relationship_state.RelationshipState = await node.state(relation)
    found = ["close.unbilled"] if await unbilled(node, relation, loaded.thread, loaded.state) else []
    documents = [one for one in state.documents.values() if loaded.thread in one.orders]
    if any(one.open or one.free != one.open for one in documents):
        found.append("close.unpaid")
    accounts = [one for one in state.accounts.values() if one.order == loaded.thread]
    if any(one.deposit or one.held for one in accounts):
        found.append("close.money-held")
    return found


async def _partner_matters(node: Node, loaded: Loaded) -> list[str]:
    state: relationship_state.RelationshipState = loaded.state
    if state.phase not in _PARTED:
        return ["close.under-way"]
    owed = [amount for who in loaded.members for amount in balance(state, who).values()]
    found = ["close.unpaid"] if any(float(amount) for amount in owed) else []
    kept = {name for name, _ in await node.store.values(CLOSED)}
    for thread in node.threads("order"):
        if thread not in kept and set((await node.loaded(thread)).members) == set(loaded.members):
            return [*found, "close.orders-open"]
    return found


async def close(node: Node, thread: str, key: str = "") -> list[str]:
    """Propose to close ``thread``, or accept what the partner proposed; raises ``Refused('close.…')``."""
    first = await node.answered(thread, key)
    if first is not None:
        return first
    matters = await open_matters(node, thread)
    if matters:
        raise Refused(matters[0], n=len(matters))
    loaded = await node.whole(thread)
    standing: closing.Closing | None = loaded.state.closing
    if standing is None:
        check_may_ask(loaded, node.organisation, CloseProposed.__name__)
        return await _say(node, loaded, closing.proposed(loaded.state, _denied(loaded)), key)
    if standing.by != node.organisation and not standing.acceptance:
        return await _say(node, loaded, _acceptance(loaded, standing), key)
    return []


def _denied(loaded: Loaded) -> dict[str, str]:
    """Ids and codes of the words that do not count, but for those of this closing and before."""
    return {name: code for name, code in loaded.void.items() if loaded.entries[name].kind not in closing.QUIET}


def _acceptance(loaded: Loaded, standing: closing.Closing) -> CloseAccepted:
    """The acceptance of what stands; raises ``Refused('close.talked-since')`` (Rule 1)."""
    _check_quiet(loaded, standing)
    said = loaded.entries[standing.proposal].message
    if isinstance(said, CloseProposed) and dict(sorted(_denied(loaded).items())[:closing.VOID_MAX]) != said.void:
        raise Refused("close.state")
    return CloseAccepted(proposal=standing.proposal, state=standing.state)


def _check_quiet(loaded: Loaded, standing: closing.Closing) -> None:
    before = graph.past(loaded.parents(), [standing.proposal])
    if any(entry.kind not in closing.QUIET for name, entry in loaded.entries.items() if name not in before):
        raise Refused("close.talked-since")


async def _say(node: Node, loaded: Loaded, word: Any, key: str) -> list[str]:
    said = Say(loaded.members[node.organisation], node.organisation, word)
    return await node.say(loaded.thread, said, key)


# ---- consequences --------------------------------------------------------------------------------


async def answer_proposal(node: Node, cause: Cause) -> None:
    """The partner proposes to close: agree if our books hold nothing open either, else the next look will."""
    standing = (await node.state(cause.thread)).closing
    if standing is None or standing.proposal != cause.id or await open_matters(node, cause.thread):
        return
    if node.proposals_answered[cause.thread] >= ANSWERS_AN_HOUR:
        raise Unavailable("thread.asked-too-often")
    node.proposals_answered[cause.thread] += 1
    try:
        loaded = await node.whole(cause.thread)
        if loaded.state.closing == standing:
            await _say(node, loaded, _acceptance(loaded, standing), cause.key)
    except (Unavailable, StoreConflict):
        node.proposals_answered[cause.thread] -= 1  # it is no answer, and is tried again
        raise


async def confirm(node: Node, cause: Cause) -> None:
    """The partner has accepted: it is closed with our next word, unless one of us went on talking."""
    loaded = await node.loaded(cause.thread)  # while a closing stands, all since the proposal is in memory
    standing: closing.Closing | None = loaded.state.closing
    if standing is None or standing.done or standing.by != node.organisation or standing.acceptance != cause.id:
        return
    _check_quiet(loaded, standing)
    await _say(node, loaded, ThreadClosed(acceptance=cause.id, state=standing.state), cause.key)


async def note_closed(node: Node, cause: Cause) -> None:
    """Remember that the thread is closed, and since when: by our clock, a partner's would say how long we keep it."""
    if closing.is_done(await node.state(cause.thread)):
        await node.store.commit(Batch(values=[(CLOSED, cause.thread, str(node.clock.now_ms()).encode())]))


async def closed_at(node: Node, thread: str) -> int:
    """When ``thread`` was closed (ms), as far as this node saw it; raises ``Refused('thread.open')``.

    Not before the last word that we said of it ourselves, whatever our clock did since.
    """
    loaded = await node.loaded(thread)
    if not closing.is_done(loaded.state):
        raise Refused("thread.open")
    now, kept = node.clock.now_ms(), await node.store.value(CLOSED, thread)
    own = max((entry.at_ms for entry in loaded.entries.values()
               if entry.author == node.organisation and entry.at_ms <= now
               and (entry.kind not in closing.QUIET or isinstance(entry.message, closing.CLOSING))), default=0)
    return max(int(kept), own) if kept is not None else own or now


async def close_what_is_done(node: Node) -> None:
    """Close what has been done for long enough (Rule 2); one that cannot be closed keeps no other from it."""
    days = node.config.retention.close_days
    node.proposals_answered.clear()
    kept = {name for name, _ in await node.store.values(CLOSED)}
    for thread in node.threads("order") if days else ():
        if thread not in kept:
            with contextlib.suppress(WeftError):
                await _close_after(node, thread, days)
            await asyncio.sleep(0)  # what is in memory makes nobody wait, and there may be thousands


async def _close_after(node: Node, thread: str, days: int) -> None:
    loaded = await node.loaded(thread)
    last = max((entry.at_ms for entry in loaded.entries.values() if entry.kind not in closing.QUIET), default=0)
    if node.clock.now_ms() - last >= days * DAY_MS and not await open_matters(node, thread):
        await close(node, thread)
