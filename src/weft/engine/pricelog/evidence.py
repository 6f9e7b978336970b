"""A price and all that speaks for it in one file, which anybody can check without a node and without a network.

    {"weft": "price-evidence/1", "kind", "document", "seller", "by", "at", "need", "events" or "slip",
     "key_logs", "books", "opening", "batch", "batch_proof", "known", "older", "fork", "seen", "statements", "audits",
     "device", "seal"}

``events``: the document and the words that it rests on, in wire form, with the first of each thread without content.
``by`` is who made the file: it says which witnesses it believes (``statements``) and how many it wants (``need``), and
its ``device`` seals all of it.
Rule 1: a file has one spelling (canonical JSON, without defaults), and so has everything in it.
Rule 2: nobody is believed but by key logs in the file; that they are those of the firms one thinks, their ids tell.
Rule 3: who brings a policy of its own believes nobody's choice of witnesses.
Rule 4: what the maker has left out accuses nobody: that something is missing is never more than amber.
Not here: how a node gathers it (``checking.py``), the check (``pricing/check.py``), sentences (``locale/``).
"""

from collections.abc import Container, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from weft.basis import canonical, instant
from weft.basis.canonical import b64, digest, unb64
from weft.basis.errors import Invalid, WeftError
from weft.engine.pricelog import documents, forks, results
from weft.engine.pricelog.documents import Deal, Word
from weft.engine.pricelog.witness import Statement, verify_statement
from weft.engine.receive import key_state
from weft.identity.keylog import SCOPE_NODE, KeyState
from weft.identity.keys import Signer, verify
from weft.pricing import check, leaf
from weft.pricing.check import BookEvidence, Evidence, Finding, Sighting, Signed, Trust, Verdict
from weft.pricing.commitment import Opening
from weft.pricing.document import Document
from weft.pricing.leaf import BookLeaf
from weft.thread import clock
from weft.thread.event import Event, signed_bytes, unwire, wire
from weft.till import slip as slips
from weft.till import verify as slip_rules
from weft.tlog import cosignature, merkle, note, proof
from weft.tlog.note import VerifierKey
from weft.tlog.policy import Group, Policy
from weft.trade import attested
from weft.trade.messages import (
    ORDER_MESSAGES,
    RELATIONSHIP_MESSAGES,
    Invoice,
    Order,
    OrderChange,
    Quotation,
    RequestForQuotation,
)
from weft.trade.shown import SlipShown

KIND: Final = "price-evidence/1"
BYTES_MAX: Final = 8 * 1024 * 1024
EVENTS_MAX: Final = 2_000
GROUP: Final = "enough"
_MESSAGES: Final = {**ORDER_MESSAGES, **RELATIONSHIP_MESSAGES, **attested.WORDS}


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A piece of the file."""


class Book(_Part, frozen=True, kw_only=True):
    """A version of a price book, its entry in the seller's price record, and the proof of that; "" what is missing."""

    hash: str
    book: str = ""
    entry: str = ""
    proof: str = ""


class Known(_Part, frozen=True, kw_only=True):
    """Another book entry of the record, with its proof."""

    entry: str
    proof: str


class File(_Part, frozen=True, kw_only=True):
    """The file; see the module's first lines."""

    weft: str
    kind: str
    document: str
    seller: str
    by: str
    at: str
    need: int = 1
    events: tuple[str, ...] = ()
    slip: str = ""
    key_logs: dict[str, tuple[str, ...]] = {}
    books: tuple[Book, ...] = ()
    opening: Opening | None = None
    batch: str = ""
    batch_proof: str = ""
    known: tuple[Known, ...] = ()
    older: tuple[str, ...] = ()
    fork: str = ""
    seen: tuple[tuple[int, str], ...] = ()
    statements: tuple[Statement, ...] = ()
    audits: tuple[str, ...] = ()
    device: str = ""
    seal: str = ""


class Told(NamedTuple):
    """What a file shows: the document, the verdict, who made the file, and the witnesses that counted."""

    document: Document
    verdict: Verdict
    by: str
    own_policy: bool


# ---- reading and writing -------------------------------------------------------------------------


