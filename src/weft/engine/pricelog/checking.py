"""A partner's prices are checked before they are shown: quotations when they come, bills against what was agreed.

Rule 1: what a page shows is worked out from what is held at that moment; what is kept is for alarms and what waits.
Rule 2: a price that cannot be judged yet waits, and is looked at again when the book, the opening or a day's end comes.
Rule 3: what a partner shows us is taken only if it is what its hash says; it replaces nothing that we hold already.
Not here: what is gathered (``gathering.py``), the steps (``pricing/check.py``), files (``evidence.py``).
"""

import contextlib
from collections.abc import Collection, Container
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64, digest, unb64
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine.effects import Cause
from weft.engine.memory import JUDGED, Change
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.pricelog import absent, evidence, gathering, known, results, showing
from weft.engine.pricelog.gathering import BATCHES, BOUND, SHOWN, SLIPS, BatchSeen, Bound, Gathered, Shown, SlipSeen
from weft.engine.receive import key_log_of
from weft.pricing import leaf
from weft.pricing.check import Sighting, Verdict
from weft.pricing.commitment import Opening
from weft.thread.event import wire
from weft.till import slip as slips
from weft.tlog import proof

VERDICTS, RED, WAITING = JUDGED  # buckets: by document, a ``Kept``; those that contradict their rule; when to look (ms)
CHECKED: Final = "price-checked"  # what a live page hears
HOUR_MS: Final = 3_600_000
SOON_MS: Final = 30_000  # the least after which what waits is looked at again
LOOK_MS: Final = 10_000  # between two looks through all that waits
OLD_MS: Final = 30 * 24 * HOUR_MS
SHOWN_MAX: Final = 200  # versions that one partner may have us keep
SHOWN_BYTES_MAX: Final = 32 * 1024 * 1024  # and bytes of them: what travels deflated is kept as it is


class Kept(msgspec.Struct, frozen=True):
    """What was found of a document of ``thread`` last, at ``at_ms``."""

    thread: str
    seller: str
    kind: str
    number: str
    colour: str
    level: int
    said: str
    facts: dict[str, str | int]
    at_ms: int


# ---- what partners show --------------------------------------------------------------------------


async def take_book(node: Node, cause: Cause) -> None:
    """A partner shows its price book: kept, and what waited for it is looked at again."""
    message, name = cause.message, f"{cause.author}/{cause.message.hash}"
    try:
        data = showing.inflate(unb64(message.deflated))
    except Invalid:
        return
    held = await known.under(node.store, SHOWN, cause.author)
    if b64(digest("price-book/1", data)) != message.hash or await node.store.value(SHOWN, name) is not None \
            or len(held) >= SHOWN_MAX or len(data) + sum(len(one) for _, one in held) > SHOWN_BYTES_MAX:
        return
    await _met(node, cause.author, message.proof)
    kept = msgspec.msgpack.encode(Shown(data, message.leaf.encode(), message.proof))
    await node.store.commit(Batch(values=[(SHOWN, name, kept)]))
    await look_again(node, cause.author)


async def take_openings(node: Node, cause: Cause) -> None:
    """A partner shows what its price record binds it to."""
    await _met(node, cause.author, cause.message.proof)
    batch, values = BatchSeen(cause.message.leaf.encode(), cause.message.proof), []
    for one in cause.message.openings:
        opened = Opening(document=one.document, salt=one.salt, index=one.index, n=one.n, path=one.path)
        name = f"{cause.author}/{one.document}"
        if await node.store.value(BOUND, name) is None:
            values.append((BOUND, name, msgspec.msgpack.encode(Bound(cause.author, opened, batch=batch.name))))
    if values:
        values.append((BATCHES, f"{cause.author}/{batch.name}", msgspec.msgpack.encode(batch)))
        await node.store.commit(Batch(values=[*values]))
    await look_again(node, cause.author, {one.document for one in cause.message.openings})


async def take_slip(node: Node, cause: Cause) -> None:
    """A slip was shown for a bill on account: found by its hash from now on."""
    try:
        name = slips.signed(cause.message.slip.encode()).slip.hash
    except Invalid:
        return
    key = f"{cause.author}/{name}"
    if await node.store.value(SLIPS, key) is None:
        shown = msgspec.msgpack.encode(SlipSeen(cause.thread, cause.id))
        await node.store.commit(Batch(values=[(SLIPS, key, shown)]))
        await look_again(node, cause.author)


