"""Whether a price follows its seller's public rule, and what of that is proved: the buyer's check, offline.

The steps, in this order (``STEPS``): 1. the seller signed it · 2. the price record is the seller's · 3. the book is
the one it names · 4. the record holds the book · 5. the seller signed the record · 6. the buyer's own witnesses saw it
· 7. the rule gives this price · 8. no newer version was in force · 9. it was public when it was used · 10. the record
binds the seller to this document.

    L0 no price book · L1 a book, signed by its seller alone · L2 a book that enough others have seen
    L3 besides, the record binds the seller to this document · L4 besides, a sample of all its documents was audited

Rule 1: red is only what contradicts the seller's own signed words; what cannot be known is amber, and says why.
Rule 2: no step relies on a later one, and each is there for a cheat that no other step would catch.
Rule 3: time enters as data: when the document was made, when others saw a record, when somebody asks (``Trust``).
Not here: reading documents and files (``engine/pricelog``), sentences (``locale/``: ``price.finding.<code>``).
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final, Literal

from weft.basis import instant
from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid, WeftError
from weft.identity import keys as ed25519
from weft.pricing import book as books
from weft.pricing import commitment, leaf, timing, worth
from weft.pricing.document import Document
from weft.pricing.leaf import BatchLeaf, BookLeaf
from weft.pricing.schema import PriceBook
from weft.pricing.verdict import (
    MAX_AGE_DAYS,
    BookEvidence,
    Colour,
    Evidence,
    Finding,
    Sighting,
    Signed,
    Step,
    Trust,
    Verdict,
    Weight,
    joined,
    log_keys,
    signed_checkpoint,
)
from weft.tlog import checkpoint, cosignature, merkle, note, policy, proof
from weft.tlog.note import VerifierKey
from weft.tlog.proof import Proof

__all__ = ["MAX_AGE_DAYS", "STEPS", "BookEvidence", "Evidence", "Finding", "Sighting", "Signed", "Step", "Trust",
           "Verdict", "check", "joined", "log_keys", "signed_checkpoint"]

BOOKS_READY_MAX: Final = 16
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS


class Case:
    """One check as it goes on: what was read, and what was found."""

    def __init__(self, document: Document, evidence: Evidence, trust: Trust) -> None:
        self.document, self.evidence, self.trust = document, evidence, trust
        self.findings: list[Finding] = []
        self.step = ""
        self.looked = False
        self.proofs: dict[str, Proof] = {}
        self.leaves: dict[str, BookLeaf] = {}
        self.books: dict[str, PriceBook] = {}
        self.seen: dict[str, dict[str, int]] = {}
        self.priced = False
        self.committed = False

    def tell(self, weight: Weight, code: str, **facts: str | int) -> None:
        """One more finding of the present step."""
        self.looked = self.looked or weight != "note"
        self.findings.append(Finding(code=code, weight=weight, step=self.step, facts=facts))

    @property
    def log_keys(self) -> list[VerifierKey]:
        """The keys with which the seller may have signed its record."""
        return log_keys(self.document.seller, self.evidence.keys)

    def all_proofs(self) -> dict[str, tuple[Proof, bytes]]:
        """Every proof that could be read, with its entry, by the hash of the book; "" is that of the batch."""
        found = {name: (one, self.evidence.books[name].entry) for name, one in self.proofs.items() if name}
        if "" in self.proofs:
            found[""] = (self.proofs[""], self.evidence.batch)
        return found


# ---- the steps ------------------------------------------------------------------------------------


def _signature(case: Case) -> None:
    """1. Everything that is said in the seller's (or the buyer's) name was signed by a device of theirs."""
    case.looked = True
    if not any(one.by == case.document.seller for one in case.evidence.signed):
        case.tell("red", "unsigned")
    for one in case.evidence.signed:
        held = case.evidence.keys.get(one.by)
        device = held.devices.get(one.device) if held else None
        holds = ed25519.verify(one.device, one.message, one.signature)
        if held is None and holds:
            case.tell("amber", "keys-missing")
        elif device is None or device.scope not in one.scopes or not holds:
            case.tell("red", "signature")
        elif device.ends:
            thread, incarnation, number = one.place
            if number > device.ends[-1].limit(thread, one.device, incarnation):
                case.tell("red", "withdrawn-key")


def _origin(case: Case) -> None:
    """2. The proofs can be read, and are about the record of the seller."""
    wanted = {name: one.proof for name, one in case.evidence.books.items() if name in case.document.books}
    wanted[""] = case.evidence.batch_proof
    for name, text in wanted.items():
        if not text:
            continue
        try:
            read = proof.parse(text.encode())
        except (Invalid, UnicodeEncodeError):
            case.tell("red", "proof-malformed")
            continue
        case.looked = True
        case.proofs[name] = read
        if read.extra is not None:
            case.tell("red", "proof-malformed")
        if checkpoint.parse_text(read.note.text).origin != leaf.origin_of(case.document.seller):
            case.tell("red", "origin")
    if case.evidence.forked:
        case.tell("red", "forked")


def _book(case: Case) -> None:
    """3. The price book is the one whose hash the document names, and so is its entry."""
    for name in case.document.books:
        given = case.evidence.books.get(name, BookEvidence())
        if not given.canonical:
            case.tell("amber", "book-missing")
            continue
        case.looked = True
        try:
            hashed, book = _loaded(given.canonical)
        except WeftError:
            case.tell("red", "book-unsound")
            continue
        if hashed != name:
            case.tell("red", "book-hash")
        case.books[name] = book
        if given.entry:
            _read_leaf(case, name, given.entry, book)


def _read_leaf(case: Case, name: str, entry: bytes, book: PriceBook) -> None:
    try:
        read = leaf.parse(entry)
    except Invalid:
        case.tell("red", "entry")
        return
    if not isinstance(read, BookLeaf) or (read.hash, read.id, read.valid_from, read.notice_days) != (
            name, book.id, book.valid_from, book.notice_days):
        case.tell("red", "entry")
        return
    case.leaves[name] = read


def _inclusion(case: Case) -> None:
    """4. The record holds the book, and the batch, at their places."""
    for name in case.document.books:
        if name not in case.proofs or not case.evidence.books[name].entry:
            case.tell("amber", "not-logged")
    for read, entry in case.all_proofs().values():
        said = checkpoint.parse_text(read.note.text)
        try:
            merkle.verify_inclusion(merkle.leaf_hash(entry), read.index, said.size, said.root, read.path)
        except Invalid:
            case.tell("red", "inclusion")
        case.looked = True


def _log(case: Case) -> None:
    """5. A device of the seller signed the record at that size."""
    known = case.log_keys
    held = case.evidence.keys.get(case.document.seller)
    if held is None:
        return  # told as ``keys-missing``
    for read, _ in case.all_proofs().values():
        case.looked = True
        try:
            by = note.verify(read.note, known, cosignature.is_signed)
        except Invalid:
            case.tell("red", "log-signature")
            continue
        if all(held.devices[b64(key.public)].revoked for key in by):
            case.tell("amber", "log-key-withdrawn")


def _witnesses(case: Case) -> None:
    """6. As many have seen it as the one who asks wants, of those whom it knows."""
    trusted = case.trust.policy
    for name, (read, _) in case.all_proofs().items():
        case.looked = True
        seen = _seen(case, read.note)
        case.seen[name] = seen
        if trusted is None or trusted.quorum == policy.NONE:
            case.tell("amber" if name else "note", "no-witnesses")
        elif not trusted.witnesses:
            case.tell("amber" if name else "note", "unseen")
        elif not policy.is_met(trusted, frozenset(seen)):
            case.tell("amber" if name else "note", "too-few", seen=len(seen), known=len(trusted.witnesses))
        elif set(seen) == {case.trust.own}:
            case.tell("note", "only-own")


def _seen(case: Case, read: note.Note) -> dict[str, int]:
    """When each witness that is known saw the checkpoint ``read`` (seconds); a false signature of one is told.

    A line names its key by a name and 4 bytes, which somebody can make alike for two keys: then it is that of either.
    """
    names = {} if case.trust.policy is None else {key: name for name, key in case.trust.policy.witnesses.items()}
    by: dict[str, int] = {}
    for one in read.signatures:
        known = [key for key in names if (key.name, key.id) == (one.name, one.id)]
        signed = [key for key in known if cosignature.is_signed(key, read.text, one.value)]
        if known and not signed:
            case.tell("red", "cosignature")
            return {}
        for key in signed:
            by.setdefault(names[key], cosignature.timestamp_of(one.value))
    return by


def _price(case: Case) -> None:
    """7. The rule gives exactly these amounts, and the document adds them up."""
    if case.books:
        case.looked = True
    lines = [line for line in case.document.priced if not line.book or line.book in case.books]
    case.priced = bool(case.books) and len(lines) == len(case.document.priced)
    told = [one for line in lines for one in worth.compared(line, case.books.get(line.book), case.document.currency)]
    told += [one for line in lines for one in worth.asked(line, case.books.get(line.book), case.document.currency)]
    told += [*worth.shares(case.document), *worth.together(case.document)]
    told += worth.sums(case.document)
    for one in told:
        case.tell(one.weight, one.code, **one.facts)


def _newest(case: Case) -> None:
    """8. No newer version of the book was in force when the price was made, and this one was; as far as is shown."""
    shown_ms = _shown_ms(case) if any(case.seen.values()) else 0  # else it is told that nobody has seen it
    for name, ours in case.leaves.items():
        case.looked = True
        made_ms = max(map(instant.to_ms, _priced_at(case, name)), default=0)
        if shown_ms and made_ms - shown_ms > case.trust.max_age_days * _DAY_MS:
            case.tell("amber", "too-old", day=instant.from_ms(shown_ms), days=(made_ms - shown_ms) // _DAY_MS)
        for at in _priced_at(case, name):
            for one in timing.version(case.books[name], ours, at, [known for _, known in case.evidence.known]):
                case.tell(one.weight, one.code, **one.facts)
        _beside(case, name, ours)


def _beside(case: Case, name: str, ours: BookLeaf) -> None:
    """Whether "the same rule for everybody" says which: no other book in force, and not a new version every hour."""
    told = list(timing.often(ours, [known for _, known in case.evidence.known]))
    for line in case.document.priced:
        if line.book == name and not (line.off_book or line.changed):
            at = line.priced_at or case.document.at
            for _, rival in _rivals(case, ours, at, at):
                told += worth.otherwise(line, rival, case.document.currency)
    for one in told:
        case.tell(one.weight, one.code, **one.facts)


def _rivals(case: Case, ours: BookLeaf, at: str, used: str = "") -> Iterator[tuple[BookLeaf, PriceBook]]:
    """The seller's other books that had begun at ``at``, and not ended when ``used``, as far as they are at hand."""
    for one in timing.begun((known for _, known in case.evidence.known), instant.to_ms(at)):
        given = case.evidence.books.get(one.hash) if one.id != ours.id else None
        if given is None or not given.canonical:
            continue
        try:
            hashed, book = _loaded(given.canonical)
        except WeftError:
            continue
        ended = used and book.valid_until and instant.to_ms(book.valid_until) <= instant.to_ms(used)
        if hashed == one.hash and not ended:
            yield one, book


