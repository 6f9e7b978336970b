"""EPCIS events derived from what happened: a job made something, goods were sent, came, or were lost.

EPCIS 2.0 §7.4 (ObjectEvent, TransformationEvent), CBV 2.0 §7 (business steps, dispositions).
Rule 1: an event says only what its input says; nothing is looked up, so the same input gives the same event.
Rule 2: every event carries its hash id, so that deriving twice records once.
Rule 3: quantities are numbers here and nowhere else; in Weft they are decimal strings (events are kept as text).
Not here: which fact of the engine becomes which input (``engine/reactions.py``), storing (``book.py``).
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final, Literal

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.basis.zone import Zone
from weft.trace import names
from weft.trace.hash import event_id

Event = dict[str, Any]
UTC_OFFSET: Final = "+00:00"  # until it is known where it happened
_PIECES: Final = frozenset({"C62", "EA", "PCE"})  # counted, so EPCIS wants no unit of measure


class Goods(msgspec.Struct, frozen=True, kw_only=True):
    """A quantity of an item, of one ``lot`` where it is known; ``named_by`` is the firm that named it ("" = we)."""

    item: str
    quantity: str
    unit: str = "C62"
    lot: str = ""
    gtin: str = ""
    named_by: str = ""


class JobDone(msgspec.Struct, frozen=True, kw_only=True):
    """A job of production order ``order`` ended. ``inputs``: lots that it took; ``outputs``: what came into being.

    A job in the middle of a routing has neither and leaves no event. ``customer_order``: the order thread, or "".
    """

    order: str
    job: str
    at: str
    inputs: tuple[Goods, ...] = ()
    outputs: tuple[Goods, ...] = ()
    work_centre: str = ""
    machine: str = ""
    customer_order: str = ""


class Scrapped(msgspec.Struct, frozen=True, kw_only=True):
    """Goods that are lost for good."""

    goods: tuple[Goods, ...]
    at: str
    order: str = ""
    work_centre: str = ""
    machine: str = ""


class Despatched(msgspec.Struct, frozen=True, kw_only=True):
    """Goods left us for ``partner`` in the order ``thread``; ``despatch`` is the DespatchAdvice's event id.

    ``kind`` materials: free-issue material (委外带料), which stays ours. ``thread`` is shared by both firms.
    """

    goods: tuple[Goods, ...]
    at: str
    partner: str
    thread: str
    despatch: str
    kind: Literal["goods", "materials"] = "goods"
    order_number: str = ""


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """Goods came from ``partner``: ``good`` ones, ``damaged`` ones, ``rejected`` ones; as ``Despatched`` otherwise."""

    good: tuple[Goods, ...]
    at: str
    partner: str
    thread: str
    despatch: str
    kind: Literal["goods", "materials"] = "goods"
    damaged: tuple[Goods, ...] = ()
    rejected: tuple[Goods, ...] = ()


def job_done(organisation: str, done: JobDone) -> list[Event]:
    """One TransformationEvent that joins what went in to what came out; empty when the job did neither."""
    if not done.inputs and not done.outputs:
        return []
    assembled = len({one.item for one in done.inputs}) > 1
    event = _event("TransformationEvent", done.at)
    event |= _listed("inputQuantityList", organisation, done.inputs)
    event |= _listed("outputQuantityList", organisation, done.outputs)
    event |= {"transformationID": names.uri(organisation, "order", done.order),
              "bizStep": "assembling" if assembled else "creating_class_instance",
              "disposition": "active" if done.outputs else "in_progress"}
    event |= _where(organisation, done.work_centre, done.machine)
    transactions = [("prodorder", names.uri(organisation, "order", done.order))]
    if done.customer_order:
        transactions.append(("po", names.order_thread(done.customer_order)))
    return [_finished(event, transactions)]


def scrapped(organisation: str, scrap: Scrapped) -> list[Event]:
    """One ObjectEvent that takes the goods out of being."""
    event = _event("ObjectEvent", scrap.at) | _listed("quantityList", organisation, scrap.goods)
    if "quantityList" not in event:
        return []
    event |= {"action": "DELETE", "bizStep": "destroying", "disposition": "destroyed"}
    event |= _where(organisation, scrap.work_centre, scrap.machine)
    transactions = [("prodorder", names.uri(organisation, "order", scrap.order))] if scrap.order else []
    return [_finished(event, transactions)]


def created(organisation: str, goods: Sequence[Goods], at: str, ref: str = "") -> list[Event]:
    """One ObjectEvent for lots that begin their life here without a job: opening stock, bought outside, found."""
    event = _event("ObjectEvent", at) | _listed("quantityList", organisation, goods)
    if "quantityList" not in event:
        return []
    event |= {"action": "ADD", "bizStep": "creating_class_instance", "disposition": "active"}
    event |= _where(organisation, "", "")
    return [_finished(event, [("recadv", names.document(ref))] if ref else [])]


def despatched(organisation: str, sent: Despatched) -> list[Event]:
    """One ObjectEvent shipping: whose it was, who has it next, under which order and despatch advice."""
    event = _event("ObjectEvent", sent.at) | _listed("quantityList", organisation, sent.goods)
    if "quantityList" not in event:
        return []
    event |= {"action": "OBSERVE", "bizStep": "shipping", "disposition": "in_transit"}
    event |= _where(organisation, "", "") | _parties(organisation, sent.partner, sent.kind)
    return [_finished(event, _papers(sent.thread, sent.despatch))]


def sold(organisation: str, goods: Sequence[Goods], at: str, slip: str, *, back: bool = False) -> list[Event]:
    """One ObjectEvent retail_selling: goods left over the counter by ``slip``; ``back``: they were taken back by it."""
    event = _event("ObjectEvent", at) | _listed("quantityList", organisation, goods)
    if "quantityList" not in event:
        return []
    step = {"bizStep": "accepting", "disposition": "returned"} if back else {
        "bizStep": "retail_selling", "disposition": "retail_sold"}
    event |= {"action": "OBSERVE", **step} | _where(organisation, "", "")
    return [_finished(event, [("inv", names.document(slip))])]


def handed_out(organisation: str, goods: Sequence[Goods], at: str, thread: str, despatch: str) -> list[Event]:
    """One ObjectEvent shipping: goods of others left our counter with whoever brought the code, whom we do not know."""
    event = _event("ObjectEvent", at) | _listed("quantityList", organisation, goods)
    if "quantityList" not in event:
        return []
    event |= {"action": "OBSERVE", "bizStep": "shipping", "disposition": "in_transit"}
    event |= _where(organisation, "", "")
    event["sourceList"] = [{"type": "possessing_party", "source": names.firm(organisation)}]
    return [_finished(event, _papers(thread, despatch))]


def brought_back(organisation: str, goods: Sequence[Goods], at: str, thread: str, ref: str, *,
                 holder: str = "") -> list[Event]:
    """One ObjectEvent accepting: goods came back to us, or to ``holder``, a firm with which they now lie for us."""
    event = _event("ObjectEvent", at) | _listed("quantityList", organisation, goods)
    if "quantityList" not in event:
        return []
    event |= {"action": "OBSERVE", "bizStep": "accepting", "disposition": "returned"}
    event |= _where(holder or organisation, "", "")
    event["destinationList"] = [{"type": "possessing_party", "destination": names.firm(holder or organisation)}]
    return [_finished(event, [("po", names.order_thread(thread)), ("rma", names.document(ref))])]


def received(organisation: str, came: Received) -> list[Event]:
    """ObjectEvent receiving for all that came, and one inspecting each for what is damaged or rejected."""
    everything = (*came.good, *came.damaged, *came.rejected)
    owner = _parties(came.partner, organisation, came.kind)
    steps = ((everything, "receiving", "in_progress"), (came.damaged, "inspecting", "damaged"),
             (came.rejected, "inspecting", "non_conformant"))
    events = []
    for goods, step, disposition in steps:
        event = _event("ObjectEvent", came.at) | _listed("quantityList", organisation, goods)
        if "quantityList" not in event:
            continue
        event |= {"action": "OBSERVE", "bizStep": step, "disposition": disposition}
        event |= _where(organisation, "", "") | (owner if step == "receiving" else {})
        events.append(_finished(event, _papers(came.thread, came.despatch)))
    return events


def placed(event: Event, zone: Zone) -> Event:
    """``event`` with how far the clock was ahead where and when it happened; its id is that of what it says now."""
    try:
        ahead = zone.told(instant.to_ms(event["eventTime"])).removeprefix("UTC")
    except Invalid:
        return event  # a partner wrote no instant: it stays as it was told
    moved = event | {"eventTimeZoneOffset": ahead}
    return moved | {"eventID": event_id(moved)}


def _event(kind: str, at: str) -> Event:
    return {"type": kind, "eventTime": at, "eventTimeZoneOffset": UTC_OFFSET}


def _listed(key: str, organisation: str, goods: Iterable[Goods]) -> Event:
    """Goods as a quantity list, the same lot summed; left out when nothing is in it, as the schema wants."""
    sums: dict[tuple[str, str], Decimal] = {}
    for one in goods:
        by = one.named_by or organisation
        name = names.lot_class(by, one.lot, one.gtin) if one.lot else names.item_class(by, one.item, one.gtin)
        sums[name, one.unit] = sums.get((name, one.unit), Decimal(0)) + Decimal(one.quantity)
    elements = [
        {"epcClass": name, "quantity": _number(total), **({} if unit in _PIECES else {"uom": unit})}
        for (name, unit), total in sums.items() if total > 0
    ]
    return {key: elements} if elements else {}


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _where(organisation: str, work_centre: str, machine: str) -> Event:
    if machine:
        point = names.uri(organisation, "machine", machine)
    elif work_centre:
        point = names.uri(organisation, "work-centre", work_centre)
    else:
        point = names.site(organisation)
    return {"readPoint": {"id": point}, "bizLocation": {"id": names.site(organisation)}}


def _parties(sender: str, receiver: str, kind: str) -> Event:
    kinds = ("possessing_party",) if kind == "materials" else ("owning_party", "possessing_party")
    return {"sourceList": [{"type": one, "source": names.firm(sender)} for one in kinds],
            "destinationList": [{"type": one, "destination": names.firm(receiver)} for one in kinds]}


def _papers(thread: str, despatch: str) -> list[tuple[str, str]]:
    return [("po", names.order_thread(thread)), ("desadv", names.document(despatch))]


def _finished(event: Event, transactions: Sequence[tuple[str, str]]) -> Event:
    if transactions:
        event["bizTransactionList"] = [{"type": kind, "bizTransaction": name} for kind, name in transactions]
    return {"eventID": event_id(event), **event}
