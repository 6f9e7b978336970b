"""Records of a machine as a file: asked of the running node page by page, written as they come.

Not here: the command (``history.py``), how a table looks (``engine/value_tables.py``).
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Final

import click
import msgspec

from weft.basis.errors import Refused
from weft.basis.zone import Zone
from weft.cli.client import Node
from weft.cli.words import say
from weft.engine import value_tables as tables
from weft.engine.views.machine_values import RecordsView

_PAGE: Final = "5000"


def write(node: Node, what: tuple[str, str], span: tuple[int, int], how: tuple[str, Zone], file: IO[bytes], *,
          hidden: bool) -> int:
    """All pages of ``span`` (ms) into ``file``; the number of rows.

    ``what``: the machine and its properties, by commas; ``how``: csv or xlsx, and minutes of local time ahead of UTC.
    """
    form, zone = how
    first = _page(node, what, span)
    columns, told = tables.head(first, say, zone), tables.qualities(say)
    sheet = tables.Sheet(what[0], columns, told, zone) if form == "xlsx" else None
    count = 0
    if sheet is None:
        file.write(tables.csv_head(columns))
    with _bar(max(span[0], first.first_ms), span[1], hidden=hidden) as reached:
        view = first
        while True:
            count += len(view.rows)
            if sheet is None:
                file.write(tables.csv_lines(view.rows, told, zone))
            else:
                sheet.add(view.rows)
                if count > tables.ROWS_MAX:
                    raise Refused("cli.history.too-long", limit=tables.ROWS_MAX)
            if view.go_on is None:
                break
            reached(view.go_on)
            view = _page(node, what, (view.go_on, span[1]))
    if sheet is not None:
        sheet.save(file)
    return count


def _page(node: Node, what: tuple[str, str], span: tuple[int, int]) -> RecordsView:
    view = node.view("machine-records", machine=what[0], of=what[1], begin=str(span[0]), end=str(span[1]), limit=_PAGE)
    return msgspec.convert(view, RecordsView)


@contextmanager
def _bar(begin: int, end: int, *, hidden: bool) -> Iterator[Callable[[int], None]]:
    """How far it is, by the time that has been gone through."""
    shown = sys.stderr
    with click.progressbar(length=1_000, label=say("cli.history.running"), file=shown,
                           hidden=hidden or not shown.isatty()) as bar:
        yield lambda at: bar.update(max(0, 1_000 * (at - begin) // max(1, end - begin) - bar.pos))
        bar.update(1_000 - bar.pos)
