"""Pages of twins that are looked for: by name, by semantic id, by asset, by a condition.

Rule 1: the order is that of ids, and a page goes on behind one, whatever is looked for.
Rule 2: what an index answers is not read; what it cannot is read ``READ`` twins at a time, and others have their turn.
Rule 3: a condition is first asked of a few twins in order; where it holds for many of them that fills the page,
    whatever else there is, and where it holds for few, they are gathered from what holds.
Not here: conditions as SQL (``asking.py``).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from weft.engine.twins import naming
from weft.engine.twins.ports import Kind, Row, Where
from weft.stores.twins.applying import NUMBER
from weft.stores.twins.asking import Asked, ask
from weft.twin.query import holds, looks_beside
from weft.twin.query.index import fields

READ: Final = 200
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


async def page(run: Run, kind: Kind, after: str, limit: int, where: Where) -> Sequence[Row]:
    """At most ``limit`` twins behind ``after`` that are as ``where`` says; ``run`` runs a statement."""
    asked = None if where.condition is None else ask(where.condition, kind)
    right = _looked_at(run, kind, where, sure=asked is None or asked.exact)
    found: list[Row] = []
    if asked is not None and not naming.wanted(where):
        behind = await _near(run, (kind, after, limit), asked, right, found)
        if behind is None:
            return found[:limit]
        after = behind
    sql, values = _statement(kind, where, asked)
    while len(found) < limit:
        wanted = limit - len(found) if right is None else READ
        rows = [Row(kind, *row) for row in run(sql, (*values, after, wanted))]
        found += [row for row in rows if right is None or right(row.body)]
        if len(rows) < wanted or right is None:
            break
        after = rows[-1].id
        await asyncio.sleep(0)
    return found[:limit]


async def _near(
    run: Run, place: tuple[Kind, str, int], asked: Asked, right: Callable[[bytes], bool] | None, found: list[Row],
) -> str | None:
    """Ask one twin after the other for as long as that finds many; behind which id to go on, or None."""
    kind, after, limit = place
    sql = _NEAR.format(kind=NUMBER[kind], each=asked.each)
    while True:
        wanted = limit - len(found) if right is None else CHUNK
        rows = [Row(kind, *row) for row in run(sql, (after, *asked.bindings, wanted))]
        found += [row for row in rows if right is None or right(row.body)]
        behind = run(_BEHIND, (NUMBER[kind], after))
        if len(found) >= limit or not behind:
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


def _looked_at(run: Run, kind: Kind, where: Where, *, sure: bool) -> Callable[[bytes], bool] | None:
    """What a body must be looked at for; None when the index has said it all."""
    condition = None if sure else where.condition
    if not where.asset_kind and condition is None:
        return None
    beside = condition is not None and looks_beside(condition, kind)

    def right(body: bytes) -> bool:
        document = msgspec.json.decode(body)
        if where.asset_kind and naming.asset_kind(document) != where.asset_kind:
            return False
        return condition is None or holds(condition, document, kind, _around(run, kind, document) if beside else ())

    return right


def _around(run: Run, kind: Kind, document: dict[str, Any]) -> list[Any]:
    """The submodels of a shell, or the shells of a submodel."""
    if kind == "shell":
        found = [run(_TWIN, (NUMBER["submodel"], value)) for _, value in _references(document)]
        return [msgspec.json.decode(rows[0][0]) for rows in found if rows]
    return [msgspec.json.decode(body) for (body,) in run(_SHELLS, (document.get("id"),))]


def _references(shell: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one.name, one.value) for one in fields("shell", shell) if one.name == SUBMODELS]