# ---- judging -------------------------------------------------------------------------------------


async def check_document(node: Node, cause: Cause) -> None:
    """A document of a partner has come (or our order has gone): check it before anybody sees it."""
    price = getattr(cause.message, "price", None)
    await _met(node, cause.author, price.proof if price is not None else "")
    if await node.find(cause.thread) is not None:
        await judge(node, cause.thread, cause.id)


async def _met(node: Node, seller: str, proof: str) -> None:
    """Compare the state of the record under a proof with what we know of that record: it may prove a fork."""
    if not proof or node.witnessing is None or seller == node.organisation:
        return
    with contextlib.suppress(WeftError, UnicodeEncodeError):  # the check tells what is wrong with it
        await node.witnessing.met(seller, proof.partition("\n\n")[2].encode())


async def judge(node: Node, thread: str, document: str) -> Verdict:
    """What can be said of the price of ``document`` now; kept, and looked at again while it may become better."""
    found = await gathering.gather(node, thread, document)
    verdict = gathering.verdict_of(found)
    await _keep(node, thread, found, verdict)
    return verdict


async def _keep(node: Node, thread: str, found: Gathered, verdict: Verdict) -> None:
    document, now_ms = found.document, node.clock.now_ms()
    data = await node.store.value(VERDICTS, document.id)
    before = None if data is None else msgspec.msgpack.decode(data, type=Kept)
    kept = Kept(thread, document.seller, document.kind, document.number, verdict.colour, verdict.level, verdict.said,
                verdict.facts, now_ms)
    due = _due(found, verdict)
    values: list[tuple[str, str, bytes | None]] = [
        (WAITING, document.id, None if due is None else str(due).encode())]
    if before is None or msgspec.structs.replace(kept, at_ms=before.at_ms) != before:
        packed = msgspec.msgpack.encode(kept)
        values += [(VERDICTS, document.id, packed), (RED, document.id, packed if kept.colour == "red" else None)]
    await node.store.commit(Batch(values=values))
    if due is not None:
        node.prices_rest.ends(due)
    if len(values) > 1:
        node.tell(Change(thread, CHECKED, (verdict.colour,)))


def _due(found: Gathered, verdict: Verdict) -> int | None:
    """When to look again: after as long as it has waited so far, and when the day of its opening is over.

    So the looks at a document become rare with its age: some twenty in the 30 days in which it may still become better.
    """
    now_ms, at_ms = found.trust.now_ms, instant.to_ms(found.document.at)
    if verdict.colour == "green" and verdict.level >= 3:
        return None
    if now_ms > at_ms + OLD_MS:
        return None  # who opens its page looks again, as always
    day_ms = at_ms + found.trust.commit_hours * HOUR_MS + 1_000
    again_ms = now_ms + max(SOON_MS, now_ms - at_ms)
    if now_ms >= day_ms:
        return again_ms
    return day_ms if verdict.colour == "green" else min(day_ms, again_ms)


async def look_again(node: Node, seller: str, documents: Collection[str] | None = None) -> None:
    """Something new has come from ``seller``: look at all that waits for it, or at those ``documents`` alone."""
    for document, _ in await node.store.values(WAITING):
        data = await node.store.value(VERDICTS, document) if documents is None or document in documents else None
        kept = None if data is None else msgspec.msgpack.decode(data, type=Kept)
        if kept is not None and kept.seller == seller:
            await _again(node, kept.thread, document)


async def tick(node: Node) -> None:
    """Look again at what is due."""
    now_ms, rest = node.clock.now_ms(), node.prices_rest
    if rest.lasts(now_ms):
        return
    rest.at_ms, rest.until_ms = now_ms, now_ms + HOUR_MS
    for document, due in await node.store.values(WAITING):
        if int(due) > now_ms:
            rest.ends(max(int(due), now_ms + LOOK_MS))
        elif (data := await node.store.value(VERDICTS, document)) is not None:
            await _again(node, msgspec.msgpack.decode(data, type=Kept).thread, document)


async def _again(node: Node, thread: str, document: str) -> None:
    try:
        await judge(node, thread, document)
    except NotFound:  # erased or pruned meanwhile: nothing is left to look at
        await node.store.commit(Batch(values=[(bucket, document, None) for bucket in (WAITING, VERDICTS, RED)]))


