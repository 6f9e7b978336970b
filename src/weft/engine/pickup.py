"""What this node keeps of its own about pick-ups: shops that it works with, codes, parcels, wrong tries.

Rule 1: all of it but the buyer's code can be drawn again from what was said in the threads.
Rule 2: a code is kept at the buyer alone; the others hold its digest.
Not here: what is said (``trade/pickup.py``), what follows from it (``reactions/pickup_*.py``).
"""

from typing import Any, Final, TypeVar

import msgspec

from weft.basis.errors import NotFound, Refused
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.trade.pickup import Ledger, PickUpNamed, PickUpPlace, label_of, ledger

SHOPS: Final = "pickup-shop"  # place -> a shop that hands out for us
OFFERS: Final = "pickup-offer"  # order -> where we may fetch it
FETCHES: Final = "pickup-fetch"  # order -> the code with which we fetch it
SOLD: Final = "pickup-sold"  # order -> where our buyer fetches it
HELD: Final = "pickup-held"  # order of our service -> what opens the parcel
TRIES: Final = "pickup-tries"  # order of our service -> instants of wrong codes
TRIES_MAX: Final = 5
HOUR_MS: Final = 3_600_000

Row = TypeVar("Row", bound=msgspec.Struct)


class Shop(msgspec.Struct, frozen=True):
    """A partner that hands out for us: ``item`` is its own number for that service."""

    partner: str
    item: str
    place: PickUpPlace
    unit: str = "C62"


class Offer(msgspec.Struct, frozen=True):
    """Where the goods of an order may be fetched."""

    places: tuple[PickUpPlace, ...]


class Fetch(msgspec.Struct, frozen=True):
    """What we bring to fetch our goods; ``ready``: how much of each line lies there."""

    code: str
    named: PickUpNamed
    ready: dict[str, str] = {}
    off: bool = False


class Sold(msgspec.Struct, frozen=True):
    """An order of ours that is fetched at ``shop``; ``thread`` is the order of its service, "" before there is one."""

    named: PickUpNamed
    shop: str
    item: str
    unit: str = "C62"
    thread: str = ""
    off: bool = False


async def row(node: Node, bucket: str, key: str, kind: type[Row]) -> Row | None:
    """What ``bucket`` holds under ``key``."""
    data = await node.store.value(bucket, key)
    return None if data is None else msgspec.json.decode(data, type=kind)


async def keep(node: Node, bucket: str, key: str, value: msgspec.Struct | None) -> None:
    """Put ``value`` there; None takes it away."""
    data = None if value is None else msgspec.json.encode(value)
    await node.store.commit(Batch(values=[(bucket, key, data)]))


async def shops(node: Node) -> list[Shop]:
    """The shops that hand out for us, with which we still deal."""
    found = [msgspec.json.decode(data, type=Shop) for _, data in await node.store.values(SHOPS)]
    return [one for one in found if one.partner in node.partners and one.partner not in node.ended_with]


async def sold(node: Node, thread: str) -> Sold | None:
    """Where the buyer of our order ``thread`` fetches it; None when it is sent."""
    found = await row(node, SOLD, thread, Sold)
    return None if found is None or found.off else found


async def is_service_of(node: Node, thread: str, child: str) -> bool:
    """Whether ``child`` orders from a shop that it hands out what our order ``thread`` sells."""
    found = await row(node, SOLD, thread, Sold)
    return found is not None and found.thread == child


async def held(node: Node, thread: str) -> PickUpNamed | None:
    """What opens the parcel of ``thread``, an order of our service; None for other orders."""
    return await row(node, HELD, thread, PickUpNamed)


async def goods_of(node: Node, thread: str, until: str = "") -> Ledger:
    """What became of the goods in the order of a shop's service; only as far as the event ``until``, if given."""
    said = [(one.id, one.message) for one in await node.log(thread) if one.message is not None and not one.void]
    last = next((place for place, (name, _) in enumerate(said) if name == until), len(said))
    return ledger(said[:last + 1])


def from_shop(kept: Sold, ledger: Ledger, sent: Any) -> bool:
    """Whether the delivery note ``sent`` tells the buyer of what the shop handed out: it bears place and instant."""
    return bool(ledger.out) and (sent.carrier, sent.at) == (carrier_of(kept), ledger.out_at)


def carrier_of(kept: Sold) -> str:
    """The place as a delivery note names it."""
    return kept.named.place.name[:100]


async def parcel_called(node: Node, label: str) -> str:
    """The order whose parcel carries ``label``; raises ``NotFound('pickup.no-parcel')``, also if there are several."""
    found = [thread for thread, data in await node.store.values(HELD)
             if label and label_of(msgspec.json.decode(data, type=PickUpNamed).digest) == label]
    if len(found) != 1:
        raise NotFound("pickup.no-parcel", label=label[:20])
    return found[0]


async def tries(node: Node, thread: str) -> list[int]:
    """When wrong codes were given for ``thread`` within the last hour."""
    data = await node.store.value(TRIES, thread)
    now = node.clock.now_ms()
    return [at for at in msgspec.json.decode(data, type=list[int]) if 0 <= now - at < HOUR_MS] if data else []


async def check_tries(node: Node, thread: str) -> list[int]:
    """The wrong codes of the last hour; raises ``Refused('pickup.too-many-tries')`` when there were too many."""
    before = await tries(node, thread)
    if len(before) >= TRIES_MAX:
        minutes = (HOUR_MS - (node.clock.now_ms() - before[0])) // 60_000 + 1
        raise Refused("pickup.too-many-tries", minutes=minutes)
    return before


async def count_try(node: Node, thread: str, before: list[int]) -> int:
    """Note one more wrong code; how many are left."""
    now = [*before, node.clock.now_ms()]
    await node.store.commit(Batch(values=[(TRIES, thread, msgspec.json.encode(now))]))
    return TRIES_MAX - len(now)


def lines_of(state: Any, own: dict[str, str], amounts: dict[str, Any]) -> dict[str, Any]:
    """``amounts`` by item (``own``: line -> item) shared out to the lines of ``state``, the first lines first."""
    left, found = dict(amounts), {}
    for name, line in state.lines.items():
        amount = min(line.room, left.get(own[name], 0))
        if amount > 0:
            found[name] = amount
            left[own[name]] -= amount
    return found
