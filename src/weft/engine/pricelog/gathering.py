"""What this node holds that speaks for or against the price of a document: words, books, proofs, openings, sightings.

Rule 1: of a partner's documents only what the partner showed, and what we saw of its price record ourselves; of our own
        documents what our record holds.
Rule 2: where the seller's proof has not been seen by enough, what we have followed and cosigned ourselves counts, too.
Not here: the check (``pricing/check.py``), when it is made and kept (``checking.py``), the file (``evidence.py``).
"""

import contextlib
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid, NotFound, WeftError
from weft.engine.node import Node
from weft.engine.pricelog import (
    batches,
    documents,
    evidence,
    gossip,
    known,
    log,
    monitor,
    results,
    showing,
    witness,
    witnesses,
)
from weft.engine.pricelog.documents import Deal, Word
from weft.engine.pricelog.witness import Statement
from weft.pricing import check, leaf, timing
from weft.pricing.check import BookEvidence, Evidence, Sighting, Trust
from weft.pricing.commitment import Opening
from weft.pricing.document import Document
from weft.pricing.leaf import BookLeaf
from weft.thread.event import Event
from weft.till.slip import Signed as Pair
from weft.tlog import cosignature, merkle, note, policy, proof
from weft.tlog.note import VerifierKey
from weft.tlog.policy import Policy
from weft.trade.messages import Invoice, Order, OrderChange, OrderChangeResponse, Quotation
from weft.trade.shown import SlipShown

SHOWN: Final = "price-shown"  # bucket: by seller and hash, a ``Shown``
BOUND: Final = "price-bound"  # bucket: by seller and document, a ``Bound``
BATCHES: Final = "price-bound-batch"  # bucket: by seller and hash, a ``BatchSeen``: once for all that it binds
SLIPS: Final = "price-slip"  # bucket: by who showed it and hash, a ``SlipSeen``
KINDS: Final = {"Quotation": "quotation", "Order": "order", "Invoice": "invoice"}


class Shown(msgspec.Struct, frozen=True):
    """A version that its seller showed us: canonical bytes, its entry, and the proof that came with it."""

    canonical: bytes
    entry: bytes
    proof: str


class Bound(msgspec.Struct, frozen=True, omit_defaults=True):
    """That ``seller`` has bound itself to a document: opening, the batch's entry and proof.

    As it is kept, ``batch`` names the ``BatchSeen`` that holds the last two; what was kept before that has them itself.
    """

    seller: str
    opening: Opening
    entry: bytes = b""
    proof: str = ""
    batch: str = ""


class BatchSeen(msgspec.Struct, frozen=True):
    """A batch that its seller showed us: its entry, and the proof that the record holds it."""

    entry: bytes
    proof: str

    @property
    def name(self) -> str:
        """What it is kept under."""
        return b64(digest("price-bound-batch/1", self.entry, self.proof.encode()))


class SlipSeen(msgspec.Struct, frozen=True):
    """Where a slip was shown: the event that holds it."""

    thread: str
    event: str


class _Rests(NamedTuple):
    """What a document rests on: events, the orders and the slips that a bill names."""

    events: list[Event]
    deals: dict[str, Deal] = {}
    slips: dict[str, Pair] = {}


@dataclass(slots=True)
class Gathered:
    """All of one document. ``events``: what the document rests on, threads' first events among them, in order."""

    document: Document
    evidence: Evidence
    trust: Trust
    events: list[Event] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)