def is_evidence(data: bytes) -> bool:
    """Whether ``data`` looks like such a file, damaged or not."""
    return any(mark in data[:BYTES_MAX] for mark in (f'"{KIND}"'.encode(), b'"key_logs"'))


def parse(data: bytes) -> File:
    """The file in ``data``; raises ``Invalid('evidence.malformed')``."""
    if len(data) > BYTES_MAX:
        raise Invalid("evidence.malformed")
    try:
        file = msgspec.convert(canonical.decode(data), File)
        same = encode(file) == data
    except (Invalid, msgspec.ValidationError) as error:
        raise Invalid("evidence.malformed") from error
    if file.weft != KIND or not same or len(file.events) > EVENTS_MAX:
        raise Invalid("evidence.malformed")
    return file


def encode(file: File) -> bytes:
    """The bytes of ``file``."""
    return canonical.encode(msgspec.to_builtins(file))


def sealed(file: File, signer: Signer) -> bytes:
    """The bytes of ``file`` under the seal of the firm that makes it."""
    file = msgspec.structs.replace(file, device=signer.public, seal="")
    return encode(msgspec.structs.replace(file, seal=b64(signer.sign(_to_seal(file)))))


def _to_seal(file: File) -> bytes:
    return digest(KIND, encode(msgspec.structs.replace(file, seal="")))


def trimmed(text: str, origin: str, known: Container[tuple[str, bytes]]) -> str:
    """The proof ``text`` without signatures of anybody but the log itself and the ``known`` (name, key id)."""
    if not text:
        return ""
    read = proof.parse(text.encode())
    kept = tuple(one for one in read.note.signatures if one.name == origin or (one.name, one.id) in known)
    return proof.encode(msgspec.structs.replace(read, note=read.note._replace(signatures=kept))).decode()


# ---- verifying -----------------------------------------------------------------------------------


def verify_file(
    data: bytes, trusted: Policy | None = None, now_ms: int | None = None, steps: Mapping[str, Any] = check.STEPS,
    *, seal: bool = True, max_age_days: int = check.MAX_AGE_DAYS,
) -> Told:
    """What the file shows; raises ``Invalid`` when nothing can be read of it, or a part that it rests on is missing.

    ``trusted``: witnesses that the reader itself believes; else those that the maker of the file believes.
    ``max_age_days``: how much older than the price the newest state of the record in the file may be.
    """
    # 1. It is such a file, and every key log in it holds.
    file = parse(data)
    keys = {firm: keys_of(firm, envelopes) for firm, envelopes in file.key_logs.items()}
    # 2. It rests on words whose threads name their authors as members.
    said = _Said(file, keys)
    document = said.document()
    # 3. The maker's own words, and the seal over all.
    own = [] if not seal or _is_sealed(file, keys, said) else [_red("seal")]
    statements, false = witnesses_of(file, keys)
    policy = trusted if trusted is not None else policy_of(statements, file.need)
    # 4. The steps of the check.
    asked_ms = now_ms if now_ms is not None else instant.to_ms(file.at)
    evidence, more = _evidence(file, keys, said, own_policy=trusted is not None)
    audited, false_audits = _audited(file, relies=trusted is None and file.by != file.seller)
    evidence = msgspec.structs.replace(evidence, audited=audited)
    trust = Trust(policy=policy, now_ms=asked_ms, own="" if trusted else file.by, max_age_days=max_age_days)
    verdict = check.check(document, evidence, trust, steps)
    if (file.seen or file.older) and verdict.colour != "red":
        verdict = _with_testimony(verdict, check.check(document, _testified(file, evidence), trust, steps))
    strangers = trusted is None and _has_strangers(file, list(statements.values()))
    more += [*own, *false_audits]
    more += [*([_red("statement")] if false else []), *([_red("strange-signature")] if strangers else [])]
    more += [Finding(code="slip-unsound", weight="red", step="price", facts={"why": one}) for one in said.faults]
    if trusted is None and file.by == file.seller:
        more.append(Finding(code="sellers-choice", weight="note", step="witnesses"))
    return Told(document, check.joined(verdict, more), file.by, trusted is not None)


