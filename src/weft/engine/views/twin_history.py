"""How a twin that was written came to be what it is: its revisions, and what each of them changed.

Rule 1: large states are compared in a thread, and a page has as many of them as are compared in a while; one at least.
Not here: the revisions themselves (``engine/twins/repository.py``); a twin of the books has its history in the books.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from weft.basis.errors import NotFound
from weft.engine.memory import RESTORES
from weft.engine.twins import authors
from weft.engine.twins.calm import calmly
from weft.engine.twins.ports import Kind, Row
from weft.engine.views.naming import partner_names
from weft.engine.views.shape import View
from weft.twin.names import decode_id

WRITTEN: Final[tuple[Kind, ...]] = ("shell", "submodel", "concept")
REVISIONS: Final = 20
TOGETHER_BYTES: Final = 4_000_000  # of the states on one page
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


class By(View, frozen=True, kw_only=True):
    """Who made a revision. ``kind``: owner, operator, client (our program), partner (one of theirs), stranger, import.

    ``name``: of the device, the program or the file, "" for the firm itself.
    """

    kind: str
    name: str = ""
    partner: str = ""
    partner_name: str = ""


class Revision(View, frozen=True, kw_only=True):
    """One state of a twin. ``by``: None when it was made before that was written down.

    ``more``: further places that changed; ``gone``: it was deleted.

    ``restored``: what happened to the node between the state before and this one.
    """

    revision: int
    at: str
    by: By | None = None
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


async def twin_history(node: Any, twin: str, kind: str = "", before: str = "") -> HistoryView:
    """The history of the twin at the address ``twin``, of ``kind``, else whichever it is; raises ``NotFound``."""
    name = decode_id(twin)
    kinds: Sequence[Kind] = [one for one in WRITTEN if one == kind] or WRITTEN
    start = int(before) if before.isdecimal() and len(before) < 10 else 0
    rows, count = list[Row](), 0
    for sort in () if node.twins.owns(name) else kinds:
        rows, count = await _states(node, sort, name, start)
        if rows:
            break
    if not rows:
        raise NotFound(f"twin.{kinds[0]}", id=name[:200])
    restores = [Restored(at=at, of=of.decode()) for at, of in await node.store.values(RESTORES)]
    told = await calmly(max(len(one.body) for one in rows), lambda: _all_told(rows, count, restores))
    signed = await _signed(node, rows[0].kind, name, told[-1].revision)
    told = [msgspec.structs.replace(one, by=signed.get(one.revision)) for one in told]
    return HistoryView(revisions=tuple(told), before=told[-1].revision if len(rows) > count else 0,
                       restored=() if start else _between(restores, rows[0].at, "~"))


async def _signed(node: Any, kind: Kind, name: str, oldest: int) -> dict[int, By]:
    """Who made which revision, from ``oldest`` on, as far as it is known."""
    names, found = await partner_names(node), {}
    for revision, kept in (await node.twins.store.authors(kind, name, oldest)).items():
        author = authors.read(kept)
        found[revision] = By(kind=author.scope, name=author.name, partner=author.organisation,
                             partner_name=names(author.organisation) if author.organisation else "")
    return found


async def _states(node: Any, kind: Kind, name: str, start: int) -> tuple[list[Row], int]:
    """The states of a page and the one before them, where there is one; and how many a page has."""
    rows = list(await node.twins.history(kind, name, start, 2))
    size = max((len(one.body) for one in rows), default=0)
    count = max(1, min(REVISIONS, TOGETHER_BYTES // (size or 1)))
    if len(rows) == 2 and count > 1:
        rows += await node.twins.history(kind, name, rows[1].revision, count - 1)
    return rows, count


def _all_told(rows: Sequence[Row], count: int, restores: Sequence[Restored]) -> list[Revision]:
    return [_told(one, rows[place + 1] if place + 1 < len(rows) else None, restores)
            for place, one in enumerate(rows[:count])]


def _between(restores: Sequence[Restored], older: str, newer: str) -> tuple[Restored, ...]:
    return tuple(one for one in sorted(restores, key=lambda one: one.at) if older < one.at <= newer)


def _told(row: Row, older: Row | None, restores: Sequence[Restored]) -> Revision:
    restored = _between(restores, older.at, row.at) if older is not None else ()
    if older is None or not older.body or not row.body:
        return Revision(revision=row.revision, at=row.at, gone=not row.body, first=bool(row.body), restored=restored)
    before, after = dict[str, str](), dict[str, str]()
    _apart(msgspec.json.decode(older.body), msgspec.json.decode(row.body), "", (before, after))
    found = [Difference(path=path, before=before.get(path, ""), after=after.get(path, ""))
             for path in dict.fromkeys((*before, *after)) if before.get(path) != after.get(path)]
    return Revision(revision=row.revision, at=row.at, differences=tuple(found[:TOLD_MAX]),
                    more=max(0, len(found) - TOLD_MAX), restored=restored)


def _apart(older: Any, newer: Any, at: str, told: tuple[dict[str, str], dict[str, str]]) -> None:
    """Put into ``told`` what stands in each of the two, but for parts that are the same in both."""
    if older == newer:
        return
    if isinstance(older, dict | list) and type(older) is type(newer):
        sides = dict(_within(older, at)), dict(_within(newer, at))
        for key in dict.fromkeys((*sides[0], *sides[1])):
            if key in sides[0] and key in sides[1]:
                _apart(sides[0][key], sides[1][key], key[0], told)
            else:
                for side, flat in zip(sides, told, strict=True):
                    if key in side:
                        _flat(side[key], key[0], flat)
        return
    for one, flat in zip((older, newer), told, strict=True):
        _flat(one, at, flat)


def _flat(one: Any, at: str, flat: dict[str, str]) -> None:
    """All that stands in a document, by path."""
    if isinstance(one, dict | list):
        for key, inner in _within(one, at):
            _flat(inner, key[0], flat)
    else:
        flat[at] = str(one)[:TEXT_MAX]


def _within(one: dict[str, Any] | list[Any], at: str) -> Iterator[tuple[tuple[str, str | int], Any]]:
    """Each part of ``one``, by its path and what it is called there; elements are called by their idShort."""
    if isinstance(one, dict):
        for name, inner in one.items():
            within = name in ("submodelElements", "value", "statements") and isinstance(inner, list)
            yield (at if within else f"{at}.{name}" if at else name, name), inner
        return
    named: dict[str, int] = {}
    for place, inner in enumerate(one):
        short = inner.get("idShort") or inner.get("language") if isinstance(inner, Mapping) else None
        step = f"[{place}]" if not short else f".{short}" if at else str(short)
        again = named[step] = named.get(step, -1) + 1
        yield (f"{at}{step}", again), inner
