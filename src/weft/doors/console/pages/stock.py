"""Stock, one item, and the import of tables."""

from typing import Final

from starlette.responses import Response

from weft.basis.rows import Column
from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit
from weft.engine.imports import KINDS
from weft.pricing import table as prices
from weft.production import table as making
from weft.stock import table as things

COLUMNS: Final = {
    "items": things.ITEM_COLUMNS, "stock": things.LOT_COLUMNS, "calendars": making.CALENDAR_COLUMNS,
    "work-centres": making.WORK_CENTRE_COLUMNS, "bills": making.BILL_COLUMNS, "routings": making.ROUTING_COLUMNS,
    "supply-rules": making.SUPPLY_COLUMNS, "prices": prices.COLUMNS,
}


async def page(visit: Visit) -> Response:
    """All items."""
    view = await visit.view("stock")
    query = visit.asked("q")[:60].strip()
    plain = query.casefold()
    found = [one for one in view.items if plain in f"{one.id} {one.zh} {one.en}".casefold()]
    return await visit.page("stock.html", tab="stock", live="stock", view=view, items=found, query=query,
                            names=await item_names(visit))


async def one(visit: Visit) -> Response:
    """One item."""
    view = await visit.view("item", item=visit.named("item"))
    return await visit.page("item.html", tab="stock", live="stock", view=view, own_errors=True,
                            names=await item_names(visit))


async def imports(visit: Visit) -> Response:
    """Bring in a table; what is wrong is told by row and column."""
    kinds = [(kind, visit.text(f"import.kind.{kind}")) for kind in KINDS]
    kind = visit.asked("kind", "items")
    return await visit.page(
        "import.html", tab="import", kinds=kinds, kind=kind if kind in KINDS else "items", own_errors=True,
        columns={name: [_header(column, visit.lang) + ("*" if column.required else "") for column in columns]
                 for name, columns in COLUMNS.items()})


def _header(column: Column, lang: str) -> str:
    """A header for the column as a reader of ``lang`` writes it."""
    chinese = (name for name in column.names.split("|") if not name.isascii())
    return next(chinese, column.name) if lang == "zh" else column.name
