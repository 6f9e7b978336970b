"""Firms meet: an invitation that is answered becomes a relationship; a partner says where it wants its mail.

Not here: making and joining an invitation (``commands/partners.py``), who is let in (``receive.py``).
"""

from weft.engine.effects import Cause
from weft.engine.node import Node
from weft.engine.ports import Batch
from weft.engine.receive import INVITATIONS, key_log_of, token_name
from weft.trade.messages import MailboxesNamed, Party, RelationshipAccepted
from weft.trade.relationship_state import Phase


def own_party(node: Node) -> Party:
    """How our partners know us."""
    firm = node.config.firm
    return Party(name=firm.name, lang=firm.lang, url=firm.url, address=firm.address, tax_number=firm.tax_number,
                 contact=firm.contact)


async def accept_invited(node: Node, cause: Cause) -> None:
    """The firm that we invited is here: it is our partner, and the invitation is used up."""
    if (await node.state(cause.thread)).phase is not Phase.PROPOSED:
        return  # accepted before, and given back after a restore
    message = RelationshipAccepted(party=own_party(node), key_log=await key_log_of(node, node.organisation))
    await node.speak(cause.thread, message, cause.key)
    await node.store.commit(Batch(values=[(INVITATIONS, token_name(cause.message.token), None)]))


async def learn_mailboxes(node: Node, cause: Cause) -> None:
    """The partner has said where mail for it may be left while it cannot be reached."""
    if node.mail is not None:
        await node.mail.post.learn(cause.author, cause.message)


async def unlearn_mailboxes(node: Node, cause: Cause) -> None:
    """It was a thief who said that: the newest word that counts does."""
    if node.mail is None:
        return
    loaded = await node.whole(cause.thread)
    counting = [entry.message for entry in loaded.entries.values() if entry.author == cause.author
                and isinstance(entry.message, MailboxesNamed) and entry.id not in loaded.void]
    await node.mail.post.unlearn(cause.author, max(counting, key=lambda one: one.number, default=None))
