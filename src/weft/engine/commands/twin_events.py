"""Changes of the twins told to others without their asking: add, pause, go on, take away, try out.

Rule 1: a secret that was made here is shown once; what the owner brings goes to a file of the home, and is not shown.
Not here: delivery (``engine/twins/delivering.py``).
"""

import base64
from typing import Any, Final

from weft.basis.errors import Unavailable
from weft.basis.instant import from_ms
from weft.engine.commands.params import Done, Params
from weft.engine.node import Node
from weft.engine.reactions.offering import partner_id
from weft.engine.twins.subscriptions import Credentials, Kind, Sees, Subscription

SECRET_BYTES: Final = 32


class Add(Params, frozen=True, kw_only=True):
    """``kind``: webhook (``address`` https://…) or mqtt (mqtts://host:port); ``sees``: firm, everybody, or a partner.

    ``types`` and ``ids`` empty: all; an id that ends in ``*``: all that begin so; one ``ids`` may hold several lines.
    ``handshake``, ``batch``, ``secret`` ("" makes one): of a webhook. ``prefix``, ``channel``: of the topic; ``user``,
    ``password``, ``ca`` (PEM): of the broker. ``oldest``: tell also what is already known to have changed.
    """

    name: str
    kind: Kind
    address: str
    types: list[str] = []
    ids: list[str] = []
    sees: str = "firm"
    handshake: bool = True
    batch: bool = False
    secret: str = ""
    prefix: str = ""
    channel: str = ""
    user: str = ""
    password: str = ""
    ca: str = ""
    oldest: bool = False


async def add(node: Node, params: Add, _key: str) -> Done:
    """Tell somebody of changes from now on; ``facts`` hold the secret of a webhook that was made."""
    sees: Sees = "firm" if params.sees == "firm" else "everybody" if params.sees == "everybody" else "partner"
    webhook = params.kind == "webhook"
    made = webhook and not params.secret
    secret = f"whsec_{base64.b64encode(node.random(SECRET_BYTES)).decode()}" if made else params.secret
    about = Subscription(
        id=node.random(5).hex(), name=params.name.strip(), kind=params.kind, address=params.address.strip(),
        since=from_ms(node.clock.now_ms()), types=tuple(dict.fromkeys(params.types)),
        ids=tuple(line.strip() for one in params.ids for line in one.splitlines() if line.strip()), sees=sees,
        partner=partner_id(node, params.sees) if sees == "partner" else "", handshake=webhook and params.handshake,
        batch=webhook and params.batch, prefix=params.prefix.strip().strip("/"), channel=params.channel.strip())
    credentials = Credentials(secret=secret) if webhook else Credentials(
        user=params.user, password=params.password, ca=params.ca.strip())
    one = await _deliveries(node).add(about, credentials, oldest=params.oldest)
    return Done(facts={"subscription": one.about.id, "name": one.about.name, **({"secret": secret} if made else {})})


class Named(Params, frozen=True, kw_only=True):
    """``subscription``: its id or name."""

    subscription: str


async def pause(node: Node, params: Named, _key: str) -> Done:
    """Tell it nothing for now; what changes meanwhile is told when it goes on."""
    one = _deliveries(node).named(params.subscription)
    await _deliveries(node).pause(one)
    return Done(facts={"name": one.about.name})


class Resume(Params, frozen=True, kw_only=True):
    """``now``: leave out what has happened up to now."""

    subscription: str
    now: bool = False


async def resume(node: Node, params: Resume, _key: str) -> Done:
    """Go on telling it, and at once."""
    one = _deliveries(node).named(params.subscription)
    await _deliveries(node).resume(one, now=params.now)
    return Done(facts={"name": one.about.name})


async def remove(node: Node, params: Named, _key: str) -> Done:
    """Tell it nothing any more."""
    one = _deliveries(node).named(params.subscription)
    await _deliveries(node).remove(one)
    return Done(facts={"name": one.about.name})


async def test(node: Node, params: Named, _key: str) -> Done:
    """Send an event that says nothing; a refusal says why it did not arrive."""
    one = _deliveries(node).named(params.subscription)
    await _deliveries(node).test(one)
    return Done(facts={"name": one.about.name})


def _deliveries(node: Node) -> Any:
    if node.twin_events is None:
        raise Unavailable("twin-event.none")
    return node.twin_events
