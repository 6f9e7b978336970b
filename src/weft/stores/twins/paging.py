"""Pages of twins that are looked for: by name, by semantic id, by asset, by a condition.

Rule 1: the order is that of ids, and a page goes on behind one, whatever is looked for.
Rule 2: what an index answers is not read; what it cannot is read ``READ`` twins at a time, and others have their turn.
Not here: conditions as SQL (``asking.py``).
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from weft.engine.twins.ports import Kind, Row, Where
from weft.stores.twins.applying import NUMBER

READ: Final = 200
_TITLE: Final = "SELECT number FROM titles WHERE text = ?"
_ALSO: Final = f" AND EXISTS (SELECT 1 FROM names m WHERE m.name = ({_TITLE}) AND m.value = ? AND m.id = n.id)"  # noqa: S608 - our own
Run = Callable[[str, Sequence[Any]], list[Any]]


async def page(run: Run, kind: Kind, after: str, limit: int, where: Where) -> Sequence[Row]:
    """At most ``limit`` twins behind ``after`` that are as ``where`` says; ``run`` runs a statement."""
    sql, values = _statement(kind, where)
    holds = _looked_at(where)
    found: list[Row] = []
    while len(found) < limit:
        wanted = limit - len(found) if holds is None else READ
        rows = [Row(kind, *row) for row in run(sql, (*values, after, wanted))]
        found += [row for row in rows if holds is None or holds(row.body)]
        if len(rows) < wanted or holds is None:
            break
        after = rows[-1].id
        await asyncio.sleep(0)
    return found[:limit]


def _statement(kind: Kind, where: Where) -> tuple[str, tuple[Any, ...]]:
    """The statement, which wants an id and a limit at its end, and the values before these."""
    names = _names(kind, where)
    if not names:
        return (f"SELECT t.id, t.revision, t.at, t.body FROM twins t WHERE t.kind = {NUMBER[kind]}"  # noqa: S608 - a number
                " AND t.id > ? ORDER BY t.id LIMIT ?"), ()
    first, *rest = names
    others = _ALSO * len(rest)
    return (f"SELECT t.id, t.revision, t.at, t.body FROM names n CROSS JOIN twins t"  # noqa: S608 - a number
            f" WHERE t.kind = {NUMBER[kind]} AND t.id = n.id AND n.name = ({_TITLE}) AND n.value = ?{others}"
            " AND n.id > ? ORDER BY n.id LIMIT ?"), (*first, *(value for name in rest for value in name))


def _names(kind: Kind, where: Where) -> list[tuple[str, str]]:
    """(title, value) of what must hold, what tells most apart first."""
    found = [(f"asset.{name}", value) for name, value in where.assets]
    found += [("idShort", where.id_short)] if where.id_short else []
    found += [("assetType", where.asset_type)] if where.asset_type else []
    found += [("semanticId", where.semantic)] if where.semantic else []
    return [(f"{kind}:{name}", value) for name, value in found]


def _looked_at(where: Where) -> Callable[[bytes], bool] | None:
    """What a body must be looked at for; None when the index has said it all."""
    if not where.asset_kind:
        return None

    def holds(body: bytes) -> bool:
        document = msgspec.json.decode(body)
        asset = document.get("assetInformation", document)
        return bool(asset.get("assetKind") == where.asset_kind)

    return holds
