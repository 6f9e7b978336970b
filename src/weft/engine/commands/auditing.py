"""Audits of prices: sign what we found as auditor, believe what an auditor has signed.

Not here: planning and opening, which change nothing here (``views/price_audit.py``).
"""

from typing import Any

import msgspec

from weft.basis.errors import Invalid
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.pricelog import sampling
from weft.engine.pricelog.results import Result


class SignAudit(Params, frozen=True, kw_only=True):
    """What was found, unsigned."""

    result: dict[str, Any]


async def sign(node: Node, params: SignAudit, _key: str) -> Done:
    """Sign what we found; the file is in ``facts``."""
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
