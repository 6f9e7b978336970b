"""Who sees which twins of this firm: the rules that the firm keeps, the windows of its orders, and what they show.

IDTA-01004 v3.0.2; ``twin/access`` decides.
Rule 1: nothing is shown that no rule shows. Whoever runs the house has all rights by a rule like any other (``HOUSE``).
Rule 2: while the firm has written no rules, its own programs read all: that is a rule too (``PROGRAMS``), which goes
    with the first document that the firm writes, unless it stands there.
Rule 3: a partner's program is no program of the firm: it is a partner, and sees through its orders' windows.
Rule 4: a document that cannot be read any more shows nothing; the windows of orders stay, and so does the house.
Not here: what is seen (``sight.py``), what may be changed (``guarded.py``), formulas (``twin/query``).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Protocol

import msgspec

from weft.basis import instant
from weft.basis.canonical import b64, digest
from weft.basis.errors import Invalid, NotFound, Refused
from weft.config import Config
from weft.engine.ports import Batch
from weft.engine.twins import window as windows_of
from weft.engine.twins.ports import Kind, Row, Where
from weft.engine.twins.repository import Page
from weft.engine.twins.sight import Sight
from weft.twin.access import Rules, Subject, Target, World, parse
from weft.twin.access.deciding import Decision, Reason, references
from weft.twin.access.model import Rule
from weft.twin.access.reading import RULES_MAX
from weft.twin.access.telling import told
from weft.twin.elements import Json
from weft.twin.query.holding import Reading

BUCKET: Final = "twin-access"
DOCUMENT: Final = "rules"
SEAL: Final = "seal"  # under which cursors of events are sealed
HOUSE: Final[Json] = {
    "ACL": {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": ["ALL"], "ACCESS": "ALLOW"}, "OBJECTS": [{"ROUTE": "*"}],
    "FORMULA": {"$eq": [{"$attribute": {"CLAIM": "role"}}, {"$strVal": "owner"}]},
}
PROGRAMS: Final[Json] = {
    "ACL": {"ATTRIBUTES": [{"CLAIM": "role"}], "RIGHTS": ["READ"], "ACCESS": "ALLOW"}, "OBJECTS": [{"ROUTE": "*"}],
    "FORMULA": {"$eq": [{"$attribute": {"CLAIM": "role"}}, {"$strVal": "client"}]},
}


_FIRST: Final = msgspec.json.encode({"AllAccessPermissionRules": {"rules": [HOUSE, PROGRAMS]}})
_HOUSE: Final = msgspec.json.encode({"rules": [HOUSE]})


@lru_cache(maxsize=16)  # the same document is asked for by every request of a program
def _parsed(document: bytes) -> Rules:
    try:
        return parse(msgspec.json.decode(document))
    except msgspec.DecodeError as error:
        raise Invalid("web.body-not-json", detail=str(error)[:100]) from error


@lru_cache(maxsize=1)
def _house() -> tuple[Rule, ...]:
    """The house's rule; its place is behind all that a document may have."""
    return tuple(msgspec.structs.replace(rule, place=RULES_MAX) for rule in _parsed(_HOUSE).rules)


def program(name: str, organisation: str = "") -> Subject:
    """A program with a token of its own: the firm's, or (``organisation``) that of a partner."""
    claims = {"role": ("partner" if organisation else "client",), "name": (name,)}
    return Subject({**claims, "organisation": (organisation,)} if organisation else claims)


class Home(windows_of.Home, Protocol):
    """What access needs of the node."""

    @property
    def twins(self) -> Any: ...
    @property
    def config(self) -> Config: ...
    @property
    def windows(self) -> windows_of.Windows: ...


