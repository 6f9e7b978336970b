"""Twins that people look for by words: full-text indexes, asked page by page.

Rule 1: a page reads what it gives, whatever else is there: an index gives numbers in their order, and stops.
Rule 2: what was told on one page is not told again on a later one of the same search.
Not here: which words a twin has (``engine/twins/words.py``), their tables (``sql/twins``), programs' queries
        (``asking.py``).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import apsw
import msgspec

from weft.engine.twins.ports import KINDS, Kind, Row
from weft.engine.twins.words import SEARCHED, asked
from weft.twin.query.index import fields

NUMBER: Final = {kind: place for place, kind in enumerate(KINDS, 1)}
SUBMODELS: Final = "submodels[].keys[].value"
LOOKED_AT: Final = 200  # submodels in one page of shells that bear them
CONCEPTS: Final = 20
ELEMENTS: Final = 200  # of each concept
_ROWS: Final = "SELECT w.number, w.id, w.revision, w.at, w.body FROM ({}) p CROSS JOIN twins w WHERE w.number = p.n"
_FOUND: Final = "SELECT rowid AS n FROM {kind}_words WHERE {kind}_words MATCH ? AND rowid > ? ORDER BY rowid LIMIT ?"
_SAME: Final = "SELECT 1 FROM {kind}_words WHERE {kind}_words MATCH ? AND rowid = ?"
_SHELLS: Final = _ROWS.format(f"SELECT twin AS n FROM twin_field WHERE name = '{SUBMODELS}' AND value = ? LIMIT ?")  # noqa: S608 - our own
_NUMBERED: Final = "SELECT number FROM twins WHERE kind = ? AND id = ?"
_NAMED: Final = ("SELECT id FROM names WHERE name = (SELECT number FROM titles WHERE text = 'submodel:semanticId')"
                 " AND value = ? LIMIT ?")
_MEANT: Final = ("SELECT t.id FROM (SELECT twin FROM elements WHERE semantic ="
                 " (SELECT number FROM terms WHERE text = ?) LIMIT ?) e CROSS JOIN twins t WHERE t.number = e.twin")
Run = Callable[[str, Sequence[Any]], list[Any]]
Found = list[tuple[int, Row]]


def put(cursor: apsw.Cursor, kind: Kind, number: int, old: Sequence[str], new: Sequence[str]) -> None:
    """The twin has the words ``new`` from now on."""
    if kind not in SEARCHED or old == new:
        return
    if new:
        cursor.execute(f"INSERT OR REPLACE INTO {kind}_words (rowid, words) VALUES (?, ?)", (number, " ".join(new)))  # noqa: S608 - our own
    else:
        cursor.execute(f"DELETE FROM {kind}_words WHERE rowid = ?", (number,))  # noqa: S608 - our own


def clear(cursor: apsw.Cursor) -> None:
    """No twin has any words: they are derived anew."""
    for kind in SEARCHED:
        cursor.execute(f"INSERT INTO {kind}_words ({kind}_words) VALUES ('delete-all')")  # noqa: S608 - our own


def has(asked: Callable[..., list[Any]], kind: Kind, number: int, words: Sequence[str]) -> bool:
    """Whether the index knows the twin by all of ``words``; ``asked`` runs a statement."""
    text = " ".join(words)
    return not words or bool(asked(_SAME.format(kind=kind), f'"{text}"', number))


def page(run: Run, kind: Kind, query: str, after: int, limit: int) -> Found:
    """At most ``limit`` twins of ``kind`` with the words of ``query`` and a number above ``after``."""
    text = _match(query)
    if not text or kind not in SEARCHED:
        return []
    sql = _ROWS.format(_FOUND.format(kind=kind)) + " ORDER BY p.n"
    return [(number, Row(kind, *row)) for number, *row in run(sql, (text, after, limit))]


def bearing(run: Run, query: str, after: int, limit: int) -> tuple[list[Row], int]:
    """Shells that name one of the submodels that are found, and behind which number to go on, 0: there are no more.

    What ``page`` finds of shells is left out.
    """
    found: list[Row] = []
    looked = page(run, "submodel", query, after, LOOKED_AT)
    for number, submodel in looked:
        for own, *row in run(_SHELLS, (submodel.id, limit)):
            shell = Row("shell", *row)
            if not _told(run, query, own, shell, number):
                found.append(shell)
        if len(found) >= limit:
            return found, number
    return found, looked[-1][0] if len(looked) == LOOKED_AT else 0


def _told(run: Run, query: str, own: int, shell: Row, number: int) -> bool:
    """Whether the shell is found by itself, or by a submodel before ``number``."""
    text = _match(query)
    if run(_SAME.format(kind="shell"), (text, own)):
        return True
    named = {one.value for one in fields("shell", msgspec.json.decode(shell.body)) if one.name == SUBMODELS}
    before = [place for one in named for (place,) in run(_NUMBERED, (NUMBER["submodel"], one)) if place < number]
    return any(run(_SAME.format(kind="submodel"), (text, one)) for one in before)


def meaning(run: Run, query: str, limit: int) -> list[Row]:
    """Shells with something that means one of the concepts that are found, without those that have the words."""
    text, found = _match(query), dict[str, Row]()
    for submodel in _meaning(run, query):
        for own, *row in run(_SHELLS, (submodel, limit)):
            shell = Row("shell", *row)
            if shell.id not in found and not run(_SAME.format(kind="shell"), (text, own)):
                found[shell.id] = shell
        if len(found) >= limit:
            break
    return list(found.values())[:limit]


def _meaning(run: Run, query: str) -> Iterator[str]:
    """Ids of submodels, each once."""
    seen: set[str] = set()
    for _, concept in page(run, "concept", query, 0, CONCEPTS):
        for (name,) in [*run(_NAMED, (concept.id, ELEMENTS)), *run(_MEANT, (concept.id, ELEMENTS))]:
            if name not in seen:
                seen.add(name)
                yield name


def _match(query: str) -> str:
    """``query`` as the index understands it; "" when it asks for nothing."""
    groups = [" OR ".join(f'"{" ".join(phrase)}" *' for phrase in group) for group in asked(query)]
    return " AND ".join(f"({one})" for one in groups)