def _red(code: str) -> Finding:
    return Finding(code=code, weight="red", step="signature")


def keys_of(firm: str, envelopes: Sequence[str]) -> KeyState:
    """What the key log of ``firm`` comes to; raises ``Invalid`` or ``Denied`` when it does not hold."""
    if any(wire(unwire(one.encode())).decode() != one for one in envelopes):
        raise Invalid("evidence.malformed")
    return key_state(firm, envelopes)


def policy_of(statements: Mapping[str, VerifierKey], need: int) -> Policy:
    """The policy: ``need`` of the firms (by id) that have said by which key they witness."""
    return Policy(GROUP, (), dict(statements), {GROUP: Group(max(1, need), tuple(statements))})


def witnesses_of(file: File, keys: Mapping[str, KeyState]) -> tuple[dict[str, VerifierKey], bool]:
    """The witnesses' keys by firm, and whether a statement in the file is false."""
    found: dict[str, VerifierKey] = {}
    for one in file.statements:
        try:
            if one.witness not in keys or one.witness == file.seller or one.witness in found \
                    or one.origin != leaf.origin_of(file.seller):
                return found, True
            found[one.witness] = verify_statement(one, keys[one.witness])
        except Invalid:
            return found, True
    return found, False


def _has_strangers(file: File, witnesses: Sequence[VerifierKey]) -> bool:
    """Whether a checkpoint bears a signature of nobody that is named: it could not be checked."""
    known = {(one.name, one.id) for one in witnesses}
    origin = leaf.origin_of(file.seller)
    texts = [*(one.proof for one in file.books), file.batch_proof, *(one.proof for one in file.known)]
    try:
        notes = [proof.parse(text.encode()).note for text in texts if text]
        notes += [note.parse(text.encode()) for text in file.older]
    except Invalid:
        return False  # told by the check
    return any(one.name != origin and (one.name, one.id) not in known for read in notes for one in read.signatures)


def _is_sealed(file: File, keys: Mapping[str, KeyState], said: "_Said") -> bool:
    held = keys.get(file.by)
    device = held.devices.get(file.device) if held else None
    if file.by not in {file.seller, *said.members} or device is None or device.scope != SCOPE_NODE:
        return False
    try:
        return verify(file.device, _to_seal(file), unb64(file.seal, 64))
    except Invalid:
        return False


