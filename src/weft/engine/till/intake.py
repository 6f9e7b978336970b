"""Slips come in from a till: verified, put in their place, and recorded once; what is odd about them is noted.

A slip that its till has validly signed is never refused for what it sold: oversold, unknown, at another price, it is
kept and the owner is told.
Rule 1: each slip is one transaction under the key of its hash: a till may send again whatever it is not sure of.
Rule 2: a slip that is not sound, not this till's or not this firm's is refused, and nothing behind it is taken.
Rule 3: what is beyond what we hold is asked for from there; after a restored backup a till sends again what was lost.
Not here: what follows (``reactions/selling.py``), what counts (``till/book.py``).
"""

from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid, Refused, WeftError
from weft.engine.node import Node
from weft.engine.till import oddities, slips
from weft.engine.till.slips import key_of
from weft.till import messages as m
from weft.till.book import Take
from weft.till.slip import Signed, Slip, parse
from weft.till.verify import verify
from weft.trade import relationship

SLIPS_MAX: Final = 100
BYTES_MAX: Final = 1024 * 1024


class Sent(msgspec.Struct, frozen=True):
    """One slip as it travels: canonical ``bytes`` in base64url, and the signature."""

    bytes: str
    signature: str


class Delivery(msgspec.Struct, frozen=True):
    """Slips of one life in their order. ``gap``: the till no longer holds those before the first."""

    slips: list[Sent]
    gap: bool = False


class Doubted(msgspec.Struct, frozen=True):
    """A slip that is kept and waits for the owner."""

    n: int
    hash: str
    why: str


class NotTaken(msgspec.Struct, frozen=True):
    """A slip that is not kept, and why; ``n`` is 0 where it could not be read."""

    n: int
    code: str
    facts: dict[str, str | int] = {}


class Has(msgspec.Struct, frozen=True):
    """Up to where the node holds this branch of the life: number and hash of the last slip that is safely here."""

    life: str
    n: int
    hash: str
    doubted: list[Doubted] = []
    refused: list[NotTaken] = []


async def receive(node: Node, till: str, delivery: Delivery) -> Has:
    """Take in what the till (its key) delivers; raises ``Refused('till.gap')`` when earlier slips are missing."""
    if len(delivery.slips) > SLIPS_MAX:
        raise Invalid("till.too-many-slips", limit=SLIPS_MAX)
    last: Slip | None = None
    doubted: list[Doubted] = []
    refused: list[NotTaken] = []
    for place, sent in enumerate(delivery.slips):
        slip: Slip | None = None
        try:
            signed = read(sent)
            slip = signed.slip
            _check(node, till, signed, last)
            found = await _keep(node, signed, gap=delivery.gap and place == 0)
        except WeftError as error:
            if error.code == "till.gap" and last is not None:
                break
            if error.code == "till.gap" or not isinstance(error, Invalid | Refused):
                raise
            refused.append(NotTaken(slip.n if slip else 0, error.code, dict(error.facts)))
            break
        last = slip
        if found is not None:
            doubted.append(found)
    if last is None:
        return Has("", 0, "", refused=refused)
    return Has(last.life, last.n, last.hash, doubted, refused)


def read(sent: Sent) -> Signed:
    """The slip that travelled; raises ``Invalid``."""
    if len(sent.bytes) > BYTES_MAX:
        raise Invalid("slip.too-large", limit=BYTES_MAX)
    return Signed(slip=parse(unb64(sent.bytes)), signature=sent.signature)


def written(signed: Signed) -> str:
    """The slip's bytes as they travel."""
    return b64(signed.slip.canonical)


def _check(node: Node, till: str, signed: Signed, last: Slip | None) -> None:
    slip = signed.slip
    if slip.firm != node.organisation:
        raise Invalid("till.other-firm")
    if slip.till != till:
        raise Invalid("till.other-till")
    if last is not None and slip.life != last.life:
        raise Invalid("till.one-life")
    for finding in verify(signed):
        raise Invalid(finding.code, **finding.facts)


async def _keep(node: Node, signed: Signed, *, gap: bool) -> Doubted | None:
    """Record the slip, unless it was; how it is doubted, if it is."""
    slip = signed.slip
    before = await slips.kept(node, slip.hash)
    if before is None:
        await node.record("till", await command(node, signed, gap=gap), key=key_of(slip.hash))
        before = await slips.kept(node, slip.hash)
    return Doubted(slip.n, slip.hash, before.why) if isinstance(before, m.SlipDoubted) else None


async def command(node: Node, signed: Signed, *, gap: bool) -> Take:
    """What to say of a slip that has come, with what we know beside it."""
    slip = signed.slip
    now = node.clock.now_ms()
    earlier = await slips.kept(node, slip.prev) if slip.prev else None
    odd, came = await oddities.of(node, slip, now), instant.from_ms(now)
    told = came if oddities.CLOCKS & set(odd) else slip.at  # by a wrong clock it would stand in a day that was not
    return Take(slip=slip, signature=signed.signature, day=day_of(node, told), at=came, gap=gap, odd=odd,
                billed=await _billing(node, slip),
                continues=isinstance(earlier, m.SlipDoubted))


def day_of(node: Node, at: str) -> str:
    """The firm's day at instant ``at``, such as 2026-11-25."""
    return node.config.firm.zone.day(instant.to_ms(at))


async def _billing(node: Node, slip: Slip) -> str:
    """The relationship that bills this slip, if its partner has one with us that is open; or ""."""
    thread = node.partner(slip.partner) if slip.pay == "account" else None
    if thread is None or slip.partner in node.ended_with:
        return ""
    return thread if relationship.is_open(await node.state(thread)) else ""
