"""What follows what, across subjects: one table, read from top to bottom as an order travels.

A row: after this message in such a conversation, these reactions run, each once, each in a transaction of its own.
``who`` said it (own, peer, any); ``final``: only once it cannot be undone; ``undo``: if it turns out void.
Not here: how effects are kept and run (``effects.py``).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from weft.engine import closing, erasure, moves, retention
from weft.engine.effects import Reaction
from weft.engine.node import Node
from weft.engine.pricelog import batches, checking, showing
from weft.engine.reactions import (
    attesting,
    committing,
    invoicing,
    lateness,
    making,
    meeting,
    offering,
    ordering,
    parts,
    pickup_buyer,
    pickup_seller,
    pickup_shop,
    releasing,
    selling,
    sending,
    withholding,
)

TABLE: Final[Mapping[tuple[str, str], Sequence[Reaction]]] = {
    # two firms meet
    ("relationship", "RelationshipProposed"): [Reaction("accept-invited", meeting.accept_invited, "peer")],
    ("relationship", "MailboxesNamed"): [
        Reaction("learn-mailboxes", meeting.learn_mailboxes, "peer", undo=meeting.unlearn_mailboxes)],
    # a request is answered: suppliers are asked, stock and capacity held, the book's price quoted
    ("order", "RequestForQuotation"): [
        Reaction("answer-request", offering.answer_request, "peer", undo=releasing.release_offer)],
    ("order", "CounterOffer"): [
        Reaction("answer-counter", offering.answer_request, "peer", undo=releasing.release_offer)],
    ("order", "Quotation"): [
        Reaction("take-supplier-offer", offering.take_supplier_offer, "peer"),
        Reaction("offer-places", pickup_seller.offer_places, "own"),
        Reaction("order-service", pickup_seller.order_service, "peer"),
        Reaction("commit-quotation", committing.commit_document, "own"),
        Reaction("check-quotation", checking.check_document, "peer")],
    ("order", "RequestDeclined"): [
        Reaction("take-supplier-refusal", offering.take_supplier_refusal, "peer"),
        Reaction("take-shop-refusal", pickup_seller.take_shop_answer, "peer"),
        Reaction("release-offer", releasing.release_offer, "any")],
    ("order", "QuotationWithdrawn"): [Reaction("release-withdrawn", releasing.release_offer, "own")],
    ("production", "SourcingAnswered"): [Reaction("close-when-answered", offering.close_when_answered)],
    # an order becomes work
    ("order", "Order"): [
        Reaction("answer-order", ordering.answer_order, "peer", final=True),
        Reaction("commit-order", committing.commit_order, "peer", final=True),
        Reaction("check-order", checking.check_document, "own")],
    ("order", "OrderResponse"): [
        Reaction("ask-shop", pickup_seller.ask_shop, "own", final=True),
        Reaction("begin-work", ordering.begin_work, "own", final=True),
        Reaction("take-shop-answer", pickup_seller.take_shop_answer, "peer", final=True),
        Reaction("take-supplier-response", ordering.take_supplier_response, "peer", final=True)],
    ("order", "OrderCancellation"): [Reaction("stop-work", ordering.stop_work, "peer", final=True)],
    ("order", "OrderChangeResponse"): [
        Reaction("send-part", parts.send_part, "peer", final=True),
        Reaction("apply-accepted-change", ordering.apply_change, "peer", final=True),
        Reaction("apply-agreed-change", ordering.apply_change, "own", final=True),
        Reaction("count-change", committing.count_change, "any", final=True)],
    # prices are bound to what the firm has made public
    ("pricing", "BookPublished"): [Reaction("log-book", committing.log_book)],
    ("relationship", "Invoice"): [
        Reaction("commit-invoice", committing.commit_document, "own"),
        Reaction("check-invoice", checking.check_document, "peer")],
    # and partners' prices are checked against what they have made public
    ("relationship", "PriceBookShown"): [Reaction("take-book", checking.take_book, "peer")],
    ("relationship", "PricesCommitted"): [Reaction("take-openings", checking.take_openings, "peer")],
    ("relationship", "SlipShown"): [Reaction("take-slip", checking.take_slip)],
    # what is done is closed, and let go
    **{(name, "CloseProposed"): [Reaction("answer-proposal", closing.answer_proposal, "peer")]
       for name in ("order", "relationship")},
    **{(name, "CloseAccepted"): [Reaction("confirm-closing", closing.confirm, "peer")]
       for name in ("order", "relationship")},
    **{(name, "ThreadClosed"): [Reaction("note-closed", closing.note_closed)] for name in ("order", "relationship")},
    **{(name, "ErasureRequested"): [Reaction("erase-asked", erasure.answer_request)]
       for name in ("order", "relationship")},
    # the shop floor
    ("production", "MaterialExpected"): [
        Reaction("release-next", making.release_next), Reaction("replan-material", lateness.replan)],
    ("production", "JobStarted"): [
        Reaction("consume-material", making.consume_material), Reaction("tell-started", making.tell_progress)],
    ("production", "JobCounted"): [
        Reaction("tell-progress", making.tell_progress), Reaction("replan-counted", lateness.replan)],
    ("production", "JobCorrected"): [Reaction("replan-corrected", lateness.replan)],
    ("production", "JobEnded"): [
        Reaction("put-into-stock", making.put_into_stock), Reaction("release-after", making.release_next),
        Reaction("tell-made", making.tell_progress), Reaction("attest-minutes", attesting.attest_minutes),
        Reaction("replan-ended", lateness.replan)],
    ("production", "JobAborted"): [
        Reaction("stock-aborted", making.put_into_stock), Reaction("replan-aborted", lateness.replan)],
    ("production", "WorkCentreDown"): [Reaction("replan-down", lateness.replan)],
    ("production", "WorkCentreUp"): [Reaction("replan-up", lateness.replan)],
    ("production", "SequenceAdopted"): [Reaction("replan-sequence", lateness.replan)],
    ("production", "PromiseMoved"): [Reaction("propose-moved", lateness.propose_moved)],
    ("order", "OrderChange"): [Reaction("take-supplier-change", lateness.take_supplier_change, "peer")],
    **{("floor", kind): [Reaction(f"take-{kind}", making.take_machine_fact)] for kind in (
        "JobStarted", "JobCounted", "JobPaused", "JobResumed", "JobEnded", "JobAborted")},
    ("floor", "MachineAlarmed"): [Reaction("take-alarm", making.take_alarm)],
    ("floor", "MachineCleared"): [Reaction("take-clearance", making.take_clearance)],
    # goods leave, arrive, and are billed
    ("order", "DespatchAdvice"): [
        Reaction("book-hand-out", pickup_shop.book_hand_out, "own"),
        Reaction("take-hand-out", pickup_seller.take_hand_out, "peer", final=True),
        Reaction("book-despatch", sending.book_despatch, "own", final=True),
        Reaction("receive-sent", sending.receive_sent, "peer", final=True)],
    ("order", "ReceiptAdvice"): [
        Reaction("book-inspected", pickup_shop.book_inspected, "own"),
        Reaction("take-inspection", pickup_seller.take_inspection, "peer", final=True),
        Reaction("book-receipt", sending.book_receipt, "own", final=True),
        Reaction("bill-receipt", invoicing.bill_receipt, "peer", final=True)],
    # goods that are fetched at a shop
    ("order", "PickUpOffered"): [Reaction("note-places", pickup_buyer.note_places, "peer")],
    ("order", "PickUpNamed"): [Reaction("take-place", pickup_seller.take_place, "peer")],
    ("order", "PickUpReady"): [Reaction("note-ready", pickup_buyer.note_ready, "peer")],
    ("order", "BroughtBack"): [
        Reaction("book-return", pickup_shop.book_return, "own"),
        Reaction("take-return", pickup_seller.take_return, "peer", final=True),
        Reaction("book-brought-back", pickup_buyer.book_brought_back, "peer", final=True)],
    ("order", "SentBack"): [
        Reaction("book-sent-back", pickup_shop.book_sent_back, "own"),
        Reaction("take-sent-back", pickup_seller.take_sent_back, "peer", final=True)],
    # what is sold over the counter
    ("till", "SlipTaken"): [
        Reaction("book-slip", selling.book_slip), Reaction("bill-slip", selling.bill_slip),
        Reaction("commit-slip", selling.commit_slip)],
    ("till", "SlipDoubted"): [
        Reaction("commit-doubted", selling.commit_slip), Reaction("unbook-slip", withholding.unbook_slip),
        Reaction("unbill-slip", withholding.unbill_slip)],
}

TICKS: Final[Sequence[Callable[[Node], Awaitable[None]]]] = (
    releasing.expire, lateness.watch_promises, retention.look, batches.tick, showing.tell,
    checking.tick, selling.meet_shortages, moves.watch)
