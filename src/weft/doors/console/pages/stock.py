"""Stock, one item, and the import of tables."""

from starlette.responses import Response

from weft.basis.errors import NotFound
from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit
from weft.engine.imports import COLUMNS, KINDS


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
    asked, chinese = visit.asked("kind", "items"), visit.lang == "zh"
    kind = asked if asked in KINDS else "items"
    example = [line.split(",") for line in visit.text(f"import.example.{kind}").splitlines()]
    after = KINDS[KINDS.index(kind) + 1:-1][:1]  # prices are better written than imported
    return await visit.page(
        "import.html", tab="import", kinds=kinds, kind=kind, own_errors=True, example=example, after=after,
        columns=[column.label(chinese=chinese) + ("*" if column.required else "") for column in COLUMNS[kind]])


async def template(visit: Visit) -> Response:
    """An empty table of one kind, as a spreadsheet opens it: headers as a reader of this language writes them."""
    kind = visit.named("kind")
    if kind not in COLUMNS:
        raise NotFound("import.kind", value=kind[:40], allowed=", ".join(KINDS))
    line = ",".join(column.label(chinese=visit.lang == "zh") for column in COLUMNS[kind])
    name = f'attachment; filename="{kind}.csv"'
    return Response(f"\ufeff{line}\r\n", media_type="text/csv", headers={"content-disposition": name})
