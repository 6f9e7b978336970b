"""A slip and all that speaks for its price in one file, which anybody can check without a node and without a network.

The file is that of quotations and bills (``pricelog/evidence.py``), of ``kind`` slip.
Rule 1: a firm makes such files of its own slips; a customer who has only the slip's code checks that, with what it
        has at hand.
Not here: the check (``pricing/check.py``), the slip as paper (``doors/console``).
"""

from weft.basis import instant
from weft.basis.canonical import unb64
from weft.engine.node import Node
from weft.engine.pricelog import batches, evidence, gathering, log, showing
from weft.engine.receive import key_log_of
from weft.engine.till import slips
from weft.pricing import leaf


async def export(node: Node, name: str) -> bytes:
    """The slip with hash ``name`` and its proofs, sealed by us; raises ``NotFound('till.no-slip')``."""
    signed = await slips.one(node, name)
    trust, statements = await gathering.trusted(node, node.organisation)
    statements = [one for one in statements if await node.keys(one.witness) is not None]
    witnesses = trust.policy.witnesses if trust.policy else {}
    known = {(witnesses[one.witness].name, witnesses[one.witness].id) for one in statements if one.witness in witnesses}
    origin = leaf.origin_of(node.organisation)
    kept = await batches.opened(node.store, unb64(name, 32))
    firms = dict.fromkeys([node.organisation, *(one.witness for one in statements)])
    book = signed.slip.book
    file = evidence.File(
        weft=evidence.KIND, kind="slip", document=name, seller=node.organisation, by=node.organisation,
        at=instant.from_ms(node.clock.now_ms()), need=node.config.prices.seen_by, slip=signed.canonical.decode(),
        key_logs={firm: await key_log_of(node, firm) for firm in firms},
        books=(await _book(node, book, origin, known),) if book else (),
        opening=kept.opening if kept else None,
        batch=(await log.entry(node.store, kept.batch)).decode() if kept else "",
        batch_proof=evidence.trimmed(await showing.proof_of(node.store, kept.batch), origin, known) if kept else "",
        statements=tuple(statements))
    return evidence.sealed(file, node.identity.signer)


async def _book(node: Node, name: str, origin: str, known: set[tuple[str, bytes]]) -> evidence.Book:
    """The version of the book, its entry in our record, and the proof of that."""
    version = (await node.book_state("pricing")).books.get(name)
    index = await showing.book_index(node.store, name)
    if version is None or index is None:
        return evidence.Book(hash=name, book=version.book.canonical.decode() if version else "")
    return evidence.Book(hash=name, book=version.book.canonical.decode(),
                         entry=(await log.entry(node.store, index)).decode(),
                         proof=evidence.trimmed(await showing.proof_of(node.store, index), origin, known))
