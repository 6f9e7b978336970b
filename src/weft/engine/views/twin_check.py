"""Whether twins are what the IDTA templates that they claim ask for: each deviation with its place.

Rule 1: of many a page is judged at a time, whatever they claim.
Not here: the templates (``engine/twins/judging.py``), what our books lack for them (``templates.py``).
"""

import asyncio
from typing import Any, Final

import msgspec

from weft.basis.errors import NotFound
from weft.engine.twins.judging import judged
from weft.engine.views.shape import View
from weft.twin.elements import Json

PAGE: Final = 100
SHOWN: Final = 100  # deviations of one submodel


class Deviated(View, frozen=True, kw_only=True):
    """One deviation: the sentence is ``twin.deviation.<code>`` with ``facts``; ``path`` is "" for the whole."""

    path: str
    code: str
    facts: dict[str, str]


class Judgement(View, frozen=True, kw_only=True):
    """One submodel against ``template``; ``count`` deviations, of which the first are told."""

    template: str
    count: int = 0
    deviations: tuple[Deviated, ...] = ()


class Checked(View, frozen=True, kw_only=True):
    """A submodel that claims a template."""

    id: str
    id_short: str
    judged: Judgement


class TwinCheckView(View, frozen=True, kw_only=True):
    """``cursor``: where to go on when all written ones are gone through, "" at the end."""

    submodels: tuple[Checked, ...]
    cursor: str = ""


async def twin_check(node: Any, twin: str = "", cursor: str = "") -> TwinCheckView:
    """The submodels of the shell ``twin``, the submodel with that id, or all written ones behind ``cursor``."""
    if twin:
        found = [await _checked(node, one) for one in await _submodels(node, twin)]
        return TwinCheckView(submodels=tuple(one for one in found if one is not None))
    rows = await node.twins.store.page("submodel", cursor, PAGE)
    checked = []
    for row in rows:
        checked.append(await _checked(node, msgspec.json.decode(row.body)))
        await asyncio.sleep(0)
    return TwinCheckView(submodels=tuple(one for one in checked if one is not None),
                         cursor=rows[-1].id if len(rows) == PAGE else "")


async def _submodels(node: Any, name: str) -> list[Json]:
    try:
        _, shell = await node.twins.document("shell", name)
    except NotFound:
        return [(await node.twins.document("submodel", name))[1]]
    named = [key["value"] for one in shell.get("submodels", ()) for key in one.get("keys", ())[:1]]
    found = []
    for one in named:
        try:
            found.append((await node.twins.document("submodel", one))[1])
        except NotFound:
            continue  # it lies elsewhere
    return found


async def _checked(node: Any, document: Json) -> Checked | None:
    told = await judgement(node, document)
    return None if told is None else Checked(id=document["id"], id_short=document.get("idShort", ""), judged=told)


async def judgement(node: Any, document: Json) -> Judgement | None:
    """What ``document``, a submodel, is against the template that it claims; None where it claims none."""
    found = await judged(node.twins.store, document)
    return None if found is None else Judgement(template=found.template, count=len(found.deviations), deviations=tuple(
        Deviated(path=one.path, code=one.code, facts=one.facts) for one in found.deviations[:SHOWN]))
