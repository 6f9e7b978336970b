"""What one subject sees of the twins at one moment: one twin, a page of them, what happened to them.

IDTA-01004 v3.0.2.
Rule 1: what may be seen is asked of the store together with what was asked for; a page is full whatever is hidden.
    Where parts are hidden, or the twins around are asked about, what was asked for is held against what is shown:
    nobody finds out by asking.
Rule 2: what may not be seen is said to be absent, so that nobody learns which ids exist.
Rule 3: a twin of which parts are hidden has no revision: numbers would tell when the hidden parts change.
Not here: where rules come from (``access.py``), changing twins (``guarded.py``).
"""

import asyncio
import heapq
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import msgspec

from weft.basis.errors import Invalid, NotFound
from weft.engine.twins import naming, writing
from weft.engine.twins.calm import calmly, decoded
from weft.engine.twins.ports import ALL, Kind, Row, Told, Where
from weft.engine.twins.repository import Page, Repository
from weft.twin.access import Permit, Rules, Subject, Target, World, permit, trimmed, trimmed_at
from weft.twin.access.deciding import (
    NOTHING,
    Decision,
    Grant,
    bound,
    elements_of,
    fits,
    names,
    refusal,
    settled,
    simplified,
)
from weft.twin.access.model import RIGHTS, Route
from weft.twin.elements import Json
from weft.twin.names import encode_id
from weft.twin.paths import read_at, resolve, trail, walk
from weft.twin.query import holds, looks_beside, parse
from weft.twin.query.tree import Alone, And, Boolean, Condition, Token

PAUSE_EVERY: Final = 50
IDS: Final = "i:"  # a cursor within ids that rules name
AROUND_MAX: Final = 100
_ALWAYS: Final = Boolean(value=True)
_BY_ROUTE: Final = ("package", "links")  # kinds that no formula can look into
_ROUTES: Final[Mapping[str, str]] = {
    "shell": "/shells", "submodel": "/submodels", "concept": "/concept-descriptions",
    "shell-descriptor": "/shell-descriptors", "submodel-descriptor": "/submodel-descriptors", "package": "/packages",
    "links": "/lookup/shells"}


def target(kind: Kind, name: str = "", path: str = "") -> Target:
    """What is asked for, by its own address."""
    return Target(kind, name, path, _ROUTES[kind] + (f"/{encode_id(name)}" if name else ""))


