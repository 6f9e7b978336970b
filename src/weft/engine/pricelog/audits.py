"""What this node keeps of audits: those that it planned, those that were asked of it, and what came of them.

    plan     the auditor names what is to be opened             (``begin``)
    answer   the seller takes the plan in, and later opens      (``take_in``, ``answer``)
    result   the auditor looks at what was opened, and signs    (``take_in``, ``sign``)
    trust    whoever buys from the seller takes the result in   (``take_in``)

Rule 1: of what an auditor was shown only numbers, days and findings stay: no customer, no item, no amount.
Rule 2: what was found is signed once, as it was found, and a second look at the same plan replaces the first only
        until then.
Rule 3: the oldest go: ``KEPT_MAX`` of each kind.
Not here: the files and their check (``auditing.py``), what is opened (``sampling.py``).
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, NotFound, Refused
from weft.engine.node import Node
from weft.engine.ports import Batch, Store
from weft.engine.pricelog import auditing, results, sampling
from weft.engine.pricelog.auditing import Looked
from weft.engine.pricelog.results import Result
from weft.engine.pricelog.sampling import Slips
from weft.pricing import audit
from weft.pricing.audit import Fault, Plan

PLANNED: Final = "price-audit-planned"  # bucket: by the plan's hash, a ``Planned``
ASKED: Final = "price-audit-asked"  # bucket: by the plan's hash, an ``Asked``
KEPT_MAX: Final = 200
FILE_BYTES_MAX: Final = 64 * 1024 * 1024  # what a node looks at beside all else; the command line looks at larger ones


class Found(msgspec.Struct, frozen=True):
    """What was found at ``at_ms``: the result, unsigned, each document that was opened, and what broke the draw."""

    result: Result
    at_ms: int
    places: int
    documents: Sequence[Looked] = ()
    faults: Sequence[Fault] = ()


class Planned(msgspec.Struct, frozen=True):
    """An audit that we planned. ``signed``: the result that we signed, b"" while we have not."""

    plan: bytes
    at_ms: int
    found: Found | None = None
    signed: bytes = b""


class Asked(msgspec.Struct, frozen=True):
    """An audit of ourselves that was asked of us at ``at_ms``; ``opened_ms``: when we opened ``documents``, or 0."""

    plan: bytes
    at_ms: int
    opened_ms: int = 0
    documents: int = 0


async def planned(store: Store) -> list[tuple[str, Planned]]:
    """The audits that we planned, by the hashes of their plans, newest first."""
    return await _rows(store, PLANNED, Planned)


async def asked(store: Store) -> list[tuple[str, Asked]]:
    """The audits that were asked of us, by the hashes of their plans, newest first."""
    return await _rows(store, ASKED, Asked)


async def _rows(store: Store, bucket: str, kind: Any) -> list[tuple[str, Any]]:
    found = [(name, msgspec.msgpack.decode(data, type=kind)) for name, data in await store.values(bucket)]
    return sorted(found, key=lambda pair: -pair[1].at_ms)


async def _one(store: Store, bucket: str, name: str, kind: Any) -> Any:
    data = await store.value(bucket, name)
    if data is None:
        raise NotFound("pricing.audit-unknown")
    return msgspec.msgpack.decode(data, type=kind)


async def _keep(store: Store, bucket: str, name: str, row: Planned | Asked) -> None:
    older = [one for one, _ in await _rows(store, bucket, type(row)) if one != name][KEPT_MAX - 1:]
    await store.commit(Batch(values=[(bucket, name, msgspec.msgpack.encode(row)),
                                     *((bucket, one, None) for one in older)]))


# ---- the auditor ---------------------------------------------------------------------------------


async def begin(node: Node, seller: str, beacons: Sequence[str], since: str, openings: int) -> Plan:
    """Plan an audit of ``seller`` and keep the plan; raises what ``sampling.plan`` raises."""
    made = await sampling.plan(node, seller, beacons, since, openings)
    await _keep(node.store, PLANNED, made.hash, Planned(audit.encode(made), node.clock.now_ms()))
    return made


async def plan_of(store: Store, name: str) -> bytes:
    """The plan with hash ``name`` as a file; raises ``NotFound('pricing.audit-unknown')``."""
    row: Planned = await _one(store, PLANNED, name, Planned)
    return row.plan


async def result_of(store: Store, name: str) -> bytes:
    """The signed result of the audit ``name``; raises ``NotFound('pricing.audit-unknown')``."""
    row: Planned = await _one(store, PLANNED, name, Planned)
    if not row.signed:
        raise NotFound("pricing.audit-unknown")
    return row.signed


async def _look(node: Node, data: bytes) -> Plan:
    """Check what a seller opened for us, and keep what was found; raises ``Refused('pricing.audit-not-ours')``."""
    told = await asyncio.to_thread(auditing.verify_file, data)
    if told.plan.by != node.organisation:
        raise Refused("pricing.audit-not-ours", by=sampling.called(node, told.plan.by))
    name, now_ms = told.plan.hash, node.clock.now_ms()
    held = await node.store.value(PLANNED, name)
    row = Planned(audit.encode(told.plan), now_ms) if held is None else msgspec.msgpack.decode(held, type=Planned)
    if not row.signed:
        found = Found(told.result, now_ms, told.places, told.looked, told.faults)
        await _keep(node.store, PLANNED, name, msgspec.structs.replace(row, found=found))
    return told.plan


async def sign(node: Node, name: str) -> bytes:
    """Sign what was found in the audit ``name``, and rely on it ourselves from now on; the signed result.

    Raises ``NotFound('pricing.audit-unknown')`` when nothing was found yet.
    """
    row: Planned = await _one(node.store, PLANNED, name, Planned)
    if row.signed:
        return row.signed
    if row.found is None:
        raise NotFound("pricing.audit-unknown")
    signed = await sampling.sign(node, row.found.result)
    await _keep(node.store, PLANNED, name, msgspec.structs.replace(row, signed=signed))
    await sampling.take(node, signed)
    return signed


# ---- the seller ----------------------------------------------------------------------------------


async def answer(node: Node, name: str, slip: Slips) -> bytes:
    """What the plan ``name`` draws from our price record, sealed for its auditor; raises as ``sampling.opened``."""
    row: Asked = await _one(node.store, ASKED, name, Asked)
    data = await sampling.opened(node, row.plan, slip)
    documents = sum(one.opening is not None for one in auditing.parse(data).shown)
    await _keep(node.store, ASKED, name, msgspec.structs.replace(
        row, opened_ms=node.clock.now_ms(), documents=documents))
    return auditing.sealed_for(audit.parse(row.plan).device, data, node.random)


# ---- whatever comes ------------------------------------------------------------------------------


async def take_in(node: Node, data: bytes) -> tuple[str, str]:
    """Take in a file of an audit, whichever it is: (plan, answer or result; the hash of its plan).

    Raises ``Invalid('pricing.audit-file')`` for any other file, ``Invalid('key.sealed')`` for one that is not for us,
    and what looking at it raises.
    """
    data = data.strip()
    if auditing.is_sealed(data):
        data = auditing.unsealed(data, node.identity.signer, FILE_BYTES_MAX)
    if len(data) > FILE_BYTES_MAX:
        raise Invalid("pricing.audit-file")
    kind = _kind(data)
    if kind == audit.PLAN:
        made = await sampling.of_us(node, data)
        if await node.store.value(ASKED, made.hash) is None:
            await _keep(node.store, ASKED, made.hash, Asked(data, node.clock.now_ms()))
        return "plan", made.hash
    if kind == auditing.KIND:
        return "answer", (await _look(node, data)).hash
    return "result", (await sampling.take(node, data)).plan


class _Said(msgspec.Struct, frozen=True):
    """What any file says of itself; the rest is passed over unread."""

    weft: str = ""


def _kind(data: bytes) -> str:
    try:
        kind = msgspec.json.decode(data, type=_Said).weft
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid("pricing.audit-file") from error
    if kind not in {audit.PLAN, auditing.KIND, results.RESULT}:
        raise Invalid("pricing.audit-file")
    return kind
