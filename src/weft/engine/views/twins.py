"""The twins of the firm to look through: a list that is searched page by page, and one twin with its sections.

Rule 1: a page costs the same whatever else there is: what is looked for is asked of an index (``twin_search.py``).
Rule 2: a twin is opened piece by piece: of what is not open only the head is read; no level shows more than its part.
Not here: the elements within a section (``twin_parts.py``), writing (``engine/commands/twins.py``).
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from weft.basis.errors import NotFound
from weft.engine.commands.operating import seen_of
from weft.engine.twins.calm import calmly, decoded
from weft.engine.twins.ports import Row
from weft.engine.views.shape import View
from weft.engine.views.twin_check import Judgement, judgement
from weft.engine.views.twin_parts import Opened, Part, Series, Tree, texts_in
from weft.engine.views.twin_search import LOOSE, WRITTEN, looked_for
from weft.twin.elements import Json
from weft.twin.names import KINDS, decode_id, encode_id, read_shell, read_submodel, shell_id
from weft.twin.paths import resolve

ROWS: Final = 30
JUDGED_MAX: Final = 300_000  # bytes of a section that is not open
LAST: Final = "\U0010ffff"
WHICH: Final = (*KINDS, WRITTEN, LOOSE)


class TwinRow(View, frozen=True, kw_only=True):
    """One twin in the list. ``kind``: what it is in our books, or ``written``; ``number``: what it is known by."""

    id: str
    address: str
    id_short: str
    zh: str = ""
    en: str = ""
    kind: str
    number: str = ""
    picture: bool = False


class TwinsView(View, frozen=True, kw_only=True):
    """Some twins; ``cursor`` leads on to the next ones, "" at the end."""

    twins: tuple[TwinRow, ...]
    cursor: str = ""


class Lack(View, frozen=True, kw_only=True):
    """What a template asks for and nobody entered; the sentence is ``twin.gap.<code>`` with ``facts``."""

    template: str
    code: str
    facts: dict[str, str]


class Section(View, frozen=True, kw_only=True):
    """One submodel of a twin; ``there`` is False for one that lies elsewhere. ``series`` are drawn as charts.

    ``judged``: of a written one, against the template that it claims.
    """

    n: int
    id: str
    address: str
    id_short: str
    zh: str = ""
    en: str = ""
    semantic: str = ""
    known: bool = False
    revision: int = 0
    there: bool = True
    open: bool = False
    inside: int = 0
    more: int = 0
    parts: tuple[Part, ...] = ()
    series: tuple[Series, ...] = ()
    judged: Judgement | None = None


class TwinView(View, frozen=True, kw_only=True):
    """One twin. ``kind`` and ``name`` say what it is in our books; ``revision`` 0: it follows from them.

    ``item``: of a lot; ``thread``: of an order. ``alone``: it is a submodel that belongs to no shell.
    """

    row: TwinRow
    name: str = ""
    item: str = ""
    thread: str = ""
    alone: bool = False
    revision: int = 0
    at: str = ""
    about: tuple[tuple[str, str], ...] = ()
    description: tuple[tuple[str, str], ...] = ()
    sections: tuple[Section, ...] = ()
    lacks: tuple[Lack, ...] = ()


# ---- the list ----------------------------------------------------------------------------------------


async def twins(node: Any, q: str = "", kind: str = "", cursor: str = "") -> TwinsView:
    """Twins that have all words of ``q``, of one ``kind`` ("": all), behind ``cursor``."""
    query = q.strip()[:60]
    if query:
        found, after = await looked_for(node, query, kind, cursor, ROWS)
        return TwinsView(twins=tuple([await _row(node, one) for one in found]), cursor=after)
    if kind in (LOOSE, WRITTEN):
        rows = await node.twins.store.page("submodel" if kind == LOOSE else "shell", cursor, ROWS + 1)
        return TwinsView(twins=tuple([await _row(node, one) for one in rows[:ROWS]]),
                         cursor=rows[ROWS - 1].id if len(rows) > ROWS else "")
    page = await node.twins.page("shell", cursor or _begin(node.organisation, kind), ROWS)
    wanted = [one for one in page.rows if not kind or _kind(node.organisation, one.id) == kind]
    over = len(wanted) < len(page.rows)
    return TwinsView(twins=tuple([await _row(node, one) for one in wanted]), cursor="" if over else page.cursor)


def _begin(organisation: str, kind: str) -> str:
    """The cursor in front of the first twin of ``kind``; kinds follow each other in the order of their words."""
    if kind not in KINDS:
        return ""
    before = KINDS[:KINDS.index(kind)]
    return f"d:{shell_id(organisation, before[-1], LAST) if before else ''}"


def _kind(organisation: str, name: str) -> str:
    found = read_shell(organisation, name)
    return found[0] if found else WRITTEN


async def _row(node: Any, row: Row, document: Json | None = None) -> TwinRow:
    document = await decoded(row.body) if document is None else document
    kind, name = read_shell(node.organisation, row.id) or (WRITTEN, "")
    names = texts_in(document.get("displayName"))
    asset = document.get("assetInformation", {})
    specific = [one["value"] for one in asset.get("specificAssetIds", ())]
    number = name or next(iter(specific), "") or asset.get("globalAssetId", "") or row.id
    picture = asset.get("defaultThumbnail", {}).get("path", "") if kind == WRITTEN else ""
    return TwinRow(
        id=row.id, address=encode_id(row.id), id_short=document.get("idShort", ""), kind=kind,
        zh=names.get("zh", ""), en=names.get("en", ""), number=number,
        picture=bool(picture) and await node.twins.store.file_of("shell", row.id, picture) is not None)


# ---- one twin ----------------------------------------------------------------------------------------


async def twin(node: Any, twin: str, open: str = "") -> TwinView:
    """The twin at the address ``twin`` (its id in base64url); ``open``: pieces that are open. Raises ``NotFound``."""
    name = decode_id(twin)
    opened = Opened.read(open)
    row, alone = await _found(node, name)
    document = await decoded(row.body)
    about = read_shell(node.organisation, name) or ("", "")
    named = [name] if alone else list(_submodels_of(document))
    tree = Tree(node, opened)
    sections = [await _section(node, tree, n, one) for n, one in enumerate(named)]
    thing = await _thing(node, *about)
    lacks = await node.twins.derived.gaps(name) if about[0] else []
    return TwinView(
        row=await _row(node, row, document), name=about[1], item=thing.get("item", ""), thread=thing.get("thread", ""),
        alone=alone, revision=row.revision, at=row.at, about=tuple(_asset(document)),
        description=tuple((one["language"], one["text"]) for one in document.get("description", ())),
        sections=tuple(sections),
        lacks=tuple(Lack(template=one.template, code=one.code, facts=one.facts) for one in lacks))


class PartView(View, frozen=True, kw_only=True):
    """One element by itself, to be changed. ``machine``: its value goes there; ``revision`` of the submodel, or 0.

    ``seen``: what the page carries that asks whether one is sure, of a machine.
    """

    submodel: str
    section: Section
    part: Part
    machine: str = ""
    revision: int = 0
    seen: str = ""


async def twin_part(node: Any, submodel: str, at: str) -> PartView:
    """The element at the path ``at`` of the submodel at the address ``submodel``; raises ``NotFound``."""
    name = decode_id(submodel)
    row, document = await node.twins.document("submodel", name)
    tree = Tree(node, Opened({}))
    found = read_submodel(node.organisation, name)
    machine = found[1] if found and found[0] == "machine" else ""
    known = (await node.state(node.book("floor"))).machines.get(machine)
    return PartView(submodel=name, section=await _section(node, tree, 0, name), revision=row.revision,
                    part=await tree.one(name, at, resolve(document, at)), machine=machine,
                    seen=seen_of(node, known.description) if known is not None else "")


async def _found(node: Any, name: str) -> tuple[Row, bool]:
    """The shell, or the submodel that is asked for by itself."""
    try:
        return await node.twins.get("shell", name), False
    except NotFound:
        try:
            return await node.twins.get("submodel", name), True
        except NotFound:
            raise NotFound("twin.shell", id=name[:200]) from None


def _submodels_of(shell: Json) -> Iterator[str]:
    for one in shell.get("submodels", ()):
        keys = one.get("keys", ())
        if keys:
            yield keys[0]["value"]


async def _section(node: Any, tree: Tree, n: int, name: str) -> Section:
    try:
        row = await node.twins.get("submodel", name)
    except NotFound:
        return Section(n=n, id=name, address=encode_id(name), id_short="", there=False)
    if not tree.opened.shown(n, ""):
        return await _shut(tree, n, row)
    document = await decoded(row.body)
    shown = await tree.shown(n, name, document)
    return Section(
        n=n, id=name, address=encode_id(name), id_short=document.get("idShort", ""), zh=shown.zh, en=shown.en,
        semantic=shown.semantic, known=shown.known, revision=row.revision, open=True, inside=shown.inside,
        more=shown.more, parts=shown.parts,
        series=await calmly(len(row.body), lambda: tree.series(document)), judged=await _judged(node, row, document))


async def _judged(node: Any, row: Row, document: Json | None = None) -> Judgement | None:
    """What follows from our books is as its template asks by itself; a large section is judged once it is open."""
    if not row.revision or (document is None and len(row.body) > JUDGED_MAX):
        return None
    return await judgement(node, msgspec.json.decode(row.body) if document is None else document)


class _Head(msgspec.Struct):
    """What a submodel that is not open shows; its elements are counted, not read."""

    idShort: str = ""  # noqa: N815 - as the standard spells it
    displayName: list[Json] = []  # noqa: N815
    semanticId: Json = {}  # noqa: N815
    submodelElements: list[msgspec.Raw] = []  # noqa: N815


async def _shut(tree: Tree, n: int, row: Row) -> Section:
    head = await calmly(len(row.body), lambda: msgspec.json.decode(row.body, type=_Head))
    shown = await tree.shown(n, row.id, {"modelType": "Submodel", "displayName": head.displayName,
                                         "semanticId": head.semanticId})
    return Section(n=n, id=row.id, address=encode_id(row.id), id_short=head.idShort, zh=shown.zh, en=shown.en,
                   semantic=shown.semantic, known=shown.known, revision=row.revision, inside=len(head.submodelElements),
                   judged=await _judged(tree.node, row))


def _asset(document: Json) -> Iterator[tuple[str, str]]:
    """What the asset is called, and of which kind it is."""
    asset = document.get("assetInformation", {})
    for name in ("assetKind", "assetType", "globalAssetId"):
        if asset.get(name):
            yield name, asset[name]
    for one in asset.get("specificAssetIds", ()):
        yield one["name"], one["value"]


async def _thing(node: Any, kind: str, name: str) -> dict[str, str]:
    """Where in the console the thing itself is found, besides by its name."""
    if kind == "lot":
        lot = (await node.state(node.book("stock"))).lots.get(name)
        return {"item": lot.item if lot else ""}
    if kind == "order":
        order = (await node.state(node.book("production"))).orders.get(name)
        return {"thread": order.demand.thread if order else ""}
    return {"thread": name} if kind == "purchase" else {}


async def address_of(node: Any, kind: str, name: str) -> str:
    """The id of the twin of a thing in our books; of an order thread that of what is made or bought for it, or ""."""
    if kind != "thread":
        return shell_id(node.organisation, kind, name) if kind in KINDS else ""
    orders = (await node.state(node.book("production"))).orders.values()
    made = next((one.id for one in orders if one.demand.thread == name), "")
    if made:
        return shell_id(node.organisation, "order", made)
    return shell_id(node.organisation, "purchase", name)

