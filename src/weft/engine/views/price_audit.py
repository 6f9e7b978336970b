"""Audits: those that this node knows of, a plan for one, and what ours opens, each as a file to hand on.

Not here: the files (``engine/pricelog/auditing.py``), what is done with them (``commands/auditing.py``).
"""

from fractions import Fraction
from typing import Any

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid, NotFound
from weft.engine.pricelog import auditing, audits, known, minutes, results, sampling
from weft.engine.pricelog.results import Result
from weft.engine.reactions.offering import partner_id
from weft.engine.till import export
from weft.engine.views.naming import partner_names
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


# ---- audits that this node knows of --------------------------------------------------------------


class DrawnBy(View, frozen=True, kw_only=True):
    """A firm that helps to decide the draw when its record has ``size`` entries; it has ``now``, 0: we see none."""

    organisation: str
    name: str
    size: int
    now: int
    thread: str = ""


class AuditRow(View, frozen=True, kw_only=True):
    """An audit. ``role``: ours (planned by us) or asked (of us); ``state``: waits (for the draw), ready, opened,
    found or signed. ``opened``: when we opened it, ``found_at``: when we looked at what was opened, or "".
    ``all_of_them``: there were no more documents than those that were opened, so that nothing was missed.
    """

    audit: str
    role: str
    state: str
    seller: str
    auditor: str
    at: str
    openings: int
    entries: int
    drawn_by: tuple[DrawnBy, ...]
    opened: str = ""
    found_at: str = ""
    documents: int = 0
    right: int = 0
    exceptions: int = 0
    unknown: int = 0
    wrong: int = 0
    faults: int = 0
    places: int = 0
    all_of_them: bool = False
    verdict: str = ""


class TakenRow(View, frozen=True, kw_only=True):
    """A signed result that we rely on; ``verdict``: right, wrong or unknown."""

    seller: str
    auditor: str
    ours: bool
    at: str
    documents: int
    right: int
    exceptions: int
    unknown: int
    wrong: int
    faults: int
    verdict: str


class AuditedFirm(View, frozen=True, kw_only=True):
    """A partner whose price record we have seen."""

    organisation: str
    name: str


class AuditsView(View, frozen=True, kw_only=True):
    """Audits that we planned or that were asked of us, results that we rely on, and whom one could audit.

    ``table``: for a share of false documents (per cent) the chance in per cent that none is found, by ``counts``.
    """

    asked: tuple[AuditRow, ...]
    ours: tuple[AuditRow, ...]
    taken: tuple[TakenRow, ...]
    firms: tuple[AuditedFirm, ...]
    least: int
    counts: tuple[int, ...]
    table: tuple[tuple[str, tuple[str, ...]], ...]


class AuditedDocument(View, frozen=True, kw_only=True):
    """A document that was opened; ``said``: right, exceptions, unknown, or wrong because of ``code``."""

    kind: str
    number: str
    at: str
    said: str
    code: str = ""
    facts: dict[str, str | int] = {}


class AuditFault(View, frozen=True, kw_only=True):
    """How the draw was not kept to."""

    code: str
    leaf: int
    place: int


class AuditView(View, frozen=True, kw_only=True):
    """One audit; ``missed``: for a share of false documents (per cent) the chance that so many show none."""

    row: AuditRow
    documents: tuple[AuditedDocument, ...] = ()
    faults: tuple[AuditFault, ...] = ()
    missed: tuple[tuple[str, str], ...] = ()