def _shown_ms(case: Case) -> int:
    """When somebody who counts saw the newest state of the record that is at hand; 0: nobody."""
    seen = [at for by in case.seen.values() for at in by.values()]
    return max(max(seen, default=0) * 1000, max((one.ms for one in case.evidence.sightings), default=0))


def _notice(case: Case) -> None:
    """9. It was public when it was used, and an increase as long before as the book promises."""
    sightings = [*case.evidence.sightings, *_older(case)]
    for name, ours in case.leaves.items():
        if name not in case.proofs:
            continue
        case.looked = True
        at = timing.Public(place=case.proofs[name].index, leaf=ours, sightings=tuple(sightings),
                           witnessed=tuple(case.seen.get(name, {}).values()),
                           with_document=case.evidence.books[name].with_document)
        before = _before(case, ours)
        items = frozenset(line.item for line in case.document.priced if line.book == name)
        for priced_at in _priced_at(case, name):
            for one in timing.public(at, priced_at, case.books[name], before, items):
                case.tell(one.weight, one.code, **one.facts)
            for rival in _rivals(case, ours, ours.at):
                for one in timing.elsewhere(ours, priced_at, case.books[name], rival, items):
                    case.tell(one.weight, one.code, **one.facts)


def _older(case: Case) -> list[Sighting]:
    """What signed checkpoints of before show: no more leaves than that when enough witnesses saw them.

    One witness alone could write any time; when so many did, the earliest of their times counts.
    """
    found, trusted = [], case.trust.policy
    for text in case.evidence.older:
        try:
            read = note.parse(text.encode())
            said = checkpoint.verify(read, case.log_keys, cosignature.is_signed)
        except (Invalid, UnicodeEncodeError):
            case.tell("red", "older-malformed")
            continue
        seen = _seen(case, read)
        if len(read.signatures) < 2:
            case.tell("red", "older-malformed")
        elif seen and trusted is not None and trusted.quorum != policy.NONE and policy.is_met(trusted, frozenset(seen)):
            found.append(Sighting(said.size, min(seen.values()) * 1000))
    return found