async def gather(node: Node, thread: str, name: str) -> Gathered:
    """All that we hold of the document ``name`` in ``thread``; raises ``NotFound('thread.unknown')``."""
    said, event = await _word(node, thread, name)
    events, deals, sold = await _events(node, said, event)
    document = _document(said, deals, sold, evidence.request_of(events[0]))
    seller, own = document.seller, document.seller == node.organisation
    trust, statements = await trusted(node, seller)
    books = {one: await (_own_book if own else _shown_book)(node, seller, one) for one in document.books}
    in_words = {one.message.price.proof for one in [said, *(deal.quotation for deal in deals.values())]
                if isinstance(one.message, Quotation) and one.message.price}
    books = {one: await _best(node, seller, held, in_words, trust) for one, held in books.items()}
    bound = await _bound(node, document.id, seller)
    seen = await known.books(node.store, seller)
    entries = tuple((one.index, BookLeaf(
        hash=one.hash, id=one.id, number=one.number, valid_from=one.valid_from, notice_days=one.notice_days, at=one.at))
        for one in seen)
    versions = {one.hash: await (_own_book if own else _shown_book)(node, seller, one.hash) for one in seen
                if one.hash not in books}
    books |= {one: held for one, held in versions.items() if held.canonical}
    keys = {firm: held for firm in {one.author for one in events} | {seller}
            if (held := await node.keys(firm)) is not None}
    batch_proof = await _seen_by_us(node, seller, (bound.proof, bound.entry), trust) if bound and not own else (
        bound.proof if bound else "")
    found = Evidence(
        signed=(*(evidence.signed_by(one) for one in events), *(evidence.slip_signed(one) for one in sold.values())),
        keys=keys, books=books,
        opening=bound.opening if bound else None, batch=bound.entry if bound else b"", batch_proof=batch_proof,
        known=entries, sightings=await sightings(node, seller), forked=await known.red(node.store, seller) is not None,
        audited=results.newest(await results.about(node.store, seller, batch_proof), seller, batch_proof),
        heard_ms=await _heard_ms(node, seller))
    return Gathered(document, found, trust, events, statements)


async def _word(node: Node, thread: str, name: str) -> tuple[Word, Event]:
    event = await node.event(thread, name)
    word = evidence.word_of(event) if event is not None else None
    if event is None or word is None or type(word.message).__name__ not in KINDS:
        raise NotFound("thread.unknown")
    return word, event


# ---- words ---------------------------------------------------------------------------------------


async def _events(node: Node, said: Word, event: Event) -> _Rests:
    """What ``said`` rests on."""
    if isinstance(said.message, Quotation):
        return _Rests([await _begun(node, said.thread, said.message), event])
    if isinstance(said.message, Order):
        quoted, other = await _word(node, said.thread, said.message.quotation)
        begun = await _begun(node, said.thread, quoted.message)
        return _Rests([begun, other, event], {said.thread: Deal(quoted)})
    found = _Rests([await _begun(node, said.thread), event], {}, {})
    for name in dict.fromkeys(line.order for line in said.message.lines if line.order):
        if name in node.threads("order"):
            more, deal = await _deal(node, name)
            found.events.extend(more)
            if deal is not None:
                found.deals[name] = deal
        elif (shown := await slip_shown(node, said.by, name, said.thread)) is not None:
            found.events.append(shown[0])
            found.slips[name] = shown[1]
    return found


async def slip_shown(node: Node, seller: str, name: str, thread: str) -> tuple[Event, Pair] | None:
    """The slip with hash ``name`` that ``seller`` showed in ``thread``, where it says its bills."""
    data = await node.store.value(SLIPS, f"{seller}/{name}")
    held = None if data is None else msgspec.msgpack.decode(data, type=SlipSeen)
    event = None if held is None or held.thread != thread else await node.event(held.thread, held.event)
    word = None if event is None else evidence.word_of(event)
    if event is None or word is None or not isinstance(word.message, SlipShown):
        return None
    try:
        return event, evidence.slip_of(word)
    except Invalid:
        return None


async def _begun(node: Node, thread: str, offer: Quotation | None = None) -> Event:
    """The first event of a thread, without its content; with it where ``offer`` is not for what it asks for."""
    rows = await node.store.events(thread, limit=1)
    found = (await node.with_payloads(thread, rows))[0]
    asked = evidence.request_of(found)
    if offer is not None and asked is not None and documents.is_other(asked.message, offer):
        return found
    return msgspec.structs.replace(found, payloads={})


async def _deal(node: Node, thread: str) -> tuple[list[Event], Deal | None]:
    """The order in ``thread``, from its quotation to its last accepted change."""
    state = await node.state(thread)
    if not state.order_id or state.order is None:
        return [], None
    quoted, first = await _word(node, thread, state.order.quotation)
    _, ordered = await _word(node, thread, state.order_id)
    events, changes = [await _begun(node, thread), first, ordered], list[tuple[OrderChange, str]]()
    for one in await node.log(thread):
        if isinstance(one.message, OrderChangeResponse) and one.message.option and not one.void:
            proposal, answer = await node.event(thread, one.message.change), await node.event(thread, one.id)
            word = evidence.word_of(proposal) if proposal else None
            if proposal and answer and word and isinstance(word.message, OrderChange):
                events += [proposal, answer]
                changes.append((word.message, one.message.option))
    return events, Deal(quoted, changes)