async def price_audits(node: Any) -> AuditsView:
    """All that this node knows of audits."""
    names = await partner_names(node)
    taken = [results.parse_result(data) for _, data in await node.store.values(results.AUDITS)]
    firms = [AuditedFirm(organisation=one, name=names(one)) for one in node.partners
             if (await known.followed(node.store, one)).size]
    return AuditsView(
        asked=tuple([await _asked(node, names, name, row) for name, row in await audits.asked(node.store)]),
        ours=tuple([await _planned(node, names, name, row) for name, row in await audits.planned(node.store)]),
        taken=tuple(TakenRow(
            seller=names(one.seller) or node.config.firm.name, auditor=names(one.by) or node.config.firm.name,
            ours=one.by == node.organisation, at=one.at, documents=one.documents, right=one.right,
            exceptions=one.exceptions, unknown=one.unknown, wrong=one.wrong, faults=one.faults, verdict=_verdict(one))
            for one in sorted(taken, key=lambda one: one.at, reverse=True)),
        firms=tuple(sorted(firms, key=lambda one: (one.name, one.organisation))), least=audit.BEACONS_MIN,
        counts=audit.COUNTS, table=tuple(audit.table()))


async def price_audit(node: Any, name: str) -> AuditView:
    """One audit by the name of its plan; raises ``NotFound('pricing.audit-unknown')``."""
    names = await partner_names(node)
    asked = dict(await audits.asked(node.store)).get(name)
    if asked is not None:
        return _missing(AuditView(row=await _asked(node, names, name, asked)))
    row = dict(await audits.planned(node.store)).get(name)
    if row is None:
        raise NotFound("pricing.audit-unknown")
    found = row.found
    return _missing(AuditView(
        row=await _planned(node, names, name, row),
        documents=tuple(AuditedDocument(kind=one.kind, number=one.number, at=one.at, said=one.said, code=one.code,
                                        facts=dict(one.facts)) for one in (found.documents if found else ())),
        faults=tuple(AuditFault(code=one.code, leaf=one.place[0], place=one.place[1])
                     for one in (found.faults if found else ()))))


def _missing(view: AuditView) -> AuditView:
    """``view`` with what so many openings may miss: as many as there were, or as the plan wants."""
    count = view.row.documents if view.row.found_at or view.row.opened else view.row.openings
    return msgspec.structs.replace(view, missed=tuple(
        (share, audit.percent(audit.missed(Fraction(share) / 100, count))) for share in audit.SHARES))


async def _base(node: Any, names: Any, name: str, data: bytes) -> AuditRow:
    plan = audit.parse(data)
    drawn_by = []
    for one in plan.beacons:
        now = (await known.followed(node.store, one.firm)).size
        drawn_by.append(DrawnBy(organisation=one.firm, name=names(one.firm), size=one.size, now=now,
                                thread=node.partner(one.firm) or ""))
    ready = all(one.now >= one.size for one in drawn_by)
    return AuditRow(audit=name, role="ours", state="ready" if ready else "waits",
                    seller=names(plan.seller) or node.config.firm.name, auditor=names(plan.by) or node.config.firm.name,
                    at=plan.at, openings=plan.openings, entries=plan.size - plan.first, drawn_by=tuple(drawn_by))


async def _asked(node: Any, names: Any, name: str, row: audits.Asked) -> AuditRow:
    base = msgspec.structs.replace(await _base(node, names, name, row.plan), role="asked")
    if not row.opened_ms:
        return base
    return msgspec.structs.replace(base, state="opened", opened=instant.from_ms(row.opened_ms),
                                   documents=row.documents, all_of_them=row.documents < base.openings)


async def _planned(node: Any, names: Any, name: str, row: audits.Planned) -> AuditRow:
    base = await _base(node, names, name, row.plan)
    if row.found is None:
        return base
    told = row.found.result
    drawn_by = tuple(msgspec.structs.replace(one, now=max(one.now, one.size)) for one in base.drawn_by)  # it is proved
    return msgspec.structs.replace(
        base, drawn_by=drawn_by, all_of_them=told.documents < base.openings and not told.faults,
        state="signed" if row.signed else "found", found_at=instant.from_ms(row.found.at_ms),
        documents=told.documents, right=told.right, exceptions=told.exceptions, unknown=told.unknown, wrong=told.wrong,
        faults=told.faults, places=row.found.places, verdict=_verdict(told))


def _verdict(told: Result) -> str:
    return "wrong" if told.wrong or told.faults else "right" if told.is_clean else "unknown"
