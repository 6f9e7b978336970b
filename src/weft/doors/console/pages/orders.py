"""The board, one order as a conversation, its paper, and a new request."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from starlette.responses import Response

from weft.basis import instant
from weft.basis import quantity as q
from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit
from weft.engine.commands import COMMANDS
from weft.engine.reactions.lateness import ELSEWHERE
from weft.engine.views.deals import COLUMNS
from weft.locale import formats

ROWS_MAX: Final = 50
UNITS: Final = ("C62", "KGM", "MTR", "SET", "BX", "LTR")


class Row(NamedTuple):
    """One line of a new request as it stands in the form."""

    item: str = ""
    quantity: str = ""
    unit: str = "C62"


class Wish(NamedTuple):
    """What a new request begins with: ``supplier`` an id or a name, ``wanted_by`` a day, ``kept`` goes along unseen."""

    supplier: str = ""
    rows: tuple[Row, ...] = ()
    wanted_by: str = ""
    note: str = ""
    kept: tuple[tuple[str, str], ...] = ()


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
    pick_up = await visit.view("order-pick-up", thread=visit.named("thread"))
    ours = await item_names(visit)
    stock = (await visit.view("stock")).items if view.not_ours or view.called else ()
    return await visit.page(
        "order.html", tab="orders", live="order production price-checked", view=view, pick_up=pick_up, own_errors=True,
        our_items=[(one.id, f"{ours(one.id)} · {one.id}") for one in stock], names=await _names(visit, view),
        option_kind=_option_kinds(view), option_word=_option_word,
        after_change=lambda option: _after_change(view, option), can=lambda name: name in COMMANDS)


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
    kinds = {(doc.id, option.id): _option_word(option) for doc in view.documents if doc.kind == "OrderChange"
             for option in (doc.message.options if doc.message else ())}
    return lambda change, option: kinds.get((change, option), "change")


def _option_word(option: Any) -> str:
    """Under which words a choice is shown: its kind, or that the rest is to come from elsewhere."""
    return ELSEWHERE if option.id == ELSEWHERE and option.kind == "change" else str(option.kind)


def _after_change(view: Any, option: Any) -> str:
    """Where a buyer goes on who has taken ``option``: to ask others for what will not come, else back to the order."""
    line = next((one for one in view.lines for part in option.lines if one.line == part.line), None)
    if view.role != "buyer" or line is None or _option_word(option) != ELSEWHERE:
        return f"/orders/{view.thread}"
    rest = q.decimal(line.open) - q.decimal(option.note)
    return f"/orders/new?{urlencode({'item': line.buyer_item or line.item, 'quantity': q.text(max(rest, Decimal(0)))})}"


async def new(visit: Visit) -> Response:
    """Ask a partner for price and date; ``again`` is the order whose request is asked once more."""
    partners = [(one.organisation, one.name) for one in (await visit.view("partners")).partners if one.state == "open"]
    stock = await visit.view("stock")
    rows = visit.asked("rows", "3")
    again = visit.asked("again")[:60]
    wish = await _asked_before(visit, again) if again else Wish(
        visit.asked("supplier"), (Row(visit.asked("item"), visit.asked("quantity")),))
    chosen = next((who for who, name in partners if wish.supplier in (who, name)), wish.supplier)
    more = int(rows) if rows.isdecimal() and len(rows) < 4 else 3
    return await visit.page(
        "new_order.html", tab="orders", partners=partners, items=stock.items, own_errors=True, again=again,
        rows=max(len(wish.rows), min(ROWS_MAX, max(3, more))), chosen=chosen, filled=wish.rows,
        units=(*UNITS, *sorted({row.unit for row in wish.rows} - set(UNITS))), wanted_by=wish.wanted_by,
        note=wish.note, kept=wish.kept)


async def _asked_before(visit: Visit, thread: str) -> Wish:
    """What was asked for in ``thread``; a day that is over is not wanted any more. Raises ``NotFound``."""
    view = await visit.view("order", thread=thread)
    request = next((doc.message for doc in view.documents if doc.kind == "RequestForQuotation"), None)
    if request is None:
        return Wish(view.partner)
    wanted = formats.local_day(request.wanted_by, visit.zone)
    today = formats.local_day(instant.from_ms(visit.now_ms), visit.zone)
    rows = tuple(Row(line.buyer_item or line.item, line.quantity, line.unit) for line in request.lines)
    kept = (("currency", request.currency), *((f"attributes~{name}", of) for name, of in request.attributes.items()))
    return Wish(view.partner, rows, wanted if wanted > today else "", request.note, kept)