class _Said:
    """The words in a file: read, their authors members of their threads."""

    def __init__(self, file: File, keys: Mapping[str, KeyState]) -> None:
        self.file, self.keys = file, keys
        self.signed: list[Signed] = []
        self.words: dict[str, Word] = {}
        self.roles: dict[str, dict[str, str]] = {}
        self.faults: list[str] = []
        self.requests: dict[str, Word] = {}
        for text in file.events:
            event = unwire(text.encode())
            if wire(event).decode() != text:
                raise Invalid("evidence.malformed")
            self._take(event)

    @property
    def members(self) -> set[str]:
        """Everybody who is a member of a thread in the file."""
        return {one for roles in self.roles.values() for one in roles}

    def _take(self, event: Event) -> None:
        header = event.header
        if isinstance(header.mem, dict):
            self.roles[event.thread] = dict(header.mem)
        roles = self.roles.get(event.thread)
        if roles is None or event.author not in roles or event.author not in self.keys \
                or header.ks not in self.keys[event.author].events:
            raise Invalid("evidence.incomplete", what=header.y)
        self.signed.append(signed_by(event))
        word = word_of(event)
        if word is not None:
            self.words[event.id] = word
            if isinstance(header.mem, dict) and (asked := request_of(event)) is not None:
                self.requests[event.thread] = asked
        elif not isinstance(header.mem, dict):
            raise Invalid("evidence.incomplete", what=header.y)

    def document(self) -> Document:
        """The document of the file; raises ``Invalid('evidence.incomplete')``."""
        if self.file.kind == "slip":
            return self._slip()
        said = self.words.get(self.file.document)
        maker = _MAKERS.get(self.file.kind)
        if said is None or maker is None or not isinstance(said.message, maker):
            raise Invalid("evidence.incomplete", what=self.file.kind)
        if isinstance(said.message, Quotation):
            found = documents.quotation(self._sellers(said), self.requests.get(said.thread))
        elif isinstance(said.message, Order):
            found = documents.order(said, self._accepted(said), self.requests.get(said.thread))
        else:
            found = documents.invoice(said, self._deals(), self._slips(said))
        if found.seller != self.file.seller:
            raise Invalid("evidence.incomplete", what="seller")
        return found

    def _slip(self) -> Document:
        pair = slips.signed(self.file.slip.encode())
        found = documents.slip(pair.slip)
        self.faults = [one.code for one in slip_rules.findings(pair.slip)]
        if found.seller != self.file.seller or found.id != self.file.document:
            raise Invalid("evidence.incomplete", what="slip")
        self.signed.append(slip_signed(pair))
        return found

    def _slips(self, said: Word) -> dict[str, slips.Slip]:
        """What tills sold on account, as the bill's author has shown it where it billed it."""
        found, named = {}, {line.order for line in said.message.lines}
        for word in self.words.values():
            if isinstance(word.message, SlipShown) and (word.by, word.thread) == (said.by, said.thread):
                pair = slip_of(word)
                if pair.slip.hash in named:
                    self.signed.append(slip_signed(pair))
                    self.faults += [one.code for one in slip_rules.findings(pair.slip)]
                    found[pair.slip.hash] = pair.slip
        return found

    def _sellers(self, said: Word) -> Word:
        if self.roles[said.thread].get(said.by) != "seller":
            raise Invalid("evidence.incomplete", what="seller")
        return said

    def _accepted(self, said: Word) -> Word:
        quoted = self.words.get(said.message.quotation)
        if self.roles[said.thread].get(said.by) != "buyer" or quoted is None or quoted.thread != said.thread \
                or not isinstance(quoted.message, Quotation):
            raise Invalid("evidence.incomplete", what="Quotation")
        return self._sellers(quoted)

    def _deals(self) -> dict[str, Deal]:
        found = {}
        for said in self.words.values():
            if isinstance(said.message, Order):
                taken = [one.message for one in self.words.values()
                         if one.thread == said.thread and type(one.message).__name__ == "OrderChangeResponse"]
                changes = [(self._proposed(one.change, said.thread), one.option) for one in taken if one.option]
                found[said.thread] = Deal(self._accepted(said), changes)
        return found

    def _proposed(self, name: str, thread: str) -> OrderChange:
        word = self.words.get(name)
        if word is None or word.thread != thread or not isinstance(word.message, OrderChange):
            raise Invalid("evidence.incomplete", what="OrderChange")
        return word.message


_MAKERS: Final[Mapping[str, type]] = {"quotation": Quotation, "order": Order, "invoice": Invoice}


def word_of(event: Event) -> Word | None:
    """What ``event`` says, if its content is at hand and it is a word of trade."""
    kind = _MESSAGES.get(event.header.y)
    if kind is None or 0 not in event.payloads:
        return None
    try:
        message = msgspec.json.decode(event.payloads[0].content, type=kind)
    except msgspec.DecodeError as error:
        raise Invalid("evidence.malformed") from error
    at = instant.from_ms(clock.milliseconds(event.header.h))
    return Word(event.id, event.thread, event.author, at, message)


def request_of(event: Event) -> Word | None:
    """The request that begins a thread, if its content is at hand."""
    word = word_of(event)
    return word if word is not None and isinstance(word.message, RequestForQuotation) else None


def signed_by(event: Event) -> Signed:
    """That the author of ``event`` has signed it."""
    header = event.header
    return Signed(by=event.author, device=header.d, message=signed_bytes(event.id), signature=event.signature,
                  place=(event.thread, header.i, header.n))


def slip_of(word: Word) -> slips.Signed:
    """The slip of a sale that ``word``, a ``SlipShown``, shows; raises ``Invalid`` for another firm's."""
    pair = slips.signed(word.message.slip.encode())
    if pair.slip.firm != word.by or pair.slip.kind != "sale":
        raise Invalid("evidence.malformed")
    return pair


