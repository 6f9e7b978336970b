"""The board, one order as a conversation, its paper, and a new request."""

from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit
from weft.engine.commands import COMMANDS
from weft.engine.views.deals import COLUMNS

ROWS_MAX = 50


async def board(visit: Visit) -> Response:
    """All orders by column; a phone shows one column at a time."""
    side = visit.asked("side", "all")
    side = side if side in ("all", "buyer", "seller") else "all"
    view = await visit.view("orders", side=side)
    filled = [column.code for column in view.columns if column.cards]
    urgent = [column.code for column in view.columns if any(card.waits == "us" for card in column.cards)]
    chosen = visit.asked("column")
    if chosen not in COLUMNS:
        chosen = next(iter([*urgent, *filled]), "asked")
    return await visit.page("orders.html", tab="orders", live="order", view=view, side=side, chosen=chosen)


async def one(visit: Visit) -> Response:
    """One order."""
    view = await visit.view("order", thread=visit.named("thread"))
    return await visit.page(
        "order.html", tab="orders", live="order production", view=view, own_errors=True,
        names=await _names(visit, view), option_kind=_option_kinds(view), can=lambda name: name in COMMANDS)


async def paper(visit: Visit) -> Response:
    """The order as it is printed or shared."""
    view = await visit.view("order", thread=visit.named("thread"))
    return await visit.page("paper.html", tab="orders", view=view, base=visit.base)


async def _names(visit: Visit, view: Any) -> Callable[[str], str]:
    """Names of the order's items, by the number that the papers use."""
    known = {line.item: (line.zh or line.en) if visit.lang == "zh" else (line.en or line.zh) for line in view.lines}
    ours = await item_names(visit)
    return lambda item: known.get(item) or ours(item)


def _option_kinds(view: Any) -> Callable[[str, str], str]:
    kinds = {(doc.id, option.id): option.kind for doc in view.documents if doc.kind == "OrderChange"
             for option in doc.message.options}
    return lambda change, option: kinds.get((change, option), "change")


async def new(visit: Visit) -> Response:
    """Ask a partner for price and date."""
    partners = [(one.organisation, one.name) for one in (await visit.view("partners")).partners if one.state == "open"]
    stock = await visit.view("stock")
    rows = visit.asked("rows", "3")
    supplier = visit.asked("supplier")
    chosen = next((who for who, name in partners if supplier in (who, name)), supplier)
    return await visit.page(
        "new_order.html", tab="orders", partners=partners, items=stock.items, own_errors=True,
        rows=min(ROWS_MAX, max(3, int(rows))) if rows.isdecimal() and len(rows) < 4 else 3,
        chosen=chosen, first_item=visit.asked("item"), first_quantity=visit.asked("quantity"))
