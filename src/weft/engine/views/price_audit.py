"""Audits: a plan for one, and what ours opens, each as a file to hand on.

Not here: the files (``engine/pricelog/auditing.py``), signing and believing a result (``commands/auditing.py``).
"""

from fractions import Fraction
from typing import Any

from weft.basis.errors import Invalid
from weft.engine.pricelog import auditing, minutes, sampling
from weft.engine.reactions.offering import partner_id
from weft.engine.till import export
from weft.engine.views.shape import View
from weft.pricing import audit


class PlanView(View, frozen=True, kw_only=True):
    """The plan; ``missed``: for a share of false documents (per cent) the chance in per cent that none is found."""

    name: str
    file: str
    size: int
    missed: tuple[tuple[str, str], ...]


class OpenedView(View, frozen=True, kw_only=True):
    """The file for the auditor, and how many documents it opens."""

    name: str
    file: str
    documents: int


async def price_audit_plan(node: Any, seller: str, witnesses: str, since: str = "", openings: str = "300") -> PlanView:
    """A plan to audit ``seller``; ``witnesses``: names of three partners or more, by commas, that decide the draw."""
    if not openings.isdecimal() or len(openings) > 6:
        raise Invalid("pricing.audit-plan")
    count = int(openings)
    others = [partner_id(node, one.strip()) for one in witnesses.split(",") if one.strip()]
    made = await sampling.plan(node, partner_id(node, seller), others, since, count)
    missed = tuple((share, audit.percent(audit.missed(Fraction(share) / 100, count))) for share in audit.SHARES)
    return PlanView(name=f"audit-plan-{made.seller[:8]}.json", file=audit.encode(made).decode(), size=made.size,
                    missed=missed)


class RecordView(View, frozen=True, kw_only=True):
    """The file with the machines' record of a line."""

    name: str
    file: str


async def price_minutes(node: Any, thread: str, line: str = "1") -> RecordView:
    """How the jobs of ``line`` of the order in ``thread`` ran, for an auditor."""
    data = await minutes.record(node, thread, line)
    return RecordView(name=f"minutes-{thread[:8]}-{line}.json", file=data.decode())


async def price_audit_open(node: Any, plan: str, sealed: str = "") -> OpenedView:
    """What ``plan`` draws from our price record; ``sealed``: for nobody's eyes but the auditor's."""
    data = await sampling.opened(node, plan.encode(), export.export)
    documents = sum(one.opening is not None for one in auditing.parse(data).shown)
    if sealed:
        data = auditing.sealed_for(audit.parse(plan.encode()).device, data, node.random)
    return OpenedView(name=f"audit-{node.organisation[:8]}.json", file=data.decode(), documents=documents)