def slip_signed(pair: slips.Signed) -> Signed:
    """That the till of a slip has signed it."""
    one = pair.slip
    return Signed(by=one.firm, device=one.till, message=one.digest, signature=unb64(pair.signature),
                  scopes=frozenset({"till", SCOPE_NODE}), place=("till", one.life, one.n))


def _evidence(
    file: File, keys: Mapping[str, KeyState], said: _Said, *, own_policy: bool
) -> tuple[Evidence, list[Finding]]:
    """What the file holds. Older states are proof by the reader's own witnesses alone: its maker chose the others."""
    in_document = {one.message.price.proof for one in said.words.values()
                   if isinstance(one.message, Quotation) and one.message.price}
    books = {one.hash: BookEvidence(
        canonical=one.book.encode(), entry=one.entry.encode(), proof=one.proof,
        with_document=one.proof in in_document) for one in file.books}
    found, more = _known(file, keys)
    forked = False
    if file.fork:
        try:
            told = forks.verify(file.fork.encode(), keys.get(file.seller))
            forked = told.firm == file.seller and not told.withdrawn
        except WeftError:
            more.append(_red("known-malformed"))
    if len(books) != len(file.books):
        more.append(_red("book-hash"))
    return Evidence(
        signed=tuple(said.signed), keys=keys, books=books, opening=file.opening, batch=file.batch.encode(),
        batch_proof=file.batch_proof, known=found, older=file.older if own_policy else (),
        forked=forked, heard_ms=None), more


def _audited(file: File, *, relies: bool) -> tuple[str, list[Finding]]:
    """When an auditor on whom the file's maker relies has found all right, if the reader relies on that, too."""
    try:
        at = results.newest(file.audits, file.seller, file.batch_proof)
    except Invalid:
        return "", [_red("audit-malformed")]
    return at if relies else "", []


def _testified(file: File, evidence: Evidence) -> Evidence:
    """``evidence`` with what the maker of the file says to have seen itself; raises ``Invalid`` for no instant."""
    seen = tuple(Sighting(size, instant.to_ms(at)) for size, at in file.seen)
    return msgspec.structs.replace(evidence, sightings=seen, older=file.older)


def _with_testimony(alone: Verdict, told: Verdict) -> Verdict:
    """``alone``, doubted where it does not go together with what the maker says: that is its word, and no proof."""
    found = next((one for one in told.findings if one.weight == "red"), None)
    if found is None:
        return alone
    if found.code == "older-malformed":
        return told
    doubt = Finding(code="maker-saw", weight="amber", step=found.step, facts={
        "day": found.facts.get("day", ""), "seen": found.facts.get("seen", found.facts.get("day", ""))})
    return msgspec.structs.replace(alone, colour="amber", follows=None, said=doubt.code, facts=doubt.facts,
                                   findings=(doubt, *alone.findings))


def _known(file: File, keys: Mapping[str, KeyState]) -> tuple[tuple[tuple[int, BookLeaf], ...], list[Finding]]:
    """Other entries, each with a proof that the seller's own signature is under.

    Under that of a device which was withdrawn since, a thief may have written them: they count neither way.
    """
    found = []
    for one in file.known:
        try:
            index, entry, read = proven(one, file.seller, keys)
        except WeftError:
            return (), [_red("known-malformed")]
        by = note.verify(read, check.log_keys(file.seller, keys), cosignature.is_signed)
        if isinstance(entry, BookLeaf) and not all(keys[file.seller].devices[b64(key.public)].revoked for key in by):
            found.append((index, entry))
    return tuple(found), []


def proven(one: Known, seller: str, keys: Mapping[str, KeyState]) -> tuple[int, leaf.Leaf, note.Note]:
    """The place of an entry, what it says, and the checkpoint that proves it; raises ``WeftError``."""
    entry, read = leaf.parse(one.entry.encode()), proof.parse(one.proof.encode())
    signed = check.signed_checkpoint(read.note, seller, keys)
    merkle.verify_inclusion(merkle.leaf_hash(one.entry.encode()), read.index, signed.size, signed.root, read.path)
    return read.index, entry, read.note
