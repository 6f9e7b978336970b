"""Twins that have the words which somebody typed: page by page.

Written ones come first, then shells by what they bear and what that means, then those that follow from the books.

Rule 1: a page asks an index for what it gives; only the twins that follow from the books are gone through, since they
        are built anew each time.
Rule 2: a word that we have for an element of a template (``twin.word.…``), in either language, finds the element too.
Not here: the index (``stores/twins/searching.py``), which words a twin has (``engine/twins/words.py``).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid
from weft.engine.twins.ports import Row
from weft.engine.twins.words import asked, found, words
from weft.locale import LANGUAGES, sentences
from weft.twin.elements import Json
from weft.twin.names import KINDS, read_shell, shell_id

WRITTEN, LOOSE = "written", "loose"
MEANT: Final = 30  # shells of one search in which something means what was typed
KNOWN_MAX: Final = 3  # elements of templates that are called so
LOOKED_AT: Final = 2_000  # twins of the books for one page, once something is found
TURN: Final = 50  # twins of the books, until others have their turn
_WORD: Final = "twin.word."
_ITSELF, _BEARING, _MEANING, _FOLLOWING = "w:", "b:", "m:", "d:"


async def looked_for(node: Any, query: str, kind: str, cursor: str, limit: int) -> tuple[list[Row], str]:
    """A page of what is found, and the cursor behind it; raises ``Invalid('twin.cursor')``.

    ``kind``: of our books, ``WRITTEN``, ``LOOSE`` (submodels), or "" for all.
    """
    stage, after = (cursor[:2], cursor[2:]) if cursor else (_FOLLOWING if kind in KINDS else _ITSELF, "")
    rows: list[Row] = []
    if stage == _ITSELF:
        sort = "submodel" if kind == LOOSE else "shell"
        pairs = await node.twins.store.search(sort, query, _number(after), limit + 1)
        rows = [row for _, row in pairs[:limit]]
        if len(pairs) > limit:
            return rows, f"{_ITSELF}{pairs[limit - 1][0]}"
        stage, after = _BEARING, ""
    if kind == LOOSE:
        return rows, ""
    if stage in (_BEARING, _MEANING) and len(rows) < limit:
        further, stage, after = await _by_what_they_bear(node, query, stage, after, limit - len(rows))
        rows += further
    if stage == _FOLLOWING and kind == WRITTEN:
        return rows, ""
    if stage != _FOLLOWING or len(rows) >= limit:
        return rows, stage + after
    following, after = await _following(node, query, kind, after, limit - len(rows))
    return rows + following, after


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Invalid("twin.cursor", value=text[:80])
    return int(text or 0)


async def _by_what_they_bear(
    node: Any, query: str, stage: str, after: str, limit: int,
) -> tuple[list[Row], str, str]:
    """Written shells with a submodel that is called so, then with something that means it; and where to go on."""
    store, rows = node.twins.store, list[Row]()
    if stage == _BEARING:
        place = _number(after)
        while len(rows) < limit:
            some, place = await store.bearing(query, place, limit - len(rows))
            rows += some
            if not place:
                break
            await asyncio.sleep(0)
        if place:
            return rows, _BEARING, str(place)
    seen = {one.id for one in rows}
    for one in [*await store.meaning(query, MEANT), *await _called(store, query)]:
        if one.id not in seen:
            seen.add(one.id)
            rows.append(one)
    return rows, _FOLLOWING, ""


async def _called(store: Any, query: str) -> list[Row]:
    """Written shells with a submodel that we have a word for which is as was typed."""
    rows: list[Row] = []
    for name in _known(query)[:KNOWN_MAX]:
        rows += (await store.bearing(name, 0, MEANT))[0]
    return rows


def _known(query: str) -> list[str]:
    """The idShorts of templates' elements for which our words, in either language, have all that was typed."""
    told: dict[str, str] = {}
    for lang in LANGUAGES:
        for key, text in sentences(lang).items():
            if key.startswith(_WORD):
                told[key] = f"{told.get(key, '')} {text}"
    return [key.removeprefix(_WORD) for key, text in told.items() if found(query, words("concept", {"idShort": text}))]


async def _following(node: Any, query: str, kind: str, after: str, limit: int) -> tuple[list[Row], str]:
    """Twins that follow from the books, gone through behind the id ``after``."""
    rows: list[Row] = []
    if not asked(query):
        return rows, ""
    names, count = _known(query), 0
    async for document in _behind(node, kind, after):
        count += 1
        if count % TURN == 0:
            await asyncio.sleep(0)
        if rows and count > LOOKED_AT:
            return rows, f"{_FOLLOWING}{rows[-1].id}"
        if kind in KINDS and (read_shell(node.organisation, document["id"]) or ("",))[0] != kind:
            break
        if not found(query, words("shell", document)) and not _bears(document, names):
            continue
        if len(rows) == limit:
            return rows, f"{_FOLLOWING}{rows[-1].id}"
        rows.append(Row("shell", document["id"], 0, "", msgspec.json.encode(document)))
    return rows, ""


def _behind(node: Any, kind: str, after: str) -> AsyncIterator[Json]:
    before = KINDS[:KINDS.index(kind)] if kind in KINDS else ()
    begin = shell_id(node.organisation, before[-1], "\U0010ffff") if before else ""
    found: AsyncIterator[Json] = node.twins.derived.shells(after or begin)
    return found


def _bears(document: Json, names: list[str]) -> bool:
    """Whether one of the submodels that the shell refers to is called so."""
    if not names:
        return False
    held = [key["value"].rpartition(":")[2] for one in document.get("submodels", ()) for key in one["keys"][:1]]
    return any(one in names for one in held)