def _before(case: Case, ours: BookLeaf) -> PriceBook | None:
    """The version before ``ours``, if it is at hand."""
    earlier = [one for _, one in case.evidence.known if one.id == ours.id and one.number < ours.number]
    last = max(earlier, key=lambda one: one.number, default=None)
    given = case.evidence.books.get(last.hash) if last else None
    if last is None or given is None or not given.canonical:
        return None
    try:
        hashed, book = _loaded(given.canonical)
    except WeftError:
        return None
    return book if hashed == last.hash else None


def _priced_at(case: Case, name: str) -> list[str]:
    return list(dict.fromkeys(line.priced_at or case.document.at
                              for line in case.document.priced if line.book == name))


def _committed(case: Case) -> None:
    """10. The record binds the seller to this very document."""
    opened, given = case.evidence.opening, case.evidence
    if opened is None:
        _not_committed(case)
        return
    case.looked = True
    if opened.document != case.document.id:
        case.tell("red", "opening-other")
        return
    try:
        read = leaf.parse(given.batch)
        if not isinstance(read, BatchLeaf) or read.n != opened.n:
            raise Invalid("pricing.opening")  # noqa: TRY301 - told as all others are
        commitment.verify(opened, read.root)
    except Invalid:
        case.tell("red", "opening")
        return
    if "" not in case.proofs:
        case.tell("red", "opening")
        return
    trusted = case.trust.policy
    case.committed = trusted is not None and trusted.quorum != policy.NONE and policy.is_met(
        trusted, frozenset(case.seen.get("", {})))


