"""What is proved of a price, for its page and as a file.

Rule 1: nothing is shown that was not checked at this moment.
Not here: the check (``pricing/check.py``), words (``locale/``: ``price.…``), the page that says what is not proved.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import NotFound
from weft.engine.pricelog import checking, gathering
from weft.engine.views.shape import View
from weft.pricing.check import Verdict
from weft.trade.messages import Invoice, Order, Quotation

KINDS: Final = (Quotation, Order, Invoice)
OPEN: Final = ("quoted", "countered", "ordered", "confirmed")


class FindingView(View, frozen=True, kw_only=True):
    """Something that was found; ``price.finding.<code>`` is its sentence."""

    code: str
    weight: str
    step: str
    facts: dict[str, str | int] = {}


class StepView(View, frozen=True, kw_only=True):
    """A step and what became of it: ok, unknown, amber or red."""

    name: str
    state: str


class ProofView(View, frozen=True, kw_only=True):
    """What is proved of a document's price. ``said`` with ``facts``: the one sentence; ``seen``: firms' names.

    ``as_of``: when somebody who counts saw the newest state of the seller's record; "" nobody.
    """

    thread: str
    document: str
    kind: str
    number: str
    seller: str
    ours: bool
    at: str
    currency: str
    gross: str
    colour: str
    level: int
    said: str
    facts: dict[str, str | int] = {}
    findings: tuple[FindingView, ...] = ()
    steps: tuple[StepView, ...] = ()
    book: str = ""
    book_at: str = ""
    seen: tuple[str, ...] = ()
    as_of: str = ""
    place: str = "order"


class SaidView(View, frozen=True, kw_only=True):
    """The one sentence about a price, and its colour."""

    colour: str
    said: str
    facts: dict[str, str | int] = {}


class EvidenceView(View, frozen=True, kw_only=True):
    """The file and what it may be called."""

    name: str
    file: str


async def price_proof(node: Any, thread: str, document: str = "") -> ProofView:
    """The check of ``document`` in ``thread`` (its newest priced document); raises ``NotFound``."""
    name = document or await newest(node, thread)
    found = await gathering.gather(node, thread, name)
    return proof_view(node, thread, found, gathering.verdict_of(found))


async def current(node: Any, thread: str, document: str) -> ProofView | None:
    """The check of ``document``; None when there is none, or nothing is left of it to check."""
    try:
        return await price_proof(node, thread, document) if document else None
    except NotFound:
        return None


async def kept(node: Any, documents: Sequence[str]) -> dict[str, SaidView]:
    """What was found last of each of ``documents`` that was checked."""
    found = {}
    for name in documents:
        data = await node.store.value(checking.VERDICTS, name)
        if data is not None:
            held = msgspec.msgpack.decode(data, type=checking.Kept)
            found[name] = SaidView(colour=held.colour, said=held.said, facts=held.facts)
    return found


async def red(node: Any) -> list[tuple[str, checking.Kept]]:
    """Documents of partners that contradict their rule and are still to be ordered, or to be paid."""
    return [(name, one) for name, one in await checking.red(node)
            if one.seller != node.organisation and await _matters(node, name, one)]


async def _matters(node: Any, document: str, one: checking.Kept) -> bool:
    found = await node.find(one.thread)
    if found is None:
        return False
    if one.kind == "invoice":
        bill = found.state.documents.get(document)
        return bill is not None and bill.open > 0
    return document in {found.state.quotation_id, found.state.order_id} and found.state.phase.value in OPEN


def proof_view(node: Any, thread: str, found: gathering.Gathered, verdict: Verdict) -> ProofView:
    """``verdict`` for people."""
    one = found.document
    return ProofView(
        thread=thread, document=one.id, kind=one.kind, number=one.number, seller=name_of(node, one.seller),
        ours=one.seller == node.organisation, at=one.at, currency=one.currency, gross=one.gross,
        colour=verdict.colour, level=verdict.level, said=verdict.said, facts=verdict.facts,
        findings=tuple(FindingView(code=told.code, weight=told.weight, step=told.step, facts=told.facts)
                       for told in verdict.findings),
        steps=tuple(StepView(name=step.name, state=step.state) for step in verdict.steps),
        book=next(iter(one.books), ""), book_at=verdict.book_at,
        seen=tuple(name_of(node, firm) for firm in verdict.seen), as_of=verdict.as_of,
        place="relationship" if one.kind == "invoice" else "order")


def name_of(node: Any, firm: str) -> str:
    """What we call ``firm``."""
    if firm == node.organisation:
        return str(node.config.firm.name)
    return next(iter(node.names.get(firm, ())), "") or firm[:8]


async def newest(node: Any, thread: str) -> str:
    """The last priced document of ``thread``; raises ``NotFound('price.no-document')``."""
    for one in reversed(await node.log(thread)):
        if isinstance(one.message, KINDS) and not one.void:
            return str(one.id)
    raise NotFound("price.no-document")


async def price_evidence(node: Any, thread: str, document: str = "") -> EvidenceView:
    """``document`` (the newest) and all that speaks for its price as a file; raises ``NotFound``."""
    name = document or await newest(node, thread)
    data = await checking.export(node, thread, name)
    found = await gathering.gather(node, thread, name)
    safe = "".join(letter if letter.isalnum() else "-" for letter in found.document.number)[:60]
    return EvidenceView(name=f"{found.document.kind}-{safe}.json", file=data.decode())
