"""A seller with keys, a price record and witnesses, and a quotation of it with all that speaks for it."""

import random
from dataclasses import dataclass, field

import msgspec

from tests.pricing.books import valves
from tests.thread.firms import LIFE, Firm
from weft.basis import canonical, instant
from weft.basis.canonical import b64
from weft.identity.keys import Signer
from weft.pricing import check, commitment, evaluate, leaf
from weft.pricing.check import BookEvidence, Evidence, Signed, Trust
from weft.pricing.document import Document, Line
from weft.tlog import cosignature, merkle, note, proof
from weft.tlog.checkpoint import Checkpoint, signed
from weft.tlog.note import COSIGNATURE, Note
from weft.tlog.policy import Group, Policy

PUBLISHED = "2026-11-02T08:00:00.000Z"
QUOTED = "2026-11-09T08:00:00.000Z"
SEEN_S = instant.to_ms("2026-11-03T08:00:00.000Z") // 1000
NOW_MS = instant.to_ms("2026-11-09T09:00:00.000Z")
DAY_MS = 86_400_000
WITNESSES = {f"w{k}": Signer(bytes([90 + k]) * 32) for k in range(5)}
WITNESS_KEYS = {name: note.key_of(f"w/{name}", one, COSIGNATURE) for name, one in WITNESSES.items()}
POLICY = Policy("enough", (), WITNESS_KEYS, {"enough": Group(3, tuple(WITNESS_KEYS))})
TRUST = Trust(policy=POLICY, now_ms=NOW_MS)


@dataclass
class Seller:
    """A firm whose price record is a list of entries; it may sign whatever it likes."""

    firm: Firm = field(default_factory=lambda: Firm(7))
    entries: list[bytes] = field(default_factory=list)

    @property
    def origin(self) -> str:
        return leaf.origin_of(self.firm.id)

    def log(self, one) -> int:
        self.entries.append(leaf.encode(one))
        return len(self.entries) - 1

    def publish(self, book, number=1, at=PUBLISHED) -> int:
        return self.log(leaf.book_leaf(book, number, at))

    def root(self, size: int) -> bytes:
        leaves = [merkle.leaf_hash(one) for one in self.entries[:size]]
        return merkle.root_of(size, merkle.from_leaves(leaves))

    def checkpoint(self, size=None, *, by=tuple(WITNESSES), seen_s=SEEN_S) -> Note:
        size = len(self.entries) if size is None else size
        one = signed(Checkpoint(self.origin, size, self.root(size)), self.firm.device)
        return cosigned(one, by, seen_s)

    def prove(self, index: int, at: Note | None = None) -> str:
        at = self.checkpoint() if at is None else at
        size = int(at.text.split("\n")[1])
        leaves = [merkle.leaf_hash(one) for one in self.entries[:size]]
        path = merkle.inclusion(index, size, merkle.from_leaves(leaves))
        return proof.encode(proof.Proof(index, tuple(path), at)).decode()

    def sign(self, document: Document) -> Signed:
        message = canonical.digest("test-document/1", msgspec.json.encode(document, order="sorted"))
        return Signed(by=self.firm.id, device=self.firm.device.public, message=message,
                      signature=self.firm.device.sign(message), place=("thread", LIFE, 3))


def cosigned(one: Note, by, seen_s: int) -> Note:
    added = [cosignature.sign(one.text, WITNESS_KEYS[name].name, WITNESSES[name], seen_s) for name in by]
    return one._replace(signatures=(*one.signatures, *added))


def line(book, item="V15", amount="120", **fields) -> Line:
    priced = evaluate.price(book, evaluate.Attributes(item=item, quantity=amount, unit="C62"))
    return Line(**{"line": "1", "item": item, "quantity": amount, "unit": "C62", "unit_price": priced.unit_price,
                   "base": priced.base, "net": priced.net, "tax": priced.tax, "gross": priced.gross,
                   "tax_percent": priced.tax_percent, "book": book.hash, **fields})


def quoted(seller, *lines, **fields) -> Document:
    total = {name: f"{sum(float(getattr(one, name)) for one in lines):.2f}" for name in ("net", "tax", "gross")}
    return Document(**{"kind": "quotation", "id": b64(bytes(range(32))), "seller": seller.firm.id, "number": "Q-1",
                       "at": QUOTED, "currency": "CNY", "lines": lines, **total, **fields})


def evidence(seller, document, book, index, **fields) -> Evidence:
    given = BookEvidence(canonical=book.canonical, entry=seller.entries[index], proof=seller.prove(index))
    return Evidence(**{"signed": (seller.sign(document),), "keys": {seller.firm.id: seller.firm.keys()},
                       "books": {book.hash: given}, **fields})


def commit(seller, document, others=5):
    """The seller's batch with ``document`` in it: its evidence."""
    draw = random.Random(11).randbytes
    made = [(draw(32), canonical.unb64(document.id)), *((draw(32), draw(32)) for _ in range(others))]
    batch = commitment.batch([commitment.commit(*one) for one in made], draw)
    index = seller.log(leaf.BatchLeaf(root=batch.root, n=batch.n, at="2026-11-09T08:15:00.000Z"))
    return {"opening": commitment.opening(batch, *made[0]), "batch": seller.entries[index],
            "batch_proof": seller.prove(index, seller.checkpoint(seen_s=SEEN_S + 7 * 86_400))}


def sold(**fields):
    """A seller, its book, a quotation and the evidence for it, all as it should be."""
    seller, book = Seller(), valves()
    index = seller.publish(book)
    document = quoted(seller, line(book), **fields)
    return seller, book, document, evidence(seller, document, book, index)


def codes(verdict) -> set[str]:
    return {one.code for one in verdict.findings if one.weight != "note"}


def without(step: str):
    """The steps of a verifier that does not hear what ``step`` finds."""
    def deaf(case) -> None:
        before = len(case.findings)
        check.STEPS[step](case)
        del case.findings[before:]

    return {**check.STEPS, step: deaf}