@dataclass(slots=True)
class Access:
    """The access rules of the firm that ``home`` belongs to."""

    home: Home

    # ---- what the rules are -----------------------------------------------------------------------

    async def document(self) -> Json:
        """The document that the firm keeps: AllAccessPermissionRules; house and programs while it has written none."""
        kept: Json = msgspec.json.decode(await self._kept())
        return kept

    async def _kept(self) -> bytes:
        data = await self.home.store.value(BUCKET, DOCUMENT)
        return _FIRST if data is None else data

    async def own(self) -> bool:
        """Whether the firm has written rules of its own."""
        return await self.home.store.value(BUCKET, DOCUMENT) is not None

    async def keep(self, document: Json) -> None:
        """Keep ``document`` from now on; raises ``Invalid`` with the JSON pointer of a mistake."""
        parse(document)
        await self.home.store.commit(Batch(values=[(BUCKET, DOCUMENT, msgspec.json.encode(document))]))

    async def kept_rules(self) -> Rules:
        """The rules of the document that is kept; none where it cannot be read any more (``fault``)."""
        try:
            return _parsed(await self._kept())
        except Invalid:
            return Rules()

    async def fault(self) -> Invalid | None:
        """Why the document that is kept cannot be read: an older version of us took it, or it was damaged."""
        try:
            _parsed(await self._kept())
        except Invalid as error:
            return error
        return None

    async def seen(self) -> str:
        """What the document that is kept is known by: who changes it names the one that he saw."""
        return b64(digest("twin-rules/1", await self._kept()))

    async def remove(self, place: int, seen: str) -> None:
        """Take one rule out of the document; raises ``Refused('twin.rules-changed')`` when it is not the one seen."""
        document = await self.document()
        rules = document.get("AllAccessPermissionRules", document)
        if seen != await self.seen() or not 0 <= place < len(rules["rules"]):
            raise Refused("twin.rules-changed")
        left = {**rules, "rules": [one for at, one in enumerate(rules["rules"]) if at != place]}
        await self.keep({"AllAccessPermissionRules": left} if rules is not document else left)

    async def rules(self, organisation: str = "") -> Rules:
        """The firm's rules, the house's, and the windows that are open to ``organisation``."""
        kept = await self.kept_rules()
        opened = (await self.home.windows.of(organisation)).rules if organisation else ()
        return Rules((*kept.rules, *_house(), *opened))

    async def secret(self) -> bytes:
        """32 bytes that only this node knows, made when they are first needed."""
        held = await self.home.store.value(BUCKET, SEAL)
        if held is None:
            held = secrets.token_bytes(32)
            await self.home.store.commit(Batch(values=[(BUCKET, SEAL, held)]))
        return held

    async def world(self, rules: Rules) -> World:
        """What the clock says, and the values that formulas refer to."""
        now_ms, zone = self.home.clock.now_ms(), self.home.config.firm.zone
        local = instant.from_ms(zone.wall(now_ms)).removesuffix("Z") + zone.told(now_ms).removeprefix("UTC")
        known = {name: await self._value(*meant) for name, meant in references(rules).items()}
        return World(instant.from_ms(now_ms), local, references=known)

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
        organisation, kept = _organisation(subject), await self.kept_rules()
        windows = (await self.home.windows.of(organisation)).windows if organisation else ()
        each = [rule for one in windows for rule in windows_of.rules_of(self.home.organisation, one)]
        rules = Rules((*kept.rules, *_house(), *parse({"rules": each[:RULES_MAX]}).rules))
        return told(rules, subject, await self.world(rules))

    async def sight(self, subject: Subject) -> Sight:
        """What ``subject`` sees now."""
        rules = await self.rules(_organisation(subject))
        return Sight(self.home.twins, rules, subject, await self.world(rules))

    async def decide(self, subject: Subject, right: str, target: Target, document: Json | None = None) -> Decision:
        """Whether ``subject`` may; ``document``: the twin as it is, or as it shall be."""
        return await (await self.sight(subject)).decide(right, target, document or {})

    async def get(self, subject: Subject, kind: Kind, name: str) -> Row:
        """The twin as ``subject`` may see it; raises ``NotFound`` when it is absent or not to be seen."""
        return await (await self.sight(subject)).get(kind, name)

    async def page(self, subject: Subject, kind: Kind, cursor: str, limit: int, where: Where) -> Page:
        """At most ``limit`` of those twins that are asked for and may be seen, as they may be seen."""
        return await (await self.sight(subject)).page(kind, cursor, limit, where)


def _organisation(subject: Subject) -> str:
    return next(iter(subject.claims.get("organisation", ())), "")
