"""What an owner imports: the bytes of a table become messages of one book, or problems by row and column.

Rule 1: all or nothing: with any problem there is no command; the command itself is decided as a whole.
Rule 2: the same file again changes nothing: what is already so is left out, a booking has the file's digest.
Not here: reading cells (``sheets.py``), the columns of each kind (each subject's ``table.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from weft.basis.canonical import b64, digest
from weft.basis.decider import Message
from weft.basis.errors import Invalid
from weft.basis.rows import Column, Grid, Problem, tabled
from weft.engine import sheets
from weft.pricing import publish
from weft.pricing import table as prices
from weft.production import book as production
from weft.production import table as making
from weft.production.state import State as Production
from weft.stock import book as stock
from weft.stock import table as things
from weft.stock.state import State as Stock

Found = tuple[tuple[Message, ...], tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class Known:
    """What an import is checked against. ``partners`` maps names to organisations; None leaves names as they are.

    ``at`` is the present instant, ``head`` the JSON beside a price list.
    """

    stock: Stock = stock.INITIAL
    production: Production = production.INITIAL
    partners: Mapping[str, str] | None = None
    at: str = ""
    head: Mapping[str, Any] = field(default_factory=dict)

    @property
    def units(self) -> dict[str, str]:
        """Item -> its unit."""
        return {item.id: item.unit for item in self.stock.items.values()}


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """``command`` is to be decided by ``book``; it is None when there are ``problems`` or nothing changes.

    ``count``: the rows of the table, 0 when nothing changes.
    """

    book: str
    command: Any = None
    count: int = 0
    problems: tuple[Problem, ...] = ()


def _items(grid: Grid, known: Known, _: str) -> Found:
    return things.items(grid, known.stock.items, known.partners)


def _lots(grid: Grid, known: Known, ref: str) -> Found:
    return things.opening(grid, known.stock, ref, known.at, known.partners)


def _bills(grid: Grid, known: Known, _: str) -> Found:
    return making.bills(grid, known.production.master, known.units)


def _routings(grid: Grid, known: Known, _: str) -> Found:
    return making.routings(grid, known.production.master, known.units)


def _work_centres(grid: Grid, known: Known, _: str) -> Found:
    return making.work_centres(grid, known.production.master)


def _calendars(grid: Grid, known: Known, _: str) -> Found:
    return making.calendars(grid, known.production.master)


def _supply_rules(grid: Grid, known: Known, _: str) -> Found:
    return making.supply_rules(grid, known.production.master, known.units, known.partners)


_ROWS: Final[Mapping[str, tuple[str, Callable[[Grid, Known, str], Found]]]] = {
    "items": (stock.NAME, _items),
    "stock": (stock.NAME, _lots),
    "calendars": (production.NAME, _calendars),
    "work-centres": (production.NAME, _work_centres),
    "bills": (production.NAME, _bills),
    "routings": (production.NAME, _routings),
    "supply-rules": (production.NAME, _supply_rules),
}
KINDS: Final = (*_ROWS, "prices")  # in the order in which one needs the other
COLUMNS: Final[Mapping[str, Sequence[Column]]] = {
    "items": things.ITEM_COLUMNS, "stock": things.LOT_COLUMNS, "calendars": making.CALENDAR_COLUMNS,
    "work-centres": making.WORK_CENTRE_COLUMNS, "bills": making.BILL_COLUMNS, "routings": making.ROUTING_COLUMNS,
    "supply-rules": making.SUPPLY_COLUMNS, "prices": prices.COLUMNS,
}
_NO_HEADER: Final = frozenset({"table.header-missing", "table.column-missing"})
_SEVERAL: Final[Mapping[str, Callable[[Sequence[Message]], Any]]] = {
    stock.NAME: lambda messages: stock.Several(messages=tuple(messages)),
    production.NAME: lambda messages: production.Several(messages=tuple(messages)),
}


def imported(kind: str, content: bytes, known: Known) -> Import:
    """What importing ``content`` as ``kind`` says; raises ``Invalid`` when the file itself cannot be read."""
    if kind not in KINDS:
        raise Invalid("import.kind", value=kind[:40], allowed=", ".join(KINDS))
    if kind == "prices":
        return _prices(content, known)
    book, read = _ROWS[kind]
    ref = "import:" + b64(digest("import/1", kind.encode(), content))
    grid = sheets.read(content)
    messages, problems = read(grid, known, ref)
    problems = _mistaken(kind, grid, problems)
    if problems or not messages:
        return Import(book=book, problems=problems)
    rows = len(tabled(grid, COLUMNS[kind]).rows)  # what its owner counts, however many messages they make
    return Import(book=book, command=_SEVERAL[book](messages), count=rows)


def _mistaken(kind: str, grid: Grid, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """``problems``, or the one that matters: the header is that of another kind of table, which is named."""
    if not any(one.code in _NO_HEADER for one in problems):
        return problems
    fitting = {other: len(table.labels) for other, columns in COLUMNS.items() if other != kind
               for table in (tabled(grid, columns),)
               if not any(one.code in _NO_HEADER for one in table.problems)}
    if not fitting:
        return problems
    other = max(fitting, key=lambda name: fitting[name])
    return (Problem(row=problems[0].row, code=f"import.is-{other}"),)


def _prices(content: bytes, known: Known) -> Import:
    """A price list with its head, or a whole book as JSON."""
    if content.lstrip()[:1] == b"{":
        try:
            draft = msgspec.json.decode(content, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise Invalid("pricing.shape", where="book", detail=str(error)[:120]) from error
        return Import(book=publish.NAME, command=publish.Publish(book=draft, at=known.at), count=1)
    grid = sheets.read(content)
    book, problems = prices.book_of(grid, known.head)
    if book is None:
        return Import(book=publish.NAME, problems=_mistaken("prices", grid, problems))
    return Import(book=publish.NAME, command=publish.Publish(book=book, at=known.at), count=1)