def _not_committed(case: Case) -> None:
    """It is owed within a day; who says other things since and not this has left it out."""
    if not case.proofs:
        return
    due = instant.to_ms(case.document.at) + case.trust.commit_hours * _HOUR_MS
    if case.trust.now_ms <= due:
        case.tell("note", "commit-pending", hours=case.trust.commit_hours)
    elif case.evidence.heard_ms is None:
        case.tell("amber", "commit-unshown", hours=case.trust.commit_hours)
    elif case.evidence.heard_ms > due:
        case.tell("red", "commit-missing", hours=case.trust.commit_hours)
    else:
        case.tell("amber", "commit-overdue", hours=case.trust.commit_hours)


STEPS: Final[Mapping[str, Callable[[Case], None]]] = {
    "signature": _signature, "origin": _origin, "book": _book, "inclusion": _inclusion, "log": _log,
    "witnesses": _witnesses, "price": _price, "newest": _newest, "notice": _notice, "committed": _committed,
}


# ---- the verdict ----------------------------------------------------------------------------------


def check(
    document: Document, evidence: Evidence, trust: Trust, steps: Mapping[str, Callable[[Case], None]] = STEPS
) -> Verdict:
    """What ``evidence`` shows of ``document`` to one who trusts as ``trust`` says; it never raises."""
    case = Case(document, evidence, trust)
    told = []
    for name, step in steps.items():
        case.step, case.looked, before = name, False, len(case.findings)
        step(case)
        worst = {one.weight for one in case.findings[before:]} - {"note"}
        state: Literal["ok", "unknown", "amber", "red"] = (
            "red" if "red" in worst else "amber" if worst else "ok" if case.looked else "unknown")
        told.append(Step(name, state))
    return _verdict(case, tuple(told))


def _verdict(case: Case, steps: tuple[Step, ...]) -> Verdict:
    findings = tuple({repr(one): one for one in case.findings}.values())
    red = [one for one in findings if one.weight == "red"]
    amber = [one for one in findings if one.weight == "amber"]
    colour: Colour = "red" if red else "amber" if amber else "green"
    first = next(iter([*red, *amber]), None)
    first_book = next(iter(case.document.books), "")
    book_at = case.leaves[first_book].at if first_book in case.leaves else ""
    seen = set.intersection(*(set(case.seen.get(name, {})) for name in case.document.books or ("",)))
    facts: dict[str, str | int] = {"day": book_at, "n": len(seen)}
    return Verdict(
        colour=colour, level=0 if red else _level(case, amber), follows=_follows(case, red),
        said=first.code if first else "follows", facts={**facts, **first.facts} if first else facts, findings=findings,
        steps=steps, book_at=book_at, seen=tuple(sorted(seen)),
        as_of=instant.from_ms(shown_ms) if (shown_ms := _shown_ms(case)) else "")


def _follows(case: Case, red: list[Finding]) -> bool | None:
    """Whether the price follows the rule: no, if anything contradicts it; else as far as the rule could be applied."""
    if red:
        return False
    if any(one.code in ("off-book", "changed") for one in case.findings):
        return False
    amber = any(one.weight == "amber" for one in case.findings)
    return True if case.priced and not amber else None


def _level(case: Case, amber: list[Finding]) -> int:
    if not case.priced:
        return 0
    blocking = {"not-logged", "no-witnesses", "unseen", "too-few", "log-key-withdrawn", "book-missing", "keys-missing"}
    if any(one.code in blocking for one in amber):
        return 1
    if not case.committed:
        return 2
    return 4 if case.evidence.audited else 3


@lru_cache(BOOKS_READY_MAX)
def _loaded(data: bytes) -> tuple[str, PriceBook]:
    """The hash of canonical ``data``, and the sound book in it; raises ``Invalid`` or ``Refused``."""
    return b64(digest("price-book/1", data)), books.load(data)
