"""What this node does in an audit: it plans one, opens what was drawn from its own price record, keeps what was found.

Rule 1: who audits looks first how far each record has come, and names sizes that none of them has reached.
Rule 2: the seller's node opens what was drawn and nothing else; what it has erased since it cannot open, and that is
        told as such.
Rule 3: a result counts for the documents of the leaves that were audited, and for who has taken it in.
Not here: the files and their check (``auditing.py``), the draw (``pricing/audit.py``).
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid, NotFound, Refused, Unavailable, WeftError
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.pricelog import auditing, batches, checking, known, log, monitor, results
from weft.engine.pricelog.auditing import File, Root
from weft.engine.pricelog.results import Result
from weft.engine.receive import key_log_of
from weft.pricing import audit, commitment, leaf
from weft.pricing.audit import Beacon, Padding, Plan, Shown
from weft.pricing.leaf import BatchLeaf
from weft.tlog import checkpoint, merkle, note

DEFAULT: Final = 300
Slips = Callable[[Node, str], Awaitable[bytes]]


def called(node: Node, firm: str) -> str:
    """What we call ``firm``: the name that it gave itself, else the beginning of its id."""
    return next(iter(node.names.get(firm, ())), "") or f"{firm[:8]}…"


# ---- the auditor ---------------------------------------------------------------------------------


async def plan(node: Node, seller: str, beacons: Sequence[str], since: str, openings: int) -> Plan:
    """A plan to audit ``seller``, drawn by the next states of the records of ``beacons`` (organisations).

    ``since``: batches from this instant on, "" as far back as we have followed.
    Raises ``NotFound('pricing.audit-none')``.
    """
    held = await known.followed(node.store, seller)
    if not held.size:
        raise NotFound("pricing.audit-none", firm=called(node, seller))
    entries = await monitor.entries(node, seller, held.first, held.size - held.first)
    first = next((index for index, one in enumerate(entries, held.first) if _since(one, since)), None)
    if first is None:
        raise NotFound("pricing.audit-none", firm=called(node, seller))
    named = []
    for firm in beacons:
        size = (await known.followed(node.store, firm)).size
        if not size:
            raise NotFound("pricing.audit-none", firm=called(node, firm))
        named.append(Beacon(firm=firm, size=size + 1))
    said = checkpoint.parse_text(note.parse(held.note.encode()).text)
    made = Plan(weft=audit.PLAN, seller=seller, first=first, size=said.size, root=b64(said.root), checkpoint=held.note,
                openings=openings, beacons=tuple(named), by=node.organisation,
                at=instant.from_ms(node.clock.now_ms()))
    sealed: Plan = results.sealed(made, node.identity.signer)
    return audit.parse(audit.encode(sealed))


def _since(entry: bytes, since: str) -> bool:
    read = leaf.parse(entry)
    return isinstance(read, BatchLeaf) and read.at >= since


async def sign(node: Node, result: Result) -> bytes:
    """``result`` signed by us, who planned the audit; raises ``Refused('pricing.audit-not-ours')``."""
    if result.by != node.organisation:
        raise Refused("pricing.audit-not-ours", by=called(node, result.by))
    whole = msgspec.structs.replace(result, weft=results.RESULT, at=instant.from_ms(node.clock.now_ms()),
                                    key_log=await key_log_of(node, node.organisation))
    return results.encode(results.sealed(whole, node.identity.signer))


# ---- the seller ----------------------------------------------------------------------------------


async def of_us(node: Node, data: bytes) -> Plan:
    """The plan in ``data``, if its auditor sealed it and it is about our price record as it is.

    Raises ``Invalid('pricing.audit-plan')``, ``Refused('pricing.audit-not-of-us')``.
    """
    asked = audit.parse(data)
    auditing.plan_of(data, await node.keys(asked.by))
    head = await log.head(node.store)
    if asked.seller != node.organisation or head is None or head.size < asked.size \
            or b64(await log.root(node.store, asked.size)) != asked.root:
        raise Refused("pricing.audit-not-of-us")
    return asked


async def opened(node: Node, data: bytes, slip: Slips) -> bytes:
    """What the plan in ``data`` asks us to open, as a file; ``slip`` proves one of our slips by its hash.

    Raises ``Invalid('pricing.audit-plan')``, ``Refused('pricing.audit-not-of-us')``, ``Unavailable`` while the draw is
    still open (``pricing.audit-too-early``), ``NotFound('pricing.audit-unopened')``.
    """
    asked = await of_us(node, data)
    roots = [await _root(node, one) for one in asked.beacons]
    entries = [await log.entry(node.store, index) for index in range(asked.first, asked.size)]
    found = auditing.batches_in(asked.first, entries)
    seed = audit.seed(asked, [unb64(one.root, 32) for one in roots])
    shown = await _shown(node, asked, seed, found)
    documents = {one.opening.document: await _document(node, one.opening.document, slip)
                 for one in shown if one.opening is not None}
    firms = dict.fromkeys([asked.seller, asked.by, *(one.firm for one in asked.beacons)])
    before = await log.before(node.store, asked.first, asked.size)
    file = File(weft=auditing.KIND, plan=data.decode(), key_logs={firm: await key_log_of(node, firm) for firm in firms},
                beacons=tuple(roots), before=tuple(b64(one) for one in before),
                entries=tuple(one.decode() for one in entries), shown=tuple(shown),
                documents={name: text for name, text in documents.items() if text})
    return results.encode(results.sealed(file, node.identity.signer))


async def _root(node: Node, beacon: Beacon) -> Root:
    """The root that the record of a beacon had at the size that the plan names, proved by what we followed."""
    now = await known.followed(node.store, beacon.firm)
    tree = await monitor.tree_of(node, beacon.firm)
    if tree is None or now.size < beacon.size:
        raise Unavailable("pricing.audit-too-early", firm=called(node, beacon.firm), size=beacon.size, now=now.size)
    path = merkle.consistency(beacon.size, now.size, tree[1])
    return Root(root=b64(merkle.root_of(beacon.size, tree[1])), note=now.note, path=tuple(b64(one) for one in path))


async def _shown(node: Node, asked: Plan, seed: bytes, found: dict[int, tuple[str, int]]) -> list[Shown]:
    """The places drawn, opened in their order, until there are as many documents as the plan wants."""
    kept: dict[int, list[commitment.Opening]] = {}
    for _, row in await node.store.values(batches.OPENED):
        one = msgspec.msgpack.decode(row, type=batches.Kept)
        kept.setdefault(one.batch, []).append(one.opening)
    made: dict[int, tuple[commitment.Batch, dict[int, commitment.Opening], dict[bytes, bytes]]] = {}
    shown: list[Shown] = []
    documents = 0
    for index, place in audit.drawn(seed, {index: n for index, (_, n) in found.items()}):
        if documents == asked.openings:
            break
        if index not in made:
            made[index] = await _batch(node, index, found[index], kept.get(index, []))
        batch, openings, padding = made[index]
        if place in openings:
            documents += 1
            shown.append(Shown(batch=index, opening=openings[place]))
            continue
        (path,) = commitment.path_of(batch, [place])
        shown.append(Shown(batch=index, padding=Padding(
            made=b64(padding[batch.leaves[place]]), index=place, n=batch.n, path=path)))
    return shown


async def _batch(
    node: Node, index: int, said: tuple[str, int], kept: list[commitment.Opening]
) -> tuple[commitment.Batch, dict[int, commitment.Opening], dict[bytes, bytes]]:
    """The batch that is leaf ``index``, made anew: its leaves, its openings by place, what padding is made of."""
    root, n = said
    seed = await node.store.value(batches.SEEDS, str(index))
    if seed is None:
        raise NotFound("pricing.audit-unopened", leaf=index)
    made = commitment.filled([commitment.commit(unb64(one.salt, 32), unb64(one.document, 32)) for one in kept], seed, n)
    if made.root != root:
        raise NotFound("pricing.audit-unopened", leaf=index)
    padding = {commitment.padding_leaf(one): one for one in commitment.padding_of(seed, n - len(kept))}
    return made, {one.index: one for one in kept}, padding


async def _document(node: Node, name: str, slip: Slips) -> str:
    """The document ``name`` of ours with all that proves its price; "" when it is here no more."""
    data = await node.store.value(batches.OPENED, name)
    partner = msgspec.msgpack.decode(data, type=batches.Kept).partner if data is not None else ""
    try:
        if not partner:
            return (await slip(node, name)).decode()
        for thread in [node.partner(partner), *node.threads("order")]:
            if thread and partner in await node.members(thread) and await node.store.event(thread, name) is not None:
                return (await checking.export(node, thread, name)).decode()
    except WeftError:
        return ""  # erased since: told as not shown
    return ""


# ---- who buys --------------------------------------------------------------------------------------


async def take(node: Node, data: bytes) -> Result:
    """Keep the result in ``data``; raises ``Invalid('pricing.audit-file')``, ``Refused('pricing.audit-stranger')``.

    It counts only from an auditor that we know and that is neither the seller nor the seller's choice alone: ours.
    """
    found = results.parse_result(data)
    held = await node.keys(found.by)
    if found.by != node.organisation and (found.by not in node.partners or held is None):
        raise Refused("pricing.audit-stranger", by=called(node, found.by))
    if held is not None and found.device not in held.devices:
        raise Invalid("pricing.audit-file")
    await node.store.commit(Batch(values=[(results.AUDITS, f"{found.seller}/{found.by}", data)]))
    return found
