"""Pages of twins that are looked for: by name, by semantic id, by asset, by a condition.

Rule 1: the order is that of ids, and a page goes on behind one, whatever is looked for.
Rule 2: what an index answers is not read; what it cannot is read ``READ`` twins at a time and looked at in a thread of
    its own, one page after the other: a question that costs much costs who asks it, others have their turn.
Rule 3: a condition is first asked of a few twins in order; where it holds for many of them that fills the page,
    whatever else there is, and where it holds for few, they are gathered from what holds.
Rule 4: a page that has taken ``SPENT_S`` ends where it is (``Cut``), and who asks goes on from there.
Not here: conditions as SQL (``asking.py``).
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Final

import msgspec

from weft.engine.twins import naming
from weft.engine.twins.ports import SPENT_S, Cut, Kind, Row, Where
from weft.stores.twins.applying import NUMBER
from weft.stores.twins.asking import Asked, ask
from weft.twin.query import holds, looks_beside
from weft.twin.query.index import fields

READ: Final = 200
READ_BESIDE: Final = 20  # of those whose neighbours are read with them
CHUNK: Final = 400  # twins that are asked one by one
MANY: Final = 16  # at least one of so many holds: then going on so is cheaper than gathering all
# a few twins in order of their ids, each asked by itself
_NEAR: Final = ("SELECT w.id, w.revision, w.at, w.body FROM (SELECT number, id FROM twins WHERE kind = {kind}"
                " AND id > ? ORDER BY id LIMIT 400) t CROSS JOIN twins w WHERE w.number = t.number AND ({each})"
                " ORDER BY t.id LIMIT ?")
_BEHIND: Final = "SELECT id FROM twins WHERE kind = ? AND id > ? ORDER BY id LIMIT 1 OFFSET 399"
# all that hold, gathered by what holds: the plus keeps SQLite from going through all ids instead
_FAR: Final = ("SELECT w.id, w.revision, w.at, w.body FROM (SELECT t.number AS n FROM twins t WHERE +t.kind = {kind}"
               " AND ({where}) AND +t.id > ? ORDER BY t.id LIMIT ?) p CROSS JOIN twins w WHERE w.number = p.n"
               " ORDER BY w.id")
_TITLE: Final = "SELECT number FROM titles WHERE text = ?"
_ALSO: Final = f" AND EXISTS (SELECT 1 FROM names m WHERE m.name = ({_TITLE}) AND m.value = ? AND m.id = n.id)"  # noqa: S608 - our own
SUBMODELS: Final = "submodels[].keys[].value"
_TWIN: Final = "SELECT body FROM twins WHERE kind = ? AND id = ?"
_SHELLS: Final = ("SELECT body FROM twins WHERE number IN"  # noqa: S608 - our own
                  f" (SELECT twin FROM twin_field WHERE name = '{SUBMODELS}' AND value = ?)")
Run = Callable[[str, Sequence[Any]], list[Any]]


async def page(run: Run, kind: Kind, after: str, limit: int, where: Where, looking: asyncio.Lock) -> Sequence[Row]:
    """At most ``limit`` twins behind ``after`` that are as ``where`` says; ``run`` runs a statement.

    ``looking`` is held by who looks at bodies: they have one thread between them.
    """
    asked = None if where.condition is None else ask(where.condition, kind)
    look = _look(run, kind, where, sure=asked is None or asked.exact)
    look.lock = looking
    found: list[Row] = []
    if asked is not None and not naming.wanted(where):
        behind = await _near(run, (kind, after, limit), asked, look, found)
        if behind is None or look.cut:
            return _page(look, found, limit)
        after = behind
    sql, values = _statement(kind, where, asked)
    while len(found) < limit:
        wanted = look.batch or limit - len(found)
        rows = [Row(kind, *row) for row in run(sql, (*values, after, wanted))]
        found += await look.at(rows)
        if look.cut or len(rows) < wanted or not look.batch:
            break
        after = rows[-1].id
        await asyncio.sleep(0)
    return _page(look, found, limit)


def _page(look: "_Look", found: list[Row], limit: int) -> Sequence[Row]:
    return Cut(found, look.cut) if look.cut and len(found) < limit else found[:limit]


async def _near(
    run: Run, place: tuple[Kind, str, int], asked: Asked, look: "_Look", found: list[Row],
) -> str | None:
    """Ask one twin after the other for as long as that finds many; behind which id to go on, or None."""
    kind, after, limit = place
    sql = _NEAR.format(kind=NUMBER[kind], each=asked.each)
    while True:
        wanted = CHUNK if look.batch else limit - len(found)
        rows = [Row(kind, *row) for row in run(sql, (after, *asked.bindings, wanted))]
        found += await look.at(rows)
        behind = run(_BEHIND, (NUMBER[kind], after))
        if look.cut or len(found) >= limit or not behind:
            return None
        after = str(behind[0][0])
        if len(rows) * MANY < CHUNK:
            return after
        await asyncio.sleep(0)


def _statement(kind: Kind, where: Where, asked: Asked | None) -> tuple[str, tuple[Any, ...]]:
    """The statement, which wants an id and a limit at its end, and the values before these."""
    names = [(f"{kind}:{name}", value) for name, value in naming.wanted(where)]
    also, bindings = ("", ()) if asked is None else (f" AND ({asked.where})", asked.bindings)
    if not names and asked is not None and asked.driven:
        return _FAR.format(kind=NUMBER[kind], where=asked.where), bindings
    if not names:
        return (f"SELECT t.id, t.revision, t.at, t.body FROM twins t WHERE t.kind = {NUMBER[kind]}{also}"  # noqa: S608 - our own
                " AND t.id > ? ORDER BY t.id LIMIT ?"), bindings
    first, *rest = names
    others = _ALSO * len(rest)
    return (f"SELECT t.id, t.revision, t.at, t.body FROM names n CROSS JOIN twins t"  # noqa: S608 - our own
            f" WHERE t.kind = {NUMBER[kind]} AND t.id = n.id AND n.name = ({_TITLE}) AND n.value = ?{others}{also}"
            " AND n.id > ? ORDER BY n.id LIMIT ?"), (*first, *(value for name in rest for value in name), *bindings)


@dataclass(slots=True)
class _Look:
    """Looks at bodies where the index has not said it all; ``cut``: behind which id time ran out.

    ``batch``: how many are looked at together, 0: none have to be.
    """

    run: Run
    kind: Kind
    where: Where
    batch: int
    beside: bool
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    cut: str = ""
    spent: float = 0.0

    async def at(self, rows: Sequence[Row]) -> Sequence[Row]:
        """Those of ``rows`` that are as was asked."""
        if not self.batch:
            return rows
        found: list[Row] = []
        for first in range(0, len(rows), self.batch):
            some = rows[first:first + self.batch]
            around = [self._beside(row) for row in some] if self.beside else ()
            async with self.lock:
                begun = time.monotonic()
                found += await asyncio.to_thread(self._right, some, around, begun + SPENT_S - self.spent)
                self.spent += time.monotonic() - begun
            if self.cut:
                break
        return found

    def _beside(self, row: Row) -> list[Any]:
        return _around(self.run, self.kind, msgspec.json.decode(row.body))

    def _right(self, rows: Sequence[Row], around: Sequence[list[Any]], until: float) -> list[Row]:
        found = []
        for row, beside in zip(rows, around or repeat([]), strict=False):
            document = msgspec.json.decode(row.body)
            kind, condition = self.where.asset_kind, self.where.condition
            if (not kind or naming.asset_kind(document) == kind) and (
                    condition is None or holds(condition, document, self.kind, beside)):
                found.append(row)
            if time.monotonic() > until:
                self.cut = row.id
                break
        return found


def _look(run: Run, kind: Kind, where: Where, *, sure: bool) -> _Look:
    """What bodies must be looked at for; nothing when the index has said it all."""
    where = msgspec.structs.replace(where, condition=None) if sure else where
    needed = bool(where.asset_kind) or where.condition is not None
    beside = where.condition is not None and looks_beside(where.condition, kind)
    return _Look(run, kind, where, (READ_BESIDE if beside else READ) if needed else 0, beside)


def _around(run: Run, kind: Kind, document: dict[str, Any]) -> list[Any]:
    """The submodels of a shell, or the shells of a submodel."""
    if kind == "shell":
        found = [run(_TWIN, (NUMBER["submodel"], value)) for _, value in _references(document)]
        return [msgspec.json.decode(rows[0][0]) for rows in found if rows]
    return [msgspec.json.decode(body) for (body,) in run(_SHELLS, (document.get("id"),))]


def _references(shell: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.name, one.value) for one in fields("shell", shell) if one.name == SUBMODELS]
