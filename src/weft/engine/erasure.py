"""Erasing what closed threads hold: asked for by a signed word, done by every member, confirmed by signed receipts.

Steps of one request: 1. it is said, only in a closed thread; 2. each member deletes the payloads with their salts, and
whatever its store keeps that was made from them; 3. what a law makes it keep it names with the day until which, and
deletes it then; 4. its receipt says that it holds nothing of it any more.
Rule 1: the receipt comes after the deletion is durable; a crash between deletes once more and says it once.
Rule 2: headers, the words that close, and receipts stay, so that the rest can still be verified.
Rule 3: a request is remembered: what an old backup brings back is deleted again, without another word.
Not here: backups that were made before (they age: ``docs/howto/erase``), whole threads (``retention.py``).
"""

import calendar
import contextlib
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, get_args

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid, NotFound, Refused, WeftError
from weft.engine import closed
from weft.engine import closing as deals
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.ports import Batch, ThreadRow
from weft.engine.room import check_may_ask
from weft.engine.threads import Loaded
from weft.thread import closing
from weft.thread.closing import ErasureHeld, ErasureRequested, PayloadErased, Reason
from weft.trade.say import Say

# what books rest on: kept for the years that the law asks for, once there was an order
VOUCHERS: Final = frozenset({
    "Quotation", "Order", "OrderResponse", "OrderChange", "OrderChangeResponse", "OrderCancellation", "ShortClosed",
    "DespatchAdvice", "ReceiptAdvice", "Invoice", "CreditNote", "Statement", "StatementResponse", "RemittanceAdvice",
    "RemittanceConfirmed",
})
REASONS: Final[tuple[str, ...]] = get_args(Reason)


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What one member said of a request: ``until`` is the day before which it must keep some of it, or ""."""

    organisation: str
    at_ms: int
    payloads: int = 0
    until: str = ""


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """One request as the thread tells it, with the receipts of its members; ``left`` is what we still hold of it."""

    request: str
    thread: str
    by: str
    at_ms: int
    reason: str
    events: tuple[str, ...]
    receipts: tuple[Receipt, ...] = ()
    left: int = 0

    def erased_by(self, organisation: str) -> bool:
        """Whether ``organisation`` says that it holds nothing of it any more."""
        return any(one.organisation == organisation and not one.until for one in self.receipts)


async def erasures(node: Node, thread: str) -> list[Erasure]:
    """All requests of ``thread``, oldest first."""
    return await _erasures(node, await node.whole(thread))


async def _erasures(node: Node, loaded: Loaded, only: str = "") -> list[Erasure]:
    """The requests of ``loaded``, oldest first; ``only`` the one of this id. All are told from one look at it."""
    entries = loaded.entries
    found = {name: entry for name, entry in entries.items()
             if isinstance(entry.message, ErasureRequested) and name not in loaded.void and only in {"", name}}
    receipts: dict[str, list[Receipt]] = {name: [] for name in found}
    for one in entries.values():
        if isinstance(one.message, PayloadErased | ErasureHeld) and one.message.request in receipts:
            receipts[one.message.request].append(Receipt(
                organisation=one.author, at_ms=one.at_ms, payloads=getattr(one.message, "payloads", 0),
                until=getattr(one.message, "until", "")))
    echoes = closing.echoes(entries) if found else []
    names = {name: closing.named(entry.message, entries, echoes) for name, entry in found.items()}
    wanted = list({one for some in names.values() for one in some})
    held = {row.id for row in await node.store.payloads(loaded.thread, wanted)}
    return [Erasure(request=name, thread=loaded.thread, by=entry.author, at_ms=entry.at_ms,
                    reason=entry.message.reason, events=tuple(names[name]), receipts=tuple(receipts[name]),
                    left=len(held.intersection(names[name]))) for name, entry in found.items()]


async def request(node: Node, thread: str, events: tuple[str, ...], reason: str, key: str = "") -> list[str]:
    """Ask all members to erase what ``events`` hold (empty: everything), and do so here; raises ``Refused``."""
    if reason not in REASONS:
        raise Invalid("erase.reason", given=reason[:40], known=", ".join(REASONS))
    if len(events) > closing.ERASED_MAX:
        raise Invalid("erase.too-many", limit=closing.ERASED_MAX)
    loaded = await node.whole(thread)
    if not closing.is_done(loaded.state):
        raise Refused("thread.open")
    missing = [name for name in events if name not in loaded.entries or loaded.entries[name].kind in closing.QUIET]
    if missing:
        raise NotFound("erase.unknown", event=missing[0][:43])
    word = ErasureRequested(events=tuple(dict.fromkeys(events)), reason=reason)  # type: ignore[arg-type]  # checked above
    until = await held_until(node, loaded, closing.named(word, loaded.entries, ()))
    if until:
        raise Refused("erase.retention", until=until[:10])
    if not key or await node.answered(thread, key) is None:
        check_may_ask(loaded, node.organisation, ErasureRequested.__name__)
    said = await node.say(thread, Say(loaded.members[node.organisation], node.organisation, word), key)
    await carry_out(node, thread, said[0])
    return said


async def held_until(node: Node, loaded: Loaded, names: list[str]) -> str:
    """The instant until which the law makes us keep one of ``names``; "" when it does not (any more)."""
    return await kept_until(node, loaded) if _has_vouchers(loaded, names) else ""


def _has_vouchers(loaded: Loaded, names: Iterable[str]) -> bool:
    return any(loaded.entries[name].kind in VOUCHERS for name in names)


async def kept_until(node: Node, loaded: Loaded) -> str:
    """The instant until which vouchers of ``loaded`` are kept; "" when they need not be (any more)."""
    years = node.config.retention.keep_years
    if not years or not _is_business(loaded):
        return ""
    until_ms = years_after(await deals.closed_at(node, loaded.thread), years)
    return instant.from_ms(until_ms) if node.clock.now_ms() < until_ms else ""


def _is_business(loaded: Loaded) -> bool:
    """Whether there ever was an order, or bills: talk that came to nothing is no voucher."""
    return bool(getattr(loaded.state, "lines", None) or getattr(loaded.state, "documents", None))


def years_after(ms: int, years: int) -> int:
    """The end of the year that is ``years`` after the year of ``ms``, as the law counts; it ends with the calendar."""
    ms = min(max(ms, instant.FIRST_MS), instant.LAST_MS)
    year = datetime.fromtimestamp(ms / 1000, UTC).year + years + 1
    return calendar.timegm((min(year, 9_999), 1, 1, 0, 0, 0)) * 1000


async def carry_out(node: Node, thread: str, only: str = "") -> None:
    """Do what the requests of ``thread`` ask of us (``only`` the one of this id), as far as we may today."""
    if not closing.is_done(await node.state(thread)) or node.waits(await node.members(thread)):
        return
    loaded = await node.whole(thread)
    vouchers_until = await kept_until(node, loaded)
    for one in await _erasures(node, loaded, only):
        until = vouchers_until if _has_vouchers(loaded, one.events) else ""
        free = await _free(node, loaded, one, until)
        if free:
            await delete(node, thread, free)
        done = one.erased_by(node.organisation)
        told = any(receipt.organisation == node.organisation for receipt in one.receipts)
        word: PayloadErased | ErasureHeld | None = None
        if until and not told:
            word = ErasureHeld(request=one.request, until=until)
        elif not until and not done:
            word = PayloadErased(request=one.request, payloads=len(one.events))
        if word is not None:
            role = loaded.members[node.organisation]
            await node.say(thread, Say(role, node.organisation, word), _receipt(one.request, type(word)))


async def _free(node: Node, loaded: Loaded, one: Erasure, until: str) -> list[str]:
    """Ids of what is asked for, still held here and free to go; vouchers are kept ``until`` then, if that is not ""."""
    if not one.left:
        return []
    held = {row.id for row in await node.store.payloads(loaded.thread, list(one.events))}
    names = [name for name in one.events if name in held]
    return [name for name in names if not until or loaded.entries[name].kind not in VOUCHERS]


async def delete(node: Node, thread: str, names: list[str], *, dropped: list[str] | None = None,
                 beside: list[tuple[str, str, bytes | None]] | None = None) -> None:
    """Delete the payloads of ``names``, all events in ``dropped``, and what was made from them; durable at the end."""
    async with node.lock(thread):
        row = await node.store.thread(thread)
        assert row is not None
        proofs, erased = await node.store.forks(thread), [(thread, name) for name in names]
        await node.store.commit(Batch(
            lengths={thread: row.length},
            threads=[ThreadRow(row.thread, row.machine, row.members, row.heads, b"", row.length)],
            pending_settled=[(thread, one.id) for one in await node.store.pending(thread)],
            forks_settled=closed.places(proofs), forks=closed.emptied(proofs),
            erased=erased, dropped=[(thread, name) for name in dropped or ()],
            values=[*await closed.made(node.store, thread, erased), *(beside or ())]))
        node.forget(thread)


async def answer_request(node: Node, cause: Cause) -> None:
    """A member asks to erase: do it, and say so; once, however often it is asked for beside."""
    if await node.answered(cause.thread, _receipt(cause.id, PayloadErased)) is None:
        await carry_out(node, cause.thread, cause.id)


def _receipt(request: str, kind: type[PayloadErased | ErasureHeld]) -> str:
    """The key of what we say to ``request``."""
    return f"{request}:{kind.__name__}"


async def carry_out_all(node: Node) -> None:
    """What had to be kept until today, or came back with an old backup, goes now; one that cannot keeps no other."""
    shared = {*node.threads("order"), *node.threads("relationship")}
    for thread, _ in await node.store.values(deals.CLOSED):
        if thread in shared:
            with contextlib.suppress(WeftError):
                await carry_out(node, thread)