def _document(said: Word, deals: dict[str, Deal], slips: dict[str, Pair], request: Word | None) -> Document:
    if isinstance(said.message, Quotation):
        return documents.quotation(said, request)
    if isinstance(said.message, Order):
        return documents.order(said, deals[said.thread].quotation, request)
    assert isinstance(said.message, Invoice)
    return documents.invoice(said, deals, {name: one.slip for name, one in slips.items()})


# ---- books, proofs, openings ---------------------------------------------------------------------


async def _shown_book(node: Node, seller: str, name: str) -> BookEvidence:
    data = await node.store.value(SHOWN, f"{seller}/{name}")
    if data is None:
        return BookEvidence()
    held = msgspec.msgpack.decode(data, type=Shown)
    return BookEvidence(canonical=held.canonical, entry=held.entry, proof=held.proof)


async def _own_book(node: Node, _seller: str, name: str) -> BookEvidence:
    version = (await node.book_state("pricing")).books.get(name)
    index = await showing.book_index(node.store, name)
    if version is None:
        return BookEvidence()
    if index is None:
        return BookEvidence(canonical=version.book.canonical)
    return BookEvidence(canonical=version.book.canonical, entry=await log.entry(node.store, index),
                        proof=await showing.proof_of(node.store, index))


async def proofs_from(node: Node, seller: str) -> list[str]:
    """The proofs of its record that ``seller`` has shown us with books and openings."""
    books = [msgspec.msgpack.decode(data, type=Shown) for _, data in await known.under(node.store, SHOWN, seller)]
    batched = [msgspec.msgpack.decode(data, type=BatchSeen)
               for _, data in await known.under(node.store, BATCHES, seller)]
    return list(dict.fromkeys([*(one.proof for one in books), *(one.proof for one in batched)]))


async def _bound(node: Node, document: str, seller: str) -> Bound | None:
    if seller == node.organisation:
        kept = await node.store.value(batches.OPENED, document)
        if kept is None:
            return None
        held = msgspec.msgpack.decode(kept, type=batches.Kept)
        return Bound(seller, held.opening, await log.entry(node.store, held.batch),
                     await showing.proof_of(node.store, held.batch))
    data = await node.store.value(BOUND, f"{seller}/{document}")
    if data is None:
        return None
    found = msgspec.msgpack.decode(data, type=Bound)
    if not found.batch:
        return found
    batch = await node.store.value(BATCHES, f"{seller}/{found.batch}")
    assert batch is not None, "both are kept in one transaction"
    seen = msgspec.msgpack.decode(batch, type=BatchSeen)
    return msgspec.structs.replace(found, entry=seen.entry, proof=seen.proof)


async def _best(node: Node, seller: str, held: BookEvidence, in_words: set[str], trust: Trust) -> BookEvidence:
    """``held`` by the proof that most speaks for it: the document's own, the one that came with the book, or ours."""
    given = [one for one in [*in_words, held.proof] if one and _is_of(one, held.entry)]
    best = next((one for one in given if _met(one, trust)), given[0] if given else held.proof)
    if best and not _met(best, trust) and seller != node.organisation:
        best = await _seen_by_us(node, seller, (best, held.entry), trust)
    return msgspec.structs.replace(held, proof=best, with_document=best in in_words)


def _is_of(text: str, entry: bytes) -> bool:
    """Whether the proof ``text`` is of ``entry``, so that of several books each gets its own."""
    try:
        read = proof.parse(text.encode())
        said = note.parse(note.encode(read.note)).text.split("\n")
        merkle.verify_inclusion(merkle.leaf_hash(entry), read.index, int(said[1]), note.unbase64(said[2], "x"),
                                read.path)
    except (Invalid, ValueError):
        return False
    return True


def _met(text: str, trust: Trust) -> bool:
    """Whether enough witnesses are named under a proof; the check will look at their signatures."""
    if trust.policy is None:
        return False
    try:
        read = proof.parse(text.encode())
    except (Invalid, UnicodeEncodeError):
        return False
    names = {(one.name, one.id) for one in read.note.signatures}
    return policy.is_met(trust.policy, frozenset(
        who for who, key in trust.policy.witnesses.items() if (key.name, key.id) in names))