@dataclass(slots=True)
class Sight:
    """What ``subject`` sees by ``rules`` now."""

    twins: Repository
    rules: Rules
    subject: Subject
    world: World

    def __post_init__(self) -> None:
        self.rules = settled(self.rules, self.subject, self.world)

    # ---- deciding -----------------------------------------------------------------------------------

    def gives(self, rights: Sequence[str]) -> bool:
        """Whether some rule gives the subject one of ``rights``, for whatever twin."""
        mine = [one for one in self.rules.rules if not all(refusal(one, self.subject, right) for right in rights)]
        return any(simplified(bound(one.formula, self.subject, self.world)) != NOTHING for one in mine)

    def everything(self) -> bool:
        """Whether one rule gives the subject all rights to all twins, whatever they are and with nothing hidden."""
        return any(
            Route("*") in one.objects and not one.filters
            and not any(refusal(one, self.subject, right) for right in RIGHTS)
            and simplified(bound(one.formula, self.subject, self.world)) == _ALWAYS for one in self.rules.rules)

    def permit(self, right: str, of: Target) -> Permit:
        """What must hold of a twin so that ``right`` is given."""
        found = permit(self.rules, self.subject, right, of, self.world)
        if of.kind not in _BY_ROUTE:
            return found
        sure = tuple(one for one in found.grants if one.condition == _ALWAYS)
        return Permit(Boolean(value=bool(sure)), sure)

    async def decide(self, right: str, of: Target, document: Json, size: int = 0) -> Decision:
        """Whether ``right`` is given for ``document``: the twin as it is, or as it shall be; of ``size`` bytes."""
        possible = self.permit(right, of)
        beside = any(looks_beside(one.condition, of.kind) for one in possible.grants)
        around = await self._around(of.kind, document) if beside else ()
        granted = await calmly(size, lambda: tuple(
            one for one in possible.grants if holds(one.condition, document, of.kind, around)))
        return Decision(bool(granted), granted, ())

    async def _around(self, kind: str, document: Json) -> list[Json]:
        """The submodels of a shell, or the shells of a submodel, as they are."""
        found = []
        for name in await self._beside(kind, document):
            try:
                found.append((await self.twins.document("submodel" if kind == "shell" else "shell", name))[1])
            except NotFound:
                continue
        return found

    async def _beside(self, kind: str, document: Json) -> list[str]:
        if kind == "shell":
            return [one["keys"][-1]["value"] for one in document.get("submodels", ())]
        name = str(document.get("id", ""))
        if self.twins.owns(name):
            return [name.rpartition(":")[0]]
        named = {"$eq": [{"$field": "$aas#submodels[].keys[].value"}, {"$strVal": name}]}
        found = await self.twins.store.page("shell", "", AROUND_MAX, Where(
            condition=parse({"$condition": named}).condition))
        return [row.id for row in found]

    # ---- one twin -----------------------------------------------------------------------------------

    async def get(self, kind: Kind, name: str) -> Row:
        """The twin as it is shown; raises ``NotFound`` when it is absent or not to be seen."""
        possible = self.permit("READ", target(kind, name))
        if not possible.possible:
            raise writing.missing(kind, name)
        row = await self.twins.get(kind, name)
        return row if _freely(possible.grants) else await self._shown(row)

    async def document(self, kind: Kind, name: str) -> tuple[Row, Json]:
        """The twin as it is shown, and what its bytes say."""
        row = await self.get(kind, name)
        return row, await decoded(row.body)

    async def _shown(self, row: Row) -> Row:
        document, size = await decoded(row.body), len(row.body)
        found = await self.decide("READ", target(row.kind, row.id), document, size)
        if not found.allowed:
            raise writing.missing(row.kind, row.id)
        return await calmly(size, lambda: _reduced(row, document, trimmed(document, row.kind, found.grants)))

    async def row(self, row: Row) -> Row | None:
        """``row`` as it is shown; None where it is not to be seen."""
        try:
            return await self._shown(row)
        except NotFound:
            return None

    async def document_at(self, submodel: str, path: str) -> tuple[Row, Json]:
        """The submodel as it is shown; where only the element at ``path`` is, that one in its place and no other."""
        seen = None
        try:
            seen = await self.document("submodel", submodel)
            if not path or _at(seen[1], path) is not None:
                return seen
        except NotFound:
            if not path:
                raise
        alone = await self._element(submodel, path)
        if alone or seen:
            return alone or seen  # type: ignore[return-value]  # one of them is there
        raise writing.missing("submodel", submodel)

    async def element(self, submodel: str, path: str) -> Json:
        """The element at ``path`` as it is shown; raises ``NotFound``, ``Invalid``."""
        try:
            found: Json = read_at((await self.get("submodel", submodel)).body, path)
        except NotFound:  # it may be shown where its submodel is not
            found = resolve((await self.document_at(submodel, path))[1], path)
        return found

    async def _element(self, submodel: str, path: str) -> tuple[Row, Json] | None:
        """The submodel with nothing but the element at ``path``, where a rule shows that one."""
        if not self.permit("READ", target("submodel", submodel, path)).possible:
            return None
        try:
            row, document = await self.twins.document("submodel", submodel)
        except NotFound:
            return None
        alone = await self._alone(document, path)
        return None if alone is None else (_reduced(row, document, alone), alone)

    async def _alone(self, submodel: Json, path: str) -> Json | None:
        """``submodel`` with nothing but the element at ``path``; None where no rule shows that one by itself.

        What a rule for the whole submodel shows is found in what is shown of that: there, places in lists are others.
        """
        try:
            way = trail(submodel, path)
        except (NotFound, Invalid):
            return None
        whole = target("submodel", submodel["id"])
        found = await self.decide("READ", target("submodel", submodel["id"], path), submodel)
        grants = [one for one in found.grants if not names(one.rule, whole)]
        shown = trimmed_at(submodel, "submodel", grants, way) if grants else None
        return None if shown is None else _only(submodel, way, shown)

    # ---- pages --------------------------------------------------------------------------------------

    async def page(self, kind: Kind, cursor: str, limit: int, where: Where = ALL) -> Page:
        """At most ``limit`` of those twins that are asked for and may be seen, as they may be seen."""
        may = self.permit("READ", target(kind))
        if not may.possible:
            return Page((), "")
        if may.ids is not None:
            return await self._named(kind, (cursor, limit), may.ids, where)
        if _freely(may.grants) and not _beside(kind, where):
            return await self.twins.page(kind, cursor, limit, where)
        looked = any(one.filters for one in may.grants) or _beside(kind, where)
        asked = _narrowed(ALL if looked else where, may)
        rows: list[Row] = []
        while len(rows) < limit:
            found = await self.twins.page(kind, cursor, limit - len(rows), asked)
            for row in found.rows:
                shown = await self.row(row)
                if shown is not None and (not looked or await self._is_asked(kind, shown, where)):
                    rows.append(shown)
            cursor = found.cursor
            if not cursor or found.cut:
                break
            await asyncio.sleep(0)  # others have their turn, however much is hidden
        return Page(rows, cursor)

    async def _named(self, kind: Kind, place: tuple[str, int], ids: Sequence[Sequence[str]], where: Where) -> Page:
        """A page of twins that rules name one by one: nothing else is looked at."""
        after, limit = place[0].removeprefix(IDS), place[1]
        rows: list[Row] = []
        for number, name in enumerate(_behind(ids, after)):
            if number % PAUSE_EVERY == PAUSE_EVERY - 1:
                await asyncio.sleep(0)  # others have their turn, however little of it is there
            row = await self._there(kind, name)
            if row is None or not await self._is_asked(kind, row, where):
                continue
            if len(rows) == limit:
                return Page(rows, IDS + rows[-1].id)
            rows.append(row)
        return Page(rows, "")

    async def _there(self, kind: Kind, name: str) -> Row | None:
        try:
            return await self.get(kind, name)
        except NotFound:
            return None

    async def _is_asked(self, kind: Kind, row: Row, where: Where) -> bool:
        """Whether what is shown is what was asked for: what is hidden must not be told by what is found."""
        if where is ALL:
            return True
        shown = msgspec.json.decode(row.body)
        if not naming.matches(kind, shown, where):
            return False
        if where.condition is None:
            return True
        around = await self._seen_around(kind, shown) if _beside(kind, where) else ()
        return await asyncio.to_thread(holds, where.condition, shown, kind, around)

    async def _seen_around(self, kind: Kind, shown: Json) -> list[Json]:
        beside: Kind = "submodel" if kind == "shell" else "shell"
        rows = [await self._there(beside, name) for name in await self._beside(kind, shown)]
        return [msgspec.json.decode(row.body) for row in rows if row is not None]

    # ---- what happened ------------------------------------------------------------------------------

    async def heard(self, told: Told) -> Told | None:
        """What ``subject`` may hear of ``told``; None when it is nothing."""
        possible = self.permit("READ", target(told.kind, told.id))
        heard = await self._of_twin(told, possible) if possible.possible else None
        return heard if heard is not None or told.kind != "submodel" else await self._of_elements(told)

    async def _of_twin(self, told: Told, possible: Permit) -> Told | None:
        """What may be heard of a twin by rules for the whole of it."""
        if _freely(possible.grants):
            return told
        try:
            row, document = await self.twins.document(told.kind, told.id)
        except NotFound:  # what is gone is judged by its id alone
            return told if (await self.decide("READ", target(told.kind, told.id), {})).allowed else None
        shown = await self.row(row)
        if shown is None or shown.body == row.body:
            return told if shown else None
        return await self._heard_in(told, msgspec.json.decode(shown.body), document)

    async def _of_elements(self, told: Told) -> Told | None:
        """What may be heard of a twin by rules for single elements of it."""
        ways = self._ways(told.id)
        if not ways:
            return None
        rows = ([await self.twins.get(told.kind, told.id)] if not told.number else
                await self.twins.history(told.kind, told.id, told.revision + 1, 2))
        documents = [msgspec.json.decode(row.body) if row.body else None for row in rows]
        each = [await self._elements(one, told, ways) if one else {} for one in documents]
        after, before = [*each, {}, {}][:2]
        return _changed(told, before, after)

    def _ways(self, submodel: str) -> list[tuple[Token, ...]]:
        """Where the elements lie that rules for the subject name by themselves."""
        found: list[tuple[Token, ...]] = []
        for rule in self.rules.rules:
            if refusal(rule, self.subject, "READ") is None:
                found += elements_of(rule, submodel)
        return found

    async def _elements(self, document: Json, told: Told, ways: Sequence[tuple[Token, ...]]) -> dict[str, Any]:
        """Elements of ``document`` that are shown by themselves, and the one that is told of, by path."""
        found: dict[str, Any] = {}
        for path, _ in walk(document, ""):
            if path == told.path or any(fits(one, path) for one in ways):
                alone = await self._alone(document, path)
                if alone is not None:
                    found[path] = resolve(alone, path)
        return found

    async def _heard_in(self, told: Told, shown: Json, document: Json) -> Told | None:
        """Of a twin with hidden parts: only what has changed in what is shown, and no places in lists."""
        if not told.number:
            return told if "[" not in told.path and _at(shown, told.path) == _at(document, told.path) else None
        rows = await self.twins.history(told.kind, told.id, told.revision + 1, 2)
        if len(rows) < 2:
            return told if told.type == "created" and not told.path else None
        after, before = [await self.row(one) if one.body else None for one in rows]
        if after is None or (before is not None and before.body == after.body):
            return None
        return msgspec.structs.replace(told, path=told.path if "[" not in told.path and _at(shown, told.path) else "")


