"""After production: whether the machine minutes that were billed are near what the machines ran, if the book says so.

Rule 1: it is said only of lines whose price book promises it (``attested``), when all that they need was made.
Rule 2: once said, it is said: what is made later for the same line changes no word.
Not here: the record and the comparison (``engine/pricelog/minutes.py``, ``pricing/attest.py``).
"""

import contextlib
from typing import Any

from weft.basis import quantity as q
from weft.basis.errors import Invalid, Refused
from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.pricelog import documents, minutes
from weft.pricing import attest, exact
from weft.trade.attested import MinutesAttested
from weft.trade.order_state import OrderState


async def attest_minutes(node: Node, cause: Cause) -> None:
    """A job has ended: if it was the last of its line, tell the buyer how far the bill is from the record."""
    production = await node.book_state("production")
    job = production.jobs.get(cause.message.job)
    order = production.orders.get(job.order) if job else None
    if order is None or not order.demand.thread:
        return
    thread, line = order.demand.thread, order.demand.line
    if any(not one.closed for one in production.orders.values() if one.demand == order.demand):
        return
    state: OrderState = await node.state(thread)
    offer = next((one for one in state.quotation.lines if one.line == line), None) if state.quotation else None
    if offer is None or line not in state.lines or not await _is_promised(node, state, offer):
        return
    billed = attest.billed(offer.inputs, state.lines[line].ordered)
    try:
        runs = await minutes.runs_of(node, thread, line, list(billed))
        within = attest.band(billed, attest.recorded(runs))
    except Invalid:  # a clock that went back, a job without an end: nothing can be said of it
        return
    told = {name: q.text(q.decimal(exact.written(value))) for name, value in billed.items()}
    with contextlib.suppress(Refused, Invalid):  # the order has ended otherwise
        await node.speak(thread, MinutesAttested(line=line, billed=told, within_percent=within), f"attested:{line}")


async def _is_promised(node: Node, state: OrderState, offer: Any) -> bool:
    """Whether the price book of the line says that minutes are attested, and there are any."""
    if not attest.billed(offer.inputs, "1") or state.quotation is None or state.quotation.price is None:
        return False
    own = {kind: name for kind, name, _, _ in offer.trace if kind == documents.BOOK}
    version = (await node.book_state("pricing")).books.get(own.get(documents.BOOK, state.quotation.price.book))
    return version is not None and version.book.attested
