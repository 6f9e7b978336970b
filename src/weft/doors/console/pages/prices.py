"""Price books: the list, one version, what changes between two, what an order would cost, and tables to take along.

Not here: drafts (``price_drafts.py``), publishing (``engine/commands/pricing.py``).
"""

from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from weft.basis.errors import Invalid, NotFound
from weft.basis.quantity import MINOR_UNITS, UNITS
from weft.doors.console.pages.naming import item_names
from weft.doors.console.visit import Visit
from weft.engine import drafts
from weft.engine.export_tables import Table, as_csv, as_workbook
from weft.locale import known
from weft.pricing import table
from weft.pricing.book import encode
from weft.pricing.schema import ATTRIBUTES, PriceBook

SHOWN: Final = 100  # lines of a book on one page
MOVES_SHOWN: Final = 200
FIRST_UNITS: Final = ("C62", "KGM", "MTR", "SET", "BX", "LTR")
_MEDIA: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json",
                 "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}


async def page(visit: Visit) -> Response:
    """All books with their versions, and the drafts."""
    view = await visit.view("prices")
    books: dict[str, list[Any]] = {}
    for version in view.books:
        books.setdefault(version.id, []).append(version)
    return await visit.page(
        "prices.html", tab="prices", live="pricing", view=view, books=[_ordered(one) for one in books.values()],
        own_errors=True, currency=visit.node.config.firm.currency, currencies=[(code, code) for code in MINOR_UNITS])


def _ordered(versions: list[Any]) -> list[Any]:
    """What counts first: in force, coming, then what was."""
    order = {"in-force": 0, "coming": 1}
    return sorted(versions, key=lambda one: (order.get(one.state, 2), -one.number))


async def version(visit: Visit) -> Response:
    """One version, to be read and printed."""
    view = await visit.view("price-book", version=visit.named("hash"))
    others = [one for one in (await visit.view("prices")).books if one.id == view.id and one.hash != view.hash]
    return await visit.page("price_book.html", tab="prices", view=view, others=others, own_errors=True,
                            **await lines_of(visit, view))


async def lines_of(visit: Visit, view: Any) -> dict[str, Any]:
    """The lines of a book that a page shows: those that were looked for, so many at a time, each with its place."""
    names = await item_names(visit)
    query = visit.asked("q")[:60].strip()
    plain = query.casefold()
    found = [(at, line) for at, line in enumerate(view.lines)
             if plain in f"{line.item} {names(line.item)}".casefold()]
    whole = bool(visit.asked("all"))
    page = visit.asked("page", "1")
    first = (int(page) - 1) * SHOWN if page.isdecimal() and 0 < len(page) < 6 and page != "0" else 0
    shown = found if whole else found[first:first + SHOWN]
    return {"names": names, "query": query, "lines": shown, "found_lines": len(found), "first": first, "whole": whole,
            "last": first + len(shown), "rule_names": {rule.id: rule.name or rule.id for rule in view.rules}}


async def diff(visit: Visit) -> Response:
    """What changes between two versions."""
    view = await visit.view("price-diff", old=visit.asked("old")[:60], new=visit.asked("new")[:60])
    return await visit.page("price_diff.html", tab="prices", view=view, most=MOVES_SHOWN,
                            names=await item_names(visit), back=f"/prices/versions/{view.new.hash or view.old.hash}")


async def test(visit: Visit) -> Response:
    """What an order would cost, and why: in force, and by a draft beside it."""
    draft = visit.named("draft")
    chosen = {name: visit.asked(name)[:40] for name in ATTRIBUTES}
    inputs = {name.removeprefix("in."): value[:40].strip() for name, value in visit.request.query_params.items()
              if name.startswith("in.")}
    asked = {name: visit.asked(name)[:120].strip() for name in ("item", "quantity", "unit")}
    asked["quantity"] = asked["quantity"].replace(",", "").replace("，", "")
    view = await visit.view("price-test", **asked, draft=draft, attributes=" ".join(
        f"{name}={value}" for name, value in {**chosen, **inputs}.items() if value))
    return await visit.page("price_test.html", tab="prices", view=view, asked=asked, chosen=chosen, inputs=inputs,
                            names=await item_names(visit), draft=draft,
                            refusal=lambda side: _refusal(visit, side))


def _refusal(visit: Visit, side: Any) -> str:
    """Why a book gives no price, with attributes and inputs called as the form calls them."""
    def called(name: str) -> str:
        kind, _, of = name.partition(".")
        if known(visit.lang, f"prices.input.{kind}"):
            return visit.text(f"prices.input.{kind}", name=of)
        return visit.text(f"attribute.{name}") if known(visit.lang, f"attribute.{name}") else name

    facts = {name: visit.text("word.list-comma").join(called(one) for one in str(value).split(", "))
             if name in {"name", "known", "attribute"} else value for name, value in side.facts.items()}
    return visit.error(Invalid(side.code, **facts))


def units() -> tuple[str, ...]:
    """Units to choose from, the usual ones first."""
    return (*FIRST_UNITS, *sorted(UNITS - set(FIRST_UNITS)))


async def export(visit: Visit) -> Response:
    """A version or a draft as a table or as the book itself."""
    kind, draft = visit.named("kind"), visit.named("draft")
    if kind not in _MEDIA:
        raise NotFound("console.page-unknown")
    if draft:
        book = (await drafts.get(visit.node, draft)).book
    else:
        held = (await visit.node.book_state("pricing")).books.get(visit.named("hash"))
        if held is None:
            raise NotFound("pricing.version-unknown")
        book = held.book
    name = quote(f"{book.id}.{kind}")
    return Response(_file(book, kind, chinese=visit.lang == "zh"), media_type=_MEDIA[kind],
                    headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}"})


def _file(book: PriceBook, kind: str, *, chinese: bool) -> bytes:
    if kind == "json":
        return encode(book)
    first, *rows = table.written(book, chinese=chinese)
    sheet = Table("prices", first, rows)
    return as_csv(sheet) if kind == "csv" else as_workbook([sheet])