async def _seen_by_us(node: Node, seller: str, given: tuple[str, bytes], trust: Trust) -> str:
    """The proof ``given`` with its entry anew: under what we followed and cosigned last, if it is there."""
    text, entry = given
    if _met(text, trust):
        return text
    try:
        place = proof.parse(text.encode()).index
        read = await monitor.tree_of(node, seller)
        signed = await witness.witnessed(node.store, seller)
        if signed is None or read is None or not place < signed.size <= read[0] \
                or read[1](0, place) != merkle.leaf_hash(entry):
            return text
        return _anew(node, seller, place, (signed, read[1]))
    except (WeftError, UnicodeEncodeError):
        return text


def _anew(node: Node, seller: str, place: int, seen: tuple[witness.Witnessed, merkle.Read]) -> str:
    """A proof of leaf ``place`` under the checkpoint that we cosigned last, with our signature."""
    signed, read = seen
    path = merkle.inclusion(place, signed.size, read)
    key = witness.key_for(node.identity, leaf.origin_of(seller))
    own = note.parse(signed.note.encode())
    ours = cosignature.sign(own.text, key.verifier.name, key.signer, signed.at_ms // 1000)
    return proof.encode(proof.Proof(place, tuple(path), own._replace(signatures=(*own.signatures, ours)))).decode()


async def proven(node: Node, seller: str, index: int) -> tuple[bytes, str]:
    """The entry at ``index`` of the record of ``seller`` and its proof, by what we followed and cosigned; "" if not."""
    entries = await monitor.entries(node, seller, index, 1)
    read, signed = await monitor.tree_of(node, seller), await witness.witnessed(node.store, seller)
    if not entries or read is None or signed is None or not index < signed.size <= read[0]:
        return b"", ""
    return entries[0], _anew(node, seller, index, (signed, read[1]))


def proofs_of(found: Gathered) -> list[proof.Proof]:
    """The proofs of the document's books that can be read."""
    texts = [found.evidence.books[name].proof for name in found.document.books if name in found.evidence.books]
    read = []
    for text in texts:
        with contextlib.suppress(Invalid, UnicodeEncodeError):
            read.append(proof.parse(text.encode()))
    return read


def others(found: Gathered) -> list[tuple[int, BookLeaf]]:
    """Entries of the other versions on which the check rests."""
    entries = [one for _, one in found.evidence.known]
    uses = {line.priced_at or found.document.at for line in found.document.priced}
    wanted = set[str]().union(*(timing.resting(one, uses, entries) for one in entries
                                if one.hash in found.document.books))
    return [(index, one) for index, one in found.evidence.known if one.hash in wanted]


# ---- whom we trust -------------------------------------------------------------------------------


async def trusted(node: Node, seller: str) -> tuple[Trust, list[Statement]]:
    """Which witnesses of the record of ``seller`` we know, and how many of them we want."""
    need, now_ms = node.config.prices.seen_by, node.clock.now_ms()
    keys: dict[str, VerifierKey] = {}
    statements = [one for one in await gossip.statements(node, seller) if one.witness != seller]
    for one in statements:
        keys[one.witness] = note.parse_vkey(one.vkey)
    if seller == node.organisation:
        for partner, data in await node.store.values(witnesses.ASKED):
            asked = msgspec.msgpack.decode(data, type=witnesses.Asked)
            if asked.vkey:
                keys[partner] = note.parse_vkey(asked.vkey)
    wanted: Policy | None = evidence.policy_of(keys, need) if keys else None
    return Trust(policy=wanted, now_ms=now_ms, own=node.organisation), statements


async def sightings(node: Node, seller: str) -> tuple[Sighting, ...]:
    """How large the record of ``seller`` was when we looked."""
    return tuple(Sighting(size, at_ms) for size, at_ms in await known.sightings(node.store, seller))


async def _heard_ms(node: Node, seller: str) -> int:
    """When ``seller`` said something in our relationship last, by its own clock."""
    thread = node.partner(seller)
    loaded: Any = await node.find(thread) if thread else None
    if loaded is None:
        return 0
    return max((one.at_ms for one in loaded.entries.values() if one.author == seller), default=0)


def verdict_of(gathered: Gathered) -> check.Verdict:
    """The check of what was gathered."""
    return check.check(gathered.document, gathered.evidence, gathered.trust)
