"""Audits of prices: plan one, take in whatever file of one comes, sign what we found, believe what was signed.

Not here: opening what is drawn, which is asked for as a file (``views/price_audit.py``, ``doors/console``).
"""

from typing import Any

import msgspec

from weft.basis import instant
from weft.basis.errors import Invalid
from weft.engine.commands.params import Done, Params, content_of
from weft.engine.node import Node
from weft.engine.pricelog import audits, sampling
from weft.engine.pricelog.results import Result
from weft.engine.reactions.offering import partner_id

DAY_MS = 86_400_000


class BeginAudit(Params, frozen=True, kw_only=True):
    """Audit ``seller`` by ``openings`` documents of its last ``days`` (0: of all that we have seen).

    ``witnesses``: names of three partners or more, whose next entries decide what is drawn.
    """

    seller: str
    witnesses: list[str] = []
    openings: int = sampling.DEFAULT
    days: int = 0


async def begin(node: Node, params: BeginAudit, _key: str) -> Done:
    """Plan an audit, and keep the plan; its name is in ``facts``."""
    since = instant.from_ms(node.clock.now_ms() - params.days * DAY_MS) if 0 < params.days < 4_000 else ""
    seller = partner_id(node, params.seller)
    others = [one for one in (partner_id(node, name) for name in params.witnesses) if one != seller]
    made = await audits.begin(node, seller, others, since, params.openings)
    return Done(facts={"audit": made.hash})


class AuditFile(Params, frozen=True, kw_only=True):
    """A file of an audit, in base64: a plan that is about us, what a seller opened for us, or a signed result."""

    content: str
    name: str = ""


async def file(node: Node, params: AuditFile, _key: str) -> Done:
    """Take a file of an audit in; which one it was is in ``facts``."""
    data = content_of(params.content)
    kind, name = await audits.take_in(node, data)
    return Done(facts={"kind": kind, "audit": name})


class SignAudit(Params, frozen=True, kw_only=True):
    """What was found, unsigned; or the name of an audit of which we have seen what was opened."""

    result: dict[str, Any] = {}
    audit: str = ""


async def sign(node: Node, params: SignAudit, _key: str) -> Done:
    """Sign what we found; the file is in ``facts``."""
    if params.audit:
        return Done(facts={"file": (await audits.sign(node, params.audit)).decode(), "audit": params.audit})
    try:
        result = msgspec.convert(params.result, Result)
    except msgspec.ValidationError as error:
        raise Invalid("pricing.audit-file") from error
    return Done(facts={"file": (await sampling.sign(node, result)).decode()})


class TakeAudit(Params, frozen=True, kw_only=True):
    """A signed result, as text."""

    file: str


async def take(node: Node, params: TakeAudit, _key: str) -> Done:
    """Believe a result of an auditor that we know."""
    found = await sampling.take(node, params.file.encode())
    return Done(facts={"seller": found.seller, "clean": found.is_clean})
