"""What a twin was is erased for good, and a receipt says so, signed by this node.

Rule 1: what a twin is now is never erased here: it is deleted first. Of a deleted one remain its id, the number of its
        last revision and the entries of the feed, none of which holds a value.
Rule 2: files that only it named go with it: those that nobody names for an hour are swept away.
Not here: papers of orders (``engine/erasure.py``), copies in backups, which their owner deletes.
"""

from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64
from weft.basis.errors import Refused
from weft.engine.memory import Memory
from weft.engine.ports import Batch
from weft.engine.twins.ports import KINDS, TwinStore

RECEIPTS: Final = "twins-erased"  # bucket: instant and id -> the receipt
DOMAIN: Final = b"weft/twin-erased/1\0"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """``states``: how many former states of the twin ``id``, of so many ``bytes``, are no longer here since ``at``.

    ``signature``: of ``device`` over ``DOMAIN`` and the JSON of all else with its names in order.
    """

    organisation: str
    id: str
    at: str
    states: int
    bytes: int
    device: str
    signature: str = ""


async def erase(memory: Memory, store: TwinStore, name: str) -> Receipt:
    """Erase all that ``name`` was, whatever kind of twin it is; raises ``Refused('twin.nothing-to-erase')``."""
    found = [await store.erase(kind, name) for kind in KINDS]
    states, size = (sum(one[place] for one in found) for place in (0, 1))
    if not states:
        raise Refused("twin.nothing-to-erase", id=name[:200])
    await store.sweep()
    signer, at = memory.identity.signer, instant.from_ms(memory.clock.now_ms())
    receipt = Receipt(organisation=memory.identity.organisation, id=name, at=at, states=states, bytes=size,
                      device=signer.public)
    receipt = msgspec.structs.replace(receipt, signature=b64(signer.sign(DOMAIN + content(receipt))))
    await memory.store.commit(Batch(values=[(RECEIPTS, f"{at} {name}", msgspec.json.encode(receipt))]))
    return receipt


def content(receipt: Receipt) -> bytes:
    """What the signature is over, without ``DOMAIN``."""
    return msgspec.json.encode(msgspec.structs.replace(receipt, signature=""), order="sorted")


async def receipts(memory: Memory) -> list[Receipt]:
    """All, the newest first."""
    held = await memory.store.values(RECEIPTS)
    return [msgspec.json.decode(one, type=Receipt) for _, one in sorted(held, reverse=True)]
