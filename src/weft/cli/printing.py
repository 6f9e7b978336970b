"""What commands print: tables for people, one JSON value for programs."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from weft.cli.words import at, harmless, language, say, word

ID_SHOWN: Final = 8
PIPED_WIDTH: Final = 240  # nobody looks at a screen: nothing needs to be folded
IDS: Final = frozenset({"thread", "event"})
_TRUTH: Final = {"True": "value.yes", "False": "value.no"}  # what a machine says, as views tell it


class Paper:
    """Where one command prints."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def value(self, value: Any) -> None:
        """One value as JSON, for programs and for those who want all of it."""
        click.echo(json.dumps(value, ensure_ascii=False, indent=None if self.as_json else 2))

    def line(self, key: str, value: Any, **facts: object) -> None:
        """One sentence for people; ``value`` for programs."""
        if self.as_json:
            self.value(value)
        else:
            click.echo(say(key, **facts))

    def table(self, rows: Sequence[Mapping[str, Any]], columns: str, value: Any = None) -> None:
        """``rows`` in ``columns`` (names with blanks between) for people; ``value`` or the rows for programs."""
        if self.as_json:
            self.value(rows if value is None else value)
            return
        if not rows:
            click.echo(say("cli.nothing"))
            return
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in columns.split():
            table.add_column(say(f"cli.column.{name}"), overflow="fold")
        for row in rows:
            table.add_row(*(Text(harmless(cell(row, name))) for name in columns.split()))
        Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH).print(table)

    def done(self, value: Any) -> None:
        """What a command has done: where it stands now."""
        if self.as_json:
            self.value(value)
            return
        thread = str(value.get("thread", ""))[:ID_SHOWN]
        click.echo(say("cli.done-in", thread=thread) if thread else say("cli.done"))
        for name, fact in (value.get("facts") or {}).items():
            click.echo(harmless(f"  {word('cli.column', name)}: {_fact(fact)}"))


def _fact(fact: Any) -> str:
    """A fact of what was done, for people."""
    if fact is None or isinstance(fact, bool):
        return say("value.yes" if fact else "value.no") if fact is not None else "–"
    return str(at(fact)) if isinstance(fact, str | int) else json.dumps(fact, ensure_ascii=False)


def cell(row: Mapping[str, Any], name: str) -> str:
    """One cell; ``title`` is the name in the reader's language."""
    if name == "title":
        return str(row.get(language()) or row.get("en") or row.get("zh") or row.get("title") or "")
    value = row.get(name, "")
    if name in IDS:
        return str(value)[:ID_SHOWN]
    if isinstance(value, bool):
        return say("cli.yes") if value else ""
    if name == "value" and value in _TRUTH:
        return say(_TRUTH[value])
    return "" if value is None else str(at(value))
