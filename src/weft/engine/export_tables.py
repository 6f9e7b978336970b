"""Tables of an export: what the firm holds as rows that any spreadsheet opens, CSV and one workbook.

Rule 1: money and quantities are written as they are kept, digit by digit; the workbook holds texts, no formulas.
Rule 2: a text of others that a spreadsheet might take for a formula gets an apostrophe in front.
Not here: what else is exported (``export.py``).
"""

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import msgspec

from weft.basis import quantity as q
from weft.basis.cells import harmless
from weft.basis.instant import from_ms
from weft.engine.node import Node
from weft.engine.views.deals import deal
from weft.thread import closing
from weft.trade.relationship_state import RelationshipState

CELL_MAX: Final = 32_000  # what a cell of a workbook bears


@dataclass(frozen=True, slots=True)
class Table:
    """A name, the names of its columns, and its rows."""

    name: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


async def tables(node: Node) -> AsyncIterator[Table]:
    """All tables, one after the other."""
    yield await _orders(node)
    yield await _order_lines(node)
    states = [(thread, await node.state(thread)) for thread in node.threads("relationship")]
    yield _invoices(node, states)
    yield _payments(node, states)
    yield _partners(node, states)
    log = await node.work_log.since(node, 0)
    yield _flat("work", sorted(log.entries.values(), key=lambda one: (one.at, one.entry)))
    stock = await node.book_state("stock")
    yield _flat("items", stock.items.values())
    yield Table("stock", ("lot", "item", "unit", "holder", "quantity", "owner", "heat", "place", "received"), [
        (lot.id, lot.item, lot.unit, holder or node.organisation, amount, lot.owner or node.organisation, lot.heat,
         lot.place, lot.received) for lot in stock.lots.values() for holder, amount in lot.at.items()])
    yield Table("machine-facts", ("at", "kind", "machine", "fact"), [
        (from_ms(one.at_ms), one.kind, str(getattr(one.message, "machine", "")), _json(one.message))
        for one in await node.log(node.book("floor")) if one.message is not None and one.kind != "MachineAdded"])


async def _orders(node: Node) -> Table:
    rows = []
    for thread in node.threads("order"):
        held = await deal(node, thread)
        total = {name: q.text(sum((Decimal(getattr(line, name)) for line in held.state.lines.values()), Decimal(0)))
                 for name in ("net", "tax", "gross")} if held.state.lines else {}
        rows.append((thread, held.number, held.role, held.partner, held.partner_name, held.state.phase.value,
                     "yes" if closing.is_done(held.state) else "no", held.state.currency, total.get("net", ""),
                     total.get("tax", ""), total.get("gross", "")))
    return Table("orders", ("thread", "number", "role", "partner", "partner_name", "phase", "closed", "currency",
                            "net", "tax", "gross"), rows)


async def _order_lines(node: Node) -> Table:
    rows = []
    for thread in node.threads("order"):
        state = await node.state(thread)
        rows += [(thread, one.line, one.item, one.buyer_item, one.description, one.unit, one.ordered, one.unit_price,
                  one.base, one.net, one.tax, one.gross, one.despatched, one.received, q.text(one.open), one.promise)
                 for one in state.lines.values()]
    return Table("order-lines", ("thread", "line", "item", "buyer_item", "description", "unit", "ordered",
                                 "unit_price", "base", "net", "tax", "gross", "despatched", "received", "open",
                                 "promise"), rows)


States = Sequence[tuple[str, RelationshipState]]


def _invoices(node: Node, states: States) -> Table:
    rows = [(thread, event, "we" if one.by == node.organisation else "they", one.kind, one.purpose, one.number,
             one.currency, one.net, one.tax, one.gross, one.amount, one.paid, q.text(one.open), one.due,
             one.tax_invoice, " ".join(one.orders), one.at)
            for thread, state in states for event, one in state.documents.items()]
    return Table("invoices", ("relationship", "event", "billed_by", "kind", "purpose", "number", "currency", "net",
                              "tax", "gross", "payable", "paid", "open", "due", "tax_invoice", "orders", "at"), rows)


def _payments(node: Node, states: States) -> Table:
    rows = [(thread, event, "we" if one.by == node.organisation else "they", one.number, one.currency, one.amount,
             one.status, one.method, one.at)
            for thread, state in states for event, one in state.remittances.items()]
    return Table("payments", ("relationship", "event", "paid_by", "number", "currency", "amount", "status", "method",
                              "at"), rows)


def _partners(node: Node, states: States) -> Table:
    rows = [(thread, organisation, one.name, state.phase.value, one.url, one.address, one.tax_number, one.contact)
            for thread, state in states for organisation, one in state.parties.items()
            if organisation != node.organisation]
    return Table("partners", ("relationship", "organisation", "name", "phase", "url", "address", "tax_number",
                              "contact"), rows)


def _flat(name: str, things: Iterable[Any]) -> Table:
    """A table of structs: their plain fields by name, others as JSON."""
    plain = [msgspec.to_builtins(one) for one in things]
    columns = list(dict.fromkeys(column for one in plain for column in one))
    return Table(name, columns or ["id"], [[_told(one.get(column, "")) for column in columns] for one in plain])


def _told(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def as_csv(table: Table) -> bytes:
    """``table`` as CSV: UTF-8 with a mark, so that spreadsheets show Chinese as it is."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(table.columns)
    writer.writerows([harmless(cell) for cell in row] for row in table.rows)
    return out.getvalue().encode("utf-8-sig")


def as_workbook(found: Sequence[Table]) -> bytes:
    """All tables in one XLSX file, a sheet each; every cell is a text."""
    import openpyxl
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell

    workbook = openpyxl.Workbook(write_only=True)
    for table in found:
        sheet = workbook.create_sheet(table.name)
        for row in (table.columns, *table.rows):
            cells = []
            for text in row:
                cell = WriteOnlyCell(sheet)
                cell.value, cell.data_type = ILLEGAL_CHARACTERS_RE.sub("", text[:CELL_MAX]), "s"
                cells.append(cell)
            sheet.append(cells)
    out = io.BytesIO()
    workbook.save(out)
    return out.getvalue()
