"""A till is let in with the recovery sheet, opens with its own key, and is let go when it is lost.

Rule 1: the till's key is delegated in the firm's key log with scope ``till``; its cookie opens ``/till/api`` alone.
Rule 2: letting go closes the book for it first and revokes the key then: what it had brought counts, by the places of
        its chains; what it brings later is kept and shown (``till/book.py``).
Rule 3: where the owner says since when it was lost, our own clock at the arrival decides: a thief sets the till's.
Not here: who waits and what it signs (``engine/knocking.py``), the door (``doors/till``).
"""

from typing import Final

import msgspec

from weft.basis import instant
from weft.basis.errors import Denied, Refused
from weft.engine import keys
from weft.engine.devices import Device
from weft.engine.knocking import code_of
from weft.engine.node import Node
from weft.engine.till import slips
from weft.identity.keys import registered
from weft.till.book import SINCE_MAX, HoldBack, LetGo
from weft.till.messages import TillPaired
from weft.till.slip import parse
from weft.till.state import State

SCOPE: Final = "till"  # of its key in the key log, and of its cookie


class Firm(msgspec.Struct, frozen=True):
    """Whose till it would be."""

    id: str
    name: str


class Asked(msgspec.Struct, frozen=True):
    """How it stands (``state``: waiting, open or gone), the ``code`` that the till shows, what it signs to open."""

    state: str
    code: str
    firm: Firm
    challenge: str


async def ask(node: Node, key: str, name: str, place: str) -> Asked:
    """A till asks to be let in, again and again until it is; raises ``Invalid('key.weak')`` or ``Refused``."""
    state = await standing(node, registered(key))
    if state == "waiting":
        node.knocking.knock(key, name, place)
    return Asked(state=state, code=code_of(key), firm=Firm(node.organisation, node.config.firm.name),
                 challenge=node.knocking.challenge())


async def standing(node: Node, key: str) -> str:
    """waiting, open or gone: what the till book and the key log say together."""
    book: State = await node.book_state("till")
    till = book.tills.get(key)
    held = await node.keys(node.organisation)
    assert held is not None
    device = held.devices.get(key)
    if till is None or device is None:
        return "waiting"
    return "gone" if till.ended_at or device.revoked or device.scope != SCOPE else "open"


async def enter(node: Node, key: str, challenge: str, signature: str) -> str:
    """A token for the till that holds ``key``; raises ``Denied``. A till that was let go may still bring its slips."""
    node.knocking.check(node.organisation, registered(key), challenge, signature)
    book: State = await node.book_state("till")
    if key not in book.tills:
        raise Denied("till.not-let-in")
    granted: str = await node.devices.grant(SCOPE, book.tills[key].name, key)
    return granted


async def let_in(node: Node, code: str, sheet: str, name: str) -> str:
    """Let the till in that shows ``code``, with the firm's key in force from the sheet; gives its key."""
    knock = node.knocking.find(code)
    given = await keys.hands(node, sheet)
    held = await node.keys(node.organisation)
    assert held is not None
    known = held.devices.get(knock.key)
    if known is None:
        await keys.add_device(node, given, knock.key, SCOPE, name or knock.name)
    elif known.revoked or known.scope != SCOPE:
        raise Refused("till.key-used")
    elif given.present is None:
        raise Denied("paper.not-in-force")
    await node.record("till", TillPaired(key=knock.key, name=name or knock.name or knock.code, at=_now(node)))
    node.knocking.done(knock.key)
    return knock.key


async def let_go(node: Node, key: str, sheet: str, reason: str = "", since: str = "") -> int:
    """The till sells no more; what it has brought counts, but for what came at ``since`` (an instant) or later.

    How many slips are doubted for that. Again after a crash: goes on where it stopped.
    """
    given = await keys.hands(node, sheet)
    doubted = await close_book(node, given, key, reason, since)
    held = await node.keys(node.organisation)
    assert held is not None
    if key in held.devices and not held.devices[key].revoked:
        await keys.revoke_device(node, given, key)
    return doubted


async def close_book(node: Node, given: keys.Hands, key: str, reason: str = "", since: str = "") -> int:
    """If ``key`` is a till's: from here on its slips do not count by themselves. Raises ``Denied``.

    Slips that came at ``since`` or later are doubted, the newest first; how many.
    """
    if given.present is None:
        raise Denied("paper.not-in-force")
    book: State = await node.book_state("till")
    if key not in book.tills:
        return 0
    came = await slips.since(node, key, instant.to_ms(since, "since")) if since else []
    if len(came) > SINCE_MAX:
        raise Refused("till.too-many-since", limit=SINCE_MAX)
    first: dict[str, int] = {}
    for slip in (parse(one.slip.encode()) for one in came):
        first[slip.life] = min(slip.n, first.get(slip.life, slip.n))
    await node.record("till", LetGo(key=key, at=_now(node), reason=reason, since=since, first=first))
    for one in came:
        await node.record("till", HoldBack(slip=one), key=slips.doubt_key(one.hash))
    return len(came)


def key_of(device: Device | None) -> str:
    """The till that asks; raises ``Denied('till.not-let-in')`` when it is none."""
    if device is None or device.scope != SCOPE or not device.key:
        raise Denied("till.not-let-in")
    return device.key


def _now(node: Node) -> str:
    return instant.from_ms(node.clock.now_ms())
