"""Laws of money: bills, credits and payments add up to what is open, on both sides, and nothing is billed twice.

Not here: prices (``tests/pricing``).
"""

from collections import Counter
from decimal import Decimal
from typing import Any

from tests.simulation.scene import AMOUNT, ZERO, Scene, undone
from weft.engine.node import Node
from weft.trade import relationship
from weft.trade.relationship_state import RelationshipState


async def money_adds_up(scene: Scene) -> list[str]:
    """Invoiced less credited less remitted is what is open: by the words, by each state, and by the statements."""
    found = []
    for thread, nodes in scene.shared("relationship").items():
        told: dict[str, Any] = {}
        for node in nodes:
            state: RelationshipState = await node.state(thread)
            counted = await _counted(scene, node, thread)
            where = f"{thread[:8]} at {node.config.firm.name}"
            for creditor, amount in counted.items():
                said = relationship.balance(state, creditor)
                if sum(map(Decimal, said.values()), ZERO) != amount:
                    found.append(f"{where}: {scene.name(creditor)} is owed {said}, but the words make {amount}")
                found += [f"{where}: {told}" for told in statement_faults(state, creditor, amount)]
                told[creditor] = {**told.get(creditor, {}), node.organisation: said}
            scene.figures["bills"] += sum(one.kind == "invoice" for one in state.documents.values())
            scene.figures["payments"] += len(state.remittances)
        found += [f"{thread[:8]}: the two do not say the same of {scene.name(creditor)}: {sides}"
                  for creditor, sides in told.items() if len({str(one) for one in sides.values()}) > 1]
    return found


async def _counted(scene: Scene, node: Node, thread: str) -> AMOUNT:
    """What each is owed, by the words alone."""
    owed: AMOUNT = Counter()
    announced: dict[str, tuple[str, Decimal]] = {}
    for one in await scene.log(node, thread):
        match one.kind:
            case "Invoice":
                owed[one.author] += Decimal(one.message.payable)
            case "CreditNote":
                owed[one.author] -= Decimal(one.message.gross)
            case "RemittanceAdvice":
                announced[one.id] = one.author, Decimal(one.message.amount)
            case "RemittanceConfirmed" if one.message.received:
                owed[one.author] -= announced[one.message.remittance][1]
            case _:
                pass
    return owed


def statement_faults(state: RelationshipState, creditor: str, owed: Decimal) -> list[str]:
    """Whether the confirmed statements and what is in none of them make what is owed, each document once."""
    found = []
    confirmed = {name: one for name, one in state.statements.items() if one.by == creditor and
                 one.status == "confirmed"}
    held: Counter[str] = Counter(entry.document for one in confirmed.values() for entry in one.entries.values())
    found += [f"{name[:8]} stands in {count} confirmed statements" for name, count in held.items() if count > 1]
    for one in confirmed.values():
        if sum((Decimal(entry.amount) for entry in one.entries.values()), ZERO) != Decimal(one.balance):
            found.append(f"statement {one.number} does not add up")
    last = sum((Decimal(one.balance) for one in confirmed.values() if not one.opened_by), ZERO)
    free = sum((Decimal(one.amount) for name, one in state.documents.items()
                if one.by == creditor and name not in held), ZERO)
    paid = sum((Decimal(one.amount) for name, one in state.remittances.items()
                if one.by != creditor and one.status == "received" and name not in held), ZERO)
    if last + free - paid != owed:
        found.append(f"statements make {last + free - paid}, but {owed} is owed")
    return found


async def billed_once(scene: Scene) -> list[str]:
    """Of each order line no more is billed than was received; all of it, where the node bills by itself."""
    found = []
    for node in scene.nodes.values():
        billed = await _billed(scene, node)
        bills_lost = bool(scene.lost & set(node.threads("relationship")))
        troubles = {cause for cause, reaction in await undone(node) if reaction == "bill-receipt"}
        for thread in node.threads("order"):
            if (await node.members(thread)).get(node.organisation) != "seller":
                continue
            state = await node.state(thread)
            if bills_lost or thread in scene.lost:
                continue  # a despatch, a receipt or a bill is known to nobody any more
            skipped = any(sent.receipt in troubles for sent in state.despatches.values())
            for name, line in state.lines.items():
                received, amount = Decimal(line.received), billed[thread, name]
                forgotten = amount < received and node.config.rules.invoice == "auto" and not skipped
                if amount > received or forgotten:
                    found.append(f"{amount} of {received} received on line {name} of {thread[:8]} is billed")
    return found


async def _billed(scene: Scene, node: Node) -> AMOUNT:
    billed: AMOUNT = Counter()
    for thread in node.threads("relationship"):
        for one in await scene.log(node, thread):
            if one.kind == "Invoice" and one.author == node.organisation and one.message.kind == "goods":
                for line in one.message.lines:
                    billed[line.order, line.order_line] += Decimal(line.quantity)
    return billed
