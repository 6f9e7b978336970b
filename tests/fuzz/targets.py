"""What is fed with bent bytes, and what must hold whatever they are.

Each target takes bytes and says whether it accepted them; anything but ``WeftError`` that it raises is a finding, and
so is a broken promise: what is accepted re-encodes to the same bytes, what is refused changes nothing.
"""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tests.engine.pricelog import sealed
from tests.fuzz import mutations
from tests.stories.stranger import ORDER, RELATIONSHIP, Stranger
from tests.thread.firms import Firm
from weft.basis.canonical import b64
from weft.basis.errors import WeftError
from weft.engine import exchange, handle, reconcile, requests, sync
from weft.engine.memory import Identity, Memory, new_incarnation
from weft.engine.ports import Batch
from weft.engine.pricelog import evidence
from weft.engine.receive import INVITATIONS, PENDING_MAX, key_state, token_name
from weft.identity.keylog import DeviceDelegation, KeyInception, commitment
from weft.identity.keys import Signer
from weft.pricing import leaf
from weft.stores.memory import MemoryStore
from weft.thread import bundle, event, pack
from weft.thread.audit import audit
from weft.thread.event import from_envelope, to_envelope, unwire, wire
from weft.thread.verify import check_event
from weft.trade.messages import Party, PartyUpdated

VECTORS = Path(__file__).resolve().parents[1] / "vectors"
AT = "2026-11-25T08:00:00.000Z"
MAKER, SHOP = Firm(201), Firm(202)
PROOFS = tuple(sealed.files().values())


class Finding(Exception):
    """A promise was broken."""


def promised(held: object, what: str) -> None:
    if not held:
        raise Finding(what)


