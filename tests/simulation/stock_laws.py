"""Laws of stock: nothing is booked twice or forgotten, nothing is short unseen, and material keeps its owner.

Not here: what an order comes to (``order_laws.py``).
"""

from collections import Counter
from decimal import Decimal

from tests.simulation.scene import AMOUNT, Scene, total, undone
from weft.engine.memory import Logged
from weft.engine.node import Node
from weft.stock import levels
from weft.stock import messages as sm


async def booked_once(scene: Scene) -> list[str]:
    """Every despatch of ours has left our stock and every receipt of ours has come into it, once; or is shown."""
    found = []
    for node in scene.nodes.values():
        out, into = await _bookings(scene, node)
        troubles = await undone(node)
        for thread in node.threads("order"):
            for one in await scene.log(node, thread):
                if one.author != node.organisation:
                    continue
                if one.kind == "DespatchAdvice" and (one.id, "book-despatch") not in troubles:
                    found += _differ(node, "left", one, total(one.message.lines, "quantity"), out[one.id])
                if one.kind == "ReceiptAdvice" and (one.id, "book-receipt") not in troubles:
                    found += _differ(node, "came", one, total(one.message.lines, "received"), into[one.id])
    return found


async def _bookings(scene: Scene, node: Node) -> tuple[AMOUNT, AMOUNT]:
    """What the stock book says left, by despatch, and came, by receipt."""
    out: AMOUNT = Counter()
    into: AMOUNT = Counter()
    for one in await scene.book(node, "stock"):
        match one.message:
            case sm.Issued() | sm.Moved():
                out[one.message.ref.split(":")[0]] += Decimal(one.message.quantity)
            case sm.Received():
                into[one.message.ref.split(" ")[0]] += total(one.message.lots, "quantity")
            case _:
                pass
    return out, into


def _differ(node: Node, what: str, one: Logged, said: Decimal, booked: Decimal) -> list[str]:
    if said == booked:
        return []
    return [f"booked {booked} of {said} that {what} by {one.kind} {one.id[:8]} at {node.config.firm.name}"]


async def never_short_unseen(scene: Scene) -> list[str]:
    """No lot holds less than nothing; where more is kept than is there, or was sent, the owner is shown a task."""
    found = []
    for node in scene.nodes.values():
        name, state = node.config.firm.name, await node.book_state("stock")
        found += [f"{one.quantity} of lot {one.lot} at {name}" for one in levels.parcels(state)
                  if Decimal(one.quantity) < 0]
        for short in levels.shortages(state):
            scene.figures["oversold"] += 1
            tasks = await scene.tasks(node)
            if not any(task.kind == "shortage" and task.item == short.item for task in tasks):
                found.append(f"{short.missing} of {short.item} is missing at {name}, and nobody is shown it")
        if (await undone(node)) and len(await _troubles_shown(scene, node)) < len(await undone(node)):
            found.append(f"what {name} could not do by itself is not shown")
    return found


async def _troubles_shown(scene: Scene, node: Node) -> list[str]:
    return [task.name for task in await scene.tasks(node) if task.kind == "trouble"]


# ---- the owner's material (委外带料) -----------------------------------------------------------------


async def material_conserved(scene: Scene) -> list[str]:
    """What lies at the partner by the owner's book, and here by the partner's, differ by exactly what both can name.

    owner: sent = at the partner + used up; partner: got = here + used + scrapped; sent = got + lost + on its way.
    """
    found = []
    for owner, holder in await scene.partners():
        sent, got, lost = await _between(scene, owner, holder)
        if not sent:
            continue
        scene.figures["material watched"] += 1
        there, here = await _lying(owner, "", holder.organisation), await _lying(holder, owner.organisation, "")
        gone_there = await _gone(scene, owner, "", holder.organisation)
        gone_here = await _gone(scene, holder, owner.organisation, "")
        for item in sent:
            expected = {
                "by the owner's book": (sent[item], there[item] + gone_there[item]),
                "by the holder's book": (got[item], here[item] + gone_here[item]),
                "between the two": (there[item] - here[item],
                                    sent[item] - got[item] + gone_here[item] - gone_there[item]),
            }
            found += [f"{item} of {owner.config.firm.name} at {holder.config.firm.name} {where}: {left} is not {right}"
                      for where, (left, right) in expected.items() if left != right]
            if lost[item] > sent[item] - got[item]:
                found.append(f"more {item} of {owner.config.firm.name} was lost than was on its way")
    return found


async def _between(scene: Scene, owner: Node, holder: Node) -> tuple[AMOUNT, AMOUNT, AMOUNT]:
    """(sent, got, lost on the way) of the owner's material by item, as the orders say; what was not booked is left out.

    Items have one number at both: so the firms of these worlds call them.
    """
    sent: AMOUNT = Counter()
    got: AMOUNT = Counter()
    lost: AMOUNT = Counter()
    skipped, unbooked = await undone(owner), await undone(holder)
    for thread in owner.threads("order"):
        if holder.organisation not in await owner.members(thread):
            continue
        advices = {}
        for one in await scene.log(owner, thread):
            if one.kind == "DespatchAdvice" and one.message.kind == "materials" and one.author == owner.organisation:
                advices[one.id] = {line.line: line for line in one.message.lines}
                for line in one.message.lines if (one.id, "book-despatch") not in skipped else ():
                    sent[line.item] += Decimal(line.quantity)
            if one.kind == "ReceiptAdvice" and one.message.despatch in advices:
                for line in one.message.lines if (one.id, "book-receipt") not in unbooked else ():
                    item = advices[one.message.despatch][line.line].item
                    got[item] += Decimal(line.received)
                    lost[item] += Decimal(line.damaged) + Decimal(line.rejected)
    return sent, got, lost


async def _lying(node: Node, owner: str, holder: str) -> AMOUNT:
    """By item: what of ``owner`` lies at ``holder`` by the book of ``node``; "" is that firm itself."""
    found: AMOUNT = Counter()
    for one in levels.parcels(await node.book_state("stock")):
        if (one.owner, one.holder) == (owner, holder):
            found[one.item] += Decimal(one.quantity)
    return found


async def _gone(scene: Scene, node: Node, owner: str, holder: str) -> AMOUNT:
    """By item: what was used, scrapped, given back or counted away of ``owner``'s at ``holder``."""
    found: AMOUNT = Counter()
    for one in await scene.book(node, "stock"):
        match one.message:
            case sm.Consumed() | sm.Scrapped() | sm.Issued() if (one.message.owner, one.message.holder) == (
                    owner, holder):
                found[one.message.item] += Decimal(one.message.quantity)
            case _:
                pass
    return found