async def red(node: Node) -> list[tuple[str, Kept]]:
    """The documents whose price contradicts its rule, newest first."""
    found = [(name, msgspec.msgpack.decode(data, type=Kept)) for name, data in await node.store.values(RED)]
    return sorted(found, key=lambda pair: -pair[1].at_ms)


# ---- as a file -----------------------------------------------------------------------------------


async def export(node: Node, thread: str, document: str) -> bytes:
    """The price of ``document`` and all that speaks for it, as a file; raises ``NotFound``."""
    found = await gathering.gather(node, thread, document)
    given, seller = found.evidence, found.document.seller
    statements = [one for one in found.statements if await node.keys(one.witness) is not None]
    witnesses = found.trust.policy.witnesses if found.trust.policy else {}
    known_keys = {(witnesses[one.witness].name, witnesses[one.witness].id) for one in statements}
    firms = dict.fromkeys([*given.keys, node.organisation, *(one.witness for one in statements)])
    books = tuple(evidence.Book(
        hash=name, book=one.canonical.decode(), entry=one.entry.decode(),
        proof=evidence.trimmed(one.proof, leaf.origin_of(seller), known_keys)) for name, one in given.books.items())
    file = evidence.File(
        weft=evidence.KIND, kind=found.document.kind, document=found.document.id, seller=seller, by=node.organisation,
        at=instant.from_ms(found.trust.now_ms), need=node.config.prices.seen_by,
        events=tuple(wire(one).decode() for one in found.events),
        key_logs={firm: await key_log_of(node, firm) for firm in firms}, books=books, opening=given.opening,
        batch=given.batch.decode(), batch_proof=evidence.trimmed(given.batch_proof, leaf.origin_of(seller), known_keys),
        known=await _known(node, found, known_keys), older=await _older(node, found),
        fork=(await known.red(node.store, seller) or b"").decode(),
        seen=tuple((one.size, instant.from_ms(one.ms)) for one in _telling(found)), statements=tuple(statements),
        audits=tuple(await results.about(node.store, seller, given.batch_proof)))
    return evidence.sealed(file, node.identity.signer)


def _telling(found: Gathered) -> list[Sighting]:
    """What we have seen ourselves that speaks against the time of a book: no more is told than that."""
    verdict = gathering.verdict_of(found)
    if not any(one.code in {"backdated", "published-after", "no-notice"} for one in verdict.findings):
        return []
    places = [read.index for read in gathering.proofs_of(found)]
    absent = [one for one in found.evidence.sightings if any(one.size <= place for place in places)]
    return [max(absent, key=lambda one: one.ms)] if absent else []


async def _older(node: Node, found: Gathered) -> tuple[str, ...]:
    """Checkpoints of others and ours that show a book's entry to be younger than it says; none when it is not."""
    seller, given = found.document.seller, found.evidence
    books = []
    for name in found.document.books:
        with contextlib.suppress(WeftError, UnicodeEncodeError, KeyError):
            entry = leaf.parse(given.books[name].entry)
            if isinstance(entry, leaf.BookLeaf):
                books.append((proof.parse(given.books[name].proof.encode()).index, entry))
    return await absent.notes(node, seller, books, await gathering.proofs_from(node, seller), found.trust.policy)


async def _known(
    node: Node, found: Gathered, witnesses: Container[tuple[str, bytes]]
) -> tuple[evidence.Known, ...]:
    """Other versions that the verdict rests on and that stand in the record, each proven by what we saw of it.

    What we did not cosign ourselves is proven by what came with the book.
    """
    seller, told = found.document.seller, []
    for index, one in gathering.others(found):
        entry, text = await gathering.proven(node, seller, index)
        shown = found.evidence.books.get(one.hash)
        if not text and shown is not None and shown.proof:
            entry, text = shown.entry, shown.proof
        with contextlib.suppress(WeftError, UnicodeError):
            if text:
                proof_of = evidence.trimmed(text, leaf.origin_of(seller), witnesses)
                given = evidence.Known(entry=entry.decode(), proof=proof_of)
                if evidence.proven(given, seller, found.evidence.keys)[:2] == (index, one):
                    told.append(given)
    return tuple(told)