def _changed(told: Told, before: dict[str, Any], after: dict[str, Any]) -> Told | None:
    """What is told of elements: of one that is shown and is not what it was."""
    if not told.number:
        return told if told.path in after else None
    changed = [path for path in (*after, *before) if before.get(path) != after.get(path)]
    if not changed:
        return None
    path = told.path if told.path in changed else changed[0]
    kind = "deleted" if path not in after else "created" if path not in before else told.type
    same = path == told.path or kind in ("created", "deleted")
    return msgspec.structs.replace(told, path=path, type=kind if same else "updated")


def _behind(ids: Sequence[Sequence[str]], after: str) -> Iterator[str]:
    """Ids behind ``after``, in order, each once; ``ids`` are sorted each for itself."""
    last = after
    for name in heapq.merge(*(islice(one, bisect_right(one, after), None) for one in ids)):
        if name != last:
            yield name
        last = name


def _freely(grants: Sequence[Grant]) -> bool:
    """Whether one of ``grants`` shows every twin whole."""
    return any(one.condition == _ALWAYS and not one.filters and one.ids is None for one in grants)


def _beside(kind: Kind, where: Where) -> bool:
    return where.condition is not None and looks_beside(where.condition, kind)


def _narrowed(where: Where, may: Permit) -> Where:
    """``where``, and what must hold so that it may be seen; neither spoils the other."""
    asked: list[Condition] = [] if where.condition is None else [Alone(where.condition)]
    if may.condition != _ALWAYS:
        asked.append(may.condition)
    return msgspec.structs.replace(where, condition=And(tuple(asked)) if asked else None)


def _reduced(row: Row, document: Json, shown: Json) -> Row:
    if shown is document:
        return row
    return msgspec.structs.replace(row, revision=0, at="", body=msgspec.json.encode(shown))


def _at(document: Json, path: str) -> Any:
    try:
        return resolve(document, path) if path else document
    except NotFound:
        return None


def _only(submodel: Json, way: Sequence[str | int], shown: Json) -> Json:
    """``submodel`` with nothing in it but ``shown`` at ``way``.

    In a list, empty elements keep the places before it: nobody is shown them.
    """
    within = _within(submodel, way, shown)
    return {"modelType": "Submodel", "id": submodel["id"], "submodelElements": within["submodelElements"]}


def _within(holder: Json, way: Sequence[str | int], shown: Json) -> Json:
    key, place = str(way[0]), int(way[1])
    kept = _within(holder[key][place], way[2:], shown) if len(way) > 2 else shown
    bare: Json = {name: holder[name] for name in ("modelType", "idShort") if name in holder}
    listed = holder["modelType"] == "SubmodelElementList"
    return {**bare, key: [*([{"modelType": "Capability"}] * place if listed else ()), kept]}
