"""Who sees which twins of this firm: the rules that the firm keeps, the windows of its orders, and what they show.

IDTA-01004 v3.0.2; ``twin/access`` decides.
Rule 1: nothing is shown that no rule shows. Whoever runs the house has all rights by a rule like any other (``HOUSE``).
Rule 2: what may be seen is asked of the store together with what was asked for; a page is full whatever is hidden.
    Where parts are hidden, what was asked for is held against what is shown: nobody finds out by asking.
Rule 3: what may not be seen is said to be absent, so that nobody learns which ids exist.
Not here: who is asking (doors), formulas (``twin/query``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from weft.basis import instant
from weft.basis.errors import NotFound
from weft.engine.ports import Batch
from weft.engine.twins import naming, writing
from weft.engine.twins import window as windows_of
from weft.engine.twins.ports import ALL, Kind, Row, Where
from weft.engine.twins.repository import Page, Repository
from weft.twin.access import Permit, Rules, Subject, Target, World, decide, parse, permit, trimmed
from weft.twin.access.deciding import Decision, Reason, references
from weft.twin.access.telling import told
from weft.twin.elements import Json
from weft.twin.query import holds
from weft.twin.query.holding import Reading
from weft.twin.query.tree import Alone, And, Boolean, Condition

BUCKET: Final = "twin-access"
DOCUMENT: Final = "rules"
IDS: Final = "i:"  # a cursor within ids that rules name
HOUSE: Final[Json] = {
    "ACL": {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": ["ALL"], "ACCESS": "ALLOW"}, "OBJECTS": [{"ROUTE": "*"}],
    "FORMULA": {"$eq": [{"$attribute": {"CLAIM": "role"}}, {"$strVal": "owner"}]},
}


class Home(windows_of.Home, Protocol):
    """What access needs of the node."""

    @property
    def twins(self) -> Any: ...


@dataclass(slots=True)
class Access:
    """The access rules of the firm that ``home`` belongs to."""

    home: Home

    # ---- what the rules are -----------------------------------------------------------------------

    async def document(self) -> Json:
        """The document that the firm keeps: AllAccessPermissionRules; the house alone while it has written none."""
        data = await self.home.store.value(BUCKET, DOCUMENT)
        if data is None:
            return {"AllAccessPermissionRules": {"rules": [HOUSE]}}
        kept: Json = msgspec.json.decode(data)
        return kept

    async def keep(self, document: Json) -> None:
        """Keep ``document`` from now on; raises ``Invalid`` with the JSON pointer of a mistake."""
        parse(document)
        await self.home.store.commit(Batch(values=[(BUCKET, DOCUMENT, msgspec.json.encode(document))]))

    async def rules(self, organisation: str = "") -> Rules:
        """The firm's rules, the house's, and the windows that are open to ``organisation``."""
        kept = parse(await self.document())
        house = parse({"rules": [HOUSE]})
        opened: list[Json] = []
        for one in await windows_of.windows(self.home, organisation) if organisation else ():
            opened += windows_of.rules_of(self.home.organisation, one)
        every = (*kept.rules, *house.rules, *parse({"rules": opened}).rules)
        return Rules(tuple(msgspec.structs.replace(rule, place=place) for place, rule in enumerate(every)))

    async def world(self, rules: Rules) -> World:
        """What the clock says, and the values that formulas refer to."""
        now = instant.from_ms(self.home.clock.now_ms())
        known = {name: await self._value(*meant) for name, meant in references(rules).items()}
        return World(now, references=known)

    async def _value(self, name: str, field: Any) -> tuple[str, ...]:
        kind: Kind = {"aas": "shell", "cd": "concept"}.get(field.root, "submodel")  # type: ignore[assignment]  # one of Kind
        try:
            _, document = await self.home.twins.document(kind, name)
        except NotFound:
            return ()
        found = Reading({"sm" if kind == "submodel" else field.root: document}).field(field)
        return tuple(value for _, value in found)

    async def sees(self, subject: Subject) -> Sequence[Reason]:
        """What ``subject`` sees, in sentences by code (``access.sees.…``)."""
        rules = await self.rules(_organisation(subject))
        return told(rules, subject, await self.world(rules))

    # ---- one twin -----------------------------------------------------------------------------------

    async def decide(self, subject: Subject, right: str, target: Target, document: Json | None = None) -> Decision:
        """Whether ``subject`` may; ``document``: the twin as it is, or as it shall be."""
        rules = await self.rules(_organisation(subject))
        return decide(rules, subject, right, target, await self.world(rules), (document or {}, ()))

    async def get(self, subject: Subject, kind: Kind, name: str) -> Row:
        """The twin as ``subject`` may see it; raises ``NotFound`` when it is absent or not to be seen."""
        row, document = await self.home.twins.document(kind, name)
        found = await self.decide(subject, "READ", _target(kind, name), document)
        if not found.allowed:
            raise writing.missing(kind, name)
        return _shown(row, document, trimmed(document, kind, found.grants))

    # ---- pages --------------------------------------------------------------------------------------

    async def page(self, subject: Subject, kind: Kind, cursor: str, limit: int, where: Where) -> Page:
        """At most ``limit`` of those twins that are asked for and may be seen, as they may be seen."""
        rules = await self.rules(_organisation(subject))
        world = await self.world(rules)
        may = permit(rules, subject, "READ", _target(kind), world)
        twins: Repository = self.home.twins
        if not may.possible:
            return Page((), "")
        if may.ids is not None:
            return await self._named(subject, kind, (cursor, limit), may.ids, where)
        hidden = any(one.filters for one in may.grants)
        asked = _narrowed(ALL if hidden else where, may)
        rows: list[Row] = []
        while len(rows) < limit:
            found = await twins.page(kind, cursor, limit - len(rows), asked)
            for row in found.rows:
                document = msgspec.json.decode(row.body)
                of = decide(rules, subject, "READ", _target(kind, row.id), world, (document, ()))
                shown = trimmed(document, kind, of.grants)
                if not hidden or _is_asked(kind, shown, where):
                    rows.append(_shown(row, document, shown))
            cursor = found.cursor
            if not cursor:
                break
        return Page(rows, cursor)

    async def _named(
        self, subject: Subject, kind: Kind, place: tuple[str, int], ids: Sequence[str], where: Where,
    ) -> Page:
        """A page of twins that rules name one by one: nothing else is looked at."""
        after, limit = place[0].removeprefix(IDS), place[1]
        rows: list[Row] = []
        for name in ids:
            row = await self._seen(subject, kind, name) if name > after else None
            if row is None or not _is_asked(kind, msgspec.json.decode(row.body), where):
                continue
            if len(rows) == limit:
                return Page(rows, IDS + rows[-1].id)
            rows.append(row)
        return Page(rows, "")

    async def _seen(self, subject: Subject, kind: Kind, name: str) -> Row | None:
        try:
            return await self.get(subject, kind, name)
        except NotFound:
            return None


def _organisation(subject: Subject) -> str:
    return next(iter(subject.claims.get("organisation", ())), "")


_ROUTES: Final[Mapping[str, str]] = {
    "shell": "/shells", "submodel": "/submodels", "concept": "/concept-descriptions",
    "shell-descriptor": "/shell-descriptors", "submodel-descriptor": "/submodel-descriptors", "package": "/packages"}


def _target(kind: Kind, name: str = "") -> Target:
    return Target(kind, name, route=_ROUTES.get(kind, "/") + ("/*" if name else ""))


def _narrowed(where: Where, may: Permit) -> Where:
    """``where``, and what must hold so that it may be seen; neither spoils the other."""
    asked: list[Condition] = [] if where.condition is None else [Alone(where.condition)]
    if may.condition != Boolean(value=True):
        asked.append(may.condition)
    return msgspec.structs.replace(where, condition=And(tuple(asked)) if asked else None)


def _is_asked(kind: Kind, shown: Json, where: Where) -> bool:
    """Whether what is shown is what was asked for: what is hidden must not be told by what is found."""
    return naming.matches(kind, shown, where) and (where.condition is None or holds(where.condition, shown, kind))


def _shown(row: Row, document: Json, shown: Json) -> Row:
    return row if shown is document else msgspec.structs.replace(row, body=msgspec.json.encode(shown))
