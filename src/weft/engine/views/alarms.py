"""Alarms: where somebody said what cannot both be true, what stands still because of it, and whom to call.

Rule 1: an alarm is shown until the owner has said ``go-on``; its proof stays in the store for good.
Not here: how a lie is found (``receive.py``, ``keyring.py``), the pack that proves it (``engine/packs.py``).
"""

from typing import Any

from weft.basis.errors import NotFound
from weft.engine.memory import PRICE_LOG
from weft.engine.views.naming import partner_names
from weft.engine.views.partners import account, thread_with
from weft.engine.views.shape import View
from weft.thread.event import unwire


class AlarmView(View, frozen=True, kw_only=True):
    """One alarm; ``id`` is the conversation, or the firm whose list of devices is contradictory.

    ``why``: fork, price-fork, state-mismatch, stolen. ``about``: order, partner, keys, prices or own. ``ours``: our own
    device said it. ``proof``: the conversation whose file holds the proof; "" when there is none to be handed out.
    """

    id: str
    why: str
    about: str
    ours: bool = False
    partner: str = ""
    partner_name: str = ""
    contact: str = ""
    number: str = ""
    relationship: str = ""
    order: str = ""
    proof: str = ""


class AlarmsView(View, frozen=True, kw_only=True):
    """All alarms that are not settled yet."""

    alarms: tuple[AlarmView, ...] = ()


async def alarms(node: Any) -> AlarmsView:
    """Whatever stands still because of an alarm."""
    return AlarmsView(alarms=tuple([await _alarm(node, name, why) for name, why in sorted(node.alarms.items())]))


async def alarm(node: Any, name: str) -> AlarmView:
    """The alarm called ``name``; raises ``NotFound('thread.no-alarm')``."""
    if name not in node.alarms:
        raise NotFound("thread.no-alarm")
    return await _alarm(node, name, node.alarms[name])


async def over(node: Any, thread: str) -> tuple[AlarmView, ...]:
    """The alarms because of which nothing runs by itself in ``thread``: its own, and those of its members' devices."""
    if not node.alarms:
        return ()
    members = await node.members(thread)
    about = [thread, *members, *(f"{PRICE_LOG}{one}" for one in members)]
    return tuple([await _alarm(node, name, node.alarms[name]) for name in about if name in node.alarms])


async def _alarm(node: Any, name: str, why: str) -> AlarmView:
    if name.startswith(PRICE_LOG):
        return await _prices(node, name, why)
    shared = name in node.threads("order") or name in node.threads("relationship")
    partner = await _partner(node, name) if shared else name if name != node.organisation else ""
    relationship = await thread_with(node, partner) if partner else ""
    party = await account(node, relationship) if relationship else None
    number = ""
    if name in node.threads("order"):
        state = await node.state(name)
        said = state.order or state.quotation or state.request
        number = said.number if said else ""
    return AlarmView(
        id=name, why=why, ours=await _by_us(node, name), partner=partner,
        partner_name=(await partner_names(node))(partner), contact=party.contact if party else "", number=number,
        about="order" if number or name in node.threads("order") else "partner" if shared else
        "keys" if relationship else "own", relationship=relationship,
        order=name if name in node.threads("order") else "", proof=name if shared else relationship)


async def _prices(node: Any, name: str, why: str) -> AlarmView:
    """A firm whose price record tells two stories."""
    partner, names = name.removeprefix(PRICE_LOG), await partner_names(node)
    relationship = await thread_with(node, partner) if partner != node.organisation else ""
    party = await account(node, relationship) if relationship else None
    return AlarmView(id=name, why=why, about="prices", ours=partner == node.organisation, partner=partner,
                     partner_name=node.config.firm.name if partner == node.organisation else names(partner),
                     contact=party.contact if party else "", relationship=relationship, proof=name)


async def _partner(node: Any, thread: str) -> str:
    return next((one for one in await node.members(thread) if one != node.organisation), "")


async def _by_us(node: Any, name: str) -> bool:
    """Whether a proof in ``name`` shows that a device of our own firm said two things."""
    return any(unwire(row.first).author == node.organisation for row in await node.store.forks(name))
