"""All that the file of written twins says beside their bodies, held against the bodies; nothing is changed.

Rule 1: what is found says which twin: ``body`` (it cannot be read, or has another id), ``index`` (it is found by what
        it does not say, or not by what it says), ``history`` (a former revision), ``file`` (one that it names).
Not here: whether SQLite finds the file sound (``SqliteTwins.check``), the command (``cli/deep.py``).
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

import msgspec

from weft.engine.twins.ports import KINDS, Kind, Row
from weft.stores.twins import searching
from weft.stores.twins.indexing import derive
from weft.stores.twins.store import SqliteTwins

PAGE: Final = 200
_NUMBER: Final = "SELECT number FROM twins WHERE kind = ? AND id = ?"
_ELEMENTS: Final = ("SELECT path, id_short, coalesce(language, ''), shape, tail, semantic, value_type, value, number,"
                    " instant FROM twin_element WHERE twin = ?")
_NAMED: Final = ("SELECT 1 FROM names WHERE name = (SELECT number FROM titles WHERE text = ?) AND value = ? AND id = ?")
_FIELD: Final = ("SELECT 1 FROM fields WHERE name = (SELECT number FROM titles WHERE text = ?) AND value = ?"
                 " AND twin = ? AND place = ?")
_COUNTS: Final = {"names": "SELECT count(*) FROM names", "fields": "SELECT count(*) FROM fields",
                  "elements": "SELECT count(*) FROM elements"}


class Fault(NamedTuple):
    """What is wrong with a twin: body, index, history or file."""

    id: str
    what: str


async def faults(store: SqliteTwins, told: Callable[[int], None] = lambda _: None) -> AsyncIterator[Fault]:
    """Everything that is wrong in ``store``; ``told`` gets how many twins were looked at."""
    counts = dict.fromkeys(_COUNTS, 0)
    seen = 0
    for kind in KINDS:
        after = ""
        while rows := await store.page(kind, after, PAGE):
            for row in rows:
                async for one in _of(store, kind, row, counts):
                    yield one
            seen, after = seen + len(rows), rows[-1].id
            told(seen)
            await asyncio.sleep(0)
    if any(store.asked(sql)[0][0] != counts[name] for name, sql in _COUNTS.items()):
        yield Fault("", "index")


async def _of(store: SqliteTwins, kind: Kind, row: Row, counts: dict[str, int]) -> AsyncIterator[Fault]:
    try:
        document: Any = msgspec.json.decode(row.body)
        found = derive(kind, row.body)
    except (ValueError, RecursionError):
        yield Fault(row.id, "body")
        return
    if document.get("packageId" if kind == "package" else "id") != row.id:
        yield Fault(row.id, "body")
    counts["names"] += len(found.names)
    counts["fields"] += len(found.fields)
    counts["elements"] += len(found.elements)
    number = store.asked(_NUMBER, KINDS.index(kind) + 1, row.id)[0][0]
    held = {tuple(one[:3]): tuple(one[3:]) for one in store.asked(_ELEMENTS, number)}
    right = (held == {key: tuple(one) for key, one in found.elements.items()}
             and all(store.asked(_NAMED, *one, row.id) for one in found.names)
             and all(store.asked(_FIELD, title, value, number, place) for title, value, place in found.fields)
             and searching.has(store.asked, kind, number, found.words))
    if not right:
        yield Fault(row.id, "index")
    if not await _past(store, kind, row):
        yield Fault(row.id, "history")
    for value, _ in await store.files_of(kind, row.id):
        if not await _whole(store, kind, row.id, value):
            yield Fault(row.id, "file")


async def _past(store: SqliteTwins, kind: Kind, row: Row) -> bool:
    """Whether each former revision can be read, one after the other."""
    revision = row.revision + 1
    for one in await store.history(kind, row.id, 0, 1 << 30):
        revision -= 1
        try:
            read = not one.body or isinstance(msgspec.json.decode(one.body), dict)
        except (ValueError, RecursionError):
            return False
        if not read or one.revision != revision:
            return False
    return True


async def _whole(store: SqliteTwins, kind: Kind, name: str, value: str) -> bool:
    file = await store.file_of(kind, name, value)
    if file is None:
        return False
    digest, size = hashlib.sha256(), 0
    async for piece in file.chunks():
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest() == file.digest and size == file.size
