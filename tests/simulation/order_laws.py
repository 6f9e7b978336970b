"""The law of every order line: ordered = despatched - over-delivered + open + short-closed + cancelled, on both sides.

Replacements are counted apart: pieces sent again for those that came short, damaged or refused.
Rule 1: everything is counted again from the words, one after the other; the folded state is only compared with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.simulation.scene import ZERO, Scene
from weft.engine.memory import Logged
from weft.engine.node import Node
from weft.trade.order_state import OrderLine


@dataclass(slots=True)
class Count:
    """One line as its words add up; ``lost``: sent and of no use, not replaced yet; ``ended``: how it ended, or ""."""

    ordered: Decimal
    sent: Decimal = ZERO
    replaced: Decimal = ZERO
    lost: Decimal = ZERO
    ended: str = ""

    @property
    def first(self) -> Decimal:
        """What was sent and replaced nothing."""
        return self.sent - self.replaced

    @property
    def delivered(self) -> Decimal:
        """What was sent and is of use, or still may be."""
        return self.first - self.lost


@dataclass(slots=True)
class Recount:
    """One order, counted word by word."""

    lines: dict[str, Count] = field(default_factory=dict)
    offers: dict[str, Any] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)
    sent: dict[str, Mapping[str, Decimal]] = field(default_factory=dict)

    def take(self, one: Logged) -> None:
        """The next word that counts."""
        step = getattr(self, f"_{one.kind}", None)
        if step is not None:
            step(one.id, one.message)

    def _Quotation(self, name: str, message: Any) -> None:  # noqa: N802 - called by the names of words
        self.offers[name] = message

    def _Order(self, _name: str, message: Any) -> None:  # noqa: N802 - called by the names of words
        self.lines = {line.line: Count(Decimal(line.quantity)) for line in self.offers[message.quotation].lines}

    def _OrderChange(self, name: str, message: Any) -> None:  # noqa: N802 - called by the names of words
        self.changes[name] = {option.id: option for option in message.options}

    def _OrderChangeResponse(self, _name: str, message: Any) -> None:  # noqa: N802 - called by the names of words
        if not message.option:
            return
        option = self.changes[message.change][message.option]
        for name in {part.line: None for part in option.lines} or dict.fromkeys(self.lines):
            if not self.lines[name].ended:
                _change(self.lines[name], option.kind, [part for part in option.lines if part.line == name])

    def _DespatchAdvice(self, name: str, message: Any) -> None:  # noqa: N802 - called by the names of words
        if message.kind != "goods":
            return
        self.sent[name] = {line.line: Decimal(line.quantity) for line in message.lines}
        for line, amount in self.sent[name].items():
            held = self.lines[line]
            again = min(held.lost, amount)
            held.sent += amount
            held.replaced += again
            held.lost -= again

    def _ReceiptAdvice(self, _name: str, message: Any) -> None:  # noqa: N802 - called by the names of words
        sent = self.sent.get(message.despatch, {})
        for line in message.lines if sent else ():
            self.lines[line.line].lost += sent[line.line] - Decimal(line.received)

    def _ShortClosed(self, _name: str, message: Any) -> None:  # noqa: N802 - called by the names of words
        self._end(message.lines or tuple(self.lines), "short-closed")

    def _OrderCancellation(self, _name: str, _message: Any) -> None:  # noqa: N802 - called by the names of words
        self._end(tuple(self.lines), "cancelled")

    def _end(self, names: Sequence[str], how: str) -> None:
        for name in names:
            self.lines[name].ended = self.lines[name].ended or how


def _change(line: Count, kind: str, parts: Sequence[Any]) -> None:
    if kind == "cancel" or (len(parts) == 1 and parts[0].quantity and not Decimal(parts[0].quantity)):
        line.ended = "cancelled"
    elif any(part.quantity for part in parts):
        line.ordered = sum((Decimal(part.quantity) for part in parts), ZERO)


async def lines_add_up(scene: Scene) -> list[str]:
    """The law of the line, with what each side has counted for itself, and with what its state says."""
    found = []
    for thread, nodes in scene.shared("order").items():
        for node in nodes:
            lines = (await node.state(thread)).lines
            counted = await recount(scene, node, thread)
            if set(lines) != set(counted):
                found.append(f"lines {sorted(lines)} are counted as {sorted(counted)}: {thread[:8]}")
                continue
            for name, line in lines.items():
                scene.figures["lines"] += 1
                scene.figures["replaced"] += int(counted[name].replaced)
                found += [f"line {name} of {thread[:8]} at {node.config.firm.name}: {told}"
                          for told in differences(line, counted[name])]
    return found


async def recount(scene: Scene, node: Node, thread: str) -> dict[str, Count]:
    """The lines of ``thread`` as the words that ``node`` holds add up."""
    counting = Recount()
    for one in await scene.log(node, thread):
        counting.take(one)
    return counting.lines


def differences(line: OrderLine, counted: Count) -> list[str]:
    """What of ``line`` is not as it was counted; and whether the law holds of what it says."""
    over = max(ZERO, counted.delivered - counted.ordered)
    rest = max(ZERO, counted.ordered - counted.delivered)
    said = {
        "ordered": (Decimal(line.ordered), counted.ordered),
        "despatched": (Decimal(line.despatched), counted.sent),
        "over-delivered": (line.over_delivered, over),
        "open": (line.open, ZERO if counted.ended else rest),
        "short-closed": (line.short_closed, rest if counted.ended == "short-closed" else ZERO),
        "cancelled": (line.cancelled, rest if counted.ended == "cancelled" else ZERO),
    }
    found = [f"{what} {left}, counted {right}" for what, (left, right) in said.items() if left != right]
    parts = counted.delivered - line.over_delivered + line.open + line.short_closed + line.cancelled
    if Decimal(line.ordered) != parts:
        found.append(f"ordered {line.ordered}, but its parts make {parts}")
    return found


async def both_sides_say_the_same(scene: Scene) -> list[str]:
    """Every line is the same at buyer and seller."""
    found = []
    for thread, nodes in scene.shared("order").items():
        first = (await nodes[0].state(thread)).lines
        others = [node.config.firm.name for node in nodes[1:] if (await node.state(thread)).lines != first]
        found += [f"{thread[:8]} is not the same at {name}" for name in others]
    return found
