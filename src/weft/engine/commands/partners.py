"""Meeting other firms: invite by a link or QR code, join, change what partners know of us.

The link is ``weft:join?`` with organisation, address, a secret, a device, and where mail for the inviter may be left;
an https page of the inviter carries the same.
Rule 1: an invitation lets one firm in, within its days; its secret is kept as a digest only.
Not here: letting an invited firm in (``receive.py``), answering it (``reactions/meeting.py``).
"""

from typing import Final
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64, unb64
from weft.basis.errors import Invalid, NotFound, Refused
from weft.config import is_address
from weft.engine.bundles import DEVICES
from weft.engine.commands.params import Done, Params
from weft.engine.mail.fetch import INVITED
from weft.engine.mail.post import Route
from weft.engine.memory import ALARMS, Change
from weft.engine.node import DETOURS, JOINED, Node
from weft.engine.ports import Batch
from weft.engine.reactions.meeting import own_party
from weft.engine.reactions.offering import partner_id
from weft.engine.receive import INVITATIONS, Invitation, key_log_of, token_name
from weft.identity.keys import sound
from weft.thread import closing
from weft.trade.messages import Keeper, PartyUpdated, RelationshipEnded, RelationshipProposed

SCHEME: Final = "weft"
DAYS_MAX: Final = 90
KEEPERS_MAX: Final = 4


class Invite(Params, frozen=True, kw_only=True):
    """``note``: whom it is for, for our own memory. ``days``: how long it is good."""

    note: str = ""
    days: int = 14


async def invite(node: Node, params: Invite, _key: str) -> Done:
    """A link that lets one firm become our partner."""
    if not 1 <= params.days <= DAYS_MAX:
        raise Invalid("invitation.days", value=params.days, limit=DAYS_MAX)
    token = b64(node.random(18))
    until = instant.from_ms(node.clock.now_ms() + params.days * 86_400_000)
    kept = Invitation(params.note[:80], until)
    keepers = node.mail.fetch.keepers() if node.mail is not None else ()
    await node.store.commit(Batch(values=[
        (INVITATIONS, token_name(token), msgspec.json.encode(kept)),
        *([(INVITED, token_name(token), until.encode())] if keepers else [])]))
    link = f"{SCHEME}:join?" + urlencode({
        "firm": node.organisation, "at": node.config.firm.url, "name": node.config.firm.name, "secret": token,
        "key": node.identity.signer.public, "mail": [f"{one.key}@{one.url}" for one in keepers]}, doseq=True)
    return Done(facts={"link": link, "until": until})


class Join(Params, frozen=True, kw_only=True):
    """``link`` as the other firm gave it."""

    link: str


async def join(node: Node, params: Join, key: str) -> Done:
    """Answer an invitation: from now on both firms know each other."""
    organisation, address, secret = read_link(params.link)
    if organisation == node.organisation:
        raise Refused("invitation.own")
    if node.partner(organisation) is not None:
        raise Refused("partner.known", name=organisation[:12])
    node.addresses[organisation] = address
    await node.store.commit(Batch(values=[(JOINED, organisation, address.encode()),
                                          (DEVICES, organisation, device_in(params.link).encode() or None)]))
    keepers = mail_in(params.link)
    if keepers and node.mail is not None:
        await node.mail.post.go_by(organisation, Route(0, token_name(secret), keepers))
    message = RelationshipProposed(party=own_party(node), key_log=await key_log_of(node, node.organisation),
                                   token=secret)
    thread = await node.open("relationship", {organisation: "inviter", node.organisation: "invitee"}, message,
                             key or f"join:{token_name(secret)}")
    node.poll_where_needed(organisation)
    return Done(thread=thread, facts={"organisation": organisation})


