"""What a buyer's check of a price costs: ``python -m bench price_proof``, beside one Ed25519 verify of the same run.

The whole check of an offer, as the buyer's node does it before it shows a price: the seller's signature, the book's
hash, its place in a record of a year's 8,000 entries, the seller's and five witnesses' signatures, the price itself,
and when it was public; then besides, that the record binds the seller to the offer, which is as many signatures again.
Then a proof by itself at sizes up to ten million, with none, three and five who have seen it: bytes, how long it takes
to make (what is read from the disk apart) and to check. A quotation shows five, fewer where they would not fit, three
at least.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bench.rounds import Result, limit
from tests.engine.pricelog.vast import ENTRY, Vast
from tests.pricing.books import valves
from tests.pricing.sellers import NOW_MS, SEEN_S, Seller, line, quoted
from weft.basis.canonical import b64, unb64
from weft.engine.pricelog import log, showing
from weft.engine.pricelog.witness import name_of
from weft.identity.keys import Signer, verify
from weft.pricing import check, commitment, evaluate, leaf
from weft.pricing.check import BookEvidence, Evidence, Trust
from weft.tlog import cosignature, merkle, note, policy, proof
from weft.tlog.checkpoint import Checkpoint, signed
from weft.tlog.note import VerifierKey
from weft.tlog.policy import Group, Policy

LEAVES = 8_000
WITNESSES = 5
TIMES = 400
SIZES = (1_000, 8_000, 100_000, 1_000_000, 10_000_000)
SEEN_BY = (0, 3, 5)
CHECK_MS, PRICE_US, PROOF_BYTES = 2.0, 50.0, 1_500


def _median(act: Callable[[], Any]) -> float:
    """Milliseconds; the first twentieth warms up."""
    told = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        act()
        told.append(time.perf_counter() - begun)
    return statistics.median(told[TIMES // 20:]) * 1000


class _Record:
    """A seller's record of a year, with two entries that matter, and its witnesses."""

    def __init__(self) -> None:
        self.seller, draw = Seller(), random.Random(5).randbytes
        self.book = valves()
        self.document = quoted(self.seller, line(self.book))
        salt = draw(32)
        batch = commitment.batch([commitment.commit(salt, unb64(self.document.id))], draw)
        self.opening = commitment.opening(batch, salt, unb64(self.document.id))
        others = [leaf.encode(leaf.BatchLeaf(root=b64(draw(32)), n=64, at="2026-11-02T08:00:00.000Z"))
                  for _ in range(LEAVES - 2)]
        self.seller.entries = others[:LEAVES // 3]
        self.at = self.seller.publish(self.book)
        self.seller.entries += others[LEAVES // 3:]
        self.bound = self.seller.log(leaf.BatchLeaf(root=batch.root, n=batch.n, at="2026-11-09T08:15:00.000Z"))
        self.keys = {}
        self.note = self._cosigned(draw)
        self.read = merkle.from_leaves([merkle.leaf_hash(one) for one in self.seller.entries])

    def _cosigned(self, draw: Callable[[int], bytes]) -> note.Note:
        root = self.seller.root(LEAVES)
        one = signed(Checkpoint(self.seller.origin, LEAVES, root), self.seller.firm.device)
        added = []
        for number in range(WITNESSES):
            signer = Signer(draw(32))
            name = name_of(unb64(signer.public))
            self.keys[str(number)] = note.key_of(name, signer, note.COSIGNATURE)
            added.append(cosignature.sign(one.text, name, signer, SEEN_S))
        return one._replace(signatures=(*one.signatures, *added))

    def prove(self, index: int) -> str:
        path = merkle.inclusion(index, LEAVES, self.read)
        return proof.encode(proof.Proof(index, tuple(path), self.note)).decode()

    @property
    def trust(self) -> Trust:
        return Trust(policy=Policy("enough", (), self.keys, {"enough": Group(3, tuple(self.keys))}), now_ms=NOW_MS)

    def evidence(self, **more: Any) -> Evidence:
        book = BookEvidence(canonical=self.book.canonical, entry=self.seller.entries[self.at],
                            proof=self.prove(self.at))
        return Evidence(signed=(self.seller.sign(self.document),), keys={self.seller.firm.id: self.seller.firm.keys()},
                        books={self.book.hash: book}, **more)


def _cosigned(at: log.Head, signers: Sequence[Signer]) -> log.Head:
    read = at.read
    added = [cosignature.sign(read.text, name_of(unb64(one.public)), one, SEEN_S) for one in signers]
    return log.Head(at.size, at.root, note.encode(read._replace(signatures=(*read.signatures, *added))).decode())


def _grown(plain: float) -> Iterator[Result]:
    """Proofs by the size of the record, beside one Ed25519 verify of ``plain`` ms."""
    signers = [Signer(bytes([9, number]) * 16) for number in range(WITNESSES)]
    keys = {str(number): note.key_of(name_of(unb64(one.public)), one, note.COSIGNATURE)
            for number, one in enumerate(signers)}
    for size in SIZES:
        for count in SEEN_BY:
            yield from _proof(Vast(size), (signers, keys), count, plain)


def _proof(
    store: Vast, known: tuple[Sequence[Signer], dict[str, VerifierKey]], count: int, plain: float
) -> list[Result]:
    """A proof in the record ``store`` that ``count`` of the ``known`` witnesses have seen."""
    index, size, (signers, keys) = store.size // 3, store.size, known
    at, named = _cosigned(store.head, signers[:count]), dict(list(keys.items())[:count])
    text = asyncio.run(log.prove(store, index, at))  # type: ignore[arg-type]  # as much of a store as is read
    path = proof.parse(text.encode()).path
    fit = len(proof.parse(showing.fitting(index, path, _cosigned(store.head, signers)).encode()).note.signatures) - 1
    trusted = policy.Policy("all" if count else policy.NONE, (store.key,), named,
                            {"all": policy.Group(count, tuple(named))} if count else {})
    made = _median(lambda: asyncio.run(log.prove(store, index, at)))  # type: ignore[arg-type]  # the same
    checked = _median(lambda: proof.verify(proof.parse(text.encode()), merkle.leaf_hash(ENTRY), trusted))
    name = f"proof among {size:,}, {count} witnesses (a quotation shows {fit})"
    return [Result(name, f"{len(text.encode()):,} bytes"),
            Result("  made in", f"{made:.2f} ms", f"{plain:.3f} ms", made / plain),
            Result("  checked in", f"{checked:.2f} ms", f"{plain:.3f} ms", checked / plain)]


def results() -> list[Result]:
    """Lines for the table."""
    made = _Record()
    trust, alone = made.trust, made.evidence()
    whole = made.evidence(opening=made.opening, batch=made.seller.entries[made.bound],
                          batch_proof=made.prove(made.bound))
    signature = alone.signed[0]
    plain = _median(lambda: verify(signature.device, signature.message, signature.signature))
    for evidence, level in ((alone, 2), (whole, 3)):
        assert check.check(made.document, evidence, trust).level == level
    ask = evaluate.Attributes(item="V15", quantity="120", unit="C62", lead_time="express")
    priced = _median(lambda: evaluate.price(made.book, ask)) * 1000
    size = len(made.prove(made.at).encode())
    return [
        Result("one Ed25519 verify", f"{plain:.3f} ms"),
        limit("buyer's check of an offer, 5 witnesses", _median(
            lambda: check.check(made.document, alone, trust)), "ms", CHECK_MS, plain),
        limit("the same, and that its seller is bound to it", _median(
            lambda: check.check(made.document, whole, trust)), "ms", CHECK_MS, plain),
        limit("price()", priced, "us", PRICE_US, plain * 1000),
        limit(f"proof of a book among {LEAVES:,}, 5 witnesses", size, "bytes", PROOF_BYTES),
        *_grown(plain)]
