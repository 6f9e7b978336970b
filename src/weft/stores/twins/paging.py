"""Pages of twins that are looked for: by name, by semantic id, by asset, by a condition.

Rule 1: the order is that of ids, and a page goes on behind one, whatever is looked for.
Rule 2: what an index answers is not read; what it cannot is read ``READ`` twins at a time and looked at aside, one page
    after the other (``looking.py``): a question that costs much costs who asks it, others have their turn.
Rule 3: a condition is first asked of a few twins in order; where it holds for many of them that fills the page,
    whatever else there is, and where it holds for few, they are gathered from what holds.
Rule 4: gathering has half of the time of a page; where that is not enough, twins are asked in order after all, and
    where a few take too long even so, they are read and looked at. A page that has taken ``SPENT_S`` ends where it is
    (``Cut``): who asks goes on from there, at least one twin on.
Not here: conditions as SQL (``asking.py``).
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import msgspec

from weft.engine.twins import naming
from weft.engine.twins.ports import SPENT_S, Cut, Kind, Row, Where
from weft.stores.twins.applying import NUMBER
from weft.stores.twins.asking import Asked, ask
from weft.stores.twins.looking import Looking, Run
from weft.twin.query import holds, looks_beside
from weft.twin.query.index import fields
from weft.twin.query.tree import Compare

GATHERING: Final = 0.5  # of the time of a page
FOREVER_S: Final = 3_600.0
READ: Final = 200
READ_BESIDE: Final = 20  # of those whose neighbours are read with them
CHUNK: Final = 400  # twins that are asked one by one
FEW: Final = 20  # where more take too long
MANY: Final = 16  # at least one of so many holds: then going on so is cheaper than gathering all
# a few twins in order of their ids, each asked by itself
_NEAR: Final = ("SELECT w.id, w.revision, w.at, w.body FROM (SELECT number, id FROM twins WHERE kind = {kind}"
                " AND id > ? ORDER BY id LIMIT {chunk}) t CROSS JOIN twins w WHERE w.number = t.number AND ({each})"
                " ORDER BY t.id LIMIT ?")
_BEHIND: Final = "SELECT id FROM twins WHERE kind = ? AND id > ? ORDER BY id LIMIT 1 OFFSET ?"
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


class _LongError(Exception):
    """A statement was not done in its time."""


async def page(looking: Looking, kind: Kind, after: str, limit: int, where: Where) -> Sequence[Row]:
    """At most ``limit`` twins behind ``after`` that are as ``where`` says."""
    asked = None if where.condition is None else ask(where.condition, kind)
    look = _look(looking, kind, where, sure=asked is None or asked.exact)
    look.after, look.limit = after, limit
    try:
        if asked is None or naming.wanted(where):
            await _rest(look, _statement(kind, where, asked))
        elif await _near(look, asked):
            await _far(look, asked)
    except _LongError:
        anew = _look(looking, kind, where, sure=False)
        anew.after, anew.limit, anew.found, anew.spent = look.after, limit, look.found, look.spent
        anew.bounded = False
        look = anew
        await _rest(look, _statement(kind, where, None))
    found = look.found
    return Cut(found, look.cut) if look.cut and len(found) < limit else found[:limit]


async def _far(look: "_Look", asked: Asked) -> None:
    """Gather all that hold; where that takes long, go on as before."""
    try:
        await _rest(look, _statement(look.kind, look.where, asked))
    except _LongError:
        look.most = SPENT_S
        await _near(look, asked, on=True)


async def _near(look: "_Look", asked: Asked, *, on: bool = False) -> bool:
    """Ask one twin after the other for as long as that finds many, or ``on``; whether there are more behind."""
    chunk, begun = CHUNK, look.after
    while True:
        wanted = chunk if look.batch else look.limit - len(look.found)
        try:
            rows = await look.rows(_NEAR.format(kind=NUMBER[look.kind], each=asked.each, chunk=chunk),
                                   (look.after, *asked.bindings, wanted))
        except _LongError:
            if look.after != begun and on:
                look.cut = look.after
                return False
            if chunk == FEW:
                raise
            chunk, look.most, on = FEW, SPENT_S, True
            continue
        await look.at(rows)
        behind = look.looking.read(_BEHIND, (NUMBER[look.kind], look.after, chunk - 1))
        if look.cut or len(look.found) >= look.limit or not behind:
            return False
        look.after = str(behind[0][0])
        if not on and len(rows) * MANY < chunk:
            return True
        if look.bounded and look.spent > SPENT_S:
            look.cut = look.after
            return False
        await asyncio.sleep(0)


async def _rest(look: "_Look", statement: tuple[str, tuple[Any, ...]]) -> None:
    """All twins that ``statement`` gives, until the page is full."""
    sql, values = statement
    while len(look.found) < look.limit:
        wanted = look.batch or look.limit - len(look.found)
        rows = await look.rows(sql, (*values, look.after, wanted))
        await look.at(rows)
        if look.cut or len(rows) < wanted or not look.batch:
            return
        look.after = rows[-1].id
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

    ``batch``: how many are looked at together, 0: none have to be. ``found``: those behind which ``after`` stands.
    """

    looking: Looking
    kind: Kind
    where: Where
    batch: int
    beside: bool
    bounded: bool  # whether a statement may take long, and something else be done instead
    after: str = ""
    limit: int = 0
    found: list[Row] = field(default_factory=list)
    cut: str = ""
    spent: float = 0.0
    most: float = 0.0  # that may be spent before statements take too long

    async def rows(self, sql: str, values: Sequence[Any]) -> list[Row]:
        """The rows of a statement; raises ``_LongError``."""
        begun = time.monotonic()
        found = self.looking.quickly(sql, values)
        self.spent += time.monotonic() - begun
        if found is None:
            most = max(self.most, SPENT_S * GATHERING) - self.spent if self.bounded else FOREVER_S
            found, took = await self.looking.aside(lambda run: run(sql, values), most)
            self.spent += took
        if found is None:
            raise _LongError
        return [Row(self.kind, *row) for row in found]

    async def at(self, rows: Sequence[Row]) -> None:
        """Take those of ``rows`` that are as was asked."""
        if not self.batch:
            self.found += rows
            return
        for first in range(0, len(rows), self.batch):
            some = rows[first:first + self.batch]
            right, took = await self.looking.aside(partial(self._right, some), SPENT_S - self.spent,
                                                   asking=self.beside)
            self.spent += took
            if right is None:  # not even what lies around the first of them was read in time
                right, took = await self.looking.aside(partial(self._right, some[:1]), FOREVER_S, asking=True)
                self.cut = some[0].id
            self.found += right or ()
            if self.cut:
                return

    def _right(self, rows: Sequence[Row], run: Run) -> list[Row]:
        """Those that are as was asked, in the thread; what is told is whole for all up to ``cut``."""
        found, until = list[Row](), time.monotonic() + SPENT_S - self.spent
        for row in rows:
            document = msgspec.json.decode(row.body)
            kind, condition = self.where.asset_kind, self.where.condition
            if (not kind or naming.asset_kind(document) == kind) and (condition is None or holds(
                    condition, document, self.kind, _around(run, self.kind, document) if self.beside else ())):
                found.append(row)
            if time.monotonic() > until:
                self.cut = row.id
                break
        return found


def _look(looking: Looking, kind: Kind, where: Where, *, sure: bool) -> _Look:
    """What bodies must be looked at for; nothing when the index has said it all."""
    condition = where.condition
    indexed = isinstance(condition, Compare) and condition.op == "$eq"
    bounded = condition is not None and not indexed
    where = msgspec.structs.replace(where, condition=None) if sure else where
    needed = bool(where.asset_kind) or where.condition is not None
    beside = where.condition is not None and looks_beside(where.condition, kind)
    return _Look(looking, kind, where, (READ_BESIDE if beside else READ) if needed else 0, beside, bounded)


def _around(run: Run, kind: Kind, document: dict[str, Any]) -> list[Any]:
    """The submodels of a shell, or the shells of a submodel."""
    if kind == "shell":
        found = [run(_TWIN, (NUMBER["submodel"], value)) for _, value in _references(document)]
        return [msgspec.json.decode(rows[0][0]) for rows in found if rows]
    return [msgspec.json.decode(body) for (body,) in run(_SHELLS, (document.get("id"),))]


def _references(shell: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.name, one.value) for one in fields("shell", shell) if one.name == SUBMODELS]
