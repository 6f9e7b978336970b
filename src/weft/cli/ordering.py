"""How people name an order and its quantities on a command line."""

import contextlib
import re
from typing import Any, Final

import click

from weft.basis.errors import Invalid, NotFound
from weft.cli.client import Node
from weft.cli.options import pairs
from weft.cli.words import say

_AMOUNT: Final = re.compile(r"([0-9.]+)([A-Z][A-Z0-9]{1,2})?")


def thread_of(node: Node, named: str) -> str:
    """The thread of the order with this number, or whose id begins so; raises when none or several do."""
    cards = [card for column in node.view("orders")["columns"] for card in column["cards"]]
    found = {card["thread"] for card in cards if named in {card["number"], card["thread"]}}
    found = found or {card["thread"] for card in cards if len(named) >= 4 and card["thread"].startswith(named)}
    if not found:
        raise NotFound("cli.order-unknown", named=named)
    if len(found) > 1:
        raise Invalid("cli.order-ambiguous", named=named, count=len(found))
    return str(found.pop())


def conversation_of(node: Node, named: str) -> str:
    """The thread of the order or partner so named; ``named`` itself where it is neither, for the node to refuse."""
    for find in (thread_of, relationship_of):
        with contextlib.suppress(NotFound):
            return find(node, named)
    return named


def relationship_of(node: Node, named: str) -> str:
    """The thread shared with the partner of this name, or whose id begins so."""
    partners = node.view("partners")["partners"]
    found = {one["thread"] for one in partners if named in {one["name"], one["organisation"], one["thread"]}}
    if len(found) != 1:
        raise NotFound("cli.partner-unknown", named=named)
    return str(found.pop())


def amounts(lines: tuple[str, ...]) -> dict[str, str]:
    """``1=20 2=5`` as quantities by line."""
    return pairs(lines)


def inputs_of(given: tuple[str, ...]) -> dict[str, str]:
    """``kg=1.2,setups=1`` (of line 1) or ``2:kg=3`` as inputs of a rate card by line and name."""
    found = {}
    for text in given:
        line, colon, rest = text.partition(":")
        named = pairs(tuple(part.strip() for part in (rest if colon else text).split(",") if part.strip()))
        found.update({f"{line if colon else '1'}/{name}": value for name, value in named.items()})
    return found


def line_of(text: str) -> dict[str, Any]:
    """``DN15=20`` or ``WIRE=3.5KGM`` as a line of a request."""
    item, _, amount = text.partition("=")
    found = _AMOUNT.fullmatch(amount)
    if not item or found is None:
        raise click.BadParameter(say("cli.wrong.line", given=text))
    return {"item": item, "quantity": found[1], "unit": found[2] or "C62"}