def read_link(link: str) -> tuple[str, str, str]:
    """(organisation, address, secret) of an invitation link; raises ``Invalid('invitation.link')``."""
    try:
        parts = urlsplit(link.strip())
        given = {name: values[0] for name, values in parse_qs(parts.query, max_num_fields=20).items()}
        organisation, address, secret = given.get("firm", ""), given.get("at", ""), given.get("secret", "")
        unb64(organisation, 32)
    except (ValueError, Invalid) as error:
        raise Invalid("invitation.link") from error
    if parts.scheme not in (SCHEME, "https", "http") or len(link) > 2_000:
        raise Invalid("invitation.link")
    if not secret or (address and not is_address(address)):
        raise Invalid("invitation.link")
    return organisation, address, secret


def device_in(link: str) -> str:
    """The device of the inviter that ``link`` names, to which a first bundle can be sealed; "" when it names none."""
    key = parse_qs(urlsplit(link.strip()).query, max_num_fields=20).get("key", [""])[0]
    return key if sound(key) else ""


def mail_in(link: str) -> list[Keeper]:
    """Where ``link`` says that mail for the inviter may be left, the best first."""
    given = parse_qs(urlsplit(link.strip()).query, max_num_fields=20).get("mail", [])[:KEEPERS_MAX]
    return [Keeper(key=key, url=url) for key, at, url in (one.partition("@") for one in given) if at]


class UpdateParty(Params, frozen=True, kw_only=True):
    """Tell all partners our present name, address and keys, as weft.toml has them."""


async def update_party(node: Node, _params: UpdateParty, key: str) -> Done:
    """Tell every partner who we are now."""
    party, keys = own_party(node), await key_log_of(node, node.organisation)
    said: list[str] = []
    for organisation, thread in node.partners.items():
        if not closing.is_done(await node.state(thread)):
            said.extend(await node.speak(thread, PartyUpdated(party=party, key_log=keys),
                                         f"{key}:{organisation}" if key else ""))
    return Done(events=said)


class SetAddress(Params, frozen=True, kw_only=True):
    """Reach ``partner`` at ``url`` whatever it says of itself (a tunnel, a new address); "" goes by its word again."""

    partner: str
    url: str = ""


async def set_address(node: Node, params: SetAddress, _key: str) -> Done:
    """Give an address of our own for a partner."""
    organisation = partner_id(node, params.partner)
    if params.url and not is_address(params.url):
        raise Invalid("partner.address", address=params.url[:80])
    await node.store.commit(Batch(values=[(DETOURS, organisation, params.url.encode() or None)]))
    node.detours[organisation] = params.url
    node.outbox.heard(organisation)
    return Done()


class GoOn(Params, frozen=True, kw_only=True):
    """Let work go on in ``thread`` (or with a firm whose keys forked, by its id) after an alarm was settled."""

    thread: str


async def go_on(node: Node, params: GoOn, _key: str) -> Done:
    """What runs by itself may run again where an alarm had stopped it; its proof is kept."""
    if params.thread not in node.alarms:
        raise NotFound("thread.no-alarm")
    await node.store.commit(Batch(values=[(ALARMS, params.thread, None)]))
    node.alarms.pop(params.thread, None)
    node.effects_wake.set()
    node.tell(Change(params.thread, "alarm", ("settled",)))
    return Done(thread=params.thread)


class EndRelationship(Params, frozen=True, kw_only=True):
    """No new orders with ``partner``; what is open goes on."""

    partner: str
    reason: str = ""


async def end_relationship(node: Node, params: EndRelationship, key: str) -> Done:
    """End the relationship with a partner."""
    thread = relationship_with(node, params.partner)
    return Done(thread=thread, events=await node.speak(thread, RelationshipEnded(reason=params.reason), key))


def relationship_with(node: Node, partner: str) -> str:
    """The relationship thread with ``partner`` (id or name); raises ``NotFound('partner.unknown')``."""
    thread = node.partner(partner_id(node, partner))
    if thread is None:
        raise NotFound("partner.unknown", name=partner[:60])
    return thread
