"""How a twin that was written came to be what it is: its revisions, and what each of them changed.

Not here: the revisions themselves (``engine/twins/repository.py``); a twin of the books has its history in the books.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import NotFound
from weft.engine.memory import RESTORES
from weft.engine.twins.ports import Kind, Row
from weft.engine.views.shape import View
from weft.twin.names import decode_id

REVISIONS: Final = 20
TOLD_MAX: Final = 12
TEXT_MAX: Final = 200


class Difference(View, frozen=True, kw_only=True):
    """One place that is other than before; "" before: it is new, "" after: it is gone."""

    path: str
    before: str
    after: str


class Restored(View, frozen=True, kw_only=True):
    """The node was restored ``at`` this instant from a backup ``of`` that one: what came between is not known here."""

    at: str
    of: str


class Revision(View, frozen=True, kw_only=True):
    """One state of a twin. ``more``: further places that changed; ``gone``: it was deleted.

    ``restored``: what happened to the node between the state before and this one.
    """

    revision: int
    at: str
    gone: bool = False
    first: bool = False
    differences: tuple[Difference, ...] = ()
    more: int = 0
    restored: tuple[Restored, ...] = ()


class HistoryView(View, frozen=True, kw_only=True):
    """Revisions, the newest first; ``before`` leads on to older ones, 0 at the end.

    ``restored``: what happened to the node since the newest of all.
    """

    revisions: tuple[Revision, ...]
    before: int = 0
    restored: tuple[Restored, ...] = ()


async def twin_history(node: Any, twin: str, kind: str = "shell", before: str = "") -> HistoryView:
    """The history of the twin at the address ``twin``, a shell or a submodel; raises ``NotFound``."""
    name = decode_id(twin)
    sort: Kind = "submodel" if kind == "submodel" else "shell"
    start = int(before) if before.isdecimal() and len(before) < 10 else 0
    rows = [] if node.twins.owns(name) else list(await node.twins.history(sort, name, start, REVISIONS + 1))
    if not rows:
        raise NotFound(f"twin.{sort}", id=name[:200])
    restores = [Restored(at=at, of=of.decode()) for at, of in await node.store.values(RESTORES)]
    told = [_told(one, rows[place + 1] if place + 1 < len(rows) else None, restores)
            for place, one in enumerate(rows[:REVISIONS])]
    return HistoryView(revisions=tuple(told), before=told[-1].revision if len(rows) > REVISIONS else 0,
                       restored=() if start else _between(restores, rows[0].at, "~"))


def _between(restores: Sequence[Restored], older: str, newer: str) -> tuple[Restored, ...]:
    return tuple(one for one in sorted(restores, key=lambda one: one.at) if older < one.at <= newer)


def _told(row: Row, older: Row | None, restores: Sequence[Restored]) -> Revision:
    restored = _between(restores, older.at, row.at) if older is not None else ()
    if older is None or not older.body or not row.body:
        return Revision(revision=row.revision, at=row.at, gone=not row.body, first=bool(row.body), restored=restored)
    before, after = _flat(older), _flat(row)
    found = [Difference(path=path, before=before.get(path, ""), after=after.get(path, ""))
             for path in dict.fromkeys((*before, *after)) if before.get(path) != after.get(path)]
    return Revision(revision=row.revision, at=row.at, differences=tuple(found[:TOLD_MAX]),
                    more=max(0, len(found) - TOLD_MAX), restored=restored)


def _flat(row: Row) -> dict[str, str]:
    return {path: text[:TEXT_MAX] for path, text in _leaves(msgspec.json.decode(row.body), "")}


def _leaves(one: Any, at: str) -> Iterator[tuple[str, str]]:
    """(path, text) of all that stands in a document; elements are called by their idShort."""
    if isinstance(one, Mapping):
        for name, inner in one.items():
            within = name in ("submodelElements", "value", "statements") and isinstance(inner, list)
            yield from _leaves(inner, at if within else f"{at}.{name}" if at else name)
    elif isinstance(one, list):
        for place, inner in enumerate(one):
            short = inner.get("idShort") or inner.get("language") if isinstance(inner, Mapping) else None
            step = f".{short}" if short and at else short or f"[{place}]"
            yield from _leaves(inner, f"{at}{step}")
    else:
        yield at, str(one)
