"""A quotation, an order and a bill of two firms, with book, price record and witnesses, as files of evidence."""

import random
from dataclasses import dataclass

import msgspec

from tests.pricing.books import valves
from tests.pricing.sellers import Seller
from tests.thread.firms import LIFE, Firm, as_bytes
from weft.basis import instant
from weft.basis.canonical import b64, unb64
from weft.engine.memory import Identity
from weft.engine.pricelog import evidence, witness
from weft.engine.pricelog.evidence import Book, File
from weft.pricing import commitment, evaluate, leaf
from weft.thread import clock
from weft.thread.event import wire
from weft.tlog import cosignature, note
from weft.trade.messages import Invoice, InvoiceLine, Order, PriceEvidence, Quotation, QuotationLine

AT = "2026-11-09T09:00:00.000Z"
SEEN_S = instant.to_ms("2026-11-05T08:00:00.000Z") // 1000


def hlc(at: str) -> str:
    return clock.tick(instant.to_ms(at), [])


@dataclass
class Trade:
    """Two firms, three witnesses, and what the seller's price record holds."""

    seller: Seller
    buyer: Firm
    witnesses: list[Firm]

    @property
    def origin(self) -> str:
        return self.seller.origin

    def identity(self, firm: Firm) -> Identity:
        return Identity(firm.id, firm.device, LIFE)

    def cosigned(self, seen_s=SEEN_S) -> note.Note:
        one = self.seller.checkpoint(by=())
        added = []
        for firm in self.witnesses:
            key = witness.key_for(self.identity(firm), self.origin)
            added.append(cosignature.sign(one.text, key.verifier.name, key.signer, seen_s))
        return one._replace(signatures=(*one.signatures, *added))

    def statements(self):
        return tuple(witness.state(self.identity(firm), self.origin) for firm in self.witnesses)


def trade() -> Trade:
    return Trade(Seller(Firm(7)), Firm(8), [Firm(21), Firm(22), Firm(23)])


def files(made: Trade | None = None, *, honest: bool = True) -> dict[str, bytes]:
    """The files of a quotation, its order and the bill, as the buyer exports them. Not ``honest``: dearer by a cent."""
    made = made or trade()
    seller, buyer, book = made.seller.firm, made.buyer, valves()
    index = made.seller.publish(book)
    quoted = _quotation(book, made.seller.prove(index, made.cosigned()), honest=honest)
    deal = _begun(buyer, {seller.id: "seller", buyer.id: "buyer"}, "order/1", "RequestForQuotation")
    quotation = seller.say(deal.thread, 0, None, [deal.id], "Quotation", as_bytes(quoted), m="order/1",
                           h=hlc("2026-11-09T08:00:00.000Z"))
    ordered = Order(number="O-1", quotation=quotation.id)
    order = buyer.say(deal.thread, 1, deal.id, [quotation.id], "Order", as_bytes(ordered), m="order/1",
                      h=hlc("2026-11-09T08:10:00.000Z"))
    line = quoted.lines[0]
    billed = Invoice(number="I-1", currency="CNY", net=line.net, tax=line.tax, gross=line.gross, payable=line.gross,
                     lines=(InvoiceLine(order=deal.thread, order_line="1", item="V15", quantity=line.quantity,
                                        net=line.net, tax=line.tax, gross=line.gross, tax_percent="13"),))
    bond = _begun(buyer, {seller.id: "acceptor", buyer.id: "proposer"}, "relationship/1", "RelationshipProposed")
    bill = seller.say(bond.thread, 0, None, [bond.id], "Invoice", as_bytes(billed), m="relationship/1",
                      h=hlc("2026-11-09T08:20:00.000Z"))
    draw = random.Random(3).randbytes
    salts = {one.id: draw(32) for one in (quotation, order, bill)}
    batch = commitment.batch([commitment.commit(salt, unb64(name)) for name, salt in salts.items()], draw)
    entry = made.seller.log(leaf.BatchLeaf(root=batch.root, n=batch.n, at="2026-11-09T08:30:00.000Z"))
    rests = {"quotation": [deal, quotation], "order": [deal, quotation, order],
             "invoice": [bond, bill, deal, quotation, order]}
    firms = [seller, buyer, *made.witnesses]
    found = {}
    for kind, events in rests.items():
        document = {"quotation": quotation, "order": order, "invoice": bill}[kind]
        file = File(
            weft=evidence.KIND, kind=kind, document=document.id, seller=seller.id, by=buyer.id, at=AT, need=2,
            events=tuple(wire(one).decode() for one in events),
            key_logs={firm.id: tuple(wire(one).decode() for one in firm.log) for firm in firms},
            books=(Book(hash=book.hash, book=book.canonical.decode(), entry=made.seller.entries[index].decode(),
                        proof=quoted.price.proof),),
            opening=commitment.opening(batch, salts[document.id], unb64(document.id)),
            batch=made.seller.entries[entry].decode(),
            batch_proof=made.seller.prove(entry, made.cosigned(SEEN_S + 400_000)), statements=made.statements())
        found[kind] = evidence.sealed(file, buyer.device)
    return found


def _begun(by: Firm, members: dict[str, str], machine: str, kind: str):
    """The first event of a thread, without its content."""
    one = by.say(None, kind=kind, m=machine, mem=members, g=b64(machine.encode().ljust(16)[:16]),
                 h=hlc("2026-11-09T07:00:00.000Z"))
    return msgspec.structs.replace(one, payloads={})


def _quotation(book, proof: str, *, honest: bool) -> Quotation:
    priced = evaluate.price(book, evaluate.Attributes(item="V15", quantity="120", unit="C62"))
    net, gross = (priced.net, priced.gross) if honest else ("4380.01", "4949.41")
    line = QuotationLine(line="1", item="V15", quantity="120", unit_price=priced.unit_price, net=net, tax=priced.tax,
                         gross=gross, tax_percent="13", promise="2026-11-20T08:00:00.000Z",
                         trace=tuple((one.kind, one.name, one.by, one.result) for one in priced.trace))
    return Quotation(number="Q-1", lines=(line,), currency="CNY", net=net, tax=priced.tax, gross=gross,
                     price=PriceEvidence(book=book.hash, proof=proof))


def resealed(file: File, by: Firm) -> bytes:
    """``file`` under another seal."""
    return evidence.sealed(file, by.device)


__all__ = ["AT", "Trade", "b64", "files", "resealed", "till_of", "trade"]


def till_of(made: Trade) -> tuple[object, bytes]:
    """A slip of a till of the seller, and a proof of a quotation of the same firm, whose key log knows the till."""
    from tests.till.counter import Counter
    from weft.identity import keylog

    seller = made.seller.firm
    counter = Counter(book=valves(), firm=seller.id, at_ms=instant.to_ms("2026-11-20T02:00:00.000Z"))
    last = seller.log[-1]
    said = keylog.DeviceDelegation(device=counter.key, scope="till")
    let_in = seller.key_event(said, seller.id, last.id, n=2, p=last.id)
    file = evidence.parse(files(made)["quotation"])
    logs = {**file.key_logs, seller.id: (*file.key_logs[seller.id], wire(let_in).decode())}
    return counter.sale(("V15", "12")), resealed(msgspec.structs.replace(file, key_logs=logs), made.buyer)
