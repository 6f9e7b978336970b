"""Read models: what people and programs may ask of this node, one table for console and JSON API.

Rule 1: a view reads and never writes; it holds codes and ids, and its words are made at the edge.
Not here: commands (``engine/commands``), HTTP (``doors/api``), pages (``doors/console``).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from weft.engine.views import (
    access,
    alarms,
    carry,
    data,
    devices,
    health,
    jobs,
    machines,
    mailbox,
    order,
    orders,
    partners,
    pickup,
    plan,
    price_audit,
    price_drafts,
    price_log,
    prices,
    proofs,
    stock,
    templates,
    tills,
    today,
    twin_events,
    twin_history,
    twins,
)
from weft.engine.views.shape import View

__all__ = ["VIEWS", "View"]

VIEWS: Final[Mapping[str, Callable[..., Awaitable[View]]]] = {
    "today": today.today,
    "orders": orders.orders,
    "order": order.order,
    "machines": machines.machines,
    "machine": machines.machine,
    "jobs": jobs.jobs,
    "job": jobs.job,
    "plan": plan.plan,
    "stock": stock.stock,
    "item": stock.item,
    "pick-ups": pickup.pickups,
    "order-pick-up": pickup.order_pick_up,
    "partners": partners.partners,
    "partner": partners.partner,
    "prices": prices.prices,
    "tills": tills.tills,
    "twins": twins.twins,
    "twin": twins.twin,
    "twin-part": twins.twin_part,
    "twin-history": twin_history.twin_history,
    "twin-access": access.access,
    "twin-events": twin_events.twin_events,
    "twin-templates": templates.templates,
    "slips": tills.slips,
    "slip": tills.slip,
    "slip-file": tills.slip_file,
    "price-log": price_log.price_log,
    "price-witnesses": price_log.price_witnesses,
    "price-fork": price_log.price_fork,
    "price-proof": proofs.price_proof,
    "price-evidence": proofs.price_evidence,
    "price-book": prices.price_book,
    "price-diff": prices.price_diff,
    "price-draft": price_drafts.price_draft,
    "price-test": price_drafts.price_test,
    "price-audits": price_audit.price_audits,
    "price-audit": price_audit.price_audit,
    "price-audit-plan": price_audit.price_audit_plan,
    "price-audit-open": price_audit.price_audit_open,
    "price-minutes": price_audit.price_minutes,
    "carry": carry.carry,
    "mailbox": mailbox.mailbox,
    "data": data.data,
    "health": health.health,
    "devices": devices.devices,
    "alarms": alarms.alarms,
}