def same_bytes(raw: bytes) -> None:
    """By another encoder than ours: what was accepted is spelled in the one way."""
    again = json.dumps(json.loads(raw), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    promised(again == raw, "a header in another spelling was accepted")


# ---- single bytes in, a value or a refusal out ---------------------------------------------------


def take_envelope(data: bytes, _luck: random.Random) -> bool:
    """One event on the wire: form, then signature."""
    one = unwire(data)
    same_bytes(one.raw)
    promised(unwire(wire(one)) == one, "an event does not come back from its own bytes")
    promised(one.id == event.event_id(one.raw), "an id is not that of its bytes")
    check_event(one, {MAKER.id: "seller", SHOP.id: "buyer"}, MAKER.keys() if one.author == MAKER.id else None)
    return True


def reader(read: Callable[[bytes], Any]) -> Callable[[bytes, random.Random], bool]:
    """A target that reads a message and writes it again."""
    def take(data: bytes, _luck: random.Random) -> bool:
        told = read(data)
        promised(read(msgspec.json.encode(told)) == told, "a message does not come back from its own bytes")
        return True

    return take


def take_evidence(data: bytes, _luck: random.Random) -> bool:
    """The proof of a price as a file: whatever is changed in it, nobody takes it for true."""
    told = evidence.verify_file(data)
    promised(data in PROOFS or told.verdict.follows is not True, "a changed proof was taken for true")
    return True


def take_leaf(data: bytes, _luck: random.Random) -> bool:
    """An entry of a price record."""
    promised(leaf.encode(leaf.parse(data)) == data, "a leaf does not come back from its own bytes")
    return True


HOLDING = reconcile.Holding({b64(bytes([k % 256, k // 256]) * 16): b64(bytes([k % 7]) * 32) for k in range(1_000)})


def take_question(data: bytes, _luck: random.Random) -> bool:
    told = reconcile.answer(HOLDING, reconcile.read_question(data))
    promised(len(msgspec.json.encode(told)) < 200_000, "an answer beyond its bound")
    return True


def take_answer(data: bytes, _luck: random.Random) -> bool:
    comparison = reconcile.Comparison(HOLDING)
    comparison.take(reconcile.read_answer(data))
    promised(len(comparison.question().ranges) <= reconcile.RANGES_MAX, "a question beyond its bound")
    return True


def take_pack(data: bytes, _luck: random.Random) -> bool:
    sound = audit(data).sound  # never raises, whatever it is
    read = pack.read(data)
    promised(pack.read(data) == read, "a pack reads in two ways")
    return sound


def take_bundle(data: bytes, luck: random.Random) -> bool:
    opened, size, at = bundle.Reader(SHOP.device), luck.choice((64, 1_000, 1 << 20)), 0
    while at < len(data):
        for _ in opened.feed(data[at:at + size]):
            pass
        at += size
    for _ in opened.end():
        pass
    return True


def take_key_log(data: bytes, _luck: random.Random) -> bool:
    shown = exchange.read_exchange(data)
    state = key_state(shown.firm, shown.log)
    promised(exchange.proved(data) == state, "a key log proves two things")
    promised(state.keys, "a key log without keys was taken")
    return True


# ---- a node that is told things -------------------------------------------------------------------


@dataclass
class Told:
    """A node with one partner and one open invitation, in memory; the partner signs what it likes."""

    loop: asyncio.AbstractEventLoop
    memory: Memory = field(init=False)
    partner: Stranger = field(init=False)
    gate: requests.Gate = field(init=False)
    words: list[event.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loop.run_until_complete(self._begin())

    async def _begin(self) -> None:
        source = random.Random(9)
        root, following, device = (Signer(source.randbytes(32)) for _ in range(3))
        self.partner = Stranger(0, "", 203)
        clock = self.partner.clock
        self.memory = Memory(Identity("", device, new_incarnation(source.randbytes)), MemoryStore(), clock,
                             source.randbytes)
        own = await handle.append_key_events(self.memory, root, [
            KeyInception(keys=[root.public], next=commitment([following.public])),
            DeviceDelegation(device=device.public, scope="node")])
        self.memory.identity.organisation = self.partner.host = own
        self.memory.identity.key_event = (await self.memory.state(own)).event
        await self.memory.store.commit(Batch(values=[(INVITATIONS, token_name("t"), b'{"note":"","until":""}')]))
        first = self.partner.proposal("t")
        await self._push(first.thread, [first])
        self.memory.partners[self.partner.id] = first.thread
        update = self.partner.message(first.thread, PartyUpdated(party=Party(name="S")), RELATIONSHIP, n=1, p=first.id)
        order = self.partner.request()
        await self._push(order.thread, [order])
        self.words = [first, update, order, self.partner.request(mark="2"),
                      self.partner.message(order.thread, b'{"reason":"none"}', ORDER, n=1, p=order.id, y="Withdrawal")]
        self.gate = requests.Gate(self.memory)

    async def _push(self, thread: str, events: list[event.Event]) -> None:
        envelopes = [to_envelope(one) for one in events]
        reply = await sync.answer(self.memory, self.partner.id, sync.SyncRequest(thread, [], envelopes))
        promised(not reply.invalid, f"the corpus is not valid: {reply.invalid}")

    def picture(self) -> tuple[Any, ...]:
        """What is stored, so that a change is seen."""
        store: Any = self.memory.store
        return (tuple((row.thread, row.heads, row.length) for row in store._threads.values()),
                sum(len(shelf.pending) for shelf in store._shelves.values()), len(store._forks),
                len(store._values.get(INVITATIONS, ())))

    def take_sync(self, data: bytes, _luck: random.Random) -> bool:
        """A request to sync from the partner, through the same calls as at the door."""
        before = self.picture()
        try:
            asked = sync.read_request(data)
            self.loop.run_until_complete(sync.answer(self.memory, self.partner.id, asked))
        except WeftError:
            promised(self.picture() == before, "what was refused has changed something")
            raise
        after = self.picture()
        if after != before:
            self._check_stored(asked, before, after)
        store: Any = self.memory.store
        promised(all(len(shelf.pending) <= PENDING_MAX for shelf in store._shelves.values()), "too much waits")
        return after != before

    def _check_stored(self, asked: sync.SyncRequest, before: Any, after: Any) -> None:
        """Whatever is new was sent, by a member, rightly signed."""
        grown = {thread: length for thread, _, length in after[0]}
        old = {thread: length for thread, _, length in before[0]}
        sent = {}
        for envelope in asked.events:
            try:
                one = from_envelope(envelope)
            except WeftError:
                continue
            sent[one.id] = one
        store: Any = self.memory.store
        for thread, length in grown.items():
            for place in range(old.get(thread, 0), length):
                row = store._shelves[thread].events[place]
                if row.author == self.memory.organisation:
                    continue
                one = sent.get(row.id)
                waited = one is None and length - old.get(thread, 0) > 1
                promised(one is not None or waited, "something was stored that nobody sent")
                if one is not None:
                    check_event(one, self.loop.run_until_complete(self.memory.members(thread)),
                                self.loop.run_until_complete(self.memory.keys(one.author)))
                    same_bytes(one.raw)

    def take_header(self, data: bytes, _luck: random.Random) -> bool:
        """The header that signs a request."""
        header = data.decode("latin-1")
        body = b'{"wait_ms":0}'
        asker = self.loop.run_until_complete(self.gate.check(sync.POLL_PATH, body, header))
        parts = header.split(".")
        promised(asker.organisation == self.partner.id and len(parts) == 5, "somebody else was let in")
        try:
            self.loop.run_until_complete(self.gate.check(sync.POLL_PATH, body, header))
        except WeftError:
            return True
        raise Finding("a request was taken twice")

    def signed_request(self, luck: random.Random) -> bytes:
        """A request whose events the partner has bent and signed."""
        one = luck.choice(self.words)
        made = mutations.signed_anew(luck, one, self.partner.device)
        chosen = [made or one, *(luck.sample(self.words, luck.randrange(3)))]
        luck.shuffle(chosen)
        envelopes = []
        for each in chosen:
            try:
                envelopes.append(to_envelope(each))
            except UnicodeDecodeError:
                continue
        heads = [luck.choice(self.words).id] if luck.random() < 0.3 else []
        return msgspec.json.encode(sync.SyncRequest(one.thread, heads, envelopes))

    def good_header(self) -> bytes:
        return requests.sign_request(self.partner.memory, self.memory.organisation, sync.POLL_PATH,
                                     b'{"wait_ms":0}')[0].encode()


# ---- valid bytes to begin with ---------------------------------------------------------------------


def _events() -> list[event.Event]:
    begun = MAKER.begin({MAKER.id: "seller", SHOP.id: "buyer"})
    events = [begun]
    for n in range(1, 5):
        events.append(MAKER.say(begun.thread, n, events[-1].id, content=b'{"note":"%d"}' % n))
    return events


def _bundle(events: list[event.Event]) -> bytes:
    manifest = bundle.Manifest(
        by=MAKER.id, device=MAKER.device.public, to=SHOP.id, at=AT, keys=0,
        content=bundle.content_of([one.id for one in events]),
        threads=[bundle.Carried(events[0].thread, [events[-1].id], [], len(events))])
    writer = bundle.Writer(manifest, MAKER.device, SHOP.device.public, bytes(range(64)))
    pieces = [writer.begin()]
    for one in events:
        pieces += writer.add(one)
    return b"".join([*pieces, *writer.end()])


def _packs(file: str) -> list[bytes]:
    kept = json.loads((VECTORS / file).read_text(encoding="utf-8"))
    lines = kept["base"]
    told = [case for case in kept["cases"] if case["step"] == 0]
    return ["\n".join(lines[one] if isinstance(one, int) else one for one in case["lines"]).encode() for case in told]


def corpora() -> dict[str, list[bytes]]:
    """Valid bytes of each target."""
    events = _events()
    envelopes = [to_envelope(one) for one in events]
    encode = msgspec.json.encode
    asked = [sync.SyncRequest(events[0].thread, [], envelopes), sync.SyncRequest("x" * 43, ["y" * 43])]
    told = [sync.SyncReply(heads=["x" * 43], events=envelopes, more=True, invalid=[("x", "y")])]
    question = reconcile.everything(reconcile.Holding({}))
    parts = reconcile.answer(HOLDING, question)
    few = reconcile.Answer([reconcile.Part(items=HOLDING.items(5, 20))])
    return {
        "envelope": [wire(one) for one in (*events, *MAKER.log)],
        "request": [encode(one) for one in asked], "reply": [encode(one) for one in told],
        "poll": [b"{}", b'{"wait_ms":25000}'], "polled": [b'{"threads":["a"],"restored":true}'],
        "question": [encode(question), encode(reconcile.Question([reconcile.Range("A", "B", "x"), *question.ranges]))],
        "answer": [encode(parts), encode(few), b'{"ranges":[{"same":true}]}'],
        "pack": [*_packs("packs.json"), *_packs("closing.json")], "bundle": [_bundle(events)],
        "keylog": [encode(exchange.Exchange(MAKER.id, [wire(one).decode() for one in MAKER.log]))],
        "evidence": list(PROOFS), "leaf": [
            leaf.encode(leaf.BatchLeaf(root=b64(bytes(32)), n=64, at=AT)),
            leaf.encode(leaf.ExceptionsLeaf(period="2026-11", count=2, band="10"))],
    }


TARGETS: dict[str, Callable[[bytes, random.Random], bool]] = {
    "envelope": take_envelope, "request": reader(sync.read_request), "reply": reader(sync.read_reply),
    "poll": reader(sync.read_poll), "polled": reader(sync.read_polled), "question": take_question,
    "answer": take_answer, "pack": take_pack, "bundle": take_bundle, "keylog": take_key_log,
    "evidence": take_evidence, "leaf": take_leaf,
}
