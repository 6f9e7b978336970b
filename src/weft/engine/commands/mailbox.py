"""Sealed mail: give out a place, use one that another firm gave out, give either up, agree to a partner's keepers.

Rule 1: a link is shown once; who holds it fetches what is left there, so it is handed over as a key would be.
Not here: keeping, leaving and fetching (``engine/mail``).
"""

from typing import Any

from weft.basis.errors import Unavailable
from weft.engine.commands.params import Done, Params
from weft.engine.mail.mailbox import read_link
from weft.engine.node import Node
from weft.engine.reactions.offering import partner_id


class Offer(Params, frozen=True, kw_only=True):
    """``note``: whom the place is for, for our own memory."""

    note: str = ""


async def offer(node: Node, params: Offer, _key: str) -> Done:
    """Keep sealed mail for whoever holds the link in ``facts``."""
    firm = node.config.firm
    place, link = await _mail(node).keeper.offer(firm.url, firm.name, params.note)
    return Done(facts={"link": link, "place": place})


class End(Params, frozen=True, kw_only=True):
    """``place`` as the list of places names it."""

    place: str


async def end(node: Node, params: End, _key: str) -> Done:
    """Keep nothing more for a place; letters that wait there go too: who left them still has what is in them."""
    await _mail(node).keeper.withdraw(params.place)
    return Done()


class Use(Params, frozen=True, kw_only=True):
    """``link`` as the keeper gave it."""

    link: str


async def use(node: Node, params: Use, _key: str) -> Done:
    """Have our mail kept there too; partners are told."""
    place = read_link(params.link)
    await _mail(node).fetch.use(place)
    return Done(facts={"keeper": place.key, "name": place.name})


class Drop(Params, frozen=True, kw_only=True):
    """``keeper``: its key, or its name where no other has the same."""

    keeper: str


async def drop(node: Node, params: Drop, _key: str) -> Done:
    """Have no more mail kept there; partners are told."""
    await _mail(node).fetch.drop(params.keeper)
    return Done()


class Agree(Params, frozen=True, kw_only=True):
    """Whether mail for ``partner`` may be left at the keepers that it named."""

    partner: str
    agree: bool = True


async def agree(node: Node, params: Agree, _key: str) -> Done:
    """Our own word on leaving mail for a partner: a keeper is what both choose."""
    organisation = partner_id(node, params.partner)
    await _mail(node).post.choose(organisation, agree=params.agree)
    return Done(thread=node.partner(organisation) or "")


def _mail(node: Node) -> Any:
    if node.mail is None:
        raise Unavailable("mailbox.none")
    return node.mail
