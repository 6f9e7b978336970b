"""A slip alone, as it is printed in a QR code or kept in a file: what can be said of its price with what is at hand.

Rule 1: a slip holds its own signature and nothing else: whose key that is, a file of evidence of the same firm tells
        (``beside``), and its rule a price book; what is missing is told, not assumed.
Not here: slips (``till/``), files that hold all (``evidence.py``).
"""

from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.engine.pricelog import documents, evidence
from weft.engine.pricelog.evidence import File, Told
from weft.identity.keylog import KeyState
from weft.pricing import book as books
from weft.pricing import check
from weft.pricing.check import BookEvidence, Evidence, Finding, Trust
from weft.pricing.document import Document
from weft.till import qr, slip
from weft.till import verify as rules
from weft.till.slip import Signed
from weft.tlog.policy import Policy

PREFIX: Final = "WEFT-SLIP:"


def read(data: bytes) -> Signed | None:
    """The slip in a file or in the text of a QR code; None when it is neither. Raises ``Invalid`` for a damaged one."""
    text = data.strip()
    if text.startswith(PREFIX.encode()):
        return qr.decode(text.decode(errors="replace"))
    return slip.signed(text) if b'"slip/1"' in text[:slip.SLIP_BYTES_MAX] else None


def verify_slip(
    pair: Signed, book: bytes = b"", beside: File | None = None, trusted: Policy | None = None,
    now_ms: int | None = None, max_age_days: int = check.MAX_AGE_DAYS,
) -> Told:
    """What can be said of a slip by itself, with its ``book``, and with the key logs and proofs of ``beside``."""
    document = documents.slip(pair.slip)
    found = {document.books[0]: BookEvidence(canonical=book)} if book and document.books else {}
    keys, policy = dict[str, KeyState](), trusted
    if beside is not None and beside.seller == document.seller:
        keys = {firm: evidence.keys_of(firm, envelopes) for firm, envelopes in beside.key_logs.items()}
        for one in beside.books:  # it proves the book that is given apart from it, too
            given_apart = found.get(one.hash)
            found[one.hash] = BookEvidence(canonical=given_apart.canonical if given_apart else one.book.encode(),
                                           entry=one.entry.encode(), proof=one.proof)
        if trusted is None:
            policy = evidence.policy_of(evidence.witnesses_of(beside, keys)[0], beside.need)
    given = Evidence(signed=(evidence.slip_signed(pair),), keys=keys, books=found)
    now = now_ms if now_ms is not None else instant.to_ms(document.at)
    steps = {name: step for name, step in check.STEPS.items() if name != "committed"}  # a slip alone cannot tell
    verdict = check.check(document, given, Trust(policy=policy, now_ms=now, max_age_days=max_age_days), steps)
    by = beside.by if beside is not None and keys else ""
    return Told(document, check.joined(verdict, faults(pair)), by, trusted is not None)


def closed(data: bytes, beside: File | None = None) -> tuple[Signed, tuple[Finding, ...]] | None:
    """The close of a day in ``data`` and what speaks against its being the firm's; None when it is something else.

    A close has no price: all there is to know is whether a till of the firm has signed it. Raises ``Invalid``.
    """
    file = evidence.parse(data) if evidence.is_evidence(data) else None
    if file is not None and file.kind != "slip":
        return None
    pair = slip.signed(file.slip.encode()) if file is not None else read(data)
    if pair is None or pair.slip.kind != "close":
        return None
    one, known = pair.slip, file or beside
    if file is not None and (file.seller, file.document) != (one.firm, one.hash):
        raise Invalid("evidence.incomplete", what="slip")
    keys = {firm: evidence.keys_of(firm, log) for firm, log in known.key_logs.items()} if known is not None else {}
    document = Document(kind="slip", id=one.hash, seller=one.firm, number=one.number, at=one.at, currency=one.currency,
                        net="", tax="", gross="", lines=())
    given = Evidence(signed=(evidence.slip_signed(pair),), keys=keys)
    trust = Trust(policy=None, now_ms=instant.to_ms(one.at))
    verdict = check.check(document, given, trust, {"signature": check.STEPS["signature"]})
    return pair, (*faults(pair), *verdict.findings)


def faults(pair: Signed) -> list[Finding]:
    """What is wrong with the slip by itself."""
    return [Finding(code="slip-unsound", weight="red", step="price", facts={"why": one.code})
            for one in rules.findings(pair.slip)]


def own_book(data: bytes, pair: Signed | None) -> bytes:
    """The canonical bytes of the price book in a file, however it is spelled there; raises ``Invalid``.

    Also when it is not the book that the slip ``pair`` names: that speaks against nobody but who brings it.
    """
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Invalid("pricing.shape", where="book", detail="JSON") from error
    book = books.load(value if isinstance(value, dict) else {})
    if pair is not None and pair.slip.book not in {"", book.hash}:
        raise Invalid("evidence.other-book")
    return books.encode(book)


def own_beside(data: bytes, pair: Signed | None) -> File:
    """The proof in a file, sealed by its maker and of the firm of the slip ``pair``; raises ``Invalid``."""
    text = data.strip()
    told = evidence.verify_file(text)
    if any(one.code == "seal" for one in told.verdict.findings):
        raise Invalid("evidence.malformed")
    if pair is not None and told.document.seller != pair.slip.firm:
        raise Invalid("evidence.other-firm")
    return evidence.parse(text)
